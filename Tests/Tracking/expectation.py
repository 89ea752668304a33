"""The events that must stand in the files, and how they are compared with those that do.

What only the server knows stands in an expected event as a condition on the value, such as a moment of arrival.
Everything else is compared exactly, null included.
"""
import collections
import json


class Within:
    """A moment of arrival: between the first attempt to post and the first answer, in whole seconds."""

    def __init__(self):
        self.low, self.high = float("inf"), float("inf")

    def began(self, seconds):
        self.low = min(self.low, int(seconds))

    def ended(self, seconds):
        self.high = min(self.high, int(seconds))

    def takes(self, value):
        return self.low <= value <= self.high

    def last(self):
        return self.high

    def __repr__(self):
        return f"{self.low}...{self.high}"


class Derived:
    """The user of an address that nobody knows: some id, the same each time, and no other address's."""

    ids = {}

    def __init__(self, address):
        self.address = address

    def takes(self, value):
        return bool(value) and self.ids.setdefault(value, self.address) == self.address

    def last(self):
        return 0

    def __repr__(self):
        return f"derived from {self.address}"


class Dispatch:
    """The dispatch id that the report of the send was answered."""

    def __init__(self, message):
        self.message = message


def is_open(value):
    return isinstance(value, (Within, Derived))


class Event:
    """`facts` must be fields of the type; of `context` the type has what it has."""

    def __init__(self, kind, facts, context=()):
        self.kind, self.facts, self.context = kind, facts, dict(context)
        self.was_posted = True

    def waits(self):
        """Whether it is a conversion by opens or clicks, which is decided when `overtake` has passed."""
        rule = json.loads(self.facts.get("conversion_behavior", "{}"))
        return rule.get("type") in ("Opens Message", "Clicks Message")

    def fields(self, names):
        """Every field of the type with its value, and what the type should have and has not."""
        known = {**self.context, **self.facts}
        values = {name: known.get(name) for name in names}
        for name, value in values.items():
            if isinstance(value, Dispatch):
                values[name] = value.message.dispatch_id
        return values, [name for name in self.facts if name not in values]


class Comparison:
    """Expected events against records, type by type."""

    shown = 12

    def __init__(self):
        self.faults = []
        self.matched = 0

    def compare(self, events, records):
        """`records` are the field values of each event type's records; fields of a type are those of its records."""
        wanted = collections.defaultdict(list)
        for event in events:
            if event.was_posted:
                wanted[event.kind].append(event)
        ids = collections.Counter(record["id"] for kind in records for record in records[kind])
        self.faults += [f"id {identity} stands {times} times" for identity, times in ids.items() if times > 1]
        for kind in sorted(set(wanted) | set(records)):
            self._compare(kind, wanted[kind], records.get(kind, []))
        return self.faults

    def _compare(self, kind, events, records):
        if not records:
            self.faults.append(f"{kind}: {len(events)} events are expected and there is none")
            return
        names = [name for name in records[0] if name != "id"]
        buckets = collections.defaultdict(list)
        for event in events:
            fields, strange = event.fields(names)
            if strange:
                self.faults.append(f"{kind} has no field {', '.join(strange)}")
            opens = tuple(name for name in names if is_open(fields[name]))
            buckets[opens, self._key(fields, opens)].append(fields)
        for bucket in buckets.values():
            bucket.sort(key=self._deadline)
        shapes = sorted({opens for opens, _ in buckets}, key=len)
        extra = []
        for record in sorted(records, key=lambda record: record["time"]):
            if self._take(record, shapes, buckets):
                self.matched += 1
            else:
                extra.append(record)
        self._tell(kind, [fields for bucket in buckets.values() for fields in bucket], extra, len(events), len(records))

    @staticmethod
    def _key(fields, opens):
        return tuple(repr(value) for name, value in fields.items() if name not in opens and name != "id")

    @staticmethod
    def _deadline(fields):
        return max((value.last() for value in fields.values() if is_open(value)), default=0)

    def _take(self, record, shapes, buckets):
        for opens in shapes:
            bucket = buckets.get((opens, self._key(record, opens)), [])
            for index, fields in enumerate(bucket):
                if all(fields[name].takes(record[name]) for name in opens):
                    del bucket[index]
                    return True
        return False

    def _tell(self, kind, missing, extra, expected, found):
        if missing or extra:
            self.faults.append(
                f"{kind}: {expected} expected, {found} found; {len(missing)} are missing, {len(extra)} are too many")
        for fields in missing[:self.shown]:
            nearest = max(extra, key=lambda record: self._likeness(fields, record), default=None)
            if nearest is None:
                self.faults.append(f"{kind} is missing: {fields}")
                continue
            differing = {
                name: (value, nearest[name]) for name, value in fields.items() if not self._agrees(value, nearest[name])
            }
            self.faults.append(f"{kind} of {fields.get('user_id')}: (expected, nearest found) {differing}")
        if not missing:
            self.faults += [f"{kind} is too many: {record}" for record in extra[:self.shown]]

    @staticmethod
    def _agrees(value, found):
        return value.takes(found) if is_open(value) and found is not None else repr(value) == repr(found)

    def _likeness(self, fields, record):
        weights = {"user_id": 5, "dispatch_id": 5}
        alike = [name for name, value in fields.items() if self._agrees(value, record[name])]
        return sum(weights.get(name, 1) for name in alike)
