"""Functions that run in the user's files without points: which are seen, and which function objects they are."""

from __future__ import annotations

import sys

import pytest

from minisqs.sim.code.following import follow
from minisqs.sim.code.running import Running
from minisqs.sim.strands import Carriers


def watched(module, call, *roots, trace=None):
    """What runs without points in a module while something is called, by name, and those of its functions that are found."""
    trace = trace or (lambda path: path == module.__file__)
    with follow(roots, trace) as following:
        running = Running(trace, following, Carriers())
        with running:
            call()
        return [name.partition(" ")[0] for name in running.names()], running.functions()


def test_a_function_that_runs_without_points_is_found_and_others_are_left_aside(load):
    module = load('''
        def root():
            """With points."""
            def inner():
                """Without a statement."""
            inner()
            class Local:
                x = 1
            return [globals()["hid" + "den"](), (lambda: 1)(), *(one for one in ())]
        def hidden(): return 1
        def idle(): return 1
    ''')
    names, functions = watched(module, module.root, module.root)
    assert (names, functions) == (["hidden"], [module.hidden])
    assert watched(module, module.root, module.root, module.hidden) == ([], [])


def test_generators_and_coroutines_are_seen(load):
    module = load("def many():\n    yield 1\nasync def later():\n    return 1\n")

    def call():
        list(module.many())
        with pytest.raises(StopIteration):
            module.later().send(None)

    assert watched(module, call) == (["many", "later"], [module.many, module.later])


def test_of_functions_made_by_the_same_code_those_are_found_that_ran(load):
    module = load("""
        def decorated(function):
            def wrapper():
                return function()
            return wrapper
        @decorated
        def one(): return 1
        @decorated
        def two(): return 2
        @decorated
        def idle(): return 3
    """)
    names, functions = watched(module, lambda: (module.one(), module.two()))
    assert names == ["decorated.<locals>.wrapper", "one", "two"]
    assert {module.one, module.two} < set(functions)
    assert module.idle not in functions


def test_a_function_that_is_gone_is_named_though_it_is_not_found(load):
    module = load("""
        import types
        def root(): types.FunctionType(compile("def made(): return 1", __file__, "exec").co_consts[0], {})()
    """)
    assert watched(module, module.root, module.root) == (["made"], [])


def test_what_the_users_code_is_run_by_is_never_taken_for_it(load):
    module = load("import json\ndef root(): return json.loads('[1]')\n")
    names, _ = watched(module, module.root, trace=lambda path: True)
    assert names == ["root", "test_what_the_users_code_is_run_by_is_never_taken_for_it.<locals>.<lambda>"][:1]


def test_whoever_has_a_profile_function_keeps_it(load):
    module = load("def root(): return 1\n")
    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    try:
        profile = sys.getprofile()
        assert watched(module, module.root) == ([], [])
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert calls
    assert watched(module, module.root)[0] == ["root"]
    assert sys.getprofile() is None
