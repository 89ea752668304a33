"""moto's S3, IAM and STS, which verify every signature, and a view on the store by boto3.

Prints one line of JSON behind `ready ` once both addresses answer: `url` is the store's, `view` is where boto3 is asked
by `GET /BUCKET` (the keys), `GET /BUCKET/KEY`, `PUT /BUCKET`, whose body may name a region, and `PUT /BUCKET/KEY`. Runs
until it is killed.

moto keeps a bucket's region and takes requests for it from any; in front of it stands S3's rule, which refuses them.
"""

import base64
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

# The requests below that make the users; from then on every request is checked. Read when moto is imported.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "7"

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

REGION = "us-east-1"
EXTERNAL_ID = "courant-external"


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def client(service, url, key, region=REGION):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
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


class RegionRule:
    """Refuses what is signed for another region than the bucket's."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/s3/", environ.get("HTTP_AUTHORIZATION", ""))
        name = environ["PATH_INFO"][1:].partition("/")[0]
        backends = [backend for _, _, backend in s3_backends.iter_backends()]
        buckets = [backend.buckets[name] for backend in backends if name in backend.buckets]
        if not signed or not buckets or buckets[0].region_name == signed[1]:
            return self.application(environ, start_response)
        right = buckets[0].region_name
        body = (
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the "
            f"region '{signed[1]}' is wrong; expecting '{right}'</Message><Region>{right}</Region></Error>"
        ).encode()
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("400 Bad Request", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]


class View(BaseHTTPRequestHandler):
    make_client = None
    regions = {}

    def client(self, bucket):
        return self.make_client(self.regions.get(bucket, REGION))

    def do_GET(self):
        bucket, _, key = unquote(self.path[1:]).partition("/")
        s3 = self.client(bucket)
        if key:
            found = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            self.send_response(200)
            body = found["Body"].read()
            tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            seen = {
                "metadata": found["Metadata"],
                "checksum": found.get("ChecksumCRC32"),
                "storageClass": found.get("StorageClass"),
                "encryption": found.get("ServerSideEncryption"),
                "tags": sorted(f"{tag['Key']}={tag['Value']}" for tag in tags),
            }
            self.send_header("X-Seen", base64.b64encode(json.dumps(seen).encode()).decode())
        else:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            body = json.dumps([item["Key"] for page in pages for item in page.get("Contents", [])]).encode()
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        bucket, _, key = unquote(self.path[1:]).partition("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if key:
            self.client(bucket).put_object(Bucket=bucket, Key=key, Body=body)
        elif body:
            self.regions[bucket] = body.decode()
            where = {"LocationConstraint": self.regions[bucket]}
            self.client(bucket).create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        else:
            self.client(bucket).create_bucket(Bucket=bucket)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    # One request at a time: moto's look and its put are two steps, the real store's are one.
    moto = RegionRule(DomainDispatcherApplication(create_backend_app))
    store = make_server("127.0.0.1", 0, moto, threaded=False)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{store.server_address[1]}"
    writer, stranger, role = make_users(url)
    View.make_client = staticmethod(lambda region: client("s3", url, writer, region))
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
