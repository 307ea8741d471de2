"""The typed user code does not only pass mypy, it runs."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest


@pytest.mark.parametrize("file", ["user_code.py", "mocking.py"])
def test_typed_user_code_runs(file: str) -> None:
    runpy.run_path(str(Path(__file__).with_name(file)), run_name="__main__")
