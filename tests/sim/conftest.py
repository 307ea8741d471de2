"""What the tests of the user's code need."""

from __future__ import annotations

import importlib.util
import itertools
import textwrap

import pytest


@pytest.fixture
def load(tmp_path):
    """A module of the user's, imported from a file."""
    numbers = itertools.count()

    def load(source, name="app"):
        path = tmp_path / f"{name}{next(numbers)}.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
