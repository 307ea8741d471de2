from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


def printed_by(script: Path, hash_seed: str, folder: Path) -> str:
    """What a script prints, run as a newcomer runs it."""
    source = str(EXAMPLES.parent / "src")
    environment = {"PYTHONPATH": source, "PYTHONHASHSEED": hash_seed, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_prints_exactly_what_lies_beside_it(script, tmp_path):
    assert printed_by(script, "1", tmp_path) == script.with_suffix(".out").read_text(encoding="utf-8")


def test_every_output_belongs_to_an_example():
    assert sorted(EXAMPLES.glob("*.out")) == [script.with_suffix(".out") for script in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_fits_a_terminal(script):
    lines = script.with_suffix(".out").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 110
