"""Microsoft's own client for Azure Blob Storage, asked over HTTP.

Arguments: the account's address, its name, its key, the container. Prints one line of JSON behind `ready ` with `view`,
where `GET /list` answers with the names in the container, `GET /blob/KEY` with a blob's bytes and, in X-Seen, what else
the client knows of it, `PUT /blob/KEY` uploads without overwriting, `GET /stranger` lists with a wrong key,
`GET /sas/container/PERMISSIONS` and `GET /sas/account/PERMISSIONS` make signatures, and `POST /sign` signs a request as
JSON with `method`, `url` and `headers`. What the store refuses comes back as its status and code. Runs until killed.
"""

import base64
import json
import sys
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from urllib.parse import unquote

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob import (
    AccountSasPermissions,
    BlobServiceClient,
    ContentSettings,
    ResourceTypes,
    generate_account_sas,
    generate_container_sas,
)
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

URL, ACCOUNT, KEY, CONTAINER = sys.argv[1:]


def container(key):
    credential = {"account_name": ACCOUNT, "account_key": key}
    client = BlobServiceClient(URL, credential=credential, retry_total=0)
    return client.get_container_client(CONTAINER)


def signature(kind, permissions):
    ends = datetime.now(timezone.utc) + timedelta(minutes=10)
    if kind == "container":
        return generate_container_sas(ACCOUNT, CONTAINER, account_key=KEY, permission=permissions, expiry=ends)
    return generate_account_sas(
        ACCOUNT,
        KEY,
        resource_types=ResourceTypes(object=True),
        permission=AccountSasPermissions.from_string(permissions),
        expiry=ends,
    )


def authorization(wanted):
    request = HttpRequest(wanted["method"], wanted["url"], headers=wanted["headers"])
    policy = SharedKeyCredentialPolicy(ACCOUNT, KEY)
    policy.on_request(SimpleNamespace(http_request=request, context=SimpleNamespace(transport=None)))
    return request.headers["Authorization"]


class View(BaseHTTPRequestHandler):
    mine = container(KEY)

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
        except HttpResponseError as error:
            code = error.error_code
            self.answer(error.status_code, str(getattr(code, "value", code)).encode())

    def do_GET(self):
        self.guarded(self.get)

    def get(self):
        what, _, rest = unquote(self.path[1:]).partition("/")
        if what == "list":
            self.answer(200, json.dumps([blob.name for blob in self.mine.list_blobs()]).encode())
        elif what == "stranger":
            wrong = base64.b64encode(b"wrong").decode()
            self.answer(200, json.dumps([blob.name for blob in container(wrong).list_blobs()]).encode())
        elif what == "sas":
            self.answer(200, signature(*rest.split("/")).encode())
        else:
            blob = self.mine.get_blob_client(rest)
            known = blob.get_blob_properties()
            seen = {
                "metadata": known.metadata,
                "md5": known.content_settings.content_md5.hex(),
                "type": known.content_settings.content_type,
                "size": known.size,
            }
            self.answer(200, blob.download_blob(validate_content=False).readall(), seen)

    def do_PUT(self):
        self.guarded(self.put)

    def put(self):
        _, _, key = unquote(self.path[1:]).partition("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        settings = ContentSettings(content_type="text/plain")
        self.mine.upload_blob(key, body, overwrite=False, metadata={"who": "stranger"}, content_settings=settings)
        self.answer(201)

    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, authorization(wanted).encode())

    def log_message(self, *_):
        pass


def main():
    view = HTTPServer(("127.0.0.1", 0), View)
    print("ready " + json.dumps({"view": f"http://127.0.0.1:{view.server_address[1]}"}), flush=True)
    view.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
