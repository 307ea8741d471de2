"""Lets the tests here import the zoo beside them, and gives each a folder of its own to keep stories in."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path, monkeypatch):
    """What a check keeps in ``.minisqs`` is nobody else's."""
    monkeypatch.chdir(tmp_path)
