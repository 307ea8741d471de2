"""A world and the naive FIFO model driven as one: every action is done to both, and both must agree on everything.

There are two queues, the second being the dead-letter queue of the first. Arguments are whole seconds and
places, so that Hypothesis and the cheap driver of the long run can draw them without knowing what is there.
A body begins with the letter of its group.
"""

# ruff: noqa: PT017  # a refusal of the world is compared with that of the model, not only awaited
from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from naive_fifo import SECOND, NaiveFifo, Refused, Ticket

from minisqs import Queue, RedrivePolicy, SendMessage, World, errors
from minisqs.client.queue import Message
from minisqs.engine.groups import LookAhead
from minisqs.engine.values import ReceiveMessage

Real = TypeVar("Real")
Naive = TypeVar("Naive")

NAMES = ("orders.fifo", "dead.fifo")
MAIN, DEAD = 0, 1


class FifoSideBySide:
    """Two queues, twice.

    Args:
        delay, visibility, retention: Seconds, of both queues to begin with.
        scope: DeduplicationScope to begin with.
        max_receives: Of the first queue's redrive policy; 0 for none.
        in_flight_limit, window: Small, so that they are reached.
    """

    def __init__(
        self,
        *,
        delay: int = 0,
        visibility: int = 30,
        retention: int = 345_600,
        scope: str = "queue",
        max_receives: int = 0,
        in_flight_limit: int = 120_000,
        window: int = 120_000,
    ) -> None:
        self.world = World(0, start=0, in_flight_limit=in_flight_limit, journal_length=20)
        self.models = [
            NaiveFifo(visibility * SECOND, delay * SECOND, retention * SECOND, scope, in_flight_limit, window)
            for _ in NAMES
        ]
        self.queues = [self._create(name, delay, visibility, retention, scope, window) for name in NAMES]
        if max_receives:
            self.queues[MAIN].set_attributes(redrive_policy=RedrivePolicy(self.queues[DEAD], max_receives))
            self.models[MAIN].max_receives = max_receives
            self.models[MAIN].dead_letters = self.models[DEAD]
        self.handles: list[tuple[int, str, Ticket]] = []
        """What was received from which queue: the handle, and the ticket that it must stand for."""
        self.ids: dict[str, tuple[str, str | None]] = {}
        self.sent = 0
        self.behind_another: list[str] = []
        """What was delivered although a message before it in its group was not."""
        self.out_of_order: list[list[str]] = []

    def _create(self, name: str, delay: int, visibility: int, retention: int, scope: str, window: int) -> Queue:
        queue = self.world.create_queue(
            name,
            fifo_queue=True,
            deduplication_scope=scope,
            delay_seconds=delay,
            visibility_timeout=visibility,
            message_retention_period=retention,
        )
        engine = self.world.sqs.service.queue(name)
        engine._ordering._ahead = LookAhead(engine.messages, window)  # type: ignore[union-attr]
        return queue

    @property
    def now(self) -> int:
        """What time it is, for both."""
        return self.world.clock.now_ns

    def both(self, real: Callable[[], Real], naive: Callable[[], Naive]) -> tuple[Real, Naive] | None:
        """Do an action to both; None where both refuse it, for the same reason."""
        try:
            expected: Naive | Refused = naive()
        except Refused as refused:
            expected = refused
        try:
            got = real()
        except errors.SqsError as error:
            assert isinstance(expected, Refused), f"the world refused: {error}"
            assert str(expected) in error.message
            return None
        assert not isinstance(expected, Refused), f"the world did not refuse: {expected}"
        return got, expected

    # ---------------------------------------------------------------------------------------------- actions
    def send_message(self, queue: int, group: str, deduplication_id: str | None) -> None:
        """Send one; None is a new id."""
        body, own_id = self._new(group, deduplication_id)
        sent = self.queues[queue].send(body, message_group_id=group, message_deduplication_id=own_id)
        self._sent(queue, body, own_id, sent.message_id, sent.sequence_number)

    def send_message_batch(self, queue: int, sends: list[tuple[str, str | None]]) -> None:
        """Send several, which arrive in this order."""
        new = [(group, *self._new(group, deduplication_id)) for group, deduplication_id in sends]
        answer = self.queues[queue].send_batch(
            [SendMessage(body, message_group_id=group, message_deduplication_id=own_id) for group, body, own_id in new]
        )
        assert not answer.failed
        for (_, body, own_id), sent in zip(new, answer.successful, strict=True):
            self._sent(queue, body, own_id, sent.message_id, sent.sequence_number)

    def _new(self, group: str, deduplication_id: str | None) -> tuple[str, str]:
        self.sent += 1
        return f"{group}{self.sent}", deduplication_id or f"new{self.sent}"

    def _sent(self, queue: int, body: str, own_id: str, message_id: str, sequence_number: str | None) -> None:
        stored = self.models[queue].send(body, body[0], own_id, self.now)
        if stored.body == body:
            assert message_id not in {known for known, _ in self.ids.values()}
            self.ids[body] = (message_id, sequence_number)
        assert self.ids[stored.body] == (message_id, sequence_number), "a repeat is answered as the first was"

    def receive_message(
        self, queue: int, limit: int, visibility: int | None = None, attempt_id: str | None = None
    ) -> None:
        """One poll that does not wait."""
        port, url = self.world.sqs, self.queues[queue].url
        before = [view.body for view in self.queues[queue].messages()]
        request = ReceiveMessage(limit, visibility, 0, attempt_id)
        hidden = None if visibility is None else visibility * SECOND
        done = self.both(
            lambda: [Message(self.queues[queue], one, None) for one in port.receive_message(url, request)],
            lambda: self.models[queue].receive(limit, hidden, self.now, attempt_id),
        )
        assert done is not None
        self._received(queue, before, *done)

    def repeat_receive(self, queue: int, limit: int, offset: int) -> None:
        """A receive, its repeat, and another one just when its five minutes end, counted from the first call."""
        attempt_id = f"repeat{len(self.ids)}"
        self.receive_message(queue, limit, 400, attempt_id)
        self.advance(200 * SECOND)
        self.receive_message(queue, limit, 400, attempt_id)
        self.advance(100 * SECOND + offset)
        self.receive_message(queue, limit, 400, attempt_id)

    def poll(self, queue: int, limit: int, wait: int) -> None:
        """One poll that waits: until something is there, or to its end."""
        start, end = self.now, self.now + wait * SECOND
        model = self.models[queue]
        tickets = model.receive(limit, None, start)
        at = start
        while not tickets and at < end:
            at = min([end, *(due for due in model.deadlines() if due > at)])
            tickets = model.receive(limit, None, at)
        messages = self.queues[queue].receive(limit, wait_time_seconds=wait)
        assert self.now == at, "the poll ends with the first message"
        self._received(queue, [], messages, tickets)

    def _received(self, queue: int, before: list[str], messages: list[Message], tickets: list[Ticket]) -> None:
        shown = [(message.body, message.receive_count) for message in messages]
        assert shown == [(ticket.message.body, ticket.count) for ticket in tickets]
        for message, ticket in zip(messages, tickets, strict=True):
            self.handles.append((queue, message.receipt_handle, ticket))
            attributes = message.attributes
            assert message.message_id == self.ids[message.body][0]
            assert attributes["MessageGroupId"] == ticket.message.group
            dead = ticket.message.dead_letter
            own_id = message.message_id if dead else ticket.message.deduplication_id
            assert attributes["MessageDeduplicationId"] == own_id
            assert ("DeadLetterQueueSourceArn" in attributes) == dead
        del self.handles[:-30]
        self._look_at_groups(queue, before, messages)

    def _look_at_groups(self, queue: int, before: list[str], messages: list[Message]) -> None:
        """Find what the model need not be asked about: messages that should have waited for those before them."""
        answer = [message.body for message in messages]
        here = {view.body for view in self.queues[queue].messages()}
        for body in answer:
            ahead = before[: before.index(body)] if body in before else []
            self.behind_another += [
                body for other in ahead if other[0] == body[0] and other in here and other not in answer
            ]
        for group in {body[0] for body in answer}:
            numbers = [message.attributes["SequenceNumber"] for message in messages if message.body[0] == group]
            if numbers != sorted(numbers):
                self.out_of_order.append(answer)

    def delete_message(self, handle: int, other_queue: bool = False) -> None:  # noqa: FBT001, FBT002  # drawn
        """Delete by a handle that was given out at some time; one of another queue is refused."""
        queue, text, ticket = self.handles[handle]
        if other_queue:
            self._refused_elsewhere(lambda: self.queues[1 - queue].delete(text))
        else:
            self.both(lambda: self.queues[queue].delete(text), lambda: self.models[queue].delete(ticket, self.now))

    def delete_message_batch(self, queue: int, count: int) -> None:
        """Delete by the latest handles of a queue, each by itself."""
        chosen = [(text, ticket) for own, text, ticket in self.handles if own == queue][-count:]
        if chosen:
            answer = self.queues[queue].delete_batch([text for text, _ in chosen])
            failed = {failure.index: failure.error for failure in answer.failed}
            for place, (_, ticket) in enumerate(chosen):
                try:
                    self.models[queue].delete(ticket, self.now)
                    assert place not in failed
                except Refused as refused:
                    assert str(refused) in failed[place].message

    def change_message_visibility(self, handle: int, visibility: int) -> None:
        """Hide for longer or shorter."""
        queue, text, ticket = self.handles[handle]
        self.both(
            lambda: self.queues[queue].change_visibility(text, visibility),
            lambda: self.models[queue].change_visibility(ticket, visibility * SECOND, self.now),
        )

    def _refused_elsewhere(self, action: Callable[[], object]) -> None:
        try:
            action()
        except errors.ReceiptHandleIsInvalid:
            return
        raise AssertionError("a handle of another queue was taken")

    def purge_queue(self, queue: int) -> None:
        """Remove everything."""
        self.both(self.queues[queue].purge, lambda: self.models[queue].purge(self.now))

    def set_retention(self, queue: int, seconds: int) -> None:
        """Change MessageRetentionPeriod."""
        self.queues[queue].set_attributes(message_retention_period=seconds)
        self.models[queue].set_retention(seconds * SECOND, self.now)

    def set_delay(self, queue: int, seconds: int) -> None:
        """Change DelaySeconds."""
        self.queues[queue].set_attributes(delay_seconds=seconds)
        self.models[queue].set_delay(seconds * SECOND, self.now)

    def set_scope(self, queue: int, scope: str) -> None:
        """Change DeduplicationScope."""
        self.queues[queue].set_attributes(deduplication_scope=scope)
        self.models[queue].set_scope(scope, self.now)

    # ------------------------------------------------------------------------------------------------- time
    def advance(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.world.sqs.kernel.run_until(self.now + nanoseconds)

    def advance_to_deadline(self, which: int, offset: int) -> None:
        """Let time pass to one of the deadlines ahead, the nanosecond before it, or the one after."""
        ahead = sorted({due for model in self.models for due in model.deadlines() if due + offset > self.now})
        if ahead:
            self.world.sqs.kernel.run_until(ahead[which % len(ahead)] + offset)

    # ---------------------------------------------------------------------------------------------- agreeing
    def agree(self) -> None:
        """Both have the same messages, in the same order, in the same state, with the same ends."""
        for queue, model in zip(self.queues, self.models, strict=True):
            assert tuple(queue.counts) == model.counts(self.now)
            seen = [(view.body, view.receive_count, view.state, view.until_ns) for view in queue.messages()]
            assert seen == [
                (one.body, one.receives, one.state(self.now), None if one.available(self.now) else one.hidden_until)
                for one in model.messages
            ]
            engine = self.world.sqs.service.queue(queue.url)
            assert {how: getattr(engine, how) for how in model.ended} == model.ended

    def conserved(self) -> None:
        """Each message that arrived in a queue is in it, or has ended in one way."""
        for queue, model in zip(self.queues, self.models, strict=True):
            engine = self.world.sqs.service.queue(queue.url)
            ended = engine.deleted + engine.expired + engine.purged + engine.moved
            assert engine.sequence == model.arrived == len(queue.messages()) + ended
