"""FIFO queues against a model that is naive on purpose: under any program both answer alike, to the nanosecond."""

from __future__ import annotations

from fifo_side_by_side import FifoSideBySide
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from long_run_fifo import long_run

QUEUES = st.sampled_from([0, 0, 0, 1])
GROUPS = st.sampled_from("abc")
IDS = st.sampled_from([None, None, "x", "y"])
SECONDS = st.sampled_from([0, 1, 5, 30, 60, 43_199, 43_200])
HANDLES = st.integers(-6, -1)
OFFSETS = st.sampled_from([-1, 0, 1])


class FifoQueues(RuleBasedStateMachine):
    """A queue with its dead-letter queue, in a world and in the model."""

    both: FifoSideBySide

    @initialize(
        delay=st.sampled_from([0, 0, 5]),
        visibility=st.sampled_from([0, 5, 30]),
        retention=st.sampled_from([60, 90, 3_600, 345_600]),
        scope=st.sampled_from(["queue", "messageGroup"]),
        max_receives=st.sampled_from([0, 1, 2]),
        in_flight_limit=st.sampled_from([3, 120_000]),
        window=st.sampled_from([2, 4, 120_000]),
    )
    def create_queues(
        self,
        delay: int,
        visibility: int,
        retention: int,
        scope: str,
        max_receives: int,
        in_flight_limit: int,
        window: int,
    ) -> None:
        self.both = FifoSideBySide(
            delay=delay,
            visibility=visibility,
            retention=retention,
            scope=scope,
            max_receives=max_receives,
            in_flight_limit=in_flight_limit,
            window=window,
        )
        self.may_poll = in_flight_limit > 100

    @rule(queue=QUEUES, group=GROUPS, deduplication_id=IDS)
    def send_message(self, queue: int, group: str, deduplication_id: str | None) -> None:
        self.both.send_message(queue, group, deduplication_id)

    @rule(queue=QUEUES, sends=st.lists(st.tuples(GROUPS, IDS), min_size=1, max_size=10))
    def send_message_batch(self, queue: int, sends: list[tuple[str, str | None]]) -> None:
        self.both.send_message_batch(queue, sends)

    @rule(
        queue=QUEUES,
        limit=st.integers(1, 10),
        visibility=st.one_of(st.none(), SECONDS),
        attempt_id=st.sampled_from([None, None, "once", "again"]),
    )
    def receive_message(self, queue: int, limit: int, visibility: int | None, attempt_id: str | None) -> None:
        self.both.receive_message(queue, limit, visibility, attempt_id)

    @rule(queue=QUEUES, limit=st.integers(1, 10), offset=OFFSETS)
    def repeat_receive(self, queue: int, limit: int, offset: int) -> None:
        self.both.repeat_receive(queue, limit, offset)

    @precondition(lambda self: self.may_poll)
    @rule(queue=QUEUES, limit=st.integers(1, 10), wait=st.integers(1, 20))
    def poll(self, queue: int, limit: int, wait: int) -> None:
        self.both.poll(queue, limit, wait)

    @precondition(lambda self: self.both.handles)
    @rule(handle=HANDLES, other_queue=st.sampled_from([False, False, False, True]))
    def delete_message(self, handle: int, other_queue: bool) -> None:  # noqa: FBT001  # drawn
        self.both.delete_message(max(handle, -len(self.both.handles)), other_queue)

    @rule(queue=QUEUES, count=st.integers(1, 10))
    def delete_message_batch(self, queue: int, count: int) -> None:
        self.both.delete_message_batch(queue, count)

    @precondition(lambda self: self.both.handles)
    @rule(handle=HANDLES, visibility=SECONDS)
    def change_message_visibility(self, handle: int, visibility: int) -> None:
        self.both.change_message_visibility(max(handle, -len(self.both.handles)), visibility)

    @rule(queue=QUEUES)
    def purge_queue(self, queue: int) -> None:
        self.both.purge_queue(queue)

    @rule(queue=QUEUES, seconds=st.sampled_from([60, 90, 3_600]))
    def set_retention(self, queue: int, seconds: int) -> None:
        self.both.set_retention(queue, seconds)

    @rule(queue=QUEUES, seconds=st.sampled_from([0, 5, 60]))
    def set_delay(self, queue: int, seconds: int) -> None:
        self.both.set_delay(queue, seconds)

    @rule(queue=QUEUES, scope=st.sampled_from(["queue", "messageGroup"]))
    def set_deduplication_scope(self, queue: int, scope: str) -> None:
        self.both.set_scope(queue, scope)

    @rule(nanoseconds=st.one_of(st.just(1), st.integers(0, 10**9), st.integers(0, 10**12)))
    def advance(self, nanoseconds: int) -> None:
        self.both.advance(nanoseconds)

    @rule(which=st.integers(0, 8), offset=OFFSETS)
    def advance_to_deadline(self, which: int, offset: int) -> None:
        self.both.advance_to_deadline(which, offset)

    @invariant()
    def world_is_consistent(self) -> None:
        self.both.world.check_invariants()

    @invariant()
    def world_agrees_with_model(self) -> None:
        self.both.agree()

    @invariant()
    def every_message_is_in_exactly_one_place(self) -> None:
        self.both.conserved()

    @invariant()
    def no_group_has_two_owners(self) -> None:
        assert not self.both.behind_another, "nothing is delivered while a message before it in its group is not"

    @invariant()
    def order_is_kept_in_each_group(self) -> None:
        assert not self.both.out_of_order, "an answer has the messages of a group in order of arrival"


TestFifoQueues = FifoQueues.TestCase
TestFifoQueues.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_every_step_of_a_random_program_is_as_a_fifo_queue_promises() -> None:
    assert long_run(steps=3_000, seed=1).total() == 3_000
