"""Puts stand-ins in the place of functions, under every name by which a module has them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from .here import machine


class Functions:
    """The functions that have stand-ins, under every name by which a module has them.

    Args:
        stand_ins: What stands for what, by module and name ("time.sleep"); what this Python lacks is left alone.
    """

    def __init__(self, stand_ins: dict[str, object]) -> None:
        self._stand_ins = stand_ins
        self._places = [(*path.rsplit(".", 1), path) for path in self._stand_ins]
        self._first: dict[str, object] = {}
        """What was there at first: names may still hold it when a user has patched the function since."""
        self._pairs: dict[int, tuple[object, object]] = {}
        """The real thing and its stand-in, by the identity of either."""
        self._originals: set[int] = set()
        """The identities of those among them that are no patches of the user's."""
        self._patchers: set[object] = set()
        """The names of the modules that the user's patches come from."""
        self._seen: list[ModuleType] = []
        self._unfinished: set[int] = set()
        self._found: dict[int, list[tuple[dict[str, Any], str, object, object]]] = {}
        self._names: list[tuple[dict[str, Any], str, object, object]] = []
        """Each with its module's namespace, the real thing and the stand-in."""
        self._read_real()

    def install(self) -> None:
        """Put the stand-ins in place of what is there."""
        self._read_real()
        self._search()
        for namespace, name, real, stand_in in self._names:
            if namespace.get(name) is real:
                namespace[name] = stand_in

    def remove(self) -> None:
        """Put back what was there, also in modules that have been loaded since."""
        before = self._names
        self._search()
        for names in (before,) if self._names is before else (before, self._names):
            for namespace, name, real, stand_in in names:
                if namespace.get(name) is stand_in:
                    namespace[name] = real

    def _read_real(self) -> None:
        """Take what is there for the real thing, be it a patch of the user's; all names are searched anew then."""
        changed = {}
        for module, name, path in self._places:
            thing = vars(sys.modules[module]).get(name) if module in sys.modules else None
            if thing is not None and thing is not self._stand_ins[path] and thing is not machine.get(path):
                changed[path] = thing
        if not changed:
            return
        machine.update(changed)
        for path, real in machine.items():
            self._first.setdefault(path, real)
        pairs: dict[int, tuple[object, object]] = {}
        for path, real in [*self._first.items(), *machine.items()]:
            pairs[id(real)] = (real, self._stand_ins[path])
        for path, real in machine.items():
            pairs[id(self._stand_ins[path])] = (real, self._stand_ins[path])
        self._originals = {id(one) for one in (*self._first.values(), *self._stand_ins.values())}
        patches = [real for real in machine.values() if id(real) not in self._originals]
        self._patchers = {getattr(patch, "__globals__", {}).get("__name__") for patch in patches}
        self._pairs, self._seen, self._found = pairs, [], {}

    def _search(self) -> None:
        """Find the names in modules that are new since the last search."""
        modules = list(sys.modules.values())
        if modules == self._seen and not self._unfinished:
            return
        known = {key: names for key, names in self._found.items() if key not in self._unfinished}
        self._unfinished = set()
        self._found = {
            id(module): known[id(module)] if id(module) in known else list(self._names_in(module)) for module in modules
        }
        self._seen = modules
        self._names = [name for names in self._found.values() for name in names]

    def _names_in(self, module: ModuleType) -> Iterator[tuple[dict[str, Any], str, object, object]]:
        """The names of one module; looking at them does not load a lazy one."""
        kind = type(module)
        if not issubclass(kind, ModuleType):
            return
        namespace = object.__getattribute__(module, "__dict__")
        own_name = str(namespace.get("__name__"))
        if own_name == "minisqs" or own_name.startswith("minisqs."):
            return
        if kind.__name__ == "_LazyModule" or getattr(namespace.get("__spec__"), "_initializing", False):
            self._unfinished.add(id(module))
        pairs = self._pairs
        for name, value in list(namespace.items()):
            if id(value) in pairs:
                path = f"{own_name}.{name}"
                if machine.get(path) is value:
                    yield namespace, name, value, self._stand_ins[path]
                elif not self._is_spared(own_name, name, value):
                    yield namespace, name, *pairs[id(value)]

    def _is_spared(self, module: str, name: str, value: object) -> bool:
        """Whether a name keeps its value, though that is one of those replaced."""
        if module == "_thread":
            return "lock" in name.lower()  # the import system takes its own locks from there
        if module in self._patchers:
            return True  # a patch may ask the original, by a name that it has there
        return id(value) not in self._originals and getattr(value, "__module__", None) == "builtins"
