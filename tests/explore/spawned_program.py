"""Prints a digest of many runs of scenarios whose workers are threads, coroutines and pools, with things going wrong."""

from __future__ import annotations

import asyncio  # noqa: TID251  # what user code uses
import sys
import time  # noqa: TID251  # what user code asks
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import minisqs


def poll(client, url, ledger):
    while True:
        for message in client.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []):
            ledger.append(("begun", message["Body"]))
            time.sleep(1)
            ledger.append(("done", message["Body"]))
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


async def poll_on_a_loop(client, url, ledger):
    while True:
        answer = await asyncio.to_thread(client.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            ledger.append(("begun", message["Body"]))
            await asyncio.sleep(1)
            ledger.append(("done", message["Body"]))
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def poll_with_a_pool(client, url, ledger):
    def handle(message):
        ledger.append(("begun", message["Body"]))
        time.sleep(1)
        ledger.append(("done", message["Body"]))
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with ThreadPoolExecutor(2) as pool:
        while True:
            answer = client.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=10)
            list(pool.map(handle, answer.get("Messages", [])))


def scenario_of(loop):
    """Two workers and three messages."""

    @minisqs.scenario
    def scenario(world):
        queue = world.create_queue("in", visibility_timeout=30)
        ledger = []
        for _ in range(2):
            world.spawn(loop, world.client(), queue.url, ledger)
        queue.send_batch(["a", "b", "c"])
        return lambda: ledger

    return scenario


RATES = minisqs.Faults(kill=0.05, interrupt=0.02, stall=0.03, overlap=0.1, tie=0.2, duplicate=0.1, lost_answer=0.05)
LOOPS = (poll, poll_on_a_loop, poll_with_a_pool)


def main(runs):
    digest = blake2b(digest_size=16)
    for loop in LOOPS:
        scenario = scenario_of(loop)
        for seed in range(runs):
            run = minisqs.run(scenario, faults=RATES, seed=seed)
            digest.update(repr((run.state, run.choices)).encode())
            if not seed:
                digest.update("\n".join(map(str, run.journal)).encode())
    print(digest.hexdigest())  # noqa: T201  # what it is for


if __name__ == "__main__":
    main(int(sys.argv[1]))
