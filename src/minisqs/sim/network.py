"""What goes wrong between a caller and SQS: calls that fail, answers that are lost, counters that are old.

It stands between the port and the service in worlds in which something may go wrong, for all callers but
Lambda's poller, which asks its own questions. Only what workers do again and again can fail: the actions on
messages, GetQueueUrl and GetQueueAttributes. Making and changing queues never does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar

from .. import errors
from ..engine.decisions import API_ERROR, COUNT_LAGS_S, LOST_ANSWER, PARTIAL, STALE_COUNTS
from ..engine.measures import Counts
from ..engine.message import Delivery
from ..engine.queue import Queue
from ..engine.values import BatchAnswer
from ..limits import BATCH_ENTRIES, SECOND_NS

if TYPE_CHECKING:
    from .port import Port

Answer = TypeVar("Answer")
Entry = TypeVar("Entry", bound=tuple[Any, ...])
Failed: TypeAlias = Sequence[tuple[str, errors.SqsError]]
NONE_FAILED: Final[Failed] = ()

LONGEST_LAG_NS: Final = max(COUNT_LAGS_S) * SECOND_NS

QUESTIONS: Final = (API_ERROR, LOST_ANSWER, PARTIAL, STALE_COUNTS)
"""All that it asks."""

COUNTERS: Final = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
"""The attributes of a queue that lag, and which of its counts they show."""


class Network:
    """Asks whether calls fail.

    Args:
        port: The world.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._history: dict[int, deque[tuple[int, Counts]]] = {}

    # ------------------------------------------------------------------------------------------------ calls
    def call(self, action: str, queue_url: str, caller: str, subject: str = "") -> None:
        """Let a call reach SQS, or not.

        Raises:
            InternalFailure: SQS answers so, and has done nothing.
        """
        if self._happens(API_ERROR, action, queue_url, caller, subject):
            self._fail(action, queue_url, caller)

    def _fail(self, action: str, queue_url: str, caller: str) -> NoReturn:
        error = errors.InternalFailure()
        self._port.refuse(error, action, queue_url=queue_url, caller=caller)
        raise error

    def answer(self, action: str, queue_url: str, caller: str, subject: str = "") -> None:
        """Let the answer of a call reach its caller, or not.

        Raises:
            ConnectionLost: It does not.
        """
        if self._happens(LOST_ANSWER, action, queue_url, caller, subject):
            raise errors.ConnectionLost

    def entries(
        self, action: str, queue_url: str, caller: str, entries: Sequence[Entry], subjects: Sequence[str]
    ) -> tuple[Sequence[Entry], Failed]:
        """The entries of a batch that SQS acts on, and those that it fails to, each with a subject of its own.

        What SQS refuses as a whole is left as it is.
        """
        ids = [entry[0] for entry in entries]
        is_sound = 0 < len(ids) <= BATCH_ENTRIES and len(set(map(repr, ids))) == len(ids)
        if not is_sound or self._port.service.find(queue_url) is None:
            return entries, NONE_FAILED
        reached: list[Entry] = []
        failed: list[tuple[str, errors.SqsError]] = []
        for entry, subject in zip(entries, subjects, strict=True):
            if self._happens(PARTIAL, action, queue_url, caller, subject):
                failed.append((entry[0], errors.InternalFailure()))
            else:
                reached.append(entry)
        return reached, failed

    def _happens(self, question: str, action: str, queue_url: str, caller: str, subject: str) -> bool:
        port = self._port
        if port.is_spared(caller):
            return False
        return bool(port.choose(question, 2, queue_url=queue_url, caller=caller, subject=subject, action=action))

    # --------------------------------------------------------------------------------------------- subjects
    def subject(self, queue_url: str, handle: str | Delivery) -> str:
        """The message that a handle is of, by its address; empty if there is none."""
        if isinstance(handle, Delivery):
            return handle.message.address
        queue = self._port.service.find(queue_url)
        try:
            return "" if queue is None else queue.delivery(handle).message.address
        except (errors.MinisqsError, TypeError, ValueError):  # SQS refuses it in a moment
            return ""

    def subjects(self, queue_url: str, entries: Sequence[tuple[Any, ...]]) -> list[str]:
        """The messages of a batch, whose entries are an Id, a handle and perhaps more."""
        return [self.subject(queue_url, handle) for _, handle, *_ in entries]

    # --------------------------------------------------------------------------------------------- counters
    def saw(self, queue: Queue | None) -> None:
        """Remember the counts of a queue in which something has happened."""
        if queue is None or queue.fifo:
            return
        now_ns = self._port.clock.now_ns
        history = self._history.setdefault(queue.number, deque())
        history.append((now_ns, Counts(queue.visible, queue.in_flight, queue.delayed)))
        while len(history) > 1 and history[1][0] <= now_ns - LONGEST_LAG_NS:
            history.popleft()

    def counts(self, queue: Queue, counts: Counts, caller: str) -> Counts:
        """The counts of a queue as somebody sees them who asks for them now."""
        if queue.fifo or self._port.is_spared(caller):
            return counts
        older = [self._counts_before(queue, lag_s * SECOND_NS) for lag_s in COUNT_LAGS_S]
        if all(one == counts for one in older):
            return counts
        answer = self._port.choose(STALE_COUNTS, 1 + len(older), queue_url=queue.url, caller=caller, subject=queue.name)
        return older[answer - 1] if answer else counts

    def _counts_before(self, queue: Queue, lag_ns: int) -> Counts:
        """The counts of a queue so long ago; none before it was there."""
        then_ns = self._port.clock.now_ns - lag_ns
        history = self._history.get(queue.number, ())
        return next((counts for time_ns, counts in reversed(history) if time_ns <= then_ns), Counts(0, 0, 0))

    def attributes(self, queue_url: str, attributes: dict[str, str], caller: str) -> dict[str, str]:
        """The attributes of a queue as somebody sees them who asks for them now."""
        queue = self._port.service.find(queue_url)
        if queue is None or COUNTERS.keys().isdisjoint(attributes):
            return attributes
        seen = self.counts(queue, queue.counts(self._port.clock.now_ns), caller)
        return attributes | {
            name: str(getattr(seen, counter)) for name, counter in COUNTERS.items() if name in attributes
        }


def joined(done: BatchAnswer[Answer] | None, failed: Failed, entries: Sequence[tuple[Any, ...]]) -> BatchAnswer[Answer]:
    """The answer of a batch: what SQS has done, None for nothing, and the entries that it failed to act on."""
    answer: BatchAnswer[Answer] = BatchAnswer([], []) if done is None else done
    if failed:
        place = {entry[0]: index for index, entry in enumerate(entries)}
        answer.failed = sorted([*answer.failed, *failed], key=lambda one: place[one[0]])
    return answer
