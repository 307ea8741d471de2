"""Typical user code: a test module that uses the plugin's fixtures and marker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import minisqs


@pytest.mark.minisqs(runs=500, region="eu-west-1")
def test_reappears(minisqs_world: minisqs.World) -> None:
    queue = minisqs_world.create_queue("orders", visibility_timeout=30)
    queue.send("hello")
    [message] = queue.receive()
    body: str = message.body
    assert body == "hello"


def test_two_regions(minisqs_worlds: Callable[..., minisqs.World]) -> None:
    here, there = minisqs_worlds(), minisqs_worlds(region="eu-west-1")
    assert here.create_queue("a").arn != there.create_queue("a").arn


def test_through_boto3(minisqs_mock_sqs: minisqs.World) -> None:
    assert minisqs_mock_sqs.queues() == []
