"""The perfect standard queue, written to be read: a list, a sort, and the rules of sqs.md 4 to 9 one by one.

Nothing is shared with minisqs, and nothing is fast: each action walks the whole list. The state of a message
is not stored at all; it follows from the time. All times are whole nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000_000
TWELVE_HOURS = 12 * 3600 * SECOND


class Refused(Exception):
    """What SQS answers with an error; ``reason`` is a part of AWS's text that tells it from others."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


@dataclass(eq=False)
class Letter:
    """One message in one queue; a move makes a new one."""

    body: str
    enqueued: int
    arrival: int
    count: int = 0
    count_here: int = 0
    hidden_until: int = 0
    received: bool = False

    def state(self, now: int) -> str:
        """Hidden before its first receive here means delayed; hidden later means in flight."""
        if now >= self.hidden_until:
            return "available"
        return "in_flight" if self.received else "delayed"


@dataclass(eq=False)
class Ticket:
    """One receive of one message: what a receipt handle stands for."""

    queue: NaiveQueue
    letter: Letter
    received: int
    count: int


@dataclass(eq=False)
class NaiveQueue:
    """One standard queue; ``dead_letter_queue`` and ``max_receive_count`` are its redrive policy."""

    in_flight_limit: int
    delay: int
    visibility: int
    retention: int
    dead_letter_queue: NaiveQueue | None = None
    max_receive_count: int = 0
    letters: list[Letter] = field(default_factory=list)
    arrivals: int = 0
    last_purge: int | None = None

    # --------------------------------------------------------------------------------------------- actions
    def send(self, body: str, delay: int | None, now: int) -> None:
        self.settle(now)
        hidden_until = now + (self.delay if delay is None else delay)
        self._arrive(Letter(body, now, 0, hidden_until=hidden_until))

    def receive(self, most: int, visibility: int | None, now: int, *, short_poll: bool = True) -> list[Ticket]:
        self.settle(now)
        free = self.in_flight_limit - len(self.in_state("in_flight", now))
        if free <= 0 and short_poll:
            raise Refused("OverLimit")
        hidden_until = now + (self.visibility if visibility is None else visibility)
        reply: list[Ticket] = []
        while len(reply) < min(most, free):
            taken = [ticket.letter for ticket in reply]
            waiting = [letter for letter in self.in_state("available", now) if letter not in taken]
            if not waiting:
                break
            oldest = min(waiting, key=lambda letter: letter.arrival)
            if self.dead_letter_queue is not None and oldest.count_here >= self.max_receive_count:
                self.letters.remove(oldest)
                self.dead_letter_queue._arrive(Letter(oldest.body, oldest.enqueued, 0, count=oldest.count))
                continue
            oldest.count += 1
            oldest.count_here += 1
            oldest.received = True
            reply.append(Ticket(self, oldest, now, oldest.count))
        for ticket in reply:
            ticket.letter.hidden_until = hidden_until
        return reply

    def poll(self, most: int, visibility: int | None, wait: int, now: int) -> tuple[list[Ticket], int]:
        """A long poll: asks again whenever a message may have become available; when it ended comes along."""
        end = now + wait
        while True:
            reply = self.receive(most, visibility, now, short_poll=not wait)
            if reply or now == end:
                return reply, now
            moments = self.moments()
            if self.dead_letter_queue is not None:
                self.dead_letter_queue.settle(now)
            now = min([moment for moment in moments if now < moment < end], default=end)

    def delete(self, ticket: Ticket, now: int) -> None:
        self.settle(now)
        self._check_own(ticket)
        if ticket.letter in self.letters:
            self.letters.remove(ticket.letter)

    def change_visibility(self, ticket: Ticket, visibility: int, now: int) -> None:
        self.settle(now)
        self._check_own(ticket)
        if ticket.letter not in self.letters:
            raise Refused("InvalidParameterValue", "Message does not exist or is not available")
        if now - ticket.received + visibility > TWELVE_HOURS:
            raise Refused("InvalidParameterValue", "Total VisibilityTimeout")
        ticket.letter.hidden_until = now + visibility

    def purge(self, now: int) -> None:
        self.settle(now)
        if self.last_purge is not None and now - self.last_purge < 60 * SECOND:
            raise Refused("AWS.SimpleQueueService.PurgeQueueInProgress")
        self.last_purge = now
        self.letters.clear()

    def set_retention(self, retention: int, now: int) -> None:
        self.settle(now)
        self.retention = retention

    # ---------------------------------------------------------------------------------------------- looking
    def settle(self, now: int) -> None:
        """Time does one thing that is not told by the time alone: it ends messages for good."""
        self.letters = [letter for letter in self.letters if now - letter.enqueued < self.retention]

    def in_state(self, state: str, now: int) -> list[Letter]:
        return [letter for letter in self.letters if letter.state(now) == state]

    def counts(self, now: int) -> tuple[int, int, int]:
        self.settle(now)
        states = [letter.state(now) for letter in self.letters]
        return states.count("available"), states.count("in_flight"), states.count("delayed")

    def look(self, now: int) -> list[tuple[str, int, str, int | None]]:
        """Body, receive count, state and its end, in order of arrival."""
        self.settle(now)
        return [
            (one.body, one.count, one.state(now), one.hidden_until if one.hidden_until > now else None)
            for one in sorted(self.letters, key=lambda letter: letter.arrival)
        ]

    def moments(self) -> list[int]:
        """When something happens by itself."""
        waits = [letter.hidden_until for letter in self.letters]
        return waits + [letter.enqueued + self.retention for letter in self.letters]

    def _arrive(self, letter: Letter) -> None:
        self.arrivals += 1
        letter.arrival = self.arrivals
        self.letters.append(letter)

    def _check_own(self, ticket: Ticket) -> None:
        if ticket.queue is not self:
            raise Refused("ReceiptHandleIsInvalid", "is not valid for this queue")
