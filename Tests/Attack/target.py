"""The server under attack: started, asked, measured, stopped."""
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import time

READY_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60


class Target:
    def __init__(self, binary, folder, configuration, environment=None):
        self.folder, self.log = folder, folder / "server.log"
        path = folder / "courant.yaml"
        path.write_text(configuration)
        command = [str(binary), "serve", "--config", str(path), "--data", str(folder / "data"),
                   "--listen", "127.0.0.1:0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.port = self.wait_for_port()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        if failure == (None, None, None):
            assert status == 0, f"the server ended with status {status}: {self.log.read_text()[-2000:]}"

    def wait_for_port(self):
        began = time.monotonic()
        while time.monotonic() - began < READY_SECONDS_MAX:
            found = re.search(r"^Courant listens on http://127\.0\.0\.1:(\d+)$", self.log.read_text(), re.MULTILINE)
            if found:
                return int(found.group(1))
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            time.sleep(0.05)
        raise AssertionError(f"not ready after {READY_SECONDS_MAX} s")

    def connect(self, timeout=60):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """The answer's status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None):
        status, text = self.ask(method, path, body, headers)
        return status, json.loads(text) if text else None

    def metric(self, name):
        text = self.ask("GET", "/metrics")[1].decode()
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name)]
        assert values, f"there is no metric {name}"
        return sum(float(value) for value in values)

    def memory(self, peak=False):
        """Bytes that are resident, or were at most."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", text, re.MULTILINE).group(1)) << 10

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))


def eventually(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not so within {seconds} s: {what}")
