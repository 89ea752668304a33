#!/usr/bin/env python3
"""A day in the life, end to end: people, three campaigns and a canvas over four channels, and what comes of it.

usage: day.py --courant .build/debug/courant [--users 1000] [--seed N] [--kills 2] [--keep]

The model makes from the seed every request and every event that must come of it. The requests are posted many at once
and in any order that keeps a user's reports behind what they follow; reports and webhooks are repeated; webhooks come
before the send they belong to, or late, and some never; the server is killed under load. In the end the files hold
exactly the model's events less what was never posted, field by field.
"""
import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import time

import fastavro

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "Crash"))

import expectation  # noqa: E402
import ledger  # noqa: E402
import model  # noqa: E402
import posting  # noqa: E402
import server  # noqa: E402
import webhooks  # noqa: E402

CONFIGURATION = """\
publicURL: {url}
journal: {{segment: 16MiB}}
tracking: {{overtake: {overtake}}}
sources:
  default:
    strict: true
    webhooks:
      sendgrid: {{public_keys: ["{public_key}"]}}
      twilio: {{auth_tokens: ["{token}"]}}
connectors:
  all:
    destination: {{type: local, path: {folder}/all}}
    roll: {{every: 5s, bytes: 8MiB}}
    start: oldest
"""
# No event may wait so long for its message that it goes out without: a day that lasts longer shows nothing.
OVERTAKE_SECONDS = 1_800
POSTERS = 16
DECIDE_SECONDS_MAX = 60


class DayServer(server.Server):
    """The server of the crash test, with a configuration of its own."""

    def __init__(self, binary, folder, keys):
        self.keys, self.overtake = keys, f"{OVERTAKE_SECONDS}s"
        super().__init__(binary, folder, 1, {})

    def write(self, settings):
        self.configuration.write_text(CONFIGURATION.format(
            url=webhooks.PUBLIC_URL, overtake=self.overtake, folder=self.folder, token=self.keys.token,
            public_key=self.keys.public_key))


class Day:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.chance = random.Random(options.seed)
        self.noon = int(time.time())
        keys = webhooks.Keys("the account's token")
        self.plan = model.Plan(options.seed, options.users, self.noon, keys)
        self.server, self.place = DayServer(options.courant.resolve(), folder, keys), posting.Place()
        self.faults, self.counts, self.records = [], collections.Counter(), {}
        self.kills, self.matched, self.phases = 0, 0, []

    def run(self):
        self.start()
        self.post(self.plan.first, 0)
        # A definition that is put twice within a second has one version only.
        time.sleep(1.1)
        self.post(self.plan.tasks, self.options.kills)
        self.post(self.plan.last, 0)
        if time.time() - self.noon > OVERTAKE_SECONDS:
            self.faults.append("the day was too long: events went out without their messages")
        if not self.faults:
            self.decide()
            self.finish()

    def start(self):
        self.server.start()
        self.server.wait_until_ready()
        self.place.move(self.server.port)

    def post(self, tasks, kills):
        began = time.monotonic()
        board = posting.Board(tasks)
        posters = [posting.Poster(self.chance.getrandbits(64), board, self.place) for _ in range(POSTERS)]
        for poster in posters:
            poster.start()
        for share in sorted(self.chance.uniform(0.1, 0.9) for _ in range(kills)):
            if board.wait_for(int(len(tasks) * share)):
                self.kill()
        while any(poster.is_alive() for poster in posters) and not board.faults:
            posters[0].join(0.1)
            for poster in posters:
                poster.join(0.05)
            self.server.expect_running()
        self.faults += board.faults
        for poster in posters:
            self.counts.update(poster.counts)
        self.phases.append(f"{len(tasks)} requests in {time.monotonic() - began:.1f} s")

    def kill(self):
        time.sleep(self.chance.random() * 0.05)
        self.server.expect_running()
        self.place.move(None)
        self.server.kill()
        self.kills += 1
        self.start()

    def decide(self):
        """Opens and clicks wait for `overtake` before they convert; a server that waits a second lets them go."""
        self.server.stop()
        self.server.overtake = "1s"
        self.server.write({})
        self.start()
        wanted = sum(event.was_posted and event.waits() for event in self.plan.events)
        began = time.monotonic()
        while self.accepted() < wanted and time.monotonic() - began < DECIDE_SECONDS_MAX:
            time.sleep(0.1)
        # Long enough for one too many to show.
        time.sleep(2)
        self.phases.append(f"{wanted} conversions by opens and clicks in {time.monotonic() - began:.1f} s")

    def accepted(self):
        """Since the last start."""
        return sum(source["accepted"] for source in self.server.ask_json("GET", "/v1/connectors")["sources"])

    def finish(self):
        """All is answered: flush, ask for the books, stop, and read every file."""
        began = time.monotonic()
        status, answer = self.server.ask("POST", "/v1/connectors/all/flush?timeout=5m", timeout=330)
        if status != 200:
            self.faults.append(f"the flush was answered {status}: {answer[:500]!r}")
        books = self.server.ask_json("GET", "/v1/connectors")
        letters = self.server.ask_json("GET", "/v1/dead-letters")["dead_letters"]
        self.server.stop()
        self.read()
        self.faults += [f"dead letter: {letter}" for letter in letters[:5]]
        self.faults += ledger.source_faults(books["sources"])
        self.faults += ledger.connector_faults(books["connectors"][0], sum(map(len, self.records.values())))
        self.faults += dispatch_faults(self.plan.messages)
        comparison = expectation.Comparison()
        self.faults += comparison.compare(self.plan.events, self.records)
        self.matched = comparison.matched
        self.phases.append(f"flushed, read and compared in {time.monotonic() - began:.1f} s")

    def read(self):
        for path in sorted((self.folder / "all").rglob("*.avro")):
            with path.open("rb") as stream:
                reader = fastavro.reader(stream)
                schema = reader.writer_schema
                full = f"{schema.get('namespace', '')}.{schema['name']}"
                self.records.setdefault(full.lstrip(".").split(".inner.", 1)[-1], []).extend(reader)

    def summary(self):
        plan = self.plan
        posted = [event for event in plan.events if event.was_posted]
        conversions = sum("Conversion" in event.kind for event in posted)
        early = sum(bool(task.is_early) for task in plan.tasks)
        return "\n".join([
            f"{self.options.users} users, {len(plan.messages)} messages, {len(posted)} events expected"
            f" ({conversions} conversions), {len(plan.events) - len(posted)} never posted, {self.matched} stand",
            "  " + ", ".join(self.phases),
            f"  {early} webhooks before their sends, {len(plan.last)} at the end, {self.kills} kills",
            "  answers " + ", ".join(f"{times} x {what}" for what, times in sorted(self.counts.items(), key=str)),
        ])


def dispatch_faults(messages):
    """Messages of one transmission share their dispatch id, and no others do."""
    ids, shared = {}, {}
    faults = []
    for message in messages:
        if ids.setdefault(message.dispatch, message.dispatch_id) != message.dispatch_id:
            faults.append(f"{message.dispatch} has more than one dispatch id")
        if shared.setdefault(message.dispatch_id, message.dispatch) != message.dispatch:
            faults.append(f"{message.dispatch} shares its dispatch id with {shared[message.dispatch_id]}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courant", type=pathlib.Path, required=True, help="the built binary")
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave the data behind, also when all is well")
    options = parser.parse_args()
    print(f"a day in the life: {options.users} users, seed {options.seed}", flush=True)
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="courant-day-"))
    day = Day(options, folder)
    try:
        day.run()
    except server.ServerFault as fault:
        day.faults.append(str(fault))
    finally:
        day.server.end()
    print(day.summary(), flush=True)
    if not day.faults and day.kills < options.kills:
        day.faults.append(f"the server was killed {day.kills} times only")
    for fault in day.faults[:40]:
        print(f"FAULT: {fault}")
    if day.faults:
        print(f"{len(day.faults)} faults; the server's last words:\n{day.server.last_words()}")
    print(f"{'FAILED' if day.faults else 'passed'} in {time.monotonic() - began:.0f} s, seed {options.seed}")
    if day.faults or options.keep:
        print(f"the data is in {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(1 if day.faults else 0)


if __name__ == "__main__":
    main()
