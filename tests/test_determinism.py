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
017f997cc8c5b0e11d50a5459443b0eb45447706c6ee9fa428ad73e9dd1cebae
444a7639fef02e9ad866d928a22e6786607563a6d1387c360d43534969d72983
""",
    "0.5": """\
37c278d15214bf396a6af7439d80781b876972c13828bc6b6693cfa0a0f762dd
d036754b2c3809f8f4ba60ce2fe1f7ddae202a7ca10737f70b5e0fe25f4b1468
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
