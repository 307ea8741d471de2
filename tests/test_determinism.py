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
12fd306f570b98cad242c1ecd5f5e77dff4295ed81aa81d5e83499536651d425
2f46e1c0a3eb1de1746b4003d17e40ee42ae0cbe178a611c07e9d1df9b9d783e
""",
    "0.5": """\
f6742218689821bc25598769b9c29dc3770f8ae7326dcd3a7609a88cbdf0e8b8
d2ac73a34480ec917374d506701730cf739d3c16375220e1d457361c40267440
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
