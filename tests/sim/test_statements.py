"""Points before every statement: where they stand, what they leave alone, and which statements are a call's own."""

from __future__ import annotations

import ast
import asyncio  # noqa: TID251  # an async function is run once
import functools
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
from pathlib import Path

import pytest

from minisqs import errors
from minisqs.sim import statements


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


@pytest.fixture
def visited(monkeypatch):
    """The texts of the statements that are arrived at."""
    texts = []
    monkeypatch.setattr(statements, "arrive", lambda number: texts.append(statements.STATEMENTS[number].text))
    return texts


def followed(*roots, module):
    return statements.follow([*roots, module], lambda path: path == module.__file__)


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
    following = statements.follow([shop], lambda path: path == module.__file__)
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
    ],
)
def test_a_header_ends_at_its_own_colon(header, text):
    body = "" if header.endswith("'é'") else "        pass\n"
    code = statements.compiled(f"<{header}>", f"def f(x):\n  if 1:\n    {header}\n{body}")
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
    statements.compiled(f"<digests {start}>", textwrap.dedent(source))
    return {(each.function, each.text): each.digest for each in statements.STATEMENTS[start:]}


def test_digests_stay_when_other_things_in_the_file_change():
    before = digests("def f(x):\n    a = 1\n    return a\n")
    after = digests("import os\n\n\ndef g():\n    return 1\ndef f(x, y):\n    # why\n    a  =  1\n\n    return a\n")
    assert before.items() <= after.items()
    assert all(len(digest) == 8 for digest in after.values())


def test_equal_statements_of_a_function_differ_in_their_digests():
    start = len(statements.STATEMENTS)
    statements.compiled("<equal>", "def f(x):\n    if x:\n        x = 1\n    x = 1\ndef g(x):\n    x = 1\n")
    equal = [each for each in statements.STATEMENTS[start:] if each.text == "x = 1"]
    assert len({each.digest for each in equal}) == 3
    assert [each.function_digest for each in equal] == [equal[0].function_digest] * 2 + [equal[2].function_digest]
    assert len(equal[0].function_digest) == 4


PROGRAM = """
import sys
from minisqs.sim import statements
source = open(sys.argv[1]).read()
statements.compiled("app.py", source)
for each in statements.STATEMENTS:
    print(each.line, each.function, each.text, each.digest, each.function_digest, each.is_local, each.may_leave)
space = {}
exec(statements.compiled("app.py", source), space)
statements.arrive = lambda number: print(number, statements.STATEMENTS[number].text)
space["f"](1)
"""


def pythons():
    root = Path(__file__).parents[2]
    places = [root / name / "bin" for name in (".venv", ".venv-3.12", ".venv-3.13")]
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", "")])
    return [shutil.which(f"python3.{minor}", path=path) for minor in (11, 12, 13)]


def points_on(python, path):
    library = {"PYTHONPATH": str(Path(statements.__file__).parents[2])}
    run = subprocess.run(
        [python, "-c", PROGRAM, path], env={**os.environ, **library}, capture_output=True, text=True, check=False
    )
    return None if "No module named" in run.stderr or "not installed" in run.stderr else run.stdout + run.stderr


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
    trace = statements.users_files(name)
    assert statements.follow([space["f"]], trace).unfollowed == [f"f ({name}:1)"]
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        with statements.follow([space["f"]], trace):
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
    following = statements.follow([asserting], lambda path: path == __file__)
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
    with statements.follow([trap.handler], lambda path: path == module.__file__):
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
    names = {each.function for each in statements.follow([root], lambda path: path == module.__file__).statements}
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

    following = statements.follow([wrapped(near, 2), wrapped(far, 9)], lambda path: path == module.__file__)
    assert [each.function for each in following.statements] == ["near"]


def test_modules_that_are_loaded_and_traced_are_found_by_themselves(load, monkeypatch):
    module = load("def f():\n    return 1\n")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    following = statements.follow([], lambda path: path == module.__file__)
    assert [each.text for each in following.statements] == ["return 1"]


def test_a_module_executed_anew_has_points_from_the_start(visited):
    source = "x = 1\ndef f():\n    return x\nf()\n"
    space = {}
    exec(statements.compiled("<anew>", source), space)
    assert visited == ["return x"]
    assert statements.compiled("<anew>", source) is statements.compiled("<anew>", source)
    with pytest.raises(SyntaxError):
        statements.compiled("<anew>", "def")


# ---------------------------------------------------------------------------------- a call's own statements
def local_texts(body, header="def f(self, event, context):", before="import json"):
    """The texts of a function's statements, those that are not local behind a '!'."""
    start = len(statements.STATEMENTS)
    source = f"{before}\n{header}\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    statements.compiled(f"<local {start}>", source)
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
        ("x = 1\nx = self.y\nreturn x", ["x = 1", "!x = self.y", "!return x"]),  # impure somewhere
        ("x = 1\ndef g(): return x\nreturn 1", ["!x = 1", "!def g():", "!return x", "return 1"]),  # captured
        ("global x\nx = 1\nreturn x", ["!x = 1", "!return x"]),
        (
            "x = event['a']\nself.kept = x\nreturn len(event)",
            ["!x = event['a']", "!self.kept = x", "!return len(event)"],
        ),
        ("self.f(event['body'])\nreturn len(event)", ["!self.f(event['body'])", "return len(event)"]),  # a text
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
    statements.compiled("<leaving>", body)
    leaving = [each.text for each in statements.STATEMENTS[start:] if each.may_leave]
    assert leaving == ["return 1", "y = 2", "for y in x:", "y = 3"]


def test_an_expression_too_deep_to_judge_is_not_local():
    deep = " + ".join(["event"] * 900)
    assert local_texts(f"return {deep}") == [f"!return {deep}"]


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
    belongs = statements.users_files(str(project / "project/tests/test_shop.py"))
    files = sorted(path for path in project.rglob("*.py") if belongs(str(path)))
    assert files == [project / "project/src/app/shop.py", project / "project/tests/test_shop.py"]
    assert not any(map(belongs, (ast.__file__, pytest.__file__, "<string>", "<stdin>")))


def test_without_a_project_the_users_files_are_those_beside_the_subject(project):
    belongs = statements.users_files(str(project / "other/z.py"))
    assert belongs(str(project / "other/new.py"))
    assert not belongs(str(project / "project2/a.py"))


def test_a_subject_from_a_shell_has_only_that_for_its_file():
    belongs = statements.users_files("<stdin>")
    assert belongs("<stdin>")
    assert not belongs("<string>")
    assert not belongs(__file__)


def test_of_this_project_the_tests_are_the_users_and_minisqs_is_not():
    belongs = statements.users_files(__file__)
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
        belongs = statements.traced(trace, other)
        assert (belongs(shop), belongs(other)) == (has_shop, has_other), trace
    assert statements.traced(module, other)(module.__file__)
    assert statements.traced([], other)(other) is False
    function = str.isupper
    assert statements.traced(function, other) is function


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
        statements.traced(trace, __file__)
