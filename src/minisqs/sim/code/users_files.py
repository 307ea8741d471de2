"""Which files are the user's own: those whose statements have points, and whose functions are followed."""

from __future__ import annotations

import functools
import os
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attr
import sortedcontainers

from ... import errors

_ROOTS: Final = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "tox.ini")
_GENERATED: Final = ("<frozen", "<string>", "<attrs generated")
"""What the files of code are called that Python or a library has made up."""

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_MINISQS: Final = os.path.realpath(Path(__file__).parents[2])
_MADE_OF: Final = (_MINISQS, *map(os.path.realpath, (*attr.__path__, *sortedcontainers.__path__)))


def users_files(subject_file: str) -> Callable[[str], bool]:
    """Whether a file belongs to the project that the subject's file belongs to.

    The project is the nearest directory above with a ``pyproject.toml``, ``setup.py``, ``setup.cfg``,
    ``tox.ini`` or ``.git``, or else the file's own directory. What is installed below it, virtual environments,
    the standard library and minisqs are not the project's. A subject typed into a shell (``<stdin>`` and the
    like) has only that for its file.
    """
    return _shell(subject_file) if _is_pseudo(subject_file) else _project(_project_root(subject_file))


def _is_pseudo(path: str) -> bool:
    return path.startswith("<")


# The same files have the same function each time, by which the answers of ``follow`` are known again.
@functools.cache
def _shell(name: str) -> Callable[[str], bool]:
    return name.__eq__


@functools.cache
def _project_root(path: str) -> str:
    file = Path(os.path.realpath(path))
    marked = (parent for parent in file.parents if any((parent / name).exists() for name in _ROOTS))
    return str(next(marked, file.parent))


@functools.cache
def _project(root: str) -> Callable[[str], bool]:
    excluded = [path for path in (*_library(), _MINISQS) if not _is_under(root, path)]

    @functools.cache
    def is_environment(directory: Path) -> bool:
        return (directory / "pyvenv.cfg").exists()

    @functools.cache
    def belongs(path: str) -> bool:
        if _is_pseudo(path):
            return False
        path = os.path.realpath(path)
        if not _is_under(path, root) or any(_is_under(path, other) for other in excluded):
            return False
        below = Path(path).relative_to(root)
        inside = (Path(root, parent) for parent in below.parents if parent.parts)
        return _INSTALLED.isdisjoint(below.parts) and not any(map(is_environment, inside))

    return belongs


@functools.cache
def _library() -> tuple[str, ...]:
    """Where the standard library lies."""
    return tuple(sorted({os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}))


@functools.cache
def is_machinery(path: str) -> bool:
    """Whether a file is of what runs the user's code: of Python, of minisqs, or of what minisqs is made of."""
    if _is_pseudo(path):
        return path.startswith(_GENERATED)
    path = os.path.realpath(path)
    if any(_is_under(path, own) for own in _MADE_OF):
        return True
    return _INSTALLED.isdisjoint(Path(path).parts) and any(_is_under(path, library) for library in _library())


def _is_under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def traced(trace: object, subject_file: str) -> Callable[[str], bool]:
    """What a user's ``trace=`` means: whether a file, by the name its code carries, is followed.

    Args:
        trace: None for the files of the subject's project; a path or a module, or several: a directory or a
            package stands for all files in it; or a function of a file's name.
        subject_file: The file in which the subject is defined.

    Raises:
        UsageError: It is none of these, or there is no such path.
    """
    if trace is None:
        return users_files(subject_file)
    if callable(trace):
        return trace
    several = trace if isinstance(trace, list | tuple | set | frozenset) else [trace]
    return _within(tuple(sorted({_place(each) for each in several})))


@functools.cache
def _within(places: tuple[str, ...]) -> Callable[[str], bool]:
    @functools.cache
    def belongs(path: str) -> bool:
        path = path if _is_pseudo(path) else os.path.realpath(path)
        return any(_is_under(path, place) for place in places)

    return belongs


def _place(named: object) -> str:
    """The file or directory that a path or a module names."""
    if isinstance(named, types.ModuleType):
        path = named.__dict__.get("__file__")
        if not path:
            raise errors.UsageError(f"trace: the module {named.__name__} has no file")
        named = Path(path).parent if "__path__" in named.__dict__ else Path(path)
    if not isinstance(named, str | os.PathLike):
        raise errors.UsageError(
            f"trace={named!r}; it must be a path or a module, a list of these, a function of a file's name, or None"
        )
    if not Path(named).exists():
        raise errors.UsageError(f"trace={os.fspath(named)!r}: there is no such file or directory")
    return os.path.realpath(named)
