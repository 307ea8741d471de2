"""Consumers which guard their work with locks that do not do what they seem to."""

from __future__ import annotations

import time  # noqa: TID251  # user code; the time is simulated
from contextlib import contextmanager

from .specimen import Specimen

FREE = (0.0, None)


class Busy(Exception):
    """Somebody else is at it: come again later."""


class Locks:
    """Locks that end by themselves, each taken in one step, and given back in one step by its owner."""

    def __init__(self):
        self.held = {}

    def take(self, name, seconds):
        """The lock, or None while somebody has it."""
        mine = (time.time() + seconds, object())
        self.held.update({} if self.held.get(name, FREE)[0] > time.time() else {name: mine})
        return mine if self.held.get(name) is mine else None

    def give_back(self, name, mine):
        """Nothing, if the lock is another's by now."""
        self.held.update({name: FREE} if self.held.get(name) is mine else {})


class NightlyExport:
    """Eight seconds of work under a lock of five."""

    lock_seconds = 5

    def __init__(self):
        self.locks = Locks()
        self.exports = []

    def handler(self, event, context):
        for record in event["Records"]:
            self.export(record["body"])

    def export(self, day):
        lock = self.locks.take(day, self.lock_seconds)
        if lock is None:
            raise Busy(day)
        if day not in self.exports:
            time.sleep(8)
            self.exports.append(day)
        self.locks.give_back(day, lock)

    def observe(self):
        return sorted(self.exports)


class NightlyExportWithLongLock(NightlyExport):
    """No invocation lives as long as its lock."""

    lock_seconds = 25


class InventoryImport:
    """A flag for a lock: who finds it set leaves the work to whoever set it."""

    def __init__(self):
        self.importing = False
        self.inventory = {}

    @contextmanager
    def import_lock(self):
        self.importing = True
        try:
            yield
        finally:
            self.importing = False

    def handler(self, event, context):
        for record in event["Records"]:
            shelf, pieces = record["body"].split("=")
            if self.importing:
                continue
            with self.import_lock():
                self.inventory[shelf] = int(pieces)

    def observe(self):
        return self.inventory


class InventoryImportWithLease(InventoryImport):
    """The lock ends by itself, and who finds it taken comes again."""

    def __init__(self):
        super().__init__()
        self.locks = Locks()

    def handler(self, event, context):
        lock = self.locks.take("inventory", 20)
        if lock is None:
            raise Busy("inventory")
        for record in event["Records"]:
            shelf, pieces = record["body"].split("=")
            self.inventory[shelf] = int(pieces)
        self.locks.give_back("inventory", lock)


class PlotterQueue:
    """One permit for one plotter; a permit in dead hands is gone."""

    def __init__(self):
        self.permits = 1
        self.plots = set()

    def handler(self, event, context):
        if self.permits == 0:
            return "no plotter is free"
        self.permits -= 1
        try:
            for record in event["Records"]:
                self.plots.add(record["body"])
        finally:
            self.permits += 1
        return "plotted"

    def observe(self):
        return sorted(self.plots)


class PlotterQueueWithLease(PlotterQueue):
    def __init__(self):
        super().__init__()
        self.locks = Locks()

    def handler(self, event, context):
        permit = self.locks.take("plotter", 10)
        if permit is None:
            raise Busy("no plotter is free")
        try:
            for record in event["Records"]:
                self.plots.add(record["body"])
        finally:
            self.locks.give_back("plotter", permit)
        return "plotted"


class MenuBoard:
    """Whoever leaves unlocks the board, also those who never got in."""

    def __init__(self):
        self.locked = False
        self.menu = ()

    def handler(self, event, context):
        for record in event["Records"]:
            try:
                self.add(record["body"])
            finally:
                self.locked = False

    def add(self, dish):
        if self.locked:
            raise Busy(dish)
        self.locked = True
        menu = set(self.menu)
        menu.add(dish)
        self.menu = tuple(sorted(menu))

    def observe(self):
        return self.menu


class MenuBoardWithOwner(MenuBoard):
    """Only the owner of the lock gives it back; a dead one's ends by itself."""

    def __init__(self):
        super().__init__()
        self.locks = Locks()

    def handler(self, event, context):
        lock = self.locks.take("menu", 15)
        if not lock:
            raise Busy("menu")
        for record in event["Records"]:
            menu = set(self.menu)
            menu.add(record["body"])
            self.menu = tuple(sorted(menu))
        self.locks.give_back("menu", lock)


class RotaPlanner:
    """Announces itself, looks whether others did, and leaves it to them if so."""

    def __init__(self):
        self.present = {}
        self.rota = {}

    def others(self, day, me):
        return [who for who, since in self.present[day].items() if who is not me and since > time.time() - 20]

    def handler(self, event, context):
        me = object()
        for record in event["Records"]:
            day = record["body"]
            self.present.setdefault(day, {})[me] = time.time()
            if self.others(day, me):
                self.busy(day)
            else:
                self.rota[day] = f"rota of {day}"
            self.present[day].pop(me)

    def busy(self, day):
        """The others will do it."""

    def observe(self):
        return self.rota


class RotaPlannerThatComesAgain(RotaPlanner):
    """If the others do it, there is nothing left when the message comes again."""

    def busy(self, day):
        raise Busy(day)


class StampSeller:
    """A lock that lives in one environment keeps nobody else out."""

    def __init__(self):
        self.sold = frozenset()

    def environment(self):
        lock = set()

        def handler(event, context):
            for record in event["Records"]:
                stamp = record["body"]
                if "sold" in lock:
                    raise Busy(stamp)
                lock.add("sold")
                sold = self.sold
                self.sold = sold | {stamp}
                lock.discard("sold")

        return handler

    def observe(self):
        return sorted(self.sold)


class StampSellerInOneStep(StampSeller):
    def __init__(self):
        self.sold = set()

    def environment(self):
        def handler(event, context):
            for record in event["Records"]:
                stamp = record["body"]
                self.sold.add(stamp)

        return handler


SPECIMENS = [
    Specimen(
        name="nightly export",
        kind="lock shorter than the work",
        bug=NightlyExport,
        twin=NightlyExportWithLongLock,
        messages=["monday", "tuesday"],
        queue={"visibility_timeout": 60},
        function={"timeout": 20},
        note="A copy comes when the lock has ended and the work has not; the twin's lock outlives any invocation.",
    ),
    Specimen(
        name="inventory import",
        kind="lock never released",
        bug=InventoryImport,
        twin=InventoryImportWithLease,
        messages=["tea=4", "cups=6"],
        note="A crash leaves the flag set, and all is left to the dead; the twin's lock ends, and it comes again.",
    ),
    Specimen(
        name="plotter queue",
        kind="lock never released",
        bug=PlotterQueue,
        twin=PlotterQueueWithLease,
        messages=["plan-1", "plan-2"],
        note="A crash takes the permit along, and nobody plots again; the twin's permit ends by itself.",
    ),
    Specimen(
        name="menu board",
        kind="lock released by another",
        bug=MenuBoard,
        twin=MenuBoardWithOwner,
        messages=["soup", "fish", "cake"],
        mapping={"batch_size": 1},
        note="A second delivery is refused and unlocks, a third gets in: one is lost; the twin's lock has an owner.",
    ),
    Specimen(
        name="rota planner",
        kind="both give way",
        bug=RotaPlanner,
        twin=RotaPlannerThatComesAgain,
        messages=["friday"],
        note="Two copies see each other and both leave, or one leaves and the other dies; the twin comes again.",
    ),
    Specimen(
        name="stamp seller",
        kind="memory of one environment",
        bug=StampSeller,
        twin=StampSellerInOneStep,
        messages=["blue", "red"],
        mapping={"batch_size": 1},
        note="Another environment writes between read and write; the twin writes in one step.",
    ),
]
