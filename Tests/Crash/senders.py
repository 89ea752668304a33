"""Senders that post batches with known ids until told to stop, and write every answer into the ledger."""
import http.client
import json
import random
import threading
import time

EMAIL = ["users.messages.email.Send", "users.messages.email.Delivery", "users.messages.email.Open"]
OTHERS = ["users.messages.pushnotification.Send", "users.messages.sms.Send", "users.campaigns.Conversion"]
EXTRA = {
    "users.messages.pushnotification.Send": {"app_id": "5f0c4a52-8f4c-4c0c-9d5b-0a4b1c7d2e3f", "platform": "ios"},
    "users.messages.sms.Send": {"to_phone_number": "+12125550123", "subscription_group_id": "sg-1"},
    "users.campaigns.Conversion": {"campaign_id": "6d5a2b1c-4e3f-4a2b-8c1d-0e9f8a7b6c5d"},
}


class Batch:
    """One request, kept so that it can be sent again byte for byte."""

    def __init__(self, chance, serial):
        self.is_envelope = chance.random() < 0.2
        # Some hold one kind only, so that the journal has frames which a connector passes over.
        kinds = [chance.choice(EMAIL + OTHERS)] if chance.random() < 0.3 else EMAIL + OTHERS
        events = [self._event(chance, kinds, f"{serial}-{index}") for index in range(chance.randint(1, 80))]
        self.keys = [(event["event_type"], event["id"]) for event in events]
        # Now and then one event lacks what its type requires. Only /v1/events rejects it, and says so.
        if not self.is_envelope and chance.random() < 0.3:
            del events[chance.randrange(len(events))]["user_id"]
        if self.is_envelope:
            self.path, body = "/v1/currents", {"events": [envelope(event) for event in events]}
        else:
            self.path, body = "/v1/events", events
        self.body = json.dumps(body).encode()
        self.was_acknowledged = False

    @staticmethod
    def _event(chance, kinds, identity):
        kind = chance.choice(kinds)
        event = {"event_type": kind, "id": identity, "user_id": f"{chance.getrandbits(96):024x}"}
        event["time"] = int(time.time())
        if kind in EMAIL:
            event["email_address"] = f"{chance.getrandbits(32):08x}@example.com"
        event["campaign_name"] = "Größe " + "x" * chance.randint(0, 200)
        event.update(EXTRA.get(kind, {}))
        return event


def envelope(event):
    properties = {key: value for key, value in event.items() if key not in ("event_type", "id", "time", "user_id")}
    return {
        "event_type": event["event_type"], "id": event["id"], "time": event["time"],
        "user": {"user_id": event["user_id"]}, "properties": properties,
    }


class Again:
    """Batches to be sent once more: unanswered ones, and some that were acknowledged long ago."""

    def __init__(self):
        self.lock = threading.Lock()
        self.batches = []

    def put(self, batch):
        with self.lock:
            self.batches.append(batch)

    def take(self, chance):
        with self.lock:
            return self.batches.pop(chance.randrange(len(self.batches))) if self.batches else None


class Sender(threading.Thread):
    """Posts until stopped, or until the server goes away; now and then only while it is to be quiet."""

    def __init__(self, name, seed, port, ledger, again, stop, quiet):
        super().__init__(name=name, daemon=True)
        self.chance = random.Random(seed)
        self.port, self.ledger, self.again, self.stop, self.quiet = port, ledger, again, stop, quiet
        self.serial = 0
        self.faults = []
        self.statuses = []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            while not self.stop.is_set():
                batch = self.again.take(self.chance) if self.chance.random() < 0.2 else None
                if not self.post(connection, batch or self.fresh()):
                    return
                time.sleep(self.chance.random() * (1 if self.quiet.is_set() else 0.02))
        except Exception as problem:  # a fault of the harness must not pass for a quiet sender
            self.faults.append(f"{self.name}: {problem!r}")
        finally:
            connection.close()

    def fresh(self):
        self.serial += 1
        return Batch(self.chance, f"{self.name}-{self.serial}")

    def post(self, connection, batch):
        """False when there is nobody to send to any more."""
        self.ledger.sending(batch.keys)
        try:
            connection.request("POST", batch.path, batch.body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException):
            self.unanswered(batch)
            return False
        self.statuses.append(status)
        if status in (200, 207, 422):
            self.answered(batch, status, json.loads(body) if body else {})
        elif status in (429, 503):
            self.unanswered(batch)
            time.sleep(0.05)
        elif status // 100 == 2:
            self.ledger.acknowledged(batch.keys)
        else:
            self.faults.append(f"{batch.path} answered {status}: {body[:300]!r}")
        return True

    def unanswered(self, batch):
        # Half of them come again; the other half may stand in the files once or not at all.
        if self.chance.random() < 0.5:
            self.again.put(batch)

    def answered(self, batch, status, answer):
        refused = {entry["index"] for entry in answer.get("rejected", [])}
        taken = [key for index, key in enumerate(batch.keys) if index not in refused]
        self.ledger.rejected([batch.keys[index] for index in refused])
        self.ledger.acknowledged(taken)
        if batch.path == "/v1/events":
            counted = answer["accepted"] + answer["duplicates"]
            if counted != len(taken):
                self.faults.append(f"{len(taken)} events were taken, the answer counts {counted}: {answer}")
            if batch.was_acknowledged and answer["accepted"]:
                self.faults.append(f"an acknowledged batch was taken again: {answer}")
        batch.was_acknowledged = True
        if self.chance.random() < 0.05:
            self.again.put(batch)
