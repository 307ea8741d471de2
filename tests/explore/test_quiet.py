"""Workers that are late, and are done in the end: a run is over only when nobody has anything to do any more."""

import time  # noqa: TID251  # what user code waits by

import pytest

import minisqs
from minisqs import outside


def take_all(client, url, done, wait_s=20):
    for message in client.receive_message(QueueUrl=url, WaitTimeSeconds=wait_s).get("Messages", []):
        done.put(message["Body"], 1)
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def tries_again_for_the_url(client, url, done):
    delay_s = 0.05
    while True:
        try:
            url = client.get_queue_url(QueueName="orders")["QueueUrl"]
            break
        except Exception:  # noqa: BLE001  # whatever SQS answers
            time.sleep(delay_s)
            delay_s *= 2
    while True:
        take_all(client, url, done)


def tries_again_for_the_attributes(client, url, done):
    while True:
        try:
            client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            break
        except Exception:  # noqa: BLE001
            time.sleep(1)
    while True:
        take_all(client, url, done)


def drains_by_the_gauge(client, url, done):
    while True:
        gauge = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        if gauge["Attributes"]["ApproximateNumberOfMessages"] != "0":
            time.sleep(10)
            take_all(client, url, done, wait_s=1)
        else:
            time.sleep(60)


def follows_a_leader(client, url, done):
    me = str(id(client))
    while True:
        (leader, until_s), version = done.get_versioned("leader", ("", 0))
        if leader != me and until_s > time.time():
            time.sleep(10)
            continue
        try:
            done.put("leader", (me, time.time() + 60), if_version=version)
        except outside.ConditionFailed:
            continue
        take_all(client, url, done, wait_s=10)


def scenario_of(worker, workers):
    @minisqs.scenario
    def quiet(world):
        queue, done = world.create_queue("orders", visibility_timeout=60), outside.Table("done")
        for _ in range(workers):
            world.spawn(worker, world.client(), queue.url, done)
        queue.send("a")
        return lambda: done.get("a")

    return quiet


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "worker", [tries_again_for_the_url, tries_again_for_the_attributes, drains_by_the_gauge, follows_a_leader]
)
def test_a_worker_that_is_late_is_waited_for(worker, workers):
    tried = minisqs.check(scenario_of(worker, workers), budget=60, runs=60)
    assert tried.runs > 100


@pytest.mark.parametrize("kind", ["stall", "duplicate"])
def test_a_worker_that_was_overtaken_and_only_waits_from_then_on_keeps_nobody_awake(kind):
    minisqs.check(scenario_of(follows_a_leader, 2), faults=[kind], budget=100, runs=30)
