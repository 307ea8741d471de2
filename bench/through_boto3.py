"""What the user's own boto3 code costs under ``mock_sqs``.

The yardstick is a canned answer given at botocore's event ``before-send``: the whole client with serialising, signing
and parsing, and no service behind it. moto's ``mock_aws`` stands beside it, with messages that wait in its queue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

from kit import BODY, Goal, in_turn, left_out, ratio_figure, section
from subjects import Scale
from through_client import lives

import minisqs

MD5 = hashlib.md5(BODY.encode(), usedforsecurity=False).hexdigest()
MESSAGE_ID = "5fea7756-0ea4-451a-a703-a558b933e274"
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
WAITING = 100


def through_boto3(scale: Scale) -> None:
    section("boto3", "time of a lifecycle through boto3 under mock_sqs, over a canned answer at botocore's before-send")
    if find_spec("boto3") is None:
        left_out("every figure", "boto3 is not installed; it comes with the extra `bench`")
        return
    count = scale.messages // 10
    canned = lives(canned_client(), URL, count)
    results = in_turn({"mock": mocked(count), "canned": canned}, scale.rounds)
    for what in ("single", "tens"):
        ratio_figure(f"{what}, mock_sqs over a canned answer", results.ratio(what, "mock", "canned"), Goal(0.4))
    if find_spec("moto") is None:
        left_out("moto", "moto is not installed; it comes with the extra `bench`")
        return
    with moto_queue() as (client, url):
        candidates = {"moto": lives(client, url, 10), "mock": mocked(count, waiting=WAITING)}
        results = in_turn(candidates, max(3, scale.rounds // 5))
    for what in ("single", "tens"):
        name = f"{what}, moto over mock_sqs, {WAITING} waiting"
        ratio_figure(name, results.ratio(what, "moto", "mock"), Goal(30, at_least=True))


def new_client() -> Any:
    """A client as a program makes it, with credentials that nobody looks at."""
    import boto3  # noqa: PLC0415  # it may be missing

    return boto3.session.Session("x", "x").client("sqs", region_name="us-east-1")


def mocked(count: int, *, waiting: int = 0) -> Callable[[], Mapping[str, float]]:
    """The same under ``mock_sqs``, which is entered for each round."""
    client, world = new_client(), minisqs.World(in_flight_limit=10_000_000)
    url = world.create_queue("orders").url
    for _ in range(waiting):
        world.queue("orders").send(BODY)
    measure = lives(client, url, count)

    def measure_mocked() -> Mapping[str, float]:
        with minisqs.mock_sqs(world=world):
            return measure()

    return measure_mocked


def canned_client() -> Any:
    """A client that is answered at ``before-send``, always alike."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415

    client = new_client()

    def answer(request: Any, **_: Any) -> Any:
        asked = json.loads(request.body)
        data = json.dumps(canned(request.headers["X-Amz-Target"].decode().rpartition(".")[2], asked)).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": MESSAGE_ID}
        return AWSResponse(request.url, 200, headers, _Raw(data))

    client.meta.events.register("before-send.sqs", answer)
    return client


def canned(action: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """What AWS might answer to the five actions of a lifecycle."""
    sent = {"MessageId": MESSAGE_ID, "MD5OfMessageBody": MD5}
    received = {"MessageId": MESSAGE_ID, "ReceiptHandle": "1.1", "MD5OfBody": MD5, "Body": BODY}
    entries = asked.get("Entries", ())
    return {
        "SendMessage": sent,
        "SendMessageBatch": {"Successful": [{"Id": entry["Id"], **sent} for entry in entries]},
        "ReceiveMessage": {"Messages": [received] * asked.get("MaxNumberOfMessages", 1)},
        "DeleteMessage": {},
        "DeleteMessageBatch": {"Successful": [{"Id": entry["Id"]} for entry in entries]},
    }[action]


class _Raw:
    """A body as urllib3 hands it over."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self._data


@contextmanager
def moto_queue() -> Iterator[tuple[Any, str]]:
    """A client of moto's ``mock_aws`` and a queue in which messages wait."""
    from moto import mock_aws  # noqa: PLC0415

    with ExitStack() as stack:
        stack.enter_context(mock_aws())
        client = new_client()
        url = client.create_queue(QueueName="orders")["QueueUrl"]
        for _ in range(WAITING):
            client.send_message(QueueUrl=url, MessageBody=BODY)
        yield client, url
