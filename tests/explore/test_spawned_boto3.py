"""Workers that were written for boto3: calls that fail are tried again by botocore itself, in simulated time."""

from __future__ import annotations

import functools

import boto3
import pytest

import minisqs


@functools.cache
def sqs():
    return boto3.client("sqs", region_name="us-east-1")


def relay(source, target):
    """Sends on what it receives; its sends are not idempotent."""
    while True:
        answer = sqs().receive_message(QueueUrl=source, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            sqs().send_message(QueueUrl=target, MessageBody=message["Body"])
            sqs().delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])


@minisqs.scenario
def relayed(world):
    source, target = world.create_queue("in"), world.create_queue("out")
    world.spawn(relay, source.url, target.url, name="relay")
    source.send("order")
    return lambda: [message.body for message in target.messages()]


def test_a_worker_of_boto3_does_its_work_without_faults():
    assert minisqs.perfect(relayed).state == ["order"]


def test_a_worker_of_boto3_is_answered_by_the_world_that_spawned_it():
    with minisqs.World() as world, minisqs.World() as other:
        source, target = world.create_queue("in"), world.create_queue("out")
        other.create_queue("in")
        other.create_queue("out")
        world.spawn(relay, source.url, target.url)
        source.send_batch(["a", "b"])
        world.run_until_idle()
        assert [message.body for message in target.messages()] == ["a", "b"]
        assert source.messages() == other.queue("out").messages() == []


def test_a_call_that_sqs_refuses_for_a_fault_of_its_own_is_tried_again_and_nothing_is_lost():
    checked = minisqs.check(relayed, faults={"api_error"}, budget=40, runs=20)
    assert checked.faults["api_error"] > 10


def test_a_retry_waits_in_simulated_time():
    run = minisqs.run(relayed, faults=minisqs.FaultPlan(api_error={1: 1}))
    assert run.state == ["order"]
    [refused] = [entry for entry in run.journal if "InternalFailure" in entry.cause]
    again = next(entry for entry in run.journal if entry.action == refused.action and entry.time_ns > refused.time_ns)
    assert 0 < again.time_ns - refused.time_ns < 2_000_000_000


def test_a_send_whose_answer_is_lost_is_sent_twice_by_botocore():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(relayed, faults={"lost_answer"}, budget=40, runs=0)
    report = failed.value.report
    assert report.got == ["order", "order"]
    assert "SendMessage to the queue 'out' (by relay)" in " ".join(report.text().split())


def test_a_kill_between_two_calls_is_found():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(relayed, faults={"kill"}, budget=40, runs=0)
    assert failed.value.report.got == ["order", "order"]
