"""Code as it lies in the user's files, executed anew for each environment, as Lambda does it.

That is the module that is deployed and, of the user's modules to which it leads, those that keep something, with all that
lead to these. Other modules, such as those that only define classes, are the same in all environments.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

import attrs

from .. import errors
from ..sim.code import statements
from ..sim.code.points import compiled
from ..sim.code.users_files import users_files

_Found = dict[str, ModuleType | None]
"""What stands under names among the modules that are loaded; None for nothing."""

_KEEPS: Final = (list, dict, set, bytearray, deque, type(cache(int)))


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
        self._others: dict[str, _Source] | None = None
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
        if self._others is None:
            self._others = self._look_for_others()
        before = _install(dict.fromkeys(self._sources))
        with _Anew(self._others):
            module = self._executed()
        modules = {name: sys.modules.get(name) for name in self._sources}
        if self._under_way:  # in the middle of another environment's work
            _install(before)
        if callable(connect := getattr(outside, "connect", None)):
            connect(module)
        handler = vars(module).get(self._handler)
        if not callable(handler):
            raise errors.UsageError(f"{self._name} has no function {self._handler!r}")
        return self._in_its_modules(handler, modules)

    def _executed(self) -> ModuleType:
        source = self._sources[self._name]
        module = importlib.util.module_from_spec(source.spec)
        _install({self._name: module})  # until the check ends, as late imports look there
        source.execute(module)
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

    def _look_for_others(self) -> dict[str, _Source]:
        """The other modules to be executed anew, by name; found by executing the code once."""
        loaded = dict(sys.modules)
        found = _that_keep(self._executed(), users_files(self.path), str(getattr(self._outside, "__module__", "")))
        sources = {name: _Source.of(spec) for name in found if (spec := sys.modules[name].__spec__) is not None}
        self._found_before |= {name: loaded.get(name) for name in sources}
        self._sources |= sources
        return sources


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
    user's modules that it imports at its top, and these at theirs. Modules that keep nothing are not executed again.

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
        text = Path(path).read_text(encoding="utf-8")
        return cls(spec, path, text, compile(text, path, "exec", dont_inherit=True))

    def execute(self, module: ModuleType) -> None:
        """Execute it, with points where there are any in this run."""
        code = self.plain if statements.arrive is None else compiled(self.path, self.text)
        exec(code, vars(module))  # noqa: S102  # which is what importing a module is

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
            loader=self,  # type: ignore[arg-type]  # and a loader
            submodule_search_locations=inside,
        )

    def create_module(self, spec: ModuleSpec) -> None:
        """Make it as any module is made."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute it."""
        self._sources[module.__name__].execute(module)


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


# ------------------------------------------------------------------------------------------------ what keeps something
def _that_keep(module: ModuleType, is_users: Callable[[str], bool], but: str) -> set[str]:
    """The names of the user's modules that one imports and that keep something, and of those that import these."""
    imports: dict[str, set[str]] = {}
    waiting = [module]
    while waiting:
        one = waiting.pop()
        if one.__name__ not in imports:
            others = {name for name in _imported(one) if is_users(_file_of(sys.modules[name]))}
            imports[one.__name__] = others - {but, "__main__", one.__name__}
            waiting += [sys.modules[name] for name in sorted(imports[one.__name__])]
    del imports[module.__name__]
    keep = {name for name in imports if _keeps(sys.modules[name], imports.keys())}
    while more := {name for name, others in imports.items() if not keep.isdisjoint(others)} - keep:
        keep |= more
    return keep


def _imported(module: ModuleType) -> Iterator[str]:
    """The names of the loaded modules with source that a module imports."""
    package = module.__spec__.parent if module.__spec__ is not None else None
    for node in ast.walk(_tree(module)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name in sys.modules and _file_of(sys.modules[name]))


def _keeps(module: ModuleType, users: Collection[str]) -> bool:
    """Whether anything in a module may become another: containers, objects of the user's classes, names bound anew."""
    held = [value for name, value in vars(module).items() if not name.startswith("__")]
    if any(isinstance(value, _KEEPS) or type(value).__module__ in users for value in held):
        return True
    return any(isinstance(node, ast.Global) for node in ast.walk(_tree(module)))


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(_file_of(module)).read_text(encoding="utf-8"))


def _file_of(module: ModuleType) -> str:
    """The file with the source of a module; empty where there is none."""
    file = str(getattr(module, "__file__", None))
    return file if file.endswith(".py") else ""
