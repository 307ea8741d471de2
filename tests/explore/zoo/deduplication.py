"""Consumers which do not know a message again, or know it by the wrong thing."""

from __future__ import annotations

import json
import logging
from collections import Counter, OrderedDict, deque
from functools import cache

from .specimen import Specimen, texts

log = logging.getLogger(__name__)


class OrderMailer:
    def __init__(self):
        self.outbox = []

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])
            subject = f"Your order {order['id']}"
            self.outbox.append((order["mail"], subject))

    def observe(self):
        return sorted(self.outbox)


class OrderMailerOnce:
    def __init__(self):
        self.outbox = {}

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])
            subject = f"Your order {order['id']}"
            self.outbox.setdefault(order["id"], (order["mail"], subject))

    def observe(self):
        return sorted(self.outbox.values())


class LoyaltyPoints:
    """Adds to a balance: nothing in it tells which purchases it holds."""

    def __init__(self):
        self.balance = Counter()

    def handler(self, event, context):
        purchases = [json.loads(record["body"]) for record in event["Records"]]
        for purchase in purchases:
            points = purchase["euros"] // 10
            self.balance[purchase["customer"]] += points

    def observe(self):
        return dict(self.balance)


class LoyaltyLedger:
    """Keeps a line for each purchase; the balance is their sum."""

    def __init__(self):
        self.lines = {}

    def handler(self, event, context):
        purchases = [json.loads(record["body"]) for record in event["Records"]]
        for purchase in purchases:
            points = purchase["euros"] // 10
            self.lines[purchase["id"]] = (purchase["customer"], points)

    def observe(self):
        balance = Counter()
        for customer, points in self.lines.values():
            balance[customer] += points
        return dict(balance)


class Newsletter:
    """A set of subscribers per letter would do; what is here is a ring of the last two ids."""

    def __init__(self):
        self.recent = deque(maxlen=2)
        self.sent = []

    def handler(self, event, context):
        for record in event["Records"]:
            letter = record["body"]
            if letter in self.recent:
                continue
            self.sent.append(letter)
            self.recent.append(letter)

    def observe(self):
        return sorted(self.sent)


class NewsletterArchive(Newsletter):
    def __init__(self):
        self.sent = {}

    def handler(self, event, context):
        for record in event["Records"]:
            letter = record["body"]
            if letter in self.sent:
                continue
            self.sent[letter] = True


class CouponCache:
    """Stands for a cache server with room for two keys."""

    def __init__(self):
        self.cache = OrderedDict()
        self.granted = []

    def handler(self, event, context):
        for record in event["Records"]:
            coupon = json.loads(record["body"])
            if not self.known(coupon["code"]):
                self.granted.append((coupon["customer"], coupon["code"]))
                self.remember(coupon["code"])

    def known(self, code):
        return code in self.cache

    def remember(self, code):
        self.cache[code] = True
        while len(self.cache) > 2:
            self.cache.popitem(last=False)

    def observe(self):
        return sorted(self.granted)


class CouponTable(CouponCache):
    """The grant itself is what is remembered."""

    def __init__(self):
        self.granted = {}

    def handler(self, event, context):
        for record in event["Records"]:
            coupon = json.loads(record["body"])
            self.granted.setdefault(coupon["code"], (coupon["customer"], coupon["code"]))

    def observe(self):
        return sorted(self.granted.values())


class CheckoutDesk:
    """Remembers the last order of each customer only."""

    def __init__(self):
        self.last_order = {}
        self.charges = []

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])
            customer = order["customer"]
            if self.last_order.get(customer) != order["id"]:
                self.charges.append((customer, order["id"], order["cents"]))
                self.last_order[customer] = order["id"]

    def observe(self):
        return sorted(self.charges)


class CheckoutJournal:
    def __init__(self):
        self.charges = set()

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])
            self.charges.add((order["customer"], order["id"], order["cents"]))

    def observe(self):
        return sorted(self.charges)


class ParcelLabels:
    """A receipt handle belongs to a receive, not to a message."""

    def __init__(self):
        self.handles = set()
        self.labels = []

    def handler(self, event, context):
        for record in event["Records"]:
            handle = record["receiptHandle"]
            if handle in self.handles:
                continue
            self.labels.append(record["body"].upper())
            self.handles.add(handle)

    def observe(self):
        return sorted(self.labels)


class ParcelLabelsByParcel(ParcelLabels):
    def __init__(self):
        self.labels = {}

    def handler(self, event, context):
        for record in event["Records"]:
            parcel = record["body"]
            self.labels[parcel] = parcel.upper()

    def observe(self):
        return sorted(self.labels.values())


class RefundDesk:
    """Its idempotency key changes with each receive."""

    def __init__(self):
        self.refunds = {}

    def handler(self, event, context):
        for record in event["Records"]:
            refund = json.loads(record["body"])
            key = self.idempotency_key(record, refund)
            self.refunds.setdefault(key, refund["cents"])

    @staticmethod
    def idempotency_key(record, refund):
        return f"{refund['order']}:{record['attributes']['ApproximateReceiveCount']}"

    def observe(self):
        return sum(self.refunds.values())


class RefundDeskByOrder(RefundDesk):
    @staticmethod
    def idempotency_key(record, refund):
        return f"refund:{refund['order']}"


class CaseNumbers:
    """Gives each delivery a new number, and so a copy a second case."""

    def __init__(self):
        self.cases = {}

    def handler(self, event, context):
        for record in event["Records"]:
            number = len(self.cases) + 1
            self.cases[number] = record["body"]

    def observe(self):
        return sorted(self.cases.values())


class CaseNumbersByComplaint:
    def __init__(self):
        self.numbers = {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.numbers.setdefault(record["body"], len(self.numbers) + 1)

    def observe(self):
        return sorted(self.numbers)


class ReceiptBook:
    """Knows a producer's second sending of an order only where both are in one batch."""

    def __init__(self):
        self.receipts = {}

    def handler(self, event, context):
        first_of_order = {}
        for record in event["Records"]:
            first_of_order.setdefault(record["body"], record["messageId"])
        for order, message_id in first_of_order.items():
            self.receipts.setdefault(message_id, order)

    def observe(self):
        return sorted(self.receipts.values())


class ReceiptBookByOrder(ReceiptBook):
    def handler(self, event, context):
        for record in event["Records"]:
            order = record["body"]
            self.receipts.setdefault(order, order)


class Greeter:
    """Looks for copies among its own batch."""

    def __init__(self):
        self.greetings = []

    def handler(self, event, context):
        seen = set()
        for record in event["Records"]:
            name = json.loads(record["body"])["name"]
            if name not in seen:
                seen.add(name)
                self.greetings.append(f"Welcome, {name}!")

    def observe(self):
        return Counter(self.greetings)


class GreeterWithMemory:
    def __init__(self):
        self.greeted = {}

    def handler(self, event, context):
        for record in event["Records"]:
            name = json.loads(record["body"])["name"]
            self.greeted.setdefault(name, f"Welcome, {name}!")

    def observe(self):
        return Counter(self.greeted.values())


class WarehousePicker:
    """Takes a batch that begins with a known message for a batch that it knows."""

    def __init__(self):
        self.batches = set()
        self.picked = {}

    def handler(self, event, context):
        records = event["Records"]
        first = records[0]["messageId"]
        if first in self.batches:
            return
        self.batches.add(first)
        for record in records:
            item = json.loads(record["body"])
            self.picked[item["order"]] = item["shelf"]

    def observe(self):
        return self.picked


class WarehousePickerByOrder(WarehousePicker):
    def handler(self, event, context):
        for record in event["Records"]:
            item = json.loads(record["body"])
            if item["order"] in self.picked:
                continue
            self.picked[item["order"]] = item["shelf"]


class PayoutRun:
    """Names a batch by all its messages: the same message in other company is new."""

    def __init__(self):
        self.runs = set()
        self.paid = []

    def handler(self, event, context):
        bodies = [record["body"] for record in event["Records"]]
        run = "+".join(sorted(bodies))
        if run in self.runs:
            return "done before"
        self.runs.add(run)
        self.paid.extend(bodies)
        return f"{len(bodies)} paid"

    def observe(self):
        return sorted(self.paid)


class PayoutRunByPayout(PayoutRun):
    def __init__(self):
        self.paid = set()

    def handler(self, event, context):
        bodies = [record["body"] for record in event["Records"]]
        self.paid.update(bodies)
        return f"{len(bodies)} paid"


class LeadImporter:
    """Leaves the loop at the first lead that it knows, and the leads behind it with it."""

    def __init__(self):
        self.leads = {}

    def handler(self, event, context):
        for record in event["Records"]:
            lead = json.loads(record["body"])
            if lead["mail"] in self.leads:
                return {"statusCode": 200}
            self.leads[lead["mail"]] = lead["name"]
        return {"statusCode": 200}

    def observe(self):
        return dict(sorted(self.leads.items()))


class LeadImporterToTheEnd(LeadImporter):
    def handler(self, event, context):
        for record in event["Records"]:
            lead = json.loads(record["body"])
            if lead["mail"] not in self.leads:
                self.leads[lead["mail"]] = lead["name"]
        return {"statusCode": 200}


class AlreadyRegistered(Exception):
    """The database has this key."""


class RegistrationOffice:
    """A key that is there ends the whole batch, quietly."""

    def __init__(self):
        self.register = {}

    def insert(self, plate, owner):
        if plate in self.register:
            raise AlreadyRegistered(plate)
        self.register[plate] = owner

    def handler(self, event, context):
        try:
            for record in event["Records"]:
                car = json.loads(record["body"])
                self.insert(car["plate"], car["owner"])
        except AlreadyRegistered as known:
            log.info("registered before: %s", known)

    def observe(self):
        return sorted(self.register.items())


class RegistrationOfficeByCar(RegistrationOffice):
    def handler(self, event, context):
        for record in event["Records"]:
            car = json.loads(record["body"])
            try:
                self.insert(car["plate"], car["owner"])
            except AlreadyRegistered as known:
                log.info("registered before: %s", known)


class GiftShop:
    """Remembers what it did in the memory of one environment; another has a memory of its own."""

    def __init__(self):
        self.gifts = []

    def environment(self):
        done = set()

        def handler(event, context):
            for record in event["Records"]:
                gift = record["body"]
                if gift in done:
                    continue
                self.gifts.append(gift)
                done.add(gift)

        return handler

    def observe(self):
        return sorted(self.gifts)


class GiftShopWithDatabase(GiftShop):
    def __init__(self):
        self.gifts = {}

    def environment(self):
        done = set()  # spares the database a question, no more

        def handler(event, context):
            for record in event["Records"]:
                gift = record["body"]
                if gift not in done:
                    self.gifts.setdefault(gift, True)
                    done.add(gift)

        return handler


class TextMessages:
    """Lets a memo of results stand for deduplication."""

    def __init__(self):
        self.sent = []

    def environment(self):
        @cache
        def send(number, text):
            self.sent.append((number, text))
            return len(text)

        def handler(event, context):
            characters = 0
            for record in event["Records"]:
                message = json.loads(record["body"])
                characters += send(message["to"], message["text"])
            return {"characters": characters}

        return handler

    def observe(self):
        return sorted(self.sent)


class TextMessagesByKey(TextMessages):
    """Hands the provider the text once for each number and text, whoever asks."""

    def __init__(self):
        self.sent = {}

    def environment(self):
        def send(number, text):
            self.sent.setdefault((number, text), True)
            return len(text)

        def handler(event, context):
            characters = 0
            for record in event["Records"]:
                message = json.loads(record["body"])
                characters += send(message["to"], message["text"])
            return {"characters": characters}

        return handler


SPECIMENS = [
    Specimen(
        name="order mailer",
        kind="no deduplication",
        bug=OrderMailer,
        twin=OrderMailerOnce,
        messages=texts({"id": 1, "mail": "ann@example.com"}, {"id": 2, "mail": "bob@example.com"}),
        note="A copy is mailed again; the twin keeps one mail for each order.",
    ),
    Specimen(
        name="loyalty points",
        kind="no deduplication",
        bug=LoyaltyPoints,
        twin=LoyaltyLedger,
        messages=texts({"id": 1, "customer": "ann", "euros": 50}, {"id": 2, "customer": "ann", "euros": 120}),
        note="A copy adds its points again; the twin keeps a line for each purchase.",
    ),
    Specimen(
        name="newsletter",
        kind="memory too small",
        bug=Newsletter,
        twin=NewsletterArchive,
        messages=["may", "june", "july"],
        note="A copy of the first comes when the ring of two has forgotten it; the twin forgets nothing.",
    ),
    Specimen(
        name="coupon cache",
        kind="memory too small",
        bug=CouponCache,
        twin=CouponTable,
        messages=texts(*({"customer": "ann", "code": code} for code in ("A1", "B2", "C3"))),
        note="A copy comes after its key was evicted; the twin's grants are their own memory.",
    ),
    Specimen(
        name="checkout desk",
        kind="memory too small",
        bug=CheckoutDesk,
        twin=CheckoutJournal,
        messages=texts({"id": 1, "customer": "ann", "cents": 700}, {"id": 2, "customer": "ann", "cents": 950}),
        note="A copy of the first order comes after the second, which is all that is known; the twin keeps all.",
    ),
    Specimen(
        name="parcel labels",
        kind="wrong idempotency key",
        bug=ParcelLabels,
        twin=ParcelLabelsByParcel,
        messages=["parcel-1", "parcel-2"],
        note="Each receive has another receipt handle; the twin's key is the parcel.",
    ),
    Specimen(
        name="refund desk",
        kind="wrong idempotency key",
        bug=RefundDesk,
        twin=RefundDeskByOrder,
        messages=texts({"order": "o-1", "cents": 1250}),
        note="The key holds the receive count, so a copy has another; the twin's key is the order.",
    ),
    Specimen(
        name="case numbers",
        kind="wrong idempotency key",
        bug=CaseNumbers,
        twin=CaseNumbersByComplaint,
        messages=["late delivery", "wrong colour"],
        note="A copy opens a second case, an overlap takes the same number twice; the twin's key is the complaint.",
    ),
    Specimen(
        name="receipt book",
        kind="producer's retry taken for news",
        bug=ReceiptBook,
        twin=ReceiptBookByOrder,
        messages=["order-1", "order-1", "order-2"],
        note="The producer's second sending comes in another batch under another id; the twin's key is the order.",
    ),
    Specimen(
        name="greeter",
        kind="memory of one batch",
        bug=Greeter,
        twin=GreeterWithMemory,
        messages=texts({"name": "Ann"}, {"name": "Bob"}),
        note="A copy comes in a later batch, with a new set; the twin's memory is outside.",
    ),
    Specimen(
        name="warehouse picker",
        kind="batch taken for the unit",
        bug=WarehousePicker,
        twin=WarehousePickerByOrder,
        messages=texts({"order": 1, "shelf": "A"}, {"order": 2, "shelf": "B"}, {"order": 3, "shelf": "C"}),
        note="A crash after the first record, and the batch that comes again is skipped; the twin looks at each order.",
    ),
    Specimen(
        name="payout run",
        kind="batch taken for the unit",
        bug=PayoutRun,
        twin=PayoutRunByPayout,
        messages=["payout-1", "payout-2"],
        note="A copy in other company is another run; the twin pays each payout once.",
    ),
    Specimen(
        name="lead importer",
        kind="rest of the batch forgotten",
        bug=LeadImporter,
        twin=LeadImporterToTheEnd,
        messages=texts({"mail": "a@x.org", "name": "Ann"}, {"mail": "b@x.org", "name": "Bob"}),
        note="A crash behind the first record; when the batch comes again, the loop ends there; the twin goes on.",
    ),
    Specimen(
        name="registration office",
        kind="rest of the batch forgotten",
        bug=RegistrationOffice,
        twin=RegistrationOfficeByCar,
        messages=texts({"plate": "M-1", "owner": "Ann"}, {"plate": "M-2", "owner": "Bob"}),
        note="A known key ends the batch, but what is behind it is deleted; the twin catches it for each car.",
    ),
    Specimen(
        name="gift shop",
        kind="memory of one environment",
        bug=GiftShop,
        twin=GiftShopWithDatabase,
        messages=["gift-1", "gift-2"],
        note="A copy goes to another environment; the twin asks the database.",
    ),
    Specimen(
        name="text messages",
        kind="memory of one environment",
        bug=TextMessages,
        twin=TextMessagesByKey,
        messages=texts({"to": "+49 1", "text": "hello"}),
        note="A copy goes to another environment, whose memo is empty; the twin's provider has the key.",
    ),
]
