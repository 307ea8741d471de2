"""Which functions of the user's files some objects lead to: by name, as the code would reach them, and by what they hold.

* A function leads to what it closes over, to its defaults and what it wraps, and to those of its module's globals
  that it names; of a module that it names or imports, to the attributes that it names. What counts as named is
  every name in its code and in the code inside it.
* A class leads to all that stands in it and in its bases; an instance to its class and its attributes; a
  container to what it holds, at any depth, but to no more than a thousand things.
* A module among the roots, or held by an object, leads to all functions, classes and objects of its own.
* Objects of libraries are looked into, though not far. Their classes, modules and tables are not.
* The files of the roots themselves are looked into also where they are not traced.

So these are not found: functions found by ``getattr`` with a computed name or by their place in ``sys.modules``;
subclasses found by ``__subclasses__``; functions that only a library's own tables hold; what a function imports,
before the module is loaded. Those of them that run are found by ``running``.
"""

from __future__ import annotations

import functools
import itertools
import opcode
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeGuard

# Libraries hold the user's functions in objects of their own, but a client's whole inside is not searched.
_FOREIGN_MAX: Final = 2
_ITEMS_MAX: Final = 1000
# Classes are known by their ids, as a metaclass of the user's may have a hash of its own, or none.
_PLAIN: Final = frozenset(map(id, (type(None), bool, int, float, complex, str, bytes, bytearray)))
_ITEMS_OF: Final[Mapping[type, Callable[[Any], Iterable[object]]]] = {
    dict: dict.values,
    list: list.__iter__,
    tuple: tuple.__iter__,
    set: set.__iter__,
    frozenset: frozenset.__iter__,
    deque: deque.__iter__,
}
_UNPACKED: Final = tuple(_ITEMS_OF)
_CONTAINERS: Final = frozenset(map(id, (*_UNPACKED, defaultdict, OrderedDict)))
_Reached = tuple[object, int]
"""An object, and how many objects of libraries lie between it and the user's."""


class Walk:
    """From some roots to all functions of traced files, without asking any object on the way.

    No property, no ``__getattr__`` and no ``__eq__`` of the user's runs.
    """

    __slots__ = ("_own", "_slots_of", "_trace", "_users")

    def __init__(self, trace: Callable[[str], bool]) -> None:
        self._trace = functools.cache(trace)
        self._own: set[str] = set()
        self._users: dict[int, bool] = {}  # by the id of the class, whose hash may be the user's code
        self._slots_of: dict[int, list[types.MemberDescriptorType]] = {}

    def functions(self, roots: Iterable[object]) -> list[types.FunctionType]:
        """The live functions of traced files, each once; lambdas, which have no points, are not among them."""
        roots = list(roots)
        self._own = {path for root in roots for path in _files_of(root)}
        found: dict[int, types.FunctionType] = {}
        seen: dict[int, _Reached] = {}  # keeps them alive, so that no id comes back
        queue: deque[_Reached] = deque((root, 0) for root in roots)
        while queue:
            item, foreign = queue.popleft()
            if id(item) in seen and seen[id(item)][1] <= foreign:
                continue
            seen[id(item)] = item, foreign
            if (
                type(item) is types.FunctionType
                and item.__name__ != "<lambda>"
                and self._trace(item.__code__.co_filename)
            ):
                found[id(item)] = item
            queue.extend(self._neighbours(item, foreign))
        return list(found.values())

    def _looks_into(self, path: str) -> bool:
        """Whether what stands in a file is the user's, or a root's."""
        return path in self._own or self._trace(path)

    def _neighbours(self, item: Any, foreign: int) -> Iterator[_Reached]:
        kind = type(item)
        if kind is types.FunctionType:
            inside = _inside_function(item)
            if self._looks_into(item.__code__.co_filename):
                modules = [value for value in inside if _is_module(value)]
                inside = [value for value in inside if not _is_module(value)]
                yield from _each(self._named(item.__code__, item.__globals__, modules), 1)
            yield from _each(inside, foreign)
        elif kind is types.CodeType:  # of a module to be executed
            if self._looks_into(item.co_filename):
                yield from _each(self._named(item, {}, ()), 1)
        elif id(kind) in _INSIDE:
            yield from _each(_INSIDE[id(kind)](item), foreign)
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
        names = names_in(code)
        values = [*modules, *(space[name] for name in names if name in space)]
        if _imports(code):
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
        return isinstance(path, str) and self._looks_into(path)

    def _is_users_class(self, item: type) -> bool:
        """Whether a class stands in a file that is looked into, or has functions that do."""
        known = self._users.get(id(item))
        if known is None:
            names = type.__getattribute__(item, "__dict__")
            module = sys.modules.get(str(names.get("__module__")))
            known = self._users[id(item)] = (_is_module(module) and self._is_users_module(module)) or any(
                self._looks_into(value.__code__.co_filename)
                for value in list(names.values())
                if type(value) is types.FunctionType
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


def _files_of(root: object) -> Iterator[str]:
    """The file in which a function stands, or those of the first class of a root that has functions."""
    if type(root) is types.FunctionType:
        yield root.__code__.co_filename
        return
    kind = type(root)
    for base in type.__getattribute__(root if issubclass(kind, type) else kind, "__mro__"):
        values = list(type.__getattribute__(base, "__dict__").values())
        functions = [value for value in values if type(value) is types.FunctionType]
        yield from (function.__code__.co_filename for function in functions)
        if functions:
            return


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


_INSIDE: Final[Mapping[int, Callable[[Any], list[object]]]] = {
    id(types.MethodType): lambda item: [item.__func__, item.__self__],
    id(staticmethod): lambda item: [item.__func__],
    id(classmethod): lambda item: [item.__func__],
    id(property): lambda item: [item.fget, item.fset, item.fdel],
    id(functools.partial): lambda item: [item.func, *item.args, *item.keywords.values()],
}


def _each(values: Iterable[object], foreign: int) -> Iterator[_Reached]:
    """The values, and in the place of a container what it holds."""
    for value in list(values):
        kind = type(value)
        if id(kind) in _CONTAINERS:
            yield from ((item, foreign) for item in _unpacked(value))
        elif id(kind) not in _PLAIN:
            yield value, foreign
            if issubclass(kind, _UNPACKED):  # such as a named tuple, which has attributes beside
                yield from ((item, foreign) for item in _unpacked(value))


def _unpacked(container: object) -> Iterator[object]:
    """What a container holds and what the containers in it hold, without these; so many things at most."""
    opened = {id(container)}
    queue = deque(_items(container))
    for _ in range(_ITEMS_MAX):
        if not queue:
            return
        item = queue.popleft()
        kind = type(item)
        if id(kind) in _PLAIN:
            continue
        if id(kind) not in _CONTAINERS:
            yield item
        if issubclass(kind, _UNPACKED) and id(item) not in opened:
            opened.add(id(item))
            queue.extend(_items(item))


def _items(container: Any) -> Iterator[object]:
    """The first of what a container holds, of a dictionary the values, by no method of the user's."""
    for base in _UNPACKED:
        if issubclass(type(container), base):
            return itertools.islice(_ITEMS_OF[base](container), _ITEMS_MAX)
    return iter(())


_IMPORTS: Final = opcode.opmap["IMPORT_NAME"]


@functools.lru_cache(4096)
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """All names of globals, attributes and modules in a code and in those inside it, each once."""
    inside = [name for inner in _inside_code(code) for name in names_in(inner)]
    return tuple(dict.fromkeys([*code.co_names, *inside]))


@functools.lru_cache(4096)
def _imports(code: types.CodeType) -> bool:
    """Whether a code, or one inside it, imports."""
    return _IMPORTS in code.co_code[::2] or any(map(_imports, _inside_code(code)))


def _inside_code(code: types.CodeType) -> list[types.CodeType]:
    return [constant for constant in code.co_consts if type(constant) is types.CodeType]


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
