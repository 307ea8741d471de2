"""Runs that are explored: what one costs, how fast bugs are found, how long a proof takes, how fast seeds are swept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from kit import Goal, figure, in_turn, left_out, ratio_figure, section
from subjects import FULL, Scale

import minisqs

MESSAGES = [f"order-{number}" for number in range(20)]
PLAN = minisqs.Plan({("duplicate", "main/3", 0): 1, ("reorder", "main/5", 0): 2, ("api_error", "main/11", 0): 1})
MOST_RUNS = 60_000
"""So many runs a proof may make here; what needs more is said to be incomplete."""


class Ledger:
    """Sound: whatever comes twice is written once."""

    def __init__(self) -> None:
        self.orders: dict[str, int] = {}

    def handler(self, event: Any, context: Any) -> None:
        for record in event["Records"]:
            self.orders[record["body"]] = 1

    def observe(self) -> list[str]:
        return sorted(self.orders)


class Shop:
    """Charges, then marks."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.charges: list[str] = []

    def handler(self, event: Any, context: Any) -> None:
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self) -> list[str]:
        return sorted(self.charges)


class Five:
    """Sound, in five statements."""

    def __init__(self) -> None:
        self.seen: dict[str, bool] = {}
        self.charges: dict[str, int] = {}

    def handler(self, event: Any, context: Any) -> None:
        for record in event["Records"]:
            body = record["body"]
            if body not in self.seen:
                self.charges[body] = 1
                self.seen[body] = True

    def observe(self) -> list[str]:
        return sorted(self.charges)


def exploring(scale: Scale) -> None:
    """Print the figures."""
    with _somewhere_else():
        _single_runs(scale)
        _bugs(scale)
        _proofs(scale)
        _sweeps(scale)


def _single_runs(scale: Scale) -> None:
    section("run", "one run of 20 messages with faults, over one example of a trivial @given test")
    trivial = _trivial_example()
    if trivial is None:
        left_out("the yardstick", "it needs hypothesis")
        return
    many = 200 if scale is FULL else 20
    results = in_turn(
        {
            "given": lambda: {"run": trivial(many)},
            "minisqs": lambda: {"run": _each(many, lambda: minisqs.run(Ledger, MESSAGES, faults=PLAN))},
            "perfect": lambda: {"run": _each(many, lambda: minisqs.perfect(Ledger, MESSAGES))},
        },
        scale.rounds,
    )
    ratio_figure("20 messages with faults", results.ratio("run", "minisqs", "given"), Goal(1))
    ratio_figure("20 messages on the perfect queue", results.ratio("run", "perfect", "given"))
    figure("20 messages with faults", results.median("run", "minisqs") * 1e6, unit=" us")


def _bugs(scale: Scale) -> None:
    section("bugs", "real time until a bug is found, made small and told")
    times = sorted(_time_to_find(Shop) for _ in range(scale.rounds))
    figure("the double charge, median", times[len(times) // 2] * 1000, Goal(300), unit=" ms")
    figure("the double charge, the first time", _first_time() * 1000, Goal(300), unit=" ms")


def _proofs(scale: Scale) -> None:
    section("proofs", "a sound handler of five statements")
    sizes = [(2, 2, 2, 0.2)] + ([(3, 3, 3, 60.0)] if scale is FULL else [])
    for messages, workers, faults, goal_s in sizes:
        name = f"{messages} messages, {workers} workers, {faults} faults"
        began = clock()
        try:
            proof = minisqs.prove(Five, MESSAGES[:messages], workers=workers, faults=faults, budget=MOST_RUNS)
        except minisqs.ProofIncomplete as incomplete:
            left_out(f"{name}, {clock() - began:.0f} s", f"{incomplete}".partition(":")[0])
            continue
        figure(name, clock() - began, Goal(goal_s), unit=" s")
        figure("  runs", proof.runs, unit="")
        figure("  left out by reductions", proof.pruned, unit="")
    plain = minisqs.prove(Five, MESSAGES[:2], workers=2, faults=2, reduce=False)
    figure("2, 2, 2 without reductions, runs", plain.runs, unit="")


def _sweeps(scale: Scale) -> None:
    section("sweep", "seeds a second")
    many = 20_000 if scale is FULL else 200
    began = clock()
    minisqs.sweep(Ledger, MESSAGES[:2], seeds=range(many), progress=False)
    figure("in one process", many / (clock() - began), unit="")
    with ProcessPoolExecutor(2) as pool:
        minisqs.sweep(Ledger, MESSAGES[:2], seeds=range(100), executor=pool, progress=False)  # the workers start
        began = clock()
        minisqs.sweep(Ledger, MESSAGES[:2], seeds=range(many), executor=pool, progress=False)
        figure("in two processes", many / (clock() - began), unit="")


def _each(many: int, call: Callable[[], object]) -> float:
    """Seconds a call."""
    began = clock()
    for _ in range(many):
        call()
    return (clock() - began) / many


def _trivial_example() -> Callable[[int], float] | None:
    """What measures an example of a test that does nothing; None without Hypothesis."""
    try:
        from hypothesis import given, settings, strategies  # noqa: PLC0415  # an extra
    except ImportError:
        return None

    def measure(many: int) -> float:
        ran = 0

        @settings(max_examples=many, database=None, derandomize=True)
        @given(strategies.integers())
        def trivial(number: int) -> None:
            nonlocal ran
            ran += 1

        began = clock()
        trivial()
        return (clock() - began) / ran

    return measure


def _time_to_find(subject: type) -> float:
    _forget()
    began = clock()
    try:
        minisqs.check(subject, MESSAGES[:2])
    except minisqs.CheckFailed:
        return clock() - began
    raise AssertionError("the bug was not found")


def _first_time() -> float:
    """The same in a process that has loaded nothing yet but minisqs itself."""
    import subprocess  # noqa: PLC0415  # only here
    import sys  # noqa: PLC0415  # only here

    here = Path(__file__).parent
    program = f"import sys; sys.path.insert(0, {str(here)!r}); import minisqs, exploring; print(exploring._time_to_find(exploring.Shop))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _forget() -> None:
    """Let no story of an earlier round be tried first."""
    for path in Path(".minisqs").rglob("ms1-*"):
        path.unlink()


@contextmanager
def _somewhere_else() -> Iterator[None]:
    """Work in a folder that is thrown away, as failing stories are kept where one works."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)
