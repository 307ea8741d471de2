"""Schedules that do not fit on one stack: works that are suspended together, and go on in any order."""

from __future__ import annotations

import _thread  # how many threads there really are
import asyncio  # noqa: TID251  # what user code does with it is the subject
import gc
import threading  # noqa: TID251  # the same
import time  # noqa: TID251  # the same
from typing import Any, ClassVar

import pytest

import minisqs
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles
from minisqs.explore.prove import Walk, _Bounds
from minisqs.explore.subjects import Case

SLOW: dict[str, Any] = {"function": {"timeout": 20}}
OVERLAPS: dict[str, Any] = {"faults": {"overlap"}}


class BothGiveUp:
    """Each delivery sees the other busy, and leaves the work to it."""

    def __init__(self):
        self.busy, self.done = set(), set()

    def handler(self, event, context):
        for record in event["Records"]:
            self.busy.add(context.aws_request_id)
            if len(self.busy) > 1:
                self.busy.discard(context.aws_request_id)
                continue
            self.done.add(record["body"])
            self.busy.discard(context.aws_request_id)

    def observe(self):
        return sorted(self.done)


class Sleeps:
    """Sleeps as long as the receive count says, and notes who ended."""

    seconds: ClassVar[dict[str, float]]

    def __init__(self):
        self.began, self.ended, self.zero = [], [], None

    def handler(self, event, context):
        self.zero = self.zero or time.monotonic()
        for record in event["Records"]:
            times = record["attributes"]["ApproximateReceiveCount"]
            self.began.append(times)
            time.sleep(self.seconds[times])
            self.ended.append((times, round(time.monotonic() - self.zero)))

    def observe(self):
        return self.began, self.ended


class FirstSleepsLonger(Sleeps):
    seconds: ClassVar = {"1": 10, "2": 2}


class CopySleepsLonger(Sleeps):
    seconds: ClassVar = {"1": 2, "2": 10}


class BothSleepTheSame(Sleeps):
    seconds: ClassVar = {"1": 3, "2": 3}


class Locked:
    """Counts under a lock that it holds while it sleeps."""

    def __init__(self):
        self.lock, self.count, self.written, self.waited = threading.Lock(), 0, 0, []

    def handler(self, event, context):
        before = time.time()
        with self.lock:
            self.waited.append(round(time.time() - before))
            count = self.count
            time.sleep(2)
            self.count = count + 1
        self.written += 1

    def observe(self):
        return self.count == self.written


class LockedForShort(Locked):
    """Waits for the lock for a second, and gives up."""

    def handler(self, event, context):
        if not self.lock.acquire(timeout=1):
            raise TimeoutError("somebody else is at it")
        time.sleep(2)
        self.lock.release()


class Unlocked(Locked):
    """The same without the lock."""

    def handler(self, event, context):
        count = self.count
        time.sleep(2)
        self.count = count + 1
        self.written += 1


class Awaits(Unlocked):
    async def handler(self, event, context):
        count = self.count
        await asyncio.sleep(2)
        self.count = count + 1
        self.written += 1


class AwaitsLocked(Unlocked):
    """An asyncio lock is of one event loop, so that it keeps nobody else out."""

    def __init__(self):
        super().__init__()
        self.orders = {}

    async def handler(self, event, context):
        lock = asyncio.Lock()
        async with lock:
            count = self.count
            await asyncio.sleep(0)
            self.count = count + 1
            self.written += 1


class RunsALoop(Unlocked):
    def handler(self, event, context):
        asyncio.run(self.work())

    async def work(self):
        count = self.count
        await asyncio.sleep(2)
        self.count = count + 1
        self.written += 1


class RunsALoopSafely(RunsALoop):
    """Notes what its event loop refuses; there is nothing to refuse."""

    def __init__(self):
        super().__init__()
        self.refused = []

    def handler(self, event, context):
        try:
            asyncio.run(self.work())
        except RuntimeError as error:
            self.refused.append(str(error))

    async def work(self):
        await asyncio.gather(asyncio.sleep(2), asyncio.sleep(1))
        self.count = 1

    def observe(self):
        return self.count, self.refused


def failure(subject: Any, messages: Any = ("a",), **settings: Any) -> Any:
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, list(messages), **settings)
    return caught.value.report


def names(report: Any) -> list[str]:
    return [fault.name for fault in report.faults]


def states(subject: Any, messages: Any, *, faults: int, kinds: Any, **settings: Any) -> set[str]:
    """All that is left behind within so many faults."""
    case = Case(subject, messages, **settings)
    with Laboratory(case, Oracles.of(["drains"], subject), kinds) as laboratory:
        laboratory.expected(case.everything)
        walk = Walk(laboratory, _Bounds(workers=2, faults=faults, preemptions=faults, budget=2_000, reduce=False))
        assert [story.finding for story in walk.failures()] == []
        return set(walk.states)


# ------------------------------------------------------------------------------------- both are suspended
def test_two_deliveries_that_leave_the_work_to_each_other_are_found():
    report = failure(BothGiveUp, **OVERLAPS)
    assert (report.expected, report.got) == (["a"], [])
    assert names(report) == ["overlap", "overlap"]
    assert "delivery 2 of message 1 waits" in " ".join(report.text().split())


def test_they_are_not_found_where_only_one_may_be_suspended():
    assert minisqs.prove(BothGiveUp, ["a"], kinds={"overlap"}, faults=1).states == ("['a']",)
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(BothGiveUp, ["a"], kinds={"overlap"}, faults=2)


def test_a_story_of_two_suspended_deliveries_is_replayed():
    report = failure(BothGiveUp, **OVERLAPS)
    assert minisqs.replay(BothGiveUp, report.token, ["a"]).state == []


# ------------------------------------------------------------------------------------------------- sleeping
@pytest.mark.parametrize(
    ("subject", "order"),
    [
        (FirstSleepsLonger, [("2", 2), ("1", 10)]),
        (CopySleepsLonger, [("1", 2), ("2", 10)]),
        (BothSleepTheSame, [("2", 3), ("1", 3)]),
    ],
)
def test_sleeping_deliveries_end_when_their_sleep_does(subject, order):
    seen = states(subject, ["a"], faults=1, kinds={"overlap"}, **SLOW)
    assert repr((["1", "2"], order)) in seen


def test_a_copy_may_come_while_the_first_delivery_is_asleep_or_before():
    seen = states(FirstSleepsLonger, ["a"], faults=1, kinds={"overlap"}, **SLOW)
    assert seen == {
        "(['1'], [('1', 10)])",
        "(['1', '2'], [('2', 2), ('1', 10)])",
        "(['2', '1'], [('2', 2), ('1', 10)])",
        "(['1', '2'], [('1', 10), ('2', 12)])",
    }


def test_an_update_that_is_lost_in_a_sleep_is_found():
    report = failure(Unlocked, **OVERLAPS, **SLOW)
    assert names(report) == ["overlap"]


# ---------------------------------------------------------------------------------------------------- locks
def test_a_lock_that_is_held_in_a_sleep_keeps_others_out():
    proof = minisqs.prove(Locked, ["a"], kinds={"overlap", "duplicate"}, faults=2, **SLOW)
    assert proof.states == ("True",)


def test_who_waits_for_a_lock_waits_in_simulated_time():
    class Waits(Locked):
        def observe(self):
            return sorted(self.waited)

    assert "[0, 2]" in states(Waits, ["a"], faults=1, kinds={"overlap"}, **SLOW)


def test_who_waits_for_a_lock_may_give_up():
    class GivesUp(LockedForShort):
        def observe(self):
            return True

    assert states(GivesUp, ["a"], faults=1, kinds={"overlap"}, **SLOW) == {"True"}


def test_the_lock_of_a_killed_delivery_is_named():
    report = failure(Locked, faults={"kill"}, **SLOW)
    assert names(report) == ["kill"]
    said = " ".join(report.text().split())
    assert f"nobody gets on: a lock that was taken at {__file__}:" in said
    assert "is waited for, and environment 1, which held it, is dead" in said


# -------------------------------------------------------------------------------------------------- asyncio
def test_coroutines_overlap_at_their_awaits():
    report = failure(Awaits, **OVERLAPS, **SLOW)
    assert names(report) == ["overlap"]
    assert (report.expected, report.got) == (True, False)


@pytest.fixture
def forgets_coroutines():
    """Whoever is killed before it awaits a coroutine is not to be told so afterwards."""
    yield
    gc.collect()


never_awaited = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


@never_awaited
@pytest.mark.usefixtures("forgets_coroutines")
def test_event_loops_of_plain_handlers_overlap():
    report = failure(RunsALoop, **OVERLAPS, **SLOW)
    assert names(report) == ["overlap"]
    assert (report.expected, report.got) == (True, False)


@never_awaited
@pytest.mark.usefixtures("forgets_coroutines")
@pytest.mark.parametrize("kind", ["overlap", "kill"])
def test_an_event_loop_may_run_inside_of_another_delivery(kind):
    proof = minisqs.prove(RunsALoopSafely, ["a"], kinds={kind}, faults=2, **SLOW)
    assert proof.states == ("(1, [])",)


def test_a_lock_of_one_event_loop_keeps_no_other_out():
    assert names(failure(AwaitsLocked, **OVERLAPS, **SLOW)) == ["overlap"]


# -------------------------------------------------------------------------------------------- the same again
@pytest.mark.parametrize("subject", [BothGiveUp, Unlocked, Awaits])
def test_the_same_check_tells_the_same(subject):
    texts = {failure(subject, **OVERLAPS, **SLOW).text() for _ in range(2)}
    assert len(texts) == 1


def test_the_lock_of_a_killed_delivery_is_told_the_same():
    assert len({failure(Locked, **SLOW).text() for _ in range(2)}) == 1


def test_the_same_proof_is_made_in_the_same_runs():
    first, second = (minisqs.prove(Locked, ["a"], kinds={"overlap"}, **SLOW) for _ in range(2))
    assert first == second


# -------------------------------------------------------------------------------------------------- threads
def settled(threads: int) -> int:
    """How many threads there are, once those that are about to end have done so."""
    ends = _thread.allocate_lock()
    ends.acquire()
    for _ in range(1_000):
        if _thread._count() <= threads:
            break
        ends.acquire(timeout=0.001)
    return _thread._count()


@pytest.mark.parametrize("subject", [Locked, Unlocked, Awaits, FirstSleepsLonger])
def test_many_runs_on_several_stacks_leave_no_thread_behind(subject):
    threads, known = _thread._count(), threading.active_count()
    case = Case(subject, ["a"], **SLOW)
    with Laboratory(case, Oracles.of(["drains"], subject), {"overlap"}) as laboratory:
        laboratory.expected(case.everything)
        while laboratory.runs < 200:
            bounds = _Bounds(workers=2, faults=2, preemptions=2, budget=200, reduce=False)
            list(Walk(laboratory, bounds).failures())
        assert _thread._count() - threads <= 4
        assert laboratory.carriers.lost == 0
    assert settled(threads) == threads
    assert threading.active_count() == known


# ------------------------------------------------------------------------------------- a lease that two hold
class TakesALeaseAndLooksAgain:
    """Takes a lease if nobody has one, and looks whether it is still its own: both may have looked before the other took it."""

    def __init__(self):
        self.leases = minisqs.outside.Table("leases")
        self.done = minisqs.outside.Table("done")

    def handler(self, event, context):
        me, body = context.aws_request_id, event["Records"][0]["body"]
        owner, until = self.leases.get("done", ("", 0))
        if owner != me and time.time() < until:
            raise TimeoutError("somebody else is at it")
        self.leases.put("done", (me, time.time() + 5))
        if self.leases.get("done")[0] != me:
            raise TimeoutError("somebody else was faster")
        bodies = self.done.get("all", [])
        self.done.put("all", sorted({*bodies, body}))
        self.leases.delete("done")

    def observe(self):
        return self.done.get("all")


def test_a_lease_that_two_hold_is_found_though_it_takes_two_suspended_deliveries():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(TakesALeaseAndLooksAgain, ["a", "b"], mapping={"batch_size": 1})
    assert [fault.name for fault in caught.value.report.faults] == ["overlap", "overlap"]
    assert (caught.value.report.expected, caught.value.report.got) in [(["a", "b"], ["a"]), (["a", "b"], ["b"])]
