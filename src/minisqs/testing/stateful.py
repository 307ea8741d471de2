"""A state machine for Hypothesis with a queue, its consumers and simulated time, for users to extend.

A delivery passes through the steps that a consumer takes: receive, work, delete. Between any two of them others go
on, time passes, and the consumer may die, so leases end and messages come again. What SQS itself does wrong is
drawn once, at the start. Now and then, and in the end, the machine comes to rest: whoever held a message is gone, a
healthy consumer works until the queue is empty, and the machine judges. (Judging early keeps failing programs short.)
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from types import GeneratorType
from typing import Any, ClassVar, Final

import attrs

from .. import errors
from ..client.attributes import RedrivePolicy
from ..client.queue import Message, Queue
from ..engine.values import SendMessage
from ..explore.report import sentence
from ..explore.values import equal, shown
from ..limits import NEVER_NS
from ..outside import Table
from ..poller.events import Events, Shape
from ..sim.sources import ChanceSource, FaultPlan
from ..world import World
from . import strategies

from hypothesis import strategies as st  # isort: skip  # the import above says which extra is missing
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule  # isort: skip

FAULTS: Final = ("duplicate", "reorder", "miss", "stale_delete")
"""What SQS may do wrong under a machine; what its consumers do wrong are rules."""

DELIVERIES: Final = 20
"""So often may each message be delivered while the machine drains."""

SECONDS: Final = (1, 5, 29, 30, 31, 60, 300, 3600)
EVENT_SHAPE: Final = Shape(shows_none=False, normalises_numbers=False)

_PLACES: Final = st.integers(0, 9)


@attrs.define(eq=False)
class Held:
    """A delivery in the hands of a consumer.

    Attributes:
        message: What it has got.
        steps: What is left of its work, where the handler yields between its parts; None before and after.
        done: Whether its work is done, so that it may delete the message.
    """

    message: Message
    steps: Iterator[object] | None = None
    done: bool = False


# Few rules have preconditions: where too many do, Hypothesis throws examples away. A poll may well be empty.
# And it describes those that it asks, each time: a name is told faster than a lambda.
def _has_held(machine: QueueMachine) -> bool:
    return bool(machine.held)


def _has_done(machine: QueueMachine) -> bool:
    return any(held.done for held in machine.held)


@attrs.define(eq=False)
class _Perfect:
    """The same consumer on a perfect queue, which takes what was sent one by one.

    Attributes:
        outside: Its world.
        queue: A queue that nothing else is done to.
        taken: How many of the messages sent it has taken.
    """

    outside: Any
    queue: Queue
    taken: int = 0


class QueueMachine(RuleBasedStateMachine):
    """A queue with consumers that die, stall and overlap; a subclass says what they do.

    Set ``consumer`` to a subject of ``minisqs.check`` whose handler takes event and context: each event has one record,
    the context is None, and in the end it must have left what it leaves of the same messages on the perfect queue. Or
    write ``handler``, and ``observe`` and ``expected`` or ``judge``. Add rules and invariants at will; a producer's rule
    calls ``send``.

    A handler that is a generator function can die, and others can go on, wherever it yields; a plain one before it
    begins and after its end, before the delete.

    Attributes:
        queue: Arguments of ``create_queue``, and ``max_receive_count``, which makes a dead-letter queue.
        faults: What SQS may do wrong: names out of ``duplicate``, ``reorder``, ``miss`` and ``stale_delete``.
        consumer: A class whose instance is the outside world, with ``handler(event, context)``.
        world: Where it all happens.
        orders: The queue.
        dead: The dead-letter queue, if there is one.
        outside: The instance of ``consumer``.
        sent: What was sent, in order.
        held: The deliveries in hand.
    """

    queue: ClassVar[Mapping[str, Any]] = {}
    faults: ClassVar[Iterable[str]] = FAULTS
    consumer: ClassVar[type[Any] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._raised_before = sys.exc_info()[1]
        self._plan = FaultPlan()
        self.world = World(faults=ChanceSource(self._plan))
        self.dead: Queue | None = None
        self.orders = self._create_queue(self.world)
        self.outside = self._new_outside()
        self.sent: list[str | SendMessage] = []
        self.held: list[Held] = []
        self._buried: list[Held] = []
        self._perfect: _Perfect | None = None
        self._unjudged = False

    # ------------------------------------------------------------------------------------ what a subclass says
    def handler(self, message: Message) -> object:
        """What a consumer does with a message; that of ``consumer`` unless overridden."""
        if self.outside is None:
            raise errors.UsageError(
                f"{type(self).__name__} has nothing to consume with: set consumer= to a class, or write a handler"
            )
        return self._handled_by(self.outside, message)

    def observe(self) -> Any:
        """What the world outside sees; of ``consumer`` what its ``observe`` says, or its tables."""
        return _observed(self.outside)

    def expected(self) -> Any:
        """What is to be seen in the end: what a fresh ``consumer`` leaves of all that was sent, on the perfect queue."""
        if self.consumer is None:
            return self.observe()  # nothing to compare with: that is the subclass's judge()
        if self._perfect is None:
            self._perfect = _Perfect(self._new_outside(), self._create_queue(World()))
        outside, queue = self._perfect.outside, self._perfect.queue
        for message in self.sent[self._perfect.taken :]:
            _send(queue, message)
        self._perfect.taken = len(self.sent)
        for received in _rest_of(queue):
            _go_on(_steps(self._handled_by(outside, received)), parts=None)
            received.delete()
        return _observed(outside)

    def judge(self) -> None:
        """Called in the end, when the queue is empty; raises AssertionError where something is wrong."""

    def next_message(self) -> str | SendMessage:
        """What the machine sends: ``order-1``, ``order-2`` and so on; on a FIFO queue in the groups a and b in turn."""
        number = len(self.sent) + 1
        body = f"order-{number}"
        if not self.queue.get("fifo_queue"):
            return body
        return SendMessage(body, message_group_id="ba"[number % 2], message_deduplication_id=body)

    def send(self, message: str | SendMessage) -> None:
        """Send a message, and take it into account in the end: for rules of a subclass."""
        _send(self.orders, message)
        self.sent.append(message)
        self._unjudged = True

    # ------------------------------------------------------------------------------------------------- rules
    @initialize(plan=st.runner().flatmap(lambda machine: machine._plans()))
    def let_go_wrong(self, plan: FaultPlan) -> None:
        """What SQS does wrong, at which chances."""
        self._plan.chances.update(plan.chances)

    @rule()
    def send_message(self) -> None:
        """A producer sends."""
        self.send(self.next_message())

    @rule()
    def deliver(self) -> None:
        """A consumer polls; what it receives it works on to the end, and deletes."""
        for held in self._received():
            self._finish(held)

    @rule(parts=st.integers(1, 3))
    def kill_at_work(self, parts: int) -> None:
        """A consumer polls, works on what it receives as far as so many parts, and dies before the delete."""
        for held in self._received():
            self._work(held, parts)
            self._bury(held)

    @rule()
    def receive_message(self) -> None:
        """A consumer polls, and keeps what it receives in hand."""
        self.held += self._received()

    @precondition(_has_held)
    @rule(place=_PLACES)
    def work(self, place: int) -> None:
        """One of those in hand is worked on, up to the next ``yield`` or to the end."""
        self._work(self._held(place), parts=1)

    @precondition(_has_done)
    @rule(place=_PLACES)
    def delete_message(self, place: int) -> None:
        """One of those in hand whose work is done is deleted."""
        done = [held for held in self.held if held.done]
        self._delete(done[place % len(done)])

    @precondition(_has_held)
    @rule(place=_PLACES, seconds=st.sampled_from([0, 1, 60]))
    def change_visibility(self, place: int, seconds: int) -> None:
        """The lease of one of those in hand is to end so many seconds from now."""
        with suppress(errors.SqsError):  # its lease is over, or it was deleted
            self._held(place).message.change_visibility(seconds)

    @precondition(_has_held)
    @rule(place=_PLACES)
    def kill(self, place: int) -> None:
        """Whoever has one of those in hand dies; nothing of its work happens afterwards."""
        self._bury(self._held(place))

    @rule(seconds=st.sampled_from(SECONDS))
    def advance(self, seconds: int) -> None:
        """Time passes."""
        self.world.advance(seconds)

    @rule()
    def let_lease_end(self) -> None:
        """Time passes until a message is visible again, if one is in flight."""
        if self.orders._engine.in_flight:
            _let_next_come(self.orders)

    @rule()
    def come_to_rest(self) -> None:
        """Whoever has one in hand dies, a healthy consumer drains the queue, and the machine judges; then it goes on."""
        for held in list(self.held):
            self._bury(held)
        if self._unjudged:
            self._drain()
            if not self._is_lost:
                self._compare()
            self.judge()
            self._unjudged = False

    # --------------------------------------------------------------------------------------------- the end
    def teardown(self) -> None:
        """Come to rest for the last time, while nothing goes wrong any more, unless a step has failed already."""
        if sys.exc_info()[1] is self._raised_before:
            self._plan.chances.clear()
            self._unjudged = True
            self.come_to_rest()

    @property
    def _is_lost(self) -> bool:
        """Whether the world has legally taken messages away: they died of receives, or of age."""
        has_dead = self.dead is not None and bool(self.dead._engine.messages)
        return has_dead or self.orders._engine.expired > 0

    def _drain(self) -> None:
        """Let a healthy consumer work, and time pass where there is nothing for it, until nothing is left to come."""
        most = DELIVERIES * (1 + len(self.sent))
        for number, message in enumerate(_rest_of(self.orders)):
            assert number < most, f"the queue never drains: {message.body!r} comes again after {most} deliveries"
            self._finish(Held(message))
        assert self.orders._engine.is_conserved, "a message is nowhere: a bug of minisqs"

    def _compare(self) -> None:
        got, expected = self.observe(), self.expected()
        if not equal(got, expected):
            name = (self.consumer or type(self)).__name__
            told = "".join(f"\n  * {sentence(address, answer)}" for address, answer in self.world.choices.items())
            faults = f"\nWhat SQS did wrong, as it may:{told}" if told else ""
            raise AssertionError(f"{name} leaves {shown(got)} instead of {shown(expected)} once all is quiet{faults}")

    # ----------------------------------------------------------------------------------------------- details
    def _create_queue(self, world: World) -> Queue:
        attributes = dict(self.queue)
        suffix = ".fifo" if attributes.get("fifo_queue") else ""
        most = attributes.pop("max_receive_count", None)
        if most is not None:
            fifo: dict[str, Any] = {"fifo_queue": True} if suffix else {}
            dead = world.create_queue(f"orders-dead{suffix}", **fifo)
            attributes["redrive_policy"] = RedrivePolicy(dead, most)
            self.dead = self.dead or dead
        return world.create_queue(f"orders{suffix}", **attributes)

    def _new_outside(self) -> Any:
        if self.consumer is None:
            return None
        outside = self.consumer()
        if not callable(getattr(outside, "handler", None)):
            raise errors.UsageError(f"{self.consumer.__name__} has no handler(event, context)")
        return outside

    def _plans(self) -> st.SearchStrategy[FaultPlan]:
        return _plans_of(tuple(self.faults))

    def _received(self) -> list[Held]:
        return [Held(message) for message in self.orders.receive()]

    def _held(self, place: int) -> Held:
        return self.held[place % len(self.held)]

    def _work(self, held: Held, parts: int | None) -> None:
        """Work on through so many parts; if the handler raises, the message stays in the queue."""
        if held.done:
            return
        self._unjudged = True
        try:
            if held.steps is None:
                held.steps = _steps(self.handler(held.message))
            held.done = _go_on(held.steps, parts)
        except Exception as error:  # whatever the user's handler raises
            if isinstance(error, (AssertionError, errors.UsageError)):
                raise
            self._drop(held)

    def _finish(self, held: Held) -> None:
        self._work(held, parts=None)
        self._delete(held)

    def _delete(self, held: Held) -> None:
        if held.done:
            with suppress(errors.SqsError):  # a FIFO queue refuses it once the lease is over
                held.message.delete()
        self._drop(held)

    def _drop(self, held: Held) -> None:
        if held in self.held:
            self.held.remove(held)

    def _bury(self, held: Held) -> None:
        """Take a delivery out of its consumer's hands; what is left of its work is kept, as dropping it would run it."""
        self._drop(held)
        self._buried.append(held)

    def _handled_by(self, outside: Any, message: Message) -> object:
        port = message.queue._port
        events = Events(port.service.identifiers, port.service.sender_id, message.queue.arn)
        return outside.handler(events.event([message._delivery], EVENT_SHAPE), None)


@cache
def _plans_of(names: tuple[str, ...]) -> st.SearchStrategy[FaultPlan]:
    for name in names:
        if name not in FAULTS:
            raise errors.UsageError(f"faults of a QueueMachine are some of {', '.join(FAULTS)}, not {name!r}")
    return strategies.fault_plans(names, most=2) if names else st.builds(FaultPlan)


def _send(queue: Queue, message: str | SendMessage) -> None:
    result = queue.send_batch([message])
    if result.failed:
        raise result.failed[0].error


def _observed(outside: Any) -> Any:
    if outside is None:
        return None
    if callable(observe := getattr(outside, "observe", None)):
        return observe()
    return {name: value.observe() for name, value in sorted(vars(outside).items()) if isinstance(value, Table)}


def _steps(result: object) -> Iterator[object]:
    """What a handler has yet to do: of a plain one nothing."""
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise errors.UsageError("the handler of a QueueMachine is no async def; minisqs.check takes one")
    return result if isinstance(result, GeneratorType) else iter(())


def _go_on(steps: Iterator[object], parts: int | None) -> bool:
    """Whether the work is done after so many parts, or all of them."""
    while parts is None or parts > 0:
        try:
            next(steps)
        except StopIteration:
            return True
        parts = None if parts is None else parts - 1
    return False


def _rest_of(queue: Queue) -> Iterator[Message]:
    """What is received until nothing is left; time passes where nothing is visible. What is not deleted comes again.

    A short poll may miss what is there, but not twice running.
    """
    empty = 0
    while empty < 2:
        received = queue.receive()
        yield from received
        empty = 0 if received or _let_next_come(queue) else empty + 1


def _let_next_come(queue: Queue) -> bool:
    """Let time pass until the next message of a queue is visible, or would be; False if none will ever be."""
    due_ns, port = queue._engine.next_due_ns(), queue._port
    if due_ns >= NEVER_NS:
        return False
    port.kernel.run_until(max(due_ns, port.clock.now_ns))
    return True
