"""What a user gives as faults where they are drawn: names, rates, or ``Faults``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from .. import errors
from ..sim.faults import Faults
from ..sim.sources import FaultPlan, Plan

GivenFaults: TypeAlias = Iterable[str] | Mapping[str, float] | Faults | Plan | None


def rates_of(faults: GivenFaults | FaultPlan) -> Faults | None:
    """The rates, where names get the default one; None where nothing is given.

    Raises:
        UsageError: It is a plan, which is one run, or nothing of the kind.
    """
    if faults is None or isinstance(faults, Faults):
        return faults
    if isinstance(faults, (Plan, FaultPlan)):
        raise errors.UsageError(f"a {type(faults).__name__} is one run; give names or rates of faults here")
    if not isinstance(faults, Iterable):
        raise errors.UsageError(f"faults are names, rates, Faults or a Plan, not {faults!r}")
    return Faults.named(faults)


def has_rates(faults: GivenFaults) -> bool:
    """Whether the user says how often things go wrong, not only which."""
    return isinstance(faults, (Mapping, Faults))
