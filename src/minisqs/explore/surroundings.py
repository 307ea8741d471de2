"""What hangs from the user's code beside the outside object, and whether anything of it is ever another.

Reductions compare the outside object, what environments hold, and the globals and attributes that
``Case.lasting_values`` tells. Code can keep something in many more places: what a decorator closes over, an object in
a default or in a class, the data of another module. It is too much to be compared at each statement; but where
any of it changes between two looks, states that are different were perhaps taken for the same.
"""

from __future__ import annotations

import gc
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from itertools import count
from types import CodeType, FunctionType, GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..outside import Table
from ..sim.code.reaching import names_in

if TYPE_CHECKING:
    from .subjects import Case

_Content: TypeAlias = list[object]
# Classes are known by their ids, as a metaclass of the user's may have a hash of its own, or none.
_PLAIN: Final = frozenset(map(id, (type(None), bool, int, float, complex, str, bytes)))
_LOOKED_INTO: Final = frozenset({"builtins", "collections", "functools", "itertools", "types"})
"""The modules of the standard library whose objects are looked into; those of others, such as loggers, are not."""
_NOT_THERE: Final = "not there"
_MOST: Final = 20_000
"""So many objects are looked at; where there are more, nothing is known of them."""
_LARGE: Final = 2_000
"""Of more objects than that the looks take long."""


class Surroundings:
    """Looks at what the user's code can reach, again and again.

    Args:
        case: Whose code.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._before: dict[int, tuple[object, _Content]] | None = None
        self._is_users = cache(case.is_users_module)
        self._places: set[tuple[int, str]] = set()
        self._kind: type = object
        """The outside object's class, which a function that makes the subject may make anew each time."""

    def have_changed(self, outside: object = None) -> bool:
        """Whether anything is another than when it was looked at last, or cannot be looked at.

        Args:
            outside: The outside object of the run that is under way, which is compared by others.
        """
        try:
            before, self._before = self._before, self._look(outside)
        except Exception:  # noqa: BLE001  # an object that does not let itself be looked at may have changed
            return True
        return before is not None and not _same(before, self._before)

    @property
    def are_large(self) -> bool:
        """Whether a look takes milliseconds."""
        return self._before is not None and len(self._before) > _LARGE

    def _look(self, outside: object) -> dict[int, tuple[object, _Content]]:
        case = self._case
        told = case.lasting_values()
        self._places = {(id(_namespace(owner)), name) for owner, name in case.lasting_places} if told else set()
        self._kind = type(outside) if outside is not None else self._kind
        roots: list[object] = [*case.following.functions, case.subject, self._kind]
        return _reached(roots, self._content, {id(outside), *map(id, told.values())})

    def _content(self, one: Any) -> _Content:
        """What an object refers to: another list once anything of it is another."""
        kind = type(one)
        if kind is FunctionType:
            return self._of_function(one) if self._is_users(one.__globals__.get("__name__")) else []
        if issubclass(kind, type):  # what an object says of its own class is not asked for
            return [*one.__mro__, *self._standing_in(vars(one))] if self._is_users(one.__module__) else []
        if issubclass(kind, (ModuleType, CodeType)):
            return []  # of modules the functions say what they name
        return self._of_object(one, kind)

    def _of_object(self, one: Any, kind: type) -> _Content:
        if id(kind) in _STATE:
            return [_STATE[id(kind)](one)]
        if kind.__module__ in _LOOKED_INTO:
            return _in_container(one) if issubclass(kind, _CONTAINERS) else _referred(one)
        if any(base is Table or self._is_users(base.__module__) for base in kind.__mro__):
            return [*_attributes(object.__getstate__(one)), *_in_container(one)]
        return []

    def _of_function(self, function: FunctionType) -> _Content:
        closure = [_content_of_cell(cell) for cell in function.__closure__ or ()]
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        return [*closure, *defaults, *self._standing_in(function.__dict__), *self._named(function)]

    def _named(self, function: FunctionType) -> Iterator[object]:
        """The globals that a function names, and of the user's modules the attributes that it names."""
        names = names_in(function.__code__)
        spaces, opened = [function.__globals__], set[int]()
        while spaces:
            space = spaces.pop()
            for name in names:
                value = space.get(name, _NOT_THERE)
                if isinstance(value, ModuleType):
                    if id(value) not in opened and self._is_users(value.__name__):
                        opened.add(id(value))
                        spaces.append(vars(value))
                elif (id(space), name) not in self._places:
                    yield value

    def _standing_in(self, space: Any) -> Iterator[object]:
        """What stands in a namespace and is not told by others."""
        here = id(_namespace(space))
        for name, value in list(space.items()):
            if not name.startswith("__") and (here, name) not in self._places:
                yield name
                yield value


def _reached(
    roots: Iterable[object], content: Callable[[Any], _Content], told: set[int]
) -> dict[int, tuple[object, _Content]]:
    """Each object that the roots lead to, by its id, with what it refers to; none of those that others tell."""
    found: dict[int, tuple[object, _Content]] = {}
    waiting = deque(roots)
    while waiting:
        one = waiting.popleft()
        if id(type(one)) in _PLAIN or id(one) in found or id(one) in told:
            continue
        refers = content(one)
        found[id(one)] = one, refers  # which keeps it, and so its id, alive
        if len(found) > _MOST:
            raise OverflowError("there are too many objects to be looked at again and again")
        waiting.extend(refers)
    return found


def _same(before: dict[int, tuple[object, _Content]], now: dict[int, tuple[object, _Content]]) -> bool:
    return before.keys() == now.keys() and all(_alike(refers, now[one][1]) for one, (_, refers) in before.items())


def _alike(some: _Content, others: _Content) -> bool:
    """Whether two contents are the same objects, or plain values that are equal."""
    return len(some) == len(others) and all(
        one is other or (type(one) is type(other) and id(type(one)) in _PLAIN and one == other)
        for one, other in zip(some, others, strict=True)
    )


def _namespace(owner: Any) -> object:
    """The dictionary behind a namespace: that of a class is shown through a proxy, another one each time."""
    return owner if isinstance(owner, dict) else gc.get_referents(owner)[0]


def _content_of_cell(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return _NOT_THERE


_CONTAINERS: Final[tuple[Any, ...]] = (dict, set, frozenset, list, tuple, deque)


def _in_container(one: Any) -> _Content:
    """What is in it, if it is a container, whatever its class has made of that."""
    kind = type(one)
    if issubclass(kind, dict):
        return [part for pair in dict.items(one) for part in pair]
    base = next((base for base in _CONTAINERS if issubclass(kind, base)), None)
    if base is None:
        return []
    held: _Content = list(base.__iter__(one))
    return sorted(held, key=_in_sets) if base in (set, frozenset) else held


def _in_sets(one: object) -> tuple[str, str, int]:
    """An order of elements that is the same as long as they are."""
    return (type(one).__name__, repr(one), 0) if id(type(one)) in _PLAIN else ("", "", id(one))


def _attributes(state: Any) -> _Content:
    """What ``__getstate__`` tells of an object: nothing, its attributes, or these and its slots."""
    parts = state if isinstance(state, tuple) else (state,)
    return [part for held in parts if isinstance(held, dict) for pair in held.items() for part in pair]


def _referred(one: object) -> _Content:
    """What an object of the interpreter's own refers to, and how far it has come."""
    if isinstance(one, GeneratorType):
        return [one.gi_frame and one.gi_frame.f_lasti, *gc.get_referents(one)]
    how_far = getattr(one, "__length_hint__", None)
    return [how_far() if callable(how_far) else None, *gc.get_referents(one)]


_STATE: Final[dict[int, Callable[[Any], object]]] = {
    id(bytearray): bytes,
    id(array): array.tobytes,
    id(count): repr,
    id(ContextVar): lambda variable: variable.get(None),
    id(type(cache(int))): lambda cached: tuple(cached.cache_info()),
}
"""What objects hold that refer to nothing, or not only."""
