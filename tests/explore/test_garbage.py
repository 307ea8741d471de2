"""Garbage is collected between runs only: none of it is left lying, and the process is left as it was."""

import gc
import weakref

import pytest

import minisqs
from minisqs.explore import garbage
from minisqs.explore.garbage import RUNS

ALIVE = weakref.WeakSet()
SEEN = []


class Ledger:
    """Each order once, and in a circle with itself, so that nobody but a collection frees it."""

    def __init__(self):
        self.orders = set()

    def handler(self, event, context):
        SEEN.append((gc.isenabled(), len(ALIVE)))
        ALIVE.add(self)
        self.myself = self
        self.orders.update(record["body"] for record in event["Records"])

    def observe(self):
        return sorted(self.orders)


class Broken(Ledger):
    """Never comes to rest, not even on the perfect queue."""

    def handler(self, event, context):
        SEEN.append((gc.isenabled(), 0))
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


@pytest.fixture(autouse=True)
def _nothing_seen():
    gc.collect()
    ALIVE.clear()
    SEEN.clear()


def test_no_collection_begins_by_itself_while_runs_are_made():
    minisqs.check(Ledger, ["order-1"], runs=20, budget=20)
    assert SEEN
    assert not any(enabled for enabled, _ in SEEN)
    assert gc.isenabled()


def test_what_runs_leave_behind_is_collected_again_and_again():
    tried = minisqs.check(Ledger, ["order-1"], runs=300, budget=1)
    assert tried.runs > 10 * RUNS
    assert max(alive for _, alive in SEEN) <= 2 * RUNS


def test_what_a_run_still_holds_when_garbage_is_collected_goes_some_collections_later(monkeypatch):
    monkeypatch.setattr(garbage, "COLLECTIONS", 4)
    tried = minisqs.check(Ledger, ["order-1"], runs=1_000, budget=1)
    assert tried.runs > 40 * RUNS
    assert max(alive for _, alive in SEEN) <= 2 * RUNS


def test_what_there_was_before_is_not_looked_at_and_is_looked_at_again_afterwards():
    frozen = []

    class Looks(Ledger):
        def handler(self, event, context):
            frozen.append(gc.get_freeze_count())
            super().handler(event, context)

    minisqs.check(Looks, ["order-1"], runs=2 * RUNS, budget=5)
    assert frozen[0] == 0
    assert frozen[-1] > 0
    assert gc.get_freeze_count() == 0


def test_whoever_has_frozen_objects_finds_them_frozen():
    gc.freeze()
    before = gc.get_freeze_count()
    try:
        minisqs.check(Ledger, ["order-1"], runs=5, budget=5)
        assert gc.get_freeze_count() > before // 2  # some have gone since
    finally:
        gc.unfreeze()


def test_whoever_has_turned_collections_off_finds_them_off():
    gc.disable()
    try:
        minisqs.check(Ledger, ["order-1"], runs=5, budget=5)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_collections_are_on_again_after_a_check_that_fails():
    with pytest.raises(minisqs.UsageError):
        minisqs.check(Broken, ["order-1"], mapping={"report_batch_item_failures": True})
    assert gc.isenabled()


def test_a_single_run_leaves_collections_on():
    minisqs.run(Ledger, ["order-1"], faults={"duplicate": 1.0})
    assert gc.isenabled()
