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
        memory.first_time(record["body"])


from . import memory as me
""",
    "noted": """
from .memory import first_time

table = None


def handler(event, context):
    for record in event["Records"]:
        first_time(record["body"])
        table.put(record["body"], "done")
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
        code.look_for_others(lambda: code().environment()({"Records": [{"body": "a"}]}, None))
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
    proof = minisqs.prove(minisqs.deployed("depot.noted:handler", outside=Rows), ["a"], faults=1)
    assert proof.bounds["statements"] == 7  # three of the handler, four of the helper module


HANDLER = """
table = None


def handler(event, context):
    for record in event["Records"]:
        if {}:
            table.add(record["body"], 1)
"""
KEEPING: dict[str, dict[str, str]] = {
    "in a class": {
        "app": "from .kept import Seen\n" + HANDLER.format("Seen.first(record['body'])"),
        "kept": """
class Seen:
    all = []

    @classmethod
    def first(cls, body):
        return body not in cls.all and not cls.all.append(body)
""",
    },
    "in a default": {
        "app": "from .kept import first\n" + HANDLER.format("first(record['body'])"),
        "kept": """
def first(body, seen=[]):
    return body not in seen and not seen.append(body)
""",
    },
    "by another module": {
        "app": "from . import kept\n" + HANDLER.format("not kept.seen and not setattr(kept, 'seen', True)"),
        "kept": "seen = False\n",
    },
    "late": {
        "app": HANDLER.format("first(record['body'])").replace("    for", "    from .kept import first\n\n    for"),
        "kept": """
seen = set()


def first(body):
    return body not in seen and not seen.add(body)
""",
    },
    "in its package, which imports it": {
        "__init__": "registry = {}\nfrom .app import handler\n",
        "app": "from . import registry\n" + HANDLER.format("registry.setdefault(record['body'], context) is context"),
    },
    "under the name of its module": {
        "__init__": "from .first import first\n",
        "app": "from .first import first\n" + HANDLER.format("first(record['body'])"),
        "first": """
seen = set()


def first(body):
    return body not in seen and not seen.add(body)
""",
    },
    "after a mark of the order of bytes": {
        "app": "from .kept import seen\n"
        + HANDLER.format("record['body'] not in seen and not seen.add(record['body'])"),
        "kept": "\ufeffseen = set()\n",
    },
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Writes a package of the user's on the import path, and gives what deploys its app."""

    def write(files):
        (tmp_path / "shop").mkdir()
        for name, source in {"__init__": "", **files}.items():
            (tmp_path / "shop" / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return minisqs.deployed("shop.app:handler", outside=Rows)

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.mark.parametrize("files", KEEPING.values(), ids=KEEPING)
def test_wherever_something_is_kept_it_dies_with_the_environment(shop, files):
    subject = shop(files)
    assert [minisqs.perfect(subject, ["a"]).state for _ in range(2)] == [{"a": 1}] * 2
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["a"], faults=["kill"])
    assert caught.value.report.got == {"a": 2}


def test_a_function_that_has_the_name_of_its_module_stays_what_it_is(shop):
    minisqs.perfect(shop(KEEPING["under the name of its module"]), ["a"])
    assert callable(sys.modules["shop"].first)


def test_a_table_of_constants_makes_no_classes_anew(shop):
    kept = "import enum\n\nPRICES = {'a': 1}\n\n\nclass Status(enum.Enum):\n    DONE = 1\n"
    app = "from .kept import PRICES, Status\n" + HANDLER.format("PRICES")
    subject = shop(
        {"app": app.replace('table.add(record["body"], 1)', "table.put(record['body'], Status.DONE)"), "kept": kept}
    )
    assert not minisqs.check(subject, ["a", "b"], faults=["kill", "recycle"], budget=50, runs=20).found


def test_a_module_that_lies_in_a_package_or_not_may_be_deployed_from_outside_of_one(tmp_path, monkeypatch):
    (tmp_path / "lonely_kept.py").write_text("seen = set()\n")
    source = "try:\n    from . import lonely_kept\nexcept ImportError:\n    import lonely_kept\n"
    (tmp_path / "lonely_app.py").write_text(source + HANDLER.format("not lonely_kept.seen.add(record['body'])"))
    monkeypatch.syspath_prepend(tmp_path)
    subject = minisqs.deployed("lonely_app:handler", outside=Rows)
    assert [minisqs.perfect(subject, ["a"]).state for _ in range(2)] == [{"a": 1}] * 2
    assert not [name for name in sys.modules if name.startswith("lonely")]
