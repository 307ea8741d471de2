"""A world in which everything may go wrong, and what must hold all the same.

``ImperfectRun`` does the actions, keeps its own books, and writes down what it called, so that the same calls
can be made again in a world that gets the choices as a plan. What went wrong is known from ``World.choices``
alone; whatever else is out of the ordinary is a bug.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from lifecycle_steps import watched

from minisqs import Faults, Message, Plan, RedrivePolicy, World, errors

NAMES = ("orders", "dead-orders")


class ImperfectRun:
    """Two queues, the second being the first one's dead-letter queue, with faults.

    Args:
        seed: What the faults are drawn from.
        faults: Their rates, or a plan.
        attributes: Of both queues.
        max_receive_count: Of the first; 0 for no redrive policy.
    """

    def __init__(
        self,
        seed: int,
        faults: Faults | Plan,
        *,
        max_receive_count: int,
        journal_length: int | None = None,
        **attributes: Any,
    ) -> None:
        self._arguments = {"max_receive_count": max_receive_count, **attributes}
        self.seed = seed
        self.world = World(seed, faults, start=0, in_flight_limit=8, journal_length=journal_length)
        dead = self.world.create_queue(NAMES[1], **attributes)
        policy = RedrivePolicy(dead, max_receive_count) if max_receive_count else ""
        self.queues = [self.world.create_queue(NAMES[0], redrive_policy=policy, **attributes), dead]
        self.received: list[tuple[int, str, str]] = []
        """Queue, message id and receipt handle of each delivery."""
        self.calls: list[Call] = []
        """What was called, to be called again."""
        self._sent_ids: list[str] = []
        self._ended: dict[str, str] = {}

    # --------------------------------------------------------------------------------------------- actions
    def send_message(self, queue: int, delay: int | None) -> None:
        sent = self._do("send_message", lambda run: run.queues[queue].send("message", delay_seconds=delay))
        self._sent_ids.append(sent.message_id)

    def receive_message(self, queue: int, most: int, visibility: int | None, wait: int) -> None:
        def receive(run: ImperfectRun) -> list[Message]:
            return run.queues[queue].receive(most, visibility_timeout=visibility, wait_time_seconds=wait)

        # A wait, or a visibility timeout of 0, lets more happen than the receive; so the steps of a poll are allowed.
        messages: list[Message] = self._do("poll", receive) or []
        ids = [message.message_id for message in messages]
        assert len(ids) == len(set(ids)), "one reply holds a message once"
        assert len(ids) <= most, "one reply holds no more than was asked for"
        for message in messages:
            self._assert_not_ended(message.message_id)
            self.received.append((queue, message.message_id, message.receipt_handle))

    def delete_message(self, place: int) -> None:
        queue, message_id, handle = self.received[place]
        choices_before = len(self.world.choices)
        was_here = message_id in self._ids(queue)
        self._do("delete_message with a fault", lambda run: run.queues[queue].delete(handle))
        faults = [address.kind for address in list(self.world.choices)[choices_before:]]
        if was_here and not faults:
            self._ended[message_id] = "deleted"
        if faults == ["stale_delete"]:
            assert message_id in self._ids(queue), "a delete that does not stick changes nothing"

    def change_message_visibility(self, place: int, visibility: int) -> None:
        queue, _, handle = self.received[place]
        self._do(
            "change_message_visibility to 0",
            lambda run: run.queues[queue].change_visibility(handle, visibility),
            errors.InvalidParameterValue,  # the message is gone, or 12 hours are over
        )

    def purge_queue(self, queue: int) -> None:
        here = self._ids(queue)
        if self._do("purge_queue", lambda run: run.queues[queue].purge() or True, errors.PurgeQueueInProgress):
            self._ended.update(dict.fromkeys(here, "purged"))

    def set_retention(self, queue: int, seconds: int) -> None:
        change = lambda run: run.queues[queue].set_attributes(message_retention_period=seconds)  # noqa: E731
        self._do("set_queue_attributes", change)

    def advance(self, seconds: float) -> None:
        self._do("advance", lambda run: run.world.advance(seconds))

    # -------------------------------------------------------------------------------------------- what holds
    def check(self) -> None:
        """Assert what always holds, whatever went wrong."""
        self.world.check_invariants()
        here = [message_id for queue in range(len(self.queues)) for message_id in self._ids(queue)]
        assert len(here) == len(set(here)), "no message is in two places"
        for message_id in here:
            self._assert_not_ended(message_id)
        engines = [queue._engine for queue in self.queues]
        ended = sum(engine.deleted + engine.expired + engine.purged - engine.copies for engine in engines)
        assert len(here) + ended == len(self._sent_ids), "each message sent is in exactly one place"

    def check_journal(self) -> None:
        """Assert that the journal tells all that happened, in order of time."""
        told = Counter(entry.action for entry in self.world.journal if entry.message)
        engines = [queue._engine for queue in self.queues]
        assert told["SendMessage"] == len(self._sent_ids)
        assert told["ReceiveMessage"] == len(self.received)
        assert told["moved to another queue"] == sum(engine.moved for engine in engines)
        assert told["retention period ended"] == sum(engine.expired for engine in engines)
        assert told["shown again by a server that missed the delete"] == sum(engine.copies for engine in engines)
        faults = Counter(action for action in told.elements() if action.startswith("fault: "))
        kinds = Counter(address.kind for address in self.world.choices if address.kind != "miss")
        assert faults == Counter({f"fault: {kind}": count for kind, count in kinds.items()})
        times = [entry.time_ns for entry in self.world.journal]
        assert times == sorted(times)

    def check_replay(self) -> None:
        """Assert that the same calls under a plan of this run's choices give this run again, to the byte."""
        again = ImperfectRun(self.seed, Plan(self.world.choices), **self._arguments)
        for call in self.calls:
            with suppress(errors.SqsError):  # the journal has the refusal
                call(again)
        again.world.check_replayed()
        assert again.world.choices == self.world.choices
        assert again.world.journal.text() == self.world.journal.text()

    def _ids(self, queue: int) -> list[str]:
        return [view.message_id for view in self.queues[queue].messages()]

    def _assert_not_ended(self, message_id: str) -> None:
        assert message_id not in self._ended, f"{message_id} was {self._ended[message_id]}, and no fault brings it back"

    def _do(self, action: str, call: Call, refusal: type[errors.SqsError] = errors.OverLimit) -> Any:
        """What the call answered, or None where it was refused."""
        self.calls.append(call)
        try:
            return watched(self.world, action, lambda: call(self))
        except refusal:
            return None


Call: TypeAlias = Callable[[ImperfectRun], Any]
