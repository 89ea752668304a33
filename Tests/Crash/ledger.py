"""What was sent, what was answered, and what must therefore stand in the files.

A `Ledger` knows the fate of every (event type, id). A `Landing` watches one connector's files: one that was
seen once must never change or go. `balances` finds the books in the service's JSON and checks that they balance.
"""
import collections
import hashlib
import io
import json
import threading

import fastavro

ACKNOWLEDGED, UNKNOWN, REJECTED = "acknowledged", "unknown", "rejected"


class Ledger:
    """The fate of every event that a sender has let go of. Safe to use from many threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.fates = {}

    def sending(self, keys):
        """Before the request leaves: from now on the events may stand in the journal."""
        with self.lock:
            for key in keys:
                self.fates.setdefault(key, UNKNOWN)

    def acknowledged(self, keys):
        self._settle(keys, ACKNOWLEDGED)

    def rejected(self, keys):
        self._settle(keys, REJECTED)

    def _settle(self, keys, fate):
        with self.lock:
            for key in keys:
                before = self.fates[key]
                if before not in (UNKNOWN, fate):
                    raise AssertionError(f"{key} was {before} and is now {fate}")
                self.fates[key] = fate

    def counts(self):
        with self.lock:
            return collections.Counter(self.fates.values())

    def faults(self, found, carries, repeats=False):
        """What is wrong with `found`, a Counter of (event type, id), at a connector that carries these types.

        `repeats` says that the connector may land an event more than once, as streams do.
        """
        faults = []
        for key, fate in self.fates.items():
            if not carries(key[0]):
                continue
            times = found.get(key, 0)
            if fate == ACKNOWLEDGED and (times == 0 or times > 1 and not repeats):
                faults.append(f"acknowledged {key} stands {times} times")
            elif fate == UNKNOWN and times > 1 and not repeats:
                faults.append(f"unanswered {key} stands {times} times")
            elif fate == REJECTED and times:
                faults.append(f"rejected {key} stands {times} times")
        for key in found:
            if key not in self.fates:
                faults.append(f"{key} was never sent")
            elif not carries(key[0]):
                faults.append(f"{key} is not for this connector")
        return faults


class Landing:
    """The files of one connector. Look only while the server is down, so that what is seen is what it left."""

    def __init__(self):
        self.seen = {}
        self.found = collections.Counter()
        self.faults = []

    def look(self):
        present = set()
        for name, mark, read in self._files():
            present.add(name)
            if name not in self.seen:
                self._read(name, read)
            elif self.seen[name] != mark:
                self.faults.append(f"{name} has changed since it was first seen")
            self.seen[name] = mark
        for name in set(self.seen) - present:
            self.faults.append(f"{name} has gone")
            del self.seen[name]

    def _files(self):
        """Each file's name, what must never change about it, and a function that reads it."""
        raise NotImplementedError

    def _read(self, name, read):
        try:
            reader = fastavro.reader(io.BytesIO(read()))
            schema = reader.writer_schema
            full = f"{schema.get('namespace', '')}.{schema['name']}"
            # `dataexport.Local.inner.users.messages.email.Click`
            kind = full.lstrip(".").split(".inner.", 1)[-1]
            records = [(kind, record["id"]) for record in reader]
            plan = json.loads(reader.metadata.get("courant.plan", "{}"))
        except Exception as problem:
            self.faults.append(f"{name} cannot be read: {problem!r}")
            return
        if not records:
            self.faults.append(f"{name} is empty")
        if plan.get("count") != len(records):
            self.faults.append(f"{name} holds {len(records)} records, its plan says {plan.get('count')}")
        if f"event_type={kind}" not in name.split("/"):
            self.faults.append(f"{name} holds {kind}")
        self.found.update(records)


class Folder(Landing):
    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def _files(self):
        for path in sorted(self.folder.rglob("*.avro")):
            about = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield str(path), (about.st_ino, about.st_mtime_ns, about.st_size, digest), path.read_bytes


def books(node, wanted):
    """Every object in a JSON answer that has the key `wanted`, whatever stands around it."""
    if isinstance(node, dict):
        if wanted in node and isinstance(node[wanted], int):
            yield node
        for value in node.values():
            yield from books(value, wanted)
    elif isinstance(node, list):
        for value in node:
            yield from books(value, wanted)


def source_faults(sources):
    """received = accepted + duplicates + rejected + set aside, for every source."""
    found = list(books(sources, "received"))
    faults = [] if found else ["no source's balance in the answer"]
    for book in found:
        parts = sum(book[name] for name in ("accepted", "duplicates", "rejected", "set_aside"))
        if book["received"] != parts:
            faults.append(f"a source's balance is out: {book}")
    return faults


def connector_faults(connector, records, repeats=False):
    """carried = landed + pending + set aside + lost; the files hold what landed, a stream at least that."""
    found = list(books(connector, "carried"))
    faults = [] if found else ["no connector's balance in the answer"]
    for book in found:
        parts = sum(book[name] for name in ("landed", "pending", "set_aside", "lost"))
        if book["carried"] != parts:
            faults.append(f"a connector's balance is out: {book}")
        if book["lost"] or book["set_aside"]:
            faults.append(f"a connector lost or set aside records: {book}")
    # The whole and its parts by type may both be there: the largest is the whole, or the parts make it.
    landed = [book["landed"] for book in found]
    if repeats:
        if landed and records < max(landed):
            faults.append(f"landed is {landed}, the stream holds {records} records")
    elif landed and records not in (max(landed), sum(landed), sum(landed) - max(landed)):
        faults.append(f"landed is {landed}, the files hold {records} records")
    return faults
