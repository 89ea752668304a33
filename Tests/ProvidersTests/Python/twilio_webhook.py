"""Twilio's own library beside ours: `sign` prints signed requests; `verify < request` verifies one of ours."""
import hashlib
import json
import sys
from urllib.parse import parse_qsl, urlencode

from multidict import MultiDict
from twilio.request_validator import RequestValidator


def sign():
    token = "a token of the library's"
    validator = RequestValidator(token)
    url = "https://ingest.example.com/v1/webhooks/twilio/default?message_id=m%201&user_id=u-42"
    form = "application/x-www-form-urlencoded; charset=UTF-8"
    settings = "X-Twilio-Webhooks-Signature-Settings"
    cases = []

    def case(name, url, fields, headers, algorithm=None):
        signature = validator.compute_signature(url, MultiDict(fields), algorithm)
        headers = {"Content-Type": form, "X-Twilio-Signature": signature, **headers}
        cases.append({"name": name, "url": url, "body": urlencode(fields), "headers": headers})

    status = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+15005550009"), ("From", "+15005550006")]
    inbound = [("MessageSid", "SM2"), ("Body", "é ✓ &=+%25 '\"\n"), ("From", "+15005550009"), ("To", "+15005550006")]
    case("status", url, status, {})
    case("empty values", url, status + [("ToCity", ""), ("FromZip", "")], {})
    case("text", url, inbound, {})
    case("repeated", url, [("b", "2"), ("a", "1"), ("b", "1"), ("b", "2"), ("B", "0"), ("é", "z")], {})
    case("another port", "https://ingest.example.com:8443/x", status, {})
    case("the usual port", "https://ingest.example.com:443/x", status, {})
    case("shared key", url, status, {settings: "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}, "HMAC_SHA256")
    body = json.dumps({"a": "é"})
    signed = url + "&bodySHA256=" + hashlib.sha256(body.encode()).hexdigest()
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": validator.compute_signature(signed, {})}
    cases.append({"name": "json", "url": signed, "body": body, "headers": headers})
    print(json.dumps({"token": token, "requests": cases}))


def verify(request):
    validator = RequestValidator(request["token"])
    fields = parse_qsl(request["body"], keep_blank_values=True, strict_parsing=True)
    if not validator.validate(request["url"], MultiDict(fields), request["signature"]):
        sys.exit("the library does not take the sample")
    if validator.validate(request["url"] + "x", MultiDict(fields), request["signature"]):
        sys.exit("what was changed passes for genuine")
    print("genuine")


if sys.argv[1] == "sign":
    sign()
else:
    verify(json.load(sys.stdin.buffer))
