"""The MD5s by which a caller checks what SQS received: of a body, and of attributes (sqs.md 11.8, 11.9)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import md5
from typing import Final

from .values import MessageAttribute

_SHORT: Final = 1024
_RECENT: Final = 512


def of_text(text: str) -> str:
    """The MD5 of ``text`` in UTF-8, as lower-case hex.

    >>> of_text("hello")
    '5d41402abc4b2a76b9719d911017c592'
    """
    return _of_short(text) if len(text) <= _SHORT else md5(text.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=_RECENT)
def _of_short(text: str) -> str:
    """The same; what a send was answered is soon asked for again by a receive."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def of_attributes(attributes: Mapping[str, MessageAttribute]) -> str:
    """The MD5 of attributes in ascending order of name, each part behind its length.

    >>> of_attributes({"k": MessageAttribute("String", "x")})
    'a45daa70926828a2f0a1db3418e6feb4'
    """
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        digest.update(_part(name.encode()) + _part(attribute.data_type.encode()))
        if isinstance(attribute.value, bytes):
            digest.update(b"\x02" + _part(attribute.value))
        else:
            digest.update(b"\x01" + _part(attribute.value.encode()))
    return digest.hexdigest()


def _part(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw
