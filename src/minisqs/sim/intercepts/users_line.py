"""The user's line that asks for something, to be named where it may not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

_LIBRARY: Final = str(Path(os.__file__).parent)
_OURS: Final = str(Path(__file__).parents[2])
_is_users_file: Final[dict[str, bool]] = {}


def _is_users(path: str) -> bool:
    """Whether code of this file is neither the standard library's nor ours."""
    known = not path.startswith(("<frozen ", _OURS + os.sep)) and (
        not path.startswith(_LIBRARY + os.sep) or "-packages" + os.sep in path
    )
    _is_users_file[path] = known
    return known


def _is_of_user(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    known = _is_users_file.get(path)
    return _is_users(path) if known is None else known


def users_frame() -> FrameType:
    """The innermost frame of the user's code; the outermost of all where there is none."""
    return _users_frame_from(sys._getframe(3))  # whoever calls this is ours, and so are those two before


def _users_frame_from(frame: FrameType) -> FrameType:
    while not _is_of_user(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def users_place() -> str:
    """The user's line as "path:line in function"."""
    return _in_words(users_frame())


def users_place_within(frame: FrameType | None, call: CodeType, work: object) -> str:
    """The innermost user's line, from a frame on, within the call that has this ``work``; empty where there is none."""
    innermost: FrameType | None = None
    while frame is not None:
        if frame.f_code is call:
            if frame.f_locals["work"] is work:
                break
            innermost = None  # it is of somebody who works meanwhile
        elif innermost is None and _is_of_user(frame):
            innermost = frame
        frame = frame.f_back
    return "" if frame is None or innermost is None else _in_words(innermost)


def _in_words(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def users_point() -> tuple[CodeType, int]:
    """The point of the user's code that asks for something: the same again when a loop comes back to it."""
    frame = _users_frame_from(sys._getframe(1))
    return frame.f_code, frame.f_lasti


def users_numbers() -> tuple[int, ...]:
    """The whole numbers in the variables of the user's code on this stack, and in its ``self``: what it counts is among them."""
    found: list[int] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_of_user(frame):
            held = frame.f_locals
            found += filter(_is_number, [*held.values(), *getattr(held.get("self"), "__dict__", {}).values()])
        frame = frame.f_back
    return tuple(found)


def _is_number(value: object) -> bool:
    return type(value) in (int, bool)
