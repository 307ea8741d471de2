"""Points before every statement of the user's own code, where a search for faults may act.

``follow`` looks for the functions of the user's files that its roots can reach. While its answer is entered, they
run a code that calls ``arrive`` with a number before each statement; ``STATEMENTS`` says what stands there. The
code is compiled from the file itself, with a call put before each statement, at the statement's own line: so the
points are the same on every Python, tracebacks and coverage see the lines they know, and no trace function is
needed.

What holds:

* A point stands before each statement of a function's body and of the blocks in it. A loop has one point before
  it and none for each turn; its body's statements have theirs. Docstrings and declarations (``global``,
  ``nonlocal``, a bare annotation), which do nothing, have none, nor have lambdas and comprehensions.
* A function is followed only if its file, as it can be read now, still compiles to the code that it runs.
* Points are numbered for each process; a statement's digest is the same in all of them, and does not change
  when something else in the file does.

How functions are reached: by name, as the code would reach them, and through what the roots hold.

* A function leads to what it closes over, to its defaults and what it wraps, and to those of its module's globals
  that it names; of a module that it names or imports, to the attributes that it names. What counts as named is
  every name in its code and in the code inside it.
* A class leads to all that stands in it and in its bases; an instance to its class and its attributes; a
  container to what it holds, but not to containers in it.
* A module among the roots, or held by an object, leads to all functions, classes and objects of its own.
* Objects of libraries are looked into, though not far. Their classes, modules and tables are not.

So these have no points: functions found by ``getattr`` with a computed name or by their place in ``sys.modules``;
subclasses found by ``__subclasses__``; functions that only a library's own tables hold; what a function imports,
before the module is loaded.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import itertools
import linecache
import opcode
import sys
import tokenize
import types
import warnings
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Self, TypeGuard

import attrs

from .frames import bare_call, register
from .locality import Defined, Definition, Locality, is_declaration, start
from .loops import keep_iterator, sees_itself
from .users_files import traced, users_files

__all__ = ["POINT", "STATEMENTS", "Following", "Statement", "arrive", "compiled", "follow", "traced", "users_files"]

POINT: Final = "__minisqs_statement__"
"""The builtin that is called at each point; it ends in underscores, so that classes do not mangle it."""


@attrs.frozen(kw_only=True)
class Statement:
    """One statement of the user's code.

    Attributes:
        number: Its place in ``STATEMENTS``, which the point before it gives to ``arrive``.
        path: The file, as the code names it.
        line: Its first line, from 1; of a decorated definition, the first decorator's.
        function: The qualified name of the function it stands in.
        text: Its source on one line, without comments; of a compound statement, the header up to its colon.
        digest: Eight hex digits of function, text, and how many equal statements precede it in the function.
        function_digest: Four hex digits of the function.
        keeps_more: Whether Python may keep more there than variables: inside a ``with``, an ``except``, a ``finally``.
    """

    number: int
    path: str
    line: int
    function: str
    text: str
    digest: str
    function_digest: str
    keeps_more: bool
    _column: int = attrs.field(repr=False, eq=False)
    _locality: Locality = attrs.field(repr=False, eq=False)

    @property
    def is_local(self) -> bool:
        """Whether it surely touches nothing that outlives the call; of a compound statement, whether its header does.

        It includes what runs after it before the next point of the function: the header of the loop that goes
        round, say. Nothing inside a ``with`` is local. ``locality`` says how it is known. The first question about
        a file costs some 80 microseconds for each of its lines.
        """
        return self._locality.is_local(self.line, self._column)

    @property
    def may_leave(self) -> bool:
        """Whether the function may end with it; what is left of the caller's statement then runs before the next point.

        Its cost is that of ``is_local``.
        """
        return self._locality.may_leave(self.line, self._column)


STATEMENTS: list[Statement] = []
"""Every statement met in this process, by number."""

arrive: Callable[[int], None] | None = None
"""What is called with a statement's number before it runs; set by whoever executes user code."""


def _point(number: int, /) -> None:
    if arrive is not None:
        arrive(number)


setattr(builtins, POINT, _point)

POINT_CODE: Final = _point.__code__
"""What runs, called by a function of the user's, while something happens before a statement of it."""


class _OfACall:
    """In place of the locality of a file: a call of SQS is nobody's own."""

    def is_local(self, line: int, column: int) -> bool:
        return False

    def may_leave(self, line: int, column: int) -> bool:
        return False


@functools.cache
def point_of_call(action: str) -> int:
    """The number of the point before the calls of an action, in whatever code these are made.

    What stands there is no statement of a file: its ``line`` is 0, its ``text`` the name of the action.
    """
    number = len(STATEMENTS)
    digest = hashlib.blake2b(b"call " + action.encode(), digest_size=4).hexdigest()
    nowhere: Any = _OfACall()
    STATEMENTS.append(
        Statement(
            number=number,
            path="",
            line=0,
            function=action,
            text=action,
            digest=digest,
            function_digest=digest[:4],
            keeps_more=True,
            column=0,
            locality=nowhere,
        )
    )
    return number


# ------------------------------------------------------------------------------------------ following
class Following:
    """Functions found by ``follow``; while it is entered, they call ``arrive`` before each statement.

    It may be entered again while it is; several are left in the reverse order, as ``with`` does it.

    Attributes:
        statements: Of the functions found and of those inside them, file by file in the order of their paths.
        unfollowed: ``"qualname (path:line)"`` of functions in traced files that run without points, because
            their source cannot be read or is another by now.
    """

    __slots__ = ("_depth", "_instrumented", "_plain", "statements", "unfollowed")

    def __init__(
        self,
        instrumented: list[tuple[types.FunctionType, types.CodeType]],
        statements: list[Statement],
        unfollowed: list[str],
    ) -> None:
        self.statements = statements
        self.unfollowed = unfollowed
        self._instrumented = instrumented
        self._plain: list[types.CodeType] = []
        self._depth = 0

    @property
    def functions(self) -> tuple[types.FunctionType, ...]:
        """The functions that have points while it is entered."""
        return tuple(function for function, _ in self._instrumented)

    def __enter__(self) -> Self:
        if not self._depth:
            self._plain = [function.__code__ for function, _ in self._instrumented]
            for function, code in self._instrumented:
                function.__code__ = code
        self._depth += 1
        return self

    def __exit__(self, *raised: object) -> None:
        self._depth -= 1
        if not self._depth:
            for (function, _), code in zip(self._instrumented, self._plain, strict=True):
                function.__code__ = code


def follow(roots: Iterable[object], trace: Callable[[str], bool]) -> Following:
    """The functions of traced files that can be reached from the roots.

    The answer is remembered for the same roots and the same ``trace``, for as long as the functions in it run the
    code that they ran and their files stay as they were; if any of them imports, until another module is loaded.
    What the same roots have come to reach otherwise, by a global bound anew or a callback registered, is found only
    once the answer has been forgotten: when some thirty others have been asked for.

    Args:
        roots: Classes, instances, functions, methods, partials, modules.
        trace: Whether a file, by the name its code carries, is to be followed; from ``traced``.

    Returns:
        A context; nothing is changed until it is entered.
    """
    parts = [part for root in roots for part in _parts_of_method(root)]
    key = (id(trace), *map(id, parts))
    known = _ANSWERS.pop(key, None)
    instrumented = known.again(parts, trace) if known else None
    if known is None or instrumented is None:
        known, instrumented = _answer(parts, trace)
    if known.parts is not None:
        _ANSWERS[key] = known
        if len(_ANSWERS) > _ANSWERS_MAX:
            del _ANSWERS[next(iter(_ANSWERS))]
    return Following(instrumented, list(known.statements), list(known.unfollowed))


_Instrumented = list[tuple[types.FunctionType, types.CodeType]]


@attrs.frozen(eq=False, kw_only=True)
class _Answer:
    """What was found from some roots; it keeps neither them nor the functions alive.

    Attributes:
        parts: The roots, a method as two; None if one of them cannot be held weakly.
        trace: What was given.
        functions: Each with its code without and with points.
        files: What linecache held of each file.
        loaded: How many modules were loaded, if any of the functions imports; else None.
    """

    parts: list[weakref.ref[Any]] | None
    trace: Callable[[str], bool]
    functions: list[tuple[weakref.ref[types.FunctionType], types.CodeType, types.CodeType]]
    files: dict[str, object]
    loaded: int | None
    statements: list[Statement]
    unfollowed: list[str]

    def again(self, parts: list[object], trace: Callable[[str], bool]) -> _Instrumented | None:
        """The functions, each with its code with points; None if anything is not as it was."""
        if self.trace is not trace or any(
            there() is not part for there, part in zip(self.parts or (), parts, strict=True)
        ):
            return None  # another object got the place of one that is gone
        if self.loaded is not None and self.loaded != len(sys.modules):
            return None
        instrumented: _Instrumented = []
        for there, plain, code in self.functions:
            function = there()
            if function is None or (function.__code__ is not plain and function.__code__ is not code):
                return None
            instrumented.append((function, code))
        return instrumented if all(_lines(path) is held for path, held in self.files.items()) else None


_ANSWERS: Final[dict[tuple[int, ...], _Answer]] = {}
_ANSWERS_MAX: Final = 32


def _parts_of_method(root: object) -> tuple[object, ...]:
    """What outlives a bound method, which is made anew whenever it is asked for."""
    return (root.__func__, root.__self__) if type(root) is types.MethodType else (root,)


def _lines(path: str) -> object:
    """What linecache holds of a file, unless the file has changed since."""
    linecache.checkcache(path)
    return linecache.cache.get(path)


def _answer(parts: list[object], trace: Callable[[str], bool]) -> tuple[_Answer, _Instrumented]:
    instrumented: _Instrumented = []
    statements: dict[int, Statement] = {}
    unfollowed: dict[str, None] = {}
    files: dict[str, _File | None] = {}
    walk = _Walk(trace)
    # In an order that does not depend on the sets in which functions may have been found.
    for function in sorted(
        walk.functions(parts), key=lambda each: (each.__code__.co_filename, each.__code__.co_firstlineno)
    ):
        code = function.__code__
        path = code.co_filename
        if path not in files:
            files[path] = _file_now(path, function.__globals__)
        match = _match(function, files[path])
        if match:
            instrumented.append((function, match.instrumented))
            statements.update((statement.number, statement) for statement in match.statements)
        else:
            unfollowed[f"{code.co_qualname} ({path}:{code.co_firstlineno})"] = None
    answer = _Answer(
        parts=_weakly(parts),
        trace=trace,
        functions=[(weakref.ref(function), function.__code__, code) for function, code in instrumented],
        files={path: linecache.cache.get(path) for path in files},
        loaded=len(sys.modules) if walk.met_imports else None,
        statements=sorted(statements.values(), key=lambda statement: (statement.path, statement.number)),
        unfollowed=list(unfollowed),
    )
    return answer, instrumented


def _weakly(parts: list[object]) -> list[weakref.ref[Any]] | None:
    try:
        return [weakref.ref(part) for part in parts]
    except TypeError:
        return None


def _file_now(path: str, names: dict[str, Any]) -> _File | None:
    """A file as it is by now; None if it cannot be read or understood."""
    linecache.checkcache(path)
    source = "".join(linecache.getlines(path, names))
    try:
        return _file(path, source) if source else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _match(function: types.FunctionType, file: _File | None) -> _Function | None:
    """The function as its file has it, if that is what it runs."""
    match = file.functions.get(function.__code__.co_firstlineno) if file else None
    if match and POINT in _builtins_of(function) and _same_function(function.__code__, match):
        return match
    return None


def _builtins_of(function: types.FunctionType) -> Mapping[str, object]:
    return getattr(function, "__builtins__", {})  # typeshed does not know it


def _same_function(code: types.CodeType, match: _Function) -> bool:
    plain = match.plain
    # pytest rewrites assertions: the names and the signature stay, the instructions do not.
    rewritten = "@pytest_ar" in code.co_names and set(plain.co_names) <= {*code.co_names, "AssertionError"}
    return _signature(code) == _signature(plain) and (
        rewritten or _same_code(code, plain) or _same_code(code, match.instrumented)
    )


def _signature(code: types.CodeType) -> tuple[object, ...]:
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return code.co_qualname, code.co_flags & _KINDS, arguments, code.co_argcount, code.co_freevars


# The flags that say how a function is called: *args, **kwargs, generator, coroutine, async generator.
_KINDS: Final = 0x04 | 0x08 | 0x20 | 0x80 | 0x200


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two codes do the same; where they stand in the file does not matter."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def _same_constant(one: object, other: object) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _same_code(one, other)
    return type(one) is type(other) and one == other


# ------------------------------------------------------------------------------- functions to be reached
# Libraries hold the user's functions in objects of their own, but a client's whole inside is not searched.
_FOREIGN_MAX: Final = 2
_ITEMS_MAX: Final = 1000
_PLAIN: Final = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})
_DICTS: Final = frozenset({dict, defaultdict, OrderedDict})
_CONTAINERS: Final = frozenset({list, tuple, set, frozenset, deque}) | _DICTS
_Reached = tuple[object, int]
"""An object, and how many objects of libraries lie between it and the user's."""


class _Walk:
    """From some roots to all functions of traced files, without asking any object on the way.

    No property, no ``__getattr__`` and no ``__eq__`` of the user's runs.

    Attributes:
        met_imports: Whether any code on the way imports, so that it may reach more once more is loaded.
    """

    __slots__ = ("_slots_of", "_trace", "_users", "met_imports")

    def __init__(self, trace: Callable[[str], bool]) -> None:
        self.met_imports = False
        self._trace = functools.cache(trace)
        self._users: dict[int, bool] = {}  # by the id of the class, whose hash may be the user's code
        self._slots_of: dict[int, list[types.MemberDescriptorType]] = {}

    def functions(self, roots: Iterable[object]) -> list[types.FunctionType]:
        """The live functions of traced files, each once; lambdas, which have no points, are not among them."""
        found: dict[int, types.FunctionType] = {}
        seen: dict[int, _Reached] = {}  # keeps them alive, so that no id comes back
        queue: deque[_Reached] = deque((root, 0) for root in roots)
        while queue:
            item, foreign = queue.popleft()
            if id(item) in seen and seen[id(item)][1] <= foreign:
                continue
            seen[id(item)] = item, foreign
            if type(item) is types.FunctionType and item.__name__ != "<lambda>" and self._is_followed(item.__code__):
                found[id(item)] = item
            queue.extend(self._neighbours(item, foreign))
        return list(found.values())

    def _is_followed(self, code: types.CodeType) -> bool:
        return self._trace(code.co_filename)

    def _neighbours(self, item: Any, foreign: int) -> Iterator[_Reached]:
        kind = type(item)
        if kind is types.FunctionType:
            inside = _inside_function(item)
            if self._is_followed(item.__code__):
                modules = [value for value in inside if _is_module(value)]
                inside = [value for value in inside if not _is_module(value)]
                yield from _each(self._named(item.__code__, item.__globals__, modules), 1)
            yield from _each(inside, foreign)
        elif kind is types.CodeType:  # of a module to be executed
            if self._is_followed(item):
                yield from _each(self._named(item, {}, ()), 1)
        elif kind in _INSIDE:
            yield from _each(_INSIDE[kind](item), foreign)
        elif _is_module(item):
            if self._is_users_module(item):
                yield from _each([value for value in _attributes(item).values() if not _is_module(value)], 1)
        elif issubclass(kind, type):
            for base in type.__getattribute__(item, "__mro__"):
                if self._is_users_class(base):
                    yield from _each(type.__getattribute__(base, "__dict__").values(), 0)
        else:
            further = 0 if self._is_users_class(kind) else foreign + 1
            if further <= _FOREIGN_MAX:
                yield kind, foreign
                yield from _each([*_attributes(item).values(), *self._slots(item)], further)

    def _named(self, code: types.CodeType, space: dict[str, Any], modules: Iterable[Any]) -> Iterator[object]:
        """What a code names: globals, and attributes of these modules, of those it names and of those it imports."""
        names, imports = _names(code)
        values = [*modules, *(space[name] for name in names if name in space)]
        if imports:
            self.met_imports = True
            values += _imported(names, space.get("__package__"))
        opened = set()
        while values:
            value = values.pop()
            if not _is_module(value):
                yield value
            elif id(value) not in opened:
                opened.add(id(value))
                held = _attributes(value)
                attributes = [held[name] for name in names if name in held]
                if not self._is_users_module(value):  # a package that is not traced itself, of modules that are
                    attributes = [each for each in attributes if _is_module(each)]
                values += attributes

    def _is_users_module(self, module: types.ModuleType) -> bool:
        path = _attributes(module).get("__file__")
        return isinstance(path, str) and self._trace(path)

    def _is_users_class(self, item: type) -> bool:
        """Whether a class stands in a traced file, or has functions that do."""
        known = self._users.get(id(item))
        if known is None:
            names = type.__getattribute__(item, "__dict__")
            module = sys.modules.get(str(names.get("__module__")))
            known = self._users[id(item)] = (_is_module(module) and self._is_users_module(module)) or any(
                self._is_followed(value.__code__) for value in list(names.values()) if type(value) is types.FunctionType
            )
        return known

    def _slots(self, item: object) -> Iterator[object]:
        kind = type(item)
        if id(kind) not in self._slots_of:
            self._slots_of[id(kind)] = [
                member
                for base in type.__getattribute__(kind, "__mro__")
                for member in list(type.__getattribute__(base, "__dict__").values())
                if type(member) is types.MemberDescriptorType
            ]
        for member in self._slots_of[id(kind)]:
            try:
                yield member.__get__(item)
            except AttributeError:  # not set
                continue


def _is_module(value: object) -> TypeGuard[types.ModuleType]:
    return issubclass(type(value), types.ModuleType)  # isinstance would ask for its __class__


def _inside_function(function: types.FunctionType) -> list[object]:
    inside = [function.__dict__.get("__wrapped__"), *(function.__defaults__ or ())]
    inside += (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            inside.append(cell.cell_contents)
        except ValueError:  # not yet filled
            continue
    return inside


_INSIDE: Final[Mapping[type, Callable[[Any], list[object]]]] = {
    types.MethodType: lambda item: [item.__func__, item.__self__],
    staticmethod: lambda item: [item.__func__],
    classmethod: lambda item: [item.__func__],
    property: lambda item: [item.fget, item.fset, item.fdel],
    functools.partial: lambda item: [item.func, *item.args, *item.keywords.values()],
}


def _each(values: Iterable[object], foreign: int) -> Iterator[_Reached]:
    """The values, and in the place of a container what it holds."""
    for value in list(values):
        kind = type(value)
        if kind in _PLAIN:
            continue
        held: Iterable[object] = (value,)
        if kind in _DICTS:
            held = list(value.values())  # type: ignore[attr-defined]
        elif kind in _CONTAINERS:
            held = list(value)  # type: ignore[call-overload]
        for item in itertools.islice(held, _ITEMS_MAX):
            if type(item) not in _PLAIN and type(item) not in _CONTAINERS:
                yield item, foreign


_IMPORTS: Final = opcode.opmap["IMPORT_NAME"]


def _names(code: types.CodeType) -> tuple[list[str], bool]:
    """All names of globals, attributes and modules in a code and in those inside it, and whether any imports."""
    names: dict[str, None] = {}
    imports = False
    queue = [code]
    while queue:
        code = queue.pop()
        names |= dict.fromkeys(code.co_names)
        imports = imports or _IMPORTS in code.co_code[::2]
        queue += (constant for constant in code.co_consts if type(constant) is types.CodeType)
    return list(names), imports


def _imported(names: Iterable[str], package: object) -> Iterator[types.ModuleType]:
    """The loaded modules that a code may mean by its names, of which some are relative to its package."""
    parents = [""]
    while isinstance(package, str) and package:
        parents.append(f"{package}.")
        package = package.rpartition(".")[0]
    for parent in parents:
        for name in names:
            # ``from . import shop`` imports the module of an empty name, which is the package.
            module = sys.modules.get(parent + name if name else parent[:-1])
            if _is_module(module):
                yield module


def _attributes(item: object) -> dict[str, object]:
    """The object's own ``__dict__``, though its class may show another."""
    for base in type.__getattribute__(type(item), "__mro__"):
        descriptor = type.__getattribute__(base, "__dict__").get("__dict__")
        if type(descriptor) in {types.GetSetDescriptorType, types.MemberDescriptorType}:
            attributes: dict[str, object] | None = descriptor.__get__(item)
            return attributes or {}
        if descriptor is not None:
            return {}
    return {}


# ------------------------------------------------------------------------------------ files with points
@attrs.define(eq=False)
class _Function:
    """A function of a file: its code without and with points, and the statements in it and in what it nests."""

    plain: types.CodeType
    instrumented: types.CodeType
    statements: list[Statement]


@attrs.define(eq=False)
class _File:
    """A file's code with points, and its functions by their first line: no two definitions share one."""

    code: types.CodeType
    functions: dict[int, _Function]


_FILES: Final[dict[tuple[str, str], _File]] = {}


def compiled(path: str, source: str) -> types.CodeType:
    """The code of a module whose functions have points, to be executed for a new copy of the module.

    Args:
        path: The name that its code and its tracebacks carry.
        source: The text of the module.

    Raises:
        SyntaxError: As ``compile`` raises it.
    """
    return _file(path, source).code


def _file(path: str, source: str) -> _File:
    file = _FILES.get((path, source))
    if file is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever imported the file has seen them
            file = _FILES[path, source] = _compile(path, source)
    return file


def _compile(path: str, source: str) -> _File:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    tree = ast.parse(source, path)
    plain = _definitions(compile(tree, path, "exec", dont_inherit=True))
    blocks = [block for block in _blocks(tree) if block.has_points and _first_line(block.functions[-1]) in plain]
    points = sorted(
        ((*start(statement), statement, block) for block in blocks for statement in block.points()),
        key=lambda point: point[:2],
    )
    rows = [row.encode("utf-8", "surrogatepass") for row in source.split("\n")]
    locality = Locality(source)
    statements: dict[int, list[Statement]] = {line: [] for line in plain}
    calls: dict[ast.stmt, ast.stmt] = {}
    repeated: dict[tuple[str, str], int] = {}
    for line, column, statement, block in points:
        function = plain[_first_line(block.functions[-1])].co_qualname
        text, end = _text(rows, statement, line, column)
        repeated[function, text] = count = repeated.get((function, text), -1) + 1
        STATEMENTS.append(
            Statement(
                number=len(STATEMENTS),
                path=path,
                line=line,
                function=function,
                text=text,
                digest=_digest(f"{function}\0{text}\0{count}", size=4),
                function_digest=_digest(function, size=2),
                keeps_more=block.keeps_more,
                column=column,
                locality=locality,
            )
        )
        for outer in block.functions:
            statements.setdefault(_first_line(outer), []).append(STATEMENTS[-1])
        calls[statement] = _call(STATEMENTS[-1].number, (line, column, *end))
    bare_calls = dict(filter(None, (bare_call(statement) for _, _, statement, block in points if not block.keeps_more)))
    for block in blocks:
        block.statements[:] = [each for statement in block.statements for each in block.rewritten(statement, calls)]
    code = compile(tree, path, "exec", dont_inherit=True)
    instrumented = _definitions(code)
    for one in instrumented.values():
        register(one, bare_calls)
    return _File(
        code,
        {line: _Function(plain[line], instrumented[line], statements[line]) for line in plain if line in instrumented},
    )


def _definitions(code: types.CodeType) -> dict[int, types.CodeType]:
    """The code of each function and class in a code, by its first line."""
    found = {}
    queue = [code]
    while queue:
        code = queue.pop()
        queue += (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
        if not code.co_name.startswith("<"):  # lambdas, comprehensions, the module
            found[code.co_firstlineno] = code
    return found


def _digest(text: str, *, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def _call(number: int, place: tuple[int, int, int, int]) -> ast.stmt:
    """The statement that stands at a point."""
    line, column, end_line, end_column = place
    where: dict[str, Any] = {
        "lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end_column,
    }  # fmt: skip
    name = ast.Name(POINT, ast.Load(), **where)
    return ast.Expr(ast.Call(name, [ast.Constant(number, **where)], [], **where), **where)


def _first_line(definition: Defined) -> int:
    """The line where the definition's code begins."""
    return definition.decorator_list[0].lineno if definition.decorator_list else definition.lineno


def _text(rows: list[bytes], statement: ast.stmt, line: int, column: int) -> tuple[str, tuple[int, int]]:
    """The text of a statement or of its header on one line, and the line and column, in bytes, of its end."""
    assert statement.end_lineno is not None
    assert statement.end_col_offset is not None
    inside = _inside(statement)
    if inside is None:
        end = statement.end_lineno, statement.end_col_offset
        pieces = [*rows[line - 1 : end[0] - 1], rows[end[0] - 1][: end[1]]]
        pieces[0] = pieces[0][column:]
        if len(pieces) > 1 and any(b"#" in piece for piece in pieces):
            pieces = _without_comments(pieces, header=False)
        at = ""
    else:
        pieces = rows[line - 1 : inside[0]]
        pieces[0] = pieces[0][column:]
        pieces = _plain_header(pieces, inside[1]) or _without_comments(pieces, header=True)
        end = line + len(pieces) - 1, len(pieces[-1]) + (column if len(pieces) == 1 else 0)
        at = "@" if (line, column) != (statement.lineno, statement.col_offset) else ""
    text = b" ".join(pieces).decode("utf-8", "surrogatepass")
    return at + " ".join(text.split()), end


def _inside(statement: ast.stmt) -> tuple[int, int] | None:
    """Where the first statement or pattern inside a compound statement begins; None for another statement."""
    if isinstance(statement, ast.Match):
        return statement.cases[0].pattern.lineno, statement.cases[0].pattern.col_offset
    body: list[ast.stmt] | None = getattr(statement, "body", None)
    return start(body[0]) if body else None


def _plain_header(rows: list[bytes], column: int) -> list[bytes] | None:
    """The rows of a header that has neither comments nor texts of several rows; None if it may be another.

    The last of the rows given holds, from the column on, the first thing after the header.
    """
    *header, last = rows
    if last[:column].strip() not in {b"", b"@"}:
        return None
    while header and (not header[-1].strip() or header[-1].lstrip().startswith(b"#")):
        header.pop()
    text = b"\n".join(header).rstrip()
    if not text.endswith(b":") or b"#" in text or b'"""' in text or b"'''" in text:
        return None
    return text.split(b"\n")


def _without_comments(rows: list[bytes], *, header: bool) -> list[bytes]:
    """The rows of a statement without their comments; of a header, up to the colon that ends it."""
    texts = [row.decode("utf-8", "surrogatepass") for row in rows]
    return [text.encode("utf-8", "surrogatepass") for text in _code_of(texts, header=header)]


def _code_of(rows: list[str], *, header: bool) -> list[str]:
    depth = lambdas = 0
    rows, source = list(rows), iter([row + "\n" for row in rows])
    for token in tokenize.generate_tokens(lambda: next(source, "")):
        row, column = token.start
        if token.type == tokenize.COMMENT:
            rows[row - 1] = rows[row - 1][:column]
        elif token.type == tokenize.NAME and token.string == "lambda":
            lambdas += not depth
        elif token.type != tokenize.OP:
            continue
        elif token.string in {"(", "[", "{"}:
            depth += 1
        elif token.string in {")", "]", "}"}:
            depth -= 1
        elif token.string == ":" and not depth and header:
            if not lambdas:
                return [*rows[: row - 1], rows[row - 1][: column + 1]]
            lambdas -= 1
    return rows


# ---------------------------------------------------------------------------------- blocks of statements
class _Block(NamedTuple):
    """A list of statements, as it stands in the tree, and the functions around it.

    Its statements have points if it is the innermost function's own, not a class's or the module's.
    """

    statements: list[ast.stmt]
    functions: tuple[Definition, ...]
    has_points: bool
    keeps_iterators: bool = False
    keeps_more: bool = False

    def points(self) -> Iterator[ast.stmt]:
        """The statements before which a point stands."""
        is_body = self.statements is self.functions[-1].body
        for place, statement in enumerate(self.statements):
            if not is_declaration(statement) and not (is_body and place == 0 and _is_text(statement)):
                yield statement

    def rewritten(self, statement: ast.stmt, calls: Mapping[ast.stmt, ast.stmt]) -> list[ast.stmt]:
        """What stands for a statement: its point before it, and after a loop that the iterator is gone."""
        call = calls.get(statement)
        before = [] if call is None else [call]
        if self.keeps_iterators and isinstance(statement, ast.For):
            return [*before, statement, keep_iterator(statement)]
        return [*before, statement]

    def inner(self, statement: ast.stmt) -> Iterator[_Block]:
        """The blocks that a statement of this one, no definition, consists of."""
        hides = isinstance(statement, ast.With | ast.AsyncWith | ast.AsyncFor) or (
            isinstance(statement, ast.For) and not self.keeps_iterators
        )
        for inside, is_exceptional in _inner(statement):
            if inside:
                yield self._replace(statements=inside, keeps_more=self.keeps_more or hides or is_exceptional)


def _blocks(tree: ast.Module) -> Iterator[_Block]:
    """Every list of statements in a module."""
    queue = [_Block(tree.body, (), has_points=False)]
    while queue:
        block = queue.pop()
        yield block
        for statement in block.statements:
            if isinstance(statement, Definition):
                keeps = not sees_itself(statement)
                queue.append(
                    _Block(statement.body, (*block.functions, statement), has_points=True, keeps_iterators=keeps)
                )
            elif isinstance(statement, ast.ClassDef):
                queue.append(_Block(statement.body, block.functions, has_points=False))
            else:
                queue += block.inner(statement)


def _inner(statement: ast.stmt) -> Iterator[tuple[list[ast.stmt], bool]]:
    """The lists of statements that a statement, no definition, consists of, and whether an exception may be at work."""
    if "body" in statement._fields:
        for name in ("body", "orelse", "finalbody"):
            yield getattr(statement, name, []), name == "finalbody"
        for handler in getattr(statement, "handlers", ()):
            yield handler.body, True
    elif isinstance(statement, ast.Match):
        for case in statement.cases:
            yield case.body, False


def _is_text(statement: ast.stmt) -> bool:
    constant = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)
