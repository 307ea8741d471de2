"""What the conformance tests share: an account of their own, its client, and one way to look at a refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import minisqs


@pytest.fixture
def world() -> minisqs.World:
    return minisqs.World()


@pytest.fixture
def client(world):
    return world.client()


@pytest.fixture
def aws_refuses() -> Callable[..., None]:
    """Assert that a call is refused with a code, and with an exact text and HTTP status."""

    def check(code: str, text: str | None, call: Callable[..., object], *, status: int = 400, **parameters) -> None:
        with pytest.raises(minisqs.errors.SqsError) as raised:
            call(**parameters)
        error = raised.value.response["Error"]
        assert error["Code"] == code
        if text is not None:
            assert error["Message"] == text
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status

    return check
