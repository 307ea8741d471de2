"""A bug is found by what the code does: not by its names, nor by the lines it stands at.

The zoo's modules are written anew with another name for each of their own classes, functions, variables and
attributes, no docstrings, and a comment before every line; their bugs must be found by the same kinds of faults.
"""

from __future__ import annotations

import ast
import importlib.util
import itertools
import sys
from pathlib import Path

import pytest
import zoo

import minisqs

pytestmark = pytest.mark.slow

ASKED_FOR = {"self", "handler", "environment", "observe", "close", "disconnect", "SPECIMENS"}
"""Names by which others know a part of a subject."""

OF_OTHERS = {name for kind in (dict, list, set, str, int, tuple, type) for name in dir(kind)}
"""Attributes that may as well be a built-in's."""

SPECIMENS = [
    "payout run",
    "checkout desk",
    "order pipeline",
    "bank transfer",
    "raffle",
    "visit counter",
    "price board",
    "meter readings",
    "inventory import",
    "box office",
    "parking meter",
    "click stream",
    "invoice numbers",
    "daily totals",
    "outbox relay",
    "stock ledger",
]


class Names:
    """What a module calls its own, and what each is called instead.

    Args:
        tree: The module.
    """

    def __init__(self, tree):
        self.new = {}
        self.attributes = {}
        numbers = itertools.count(1)
        fields = {id(node) for owner in ast.walk(tree) if isinstance(owner, ast.ClassDef) for node in owner.body}
        for node in ast.walk(tree):
            name = self.named(node)
            if name is None or name in ASKED_FOR or name.startswith("__"):
                continue
            self.new.setdefault(name, f"{'K' if name[0].isupper() else 'v'}{next(numbers)}")
            belongs = isinstance(node, ast.Attribute) or id(node) in fields
            if belongs and name not in OF_OTHERS:
                self.attributes[name] = self.new[name]

    def named(self, node):
        """The name that a node gives to something, if any."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return node.name
            case ast.arg():
                return node.arg
            case ast.Name(ctx=ast.Store()):
                return node.id
            case ast.Attribute(ctx=ast.Store()):
                return node.attr
            case ast.AnnAssign(target=ast.Name()):
                return node.target.id
            case ast.Assign(targets=[ast.Name() as target]):
                return target.id
        return None


class Renaming(ast.NodeTransformer):
    """Gives all that a module calls its own another name, and takes docstrings away.

    Args:
        names: The names.
    """

    def __init__(self, names):
        self.names = names

    def visit_Module(self, node):
        return self.without_docstring(node)

    def visit_ImportFrom(self, node):
        if node.level:
            node.level, node.module = 0, f"zoo.{node.module}"
        return node

    def visit_ClassDef(self, node):
        node.name = self.names.new.get(node.name, node.name)
        return self.without_docstring(node)

    def visit_FunctionDef(self, node):
        own = self.names.new.get(node.name, node.name)
        node.name = node.name if node.name in OF_OTHERS and node.name not in self.names.attributes else own
        return self.without_docstring(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # as ast calls it

    def visit_arg(self, node):
        node.arg = self.names.new.get(node.arg, node.arg)
        return self.generic_visit(node)

    def visit_Name(self, node):
        node.id = self.names.new.get(node.id, node.id)
        return node

    def visit_Attribute(self, node):
        node.attr = self.names.attributes.get(node.attr, node.attr)
        return self.generic_visit(node)

    def visit_Call(self, node):
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called in self.names.new:
            for keyword in node.keywords:
                keyword.arg = self.names.new.get(keyword.arg, keyword.arg)
        return self.generic_visit(node)

    def without_docstring(self, node):
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str())):
                node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)


def rewritten(source):
    """A module with other names, other lines, and no word of what it is about."""
    tree = ast.parse(source)
    renamed = ast.unparse(Renaming(Names(tree)).visit(tree)).splitlines()
    first = [line for line in renamed if line.startswith("from __future__")]
    rest = [line for line in renamed if not line.startswith("from __future__")]
    return "\n".join([*first, *itertools.chain.from_iterable((f"{indent(line)}# .", line) for line in rest)])


def indent(line):
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip())]


def imported(path, source):
    """A module of a file that is written for it."""
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look there for their module
    spec.loader.exec_module(module)
    return module


def report_of(specimen):
    settings = {"queue": specimen.queue, "function": specimen.function, "mapping": specimen.mapping}
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(specimen.bug, specimen.messages, **settings)
    return caught.value.report


@pytest.fixture
def masked(tmp_path):
    """Gives the specimen of the zoo with all its names changed and every line moved."""
    written = []

    def mask(specimen):
        original = Path(sys.modules[specimen.bug.__module__].__file__)
        module = imported(tmp_path / f"masked_{original.stem}.py", rewritten(original.read_text(encoding="utf-8")))
        written.append(module.__name__)
        [other] = [one for one in module.SPECIMENS if one.name == specimen.name]
        return other

    yield mask
    for name in written:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", SPECIMENS)
def test_a_bug_under_other_names_is_found_by_the_same_kinds_of_faults(name, masked):
    [specimen] = [specimen for specimen in zoo.ZOO if specimen.name == name]
    other = masked(specimen)
    assert other.bug.__name__ != specimen.bug.__name__
    expected, report = report_of(specimen), report_of(other)
    assert [fault.name for fault in report.faults] == [fault.name for fault in expected.faults]
    assert report.messages == expected.messages
    assert report.got == expected.got
    assert specimen.bug.__name__ not in report.text()
