"""Loads what lets a simulation answer the calls of boto3 and aiobotocore, once these are there to be answered.

It lies floors above, so it is known here by name only. Nothing is loaded for a program that loads no SDK.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from threading import RLock
from types import ModuleType
from typing import Any, Final

ANSWERED_BY: Final = {
    "botocore.session": "minisqs.adapters.boto3_client",
    "aiobotocore.session": "minisqs.adapters.aiobotocore_client",
}
"""The modules whose classes make clients, and those of ours whose ``install`` and ``remove`` change these."""

_guard: Final = RLock()


class AnsweredSdks:
    """A context in which the SDKs ask ``minisqs.adapters`` before they send a request; may be nested.

    An SDK that is imported later, inside of the context, is met as well.
    """

    _depth = 0

    def __enter__(self) -> None:
        with _guard:
            AnsweredSdks._depth += 1
            if AnsweredSdks._depth == 1:
                sys.meta_path.insert(0, _finder)
                for name in ANSWERED_BY:
                    if name in sys.modules and not _is_being_imported(sys.modules[name]):
                        _install(name)

    def __exit__(self, *raised: object) -> None:
        with _guard:
            AnsweredSdks._depth -= 1
            if AnsweredSdks._depth == 0:
                sys.meta_path.remove(_finder)
                for ours in ANSWERED_BY.values():
                    if ours in sys.modules:
                        sys.modules[ours].remove()


def _is_being_imported(module: ModuleType) -> bool:
    return bool(getattr(module.__spec__, "_initializing", False))


def _install(name: str) -> None:
    with _guard:
        if AnsweredSdks._depth:
            import_module(ANSWERED_BY[name]).install()


class _Finder(MetaPathFinder):
    """Finds the SDKs as everybody does, with a loader that tells of it."""

    def __init__(self) -> None:
        self._looks = False

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of one of the modules; None of all others."""
        if name not in ANSWERED_BY or self._looks:
            return None
        self._looks = True
        try:
            spec = find_spec(name)
        finally:
            self._looks = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Telling(spec.loader)
        return spec


class _Telling(Loader):
    """Loads a module as another loader does, and installs what answers it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other; then the module is as if it had always been answered."""
        self._loader.exec_module(module)
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        _install(module.__name__)


_finder: Final = _Finder()
