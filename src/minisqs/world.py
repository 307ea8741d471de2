"""What a user holds: a clock, a service with its queues, and a journal, in one.

A world is one account in one region on a simulated clock. Nothing in it happens but when ``advance``,
``run_until_idle`` or a waiting receive lets time pass; a send runs nobody's work.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, Unpack

from . import errors, limits
from .client.attributes import QueueAttributes, RedrivePolicy, raw_queue_attributes
from .client.queue import Queue, Queues
from .client.sqs import SqsClient
from .engine.service import Service
from .sim.arguments import key_of, matching, whole
from .sim.clock import Clock, nanoseconds
from .sim.faults import Faults
from .sim.journal import DEFAULT_LENGTH, Journal
from .sim.port import Port
from .sim.sources import FaultPlan, Place, Plan, Source, source_of

if TYPE_CHECKING:
    from .poller.configuration import Duration, Handler
    from .poller.functions import Function
    from .poller.mapping import EventSourceMapping
    from .poller.service import Lambda
    from .poller.settings import MappingSettings
    from .sim.processes import Crew, Worker

DEFAULT_START = datetime(2025, 1, 1, tzinfo=UTC)
FEWEST_INVOCATIONS = 1000  # kept by each function, however short the journal is
LATEST_START_NS = 4_102_444_800 * limits.SECOND_NS  # the year 2100


class World:
    """SQS for one account in one region, on its own clock.

    Args:
        seed: What ids, handles and drawn faults come from; equal seeds and calls give equal runs, to the byte.
        faults: What may go wrong: None, the perfect queue; names, each at a rate of 0.1; names with rates, or
            ``Faults``, drawn from the seed; or a ``Plan`` that lists the choices themselves, or a ``FaultPlan``
            by chances. (A ``Source`` answers by itself; ``check`` and its like bring one.)
        start: When the world begins: a datetime with a time zone, or seconds since 1970.
        region: AWS's name of a region.
        account_id: Twelve digits.
        journal_length: How many entries the journal keeps, the latest ones; None for all, 0 for none.
        in_flight_limit: Received and undeleted messages that a queue bears; AWS raises the quota of about
            120,000 on request.
        fifo_quotas: Whether FIFO queues take only 300 calls a second of each of send, receive and delete
            (more with high throughput), and refuse the rest with RequestThrottled.
        account_concurrency: Invocations that all functions may have at once; AWS raises 1,000 on request.

    Raises:
        UsageError: An argument is not of its form.

    >>> world = World()
    >>> orders = world.create_queue("orders", visibility_timeout=30)
    >>> _ = orders.send("hello", delay_seconds=5)
    >>> world.advance(5)
    >>> [message.body for message in orders.receive()]
    ['hello']
    """

    def __init__(
        self,
        seed: int | str | None = None,
        faults: Iterable[str] | Mapping[str, float] | Faults | Plan | FaultPlan | Source | None = None,
        *,
        start: datetime | float = DEFAULT_START,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        journal_length: int | None = DEFAULT_LENGTH,
        in_flight_limit: int = limits.IN_FLIGHT,
        fifo_quotas: bool = False,
        account_concurrency: int = limits.CONCURRENCY,
    ) -> None:
        key = key_of(seed)
        self.clock = Clock(_start_ns(start))
        service = Service(
            region=matching("region", region, r"[a-z]{2}(-[a-z]+)+-[0-9]+", "a name such as us-east-1"),
            account_id=matching("account_id", account_id, r"[0-9]{12}", "a text of twelve digits"),
            seed=key,
            in_flight_limit=whole("in_flight_limit", in_flight_limit, lowest=1),
            fifo_quotas=fifo_quotas,
        )
        if journal_length is not None:
            whole("journal_length", journal_length, lowest=0)
        self.journal = Journal(service.identifiers, self.clock.started_ns, journal_length)
        self.sqs = Port(service, self.clock, self.journal, source_of(key, _faults(faults)))
        """The service behind its port: one typed method for each action of SQS."""
        self._queues = Queues(self.sqs)
        self._account_concurrency = whole("account_concurrency", account_concurrency, lowest=1)
        self._invocations_kept = None if journal_length is None else max(journal_length, FEWEST_INVOCATIONS)
        self._lambda: Lambda | None = None
        self._crew: Crew | None = None
        self._seed, self._order = key, None if seed is None else key

    def __repr__(self) -> str:
        return f"<World of {len(self.sqs.service.queues())} queues after {self.clock.seconds:g} s>"

    def __reduce_ex__(self, protocol: object) -> str:
        raise errors.UsageError("a world cannot be copied or pickled; the same seed and the same calls make it again")

    # ----------------------------------------------------------------------------------------------- queues
    def create_queue(self, name: str, **attributes: Unpack[QueueAttributes]) -> Queue:
        """Make a queue, or find the one of that name if all the attributes given agree with it.

        Args:
            name: 1 to 80 letters, digits, hyphens and underscores.
            attributes: AWS's attributes in snake case; see ``QueueAttributes``.

        Raises:
            InvalidParameterValue, InvalidAttributeValue: The name or an attribute is not in its range.
            QueueNameExists, QueueDeletedRecently: The name is taken, or not free yet.

        Source: API_CreateQueue, sqs.md 3 and 14.5.
        """
        policy = attributes.get("redrive_policy")
        if isinstance(policy, RedrivePolicy) and isinstance(policy.dead_letter_queue, Queue):
            self._queues.check_own(policy.dead_letter_queue)
        return self._queues.of(self.sqs.create_queue(name, raw_queue_attributes(attributes)).url)

    def queue(self, name: str) -> Queue:
        """The queue of a name or URL.

        Raises:
            QueueDoesNotExist: There is none.
        """
        return self._queues.of(name)

    def queues(self, prefix: str = "") -> list[Queue]:
        """The queues whose name begins with ``prefix``, by name."""
        found = self.sqs.checked("ListQueues", lambda: self.sqs.service.queues(prefix))
        return [self._queues.of(queue.url) for queue in found]

    def delete_queue(self, queue: Queue | str) -> None:
        """Delete a queue with all its messages; its name is barred for 60 seconds.

        Source: API_DeleteQueue, sqs.md 14.8.
        """
        if isinstance(queue, Queue):
            self._queues.check_own(queue)
        self.sqs.delete_queue(queue.url if isinstance(queue, Queue) else queue)

    # ---------------------------------------------------------------------------------------------- workers
    def spawn(
        self,
        target: Callable[..., Any],
        *args: Any,
        process: str | None = None,
        name: str | None = None,
        restart: bool | None = None,
        latency: float = 0.005,
    ) -> Worker:
        """Run a polling loop of your own on the simulated clock, whenever time is let pass.

        A plain function becomes a thread, of which exactly one runs at a time; an ``async def`` becomes a task on
        the event loop of its process. What they ask ``time``, ``datetime``, ``random``, ``uuid``, ``os.urandom`` and
        ``threading`` for is the simulation's. Its first step comes when time is next let pass.

        Args:
            target: The function, or the ``async def``.
            args: What it is called with; ``functools.partial`` takes those with a name.
            process: Workers of one name die together; each has a process of its own unless it is named.
            name: Of the worker, for the journal and for faults; that of the function and a number unless given.
            restart: Whether its process is started anew a second after it died or raised; unless given, in a
                check, and nowhere else.
            latency: Simulated seconds that each of its calls of SQS takes, before SQS acts; the answer comes at once.

        Returns:
            The worker: ``done``, ``result``, ``error``, ``kill()``, ``stop()``.

        Raises:
            UsageError: An argument is not of its form, or the name is taken.

        What it raises ends its process, and is raised where time is let pass, unless the process is started anew.
        """
        if self._crew is None:
            from .sim.processes import Crew  # noqa: PLC0415  # a world without workers needs none of it

            self._crew = Crew(self.sqs, self._seed, self._order)
            if self._crew.stage.is_plain:  # a check takes down what it has set up
                weakref.finalize(self, self._crew.close)
        return self._crew.spawn(target, args, process=process, name=name, restart=restart, latency=latency)

    @property
    def workers(self) -> list[Worker]:
        """All that were spawned, process by process."""
        return [] if self._crew is None else self._crew.workers()

    def close(self) -> None:
        """Take down the workers that are still under way, and give their threads back; others need no closing.

        A world that nobody holds any more closes by itself. Code of theirs that runs on its way out, such as
        ``finally``, cannot call SQS, sleep or wait any more.
        """
        if self._crew is not None:
            self._crew.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def client(self) -> SqsClient:
        """A client with the methods, parameters, answers and errors of ``boto3.client("sqs")``, without boto3."""
        return SqsClient(self.sqs)

    # ----------------------------------------------------------------------------------------------- Lambda
    def create_function(
        self,
        handler: Handler | None,
        *,
        name: str | None = None,
        timeout: int = limits.FUNCTION_TIMEOUT.default,
        duration: Duration = 0,
        reserved_concurrency: int | None = None,
        cold_start: float = 0,
        memory_size: int = limits.MEMORY_SIZE.default,
        keep_warm: float = 600,
    ) -> Function:
        """Make a Lambda function of a handler.

        Args:
            handler: The handler that will be deployed, called with event and context when its work starts.
                An ``async def`` sleeps on the simulated clock. None is work that only takes time.
            name: 1 to 64 letters, digits, hyphens and underscores; the handler's own name unless given.
            timeout: Whole seconds, 1 to 900, after which a run is ended.
            duration: Simulated seconds of work, or a function of the event, beside what the handler sleeps.
            reserved_concurrency: Runs at once that are set aside for it, and its most; None shares the account's.
            cold_start: Simulated seconds before the first run in a new environment.
            memory_size: MB, 128 to 10,240; only shown in the context.
            keep_warm: Seconds that an idle environment lives.

        Raises:
            ValidationException, InvalidParameterValueException, ResourceConflictException: As AWS.
            UsageError: An argument is not of its form.

        Source: API_CreateFunction, lambda-poller.md 1.2.
        """
        return self._functions.create_function(
            handler,
            name,
            reserved_concurrency,
            timeout=timeout,
            duration=duration,
            cold_start=cold_start,
            memory_size=memory_size,
            keep_warm=keep_warm,
        )

    def function(self, name: str) -> Function:
        """The function of a name or ARN.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        return self._functions.function(name)

    def create_event_source_mapping(
        self, queue: Queue | str | None, function: Function | str, **settings: Unpack[MappingSettings]
    ) -> EventSourceMapping:
        """Let Lambda poll a queue and invoke a function with what it finds.

        Args:
            queue: A queue, or its ARN.
            function: A function, its name or its ARN; a version or alias may follow behind a colon.
            settings: AWS's parameters in snake case, and options where nobody knows; see ``MappingSettings``.

        Raises:
            ValidationException, InvalidParameterValueException, ResourceConflictException: As AWS.
            UsageError: Not a setting, or not of its type.

        Source: API_CreateEventSourceMapping, lambda-poller.md 1.1.
        """
        if isinstance(queue, Queue):
            self._queues.check_own(queue)
            queue = queue.arn
        given: dict[str, Any] = {**settings}
        return self._functions.create_event_source_mapping(queue, function, given)

    def event_source_mapping(self, uuid: str) -> EventSourceMapping:
        """The mapping of a UUID.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        return self._functions.mapping(uuid)

    def event_source_mappings(self) -> list[EventSourceMapping]:
        """All mappings, in the order in which they were made."""
        return self._functions.mappings()

    @property
    def _functions(self) -> Lambda:
        """Lambda, loaded when it is first asked for."""
        if self._lambda is None:
            from .poller.service import Lambda  # noqa: PLC0415  # a queue in a unit test needs none of it

            self._lambda = Lambda(self.sqs, self._account_concurrency, self._invocations_kept)
        return self._lambda

    # ------------------------------------------------------------------------------------------------- time
    def advance(self, seconds: float) -> None:
        """Let simulated time pass; everything that falls due happens, in order, now.

        Args:
            seconds: 0 or more. What is due at the very end has happened.
        """
        with self.sqs.lock:
            self.sqs.kernel.run_until(self.clock.now_ns + nanoseconds(seconds))

    def run_until_idle(self, *, max_seconds: float = 86_400, max_events: int = 10_000_000) -> None:
        """Let simulated time pass until nothing is delayed, in flight or running any more.

        What only empty polls or retention would touch does not keep the world busy; so messages that
        wait in a queue that nobody polls stay where they are.

        Args:
            max_seconds: Give up so long after now, or after the last fault.
            max_events: Give up after so many events.

        Raises:
            NeverSettled: It was given up; the message names what keeps the world busy.
        """
        allowed_ns = nanoseconds(max_seconds)
        began_ns = self.clock.now_ns
        port = self.sqs
        with port.lock:
            port.kernel.run_until_idle(lambda: max(began_ns, port.last_fault_ns) + allowed_ns, max_events)

    # ---------------------------------------------------------------------------------------------- looking
    @property
    def choices(self) -> dict[Place, int]:
        """What went wrong so far, as choices by address; ``Plan(world.choices)`` makes the same run again."""
        return {} if self.sqs.source is None else dict(self.sqs.source.choices)

    def check_replayed(self) -> None:
        """Say whether every choice of the world's plan has come up.

        Raises:
            UsageError: Names one that has not: the code, the messages or the seed are not those of the plan.
        """
        if self.sqs.source is not None:
            self.sqs.source.check_replayed()

    def check_invariants(self) -> None:
        """State what always holds in every queue; an AssertionError is a bug of minisqs. Slow: for tests."""
        self.sqs.service.check_invariants()


def _faults(
    faults: Iterable[str] | Mapping[str, float] | Faults | Plan | FaultPlan | Source | None,
) -> Faults | Plan | FaultPlan | Source | None:
    if faults is None or isinstance(faults, (Faults, Plan, FaultPlan, Source)):
        return faults
    if not isinstance(faults, Iterable):
        raise errors.UsageError(f"faults are names, Faults or a Plan, not {faults!r}")
    return Faults.named(faults)


def _start_ns(start: datetime | float) -> int:
    if not isinstance(start, (datetime, int, float)):
        raise errors.UsageError(f"start is a datetime with a time zone, or seconds since 1970, not {start!r}")
    if not isinstance(start, datetime):
        start_ns = nanoseconds(start)
    elif start.tzinfo is None:
        raise errors.UsageError(f"start needs a time zone: {start!r} could be any of 38 instants")
    else:
        since = start - datetime(1970, 1, 1, tzinfo=UTC)
        start_ns = (since.days * 86_400 + since.seconds) * limits.SECOND_NS + since.microseconds * 1000
    if not 0 <= start_ns < LATEST_START_NS:
        raise errors.UsageError(f"a world begins between 1970 and 2100, not at {start!r}")
    return start_ns
