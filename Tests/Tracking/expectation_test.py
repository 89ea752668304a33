"""The day's comparison can fail: each fault it looks for is made here on purpose, and must be found."""
import types
import unittest

import day
from expectation import Comparison, Derived, Dispatch, Event, Within
from stories import Message, Receipt

KIND = "users.messages.email.Click"


def record(identity, **fields):
    return {"id": identity, "time": 5, "user_id": "u", "url": None, "dispatch_id": None, **fields}


def event(**facts):
    return Event(KIND, {"time": 5, "user_id": "u", **facts}, {"ip_pool": "a field that the type has not"})


def faults(events, *records):
    return " ".join(Comparison().compare(events, {KIND: list(records)} if records else {}))


class ComparisonTest(unittest.TestCase):
    def test_what_must_hold(self):
        self.assertEqual(faults([event(), event(url="x")], record("1", url="x"), record("2")), "")

    def test_an_event_that_is_missing_or_too_many(self):
        self.assertIn("there is none", faults([event()]))
        self.assertIn("1 are missing, 0 are too many", faults([event(), event()], record("1")))
        self.assertIn("0 are missing, 1 are too many", faults([event()], record("1"), record("2")))
        self.assertIn("is too many", faults([], record("1")))

    def test_an_id_that_stands_twice(self):
        self.assertIn("id 1 stands 2 times", faults([event(), event()], record("1"), record("1")))

    def test_a_field_that_differs_lacks_or_is_more(self):
        self.assertIn("{'url': ('x', 'y')}", faults([event(url="x")], record("1", url="y")))
        self.assertIn("{'url': ('x', None)}", faults([event(url="x")], record("1")))
        self.assertIn("{'url': (None, 'x')}", faults([event()], record("1", url="x")))
        self.assertIn("{'time': (5, 6)}", faults([event()], record("1", time=6)))

    def test_a_value_of_another_type_differs(self):
        self.assertIn("{'url': (1, True)}", faults([event(url=1)], record("1", url=True)))

    def test_a_fact_that_the_type_has_no_field_for(self):
        self.assertIn("has no field app_id", faults([event(app_id="x")], record("1")))

    def test_what_was_never_posted_must_not_stand(self):
        never = event()
        never.was_posted = False
        self.assertEqual(faults([event(), never], record("1")), "")
        self.assertIn("1 are too many", faults([event(), never], record("1"), record("2")))

    def test_moments_of_arrival(self):
        first, second = Within(), Within()
        for moment, began, ended in [(first, 10.9, 12.2), (second, 11.5, 11.9)]:
            moment.began(began)
            moment.ended(ended)
        events = [event(time=first), event(time=second)]
        self.assertEqual(faults(events, record("1", time=12), record("2", time=11)), "")
        self.assertIn("1 are missing", faults(events, record("1", time=12), record("2", time=12)))
        self.assertIn("1 are missing", faults(events, record("1", time=9), record("2", time=11)))

    def test_derived_users_are_those_of_their_address(self):
        Derived.ids.clear()
        events = [event(user_id=Derived(address), url=url) for address, url in [("a", "1"), ("a", "2"), ("b", "3")]]
        users = [record(url, url=url, user_id=user) for url, user in [("1", "x"), ("2", "x"), ("3", "y")]]
        self.assertEqual(faults(events, *users), "")
        Derived.ids.clear()
        self.assertIn("1 are missing", faults(events, *users[:2], record("3", url="3", user_id="x")))


class DispatchTest(unittest.TestCase):
    def message(self, transmission, identity):
        message = Message(None, 0, None, {}, transmission)
        message.learn("m", identity)
        return message

    def test_who_shares_a_dispatch_id(self):
        one, other, alone = self.message("s", "1"), self.message("s", "1"), self.message("t", "2")
        self.assertEqual(day.dispatch_faults([one, other, alone]), [])
        self.assertTrue(day.dispatch_faults([one, self.message("s", "2")]))
        self.assertTrue(day.dispatch_faults([one, self.message("t", "1")]))
        self.assertEqual(faults([event(dispatch_id=Dispatch(one))], record("1", dispatch_id="1")), "")
        self.assertIn("1 are missing", faults([event(dispatch_id=Dispatch(one))], record("1", dispatch_id="2")))

    def test_a_repeated_report_gives_the_same_ids(self):
        with self.assertRaises(AssertionError):
            self.message("s", "1").learn("m", "2")


class ConversionTest(unittest.TestCase):
    """What the model takes for a conversion."""

    rule = {"type": "Makes Purchase", "window": 100, "product": "shoe", "minimum_price": 40}

    def conversions(self, *deeds):
        person = types.SimpleNamespace(deeds=list(deeds), steps=[(900, "a"), (1_050, "b")], fields=dict)
        receipt = Receipt(person, 1_000, "w", lambda time, step=None: {"canvas_id": "w", "canvas_step_id": step})
        return [(event.facts["time"], event.facts["canvas_step_id"]) for event in receipt.conversions([self.rule])]

    def deed(self, time, product="shoe", price=40):
        return ("purchase", time, {"product_id": product, "price": price, "app_id": "x"})

    def test_once_by_the_first_deed_with_the_last_step_before_it(self):
        self.assertEqual(self.conversions(self.deed(1_070), self.deed(1_040)), [(1_040, "a")])
        self.assertEqual(self.conversions(self.deed(1_050)), [(1_050, "b")])

    def test_the_window_and_the_rule(self):
        self.assertEqual(self.conversions(self.deed(999), self.deed(1_101)), [])
        self.assertEqual(self.conversions(self.deed(1_000), self.deed(1_100)), [(1_000, "a")])
        self.assertEqual(self.conversions(self.deed(1_010, "hat"), self.deed(1_010, price=39)), [])


if __name__ == "__main__":
    unittest.main()
