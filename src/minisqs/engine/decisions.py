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

STALE_COUNTS: Final = "stale_counts"
"""Asked when counters are read, of the queue: 1 and 2 show them as they were 30 or 60 seconds ago."""

API_ERROR: Final = "api_error"
"""Asked of a call by a worker, of its first message or of the caller: 1 refuses it for a fault of SQS's own."""

LOST_ANSWER: Final = "lost_answer"
"""Asked of a call by a worker that SQS has done: 1 lets the caller see a connection error instead of the answer."""

PARTIAL: Final = "partial"
"""Asked of a batch call by a worker, of each message in it: 1 refuses this entry for a fault of SQS's own."""

THROTTLE: Final = "throttle"
"""Asked of an attempt to invoke a function, of the batch's first message: 1 refuses it."""

RECYCLE: Final = "recycle"
"""Asked where a warm environment would be used, of the batch's first message: 1 makes a new one instead."""

KILL: Final = "kill"
"""Asked before each statement of a worker's code, and after the last: 1 ends its process or environment there."""

INTERRUPT: Final = "interrupt"
"""Asked before each statement of a process's code: 1 throws an exception in there."""

OVERLAP: Final = "overlap"
"""Asked before each statement: 1 lets others go on before, ``k`` > 1 delivers the batch's ``k`` - 1-th message again."""

STALL: Final = "stall"
"""Asked before each statement of a worker whose lease can end meanwhile: ``k`` > 0 sleeps for ``stall_ns(k, …)``."""

SKEW: Final = "skew"
"""Asked of a process when it starts: how far its clock is off; odd answers are ahead, even ones behind."""

STALLS: Final = ("just past the lease", "past two leases", "past five minutes", "past an hour")
"""When a stall ends: the answers 1 to 4 of the question."""

SKEWS_S: Final = (1, -1, 60, -60)
"""How far a clock is off, in seconds: the answers 1 to 4 of the question."""

COUNT_LAGS_S: Final = (30, 60)
"""How old counters are, in seconds: the answers 1 and 2 of the question."""

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


def stall_ns(answer: int, lease_left_ns: int, visibility_timeout_ns: int) -> int:
    """How long a worker sleeps, for the answer 1 to 4: a nanosecond past the time that it names."""
    lengths = (
        lease_left_ns,
        lease_left_ns + visibility_timeout_ns,
        max(lease_left_ns, 300 * SECOND_NS),
        max(lease_left_ns, 3600 * SECOND_NS),
    )
    return lengths[answer - 1] + 1


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
