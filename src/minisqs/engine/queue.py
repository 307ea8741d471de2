"""One queue: its messages, and the parts that know their order and their deadlines.

A queue keeps every message that is in it, by sequence number, and counts those in each state that is not
AVAILABLE. What always holds stands in ``check_invariants``; above all, each message that ever arrived is
in exactly one place. Every action begins by settling: what fell due up to ``now`` happens first, in order,
so a caller may let as much time pass as it likes between two calls. A deadline is reached at its own
nanosecond.

The queue refuses to know what time it is, what the other queues are (a dead-letter queue is handed in),
how a call's raw parameters looked, and whether anybody waits for an answer: a long poll is an empty
answer plus ``next_due_ns``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import attrs

from .. import errors, limits
from ..limits import NEVER_NS
from . import decisions as chance
from . import identifiers
from .attributes import Settings
from .checks import CheckedMessage
from .deadlines import SLACK, Agenda, Deadlines, Retention
from .decisions import PERFECT, Decisions
from .identifiers import Receive
from .lifecycle import AVAILABLE, DELAYED, GONE, IN_FLIGHT, STRAY, WAITING_FOR_TIME, Event
from .message import NO_EXTRAS, Delivery, Extras, Message
from .ordering import StandardOrdering
from .sampling import Sample, missed_servers

_UNAVAILABLE: Final = "Message does not exist or is not available for visibility timeout change."


class Change(NamedTuple):
    """What happened to a message by itself, or while another was asked for."""

    at_ns: int
    event: Event
    message: Message


class Counts(NamedTuple):
    """How many messages are available, in flight and delayed."""

    visible: int
    in_flight: int
    delayed: int


@attrs.define(eq=False)
class Queue:
    """A standard queue.

    Attributes:
        name, arn, url: As AWS writes them.
        number: The place of its creation in its account, from 1; never used again.
        seed: What its receipt handles are signed with.
        settings: The attributes that callers set.
        created_ns, modified_ns: When it was made and when its attributes were last set.
        in_flight_limit: Received and undeleted messages that it bears at once.
        sequence: How many messages have arrived, sent or moved here.
        messages: What is in the queue, by sequence.
        in_flight, delayed, stray: How many of ``messages`` are in these states.
        deleted, expired, purged, moved: How many messages have ended, each in its way.
        copies: How many messages came back after their delete.
    """

    name: str
    arn: str
    url: str
    number: int
    seed: bytes
    settings: Settings
    created_ns: int
    due: Agenda
    expiries: Agenda
    in_flight_limit: int = limits.IN_FLIGHT
    modified_ns: int = 0
    purged_ns: int = -limits.PURGE_INTERVAL_NS
    sequence: int = 0
    messages: dict[int, Message] = attrs.field(factory=dict)
    in_flight: int = 0
    delayed: int = 0
    stray: int = 0
    deleted: int = 0
    expired: int = 0
    purged: int = 0
    moved: int = 0
    copies: int = 0
    _ordering: StandardOrdering = attrs.field(factory=StandardOrdering)
    _deadlines: Deadlines = attrs.field(factory=Deadlines)
    _retention: Retention = attrs.field(factory=Retention)
    _expiry_ns: int = NEVER_NS
    _missed_servers: int = 0

    # ---------------------------------------------------------------------------------------------- sending
    def send(
        self, body: str, checked: CheckedMessage, *, producer: str, place: int, group_id: str | None, now: int
    ) -> Message:
        """Store a message: DELAYED until its delay ends, or AVAILABLE at once.

        Source: API_SendMessage. Cost: O(1); O(log d) with a delay.
        """
        delay_ns, attributes, system_attributes = checked
        extras = NO_EXTRAS
        if attributes or system_attributes or group_id is not None:
            extras = Extras(attributes=attributes, system_attributes=system_attributes, group_id=group_id)
        self.sequence = sequence = self.sequence + 1
        message = Message(sequence, body, producer, place, now, now, AVAILABLE, extras)
        self.messages[sequence] = message
        if now + self.settings.retention_ns < self._expiry_ns:
            self._announce_expiry(now + self.settings.retention_ns)
        if delay_ns:
            message.state = DELAYED
            self.delayed += 1
            self._wait_until(message, now + delay_ns)
        else:
            self._ordering.add(message)
        return message

    def take_dead_letter(self, old: Message, *, source_arn: str) -> Message:
        """Store a message that was moved here: AVAILABLE at once, with its id, count and age (sqs.md 9)."""
        extras = attrs.evolve(old.extras, dead_letter_source_arn=source_arn, carried_count=old.receive_count)
        self.sequence = sequence = self.sequence + 1
        message = Message(
            sequence, old.body, old.producer, old.place, old.sent_ns, old.enqueued_ns, AVAILABLE, extras,
            receive_count=old.receive_count, first_received_ns=old.first_received_ns,
        )  # fmt: skip
        self.messages[sequence] = message
        self._retention.add_inherited(message)
        if message.enqueued_ns + self.settings.retention_ns < self._expiry_ns:
            self._announce_expiry(message.enqueued_ns + self.settings.retention_ns)
        self._ordering.add(message)
        return message

    # -------------------------------------------------------------------------------------------- receiving
    def receive(
        self,
        limit: int,
        visibility_ns: int | None = None,
        *,
        short_poll: bool = False,
        dead_letter_queue: Queue | None = None,
        now: int,
        decisions: Decisions = PERFECT,
    ) -> tuple[list[Delivery], list[Change]]:
        """Hand out up to ``limit`` available messages, oldest first, and hide them for a while.

        A message that was received here as often as the redrive policy permits goes to
        ``dead_letter_queue`` instead, and the call goes on with the next (sqs.md 4.5).

        Returns:
            The deliveries, and the moves to the dead-letter queue, each with the record that ended.

        Raises:
            OverLimit: A short poll while the queue bears no more messages in flight.

        Source: API_ReceiveMessage. Cost: O(log r) a message, r messages that came back and wait.
        """
        if self._deadlines.earliest_ns <= now or self._expiry_ns <= now:
            self.settle(now)
        if limit > self.in_flight_limit - self.in_flight:
            limit = self.in_flight_limit - self.in_flight
            if limit <= 0 and short_poll:
                raise errors.OverLimit.in_flight()
        if visibility_ns is None:
            visibility_ns = self.settings.visibility_timeout_ns
        policy = self.settings.redrive_policy
        threshold = policy.max_receive_count if policy is not None and dead_letter_queue is not None else NEVER_NS
        ordering: StandardOrdering | Sample = self._ordering
        if decisions is not PERFECT:
            ordering = self._sample(decisions, short_poll=short_poll)
        deliveries: list[Delivery] = []
        moves: list[Change] = []
        while len(deliveries) < limit:
            message = ordering.take()
            if message is None:
                break
            if message.receive_count >= threshold and message.receives_here >= threshold:
                assert dead_letter_queue is not None, "only a dead-letter queue gives a threshold"
                moves.append(self._move(message, dead_letter_queue, now))
                continue
            message.receive_count = count = message.receive_count + 1
            if count == 1:
                message.first_received_ns = now
            message.state = IN_FLIGHT
            message.deadline_ns = now + visibility_ns
            deliveries.append(Delivery(message, count, now, self.number))
        self.in_flight += len(deliveries)
        if isinstance(ordering, Sample):
            ordering.put_back(len(self.messages))
            self._duplicate(deliveries, decisions)
        for delivery in deliveries:
            if delivery.message.state is IN_FLIGHT:
                self._hide(delivery.message, visibility_ns)
        return deliveries, moves

    def _hide(self, message: Message, visibility_ns: int) -> None:
        """List an in-flight message under its deadline; with a timeout of 0 it is available again at once."""
        if not visibility_ns:
            self._show(message)
        elif self._deadlines.add(message):
            self.due.announce(message.deadline_ns, self.number)

    def _show(self, message: Message) -> None:
        """Make an in-flight message available."""
        message.state = AVAILABLE
        self.in_flight -= 1
        self._ordering.add_back(message, len(self.messages))

    def _move(self, message: Message, dead_letter_queue: Queue, now: int) -> Change:
        message.state = GONE
        del self.messages[message.sequence]
        self.moved += 1
        dead_letter_queue.take_dead_letter(message, source_arn=self.arn)
        return Change(now, Event.MOVED, message)

    # --------------------------------------------------------------------------- what SQS does not guarantee
    def _sample(self, decisions: Decisions, *, short_poll: bool) -> Sample:
        self._missed_servers = missed_servers(self.name, decisions, self._missed_servers) if short_poll else 0
        return Sample(self._ordering, decisions, self._missed_servers)

    def _duplicate(self, deliveries: list[Delivery], decisions: Decisions) -> None:
        """Show deliveries again at once, where the decisions say so: a copy beside the one in flight."""
        for delivery in deliveries:
            if decisions.choose(chance.DUPLICATE, delivery.message.address, 2):
                self._show(delivery.message)

    def _keep_stray(self, message: Message, now: int, decisions: Decisions) -> bool:
        """Whether a server misses the delete of a message, which then comes back later as a stray copy."""
        answer = decisions.choose(chance.DUPLICATE_AFTER_DELETE, message.address, 1 + len(chance.STRAY_DELAYS))
        retention_left_ns = message.enqueued_ns + self.settings.retention_ns - now
        if not answer or retention_left_ns <= 1:
            return False
        message.state = STRAY
        self.stray += 1
        visibility_ns = self.settings.visibility_timeout_ns
        self._wait_until(message, now + chance.stray_ns(answer, visibility_ns, retention_left_ns))
        return True

    # ------------------------------------------------------------------------------- deleting, changing, purging
    def delete(self, delivery: Delivery, *, now: int, decisions: Decisions = PERFECT) -> bool:
        """Delete the message of a delivery, whichever of its deliveries it is; True if it was there.

        Source: API_DeleteMessage, sqs.md 5.3 and 5.4. Cost: O(1).
        """
        if self._deadlines.earliest_ns <= now or self._expiry_ns <= now:
            self.settle(now)
        message = delivery.message
        state = message.state
        if state is GONE or state is STRAY:
            return False
        if (
            decisions is not PERFECT
            and delivery.receive_count < message.receive_count
            and decisions.choose(chance.STALE_DELETE, message.address, 2)
        ):
            return False
        message.state = GONE
        self.deleted += 1
        if state is IN_FLIGHT:
            self._leave_flight()
        if decisions is PERFECT or not self._keep_stray(message, now, decisions):
            del self.messages[message.sequence]
        return True

    def change_visibility(self, delivery: Delivery, visibility_ns: int, *, now: int) -> None:
        """Hide the message of a delivery until ``visibility_ns`` from now; 0 shows it at once.

        Raises:
            InvalidParameterValue: The message is gone, or would stay hidden over 12 hours after the receive.

        Source: API_ChangeMessageVisibility, sqs.md 5.6 to 5.10. Cost: O(log d), d distinct deadlines.
        """
        self.settle(now)
        message = delivery.message
        if message.state is GONE or message.state is STRAY:
            raise errors.InvalidParameterValue.of("ReceiptHandle", self.receipt_handle(delivery), _UNAVAILABLE)
        if now - delivery.received_ns + visibility_ns > limits.TOTAL_VISIBILITY_NS:
            raise errors.InvalidParameterValue.of(
                "VisibilityTimeout",
                visibility_ns // limits.SECOND_NS,
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{limits.TOTAL_VISIBILITY_NS // limits.SECOND_NS} seconds]",
            )
        if message.state is IN_FLIGHT:
            message.state = AVAILABLE
            self._leave_flight()
            if not visibility_ns:
                self._ordering.add_back(message, len(self.messages))
        if visibility_ns:
            message.state = IN_FLIGHT
            self.in_flight += 1
            self._wait_until(message, now + visibility_ns)

    def purge(self, *, now: int) -> int:
        """Remove every message, in whatever state; how many there were.

        Raises:
            PurgeQueueInProgress: The last purge was less than 60 seconds ago.

        Source: API_PurgeQueue. Cost: O(messages).
        """
        self.settle(now)
        if now - self.purged_ns < limits.PURGE_INTERVAL_NS:
            raise errors.PurgeQueueInProgress.on(self.name)
        self.purged_ns = now
        for message in self.messages.values():
            message.state = GONE
        purged = len(self.messages) - self.stray
        self.purged += purged
        self.messages = {}
        self.in_flight = self.delayed = self.stray = 0
        self._ordering.clear()
        self._deadlines.clear()
        self._expiry_ns = NEVER_NS
        return purged

    def change_settings(self, settings: Settings, *, now: int) -> None:
        """Take new attributes. Retention applies to the messages already here; the rest to what comes."""
        self.settle(now)
        self.settings = settings
        self.modified_ns = now
        self._find_expiry()

    # ------------------------------------------------------------------------------------------------- time
    def next_due_ns(self) -> int:
        """When the next delay or visibility timeout ends. Cost: O(1) amortised."""
        return self._deadlines.next_ns()

    def next_expiry_ns(self) -> int:
        """No message expires before this; when it comes, the true time is found."""
        return self._expiry_ns

    def settle(self, now: int) -> list[Change]:
        """Let everything happen that fell due up to ``now``, in order; what it was."""
        changes: list[Change] = []
        while True:
            due_ns = self._deadlines.next_ns() if self._deadlines.earliest_ns <= now else NEVER_NS
            if self._expiry_ns <= now and self._expiry_ns <= due_ns:
                self._expire(changes)
            elif due_ns <= now:
                self._end_waits(due_ns, changes)
            else:
                return changes

    def _end_waits(self, due_ns: int, changes: list[Change]) -> None:
        for message in self._deadlines.pop_due():
            event = WAITING_FOR_TIME.get(message.state)
            if event is None:
                continue  # listed twice under one deadline, and already shown
            if message.state is IN_FLIGHT:
                self.in_flight -= 1
            elif message.state is DELAYED:
                self.delayed -= 1
            else:
                self.stray -= 1
                self.copies += 1
            message.state = AVAILABLE
            self._ordering.add_back(message, len(self.messages))
            changes.append(Change(due_ns, event, message))

    def _expire(self, changes: list[Change]) -> None:
        """End the oldest message if its time has come, and find when the next one's comes."""
        oldest = self._retention.oldest(self.messages, self.sequence)
        if oldest is not None and oldest.enqueued_ns + self.settings.retention_ns <= self._expiry_ns:
            if oldest.state is STRAY:
                self.stray -= 1
            else:
                self.expired += 1
                changes.append(Change(self._expiry_ns, Event.EXPIRED, oldest))
            if oldest.state is IN_FLIGHT:
                self.in_flight -= 1
            elif oldest.state is DELAYED:
                self.delayed -= 1
            if oldest.state is not AVAILABLE:
                self._deadlines.stale += 1
            oldest.state = GONE
            del self.messages[oldest.sequence]
        self._find_expiry()

    def _find_expiry(self) -> None:
        oldest = self._retention.oldest(self.messages, self.sequence)
        expiry_ns = NEVER_NS if oldest is None else oldest.enqueued_ns + self.settings.retention_ns
        if expiry_ns != self._expiry_ns:
            self._announce_expiry(expiry_ns)

    def _announce_expiry(self, expiry_ns: int) -> None:
        self._expiry_ns = expiry_ns
        self.expiries.announce(expiry_ns, self.number)

    def _wait_until(self, message: Message, deadline_ns: int) -> None:
        message.deadline_ns = deadline_ns
        if self._deadlines.add(message):
            self.due.announce(deadline_ns, self.number)

    def _leave_flight(self) -> None:
        """Count a message out of flight whose entry among the deadlines stays behind."""
        self.in_flight -= 1
        deadlines = self._deadlines
        deadlines.stale = stale = deadlines.stale + 1
        if stale > self.in_flight + self.delayed + self.stray + SLACK:
            deadlines.clean_up()
            # A dictionary keeps the room of what was deleted from it; a copy takes only what it needs.
            self.messages = dict(self.messages)

    # ---------------------------------------------------------------------------------------- looking, handles
    def counts(self, now: int) -> Counts:
        """How many messages are available, in flight and delayed. Cost: O(1)."""
        self.settle(now)
        return Counts(self.visible, self.in_flight, self.delayed)

    @property
    def visible(self) -> int:
        """How many messages are available, as of the last action."""
        return len(self.messages) - self.in_flight - self.delayed - self.stray

    def look(self, now: int) -> list[Message]:
        """Every message in the queue, in order of arrival, as it lies there. Cost: O(messages)."""
        self.settle(now)
        return [message for message in self.messages.values() if message.state is not STRAY]

    def receipt_handle(self, delivery: Delivery) -> str:
        """The handle that stands for a delivery."""
        receive = Receive(
            delivery.queue_number, delivery.message.sequence, delivery.receive_count, delivery.received_ns
        )
        return identifiers.receipt_handle(self.seed, receive)

    def delivery(self, receipt_handle: str) -> Delivery:
        """The delivery that a handle stands for; its message may be gone.

        Raises:
            ReceiptHandleIsInvalid: Not a handle that this queue has given out.
        """
        receive = identifiers.read_receipt_handle(self.seed, receipt_handle)
        if receive is None:
            raise errors.ReceiptHandleIsInvalid.malformed(receipt_handle)
        if receive.queue_number != self.number:
            raise errors.ReceiptHandleIsInvalid.of_another_queue(receipt_handle)
        message = self.messages.get(receive.sequence)
        if message is None:
            message = Message(receive.sequence, "", "", 0, 0, 0, GONE, NO_EXTRAS)
        return Delivery(message, receive.receive_count, receive.received_ns, self.number)

    # -------------------------------------------------------------------------------------------- invariants
    def check_invariants(self) -> None:
        """State what always holds. Slow: for tests, after each step."""
        states = [message.state for message in self.messages.values()]
        assert GONE not in states, "what has ended is not in the queue"
        assert states.count(IN_FLIGHT) == self.in_flight, "the in-flight messages are counted"
        assert states.count(DELAYED) == self.delayed, "the delayed messages are counted"
        assert states.count(STRAY) == self.stray, "the stray copies are counted"
        here = len(self.messages) - self.stray
        ended = self.deleted + self.expired + self.purged + self.moved
        assert self.sequence + self.copies == here + ended, "each message is in exactly one place"
        assert list(self.messages) == sorted(self.messages), "messages lie in order of arrival"
        for sequence, message in self.messages.items():
            assert message.sequence == sequence, "each message is found under its own sequence number"
            assert message.receives_here >= 0, "no message has fewer receives than it brought along"
            assert message.enqueued_ns + self.settings.retention_ns >= self._expiry_ns, "none expires unannounced"
        self._ordering.check_invariants({s for s, m in self.messages.items() if m.state is AVAILABLE})
        self._deadlines.check_invariants(self.in_flight + self.delayed + self.stray)
