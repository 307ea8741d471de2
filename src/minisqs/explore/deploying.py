"""Code as it lies in the user's files, executed anew for each environment, as Lambda does it.

That is the module that is deployed and, of the user's modules that it imports, those that keep something, with all that
import these. Which keep something is seen by a run: they are others afterwards than when their file has just been executed.
The other modules, and so their classes, are the same in all environments.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, wraps
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import accumulate
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import attrs

from .. import errors
from ..sim.code import statements
from ..sim.code.points import compiled
from ..sim.code.users_files import users_files
from .values import shown

_Found = dict[str, ModuleType | None]
"""What stands under names among the modules that are loaded; None for nothing."""

_CACHED: Final = type(cache(int))


class Deployed:
    """Code that is executed anew for each environment; ``deployed`` makes it."""

    def __init__(self, path: str, outside: Callable[[], Any]) -> None:
        module, colon, name = path.partition(":") if isinstance(path, str) else ("", "", "")
        if not colon or not module or not name:
            raise errors.UsageError(f"deployed code is named as 'module:handler', not {path!r}")
        if not callable(outside):
            raise errors.UsageError(f"outside is a class, or a function that makes the outside world, not {outside!r}")
        try:
            spec = importlib.util.find_spec(module)
        except ImportError:
            spec = None
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            raise errors.UsageError(f"there is no module {module!r} with source code on the import path")
        self.__name__ = path
        self.path = spec.origin
        self._name = spec.name
        self._handler = name
        self._outside = outside
        self._sources = {spec.name: _Source.of(spec)}
        self._imported: dict[str, _Source] | None = None
        self._found_before: _Found = {}
        self._under_way = 0

    @property
    def statements(self) -> list[statements.Statement]:
        """The statements of the modules' functions as they are now."""
        return [one for source in self._sources.values() for one in source.statements()]

    @property
    def written(self) -> str:
        """What makes it once more, as code."""
        outside = str(getattr(self._outside, "__qualname__", "outside")).rpartition("<locals>.")[2]
        return f'minisqs.deployed("{self.__name__}", outside={outside})'

    def __call__(self) -> DeployedSubject:
        """The outside world of one run, with environments that execute the code."""
        return DeployedSubject(self, self._outside())

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the newest environment's modules stand among those that are loaded; what stood there comes back."""
        self._found_before = {name: sys.modules.get(name) for name in self._sources}
        try:
            yield
        finally:
            _install(self._found_before)

    def fresh_handler(self, outside: Any) -> Callable[..., Any]:
        """The handler of a new environment: the modules are executed anew, and joined to the outside world."""
        before = _install(dict.fromkeys(self._sources))
        try:
            module = self._executed()
            modules = {name: sys.modules.get(name) for name in self._sources}
            if callable(connect := getattr(outside, "connect", None)):
                connect(module)
        finally:
            if self._under_way:  # in the middle of another environment's work
                _install(before)
        handler = vars(module).get(self._handler)
        if not callable(handler):
            raise errors.UsageError(f"{self._name} has no function {self._handler!r}")
        return self._in_its_modules(handler, modules)

    def _executed(self) -> ModuleType:
        """The module that is deployed, executed anew; it stands there until the check ends, as late imports look there."""
        hidden = _hidden(self._sources)
        with _Anew({**(self._imported or {}), **self._sources}):
            module = importlib.import_module(self._name)
        for space, name, value in hidden:
            space[name] = value
        return module

    def _in_its_modules(self, handler: Callable[..., Any], modules: _Found) -> Callable[..., Any]:
        """A handler during whose calls its own environment's modules are those that are found, also by pickle."""
        if not inspect.isfunction(handler) or inspect.iscoroutinefunction(handler):
            return handler

        @wraps(handler)
        def in_its_modules(event: Any, context: Any) -> Any:
            before = _install(modules)
            self._under_way += 1
            try:
                return handler(event, context)
            finally:
                self._under_way -= 1
                _install(before)

        return in_its_modules

    def look_for_others(self, run: Callable[[], object]) -> None:
        """Find the other modules to be executed anew, by a run in which they are shared; only the first time."""
        if self._imported is not None:
            return
        self._imported, imports = _imported_by(self._sources[self._name], str(getattr(self._outside, "__module__", "")))
        before = _install(dict.fromkeys(self._imported))
        try:
            run()
        finally:
            keep = {name for name, source in self._imported.items() if source.has_changed(sys.modules.get(name))}
            _install(before)
        while more := {name for name in self._imported if not keep.isdisjoint(imports[name])} - keep:
            keep |= more
        self._sources |= {name: self._imported[name] for name in sorted(keep)}
        self._found_before |= {name: before[name] for name in keep}


class DeployedSubject:
    """One run's outside world behind deployed code."""

    def __init__(self, code: Deployed, outside: Any) -> None:
        self._code = code
        self.outside = outside

    def __reduce_ex__(self, protocol: Any) -> Any:
        """What the outside world holds."""
        return self.outside.__reduce_ex__(protocol)

    def environment(self) -> Callable[..., Any]:
        """The handler of a new environment."""
        return self._code.fresh_handler(self.outside)

    def __getattr__(self, name: str) -> Any:
        if name in ("observe", "close", "disconnect", "always", "sometimes"):
            return getattr(self.outside, name)
        raise AttributeError(name)


def deployed(path: str, *, outside: Callable[[], Any]) -> Deployed:
    """A subject of code as it will be deployed: it is executed anew for each environment.

    What the module keeps in its globals lives and dies with an environment, as on Lambda; so does what is kept in the
    user's modules that it imports, and these import. Modules in which a run changes nothing are not executed again.

    Args:
        path: ``"module:handler"``, importable from here.
        outside: A class, or a function, that makes the outside world of a run. It has ``observe()``; where
            it has ``connect(module)``, that is called with each fresh module, to hand it what it works on.

    Raises:
        UsageError: Not of that form, or no such module.
    """
    return Deployed(path, outside)


@attrs.frozen(eq=False)
class _Source:
    """A module as its file has it, to be executed again and again."""

    spec: ModuleSpec
    path: str
    text: str
    plain: CodeType

    @classmethod
    def of(cls, spec: ModuleSpec) -> _Source:
        """What the file of a module holds."""
        path = str(spec.origin)
        text = importlib.util.decode_source(Path(path).read_bytes())
        return cls(spec, path, text, compile(text, path, "exec", dont_inherit=True))

    def execute(self, module: ModuleType) -> None:
        """Execute it, with points where there are any in this run."""
        code = self.plain if statements.arrive is None else compiled(self.path, self.text)
        exec(code, vars(module))  # noqa: S102  # which is what importing a module is

    def has_changed(self, module: ModuleType | None) -> bool:
        """Whether a module is another by now than one that is executed now."""
        if module is None:
            return False
        fresh = importlib.util.module_from_spec(self.spec)
        try:
            self.execute(fresh)
        except Exception:  # noqa: BLE001  # such as one that registers itself somewhere, once
            return False
        return _told(module) != _told(fresh)

    def statements(self) -> list[statements.Statement]:
        """The statements of its functions."""
        compiled(self.path, self.text)
        latest = {one.digest: one for one in statements.STATEMENTS if one.path == self.path}
        lines = len(self.text.splitlines())
        return [one for one in latest.values() if one.line <= lines]


class _Anew:
    """While it is entered, modules are imported from sources that are there already."""

    def __init__(self, sources: Mapping[str, _Source]) -> None:
        self._sources = sources

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *raised: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Where a module comes from, if it is one of these."""
        source = self._sources.get(name)
        if source is None:
            return None
        inside = source.spec.submodule_search_locations
        return importlib.util.spec_from_file_location(
            name,
            source.path,
            loader=_Loader(name, source),
            submodule_search_locations=inside,
        )


class _Loader(SourceFileLoader):
    """Reads what lies beside a module as Python does, but executes the source that is there already."""

    def __init__(self, name: str, source: _Source) -> None:
        super().__init__(name, source.path)
        self._source = source

    def exec_module(self, module: ModuleType) -> None:
        """Execute it; a package finds the modules in it that are not executed anew."""
        for name, one in list(sys.modules.items()) if hasattr(module, "__path__") else ():
            package, _, own = name.rpartition(".")
            if package == module.__name__ and one is not None:
                vars(module).setdefault(own, one)
        self._source.execute(module)


def _install(modules: _Found) -> _Found:
    """Let modules stand among those that are loaded, and in their packages; what stood there before."""
    before = {name: sys.modules.get(name) for name in modules}
    for name in sorted(modules):  # packages before what is in them
        module = modules[name]
        package, _, own = name.rpartition(".")
        space = vars(sys.modules[package]) if package in sys.modules else {}
        if module is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = module
        if not isinstance(space.get(own, module), ModuleType):
            continue  # the package has something else under that name
        if module is None:
            space.pop(own, None)
        else:
            space[own] = module
    return before


def _hidden(modules: Iterable[str]) -> list[tuple[dict[str, Any], str, object]]:
    """What packages have under the names of modules in them, such as a function of that name; imports overwrite it."""
    found = []
    for name in modules:
        package, _, own = name.rpartition(".")
        space = vars(sys.modules[package]) if package in sys.modules else {}
        if own in space and not isinstance(space[own], ModuleType):
            found.append((space, own, space[own]))
    return found


# ------------------------------------------------------------------------------------------------ what keeps something
def _imported_by(first: _Source, but: str) -> tuple[dict[str, _Source], dict[str, set[str]]]:
    """The user's modules that one imports, directly or not, anywhere in it, and what each of them imports."""
    is_users = users_files(first.path)
    sources = {first.spec.name: first}
    imports: dict[str, set[str]] = {}
    waiting = [first]
    while waiting:
        source = waiting.pop()
        imports[source.spec.name] = found = set()
        for name in _names_imported(source):
            if (
                name not in sources
                and name not in (but, "__main__")
                and (spec := _spec_of(name))
                and is_users(spec.origin)
            ):
                sources[name] = _Source.of(spec)
                waiting.append(sources[name])
            if name in sources:
                found.add(name)
    del sources[first.spec.name]
    return sources, imports


def _is_source(spec: ModuleSpec | None, is_users: Callable[[str], bool]) -> bool:
    """Whether a module is one of the user's files."""
    return spec is not None and str(spec.origin).endswith(".py") and is_users(str(spec.origin))


def _names_imported(source: _Source) -> Iterator[str]:
    """The names of what a module imports, some of which may be modules."""
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from accumulate(alias.name.split("."), "{}.{}".format)
        elif isinstance(node, ast.ImportFrom):
            with suppress(ImportError):  # of a module outside of a package, which catches that
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), source.spec.parent)
                yield from accumulate(base.split("."), "{}.{}".format)
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _spec_of(name: str) -> Any:
    """Where a module is, without importing it or its package; None where there is none."""
    package, _, _ = name.rpartition(".")
    inside = _spec_of(package) if package else None
    if package and (inside is None or inside.submodule_search_locations is None):
        return None
    if name in sys.modules:
        return sys.modules[name].__spec__
    return PathFinder.find_spec(name, inside.submodule_search_locations if inside is not None else None)


def _told(module: ModuleType) -> dict[str, str]:
    """What a module holds, as texts; of a package not the modules in it, which it has once they are imported."""
    return {
        name: _text_of(value, module)
        for name, value in list(vars(module).items())
        if not name.startswith("__") and not isinstance(value, ModuleType)
    }


def _text_of(value: Any, module: ModuleType) -> str:
    if isinstance(value, FunctionType):
        return shown((value.__defaults__, value.__kwdefaults__, value.__dict__), sys.maxsize)
    if isinstance(value, _CACHED):
        return str(value.cache_info())
    if isinstance(value, type):
        own = vars(value).items() if value.__module__ == module.__name__ else ()
        held = {name: one for name, one in own if not name.startswith("__") and not isinstance(one, type)}
        return shown({name: _text_of(one, module) for name, one in held.items()}, sys.maxsize)
    return shown((value, getattr(value, "__dict__", None)), sys.maxsize)
