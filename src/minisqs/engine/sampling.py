"""What one receive sees of an imperfect queue: some servers are missed, and order is best effort.

A ``Sample`` stands in for the queue's ordering during one receive. It keeps the next few messages in
hand, so that the decisions may pass over the oldest, and sets aside those on servers that this poll does
not ask. What was not handed out goes back where it came from.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import islice

from . import decisions as chance
from .decisions import Decisions
from .fairness import FairOrdering
from .message import Message
from .ordering import StandardOrdering


class Sample:
    """The available messages that one receive may choose from."""

    __slots__ = ("_decisions", "_hand", "_held", "_missed_servers", "_ordering", "_unseen")

    def __init__(self, ordering: StandardOrdering | FairOrdering, decisions: Decisions, missed_servers: int) -> None:
        self._ordering = ordering
        self._decisions = decisions
        self._missed_servers = missed_servers
        self._hand: list[Message] = []
        self._unseen: list[Message] = []
        self._held: set[int] = set()

    def candidates(self, now: int) -> Generator[Message, None, None]:
        """The messages that are seen, the oldest first or the one behind it that the decisions prefer."""
        seen = self._seen(now)
        hand = self._hand
        while True:
            hand.extend(islice(seen, chance.REORDER_WINDOW - len(hand)))
            if not hand:
                return
            overtaken_by = 0
            if len(hand) > 1:
                overtaken_by = self._decisions.choose(chance.REORDER, hand[0].address, len(hand))
            yield hand.pop(overtaken_by)

    def put_back(self, available: int) -> None:
        """Give back what was taken from the ordering and not handed out."""
        for message in self._hand + self._unseen:
            self._ordering.add_back(message, available)

    def _seen(self, now: int) -> Iterator[Message]:
        if self._missed_servers == chance.ALL_SERVERS:
            return
        for message in self._ordering.candidates(now):
            if message.sequence in self._held:
                continue  # listed twice: it stays available while it is held here
            self._held.add(message.sequence)
            if self._missed_servers >> chance.server_of(message.address) & 1:
                self._unseen.append(message)
            else:
                yield message


def missed_servers(queue_name: str, decisions: Decisions, missed_last_time: int) -> int:
    """The servers that a short poll leaves out, a bit each.

    A further call finds what one call missed (sqs.md 6.2), so none is left out twice running.
    """
    answer = decisions.choose(chance.MISS, queue_name, chance.ALL_SERVERS + 1, chance.SAMPLE_WEIGHTS)
    return answer & ~missed_last_time
