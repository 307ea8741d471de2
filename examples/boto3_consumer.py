"""A worker that was written for boto3, untouched: the check finds what it loses, and that the mended one loses nothing.

Inside of a check every boto3 client of SQS is answered by the world of the run, without a network and without
credentials. The worker runs as it would in production, in a loop that never ends; the check decides where it dies.
"""

from __future__ import annotations

import functools
from typing import Any

import boto3

import minisqs


@functools.cache
def sqs() -> Any:
    return boto3.client("sqs", region_name="us-east-1")


class EmailWorker:
    """What is deployed: it polls, deletes, sends."""

    def __init__(self, queue_url: str, outbox: set[str]) -> None:
        self.sqs = sqs()
        self.queue_url = queue_url
        self.outbox = outbox

    def run(self) -> None:
        while True:
            answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
            for message in answer.get("Messages", []):
                self.take(message)

    def take(self, message: dict[str, Any]) -> None:
        self.delete(message)
        self.send(message)

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def send(self, message: dict[str, Any]) -> None:
        self.outbox.add(message["Body"])  # the mail service drops an email that it has already


class MendedWorker(EmailWorker):
    """It deletes what it has sent."""

    def take(self, message: dict[str, Any]) -> None:
        self.send(message)
        self.delete(message)


def emails(world: minisqs.World, worker: type[EmailWorker]) -> Any:
    """Two emails, one worker; what is observed is what was sent."""
    queue = world.create_queue("emails", visibility_timeout=30)
    outbox: set[str] = set()
    world.spawn(lambda: worker(queue.url, outbox).run(), name="worker")
    queue.send_batch(["ada@example.org", "alan@example.org"])
    return lambda: sorted(outbox)


@minisqs.scenario
def as_it_is(world: minisqs.World) -> Any:
    return emails(world, EmailWorker)


@minisqs.scenario
def mended(world: minisqs.World) -> Any:
    return emails(world, MendedWorker)


if __name__ == "__main__":
    try:
        minisqs.check(as_it_is)
    except minisqs.CheckFailed as failed:
        print(failed.report.text())
    print(minisqs.check(mended, budget=200, runs=50))
