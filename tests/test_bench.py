"""The benchmark runs and prints its figures; how good they are is no matter for a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "bench" / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_benchmark_of_the_lifecycle_prints_a_ratio_a_goal_and_a_verdict_for_each_figure():
    done = run("--quick", "lifecycle")
    assert (done.returncode, done.stderr) == (0, "")
    title, *figures = done.stdout.strip().splitlines()
    assert title.startswith("lifecycle: ")
    judged = [
        re.match(r"  (single|tens), minisqs over the lean queue +[\d.]+x +goal <= 3x +(ok|MISSED) ", line)
        for line in figures
    ]
    assert [match[1] for match in judged if match] == ["single", "tens"]
    assert len(figures) == 6
    assert all(re.search(r" [\d.,]+x ", line) for line in figures)


def test_the_benchmarks_of_fifo_queues_the_client_and_passing_time_print_their_figures():
    done = run("--quick", "fifo", "client", "time")
    assert (done.returncode, done.stderr) == (0, "")
    titles = re.findall(r"^(\w+)[^:\n]*: ", done.stdout, re.MULTILINE)
    assert titles == ["fifo", "client", "time", "time"]
    goals = re.findall(r" goal <= ([\d.]+)(x| ms) +(?:ok|MISSED)", done.stdout)
    assert goals == [("4", "x")] * 2 + [("3", "x")] * 2 + [("10", " ms")] * 3 + [("1.5", "x")] * 2


def test_the_benchmark_of_boto3_prints_its_figures():
    done = run("--quick", "boto3")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(re.findall(r"over a canned answer +[\d.]+x +goal <= 0.4x +(?:ok|MISSED) ", done.stdout)) == 2


def test_the_benchmark_refuses_a_name_that_it_does_not_know():
    done = run("lifecycles")
    assert done.returncode == 2
    assert (
        "lifecycles is none of lifecycle, growth, memory, fifo, client, boto3, time, poller, workers, exploring, drawn, moto, import"
        in done.stderr
    )


def test_the_benchmark_of_the_poller_prints_its_figures():
    done = run("--quick", "poller")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^(\w+)[^:\n]*: ", done.stdout, re.MULTILINE) == ["poller", "drains", "idle"]
    assert re.search(r"a handler that gets its events +[\d.]+x +goal <= 3x +(ok|MISSED) ", done.stdout)


def test_the_benchmark_of_exploring_prints_its_figures():
    done = run("--quick", "exploring")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^(\w+)[^:\n]*: ", done.stdout, re.MULTILINE) == ["run", "bugs", "proofs", "sweep"]
    assert re.search(r"20 messages with faults +[\d.]+x +goal <= 1x +(ok|MISSED) ", done.stdout)


def test_the_benchmark_of_what_is_drawn_prints_its_figures():
    done = run("--quick", "drawn")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"an example of a machine +[\d.]+x +goal <= 1.35x +(ok|MISSED) ", done.stdout)
    assert re.search(r"examples of fault_plans\(\) a second +[\d,.]+ +goal >= 20 +(ok|MISSED)", done.stdout)
