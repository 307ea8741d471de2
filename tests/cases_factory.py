"""An account and its time for cases that are written against boto3's client.

Each case gets a client over a world of its own; a sleep moves the clock of the world that was made last.
"""

from __future__ import annotations

import minisqs
from minisqs.client.sqs import SqsClient

_worlds: list[minisqs.World] = []


def make_client() -> SqsClient:
    """A client over an empty account."""
    _worlds[:] = [minisqs.World()]
    return _worlds[0].client()


def sleep(seconds: float) -> None:
    """Let time pass in the account of the present case."""
    _worlds[0].advance(seconds)
