"""``mock_sqs``: the user's boto3 and aiobotocore code, answered in process from a world.

One object is decorator, context manager and a pair of ``start`` and ``stop``. The outermost entry opens an account
that is empty; inner ones share it, unless they ask for something of their own. Which call is answered from where is
``answering``'s business, how it is answered is that of ``boto3_client`` and ``aiobotocore_client``.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import time
import unittest
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, TypedDict, TypeVar, Unpack, overload

from .. import errors
from ..explore import defaults
from ..sim.faults import Faults
from ..sim.intercepts import here
from ..sim.sdks import AnsweredSdks
from ..sim.sources import Plan, Source
from ..world import World
from . import answering, loop_time
from .answering import Activity, active

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
FaultsGiven: TypeAlias = Iterable[str] | Mapping[str, float] | Faults | Plan | Source | None

_guard: Final = threading.RLock()
_patches = ExitStack()


class Options(TypedDict, total=False):
    """What ``mock_sqs`` takes beside a world: the arguments of ``World``."""

    seed: int | str | None
    faults: FaultsGiven
    start: datetime | float
    region: str
    account_id: str
    journal_length: int | None
    in_flight_limit: int
    fifo_quotas: bool
    account_concurrency: int


class Mock:
    """What ``mock_sqs(...)`` gives: a decorator, a context manager, and ``start`` and ``stop``.

    It may be entered again while it is active, and by several threads.
    """

    def __init__(self, world: World | None, clock: str, sleep: bool, options: Options) -> None:  # noqa: FBT001
        unknown = set(options) - set(Options.__annotations__)
        if unknown:
            raise errors.UsageError(
                f"mock_sqs has no argument {min(unknown)!r}; it takes world, clock, sleep, {', '.join(Options.__annotations__)}"
            )
        if world is not None and (options or not isinstance(world, World)):
            what = f"not also {', '.join(options)}" if isinstance(world, World) else f"not {world!r}"
            raise errors.UsageError(f"mock_sqs takes a World, or what one is made of: {what}")
        if clock not in {"simulated", "real"}:
            raise errors.UsageError(f"the clock of mock_sqs is 'simulated' or 'real', not {clock!r}")
        self._given = world
        self._clock = clock
        self._sleep = sleep
        self._options = options
        self._entries: list[Activity] = []

    @property
    def world(self) -> World:
        """The world that answers.

        Raises:
            UsageError: It is not active.
        """
        if not self._entries:
            raise errors.UsageError("mock_sqs has a world only while it is active")
        return self._entries[-1].world

    # ------------------------------------------------------------------------------------------- in and out
    def start(self) -> World:
        """Answer boto3 from now on; the world that answers.

        Raises:
            UsageError: A check runs this code: its own world answers boto3 already.
        """
        if here.simulation is not None:
            raise errors.UsageError(
                "mock_sqs inside of a check would be a second world: the check's own answers boto3 by itself"
            )
        with _guard:
            outer = answering.innermost()
            activity = outer if outer is not None and self._shares(outer) else self._open()
            if not active:
                _put_in_place()
            active.append(activity)
            self._entries.append(activity)
        return activity.world

    def stop(self) -> None:
        """Undo one ``start``.

        Raises:
            UsageError: There was none.
        """
        with _guard:
            if not self._entries:
                raise errors.UsageError("mock_sqs is to be stopped, but it was not started, or is stopped already")
            activity = self._entries.pop()
            last = max(index for index, one in enumerate(active) if one is activity)
            del active[last]
            if activity not in active:
                activity.close()
            if not active:
                _patches.close()

    def _shares(self, outer: Activity) -> bool:
        """Whether an entry within another is one of the same world: it asks for nothing else."""
        asks = self._options or not self._sleep or self._clock != "simulated"
        if self._given is not None:
            return self._given is outer.world
        return not asks or outer.asked == self._asked()

    def _asked(self) -> object:
        return (self._options, self._clock, self._sleep)

    def _open(self) -> Activity:
        others: dict[str, Any] = {**self._options}
        world = self._given
        if world is None:
            region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
            world = defaults.new_world(**{"start": time.time(), "region": region, **defaults.now().world, **others})
        others |= {"account_id": world.sqs.service.account_id}
        others.pop("region", None)
        others.pop("start", None)
        if isinstance(others.get("faults"), Source):  # answers for one world
            del others["faults"]
        activity = Activity(world, others, sleeps=self._sleep, follows_wall=self._clock == "real")
        activity.asked = self._asked()
        return activity

    def __enter__(self) -> World:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.stop()

    async def __aenter__(self) -> World:
        return self.start()

    async def __aexit__(self, *raised: object) -> None:
        self.stop()

    # ----------------------------------------------------------------------------------------- as decorator
    def __call__(self, decorated: Decorated) -> Decorated:
        """The same function, or class of tests, which runs in an account of its own."""
        if inspect.isclass(decorated):
            self._decorate_class(decorated)
            return decorated
        wrapped: Any = self._wrapper(decorated)
        return wrapped  # type: ignore[no-any-return]

    def _wrapper(self, function: Any) -> Any:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **named: Any) -> Any:
                with self:
                    return await function(*args, **named)

        elif inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **named: Any) -> Any:
                with self:
                    async for one in function(*args, **named):
                        yield one

        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def wrapper(*args: Any, **named: Any) -> Any:
                with self:
                    return (yield from function(*args, **named))

        elif callable(function):

            @functools.wraps(function)
            def wrapper(*args: Any, **named: Any) -> Any:
                with self:
                    return function(*args, **named)

        else:
            raise errors.UsageError(f"mock_sqs decorates functions and classes of tests, not {function!r}")
        return wrapper

    def _decorate_class(self, tests: Any) -> None:
        """Each test of a class, with what sets it up and tears it down, in one account."""
        if issubclass(tests, unittest.TestCase):
            tests.run = self._wrapper(tests.run)
            tests.debug = self._wrapper(tests.debug)
            if tests.setUpClass.__func__ is not unittest.TestCase.setUpClass.__func__:  # type: ignore[attr-defined]
                self._span(tests, "setUpClass", "tearDownClass")
            return
        for name in dir(tests):
            there = inspect.getattr_static(tests, name)
            if name.startswith("test") and callable(getattr(tests, name)):
                kind = type(there) if isinstance(there, (classmethod, staticmethod)) else lambda one: one
                setattr(tests, name, kind(self._wrapper(getattr(there, "__func__", there))))
        for begins, ends in (("setup_method", "teardown_method"), ("setup_class", "teardown_class")):
            if hasattr(tests, begins):
                self._span(tests, begins, ends)

    def _span(self, tests: Any, begins: str, ends: str) -> None:
        """Be active from the beginning of one method to the end of another, in which tests lie."""
        begin, end = inspect.getattr_static(tests, begins), inspect.getattr_static(tests, ends, None)
        of_class = isinstance(begin, classmethod)
        begin = getattr(begin, "__func__", begin)
        end = getattr(end, "__func__", end) or (lambda: None)

        @functools.wraps(begin)
        def beginning(*args: Any) -> Any:
            self.start()
            try:
                return begin(*args[: begin.__code__.co_argcount])  # pytest hands over the test if it can
            except BaseException:
                self.stop()
                raise

        @functools.wraps(end)
        def ending(*args: Any) -> Any:
            try:
                return end(*args[: end.__code__.co_argcount])
            finally:
                self.stop()

        setattr(tests, begins, classmethod(beginning) if of_class else beginning)
        setattr(tests, ends, classmethod(ending) if of_class else ending)


def _put_in_place() -> None:
    """Patch what has to be patched; ``_patches`` undoes it."""
    with ExitStack() as stack:
        stack.enter_context(AnsweredSdks())
        stack.callback(answering.restore_sleep)
        answering.patch_sleep()
        stack.callback(loop_time.restore)
        loop_time.patch()
        _patches.push(stack.pop_all())


@overload
def mock_sqs(decorated: Decorated, /) -> Decorated: ...
@overload
def mock_sqs(
    *,
    world: World | None = None,
    clock: Literal["simulated", "real"] = "simulated",
    sleep: bool = True,
    **options: Unpack[Options],
) -> Mock: ...
def mock_sqs(
    decorated: Any = None,
    /,
    *,
    world: World | None = None,
    clock: str = "simulated",
    sleep: bool = True,
    **options: Unpack[Options],
) -> Any:
    """Answer every client and resource of SQS, of boto3 and aiobotocore, from a world in this process.

    ``@mock_sqs`` and ``@mock_sqs(...)`` decorate functions, coroutine functions, generators and classes of tests;
    ``with mock_sqs(...) as world`` and ``async with`` give the world; ``start()`` gives it too, until ``stop()``.
    Other services are not touched. Neither credentials nor a network are needed.

    The outermost entry begins with an empty account. An entry within another shares its world if it gives no
    arguments or equal ones; with others it has a world of its own, which answers until it ends.

    Args:
        decorated: The function or class, where it is used without parentheses.
        world: The world that answers; a new one otherwise.
        clock: ``simulated``, where long polls and sleeps move the clock and nobody waits; or ``real``, where the
            world follows real time and both are waited for.
        sleep: Whether ``time.sleep`` and ``asyncio.sleep`` move the simulated clock, in threads that use SQS.
        options: Those of ``World``. ``start`` is the real time now unless given, ``region`` what the environment
            names (AWS_DEFAULT_REGION, AWS_REGION), else us-east-1. A client of another region has queues of its
            own there, as on AWS.

    Raises:
        UsageError: An argument is unknown, or not of its form.

    >>> import boto3
    >>> with mock_sqs() as world:
    ...     sqs = boto3.client("sqs", region_name="us-east-1")
    ...     url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    ...     _ = sqs.send_message(QueueUrl=url, MessageBody="hello", DelaySeconds=10)
    ...     [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    ...     round(world.clock.seconds)
    10
    """
    mock = Mock(world, clock, sleep, options)
    return mock if decorated is None else mock(decorated)
