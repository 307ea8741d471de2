"""How a function is set up: the handler and the numbers that Lambda has for it.

Source: API_CreateFunction; lambda-poller.md 1.2.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction, signature
from types import MethodType
from typing import Any, TypeAlias

import attrs

from .. import errors, limits
from ..sim.clock import nanoseconds

Handler: TypeAlias = Callable[[Any, Any], Any]
Duration: TypeAlias = float | Callable[[Any], float]


def _callable(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if not callable(value):
        raise errors.UsageError(f"a handler is called with event and context; {value!r} cannot be called")
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    if code is not None and code.co_argcount - isinstance(value, MethodType) == 2 and not code.co_kwonlyargcount:
        return  # the plain case, for which nothing needs to be taken apart
    try:
        shown = signature(value)
    except (TypeError, ValueError):  # something of C's that does not say what it takes
        return
    try:
        shown.bind("event", "context")
    except TypeError as error:
        raise errors.UsageError(
            f"a handler is called with event and context, and {value!r} takes {shown}: {error}"
        ) from None


def _duration(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not callable(value):
        nanoseconds(value)
    elif iscoroutinefunction(value):
        raise errors.UsageError(f"a duration is seconds, or a plain function of the event, not {value!r}")


def _seconds(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    nanoseconds(value)


def _within(allowed: limits.Range, member: str) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise errors.UsageError(f"{attribute.name} is a whole number of {allowed.unit}, not {value!r}")
        if value not in allowed:
            raise errors.ValidationException.out_of_range(value, member, allowed)

    return check


@attrs.frozen(kw_only=True, eq=False)
class Configuration:
    """What runs, and how; equal only to itself, as each has environments of its own.

    Attributes:
        handler: The function that will be deployed, called with event and context; None for work that only
            takes time.
        timeout: Whole seconds, 1 to 900.
        duration: Simulated seconds of work beside what the handler itself sleeps, or a function of the event.
        cold_start: Simulated seconds before the first run in a new environment.
        memory_size: MB, 128 to 10,240; only shown in the context.
        keep_warm: Seconds that an idle environment lives.
        environment: Makes the handler of each new environment; None where all have the same.
        ends: Told when an environment is gone, with the handler it had.

    Raises:
        ValidationException: A number is out of AWS's range.
        UsageError: Not of its type.
    """

    handler: Handler | None = attrs.field(validator=_callable)
    timeout: int = attrs.field(
        default=limits.FUNCTION_TIMEOUT.default, validator=_within(limits.FUNCTION_TIMEOUT, "timeout")
    )
    duration: Duration = attrs.field(default=0, validator=_duration)
    cold_start: float = attrs.field(default=0, validator=_seconds)
    memory_size: int = attrs.field(
        default=limits.MEMORY_SIZE.default, validator=_within(limits.MEMORY_SIZE, "memorySize")
    )
    keep_warm: float = attrs.field(default=600, validator=_seconds)
    environment: Callable[[], Handler] | None = None
    ends: Callable[[Handler], object] | None = None

    @property
    def keep_warm_ns(self) -> int:
        """How long an idle environment lives."""
        return nanoseconds(self.keep_warm)

    def duration_ns(self, event: object) -> int:
        """How long the work takes with an event."""
        return nanoseconds(self.duration(event) if callable(self.duration) else self.duration)
