"""What the functions under way hold at a statement: their variables and iterators, and where Python keeps more."""

from __future__ import annotations

import pickle
import sys
import textwrap

import pytest

from minisqs.sim.code import frames, statements
from minisqs.sim.code.following import follow

WORDS = ["one", "two"]


@pytest.fixture
def seen(load, monkeypatch):
    """What ``f`` gives, and what is held at each statement on its way: the text, and a pickle; None where nothing is told."""

    def seen(source, *arguments):
        module = load(source)
        found = []

        def arrive(number):
            held = frames.held(sys._getframe().f_back, statements.POINT_CODE, seen.__code__, keeps_more)
            found.append((statements.STATEMENTS[number].text, None if held is None else pickled(held)))

        with follow([module.f], lambda path: path == module.__file__):
            monkeypatch.setattr(statements, "arrive", arrive)
            result = module.f(*arguments)
            monkeypatch.setattr(statements, "arrive", None)
        return result, found

    return seen


def keeps_more(number):
    return statements.STATEMENTS[number].keeps_more


def pickled(held):
    try:
        return pickle.dumps(held)
    except (TypeError, pickle.PicklingError) as error:
        return str(error)


def variables(held):
    """The variables of each function that is under way, the innermost first, without those that no user has named."""
    return [
        {name: value for name, value in those.items() if not name.startswith("__minisqs")}
        for _, those in pickle.loads(held)
    ]


def test_the_variables_of_each_function_under_way_are_told(seen):
    _, found = seen(
        """
        def f(word):
            length = len(word)
            return g(length)

        def g(number):
            doubled = 2 * number
            return doubled
        """,
        "four",
    )
    assert [(text, variables(held)) for text, held in found] == [
        ("length = len(word)", [{"word": "four"}]),
        ("return g(length)", [{"word": "four", "length": 4}]),
        ("doubled = 2 * number", [{"number": 4}, {"word": "four", "length": 4}]),
        ("return doubled", [{"number": 4, "doubled": 8}, {"word": "four", "length": 4}]),
    ]


def test_two_turns_of_a_loop_are_told_apart_by_its_iterator(seen):
    _, found = seen(
        """
        def f(words):
            for word in words:
                word = ""
                len(word)
        """,
        WORDS,
    )
    first, second = (held for text, held in found if text == "len(word)")
    assert first != second


@pytest.mark.parametrize(
    "made",
    ["list(words)", "tuple(words)", "range(2)", "enumerate(words)", "zip(words)", "'ab'", "reversed([1, 2])"],
)  # fmt: skip
def test_iterators_of_python_s_own_are_told(seen, made):
    result, found = seen(
        f"""
        def f(words):
            turns = 0
            for one in {made}:
                turns += 1
            return turns
        """,
        WORDS,
    )
    assert result == 2 if made != "zip(words)" else result in {1, 2}
    assert len({held for _, held in found}) == len(found)
    assert all(isinstance(held, bytes) for _, held in found)


@pytest.mark.parametrize(
    "made",
    [
        "(word for word in words)",
        "map(str, words)",
        "iter(words.pop, 'one')",
        "zip(map(str, words))",
        "enumerate(map(str, words))",
        "dict(enumerate(words))",
        "dict(enumerate(words)).items()",
        "set(words)",
    ],
)
def test_what_holds_an_iterator_that_does_not_tell_all_cannot_be_pickled(seen, made):
    _, found = seen(
        f"""
        def f(words):
            for one in {made}:
                repr(one)
        """,
        list(WORDS),
    )
    assert dict(found)["repr(one)"] == "an iterator does not tell all that it holds"


def test_a_generator_is_closed_where_the_loop_over_it_ends(seen):
    ends, _ = seen(
        """
        def f():
            ends = []
            for one in numbers(ends):
                break
            ends.append("after")
            return ends

        def numbers(ends):
            try:
                yield 1
            finally:
                ends.append("closed")
        """
    )
    assert ends == ["closed", "after"]


def test_no_variable_is_kept_alive_by_being_looked_at(seen):
    ends, _ = seen(
        """
        class Thing:
            def __init__(self, ends):
                self.ends = ends

            def __del__(self):
                self.ends.append("gone")

        def f():
            ends = []
            thing = Thing(ends)
            del thing
            ends.append("after")
            return ends
        """
    )
    assert ends == ["gone", "after"]


@pytest.mark.parametrize(
    "block",
    [
        "with open(__file__):\n    len('x')",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    len('x')",
        "try:\n    pass\nfinally:\n    len('x')",
        "with open(__file__):\n    for _ in '1':\n        len('x')",
    ],
)
def test_nothing_is_told_where_python_keeps_more(seen, block):
    _, found = seen("def f():\n" + textwrap.indent(block, "    ") + "\n    len('y')")
    assert dict(found)["len('x')"] is None
    assert dict(found)["len('y')"] is not None


@pytest.mark.parametrize("block", ["try:\n    len('x')\nfinally:\n    pass", "if True:\n    len('x')", "match 1:\n    case 1:\n        len('x')", "while True:\n    len('x')\n    break"])  # fmt: skip
def test_other_blocks_keep_nothing(seen, block):
    _, found = seen("def f():\n" + textwrap.indent(block, "    "))
    assert dict(found)["len('x')"] is not None


@pytest.mark.parametrize(
    ("call", "is_told"),
    [
        ("g()", True),
        ("x = g()", True),
        ("return g()", True),
        ("if g(): pass", True),
        ("if not g(): pass", True),
        ("x = 1 + g()", False),
        ("x = [1, g()]", False),
        ("str(g())", False),
        ("x = {}\n    x['a'] = g()", True),
        ("x = 1\n    x += g()", False),
        ("x = g\n    x()", False),
        ("with open(__file__): g()", False),
        ("[g() for _ in '1']", False),
    ],
)
def test_a_caller_is_told_where_its_call_is_all_that_it_does(seen, call, is_told):
    _, found = seen(f"def f():\n    {call}\n\ndef g():\n    return 1\n")
    assert (dict(found)["return 1"] is not None) == is_told


def test_code_of_c_that_calls_an_argument_of_its_own_name_is_not_taken_for_it(seen):
    _, found = seen("def f():\n    [0, 0].sort(key=sort)\n\ndef sort(one):\n    return 1\n")
    assert dict(found)["return 1"] is None


def test_a_function_that_may_see_its_own_variables_has_no_others(seen):
    result, found = seen(
        """
        def f():
            for word in ["one"]:
                found = sorted(locals())
            return found
        """
    )
    assert result == ["word"]
    assert dict(found)["found = sorted(locals())"] is None


def test_code_of_minisqs_between_two_functions_of_the_user_s_is_not_looked_into(seen):
    _, found = seen(
        """
        from minisqs.outside import Table

        def f():
            table = Table()
            table.put("a", 1)
            table.update("a", g)

        def g(item):
            return item
        """
    )
    assert dict(found)["return item"] is None


@pytest.mark.parametrize("call", ["sorted([1], key=g)", "list(map(g, [1]))", "import copy\n    copy.deepcopy(Odd())"])
def test_code_of_others_on_the_stack_is_not_looked_into(seen, call):
    _, found = seen(
        f"class Odd:\n    def __deepcopy__(self, memo):\n        return g(1)\n\ndef f():\n    {call}\n\n"
        "def g(one):\n    return one\n"
    )
    assert dict(found)["return one"] is None
