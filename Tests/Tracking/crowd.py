"""Some of the people and their day: what they are sent and entered into, and what they do."""
import posting
import webhooks
from definitions import (
    EVENING, FLASH, NEWSLETTER, NUDGE, OUR_NUMBER, SERVICE, SMS_CLUB, SPRING, WELCOME)
from expectation import Event
from stories import PUSH, SMS, Message, Receipt, compact

CROWD = 50
REPLY_SECONDS = 14_400


class Crowd:
    """Their behaviours, replies and subscriptions come after what they follow; all else may come as it likes."""

    def __init__(self, plan, number, people):
        self.plan, self.number, self.people = plan, number, people
        self.chance, self.teller, self.noon, self.clock = plan.chance, plan.teller, plan.noon, plan.clock
        self.springs, self.latest_sms, self.received, self.messages = [], {}, [], []

    def live(self):
        users = {"users": [person.entry() for person in self.people]}
        self.users = self.plan.add(posting.put(f"users {self.number}", "/v1/users", users))
        for person in self.people:
            person.told = self.users
        subscribed = self.subscribe("morning", [], 0.85)
        self.enrol()
        self.spring()
        self.welcome()
        self.flash()
        self.nudge()
        self.plan.post_early(f"early {self.number}")
        self.behave()
        changes = self.newsletter(subscribed) + self.replies(subscribed)
        self.subscribe("evening", [subscribed, *changes], 0.6)

    def report(self, name, kind, content, after=(), messages=()):
        task = posting.Report(f"{name} {self.number}", kind, content, [self.users, *after], messages)
        for message in messages:
            message.task = task
        return self.plan.add(task)

    def send(self, name, head, messages, recipient):
        """Reports messages; `recipient` says of each what its channel needs."""
        if not messages:
            return
        recipients = []
        for message in messages:
            item = {**message.person.named(self.chance), "time": message.time, **recipient(message)}
            if not message.is_named:
                item["provider_message_id"] = message.provider_id
            recipients.append(item)
        self.messages += messages
        self.plan.messages += messages
        self.received.append(self.report(name, "sends", {**head, "recipients": recipients}, (), messages))

    def provider_id(self):
        """The provider's own id of a message, for those whose provider is not told ours."""
        return f"p-{self.teller.number()}" if self.chance.random() < 0.4 else None

    # The email campaign, and its control group

    def campaign(self, identity, variation):
        return lambda time: {**self.clock.campaign(identity, time), "message_variation_id": variation}

    def is_control(self, person):
        return person.number % 10 == 7

    def enrol(self):
        items = []
        for person in filter(self.is_control, self.people):
            time, owner = self.noon - 36_000, self.campaign(SPRING, "s-c")
            items.append({
                **person.named(self.chance), "campaign_id": SPRING, "message_variation_id": "s-c", "time": time})
            facts = {"time": time, **person.fields(), **owner(time), "send_id": "spring-default"}
            self.plan.events.append(Event("users.campaigns.EnrollInControl", facts))
            self.plan.receipts.append(Receipt(person, time, SPRING, owner, "spring-default"))
        if items:
            self.received.append(self.report("enrol", "enrolments", {"enrolments": items}))

    def spring(self):
        """Scheduled: the requests of all crowds are one send, by their dispatch key."""
        head = {"channel": "email", "trigger": "scheduled", "campaign_id": SPRING, "ip_pool": "bulk"}
        head["dispatch_key"] = "spring"
        send_id = "spring-default"
        if self.number % 2:
            head["send_id"] = send_id = f"spring-{self.number}"
        for person in self.people:
            if not self.is_control(person):
                owner = self.campaign(SPRING, self.chance.choice(["s-a", "s-b"]))
                time = self.noon - 36_000 + person.number % 600
                self.springs.append(self.email(person, time, owner, "spring", send_id))
                self.plan.receipts.append(Receipt(person, time, SPRING, owner, send_id))
        self.send("spring", head, self.springs, lambda message: {
            "email_address": message.person.email,
            "message_variation_id": message.owner(message.time)["message_variation_id"],
        })
        for message in self.springs:
            self.teller.email(message)

    def email(self, person, time, owner, dispatch, send_id):
        context = {"email_address": person.email, "ip_pool": "bulk", "send_id": send_id}
        message = Message(person, time, owner, context, dispatch, self.provider_id())
        self.plan.events.append(message.event("users.messages.email.Send", time))
        return message

    # The canvas: email on entry, a content card, another email

    def welcome(self):
        travellers, items = [], []
        for person in self.people:
            if self.chance.random() < 0.4:
                continue
            variation = self.chance.choices(["w-1", "w-2", "w-c"], [45, 45, 10])[0]
            time = self.noon - 30_000
            items.append({
                **person.named(self.chance), "canvas_id": WELCOME, "canvas_variation_id": variation,
                "canvas_step_id": "hello", "time": time,
            })
            facts = {
                "time": time, **person.fields(), **self.clock.canvas(variation), "canvas_step_id": "hello",
                "canvas_step_name": None, "in_control_group": variation == "w-c",
            }
            self.plan.events.append(Event("users.canvas.Entry", facts))
            self.plan.receipts.append(Receipt(person, time, WELCOME, self.canvas(variation)))
            if variation != "w-c":
                travellers.append((person, variation))
        if items:
            self.received.append(self.report("enter", "entries", {"entries": items}))
        self.hello(travellers)
        self.remind([traveller for traveller in travellers if self.chance.random() < 0.5])
        self.card([traveller for traveller in travellers if self.chance.random() < 0.8])

    def canvas(self, variation, step=None):
        return lambda time, last=None: self.clock.canvas(variation, step or last)

    def step(self, step, travellers, time, make):
        messages = []
        for person, variation in travellers:
            messages.append(make(person, time + person.number % 60, self.canvas(variation, step)))
            person.steps.append((messages[-1].time, step))
        return messages

    def step_recipient(self, message):
        """What a canvas message belongs to; the names come from the definition."""
        owner = message.owner(message.time)
        return {name: owner[name] for name in ("canvas_id", "canvas_variation_id", "canvas_step_id")}

    def hello(self, travellers):
        """An entry step that is scheduled: one dispatch id for all recipients of a request."""
        messages = self.step(
            "hello", travellers, self.noon - 29_900,
            lambda person, time, owner: self.email(person, time, owner, f"hello {self.number}", None))
        self.send_canvas_email("hello", {}, messages)

    def remind(self, travellers):
        """Scheduled too, but no entry step: a dispatch id for each user, whatever the dispatch key."""
        messages = self.step(
            "remind", travellers, self.noon - 10_000,
            lambda person, time, owner: self.email(person, time, owner, ("remind", person), None))
        self.send_canvas_email("remind", {"dispatch_key": "remind"}, messages)

    def send_canvas_email(self, name, more, messages):
        head = {"channel": "email", "trigger": "scheduled", "ip_pool": "bulk", **more}
        self.send(name, head, messages, lambda message: {
            "email_address": message.person.email, **self.step_recipient(message)})
        for message in messages:
            self.teller.email(message)

    def card(self, travellers):
        def make(person, time, owner):
            context = {"content_card_id": "card-1", "device_id": person.device}
            message = Message(person, time, owner, context, ("card", person))
            self.plan.events.append(message.event("users.messages.contentcard.Send", time))
            return message

        messages = self.step("card", travellers, self.noon - 20_000, make)
        head = {"channel": "content_card", "trigger": "action", "content_card_id": "card-1"}
        self.send("card", head, messages, lambda message: {
            "device_id": message.person.device, **self.step_recipient(message)})
        self.interact("cards", [item for message in messages for item in self.teller.card(message)])

    def interact(self, name, items):
        self.chance.shuffle(items)
        if items:
            self.report(name, "interactions", lambda: {
                "interactions": [{**item, "message_id": message.message_id} for item, message in items]
            }, [items[0][1].task])

    # The SMS campaign, twice for some, by a number or by a service

    def flash(self):
        for name, start, share in [("flash at night", 50_000, 0.15), ("flash", 4_000, 0.35)]:
            by_number, by_service = [], []
            for person in self.people:
                if person.shares or self.chance.random() > share:
                    continue
                number = OUR_NUMBER if self.chance.random() < 0.8 else None
                context = {
                    "from_phone_number": number, "to_phone_number": person.phone, "subscription_group_id": SMS_CLUB}
                time = self.noon - start - self.chance.randrange(3_000)
                owner = self.campaign(FLASH, self.chance.choice(["f-a", "f-b"]))
                message = Message(person, time, owner, context, (name, person), self.provider_id())
                (by_number if number else by_service).append(message)
                self.plan.receipts.append(Receipt(person, time, FLASH, owner))
                self.plan.events.append(message.event(SMS + "Send", time))
                if start < REPLY_SECONDS:
                    self.latest_sms[person.phone] = message
            self.send_sms(name, {"from_phone_number": OUR_NUMBER}, by_number)
            self.send_sms(f"{name} by service", {"messaging_service": SERVICE}, by_service)

    def send_sms(self, name, sender, messages):
        head = {
            "channel": "sms", "trigger": "api", "campaign_id": FLASH, "subscription_group_id": SMS_CLUB, **sender}
        self.send(name, head, messages, lambda message: {
            "phone_number": message.person.phone,
            "message_variation_id": message.owner(message.time)["message_variation_id"],
        })
        for message in messages:
            self.teller.sms(message)

    def replies(self, subscribed):
        """Each household's one after the other: what is said first counts first."""
        tasks = []
        for person in self.people:
            if person.shares or self.chance.random() > 0.2:
                continue
            household = [other for other in self.people if other.phone == person.phone]
            answered, after = self.latest_sms.get(person.phone), [subscribed, self.users]
            after += [message.task for message in self.messages if message.person is person]
            for _ in range(self.chance.choice([1, 1, 2, 3])):
                task = self.teller.inbound(household, answered, after)
                tasks.append(task)
                after = [task]
        return tasks

    # The push campaign

    def nudge(self):
        messages = []
        for person in self.people:
            if self.chance.random() < 0.5:
                owner, time = self.campaign(NUDGE, "n-a"), self.noon - 12_000 + person.number % 900
                messages.append(Message(person, time, owner, person.gadget(), ("nudge", person)))
                self.plan.receipts.append(Receipt(person, time, NUDGE, owner))
                self.plan.events.append(messages[-1].event(PUSH + "Send", time))
        head = {"channel": "push", "trigger": "action", "campaign_id": NUDGE, "message_variation_id": "n-a"}
        self.send("nudge", head, messages, lambda message: message.person.gadget())
        results, opened = [], []
        for message in messages:
            result, is_taken = self.teller.push_result(message)
            results.append((result, message))
            opened += self.teller.push(message) if is_taken else []
        if messages:
            self.report("results", "push-results", lambda: {
                "results": [{**result, "message_id": message.message_id} for result, message in results]
            }, [messages[0].task])
        self.interact("opens", opened)

    # What they do, and what they subscribe to

    def behave(self):
        """In the order of time, in three requests that wait for each other and for all that was sent to the crowd."""
        deeds = [deed for person in self.people for deed in self.deeds(person)]
        deeds.sort(key=lambda deed: deed[0]["time"])
        after, third = self.received, len(deeds) // 3 + 1
        for part in range(3):
            items = deeds[part * third:(part + 1) * third]
            if items:
                if items[-1][0]["time"] > self.noon:
                    after = [*after, self.plan.renamed]
                task = self.report(f"deeds {part}", "behaviours", {"behaviours": [item for item, _ in items]}, after)
                after = [task]
            self.plan.events += [event for _, event in items]

    def deeds(self, person):
        noon, chance = self.noon, self.chance
        for time in self.chance.sample(range(noon - 35_000, noon), chance.choice([0, 1, 2, 3])):
            # Within the window, in the evening, or after all windows.
            time = chance.choice([time] * 8 + [noon + EVENING + time % 9_000, noon + 60_000 + time % 900])
            purchase = {"product_id": chance.choice(["shoe", "hat"]), "price": chance.choice([19.5, 40, 55.25])}
            properties = {"colour": "grün", "size": chance.randrange(30, 50)}
            yield self.deed(person, "purchase", "Purchase", time, {
                **purchase, "currency": "EUR"}, properties)
        for _ in range(chance.choice([0, 0, 1, 2])):
            time = noon - 12_000 + chance.randrange(18_000)
            yield self.deed(person, "session", "app.SessionStart", time, {"session_id": f"x-{self.teller.number()}"})
        for _ in range(chance.choice([0, 1, 2])):
            time = noon - 7_000 + chance.randrange(14_000)
            name, amount = chance.choice(["redeem", "redeem", "browse"]), chance.choice([10, 11, 25])
            yield self.deed(person, "custom event", "CustomEvent", time, {"name": name}, {"amount": amount})

    def deed(self, person, kind, event_kind, time, facts, properties=None):
        word = {"purchase": "purchase", "session": "session_start", "custom event": "custom_event"}[kind]
        item = {"type": word, "time": time, **person.named(self.chance), **person.gadget(), **facts}
        context = {**person.fields(), **person.gadget()}
        facts = {"time": time, **facts}
        if properties is not None:
            item["properties"] = properties
            facts["properties"] = compact(properties)
        person.deeds.append((kind, time, {**facts, "app_id": person.app, "properties": properties}))
        if "price" in facts:
            facts["price"] = float(facts["price"])
        return item, Event(f"users.behaviors.{event_kind}", facts, context)

    def newsletter(self, subscribed):
        leavers = [message for message in self.springs if self.chance.random() < 0.06]
        pairs = [
            (self.teller.leave_newsletter(message, self.chance.random() < 0.4), message) for message in leavers]
        tasks, after = [], [subscribed, self.users]
        for place, name in enumerate(["leave", "come back"]):
            entries = [(entries[place], message) for entries, message in pairs if entries[place]]
            if entries:
                after = [*after, *(message.task for _, message in entries)]
                task = webhooks.sendgrid_task(self.plan.keys, f"{name} {self.number}", entries, after)
                tasks.append(self.plan.add(task, 0.3, after=[task]))
                after = [task]
        return tasks

    def subscribe(self, when, after, share):
        items, time = [], self.noon - 45_000 if when == "morning" else self.noon - 100
        for person in self.people:
            for group, channel in [(SMS_CLUB, "sms"), (NEWSLETTER, "email")]:
                if self.chance.random() > share:
                    continue
                status = self.chance.choice(["Subscribed", "Subscribed", "Unsubscribed"])
                items.append({
                    **person.named(self.chance), "subscription_group_id": group, "subscription_status": status,
                    "time": time,
                })
                self.plan.events += self.teller.change(person, group, status, channel, time)
        return self.report(f"subscriptions {when}", "subscriptions", {"subscriptions": items}, after) if items else None
