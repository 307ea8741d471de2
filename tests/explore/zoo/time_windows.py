"""Consumers which trust in time, or in how often a message has come."""

from __future__ import annotations

import json
import logging
import time  # noqa: TID251  # user code; the time is simulated
from datetime import UTC, datetime

from .specimen import Specimen, texts

log = logging.getLogger(__name__)


class BoxOffice:
    """Keeps its idempotency keys for five minutes."""

    keep_seconds = 300

    def __init__(self):
        self.keys = {}
        self.sold = []

    def handler(self, event, context):
        for record in event["Records"]:
            seat = record["body"]
            if self.keys.get(seat, 0) > time.time():
                continue
            self.sold.append(seat)
            self.keys[seat] = time.time() + self.keep_seconds

    def observe(self):
        return sorted(self.sold)


class BoxOfficeForGood(BoxOffice):
    """A sold seat is sold."""

    def __init__(self):
        self.sold = {}

    def handler(self, event, context):
        for record in event["Records"]:
            seat = record["body"]
            self.sold.setdefault(seat, True)


class DailyDigest:
    """Starts a new page for each day, and knows only what is on it."""

    def __init__(self):
        self.day = None
        self.page = set()
        self.sent = []

    def turn_page(self):
        today = int(time.time() // 86_400)
        if today != self.day:
            self.page.clear()
            self.day = today

    def handler(self, event, context):
        self.turn_page()
        for record in event["Records"]:
            reader = json.loads(record["body"])["reader"]
            if reader not in self.page:
                self.sent.append(reader)
                self.page.add(reader)

    def observe(self):
        return sorted(self.sent)


class DailyDigestByIssue(DailyDigest):
    """The day is the one in the message."""

    def __init__(self):
        self.sent = set()

    def handler(self, event, context):
        for record in event["Records"]:
            issue = json.loads(record["body"])
            self.sent.add((issue["reader"], issue["day"]))

    def observe(self):
        return sorted(reader for reader, _ in self.sent)


class ParkingMeter:
    """Its key is rounded to the minute: a copy in the next minute is another."""

    def __init__(self):
        self.tickets = {}

    def handler(self, event, context):
        for record in event["Records"]:
            plate = record["body"]
            minute = int(time.time()) // 60
            self.tickets.setdefault((plate, minute), "2.00")

    def observe(self):
        return sorted(plate for plate, _ in self.tickets)


class ParkingMeterBySentTime(ParkingMeter):
    """When it was sent is the same in each copy."""

    def handler(self, event, context):
        for record in event["Records"]:
            plate = record["body"]
            minute = int(record["attributes"]["SentTimestamp"]) // 60_000
            self.tickets.setdefault((plate, minute), "2.00")


class PushNotifications:
    """What is older than five minutes interests nobody, it thinks."""

    def __init__(self):
        self.pushed = {}

    def is_late(self, record):
        sent = int(record["attributes"]["SentTimestamp"]) / 1000
        return time.time() - sent > 300

    def handler(self, event, context):
        for record in event["Records"]:
            if self.is_late(record):
                log.warning("late, dropped: %s", record["messageId"])
                continue
            push = json.loads(record["body"])
            self.pushed[push["id"]] = push["text"]

    def observe(self):
        return self.pushed


class PushNotificationsEvenLate(PushNotifications):
    def handler(self, event, context):
        for record in event["Records"]:
            push = json.loads(record["body"])
            self.pushed[push["id"]] = push["text"]
            if self.is_late(record):
                log.warning("late: %s", record["messageId"])


class PasswordMailer:
    """Takes a message that came before for one that failed before, and gives up."""

    def __init__(self):
        self.mails = {}

    def handler(self, event, context):
        for record in event["Records"]:
            if int(record["attributes"]["ApproximateReceiveCount"]) > 1:
                log.error("poison: %s", record["messageId"])
                continue
            request = json.loads(record["body"])
            self.mails[request["user"]] = f"reset: {request['link']}"

    def observe(self):
        return self.mails


class PasswordMailerThatTries(PasswordMailer):
    def handler(self, event, context):
        for record in event["Records"]:
            request = json.loads(record["body"])
            self.mails[request["user"]] = f"reset: {request['link']}"


class HotelDesk:
    """Reserves at the first delivery only, as later ones must find it done."""

    def __init__(self):
        self.rooms = {}
        self.letters = {}

    def handler(self, event, context):
        for record in event["Records"]:
            guest = record["body"]
            if record["attributes"]["ApproximateReceiveCount"] == "1":
                self.rooms[guest] = "a room"
            self.letters[guest] = f"Dear {guest}, your room awaits you."

    def observe(self):
        return sorted(self.rooms), self.letters


class HotelDeskByGuest(HotelDesk):
    def handler(self, event, context):
        for record in event["Records"]:
            guest = record["body"]
            if guest not in self.rooms:
                self.rooms[guest] = "a room"
            self.letters[guest] = f"Dear {guest}, your room awaits you."


class TaxFiling:
    """Counts its own attempts, and two must do."""

    def __init__(self):
        self.attempts = {}
        self.filed = {}

    def handler(self, event, context):
        for record in event["Records"]:
            filing = json.loads(record["body"])
            attempt = self.attempts.get(filing["year"], 0) + 1
            self.attempts[filing["year"]] = attempt
            if attempt > 2:
                continue
            self.filed[filing["year"]] = filing["cents"]

    def observe(self):
        return self.filed


class TaxFilingThatGoesOn(TaxFiling):
    def handler(self, event, context):
        for record in event["Records"]:
            filing = json.loads(record["body"])
            attempt = self.attempts.get(filing["year"], 0) + 1
            self.attempts[filing["year"]] = attempt
            if attempt > 2:
                log.warning("attempt %d for %d", attempt, filing["year"])
            self.filed[filing["year"]] = filing["cents"]


class FuelCard:
    """Knows for a minute what was spent, whatever others spend meanwhile."""

    limit = 80

    def __init__(self):
        self.accepted = {}

    def environment(self):
        cache = {}

        def spent():
            until, cents = cache.get("spent", (0, 0))
            if until < time.time():
                cents = sum(self.accepted.values())
            return cents

        def handler(event, context):
            for record in event["Records"]:
                purchase = json.loads(record["body"])
                before = spent()
                if purchase["id"] in self.accepted or before + purchase["cents"] > self.limit:
                    continue
                self.accepted[purchase["id"]] = purchase["cents"]
                cache["spent"] = (time.time() + 60, before + purchase["cents"])

        return handler

    def observe(self):
        return sum(self.accepted.values())


class FuelCardInOneStep(FuelCard):
    def environment(self):
        def handler(event, context):
            for record in event["Records"]:
                purchase = json.loads(record["body"])
                wish = {purchase["id"]: purchase["cents"]}
                self.accepted |= wish if sum((self.accepted | wish).values()) <= self.limit else {}

        return handler


class NewYearBonus:
    """Pays for the day on which it runs."""

    def __init__(self):
        self.paid = {}

    def handler(self, event, context):
        today = datetime.fromtimestamp(time.time(), UTC).date()
        for record in event["Records"]:
            employee = json.loads(record["body"])
            key = f"{employee['name']}/{today.isoformat()}"
            self.paid[key] = employee["cents"]

    def observe(self):
        return sum(self.paid.values())


class NewYearBonusByYear(NewYearBonus):
    def handler(self, event, context):
        for record in event["Records"]:
            employee = json.loads(record["body"])
            key = f"{employee['name']}/{employee['year']}"
            self.paid[key] = employee["cents"]


SPECIMENS = [
    Specimen(
        name="box office",
        kind="window too short",
        bug=BoxOffice,
        twin=BoxOfficeForGood,
        messages=["1A", "1B"],
        note="A copy comes an hour later, when its key is forgotten; the twin keeps keys for good.",
    ),
    Specimen(
        name="daily digest",
        kind="window too short",
        bug=DailyDigest,
        twin=DailyDigestByIssue,
        messages=texts({"reader": "ann", "day": "may 1"}, {"reader": "bob", "day": "may 1"}),
        note="A copy comes a day later, on an empty page; the twin's key is the day in the message.",
    ),
    Specimen(
        name="parking meter",
        kind="time in the idempotency key",
        bug=ParkingMeter,
        twin=ParkingMeterBySentTime,
        messages=["M-1", "M-2"],
        note="A copy comes in another minute under another key; the twin takes the time of sending.",
    ),
    Specimen(
        name="new year bonus",
        kind="time in the idempotency key",
        bug=NewYearBonus,
        twin=NewYearBonusByYear,
        messages=texts({"name": "ann", "year": 2024, "cents": 9900}),
        note="A copy comes on another day and is paid again; the twin's key is the year in the message.",
    ),
    Specimen(
        name="push notifications",
        kind="late message dropped",
        bug=PushNotifications,
        twin=PushNotificationsEvenLate,
        messages=texts({"id": 1, "text": "your parcel is here"}, {"id": 2, "text": "rain at noon"}),
        queue={"visibility_timeout": 600},
        note="After a crash the message comes again ten minutes later, too late; the twin pushes it even so.",
    ),
    Specimen(
        name="password mailer",
        kind="receive count misread",
        bug=PasswordMailer,
        twin=PasswordMailerThatTries,
        messages=texts({"user": "ann", "link": "https://x.org/1"}, {"user": "bob", "link": "https://x.org/2"}),
        note="A crash or a throttle makes the count two, which is given up; the twin ignores the count.",
    ),
    Specimen(
        name="hotel desk",
        kind="receive count misread",
        bug=HotelDesk,
        twin=HotelDeskByGuest,
        messages=["ann", "bob"],
        note="A crash or a throttle makes the first run the second delivery; the twin looks for the room.",
    ),
    Specimen(
        name="tax filing",
        kind="attempts run out",
        bug=TaxFiling,
        twin=TaxFilingThatGoesOn,
        messages=texts({"year": 2023, "cents": 12_300}),
        note="Two crashes use up the attempts; the twin counts them for the log only.",
    ),
    Specimen(
        name="fuel card",
        kind="stale environment cache",
        bug=FuelCard,
        twin=FuelCardInOneStep,
        messages=texts(*({"id": number, "cents": 40} for number in (1, 2, 3))),
        note="Two environments each know of their own purchases; the twin looks and accepts in one step.",
    ),
]
