"""The questions that the engine may ask of chance, and the perfect answer to each: 0.

A queue asks by the name of the question, the subject it is about, and the number of possible answers.
The source of the answers (a seed, a plan, a replay; ``sim.sources``) counts how often it was asked the
same thing, so that each single choice has a stable address: kind, subject, occurrence. The subject is a
message by its producer and its place in what that producer sent, so leaving one message out of a run
moves no other's choices; or it is a queue.

0 is always the benign answer. A run in which every answer is 0 is the perfect queue, and ``PERFECT``
answers nothing else; a queue that is handed ``PERFECT`` does not even ask.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final, Protocol

from ..limits import SECOND_NS

DUPLICATE: Final = "duplicate"
"""Asked at a receive, of the message: 1 shows it again at once, beside the delivery in flight."""

DUPLICATE_AFTER_DELETE: Final = "duplicate_after_delete"
"""Asked at a delete, of the message: ``k`` > 0 shows a copy again after ``stray_ns(k, …)``."""

REORDER: Final = "reorder"
"""Asked when a message is the oldest available: ``k`` > 0 hands out the ``k``-th behind it instead."""

MISS: Final = "miss"
"""Asked at a short poll, of the queue: each bit of the answer is a server that is not asked."""

STALE_DELETE: Final = "stale_delete"
"""Asked at a delete with another than the newest handle, of the message: 1 leaves the message there."""

TIE: Final = "tie"
"""Asked by the kernel where events are due at one nanosecond, of the first: ``k`` > 0 runs another first."""

SPLIT: Final = "split"
"""Asked by a Lambda poller before it receives, of its slot: ``k`` > 0 takes ``k`` messages at most."""

REORDER_WINDOW: Final = 10
"""How many of the oldest available messages a receive may choose from."""

SERVERS: Final = 4
"""Over how many servers a queue is spread, as far as short polls can tell; AWS does not say."""

ALL_SERVERS: Final = (1 << SERVERS) - 1
"""The set of all servers, a bit each."""

SERVER_WEIGHTS: Final = (0.9, 0.8, 0.7, 0.6)
"""How likely a short poll that leaves something out still asks each server: the weights of its sample."""

STRAY_DELAYS: Final = ("at once", "after a visibility timeout", "after 5 minutes", "after an hour", "after a day",
                       "just before retention ends")  # fmt: skip
"""When a server that missed a delete shows its copy again: the answers 1 to 6 of the question."""


class Decisions(Protocol):
    """What answers the questions."""

    def choose(self, kind: str, subject: str, options: int, weights: Sequence[float] | None = None) -> int:
        """An answer from 0 to ``options`` - 1; ``weights`` says how likely each is where something goes wrong."""
        ...


class _Perfect:
    """Nothing goes wrong."""

    def choose(self, kind: str, subject: str, options: int, weights: Sequence[float] | None = None) -> int:
        """0, whatever is asked."""
        return 0


PERFECT: Final[Decisions] = _Perfect()


def stray_ns(answer: int, visibility_timeout_ns: int, retention_left_ns: int) -> int:
    """How long after the delete a copy is shown again, for the answer 1 to 6; always within retention."""
    delays = (
        0,
        visibility_timeout_ns,
        300 * SECOND_NS,
        3600 * SECOND_NS,
        86_400 * SECOND_NS,
        retention_left_ns - 1,
    )
    return min(delays[answer - 1], retention_left_ns - 1)


def server_of(subject: str) -> int:
    """The server that holds a message, for the same message always the same."""
    return zlib.crc32(subject.encode()) % SERVERS


def _sample_weights() -> tuple[float, ...]:
    weights = []
    for missed in range(ALL_SERVERS + 1):
        likelihood = 1.0
        for server, weight in enumerate(SERVER_WEIGHTS):
            likelihood *= 1 - weight if missed >> server & 1 else weight
        weights.append(likelihood)
    return tuple(weights)


SAMPLE_WEIGHTS: Final = _sample_weights()
"""How likely each set of missed servers is: one weight for each answer of ``MISS``."""
