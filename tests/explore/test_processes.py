"""A kill and an interrupt differ: after a kill nothing of the code runs, after an interrupt it repairs what it can.

The consumers here write to a ledger twice. What the perfect queue leaves is one ``begun`` and one ``done``; code
that runs on its way out writes ``repaired``, which a kill never lets happen before the verdict. Nothing here waits.
"""

import asyncio  # noqa: TID251  # a handler that is a coroutine
import threading  # noqa: TID251  # locks that the check schedules
import time  # noqa: TID251  # a clock that the check shows
from contextlib import contextmanager

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan

BEFORE_DONE = 'ledger.append("done")'


def in_finally(ledger):
    try:
        ledger.append("begun")
        ledger.append("done")
    finally:
        ledger.append("repaired")


def in_except_base_exception(ledger):
    try:
        ledger.append("begun")
        ledger.append("done")
    except BaseException:
        ledger.append("repaired")
        raise


def swallowing(ledger):
    try:
        ledger.append("begun")
        ledger.append("done")
    except BaseException:  # noqa: BLE001  # that is what is tried out
        ledger.append("repaired")


@contextmanager
def repairing(ledger):
    try:
        yield
    finally:
        ledger.append("repaired")


def in_a_context_manager(ledger):
    with repairing(ledger):
        ledger.append("begun")
        ledger.append("done")


def steps(ledger):
    try:
        ledger.append("begun")
        yield
        ledger.append("done")
        yield
    finally:
        ledger.append("repaired")


def in_a_generator(ledger):
    for _ in steps(ledger):
        pass


class Releasing:
    """A lock that says so when it is let go of."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.lock = threading.Lock()

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *raised):
        self.ledger.append("repaired")
        self.lock.release()


def in_a_lock(ledger):
    with Releasing(ledger):
        ledger.append("begun")
        ledger.append("done")


SHAPES = [in_finally, in_except_base_exception, swallowing, in_a_context_manager, in_a_generator, in_a_lock]


def one_message(function, **arguments):
    """A scenario of one consumer that is not started anew, and one message; what is observed is its ledger."""

    @minisqs.scenario
    def scenario(world):
        queue = world.create_queue("in", visibility_timeout=30)
        ledger = []
        Consumer(queue, lambda message: function(ledger), name="only", restart=False, **arguments).start()
        queue.send("a")
        return lambda: ledger

    return scenario


def before_done(scenario, question):
    """A plan for what goes wrong just before ``done`` is written: its place is that of a run at a high rate."""
    for seed in range(200):
        run = minisqs.run(scenario, faults=Faults(**{question: 0.3}), seed=seed)
        if len(run.choices) == 1 and [f for f in run.faults if BEFORE_DONE in f.words]:
            return run
    raise AssertionError("it never came before that statement alone")


@pytest.mark.parametrize("function", SHAPES)
def test_after_a_kill_nothing_of_the_code_runs(function):
    assert before_done(one_message(function), "kill").state == ["begun"]


@pytest.mark.parametrize("function", SHAPES)
def test_after_an_interrupt_the_code_repairs_what_it_can(function):
    assert before_done(one_message(function), "interrupt").state == ["begun", "repaired"]


def test_a_process_that_is_killed_before_anything_leaves_nothing():
    run = next(
        run
        for seed in range(200)
        if (run := minisqs.run(one_message(in_finally), faults=Faults(kill=0.5), seed=seed)).choices
        and "begun" in run.faults[0].words
    )
    assert run.state == []


# ------------------------------------------------------------------------------------- behind Lambda: coroutines
class Coroutine:
    """A handler that is suspended when its environment is killed."""

    def __init__(self):
        self.ledger = []

    async def handler(self, event, context):
        try:
            self.ledger.append("begun")
            await asyncio.sleep(1)
            self.ledger.append("done")
        finally:
            self.ledger.append("repaired")

    def observe(self):
        return self.ledger


def test_after_a_kill_nothing_of_a_coroutine_runs():
    """Its message comes again after the lease; the second delivery is the first that comes to its end."""
    run = next(
        run
        for seed in range(200)
        if len((run := minisqs.run(Coroutine, ["a"], faults=Faults(kill=0.3), seed=seed)).choices) == 1
        and BEFORE_DONE in run.faults[0].words
    )
    assert run.state == ["begun", "begun", "done", "repaired"]


def test_nothing_is_thrown_into_a_lambda_function():
    run = minisqs.run(Coroutine, ["a"], faults=Faults(interrupt=1))
    assert run.state == ["begun", "done", "repaired"]
    assert run.choices == {}


# -------------------------------------------------------------------------------------- dead, and started anew
@minisqs.scenario
def comes_back(world):
    queue = world.create_queue("in", visibility_timeout=30)
    began_ns, began = world.clock.now_ns, []

    def work(message):
        began.append((message.receive_count, (world.clock.now_ns - began_ns) / 1e9))

    Consumer(queue, work, name="only").start()
    queue.send("a")
    return lambda: began


def test_a_killed_process_is_started_anew_and_its_message_comes_back_when_its_lease_ends():
    run = minisqs.run(comes_back, faults=Plan({("kill", "main/1", 0, "end.1"): 1}))
    assert run.state == [(1, 0.0), (2, 30.0)]
    ended = [entry for entry in run.journal if entry.action == "process ended"]
    assert [entry.cause for entry in ended] == ["killed: started anew in 1 s"]


def test_an_interrupted_process_that_lets_the_exception_through_is_started_anew_too():
    point = next(
        address.point
        for seed in range(100)
        for address in minisqs.run(comes_back, faults=Faults(interrupt=0.5), seed=seed).choices
    )
    run = minisqs.run(comes_back, faults=Plan({("interrupt", "main/1", 0, point): 1}))
    assert run.state == [(2, 30.0)]
    [ended] = [entry for entry in run.journal if entry.action == "process ended"]
    assert ended.cause == "Interrupted: started anew in 1 s"


@pytest.mark.parametrize(("answer", "seconds"), [(1, 30), (2, 60), (3, 300), (4, 3600)])
def test_a_process_may_sleep_past_its_lease_whatever_it_does(answer, seconds):
    point = next(
        address.point
        for seed in range(100)
        for address in minisqs.run(comes_back, faults=Faults(stall=0.5), seed=seed).choices
    )
    run = minisqs.run(comes_back, faults=Plan({("stall", "main/1", 0, point): answer}))
    assert run.state[0] == (1, pytest.approx(seconds))


@minisqs.scenario
def tells_the_time(world):
    queue = world.create_queue("in", visibility_timeout=30)
    told = []
    Consumer(queue, lambda message: told.append(time.time()), name="only").start()
    queue.send("a")
    began = world.clock.now_ns / 1e9
    return lambda: [round(told_at - began) for told_at in told]


@pytest.mark.parametrize(("answer", "seconds"), [(0, 0), (1, 1), (2, -1), (3, 60), (4, -60)])
def test_the_clock_of_a_process_may_be_off(answer, seconds):
    run = minisqs.run(tells_the_time, faults=Plan({("skew", "only", 0): answer}))
    assert run.state == [seconds]
    assert [fault.name for fault in run.faults] == (["skew"] if answer else [])


def test_a_clock_is_off_only_where_that_is_asked_for():
    checked = minisqs.check(by_name_in_time, budget=60, runs=0)
    assert "skew" not in checked.faults
    with pytest.raises(minisqs.CheckFailed):
        minisqs.check(by_name_in_time, faults=["skew"])


@minisqs.scenario
def by_name_in_time(world):
    queue = world.create_queue("in", visibility_timeout=30)
    began, done = world.clock.now_ns / 1e9, {}

    def work(message):
        done[message.body] = time.time() >= began

    Consumer(queue, work, name="only").start()
    queue.send("a")
    return lambda: done


# --------------------------------------------------------------------------------------------- outside of checks
def test_in_a_world_of_its_own_what_is_no_exception_ends_a_consumer_and_is_passed_on():
    world = minisqs.World()
    queue = world.create_queue("in")
    consumer = Consumer(queue, exits)
    queue.send("a")
    consumer.start()
    with pytest.raises(SystemExit):
        world.advance(1)
    world.advance(60)
    assert queue.counts == (1, 0, 0)


def exits(message):
    raise SystemExit


class MailsInATransaction:
    """The mail leaves before what says that it has left is committed."""

    def __init__(self):
        self.sent = minisqs.outside.Table("sent")
        self.mails = []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.sent:
                with minisqs.outside.transaction() as transaction:
                    transaction.put(self.sent, record["body"], 1)
                    self.mails.append(record["body"])

    def observe(self):
        return sorted(self.mails)


def test_a_process_may_die_at_the_end_of_a_with_before_that_commits():
    message = minisqs.SendMessage("a", message_group_id="g", message_deduplication_id="a")
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(MailsInATransaction, [message], queue={"fifo_queue": True}, faults=["kill"], runs=0)
    assert "`end of with minisqs.outside.transaction() as transaction:`" in caught.value.report.verdict
