"""The same program is the same run, to the byte: in every process, under every hash seed, on every Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("determinism_program.py")

# What the program prints for the rate of ties, for each of its two seeds. It changes only if runs differ from those of
# the version before, which makes everything that users recorded of a run (plans, journals, outputs) worthless: a
# change to be told in the changelog.
DIGESTS = {
    "0": """\
01f9c0980f4f38d85375fd74e4debf9f156519658b38dde366d3d31b7e2c67c6
fd215341e7fd2d492bb1ebbab6c5f9ab6194916843594a9ce05f1611fcc235ef
""",
    "0.5": """\
abae4145473f42a20ed8e701a59169de670b1c204c778a9e7ee1ff6f4921f6bd
4dee4bc09ece99f3d2cf9dea01958b560a04d20fc07186413db3dbdc7c93e106
""",
}


@pytest.mark.parametrize("tie", DIGESTS)
@pytest.mark.parametrize("hash_seed", ["0", "1", "42", "123456"])
def test_a_run_is_the_same_in_every_process(hash_seed: str, tie: str) -> None:
    run = subprocess.run(
        [sys.executable, str(PROGRAM), tie],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    assert (run.stderr, run.stdout) == ("", DIGESTS[tie])
