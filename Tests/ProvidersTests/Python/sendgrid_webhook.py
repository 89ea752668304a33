"""SendGrid's own library beside ours: `sign < body` signs and has it verified; `verify < request` verifies ours."""
import base64
import json
import sys
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhook


def sign(body):
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    public_key = base64.b64encode(der).decode()
    timestamp = str(int(time.time()))
    signature = base64.b64encode(key.sign((timestamp + body).encode(), ec.ECDSA(hashes.SHA256()))).decode()
    if not EventWebhook(public_key).verify_signature(body, signature, timestamp):
        sys.exit("the library does not take what was signed here")
    print(json.dumps({"public_key": public_key, "timestamp": timestamp, "signature": signature}))


def verify(request):
    webhook = EventWebhook(request["public_key"])
    signature, timestamp = request["signature"], request["timestamp"]
    if not webhook.verify_signature(request["body"], signature, timestamp):
        sys.exit("the library does not take the sample")
    if webhook.verify_signature(request["body"] + " ", signature, timestamp):
        sys.exit("what was changed passes for genuine")
    print("genuine")


if sys.argv[1] == "sign":
    sign(sys.stdin.buffer.read().decode())
else:
    verify(json.load(sys.stdin.buffer))
