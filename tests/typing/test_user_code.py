"""The typed user code does not only pass mypy, it runs."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_typed_user_code_runs() -> None:
    runpy.run_path(str(Path(__file__).with_name("user_code.py")), run_name="__main__")
