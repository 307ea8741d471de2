"""Receives of a FIFO queue that may be repeated by their ReceiveRequestAttemptId (sqs.md 7.12).

A repeat within five minutes of the first call gives the same messages with the same handles, as long as
each is still in flight under its handle and has the visibility timeout that the call gave it.
"""

from __future__ import annotations

from typing import NamedTuple

from ..limits import RECEIVE_ATTEMPT_NS
from .lifecycle import IN_FLIGHT
from .message import Delivery


class _Attempt(NamedTuple):
    until_ns: int
    deliveries: tuple[Delivery, ...]
    turns: list[tuple[int, int]]


class Attempts:
    """The receives of one queue that can still be repeated."""

    __slots__ = ("_attempts",)

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}

    def repeatable(self, attempt_id: str, now: int) -> list[Delivery]:
        """What a repeat gives again; nothing if the call is a new receive."""
        attempt = self._attempts.get(attempt_id)
        if attempt is None:
            return []
        if attempt.until_ns > now and _unchanged(attempt):
            return list(attempt.deliveries)
        del self._attempts[attempt_id]
        return []

    def remember(self, attempt_id: str, deliveries: list[Delivery], now: int) -> None:
        """Let a receive be repeated. The five minutes count from its first call; an empty one is not remembered."""
        if deliveries:
            known = self._attempts.get(attempt_id)
            until_ns = now + RECEIVE_ATTEMPT_NS if known is None else known.until_ns
            turns = [delivery.message.turn for delivery in deliveries]
            self._attempts[attempt_id] = _Attempt(until_ns, tuple(deliveries), turns)

    def forget_ended(self) -> None:
        """Drop what can be repeated no more because a message has left its delivery."""
        self._attempts = {key: attempt for key, attempt in self._attempts.items() if _unchanged(attempt)}


def _unchanged(attempt: _Attempt) -> bool:
    """Whether each message is in flight under its delivery, as the call left it: a change gives another turn."""
    return all(
        delivery.message.state is IN_FLIGHT
        and delivery.message.receive_count == delivery.receive_count
        and delivery.message.turn == turn
        for delivery, turn in zip(attempt.deliveries, attempt.turns, strict=True)
    )
