"""Consumers whose answer does not tell which records failed, though in good times none does."""

from __future__ import annotations

import asyncio  # noqa: TID251  # user code, which waits in simulated time
import json
import logging

from .specimen import Specimen, texts

log = logging.getLogger(__name__)


class NoSuchAccount(LookupError):
    """A deposit came before its account was opened."""


class Accounts:
    """A bank's books: accounts by name, in each its deposits by number."""

    def __init__(self):
        self.deposits = {}

    def apply(self, record):
        booking = json.loads(record["body"])
        name = booking["account"]
        if "number" not in booking:
            self.deposits.setdefault(name, {})
        elif name in self.deposits:
            self.deposits[name][booking["number"]] = booking["cents"]
        else:
            raise NoSuchAccount(name)

    def balances(self):
        return {name: sum(deposits.values()) for name, deposits in self.deposits.items()}


def failure(record):
    return {"itemIdentifier": record["messageId"]}


class AccountBooks:
    """The books are outside; each way of answering is a consumer of its own."""

    def __init__(self):
        self.accounts = Accounts()

    def observe(self):
        return self.accounts.balances()


class BookingsInTurn(AccountBooks):
    """The right answer: the message ids of all that failed, and of nothing else."""

    def handler(self, event, context):
        failures = []
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
            except NoSuchAccount:
                failures.append(failure(record))
        return {"batchItemFailures": failures}


class BookingsReportedFine(AccountBooks):
    """Collects what failed, logs it, and answers that nothing did."""

    def handler(self, event, context):
        failed = []
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
            except NoSuchAccount as error:
                failed.append(error)
        if failed:
            log.warning("%d bookings failed", len(failed))
        return {"batchItemFailures": []}


class BookingsMisspelt(AccountBooks):
    """Lambda looks for ``batchItemFailures``."""

    def handler(self, event, context):
        response = {"batchItemFailure": []}
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
            except NoSuchAccount:
                response["batchItemFailure"].append(failure(record))
        return response


class BookingsOffByOne(AccountBooks):
    """Counts from one, and names the neighbour."""

    def handler(self, event, context):
        records = event["Records"]
        failed = []
        for number, record in enumerate(records, start=1):
            try:
                self.accounts.apply(record)
            except NoSuchAccount:
                failed.append(number)
        return {"batchItemFailures": [failure(records[number % len(records)]) for number in failed]}


class BookingsFirstFailureOnly(AccountBooks):
    """Stops at the first failure, names it alone, and so has what it never looked at deleted."""

    def handler(self, event, context):
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
            except NoSuchAccount:
                return {"batchItemFailures": [failure(record)]}
        return {"batchItemFailures": []}


class BookingsGathered(AccountBooks):
    """Asks gather for the exceptions, and does not look at them."""

    async def handler(self, event, context):
        await asyncio.gather(*(self.book(record) for record in event["Records"]), return_exceptions=True)
        return {"batchItemFailures": []}

    async def book(self, record):
        await asyncio.sleep(0)
        self.accounts.apply(record)


class BookingsGatheredAndRead(BookingsGathered):
    async def handler(self, event, context):
        records = event["Records"]
        outcomes = await asyncio.gather(*(self.book(record) for record in records), return_exceptions=True)
        failed = [record for record, outcome in zip(records, outcomes, strict=True) if outcome is not None]
        return {"batchItemFailures": [failure(record) for record in failed]}


class BookingsNotAskedFor(BookingsInTurn):
    """The right answer to a mapping that does not read it."""


class BookingsThatRaise(AccountBooks):
    """Without partial responses the whole batch must fail, when all that can be done is done."""

    def handler(self, event, context):
        missing = []
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
            except NoSuchAccount as error:
                missing.append(str(error))
        if missing:
            raise NoSuchAccount(*missing)


class BookingsByBody(AccountBooks):
    """Names the body, which is no message's id: all come again, also what must not."""

    def __init__(self):
        super().__init__()
        self.letters = []

    def handler(self, event, context):
        failures = []
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
                self.confirm(record)
            except NoSuchAccount:
                failures.append({"itemIdentifier": record["body"]})
        return {"batchItemFailures": failures}

    def confirm(self, record):
        self.letters.append(record["body"])

    def observe(self):
        return self.accounts.balances(), sorted(self.letters)


class BookingsByMessageId(BookingsByBody):
    """Names the id, and writes each letter once."""

    def handler(self, event, context):
        failures = []
        for record in event["Records"]:
            try:
                self.accounts.apply(record)
                self.confirm(record)
            except NoSuchAccount:
                failures.append(failure(record))
        return {"batchItemFailures": failures}

    def confirm(self, record):
        self.letters.extend([record["body"]] if record["body"] not in self.letters else ())


BOOKINGS = texts(
    {"account": "ann"},
    {"account": "ann", "number": 1, "cents": 500},
    {"account": "ann", "number": 2, "cents": 250},
)

PARTIAL = {"report_batch_item_failures": True}

SPECIMENS = [
    Specimen(
        name="bookings reported fine",
        kind="failure answered as success",
        bug=BookingsReportedFine,
        twin=BookingsInTurn,
        messages=BOOKINGS,
        mapping=PARTIAL,
        note="A deposit comes before its account, fails, and is deleted; the twin names it, and it comes again.",
    ),
    Specimen(
        name="bookings misspelt",
        kind="failure answered as success",
        bug=BookingsMisspelt,
        twin=BookingsInTurn,
        messages=BOOKINGS,
        mapping=PARTIAL,
        note="Failures under a wrong key are none; the twin writes the key as Lambda reads it.",
    ),
    Specimen(
        name="bookings gathered",
        kind="failure answered as success",
        bug=BookingsGathered,
        twin=BookingsGatheredAndRead,
        messages=BOOKINGS,
        mapping=PARTIAL,
        note="An early deposit's exception is among the results, where nobody looks; the twin looks.",
    ),
    Specimen(
        name="bookings not asked for",
        kind="failure answered as success",
        bug=BookingsNotAskedFor,
        twin=BookingsThatRaise,
        messages=BOOKINGS,
        note="The mapping does not read partial responses; the twin raises.",
    ),
    Specimen(
        name="bookings off by one",
        kind="wrong records reported",
        bug=BookingsOffByOne,
        twin=BookingsInTurn,
        messages=BOOKINGS,
        mapping=PARTIAL,
        note="The early deposit's neighbour comes again, and it does not; the twin names the record that failed.",
    ),
    Specimen(
        name="bookings first failure only",
        kind="wrong records reported",
        bug=BookingsFirstFailureOnly,
        twin=BookingsInTurn,
        messages=BOOKINGS,
        mapping=PARTIAL,
        note="What is behind the early deposit is deleted unread; the twin goes through the batch.",
    ),
    Specimen(
        name="bookings by body",
        kind="wrong records reported",
        bug=BookingsByBody,
        twin=BookingsByMessageId,
        messages=BOOKINGS,
        mapping=PARTIAL,
        note="An unknown id fails the batch, and its letters go out again; the twin's ids are right, its letters once.",
    ),
]
