#!/usr/bin/env python3
"""Makes message-engagement events for benchmarks: seeded, NDJSON, about 0.9 KB each.

usage: events.py COUNT [--seed N] [--shape flat|envelope] [--edition 2021|v10] > events.ndjson
       events.py --table [--edition 2021|v10] > schemas.txt     (field table for reference.cpp)

The mix is that of a busy sender: 40 % email, 30 % push, 15 % SMS, 10 % in-app, 5 % canvas entries.
Ids, names, addresses and phone numbers are invented.
"""
import argparse, json, os, random, sys, uuid

HERE = os.path.dirname(os.path.abspath(__file__))
MIX = {
    "users.messages.email.Send": 12, "users.messages.email.Delivery": 12,
    "users.messages.email.Open": 10, "users.messages.email.Click": 6,
    "users.messages.pushnotification.Send": 22, "users.messages.pushnotification.Open": 8,
    "users.messages.sms.Send": 8, "users.messages.sms.Delivery": 7,
    "users.messages.inappmessage.Impression": 7, "users.messages.inappmessage.Click": 3,
    "users.canvas.Entry": 5,
}
USER_FIELDS = ("user_id", "external_user_id", "device_id", "timezone")
ZONES = ["America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Berlin", "Europe/Paris",
         "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo", "Africa/Cairo"]
KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X)"
AGENTS = [f"{PHONE} AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
          f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/126.0.0.0 Safari/537.36",
          f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {KIT} Chrome/125.0 Mobile Safari/537.36"]
WORDS = ("Spring Summer Winter Launch Welcome Series Cart Reminder Loyalty Reward Digest VIP Promo Trial "
         "Été Größe 新商品 \"Flash\"").split()


def load(edition):
    catalog = os.path.join(HERE, "..", "Tests", "Fixtures", "catalog")
    with open(os.path.join(catalog, f"edition-{edition}.json"), encoding="utf-8") as f:
        return {e["name"]: e["fields"] for e in json.load(f)["events"]}


def table(schemas):
    for name, fields in schemas.items():
        print("T", name)
        for f in fields:
            kind = f["type"] if isinstance(f["type"], str) else "array"
            print("F", f["name"], kind, 0 if f["required"] else 1)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("count", nargs="?", type=int, default=100_000)
    a.add_argument("--seed", type=int, default=42)
    a.add_argument("--shape", choices=["flat", "envelope"], default="flat")
    a.add_argument("--edition", choices=["2021", "v10"], default="2021")
    a.add_argument("--table", action="store_true")
    o = a.parse_args()
    schemas = load(o.edition)
    if o.table:
        return table(schemas)
    r = random.Random(o.seed)
    guid = lambda: str(uuid.UUID(int=r.getrandbits(128), version=4))
    hexa = lambda n: "%0*x" % (n, r.getrandbits(4 * n))
    name = lambda n: " ".join(r.choice(WORDS) for _ in range(n)) + " %d" % r.randrange(100)
    phone = lambda: "+1%010d" % r.randrange(2_000_000_000, 9_999_999_999)
    campaigns = [dict(campaign_id=guid(), campaign_name=name(4), message_variation_id=guid()) for _ in range(200)]
    canvases = [dict(canvas_id=guid(), canvas_name=name(5), canvas_variation_id=guid(), canvas_variation_name=name(1),
                     canvas_step_id=guid(), canvas_step_name=name(3)) for _ in range(100)]
    apps, groups, sends = [guid() for _ in range(6)], [guid() for _ in range(5)], [hexa(24) for _ in range(400)]
    make = {
        "user_id": lambda: hexa(24), "external_user_id": lambda: "cust-%010d" % r.randrange(10**10),
        "device_id": guid, "timezone": lambda: r.choice(ZONES), "app_id": lambda: r.choice(apps),
        "app_group_id": lambda: r.choice(groups), "send_id": lambda: r.choice(sends), "dispatch_id": lambda: hexa(32),
        "email_address": lambda: "%s.%d@example.com" % (hexa(8), r.randrange(1000)),
        "ip_pool": lambda: r.choice(["transactional", "marketing-us"]), "user_agent": lambda: r.choice(AGENTS),
        "sending_ip": lambda: "192.0.2.%d" % r.randrange(256),
        "url": lambda: "https://shop.example/%s?utm_campaign=%s&sku=%d" % (hexa(10), hexa(8), r.randrange(10**7)),
        "platform": lambda: r.choice(["ios", "android", "web"]), "os_version": lambda: r.choice(["17.6.1", "14"]),
        "device_model": lambda: r.choice(["iPhone15,3", "Pixel 8"]), "ad_id": guid,
        "ad_id_type": lambda: r.choice(["ios_idfa", "google_ad_id"]), "ad_tracking_enabled": lambda: r.random() < .6,
        "button_action_type": lambda: r.choice(["URI", "DEEP_LINK", "CLOSE"]), "button_string": lambda: "Shop \u2713",
        "to_phone_number": phone, "from_phone_number": phone, "subscription_group_id": lambda: r.choice(groups),
        "card_id": guid, "button_id": lambda: r.choice("012"), "in_control_group": lambda: r.random() < .1,
        "message_extras": lambda: json.dumps({"tier": "gold", "exp": hexa(8)}), "esp": lambda: "SendGrid",
        "from_domain": lambda: "mail.example.com", "push_token": lambda: hexa(64), "link_id": lambda: hexa(16),
    }
    names, weights = list(MIX), list(MIX.values())
    out = sys.stdout
    for i in range(o.count):
        kind = r.choices(names, weights)[0]
        context = dict(r.choice(canvases)) if kind == "users.canvas.Entry" or r.random() < .45 else {}
        if kind != "users.canvas.Entry" and (not context or r.random() < .3):
            context.update(r.choice(campaigns))
        if kind == "users.canvas.Entry":
            context["canvas_step_name"] = None
        values = {"id": guid(), "time": 1_782_000_000 + i // 200}
        for f in schemas[kind]:
            key = f["name"]
            if key in values:
                continue
            if key in context:
                values[key] = context[key]
            elif key in make and (f["required"] or r.random() < .85):
                values[key] = make[key]()
        if kind == "users.messages.email.Click" and "campaign_id" not in values:
            values.pop("dispatch_id", None)
        if o.shape == "flat":
            record = {"event_type": kind, **values}
        else:
            record = {"event_type": kind, "id": values.pop("id"), "time": values.pop("time"),
                      "user": {k: values.pop(k) for k in USER_FIELDS if k in values}, "properties": values}
        out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
