"""What checks and worlds take where their caller says nothing: a test runner sets it for the test that is under way.

There is one test at a time in a process, so there is one set of these; code outside of a test finds none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace  # a test runner has loaded it, and attrs not
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..sim.sources import Plan
    from ..world import World

WORLD: Final = frozenset(
    {"start", "region", "account_id", "journal_length", "in_flight_limit", "fifo_quotas", "account_concurrency"}
)
"""The arguments of ``World`` that may be given for a test, beside its seed and its faults."""

CHECK: Final = frozenset({"runs", "budget", "oracles", "queue", "function", "mapping", "trace"})
"""The arguments of ``check`` that may be given for a test, beside its seed and its faults."""


@dataclass(kw_only=True, eq=False)
class Defaults:
    """What holds for one test.

    Attributes:
        seed: Of its worlds, and of the random runs of its checks; ids in a check's runs are not the seed's, so
            that a token means the same everywhere.
        faults: What may go wrong in its checks and its worlds; None for what these have without it.
        check: Arguments of ``check``.
        world: Arguments of ``World``.
        replay: A token: a check to which it belongs makes that run and no other.
        plans: What goes wrong in the worlds that are made, one after the other, in place of ``faults``.
        worlds: Those that were made.
        replayed: Whether the token belonged to a check.
        tried: What the test's checks and proofs have tried, as texts.
    """

    seed: int | str | None = None
    faults: Any = None
    check: Mapping[str, Any] = field(default_factory=dict)
    world: Mapping[str, Any] = field(default_factory=dict)
    replay: str = ""
    plans: list[Plan] | None = None
    worlds: list[World] = field(default_factory=list)
    replayed: bool = False
    tried: list[str] = field(default_factory=list)

    def changed(self, **changes: Any) -> Defaults:
        """The same with other values, for another run of the test."""
        return replace(self, worlds=[], tried=[], **changes)


stderr = 2
"""The file descriptor of standard error; a test runner that captures it sets another, which leads to where one reads."""

NONE: Final = Defaults()
_now = [NONE]


def now() -> Defaults:
    """What holds now."""
    return _now[-1]


def begin(defaults: Defaults) -> None:
    """Let them hold, until ``end``."""
    _now.append(defaults)


def end() -> None:
    """Let hold again what held before."""
    _now.pop()


def of_check(**given: Any) -> dict[str, Any]:
    """The arguments of a check, with the test's where None was given."""
    defaults = now()
    known = {**defaults.check, "faults": defaults.faults}
    return {name: known.get(name) if value is None else value for name, value in given.items()}


def new_world(**given: Any) -> World:
    """A world with the test's settings where none are given.

    Raises:
        UsageError: An argument is not of its form.
    """
    from ..world import World  # noqa: PLC0415  # whoever only asks what holds need not load it

    defaults = now()
    options = {"seed": defaults.seed, **defaults.world}
    if defaults.plans is not None:
        options["faults"] = defaults.plans[len(defaults.worlds)] if len(defaults.worlds) < len(defaults.plans) else None
    else:
        options.setdefault("faults", defaults.faults)
    world = World(**{**options, **{name: value for name, value in given.items() if value is not None}})
    if defaults is not NONE:
        defaults.worlds.append(world)
    return world


def note(text: str) -> None:
    """Keep what a check or a proof of the test has tried; outside of a test nobody asks for it."""
    if now() is not NONE:
        now().tried.append(text)


def wrong_names(names: Mapping[str, object]) -> str:
    """What is wrong with names of settings, in words; empty if nothing is."""
    allowed = sorted({"seed", "faults", *WORLD, *CHECK})
    wrong = [name for name in names if name not in allowed]
    return f"{wrong[0]!r} is no setting of a test; there are {', '.join(allowed)}" if wrong else ""
