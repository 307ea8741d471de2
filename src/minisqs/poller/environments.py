"""Execution environments and the concurrency they take: who may run, where, and who is throttled.

An environment serves one invocation at a time and is reused warm, the most recently idle one first; it is
gone once it was idle for ``keep_warm``, and after a timeout or a crash. Concurrency is counted by the
function where it has a reservation, and otherwise by the account. New environments come at a limited rate.
All of it is arithmetic on times that are handed in; nothing happens by itself.

Source: Lambda guide, Understanding Lambda function scaling; lambda-poller.md F2 to F5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .. import errors, limits


@attrs.define(eq=False)
class Environment:
    """One execution environment.

    Attributes:
        code: What it runs: one configuration of the function.
        idle_ns: Since when it has been idle.
        number: Its number among those of the function, from 1; 0 as long as it is new.
        handler: Its own handler, once it has one.
        name_stream: Makes the name of its log stream.
    """

    code: object
    idle_ns: int = 0
    number: int = 0
    handler: Any = None
    name_stream: Callable[[], str] | None = None
    _log_stream: str = ""

    @property
    def log_stream(self) -> str:
        """The name of its log stream, made when it is first asked for; empty as long as it is new."""
        if not self._log_stream and self.name_stream is not None:
            self._log_stream = self.name_stream()
        return self._log_stream


@attrs.define(eq=False)
class Account:
    """The concurrency of an account.

    Attributes:
        limit: Invocations at once, of all functions together.
        reserved: The part that is set aside for functions with a reservation.
        busy: Invocations of functions without one.
        generations: How many functions of each name there have been.
    """

    limit: int
    reserved: int = 0
    busy: int = 0
    generations: dict[str, int] = attrs.field(factory=dict)

    def new_address(self, name: str) -> str:
        """What a function's ids are made from: its name, and from the second of that name on its number too."""
        number = self.generations[name] = self.generations.get(name, 0) + 1
        return name if number == 1 else f"{name} {number}"

    def reserve(self, before: int | None, after: int | None) -> None:
        """Change a reservation.

        Raises:
            InvalidParameterValueException: It would leave too little to the others.
        """
        reserved = self.reserved - (before or 0) + (after or 0)
        if after and self.limit - reserved < limits.UNRESERVED_CONCURRENCY:
            raise errors.InvalidParameterValueException(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{limits.UNRESERVED_CONCURRENCY}]."
            )
        self.reserved = reserved


class Environments:
    """The environments of one function.

    Args:
        account: Whose concurrency it shares.

    Attributes:
        reserved: The function's own concurrency, or None.
        busy: How many environments have an invocation.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self.reserved: int | None = None
        self.busy = 0
        self._idle: dict[object, list[Environment]] = {}
        self._allowance_ns = limits.NEW_ENVIRONMENTS * limits.NEW_ENVIRONMENT_NS
        self._allowance_at_ns = 0

    def reserve(self, reserved: int | None) -> None:
        """Take another reservation, or none."""
        self._account.reserve(self.reserved, reserved)
        if self.reserved is None and reserved is not None:
            self._account.busy -= self.busy
        elif self.reserved is not None and reserved is None:
            self._account.busy += self.busy
        self.reserved = reserved

    def has_warm(self, code: object, keep_warm_ns: int, now: int) -> bool:
        """Whether an idle environment would be used again."""
        idle = self._idle.get(code, [])
        return bool(idle) and idle[-1].idle_ns + keep_warm_ns > now

    def idle(self) -> list[Environment]:
        """All that are idle and may be used again: of each configuration the one last that is used next."""
        return [one for some in self._idle.values() for one in some]

    def recycle(self, code: object) -> Environment:
        """Let the environment go that would be used again; which it was."""
        return self._idle[code].pop()

    def take(self, code: object, keep_warm_ns: int, now: int) -> Environment | None:
        """An environment for one invocation; None if that is throttled. Cost: O(1)."""
        if self.reserved is None:
            if self._account.busy >= self._account.limit - self._account.reserved:
                return None
        elif self.busy >= self.reserved:
            return None
        idle = self._idle.get(code)
        if idle and idle[-1].idle_ns + keep_warm_ns <= now:
            idle.clear()  # the others have been idle for longer
        if idle:
            environment = idle.pop()
        elif self._may_make_one(now):
            environment = Environment(code)
        else:
            return None
        self.busy += 1
        if self.reserved is None:
            self._account.busy += 1
        return environment

    def give_back(self, environment: Environment, now: int, *, alive: bool) -> None:
        """End an invocation; a dead environment is not used again."""
        self.busy -= 1
        if self.reserved is None:
            self._account.busy -= 1
        if alive and environment.code in self._idle:
            environment.idle_ns = now
            self._idle[environment.code].append(environment)

    def keep(self, code: object) -> None:
        """Keep environments of a configuration from now on, once they are idle."""
        self._idle[code] = []

    def drop(self, code: object) -> None:
        """Keep none of it any more; those that are busy die at the end of their work."""
        self._idle.pop(code, None)

    def _may_make_one(self, now: int) -> bool:
        """Take one from the allowance of new environments, which fills by one in ten milliseconds."""
        most_ns = limits.NEW_ENVIRONMENTS * limits.NEW_ENVIRONMENT_NS
        self._allowance_ns = min(most_ns, self._allowance_ns + now - self._allowance_at_ns)
        self._allowance_at_ns = now
        if self._allowance_ns < limits.NEW_ENVIRONMENT_NS:
            return False
        self._allowance_ns -= limits.NEW_ENVIRONMENT_NS
        return True
