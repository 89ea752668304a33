"""Google's own client for Cloud Storage, asked over HTTP.

Arguments: the store's address, the bucket, a service account's key file as text, the public key as PEM. Prints one line
of JSON behind `ready ` with `view`, where `GET /list` answers with the names in the bucket, `GET /blob/KEY` with an
object's bytes and, in X-Seen, what else the client knows of it, `PUT /blob/KEY` uploads without overwriting, and
`POST /verify` checks an assertion with google-auth and answers with its issuer. What the store refuses comes back as
its status. Runs until killed.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

from google.api_core.exceptions import GoogleAPICallError
from google.auth import jwt
from google.cloud import storage
from google.oauth2 import service_account

URL, BUCKET, KEY_FILE, PUBLIC_KEY = sys.argv[1:]


def bucket():
    credentials = service_account.Credentials.from_service_account_info(
        json.loads(KEY_FILE), scopes=["https://www.googleapis.com/auth/devstorage.read_write"]
    )
    client = storage.Client(project="double", credentials=credentials, client_options={"api_endpoint": URL})
    return client.bucket(BUCKET)


class View(BaseHTTPRequestHandler):
    mine = bucket()

    def answer(self, status, body=b"", seen=None):
        self.send_response(status)
        if seen is not None:
            self.send_header("X-Seen", base64.b64encode(json.dumps(seen).encode()).decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def guarded(self, work):
        try:
            work()
        except GoogleAPICallError as error:
            self.answer(int(error.code), str(error).encode())

    def do_GET(self):
        self.guarded(self.get)

    def get(self):
        what, _, key = unquote(self.path[1:]).partition("/")
        if what == "list":
            self.answer(200, json.dumps([blob.name for blob in self.mine.list_blobs(retry=None)]).encode())
            return
        blob = self.mine.blob(key)
        blob.reload(retry=None)
        seen = {"metadata": blob.metadata, "crc32c": blob.crc32c, "type": blob.content_type, "size": blob.size}
        self.answer(200, blob.download_as_bytes(checksum="crc32c", retry=None), seen)

    def do_PUT(self):
        self.guarded(self.put)

    def put(self):
        _, _, key = unquote(self.path[1:]).partition("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        blob = self.mine.blob(key)
        blob.metadata = {"who": "stranger"}
        blob.upload_from_string(body, if_generation_match=0, checksum="crc32c", retry=None)
        self.answer(201)

    def do_POST(self):
        token = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.answer(200, jwt.decode(token, certs=PUBLIC_KEY)["iss"].encode())
        except ValueError as error:
            self.answer(400, str(error).encode())

    def log_message(self, *_):
        pass


def main():
    view = HTTPServer(("127.0.0.1", 0), View)
    print("ready " + json.dumps({"view": f"http://127.0.0.1:{view.server_address[1]}"}), flush=True)
    view.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
