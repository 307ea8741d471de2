"""One queue: its messages, and the parts that know their order and their deadlines.

A queue keeps every message that is in it, by sequence number, and counts those in each state that is not
AVAILABLE. What always holds stands in ``check_invariants``; above all, each message that ever arrived is
in exactly one place. Every action begins by settling: what fell due up to ``now`` happens first, in order,
so a caller may let as much time pass as it likes between two calls. A deadline is reached at its own
nanosecond.

Standard and FIFO queues differ in their parts: which message comes next is a matter of ``_ordering``
(``ordering``, ``groups``, or ``fairness`` once a standard queue gets messages with a group), repeats of a
send of ``deduplication``, repeats of a receive of ``attempts``.

The queue refuses to know what time it is, what the other queues are (a dead-letter queue is handed in),
how a call's raw parameters looked, and whether anybody waits for an answer: a long poll is an empty
answer plus ``next_due_ns``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import attrs

from .. import errors, limits
from ..limits import NEVER_NS
from . import decisions as chance
from . import measures
from .attempts import Attempts
from .attributes import FifoSettings, Settings
from .checks import CheckedMessage
from .deadlines import SLACK, Agenda, Deadlines, Retention
from .decisions import PERFECT, Decisions
from .deduplication import Accepted, Deduplication
from .fairness import FairOrdering
from .groups import GroupOrdering
from .identifiers import Identifiers
from .lifecycle import AVAILABLE, DELAYED, GONE, IN_FLIGHT, STRAY, WAITING_FOR_TIME, Event
from .measures import Counts
from .message import NO_EXTRAS, Delivery, Extras, Message
from .metrics import Gauges, Numbers, Series
from .ordering import StandardOrdering
from .sampling import Sample, missed_servers

Ordering: TypeAlias = StandardOrdering | GroupOrdering | FairOrdering

_EXPIRED: Final = "The receipt handle has expired."
_UNAVAILABLE: Final = "Message does not exist or is not available for visibility timeout change."


class Change(NamedTuple):
    """What happened to a message by itself, or while another was asked for; ``to`` is where a move led."""

    at_ns: int
    event: Event
    message: Message
    to: str = ""


@attrs.define(eq=False, repr=False)
class Queue:
    """A queue of messages, standard or FIFO.

    Attributes:
        name, arn, url: As AWS writes them.
        number: The place of its creation in its account, from 1; never used again.
        identifiers: What makes and reads its receipt handles.
        settings: The attributes that callers set.
        due, expiries: Where it announces what falls due, among the queues of its account.
        untold: Where it puts what fell due in the middle of an action.
        created_ns, modified_ns: When it was made and when its attributes were last set.
        revision: How often its attributes were set.
        tags: The queue's tags.
        in_flight_limit: Received and undeleted messages that it bears at once.
        sequence: How many messages have arrived, sent or moved here.
        messages: What is in the queue, by sequence.
        in_flight, delayed, stray: How many of ``messages`` are in these states.
        deleted, expired, purged, moved: How many messages have ended, each in its way.
        copies: How many messages came back after their delete.
        strays_until_ns: When the last stray copy shows up again.
        received, empty_receives, deletes, sent_bytes, deduplicated, arrived: What the metrics count beside
            these: deliveries, polls without one, deletes that succeeded, bytes of messages sent, sends that
            were repeats, messages moved here.
    """

    name: str
    arn: str
    url: str
    number: int
    identifiers: Identifiers
    settings: Settings
    created_ns: int
    due: Agenda
    expiries: Agenda
    untold: list[tuple[Queue, Change]] = attrs.field(factory=list)
    in_flight_limit: int = limits.IN_FLIGHT
    modified_ns: int = 0
    revision: int = 0
    tags: dict[str, str] = attrs.field(factory=dict)
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
    strays_until_ns: int = 0
    received: int = 0
    empty_receives: int = 0
    deletes: int = 0
    sent_bytes: int = 0
    deduplicated: int = 0
    arrived: int = 0
    fifo: bool = attrs.field(init=False)
    series: Series = attrs.field(init=False)
    _ordering: Ordering = attrs.field(init=False)
    _deadlines: Deadlines = attrs.field(factory=Deadlines)
    _retention: Retention = attrs.field(factory=Retention)
    _deduplication: Deduplication = attrs.field(factory=Deduplication)
    _attempts: Attempts = attrs.field(factory=Attempts)
    _fairness: FairOrdering | None = None
    _tracked: bool = False
    _calls: int = 0
    _former_scope: tuple[str, int] = ("", 0)
    _expiry_ns: int = NEVER_NS
    _unsettled_ns: int = 0
    """Nothing falls due before this, no minute of the metrics ends either: the one question of the hot path."""
    _missed_servers: int = 0
    _ended_before: int = 0
    """How many messages had ended when room was last given back."""

    def __attrs_post_init__(self) -> None:
        self.series = Series(self.created_ns)
        self.fifo = self.settings.fifo is not None
        self._ordering = GroupOrdering(self.messages) if self.fifo else StandardOrdering()
        self._tracked = self.fifo

    def __repr__(self) -> str:
        return f"<queue {self.name} of {len(self.messages)} messages>"

    # ---------------------------------------------------------------------------------------------- sending
    def send(self, checked: CheckedMessage, producer: str, place: int, now: int) -> Message:
        """Store a message: DELAYED until its delay ends, or AVAILABLE at once.

        On a FIFO queue a repeat of a send within five minutes stores nothing, and answers with the address
        and number of the first.

        Source: API_SendMessage. Cost: O(1); O(log d) with a delay, O(log g) on a FIFO queue.
        """
        if self._unsettled_ns <= now:
            self._catch_up(now)
        body, delay_ns, attributes, system_attributes, group_id, deduplication_id, size = checked
        extras = NO_EXTRAS
        if attributes or system_attributes or group_id is not None:
            extras = Extras(
                attributes=attributes,
                system_attributes=system_attributes,
                group_id=group_id,
                deduplication_id=deduplication_id,
            )
        if group_id is not None:
            if deduplication_id is None:
                self._be_fair(now)
            elif (first := self._first_sent(group_id, deduplication_id, producer, place, now)) is not None:
                self.deduplicated += 1
                return Message(first.sequence, body, first.producer, first.place, now, now, GONE, extras)
        self.sequence = sequence = self.sequence + 1
        message = Message(sequence, body, producer, place, now, now, AVAILABLE, extras)
        self.messages[sequence] = message
        self.sent_bytes += size
        if now + self.settings.retention_ns < self._expiry_ns:
            self._announce_expiry(now + self.settings.retention_ns)
        if self.fifo:
            self._calls += 1
            message.turn = (now + delay_ns, self._calls)
        if delay_ns:
            message.state = DELAYED
            self.delayed += 1
            self._wait_until(message, now + delay_ns)
        if self._tracked or not delay_ns:
            self._ordering.add(message)
        return message

    def _first_sent(self, group_id: str, deduplication_id: str, producer: str, place: int, now: int) -> Accepted | None:
        """What the ids of a new message already stand for; if nothing, they stand for it from now on."""
        assert self.settings.fifo is not None, "only FIFO queues have deduplication ids"
        scope = self._scope(self.settings.fifo, now)
        key = (group_id if scope == "messageGroup" else None, deduplication_id)
        first = self._deduplication.find(key, now)
        if first is None:
            self._deduplication.remember(key, Accepted(producer, place, self.sequence + 1), now)
        return first

    def _scope(self, fifo: FifoSettings, now: int) -> str:
        """The deduplication scope in force: for a minute after a change, the one from before (sqs.md 3.11)."""
        former, until_ns = self._former_scope
        return former if now < until_ns else fifo.deduplication_scope

    def _be_fair(self, now: int) -> None:
        """Order messages by their tenants too, from the first message with a group on."""
        if isinstance(self._ordering, StandardOrdering):
            in_flight = [message for message in self.messages.values() if message.state is IN_FLIGHT]
            self._ordering = self._fairness = FairOrdering(self._ordering, in_flight, now)
            self._tracked = True

    def take_moved(self, old: Message, *, source_arn: str, now: int) -> Message:
        """Store a message that was moved here as a dead letter: AVAILABLE at once, with its id and count.

        A standard queue keeps its age; a FIFO queue lets it begin anew, with the message's id as
        deduplication id, so that no earlier one can swallow it (sqs.md 9).
        """
        extras = attrs.evolve(
            old.extras,
            dead_letter_source_arn=source_arn,
            moved_ns=now,
            carried_count=old.receive_count,
            deduplication_id=self.identifiers.message_id(old.producer, old.place) if self.fifo else None,
        )
        enqueued_ns = now if self.fifo else old.enqueued_ns
        message = self._arrive(old, old.producer, old.place, old.sent_ns, enqueued_ns, extras, now)
        message.receive_count = old.receive_count
        message.first_received_ns = old.first_received_ns
        return message

    def take_redriven(self, old: Message, *, producer: str, place: int, now: int) -> Message:
        """Store a message that a move task brought: a new message, with a new id, age and count (sqs.md 10.7)."""
        extras = attrs.evolve(old.extras, dead_letter_source_arn=None, moved_ns=0, carried_count=0)
        return self._arrive(old, producer, place, now, now, extras, now)

    def available(self) -> list[Message]:
        """The available messages, oldest first, also those that a group or a tenant keeps back. Cost: O(messages)."""
        return [message for message in self.messages.values() if message.state is AVAILABLE]

    def oldest_available(self, now: int) -> Message | None:
        """The first of them. Cost: O(log r); on FIFO and fair queues one for each message that is not available."""
        if not isinstance(self._ordering, StandardOrdering):
            return next((message for message in self.messages.values() if message.state is AVAILABLE), None)
        message = next(self._ordering.candidates(now), None)
        if message is not None:
            self._ordering.add_back(message, len(self.messages))
        return message

    def move_away(self, message: Message) -> None:
        """End an available message that moves to another queue."""
        message.state = GONE
        del self.messages[message.sequence]
        self.moved += 1
        if self._tracked:
            self._ordering.removed(message, was_available=True)

    def _arrive(
        self, old: Message, producer: str, place: int, sent_ns: int, enqueued_ns: int, extras: Extras, now: int
    ) -> Message:
        if self.series.end_ns <= now:
            self.series.close(self.totals(), self.gauges(), now)
        if not self.fifo and extras.group_id is not None:
            self._be_fair(now)
        self.arrived += 1
        self._calls += 1
        self.sequence = sequence = self.sequence + 1
        message = Message(sequence, old.body, producer, place, sent_ns, enqueued_ns, AVAILABLE, extras)
        message.turn = (now, self._calls)
        self.messages[sequence] = message
        if extras.dead_letter_source_arn is not None:
            self._retention.add_inherited(message)
        if self._expires_ns(message) < self._expiry_ns:
            self._announce_expiry(self._expires_ns(message))
        self._ordering.add(message)
        return message

    # -------------------------------------------------------------------------------------------- receiving
    def receive(
        self,
        limit: int,
        visibility_ns: int | None = None,
        *,
        short_poll: bool = False,
        last_look: bool = True,
        attempt_id: str | None = None,
        dead_letter_queue: Queue | None = None,
        now: int,
        decisions: Decisions = PERFECT,
    ) -> tuple[list[Delivery], list[Change]]:
        """Hand out up to ``limit`` available messages, and hide them for a while.

        A message that was received here as often as the redrive policy permits goes to
        ``dead_letter_queue`` instead, and the call goes on with the next (sqs.md 4.5). ``last_look`` is
        False for a long poll that will look again if it finds nothing now.

        Returns:
            The deliveries, and the moves to the dead-letter queue, each with the record that ended.

        Raises:
            OverLimit: A short poll of a standard queue that bears no more messages in flight.

        Source: API_ReceiveMessage. Cost: O(log r) a message, r messages that came back and wait; on a FIFO
        queue O(log g) a group, g groups that are ready.
        """
        if self._unsettled_ns <= now:
            self._catch_up(now)
        until_ns = now + (self.settings.visibility_timeout_ns if visibility_ns is None else visibility_ns)
        if self.fifo:
            self._calls += 1
            if attempt_id is not None and (again := self._repeat(attempt_id, until_ns, now)):
                return again, []
        elif short_poll and self.in_flight >= self.in_flight_limit:
            raise errors.OverLimit.in_flight()
        if limit > self.in_flight_limit - self.in_flight:  # noqa: PLR1730  # the hot path spares calling min
            limit = self.in_flight_limit - self.in_flight
        sample = None if decisions is PERFECT or self.fifo else self._sample(decisions, short_poll=short_poll)
        ordering = sample or self._ordering
        taken, deliveries, moves = self._hand_out(ordering, limit, until_ns, dead_letter_queue, now)
        if sample is not None:
            sample.put_back(len(self.messages))
            taken = self._without_duplicates(taken, decisions, now)
        self._hide(taken, until_ns, now)
        if attempt_id is not None:
            self._attempts.remember(attempt_id, deliveries, now)
        self.received += len(deliveries)
        if last_look and not deliveries:
            self.empty_receives += 1
        return deliveries, moves

    def _hand_out(
        self, ordering: Ordering | Sample, limit: int, until_ns: int, dead_letter_queue: Queue | None, now: int
    ) -> tuple[list[Message], list[Delivery], list[Change]]:
        """Put up to ``limit`` messages in flight, and move away those that were received too often."""
        taken: list[Message] = []
        deliveries: list[Delivery] = []
        moves: list[Change] = []
        if limit <= 0:
            return taken, deliveries, moves
        policy = self.settings.redrive_policy
        threshold = NEVER_NS if policy is None or dead_letter_queue is None else policy.max_receive_count
        generator = None
        if isinstance(ordering, StandardOrdering):  # the hot path makes none
            candidates: Iterator[Message] = iter(ordering.take, None)
        else:
            candidates = generator = ordering.candidates(now)
        for message in candidates:
            count = message.receive_count
            if count >= threshold and message.receives_here >= threshold:
                assert dead_letter_queue is not None, "only a dead-letter queue gives a threshold"
                moves.append(self._move(message, dead_letter_queue, now))
                continue
            message.receive_count = count = count + 1
            if count == 1:
                message.first_received_ns = now
            message.state = IN_FLIGHT
            message.deadline_ns = until_ns
            self.in_flight += 1
            if self._fairness is not None:
                self._fairness.entered_flight(message, now)
            taken.append(message)
            deliveries.append(Delivery(message, count, now, self.number))
            if len(taken) == limit:
                break
        if generator is not None:
            generator.close()
        return taken, deliveries, moves

    def _repeat(self, attempt_id: str, until_ns: int, now: int) -> list[Delivery]:
        """The deliveries of an earlier receive again, hidden anew; nothing if it cannot be repeated."""
        deliveries = self._attempts.repeatable(attempt_id, now)
        self._hide_anew([delivery.message for delivery in deliveries], until_ns, now)
        self._attempts.remember(attempt_id, deliveries, now)
        return deliveries

    def _hide(self, messages: list[Message], until_ns: int, now: int) -> None:
        """List in-flight messages under the deadline they have; where that is now, they are available at once."""
        if self.fifo:
            for message in messages:
                message.turn = (until_ns, self._calls)
        if until_ns == now:
            for message in messages:
                self._show(message, now)
        elif messages and self._deadlines.add(messages, until_ns):
            self._announce_due(until_ns)

    def _hide_anew(self, messages: list[Message], until_ns: int, now: int) -> None:
        """Give in-flight messages another deadline; their entries under the old one stay behind."""
        self._deadlines.stale += len(messages)
        for message in messages:
            message.deadline_ns = until_ns
        self._hide(messages, until_ns, now)
        self._drop_stale()

    def _show(self, message: Message, now: int) -> None:
        """Make an in-flight message available."""
        message.state = AVAILABLE
        self._left_flight(message, now)
        self._ordering.add_back(message, len(self.messages))

    def _move(self, message: Message, dead_letter_queue: Queue, now: int) -> Change:
        message.state = GONE
        del self.messages[message.sequence]
        self.moved += 1
        if self._tracked:
            self._ordering.removed(message, was_available=False)
        dead_letter_queue.take_moved(message, source_arn=self.arn, now=now)
        return Change(now, Event.MOVED, message, dead_letter_queue.name)

    # --------------------------------------------------------------------------- what SQS does not guarantee
    def duplicate(self, message: Message, *, now: int) -> bool:
        """Show a message again beside its delivery in flight; False where it is not in flight any more."""
        self._catch_up(now)
        if self.fifo or message.state is not IN_FLIGHT:
            return False
        self._deadlines.stale += 1
        self._show(message, now)
        return True

    def _sample(self, decisions: Decisions, *, short_poll: bool) -> Sample:
        assert not isinstance(self._ordering, GroupOrdering), "a FIFO queue guarantees its order"
        self._missed_servers = missed_servers(self.name, decisions, self._missed_servers) if short_poll else 0
        return Sample(self._ordering, decisions, self._missed_servers)

    def _without_duplicates(self, taken: list[Message], decisions: Decisions, now: int) -> list[Message]:
        """What of ``taken`` stays hidden; the rest is shown again at once, a copy beside the delivery in flight."""
        hidden = []
        for message in taken:
            if decisions.choose(chance.DUPLICATE, message.address, 2):
                self._show(message, now)
            else:
                hidden.append(message)
        return hidden

    def _keep_stray(self, message: Message, now: int, decisions: Decisions) -> bool:
        """Whether a server misses the delete of a message, which then comes back later as a stray copy."""
        retention_left_ns = message.enqueued_ns + self.settings.retention_ns - now
        if retention_left_ns <= 1:
            return False
        answer = decisions.choose(chance.DUPLICATE_AFTER_DELETE, message.address, 1 + len(chance.STRAY_DELAYS))
        if not answer:
            return False
        message.state = STRAY
        self.stray += 1
        visibility_ns = self.settings.visibility_timeout_ns
        self._wait_until(message, now + chance.stray_ns(answer, visibility_ns, retention_left_ns))
        self.strays_until_ns = max(self.strays_until_ns, message.deadline_ns)
        return True

    # ------------------------------------------------------------------------------- deleting, changing, purging
    def delete(self, delivery: Delivery, *, now: int, decisions: Decisions = PERFECT) -> bool:
        """Delete the message of a delivery; True if it was there.

        On a standard queue any delivery of the message will do; on a FIFO queue only the one under which it
        is in flight.

        Raises:
            InvalidParameterValue: On a FIFO queue, the delivery's visibility timeout is over.

        Source: API_DeleteMessage, sqs.md 5.3 to 5.5. Cost: O(1); O(log g) on a FIFO queue.
        """
        if self._unsettled_ns <= now:
            self._catch_up(now)
        message = delivery.message
        state = message.state
        if state is GONE or state is STRAY:
            self.deletes += 1
            return False
        if self.fifo:
            self._refuse_expired(delivery)
        elif (
            decisions is not PERFECT
            and delivery.receive_count < message.receive_count
            and decisions.choose(chance.STALE_DELETE, message.address, 2)
        ):
            self.deletes += 1
            return False
        message.state = GONE
        self.deleted += 1
        self.deletes += 1
        if state is IN_FLIGHT:
            self._end_in_flight(message, now)
        if self._tracked:
            self._ordering.removed(message, was_available=state is AVAILABLE)
        if decisions is PERFECT or self.fifo or not self._keep_stray(message, now, decisions):
            del self.messages[message.sequence]
        return True

    def _refuse_expired(self, delivery: Delivery) -> None:
        """Refuse a handle of a FIFO queue under which its message is not in flight."""
        message = delivery.message
        if message.state is not IN_FLIGHT or message.receive_count != delivery.receive_count:
            raise errors.InvalidParameterValue.of("ReceiptHandle", self.receipt_handle(delivery), _EXPIRED)

    def change_visibility(self, delivery: Delivery, visibility_ns: int, *, same_call: bool = False, now: int) -> None:
        """Hide the message of a delivery until ``visibility_ns`` from now; 0 shows it at once.

        ``same_call`` says that an entry of the same batch has changed something before (sqs.md 7.9).

        Raises:
            InvalidParameterValue: The message is gone, or would stay hidden over 12 hours after the receive;
                on a FIFO queue, the delivery's visibility timeout is over.

        Source: API_ChangeMessageVisibility, sqs.md 5.6 to 5.10. Cost: O(log d), d distinct deadlines.
        """
        self._catch_up(now)
        message = delivery.message
        if message.state is GONE or message.state is STRAY:
            raise errors.InvalidParameterValue.of("ReceiptHandle", self.receipt_handle(delivery), _UNAVAILABLE)
        if self.fifo:
            self._refuse_expired(delivery)
        if now - delivery.received_ns + visibility_ns > limits.TOTAL_VISIBILITY_NS:
            raise errors.InvalidParameterValue.of(
                "VisibilityTimeout",
                visibility_ns // limits.SECOND_NS,
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{limits.TOTAL_VISIBILITY_NS // limits.SECOND_NS} seconds]",
            )
        if not same_call:
            self._calls += 1
        if message.state is IN_FLIGHT:
            self._hide_anew([message], now + visibility_ns, now)
        elif visibility_ns:
            message.state = IN_FLIGHT
            message.deadline_ns = now + visibility_ns
            self.in_flight += 1
            if self._fairness is not None:
                self._fairness.removed(message, was_available=True)
                self._fairness.entered_flight(message, now)
            self._hide([message], now + visibility_ns, now)

    def purge(self, *, now: int) -> int:
        """Remove every message, in whatever state, and forget deduplication ids; how many messages there were.

        Raises:
            PurgeQueueInProgress: The last purge was less than 60 seconds ago.

        Source: API_PurgeQueue. Cost: O(messages).
        """
        self._catch_up(now)
        if now - self.purged_ns < limits.PURGE_INTERVAL_NS:
            raise errors.PurgeQueueInProgress.on(self.name)
        self.purged_ns = now
        purged = len(self.messages) - self.stray
        self.purged += purged
        self.end_all()
        self._deduplication.clear()
        return purged

    def end_all(self) -> None:
        """End every message, as a purge and the deletion of the queue do."""
        for message in self.messages.values():
            message.state = GONE
        self.messages.clear()
        self.in_flight = self.delayed = self.stray = 0
        self._ordering.clear()
        self._deadlines.clear()
        self._expiry_ns = NEVER_NS

    def change_settings(self, settings: Settings, *, now: int) -> None:
        """Take new attributes. Retention applies to the messages already here, on FIFO queues the delay too."""
        self._catch_up(now)
        former, self.settings = self.settings, settings
        self.modified_ns = now
        self.revision += 1
        self._find_expiry()
        if former.fifo is not None and settings.fifo is not None:
            if settings.fifo.deduplication_scope != former.fifo.deduplication_scope:
                in_force = self._scope(former.fifo, now)
                self._former_scope = (in_force, now + limits.ATTRIBUTE_CHANGE_NS)
            if settings.delay_ns != former.delay_ns:
                self._delay_anew(now)

    def _delay_anew(self, now: int) -> None:
        """Give the delayed messages of a FIFO queue its new delay, counted from their send."""
        self._calls += 1
        for message in [message for message in self.messages.values() if message.state is DELAYED]:
            until_ns = max(now, message.sent_ns + self.settings.delay_ns)
            message.turn = (until_ns, self._calls)
            self._deadlines.stale += 1
            self._wait_until(message, until_ns)
        self._drop_stale()

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
            next_ns = min(due_ns, self._expiry_ns)
            if self.series.end_ns <= min(next_ns, now):
                self.series.close(self.totals(), self.gauges(), min(next_ns, now))
            if next_ns > now:
                self._drop_stale()
                self._unsettled_ns = min(self._deadlines.earliest_ns, self._expiry_ns, self.series.end_ns)
                return changes
            if self._expiry_ns == next_ns:
                self._expire(changes)
            else:
                self._end_waits(due_ns, changes)

    def _catch_up(self, now: int) -> None:
        """Settle in the middle of an action; what happened is told at the service's next settling."""
        self.untold += [(self, change) for change in self.settle(now)]

    def _end_waits(self, due_ns: int, changes: list[Change]) -> None:
        for message in self._deadlines.pop_due():
            event = WAITING_FOR_TIME[message.state]
            if message.state is IN_FLIGHT:
                self._left_flight(message, due_ns)
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
        at_ns = self._expiry_ns
        oldest = self._retention.oldest(self.messages, self.sequence)
        if oldest is not None and self._expires_ns(oldest) <= at_ns:
            state, oldest.state = oldest.state, GONE
            if state is STRAY:
                self.stray -= 1
            else:
                self.expired += 1
                changes.append(Change(at_ns, Event.EXPIRED, oldest))
            if state is IN_FLIGHT:
                self._left_flight(oldest, at_ns)
            elif state is DELAYED:
                self.delayed -= 1
            if state is not AVAILABLE:
                self._deadlines.stale += 1
            if self._tracked and state is not STRAY:
                self._ordering.removed(oldest, was_available=state is AVAILABLE)
            del self.messages[oldest.sequence]
            self._ordering.drop_ended()
        self._find_expiry()

    def _find_expiry(self) -> None:
        oldest = self._retention.oldest(self.messages, self.sequence)
        expiry_ns = NEVER_NS if oldest is None else self._expires_ns(oldest)
        if expiry_ns != self._expiry_ns:
            self._announce_expiry(expiry_ns)

    def _expires_ns(self, message: Message) -> int:
        """When a message reaches the end of its retention period; not before it came here or the period was set."""
        return max(message.enqueued_ns + self.settings.retention_ns, message.extras.moved_ns, self.modified_ns)

    def _announce_expiry(self, expiry_ns: int) -> None:
        self._expiry_ns = expiry_ns
        self._unsettled_ns = min(self._unsettled_ns, expiry_ns)
        self.expiries.announce(expiry_ns, self.number)

    def _wait_until(self, message: Message, deadline_ns: int) -> None:
        message.deadline_ns = deadline_ns
        if self._deadlines.add([message], deadline_ns):
            self._announce_due(deadline_ns)

    def _announce_due(self, due_ns: int) -> None:
        self._unsettled_ns = min(self._unsettled_ns, due_ns)
        self.due.announce(due_ns, self.number)

    def _left_flight(self, message: Message, now: int) -> None:
        """Count a message out of flight."""
        self.in_flight -= 1
        if self._fairness is not None:
            self._fairness.left_flight(message, now)

    def _end_in_flight(self, message: Message, now: int) -> None:
        """Count a message out of flight that has ended, so that its entry among the deadlines stays behind."""
        self.in_flight -= 1
        if self._fairness is not None:
            self._fairness.left_flight(message, now)
        self._deadlines.stale = stale = self._deadlines.stale + 1
        if stale > self.in_flight + SLACK:  # the cheaper question first: this is the hot path
            self._drop_stale()

    def _drop_stale(self) -> None:
        """Clean up the deadlines where most entries are stale, and what else is kept for longer than it is needed."""
        if self._deadlines.stale > self.in_flight + self.delayed + self.stray + SLACK:
            self._deadlines.clean_up()
            self._attempts.forget_ended()
            self._shrink()

    def _shrink(self) -> None:
        """Give back the room of messages that have ended, which a dictionary keeps; O(1) a message."""
        ended = self.deleted + self.expired + self.purged + self.moved
        if ended - self._ended_before > len(self.messages):
            self._ended_before = ended
            kept = dict(self.messages)
            self.messages.clear()
            self.messages.update(kept)

    # ---------------------------------------------------------------------------------------- looking, handles
    def counts(self, now: int) -> Counts:
        """How many messages are available, in flight and delayed. Cost: O(1)."""
        self._catch_up(now)
        return Counts(self.visible, self.in_flight, self.delayed)

    @property
    def calls(self) -> tuple[int, int, int, int]:
        """Numbers of which at least one grows with every call that changes something."""
        return self._calls, self.sequence, self.received, self.deletes

    def is_empty(self, now: int) -> bool:
        """Whether nothing is available, and nothing falls due that would change that."""
        return not self.visible and self._unsettled_ns > now

    @property
    def is_conserved(self) -> bool:
        """Whether each message, and each copy, is still here or has ended in one way."""
        ended = self.deleted + self.expired + self.purged + self.moved
        return self.sequence + self.copies == len(self.messages) - self.stray + ended

    @property
    def visible(self) -> int:
        """How many messages are available, as of the last action."""
        return len(self.messages) - self.in_flight - self.delayed - self.stray

    def has_receivable(self) -> bool:
        """Whether a receive would find something, as of the last action. Cost: O(1); on a FIFO queue O(messages)."""
        if not self.visible or not self.fifo:
            return self.visible > 0
        busy = {message.extras.group_id for message in self.messages.values() if message.state is IN_FLIGHT}
        return any(
            message.state is AVAILABLE and message.extras.group_id not in busy for message in self.messages.values()
        )

    def look(self, now: int) -> list[Message]:
        """Every message in the queue, in order of arrival, as it lies there. Cost: O(messages)."""
        self._catch_up(now)
        return [message for message in self.messages.values() if message.state is not STRAY]

    def totals(self) -> Numbers:
        """What the metrics count, since the queue was made."""
        totals = {
            "NumberOfMessagesSent": self.sequence - self.arrived,
            "NumberOfMessagesReceived": self.received,
            "NumberOfMessagesDeleted": self.deletes,
            "NumberOfEmptyReceives": self.empty_receives,
            "SentMessageSize": self.sent_bytes,
        }
        return totals | {"NumberOfDeduplicatedSentMessages": self.deduplicated} if self.fifo else totals

    def gauges(self) -> Gauges:
        """What the metrics show of the present state.

        Cost: O(messages at the front that were received three times or more); O(messages) on FIFO and fair queues.
        """
        shown = [measures.of_queue(self.messages, Counts(self.visible, self.in_flight, self.delayed))]
        if self.fifo:
            shown.append(measures.of_groups(self.messages))
        elif self._fairness is not None:
            shown.append(measures.of_tenants(self.messages, frozenset(self._fairness.noisy_groups())))
        numbers = {name: number for one in shown for name, number in one.numbers.items()}
        return Gauges(numbers, {name: since for one in shown for name, since in one.since_ns.items()})

    def receipt_handle(self, delivery: Delivery) -> str:
        """The handle that stands for a delivery."""
        return self.identifiers.receipt_handle(
            delivery.queue_number, delivery.message.sequence, delivery.receive_count, delivery.received_ns
        )

    def delivery(self, receipt_handle: str) -> Delivery:
        """The delivery that a handle stands for; its message may be gone.

        Raises:
            ReceiptHandleIsInvalid: Not a handle that this queue has given out.
        """
        receive = self.identifiers.read_receipt_handle(receipt_handle)
        if receive is None:
            raise errors.ReceiptHandleIsInvalid.malformed(receipt_handle)
        queue_number, sequence, receive_count, received_ns = receive
        if queue_number != self.number:
            raise errors.ReceiptHandleIsInvalid.of_another_queue(receipt_handle)
        message = self.messages.get(sequence)
        if message is None:
            message = Message(sequence, "", "", 0, 0, 0, GONE, NO_EXTRAS)
        return Delivery(message, receive_count, received_ns, queue_number)

    # -------------------------------------------------------------------------------------------- invariants
    def check_invariants(self) -> None:
        """State what always holds. Slow: for tests, after each step."""
        states = [message.state for message in self.messages.values()]
        assert GONE not in states, "what has ended is not in the queue"
        assert states.count(IN_FLIGHT) == self.in_flight, "the in-flight messages are counted"
        assert states.count(DELAYED) == self.delayed, "the delayed messages are counted"
        assert states.count(STRAY) == self.stray, "the stray copies are counted"
        assert self.is_conserved, "each message is in exactly one place"
        assert list(self.messages) == sorted(self.messages), "messages lie in order of arrival"
        for sequence, message in self.messages.items():
            assert message.sequence == sequence, "each message is found under its own sequence number"
            assert message.receives_here >= 0, "no message has fewer receives than it brought along"
            assert self._expires_ns(message) >= self._expiry_ns, "none expires unannounced"
        unsettled_ns = min(self._deadlines.earliest_ns, self._expiry_ns, self.series.end_ns)
        assert self._unsettled_ns <= unsettled_ns, "nothing falls due unnoticed"
        self._ordering.check_invariants({s for s, m in self.messages.items() if m.state is AVAILABLE})
        self._deadlines.check_invariants(self.in_flight + self.delayed + self.stray)
