"""Whatever is done to it, the perfect queue is the naive model: same deliveries, same counts, same refusals."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from side_by_side import NAMES, SideBySide

QUEUES = st.integers(0, len(NAMES) - 1)
PLACES = st.integers(0, 1_000)
VISIBILITIES = st.sampled_from([0, 1, 2, 5, 30, 60, 600, 43_199, 43_200])
RETENTIONS = st.sampled_from([60, 61, 90, 3_600, 86_400, 345_600])
DELAYS = st.sampled_from([0, 1, 5, 30, 900])


class QueueBesideModel(RuleBasedStateMachine):
    """Three queues in a chain of dead-letter queues, and time that likes to stop beside deadlines."""

    @initialize(
        in_flight_limit=st.integers(1, 6),
        max_receive_counts=st.tuples(st.integers(0, 3), st.integers(0, 2)),
        delay=st.sampled_from([0, 0, 5]),
        visibility=st.sampled_from([0, 5, 30, 30]),
        retention=RETENTIONS,
    )
    def create_queues(self, **attributes: object) -> None:
        self.both = SideBySide(**attributes)  # type: ignore[arg-type]

    @rule(queue=QUEUES, delay=st.none() | DELAYS)
    def send_message(self, queue: int, delay: int | None) -> None:
        self.both.send_message(queue, delay)

    @rule(count=st.integers(1, 10))
    def send_message_batch(self, count: int) -> None:
        self.both.send_message_batch(0, count)

    @rule(queue=QUEUES, most=st.integers(1, 10), visibility=st.none() | VISIBILITIES)
    def receive_message(self, queue: int, most: int, visibility: int | None) -> None:
        self.both.receive_message(queue, most, visibility)

    @rule(queue=QUEUES, most=st.integers(1, 10), wait=st.integers(1, 20))
    def receive_message_by_long_poll(self, queue: int, most: int, wait: int) -> None:
        self.both.poll(queue, most, wait)

    @precondition(lambda self: self.both.handles)
    @rule(queue=QUEUES, handle=PLACES, own=st.sampled_from([True, True, True, False]))
    def delete_message(self, queue: int, handle: int, own: bool) -> None:  # noqa: FBT001
        handle = self._place(handle)
        self.both.delete_message(self._home(handle) if own else queue, handle)

    @precondition(lambda self: self.both.handles)
    @rule(queue=QUEUES, handles=st.lists(PLACES, min_size=1, max_size=10))
    def delete_message_batch(self, queue: int, handles: list[int]) -> None:
        self.both.delete_message_batch(queue, [self._place(handle) for handle in handles])

    @precondition(lambda self: self.both.handles)
    @rule(queue=QUEUES, handle=PLACES, own=st.sampled_from([True, True, True, False]), visibility=VISIBILITIES)
    def change_message_visibility(self, queue: int, handle: int, own: bool, visibility: int) -> None:  # noqa: FBT001
        handle = self._place(handle)
        self.both.change_message_visibility(self._home(handle) if own else queue, handle, visibility)

    @rule(queue=QUEUES)
    def purge_queue(self, queue: int) -> None:
        self.both.purge_queue(queue)

    @rule(queue=QUEUES, retention=RETENTIONS)
    def set_message_retention_period(self, queue: int, retention: int) -> None:
        self.both.set_retention(queue, retention)

    @rule(queue=QUEUES, visibility=VISIBILITIES)
    def set_visibility_timeout(self, queue: int, visibility: int) -> None:
        self.both.set_visibility_timeout(queue, visibility)

    @rule(queue=QUEUES, delay=DELAYS)
    def set_delay_seconds(self, queue: int, delay: int) -> None:
        self.both.set_delay(queue, delay)

    @rule(queue=st.integers(0, 1), max_receive_count=st.integers(0, 3))
    def set_redrive_policy(self, queue: int, max_receive_count: int) -> None:
        self.both.set_redrive_policy(queue, max_receive_count)

    @rule(nanoseconds=st.integers(0, 100_000_000_000))
    def advance(self, nanoseconds: int) -> None:
        self.both.advance(nanoseconds)

    @rule(place=st.integers(0, 3), beside=st.sampled_from([-1, 0, 0, 1]))
    def advance_to_deadline(self, place: int, beside: int) -> None:
        self.both.advance_to_deadline(place, beside)

    @invariant()
    def world_agrees_with_model(self) -> None:
        self.both.agree()

    @invariant()
    def each_message_sent_is_in_exactly_one_place(self) -> None:
        self.both.conserved()

    def _place(self, handle: int) -> int:
        """One of the handles given out; the smaller the number, the newer."""
        return -1 - handle % len(self.both.handles)

    def _home(self, handle: int) -> int:
        return self.both.models.index(self.both.handles[handle][1].queue)


TestQueueAgainstModel = QueueBesideModel.TestCase
TestQueueAgainstModel.settings = settings(max_examples=3 * settings.default.max_examples, stateful_step_count=60)
