"""What the calls of spawned workers meet beyond those of plain code: a point, the latency, a wait of their own.

The calls of a world go through its port. From the first worker on, the port's methods are wrapped: where the code of
a worker calls, it comes to a point first, at which things may go wrong, then waits for as long as a call takes, and
only then is SQS asked; the answer is there at that same instant. A poll that finds nothing suspends the stack of the
worker. Whoever else calls meets the methods as they are, and so does everybody in a world without workers.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from .. import errors
from ..engine.message import Delivery, Message
from ..engine.queue import Queue
from ..engine.values import ReceiveMessage
from ..limits import SECOND_NS
from .code import statements
from .intercepts import here
from .port import MAIN, Port
from .stage import Stage

if TYPE_CHECKING:
    from .processes import Crew
    from .stacks import Stack

LOOKS: Final = frozenset(
    {"get_queue_url", "get_queue_attributes", "list_queues", "list_queue_tags", "list_dead_letter_source_queues",
     "list_message_move_tasks"}
)  # fmt: skip
"""The actions that change nothing."""

DOES: Final = (
    "create_queue", "delete_queue", "set_queue_attributes", "purge_queue", "tag_queue", "untag_queue", "add_permission",
    "remove_permission", "start_message_move_task", "cancel_message_move_task", "send_message", "send_message_batch",
    "delete_message", "delete_message_batch", "change_message_visibility", "change_message_visibility_batch",
)  # fmt: skip


def intercept(port: Port, crew: Crew) -> None:
    """Let the calls of workers meet what they meet, from now on."""
    for name in (*DOES, *sorted(LOOKS)):
        setattr(port, name, _wrapped(port, crew, name, getattr(port, name)))
    port.receive_message = _Receive(port, crew)  # type: ignore[method-assign]  # see the first paragraph


def _wrapped(port: Port, crew: Crew, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    point = statements.point_of_call(_action(name))
    looks, follow = name in LOOKS, _FOLLOWED.get(name)

    def call(*arguments: Any, **options: Any) -> Any:
        stack = crew.present()
        if stack is None:
            return method(*arguments, **options)
        _begin(stack, point, looks=looks, place=(name, *arguments[:1]))
        if options.get("caller", MAIN) == MAIN:
            options["caller"] = stack.caller
        told = None if follow is None else follow(crew, stack, arguments)
        chosen = _chosen(port)
        answer = method(*arguments, **options)
        if not looks:
            stack.life.has_done_something()
        else:
            stack.has_looked(misled=_chosen(port) != chosen)
        if told is not None:
            told(answer)
        return answer

    return call


def _chosen(port: Port) -> int:
    """How often something has gone wrong: what is answered meanwhile may not be how things are."""
    return 0 if port.source is None else len(port.source.choices)


def _action(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _begin(stack: Stack, point: int, *, looks: bool, place: object) -> None:
    """Come to the point of a call, and wait as long as it takes."""
    stage, port = stack.life.crew.stage, stack.life.crew.port
    stage.arrive(point)
    stack.look_for_interrupt()
    passive = looks and port.kernel.seeks_idle and stack.is_idle_at(place)
    stack.wait(port.clock.now_ns + stack.latency_ns, passive=passive and stack.latency_ns > 0)


class _Receive:
    """``Port.receive_message`` where there are workers."""

    def __init__(self, port: Port, crew: Crew) -> None:
        self._port = port
        self._crew = crew
        self._plainly = port.receive_message
        self._point = statements.point_of_call("ReceiveMessage")

    def __call__(self, queue_url: str, request: ReceiveMessage, *, caller: str = MAIN) -> list[Delivery]:
        stack, port = self._crew.present(), self._port
        if stack is None:
            return self._plainly(queue_url, request, caller=caller)
        stack.life.looks_for_more(queue_url)
        _begin(stack, self._point, looks=True, place=("receive_message", queue_url))
        chosen = _chosen(port)
        deliveries = stack.poll(port.poll(queue_url, request, caller=stack.caller if caller == MAIN else caller))
        if deliveries:
            stack.life.has_done_something()
            queue = port.service.find(queue_url)
            if queue is not None:
                stack.life.holds(queue, deliveries, request.visibility_timeout)
            self._crew.stage.got(stack.work, [delivery.receive_count for delivery in deliveries])
        else:
            stack.has_looked(misled=_chosen(port) != chosen)
        return deliveries


# ------------------------------------------------------------------------------------- what becomes of messages
_Told = Callable[[Any], None]


def _on_delete(crew: Crew, stack: Stack, arguments: Sequence[Any]) -> _Told | None:
    queue, message = _message_of(crew, *arguments[:2])
    return None if queue is None or message is None else lambda _: stack.life.lets_go(queue, [message])


def _on_delete_batch(crew: Crew, stack: Stack, arguments: Sequence[Any]) -> _Told | None:
    queue = crew.port.service.find(arguments[0])
    if queue is None:
        return None
    return lambda answer: stack.life.lets_go(queue, [delivery.message for _, delivery in answer.successful])


def _on_change(crew: Crew, stack: Stack, arguments: Sequence[Any]) -> _Told | None:
    queue, message = _message_of(crew, *arguments[:2])
    if queue is None or message is None:
        return None
    return lambda _: _changed(crew, stack, queue, message, arguments[2])


def _on_change_batch(crew: Crew, stack: Stack, arguments: Sequence[Any]) -> _Told | None:
    queue = crew.port.service.find(arguments[0])
    if queue is None:
        return None
    timeouts = {entry_id: timeout for entry_id, _, timeout in arguments[1]}

    def told(answer: Any) -> None:
        for entry_id, delivery in answer.successful:
            _changed(crew, stack, queue, delivery.message, timeouts[entry_id] or 0)

    return told


def _changed(crew: Crew, stack: Stack, queue: Queue, message: Message, timeout: int) -> None:
    if timeout:
        stack.life.holds_until(queue, message, crew.port.clock.now_ns + timeout * SECOND_NS)
    else:
        stack.life.lets_go(queue, [message])


_FOLLOWED: Final[dict[str, Callable[[Crew, Stack, Sequence[Any]], _Told | None]]] = {
    "delete_message": _on_delete,
    "delete_message_batch": _on_delete_batch,
    "change_message_visibility": _on_change,
    "change_message_visibility_batch": _on_change_batch,
}


def _message_of(crew: Crew, queue_url: str, handle: Any) -> tuple[Queue | None, Message | None]:
    """The queue of a URL and the message of a handle, as far as there are any."""
    queue = crew.port.service.find(queue_url)
    if queue is None or isinstance(handle, Delivery):
        return queue, handle.message if isinstance(handle, Delivery) else None
    try:
        return queue, queue.delivery(handle).message
    except (errors.MinisqsError, TypeError, ValueError):  # SQS refuses it in a moment
        return queue, None


# --------------------------------------------------------------------------------------------- odds and ends
class Simulated:
    """A context in which the present thread asks the simulation."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._before: Any = None

    def __enter__(self) -> None:
        self._before, here.simulation = here.simulation, self._stage

    def __exit__(self, *raised: object) -> None:
        here.simulation = self._before


@contextmanager
def quiet() -> Iterator[None]:
    """Let what is taken down log nothing: pools of threads tell of every exception that ends one."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)


def forget_thread(thread: Any) -> None:
    """Let the interpreter not wait for a thread of a pool at its exit, as it has never been a real one."""
    pools = sys.modules.get("concurrent.futures.thread")
    if thread is not None and pools is not None:
        pools._threads_queues.pop(thread, None)
