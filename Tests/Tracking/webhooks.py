"""SendGrid's and Twilio's requests, signed as those sign them, with keys made for the run."""
import base64
import json
import time
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhookHeader
from twilio.request_validator import RequestValidator

import posting

PUBLIC_URL = "https://events.example.com"
SENDGRID, TWILIO = "/v1/webhooks/sendgrid/default", "/v1/webhooks/twilio/default"
ACCOUNT = "AC00000000000000000000000000000001"


class Keys:
    """What the providers sign with."""

    def __init__(self, token):
        self.token = token
        self.sendgrid = ec.generate_private_key(ec.SECP256R1())
        self.twilio = RequestValidator(token)

    @property
    def public_key(self):
        der = self.sendgrid.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()


def sendgrid_request(keys, events):
    """A body as SendGrid writes it: a line for each event."""
    body = "[" + ",\r\n".join(json.dumps(event, separators=(",", ":")) for event in events) + "]\r\n"
    timestamp = str(int(time.time()))
    signature = keys.sendgrid.sign((timestamp + body).encode(), ec.ECDSA(hashes.SHA256()))
    return body.encode(), {
        "Content-Type": "application/json", EventWebhookHeader.TIMESTAMP: timestamp,
        EventWebhookHeader.SIGNATURE: base64.b64encode(signature).decode(),
    }


def twilio_request(keys, path, fields):
    fields = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", **fields}
    signature = keys.twilio.compute_signature(PUBLIC_URL + path, fields)
    return urlencode(fields).encode(), {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", "X-Twilio-Signature": signature,
    }


def sendgrid_task(keys, name, entries, after=(), expected=200):
    """`entries` are events with the messages they are about; one that is named by our id waits until it has that."""
    waits = {message.task for _, message in entries if message and message.is_named}

    def make():
        events = [{**event, **(message.arguments() if message else {})} for event, message in entries]
        return sendgrid_request(keys, events)

    return posting.Task(name, SENDGRID, make, [*waits, *after], expected=expected)


class TwilioTask(posting.Task):
    """The ids stand in the query, which is known only once the message is reported."""

    def __init__(self, keys, name, fields, message=None, after=()):
        waits = [message.task] if message and message.is_named else []
        super().__init__(name, TWILIO, self._make, [*waits, *after])
        self.keys, self.fields, self.message = keys, fields, message

    def _make(self):
        if self.message and self.message.is_named:
            self.path = f"{TWILIO}?{urlencode(self.message.arguments())}"
        return twilio_request(self.keys, self.path, self.fields)

    def again(self, after=()):
        copy = super().again(after)
        original = self.request

        def make():
            made = original()
            copy.path = self.path
            return made

        copy.make = make
        return copy
