"""Which functions of the user's files run without points, so that those are found to which no name leads.

What runs is seen by a profile function, while nobody else has one. It says which code runs; the function is found among
what refers to the code, by its globals and by what it closes over. Lambdas and comprehensions, which have no points,
are left aside, and so are the bodies of classes and modules.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from ..strands import Carriers
from .following import Following, name_of
from .statements import POINT
from .users_files import is_machinery

_Closure = tuple[object, ...]
_CLOSURES_MAX: Final = 100
"""Of a function that was made again and again, so many that ran are told apart."""

_IS_OF_A_FUNCTION: Final = 0x01
"""The flag of code whose variables are its own: a class's or a module's has it not."""


class Running:
    """While it is entered, it notes which code of traced files runs without points.

    Args:
        trace: Whether a file, by the name its code carries, is followed.
        following: What has points now.
        carriers: The threads that are watched too.
    """

    def __init__(self, trace: Callable[[str], bool], following: Following, carriers: Carriers) -> None:
        self._trace = trace
        self._following = following
        self._carriers = carriers
        self._met: dict[int, types.CodeType] = {}  # keeps them alive, so that no id comes back
        self._bare: dict[int, tuple[types.CodeType, dict[str, Any], dict[tuple[int, ...], _Closure]]] = {}

    def __enter__(self) -> Self:
        if sys.getprofile() is None:
            self._carriers.profile = self._note
            sys.setprofile(self._carriers.profile)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._carriers.profile is not None and sys.getprofile() is self._carriers.profile:
            sys.setprofile(None)
        self._carriers.profile = None

    def _note(self, frame: types.FrameType, event: str, argument: object) -> None:
        if event == "call":
            code = frame.f_code
            if id(code) not in self._met:
                self._meet(code, frame)
            elif code.co_freevars and id(code) in self._bare:
                self._keep(self._bare[id(code)][2], frame)

    def _meet(self, code: types.CodeType, frame: types.FrameType) -> None:
        self._met[id(code)] = code
        is_function = code.co_flags & _IS_OF_A_FUNCTION and not code.co_name.startswith(("<", "__annotate"))
        if is_function and POINT not in code.co_names and not is_machinery(code.co_filename):
            closures: dict[tuple[int, ...], _Closure] = {}
            self._bare[id(code)] = code, frame.f_globals, closures
            self._keep(closures, frame)

    def _keep(self, closures: dict[tuple[int, ...], _Closure], frame: types.FrameType) -> None:
        names = frame.f_code.co_freevars
        if len(closures) < _CLOSURES_MAX:
            held = tuple(frame.f_locals.get(name) for name in names)
            closures.setdefault(tuple(map(id, held)), held)

    def names(self) -> list[str]:
        """What ran without points, as ``"qualname (path:line)"``, in the order of the files."""
        bare = sorted(self._codes(), key=lambda code: (code.co_filename, code.co_firstlineno))
        return list(dict.fromkeys(map(name_of, bare)))

    def functions(self) -> list[types.FunctionType]:
        """The live functions that ran without points. Cost: that of looking at all objects there are, if any did."""
        codes = self._codes()
        live = [one for one in gc.get_referrers(*codes) if type(one) is types.FunctionType] if codes else []
        return [one for code in codes for one in self._that_ran(code, [each for each in live if each.__code__ is code])]

    def _that_ran(self, code: types.CodeType, live: list[types.FunctionType]) -> list[types.FunctionType]:
        """Of the functions of a code those that ran; all of them if what they close over is by now another."""
        _, names, closures = self._bare[id(code)]
        live = [one for one in live if one.__globals__ is names]
        return [one for one in live if _closure(one) in closures] or live

    def _codes(self) -> list[types.CodeType]:
        """The codes of traced files that ran without points, though some statement stands in them."""
        bare = [code for code, _, _ in self._bare.values() if self._trace(code.co_filename)]
        known = {id(code) for code in _with_inner(self._following.codes)} if bare else set()
        return [code for code in bare if id(code) not in known]


def _closure(function: types.FunctionType) -> tuple[int, ...]:
    """What a function closes over, by identity."""
    held = []
    for cell in function.__closure__ or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:  # not yet filled
            held.append(None)
    return tuple(map(id, held))


def _with_inner(codes: tuple[types.CodeType, ...]) -> Iterator[types.CodeType]:
    """The codes and those of the functions in them."""
    queue = list(codes)
    while queue:
        code = queue.pop()
        yield code
        queue += (constant for constant in code.co_consts if type(constant) is types.CodeType)
