"""Which statements are a call's own: what is local, what is not, and when it is worked out."""

from __future__ import annotations

import textwrap

import pytest

from minisqs.sim.code import locality, statements
from minisqs.sim.code.points import compiled


def local_texts(body, header="def f(self, event, context):", before="import json"):
    """The texts of a function's statements, those that are not local behind a '!'."""
    start = len(statements.STATEMENTS)
    source = f"{before}\n{header}\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    compiled(f"<local {start}>", source)
    return [f"{'' if each.is_local else '!'}{each.text}" for each in statements.STATEMENTS[start:]]


@pytest.mark.parametrize(
    "statement",
    [
        "pass",
        "return",
        "return 1",
        "return event['a'][0]",
        "return {'batchItemFailures': [], 'n': len(event)}",
        "x = event['a']",
        "x, (y, *z) = event['a']",
        "x: int = event.get('a', 1) + 2",
        "x = json.loads(event['body'])",
        "x = json.dumps(event, indent=2)",
        "x = f'{event[0]:>{context[1]}}'",
        "x = [y.lower() for y in event if y]",
        "x = sum(y['n'] for y in event)",
        "x = not event or -1 if context == 2 else (1, 2)",
        "x = sorted(event.items(), reverse=True)",
        "'text'.split('e')",
        "x = event[1:2]",
    ],
)
def test_statements_on_the_calls_own_values_are_local(statement):
    assert local_texts(statement) == [statement]


@pytest.mark.parametrize(
    "statement",
    [
        "self.x = 1",
        "x = self.x",
        "x = other",
        "return self",
        "raise ValueError",
        "assert event",
        "import os",
        "event['a'] = 1",
        "del event['a']",
        "event.pop('a')",
        "print(event)",
        "x = open(event)",
        "x = json.load(event)",
        "x = context.aws_request_id",
        "x = {**event}",
        "x = dict(**event)",
        "x = sorted(event, key=lambda y: y)",
        "with event: pass",
        "x = (y := 1)",
        "x = yield 1",
        "class X: pass",
        "def g(): pass",
    ],
)
def test_statements_that_may_touch_more_are_not_local(statement):
    assert local_texts(statement)[0].startswith("!")


def test_a_typical_handler_is_local_where_it_reads_its_event():
    body = """
        failures = []
        for record in event["Records"]:
            body = record["body"]
            order = json.loads(body)
            count = 0
            count += len(order)
            if body in self.seen:
                continue
            elif body.startswith("x"):
                pass
            try:
                self.charges.append(body)
            except ValueError:
                failures.append({"itemIdentifier": record["messageId"]})
            self.seen.add(body)
        return 1
    """
    assert local_texts(body) == [
        "failures = []", 'for record in event["Records"]:', 'body = record["body"]', "order = json.loads(body)",
        "count = 0", "count += len(order)", "!if body in self.seen:", "continue", 'elif body.startswith("x"):',
        "pass", "try:", "!self.charges.append(body)", '!failures.append({"itemIdentifier": record["messageId"]})',
        "!self.seen.add(body)", "return 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("x = 1\nx = self.y\nreturn x", ["!x = 1", "!x = self.y", "!return x"]),  # impure somewhere
        ("x = 1\ndef g(): return x\nreturn 1", ["!x = 1", "!def g():", "!return x", "return 1"]),  # captured
        ("global x\nx = 1\nreturn x", ["!x = 1", "!return x"]),
        (
            "x = event['a']\nself.kept = x\nreturn len(event)",
            ["!x = event['a']", "!self.kept = x", "!return len(event)"],
        ),
        (
            "self.f(event['Records'][0]['body'])\nreturn len(event)",  # a text
            ["!self.f(event['Records'][0]['body'])", "return len(event)"],
        ),
        (
            "self.f(event['body'])\nreturn len(event)",
            ["!self.f(event['body'])", "!return len(event)"],
        ),  # perhaps a list
        ("self.f(event['Records'])\nreturn len(event)", ["!self.f(event['Records'])", "!return len(event)"]),
        ("self.t[event['id']] = 1\nreturn len(event)", ["!self.t[event['id']] = 1", "return len(event)"]),  # a key
        ("x = [event]\nx += self.y\nreturn len(event)", ["!x = [event]", "!x += self.y", "!return len(event)"]),
        ("len = 1\nreturn len(event)", ["len = 1", "!return len(event)"]),  # rebound
    ],
)
def test_names_are_a_calls_own_until_something_else_holds_what_they_hold(body, texts):
    assert local_texts(body) == texts


@pytest.mark.parametrize("before", ["from x import *", "def len(x): return x", "import x as len", "from x import len"])
def test_a_builtin_that_the_file_binds_anew_is_not_known(before):
    assert local_texts("return len(event)", before=before)[-1] == "!return len(event)"


def test_json_must_be_the_module():
    for before in ("import ujson as json", "from x import json", "json = 1"):
        assert local_texts("x = json.loads(event)", before=before) == ["!x = json.loads(event)"]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("while self.more:\n  x = 1\n  y = 2", ["!while self.more:", "x = 1", "!y = 2"]),
        ("for n in self.all:\n  if event: continue\n  x = 1", ["!for n in self.all:", "!if event:", "!continue", "!x = 1"]),
        ("for n in self.all:\n  break\nreturn 1", ["!for n in self.all:", "break", "return 1"]),
        ("for n in event:\n  x = 1", ["for n in event:", "x = 1"]),
        ("with self.lock:\n  x = 1\n  return x", ["!with self.lock:", "!x = 1", "!return x"]),
        ("for n in self.all:\n  try:\n    continue\n  finally:\n    pass\n  x = 1",
         ["!for n in self.all:", "try:", "!continue", "!pass", "!x = 1"]),
        ("match event['kind']:\n  case {'a': x}: pass\n  case 1: pass", ["!match event['kind']:", "pass", "pass"]),
        ("match event['kind']:\n  case 1 | 'a': pass", ["match event['kind']:", "pass"]),
        ("match event:\n  case Point(): pass", ["!match event:", "pass"]),
    ],
)  # fmt: skip
def test_what_runs_before_the_next_point_counts_as_the_statements(body, texts):
    found = local_texts(body)
    assert [text if not text.startswith(("!if", "if")) else "!if event:" for text in found] == texts


def test_statements_with_which_the_function_may_end_are_told():
    start = len(statements.STATEMENTS)
    body = "def f(x):\n if x:\n  return 1\n try:\n  y = 1\n finally:\n  y = 2\n for y in x:\n  y = 3\n"
    compiled("<leaving>", body)
    leaving = [each.text for each in statements.STATEMENTS[start:] if each.may_leave]
    assert leaving == ["return 1", "y = 2", "for y in x:", "y = 3"]


def test_an_expression_too_deep_to_judge_is_not_local():
    deep = " + ".join(["event"] * 900)
    assert local_texts(f"return {deep}") == [f"!return {deep}"]


def test_a_file_is_judged_when_one_of_its_statements_is_first_asked_for(monkeypatch):
    sources = []
    judged = locality._judged
    monkeypatch.setattr(locality, "_judged", lambda source: sources.append(source) or judged(source))
    compiled("<late>", "def f(event):\r\n    x = 1\r\n    return x\r\n")
    first, second = statements.STATEMENTS[-2:]
    assert (first.text, second.text) == ("x = 1", "return x")
    assert {first: 1}[first] == 1
    assert sources == []
    assert (first.is_local, first.may_leave, second.is_local, second.may_leave) == (True, False, True, True)
    assert len(sources) == 1
    assert "ocality" not in repr(first)


def test_every_statement_of_every_function_has_its_place():
    source = (
        "import functools\n@functools.cache\ndef f(x):\n    @functools.cache\n    class A:\n        y = 1\n"
        "        def g(self): 'x'; pass; return 1\n    match x:\n        case 1: pass\n"
    )
    start = len(statements.STATEMENTS)
    compiled("<places>", source)
    found = [(each.text, each.is_local, each.may_leave) for each in statements.STATEMENTS[start:]]
    assert found == [
        ("@functools.cache class A:", False, False), ("pass", True, False), ("return 1", True, True),
        ("match x:", False, True), ("pass", True, True),
    ]  # fmt: skip
