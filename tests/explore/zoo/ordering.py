"""Consumers of standard queues which take the order of arrival for the order of events."""

from __future__ import annotations

import json

from .specimen import Specimen, texts


class PriceBoard:
    """The last to arrive wins."""

    def __init__(self):
        self.prices = {}

    def handler(self, event, context):
        for record in event["Records"]:
            change = json.loads(record["body"])
            self.prices[change["sku"]] = (change["version"], change["price"])

    def observe(self):
        return {sku: price for sku, (_, price) in self.prices.items()}


class PriceBoardByVersion(PriceBoard):
    """The highest version wins, in one step."""

    def handler(self, event, context):
        for record in event["Records"]:
            change = json.loads(record["body"])
            new = (change["version"], change["price"])
            self.prices[change["sku"]] = max(new, self.prices.get(change["sku"], new))


class AddressBook:
    """An update of someone unknown is thrown away."""

    def __init__(self):
        self.people = {}

    def handler(self, event, context):
        for record in event["Records"]:
            body = json.loads(record["body"])
            if body["type"] == "created":
                self.people[body["id"]] = {"name": body["name"]}
            elif body["id"] in self.people:
                self.people[body["id"]]["city"] = body["city"]

    def observe(self):
        return self.people


class AddressBookOfFields(AddressBook):
    """Whichever comes first makes the entry."""

    def handler(self, event, context):
        for record in event["Records"]:
            body = json.loads(record["body"])
            key = "name" if body["type"] == "created" else "city"
            self.people.setdefault(body["id"], {}).update({key: body[key]})


class CatalogMirror:
    """A late put brings back what was deleted."""

    def __init__(self):
        self.products = {}

    def handler(self, event, context):
        for record in event["Records"]:
            change = json.loads(record["body"])
            if change["op"] == "put":
                self.products[change["sku"]] = change["title"]
            else:
                self.products.pop(change["sku"], None)

    def observe(self):
        return self.products


class CatalogMirrorWithTombstones(CatalogMirror):
    """A deleted product leaves its version behind."""

    def handler(self, event, context):
        for record in event["Records"]:
            change = json.loads(record["body"])
            new = (change["version"], change.get("title", ""))
            self.products[change["sku"]] = max(new, self.products.get(change["sku"], new))

    def observe(self):
        return {sku: title for sku, (_, title) in self.products.items() if title}


class MeterReadings:
    """Takes every number below the highest for a copy."""

    def __init__(self):
        self.last = 0
        self.kilowatt_hours = {}

    def handler(self, event, context):
        for record in event["Records"]:
            reading = json.loads(record["body"])
            number = reading["number"]
            if number <= self.last:
                continue
            self.kilowatt_hours[number] = reading["kwh"]
            self.last = number

    def observe(self):
        return self.kilowatt_hours


class MeterReadingsByNumber(MeterReadings):
    def handler(self, event, context):
        for record in event["Records"]:
            reading = json.loads(record["body"])
            number = reading["number"]
            if number in self.kilowatt_hours:
                continue
            self.kilowatt_hours[number] = reading["kwh"]


class OrderStatus:
    """Allows only the steps of its table, and ignores the others."""

    steps = frozenset({("new", "paid"), ("paid", "packed"), ("packed", "shipped")})

    def __init__(self):
        self.status = {"o-1": "new"}

    def handler(self, event, context):
        for record in event["Records"]:
            order, wanted = record["body"].split(":")
            if (self.status[order], wanted) in self.steps:
                self.status[order] = wanted

    def observe(self):
        return self.status


class OrderStatusByRank(OrderStatus):
    """A later step stands for those before it."""

    ranks = ("new", "paid", "packed", "shipped")

    def handler(self, event, context):
        for record in event["Records"]:
            order, wanted = record["body"].split(":")
            self.status[order] = max(self.status[order], wanted, key=self.ranks.index)


class ThreadView:
    """Comments stand in the order in which they came."""

    def __init__(self):
        self.comments = []

    def handler(self, event, context):
        for record in event["Records"]:
            comment = json.loads(record["body"])
            if comment not in self.comments:
                self.comments.append(comment)

    def observe(self):
        return [comment["text"] for comment in self.comments]


class ThreadViewByTime(ThreadView):
    """Comments stand in the order of their own times."""

    def __init__(self):
        self.comments = {}

    def handler(self, event, context):
        for record in event["Records"]:
            comment = json.loads(record["body"])
            self.comments[comment["at"]] = comment["text"]

    def observe(self):
        return [text for _, text in sorted(self.comments.items())]


class JobTracker:
    """Works off a failed batch from where it stopped, by the place of a record in its batch."""

    def __init__(self):
        self.checkpoint = 0
        self.done = set()

    def handler(self, event, context):
        for index, record in enumerate(event["Records"]):
            if index < self.checkpoint:
                continue
            self.done.add(record["body"])
            self.checkpoint = index + 1
        self.checkpoint = 0

    def observe(self):
        return sorted(self.done)


class JobTrackerByName(JobTracker):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] in self.done:
                continue
            self.done.add(record["body"])


class TeamRoster:
    """Members who come before their team are nobody's."""

    def __init__(self):
        self.teams = {}

    def handler(self, event, context):
        for record in event["Records"]:
            body = json.loads(record["body"])
            if "member" in body:
                team = self.teams.get(body["team"], set())
                team.add(body["member"])
            else:
                self.teams[body["team"]] = set()

    def observe(self):
        return {team: sorted(members) for team, members in self.teams.items()}


class TeamRosterThatWaits(TeamRoster):
    """A member whose team is missing comes again later; a team is founded once."""

    def handler(self, event, context):
        early = []
        for record in event["Records"]:
            body = json.loads(record["body"])
            if "member" not in body:
                self.teams.setdefault(body["team"], set())
            elif body["team"] in self.teams:
                self.teams[body["team"]].add(body["member"])
            else:
                early.append(body["member"])
        if early:
            raise LookupError(f"no team yet for {early}")


SPECIMENS = [
    Specimen(
        name="price board",
        kind="last write wins",
        bug=PriceBoard,
        twin=PriceBoardByVersion,
        messages=texts({"sku": "tea", "version": 1, "price": 3}, {"sku": "tea", "version": 2, "price": 4}),
        note="The old price comes last, out of order or as a copy; the twin keeps the highest version.",
    ),
    Specimen(
        name="address book",
        kind="order of events assumed",
        bug=AddressBook,
        twin=AddressBookOfFields,
        messages=texts(
            {"type": "created", "id": 7, "name": "Ann"},
            {"type": "moved", "id": 7, "city": "Ulm"},
        ),
        note="The move comes before the entry, or the entry again behind it; the twin fills fields in any order.",
    ),
    Specimen(
        name="catalog mirror",
        kind="order of events assumed",
        bug=CatalogMirror,
        twin=CatalogMirrorWithTombstones,
        messages=texts(
            {"op": "put", "sku": "tea", "version": 1, "title": "Tea"},
            {"op": "delete", "sku": "tea", "version": 2},
        ),
        note="A late put brings the product back; the twin keeps the version of what is deleted.",
    ),
    Specimen(
        name="order status",
        kind="order of events assumed",
        bug=OrderStatus,
        twin=OrderStatusByRank,
        messages=["o-1:paid", "o-1:packed", "o-1:shipped"],
        note="A step that comes early is ignored and never comes again; the twin takes the furthest step.",
    ),
    Specimen(
        name="thread view",
        kind="order of events assumed",
        bug=ThreadView,
        twin=ThreadViewByTime,
        messages=texts({"at": 1, "text": "first!"}, {"at": 2, "text": "no, I am"}),
        note="Comments arrive out of order and stay so; the twin sorts them by their own times.",
    ),
    Specimen(
        name="team roster",
        kind="order of events assumed",
        bug=TeamRoster,
        twin=TeamRosterThatWaits,
        messages=texts({"team": "red"}, {"team": "red", "member": "ann"}),
        note="A member who comes first joins a set that is thrown away; the twin lets the member come again.",
    ),
    Specimen(
        name="meter readings",
        kind="numbers without gaps assumed",
        bug=MeterReadings,
        twin=MeterReadingsByNumber,
        messages=texts({"number": 1, "kwh": 10}, {"number": 2, "kwh": 12}, {"number": 3, "kwh": 17}),
        note="A reading behind a higher one is taken for a copy; the twin asks for that very number.",
    ),
    Specimen(
        name="job tracker",
        kind="place taken for identity",
        bug=JobTracker,
        twin=JobTrackerByName,
        messages=["job-1", "job-2", "job-3"],
        note="After a crash other records stand at the places that were done; the twin remembers names.",
    ),
]
