"""What a state is like, as something that is equal only for equal states, whatever the hash seed of the process.

Pickles are that, and fast, but for sets, whose order is the hash seed's and their history's: states with sets
are taken apart, and their sets sorted. What can be neither pickled nor taken apart has no fingerprint, and then
nothing is concluded from it.
"""

from __future__ import annotations

import copyreg
import pickle
from typing import Any, Final

_SETS: Final = (b"\x8f", b"\x91")
"""The opcodes of a set and a frozen set; as bytes of a text they only cost time."""

_ATOMS: Final = frozenset({int, float, str, bytes, bool, type(None), complex})


def fingerprint_of(value: object) -> object:
    """What an object holds; None if that cannot be said, or there is none."""
    if value is None:
        return None
    try:
        return canonical(content(value))
    except Exception:  # noqa: BLE001  # whatever its pickling raises
        return None


def content(value: object) -> list[object]:
    """All that an object holds: attributes, slots, and what is in it where it is a container.

    Raises:
        TypeError: It is not made from its content.
    """
    reduced: Any = value.__reduce_ex__(4)
    if isinstance(reduced, str) or reduced[0] is not copyreg.__newobj__:  # type: ignore[attr-defined]  # as pickle has it
        raise TypeError(f"{value!r} does not say what it holds")
    _, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    return [list(arguments[1:]), state, list(items or ()), list(pairs or ())]


def canonical(value: object) -> object:
    """A value as something hashable that is equal only for equal values.

    Raises:
        TypeError: It cannot be taken apart.
        Whatever pickling it raises.
    """
    pickled = pickle.dumps(value, 4)
    if not any(opcode in pickled for opcode in _SETS):
        return pickled
    return _taken_apart(value, {})


def _taken_apart(value: Any, met: dict[int, int]) -> object:
    """The parts of a value, each at its first place; an object that is met again is told by where that was."""
    kind = type(value)
    if kind in _ATOMS:
        return kind.__name__, value
    if id(value) in met:
        return "again", met[id(value)]
    met[id(value)] = len(met)
    if kind in (set, frozenset):
        return kind.__name__, tuple(sorted((_taken_apart(one, dict(met)) for one in value), key=repr))
    if kind in (list, tuple):
        return kind.__name__, tuple(_taken_apart(one, met) for one in value)
    if kind is dict:
        return kind.__name__, tuple((_taken_apart(key, met), _taken_apart(one, met)) for key, one in value.items())
    return f"{kind.__module__}.{kind.__qualname__}", tuple(_taken_apart(one, met) for one in content(value))
