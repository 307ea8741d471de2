"""Points before every statement of the user's own code, where a search for faults may act.

``follow`` looks for the functions of the user's files. While its answer is entered, they run a code that calls
``arrive`` with a number before each statement; ``STATEMENTS`` says what stands there. The code is compiled from
the file itself, with a call put before each statement, at the statement's own line: so the points are the same
on every Python, tracebacks and coverage see the lines they know, and no trace function is needed.

What holds:

* A point stands before each statement of a function's body and of the blocks in it. A loop has one point before
  it and none for each turn; its body's statements have theirs. Docstrings and declarations (``global``,
  ``nonlocal``, a bare annotation), which do nothing, have none, nor have lambdas and comprehensions.
* A function is followed only if its file, as it can be read now, still compiles to the code that it runs.
* Points are numbered for each process; a statement's digest is the same in all of them, and does not change
  when something else in the file does.

Whether a statement is local is read off the source, by rules that are unsure rather than wrong: a function's
``event`` and ``context``, and what is made of them by operations known to be pure, belong to the call until they
are handed to something unknown. What such rules cannot see: an exception that a local statement raises leaves
the blocks around it without a point.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import itertools
import linecache
import os
import sys
import sysconfig
import tokenize
import types
import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import attrs

from .. import errors

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
        is_local: Whether it surely touches nothing that outlives the call; of a compound statement, whether
            its header does. It includes what runs after it before the next point of the function: the header
            of the loop that goes round, say. Nothing inside a ``with`` is local.
        may_leave: Whether the function may end with it; what is left of the caller's statement then runs
            before the next point.
    """

    number: int
    path: str
    line: int
    function: str
    text: str
    digest: str
    function_digest: str
    is_local: bool
    may_leave: bool


STATEMENTS: list[Statement] = []
"""Every statement met in this process, by number."""

arrive: Callable[[int], None] | None = None
"""What is called with a statement's number before it runs; set by whoever executes user code."""


def _point(number: int, /) -> None:
    if arrive is not None:
        arrive(number)


setattr(builtins, POINT, _point)


# ------------------------------------------------------------------------------------------ following
class Following:
    """Functions found by ``follow``; while it is entered, they call ``arrive`` before each statement.

    It may be entered again while it is; several are left in the reverse order, as ``with`` does it.

    Attributes:
        statements: Of the functions found and of those inside them, in the order of the files.
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
    """The functions of traced files that can be reached from the roots or from loaded traced modules.

    Args:
        roots: Classes, instances, functions, methods, partials, modules.
        trace: Whether a file, by the name its code carries, is to be followed; from ``traced``.

    Returns:
        A context; nothing is changed until it is entered.
    """
    instrumented: list[tuple[types.FunctionType, types.CodeType]] = []
    statements: dict[int, Statement] = {}
    unfollowed: dict[str, None] = {}
    files: dict[str, _File | None] = {}
    for function in _functions(roots, trace):
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
    return Following(instrumented, [statements[number] for number in sorted(statements)], list(unfollowed))


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
_PLAIN: Final = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray, types.CodeType})
_DICTS: Final = frozenset({dict, defaultdict, OrderedDict})
_CONTAINERS: Final = frozenset({list, tuple, set, frozenset, deque}) | _DICTS
_Reached = tuple[object, int]
"""An object, and how many objects of libraries lie between it and the user's."""


def _functions(roots: Iterable[object], trace: Callable[[str], bool]) -> list[types.FunctionType]:
    """The live functions of traced files, each once."""
    found: dict[int, types.FunctionType] = {}
    seen: dict[int, _Reached] = {}  # keeps them alive, so that no id comes back
    loaded = [module for module in list(sys.modules.values()) if _is_users(module, trace)]
    queue: deque[_Reached] = deque((root, 0) for root in (*roots, *loaded))
    while queue:
        item, foreign = queue.popleft()
        if type(item) in _PLAIN or (id(item) in seen and seen[id(item)][1] <= foreign):
            continue
        seen[id(item)] = item, foreign
        if type(item) is types.FunctionType and item.__name__ != "<lambda>" and trace(item.__code__.co_filename):
            found[id(item)] = item
        queue.extend(_neighbours(item, foreign, trace))
    return list(found.values())


def _neighbours(item: Any, foreign: int, trace: Callable[[str], bool]) -> Iterator[_Reached]:
    """What an object leads to, without asking it: no property and no ``__getattr__`` of it runs."""
    kind = type(item)
    if kind in _INSIDE:
        yield from _each(_INSIDE[kind](item), foreign)
        if kind is types.FunctionType and trace(item.__code__.co_filename):
            yield item.__globals__, 0
    elif kind is dict:  # those of a traced module: dictionaries that objects hold are opened by _each
        yield from _in_module(item, trace)
    elif issubclass(kind, types.ModuleType):
        if _is_users(item, trace):
            yield _attributes(item), 0
    elif issubclass(kind, type):
        further = 0 if _is_users(item, trace) else foreign + 1
        if further <= _FOREIGN_MAX:
            yield from _each(type.__getattribute__(item, "__dict__").values(), further)
            yield from ((base, further) for base in type.__getattribute__(item, "__mro__")[1:])
    else:
        further = 0 if _is_users(kind, trace) else foreign + 1
        if further <= _FOREIGN_MAX:
            yield kind, foreign
            yield from _each([*_attributes(item).values(), *_slots(item)], further)


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
    types.FunctionType: _inside_function,
    types.MethodType: lambda item: [item.__func__, item.__self__],
    staticmethod: lambda item: [item.__func__],
    classmethod: lambda item: [item.__func__],
    property: lambda item: [item.fget, item.fset, item.fdel],
    functools.partial: lambda item: [item.func, *item.args, *item.keywords.values()],
}


def _in_module(names: Mapping[str, object], trace: Callable[[str], bool]) -> Iterator[_Reached]:
    """What a traced module holds, but for the classes and modules of others that it has imported."""
    own = [
        value
        for value in list(names.values())
        if not issubclass(type(value), (type, types.ModuleType)) or _is_users(value, trace)
    ]
    return _each(own, 1)


def _each(values: Iterable[object], foreign: int) -> Iterator[_Reached]:
    """The values, and in the place of a container what it holds."""
    for value in list(values):
        kind = type(value)
        held: Iterable[object] = (value,)
        if kind in _DICTS:
            held = list(value.values())  # type: ignore[attr-defined]
        elif kind in _CONTAINERS:
            held = list(value)  # type: ignore[call-overload]
        for item in itertools.islice(held, _ITEMS_MAX):
            if type(item) not in _PLAIN and type(item) not in _CONTAINERS:
                yield item, foreign


def _is_users(item: Any, trace: Callable[[str], bool]) -> bool:
    """Whether a module or class stands in a traced file."""
    if issubclass(type(item), types.ModuleType):
        path = _attributes(item).get("__file__")
        return isinstance(path, str) and trace(path)
    if not issubclass(type(item), type):
        return False
    names = type.__getattribute__(item, "__dict__")
    module = sys.modules.get(str(names.get("__module__")))
    return (module is not None and _is_users(module, trace)) or any(
        trace(value.__code__.co_filename) for value in list(names.values()) if type(value) is types.FunctionType
    )


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


def _slots(item: object) -> Iterator[object]:
    for base in type.__getattribute__(type(item), "__mro__"):
        for member in list(type.__getattribute__(base, "__dict__").values()):
            if type(member) is types.MemberDescriptorType:
                try:
                    yield member.__get__(item)
                except AttributeError:  # not set
                    continue


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
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    tree = ast.parse("\n".join(lines), path)
    plain = _definitions(compile(tree, path, "exec", dont_inherit=True))
    blocks = [block for block in _blocks(tree) if block.function and _first_line(block.function) in plain]
    points = sorted(
        ((*_start(statement), statement, block) for block in blocks for statement in block.with_points()),
        key=lambda point: point[:2],
    )
    statements: dict[int, list[Statement]] = {line: [] for line in plain}
    calls: dict[ast.stmt, ast.stmt] = {}
    repeated: dict[tuple[str, str], int] = {}
    for line, column, statement, block in points:
        assert block.function
        function = plain[_first_line(block.function)].co_qualname
        text, end = _text(lines, statement, line, column)
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
                is_local=block.is_local(statement),
                may_leave=block.may_leave(statement),
            )
        )
        for outer in block.functions:
            statements.setdefault(_first_line(outer), []).append(STATEMENTS[-1])
        calls[statement] = _call(STATEMENTS[-1].number, (line, column, *end))
    for block in blocks:
        block.statements[:] = [
            each for statement in block.statements for each in (calls.get(statement), statement) if each
        ]
    code = compile(tree, path, "exec", dont_inherit=True)
    instrumented = _definitions(code)
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


_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_COMPOUND: Final = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip


def _first_line(definition: _Defined) -> int:
    """The line where the definition's code begins."""
    return definition.decorator_list[0].lineno if definition.decorator_list else definition.lineno


def _start(statement: ast.stmt) -> tuple[int, int]:
    """The line and the column, in bytes, where a statement begins to run."""
    if isinstance(statement, _Defined) and statement.decorator_list:
        return statement.decorator_list[0].lineno, statement.decorator_list[0].col_offset
    return statement.lineno, statement.col_offset


def _text(lines: list[str], statement: ast.stmt, line: int, column: int) -> tuple[str, tuple[int, int]]:
    """The text of a statement or of its header on one line, and the line and column, in bytes, of its end."""
    compound = isinstance(statement, _COMPOUND)
    assert statement.end_lineno is not None
    assert statement.end_col_offset is not None
    end = statement.end_lineno, statement.end_col_offset
    rows = [row.encode("utf-8", "surrogatepass") for row in lines[line - 1 : end[0]]]
    rows[-1] = rows[-1][: end[1]]
    rows[0] = rows[0][column:]
    pieces = [row.decode("utf-8", "surrogatepass") for row in rows]
    at = "@" if compound and (line, column) != (statement.lineno, statement.col_offset) else ""
    if compound or len(pieces) > 1:
        pieces = _without_comments(pieces, header=compound)
        last = len(pieces[-1].encode("utf-8", "surrogatepass"))
        end = (line + len(pieces) - 1, last + (column if len(pieces) == 1 else 0)) if compound else end
    return at + " ".join(" ".join(pieces).split()), end


def _without_comments(rows: list[str], *, header: bool) -> list[str]:
    """The rows of a statement without their comments; of a header, up to the colon that ends it."""
    rows = list(rows)
    depth = lambdas = 0
    source = iter([row + "\n" for row in rows])
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
# What may run after a statement before the next point: something not local, or what called the function.
_TOUCHES: Final = 1
_LEAVES: Final = 2


@attrs.frozen(eq=False, kw_only=True)
class _Block:
    """A list of statements, and what is around it.

    Attributes:
        statements: The list itself, as it stands in the tree.
        known: What the file means by the names that builtins have.
        functions: The functions around it, from the outermost.
        function: The innermost of them if the block belongs to it, None for a class's or a module's.
        names: Which names of that function are its own.
        after: What may run after the last statement before the next point.
        broken, continued: The same of a ``break`` and of a ``continue``.
        guarded: Whether a ``with`` is around it, whose end runs whenever it is left.
    """

    statements: list[ast.stmt]
    known: frozenset[str]
    functions: tuple[_Definition, ...] = ()
    function: _Definition | None = None
    names: _Names | None = None
    after: int = _LEAVES
    broken: int = 0
    continued: int = 0
    guarded: bool = False

    def with_points(self) -> Iterator[ast.stmt]:
        """The statements before which a point stands."""
        for place, statement in enumerate(self.statements):
            docstring = place == 0 and self.function is not None and self.statements is self.function.body
            if not _is_declaration(statement) and not (docstring and _is_text(statement)):
                yield statement

    def is_local(self, statement: ast.stmt) -> bool:
        """Whether a statement of the block surely touches nothing that outlives the call."""
        return not self.guarded and self._is_local(statement) and not self._after(statement) & _TOUCHES

    def may_leave(self, statement: ast.stmt) -> bool:
        """Whether the function may end with a statement of the block."""
        return bool(self._after(statement) & _LEAVES)

    def inner(self, statement: ast.stmt) -> Iterator[_Block]:
        """The blocks that a statement of this one consists of."""
        after = self._after(statement)
        inside = functools.partial(attrs.evolve, self, after=after)
        if isinstance(statement, ast.ClassDef):
            yield _Block(statements=statement.body, known=self.known, functions=self.functions)
        elif isinstance(statement, _Definition):
            yield _Block(
                statements=statement.body,
                known=self.known,
                functions=(*self.functions, statement),
                function=statement,
                names=_Names(statement, self.known),
            )
        elif isinstance(statement, ast.For | ast.AsyncFor | ast.While):
            again = after if self._is_local(statement) else after | _TOUCHES
            yield inside(statements=statement.body, after=again, broken=after, continued=again)
            yield inside(statements=statement.orelse)
        elif isinstance(statement, ast.Try | ast.TryStar):
            # What was pending goes on after ``finally``: an exception, or a way out of function or loop.
            pending = after | _LEAVES | self.broken | self.continued
            done = 0 if statement.finalbody else after
            yield inside(statements=statement.body, after=0 if statement.orelse else done)
            yield inside(statements=statement.orelse, after=done)
            yield from (inside(statements=handler.body, after=done) for handler in statement.handlers)
            yield inside(statements=statement.finalbody, after=pending)
        elif isinstance(statement, ast.With | ast.AsyncWith):
            yield inside(statements=statement.body, guarded=True)
        elif isinstance(statement, ast.Match):
            yield from (inside(statements=case.body) for case in statement.cases)
        elif isinstance(statement, ast.If):
            yield inside(statements=statement.body)
            yield inside(statements=statement.orelse)

    def _is_local(self, statement: ast.stmt) -> bool:
        return self.names is not None and self.names.is_local(statement)

    def _after(self, statement: ast.stmt) -> int:
        """What may run after a statement of the block before the next point."""
        if isinstance(statement, ast.Return | ast.Raise):
            return _LEAVES
        if isinstance(statement, ast.Break):
            return self.broken
        if isinstance(statement, ast.Continue):
            return self.continued
        last = self.statements[-1]
        return self.after if statement is last or _is_declaration(last) else 0


def _blocks(tree: ast.Module) -> Iterator[_Block]:
    """Every list of statements in a module."""
    queue = [_Block(statements=tree.body, known=_known(tree))]
    while queue:
        block = queue.pop()
        yield block
        queue += (inner for statement in block.statements for inner in block.inner(statement) if inner.statements)


def _is_declaration(statement: ast.stmt) -> bool:
    """Whether no code comes of the statement in a function."""
    bare = isinstance(statement, ast.AnnAssign) and statement.value is None and isinstance(statement.target, ast.Name)
    return bare or isinstance(statement, ast.Global | ast.Nonlocal)


def _is_text(statement: ast.stmt) -> bool:
    constant = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)


# ------------------------------------------------------------------------------ what is a call's own
_PRIVATE_PARAMETERS: Final = frozenset({"event", "context"})
_FRESH_CALLS: Final = frozenset({"len", "int", "str", "float", "bool", "abs", "repr", "any", "all"})
_PURE_CALLS: Final = _FRESH_CALLS | {
    "sorted", "min", "max", "sum", "tuple", "list", "dict", "set", "enumerate", "range", "zip",
}  # fmt: skip
_FRESH_METHODS: Final = frozenset({
    "lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "removeprefix", "removesuffix",
    "replace", "isdigit", "encode", "decode", "join", "split", "rsplit", "splitlines", "partition", "rpartition",
})  # fmt: skip
_PURE_METHODS: Final = _FRESH_METHODS | {"get", "items", "keys", "values"}
_JSON: Final = frozenset({"loads", "dumps"})
_TEXTS: Final = frozenset({
    "body", "messageId", "receiptHandle", "md5OfBody", "eventSource", "eventSourceARN", "awsRegion",
})  # fmt: skip
"""What is a text in each record of a Lambda event; a text that is handed out stays what it is."""


_BINDING: Final = frozenset({
    ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
    ast.MatchMapping, ast.Import, ast.ImportFrom, ast.arg,
})  # fmt: skip


def _known(tree: ast.Module) -> frozenset[str]:
    """The names of builtins that nothing in the file binds anew, and ``json`` if it is the module."""
    bound: set[str] = set()
    known = _PURE_CALLS
    for node in filter(_may_bind, ast.walk(tree)):
        if isinstance(node, ast.Import) and any((name.asname or name.name) == "json" for name in node.names):
            known |= {name.name for name in node.names if name.name == "json" and name.asname in {None, "json"}}
            bound |= set(_bound(node)) - {"json"}
        else:
            bound |= set(_bound(node))
    return frozenset() if "*" in bound else known - bound


def _may_bind(node: ast.AST) -> bool:
    return type(node) in _BINDING and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node by itself binds."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, _Defined | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        yield from [node.name] if node.name else []
    elif isinstance(node, ast.MatchMapping):
        yield from [node.rest] if node.rest else []
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((name.asname or name.name.split(".")[0]) for name in node.names)
    elif isinstance(node, ast.arg):
        yield node.arg


_Source = tuple[ast.expr, bool]
"""An expression that a name is bound to, and whether to a part of it."""


_IDLE: Final = (
    ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.keyword, ast.alias,
)  # fmt: skip
"""The many nodes that hand nothing on by themselves."""


class _Names:
    """Which names of a function are its own, and what it does with them alone.

    Attributes:
        shared: Names whose binding others can see: global, nonlocal, or used by a function inside.
        pure: Names that hold only what is made of constants, ``event`` and ``context``, and that are handed
            to nothing unknown.
        fresh: Names that hold only values that nobody can change, such as numbers and texts.
    """

    __slots__ = ("_known", "_own", "_sources", "fresh", "pure", "shared")

    def __init__(self, function: _Definition, known: frozenset[str]) -> None:
        self._known = known
        self._own, inner = _own_nodes(function)
        self.shared = frozenset(inner)
        self._sources: dict[str, list[_Source | None]] = {}
        self.fresh: set[str] = set()
        self.pure: set[str] = set()
        try:
            self._read(function)
        except RecursionError:  # an expression of hundreds of operators
            self.pure = set()

    def is_local(self, statement: ast.stmt) -> bool:
        """Whether a statement, of a compound one the header, touches only what is the call's own."""
        try:
            return self._is_local(statement)
        except RecursionError:
            return False

    def _is_local(self, statement: ast.stmt) -> bool:  # noqa: PLR0911  # a row for each kind of node
        match statement:
            case ast.Pass() | ast.Break() | ast.Continue() | ast.Try() | ast.TryStar() | ast.Return(value=None):
                return True
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=value):
                return self._is_pure(value)
            case ast.If(test=test) | ast.While(test=test):
                return self._is_pure(test)
            case ast.Assign(targets=targets, value=value):
                return self._is_pure(value) and all(map(self._is_own, targets))
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.For(target=target, iter=value):
                return self._is_pure(value) and self._is_own(target)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                return self._is_pure(value) and name in self.pure
            case ast.Match(subject=subject, cases=cases):
                return self._is_pure(subject) and all(map(self._is_pure_case, cases))
        return False

    def _is_own(self, target: ast.expr) -> bool:
        """Whether an assignment to the target binds only the call's own names."""
        return all(isinstance(each, ast.Name) and each.id not in self.shared for each in _targets(target))

    def _is_pure_case(self, case: ast.match_case) -> bool:
        parts = list(ast.walk(case.pattern))
        unsure = any(isinstance(part, ast.MatchClass | ast.Attribute) for part in parts)
        return (
            not unsure and self.shared.isdisjoint(_captured(case)) and (case.guard is None or self._is_pure(case.guard))
        )

    def _is_pure(self, value: ast.expr) -> bool:  # noqa: PLR0911  # a row for each kind of node
        """Whether an expression reads only the call's own values and changes none."""
        match value:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in self.pure
            case ast.Subscript() | ast.Slice() | ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.UnaryOp():
                return self._are_pure(value)
            case ast.IfExp() | ast.JoinedStr() | ast.FormattedValue() | ast.Tuple() | ast.List() | ast.Set():
                return self._are_pure(value)
            case ast.Dict(keys=keys):
                return None not in keys and self._are_pure(value)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                plain = all(not each.is_async and self._is_own(each.target) for each in value.generators)
                return plain and self._are_pure(value)
            case ast.Call(func=ast.Name(id=name)):
                return name in self._known and name != "json" and self._are_arguments_pure(value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="json"), attr=attr)) if "json" in self._known:
                return attr in _JSON and self._are_arguments_pure(value)
            case ast.Call(func=ast.Attribute(value=receiver, attr=attr)):
                return attr in _PURE_METHODS and self._is_pure(receiver) and self._are_arguments_pure(value)
        return False

    def _are_pure(self, value: ast.expr) -> bool:
        return all(map(self._is_pure, _parts(value)))

    def _are_arguments_pure(self, call: ast.Call) -> bool:
        named = all(keyword.arg is not None and self._is_pure(keyword.value) for keyword in call.keywords)
        return named and all(map(self._is_pure, call.args))

    def _is_fresh(self, value: ast.expr) -> bool:  # noqa: PLR0911  # a row for each kind of node
        """Whether a pure expression gives a value that nobody can change."""
        match value:
            case ast.Constant() | ast.JoinedStr() | ast.Compare():
                return True
            case ast.Name(id=name):
                return name in self.fresh
            case ast.Subscript(slice=ast.Constant(value=key)):
                return key in _TEXTS
            case ast.BinOp() | ast.BoolOp() | ast.UnaryOp() | ast.IfExp():
                return all(map(self._is_fresh, _parts(value)))
            case ast.Call(func=ast.Name(id=name)):
                return name in _FRESH_CALLS & self._known
            case ast.Call(func=ast.Attribute(value=ast.Name(id="json"), attr="dumps")):
                return "json" in self._known
            case ast.Call(func=ast.Attribute(attr=attr)):
                return attr in _FRESH_METHODS and "split" not in attr and "partition" not in attr
        return False

    def _references(self, value: ast.expr) -> set[str]:
        """The names whose objects, or parts of them, an expression's value may hold."""
        if self._is_fresh(value):
            return set()
        if isinstance(value, ast.Name):
            return {value.id}
        held = [value.value] if isinstance(value, ast.Subscript) else _parts(value)
        return set().union(*map(self._references, held))

    def _read(self, function: _Definition) -> None:
        """Find the names: begin with all that may be, and strike out until no more falls."""
        self._sources = _sources(function, self._own)
        self._own = [node for node in self._own if not isinstance(node, _IDLE)]
        candidates = {name for name, sources in self._sources.items() if None not in sources} - self.shared
        self.fresh = set(candidates) - _PRIVATE_PARAMETERS
        self.pure = set(candidates)
        while self._strike_fresh() or self._strike_pure():
            pass

    def _strike_fresh(self) -> bool:
        """Strike out the names that hold a value that may change, or a part of one."""
        lost = {
            name
            for name in self.fresh
            for source in self._sources[name]
            if source is None or source[1] or not self._is_fresh(source[0])
        }
        self.fresh -= lost
        return bool(lost)

    def _strike_pure(self) -> bool:
        """Strike out the names that hold something impure or whose object is handed on."""
        handed = set(self.shared).union(*map(self._handed, self._own))
        while True:
            behind = {
                behind
                for name in handed & self._sources.keys()
                for source in self._sources[name]
                if source is not None
                for behind in self._references(source[0])
            }
            if behind <= handed:
                break
            handed |= behind
        lost = self.pure & handed
        lost |= {
            name
            for name in self.pure
            for source in self._sources[name]
            if source is None or not self._is_pure(source[0])
        }
        self.pure -= lost
        return bool(lost)

    def _handed(self, node: ast.AST) -> set[str]:
        """The names whose objects a node, leaving what is inside it aside, gives to something unknown."""
        given: list[ast.expr] = []
        match node:
            case ast.Compare() | ast.Subscript(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()) | ast.Starred():
                pass  # comparing and looking up keep nothing; what is looked up is where it is used
            case ast.Tuple(ctx=ast.Store()) | ast.List(ctx=ast.Store()):
                pass  # targets are their statement's business
            case ast.Subscript(value=value):
                given = [value]
            case ast.AugAssign(target=target, value=value):
                given = [target, value]  # what others hold of a list grows with it
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                given = [] if _binds_names(node) else [value]
            case ast.For(iter=value) | ast.AsyncFor(iter=value) | ast.comprehension(iter=value):
                given = [] if _binds_names(node) else [value]
            case ast.withitem(context_expr=value) | ast.Raise(exc=ast.expr() as value):
                given = [value]
            case ast.Assert(msg=ast.expr() as value):
                given = [value]
            case ast.Match(subject=subject, cases=cases):
                given = [subject] if any(name for case in cases for name in _captured(case)) else []
            case ast.expr() if not self._is_pure(node):
                given = list(_parts(node))
        return set().union(*map(self._references, given))


def _parts(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that an expression evaluates, those of a comprehension's clauses among them."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            yield part
        elif isinstance(part, ast.comprehension):
            yield from (part.iter, *part.ifs)
        elif isinstance(part, ast.keyword):
            yield part.value


def _captured(case: ast.match_case) -> set[str]:
    """The names that a pattern binds."""
    return {name for part in ast.walk(case.pattern) for name in _bound(part)}


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    """A target of an assignment, or those that it is made of."""
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _targets(each)
    else:
        yield from _targets(target.value) if isinstance(target, ast.Starred) else (target,)


def _assigned(node: ast.AST) -> tuple[list[ast.expr], ast.expr | None, bool]:
    """The targets of an assignment, what is assigned, and whether they get parts of it."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return targets, value, False
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return [target], value, False
        case ast.AugAssign(target=target, value=value):
            return [target], value, False
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            return [target], value, True
        case ast.comprehension(target=target, iter=value):
            return [target], value, True
    return [], None, False


def _binds_names(node: ast.AST) -> bool:
    """Whether all that an assignment changes are names."""
    return all(isinstance(each, ast.Name) for target in _assigned(node)[0] for each in _targets(target))


def _own_nodes(function: _Definition) -> tuple[list[ast.AST], set[str]]:
    """The nodes of a function without those of functions and classes in it, and the names it shares."""
    own: list[ast.AST] = []
    shared: set[str] = set()
    queue: list[ast.AST] = list(function.body)
    while queue:
        node = queue.pop()
        own.append(node)
        if isinstance(node, _Defined | ast.Lambda):
            shared |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        else:
            queue += ast.iter_child_nodes(node)
        if isinstance(node, ast.Global | ast.Nonlocal):
            shared.update(node.names)
    return own, shared


def _sources(function: _Definition, own: list[ast.AST]) -> dict[str, list[_Source | None]]:
    """What each name of a function is bound to; None where that is not an expression."""
    sources: dict[str, list[_Source | None]] = {}
    for node in ast.walk(function.args):
        for name in _bound(node):
            sources[name] = [] if name in _PRIVATE_PARAMETERS else [None]
    values: dict[ast.AST, _Source | None] = {}
    for node in own:
        targets, value, parts = _assigned(node)
        for target in targets:
            parts_of = parts or not isinstance(target, ast.Name)
            values |= dict.fromkeys(_targets(target), (value, parts_of) if value else None)
    for node in filter(_may_bind, own):
        for name in _bound(node):
            sources.setdefault(name, []).append(values.get(node))
    return sources


# -------------------------------------------------------------------------------------- the user's files
_ROOTS: Final = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "tox.ini")
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_MINISQS: Final = os.path.realpath(Path(__file__).parents[1])


def users_files(subject_file: str) -> Callable[[str], bool]:
    """Whether a file belongs to the project that the subject's file belongs to.

    The project is the nearest directory above with a ``pyproject.toml``, ``setup.py``, ``setup.cfg``,
    ``tox.ini`` or ``.git``, or else the file's own directory. What is installed below it, virtual environments,
    the standard library and minisqs are not the project's. A subject typed into a shell (``<stdin>`` and the
    like) has only that for its file.
    """
    if _is_pseudo(subject_file):
        return subject_file.__eq__
    return _project(_project_root(Path(os.path.realpath(subject_file))))


def _is_pseudo(path: str) -> bool:
    return path.startswith("<")


def _project_root(file: Path) -> str:
    marked = (parent for parent in file.parents if any((parent / name).exists() for name in _ROOTS))
    return str(next(marked, file.parent))


@functools.cache
def _project(root: str) -> Callable[[str], bool]:
    library = {os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    excluded = [path for path in (*library, _MINISQS) if not _is_under(root, path)]

    @functools.cache
    def is_environment(directory: Path) -> bool:
        return (directory / "pyvenv.cfg").exists()

    @functools.cache
    def belongs(path: str) -> bool:
        if _is_pseudo(path):
            return False
        path = os.path.realpath(path)
        if not _is_under(path, root) or any(_is_under(path, other) for other in excluded):
            return False
        below = Path(path).relative_to(root)
        inside = (Path(root, parent) for parent in below.parents if parent.parts)
        return _INSTALLED.isdisjoint(below.parts) and not any(map(is_environment, inside))

    return belongs


def _is_under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def traced(trace: object, subject_file: str) -> Callable[[str], bool]:
    """What a user's ``trace=`` means: whether a file, by the name its code carries, is followed.

    Args:
        trace: None for the files of the subject's project; a path or a module, or several: a directory or a
            package stands for all files in it; or a function of a file's name.
        subject_file: The file in which the subject is defined.

    Raises:
        UsageError: It is none of these, or there is no such path.
    """
    if trace is None:
        return users_files(subject_file)
    if callable(trace):
        return trace
    several = trace if isinstance(trace, list | tuple | set | frozenset) else [trace]
    places = [_place(each) for each in several]

    @functools.cache
    def belongs(path: str) -> bool:
        path = path if _is_pseudo(path) else os.path.realpath(path)
        return any(_is_under(path, place) for place in places)

    return belongs


def _place(named: object) -> str:
    """The file or directory that a path or a module names."""
    if isinstance(named, types.ModuleType):
        path = named.__dict__.get("__file__")
        if not path:
            raise errors.UsageError(f"trace: the module {named.__name__} has no file")
        named = Path(path).parent if "__path__" in named.__dict__ else Path(path)
    if not isinstance(named, str | os.PathLike):
        raise errors.UsageError(
            f"trace={named!r}; it must be a path or a module, a list of these, a function of a file's name, or None"
        )
    if not Path(named).exists():
        raise errors.UsageError(f"trace={os.fspath(named)!r}: there is no such file or directory")
    return os.path.realpath(named)
