"""One attribute of a class that has a stand-in, also where the class is one of C."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import attrs

_IMMUTABLE_TYPE: Final = 1 << 8
"""The flag of a class that does not let its attributes be set (Py_TPFLAGS_IMMUTABLETYPE)."""


@attrs.define(eq=False)
class Attribute:
    """One attribute of a class that has a stand-in."""

    owner: type
    name: str
    stand_in: object = None
    real: Any = None
    namespace: dict[str, object] | None = None
    """The dictionary of a class of C, which refuses to have its attributes set."""

    def __attrs_post_init__(self) -> None:
        if self.owner.__flags__ & _IMMUTABLE_TYPE:
            [self.namespace] = gc.get_referents(vars(self.owner))

    def install(self) -> None:
        """Put the stand-in in place of what is there."""
        there = vars(self.owner)[self.name]
        if there is not self.stand_in:
            self.real = there
            self._set(self.stand_in)

    def remove(self) -> None:
        """Put back what was there."""
        if vars(self.owner)[self.name] is self.stand_in:
            self._set(self.real)

    def _set(self, value: object) -> None:
        if self.namespace is None:
            setattr(self.owner, self.name, value)
        else:
            self.namespace[self.name] = value
            _type_modified()(self.owner)


@cache
def _type_modified() -> Callable[[type], None]:
    """The call by which the interpreter is told to look up the attributes of a class anew."""
    return ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyType_Modified", ctypes.pythonapi))


def attributes_of(classes: list[type], name: str, make: Callable[[Attribute], object]) -> Iterator[Attribute]:
    """The attribute in each of the classes, and those they inherit from, that has one of its own."""
    owners = dict.fromkeys(owner for one in classes for owner in one.__mro__ if name in vars(owner))
    for owner in owners:
        attribute = Attribute(owner, name)
        attribute.stand_in = make(attribute)
        yield attribute
