"""The world and the naive model, driven as one: every action is done to both, and both must agree on everything.

``SideBySide`` holds three queues, of which the first has the second as its dead-letter queue and the second
the third. Its methods are the actions; arguments are whole seconds, places of queues and places of handles, so
that Hypothesis, and the cheap driver of the long run, can draw them without knowing what is in the queues.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lifecycle_steps import watched
from naive_model import SECOND, TWELVE_HOURS, NaiveQueue, Refused, Ticket

from minisqs import Queue, RedrivePolicy, World, errors

Real = TypeVar("Real")
Naive = TypeVar("Naive")
Refusal = TypeVar("Refusal", bound=Exception)

NAMES = ("orders", "dead-orders", "dead-dead-orders")


class SideBySide:
    """A world and its model.

    Args:
        in_flight_limit: Small, so that it is reached.
        max_receive_counts: Of the first queue and of the second; 0 for no redrive policy.
        delay, visibility, retention: Seconds, the attributes of all three queues to begin with.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        in_flight_limit: int = 4,
        max_receive_counts: tuple[int, int] = (2, 1),
        delay: int = 0,
        visibility: int = 30,
        retention: int = 345_600,
        journal_length: int | None = 50,
    ) -> None:
        self.world = World(seed, start=0, in_flight_limit=in_flight_limit, journal_length=journal_length)
        self.queues: list[Queue] = []
        self.models: list[NaiveQueue] = []
        self.handles: list[tuple[str, Ticket]] = []
        self.sent = 0
        for name in reversed(NAMES):
            self.queues.insert(
                0,
                self.world.create_queue(
                    name, delay_seconds=delay, visibility_timeout=visibility, message_retention_period=retention
                ),
            )
            self.models.insert(0, NaiveQueue(in_flight_limit, delay * SECOND, visibility * SECOND, retention * SECOND))
        for place, count in enumerate(max_receive_counts):
            if count:
                self.set_redrive_policy(place, count)

    @property
    def now(self) -> int:
        return self.world.clock.now_ns

    # --------------------------------------------------------------------------------------------- actions
    def send_message(self, queue: int, delay: int | None) -> None:
        body = self._next_body()
        self._both(
            "send_message",
            lambda: self.queues[queue].send(body, delay_seconds=delay),
            lambda: self.models[queue].send(body, _ns(delay), self.now),
        )

    def send_message_batch(self, queue: int, count: int) -> None:
        bodies = [self._next_body() for _ in range(count)]
        self._both(
            "send_message",
            lambda: self.queues[queue].send_batch(bodies),
            lambda: [self.models[queue].send(body, None, self.now) for body in bodies],
        )

    def receive_message(self, queue: int, most: int, visibility: int | None) -> None:
        now = self.now
        again = (self.models[queue].visibility if visibility is None else visibility) == 0
        answers = self._both(
            "receive_message and show again" if again else "receive_message",
            lambda: self.queues[queue].receive(most, visibility_timeout=visibility, wait_time_seconds=0),
            lambda: self.models[queue].receive(most, _ns(visibility), now),
        )
        if answers is not None:
            self._same_deliveries(*answers)

    def poll(self, queue: int, most: int, wait: int) -> None:
        """A long poll."""
        now = self.now
        answers = self._both(
            "poll",
            lambda: self.queues[queue].receive(most, wait_time_seconds=wait),
            lambda: self.models[queue].poll(most, None, wait * SECOND, now),
        )
        assert answers is not None, "a long poll is never refused"
        messages, (tickets, ended) = answers
        assert self.now == ended, "a long poll ends with its first message, or when its wait ends"
        self._same_deliveries(messages, tickets)

    def delete_message(self, queue: int, handle: int) -> None:
        text, ticket = self.handles[handle]
        self._both(
            "delete_message",
            lambda: self.queues[queue].delete(text),
            lambda: self.models[queue].delete(ticket, self.now),
        )

    def delete_message_batch(self, queue: int, handles: Sequence[int]) -> None:
        chosen = [self.handles[handle] for handle in handles]
        real = watched(
            self.world, "delete_message", lambda: self.queues[queue].delete_batch([text for text, _ in chosen])
        )
        refused = []
        for place, (_, ticket) in enumerate(chosen):
            try:
                self.models[queue].delete(ticket, self.now)
            except Refused as refusal:
                refused.append((place, refusal.code))
        assert [(failure.index, failure.error.code) for failure in real.failed] == refused

    def change_message_visibility(self, queue: int, handle: int, visibility: int) -> None:
        text, ticket = self.handles[handle]
        self._both(
            "change_message_visibility" if visibility else "change_message_visibility to 0",
            lambda: self.queues[queue].change_visibility(text, visibility),
            lambda: self.models[queue].change_visibility(ticket, visibility * SECOND, self.now),
        )

    def purge_queue(self, queue: int) -> None:
        self._both("purge_queue", self.queues[queue].purge, lambda: self.models[queue].purge(self.now))

    def set_retention(self, queue: int, seconds: int) -> None:
        self._both(
            "set_queue_attributes",
            lambda: self.queues[queue].set_attributes(message_retention_period=seconds),
            lambda: self.models[queue].set_retention(seconds * SECOND, self.now),
        )

    def set_visibility_timeout(self, queue: int, seconds: int) -> None:
        self.queues[queue].set_attributes(visibility_timeout=seconds)
        self.models[queue].visibility = seconds * SECOND

    def set_delay(self, queue: int, seconds: int) -> None:
        self.queues[queue].set_attributes(delay_seconds=seconds)
        self.models[queue].delay = seconds * SECOND

    def set_redrive_policy(self, queue: int, max_receive_count: int) -> None:
        """The next queue of the chain becomes the dead-letter queue; 0 takes it away."""
        policy = RedrivePolicy(self.queues[queue + 1], max_receive_count) if max_receive_count else ""
        self.queues[queue].set_attributes(redrive_policy=policy)
        self.models[queue].dead_letter_queue = self.models[queue + 1] if max_receive_count else None
        self.models[queue].max_receive_count = max_receive_count

    def advance(self, nanoseconds: int) -> None:
        kernel = self.world.sqs.kernel  # World.advance takes seconds; a float of them is not exact to 1 ns
        watched(self.world, "advance", lambda: kernel.run_until(self.now + nanoseconds))

    def deadlines(self) -> list[int]:
        """Every moment ahead at which something happens by itself, or a refusal ends; the nearest first."""
        moments = [moment for model in self.models for moment in model.moments()]
        moments += [model.last_purge + 60 * SECOND for model in self.models if model.last_purge is not None]
        moments += [ticket.received + TWELVE_HOURS for _, ticket in self.handles[-3:]]
        return sorted({moment for moment in moments if moment > self.now})

    def advance_to_deadline(self, place: int, beside: int) -> None:
        """To one of the nearest deadlines, or ``beside`` nanoseconds before or after it."""
        ahead = self.deadlines()
        if ahead:
            self.advance(max(0, ahead[place % len(ahead)] + beside - self.now))

    # ------------------------------------------------------------------------------------------ comparison
    def agree(self) -> None:
        """Assert that both hold the same messages in the same states, and that the world's invariants hold."""
        self.world.check_invariants()
        for queue, model in zip(self.queues, self.models, strict=True):
            assert queue.counts == model.counts(self.now), f"the counts of {queue}"
            real = [(one.body, one.receive_count, one.state, one.until_ns) for one in queue.messages()]
            assert real == model.look(self.now), f"the messages in {queue}"

    def conserved(self) -> None:
        """Assert that each message sent is in one place: here, or deleted, expired or purged."""
        engines = [queue._engine for queue in self.queues]
        here = [message.address for engine in engines for message in engine.messages.values()]
        assert len(here) == len(set(here)), "no message is in two places"
        ended = sum(engine.deleted + engine.expired + engine.purged for engine in engines)
        assert len(here) + ended == self.sent, "no message is lost"

    def _next_body(self) -> str:
        self.sent += 1
        return f"message {self.sent}"

    def _both(self, action: str, real: Callable[[], Real], naive: Callable[[], Naive]) -> tuple[Real, Naive] | None:
        """Both answers, or None where both refuse; the model goes first, as a long poll moves the world's clock."""
        expected, refusal = _outcome(naive, Refused)
        got, error = _outcome(lambda: watched(self.world, action, real), errors.SqsError)
        if refusal is None and error is None:
            return got, expected  # type: ignore[return-value]  # neither was refused, so both have answered
        assert error is not None, f"{action} should be refused with {refusal}, and gave {got!r}"
        assert refusal is not None, f"{action} should not be refused: {error}"
        assert error.code == refusal.code, f"{action}: {error}"
        assert refusal.reason in error.message, f"{action}: {error}"
        return None

    def _same_deliveries(self, messages: Sequence[object], tickets: Sequence[Ticket]) -> None:
        real = [(message.body, message.receive_count) for message in messages]  # type: ignore[attr-defined]
        assert real == [(ticket.letter.body, ticket.count) for ticket in tickets], "what is handed out, in order"
        for message, ticket in zip(messages, tickets, strict=True):
            self.handles.append((message.receipt_handle, ticket))  # type: ignore[attr-defined]


def _ns(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * SECOND


def _outcome(call: Callable[[], Real], refusal: type[Refusal]) -> tuple[Real | None, Refusal | None]:
    """What a call answered, or the error that it raised."""
    try:
        return call(), None
    except refusal as error:
        return None, error
