"""What boto3's shape costs: a lifecycle through ``world.client()`` over the same through Queue and Message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from kit import BODY, Goal, in_turn, ratio_figure, section
from subjects import Scale, lives_in, new_queue

import minisqs


def through_client(scale: Scale) -> None:
    section("client", "time of a lifecycle through world.client(), over the same through Queue and Message")
    # Long rounds: a client's lifecycle is long enough for whatever disturbs the machine to hit one of a pair alone.
    count, rounds = scale.messages * 2, scale.rounds
    results = in_turn({"client": lives_through_client(count), "friendly": lives_in(new_queue(), count)}, rounds)
    for what in ("single", "tens"):
        ratio_figure(f"{what}, client over friendly", results.ratio(what, "client", "friendly"), Goal(3))


def lives_through_client(count: int) -> Callable[[], Mapping[str, float]]:
    """Lifecycles in boto3's words, without boto3."""
    client = minisqs.World(in_flight_limit=10_000_000).client()
    return lives(client, client.create_queue(QueueName="orders")["QueueUrl"], count)


def lives(client: Any, url: str, count: int) -> Callable[[], Mapping[str, float]]:
    """Lifecycles through a client: one by one, then through the batches."""

    def measure() -> Mapping[str, float]:
        began = clock()
        for _ in range(count):
            client.send_message(QueueUrl=url, MessageBody=BODY)
            [message] = client.receive_message(QueueUrl=url)["Messages"]
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        single = clock()
        for _ in range(count // 10):
            entries = [{"Id": str(number), "MessageBody": BODY} for number in range(10)]
            client.send_message_batch(QueueUrl=url, Entries=entries)
            messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
            handles = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            client.delete_message_batch(QueueUrl=url, Entries=handles)
        return {"single": (single - began) / count, "tens": (clock() - single) / count}

    return measure
