"""An account and its time for cases that are written against boto3's client.

Each case gets a client over a world of its own; a sleep moves the clock of the world that was made last. The
``MockedAccount`` has boto3's own client, and sleeps as the user's code does.
"""

from __future__ import annotations

import time  # noqa: TID251  # user code sleeps
from typing import Any

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


class MockedAccount:
    """boto3's client under ``mock_sqs``, for the length of one case."""

    def __enter__(self) -> Any:
        import boto3  # noqa: PLC0415  # the other cases do without

        self._mock = minisqs.mock_sqs()
        self._mock.start()
        return boto3.session.Session("x", "x").client("sqs", region_name="us-east-1")

    def __exit__(self, *raised: object) -> None:
        self._mock.stop()


def sleep_as_user_code(seconds: float) -> None:
    """Let time pass as the user's code does."""
    time.sleep(seconds)
