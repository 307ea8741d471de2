"""Deployed code is executed anew for each environment: its module, and what that leads to and keeps something."""

from __future__ import annotations

import importlib
import sys

import pytest

import minisqs
from minisqs import outside

FILES = {
    "__init__": "",
    "memory": """
from . import kinds

_seen = set()


def first_time(order):
    if order in _seen:
        return False
    _seen.add(order)
    return True
""",
    "between": """
from .memory import first_time
""",
    "kinds": """
class Order:
    pass
""",
    "through": """
from . import kinds
from .between import first_time

table = None


def handler(event, context):
    for record in event["Records"]:
        if first_time(record["body"]):
            table.add(record["body"], 1)
""",
    "late": """
table = None


def handler(event, context):
    from . import memory

    for record in event["Records"]:
        table.put(record["body"], (memory.__name__, memory is me))


from . import memory as me
""",
    "counted": """
number = 0


def count():
    global number
    number += 1
    return number
""",
    "counting": """
from . import counted

table = None


def handler(event, context):
    for record in event["Records"]:
        table.put(record["body"], counted.count())
""",
}


class Rows:
    """What the deployed code works on."""

    def __init__(self):
        self.rows = outside.Table("rows")

    def connect(self, module):
        module.table = self.rows

    def observe(self):
        return self.rows.observe()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the user's on the import path."""
    (tmp_path / "depot").mkdir()
    for name, source in FILES.items():
        (tmp_path / "depot" / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("depot")
    for name in [name for name in sys.modules if name.partition(".")[0] == "depot"]:
        del sys.modules[name]


def test_what_a_helper_module_keeps_dies_with_its_environment(package):
    subject = minisqs.deployed("depot.through:handler", outside=Rows)
    for _ in range(2):
        with pytest.raises(minisqs.CheckFailed) as caught:
            minisqs.check(subject, ["a"], faults=["kill"])
        assert caught.value.report.got == {"a": 2}
    assert minisqs.perfect(subject, ["a"]).state == {"a": 1}


def test_a_helper_module_that_binds_its_names_anew_is_executed_anew(package):
    subject = minisqs.deployed("depot.counting:handler", outside=Rows)
    assert [minisqs.perfect(subject, ["a", "b"]).state for _ in range(2)] == [{"a": 1, "b": 2}] * 2


def test_the_modules_of_before_are_back_afterwards(package):
    before = importlib.import_module("depot.memory")
    with pytest.raises(minisqs.CheckFailed):
        minisqs.check(minisqs.deployed("depot.through:handler", outside=Rows), ["a"], faults=["kill"])
    assert sys.modules["depot.memory"] is before is package.memory
    assert before._seen == set()
    assert "depot.through" not in sys.modules
    assert not hasattr(package, "between")


def test_modules_that_keep_nothing_are_the_same_in_all_environments(package):
    kinds = importlib.import_module("depot.kinds")
    code = minisqs.deployed("depot.through:handler", outside=Rows)
    with code.installed():
        handlers = [code().environment() for _ in range(2)]
        spaces = [handler.__wrapped__.__globals__ for handler in handlers]
        assert spaces[0]["kinds"] is spaces[1]["kinds"] is kinds
        assert spaces[0]["first_time"] is not spaces[1]["first_time"]


def test_a_late_import_finds_the_environment_s_own_module(package):
    proof = minisqs.prove(minisqs.deployed("depot.late:handler", outside=Rows), ["a", "b"], faults=1)
    assert proof.states == ("{'a': ('depot.memory', True), 'b': ('depot.memory', True)}",)


def test_a_proof_counts_the_statements_of_all_its_modules(package):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(minisqs.deployed("depot.through:handler", outside=Rows), ["a"], faults=1)
    assert "through.py:" in caught.value.report.text()
    proof = minisqs.prove(minisqs.deployed("depot.late:handler", outside=Rows), ["a"], faults=1)
    assert proof.bounds["statements"] == 7  # three of the handler, four of the helper module
