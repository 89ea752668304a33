"""What the day is about: three campaigns, a canvas, two subscription groups, and the people.

All times of the day are told from its noon, the moment at which the run begins. The definitions are put at noon, and
one campaign gets another name within the hour: what happens until noon has the old name, what happens in the
evening the new one.
"""
EVENING = 7_200
APP_GROUP = "5e1f0a7b-shop"
OUR_NUMBER, SERVICE_NUMBER, SERVICE = "+15005550006", "+15005550007", "MG00000000000000000000000000000001"
SMS_CLUB, NEWSLETTER, NEWSLETTER_AT_SENDGRID = "sms-club", "newsletter", "7001"

SPRING, FLASH, NUDGE, WELCOME = "c-spring", "c-flash", "c-nudge", "v-welcome"
OLD_NAME, NEW_NAME = "Spring launch", "Spring launch, extended"

SPRING_RULES = [
    {"type": "Makes Purchase", "window": 86_400, "product": "any"},
    {"type": "Clicks Message", "window": 7_200},
]
FLASH_RULES = [
    {
        "type": "Performs Custom Event", "window": 10_800, "custom_event_name": "redeem",
        "filters": [{"property": "amount", "operator": "more_than", "value": 10}],
    },
]
NUDGE_RULES = [{"type": "Opens Message", "window": 3_600}, {"type": "Starts Session", "window": 1_800}]
WELCOME_RULES = [
    {"type": "Starts Session", "window": 14_400},
    {"type": "Makes Purchase", "window": 86_400, "product": "shoe", "minimum_price": 40},
]


def variation(identity, share, control=False):
    return {"id": identity, "name": f"Variation {identity}", "share": share, "control": control}


def spring(name):
    return {
        "name": name, "send_id": "spring-default", "conversions": SPRING_RULES,
        "variations": [variation("s-a", 60), variation("s-b", 30), variation("s-c", 10, control=True)],
    }


CAMPAIGNS = {
    SPRING: spring(OLD_NAME),
    FLASH: {
        "name": "Flash sale", "variations": [variation("f-a", 50), variation("f-b", 50)], "conversions": FLASH_RULES,
    },
    NUDGE: {"name": "Größe zurück?", "variations": [variation("n-a", 100)], "conversions": NUDGE_RULES},
}
CANVASES = {
    WELCOME: {
        "name": "Welcome", "conversions": WELCOME_RULES,
        "variations": [variation("w-1", 45), variation("w-2", 45), variation("w-c", 10, control=True)],
        "steps": [
            {"id": "hello", "name": "Hello", "entry": True, "scheduled": True},
            {"id": "card", "name": "A card"},
            {"id": "remind", "name": "Reminder"},
        ],
    },
}
GROUPS = {
    SMS_CLUB: {
        "name": "SMS club", "channel": "sms", "app_group_id": APP_GROUP, "numbers": [OUR_NUMBER],
        "messaging_services": [SERVICE],
    },
    NEWSLETTER: {
        "name": "Newsletter", "channel": "email", "provider_groups": {"sendgrid": [NEWSLETTER_AT_SENDGRID]},
    },
}


class Clock:
    def __init__(self, noon):
        self.noon = noon

    def campaign(self, identity, time):
        """The fields that name a campaign in an event of that time."""
        name = CAMPAIGNS[identity]["name"]
        if identity == SPRING and isinstance(time, int):
            if self.noon < time < self.noon + EVENING:
                raise AssertionError("whether the campaign has its new name by then is not known")
            name = OLD_NAME if time <= self.noon else NEW_NAME
        return {"campaign_id": identity, "campaign_name": name}

    @staticmethod
    def canvas(variation_id, step=None):
        fields = {
            "canvas_id": WELCOME, "canvas_name": CANVASES[WELCOME]["name"], "canvas_variation_id": variation_id,
            "canvas_variation_name": f"Variation {variation_id}",
        }
        for known in CANVASES[WELCOME]["steps"]:
            if known["id"] == step:
                fields |= {"canvas_step_id": step, "canvas_step_name": known["name"]}
        return fields


class Person:
    """A user, and what the directory knows of them."""

    def __init__(self, chance, number):
        self.number = number
        self.user_id = f"u-{number:06}"
        self.external = f"cust-{number}" if chance.random() < 0.7 else None
        self.timezone = chance.choice(["Europe/Paris", "America/New_York", "Asia/Tokyo", None])
        self.email = f"person{number}@example.com"
        self.phone = f"+1212{number:07}"
        self.app = chance.choice(["app-ios", "app-android"])
        self.platform = self.app.removeprefix("app-")
        self.device = f"device-{number}"
        self.shares = False
        self.ads = {}
        if chance.random() < 0.3:
            kind = "ios_idfa" if self.platform == "ios" else "google_ad_id"
            self.ads = {"ad_id": f"{chance.getrandbits(64):x}", "ad_id_type": kind, "ad_tracking_enabled": True}
        self.receipts, self.deeds, self.steps, self.states = [], [], [], {}

    def entry(self):
        entry = {"user_id": self.user_id, "phones": [self.phone], "emails": [self.email]}
        if self.external:
            entry["external_user_id"] = self.external
        if self.timezone:
            entry["timezone"] = self.timezone
        return entry

    def fields(self):
        """As they stand in every event of this user."""
        return {"user_id": self.user_id, "external_user_id": self.external, "timezone": self.timezone}

    def named(self, chance):
        """How a report names this user: by either id."""
        if self.external and chance.random() < 0.3:
            return {"external_user_id": self.external}
        return {"user_id": self.user_id}

    def gadget(self):
        return {"app_id": self.app, "platform": self.platform, "device_id": self.device, **self.ads}


def make_people(chance, count, crowd):
    """In crowds of `crowd`; some share a number with the person before them: a household."""
    people = [Person(chance, number) for number in range(count)]
    for before, person in zip(people, people[1:]):
        if person.number % crowd and chance.random() < 0.06 and not before.shares:
            person.phone, person.shares = before.phone, True
    return [people[start:start + crowd] for start in range(0, count, crowd)]
