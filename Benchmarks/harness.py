"""What the programs of this folder share: a server under load, its figures, and counts of what it landed."""
import http.client
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "Benchmarks"
OUT = ROOT / ".build" / "bench"
BINARIES = ROOT / ".build" / "release"
PLOTS = ROOT / "docs" / "plots"


def mix(count):
    """That many events of the mix, NDJSON, made once."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"events-{count}.ndjson"
    if not path.exists():
        print(f"making {count} events", flush=True)
        made = path.with_suffix(".part")
        with made.open("wb") as stream:
            subprocess.run([sys.executable, HERE / "events.py", str(count)], stdout=stream, check=True)
        made.rename(path)
    return path


# A server of our own

class Server:
    """A server in a folder of its own, which is taken away at the end; its files land in `folder / "files"`."""

    def __init__(self, configuration, name="bench"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=OUT))
        (self.folder / "courant.yaml").write_text(configuration.replace("{folder}", str(self.folder)))
        self.process, self.port, self.loads = None, None, 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if any(failure):
            print((self.folder / "server.log").read_text()[-2000:], file=sys.stderr)
        shutil.rmtree(self.folder)

    def start(self):
        """Answers how many seconds it took to become ready."""
        self.port = free_port()
        began = time.monotonic()
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARIES / "courant", "serve", "--config", self.folder / "courant.yaml", "--data",
                 self.folder / "data", "--listen", f"127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_until_ready()
        return time.monotonic() - began

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def wait_until_ready(self):
        for _ in range(10_000):
            if self.process.poll() is not None:
                sys.exit(f"the server ended with status {self.process.returncode}: "
                         + (self.folder / "server.log").read_text()[-1000:])
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.005)
        sys.exit("the server does not become ready")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=700)
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status != 200:
            sys.exit(f"{method} {path} answered {response.status}: {answer[:500]!r}")
        return json.loads(answer)

    def balance(self, wanted, beside):
        """Of the connectors, and with `received` beside it of the sources."""
        return total(self.ask("GET", "/v1/connectors"), wanted, beside)

    def accepted(self):
        """Once the requests that were under way when the load ended have been answered."""
        count, before = self.balance("accepted", "received"), -1
        while count != before:
            time.sleep(0.3)
            count, before = self.balance("accepted", "received"), count
        return count

    def load(self, events, **load):
        """wrk posts events with ids of their own."""
        self.loads += 1
        return wrk(f"http://127.0.0.1:{self.port}/v1/events", events, first=self.loads * 1_000_000_000, **load)


def wrk(url, events, batch=100, kept=None, seconds=6, connections=16, first=0, rate=0):
    """Posts for so many seconds; the answer holds wrk's counts, and `p50` and `p99` in microseconds.

    `kept`: how many requests are told apart by more than their ids; 200,000 events where it is not given.
    `rate`: requests a second that all connections together send, if they can; 0: as many as are answered.
    """
    program = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "post.lua", url, "--",
         events, *map(str, (batch, kept or max(4, 200_000 // batch), first, rate))], capture_output=True, text=True)
    if program.returncode:
        sys.exit(f"wrk ended with {program.returncode}: {program.stdout[-500:]}{program.stderr[-500:]}")
    return json.loads(program.stdout.strip().splitlines()[-1])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def total(node, wanted, beside):
    """The largest `wanted` of the balances in an answer; a balance is an object that has `beside` too."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get(wanted), int) and beside in value:
                found.append(value[wanted])
            for child in value.values():
                walk(child)
        elif isinstance(value, list):
            for child in value:
                walk(child)

    walk(node)
    return max(found, default=0)


class Watch:
    """CPU time, memory and open files of a process, from /proc, every half second."""

    def __init__(self, pid):
        self.pid, self.sizes, self.files, self.ended = pid, [], [], threading.Event()
        self.before, self.user_before = self.cpu(), self.user()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def cpu(self):
        return sum(self.times())

    def user(self):
        """Without the kernel's part, which depends on what else is in its caches and on the disk."""
        return self.times()[0]

    def times(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]

    def memory(self, key):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def sample(self):
        while not self.ended.wait(0.5):
            self.sizes.append(self.memory("VmRSS"))
            self.files.append(self.open_files())

    def stop(self):
        self.ended.set()
        self.thread.join()
        quarter = max(1, len(self.sizes) // 4)
        return {"cpu": self.cpu() - self.before, "user": self.user() - self.user_before,
                "peak": self.memory("VmHWM"), "most_files": max(self.files, default=0),
                "early": statistics.median(self.sizes[:quarter]), "late": statistics.median(self.sizes[-quarter:])}


# Counting what landed, without asking Courant

def count_records(folder):
    """Records and bytes of all Avro files, from the counts that stand before their blocks."""
    records = size = 0
    for path in folder.rglob("*.avro"):
        data = path.read_bytes()
        size += len(data)
        records += records_in(data)
    return records, size


def records_in(data):
    def long(position):
        shift = value = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return (value >> 1) ^ -(value & 1), position

    position, records = 4, 0
    while True:  # the header's map of metadata, in blocks
        count, position = long(position)
        if count == 0:
            break
        if count < 0:
            count, (_, position) = -count, long(position)
        for _ in range(2 * count):
            length, position = long(position)
            position += length
    position += 16
    while position < len(data):
        count, position = long(position)
        length, position = long(position)
        position += length + 16
        records += count
    return records


def folder_bytes(folder):
    size = 0
    for file in folder.rglob("*"):
        try:
            size += file.stat().st_size
        except FileNotFoundError:  # removed meanwhile
            pass
    return size


# The machine

def machine():
    model = platform.processor() or platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, {swift}"
