"""Lets the tests here import the models and drivers beside them, and lets the engine clean up all the time."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from little_slack import little_slack  # it lies beside, where only the line above looks


@pytest.fixture(autouse=True, scope="module")
def _clean_up_all_the_time() -> Iterator[None]:
    with little_slack():
        yield
