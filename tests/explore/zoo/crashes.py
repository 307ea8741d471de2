"""Consumers which break when they die between two statements."""

from __future__ import annotations

import contextlib
import json
import logging
import time  # noqa: TID251  # user code; the time is simulated
from dataclasses import dataclass, field

from .specimen import Specimen, texts

log = logging.getLogger(__name__)


class InvoicePrinter:
    """Prints, then marks."""

    def __init__(self):
        self.paper = []
        self.printed = set()

    def handler(self, event, context):
        for record in event["Records"]:
            invoice = record["body"]
            if invoice in self.printed:
                continue
            self.paper.append(f"invoice {invoice}")
            self.printed.add(invoice)

    def observe(self):
        return sorted(self.paper)


class InvoicePrinterWithJobs:
    """The printer takes a job by its name, and a job once."""

    def __init__(self):
        self.jobs = {}

    def handler(self, event, context):
        for record in event["Records"]:
            invoice = record["body"]
            if invoice in self.jobs:
                continue
            self.jobs[invoice] = f"invoice {invoice}"

    def observe(self):
        return sorted(self.jobs.values())


class AuditTrail:
    """A log that only grows, and a marker beside it."""

    def __init__(self):
        self.log = []
        self.markers = {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.write(json.loads(record["body"]))

    def write(self, change):
        marker = self.markers.get(change["id"])
        if marker == "written":
            return
        self.log.append(f"{change['who']} changed {change['what']}")
        self.markers[change["id"]] = "written"

    def observe(self):
        return sorted(self.log)


class AuditTrailByChange(AuditTrail):
    def __init__(self):
        self.lines = {}

    def write(self, change):
        line = f"{change['who']} changed {change['what']}"
        self.lines[change["id"]] = line

    def observe(self):
        return sorted(self.lines.values())


class WelcomeKit:
    """Marks, then sends."""

    def __init__(self):
        self.marked = set()
        self.parcels = []

    def handler(self, event, context):
        for record in event["Records"]:
            member = json.loads(record["body"])
            if member["id"] in self.marked:
                continue
            self.marked.add(member["id"])
            self.parcels.append((member["id"], member["size"]))

    def observe(self):
        return sorted(self.parcels)


class WelcomeKitOnce(WelcomeKit):
    def __init__(self):
        self.parcels = {}

    def handler(self, event, context):
        for record in event["Records"]:
            member = json.loads(record["body"])
            self.parcels[member["id"]] = member["size"]

    def observe(self):
        return sorted(self.parcels.items())


class Subscriptions:
    """Claims with a conditional put, as the books say; whoever claims and dies takes the work with them."""

    def __init__(self):
        self.claims = {}
        self.active = {}

    def handler(self, event, context):
        me = object()
        for record in event["Records"]:
            subscription = json.loads(record["body"])
            winner = self.claims.setdefault(subscription["id"], me)
            if winner is me:
                self.active[subscription["id"]] = subscription["plan"]

    def observe(self):
        return sorted(self.active.items())


class SubscriptionsWithoutClaims(Subscriptions):
    """Activating twice is no harm, so nobody needs to claim."""

    def handler(self, event, context):
        for record in event["Records"]:
            subscription = json.loads(record["body"])
            self.active[subscription["id"]] = subscription["plan"]


class ReportBuilder:
    """Takes a report that somebody once began for one that is being built."""

    def __init__(self):
        self.status = {}
        self.reports = {}

    def handler(self, event, context):
        for record in event["Records"]:
            quarter = record["body"]
            if quarter in self.status:
                continue
            self.status[quarter] = "in progress"
            self.reports[quarter] = f"report of {quarter}"
            self.status[quarter] = "done"

    def observe(self):
        return self.reports


class ReportBuilderThatTriesAgain(ReportBuilder):
    def handler(self, event, context):
        for record in event["Records"]:
            quarter = record["body"]
            if self.status.get(quarter) == "done":
                continue
            self.status[quarter] = "in progress"
            self.reports[quarter] = f"report of {quarter}"
            self.status[quarter] = "done"


@dataclass
class Video:
    state: str = "new"
    files: set[str] = field(default_factory=set)


class Transcoder:
    """A row with a state, which answers that somebody else is at it."""

    formats = ("480p", "720p")

    def __init__(self):
        self.videos = {"cat.mov": Video(), "dog.mov": Video()}

    def handler(self, event, context):
        for record in event["Records"]:
            video = self.videos[record["body"]]
            if video.state != "new":
                continue
            video.state = "transcoding"
            for wanted in self.formats:
                video.files.add(wanted)
            video.state = "ready"

    def observe(self):
        return {name: sorted(video.files) for name, video in self.videos.items()}


class TranscoderThatResumes(Transcoder):
    def handler(self, event, context):
        for record in event["Records"]:
            video = self.videos[record["body"]]
            if video.state == "ready":
                continue
            for wanted in self.formats:
                video.files.add(wanted)
            video.state = "ready"


class BankTransfer:
    """Debit, then credit."""

    def __init__(self):
        self.accounts = {"giro": 100, "savings": 0}
        self.booked = set()

    def handler(self, event, context):
        for record in event["Records"]:
            transfer = json.loads(record["body"])
            if transfer["id"] in self.booked:
                continue
            self.booked.add(transfer["id"])
            self.accounts[transfer["from"]] -= transfer["amount"]
            self.accounts[transfer["to"]] += transfer["amount"]

    def observe(self):
        return self.accounts


class BankTransferJournal(BankTransfer):
    """One entry is the whole transfer."""

    def __init__(self):
        self.opening = {"giro": 100, "savings": 0}
        self.journal = {}

    def handler(self, event, context):
        for record in event["Records"]:
            transfer = json.loads(record["body"])
            self.journal.setdefault(transfer["id"], (transfer["from"], transfer["to"], transfer["amount"]))

    def observe(self):
        accounts = dict(self.opening)
        for source, target, amount in self.journal.values():
            accounts[source] -= amount
            accounts[target] += amount
        return accounts


class LikeButton:
    """A set of likes, and their number beside it."""

    def __init__(self):
        self.likes = set()
        self.totals = {"post-1": 0, "post-2": 0}

    def handler(self, event, context):
        for record in event["Records"]:
            user, post = record["body"].split(" likes ")
            if (user, post) not in self.likes:
                self.likes.add((user, post))
                self.totals[post] += 1

    def observe(self):
        return self.totals


class LikeButtonThatCounts(LikeButton):
    def handler(self, event, context):
        for record in event["Records"]:
            user, post = record["body"].split(" likes ")
            self.likes.add((user, post))

    def observe(self):
        return {post: sum(liked == post for _, liked in self.likes) for post in self.totals}


class OrderFulfilment:
    """Takes the goods from the shelf, then notes for whom."""

    def __init__(self):
        self.stock = 10
        self.orders = {}

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])
            self.fulfil(order["id"], order["pieces"])

    def fulfil(self, order_id, pieces):
        if order_id in self.orders:
            return
        self.stock -= pieces
        self.orders[order_id] = pieces

    def observe(self):
        return {"stock": self.stock, "orders": self.orders}


class OrderFulfilmentByReservation(OrderFulfilment):
    """What is left follows from what is reserved."""

    def fulfil(self, order_id, pieces):
        if order_id in self.orders:
            return
        self.orders[order_id] = pieces

    def observe(self):
        return {"stock": self.stock - sum(self.orders.values()), "orders": self.orders}


class Cancellations:
    """Gives the money back, then says so."""

    def __init__(self):
        self.status = {"o-1": "paid", "o-2": "paid"}
        self.refunds = []

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])["cancel"]
            match self.status[order]:
                case "paid":
                    self.refunds.append(order)
                    self.status[order] = "cancelled"
                case "cancelled":
                    log.info("%s is cancelled already", order)

    def observe(self):
        return self.status, sorted(self.refunds)


class CancellationsWithKey(Cancellations):
    """The refund carries the order's name, and the bank takes it once."""

    def __init__(self):
        super().__init__()
        self.refunds = {}

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])["cancel"]
            self.refunds.setdefault(order, "refunded")
            self.status[order] = "cancelled"


class TaskBoard:
    """Takes a task off the board, then does it."""

    def __init__(self):
        self.tasks = {"t-1": "sweep", "t-2": "paint"}
        self.results = {}

    def handler(self, event, context):
        for record in event["Records"]:
            task = self.tasks.pop(record["body"], None)
            if task is None:
                continue
            self.results[record["body"]] = f"{task}: done"

    def observe(self):
        return self.tasks, self.results


class TaskBoardThatDoesFirst(TaskBoard):
    def handler(self, event, context):
        for record in event["Records"]:
            task = self.tasks.get(record["body"])
            if task is None:
                continue
            self.results[record["body"]] = f"{task}: done"
            self.tasks.pop(record["body"], None)


class BulkWriter:
    """Collects rows, and writes them when its block ends, which it does not always do."""

    def __init__(self, rows):
        self.rows = rows
        self.pending = {}

    def __enter__(self):
        return self

    def put(self, key, value):
        self.pending[key] = value

    def __exit__(self, *exc):
        self.rows.update(self.pending)


class Thermometer:
    """Marks a reading as stored while it is still in the writer."""

    def __init__(self):
        self.rows = {}
        self.stored = set()

    def handler(self, event, context):
        with BulkWriter(self.rows) as writer:
            for record in event["Records"]:
                reading = json.loads(record["body"])
                if reading["id"] in self.stored:
                    continue
                writer.put(reading["id"], reading["celsius"])
                self.stored.add(reading["id"])

    def observe(self):
        return self.rows


class ThermometerThatMarksLast(Thermometer):
    def handler(self, event, context):
        readings = [json.loads(record["body"]) for record in event["Records"]]
        with BulkWriter(self.rows) as writer:
            for reading in readings:
                writer.put(reading["id"], reading["celsius"])
        self.stored.update(reading["id"] for reading in readings)


class InspectionLane:
    """Counts the cars that are in the lane; who dies in it never leaves."""

    def __init__(self):
        self.in_lane = 0
        self.passed = set()

    def handler(self, event, context):
        for record in event["Records"]:
            self.in_lane += 1
            try:
                self.passed.add(record["body"])
            finally:
                self.in_lane -= 1

    def observe(self):
        return self.in_lane, sorted(self.passed)


class InspectionLaneByCar(InspectionLane):
    """Who is in the lane follows from who came and who passed, so nothing needs to be cleaned up."""

    def __init__(self):
        self.came = set()
        self.passed = set()

    def handler(self, event, context):
        for record in event["Records"]:
            self.came.add(record["body"])
            self.passed.add(record["body"])

    def observe(self):
        return len(self.came - self.passed), sorted(self.passed)


def claimed(records, claims):
    """The records that nobody is at, each given back when its turn is over."""
    for record in records:
        if record["body"] in claims:
            continue
        claims.add(record["body"])
        try:
            yield record
        finally:
            claims.discard(record["body"])


class PhotoTagger:
    """Trusts a generator's clean-up to give its claims back."""

    def __init__(self):
        self.claims = set()
        self.tags = {}

    def handler(self, event, context):
        for record in claimed(event["Records"], self.claims):
            photo = record["body"]
            self.tags[photo] = f"#{photo.partition('.')[0]}"

    def observe(self):
        return self.tags


class PhotoTaggerWithoutClaims(PhotoTagger):
    def handler(self, event, context):
        for record in event["Records"]:
            photo = record["body"]
            self.tags[photo] = f"#{photo.partition('.')[0]}"


class TooManyRequests(Exception):
    """Not so soon after the last call."""


class Courier:
    """A service that takes one call in 45 seconds for each shipment, whatever became of the last."""

    def __init__(self):
        self.called = {}
        self.bookings = {}

    def book(self, shipment):
        if time.time() < self.called.get(shipment, 0) + 45:
            raise TooManyRequests(shipment)
        self.called[shipment] = time.time()
        self.bookings[shipment] = "booked"


class ShipmentDesk:
    """Notes an error of the courier and calls the message done."""

    def __init__(self):
        self.courier = Courier()

    def handler(self, event, context):
        for record in event["Records"]:
            try:
                self.courier.book(record["body"])
            except TooManyRequests as refusal:
                log.warning("could not book: %s", refusal)

    def observe(self):
        return self.courier.bookings


class ShipmentDeskThatFails(ShipmentDesk):
    """Lets the message come again, unless the booking is there."""

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.courier.bookings:
                self.courier.book(record["body"])


class PickupDesk(ShipmentDesk):
    """Suppresses everything, since clean logs please."""

    def handler(self, event, context):
        for record in event["Records"]:
            shipment = record["body"]
            with contextlib.suppress(BaseException):
                self.courier.book(shipment)

    def observe(self):
        return sorted(self.courier.bookings)


class PickupDeskThatFails(PickupDesk):
    def handler(self, event, context):
        refused = []
        for record in event["Records"]:
            shipment = record["body"]
            try:
                self.courier.book(shipment)
            except TooManyRequests:
                if shipment not in self.courier.bookings:
                    refused.append(shipment)
        if refused:
            raise TooManyRequests(refused)


class LabelPrinter(ShipmentDesk):
    """Marks a shipment as done in ``finally``, whether it is or not."""

    def __init__(self):
        super().__init__()
        self.done = set()

    def handler(self, event, context):
        for record in event["Records"]:
            shipment = record["body"]
            if shipment in self.done:
                continue
            try:
                self.courier.book(shipment)
            finally:
                self.done.add(shipment)


class LabelPrinterThatMarksSuccess(LabelPrinter):
    def handler(self, event, context):
        for record in event["Records"]:
            shipment = record["body"]
            if shipment in self.courier.bookings:
                self.done.add(shipment)
            if shipment in self.done:
                continue
            self.courier.book(shipment)


class OrderPipeline:
    """Mails the whole batch first, and books it afterwards."""

    def __init__(self):
        self.mails = []
        self.books = set()

    def handler(self, event, context):
        orders = [record["body"] for record in event["Records"]]
        orders = [order for order in orders if order not in self.books]
        for order in orders:
            self.mails.append(f"thank you for {order}")
        self.books.update(orders)

    def observe(self):
        return sorted(self.mails), sorted(self.books)


class OrderPipelineByOrder(OrderPipeline):
    def __init__(self):
        self.mails = {}
        self.books = set()

    def handler(self, event, context):
        orders = [record["body"] for record in event["Records"]]
        for order in orders:
            self.mails[order] = f"thank you for {order}"
        self.books.update(orders)

    def observe(self):
        return sorted(self.mails.values()), sorted(self.books)


SHIPMENTS = ["shipment-1", "shipment-2"]

SPECIMENS = [
    Specimen(
        name="invoice printer",
        kind="act before mark",
        bug=InvoicePrinter,
        twin=InvoicePrinterWithJobs,
        messages=["2024-1", "2024-2"],
        note="A crash between print and mark prints twice; the twin's one write is print and mark.",
    ),
    Specimen(
        name="audit trail",
        kind="act before mark",
        bug=AuditTrail,
        twin=AuditTrailByChange,
        messages=texts({"id": 1, "who": "ann", "what": "price"}, {"id": 2, "who": "bob", "what": "name"}),
        note="A crash between line and marker writes the line twice; the twin's line has the change's key.",
    ),
    Specimen(
        name="order pipeline",
        kind="act before mark",
        bug=OrderPipeline,
        twin=OrderPipelineByOrder,
        messages=["order-1", "order-2"],
        note="A crash between the phases mails the batch twice; the twin's mails have keys.",
    ),
    Specimen(
        name="welcome kit",
        kind="mark before act",
        bug=WelcomeKit,
        twin=WelcomeKitOnce,
        messages=texts({"id": "ann", "size": "M"}, {"id": "bob", "size": "L"}),
        note="A crash between mark and parcel loses the parcel; the twin's one write is both.",
    ),
    Specimen(
        name="subscriptions",
        kind="mark before act",
        bug=Subscriptions,
        twin=SubscriptionsWithoutClaims,
        messages=texts({"id": 1, "plan": "gold"}, {"id": 2, "plan": "basic"}),
        note="A crash behind the claim loses the work; the twin's work may be done twice, so it claims nothing.",
    ),
    Specimen(
        name="thermometer",
        kind="mark before act",
        bug=Thermometer,
        twin=ThermometerThatMarksLast,
        messages=texts({"id": 1, "celsius": 19}, {"id": 2, "celsius": 21}),
        note="A crash before the block ends loses rows that are marked as stored; the twin marks behind the block.",
    ),
    Specimen(
        name="report builder",
        kind="left in progress",
        bug=ReportBuilder,
        twin=ReportBuilderThatTriesAgain,
        messages=["Q1", "Q2"],
        note="A crash leaves 'in progress', which is skipped for ever; the twin skips only what is done.",
    ),
    Specimen(
        name="transcoder",
        kind="left in progress",
        bug=Transcoder,
        twin=TranscoderThatResumes,
        messages=["cat.mov", "dog.mov"],
        note="A crash between two formats leaves 'transcoding'; the twin goes on from there.",
    ),
    Specimen(
        name="photo tagger",
        kind="left in progress",
        bug=PhotoTagger,
        twin=PhotoTaggerWithoutClaims,
        messages=["cat.png", "dog.png"],
        note="A crash leaves a claim, as no generator is closed; the twin's work needs no claim.",
    ),
    Specimen(
        name="bank transfer",
        kind="two steps without a transaction",
        bug=BankTransfer,
        twin=BankTransferJournal,
        messages=texts({"id": 1, "from": "giro", "to": "savings", "amount": 30}),
        note="A crash between debit and credit loses money; the twin writes one entry.",
    ),
    Specimen(
        name="like button",
        kind="two steps without a transaction",
        bug=LikeButton,
        twin=LikeButtonThatCounts,
        messages=["ann likes post-1", "bob likes post-1", "ann likes post-2"],
        note="A crash between like and total loses a count; the twin counts the likes.",
    ),
    Specimen(
        name="order fulfilment",
        kind="two steps without a transaction",
        bug=OrderFulfilment,
        twin=OrderFulfilmentByReservation,
        messages=texts({"id": 1, "pieces": 2}, {"id": 2, "pieces": 3}),
        note="A crash between shelf and note takes the goods twice; the twin derives what is left.",
    ),
    Specimen(
        name="cancellations",
        kind="compensation twice",
        bug=Cancellations,
        twin=CancellationsWithKey,
        messages=texts({"cancel": "o-1"}, {"cancel": "o-2"}),
        note="A crash between refund and status refunds twice; the twin's refund has a key.",
    ),
    Specimen(
        name="task board",
        kind="destructive read",
        bug=TaskBoard,
        twin=TaskBoardThatDoesFirst,
        messages=["t-1", "t-2"],
        note="A crash behind the pop loses the task; the twin takes it off when it is done.",
    ),
    Specimen(
        name="inspection lane",
        kind="clean-up taken for granted",
        bug=InspectionLane,
        twin=InspectionLaneByCar,
        messages=["car-1", "car-2"],
        note="A crash in the lane leaves the count up, as no finally runs; the twin has nothing to clean up.",
    ),
    Specimen(
        name="shipment desk",
        kind="error swallowed",
        bug=ShipmentDesk,
        twin=ShipmentDeskThatFails,
        messages=SHIPMENTS,
        note="After a crash in the call the next is refused, which is swallowed; the twin fails and comes again.",
    ),
    Specimen(
        name="pickup desk",
        kind="error swallowed",
        bug=PickupDesk,
        twin=PickupDeskThatFails,
        messages=SHIPMENTS,
        note="The same behind suppress; the twin does the rest, and then fails for what was refused.",
    ),
    Specimen(
        name="label printer",
        kind="finally marks done",
        bug=LabelPrinter,
        twin=LabelPrinterThatMarksSuccess,
        messages=SHIPMENTS,
        note="After a crash in the call the next is refused, and finally marks it as done; the twin marks bookings.",
    ),
]
