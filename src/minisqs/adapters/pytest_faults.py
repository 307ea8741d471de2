"""Tests are run again under legal misbehaviour of their worlds: what only fails there is a finding.

A test is run by pytest itself, with all its fixtures, once for each seed, until one fails. Then the choices that went
wrong are taken away one by one, as long as it still fails; the test is run again for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
import pytest
from _pytest.runner import runtestprotocol

from .. import errors
from ..explore import defaults
from ..explore.report import fault_of
from ..sim.faults import FAULTS, Faults, check_name
from ..sim.sources import Place, Plan

SEEDS: Final = 20
RATES: Final = (0.02, 0.05, 0.15, 0.3)
"""With each seed come the next rate, from few faults to many."""

FAILING_CALLS: Final = frozenset({"lost_answer", "api_error", "partial"})
"""What happens only where it is named: a test that calls a queue by itself has nobody who would call again."""

Choices = Mapping[Place, int]


def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds of fault that a world has by itself, of those named with commas; ``all`` for those by which no call fails.

    Raises:
        UsageError: One is none, or acts in code that only a check follows.
    """
    possible = tuple(name for name, fault in FAULTS.items() if not fault.in_code and not fault.opt_in)
    if text == "all":
        return tuple(name for name in possible if name not in FAILING_CALLS)
    kinds = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in kinds:
        check_name(name)
        if name not in possible:
            raise errors.UsageError(f"{name!r} is not for worlds of tests; there are {', '.join(possible)}")
    if not kinds:
        raise errors.UsageError("it is followed by names of faults with commas between them, or by nothing for all")
    return kinds


@attrs.frozen
class _Failure:
    """A run of a test that failed: what pytest reports of it, and what went wrong in each of its worlds, and with which calls."""

    report: pytest.TestReport
    choices: tuple[Choices, ...]
    calls: tuple[Mapping[Place, tuple[str, str]], ...]

    @property
    def what(self) -> str:
        """By which it is known again: the type and the place of the error."""
        crash = getattr(self.report.longrepr, "reprcrash", None)
        return "" if crash is None else f"{crash.path}:{crash.lineno}"


def run_again(
    item: pytest.Item, nextitem: pytest.Item | None, holding: defaults.Defaults, kinds: str, seeds: int
) -> None:
    """Run a passed test under so many seeds, and report the first that fails, made small."""
    names = kinds_of(kinds)
    for number in range(seeds):
        rate = RATES[number % len(RATES)]
        seed = f"{holding.seed} {number}"
        failure = _run(item, nextitem, holding, world={"seed": seed, "faults": Faults(**dict.fromkeys(names, rate))})
        if failure is not None:
            smallest = _smallest(item, nextitem, holding, failure, seed)
            again = f"pytest '{item.nodeid}' --minisqs-faults={','.join(names)} --minisqs-seed='{holding.seed}'"
            _report(item, smallest or failure, again, is_smallest=smallest is not None)
            return


def _run(
    item: pytest.Item, nextitem: pytest.Item | None, holding: defaults.Defaults, **changes: Any
) -> _Failure | None:
    """The test once more; None if it passes, or was skipped."""
    again = holding.changed(**{**changes, "world": {**holding.world, **changes["world"]}})
    defaults.begin(again)
    try:
        if hasattr(item, "_initrequest"):
            item._initrequest()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    finally:
        defaults.end()
    failed = next((report for report in reports if report.failed), None)
    if failed is None:
        return None
    sources = [world.sqs.source for world in again.worlds]
    calls = tuple({} if source is None else source.calls for source in sources)
    return _Failure(failed, tuple(world.choices for world in again.worlds), calls)


def _smallest(
    item: pytest.Item, nextitem: pytest.Item | None, holding: defaults.Defaults, failure: _Failure, seed: str
) -> _Failure | None:
    """The failure with as few choices as it takes; None if the test does not fail in the same way again."""

    def fails(plans: tuple[Choices, ...]) -> _Failure | None:
        found = _run(item, nextitem, holding, world={"seed": seed}, plans=[Plan(choices) for choices in plans])
        return found if found is not None and found.what == failure.what else None

    smallest = fails(failure.choices)
    is_smaller = smallest is not None
    while smallest is not None and is_smaller:
        is_smaller = False
        for world, choices in enumerate(smallest.choices):
            for address in choices:
                fewer = tuple(
                    {place: answer for place, answer in each.items() if (index, place) != (world, address)}
                    for index, each in enumerate(smallest.choices)
                )
                found = fails(fewer)
                if found is not None and _size(found) < _size(smallest):
                    smallest, is_smaller = found, True
                    break
            if is_smaller:
                break
    return smallest


def _size(failure: _Failure) -> int:
    return sum(map(len, failure.choices))


def _report(item: pytest.Item, told: _Failure, again: str, *, is_smallest: bool) -> None:
    """Tell pytest of a finding, as of a test that failed."""
    faults = [
        fault_of(address, answer, calls.get(address))
        for choices, calls in zip(told.choices, told.calls, strict=True)
        for address, answer in choices.items()
    ]
    words = "".join(f"  - {fault.words} ({fault.name}: {fault.permitted_by})\n" for fault in faults)
    rest = "" if is_smallest else "It does not fail in the same way again, so these are all the faults that happened.\n"
    text = f"{item.nodeid} passes on the perfect queue, and fails when\n{words}{rest}\n{told.report.longreprtext}\n"
    path, line, name = item.location
    report = pytest.TestReport(
        nodeid=item.nodeid,  # workers of xdist may report of no other
        location=(path, line, f"{name} under faults"),
        keywords={},
        outcome="failed",
        longrepr=text,
        when="call",
    )
    report.minisqs_replay = again  # type: ignore[attr-defined]
    item.ihook.pytest_runtest_logreport(report=report)
