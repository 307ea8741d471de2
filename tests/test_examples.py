"""Each example prints exactly the ``.out`` beside it: simulated time makes that possible to the digit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda example: example.stem)
def test_every_example_prints_what_lies_beside_it(example: Path) -> None:
    expected = example.with_suffix(".out")
    assert expected.exists(), f"{expected.name} is missing: python examples/{example.name} > examples/{expected.name}"
    run = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONHASHSEED": "random", "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert run.stderr == ""
    assert run.returncode == 0
    assert run.stdout == expected.read_text(encoding="utf-8")
