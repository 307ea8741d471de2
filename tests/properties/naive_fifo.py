"""A FIFO queue written to be read: what sqs.md says of it, by lists and sorts, with no thought for speed.

The model has no agenda. Nothing happens in it at a deadline: whether a message is delayed, in flight or
available is seen from its times whenever somebody asks, and what is too old is dropped before each action.
Times are whole nanoseconds. Nothing here comes from minisqs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

SECOND = 10**9
FIVE_MINUTES = 300 * SECOND
TWELVE_HOURS = 43_200 * SECOND
IN_HAND = 1 << 80
"""Hidden until the present call has decided for how long."""


class Refused(Exception):
    """What SQS would not do, by the words that its answer must have."""


@dataclass(eq=False)
class Stored:
    """A message. ``hidden_until`` is when it is available; ``turn`` the same with the call that set it (7.9)."""

    number: int
    body: str
    group: str
    deduplication_id: str
    sent: int
    enqueued: int
    hidden_until: int
    turn: tuple[int, int]
    receives: int = 0
    carried: int = 0
    dead_letter: bool = False

    @property
    def receives_here(self) -> int:
        return self.receives - self.carried

    def available(self, now: int) -> bool:
        return self.hidden_until <= now

    def state(self, now: int) -> str:
        if self.available(now):
            return "available"
        return "in_flight" if self.receives_here else "delayed"


@dataclass(frozen=True, eq=False)
class Ticket:
    """One delivery: the message, its receive count then, and when it was."""

    message: Stored
    count: int
    received: int


@dataclass(frozen=True)
class Known:
    """A deduplication id, for one group or (None) for all, from its first accepted send on."""

    group: str | None
    deduplication_id: str
    since: int
    message: Stored


@dataclass(frozen=True)
class Attempt:
    """A receive that may be repeated until five minutes after its first call."""

    until: int
    tickets: list[Ticket]
    turn: tuple[int, int]


@dataclass(eq=False)
class NaiveFifo:
    """One FIFO queue. Lengths of time are nanoseconds; ``max_receives`` 0 is no redrive policy."""

    visibility: int
    delay: int
    retention: int
    scope: str = "queue"
    in_flight_limit: int = 120_000
    window: int = 120_000
    max_receives: int = 0
    dead_letters: NaiveFifo | None = None
    messages: list[Stored] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    former_scope: str = "queue"
    scope_changed: int = -FIVE_MINUTES
    last_purge: int = -FIVE_MINUTES
    calls: int = 0
    arrived: int = 0
    ended: dict[str, int] = field(default_factory=lambda: dict.fromkeys(["deleted", "expired", "purged", "moved"], 0))

    # ---------------------------------------------------------------------------------------------- sending
    def scope_in_force(self, now: int) -> str:
        """For a minute after a change, the scope from before (3.11)."""
        return self.former_scope if now < self.scope_changed + 60 * SECOND else self.scope

    def send(self, body: str, group: str, deduplication_id: str, now: int) -> Stored:
        """The stored message, or the first one under the same id (7.4)."""
        self._begin(now)
        scope = self.scope_in_force(now)
        counts_for = group if scope == "messageGroup" else None
        for known in self.known:
            same = (known.group, known.deduplication_id) == (counts_for, deduplication_id)
            if same and now < known.since + FIVE_MINUTES:
                return known.message
        message = self._append(body, group, deduplication_id, sent=now, available=now + self.delay, now=now)
        self.known.append(Known(counts_for, deduplication_id, now, message))
        return message

    def take_dead_letter(self, old: Stored, now: int) -> None:
        """Available at once, with a new number, a new age and its id as deduplication id (9.4, 9.5)."""
        self._begin(now)
        message = self._append(old.body, old.group, f"id of {old.body}", sent=old.sent, available=now, now=now)
        message.receives = message.carried = old.receives
        message.dead_letter = True

    def _append(self, body: str, group: str, deduplication_id: str, *, sent: int, available: int, now: int) -> Stored:
        self.arrived += 1
        turn = (available, self.calls)
        message = Stored(self.arrived, body, group, deduplication_id, sent, now, available, turn)
        self.messages.append(message)
        return message

    # -------------------------------------------------------------------------------------------- receiving
    def receive(self, limit: int, visibility: int | None, now: int, attempt_id: str | None = None) -> list[Ticket]:
        """What one call gives, in order."""
        self._begin(now)
        until = now + (self.visibility if visibility is None else visibility)
        first_until = now + FIVE_MINUTES
        tickets: list[Ticket] = []
        if attempt_id is not None and self._repeatable(attempt_id, now):
            tickets, first_until = self.attempts[attempt_id].tickets, self.attempts[attempt_id].until
        tickets = tickets or self._hand_out(limit, now)
        for ticket in tickets:
            self._hide(ticket.message, until)
        if attempt_id is not None:
            self.attempts.pop(attempt_id, None)
            if tickets:
                self.attempts[attempt_id] = Attempt(first_until, tickets, (until, self.calls))
        return tickets

    def _hand_out(self, limit: int, now: int) -> list[Ticket]:
        tickets: list[Ticket] = []
        limit = min(limit, self.in_flight_limit - self.counts(now)[1])
        while limit > 0 and (run := self._next_run(now)):
            for message in run:
                if len(tickets) == limit:
                    return tickets
                if self.max_receives and message.receives_here >= self.max_receives:
                    self._move(message, now)
                else:
                    message.receives += 1
                    message.hidden_until = IN_HAND
                    tickets.append(Ticket(message, message.receives, now))
        return tickets

    def _next_run(self, now: int) -> list[Stored]:
        """From the group whose turn it is (7.9), all that lies before the first message that is not available (7.7)."""
        looked_at = [message for message in self.messages if message.available(now)][: self.window]
        heads = [message for message in looked_at if message is self._group(message.group)[0]]
        if not heads:
            return []
        head = min(heads, key=lambda message: (message.turn, message.number))
        return list(takewhile(lambda message: message.available(now), self._group(head.group)))

    def _group(self, group: str) -> list[Stored]:
        return [message for message in self.messages if message.group == group]

    def _move(self, message: Stored, now: int) -> None:
        assert self.dead_letters is not None
        self._end(message, "moved")
        self.dead_letters.take_dead_letter(message, now)

    def _repeatable(self, attempt_id: str, now: int) -> bool:
        """Within five minutes, and each message still in flight as that call left it (7.12)."""
        attempt = self.attempts.get(attempt_id)
        return (
            attempt is not None
            and now < attempt.until
            and all(self._holds(ticket, now) and ticket.message.turn == attempt.turn for ticket in attempt.tickets)
        )

    def _hide(self, message: Stored, until: int) -> None:
        message.hidden_until = until
        message.turn = (until, self.calls)

    # --------------------------------------------------------------------------------------- with a handle
    def delete(self, ticket: Ticket, now: int) -> None:
        """Nothing if it is gone already (5.4); refused if it is not in flight under this handle (5.5)."""
        self._begin(now)
        if ticket.message in self.messages:
            if not self._holds(ticket, now):
                raise Refused("The receipt handle has expired.")
            self._end(ticket.message, "deleted")

    def change_visibility(self, ticket: Ticket, visibility: int, now: int) -> None:
        """Counted from now; twelve hours in all from the receive (5.7, 5.8, 5.10)."""
        self._begin(now)
        if ticket.message not in self.messages:
            raise Refused("Message does not exist or is not available for visibility timeout change.")
        if not self._holds(ticket, now):
            raise Refused("The receipt handle has expired.")
        if now - ticket.received + visibility > TWELVE_HOURS:
            raise Refused("Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
        self._hide(ticket.message, now + visibility)

    def _holds(self, ticket: Ticket, now: int) -> bool:
        message = ticket.message
        return message in self.messages and not message.available(now) and message.receives == ticket.count

    # -------------------------------------------------------------------------------------- the whole queue
    def purge(self, now: int) -> None:
        """Everything goes, known deduplication ids too (4.8); once in 60 seconds."""
        self._begin(now)
        if now < self.last_purge + 60 * SECOND:
            raise Refused("Only one PurgeQueue operation on")
        self.last_purge = now
        for message in list(self.messages):
            self._end(message, "purged")
        self.known.clear()

    def set_retention(self, retention: int, now: int) -> None:
        """It applies to the messages already there (3.11)."""
        self._begin(now)
        self.retention = retention
        self._drop_expired(now)

    def set_delay(self, delay: int, now: int) -> None:
        """It applies to the messages already delayed, from their send on (3.12)."""
        self._begin(now)
        changed, self.delay = delay != self.delay, delay
        for message in self.messages:
            if changed and message.state(now) == "delayed":
                self._hide(message, max(now, message.sent + delay))

    def set_scope(self, scope: str, now: int) -> None:
        """Sends go by the former scope for 60 seconds more."""
        self._begin(now)
        if scope != self.scope:
            self.former_scope, self.scope, self.scope_changed = self.scope_in_force(now), scope, now

    def counts(self, now: int) -> tuple[int, int, int]:
        """Available, in flight, delayed."""
        self._drop_expired(now)
        states = [message.state(now) for message in self.messages]
        return states.count("available"), states.count("in_flight"), states.count("delayed")

    def deadlines(self) -> list[int]:
        """When something may be another way than just before."""
        ends = [message.hidden_until for message in self.messages]
        ends += [message.enqueued + self.retention for message in self.messages]
        ends += [known.since + FIVE_MINUTES for known in self.known]
        ends += [attempt.until for attempt in self.attempts.values()]
        return [*ends, self.last_purge + 60 * SECOND, self.scope_changed + 60 * SECOND]

    def _begin(self, now: int) -> None:
        self.calls += 1
        self._drop_expired(now)
        self.known = [known for known in self.known if now < known.since + FIVE_MINUTES]

    def _drop_expired(self, now: int) -> None:
        for message in list(self.messages):
            if message.enqueued + self.retention <= now:
                self._end(message, "expired")

    def _end(self, message: Stored, how: str) -> None:
        self.messages.remove(message)
        self.ended[how] += 1
