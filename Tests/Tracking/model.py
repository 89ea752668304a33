"""Makes the day from a seed: every request, in which order it may come, and every event that must come of it."""
import random

import posting
import webhooks
from crowd import CROWD, Crowd
from definitions import (
    CAMPAIGNS, CANVASES, FLASH, FLASH_RULES, GROUPS, NEW_NAME, NUDGE, NUDGE_RULES, OUR_NUMBER, SPRING, SPRING_RULES,
    WELCOME, WELCOME_RULES, Clock, make_people, spring)
from expectation import Derived, Event
from stories import EMAIL, Teller

CROWDS_IN_WAVE = 4
NEVER_POSTED, DOUBLED, EARLY, LATE = 0.04, 0.06, 0.3, 0.08
RULES = {SPRING: SPRING_RULES, FLASH: FLASH_RULES, NUDGE: NUDGE_RULES, WELCOME: WELCOME_RULES}
BATCH_MAX = 60


class Plan:
    """The whole day. `first` are the definitions, `tasks` come after them and `last` when all those are answered."""

    def __init__(self, seed, users, noon, keys):
        self.chance, self.noon, self.keys = random.Random(seed), noon, keys
        self.clock, self.teller = Clock(noon), Teller(self.chance, self)
        self.events, self.tasks, self.last, self.messages, self.receipts = [], [], [], [], []
        self.first = [
            posting.put(f"{kind} {identity}", f"/v1/{kind}/{identity}", content)
            for kind, all_of_them in [("campaigns", CAMPAIGNS), ("canvases", CANVASES), ("subscription-groups", GROUPS)]
            for identity, content in all_of_them.items()
        ]
        self.pool, self.evening, self.late, self.early = [], [], [], []
        self.renamed = posting.put("rename", f"/v1/campaigns/{SPRING}", spring(NEW_NAME))
        crowds = make_people(self.chance, users, CROWD)
        for number, people in enumerate(crowds):
            crowd = Crowd(self, number, people)
            crowd.live()
            if number < len(crowds) / 3:
                self.renamed.after += crowd.received
            if number % CROWDS_IN_WAVE == CROWDS_IN_WAVE - 1 or number == len(crowds) - 1:
                self.post_pool(f"wave {number}", self.pool, self.tasks)
                self.pool = []
        self.strangers([person for people in crowds for person in people])
        self.post_pool("late", self.late, self.last)
        self.post_pool("evening", self.evening, self.tasks, [self.renamed])
        self.tasks.append(self.renamed)
        for receipt in self.receipts:
            self.events += receipt.conversions(RULES[receipt.owner_id])
        self.forge()

    def add(self, task, again=0.1, **how):
        """A task, and now and then the same once more."""
        self.tasks.append(task)
        if self.chance.random() < again:
            self.tasks.append(task.again(**how))
        return task

    # What providers tell

    def tell_sendgrid(self, entry, message, events):
        events = [event for event in events if event]
        self.events += events
        if self.chance.random() < NEVER_POSTED:
            for event in events:
                event.was_posted = False
            return False
        self.place((entry, message), message)
        if self.chance.random() < DOUBLED:
            self.place((entry, message), message)
        return True

    def place(self, entry, message):
        """Before the report of the send, if the provider's id will join them; or some time after it, or at the end."""
        draw = self.chance.random()
        if draw > 1 - LATE:
            self.late.append(entry)
        elif entry[0]["timestamp"] > self.noon:
            # Of what comes in before the new name is put, nobody can say what its name will have been.
            self.evening.append(entry)
        elif draw < EARLY and not message.is_named:
            self.early.append(entry)
        else:
            self.pool.append(entry)

    def tell_twilio(self, name, fields, message, event):
        was_posted = self.chance.random() >= NEVER_POSTED
        task = webhooks.TwilioTask(self.keys, name, fields, message)
        if event:
            event.facts["time"], event.was_posted = task.moment, was_posted
            self.events.append(event)
        if not was_posted:
            return
        draw = self.chance.random()
        if draw < EARLY and not message.is_named:
            message.task.after.append(task)
            task.is_early = True
        (self.last if draw > 1 - LATE else self.tasks).append(task)
        if self.chance.random() < DOUBLED:
            self.tasks.append(task.again())

    def inbound(self, name, fields, after):
        task = webhooks.TwilioTask(self.keys, name, fields, after=after)
        return self.add(task, DOUBLED * 2, after=[task])

    def post_pool(self, name, pool, tasks, after=()):
        self.chance.shuffle(pool)
        start = 0
        while start < len(pool):
            size = self.chance.randint(1, BATCH_MAX)
            task = webhooks.sendgrid_task(self.keys, f"{name} from {start}", pool[start:start + size], after)
            tasks.append(task)
            if self.chance.random() < DOUBLED:
                tasks.append(task.again())
            start += size

    def post_early(self, name):
        """What SendGrid tells before the messages are reported; it waits for them."""
        if not self.early:
            return
        self.chance.shuffle(self.early)
        task = webhooks.sendgrid_task(self.keys, name, self.early)
        task.is_early = True
        self.tasks.append(task)
        for message in {message for _, message in self.early}:
            message.task.after.append(task)
        self.early = []

    # What stands beside the messages

    def strangers(self, people):
        """Email that nobody reported: whose user the directory knows, nobody knows, or the provider was told."""
        for person in self.chance.sample(people, max(3, len(people) // 50)):
            number, time = self.teller.number(), self.noon - 8_000
            entry = {"timestamp": time, "event": "bounce", "reason": "550", "sg_event_id": f"a{number}"}
            facts = {"time": time, "bounce_reason": "550", "email_address": person.email}
            self.events.append(Event(EMAIL + "Bounce", {**facts, **person.fields()}))
            self.stranger({**entry, "email": person.email}, after=[person.told])

            address = f"nobody{number % 7}@example.net"
            facts = {"time": time, "bounce_reason": "550", "email_address": address, "user_id": Derived(address)}
            self.events.append(Event(EMAIL + "Bounce", facts))
            self.stranger({**entry, "email": address, "sg_event_id": f"b{number}"})

            given = {
                "user_id": person.user_id, "campaign_id": "c-receipts", "campaign_name": "Receipts",
                "dispatch_id": f"theirs-{number}", "send_id": f"order-{number}",
            }
            facts = {"time": time, "email_address": "else@example.com", "sending_ip": None, **given}
            self.events.append(Event(EMAIL + "Delivery", {**person.fields(), **facts}))
            entry = {"email": "else@example.com", "timestamp": time, "event": "delivered", "sg_event_id": f"c{number}"}
            self.stranger({**entry, "sg_message_id": f"unknown-{number}.x", **given}, after=[person.told])

    def stranger(self, entry, after=()):
        name = f"stranger {entry['sg_event_id']}"
        self.add(webhooks.sendgrid_task(self.keys, name, [(entry, None)], after))

    def forge(self):
        """Signed by somebody else: refused, and no event."""
        others = webhooks.Keys("another token")
        entry = {"email": "x@example.com", "timestamp": self.noon, "event": "open", "user_id": "forged"}
        for number in range(5):
            entry = {**entry, "sg_event_id": f"forged-{number}"}
            self.tasks.append(
                webhooks.sendgrid_task(others, f"forged {number}", [(entry, None)], expected=403))
            fields = {"MessageSid": f"SM-forged-{number}", "From": "+12129999999", "To": OUR_NUMBER, "Body": "STOP"}
            task = webhooks.TwilioTask(others, f"forged SMS {number}", fields)
            task.expected = 403
            self.tasks.append(task)
