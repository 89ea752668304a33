"""SNS's signatures by another library: `sign` makes certificates and messages; `verify < message` checks ours."""
import base64
import datetime
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
ADDRESS = "https://sns.us-east-1.amazonaws.com/"


def string_to_sign(message):
    names = NOTIFICATION if message["Type"] == "Notification" else CONFIRMATION
    return "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None).encode()


def algorithm(message):
    return hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()


def certificate(subject, key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder().subject_name(name)
    builder = builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def sign():
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]
    root = certificate("Root", keys[0], "Root", keys[0], True)
    issuer = certificate("Issuer", keys[1], "Root", keys[0], True)
    leaf = certificate("sns.amazonaws.com", keys[2], "Issuer", keys[1], False)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    shared = {"TopicArn": "arn:aws:sns:us-east-1:000000000000:sample", "Timestamp": now}
    text = "é \"✓\"\n{\\}\t\u0001"
    messages = [
        {"Type": "Notification", "MessageId": "1", "Message": text, **shared},
        {"Type": "Notification", "MessageId": "2", "Message": text, "Subject": "é", **shared},
        {"Type": "Notification", "MessageId": "3", "Message": text, "Subject": None, **shared},
        {"Type": "UnsubscribeConfirmation", "MessageId": "4", "Message": text, "Token": "t",
         "SubscribeURL": ADDRESS + "?Action=ConfirmSubscription", **shared},
    ]
    signed = []
    for message in messages:
        for version in ["1", "2"]:
            message = {**message, "SignatureVersion": version, "SigningCertURL": ADDRESS + "a.pem"}
            signature = keys[2].sign(string_to_sign(message), padding.PKCS1v15(), algorithm(message))
            signed.append(json.dumps({**message, "Signature": base64.b64encode(signature).decode()}))
    print(json.dumps({"root": root, "issuer": issuer, "leaf": leaf, "messages": signed}))


def verify(request):
    message = json.loads(request["body"])
    key = x509.load_pem_x509_certificate(request["certificate"].encode()).public_key()
    signature = base64.b64decode(message["Signature"])
    key.verify(signature, string_to_sign(message), padding.PKCS1v15(), algorithm(message))
    print("genuine")


if sys.argv[1] == "sign":
    sign()
else:
    verify(json.load(sys.stdin.buffer))
