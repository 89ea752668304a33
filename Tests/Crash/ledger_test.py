"""The crash test can fail: each fault it looks for is made here on purpose, and must be found."""
import collections
import json
import pathlib
import tempfile
import unittest

import fastavro
import ledger

KIND = "users.messages.email.Click"
A, B, C = (KIND, "a"), (KIND, "b"), (KIND, "c")


def anything(kind):
    return True


class LedgerTest(unittest.TestCase):
    def setUp(self):
        self.ledger = ledger.Ledger()
        self.ledger.sending([A, B, C])
        self.ledger.acknowledged([A])
        self.ledger.rejected([C])

    def faults(self, *found, carries=anything):
        return self.ledger.faults(collections.Counter(found), carries)

    def test_what_must_hold(self):
        self.assertEqual(self.faults(A), [])
        self.assertEqual(self.faults(A, B), [])

    def test_an_acknowledged_event_that_is_missing_or_doubled(self):
        self.assertIn("stands 0 times", self.faults()[0])
        self.assertIn("stands 2 times", self.faults(A, A)[0])

    def test_a_stream_may_repeat_but_not_lack(self):
        self.assertEqual(self.ledger.faults(collections.Counter([A, A, B, B]), anything, repeats=True), [])
        self.assertIn("stands 0 times", self.ledger.faults(collections.Counter([B]), anything, repeats=True)[0])
        self.assertIn("rejected", self.ledger.faults(collections.Counter([A, C]), anything, repeats=True)[0])

    def test_an_unanswered_event_that_is_doubled(self):
        self.assertIn("stands 2 times", self.faults(A, B, B)[0])

    def test_a_rejected_event_that_landed(self):
        self.assertIn("rejected", self.faults(A, C)[0])

    def test_an_event_from_nowhere_or_for_another_connector(self):
        self.assertIn("never sent", self.faults(A, (KIND, "d"))[0])
        self.assertIn("not for this connector", self.faults(A, carries=lambda kind: False)[0])

    def test_a_verdict_that_changes(self):
        with self.assertRaises(AssertionError):
            self.ledger.acknowledged([C])


class LandingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / f"event_type={KIND}"
        self.folder.mkdir()
        self.path = self.folder / "x+0+1.avro"
        self.landing = ledger.Folder(pathlib.Path(folder.name))

    def write(self, ids, count=None, kind=KIND):
        schema = {
            "type": "record", "name": "dataexport.Local.inner." + kind, "fields": [{"name": "id", "type": "string"}],
        }
        plan = json.dumps({"count": len(ids) if count is None else count})
        with self.path.open("wb") as stream:
            fastavro.writer(stream, schema, [{"id": i} for i in ids], metadata={"courant.plan": plan})

    def faults(self):
        self.landing.look()
        faults, self.landing.faults = self.landing.faults, []
        return " ".join(faults)

    def test_a_file_that_stays(self):
        self.write(["a", "b"])
        self.assertEqual(self.faults() + self.faults(), "")
        self.assertEqual(self.landing.found, collections.Counter([A, B]))

    def test_a_file_that_changes_even_to_the_same_bytes(self):
        self.write(["a"])
        self.faults()
        data = self.path.read_bytes()
        self.path.unlink()
        self.path.write_bytes(data)
        self.assertIn("has changed", self.faults())

    def test_a_file_that_goes(self):
        self.write(["a"])
        self.faults()
        self.path.unlink()
        self.assertIn("has gone", self.faults())

    def test_a_broken_or_empty_file(self):
        self.write(["a"])
        self.path.write_bytes(self.path.read_bytes()[:-3])
        self.assertIn("cannot be read", self.faults())
        self.path.unlink()
        self.faults()
        self.write([])
        self.assertIn("is empty", self.faults())

    def test_a_plan_or_folder_that_does_not_fit(self):
        self.write(["a"], count=2)
        self.assertIn("its plan says 2", self.faults())
        self.path.unlink()
        self.faults()
        self.write(["a"], kind="users.canvas.Entry")
        self.assertIn("holds users.canvas.Entry", self.faults())


class BalanceTest(unittest.TestCase):
    source = {"received": 10, "accepted": 6, "duplicates": 2, "rejected": 1, "set_aside": 1}
    whole = {"carried": 5, "landed": 5, "pending": 0, "set_aside": 0, "lost": 0}

    def test_sources(self):
        self.assertEqual(ledger.source_faults({"sources": [self.source]}), [])
        self.assertTrue(ledger.source_faults({"sources": [self.source | {"accepted": 7}]}))
        self.assertTrue(ledger.source_faults({}))

    def test_connectors(self):
        part = self.whole | {"carried": 2, "landed": 2}
        rest = self.whole | {"carried": 3, "landed": 3}
        self.assertEqual(ledger.connector_faults({"balance": self.whole, "types": {"a": part, "b": rest}}, 5), [])
        self.assertEqual(ledger.connector_faults({"types": [part, rest]}, 5), [])
        self.assertTrue(ledger.connector_faults({"balance": self.whole}, 6))
        self.assertTrue(ledger.connector_faults({"balance": self.whole | {"landed": 4}}, 4))
        self.assertTrue(ledger.connector_faults({"balance": self.whole | {"landed": 4, "lost": 1}}, 4))
        self.assertTrue(ledger.connector_faults({}, 0))


if __name__ == "__main__":
    unittest.main()
