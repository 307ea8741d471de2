"""What callers give to worlds and checks, refused with its name, its value and what it may be.

Raises:
    UsageError: It is not of its form.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from .. import errors


def key_of(seed: object) -> bytes:
    """The key of 32 bytes from which all of a seed is drawn; of None too."""
    if isinstance(seed, bool) or not isinstance(seed, (int, str, type(None))):
        raise errors.UsageError(f"a seed is a whole number or a text, not {seed!r}; faults are given as faults=...")
    return blake2b(repr(seed).encode(), digest_size=32).digest()


def whole(name: str, value: object, *, lowest: int) -> int:
    """A whole number of ``lowest`` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise errors.UsageError(f"{name} is a whole number of {lowest} or more, not {value!r}")
    return value


def matching(name: str, value: object, form: str, what: str) -> str:
    """A text that a regular expression matches; ``what`` is that in words."""
    if not isinstance(value, str) or not re.fullmatch(form, value):
        raise errors.UsageError(f"{name} is {what}, not {value!r}")
    return value
