"""Consumers which count deliveries, relay what they noted, or read a batch as a file."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .specimen import Specimen, texts


class DailyTotals:
    """Adds the length of each batch."""

    def __init__(self):
        self.sales = set()
        self.total = 0

    def handler(self, event, context):
        records = event["Records"]
        for record in records:
            self.sales.add(record["body"])
        self.total += len(records)

    def observe(self):
        return {"sales": sorted(self.sales), "total": self.total}


class DailyTotalsOfSales(DailyTotals):
    def handler(self, event, context):
        for record in event["Records"]:
            self.sales.add(record["body"])

    def observe(self):
        return {"sales": sorted(self.sales), "total": len(self.sales)}


class RatingAverage:
    """A running mean, which cannot tell a rating from its copy."""

    def __init__(self):
        self.ratings = 0
        self.mean = 0.0

    def handler(self, event, context):
        for record in event["Records"]:
            stars = json.loads(record["body"])["stars"]
            self.ratings += 1
            self.mean += (stars - self.mean) / self.ratings

    def observe(self):
        return round(self.mean, 6)


class RatingAverageByReviewer(RatingAverage):
    def __init__(self):
        self.stars = {}

    def handler(self, event, context):
        for record in event["Records"]:
            rating = json.loads(record["body"])
            self.stars[rating["by"]] = rating["stars"]

    def observe(self):
        return round(sum(self.stars.values()) / len(self.stars), 6)


class OutboxRelay:
    """Notes an event once, but sends what is unsent and then says so."""

    def __init__(self):
        self.outbox = {}
        self.sent = set()
        self.bus = []

    def handler(self, event, context):
        for record in event["Records"]:
            order = record["body"]
            self.outbox.setdefault(order, f"{order} placed")
        self.relay()

    def relay(self):
        unsent = [order for order in self.outbox if order not in self.sent]
        for order in unsent:
            self.bus.append(self.outbox[order])
            self.sent.add(order)

    def observe(self):
        return sorted(self.bus)


class OutboxRelayWithKeys(OutboxRelay):
    """The bus knows an event by its key."""

    def __init__(self):
        super().__init__()
        self.bus = {}

    def relay(self):
        for order in list(self.outbox):
            if order not in self.sent:
                self.bus.setdefault(order, self.outbox[order])
                self.sent.add(order)

    def observe(self):
        return sorted(self.bus.values())


class PriceList:
    """Takes the first record of a batch for the header of the others."""

    def __init__(self):
        self.prices = {}

    def handler(self, event, context):
        header, *rows = [record["body"].split(",") for record in event["Records"]]
        for row in rows:
            line = dict(zip(header, row, strict=True))
            self.prices[line["sku"]] = line["price"]

    def observe(self):
        return self.prices


class PriceListWithKeptHeader(PriceList):
    """Keeps the header outside; rows that come before it come again."""

    def __init__(self):
        super().__init__()
        self.header = None

    def handler(self, event, context):
        lines = [record["body"].split(",") for record in event["Records"]]
        for line in lines:
            if "sku" in line:
                self.header = line
        for line in lines:
            if "sku" not in line:
                fields = dict(zip(self.header, line, strict=True))
                self.prices[fields["sku"]] = fields["price"]


@dataclass(frozen=True)
class Payment:
    number: int
    payer: str
    cents: int

    @classmethod
    def of(cls, record):
        return cls(**json.loads(record["body"]))


class DonationDrive:
    """Thanks at the goal, which each copy reaches a little more."""

    goal = 1000

    def __init__(self):
        self.payments = []
        self.thanked = False

    def handler(self, event, context):
        payments = [Payment.of(record) for record in event["Records"]]
        self.payments += payments
        if self.raised() >= self.goal:
            self.thanked = True

    def raised(self):
        return sum(payment.cents for payment in self.payments)

    def observe(self):
        return self.thanked


class DonationDriveByNumber(DonationDrive):
    def __init__(self):
        super().__init__()
        self.payments = {}

    def handler(self, event, context):
        for payment in map(Payment.of, event["Records"]):
            self.payments[payment.number] = payment.cents
        if self.raised() >= self.goal:
            self.thanked = True

    def raised(self):
        return sum(self.payments.values())


SPECIMENS = [
    Specimen(
        name="daily totals",
        kind="deliveries counted",
        bug=DailyTotals,
        twin=DailyTotalsOfSales,
        messages=["sale-1", "sale-2", "sale-3"],
        note="A copy is in the length of a second batch; the twin counts sales.",
    ),
    Specimen(
        name="rating average",
        kind="deliveries counted",
        bug=RatingAverage,
        twin=RatingAverageByReviewer,
        messages=texts({"by": "ann", "stars": 5}, {"by": "bob", "stars": 2}),
        note="A copy moves the mean again; the twin keeps the stars of each reviewer.",
    ),
    Specimen(
        name="donation drive",
        kind="deliveries counted",
        bug=DonationDrive,
        twin=DonationDriveByNumber,
        messages=texts({"number": 1, "payer": "ann", "cents": 600}, {"number": 2, "payer": "bob", "cents": 300}),
        note="A copy's money makes the goal; the twin counts a payment once.",
    ),
    Specimen(
        name="outbox relay",
        kind="outbox relayed twice",
        bug=OutboxRelay,
        twin=OutboxRelayWithKeys,
        messages=["order-1", "order-2"],
        note="A crash or a second relay between send and mark sends twice; the twin's bus knows the key.",
    ),
    Specimen(
        name="price list",
        kind="batch taken for the unit",
        bug=PriceList,
        twin=PriceListWithKeptHeader,
        messages=["sku,price", "tea,3", "cup,7"],
        note="Rows come in a batch of their own, or before their header; the twin keeps the header outside.",
    ),
]
