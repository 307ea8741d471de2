"""The guide's two roles: a producer sends; a consumer polls, calls a function, deletes what it took."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import iscoroutine, iscoroutinefunction

import attrs

from .. import errors
from ..engine import checks
from ..engine.attributes import Settings
from ..engine.message import Delivery
from ..engine.values import ReceiveMessage, SendMessage
from ..limits import SECOND_NS
from ..sim.clock import nanoseconds
from ..sim.kernel import Task, Wait, Waiting
from .attributes import AttributeValue
from .queue import BatchResult, Message, Queue, SentMessage, everything, to_send


class Producer:
    """Sends messages under its own name, by which the journal and the faults know them.

    Args:
        queue: Where it sends to.
        name: Of its own; ``producer-1``, ``producer-2`` unless given.
    """

    def __init__(self, queue: Queue, *, name: str | None = None) -> None:
        self.queue = _queue(queue)
        self.name = queue._queues.name("producer") if name is None else _worker_name(name)

    def __repr__(self) -> str:
        return f"Producer({self.queue!r}, name={self.name!r})"

    def send(
        self,
        body: str,
        *,
        delay_seconds: int | None = None,
        message_attributes: Mapping[str, AttributeValue] | None = None,
        message_group_id: str | None = None,
        message_deduplication_id: str | None = None,
        trace_header: str | None = None,
    ) -> SentMessage:
        """Send one message; see ``Queue.send``."""
        request = to_send(
            body, delay_seconds, message_attributes, message_group_id, message_deduplication_id, trace_header
        )
        return SentMessage(self.queue, self.queue._port.send_message(self.queue.url, request, caller=self.name))

    def send_batch(self, messages: Sequence[str | SendMessage]) -> BatchResult[SentMessage]:
        """Send up to ten messages in one call; see ``Queue.send_batch``."""
        return self.queue._send_batch(messages, self.name)


@attrs.frozen
class Failure:
    """A message that a consumer did not delete, and what its function raised, or what AWS answered to the delete."""

    message: Message
    error: Exception


@attrs.define
class _Run:
    """One time of polling; whoever stops it may start another while its last message is still at work."""

    stopped: bool = False


class Consumer:
    """Polls a queue, calls a function with each message, deletes what the function took.

    A message for which the function raises is left alone: it comes back when its visibility timeout ends.

    Args:
        queue: What it polls.
        function: Called with each ``Message``, in the order of the batch.
        name: Of its own; ``consumer-1``, ``consumer-2`` unless given.
        max_number_of_messages: 1 to 10 a poll.
        visibility_timeout: Seconds, 0 to 43,200; None takes the queue's.
        wait_time_seconds: Seconds, 1 to 20, that an empty poll waits; 0 only for ``poll``.
        duration: Simulated seconds that the function takes, or a function of the message that says so.
            The function is called when its work starts; the message is deleted when the work ends.

    Attributes:
        failures: The messages that were not deleted, with what the function raised or the delete was answered.
    """

    def __init__(
        self,
        queue: Queue,
        function: Callable[[Message], object],
        *,
        name: str | None = None,
        max_number_of_messages: int = 10,
        visibility_timeout: int | None = None,
        wait_time_seconds: int = 20,
        duration: float | Callable[[Message], float] = 0,
    ) -> None:
        request = ReceiveMessage(max_number_of_messages, visibility_timeout, wait_time_seconds)
        self.queue = _queue(queue)
        queue._port.checked("ReceiveMessage", lambda: checks.receive(request, Settings()))
        if not callable(function) or iscoroutinefunction(function):
            raise errors.UsageError(f"a consumer's function is a plain one, called with each message, not {function!r}")
        if not callable(duration):
            nanoseconds(duration)
        self.name = queue._queues.name("consumer") if name is None else _worker_name(name)
        self.failures: list[Failure] = []
        self._function = function
        self._request = request
        self._duration = duration
        self._port = queue._port
        self._task: Task[None] | None = None
        self._run = _Run()

    def __repr__(self) -> str:
        return f"Consumer({self.queue!r}, {self._function!r}, name={self.name!r})"

    def poll(self) -> list[Message]:
        """Poll once, and call the function with what came; the messages that came.

        The simulated clock moves by the wait and the work.
        """
        run = self._run = _Run()
        with self._port.lock:
            return self._port.kernel.complete(self._round(run), self.name)

    def start(self) -> None:
        """Go on polling whenever simulated time passes, until ``stop`` or until the queue is deleted.

        What the function raises other than an ``Exception`` ends it too, until the next ``start``.
        """
        if self._request.wait_time_seconds == 0:
            raise errors.UsageError("a consumer that polls on and on waits for messages: wait_time_seconds is 1 to 20")
        if self._task is None or self._task.done:
            self._run = _Run()
            self._task = self._port.kernel.spawn(self._rounds(self._run), f"{self.name} on {self.queue.name}")

    def stop(self) -> None:
        """Stop polling. A message that the function is working on is not deleted."""
        self._run.stopped = True
        if self._task is not None:
            self._task.stop()

    def _rounds(self, run: _Run) -> Waiting[None]:
        while not run.stopped:
            try:
                deliveries = yield from self._port.poll(self.queue.url, self._request, caller=self.name)
            except errors.QueueDoesNotExist:
                return
            except errors.RequestThrottled:
                yield Wait(self._port.clock.now_ns + SECOND_NS)
                continue
            yield from self._work(deliveries, run)
            yield Wait(self._port.clock.now_ns)  # others have their turn between two polls

    def _round(self, run: _Run) -> Waiting[list[Message]]:
        deliveries = yield from self._port.poll(self.queue.url, self._request, caller=self.name)
        return (yield from self._work(deliveries, run))

    def _work(self, deliveries: list[Delivery], run: _Run) -> Waiting[list[Message]]:
        messages = [Message(self.queue, delivery, everything) for delivery in deliveries]
        for message, delivery in zip(messages, deliveries, strict=True):
            error = self._call(message)
            duration = self._duration(message) if callable(self._duration) else self._duration
            if duration and not run.stopped:
                yield Wait(self._port.clock.now_ns + nanoseconds(duration))
            if run.stopped:
                break
            if error is None:
                error = self._delete(delivery)
            else:
                cause = f"{type(error).__name__}: {error}"
                self._port.tell(self.queue.url, delivery, "function raised", cause, self.name)
            if error is not None:
                self.failures.append(Failure(message, error))
        return messages

    def _delete(self, delivery: Delivery) -> errors.SqsError | None:
        """Delete a message; a FIFO queue may refuse it, where the work took longer than the lease or by its quota."""
        try:
            self._port.delete_message(self.queue.url, delivery, caller=self.name)
        except errors.SqsError as error:
            return error
        return None

    def _call(self, message: Message) -> Exception | None:
        try:
            result = self._function(message)
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises, the message stays
            return error
        if isinstance(result, Awaitable):
            if iscoroutine(result):
                result.close()
            raise errors.UsageError(f"{self!r} got {result!r} to await: a consumer's function does its work itself")
        return None


def _queue(queue: Queue) -> Queue:
    if not isinstance(queue, Queue):
        raise errors.UsageError(
            f"a producer or consumer works on a Queue, such as World.create_queue gives, not {queue!r}"
        )
    return queue


def _worker_name(name: str) -> str:
    if not isinstance(name, str) or not name or not name.isprintable():
        raise errors.UsageError(f"the name of a producer or consumer is a printable text, not {name!r}")
    return name
