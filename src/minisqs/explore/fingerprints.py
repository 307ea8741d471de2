"""What a state is like, as something that is equal only for equal states, whatever the hash seed of the process.

Pickles are that, and fast, but for sets, whose order is the hash seed's and their history's: states with sets
are taken apart, and their sets sorted.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any, Final

_SETS: Final = (b"\x8f", b"\x91")
"""The opcodes of a set and a frozen set; as bytes of a text they only cost time."""

_ATOMS: Final = frozenset({int, float, str, bytes, bool, type(None), complex})


def fingerprint_of(outside: Any) -> object:
    """What an object holds; None if that cannot be said, or there is none."""
    if outside is None:
        return None
    try:
        return canonical(outside.__getstate__())
    except Exception:  # noqa: BLE001  # whatever its pickling raises: then nothing is concluded from it
        return None


def canonical(value: Any) -> object:
    """A value as something hashable that is equal only for equal values.

    Raises:
        Whatever pickling it raises.
    """
    pickled = pickle.dumps(value, 4)
    if not any(opcode in pickled for opcode in _SETS):
        return pickled
    return _taken_apart(value)


def _taken_apart(value: Any) -> object:
    kind = type(value)
    if kind in _ATOMS:
        return kind.__name__, value
    if isinstance(value, (set, frozenset)):
        return kind.__qualname__, tuple(sorted(map(_taken_apart, value), key=repr))
    if isinstance(value, dict):
        return kind.__qualname__, _each(part for item in value.items() for part in item), _own(value)
    if isinstance(value, (list, tuple)):
        return kind.__qualname__, _each(value), _own(value)
    if hasattr(value, "__dict__"):
        return kind.__qualname__, _each(part for item in vars(value).items() for part in item)
    return kind.__qualname__, pickle.dumps(value, 4)


def _each(parts: Iterable[Any]) -> tuple[object, ...]:
    return tuple(map(_taken_apart, parts))


def _own(value: Any) -> object:
    """What an object of a class derived from a container has beside its content."""
    own = getattr(value, "__dict__", None)
    return _each(part for item in own.items() for part in item) if own else ()
