"""Compares a running service with its OpenAPI document.

Usage: check_openapi.py DOCUMENT OPEN_URL CLOSED_URL ADMIN_TOKEN READ_TOKEN EVENT FILE

FILE is the configuration file of the open service.

Each case below is sent; its answer must have the status that is expected, that status must be documented for the
operation, and the body must be what the document says. At the end every documented status must have been seen, but
for those that a healthy service does not give.
"""

import json
import pathlib
import re
import sys
import time

import requests
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

document_path, open_url, closed_url, admin_token, read_token, event_text, file_path = sys.argv[1:8]
document = yaml.safe_load(open(document_path, encoding="utf-8"))
event = json.loads(event_text)
failures = []
seen = set()

# A healthy service with room and without limits does not answer these; Swift tests provoke them.
UNSEEN = {"429", "503", "504"}


def resolved(node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def check(method, path, url, status, **request):
    operation = document["paths"][path][method]
    name = f"{method.upper()} {url}"
    answer = requests.request(method, url, timeout=30, **request)
    if answer.status_code != status:
        failures.append(f"{name}: expected {status}, got {answer.status_code}: {answer.text[:300]}")
        return answer
    if str(status) not in operation["responses"]:
        failures.append(f"{name}: {status} is not documented")
        return answer
    seen.add((method, path, str(status)))
    response = resolved(operation["responses"][str(status)])
    for header in response.get("headers", {}):
        if header not in answer.headers:
            failures.append(f"{name}: {status} lacks the header {header}")
    content = response.get("content")
    if content is None:
        if answer.content:
            failures.append(f"{name}: {status} has a body, which is not documented")
        return answer
    media = answer.headers.get("Content-Type", "").split(";")[0]
    if media not in content:
        failures.append(f"{name}: {status} has the type {media}, documented are {list(content)}")
        return answer
    if media == "application/json":
        schema = {**content[media]["schema"], "components": document["components"]}
        for error in Draft202012Validator(schema).iter_errors(answer.json()):
            failures.append(f"{name}: {status}: at {list(error.absolute_path)}: {error.message[:300]}")
    return answer


def ndjson(url, token=None):
    """The head of a stream, and no more of it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with requests.get(url, headers=headers, stream=True, timeout=30) as answer:
        media = answer.headers.get("Content-Type")
        if answer.status_code != 200 or media != "application/x-ndjson":
            failures.append(f"GET {url}: expected a stream, got {answer.status_code} {media}")
        seen.add(("get", "/v1/tail", "200"))


validate(document)

bad_event = {**event, "id": "other", "event_type": "users.nothing"}
events = "/v1/events"
for body, status in [(event, 200), ([event, {**event, "id": "second"}], 200), ([bad_event], 422),
                     ([event, bad_event], 207)]:
    check("post", events, open_url + events, status, json=body)
check("post", events, open_url + events, 200, data=json.dumps(event) + "\n",
      headers={"Content-Type": "application/x-ndjson"})
currents = "/v1/currents"
check("post", currents, open_url + currents, 200, data=b"", headers={"Content-Type": "application/json"})
check("post", currents, open_url + currents, 200, json={"events": []})
check("post", currents, open_url + currents, 200, json={"events": [{"event_type": "users.nothing", "id": "x"}]})
for path in (events, currents):
    check("post", path, open_url + path, 400, data="{", headers={"Content-Type": "application/json"})
    check("post", path, open_url + path, 415, data="{}", headers={"Content-Type": "text/csv"})
    check("post", path, open_url + path, 403, json=event, headers={"Origin": "https://example.com"})
    check("post", path, open_url + path, 413, data=b" " * (17 << 20), headers={"Content-Type": "application/json"})

user = {"user_id": "u-1", "app_id": "a-1", "email_address": "u@example.com", "platform": "ios"}
variations = [{"id": "v-1", "name": "One", "share": 90}, {"id": "v-2", "name": "None", "share": 10, "control": True}]
definitions = {
    "campaigns": {"name": "Spring", "variations": variations,
                  "conversions": [{"type": "Starts Session", "window": 60}]},
    "canvases": {"name": "Welcome", "variations": variations, "steps": [{"id": "s-1", "name": "Hello", "entry": True}]},
    "subscription-groups": {"name": "News", "channel": "email", "provider_groups": {"sendgrid": ["1"]}},
}
for name, definition in definitions.items():
    many, one = f"/v1/{name}", f"/v1/{name}/{{id}}"
    here = f"{open_url}{many}/x-1"
    check("put", one, here, 200, json=definition)
    check("get", many, open_url + many, 200)
    check("get", many, open_url + many + "?after=w", 200)
    check("get", many, open_url + many + "?x=1", 400)
    check("get", one, here, 200)
    check("get", one, here + "?x=1", 400)
    check("get", one, here + "-none", 404)
    check("put", one, here, 400, json={"nam": "x"})
    check("put", one, here, 413, data=b" " * (2 << 20))
    check("delete", one, here, 400, json={})
    check("delete", one, here + "-none", 404)
reports = {
    "sends": ("recipients", {**user, "campaign_id": "x-1"}, {"user_id": "u-2"},
              {"channel": "email", "trigger": "api"}),
    "push-results": ("results", {**user, "service": "apns", "status": 200},
                     {"user_id": "u-1", "service": "apns", "status": 410, "reason": "Unregistered"}, {}),
    "interactions": ("interactions", {**user, "type": "push_open"}, {"user_id": "u-1", "type": "push_open"}, {}),
    "entries": ("entries", {"user_id": "u-1", "canvas_id": "x-1", "canvas_variation_id": "v-1"},
                {"user_id": "u-1", "canvas_id": "x-1"}, {}),
    "enrolments": ("enrolments", {"user_id": "u-1", "campaign_id": "x-1"}, {"user_id": "u-1"}, {}),
    "behaviours": ("behaviours", {**user, "type": "session_start", "session_id": "s-1"},
                   {"user_id": "u-1", "type": "session_start"}, {}),
    "subscriptions": ("subscriptions",
                      {"user_id": "u-1", "subscription_group_id": "x-1", "subscription_status": "Subscribed"},
                      {"subscription_group_id": "x-1", "subscription_status": "Subscribed"}, {}),
}
for name, (member, good, bad, rest) in reports.items():
    path = f"/v1/track/{name}"
    for key, items, status in [("1", [good], 200), ("1", [good], 200), ("1", [good, good], 422),
                               ("2", [good, bad], 207), ("3", [bad], 422)]:
        check("post", path, open_url + path, status, json={**rest, member: items}, headers={"Idempotency-Key": key})
    check("post", path, open_url + path, 400, json={**rest, member: [good]})
    keyed = {"Idempotency-Key": "4"}
    check("post", path, open_url + path, 400, data="{", headers=keyed)
    check("post", path, open_url + path, 415, data="{", headers={**keyed, "Content-Encoding": "gzip"})
    check("post", path, open_url + path, 413, data=b" " * (17 << 20), headers=keyed)
assign, users = "/v1/track/assign", "/v1/users"
check("post", assign, open_url + assign, 200, json={"campaign_id": "x-1", "users": ["u-1", "u-2"]})
check("post", assign, open_url + assign, 400, json={"users": []})
check("post", assign, open_url + assign, 404, json={"canvas_id": "none", "users": []})
check("post", assign, open_url + assign, 413, data=b" " * (2 << 20))
check("put", "/v1/campaigns/{id}", open_url + "/v1/campaigns/plain", 200, json={"name": "Plain"})
check("post", assign, open_url + assign, 422, json={"campaign_id": "plain", "users": ["u-1"]})
check("put", users, open_url + users, 200, json={"users": [{"user_id": "u-1", "emails": ["u@example.com"]}]})
check("put", users, open_url + users, 400, json={"users": [{}]})
check("put", users, open_url + users, 415, data="{}", headers={"Content-Encoding": "gzip"})
check("put", users, open_url + users, 413, data=b" " * (17 << 20))
for _ in range(2):
    check("delete", users + "/{id}", open_url + users + "/u-1", 200)
check("delete", users + "/{id}", open_url + users + "/u-1?x=1", 400)
for name in definitions:
    check("delete", f"/v1/{name}/{{id}}", f"{open_url}/v1/{name}/x-1", 200)
webhook = "/v1/webhooks/{provider}/{source}"
genuine = [{"email": "u@example.com", "event": "open", "sg_event_id": "1", "timestamp": 1760000000}]
check("post", webhook, open_url + "/v1/webhooks/sendgrid/default", 200, json=genuine)
check("post", webhook, open_url + "/v1/webhooks/ses/default", 403, data="{}")
check("post", webhook, open_url + "/v1/webhooks/sendgrid/none", 404, json=genuine)
check("post", webhook, open_url + "/v1/webhooks/sendgrid/default", 413, data=b" " * (5 << 20))
sample = webhook + "/sample"
for provider in ("sendgrid", "ses"):
    check("post", sample, f"{open_url}/v1/webhooks/{provider}/default/sample", 200)
check("post", sample, open_url + "/v1/webhooks/ses/default/sample?x=1", 400)
check("post", sample, open_url + "/v1/webhooks/ses/none/sample", 404)

glossary, one_type = "/v1/glossary", "/v1/glossary/{type}"
for query in ["", "?q=bounce", "?channel=email,sms&action=Opens", "?edition=v10&section=message-engagement",
              "?events=users.messages.*"]:
    check("get", glossary, open_url + glossary + query, 200)
check("get", glossary, open_url + glossary + "?edition=1999", 400)
for query in ["", "?format=avro", "?format=json-schema", "?edition=v10"]:
    check("get", one_type, f"{open_url}/v1/glossary/users.messages.email.Click{query}", 200)
check("get", one_type, f"{open_url}/v1/glossary/users.messages.email.Click?format=xml", 400)
check("get", one_type, f"{open_url}/v1/glossary/users.nothing", 404)

check("get", "/healthz", open_url + "/healthz", 200)
check("get", "/readyz", open_url + "/readyz", 200)
check("get", "/metrics", open_url + "/metrics", 200)
check("get", "/v1/status", open_url + "/v1/status", 200)
check("get", "/v1/status", open_url + "/v1/status?x=1", 400)
check("get", "/v1/connectors", open_url + "/v1/connectors", 200)
check("get", "/v1/connectors", open_url + "/v1/connectors?x=1", 400)

connector = "/v1/connectors/{name}"
here = open_url + "/v1/connectors/local"
check("get", connector, here, 200)
check("post", connector + "/flush", here + "/flush?timeout=soon", 400)
check("post", connector + "/flush", here + "/flush", 400, json={"timeout": "1s"})
check("post", connector + "/flush", here + "/flush?timeout=30s", 200)
check("get", connector, here + "?x=1", 400)
check("post", connector + "/pause", here + "/pause?x=1", 400)
check("post", connector + "/resume", here + "/resume?x=1", 400)
check("post", connector + "/pause", here + "/pause", 200)
check("post", connector + "/flush", here + "/flush", 409)
check("post", connector + "/resume", here + "/resume", 200)
check("get", connector, open_url + "/v1/connectors/nothing", 404)
check("post", connector + "/preview", here + "/preview", 200)
check("post", connector + "/preview", here + "/preview?event_type=users.messages.email.Click", 200)
check("post", connector + "/preview", here + "/preview?event_type=nothing", 400)
check("post", connector + "/preview", here + "/preview", 422, json={"event_type": "users.messages.email.Click"})
check("post", connector + "/preview", here + "/preview", 413, data=b" " * (2 << 20))
check("post", connector + "/test", here + "/test", 200)
check("post", connector + "/test", here + "/test?events=true&timeout=20s", 200)
check("post", connector + "/test", here + "/test?events=perhaps", 400)
check("post", connector + "/forget", here + "/forget", 200)
check("post", connector + "/forget", here + "/forget?x=1", 400)
for verb in ("flush", "pause", "resume", "preview", "test", "forget"):
    check("post", f"{connector}/{verb}", f"{open_url}/v1/connectors/nothing/{verb}", 404)

replays, one_replay = "/v1/replays", "/v1/replays/{id}"
time.sleep(1.1)  # what was posted lies before this second
hour = {"connector": "local", "from": str(int(time.time()) - 3600), "to": str(int(time.time())), "id": "first"}
check("post", replays, open_url + replays, 200, json=hour)
check("post", replays, open_url + replays, 200, json=hour)
check("post", replays, open_url + replays, 409, json={**hour, "events": ["users.*"]})
check("post", replays, open_url + replays, 400, json={**hour, "from": "yesterday"})
check("post", replays, open_url + replays, 404, json={**hour, "connector": "nothing", "id": "second"})
check("post", replays, open_url + replays, 422, json={**hour, "from": "1", "to": "2", "id": "second"})
check("post", replays, open_url + replays, 413, data=b" " * (1 << 20))
check("get", replays, open_url + replays, 200)
check("get", replays, open_url + replays + "?x=1", 400)
for _ in range(200):
    if check("get", one_replay, open_url + replays + "/first", 200).json()["state"] == "finished":
        break
    time.sleep(0.05)
check("get", one_replay, open_url + replays + "/first?x=1", 400)
check("get", one_replay, open_url + replays + "/nothing", 404)
check("delete", one_replay, open_url + replays + "/first", 409)
for number in range(50):  # one is caught while it runs
    requests.post(open_url + replays, json={**hour, "id": f"short-{number}"}, timeout=30)
    if requests.delete(f"{open_url}{replays}/short-{number}", timeout=30).status_code == 200:
        seen.add(("delete", one_replay, "200"))
        break
check("delete", one_replay, open_url + replays + "/nothing", 404)
check("delete", one_replay, open_url + replays + "/first?x=1", 400)

letters, one_letter = "/v1/dead-letters", "/v1/dead-letters/{id}"
found = check("get", letters, open_url + letters + "?bytes=true&limit=1", 200).json()["dead_letters"]
letter = open_url + letters + "/" + found[0]["id"]
check("get", letters, open_url + letters + "?limit=0", 400)
check("get", one_letter, letter, 200)
check("get", one_letter, letter + "?x=1", 400)
check("get", one_letter, open_url + letters + "/intake:0:999999", 404)
check("post", one_letter + "/replay", letter + "/replay", 200)
check("post", one_letter + "/replay", letter + "/replay", 400, json={})
check("post", one_letter + "/replay", open_url + letters + "/nothing/replay", 404)

# The open service runs with a file, the closed one without.
reload = "/v1/config/reload"
check("post", reload, open_url + reload, 200)
check("post", reload, open_url + reload, 400, json={"timeout": "1s"})
written = pathlib.Path(file_path).read_text()
pathlib.Path(file_path).write_text(written + "\nnothing: 1\n")
check("post", reload, open_url + reload, 422)
pathlib.Path(file_path).write_text(written)

ndjson(open_url + "/v1/tail?events=users.messages.*&events=courant.DeadLetter")
check("get", "/v1/tail", open_url + "/v1/tail?events=users.nothing", 400)

# The closed service: one admin token, one read token.
admin, read = ({"Authorization": f"Bearer {token}"} for token in (admin_token, read_token))
tokens, one_token = "/v1/tokens", "/v1/tokens/{name}"
check("get", tokens, closed_url + tokens, 200, headers=admin)
check("get", tokens, closed_url + tokens + "?x=1", 400, headers=admin)
check("post", reload, closed_url + reload, 409, headers=admin)
made = {"name": "web", "scopes": ["ingest"]}
check("post", tokens, closed_url + tokens, 201, headers=admin, json=made)
check("post", tokens, closed_url + tokens, 409, headers=admin, json=made)
check("post", tokens, closed_url + tokens, 400, headers=admin, json={"name": "X Y", "scopes": ["read"]})
check("post", tokens, closed_url + tokens, 413, headers=admin, data=b" " * (1 << 20))
check("delete", one_token, closed_url + "/v1/tokens/web", 204, headers=admin)
check("delete", one_token, closed_url + "/v1/tokens/web", 404, headers=admin)
check("delete", one_token, closed_url + "/v1/tokens/ops", 409, headers=admin)
for path, operations in document["paths"].items():
    for method, operation in operations.items():
        if "401" not in operation["responses"]:
            continue
        url = closed_url + path.replace("{name}", "local").replace("{id}", "x")
        check(method, path, url, 401)
        scope = re.search(r"Scope `(\w+)`", operation["description"]).group(1)
        if scope != "read":
            check(method, path, url, 403, headers=read)
        else:
            outsider = requests.post(closed_url + tokens, headers=admin, json={**made, "name": "sender"}, timeout=30)
            sender = {"Authorization": f"Bearer {outsider.json()['token']}"}
            check(method, path, url, 403, headers=sender)
            requests.delete(closed_url + tokens + "/sender", headers=admin, timeout=30)

for path, operations in document["paths"].items():
    for method, operation in operations.items():
        for status in operation["responses"]:
            if status not in UNSEEN and (method, path, status) not in seen:
                failures.append(f"{method.upper()} {path}: no case provoked {status}")

if failures:
    print("\n".join(failures))
    sys.exit(1)
print(f"{len(seen)} documented answers were given as documented")
