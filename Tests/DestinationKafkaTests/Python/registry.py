"""A schema registry that takes what the Confluent registry takes, and notes everything else.

registry.py [--basic USER:PASSWORD | --bearer TOKEN] [--known SUBJECT SCHEMA] [--answers STATUS[:RETRY-AFTER] ...]

Checks method, path, headers, the body's only key, that the schema is Avro, and, as with compatibility BACKWARD, that a
subject keeps to one record. Prints its address, then what was registered and found; `UNEXPECTED` begins what no client
should have sent.
"""

import argparse
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import fastavro

arguments = argparse.ArgumentParser()
arguments.add_argument("--basic")
arguments.add_argument("--bearer")
arguments.add_argument("--known", nargs=2, default=[])
arguments.add_argument("--answers", nargs="*", default=[])
arguments = arguments.parse_args()
lock, ids, subjects = threading.Lock(), {}, {}
wanted = None
if arguments.basic:
    wanted = "Basic " + base64.b64encode(arguments.basic.encode()).decode()
if arguments.bearer:
    wanted = "Bearer " + arguments.bearer


def number(schema):
    # Beyond one byte, so that their order is seen.
    return ids.setdefault(json.dumps(schema), 70_000 + len(ids))


if arguments.known:
    known = json.loads(arguments.known[1])
    subjects[arguments.known[0]] = [known]
    number(known)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *parts):
        pass

    def answer(self, status, body, headers=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, code, message):
        self.answer(status, {"error_code": code, "message": message})

    def unexpected(self, what):
        print("UNEXPECTED", what, flush=True)
        self.refuse(500, 50001, what)

    def do_GET(self):
        if self.headers["Authorization"] != wanted:
            return self.refuse(401, 401, "Unauthorized")
        if self.path != "/schemas/types":
            return self.refuse(404, 404, "HTTP 404 Not Found")
        self.answer(200, ["JSON", "PROTOBUF", "AVRO"])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            self.post(body)

    def post(self, body):
        if arguments.answers:
            status, _, after = arguments.answers.pop(0).partition(":")
            self.answer(int(status), {"error_code": 1, "message": "as told"}, [("Retry-After", after)] if after else [])
            return
        if self.headers["Authorization"] != wanted:
            return self.refuse(401, 401, "Unauthorized")
        if self.headers["Content-Type"] != "application/vnd.schemaregistry.v1+json":
            return self.unexpected("content type " + str(self.headers["Content-Type"]))
        parts = self.path.split("/")
        if len(parts) not in (3, 4) or parts[:2] != ["", "subjects"] or parts[3:] not in ([], ["versions"]):
            return self.unexpected("path " + self.path)
        request = json.loads(body)
        if list(request) != ["schema"]:
            return self.unexpected("keys " + str(list(request)))
        schema, subject = json.loads(request["schema"]), unquote(parts[2])
        parsed = fastavro.parse_schema(json.loads(request["schema"]))
        versions = subjects.get(subject, [])
        if parts[3:]:
            if any(fastavro.parse_schema(dict(v))["name"] != parsed["name"] for v in versions):
                return self.refuse(409, 409, "Schema being registered is incompatible with an earlier schema")
            if schema not in versions:
                subjects.setdefault(subject, []).append(schema)
            print("registered", number(schema), subject, flush=True)
            print("schema", number(schema), json.dumps(schema), flush=True)
            return self.answer(200, {"id": number(schema)})
        if not versions:
            return self.refuse(404, 40401, f"Subject '{subject}' not found.")
        if schema not in versions:
            return self.refuse(404, 40403, "Schema not found")
        print("found", number(schema), subject, flush=True)
        self.answer(200, {"subject": subject, "id": number(schema), "version": 1, "schema": request["schema"]})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
