"""Leaving out runs that show the same as another loses nothing: the same ends are found as by plain enumeration."""

from __future__ import annotations

import asyncio
import functools
import threading  # noqa: TID251  # what user code does with it is the subject
import time  # noqa: TID251  # the same
from typing import Any, NamedTuple

import pytest

import minisqs
from minisqs import SendMessage
from minisqs.explore import prove, reductions
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles, shown
from minisqs.explore.runs import MERGED
from minisqs.explore.subjects import Case

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
        bodies = [record["body"] for record in event["Records"]]
        texts = [body.upper() for body in bodies]
        text = "".join(sorted(texts))
        length = len(text)
        self.done = sorted({*self.done, *bodies})
        length = length + 1


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
            with self.orders.transaction() as transaction:
                if transaction.get(record["body"]) is None:
                    transaction.put(record["body"], 1)
                    transaction.put("total", (transaction.get("total") or 0) + 1)

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
    assert reduced.runs < plain.runs if reduced.left_out else reduced.runs == plain.runs
    return reduced, plain


# ----------------------------------------------------------------------- nothing is lost that plain runs find
@every_subject
def test_one_message_and_two_faults_end_in_the_same_ways(subject, settings):
    both(subject, ["a"], faults=2, kinds={"kill", "overlap", "duplicate"}, **settings)


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
def off_by_fingerprint(monkeypatch):
    """Only what is known of kills is used."""
    monkeypatch.setattr(reductions.Known, "was_met", lambda *_: False)
    plain = reductions._redundant
    monkeypatch.setattr(reductions, "_redundant", lambda *a, **k: (plain(*a, **k)[0], False))


def only_steps(monkeypatch):
    """Only what is known of overlaps is used."""
    monkeypatch.setattr(reductions.Known, "was_met", lambda *_: False)
    plain = reductions._redundant
    monkeypatch.setattr(reductions, "_redundant", lambda *a, **k: (False, plain(*a, **k)[1]))


def only_rest(monkeypatch):
    """Only equal states at rest are used."""
    monkeypatch.setattr(reductions, "_redundant", lambda *_, **__: (False, False))


@pytest.mark.parametrize(
    ("alone", "runs"),
    [(off_by_fingerprint, 99), (only_steps, 146), (only_rest, 110)],
    ids=["kills", "overlaps", "rest"],
)
def test_each_reduction_by_itself_leaves_runs_out(monkeypatch, alone, runs):
    within = {"faults": 2, "kinds": {"kill", "overlap"}}
    every, plain = both(MuchOfItsOwn, ["a"], **within)
    alone(monkeypatch)
    some, _ = both(MuchOfItsOwn, ["a"], **within)
    assert every.runs < some.runs < plain.runs
    assert (some.runs, plain.runs, every.runs) == (runs, 187, 31)
