"""The guide's two roles: a producer sends; a consumer polls, calls a function, deletes what it took.

Where a check has set its stage, a consumer that was started is a process: its function runs on the stage,
statement by statement, and whatever kills it ends its polling too, until it is started anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from inspect import iscoroutine, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

import attrs

from .. import errors
from ..engine import checks
from ..engine.attributes import Settings
from ..engine.decisions import SKEW, SKEWS_S
from ..engine.message import Delivery
from ..engine.values import ReceiveMessage, SendMessage
from ..limits import NEVER_NS, SECOND_NS
from ..sim import faults
from ..sim.clock import nanoseconds
from ..sim.kernel import Event, Task, Wait, Waiting
from .attributes import AttributeValue
from .queue import BatchResult, Message, Queue, SentMessage, everything, to_send

if TYPE_CHECKING:
    from ..sim.stage import Stage
    from ..sim.strands import Strand
    from ..sim.works import Work

RESTART_NS: Final = SECOND_NS
"""After so long a process that died is started anew, as an orchestrator does."""

_AT_THE_END_OF_TIME: Final = NEVER_NS - 1
_BEHIND_ALL: Final = 1 << 61
"""The place of what lets all others go on before it, at one instant."""


_PASSING: Final = (errors.RequestThrottled, errors.InternalFailure, errors.ConnectionLost)
"""What a loop that polls tries again after."""


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
    """One time of polling; whoever stops it may start another while its last message is still at work.

    Attributes:
        stopped: Whether it is over.
        is_process: Whether it was started, to go on by itself; otherwise plain code polls.
        clock_offset_ns: How far the clock of the process is off.
    """

    stopped: bool = False
    is_process: bool = False
    clock_offset_ns: int = 0


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
        restart: Whether it is started anew a second after it died, as an orchestrator does. Only a check
            lets a started consumer die: by a fault, or of what its function raises other than an ``Exception``.

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
        restart: bool = True,
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
        self._restarts = restart
        self._restart: Event | None = None
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

        What the function raises other than an ``Exception`` ends it too, until the next ``start``; in a check
        it is started anew by itself, unless ``restart`` is False.
        """
        if self._request.wait_time_seconds == 0:
            raise errors.UsageError("a consumer that polls on and on waits for messages: wait_time_seconds is 1 to 20")
        if self._task is None or self._task.done:
            self._cancel_restart()
            self._run = _Run(is_process=True)
            self._task = self._port.kernel.spawn(self._rounds(self._run), f"{self.name} on {self.queue.name}")

    def stop(self) -> None:
        """Stop polling. A message that the function is working on is not deleted."""
        self._cancel_restart()
        self._end(self._run)

    def _end(self, run: _Run) -> None:
        run.stopped = True
        if self._task is not None:
            self._task.stop()

    def _cancel_restart(self) -> None:
        if self._restart is not None:
            self._port.kernel.cancel(self._restart)
            self._restart = None

    # ---------------------------------------------------------------------------------------------- polling
    def _rounds(self, run: _Run) -> Waiting[None]:
        if self._port.stage is not None:
            run.clock_offset_ns = self._skew_ns()
        while not run.stopped:
            try:
                deliveries = yield from self._port.poll(self.queue.url, self._request, caller=self.name, again=True)
            except errors.QueueDoesNotExist:
                return
            except _PASSING:
                yield Wait(self._port.clock.now_ns + SECOND_NS)
                continue
            yield from self._work(deliveries, run)
            yield Wait(self._port.clock.now_ns)  # others have their turn between two polls

    def _skew_ns(self) -> int:
        """How far the clock of a process that begins is off."""
        options = 1 + len(SKEWS_S)
        answer = self._port.choose(SKEW, options, queue_url=self.queue.url, caller=self.name)
        return faults.skew_s(answer) * SECOND_NS if answer else 0

    def _round(self, run: _Run) -> Waiting[list[Message]]:
        deliveries = yield from self._port.poll(self.queue.url, self._request, caller=self.name)
        return (yield from self._work(deliveries, run))

    def _work(self, deliveries: list[Delivery], run: _Run) -> Waiting[list[Message]]:
        messages = [Message(self.queue, delivery, everything) for delivery in deliveries]
        stage = self._port.stage if run.is_process else None
        for message, delivery in zip(messages, deliveries, strict=True):
            error = self._call(message) if stage is None else (yield from self._act(stage, message, delivery, run))
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

    def _delete(self, delivery: Delivery) -> errors.SqsError | errors.ConnectionLost | None:
        """Delete a message; None if that is answered well.

        A FIFO queue may refuse it, where the work took longer than the lease or by its quota; and any call may fail.
        """
        try:
            self._port.delete_message(self.queue.url, delivery, caller=self.name)
        except (errors.SqsError, errors.ConnectionLost) as error:
            return error
        return None

    def _call(self, message: Message) -> Exception | None:
        try:
            result = self._function(message)
        except Exception as error:  # noqa: BLE001  # whatever the user's function raises, the message stays
            return error
        finally:
            self._port.acts += 1
        self._check_result(result)
        return None

    def _check_result(self, result: object) -> None:
        if isinstance(result, Awaitable):
            if iscoroutine(result):
                result.close()
            raise errors.UsageError(f"{self!r} got {result!r} to await: a consumer's function does its work itself")

    # ------------------------------------------------------------------------------------------- on a stage
    def _act(self, stage: Stage, message: Message, delivery: Delivery, run: _Run) -> Waiting[Exception | None]:
        """Call the function where a check follows it; the process may be over afterwards."""
        work = self._new_work(stage, delivery, run)
        function = partial(self._function, message)
        strand = stage.strand(work, function)
        if strand is None:
            return self._judged(stage, work, run, partial(stage.call, work, function))
        yield from self._follow(strand, run)
        return self._judged(stage, work, run, strand.result) if strand.done else None

    def _new_work(self, stage: Stage, delivery: Delivery, run: _Run) -> Work:
        timeout = self._request.visibility_timeout
        timeout_ns = self.queue._engine.settings.visibility_timeout_ns if timeout is None else timeout * SECOND_NS
        return stage.new_work(
            delivery.message.address,
            self.name,
            [delivery.message],
            queue_url=self.queue.url,
            consumer=faults.PROCESS,
            lease_ns=delivery.received_ns + timeout_ns,
            deadline_ns=NEVER_NS,
            has_ended=lambda: run.stopped,
            end=partial(self._die, run),
            clock_offset_ns=run.clock_offset_ns,
        )

    def _follow(self, strand: Strand, run: _Run) -> Waiting[None]:
        """Let a stack of its own run to its end, or to that of the process."""
        kernel = self._port.kernel
        task = kernel.current
        assert task is not None, "a started consumer is a task"
        strand.on_wake = task.wake
        while True:
            due_ns = strand.step()
            if strand.done or run.stopped:
                return
            if due_ns is not None and strand.last:
                kernel.at(due_ns, task.wake, label=task.label, order=_BEHIND_ALL)
                due_ns = None
            yield Wait(_AT_THE_END_OF_TIME, passive=True) if due_ns is None else Wait(due_ns)

    def _judged(self, stage: Stage, work: Work, run: _Run, finish: Callable[[], Any]) -> Exception | None:
        """What the function raised; whatever is worse than an ``Exception`` ends the process."""
        try:
            result = finish()
        except Exception as error:
            if error is self._port.kernel.escaped:  # out of somebody else's event, in time that the function let pass
                raise
            return error
        except BaseException as error:
            if stage.over or isinstance(error, KeyboardInterrupt):  # the latter is the user at the keyboard
                raise
            self._die(run, ": ".join(filter(None, (type(error).__name__, str(error)))))
            return None
        self._check_result(result)
        stage.came_to_end(work)
        return None

    def _die(self, run: _Run, cause: str = "killed") -> None:
        """The process is gone; another takes its place."""
        if run.stopped:
            return
        self._end(run)
        again = f": started anew in {RESTART_NS // SECOND_NS} s" if self._restarts else ""
        self._port.note("process ended", self.queue.url, self.name, f"{cause}{again}")
        if self._restarts:
            restart_ns = self._port.clock.now_ns + RESTART_NS
            self._restart = self._port.kernel.at(restart_ns, self.start, label=f"{self.name} on {self.queue.name}")


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
