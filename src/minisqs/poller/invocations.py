"""One run of a handler, from the environment that it is given to the answer that counts.

The handler is called when its work starts, so its effects are there from then on. Its answer counts when
the work ends: at once, after ``duration``, or when an ``async def`` has slept enough on the simulated
clock. At the timeout the run is over whatever the handler does, at that very nanosecond; work of exactly
the timeout is in time. An ``Exception`` is a function error, ``SystemExit`` and a timeout kill the
environment; any other ``BaseException``, such as a ``KeyboardInterrupt`` or a failure of a test, is
passed on to whoever lets time pass.

Source: lambda-poller.md 1.2, 2.3 and 4.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from .. import errors, limits
from ..engine.decisions import RECYCLE, THROTTLE
from ..engine.message import Delivery
from ..limits import MILLISECOND_NS, SECOND_NS
from ..sim import kernel as simulation
from ..sim.clock import nanoseconds
from ..sim.faults import LAMBDA
from ..sim.port import MAIN, Port
from . import moments
from .configuration import Configuration, Handler
from .context import Context, Run
from .environments import Environment, Environments
from .events import Record
from .measures import Peak, Points

if TYPE_CHECKING:
    from ..sim.loop import SimulatedLoop
    from ..sim.stage import Stage
    from ..sim.works import Work

SUCCESS: Final = "success"
ERROR: Final = "error"
TIMEOUT: Final = "timeout"
RUNNING: Final = "running"

LATEST: Final = "$LATEST"
"""The version that is no number."""

METRICS: Final = ("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions")

_STEPS: Final = moments.COMPLETIONS - 1
"""An ``async def`` that is woken at its timeout's own instant is in time."""

MakeEvent: TypeAlias = Callable[[], Any]


class Batch(NamedTuple):
    """What a poller invokes a function with.

    Attributes:
        queue_url: Where it is from.
        deliveries: The receives.
        lease_ns: When the first visibility timeout among them ends.
    """

    queue_url: str
    deliveries: Sequence[Delivery]
    lease_ns: int

    @property
    def subject(self) -> str:
        """The address of its first message."""
        return self.deliveries[0].message.address


class Steps(Protocol):
    """Code that is run in steps: an event loop, or a stack of its own."""

    done: bool

    def step(self) -> int | None:
        """Run as far as it goes now; when it goes on, None for never by itself."""
        ...

    def result(self) -> Any:
        """What it returned; raises what it raised."""
        ...


class Invocation:
    """One run.

    Attributes:
        version: The version of the function, ``$LATEST`` or a number.
        mapping: The UUID of the event source mapping that invoked it; None for a direct call.
        outcome: ``success``, ``error``, ``timeout`` or ``running``.
        error: What the handler raised, or ``InvocationFailed``; None without.
        result: What the handler returned.
        started_ns, ended_ns: In nanoseconds since 1970; None before.
    """

    __slots__ = (
        "_configuration", "_environment", "_make_event", "_number", "_qualifier", "_runs", "_step", "_timer", "_work",
        "answer", "batch", "deadline_ns", "ended_ns", "error", "mapping", "on_end", "outcome", "result", "started_ns",
        "version",
    )  # fmt: skip

    def __init__(
        self,
        runs: Runs,
        number: int,
        environment: Environment,
        configuration: Configuration,
        version: str,
        qualifier: str,
        make_event: MakeEvent,
        mapping: str | None,
        on_end: Callable[[Invocation], None] | None,
        batch: Batch | None,
    ) -> None:
        self.version = version
        self.mapping = mapping
        self.batch = batch
        self.outcome = RUNNING
        self.error: BaseException | None = None
        self.result: Any = None
        self.answer: Any = None
        """The result as JSON has it."""
        self.started_ns: int | None = None
        self.ended_ns: int | None = None
        self.deadline_ns = 0
        self.on_end = on_end
        self._runs = runs
        self._number = number
        self._environment = environment
        self._configuration = configuration
        self._qualifier = qualifier
        self._make_event = make_event
        self._timer: simulation.Event | None = None
        self._step: simulation.Event | None = None
        """When its event loop or strand goes on, if it has one."""
        self._work: Work | None = None
        """What the stage calls it, where there is one."""

    @property
    def function(self) -> str:
        """The function's name."""
        return self._runs.name

    @property
    def request_id(self) -> str:
        """The aws_request_id of its context."""
        return self._runs.request_id(self._number)

    @property
    def log_stream(self) -> str:
        """The log stream of the environment it ran in."""
        return self._environment.log_stream

    @property
    def invoked_arn(self) -> str:
        """The function's ARN, with the version or alias by which it was invoked."""
        return self._runs.arn if self._qualifier == LATEST else f"{self._runs.arn}:{self._qualifier}"

    @property
    def memory_size(self) -> int:
        """MB."""
        return self._configuration.memory_size

    def __repr__(self) -> str:
        ended = "" if self.ended_at is None else f" to {self.ended_at:g}"
        began = "not begun" if self.started_at is None else f"{self.started_at:g}{ended} s"
        return f"<Invocation of {self.function}: {self.outcome}, {began}>"

    @property
    def started_at(self) -> float | None:
        """When the handler was called, in seconds since the world began; None before."""
        return None if self.started_ns is None else (self.started_ns - self._runs.began_ns) / SECOND_NS

    @property
    def ended_at(self) -> float | None:
        """When the run ended, in seconds since the world began; None before."""
        return None if self.ended_ns is None else (self.ended_ns - self._runs.began_ns) / SECOND_NS

    @property
    def event(self) -> Any:
        """The event once more, as the handler got it. Cost: that of making it."""
        return self._make_event()

    @property
    def records(self) -> Sequence[Record]:
        """The records of the event; empty where it has none."""
        event = self._make_event()
        records = event.get("Records") if isinstance(event, dict) else None
        return records if isinstance(records, list) else []


class Runs:
    """Begins and ends the invocations of one function.

    Args:
        port: The world.
        environments: Where they run.
        name, arn: Whose they are.
        address: What ids are made from; no other function of the world has had it.
        kept: Where they are kept for reading.

    Attributes:
        points: What is counted of them.
        began_ns: When the world began.
    """

    def __init__(
        self, port: Port, environments: Environments, name: str, arn: str, address: str, kept: deque[Invocation]
    ) -> None:
        self.name = name
        self.arn = arn
        self._address = address
        self.began_ns = port.clock.started_ns
        self.points = Points(METRICS, self.began_ns)
        self._port = port
        self._clock = port.clock
        self._kernel = port.kernel
        self._environments = environments
        self._label = f"function {name}"
        self._kept = kept
        self._concurrency = Peak(self.points, "ConcurrentExecutions", self.began_ns)
        self._attempts = 0
        self._made = 0
        self._loops: dict[int, SimulatedLoop] = {}
        """Those that run, and those that a timeout has killed: to drop these would run each ``finally`` in them,
        which nothing runs in Lambda."""

    def __del__(self) -> None:
        """End what nobody will go on with, in an order that is always the same."""
        for loop in self._loops.values():
            loop.drop()

    def read(self) -> tuple[dict[str, int], Points]:
        """The metrics as of now."""
        self._concurrency.change(self._environments.busy, self._clock.now_ns)
        return self.points.totals, self.points

    def environments(self) -> list[Environment]:
        """Those that are idle and may be used again: of each configuration the one last that is used next."""
        return self._environments.idle()

    def environments_at_work(self) -> list[Environment]:
        """Those whose invocation has not ended."""
        return [one._environment for one in self._kept if one.ended_ns is None]

    @property
    def has_coroutines(self) -> bool:
        """Whether handlers that are coroutines wait somewhere, with variables of their own."""
        return bool(self._loops)

    def standing(self, *, named: bool) -> tuple[object, ...]:
        """All that its next runs depend on, but what their environments keep to themselves.

        ``named`` says that handlers look at the ids and names of requests and environments, which are numbered.
        """
        idle = [(one.number if named else 0, one.idle_ns) for one in self.environments()]
        numbers = (self._attempts, self._made) if named else ()
        ending = [
            (
                one._environment.number if named else 0,
                one.deadline_ns,
                repr(one.answer),
                type(one.error),
                one.batch and [d.message.sequence for d in one.batch.deliveries],
            )
            for one in self._kept
            if one.ended_ns is None
        ]
        return numbers, self._environments.busy, tuple(idle), repr(ending)

    def request_id(self, number: int) -> str:
        """The id of the ``number``-th attempt to invoke the function."""
        return self._port.service.identifiers.uuid(f"request {self._address} {number}")

    # ------------------------------------------------------------------------------------------- beginning
    def begin(
        self,
        configuration: Configuration,
        version: str,
        qualifier: str,
        make_event: MakeEvent,
        *,
        mapping: str | None,
        caller: str,
        on_end: Callable[[Invocation], None] | None = None,
        at_once: bool = True,
        batch: Batch | None = None,
    ) -> Invocation | None:
        """Invoke the handler; None if that is throttled.

        ``caller`` is whom the journal names; ``at_once`` says that this is an event of the kernel, so that the
        handler may run in it.
        """
        now = self._clock.now_ns
        self._attempts += 1
        if batch is not None and self._port.asks:
            environment = self._take_or_not(configuration, batch, caller, now)
        else:
            environment = self._environments.take(configuration, configuration.keep_warm_ns, now)
        if environment is None:
            self.points.add("Throttles", 1, now)
            return None
        self._concurrency.change(self._environments.busy, now)
        start_ns = now
        if not environment.number:
            self._made += 1
            environment.number = self._made
            environment.name_stream = partial(self._new_log_stream, self._made, version, now)
            start_ns += nanoseconds(configuration.cold_start)
        invocation = Invocation(
            self, self._attempts, environment, configuration, version, qualifier, make_event, mapping, on_end, batch
        )
        if self._port.journal.keeps_any:
            self._tell_beginning(invocation, caller, start_ns - now)
        if at_once and start_ns == now:
            self._run(invocation)
        else:
            self._kernel.at(start_ns, partial(self._run, invocation), label=self._label)
        return invocation

    def _take_or_not(self, configuration: Configuration, batch: Batch, caller: str, now: int) -> Environment | None:
        """An environment, where faults may refuse one or replace a warm one."""
        choose = partial(self._port.choose, queue_url=batch.queue_url, caller=caller, subject=batch.subject)
        if choose(THROTTLE, 2):
            return None
        keep_warm_ns = configuration.keep_warm_ns
        if self._environments.has_warm(configuration, keep_warm_ns, now) and choose(RECYCLE, 2):
            self._gone(self._environments.recycle(configuration))
        return self._environments.take(configuration, keep_warm_ns, now)

    def _gone(self, environment: Environment) -> None:
        """An environment is used no more."""
        handler, environment.handler = environment.handler, None
        code = environment.code
        if isinstance(code, Configuration) and code.ends is not None:
            if handler is None and code.environment is None:
                handler = code.handler  # one for all environments
            if handler is not None:
                code.ends(handler)

    def _tell_beginning(self, invocation: Invocation, caller: str, cold_start_ns: int) -> None:
        cold = f", after {cold_start_ns / SECOND_NS:g} s of cold start" if cold_start_ns else ""
        cause = f"of {self.name}: request {invocation.request_id} in {invocation.log_stream}{cold}"
        self._port.note("invocation", "", caller, cause)

    def _new_log_stream(self, number: int, version: str, now: int) -> str:
        digits = self._port.service.identifiers.uuid(f"environment {self._address} {number}").replace("-", "")
        return f"{datetime.fromtimestamp(now // SECOND_NS, UTC):%Y/%m/%d}/[{version}]{digits}"

    # ---------------------------------------------------------------------------------------------- running
    def _run(self, invocation: Invocation) -> None:
        """Call the handler: its work starts now."""
        configuration, now = invocation._configuration, self._clock.now_ns
        invocation.started_ns = now
        invocation.deadline_ns = now + configuration.timeout * SECOND_NS
        self.points.add("Invocations", 1, now)
        self._kept.append(invocation)
        handler = configuration.handler
        event = invocation._make_event() if handler is not None or callable(configuration.duration) else None
        try:
            duration_ns = configuration.duration_ns(event)
        except BaseException as error:
            self._abandon(invocation, error)
            raise
        if handler is None:
            self._finish(invocation, duration_ns)
            return
        stage = self._port.stage
        context = Context(invocation, self._clock, self._log, None if stage is None else stage.context_was_read)
        work = partial(handler, event, context)
        if configuration.environment is not None:
            work = partial(self._call_own, invocation._environment, configuration.environment, event, context)
        arm = partial(self._arm, invocation)
        self._kernel.before_time_passes.append(arm)
        try:
            if stage is not None:
                self._on_stage(stage, invocation, duration_ns, work)
            else:
                self._guarded(invocation, duration_ns, work)
        finally:
            if self._kernel.before_time_passes and self._kernel.before_time_passes[-1] is arm:
                self._kernel.before_time_passes.pop()

    @staticmethod
    def _call_own(environment: Environment, make: Callable[[], Handler], event: Any, context: Context) -> Any:
        """Call the handler that an environment has to itself, made at its cold start."""
        if environment.handler is None:
            environment.handler = make()
        return environment.handler(event, context)

    def _on_stage(self, stage: Stage, invocation: Invocation, duration_ns: int, function: Callable[[], Any]) -> None:
        """Let a check run the handler."""
        batch = invocation.batch
        invocation._work = work = stage.new_work(
            self.name if batch is None else batch.subject,
            f"environment {invocation._environment.number}",
            () if batch is None else [delivery.message for delivery in batch.deliveries],
            queue_url="" if batch is None else batch.queue_url,
            consumer=LAMBDA,
            lease_ns=limits.NEVER_NS if batch is None else batch.lease_ns,
            deadline_ns=invocation.deadline_ns,
            has_ended=lambda: invocation.ended_ns is not None,
            end=partial(self._kill, invocation),
            function=self.name,
        )
        strand = stage.strand(work, partial(self._to_the_end, function))
        if strand is None:
            self._guarded(invocation, duration_ns, partial(stage.call, work, function))
        else:
            strand.on_wake = partial(self._wake, invocation, duration_ns, strand)
            self._go_on(invocation, duration_ns, strand)

    def _to_the_end(self, function: Callable[[], Any]) -> Any:
        """Run a handler on a stack of its own, an ``async def`` too, which sleeps by suspending that stack."""
        result = function()
        if not iscoroutine(result):
            return result
        from ..sim.loop import SimulatedLoop  # noqa: PLC0415  # asyncio is loaded where it is used

        loop = SimulatedLoop(self._clock)
        loop.begin(result)
        stage = self._port.stage
        assert stage is not None, "only a stage has stacks of its own"
        while (due_ns := loop.step()) is not None or not loop.done:
            stage.sleep_until(due_ns)
        return loop.result()

    def _wake(self, invocation: Invocation, duration_ns: int, steps: Steps) -> None:
        """Let a stack go on now that waits for something else than time."""
        if invocation.ended_ns is None:
            if invocation._step is not None:
                self._kernel.cancel(invocation._step)
            call = partial(self._go_on, invocation, duration_ns, steps)
            invocation._step = self._kernel.at(self._clock.now_ns, call, label=self._label, order=_STEPS)

    def _kill(self, invocation: Invocation) -> None:
        """The environment is gone, and with it the run."""
        if invocation._step is not None:
            self._kernel.cancel(invocation._step)
        self._fail(
            invocation,
            errors.InvocationFailed(
                "Runtime.ExitError",
                f"RequestId: {invocation.request_id} Error: Runtime exited with error: signal: killed",
            ),
        )
        self._end(invocation, ERROR)

    def _arm(self, invocation: Invocation) -> None:
        """Set the timer of the timeout; a run that ends at the instant in which it began needs none."""
        if invocation._timer is None and invocation.ended_ns is None:
            invocation._timer = self._kernel.at(
                invocation.deadline_ns,
                partial(self._time_out, invocation),
                label=self._label,
                order=moments.COMPLETIONS,
            )

    def _guarded(self, invocation: Invocation, duration_ns: int, work: Callable[[], Any]) -> None:
        """Let user code work, and take in what it returned or raised; the run may be over before it is back."""
        stage = self._port.stage
        try:
            result = work()
        except Exception as error:
            if error is self._kernel.escaped:  # out of somebody else's event, in time that the handler let pass
                self._abandon(invocation, error)
                raise
            self._fail(invocation, error)
        except SystemExit as exit_:
            self._fail(invocation, self._exited(invocation, exit_))
        except BaseException as error:
            if stage is None or not stage.over:
                self._abandon(invocation, error)
            raise
        else:
            if iscoroutine(result):
                from ..sim.loop import SimulatedLoop  # noqa: PLC0415  # asyncio is loaded where it is used

                loop = self._loops[invocation._number] = SimulatedLoop(self._clock)
                loop.begin(result)
                self._go_on(invocation, duration_ns, loop)
                return
            if stage is not None and invocation._work is not None:
                stage.came_to_end(invocation._work)
            self._take(invocation, result)
        if invocation.ended_ns is None:
            self._finish(invocation, duration_ns)

    def _go_on(self, invocation: Invocation, duration_ns: int, loop: Steps) -> None:
        """Run on an event loop or strand what is due now, and come back when the next timer is."""
        stage, work = self._port.stage, invocation._work
        try:
            on_main = stage is not None and work is not None and work.strand is None
            due_ns = stage.call(work, loop.step) if on_main else loop.step()  # type: ignore[union-attr, arg-type]
        except BaseException as error:
            if stage is None or not stage.over:
                self._abandon(invocation, error)
            raise
        if loop.done:
            self._loops.pop(invocation._number, None)
            self._guarded(invocation, duration_ns, loop.result)
        elif invocation.ended_ns is None:
            self._arm(invocation)
            if due_ns is not None:  # otherwise it waits for what will never come: until its timeout
                call = partial(self._go_on, invocation, duration_ns, loop)
                order = moments.LAST if getattr(loop, "last", False) else _STEPS
                invocation._step = self._kernel.at(due_ns, call, label=self._label, order=order)

    def _abandon(self, invocation: Invocation, error: BaseException) -> None:
        """End a run here and now, because of what is passed on to whoever lets time pass."""
        if invocation.ended_ns is None:
            invocation.error = error
            self._end(invocation, ERROR)

    def _take(self, invocation: Invocation, result: object) -> None:
        """Keep what the handler returned, if JSON can say it and it is not too late."""
        if invocation.ended_ns is not None:
            return
        invocation.result = result
        if result is not None:
            try:
                invocation.answer = json.loads(json.dumps(result, default=_plain))
            except Exception as error:  # noqa: BLE001  # so does AWS's runtime
                invocation.error = errors.InvocationFailed(
                    "Runtime.MarshalError", f"Unable to marshal response: {error}"
                )

    def _fail(self, invocation: Invocation, error: BaseException) -> None:
        if invocation.ended_ns is None:
            invocation.error = error

    def _exited(self, invocation: Invocation, exit_: SystemExit) -> errors.InvocationFailed:
        status = 0 if exit_.code is None else exit_.code & 0xFF if isinstance(exit_.code, int) else 1
        how = f"with error: exit status {status}" if status else "without providing a reason"
        failed = errors.InvocationFailed(
            "Runtime.ExitError", f"RequestId: {invocation.request_id} Error: Runtime exited {how}"
        )
        failed.__cause__ = exit_
        return failed

    # ----------------------------------------------------------------------------------------------- ending
    def _finish(self, invocation: Invocation, duration_ns: int) -> None:
        """Let the answer count once the rest of the work is done, if that is in time."""
        end_ns = self._clock.now_ns + duration_ns
        if end_ns > invocation.deadline_ns:
            self._arm(invocation)
            return
        if invocation._timer is not None:
            self._kernel.cancel(invocation._timer)
        invocation._timer = self._kernel.at(
            end_ns, partial(self._end, invocation), label=self._label, order=moments.COMPLETIONS
        )

    def _time_out(self, invocation: Invocation) -> None:
        timeout = invocation._configuration.timeout
        now_s = self._clock.now_ns // SECOND_NS
        invocation.result = invocation.answer = None
        invocation.error = errors.InvocationFailed(
            "Sandbox.Timedout",
            f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H:%M:%S}."
            f"{self._clock.now_ns % SECOND_NS // MILLISECOND_NS:03d}Z "
            f"{invocation.request_id} Task timed out after {timeout:.2f} seconds",
        )
        stage, work = self._port.stage, invocation._work
        if stage is not None and work is not None and (place := stage.place_of(work)):
            invocation.error.add_note(f"Its handler stood at {place}.")
        if invocation._step is not None:
            self._kernel.cancel(invocation._step)
        self._end(invocation, TIMEOUT)

    def _end(self, invocation: Invocation, outcome: str = SUCCESS) -> None:
        """End a run now, and tell whoever waits for it."""
        now = invocation.ended_ns = self._clock.now_ns
        self._port.acts += 1
        if invocation._timer is not None:
            self._kernel.cancel(invocation._timer)
        error = invocation.error
        invocation.outcome = ERROR if error is not None and outcome is SUCCESS else outcome
        assert invocation.started_ns is not None, "a run that ends has begun"
        if error is not None:
            self.points.add("Errors", 1, invocation.started_ns)
        self.points.add("Duration", (now - invocation.started_ns) // MILLISECOND_NS, invocation.started_ns)
        crashed = isinstance(error, BaseException) and not isinstance(error, Exception)
        if isinstance(error, errors.InvocationFailed):
            crashed = error.error_type != "Runtime.MarshalError"
        self._environments.give_back(invocation._environment, now, alive=not crashed)
        if crashed:
            self._gone(invocation._environment)
        self._concurrency.change(self._environments.busy, now)
        invocation._timer = invocation._step = None
        if invocation.mapping is None:  # a mapping tells of it when it settles the batch
            self._port.note("invocation ended", "", MAIN, f"of {self.name}: {invocation.outcome}")
        if invocation.on_end is not None:
            on_end, invocation.on_end = invocation.on_end, None
            on_end(invocation)

    def _log(self, run: Run, text: str) -> None:
        self._port.note("log", "", f"{self.name} {run.log_stream}", text)


def _plain(value: object) -> object:
    """What AWS's runtime makes of values that JSON does not know."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
