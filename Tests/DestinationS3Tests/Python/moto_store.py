"""moto's S3, IAM and STS, which verify every signature, and a view on the store by boto3.

Prints one line of JSON behind `ready ` once both addresses answer: `url` is the store's, `view` is where boto3 is asked
by `GET /BUCKET` (the keys), `GET /BUCKET/KEY`, `PUT /BUCKET` and `PUT /BUCKET/KEY`. Runs until it is killed.
"""

import base64
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

# The requests below that make the users; from then on every request is checked. Read when moto is imported.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "7"

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION = "us-east-1"
EXTERNAL_ID = "courant-external"


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def client(service, url, key):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def make_users(url):
    iam = client("iam", url, {"AccessKeyId": "nobody", "SecretAccessKey": "nothing"})
    iam.create_user(UserName="writer")
    iam.put_user_policy(
        UserName="writer", PolicyName="all", PolicyDocument=policy(Action=["s3:*", "sts:*"], Resource="*")
    )
    writer = iam.create_access_key(UserName="writer")["AccessKey"]
    iam.create_user(UserName="stranger")
    stranger = iam.create_access_key(UserName="stranger")["AccessKey"]
    trust = policy(
        Action="sts:AssumeRole",
        Principal={"AWS": "*"},
        Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    )
    role = iam.create_role(RoleName="lander", AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName="lander", PolicyName="put", PolicyDocument=policy(Action="s3:*", Resource="*"))
    return writer, stranger, role["Arn"]


class View(BaseHTTPRequestHandler):
    s3 = None

    def do_GET(self):
        bucket, _, key = unquote(self.path[1:]).partition("/")
        if key:
            found = self.s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            self.send_response(200)
            body = found["Body"].read()
            tags = self.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            seen = {
                "metadata": found["Metadata"],
                "checksum": found.get("ChecksumCRC32"),
                "storageClass": found.get("StorageClass"),
                "encryption": found.get("ServerSideEncryption"),
                "tags": sorted(f"{tag['Key']}={tag['Value']}" for tag in tags),
            }
            self.send_header("X-Seen", base64.b64encode(json.dumps(seen).encode()).decode())
        else:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            body = json.dumps([item["Key"] for page in pages for item in page.get("Contents", [])]).encode()
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        bucket, _, key = unquote(self.path[1:]).partition("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if key:
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)
        else:
            self.s3.create_bucket(Bucket=bucket)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    # One request at a time: moto's look and its put are two steps, the real store's are one.
    store = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{store.server_address[1]}"
    writer, stranger, role = make_users(url)
    View.s3 = client("s3", url, writer)
    view = HTTPServer(("127.0.0.1", 0), View)
    ready = {
        "url": url,
        "view": f"http://127.0.0.1:{view.server_address[1]}",
        "writer": [writer["AccessKeyId"], writer["SecretAccessKey"]],
        "stranger": [stranger["AccessKeyId"], stranger["SecretAccessKey"]],
        "role": role,
        "externalID": EXTERNAL_ID,
    }
    print("ready " + json.dumps(ready), flush=True)
    view.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
