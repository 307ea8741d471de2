"""Points before every statement: where they stand, what they leave alone, and which functions are found."""

from __future__ import annotations

import ast
import asyncio  # noqa: TID251  # an async function is run once
import functools
import gc
import importlib.util
import itertools
import linecache
import os
import shutil
import subprocess
import sys
import textwrap
import traceback
import types
import weakref
from pathlib import Path

import pytest

from minisqs import errors
from minisqs.sim.code import following as following_module
from minisqs.sim.code import statements
from minisqs.sim.code.following import follow
from minisqs.sim.code.points import compiled
from minisqs.sim.code.users_files import traced, users_files


@pytest.fixture
def visited(monkeypatch):
    """The texts of the statements that are arrived at."""
    texts = []
    monkeypatch.setattr(statements, "arrive", lambda number: texts.append(statements.STATEMENTS[number].text))
    return texts


def followed(*roots, module):
    return follow([*roots, module], lambda path: path == module.__file__)


def texts_of(source, load, visited, *arguments):
    """What ``f`` of a source gives, and the statements on its way."""
    module = load(source)
    with followed(module.f, module=module):
        result = module.f(*arguments)
    return result, visited


# ------------------------------------------------------------------------------------- where points stand
def test_straight_code_has_a_point_before_each_statement_and_none_before_what_does_nothing(load, visited):
    source = '''
        COUNT = 0
        def f():
            """Counts."""
            global COUNT
            total: int
            COUNT = (
                COUNT +     1  # one more
            )
            "no docstring"
            return COUNT
    '''
    assert texts_of(source, load, visited) == (1, ["COUNT = ( COUNT + 1 )", '"no docstring"', "return COUNT"])


def test_a_loop_has_one_point_before_it_and_its_body_one_each_turn(load, visited):
    source = """
        def f():
            for n in range(2):
                if n:
                    break
            else:
                pass
            while n < 3:
                n += 1
            return n
    """
    _, texts = texts_of(source, load, visited)
    assert texts == [
        "for n in range(2):", "if n:", "if n:", "break", "while n < 3:", "n += 1", "n += 1", "return n",
    ]  # fmt: skip


def test_branches_and_match_have_points_in_the_branch_that_is_taken(load, visited):
    source = """
        def f(x):
            if x == 1: return "one"
            elif (x ==  # a comment: with a colon
                  2):
                return "two"
            else:
                match x:
                    case {"kind": kind}:
                        return kind
                    case _:
                        pass
    """
    assert texts_of(source, load, visited, {"kind": "k"}) == (
        "k",
        ["if x == 1:", "elif (x == 2):", "match x:", "return kind"],
    )


def test_try_except_finally_and_with_have_points_in_the_order_of_execution(load, visited):
    source = """
        import contextlib
        def f():
            try:
                with contextlib.suppress(KeyError) as nothing:
                    {}["a"]
                1 / 0
            except ZeroDivisionError:
                seen = "caught"
            else:
                pass
            finally:
                seen += "!"
            return seen
    """
    result, texts = texts_of(source, load, visited)
    assert result == "caught!"
    assert texts == [
        "try:", "with contextlib.suppress(KeyError) as nothing:", '{}["a"]', "1 / 0", 'seen = "caught"',
        'seen += "!"', "return seen",
    ]  # fmt: skip


def test_the_end_of_a_with_has_a_point_the_inner_one_first_unless_nothing_comes_to_it(load, visited):
    source = """
        from contextlib import nullcontext

        def f():
            with nullcontext() as a, nullcontext():
                with nullcontext():
                    a = 1
            for _ in "12":
                with nullcontext():
                    continue
            with nullcontext():
                if a:
                    return a
        """
    assert texts_of(source, load, visited)[1] == [
        "with nullcontext() as a, nullcontext():",
        "with nullcontext():",
        "a = 1",
        "end of with nullcontext():",
        "end of with nullcontext() as a, nullcontext():",
        'for _ in "12":',
        "with nullcontext():",
        "continue",
        "with nullcontext():",
        "continue",
        "with nullcontext():",
        "if a:",
        "return a",
    ]
    ends = [one for one in statements.STATEMENTS[-12:] if one.text.startswith("end of")]
    assert [(one.line, one.is_local, one.keeps_more) for one in ends] == [
        (6, False, True),
        (5, False, True),
        (11, False, True),
    ]


def test_the_end_of_an_async_with_has_a_point(load, visited):
    source = """
        import asyncio
        from contextlib import nullcontext

        def f():
            async def g():
                async with nullcontext():
                    pass

            return asyncio.run(g())
        """
    assert texts_of(source, load, visited)[1][-3:] == [
        "async with nullcontext():",
        "pass",
        "end of async with nullcontext():",
    ]


def test_nested_functions_generators_and_methods_of_nested_classes_have_points(load, visited):
    source = """
        def f():
            def gen(n):
                yield n
                yield n + 1
            class Inner:
                x = 1
                def method(self):
                    return [y for y in gen(self.x)]
            return Inner().method()
    """
    result, texts = texts_of(source, load, visited)
    assert result == [1, 2]
    assert texts == [
        "def gen(n):", "class Inner:", "return Inner().method()", "return [y for y in gen(self.x)]",
        "yield n", "yield n + 1",
    ]  # fmt: skip


def test_an_async_function_stays_one(load, visited):
    module = load("""
        async def each():
            yield 1
        async def f():
            async for n in each():
                await other()
            return n
        async def other():
            pass
    """)
    with followed(module=module):
        assert asyncio.run(module.f()) == 1
    assert visited == ["async for n in each():", "yield 1", "await other()", "pass", "return n"]


def test_a_closure_made_before_following_is_followed(load, visited):
    module = load("""
        def make(n):
            def inner():
                nonlocal n
                n += 1
                return n
            return inner
    """)
    inner = module.make(1)
    with followed(inner, module=module):
        assert inner() == 2
    assert visited == ["n += 1", "return n"]


def test_decorated_functions_and_all_kinds_of_methods_are_followed(load, visited):
    module = load("""
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                function(*args, **kwargs)
                return function(*args, **kwargs)
            return wrapper
        class Base:
            def __private(self):
                return 1
            def value(self):
                return self.__private()
        class Shop(Base):
            @twice
            def plain(self, *, key=1):
                return key
            @staticmethod
            def static():
                return "static"
            @classmethod
            def of(cls):
                return cls()
            @property
            def size(self):
                return "size"
            @size.setter
            def size(self, value):
                self.kept = value
            @functools.cached_property
            def cached(self):
                return "cached"
            @functools.lru_cache
            def remembered(self):
                return "remembered"
            def value(self):
                return super().value() + 1
    """)
    shop = module.Shop()
    following = follow([shop], lambda path: path == module.__file__)
    assert following.unfollowed == []
    with following:
        shop.plain()
        shop.static(), shop.of(), shop.size, shop.cached, shop.remembered()
        shop.size = 1
        assert shop.value() == 2
    assert visited == [
        "function(*args, **kwargs)", "return key", "return function(*args, **kwargs)", "return key",
        'return "static"', "return cls()", 'return "size"', 'return "cached"', 'return "remembered"',
        "self.kept = value", "return super().value() + 1", "return self.__private()", "return 1",
    ]  # fmt: skip


def test_a_decorated_definition_inside_a_function_begins_at_its_first_decorator(load, visited):
    module = load("""
        import functools
        def f():
            @functools.cache
            @staticmethod
            def inner(a: int = 1, *, b=lambda: {1: 2}) -> dict[str, int]:
                pass
    """)
    with followed(module=module) as following:
        module.f()
    assert visited == ["@functools.cache @staticmethod def inner(a: int = 1, *, b=lambda: {1: 2}) -> dict[str, int]:"]
    assert [(each.line, each.function) for each in following.statements] == [(4, "f"), (7, "f.<locals>.inner")]


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("while lambda a=lambda: 1: 0: # x: y", "while lambda a=lambda: 1: 0:"),
        ("if (lambda: {1: 2})()[1:2]:", "if (lambda: {1: 2})()[1:2]:"),
        ("if f'{x:>10}lambda:{y}': # é", "if f'{x:>10}lambda:{y}':"),
        ("if 'é' == x: z = 'é'", "if 'é' == x:"),
        ("with a as b, \\\n        c:", "with a as b, \\ c:"),
        ("if (y := x):", "if (y := x):"),
        ("if x:  # why\n        # because\n\n        pass\n    while 1:", "if x:"),
        ("if x:\n        # because\n\n        # of this\n        pass\n    while 1:", "if x:"),
        ("if (x[1:\n    2]): pass\n    while 1:", "if (x[1: 2]):"),
        ("if (x[1:  # one\n    2]):", "if (x[1: 2]):"),
        ("if x in (1,\n\n    2):", "if x in (1, 2):"),
        ("if x == ''':\n# no comment''':", "if x == ''': # no comment''':"),
        ("if x == '#:':", "if x == '#:':"),
        ("if x: y = 1; z = {2: 3}\n    while 1:", "if x:"),
        ("class A(x):\n        'Document.'\n    while 1:", "class A(x):"),
    ],
)
def test_a_header_ends_at_its_own_colon(header, text):
    body = "" if header.endswith("'é'") else "        pass\n"
    code = compiled(f"<{header}>", f"def f(x):\n  if 1:\n    {header}\n{body}")
    assert isinstance(code, types.CodeType)
    assert text in [each.text for each in statements.STATEMENTS if each.path == f"<{header}>"]


# ------------------------------------------------------------------------------------- what stays as it was
def test_tracebacks_keep_their_lines_and_functions_their_docstrings(load):
    module = load('''
        def f(x):
            """The document."""
            y = x
            return (
                1 +
                y.missing
            )
    ''')
    with followed(module=module), pytest.raises(AttributeError) as plain:
        module.f(1)
    assert traceback.extract_tb(plain.tb)[-1].lineno == 7
    with followed(module=module):
        assert module.f.__doc__ == "The document."
        assert module.f.__code__.co_consts[0] == module.f.__doc__


def test_an_error_thrown_at_a_point_stands_at_its_statement(load, monkeypatch):
    module = load("""
        def f(x):
            y = 1

            if x:
                pass
    """)

    def arrive(number):
        if statements.STATEMENTS[number].text == "if x:":
            raise KeyboardInterrupt

    monkeypatch.setattr(statements, "arrive", arrive)
    with followed(module=module), pytest.raises(KeyboardInterrupt) as thrown:
        module.f(1)
    [place] = [each for each in traceback.extract_tb(thrown.tb) if each.filename == module.__file__]
    assert (place.lineno, place.colno, place.end_lineno, place.end_colno) == (5, 4, 5, 9)


def test_the_code_is_back_afterwards_also_after_an_error_and_after_nesting(load):
    module = load("def f():\n    return 1\n")
    plain = module.f.__code__
    following = followed(module=module)
    assert module.f.__code__ is plain
    with following, following:
        with following:
            pass
        assert module.f.__code__ is not plain
    assert module.f.__code__ is plain
    with pytest.raises(ZeroDivisionError), following:
        raise ZeroDivisionError
    assert module.f.__code__ is plain


def test_a_point_that_nobody_listens_to_is_harmless(load):
    module = load("def f():\n    def g():\n        return 1\n    return g\n")
    with followed(module=module):
        kept = module.f()
    assert kept() == 1
    assert followed(kept, module=module).unfollowed == []


LINES = """
    import contextlib
    def f(x):
        total = 0
        for n in range(3):
            if n == 1:
                continue
            elif n:
                total += n
            try:
                total += {}[n]
            except KeyError as error:
                total += 1
            else:
                total = 0
            finally:
                total += 1
        while True:
            with contextlib.suppress(ValueError):
                raise ValueError
            total += 1
            if total > 5:
                break
        match total:
            case 1:
                pass
            case _:
                total = 3
        value: int
        "text"
        @contextlib.contextmanager
        def inner():
            yield total
        with inner() as result:
            return [
                y
                for y in range(result)
            ]
"""


def lines_seen(module):
    """The lines of a module that a tracer sees, in order."""
    seen = []

    def tracer(frame, event, argument):
        if frame.f_code.co_filename != module.__file__:
            return None
        if event == "line":
            seen.append((frame.f_code.co_name, frame.f_lineno))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        module.f(1)
    finally:
        sys.settrace(before)
    return seen


def by_statement(seen):
    """The lines in order, those of the one statement of several lines as its first, as coverage counts them."""
    first = [(name, 34 if line in range(34, 39) else line) for name, line in seen]
    return [line for line, _ in itertools.groupby(first)]


def test_a_tracer_sees_the_same_lines_with_points_and_without(load):
    module = load(LINES)
    plain = lines_seen(module)
    with followed(module=module):
        with_points = lines_seen(module)
    assert set(with_points) == set(plain)
    assert by_statement(with_points) == by_statement(plain)


def test_a_definition_file_is_compiled_once_and_its_points_keep_their_numbers(load):
    module = load("def f():\n    return 1\n")
    assert followed(module=module).statements == followed(module=module).statements


# --------------------------------------------------------------------------------------------- digests
def digests(source):
    start = len(statements.STATEMENTS)
    compiled(f"<digests {start}>", textwrap.dedent(source))
    return {(each.function, each.text): each.digest for each in statements.STATEMENTS[start:]}


def test_digests_stay_when_other_things_in_the_file_change():
    before = digests("def f(x):\n    a = 1\n    return a\n")
    after = digests("import os\n\n\ndef g():\n    return 1\ndef f(x, y):\n    # why\n    a  =  1\n\n    return a\n")
    assert before.items() <= after.items()
    assert all(len(digest) == 8 for digest in after.values())


def test_equal_statements_of_a_function_differ_in_their_digests():
    start = len(statements.STATEMENTS)
    compiled("<equal>", "def f(x):\n    if x:\n        x = 1\n    x = 1\ndef g(x):\n    x = 1\n")
    equal = [each for each in statements.STATEMENTS[start:] if each.text == "x = 1"]
    assert len({each.digest for each in equal}) == 3
    assert [each.function_digest for each in equal] == [equal[0].function_digest] * 2 + [equal[2].function_digest]
    assert len(equal[0].function_digest) == 4


PROGRAM = """
import sys
from minisqs.sim.code import statements
from minisqs.sim.code.points import compiled
source = open(sys.argv[1]).read()
compiled("app.py", source)
for each in statements.STATEMENTS:
    print(each.line, each.function, each.text, each.digest, each.function_digest, each.is_local, each.may_leave)
space = {}
exec(compiled("app.py", source), space)
statements.arrive = lambda number: print(number, statements.STATEMENTS[number].text)
space["f"](1)
"""


def pythons():
    root = Path(__file__).parents[2]
    places = [root / name / "bin" for name in (".venv", ".venv-3.12", ".venv-3.13")]
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", "")])
    return [shutil.which(f"python3.{minor}", path=path) for minor in (11, 12, 13)]


def points_on(python, path):
    library = {"PYTHONPATH": str(Path(statements.__file__).parents[3])}
    run = subprocess.run(
        [python, "-c", PROGRAM, path], env={**os.environ, **library}, capture_output=True, text=True, check=False
    )
    absent = ("No module named", "not installed", "command not found")  # the latter two are what shims say
    return None if any(words in run.stderr for words in absent) else run.stdout + run.stderr


def test_points_are_the_same_on_every_python(tmp_path):
    path = tmp_path / "app.py"
    path.write_text(textwrap.dedent(LINES))
    here = points_on(sys.executable, str(path))
    assert len(here.splitlines()) > 50
    others = [points_on(python, str(path)) for python in pythons() if python]
    compared = [other for other in others if other is not None]
    if not compared:
        pytest.skip("no other Python with attrs")
    assert compared == [here] * len(compared)


# ------------------------------------------------------------------------------- what cannot be followed
def test_a_file_that_changed_since_its_import_is_not_followed(load, visited):
    module = load("""
        def f():
            return 1
        def g():
            return 2
    """)
    path = Path(module.__file__)
    path.write_text(path.read_text().replace("return 2", "return 2 + 0 * 7 + 1"))
    with followed(module=module) as following:
        assert (module.f(), module.g()) == (1, 2)
    assert following.unfollowed == [f"g ({path}:4)"]
    assert visited == ["return 1"]
    path.unlink()
    assert followed(module=module).unfollowed == [f"f ({path}:2)", f"g ({path}:4)"]
    path.write_text("def f(:\n")
    assert followed(module=module).unfollowed == [f"f ({path}:2)", f"g ({path}:4)"]


def test_code_of_a_shell_is_followed_through_linecache(visited):
    source = "def f():\n    return 1\n"
    name = "<shell-input-1>"
    space = {}
    exec(compile(source, name, "exec"), space)
    trace = users_files(name)
    assert follow([space["f"]], trace).unfollowed == [f"f ({name}:1)"]
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        with follow([space["f"]], trace):
            space["f"]()
    finally:
        del linecache.cache[name]
    assert visited == ["return 1"]


def asserting(number):
    assert number in {1, 2}, "small"
    doubled = [number * 2 for _ in range(1)]
    assert all(value > 1 for value in doubled)
    return doubled


def test_functions_whose_assertions_pytest_rewrote_are_followed(visited):
    following = follow([asserting], lambda path: path == __file__)
    assert not [name for name in following.unfollowed if name.startswith("asserting")]
    with following:
        asserting(1)
    assert visited == [
        'assert number in {1, 2}, "small"', "doubled = [number * 2 for _ in range(1)]",
        "assert all(value > 1 for value in doubled)", "return doubled",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------ what is searched
def test_the_search_asks_objects_nothing(load, visited):
    module = load("""
        class Trap:
            __slots__ = ("helper", "unset")
            def __init__(self):
                self.helper = {"nested": [1], "shop": 2}
            def __getattr__(self, name):
                raise SystemError(name)
            @property
            def danger(self):
                raise SystemError
            @property
            def __class__(self):
                raise SystemError
            @property
            def __dict__(self):
                raise SystemError
            def handler(self):
                return 1
    """)
    trap = module.Trap()
    del module.Trap
    with follow([trap.handler], lambda path: path == module.__file__):
        trap.handler()
    assert visited == ["return 1"]


def keeping(function):
    return lambda: function


def test_what_roots_hold_is_found_in_containers_partials_closures_and_defaults(load):
    module = load("""
        import functools
        def one(): return 1
        def two(): return 2
        def three(): return 3
        def four(): return 4
        def five(): return 5
        class Root:
            def __init__(self, **kept):
                self.__dict__ |= kept
            def method(self, default=five):
                pass
    """)
    kept = {"by_name": {"a": module.one}, "several": [module.two], "later": functools.partial(module.three)}
    root = module.Root(**kept, closure=keeping(module.four))
    # Without their module the functions are reached through the root alone.
    for name in ("one", "two", "three", "four", "five"):
        delattr(module, name)
    names = {each.function for each in follow([root], lambda path: path == module.__file__).statements}
    assert {"one", "two", "three", "four", "five", "Root.method"} <= names


def test_an_object_of_a_library_is_looked_into_but_not_far(load):
    module = load("""
        import types
        def near(): return 1
        def far(): return 1
    """)
    near, far = module.near, module.far
    del module.near, module.far

    def wrapped(function, times):
        holder = function
        for _ in range(times):
            holder = types.SimpleNamespace(held=holder)
        return holder

    following = follow([wrapped(near, 2), wrapped(far, 9)], lambda path: path == module.__file__)
    assert [each.function for each in following.statements] == ["near"]


def names_found(roots, *modules, trace=None):
    """The functions followed, in the order of their names."""
    files = {module.__file__ for module in modules}
    return sorted(each.__qualname__ for each in follow(roots, trace or files.__contains__).functions)


def test_a_function_leads_to_what_it_names_and_no_further(load):
    module = load("""
        import functools
        def root():
            def inner():
                return named() + [quiet() for _ in ()]
            return inner, TABLE, SHOP, later
        def named(): return deeper()
        def deeper(): return 1
        def quiet(): return 1
        def in_table(): return 1
        def deep_in_table(): return 1
        def held(): return 1
        def partly(): return 1
        def unnamed(): return 1
        class Shop:
            def __init__(self):
                self.held = [held]
            def sell(self): return 1
        TABLE = {"a": in_table, "b": [("c", {"d": deep_in_table})]}
        SHOP = Shop()
        later = functools.partial(partly, 1)
    """)
    assert names_found([module.root], module) == [
        "Shop.__init__", "Shop.sell", "deep_in_table", "deeper", "held", "in_table", "named", "partly", "quiet", "root",
    ]  # fmt: skip


def test_containers_are_looked_into_at_any_depth_also_those_of_classes_of_their_own_and_round_in_circles(load):
    module = load("""
        from typing import NamedTuple
        def root(): return ROUTES, REGISTRY
        def in_route(): return 1
        def in_registry(): return 1
        def in_circle(): return 1
        class Route(NamedTuple):
            name: str
            function: object
        class Registry(dict):
            def values(self): raise AssertionError("asked")
        ROUTES = [Route("a", in_route)]
        REGISTRY = Registry(a=[in_registry])
        ROUTES += [ROUTES, in_circle]
    """)
    names = set(names_found([module.root], module))
    assert {"in_route", "in_registry", "in_circle"} <= names


def test_of_a_large_container_the_first_thousand_things_are_looked_at(load):
    module = load("""
        def root(): return FEW, MANY
        def near(): return 1
        def far(): return 1
        FEW = [[None] * 500, near]
        MANY = [[None] * 1000, [far]]
    """)
    assert names_found([module.root], module) == ["near", "root"]


def test_a_class_leads_to_all_that_stands_in_it_and_in_its_bases(load):
    base = load("class Base:\n    def inherited(self): return 1\n    def other(self): return 1\n", "base")
    shop = load("""
        class Shop:
            class Part:
                def inside(self): return 1
            def sell(self): return Part
        class Meant:
            def meant(self): return 1
    """)
    assert names_found([shop.Shop], base, shop) == ["Shop.Part.inside", "Shop.sell"]
    made_elsewhere = type("Made", (shop.Shop, base.Base), {"__module__": "collections"})
    whole = ["Base.inherited", "Base.other", "Shop.Part.inside", "Shop.sell"]
    assert names_found([made_elsewhere], base, shop) == whole
    assert names_found([made_elsewhere()], base, shop) == whole


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three modules, each with functions of which the root names some."""
    sources = {
        "__init__": "",
        "shop": "def sell(): return 1\ndef buy(): return 1\n",
        "till": "from . import shop\ndef pay(): return shop.sell()\ndef idle(): return shop.buy()\n",
    }
    name = f"package_{tmp_path.name}"
    for module, source in sources.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(f"{name}.till").__package__
    for module in [each for each in sys.modules if each.split(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.parametrize(
    ("imported", "body"),
    [
        ("import {0}.till", "{0}.till.pay()"),
        ("import {0}.till as desk", "desk.pay()"),
        ("from {0} import till", "till.pay()"),
        ("from {0}.till import pay", "pay()"),
        ("from .till import pay as paid", "paid()"),
        ("from . import till", "till.pay()"),
    ],
)
@pytest.mark.parametrize("within", [False, True])
def test_of_a_module_what_is_named_is_reached_also_when_it_is_imported_in_the_function(
    imported, body, within, package, load
):
    start = f"def root():\n    {imported}\n" if within else f"{imported}\ndef root():\n"
    path = Path(sys.modules[package].__file__).parent / "root.py"
    path.write_text((start + f"    return {body}\n").format(package))
    root = importlib.import_module(f"{package}.root").root
    # The package's own file is not traced: its modules are reached through it all the same.
    assert names_found([root], trace=lambda path: Path(path).stem in {"root", "till", "shop"}) == [
        "pay",
        "root",
        "sell",
    ]


def test_a_function_closing_over_a_module_leads_to_what_it_names_of_it(package, load):
    module = load("def make(till):\n    def root(): return till.pay()\n    return root\n")
    trace = {module.__file__, *(sys.modules[f"{package}.{name}"].__file__ for name in ("till", "shop"))}.__contains__
    root = module.make(sys.modules[f"{package}.till"])
    assert names_found([root], trace=trace) == ["make.<locals>.root", "pay", "sell"]


def test_a_module_among_the_roots_or_held_by_an_object_leads_to_all_of_its_own(package):
    till, shop = (sys.modules[f"{package}.{name}"] for name in ("till", "shop"))
    assert names_found([till], till, shop) == ["buy", "idle", "pay", "sell"]
    till.shop = None
    assert names_found([till], till, shop) == ["idle", "pay"]
    assert names_found([types.SimpleNamespace(module=shop)], till, shop) == ["buy", "sell"]


def test_code_of_a_module_to_be_executed_leads_to_what_it_imports(package, tmp_path):
    source = f"from {package}.till import pay\ndef handler(event, context):\n    return pay()\n"
    code = compile(source, str(tmp_path / "handler.py"), "exec")
    found = names_found([types.SimpleNamespace(code=code)], trace=lambda path: path.startswith(str(tmp_path)))
    assert found == ["pay", "sell"]


def test_functions_found_by_computed_names_only_are_not_reached(load):
    module = load("""
        import sys
        def root(name): return getattr(sys.modules[__name__], "on_" + name)
        def on_sale(): return 1
    """)
    assert names_found([module.root], module) == ["root"]


def test_a_module_executed_anew_has_points_from_the_start(visited):
    source = "x = 1\ndef f():\n    return x\nf()\n"
    space = {}
    exec(compiled("<anew>", source), space)
    assert visited == ["return x"]
    assert compiled("<anew>", source) is compiled("<anew>", source)
    with pytest.raises(SyntaxError):
        compiled("<anew>", "def")


def test_what_is_found_comes_in_the_order_of_the_files_however_it_is_held(load):
    first = load("def f(): return 1\ndef g(): return 2\n", "a")
    second = load("def h(): return 3\n", "b")
    trace = {first.__file__, second.__file__}.__contains__
    follow([second.h], trace)
    following = follow([second.h, first.g, first.f], trace)
    assert [each.__name__ for each in following.functions] == ["f", "g", "h"]
    assert [each.text for each in following.statements] == ["return 1", "return 2", "return 3"]


# ------------------------------------------------------------------------------- answers that are remembered
@pytest.fixture
def walks(monkeypatch):
    """How often the functions that were found were looked up in their files."""
    searched = []
    answer = following_module._answer
    monkeypatch.setattr(following_module, "_answer", lambda *given: searched.append(1) or answer(*given))
    return searched


def test_the_same_functions_are_followed_again_without_a_look_into_their_files(load, walks, visited):
    module = load("class Shop:\n    def sell(self):\n        return 1\n")
    shop, trace = module.Shop(), {module.__file__}.__contains__
    first = follow([shop.sell, module.Shop], trace)
    with first:
        again = follow([shop.sell, module.Shop], trace)
    with again:
        shop.sell()
    assert (len(walks), visited) == (1, ["return 1"])
    assert (again.functions, again.statements, again.unfollowed) == (first.functions, first.statements, [])
    assert again.functions == (module.Shop.sell,)


def test_what_a_global_a_class_or_a_registry_holds_by_now_is_followed(load, monkeypatch):
    module = load("""
        def first(): return 1
        def second(): return 2
        def third(): return 3
        CALLBACKS = []
        current = first
        class Shop:
            def sell(self): return current, CALLBACKS
    """)
    trace = {module.__file__}.__contains__
    names = lambda: [each.__name__ for each in follow([module.Shop], trace).functions]  # noqa: E731
    assert names() == ["first", "sell"]
    monkeypatch.setattr(module, "current", module.second)
    assert names() == ["second", "sell"]
    module.CALLBACKS.append(module.third)
    assert names() == ["second", "third", "sell"]
    monkeypatch.setattr(module.Shop, "sell", module.third)
    assert names() == ["third"]
    monkeypatch.undo()
    assert names() == ["first", "third", "sell"]


def test_a_function_with_another_code_or_another_file_is_looked_up_anew(load, walks):
    module = load("def f(): return g()\ndef g(): return 1\n")
    path, trace = Path(module.__file__), {module.__file__}.__contains__
    assert len(follow([module.f], trace).functions) == 2
    module.g.__code__ = (lambda: 2).__code__
    assert len(follow([module.f], trace).functions) == 1
    del module.g
    assert len(follow([module.f], trace).functions) == 1
    path.write_text(path.read_text() + "# later\n")
    assert len(follow([module.f], trace).functions) == 1
    assert len(walks) == 3


def test_a_module_loaded_since_then_is_found_by_a_function_that_imports_it(package, walks):
    till = sys.modules.pop(f"{package}.till")
    path = Path(sys.modules[package].__file__).parent / "root.py"
    path.write_text("def root():\n    from .till import pay\n    return pay()\n")
    root = importlib.import_module(f"{package}.root").root
    trace = {str(path), till.__file__}.__contains__
    assert names_found([root], trace=trace) == names_found([root], trace=trace) == ["root"]
    sys.modules[till.__name__] = till
    assert names_found([root], trace=trace) == ["pay", "root"]
    assert len(walks) == 2


def test_an_answer_keeps_neither_roots_nor_functions_alive(load):
    module = load("class Shop:\n    def sell(self): return 1\n")
    trace = {module.__file__}.__contains__
    follow([module.Shop], trace)
    function, shop = weakref.ref(module.Shop.sell), weakref.ref(module.Shop)
    del module
    gc.collect()
    assert (function(), shop()) == (None, None)


def test_few_answers_are_remembered(load, walks):
    modules = [load("class Shop:\n    __slots__ = ()\n    def sell(self): return 1\n") for _ in range(99)]
    trace = {module.__file__ for module in modules}.__contains__
    for module in modules:
        follow([module.Shop], trace)
    assert len(following_module._ANSWERS) == following_module._ANSWERS_MAX
    follow([modules[-1].Shop()], trace)
    assert len(walks) == 99
    follow([modules[0].Shop()], trace)
    assert len(walks) == 100


# -------------------------------------------------------------------------------------- the user's files
@pytest.fixture
def project(tmp_path):
    for name in (
        "project/pyproject.toml", "project/src/app/shop.py", "project/tests/test_shop.py", "project/.venv/pyvenv.cfg",
        "project/.venv/lib/x.py", "project/env/site-packages/y.py", "other/z.py", "project2/a.py",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_the_users_files_are_those_of_the_project_of_the_subject(project):
    belongs = users_files(str(project / "project/tests/test_shop.py"))
    files = sorted(path for path in project.rglob("*.py") if belongs(str(path)))
    assert files == [project / "project/src/app/shop.py", project / "project/tests/test_shop.py"]
    assert not any(map(belongs, (ast.__file__, pytest.__file__, "<string>", "<stdin>")))


def test_without_a_project_the_users_files_are_those_beside_the_subject(project):
    belongs = users_files(str(project / "other/z.py"))
    assert belongs(str(project / "other/new.py"))
    assert not belongs(str(project / "project2/a.py"))


def test_a_subject_from_a_shell_has_only_that_for_its_file():
    belongs = users_files("<stdin>")
    assert belongs("<stdin>")
    assert not belongs("<string>")
    assert not belongs(__file__)


def test_of_this_project_the_tests_are_the_users_and_minisqs_is_not():
    belongs = users_files(__file__)
    assert belongs(__file__)
    assert belongs(str(Path(__file__).parents[2] / "examples" / "orders.py"))
    assert not belongs(statements.__file__)
    assert not belongs(errors.__file__)


def test_trace_may_be_paths_modules_and_functions(project, monkeypatch, load):
    shop = str(project / "project/src/app/shop.py")
    other = str(project / "other/z.py")
    monkeypatch.chdir(project / "project")
    module = load("")
    package = types.ModuleType("app")
    package.__file__, package.__path__ = str(project / "project/src/app/__init__.py"), []
    table = {
        None: (False, True), shop: (True, False), project / "other": (False, True), "src": (True, False),
        (other, "src"): (True, True), module: (False, False), package: (True, False),
    }  # fmt: skip
    for trace, (has_shop, has_other) in table.items():
        belongs = traced(trace, other)
        assert (belongs(shop), belongs(other)) == (has_shop, has_other), trace
    assert traced(module, other)(module.__file__)
    assert traced([], other)(other) is False
    function = str.isupper
    assert traced(function, other) is function


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (3, "trace=3; it must be a path or a module, a list of these, a function"),
        ([None], "trace=None; it must be"),
        ("no/such.py", "trace='no/such.py': there is no such file"),
        (sys, "the module sys has no file"),
    ],
)
def test_another_trace_is_refused_by_name(trace, message):
    with pytest.raises(errors.UsageError, match=message):
        traced(trace, __file__)


def test_the_same_files_are_asked_for_by_the_same_function(project):
    shop, other = str(project / "project/src/app/shop.py"), str(project / "other/z.py")
    assert traced(None, shop) is traced(None, str(project / "project/tests/test_shop.py"))
    assert traced([other, shop], other) is traced((shop, other), shop)
    assert traced(None, "<stdin>") is traced(None, "<stdin>")
