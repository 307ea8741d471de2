"""Whatever goes wrong, nothing is lost, nothing ended comes back but by a fault that is on record, and all of it can be replayed."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from imperfect_run import NAMES, ImperfectRun

from minisqs import Faults

QUEUES = st.integers(0, len(NAMES) - 1)
PLACES = st.integers(0, 1_000)
RATES = st.sampled_from([0.1, 0.5, 1.0])
SECONDS = st.sampled_from([0, 1, 5, 30, 60, 3_600])
RETENTIONS = st.sampled_from([60, 90, 86_400])


class ImperfectQueue(RuleBasedStateMachine):
    """Two queues, all faults, drawn seeds."""

    @initialize(
        seed=st.integers(0, 10_000),
        duplicate=RATES,
        reorder=RATES,
        miss=RATES,
        stale_delete=RATES,
        max_receive_count=st.integers(0, 3),
        visibility_timeout=st.sampled_from([0, 5, 30]),
        message_retention_period=RETENTIONS,
    )
    def create_queues(self, seed: int, max_receive_count: int, **more: float) -> None:
        attributes = {name: more.pop(name) for name in ("visibility_timeout", "message_retention_period")}
        self.run = ImperfectRun(seed, Faults(**more), max_receive_count=max_receive_count, **attributes)

    @rule(queue=QUEUES, delay=st.sampled_from([None, 0, 5]))
    def send_message(self, queue: int, delay: int | None) -> None:
        self.run.send_message(queue, delay)

    @rule(queue=QUEUES, most=st.integers(1, 10), visibility=st.none() | SECONDS, wait=st.sampled_from([0, 0, 3]))
    def receive_message(self, queue: int, most: int, visibility: int | None, wait: int) -> None:
        self.run.receive_message(queue, most, visibility, wait)

    @precondition(lambda self: self.run.received)
    @rule(place=PLACES)
    def delete_message(self, place: int) -> None:
        self.run.delete_message(-1 - place % len(self.run.received))

    @precondition(lambda self: self.run.received)
    @rule(place=PLACES, visibility=SECONDS)
    def change_message_visibility(self, place: int, visibility: int) -> None:
        self.run.change_message_visibility(-1 - place % len(self.run.received), visibility)

    @rule(queue=QUEUES)
    def purge_queue(self, queue: int) -> None:
        self.run.purge_queue(queue)

    @rule(queue=QUEUES, seconds=RETENTIONS)
    def set_message_retention_period(self, queue: int, seconds: int) -> None:
        self.run.set_retention(queue, seconds)

    @rule(seconds=SECONDS)
    def advance(self, seconds: int) -> None:
        self.run.advance(seconds)

    @invariant()
    def all_holds_that_holds_in_every_queue(self) -> None:
        self.run.check()

    def teardown(self) -> None:
        if hasattr(self, "run"):
            self.run.check_journal()
            self.run.check_replay()


TestImperfectQueue = ImperfectQueue.TestCase
TestImperfectQueue.settings = settings(max_examples=4 * settings.default.max_examples, stateful_step_count=60)
