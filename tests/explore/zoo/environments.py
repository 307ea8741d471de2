"""Consumers which forget that an environment dies, has siblings, and outlives a failed invocation."""

from __future__ import annotations

import itertools
import json

from .specimen import Specimen, texts


class InvoiceNumbers:
    """Reads the highest number when it starts, and counts on by itself."""

    def __init__(self):
        self.numbers = {}

    def environment(self):
        numbers = itertools.count(len(self.numbers) + 1)

        def handler(event, context):
            for record in event["Records"]:
                order = record["body"]
                if order not in self.numbers:
                    self.numbers[order] = next(numbers)

        return handler

    def observe(self):
        return sorted(self.numbers.values())


class InvoiceNumbersFromDatabase(InvoiceNumbers):
    def environment(self):
        def handler(event, context):
            for record in event["Records"]:
                order = record["body"]
                self.numbers.setdefault(order, len(self.numbers) + 1)

        return handler


class TariffDesk:
    """Prices with the newest tariff that it happens to know."""

    def __init__(self):
        self.tariffs = {1: 10}
        self.bills = {}

    def environment(self):
        known = dict(self.tariffs)

        def price(order):
            tariff = order["tariff"] if order["tariff"] in known else max(known)
            return known[tariff] * order["units"]

        def handler(event, context):
            for record in event["Records"]:
                body = json.loads(record["body"])
                if "order" in body:
                    self.bills.setdefault(body["order"], price(body))
                else:
                    self.tariffs[body["tariff"]] = body["cents"]
                    known[body["tariff"]] = body["cents"]

        return handler

    def observe(self):
        return self.bills


class TariffDeskThatAsks(TariffDesk):
    """Asks for the tariff of the order, and waits until it is there."""

    def environment(self):
        def handler(event, context):
            bodies = [json.loads(record["body"]) for record in event["Records"]]
            for body in bodies:
                if "order" not in body:
                    self.tariffs[body["tariff"]] = body["cents"]
            for body in bodies:
                if "order" in body:
                    cents = self.tariffs[body["tariff"]]  # a KeyError brings the order back later
                    self.bills.setdefault(body["order"], cents * body["units"])

        return handler


class ClickStream:
    """Writes clicks by threes; until then they are in memory, and deleted from the queue."""

    def __init__(self):
        self.rows = {}

    def environment(self):
        buffer = []

        def flush():
            for click in buffer:
                self.rows[click["id"]] = click["page"]
            buffer.clear()

        def handler(event, context):
            for record in event["Records"]:
                buffer.append(json.loads(record["body"]))
                if len(buffer) >= 3:
                    flush()

        return handler

    def observe(self):
        return self.rows


class ClickStreamByBatch(ClickStream):
    """Nothing stays in memory when the handler returns."""

    def environment(self):
        def handler(event, context):
            buffer = [json.loads(record["body"]) for record in event["Records"]]
            self.rows.update({click["id"]: click["page"] for click in buffer})

        return handler


class SensorArchive:
    """Keeps what comes alone for the next time, to save on writes."""

    def __init__(self):
        self.archive = {}

    def environment(self):
        kept = {}

        def handler(event, context):
            kept.update((record["messageId"], record["body"]) for record in event["Records"])
            if len(event["Records"]) < 2:
                return {"kept": len(kept)}
            self.archive.update(kept)
            kept.clear()
            return {"kept": 0}

        return handler

    def observe(self):
        return sorted(self.archive.values())


class SensorArchiveAtOnce(SensorArchive):
    def environment(self):
        def handler(event, context):
            values = {record["messageId"]: record["body"] for record in event["Records"]}
            self.archive.update(values)
            return {"kept": 0}

        return handler


class GuestBook:
    """Takes its first start for the first start of all."""

    def __init__(self):
        self.entries = []

    def environment(self):
        self.entries.append("Welcome to our guest book!")

        def handler(event, context):
            for record in event["Records"]:
                if record["body"] not in self.entries:
                    self.entries.append(record["body"])

        return handler

    def observe(self):
        return sorted(self.entries)


class GuestBookThatLooks(GuestBook):
    """Who writes first writes, in one step, at a start as later."""

    def __init__(self):
        self.entries = {}

    def environment(self):
        self.entries.setdefault("Welcome to our guest book!", True)

        def handler(event, context):
            for record in event["Records"]:
                self.entries.setdefault(record["body"], True)

        return handler


class ShopClosed(Exception):
    """No sales before the till is open."""


class TillUpload:
    """Its lines outlive an invocation that fails half-way, as a file in /tmp does."""

    def __init__(self):
        self.open = set()
        self.uploads = []

    def environment(self):
        lines = []

        def handler(event, context):
            for record in event["Records"]:
                till, what = record["body"].split(" ", 1)
                lines.append(f"{till}: {what}")
                if what == "opened":
                    self.open.add(till)
                elif till not in self.open:
                    raise ShopClosed(till)
            self.uploads.extend(lines)
            lines.clear()

        return handler

    def observe(self):
        return sorted(self.uploads)


class TillUploadOfOneBatch(TillUpload):
    """Opens what the batch opens before it looks, and begins each invocation with nothing."""

    def __init__(self):
        super().__init__()
        self.uploads = set()

    def environment(self):
        def handler(event, context):
            entries = [record["body"].split(" ", 1) for record in event["Records"]]
            for till, what in entries:
                if what == "opened":
                    self.open.add(till)
            closed = [till for till, _ in entries if till not in self.open]
            if closed:
                raise ShopClosed(*closed)
            self.uploads.update(f"{till}: {what}" for till, what in entries)

        return handler


SPECIMENS = [
    Specimen(
        name="invoice numbers",
        kind="stale environment cache",
        bug=InvoiceNumbers,
        twin=InvoiceNumbersFromDatabase,
        messages=["order-1", "order-2"],
        mapping={"batch_size": 1},
        note="Two environments count on from the same number; the twin takes the next in one step.",
    ),
    Specimen(
        name="tariff desk",
        kind="stale environment cache",
        bug=TariffDesk,
        twin=TariffDeskThatAsks,
        messages=texts({"tariff": 2, "cents": 12}, {"order": "o-1", "tariff": 2, "units": 5}),
        note="The order comes first, or where the tariff is unknown; the twin asks outside, and waits for it.",
    ),
    Specimen(
        name="click stream",
        kind="answered before written",
        bug=ClickStream,
        twin=ClickStreamByBatch,
        messages=texts(*({"id": number, "page": f"/{number}"} for number in (1, 2, 3))),
        note="A smaller batch waits in memory, which dies or is left behind; the twin writes before it answers.",
    ),
    Specimen(
        name="sensor archive",
        kind="answered before written",
        bug=SensorArchive,
        twin=SensorArchiveAtOnce,
        messages=["17 degrees", "18 degrees"],
        note="Two come in two batches, and are kept for a next time that never comes; the twin writes at once.",
    ),
    Specimen(
        name="guest book",
        kind="start taken for the first",
        bug=GuestBook,
        twin=GuestBookThatLooks,
        messages=["ann was here", "bob too"],
        note="A second environment starts and welcomes again; the twin writes what is not there.",
    ),
    Specimen(
        name="till upload",
        kind="left by a failed invocation",
        bug=TillUpload,
        twin=TillUploadOfOneBatch,
        messages=["till-1 opened", "till-1 12.50"],
        note="A sale comes first and fails; its line is still there when it comes again; the twin's lines are local.",
    ),
]
