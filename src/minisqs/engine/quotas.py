"""How many calls a second a FIFO queue takes, as an option (sqs.md 16).

Without high throughput a FIFO queue takes 300 calls a second of each of send, receive and delete, a batch
being one call. With high throughput each message group takes 300 sends a second, and the queue as a whole
what its region allows. Seconds are those of the clock. Standard queues have no such limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .. import errors, limits
from .queue import Queue

HIGH_THROUGHPUT: Final = {
    "us-east-1": 70_000,
    "us-west-2": 70_000,
    "eu-west-1": 70_000,
    "us-east-2": 19_000,
    "eu-central-1": 19_000,
}
ELSEWHERE: Final = 9_000
"""Calls a second in the regions for which the facts only say "fewer": chosen."""


class Quotas:
    """The calls of the present second, by what they count against."""

    __slots__ = ("_calls", "_region", "_second")

    def __init__(self, region: str) -> None:
        self._region = region
        self._second = 0
        self._calls: dict[tuple[int, str, str], int] = {}

    def count(self, queue: Queue, action: str, now: int, groups: Iterable[str] = ()) -> None:
        """Count a call of ``send``, ``receive`` or ``delete``, for these groups in the case of a send.

        Raises:
            RequestThrottled: It is one more than the second allows; it counts for nothing.
        """
        fifo = queue.settings.fifo
        if fifo is None:
            return
        second = now // limits.SECOND_NS
        if second != self._second:
            self._second = second
            self._calls.clear()
        allowed = {(queue.number, action, ""): limits.FIFO_CALLS_PER_SECOND}
        if fifo.throughput_limit == "perMessageGroupId":
            allowed = {(queue.number, action, group): limits.FIFO_CALLS_PER_SECOND for group in groups}
            allowed[queue.number, action, ""] = HIGH_THROUGHPUT.get(self._region, ELSEWHERE)
        if any(self._calls.get(key, 0) >= limit for key, limit in allowed.items()):
            raise errors.RequestThrottled
        for key in allowed:
            self._calls[key] = self._calls.get(key, 0) + 1
