"""Leaving out runs that show the same as another loses nothing: the same ends are found as by plain enumeration."""

from __future__ import annotations

import asyncio  # noqa: TID251  # what user code does with it is the subject
import random  # noqa: TID251  # the same
import threading  # noqa: TID251  # the same
import time  # noqa: TID251  # the same
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import minisqs
from minisqs import SendMessage
from minisqs.explore import prove, reductions
from minisqs.explore.fingerprints import canonical
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles
from minisqs.explore.runs import MERGED
from minisqs.explore.subjects import Case
from minisqs.explore.values import shown

pytestmark = pytest.mark.slow

MOST_RUNS = 1_500
"""A plain enumeration that takes more is too large for a test."""


class Ends(NamedTuple):
    """What a walk has seen: how its runs ended, how many there were, how many were left out."""

    found: frozenset[tuple[str, str, str]]
    runs: int
    left_out: int


def ends(subject: Any, messages: Any, *, reduce: bool, faults: int, kinds: Any = None, **settings: Any) -> Ends:
    """Walk through every plan, those that grow out of failing runs too."""
    case = Case(subject, messages, **settings)
    names = prove._kinds(kinds)
    bounds = prove._Bounds(workers=2, faults=faults, preemptions=faults, budget=MOST_RUNS, reduce=reduce)
    found: set[tuple[str, str, str]] = set()
    with Laboratory(case, Oracles.of(None, subject), names) as laboratory:
        laboratory.asks_ties = "tie" in names
        laboratory.expected(case.everything)
        walk = prove.Walk(laboratory, bounds)
        plans: list[Any] = [{}]
        for left in range(faults, -1, -1):
            following: list[Any] = []
            for plan in plans:
                outcome, source, finding = walk._run(case.everything, plan, left)
                if outcome.ended != MERGED:
                    oracle = "" if finding is None else finding.oracle
                    found.add((shown(outcome.state, 10_000), outcome.ended, oracle))
                if left and len(outcome.happened) == len(plan):
                    following += walk._children(plan, source)
            plans = following
        assert laboratory.runs <= MOST_RUNS, "too large for a test"
        return Ends(frozenset(found), laboratory.runs, walk.pruned)


class Desk:
    """The outside world of most handlers here; each adds what it works with."""

    def __init__(self):
        self.done, self.count, self.seen, self.marks = [], 0, set(), {}

    def observe(self):
        return sorted(map(str, self.done)), self.count


class Empty(Desk):
    def handler(self, event, context):
        pass


class Ledger(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            self.seen.add(record["body"])

    def observe(self):
        return sorted(self.seen)


class TwoWrites(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.done.append(record["body"])
                self.seen.add(record["body"])


class ReadComputeWrite(Desk):
    def handler(self, event, context):
        for _ in event["Records"]:
            count = self.count
            count = count + 1
            self.count = count


class MuchOfItsOwn(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            body = record["body"]
            text = body.upper()
            if len(text) == 1:
                text = text + "!"
            self.done = sorted({*self.done, text})


class HelperMethods(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if self.is_new(record):
                self.note(record["body"])

    def is_new(self, record):
        body = record["body"]
        return body not in self.done

    def note(self, body):
        done = [*self.done, body]
        self.done = done


def add_to(desk, body):
    text = body.lower()
    desk.done.append(text)
    desk.count = len(desk.done)


class HelperFunction(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            add_to(self, record["body"])


class Loop(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            for part in (1, 2):
                name = f"{record['body']}{part}"
                if name not in self.done:
                    self.done.append(name)


class WhileLoop(Desk):
    def handler(self, event, context):
        left = len(event["Records"])
        while left:
            left = left - 1
            self.count += 1


class TryFinally(Desk):
    def handler(self, event, context):
        try:
            self.marks["open"] = True
            self.done = sorted({*self.done, *(record["body"] for record in event["Records"])})
        finally:
            self.marks.pop("open", None)
            self.count = len(self.done)


class CatchesItsOwn(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            try:
                number = int(record["body"])
            except ValueError:
                number = 7
            self.count = self.count + number


class Door:
    """A context manager with statements of its own."""

    def __init__(self):
        self.inside = self.most = 0

    def __enter__(self):
        self.inside += 1
        self.most = max(self.most, self.inside)

    def __exit__(self, *raised):
        self.inside -= 1


class WithDoor(Desk):
    def __init__(self):
        super().__init__()
        self.door = Door()

    def handler(self, event, context):
        with self.door:
            size = len(event["Records"])
            self.done = sorted({*self.done, *(record["body"] for record in event["Records"])})
        size = size + 1

    def observe(self):
        return self.done, self.door.most


class WarmCache(Desk):
    def environment(self):
        cache = []

        def handler(event, context):
            for record in event["Records"]:
                if record["body"] not in cache:
                    cache.append(record["body"])
                    self.done.append(record["body"])

        return handler


class WarmCounter(Desk):
    def environment(self):
        served = 0

        def handler(event, context):
            nonlocal served
            served += 1
            self.count = max(self.count, served)
            self.done = sorted({*self.done, *(record["body"] for record in event["Records"])})

        return handler


class DefaultCache(Desk):
    def environment(self):
        def handler(event, context, cache=[]):  # noqa: B006  # on purpose: it is the environment's memory
            for record in event["Records"]:
                if cache:
                    self.count += 1
                cache.append(record["body"])
                self.done = sorted({*self.done, record["body"]})

        return handler

    def observe(self):
        return self.done


class Clerk:
    """What an environment is made of, with a memory of its own."""

    def __init__(self, desk):
        self.desk, self.last = desk, ""

    def handle(self, event, context):
        for record in event["Records"]:
            if self.last != record["body"]:
                self.desk.done.append(record["body"])
            self.last = record["body"]


class Clerks(Desk):
    def environment(self):
        return Clerk(self).handle


class LockThatExpires(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if self.marks.get(record["body"], 0) > time.time():
                raise RuntimeError("somebody is at it")
            self.marks[record["body"]] = time.time() + 20
            self.done.append(record["body"])


class CountsReceives(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            times = int(record["attributes"]["ApproximateReceiveCount"])
            self.done = sorted({*self.done, record["body"]})
            self.count = max(self.count, times)


class FirstReceiveOnly(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["attributes"]["ApproximateReceiveCount"] == "1":
                self.done.append(record["body"])


class Owner(Desk):
    def handler(self, event, context):
        self.marks.setdefault("owner", context.aws_request_id)
        if self.marks["owner"] == context.aws_request_id:
            self.done = sorted({*self.done, *(record["body"] for record in event["Records"])})
            del self.marks["owner"]


class RequestOnRedelivery(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] in self.seen:
                self.done.append(context.aws_request_id[:4])
            self.seen.add(record["body"])


class Timestamps(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            attributes = record["attributes"]
            waited = int(attributes["ApproximateFirstReceiveTimestamp"]) - int(attributes["SentTimestamp"])
            self.done = sorted({*self.done, f"{record['body']} {waited}"})


class WatchesTheClock(Desk):
    def handler(self, event, context):
        began = time.time()
        self.done = sorted({*self.done, *(record["body"] for record in event["Records"])})
        self.count = max(self.count, round(time.time() - began))


class Sleeper(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.done:
                time.sleep(2)
                self.done.append(record["body"])


class HurriesWhenLate(Desk):
    def handler(self, event, context):
        time.sleep(1)
        if context.get_remaining_time_in_millis() > 1500:
            self.done = sorted({*self.done, *(record["body"] for record in event["Records"])})


class SetsInDicts(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            parts = self.marks.setdefault("parts", set())
            size = len(parts)
            parts.add((record["body"], size))

    def observe(self):
        return sorted(self.marks["parts"])


class Shared(Desk):
    """The same list by two names."""

    def __init__(self):
        super().__init__()
        self.lines = [[]]

    def handler(self, event, context):
        for record in event["Records"]:
            self.lines = [self.lines[0], self.lines[0]]
            self.lines[1].append(record["body"])
            self.lines = [self.lines[0], list(self.lines[0])]

    def observe(self):
        return [sorted(line) for line in self.lines]


class Numbers(Desk):
    """An iterator that outlives every delivery."""

    def __init__(self):
        super().__init__()
        self.numbers = iter(range(100, 200))

    def handler(self, event, context):
        for record in event["Records"]:
            number = next(self.numbers)
            text = str(number)
            self.marks.setdefault(record["body"], text)

    def observe(self):
        return sorted(self.marks)


class OneTransaction(Desk):
    def __init__(self):
        self.orders = minisqs.outside.Table("orders")

    def handler(self, event, context):
        for record in event["Records"]:
            with minisqs.outside.transaction() as transaction:
                if transaction.get(self.orders, record["body"]) is None:
                    total = transaction.get(self.orders, "total", 0)
                    transaction.put(self.orders, record["body"], 1)
                    transaction.put(self.orders, "total", total + 1)

    def observe(self):
        return self.orders.observe()


class TwoTables(Desk):
    def __init__(self):
        self.orders, self.totals = minisqs.outside.Table("orders"), minisqs.outside.Table("totals")

    def handler(self, event, context):
        for record in event["Records"]:
            if self.orders.put_new(record["body"], 1):
                self.totals.add("total", 1)

    def observe(self):
        return self.orders.observe(), self.totals.observe()


class EarlyReturn(Desk):
    def handler(self, event, context):
        body = event["Records"][0]["body"]
        if body in self.done:
            return
        self.done.append(body)
        for record in event["Records"][1:]:
            self.done.append(record["body"])


class RaisesForDuplicates(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] in self.done and self.count < 2:
                self.count += 1
                raise RuntimeError("again?")
            self.done = sorted({*self.done, record["body"]})

    def observe(self):
        return self.done


class InProgress(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] in self.marks:
                continue
            self.marks[record["body"]] = "in progress"
            self.done.append(record["body"])


class ReportsFailures(Desk):
    def handler(self, event, context):
        failed = []
        for record in event["Records"]:
            if record["body"] == "a" and not self.seen.isdisjoint({"b"}):
                failed.append({"itemIdentifier": record["messageId"]})
                self.seen.discard("b")
            else:
                self.seen.add(record["body"])
                self.done = sorted({*self.done, record["body"]})
        return {"batchItemFailures": failed}


class InOrder(Desk):
    def handler(self, event, context):
        for record in event["Records"]:
            last = self.done[-1] if self.done else ""
            if last != record["body"]:
                self.done.append(record["body"])

    def observe(self):
        return self.done


class PlainLock(Desk):
    """A lock cannot be pickled, so that nothing can be said of the world that has one."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def handler(self, event, context):
        with self.lock:
            count = self.count
            self.count = count + 1


class Awaits(Desk):
    async def handler(self, event, context):
        count = self.count
        await asyncio.sleep(1)
        self.count = count + len(event["Records"])


class Generators(Desk):
    """Locals that run on demand."""

    def handler(self, event, context):
        bodies = (record["body"] for record in event["Records"])
        for body in self.fresh(bodies):
            self.done.append(body)

    def fresh(self, bodies):
        for body in bodies:
            if body not in self.done:
                yield body


SLOW = {"function": {"timeout": 20}}
REPORTS = {"mapping": {"report_batch_item_failures": True}}
SINGLY = {"mapping": {"batch_size": 1}}
ONE_GROUP = [SendMessage(body, message_group_id="g", message_deduplication_id=body) for body in "ab"]
TWO_GROUPS = [SendMessage(body, message_group_id=body, message_deduplication_id=body) for body in "ab"]
LATER = ["a", SendMessage("b", delay_seconds=40)]

SUBJECTS: list[tuple[type[Any], dict[str, Any]]] = [
    (Empty, {}), (Ledger, SINGLY), (TwoWrites, {}), (ReadComputeWrite, SINGLY), (MuchOfItsOwn, {}),
    (HelperMethods, {}), (HelperFunction, {}), (Loop, {}), (WhileLoop, {}), (TryFinally, {}), (CatchesItsOwn, SINGLY),
    (WithDoor, SINGLY), (WarmCache, SINGLY), (WarmCounter, SINGLY), (DefaultCache, {}), (Clerks, {}),
    (LockThatExpires, {}), (CountsReceives, {}), (FirstReceiveOnly, {}), (Owner, SINGLY), (RequestOnRedelivery, {}),
    (Timestamps, {}), (WatchesTheClock, SLOW), (Sleeper, SLOW), (HurriesWhenLate, {}), (SetsInDicts, {}), (Shared, {}),
    (Numbers, {}), (OneTransaction, {}), (TwoTables, {}), (EarlyReturn, {}), (RaisesForDuplicates, {}),
    (InProgress, {}), (ReportsFailures, REPORTS), (InOrder, SINGLY), (PlainLock, {}), (Awaits, SLOW), (Generators, {}),
]  # fmt: skip

every_subject = pytest.mark.parametrize(("subject", "settings"), SUBJECTS, ids=[one.__name__ for one, _ in SUBJECTS])


def both(subject: Any, messages: Any, **within: Any) -> tuple[Ends, Ends]:
    """With and without reductions: the same ends, with fewer runs, unless nothing could be left out."""
    reduced = ends(subject, messages, reduce=True, **within)
    plain = ends(subject, messages, reduce=False, **within)
    assert reduced.found == plain.found
    assert plain.left_out == 0
    assert reduced.runs <= plain.runs
    return reduced, plain


# ----------------------------------------------------------------------- nothing is lost that plain runs find
@every_subject
def test_one_message_and_two_faults_end_in_the_same_ways(subject, settings):
    both(subject, ["a"], faults=2, kinds={"kill", "overlap"}, **settings)


@every_subject
def test_two_messages_and_a_fault_end_in_the_same_ways(subject, settings):
    both(subject, ["a", "b"], faults=1, **settings)


@every_subject
def test_faults_of_sqs_and_of_lambda_end_in_the_same_ways(subject, settings):
    both(subject, LATER, faults=2, kinds={"lost_answer", "throttle", "recycle", "stale_delete", "stall"}, **settings)


@pytest.mark.parametrize("messages", [ONE_GROUP, TWO_GROUPS], ids=["one-group", "two-groups"])
@pytest.mark.parametrize("subject", [TwoWrites, InOrder, WarmCache, CountsReceives], ids=lambda one: one.__name__)
def test_fifo_queues_end_in_the_same_ways(subject, messages):
    both(subject, messages, faults=2, kinds=None, queue={"fifo_queue": True}, **SINGLY)


@pytest.mark.parametrize("subject", [TwoWrites, LockThatExpires, RaisesForDuplicates], ids=lambda one: one.__name__)
def test_dead_letters_end_in_the_same_ways(subject):
    both(subject, ["a", "b"], faults=2, kinds={"kill", "duplicate", "throttle"}, queue={"max_receive_count": 2})


@pytest.mark.parametrize("subject", [ReadComputeWrite, InOrder], ids=lambda one: one.__name__)
def test_other_orders_of_what_is_simultaneous_end_in_the_same_ways(subject):
    both(subject, ["a", "b"], faults=2, kinds={"tie", "kill", "reorder"}, **SINGLY)


# ------------------------------------------------------------------------------ each of them leaves something out
def only_kills(monkeypatch):
    """Only what is known of kills is used."""
    monkeypatch.setattr(reductions.Known, "was_met", lambda *_, **__: False)
    plain = reductions._redundant
    monkeypatch.setattr(reductions, "_redundant", lambda *a, **k: (plain(*a, **k)[0], False))


def only_steps(monkeypatch):
    """Only what is known of overlaps is used."""
    monkeypatch.setattr(reductions.Known, "was_met", lambda *_, **__: False)
    plain = reductions._redundant
    monkeypatch.setattr(reductions, "_redundant", lambda *a, **k: (False, plain(*a, **k)[1]))


def only_rest(monkeypatch):
    """Only equal states at rest are used."""
    monkeypatch.setattr(reductions, "_redundant", lambda *_, **__: (False, False))
    monkeypatch.setattr(reductions, "in_the_middle", lambda *_: None)


@pytest.mark.parametrize("alone", [only_kills, only_steps, only_rest], ids=["kills", "overlaps", "rest"])
def test_each_reduction_by_itself_leaves_runs_out(monkeypatch, alone):
    within = {"faults": 2, "kinds": {"kill", "overlap"}}
    every, plain = both(MuchOfItsOwn, ["a"], **within)
    alone(monkeypatch)
    some, _ = both(MuchOfItsOwn, ["a"], **within)
    assert every.runs < some.runs < plain.runs
    assert every.runs < plain.runs / 5


# ------------------------------------------------------------------------- what a fingerprint may not overlook
class Box:
    def __init__(self, value):
        self.value = value


class Names(list[Any]):
    """A list with a name of its own."""


class Prices(dict[Any, Any]):
    """A dictionary with a name of its own."""


def grown(draw: random.Random, depth: int = 0) -> Callable[[int], Any]:
    """Makes a value of any shape, the same each time but for the number that is given."""
    kind = draw.choice(["box", "names", "prices", "list", "number", "given"] if depth < 3 else ["number", "given"])
    number = draw.randrange(3)
    parts = [grown(draw, depth + 1) for _ in range(number)] if kind in {"names", "prices", "list"} else []
    if kind == "box":
        part = grown(draw, depth + 1)
        return lambda given: Box(part(given))
    return {
        "names": lambda given: Names(part(given) for part in parts),
        "prices": lambda given: Prices(enumerate(part(given) for part in parts)),
        "list": lambda given: [part(given) for part in parts],
        "number": lambda given: number,
        "given": lambda given: given,
    }[kind]


def told(value: Any) -> Any:
    """A value as a text that says it all."""
    if isinstance(value, Box):
        return f"Box({told(value.value)})"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [str(value)]
    return f"{type(value).__name__}({[part if isinstance(part, str) else told(part) for part in parts]})"


def test_fingerprints_are_equal_for_equal_values_and_for_no_others():
    draw = random.Random(6)
    for _ in range(2_000):
        value = grown(draw)
        one, same, other = ({"a set": {"a"}, "value": value(given)} for given in (100, 100, 200))
        assert canonical(one) == canonical(same)
        assert (canonical(one) == canonical(other)) == (told(one["value"]) == told(other["value"]))


SEEN: set[str] = set()
CHARGES: list[str] = []


class InTheModule:
    """State in globals, fresh for each run."""

    def __init__(self):
        SEEN.clear()
        CHARGES.clear()

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in SEEN:
                CHARGES.append(record["body"])
                SEEN.add(record["body"])

    def observe(self):
        return sorted(CHARGES)


class InTheClass:
    """State in attributes of the class, fresh for each run."""

    seen: frozenset[str]

    def __init__(self):
        self.charges = []
        type(self).seen = frozenset()

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                type(self).seen = self.seen | {record["body"]}
                self.charges.append(record["body"])

    def observe(self):
        return sorted(self.charges)


class InAFile:
    """State in a file, of which the subject knows the name."""

    def __init__(self):
        self.path = Path("charges.txt")
        self.path.write_text("")

    def handler(self, event, context):
        for record in event["Records"]:
            if f"{record['body']} is done" not in self.path.read_text():
                self.note(record["body"])
                self.note(f"{record['body']} is done")

    def note(self, line):
        with self.path.open("a") as file:
            file.write(line + "\n")

    def observe(self):
        return self.path.read_text()


class IsADictionary(dict[str, Any]):
    """State in the subject itself, not in its attributes."""

    def handler(self, event, context):
        for record in event["Records"]:
            if f"{record['body']} is done" not in self:
                self["charges"] = self.get("charges", 0) + 1
                self[f"{record['body']} is done"] = True

    def observe(self):
        return self["charges"]


class InAnException(Desk):
    """State in what an exception says."""

    def __init__(self):
        super().__init__()
        self.last_error = RuntimeError("none")

    def handler(self, event, context):
        for record in event["Records"]:
            if str(self.last_error) == "none":
                self.last_error = RuntimeError("busy")
                self.seen.add(record["body"])
                self.last_error = RuntimeError("none")

    def observe(self):
        return sorted(self.seen)


class Status(str):  # noqa: SLOT000  # as one writes it
    """A text with a name of its own."""


class InADerivedText(Desk):
    """State in an object of a class derived from ``str``."""

    def __init__(self):
        super().__init__()
        self.status = Status("free")

    def handler(self, event, context):
        for record in event["Records"]:
            if self.status == "free":
                self.status = Status("busy")
                self.seen.add(record["body"])
                self.status = Status("free")

    def observe(self):
        return sorted(self.seen)


class InAMethod(Desk):
    """State in which method is used."""

    def __init__(self):
        super().__init__()
        self.decide = self.take

    def take(self, body):
        return body not in self.seen

    def refuse(self, body):
        return False

    def handler(self, event, context):
        for record in event["Records"]:
            if self.decide(record["body"]):
                self.decide = self.refuse
                self.seen.add(record["body"])
                self.decide = self.take

    def observe(self):
        return sorted(self.seen)


class InTwoNames(Desk):
    """State in whether two names mean the same set."""

    def __init__(self):
        super().__init__()
        self.before = None

    def handler(self, event, context):
        for record in event["Records"]:
            if self.before is None:
                self.before = set(self.seen)
                self.before = self.seen
                self.before = set(self.seen)
            self.seen.add(record["body"])

    def observe(self):
        return sorted(self.before)


@pytest.mark.parametrize(
    "subject",
    [
        InTheModule,
        InTheClass,
        InAFile,
        IsADictionary,
        InAnException,
        InADerivedText,
        InAMethod,
        InTwoNames,
    ],
    ids=lambda one: one.__name__,
)
def test_state_is_not_overlooked_between_statements(subject):
    reduced, plain = (ends(subject, ["a"], reduce=reduce, faults=1, kinds={"kill"}) for reduce in (True, False))
    assert any(oracle for *_, oracle in plain.found), "it has a bug"
    assert reduced.found == plain.found


class Tainted:
    """An environment that once met a half-done order ignores the order "b" for ever."""

    def __init__(self):
        self.done, self.half_done = [], False

    def work(self, record, taint, *, is_tainted):
        if self.half_done and record["body"] == "a":
            taint()
            self.half_done = False
        if record["body"] not in self.done and not (is_tainted and record["body"] == "b"):
            self.half_done = True
            self.half_done = False
            self.done = sorted([*self.done, record["body"]])

    def observe(self):
        return self.done


class InAnAttribute(Tainted):
    """Memory of an environment in an attribute of its handler."""

    def environment(self):
        def handler(event, context):
            for record in event["Records"]:
                self.work(record, lambda: handler.taints.append(1), is_tainted=handler.taints)  # type: ignore[attr-defined]

        handler.taints = []  # type: ignore[attr-defined]
        return handler


class InAKeyword(Tainted):
    """Memory of an environment in the default of a parameter that is only given by name."""

    def environment(self):
        def handler(event, context, *, taints=[]):  # noqa: B006  # on purpose
            for record in event["Records"]:
                self.work(record, lambda: taints.append(1), is_tainted=taints)

        return handler


class Worker(dict[str, int]):
    """Memory of an environment in a dictionary that its handler is a method of."""

    def __init__(self, outside):
        self.outside = outside

    def handle(self, event, context):
        for record in event["Records"]:
            self.outside.work(record, lambda: self.update(taint=1), is_tainted=self)


class InAWorker(Tainted):
    def environment(self):
        return Worker(self).handle


TAINTS: list[int] = []


class InAGlobal(Tainted):
    """Memory of an environment in the module, fresh at each cold start."""

    def environment(self):
        TAINTS.clear()

        def handler(event, context):
            for record in event["Records"]:
                self.work(record, lambda: TAINTS.append(1), is_tainted=TAINTS)

        return handler


@pytest.mark.parametrize("subject", [InAnAttribute, InAKeyword, InAWorker, InAGlobal], ids=lambda one: one.__name__)
def test_memory_of_an_environment_is_not_overlooked_at_rest(subject):
    reduced, plain = (ends(subject, LATER, reduce=reduce, faults=1, kinds={"kill"}) for reduce in (True, False))
    assert any(oracle for *_, oracle in plain.found), "it has a bug"
    assert reduced.found == plain.found


class OutOfOrder:
    """Raises after one kind of half-done work, and answers the later message first after another."""

    def __init__(self):
        self.done, self.half_done = [], ""

    def handler(self, event, context):
        records = event["Records"]
        half_done, self.half_done = self.half_done, ""
        if half_done == "begun":
            raise RuntimeError("once more")
        if half_done == "almost done":
            self.done = sorted({*self.done, records[-1]["body"]})
            return {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
        self.half_done = "begun"
        self.half_done = "almost done"
        self.done = sorted({*self.done, *(record["body"] for record in records)})
        self.half_done = ""
        return {}

    def observe(self):
        return self.done


def test_a_broken_order_is_not_forgotten_at_rest():
    within = {"faults": 1, "kinds": {"kill"}, "queue": {"fifo_queue": True}, **REPORTS}
    reduced, plain = (ends(OutOfOrder, ONE_GROUP, reduce=reduce, **within) for reduce in (True, False))
    assert {oracle for *_, oracle in plain.found} == {"", "fifo_order"}
    assert reduced.found == plain.found


class DrawsAgain(Desk):
    """How much was drawn before decides what is drawn next."""

    def handler(self, event, context):
        for record in event["Records"]:
            one = random.randrange(1000)
            other = random.randrange(1000)
            if record["attributes"]["ApproximateReceiveCount"] != "1":
                self.done = [one, other]


def test_draws_are_not_forgotten():
    reduced, plain = (ends(DrawsAgain, ["a"], reduce=reduce, faults=1, kinds={"kill"}) for reduce in (True, False))
    assert reduced.found == plain.found


class LetsGoInAHurry:
    """What it has read under a lock it writes only after an exception of its own has let go of the lock."""

    def __init__(self):
        self.lock, self.count, self.written = threading.Lock(), 0, 0

    def handler(self, event, context):
        try:
            with self.lock:
                count = self.count
                self.parse(event)
        except TypeError:
            self.count = count + 1
            self.written += 1

    def parse(self, event):
        wanted = event["Records"][0]["body"]["wanted"]
        return wanted  # noqa: RET504  # not the last statement raises

    def observe(self):
        return self.count == self.written


def test_an_overlap_after_an_exception_is_not_the_one_before_it():
    reduced, plain = (ends(LetsGoInAHurry, ["a"], reduce=one, faults=1, kinds={"overlap"}) for one in (True, False))
    assert any(oracle for *_, oracle in plain.found), "it has a bug"
    assert reduced.found == plain.found
