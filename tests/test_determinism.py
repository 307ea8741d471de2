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
9f2d0a4f27aa03ccc46257b5002e0bcc3e5b1bce05c8ca466e2328661a9ff3b6
35e734441d81a5239f06776b37b4b386f0f38fbaba1c05319c06dc8529ead607
""",
    "0.5": """\
0af2730098efc3a5b65769a5b396ef887a40c1a6e5a3c6b5361f518bc3d720c6
4169b6bf16839cd318e4f1d25451dba1c7065d1597b2347c92ab9b46c49f577e
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
