"""No setting, handler or failure loses a message behind Lambda's poller, and equal seeds give equal runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poller_run import Program


@settings(max_examples=150, deadline=None)
@given(number=st.integers(0, 2**32))
def test_each_message_is_in_the_queue_or_dead_or_deleted(number):
    Program(number).run()


@settings(max_examples=80, deadline=None)
@given(number=st.integers(0, 2**32))
def test_that_holds_under_faults_too(number):
    Program(number, faults=True).run()


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("faults", [False, True])
def test_two_runs_of_a_seed_are_identical(number, faults):
    digests = []
    for _ in range(2):
        program = Program(number, faults=faults)
        program.run()
        digests.append(program.digest())
    assert digests[0] == digests[1]


def test_runs_are_the_same_in_every_process_whatever_its_hash_seed():
    program = Path(__file__).with_name("poller_run.py")
    printed = {
        subprocess.run(
            [sys.executable, str(program)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "42")
    }
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) == 6
