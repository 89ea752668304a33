#!/usr/bin/env python3
"""Kills the server at random moments under load, starts it again, and at last counts what stands in the files.

usage: crash.py --courant .build/debug/courant [--rounds 50] [--seed N] [--partitions 1,3] [--keep]

What must hold, for every connector, be it to a folder or to a bucket: each acknowledged event stands in the files
exactly once, each unanswered one at most once, no rejected one at all; every file is whole and was never changed; the
balances hold; nothing is lost. A stream must hold each acknowledged event too, and may hold it more than once.
Settings are changed under load too, by SIGHUP. Now and then the server is asked to stop instead, while a partner's
endpoint is down: such rounds come on top of --rounds, which counts kills.
The seed fixes what is sent and when the blows fall; how far the server has come by then is up to the machine.
"""
import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

import ledger
import senders
import server
import stores

SENDERS = 3


def is_email(kind):
    return kind in senders.EMAIL


def is_campaign(kind):
    return kind.startswith("users.campaigns.")


CONNECTORS = {
    "all": lambda kind: True, "email": is_email, "bucket": is_email, "stream": is_email, "partner": is_campaign}
REPEATS = {"stream", "partner"}
# Longer than the server goes on without committing how far a stream has come.
OUTAGE_SECONDS = 6


class World:
    """One data folder with one number of partitions, through all its rounds."""

    def __init__(self, options, partitions, folder, seed, store):
        self.chance = random.Random(seed)
        self.partitions, self.folder = partitions, folder
        bucket, self.stream = stores.Bucket(store.client, f"courant-{partitions}"), stores.Stream()
        self.partner = stores.Partner()
        bucket.make()
        places = {
            "store": store.url, "bucket": bucket.name, "brokers": self.stream.brokers, "topic": stores.TOPIC,
            "partner": self.partner.url}
        self.server = server.Server(options.courant.resolve(), folder, partitions, places)
        self.ledger, self.again = ledger.Ledger(), senders.Again()
        self.landings = {
            "all": ledger.Folder(folder / "all"), "email": ledger.Folder(folder / "email"), "bucket": bucket,
            "stream": self.stream, "partner": self.partner}
        self.faults, self.blows, self.statuses = [], collections.Counter(), collections.Counter()
        self.ready = []

    def kills(self):
        return self.blows["killed while starting"] + self.blows["killed under load"]

    def round(self, number):
        self.server.start()
        draw = self.chance.random()
        if draw < 0.15:
            # Somewhere between exec and ready: while it recovers, most likely.
            time.sleep(self.chance.random() * (self.ready[-1] if self.ready else 0.3) * 1.2)
            self.server.kill()
            self.blows["killed while starting"] += 1
        else:
            self.ready.append(self.server.wait_until_ready())
            politely = draw > 0.88
            self.partner.is_down = politely and self.chance.random() < 0.7
            self.load(number, self.chance.uniform(0.2, 1.6), politely)
            self.partner.is_down = False
        self.look()

    def load(self, number, seconds, politely):
        stop, quiet = threading.Event(), threading.Event()
        crowd = [
            senders.Sender(
                f"p{self.partitions}r{number}s{index}", self.chance.getrandbits(64), self.server.port, self.ledger,
                self.again, stop, quiet)
            for index in range(SENDERS)
        ]
        for sender in crowd:
            sender.start()
        changes = self.chance.choice([0, 0, 1, 3])
        try:
            for _ in range(changes):
                time.sleep(seconds / (changes + 1))
                self.server.expect_running()
                self.server.change(self.chance)
                self.blows["settings changed"] += 1
            time.sleep(seconds / (changes + 1))
            if self.partner.is_down:
                # Time passes in which little is sent: all of that has to be delivered in the end.
                self.blows["partner down"] += 1
                quiet.set()
                time.sleep(OUTAGE_SECONDS)
                quiet.clear()
                time.sleep(seconds / 4)
            self.server.expect_running()
            if politely:
                self.blows["asked to stop"] += 1
                self.server.stop()
            else:
                self.blows["killed under load"] += 1
                self.server.kill()
        finally:
            stop.set()
            for sender in crowd:
                sender.join(30)
                self.faults += sender.faults
                self.statuses.update(sender.statuses)
                if sender.is_alive():
                    self.faults.append(f"{sender.name} hangs")

    def look(self):
        for name, landing in self.landings.items():
            landing.look()
            self.faults += [f"{name}: {fault}" for fault in landing.faults]
            landing.faults = []

    def finish(self):
        """A last start without a blow: flush, ask for the books, stop, and read every file."""
        self.server.start()
        self.ready.append(self.server.wait_until_ready())
        self.load_to_the_end()
        for name in CONNECTORS:
            self.server.ask_json("POST", f"/v1/connectors/{name}/flush")
        answer = self.server.ask_json("GET", "/v1/connectors")
        self.server.stop()
        self.look()
        self.faults += ledger.source_faults(answer["sources"])
        for name, carries in CONNECTORS.items():
            landing = self.landings[name]
            repeats = name in REPEATS
            self.faults += [f"{name}: {fault}" for fault in self.ledger.faults(landing.found, carries, repeats)]
            about = [entry for entry in answer["connectors"] if entry["name"] == name]
            if len(about) != 1:
                self.faults.append(f"{name}: {len(about)} entries in GET /v1/connectors")
                continue
            records = sum(landing.found.values())
            self.faults += [f"{name}: {fault}" for fault in ledger.connector_faults(about[0], records, repeats)]

    def load_to_the_end(self):
        """What still waits to be sent again is sent now, and answered."""
        sender = senders.Sender(
            f"p{self.partitions}last", self.chance.getrandbits(64), self.server.port, self.ledger, self.again,
            threading.Event(), threading.Event())
        connection = server.http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        for _ in range(len(self.again.batches)):
            sender.post(connection, self.again.take(self.chance))
        sender.post(connection, sender.fresh())
        connection.close()
        self.faults += sender.faults

    def summary(self):
        fates = self.ledger.counts()
        files = {
            name: f" in {len(landing.seen)} files" for name, landing in self.landings.items() if name not in REPEATS}
        records = {name: sum(landing.found.values()) for name, landing in self.landings.items()}
        ready = sorted(self.ready)
        return "\n".join([
            f"partitions {self.partitions}: " + ", ".join(f"{n} {what}" for what, n in sorted(self.blows.items())),
            "  events " + ", ".join(f"{n} {fate}" for fate, n in sorted(fates.items())),
            "  answers " + ", ".join(f"{n} x {status}" for status, n in sorted(self.statuses.items())),
            "  landed " + ", ".join(f"{name}: {records[name]} records{files.get(name, '')}" for name in records),
            f"  ready after {ready[len(ready) // 2]:.2f} s (median), {ready[-1]:.2f} s (most)" if ready else "",
        ])


def run(options, partitions, rounds, seed, folder, store):
    folder.mkdir()
    world = World(options, partitions, folder, seed, store)
    number = 0
    try:
        while world.kills() < rounds and not world.faults:
            world.round(number)
            number += 1
        if not world.faults:
            world.finish()
    except server.ServerFault as fault:
        world.faults.append(str(fault))
    finally:
        world.server.end()
        world.stream.end()
        world.partner.end()
    print(world.summary(), flush=True)
    if not world.faults and world.ledger.counts()[ledger.ACKNOWLEDGED] == 0:
        world.faults.append("nothing was acknowledged: this run shows nothing")
    for fault in world.faults[:20]:
        print(f"FAULT: {fault}")
    if world.faults:
        print(f"{len(world.faults)} faults; the server's last words:\n{world.server.last_words()}", flush=True)
    return not world.faults, world.kills()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courant", type=pathlib.Path, required=True, help="the built binary")
    parser.add_argument("--rounds", type=int, default=50, help="how often the server is killed, over all partitions")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--partitions", default="1,3")
    parser.add_argument("--keep", action="store_true", help="leave the data behind, also when all is well")
    options = parser.parse_args()
    print(f"crash test: {options.rounds} times kill -9, seed {options.seed}", flush=True)
    began = time.monotonic()
    home = pathlib.Path(tempfile.mkdtemp(prefix="courant-crash-"))
    counts = [int(part) for part in options.partitions.split(",")]
    is_well, kills = True, 0
    store = stores.ObjectStore(home / "moto.log")
    try:
        for index, partitions in enumerate(counts):
            rounds = options.rounds // len(counts) + (index < options.rounds % len(counts))
            folder = home / f"partitions-{partitions}"
            passed, killed = run(options, partitions, rounds, options.seed + index, folder, store)
            is_well &= passed
            kills += killed
    finally:
        store.end()
    verdict, seconds = "passed" if is_well else "FAILED", time.monotonic() - began
    print(f"{verdict} in {seconds:.0f} s: killed {kills} times, seed {options.seed}")
    if is_well and not options.keep:
        shutil.rmtree(home)
    else:
        print(f"the data is in {home}")
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
