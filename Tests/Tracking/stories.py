"""What becomes of a message, and which events that makes: told as the glossary and the providers' pages say it."""
import json

from definitions import (
    APP_GROUP, EVENING, NEWSLETTER, NEWSLETTER_AT_SENDGRID, OUR_NUMBER, SERVICE, SERVICE_NUMBER, SMS_CLUB)
from expectation import Dispatch, Event

EMAIL, SMS, PUSH, CARD = (
    f"users.messages.{channel}." for channel in ("email", "sms", "pushnotification", "contentcard"))
STATE_CHANGE = "users.behaviors.subscriptiongroup.StateChange"
AGENT = "Mozilla/5.0 (X11; Linux x86_64)"


class Message:
    """One message to one person. What later events take over from it is `context`; names are those of their time."""

    def __init__(self, person, time, owner, context, dispatch, provider_id=None):
        """`owner` gives the fields of campaign or canvas at a time; messages with the same `dispatch` share an id."""
        self.person, self.time, self.owner, self.dispatch = person, time, owner, dispatch
        self.extra, self.provider_id = context, provider_id
        self.task, self.message_id, self.dispatch_id = None, None, None
        self.early = []

    @property
    def is_named(self):
        """Whether the provider is given our id of the message; else ours is told the provider's."""
        return self.provider_id is None

    def learn(self, message_id, dispatch_id):
        if self.message_id not in (None, message_id) or self.dispatch_id not in (None, dispatch_id):
            raise AssertionError(f"a repeated report gives message {self.message_id} other ids")
        self.message_id, self.dispatch_id = message_id, dispatch_id

    def arguments(self):
        return {"message_id": self.message_id} if self.is_named else {}

    def context(self, time):
        return {**self.person.fields(), **self.owner(time), **self.extra, "dispatch_id": Dispatch(self)}

    def event(self, kind, time, **facts):
        context = self.context(time)
        if kind == EMAIL + "Click" and "campaign_id" not in context:
            context["dispatch_id"] = None
        return Event(kind, {"time": time, **facts}, context)


class Teller:
    """Tells the stories of one day; what it tells of goes into the plan."""

    def __init__(self, chance, plan):
        self.chance, self.plan, self.serial = chance, plan, 0

    def number(self):
        self.serial += 1
        return self.serial

    # Email, told by SendGrid

    def email(self, message):
        """Tells SendGrid's events in their order; how they arrive is up to the plan."""
        chance, draw, sent = self.chance, self.chance.random(), message.time
        if draw < 0.05:
            reason = chance.choice(["Bounced Address", "Unsubscribed Address"])
            bounce = None
            if reason == "Bounced Address":
                bounce = message.event(EMAIL + "Bounce", sent + 1, bounce_reason=reason)
            return self.sendgrid(message, "dropped", sent + 1, [bounce], reason=reason)
        self.sendgrid(message, "processed", sent + 1, pool={"name": "bulk"})
        if chance.random() < 0.1:
            # An event of edition v10 only.
            self.sendgrid(message, "deferred", sent + 20, response="421 later", attempt="1")
        if draw < 0.12:
            kind, bounced = chance.choice([("bounce", "Bounce"), ("blocked", "SoftBounce")])
            event = message.event(EMAIL + bounced, sent + 60, bounce_reason="550 no", sending_ip="192.0.2.7")
            return self.sendgrid(message, "bounce", sent + 60, [event], type=kind, reason="550 no", ip="192.0.2.7")
        event = message.event(EMAIL + "Delivery", sent + 30, sending_ip="192.0.2.7")
        self.sendgrid(message, "delivered", sent + 30, [event], ip="192.0.2.7", response="250 OK")
        self.readers(message)

    def readers(self, message):
        chance = self.chance
        opens = chance.choice([0, 0, 1, 1, 2, 3])
        for _ in range(opens):
            time = self.later(message)
            event = message.event(EMAIL + "Open", time, user_agent=AGENT)
            self.sendgrid(message, "open", time, [event], useragent=AGENT, ip="198.51.100.4")
        for _ in range(chance.choice([0, 1, 2]) if opens else 0):
            time, url = self.later(message), f"https://shop.example/{self.number()}"
            event = message.event(EMAIL + "Click", time, url=url, user_agent=AGENT)
            if self.sendgrid(message, "click", time, [event], url=url, useragent=AGENT):
                message.person.deeds.append(("clicked", time, message))
        if chance.random() < 0.02:
            time = self.later(message)
            event = message.event(EMAIL + "MarkAsSpam", time, user_agent=AGENT)
            self.sendgrid(message, "spamreport", time, [event], useragent=AGENT)
        if chance.random() < 0.02:
            time = self.later(message)
            self.sendgrid(message, "unsubscribe", time, [message.event(EMAIL + "Unsubscribe", time)])

    def later(self, message):
        """Until noon, or in the evening: what names are in force between is not known."""
        if self.chance.random() < 0.1:
            return self.plan.noon + EVENING + self.chance.randrange(10_000)
        return message.time + self.chance.randrange(60, 9_000)

    def sendgrid(self, message, name, time, events=(), **fields):
        """Whether it will be posted."""
        return self.plan.tell_sendgrid(self.sendgrid_event(message, name, time, **fields), message, events)

    def sendgrid_event(self, message, name, time, **fields):
        number = self.number()
        identity = message.provider_id or f"sg-unreported-{number}"
        return {
            "email": message.person.email, "timestamp": time, "event": name, "sg_event_id": f"e-{number}",
            "sg_message_id": f"{identity}.recvd-7f-1-0", "category": ["day"], **fields,
        }

    def leave_newsletter(self, message, comes_back):
        """Its Unsubscribe, and changes of state where the state really changes; the two requests in their order."""
        person, time, fields = message.person, message.time + 9_500, {"asm_group_id": NEWSLETTER_AT_SENDGRID}
        first = self.sendgrid_event(message, "group_unsubscribe", time, **fields)
        events = [message.event(EMAIL + "Unsubscribe", time)]
        events += self.change(person, NEWSLETTER, "Unsubscribed", "email", time, message.context(time))
        second = None
        if comes_back:
            second = self.sendgrid_event(message, "group_resubscribe", time + 5, **fields)
            events += self.change(
                person, NEWSLETTER, "Subscribed", "email", time + 5, message.context(time + 5))
        self.plan.events += events
        return first, second

    def change(self, person, group, status, channel, time, context=(), **facts):
        """A StateChange, if the state is another than before; one that is not known is another."""
        if person.states.get(group) == status:
            return []
        person.states[group] = status
        facts = {
            "time": time, **person.fields(), "subscription_group_id": group, "subscription_status": status,
            "channel": channel, **facts,
        }
        return [Event(STATE_CHANGE, facts, context)]

    # SMS, told by Twilio

    def sms(self, message):
        sid, draw = message.provider_id or f"SM-unreported-{self.number()}", self.chance.random()
        # Twilio tells both numbers, also where a service chose the sender and the report could not say.
        sender = message.extra["from_phone_number"] or SERVICE_NUMBER
        form = {"MessageSid": sid, "SmsSid": sid, "From": sender, "To": message.person.phone}
        statuses = [("queued", None)] if self.chance.random() < 0.2 else []
        if draw < 0.06:
            statuses.append(("failed", "DeliveryFailure"))
        else:
            statuses.append(("sent", "CarrierSend"))
            statuses.append(("undelivered", "Rejection") if draw < 0.14 else ("delivered", "Delivery"))
        for status, kind in statuses:
            fields = {**form, "MessageStatus": status, "SmsStatus": status}
            facts = {"from_phone_number": sender}
            if status in ("failed", "undelivered"):
                fields |= {"ErrorCode": "30005", "ErrorMessage": "Unknown destination handset"}
                facts |= {"error": "Unknown destination handset", "provider_error_code": "30005"}
            event = None
            if kind:
                event = message.event(SMS + kind, None, **facts)
            self.plan.tell_twilio(f"{sid} {status}", fields, message, event)

    def inbound(self, household, answered, after):
        """A message from the number that a household shares, and what it changes for each of them."""
        word, action = self.chance.choice([
            ("STOP", "unsubscribed"), (" stop\n", "unsubscribed"), ("Start", "subscribed"), ("HELP", "none"),
            (f"Is number {self.number()} still there? é", "none"),
        ])
        via_service = bool(answered) and answered.extra["from_phone_number"] is None
        if self.chance.random() < 0.1:
            via_service = not via_service
            answered = None
        to = SERVICE_NUMBER if via_service else OUR_NUMBER
        sid = f"SM-inbound-{self.number()}"
        fields = {
            "MessageSid": sid, "SmsSid": sid, "SmsStatus": "received", "From": household[0].phone, "To": to,
            "Body": word, "NumMedia": "0", "NumSegments": "1", "FromCity": "",
        }
        if via_service:
            fields["MessagingServiceSid"] = SERVICE
        task = self.plan.inbound(sid, fields, after)
        for person in household:
            facts = {
                "time": task.moment, "user_id": person.user_id, "external_user_id": person.external,
                "user_phone_number": person.phone, "inbound_phone_number": to, "message_body": word, "action": action,
                "app_group_id": APP_GROUP, "subscription_group_id": SMS_CLUB,
            }
            context = answered.owner(answered.time) if answered else {}
            self.plan.events.append(Event(SMS + "InboundReceive", facts, context))
            if action != "none":
                status = action.capitalize()
                self.plan.events += self.change(
                    person, SMS_CLUB, status, "sms", task.moment, context, phone_number=person.phone)
        return task

    # Push messages and content cards, told by apps

    def interaction(self, message, kind, event_kind, time, **facts):
        person = message.person
        device = {"os_version": "17.6.1", "device_model": "A phone"} if self.chance.random() < 0.5 else {}
        item = {"type": kind, "time": time, **device, **facts}
        if event_kind.startswith(CARD):
            # A card may be shown on another device than it was sent to; the app says which.
            item |= person.gadget()
            device |= person.gadget()
        self.plan.events.append(
            Event(event_kind, {"time": time, **facts}, {**message.context(time), **device}))
        return item, message

    def push_result(self, message):
        """What the push service answered, and whether it took the message on."""
        apple, time = message.person.platform == "ios", message.time + 1
        service, draw = "apns" if apple else "fcm", self.chance.random()
        status, reason = 200, None
        if draw < 0.05:
            status, reason = (410, "Unregistered") if apple else (404, "UNREGISTERED")
            self.plan.events.append(message.event(PUSH + "Bounce", time))
        elif draw < 0.08:
            status, reason = (503, "Shutdown") if apple else (503, "UNAVAILABLE")
        elif draw < 0.1:
            status, reason = (400, "BadTopic") if apple else (401, "THIRD_PARTY_AUTH_ERROR")
        answer = {"reason": reason} if reason else {}
        return {"service": service, "status": status, "time": time, **answer}, status == 200

    def push(self, message):
        items = []
        for _ in range(self.chance.choice([0, 0, 1, 1, 2])):
            time = message.time + self.chance.randrange(5, 6_000)
            button = {"button_action_type": "URI", "button_string": "Größe"} if self.chance.random() < 0.3 else {}
            items.append(self.interaction(message, "push_open", PUSH + "Open", time, **button))
            message.person.deeds.append(("opened", time, message))
        if message.person.platform == "ios" and self.chance.random() < 0.2:
            items.append(self.interaction(message, "push_foreground", PUSH + "IosForeground", message.time + 3))
        return items

    def card(self, message):
        items = []
        for name, share in [("Impression", 0.7), ("Click", 0.3), ("Dismiss", 0.2)]:
            if self.chance.random() < share:
                time = message.time + self.chance.randrange(5, 5_000)
                items.append(self.interaction(message, f"content_card_{name.lower()}", CARD + name, time))
        return items


class Receipt:
    """From where conversions are counted: a message of a campaign, an enrolment, an entry into a canvas."""

    def __init__(self, person, time, owner_id, owner, send_id=None):
        self.person, self.time, self.owner_id, self.owner, self.send_id = person, time, owner_id, owner, send_id

    def conversions(self, rules):
        """Each rule once: by the first deed that fulfils it within its window."""
        for index, rule in enumerate(rules):
            deeds = [deed for deed in self.person.deeds if self.counts(rule, deed)]
            if not deeds:
                continue
            _, time, first = min(deeds, key=lambda deed: deed[1])
            yield self.conversion(index, rule, time, first)

    def counts(self, rule, deed):
        kind, time, what = deed
        return 0 <= time - self.time <= rule["window"] and kind == RULE_DEEDS[rule["type"]] and self.fits(rule, what)

    def fits(self, rule, what):
        if isinstance(what, Message):
            return what.owner(what.time).get("campaign_id") == self.owner_id
        if rule["type"] == "Makes Purchase":
            return rule["product"] in ("any", what["product_id"]) and what["price"] >= rule.get("minimum_price", 0)
        if rule["type"] == "Performs Custom Event":
            (only,) = rule["filters"]
            return what["name"] == rule["custom_event_name"] and what["properties"][only["property"]] > only["value"]
        return True

    def conversion(self, index, rule, time, deed):
        app = deed.extra.get("app_id") if isinstance(deed, Message) else deed["app_id"]
        facts = {
            "time": time, **self.person.fields(), "app_id": app, "conversion_behavior_index": index,
            "conversion_behavior": compact(rule),
        }
        owner = self.owner(time)
        if "canvas_id" not in owner:
            return Event("users.campaigns.Conversion", {**facts, **owner, "send_id": self.send_id})
        steps = [step for step in self.person.steps if step[0] <= time]
        last = max(steps)[1] if steps else None
        return Event("users.canvas.Conversion", {**facts, **self.owner(time, last)})


RULE_DEEDS = {
    "Makes Purchase": "purchase", "Performs Custom Event": "custom event", "Starts Session": "session",
    "Opens Message": "opened", "Clicks Message": "clicked",
}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
