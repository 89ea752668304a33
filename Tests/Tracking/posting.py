"""Posts what the model has made: many at once, in an order left to chance, again and again until it is answered."""
import collections
import http.client
import json
import random
import threading
import time

import expectation

ANSWER_SECONDS_MAX = 60
AGAIN_SECONDS = 0.02


class Task:
    """One request: posted once everything in `after` was answered, and repeated byte for byte until answered 2xx."""

    def __init__(self, name, path, make, after=(), method="POST", expected=200):
        """`make` gives the body and the headers, and is called once: by then all of `after` has been answered."""
        self.name, self.path, self.method, self.make = name, path, method, make
        self.after, self.expected = [task for task in after if task], expected
        self.moment = expectation.Within()
        self.listeners, self.was_answered, self.made, self.is_early = [], False, None, False
        self.lock = threading.Lock()

    def request(self):
        with self.lock:
            if self.made is None:
                self.made = self.make()
            return self.made

    def again(self, after=()):
        """The same request once more: while the first is under way, or `after` it."""
        copy = Task(f"{self.name} again", self.path, self.request, [*self.after, *after], self.method, self.expected)
        copy.moment = self.moment
        return copy


class Report(Task):
    """A report under an Idempotency-Key, of which no item may be rejected."""

    def __init__(self, name, kind, content, after=(), messages=()):
        super().__init__(name, f"/v1/track/{kind}", self._make, after)
        self.content, self.messages, self.answer = content, messages, None
        self.listeners.append(self.read)

    def _make(self):
        content = self.content() if callable(self.content) else self.content
        return json.dumps(content).encode(), {"Content-Type": "application/json", "Idempotency-Key": self.name}

    def read(self, body):
        answer = json.loads(body)
        if answer["rejected"] or answer["waiting"]:
            raise AssertionError(f"{self.name}: {body[:500]!r}")
        told = answer.get("messages", [])
        if [entry["index"] for entry in told] != list(range(len(self.messages))):
            raise AssertionError(f"{self.name} tells of other messages than were reported: {body[:500]!r}")
        for message, entry in zip(self.messages, told):
            message.learn(entry["message_id"], entry["dispatch_id"])
        self.answer = answer

    def again(self, after=()):
        copy = super().again([self, *after])
        copy.listeners.append(self._compare)
        return copy

    def _compare(self, body):
        answer = json.loads(body)
        same = all(answer.get(name) == self.answer.get(name) for name in ("messages", "without_event", "rejected"))
        if answer["accepted"] or not same:
            raise AssertionError(f"{self.name} is answered otherwise than before: {body[:500]!r}")


def put(name, path, content, after=()):
    body = json.dumps(content).encode()
    return Task(name, path, lambda: (body, {"Content-Type": "application/json"}), after, "PUT")


class Board:
    """What is ready to be posted, and what waits for others."""

    def __init__(self, tasks):
        self.condition = threading.Condition()
        self.total, self.left, self.faults = len(tasks), len(tasks), []
        self.waits = {task: sum(not other.was_answered for other in task.after) for task in tasks}
        self.followers = collections.defaultdict(list)
        for task in tasks:
            for other in task.after:
                if not other.was_answered:
                    self.followers[other].append(task)
        self.ready = [task for task in tasks if not self.waits[task]]

    @property
    def answered(self):
        return self.total - self.left

    def take(self, chance):
        """A task that is ready, any; None once there is nothing left to do."""
        with self.condition:
            while not self.ready and self.left and not self.faults:
                self.condition.wait(1)
            if not self.left or self.faults:
                return None
            index = chance.randrange(len(self.ready))
            self.ready[index], self.ready[-1] = self.ready[-1], self.ready[index]
            return self.ready.pop()

    def done(self, task):
        with self.condition:
            task.was_answered = True
            self.left -= 1
            for other in self.followers[task]:
                self.waits[other] -= 1
                if not self.waits[other]:
                    self.ready.append(other)
            self.condition.notify_all()

    def failed(self, fault):
        with self.condition:
            self.faults.append(fault)
            self.condition.notify_all()

    def wait_for(self, answered):
        """Waits until so many were answered; False if it will not come to that."""
        with self.condition:
            while self.answered < answered and self.left and not self.faults:
                self.condition.wait(1)
            return self.left > 0 and not self.faults


class Place:
    """Where the server listens at present; it moves when it is killed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.port = None

    def move(self, port):
        with self.lock:
            self.port = port


class Poster(threading.Thread):
    """One connection, kept as long as the server lives."""

    def __init__(self, seed, board, place):
        super().__init__(daemon=True)
        self.chance, self.board, self.place = random.Random(seed), board, place
        self.connection, self.port = None, None
        self.counts = collections.Counter()

    def run(self):
        try:
            while (task := self.board.take(self.chance)) is not None:
                self.post(task)
                self.board.done(task)
        except Exception as problem:  # a fault of the harness must not pass for a quiet day
            self.board.failed(f"{problem!r}")
        finally:
            if self.connection:
                self.connection.close()

    def post(self, task):
        body, headers = task.request()
        began = time.monotonic()
        while True:
            status, answer = self.attempt(task, body, headers)
            if status == task.expected:
                break
            if status not in (None, 429, 503):
                raise AssertionError(f"{task.name} was answered {status}: {answer[:500]!r}")
            if time.monotonic() - began > ANSWER_SECONDS_MAX or self.board.faults:
                raise AssertionError(f"{task.name} is not answered, the last status is {status}")
            time.sleep(AGAIN_SECONDS)
        task.moment.ended(time.time())
        for listener in task.listeners:
            listener(answer)

    def attempt(self, task, body, headers):
        """Status and body, or None where nobody answers."""
        port = self.place.port
        if port is None:
            return None, b""
        if port != self.port or self.connection is None:
            if self.connection:
                self.connection.close()
            self.connection, self.port = http.client.HTTPConnection("127.0.0.1", port, timeout=30), port
        task.moment.began(time.time())
        try:
            self.connection.request(task.method, task.path, body, headers)
            response = self.connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            self.counts["unanswered"] += 1
            return None, b""
        self.counts[status] += 1
        return status, answer
