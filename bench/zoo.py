"""The zoo of the tests as a measurement: how soon each planted bug is found, and whether a twin is ever accused.

``python bench/zoo.py bugs`` prints for each bug the real time until it is found, made small and told, and then
the median and the worst. ``python bench/zoo.py twins --runs 100000`` checks each corrected twin in so many random
runs, after the exhaustive ones; names after it choose some of them. It takes about a minute and a half of a
processor for each twin, so each is printed as it is done, and ``--done FILE`` leaves out what FILE says is done.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "explore"))

from zoo import ZOO
from zoo.specimen import Specimen

import minisqs

GOAL_MS = 300
SPECIMENS: dict[str, Specimen] = {specimen.name: specimen for specimen in ZOO}


def settings_of(specimen: Specimen) -> dict[str, Any]:
    return {"queue": specimen.queue, "function": specimen.function, "mapping": specimen.mapping}


def bugs(names: Iterable[str]) -> None:
    """Print how long each bug takes; twice each, and the faster counts."""
    times = {}
    for name in names:
        specimen = SPECIMENS[name]
        times[name] = min(_time_to_find(specimen), _time_to_find(specimen))
        print(f"{times[name] * 1000:7.0f} ms  {name}", flush=True)
    slow = sum(took * 1000 > GOAL_MS for took in times.values())
    print(
        f"{len(times)} found: median {statistics.median(times.values()) * 1000:.0f} ms, "
        f"worst {max(times.values()) * 1000:.0f} ms, {slow} over {GOAL_MS} ms"
    )


def _time_to_find(specimen: Specimen) -> float:
    with tempfile.TemporaryDirectory() as folder:  # failing stories are kept where one works, and tried first
        os.chdir(folder)
        began = clock()
        try:
            minisqs.check(specimen.bug, specimen.messages, **settings_of(specimen))
        except minisqs.CheckFailed:
            return clock() - began
        finally:
            os.chdir("/")
    raise AssertionError(f"{specimen.name}: not found")


def twins(names: Iterable[str], runs: int, seed: int, processes: int) -> None:
    """Print what became of each twin."""
    bad = 0
    with ProcessPoolExecutor(processes, max_tasks_per_child=1) as pool:
        for future in as_completed([pool.submit(_twin, name, runs, seed) for name in names]):
            well, line = future.result()
            bad += not well
            print(line, flush=True)
    print(f"{bad} accused or stopped")


def _twin(name: str, runs: int, seed: int) -> tuple[bool, str]:
    specimen = SPECIMENS[name]
    began = clock()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            checked = minisqs.check(specimen.twin, specimen.messages, runs=runs, seed=seed, **settings_of(specimen))
        except minisqs.CheckFailed as failed:
            return False, f"ACCUSED  {name}\n{failed}"
        except Exception as error:  # noqa: BLE001  # whatever stopped it, the others go on
            return False, f"STOPPED  {name}: {error!r}"
        finally:
            os.chdir("/")
    return True, f"ok  {name}: {checked.runs} runs, {sum(checked.faults.values())} faults, {clock() - began:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["bugs", "twins"])
    parser.add_argument("names", nargs="*", help="of the zoo's specimens; all without")
    parser.add_argument("--runs", type=int, default=100_000, help="random runs of each twin")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--done", type=Path, help="lines of an earlier call; their twins are left out")
    asked = parser.parse_intermixed_args()
    done = asked.done.read_text() if asked.done else ""
    names = [name for name in asked.names or SPECIMENS if f"ok  {name}: " not in done]
    if asked.what == "bugs":
        bugs(names)
    else:
        twins(names, asked.runs, asked.seed, asked.processes)


if __name__ == "__main__":
    main()
