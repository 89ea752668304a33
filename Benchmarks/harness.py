"""What the programs of this folder share: a server under load, its figures, counts of what it landed, and under what
conditions all that was measured."""
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

    def kill(self):
        self.process.kill()
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

    def source(self):
        """What the sources have taken, known already, refused and set aside."""
        sources = self.ask("GET", "/v1/connectors")["sources"]
        return {key: sum(source[key] for source in sources)
                for key in ("accepted", "duplicates", "rejected", "set_aside")}

    def posted(self, events, batch=100, connections=16, **load):
        """A load that was judged: what wrk felt, and how many events of it were `accepted`."""
        before = self.source()
        felt = self.load(events, batch=batch, connections=connections, **load)
        return {**felt, "accepted": self.judge(felt, before, batch, connections)}

    def judge(self, felt, before, batch, connections):
        """How many events were accepted since `before`; the run ends if they are not those that wrk sent."""
        self.accepted()
        now = self.source()
        counts = {key: now[key] - before[key] for key in now}
        found = faults(counts, felt, batch, connections)
        if found:
            sys.exit(f"the load was not sound: {'; '.join(found)}; {felt}")
        return counts["accepted"]

    def flush(self, *connectors):
        for connector in connectors:
            self.ask("POST", f"/v1/connectors/{connector}/flush?timeout=600s")

    def wait_until_idle(self):
        """Until every connector has read all there is, no plan is open, and half a second changes nothing."""
        before = None
        for _ in range(1_200):
            connectors = self.ask("GET", "/v1/connectors")["connectors"]
            now = [(each["lag_events"], each["open_plans"], each["balance"]) for each in connectors]
            if now == before and not any(lag or plans for lag, plans, _ in now):
                return
            before = now
            time.sleep(0.5)
        sys.exit("delivery does not come to rest")

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


def faults(counts, felt, batch, connections):
    """What is wrong with a load. wrk's count is held against the server's: requests that were under way when the time
    was up have no answer, so as many events as they hold may be more."""
    found, sent = [], felt["requests"] * batch
    if not sent:
        found.append("no request was answered")
    if not 0 <= counts["accepted"] - sent <= connections * batch:
        found.append(f"{sent} events were answered, {counts['accepted']} accepted")
    for key in ("duplicates", "rejected", "set_aside"):
        if counts[key]:
            found.append(f"{key} {counts[key]}")
    for key in ("status_errors", "socket_errors"):
        if felt[key]:
            found.append(f"{key} {felt[key]}")
    return found


def whole_path(server, events, connector, batch=100, connections=16, **load):
    """One load and one flush. What was accepted, what is told as landed and what the files hold must be one number,
    and that what wrk sent. The load's time is wrk's own, without its reading of the events."""
    before, watch = server.source(), Watch(server.process.pid)
    felt = server.load(events, batch=batch, connections=connections, **load)
    loading = felt["microseconds"] / 1e6
    began = time.monotonic() - loading
    landed_meanwhile = server.balance("landed", "carried")
    server.flush(connector)
    landing = time.monotonic() - began
    landed = server.balance("landed", "carried")
    usage = watch.stop()
    accepted = server.judge(felt, before, batch, connections)
    server.flush(connector)  # of the few that were under way at the load's end
    told = server.balance("landed", "carried")
    server.stop()
    in_files, size = count_records(server.folder / "files")
    if not accepted == told == in_files:
        sys.exit(f"the books do not balance: accepted {accepted}, landed {told}, in files {in_files}")
    return {"events": accepted, "accepted_rate": accepted / loading, "landed_rate": landed / landing,
            "landed_meanwhile": landed_meanwhile / accepted, "cpu": usage["cpu"] / accepted * 1e6,
            "peak": usage["peak"], "early": usage["early"], "late": usage["late"], "file_bytes": size / accepted,
            "p50": felt["p50"] / 1000, "p99": felt["p99"] / 1000}


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
        self.before = self.times()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def cpu(self):
        return sum(self.times())

    def times(self):
        """In user space, and in the kernel."""
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
        early, late = quarters(self.sizes)
        user, system = (now - before for now, before in zip(self.times(), self.before))
        return {"cpu": user + system, "user": user, "system": system,
                "peak": self.memory("VmHWM"), "most_files": max(self.files, default=0),
                "early": early, "late": late}


def quarters(values):
    """The medians of the first and of the last quarter."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[:quarter]), statistics.median(values[-quarter:])


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


# Under what conditions

def conditions():
    """The machine, the code, and what else goes on when a part begins."""
    return {"machine": machine(), "commit": commit(), "load_average": round(os.getloadavg()[0], 2),
            "busy_cores": round(busy_cores(), 2)}


def in_words(conditions):
    return (f"{conditions['machine']}; commit {conditions['commit']}; at the beginning a load average of "
            f"{conditions['load_average']}, {conditions['busy_cores']} cores busy")


def commit():
    """Of the sources, but for the plots that these programs write; what is built may be older, without `make`."""
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if head.returncode:
        return "unknown"
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/plots"], cwd=ROOT,
        capture_output=True, text=True, check=True)
    return head.stdout.strip() + ("+dirty" if changed.stdout else "")


def busy_cores():
    """Over one second, in which nothing of ours runs. The load average still has the part before in it."""
    def busy():
        # user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in the first two
        ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")

    before, began = busy(), time.monotonic()
    time.sleep(1)
    return (busy() - before) / (time.monotonic() - began)


def machine():
    model = platform.processor() or platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, {swift}"
