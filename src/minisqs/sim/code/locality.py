"""Which statements of a file touch only what is their own call's, so that a crash before or after them is the same.

It is read off the source, by rules that are unsure rather than wrong: a function's ``event`` and ``context``, and
what is made of them by operations known to be pure, belong to the call until they are handed to something unknown.
What such rules cannot see: an exception that a local statement raises leaves the blocks around it without a point.

``Locality`` works when it is first asked: it costs several times what compiling the file does, and only a proof asks.
"""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Iterator
from typing import Final

import attrs

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def start(statement: ast.stmt) -> tuple[int, int]:
    """The line and the column, in bytes, where a statement begins to run: a definition, with its first decorator."""
    if isinstance(statement, Defined) and statement.decorator_list:
        return statement.decorator_list[0].lineno, statement.decorator_list[0].col_offset
    return statement.lineno, statement.col_offset


def is_declaration(statement: ast.stmt) -> bool:
    """Whether no code comes of the statement in a function."""
    bare = isinstance(statement, ast.AnnAssign) and statement.value is None and isinstance(statement.target, ast.Name)
    return bare or isinstance(statement, ast.Global | ast.Nonlocal)


class Locality:
    """What can be said of each statement in the functions of a file; a statement is named by its ``start``.

    Args:
        source: The text of the file, which compiles.
    """

    __slots__ = ("_judged", "_source")

    def __init__(self, source: str) -> None:
        self._source = source
        self._judged: dict[tuple[int, int], tuple[bool, bool]] | None = None

    def is_local(self, line: int, column: int) -> bool:
        """Whether a statement surely touches nothing that outlives the call; of a compound one, its header."""
        return self._of(line, column)[0]

    def may_leave(self, line: int, column: int) -> bool:
        """Whether the function may end with a statement."""
        return self._of(line, column)[1]

    def _of(self, line: int, column: int) -> tuple[bool, bool]:
        if self._judged is None:
            self._judged = _judged(self._source)
        return self._judged[line, column]


def _judged(source: str) -> dict[tuple[int, int], tuple[bool, bool]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whoever imported the file has seen them
        tree = ast.parse(source)
    return {
        start(statement): (block.is_local(statement), block.may_leave(statement))
        for block in _blocks(tree)
        if block.function
        for statement in block.statements
    }


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
    functions: tuple[Definition, ...] = ()
    function: Definition | None = None
    names: _Names | None = None
    after: int = _LEAVES
    broken: int = 0
    continued: int = 0
    guarded: bool = False

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
        elif isinstance(statement, Definition):
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
        return self.after if statement is last or is_declaration(last) else 0


def _blocks(tree: ast.Module) -> Iterator[_Block]:
    """Every list of statements in a module."""
    queue = [_Block(statements=tree.body, known=_known(tree))]
    while queue:
        block = queue.pop()
        yield block
        queue += (inner for statement in block.statements for inner in block.inner(statement) if inner.statements)


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
    elif isinstance(node, Defined | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
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

    def __init__(self, function: Definition, known: frozenset[str]) -> None:
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
                return self._is_pure(value) and all(map(self._rebinds, targets))
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.For(target=target, iter=value):
                return self._is_pure(value) and self._rebinds(target)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                return self._is_pure(value) and name in self.pure
            case ast.Match(subject=subject, cases=cases):
                return self._is_pure(subject) and all(map(self._is_pure_case, cases))
        return False

    def _is_own(self, target: ast.expr) -> bool:
        """Whether an assignment to the target binds only the call's own names."""
        return all(isinstance(each, ast.Name) and each.id not in self.shared for each in _targets(target))

    def _rebinds(self, target: ast.expr) -> bool:
        """The same, of names that hold nothing at whose end somebody could be told: a weak reference, a generator."""
        return self._is_own(target) and all(
            source is not None and self._is_pure(source[0])
            for each in _targets(target)
            if isinstance(each, ast.Name)
            for source in self._sources[each.id]
        )

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
            case ast.Subscript(value=record, slice=ast.Constant(value=key)):
                return key in _TEXTS and self._is_record(record)
            case ast.BinOp() | ast.BoolOp() | ast.UnaryOp() | ast.IfExp():
                return all(map(self._is_fresh, _parts(value)))
            case ast.Call(func=ast.Name(id=name)):
                return name in _FRESH_CALLS & self._known
            case ast.Call(func=ast.Attribute(value=ast.Name(id="json"), attr="dumps")):
                return "json" in self._known
            case ast.Call(func=ast.Attribute(attr=attr)):
                return attr in _FRESH_METHODS and "split" not in attr and "partition" not in attr
        return False

    def _is_record(self, value: ast.expr) -> bool:
        """Whether a pure expression is one of the records of the event that Lambda gives."""
        match value:
            case ast.Name(id=name):
                sources = self._sources.get(name)
                return bool(sources) and all(
                    source is not None and source[1] and _is_all_records(source[0]) for source in sources or ()
                )
            case ast.Subscript(value=records):
                return _is_all_records(records)
        return False

    def _references(self, value: ast.expr) -> set[str]:
        """The names whose objects, or parts of them, an expression's value may hold."""
        if self._is_fresh(value):
            return set()
        if isinstance(value, ast.Name):
            return {value.id}
        held = [value.value] if isinstance(value, ast.Subscript) else _parts(value)
        return set().union(*map(self._references, held))

    def _read(self, function: Definition) -> None:
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


def _own_nodes(function: Definition) -> tuple[list[ast.AST], set[str]]:
    """The nodes of a function without those of functions and classes in it, and the names it shares."""
    own: list[ast.AST] = []
    shared: set[str] = set()
    queue: list[ast.AST] = list(function.body)
    while queue:
        node = queue.pop()
        own.append(node)
        if isinstance(node, Defined | ast.Lambda):
            shared |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        else:
            queue += ast.iter_child_nodes(node)
        if isinstance(node, ast.Global | ast.Nonlocal):
            shared.update(node.names)
    return own, shared


def _is_all_records(value: ast.expr) -> bool:
    match value:
        case ast.Subscript(value=ast.Name(id="event"), slice=ast.Constant(value="Records")):
            return True
    return False


def _is_handler(function: Definition) -> bool:
    """Whether it takes what Lambda gives a handler: ``event, context``, and before these at most itself."""
    taken = function.args
    names = [argument.arg for argument in (*taken.posonlyargs, *taken.args)]
    more = taken.vararg or taken.kwonlyargs or taken.kwarg
    return not more and len(names) <= 3 and names[-2:] == ["event", "context"]


def _sources(function: Definition, own: list[ast.AST]) -> dict[str, list[_Source | None]]:
    """What each name of a function is bound to; None where that is not an expression."""
    sources: dict[str, list[_Source | None]] = {}
    private = _PRIVATE_PARAMETERS if _is_handler(function) else frozenset()
    for node in ast.walk(function.args):
        for name in _bound(node):
            sources[name] = [] if name in private else [None]
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
