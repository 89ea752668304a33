"""The server under test: started, asked, killed."""
import http.client
import json
import os
import re
import signal
import subprocess
import time

CONFIGURATION = """\
journal: {{partitions: {partitions}, segment: 8MiB}}
duplicates: {{window: 1h, memory: 64MiB}}
connectors:
  all:
    destination: {{type: local, path: {folder}/all}}
    events: ["users.*"]
    edition: {edition}
    codec: {codec}
    roll: {{every: 1s, events: {events}, bytes: 1MiB}}
    start: oldest
  email:
    destination: {{type: local, path: {folder}/email}}
    events: ["users.messages.email.*"]
    codec: {{name: deflate, level: 1}}
    roll: {{every: 1s, events: 500, bytes: 1MiB}}
    start: oldest
  bucket:
    destination:
      type: s3
      bucket: {bucket}
      endpoint: {store}
      credentials: {{access_key_id: courant, secret_access_key: courant}}
    events: ["users.messages.email.*"]
    roll: {{every: 1s, events: 500, bytes: 1MiB}}
    start: oldest
  stream:
    destination: {{type: kafka, brokers: "{brokers}", topic: {topic}}}
    events: ["users.messages.email.*"]
    start: oldest
  partner:
    destination: {{type: http, url: "{partner}"}}
    events: ["users.campaigns.*"]
    start: oldest
"""

USUAL = {"edition": '"2021"', "codec": "{name: zstandard, level: 1}", "events": 500}
CODECS = ["{name: zstandard, level: 1}", "{name: deflate, level: 1}", "{name: snappy}", "{name: 'null'}"]

READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


class ServerFault(Exception):
    pass


class Server:
    def __init__(self, binary, folder, partitions, places):
        """`places` says where the connectors land: store, bucket, brokers, topic, partner."""
        self.binary, self.folder, self.places = binary, folder, places
        self.partitions, self.port, self.process = partitions, None, None
        self.log = folder / "server.log"
        self.configuration = folder / "courant.yaml"
        self.write(USUAL)

    def write(self, settings):
        text = CONFIGURATION.format(partitions=self.partitions, folder=self.folder, **self.places, **settings)
        part = self.configuration.with_suffix(".part")
        part.write_text(text)
        part.rename(self.configuration)

    def change(self, chance):
        """Gives one connector other settings while it works, as SIGHUP does."""
        edition = chance.choice(['"2021"', '"2021"', "v10"])
        self.write({"edition": edition, "codec": chance.choice(CODECS), "events": chance.randint(100, 900)})
        self.process.send_signal(signal.SIGHUP)

    def start(self):
        # A port of its own for every start: the last one may still be held by connections that were cut.
        command = [
            str(self.binary), "serve", "--config", str(self.configuration), "--data", str(self.folder / "data"),
            "--listen", "127.0.0.1:0",
        ]
        self.port = None
        with self.log.open("ab") as log:
            log.write(f"\n== {' '.join(command)}\n".encode())
            log.flush()
            self.started_at = log.tell()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_until_ready(self):
        began = time.monotonic()
        while time.monotonic() - began < READY_SECONDS_MAX:
            self.expect_running()
            self.port = self.port or self.find_port()
            try:
                if self.port and self.ask("GET", "/readyz")[0] == 200:
                    return time.monotonic() - began
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.01)
        raise ServerFault(f"not ready after {READY_SECONDS_MAX} s")

    def find_port(self):
        """The port that the server says it has, once it has one."""
        with self.log.open("rb") as log:
            log.seek(self.started_at)
            found = re.search(rb"^Courant listens on http://127\.0\.0\.1:(\d+)$", log.read(), re.MULTILINE)
        return int(found.group(1)) if found else None

    def expect_running(self):
        status = self.process.poll()
        if status is not None:
            raise ServerFault(f"the server ended by itself with status {status}")

    def ask(self, method, path, timeout=90):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask_json(self, method, path):
        status, body = self.ask(method, path)
        if status != 200:
            raise ServerFault(f"{method} {path} answered {status}: {body[:500]!r}")
        return json.loads(body)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM: it must close cleanly, and in time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFault(f"still there {STOP_SECONDS_MAX} s after SIGTERM") from None
        if status != 0:
            raise ServerFault(f"ended with status {status} after SIGTERM")

    def end(self):
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def last_words(self, lines=40):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
