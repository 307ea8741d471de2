"""What ``random``, ``os.urandom`` and ``uuid`` draw for simulated code."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from hashlib import blake2b
from operator import index
from typing import Any, Final

from .attributes import Attribute, attributes_of
from .clocks import clock
from .here import here, machine

_FRACTION_100NS: Final = 100
_GREGORIAN_100NS: Final = 0x01B21DD213814000
"""From the calendar reform of 1582, where UUIDs count from, to 1970."""

_MULTICAST: Final = 1 << 40
"""The bit that tells a node that was made up from a network card."""


class _Draws:
    """The stand-ins that draw: bytes of a run are BLAKE2b of the run's seed and of a number that counts the draws."""

    def __init__(self) -> None:
        self.begin(b"")

    def begin(self, seed: bytes) -> None:
        """Start again with a seed."""
        self.key = blake2b(seed).digest()
        self.drawn = 0
        self.latest_uuid_100ns = 0

    def take(self, length: int) -> bytes:
        """The next bytes."""
        self.drawn += 1
        if length <= blake2b.MAX_DIGEST_SIZE:
            return blake2b(self.drawn.to_bytes(8), key=self.key).digest()[:length]
        blocks = range(-(-length // blake2b.MAX_DIGEST_SIZE))
        start = self.drawn.to_bytes(8)
        return b"".join(blake2b(start + block.to_bytes(8), key=self.key).digest() for block in blocks)[:length]

    def number(self) -> int:
        """The next number, large enough for a seed."""
        return int.from_bytes(self.take(32))

    def urandom(self, size: int, /) -> bytes:
        if here.simulation is None:
            return machine["os.urandom"](size)  # type: ignore[no-any-return]
        return self.take(self._length(size))

    def getrandom(self, size: int, flags: int = 0) -> bytes:
        if here.simulation is None:
            return machine["os.getrandom"](size, flags)  # type: ignore[no-any-return]
        return self.take(self._length(size))

    @staticmethod
    def _length(size: int) -> int:
        length = index(size)
        if length < 0:
            raise ValueError("negative argument not allowed")  # in the words of the real one
        return length

    def seed(self, a: Any = None, version: int = 2) -> None:
        if a is None and here.simulation is not None:
            a = self.number()
        machine["random.seed"](a, version)

    def uuid1(self, node: int | None = None, clock_seq: int | None = None) -> Any:
        now_ns = clock.now_ns()
        if now_ns is None:
            return machine["uuid.uuid1"](node, clock_seq)
        self.latest_uuid_100ns = max(now_ns // _FRACTION_100NS + _GREGORIAN_100NS, self.latest_uuid_100ns + 1)
        made_up = int.from_bytes(blake2b(b"uuid1", key=self.key, digest_size=8).digest())
        sequence = made_up >> 48 if clock_seq is None else clock_seq
        ticks = self.latest_uuid_100ns
        fields = (
            ticks & 0xFFFFFFFF,
            ticks >> 32 & 0xFFFF,
            ticks >> 48 & 0x0FFF,
            sequence >> 8 & 0x3F,
            sequence & 0xFF,
            made_up & 0xFFFFFFFFFFFF | _MULTICAST if node is None else node,
        )
        return sys.modules["uuid"].UUID(fields=fields, version=1)


draws: Final = _Draws()

FUNCTIONS: Final[dict[str, object]] = {
    "os.urandom": draws.urandom,
    "os.getrandom": draws.getrandom,
    "random.seed": draws.seed,
    "uuid.uuid1": draws.uuid1,
}


def _seed(attribute: Attribute) -> object:
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and here.simulation is not None:
            a = draws.number()
        attribute.real(self, a, version)

    return seed


def attributes() -> Iterator[Attribute]:
    """The method of generators that has a stand-in; not that of the class of C below them."""
    for attribute in attributes_of([random.Random], "seed", _seed):
        if attribute.owner.__module__ != "_random":
            yield attribute
