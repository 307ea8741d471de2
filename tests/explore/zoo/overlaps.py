"""Consumers which break when another delivery runs between two of their statements."""

from __future__ import annotations

import asyncio  # noqa: TID251  # user code, which waits in simulated time
import json
import time  # noqa: TID251  # the same

from .specimen import Specimen, texts


class PaymentDesk:
    """Looks, charges, and notes it."""

    def __init__(self):
        self.paid = {}
        self.charges = []

    def handler(self, event, context):
        for record in event["Records"]:
            order = json.loads(record["body"])
            if self.is_paid(order):
                continue
            self.charge(order)

    def is_paid(self, order):
        return self.paid.get(order["id"], False)

    def charge(self, order):
        self.charges.append((order["id"], order["cents"]))
        self.paid[order["id"]] = True

    def observe(self):
        return sorted(self.charges)


class PaymentDeskWithKey(PaymentDesk):
    """The payment service takes the order's id as its idempotency key."""

    def __init__(self):
        self.charges = {}

    def is_paid(self, order):
        return order["id"] in self.charges

    def charge(self, order):
        self.charges.setdefault(order["id"], order["cents"])

    def observe(self):
        return sorted(self.charges.items())


class SeatBooking:
    """Sells a seat while there are seats, and looks a moment earlier."""

    capacity = 2

    def __init__(self):
        self.seats = set()

    def handler(self, event, context):
        for record in event["Records"]:
            passenger = record["body"]
            free = self.capacity - len(self.seats)
            if free > 0:
                self.seats.add(passenger)

    def observe(self):
        return len(self.seats)  # who is first is nobody's business


class SeatBookingInOneStep(SeatBooking):
    def handler(self, event, context):
        for record in event["Records"]:
            passenger = record["body"]
            self.seats.update({passenger} if len(self.seats) < self.capacity else ())


class Raffle:
    """Hands out numbers; two at once draw the same."""

    def __init__(self):
        self.tickets = {}

    def handler(self, event, context):
        for record in event["Records"]:
            name = record["body"]
            if name not in self.tickets:
                number = max(self.tickets.values(), default=0) + 1
                self.tickets[name] = number

    def observe(self):
        return sorted(self.tickets.values())


class RaffleInOneStep(Raffle):
    def handler(self, event, context):
        for record in event["Records"]:
            self.tickets.setdefault(record["body"], len(self.tickets) + 1)


class VisitCounter:
    """Reads the visits of a page, adds one, writes them back."""

    def __init__(self):
        self.visits = {}

    def handler(self, event, context):
        for record in event["Records"]:
            page, visitor = record["body"].split(" ")
            visits = self.visits.get(page, frozenset())
            visits |= {visitor}
            self.visits[page] = visits

    def observe(self):
        return {page: len(visits) for page, visits in self.visits.items()}


class VisitCounterInPlace(VisitCounter):
    def handler(self, event, context):
        for record in event["Records"]:
            page, visitor = record["body"].split(" ")
            self.visits.setdefault(page, set()).add(visitor)


class CartStore:
    """Loads a cart, changes it, saves it: the whole of it."""

    def __init__(self):
        self.carts = {}

    def load(self, user):
        return dict(self.carts.get(user, {}))

    def save(self, user, cart):
        self.carts[user] = cart

    def handler(self, event, context):
        for record in event["Records"]:
            wish = json.loads(record["body"])
            cart = self.load(wish["user"])
            cart[wish["item"]] = wish["pieces"]
            self.save(wish["user"], cart)

    def observe(self):
        return self.carts


class CartStoreOfItems(CartStore):
    """Saves one item, and leaves the others alone."""

    def handler(self, event, context):
        for record in event["Records"]:
            wish = json.loads(record["body"])
            self.carts.setdefault(wish["user"], {}).update({wish["item"]: wish["pieces"]})


class WikiPage:
    """Revisions under their numbers: who finds the number taken has lost, and does not care."""

    def __init__(self):
        self.revisions = {0: frozenset()}

    def handler(self, event, context):
        for record in event["Records"]:
            self.edit(record["body"])

    def edit(self, line):
        number = len(self.revisions) - 1
        mine = self.revisions[number] | {line}
        self.revisions.setdefault(number + 1, mine)

    def observe(self):
        return sorted(self.revisions[len(self.revisions) - 1])


class EditConflict(Exception):
    """Somebody else wrote this revision."""


class WikiPageThatMinds(WikiPage):
    """Who has lost comes again."""

    def edit(self, line):
        number = len(self.revisions) - 1
        mine = self.revisions[number] | {line}
        if self.revisions.setdefault(number + 1, mine) is not mine:
            raise EditConflict(line)


class TicketDesk:
    """Awaits the seat map between looking and booking."""

    def __init__(self):
        self.bookings = []

    async def handler(self, event, context):
        for record in event["Records"]:
            booking = json.loads(record["body"])
            if booking in self.bookings:
                continue
            await asyncio.sleep(0.2)
            self.bookings.append(booking)

    def observe(self):
        return sorted((booking["seat"], booking["name"]) for booking in self.bookings)


class TicketDeskBySeat(TicketDesk):
    def __init__(self):
        self.bookings = {}

    async def handler(self, event, context):
        for record in event["Records"]:
            booking = json.loads(record["body"])
            await asyncio.sleep(0.2)
            self.bookings.setdefault(booking["seat"], booking["name"])

    def observe(self):
        return sorted(self.bookings.items())


class ScoreTable:
    """Computes for half a second with what it read before."""

    def __init__(self):
        self.points = {"red": 0, "blue": 0}
        self.games = set()

    def handler(self, event, context):
        for record in event["Records"]:
            game = json.loads(record["body"])
            if game["id"] in self.games:
                continue
            points = self.points[game["winner"]]
            time.sleep(0.5)
            self.games.add(game["id"])
            self.points[game["winner"]] = points + 3

    def observe(self):
        return self.points


class ScoreTableOfGames(ScoreTable):
    """Keeps who won which game, and adds up when asked."""

    def __init__(self):
        self.games = {}

    def handler(self, event, context):
        for record in event["Records"]:
            game = json.loads(record["body"])
            time.sleep(0.5)
            self.games[game["id"]] = game["winner"]

    def observe(self):
        winners = list(self.games.values())
        return {team: 3 * winners.count(team) for team in ("red", "blue")}


class AlbumBuilder:
    """Counts the parts that arrived, and closes the album at the third."""

    def __init__(self):
        self.arrived = 0
        self.parts = set()
        self.album = None

    def handler(self, event, context):
        for record in event["Records"]:
            self.parts.add(record["body"])
            self.arrived += 1
            if self.arrived == 3:
                self.album = sorted(self.parts)

    def observe(self):
        return self.album


class AlbumBuilderOfParts(AlbumBuilder):
    """Counts the parts that are there."""

    def handler(self, event, context):
        for record in event["Records"]:
            self.parts.add(record["body"])
            parts = sorted(self.parts)
            if len(parts) == 3:
                self.album = parts


class Quorum:
    """Whoever sees both votes sends the result, and two may see them."""

    def __init__(self):
        self.votes = {}
        self.results = []

    def handler(self, event, context):
        for record in event["Records"]:
            vote = json.loads(record["body"])
            self.votes[vote["by"]] = vote["yes"]
            if len(self.votes) == 2:
                self.results.append("accepted" if all(self.votes.values()) else "refused")

    def observe(self):
        return self.results


class QuorumWithOneResult(Quorum):
    def __init__(self):
        super().__init__()
        self.results = {}

    def handler(self, event, context):
        for record in event["Records"]:
            vote = json.loads(record["body"])
            self.votes[vote["by"]] = vote["yes"]
            if len(self.votes) == 2:
                self.results["motion-1"] = "accepted" if all(self.votes.values()) else "refused"

    def observe(self):
        return list(self.results.values())


SPECIMENS = [
    Specimen(
        name="payment desk",
        kind="check then act",
        bug=PaymentDesk,
        twin=PaymentDeskWithKey,
        messages=texts({"id": "o-1", "cents": 500}, {"id": "o-2", "cents": 900}),
        note="A copy is between look and note, and pays too; the twin's one write decides.",
    ),
    Specimen(
        name="seat booking",
        kind="check then act",
        bug=SeatBooking,
        twin=SeatBookingInOneStep,
        messages=["ann", "bob", "cem"],
        mapping={"batch_size": 1},
        note="Two look at one free seat; the twin looks and books in one step.",
    ),
    Specimen(
        name="raffle",
        kind="check then act",
        bug=Raffle,
        twin=RaffleInOneStep,
        messages=["ann", "bob"],
        mapping={"batch_size": 1},
        note="Two draw the same number; the twin draws and writes in one step.",
    ),
    Specimen(
        name="ticket desk",
        kind="check then act",
        bug=TicketDesk,
        twin=TicketDeskBySeat,
        messages=texts({"seat": "1A", "name": "ann"}, {"seat": "1B", "name": "bob"}),
        note="A copy runs during the await and books too; the twin's one write decides, behind the await.",
    ),
    Specimen(
        name="visit counter",
        kind="read, compute, write",
        bug=VisitCounter,
        twin=VisitCounterInPlace,
        messages=["/home ann", "/home bob", "/shop ann"],
        mapping={"batch_size": 1},
        note="A visit written between read and write is lost; the twin adds in one step.",
    ),
    Specimen(
        name="cart store",
        kind="read, compute, write",
        bug=CartStore,
        twin=CartStoreOfItems,
        messages=texts({"user": "ann", "item": "tea", "pieces": 1}, {"user": "ann", "item": "cup", "pieces": 2}),
        mapping={"batch_size": 1},
        note="An item saved between load and save is lost; the twin saves one item.",
    ),
    Specimen(
        name="score table",
        kind="read, compute, write",
        bug=ScoreTable,
        twin=ScoreTableOfGames,
        messages=texts({"id": 1, "winner": "red"}, {"id": 2, "winner": "red"}),
        queue={"visibility_timeout": 60},
        function={"timeout": 20},
        note="A game counted during the sleep is lost, as is one whose delivery dies; the twin keeps the games.",
    ),
    Specimen(
        name="wiki page",
        kind="conflict ignored",
        bug=WikiPage,
        twin=WikiPageThatMinds,
        messages=["salt", "pepper"],
        mapping={"batch_size": 1},
        note="An edit that finds its revision taken is dropped; the twin fails, and comes again.",
    ),
    Specimen(
        name="album builder",
        kind="arrivals counted",
        bug=AlbumBuilder,
        twin=AlbumBuilderOfParts,
        messages=["cover", "side A", "side B"],
        note="A copy counts as a part, and the album closes early; the twin counts parts.",
    ),
    Specimen(
        name="quorum",
        kind="arrivals counted",
        bug=Quorum,
        twin=QuorumWithOneResult,
        messages=texts({"by": "ann", "yes": True}, {"by": "bob", "yes": True}),
        note="A copy sees both votes again and sends a second result; the twin's result has a key.",
    ),
]
