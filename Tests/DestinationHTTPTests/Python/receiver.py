"""A partner's endpoint that verifies each request with the reference library: receiver.py SECRET TOKEN.

Says `ready URL`. The first request with a message's id is answered 503, the next taken; GET tells what was taken.
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook

HOOK = Webhook(sys.argv[1])
TOKEN = sys.argv[2]
SEEN = {"ids": [], "messages": [], "faults": []}
ONCE = {}


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, json.dumps(SEEN).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            HOOK.verify(body, dict(self.headers))
            assert self.headers["Authorization"] == f"Bearer {TOKEN}", "the token"
            assert self.headers["Braze-Currents-Version"] == "1", "the version"
            events = json.loads(body)["events"]
            assert len(events) <= 100, "too many events"
        except Exception as fault:
            SEEN["faults"].append(repr(fault))
            return self.answer(401)
        if not events:
            return self.answer(200)
        message = self.headers["webhook-id"]
        if message not in ONCE:
            ONCE[message] = body
            return self.answer(503)
        if ONCE[message] != body:
            SEEN["faults"].append(f"{message} came with other events")
        SEEN["messages"].append(message)
        SEEN["ids"] += [event["id"] for event in events]
        return self.answer(200)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Endpoint)
print(f"ready http://127.0.0.1:{server.server_address[1]}/currents?account=7", flush=True)
server.serve_forever()
