"""A kill and an interrupt differ: after a kill nothing of the code runs, after an interrupt it repairs what it can.

The consumers here write to a ledger twice. What the perfect queue leaves is one ``begun`` and one ``done``; code
that runs on its way out writes ``repaired``, which a kill never lets happen before the verdict. Nothing here waits.
"""

import threading  # noqa: TID251  # locks that the check schedules
import time  # noqa: TID251  # a clock that the check shows
from contextlib import contextmanager

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan, errors
from minisqs.sim import statements

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


GLOBAL_LOCK = threading.Lock()


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


def point(code):
    """The point before a statement of this file that is reached first; the last of equal ones."""
    return f"{code}.1"


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
