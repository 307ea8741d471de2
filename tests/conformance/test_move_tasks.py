"""Message move tasks: checks in their order, the rate on the clock, cancelling, failing, and how they are listed."""

from __future__ import annotations

import base64
import json
from itertools import pairwise

import pytest

import minisqs

NO_SOURCE = "The resource that you specified for the SourceArn parameter doesn't exist."
NO_DESTINATION = "The resource that you specified for the DestinationArn parameter doesn't exist."
NONE_SUCH = "arn:aws:sqs:us-east-1:123456789012:none"


def not_an_arn(parameter):
    return (
        f"You must use this format to specify the {parameter}: "
        "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
    )


@pytest.fixture
def dead(world):
    return world.create_queue("dead")


@pytest.fixture
def source(world, dead):
    return world.create_queue("source", visibility_timeout=0, redrive_policy=minisqs.RedrivePolicy(dead, 1))


@pytest.fixture
def target(world, source):
    return world.create_queue("target")


@pytest.fixture
def start(client, dead, source):
    def begin(destination=None, rate=None, arn=dead.arn):
        parameters = {"SourceArn": arn, "DestinationArn": destination, "MaxNumberOfMessagesPerSecond": rate}
        given = {name: value for name, value in parameters.items() if value is not None}
        return client.start_message_move_task(**given)["TaskHandle"]

    return begin


@pytest.fixture
def latest(client, dead):
    def look():
        return client.list_message_move_tasks(SourceArn=dead.arn)["Results"][0]

    return look


def kill(queue, bodies):
    """Send messages to a queue with a dead-letter queue, and let them end there."""
    for body in bodies:
        queue.send(body)
    while queue.receive(10):
        pass


def fill(queue, count):
    for number in range(count):
        queue.send(str(number))


# ------------------------------------------------------------------------------------------------------ checks
def test_the_checks_of_a_start_go_in_awss_order(world, client, dead, target, aws_refuses):
    """sqs.md 10.1 (U28): each call mends what the one before was refused for, and breaks all that comes later"""
    fill(dead, 3)
    world.create_queue("line.fifo", fifo_queue=True)
    line = "arn:aws:sqs:us-east-1:123456789012:line.fifo"
    too_fast = {"MaxNumberOfMessagesPerSecond": 501}
    call = client.start_message_move_task
    value, missing = "InvalidParameterValue", "ResourceNotFoundException"
    rate = (
        "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
        "Reason: You must enter a number that's between 1 and 500."
    )
    no_dlq = "Source queue must be configured as a Dead Letter Queue."
    same = "Source queue arn and destination queue arn cannot be the same."
    other_type = "The source queue and destination queue must be of the same queue type."
    aws_refuses(value, not_an_arn("SourceArn"), call, SourceArn="dead", DestinationArn="x", **too_fast)
    aws_refuses(missing, NO_SOURCE, call, status=404, SourceArn=NONE_SUCH, DestinationArn="x", **too_fast)
    aws_refuses(value, no_dlq, call, SourceArn=target.arn, DestinationArn="x", **too_fast)
    aws_refuses(value, not_an_arn("DestinationArn"), call, SourceArn=dead.arn, DestinationArn="x", **too_fast)
    aws_refuses(missing, NO_DESTINATION, call, status=404, SourceArn=dead.arn, DestinationArn=NONE_SUCH, **too_fast)
    aws_refuses(value, same, call, SourceArn=dead.arn, DestinationArn=dead.arn, **too_fast)
    aws_refuses(value, other_type, call, SourceArn=dead.arn, DestinationArn=line, **too_fast)
    call(SourceArn=dead.arn, DestinationArn=target.arn, MaxNumberOfMessagesPerSecond=1)
    aws_refuses(value, rate, call, SourceArn=dead.arn, DestinationArn=target.arn, **too_fast)
    running = "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    aws_refuses(value, running, call, SourceArn=dead.arn, DestinationArn=target.arn)


@pytest.mark.parametrize("rate", [0, -1, 501])
def test_a_rate_is_1_to_500(start, aws_refuses, rate):
    """sqs.md 10.1"""
    text = (
        "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
        "Reason: You must enter a number that's between 1 and 500."
    )
    aws_refuses("InvalidParameterValue", text, start, rate=rate)


@pytest.mark.parametrize("arn", ["", "dead", "arn:aws:sqs", "arn:aws:sqs:us-east-1:123456789012:"])
def test_a_source_that_is_no_arn_is_refused_by_every_action(client, aws_refuses, arn):
    """sqs.md 10.1, 10.4"""
    for call in (client.start_message_move_task, client.list_message_move_tasks):
        aws_refuses("InvalidParameterValue", not_an_arn("SourceArn"), call, SourceArn=arn)


def test_a_source_in_another_region_or_account_does_not_exist(client, dead, source, aws_refuses):
    """sqs.md 10.1"""
    for arn in (dead.arn.replace("us-east-1", "eu-west-1"), dead.arn.replace("123456789012", "999999999999")):
        for call in (client.start_message_move_task, client.list_message_move_tasks):
            aws_refuses("ResourceNotFoundException", NO_SOURCE, call, status=404, SourceArn=arn)


def test_a_handle_is_the_base64_of_task_id_and_source(start, dead, target):
    """sqs.md 10.2"""
    text = base64.b64decode(start(target.arn)).decode()
    document = json.loads(text)
    assert document.keys() == {"taskId", "sourceArn"}
    assert document["sourceArn"] == dead.arn
    assert text == f'{{"taskId":"{document["taskId"]}","sourceArn":"{dead.arn}"}}'


# -------------------------------------------------------------------------------------------------------- rate
def test_without_a_rate_all_is_moved_at_once(start, latest, dead, target):
    """sqs.md 10.9, 21 (12)"""
    fill(dead, 25)
    start(target.arn)
    assert (dead.counts.visible, target.counts.visible) == (0, 25)
    assert latest()["Status"] == "COMPLETED"


def test_with_a_rate_the_first_message_moves_at_the_start_and_one_every_second_after(
    world, start, latest, dead, target
):
    """sqs.md 10.9, 21 (12)"""
    fill(dead, 4)
    start(target.arn, rate=1)
    for moved in (1, 2, 3):
        assert (target.counts.visible, latest()["Status"]) == (moved, "RUNNING")
        world.advance(0.999_999_999)
        assert (target.counts.visible, latest()["Status"]) == (moved, "RUNNING")
        world.advance(0.000_000_001)
    assert (target.counts.visible, latest()["Status"]) == (4, "COMPLETED")
    assert world.clock.seconds == 3


@pytest.mark.parametrize(("rate", "at_ns"), [(3, 333_333_333), (500, 2_000_000), (7, 142_857_142)])
def test_any_rate_is_kept_to_the_nanosecond(world, start, dead, target, rate, at_ns):
    """sqs.md 10.9"""
    fill(dead, 2)
    start(target.arn, rate=rate)
    world.advance((at_ns - 1) / 1e9)
    assert target.counts.visible == 1
    world.advance(1e-9)
    assert target.counts.visible == 2


def test_messages_are_moved_oldest_first_and_mix_with_other_sends(world, start, dead, target):
    """sqs.md 10.8"""
    fill(dead, 3)
    start(target.arn, rate=1)
    world.advance(0.5)
    target.send("between")
    world.advance(2)
    assert [one.body for one in target.receive(10)] == ["0", "between", "1", "2"]


def test_messages_in_flight_are_left_and_the_task_ends_without_them(world, start, latest, dead, target):
    """sqs.md 10.8 (U29), 21 (12)"""
    fill(dead, 3)
    dead.receive(visibility_timeout=100)
    start(target.arn)
    assert (dead.counts.in_flight, target.counts.visible) == (1, 2)
    assert (latest()["Status"], latest()["ApproximateNumberOfMessagesToMove"]) == ("COMPLETED", 3)
    world.advance(200)
    assert (dead.counts.visible, target.counts.visible) == (1, 2)


def test_a_moved_message_is_a_new_message(world, client, start, source, dead):
    """sqs.md 10.7"""
    client.send_message(
        QueueUrl=source.url,
        MessageBody="poison",
        MessageGroupId="tenant",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}},
    )
    asked = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    [before] = client.receive_message(QueueUrl=source.url, **asked)["Messages"]
    source.receive()
    world.advance(1000)
    start()
    [after] = client.receive_message(QueueUrl=source.url, **asked)["Messages"]
    assert after["MessageId"] != before["MessageId"]
    assert (after["Body"], after["MessageAttributes"]) == (before["Body"], before["MessageAttributes"])
    attributes = after["Attributes"]
    assert attributes["ApproximateReceiveCount"] == "1"
    assert int(attributes["SentTimestamp"]) == int(before["Attributes"]["SentTimestamp"]) + 1_000_000
    assert "DeadLetterQueueSourceArn" not in attributes
    assert (attributes["AWSTraceHeader"], attributes["MessageGroupId"]) == ("Root=1-2-3", "tenant")


def test_the_retention_of_a_moved_message_starts_again(world, start, dead, target):
    """sqs.md 10.7"""
    for queue in (dead, target):
        queue.set_attributes(message_retention_period=100)
    fill(dead, 1)
    world.advance(99)
    start(target.arn)
    world.advance(99)
    assert target.counts.visible == 1
    world.advance(1)
    assert target.counts.visible == 0


def test_a_moved_message_does_not_take_the_delay_of_the_destination(start, dead, target):
    """sqs.md 21 (13)"""
    target.set_attributes(delay_seconds=60)
    fill(dead, 1)
    start(target.arn)
    assert target.counts == (1, 0, 0)


def test_a_moved_fifo_message_keeps_its_ids_and_is_never_a_duplicate(world):
    """sqs.md 10.7 (U29)"""
    fifo = {"fifo_queue": True, "content_based_deduplication": True}
    dead = world.create_queue("d.fifo", **fifo)
    source = world.create_queue("s.fifo", redrive_policy=minisqs.RedrivePolicy(dead, 1), **fifo)
    source.send("poison", message_group_id="g")
    source.receive(visibility_timeout=0)
    source.receive()
    deduplication_id = dead.receive(visibility_timeout=0)[0].attributes["MessageDeduplicationId"]
    dead.start_message_move_task()
    [message] = source.receive()
    assert message.body == "poison"
    assert message.attributes["MessageGroupId"] == "g"
    assert message.attributes["MessageDeduplicationId"] == deduplication_id


# -------------------------------------------------------------------------------------------- where messages go
def test_by_default_each_message_goes_back_to_its_own_source(world, start, source, dead):
    """sqs.md 10.6"""
    other = world.create_queue("other", visibility_timeout=0, redrive_policy=minisqs.RedrivePolicy(dead, 1))
    kill(source, "ab")
    kill(other, "cd")
    assert dead.counts.visible == 4
    start()
    assert [one.body for one in source.messages()] == ["a", "b"]
    assert [one.body for one in other.messages()] == ["c", "d"]


def test_a_message_that_was_sent_to_the_dead_letter_queue_fails_the_task_and_stays(start, latest, source, dead):
    """sqs.md 10.6"""
    kill(source, "a")
    dead.send("direct")
    kill(source, "b")
    start()
    assert latest()["Status"] == "FAILED"
    assert latest()["FailureReason"] == "CouldNotDetermineMessageSource"
    assert latest()["ApproximateNumberOfMessagesMoved"] == 1
    assert [one.body for one in dead.messages()] == ["direct", "b"]


def test_a_destination_deleted_while_running_fails_the_task_and_keeps_its_counts(world, start, latest, dead, target):
    """sqs.md 10.10"""
    fill(dead, 5)
    start(target.arn, rate=1)
    world.advance(1)
    world.delete_queue(target)
    world.advance(1)
    task = latest()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert task["ApproximateNumberOfMessagesMoved"] == 2
    assert task["ApproximateNumberOfMessagesToMove"] == 5
    assert dead.counts.visible == 3


def test_an_original_source_deleted_while_running_fails_the_task(world, start, latest, source, dead):
    """sqs.md 10.10, 21 (13)"""
    world.create_queue("another", redrive_policy=minisqs.RedrivePolicy(dead, 1))
    kill(source, "ab")
    start(rate=1)
    world.delete_queue(source)
    world.advance(1)
    assert (latest()["Status"], latest()["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")


# ------------------------------------------------------------------------------------------------------ cancel
def test_a_cancelled_task_moves_nothing_more_and_is_cancelled_once_time_moves(
    world, client, start, latest, dead, target
):
    """sqs.md 10.3, 10.5"""
    fill(dead, 10)
    handle = start(target.arn, rate=1)
    world.advance(1)
    assert client.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 2
    assert latest()["Status"] == "CANCELLING"
    assert "TaskHandle" not in latest()
    world.advance(1e-9)
    assert latest()["Status"] == "CANCELLED"
    world.advance(100)
    assert (dead.counts.visible, target.counts.visible) == (8, 2)
    assert latest()["ApproximateNumberOfMessagesMoved"] == 2


def test_a_task_that_is_being_cancelled_keeps_its_source_until_it_is(world, client, start, aws_refuses, dead, target):
    """sqs.md 21 (13)"""
    fill(dead, 10)
    client.cancel_message_move_task(TaskHandle=start(target.arn, rate=1))
    text = "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    aws_refuses("InvalidParameterValue", text, start, destination=target.arn)
    world.advance(1e-9)
    start(target.arn)


def handle_of(task_id, arn):
    return base64.b64encode(json.dumps({"taskId": task_id, "sourceArn": arn}).encode()).decode()


@pytest.mark.parametrize("handle", ["bad", "", "e30=", base64.b64encode(b"[]").decode(), "ä"])
def test_a_malformed_task_handle_is_refused(client, aws_refuses, handle):
    """sqs.md 10.5"""
    text = "Value for parameter TaskHandle is invalid."
    aws_refuses("InvalidParameterValue", text, client.cancel_message_move_task, TaskHandle=handle)


def test_a_cancel_looks_for_the_source_then_for_the_task_then_whether_it_runs(client, start, dead, target, aws_refuses):
    """sqs.md 10.5"""
    call = client.cancel_message_move_task
    missing = "ResourceNotFoundException"
    aws_refuses(missing, NO_SOURCE, call, status=404, TaskHandle=handle_of("x", NONE_SUCH))
    aws_refuses(missing, "Task does not exist.", call, status=404, TaskHandle=handle_of("x", dead.arn))
    done = start(target.arn)
    aws_refuses("InvalidParameterValue", "Only active tasks can be cancelled.", call, TaskHandle=done)


def test_a_task_is_cancelled_once_only(client, start, dead, target, aws_refuses):
    """sqs.md 10.5"""
    fill(dead, 3)
    handle = start(target.arn, rate=1)
    client.cancel_message_move_task(TaskHandle=handle)
    text = "Only active tasks can be cancelled."
    aws_refuses("InvalidParameterValue", text, client.cancel_message_move_task, TaskHandle=handle)


# --------------------------------------------------------------------------------------------------------- list
def test_a_running_task_is_listed_with_all_that_was_given(world, start, latest, dead, target):
    """sqs.md 10.4"""
    fill(dead, 3)
    world.advance(0.5)
    handle = start(target.arn, rate=2)
    assert latest() == {
        "TaskHandle": handle,
        "Status": "RUNNING",
        "SourceArn": dead.arn,
        "DestinationArn": target.arn,
        "MaxNumberOfMessagesPerSecond": 2,
        "ApproximateNumberOfMessagesMoved": 1,
        "ApproximateNumberOfMessagesToMove": 3,
        "StartedTimestamp": world.clock.now_ns // 1_000_000,
    }


def test_a_task_that_ended_is_listed_without_handle_and_what_was_not_given(world, start, latest, source, dead):
    """sqs.md 10.4"""
    kill(source, "ab")
    start()
    assert latest() == {
        "Status": "COMPLETED",
        "SourceArn": dead.arn,
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
        "StartedTimestamp": world.clock.now_ns // 1_000_000,
    }


def test_tasks_are_listed_newest_first_and_one_unless_more_are_asked_for(world, client, start, dead, target):
    """sqs.md 10.4"""
    for count in range(12):
        fill(dead, count)
        start(target.arn)
        world.advance(1)
    assert len(client.list_message_move_tasks(SourceArn=dead.arn)["Results"]) == 1
    listed = client.list_message_move_tasks(SourceArn=dead.arn, MaxResults=10)["Results"]
    assert [one["ApproximateNumberOfMessagesMoved"] for one in listed] == [*range(11, 1, -1)]
    assert all(one["StartedTimestamp"] > older["StartedTimestamp"] for one, older in pairwise(listed))


@pytest.mark.parametrize("wanted", [0, 11, -1])
def test_1_to_10_tasks_can_be_asked_for(client, dead, aws_refuses, wanted):
    """sqs.md 10.4"""
    text = "Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10."
    call = client.list_message_move_tasks
    aws_refuses("InvalidParameterValue", text, call, SourceArn=dead.arn, MaxResults=wanted)


def test_a_queue_without_a_task_lists_none(client, target):
    """sqs.md 10.4 (U5)"""
    assert client.list_message_move_tasks(SourceArn=target.arn)["Results"] == []


# ------------------------------------------------------------------------------------------------------- limits
def test_an_empty_source_completes_at_once(start, latest, target):
    """sqs.md 10.3"""
    start(target.arn, rate=1)
    assert (latest()["Status"], latest()["ApproximateNumberOfMessagesToMove"]) == ("COMPLETED", 0)


def test_a_task_fails_after_36_hours(world, start, latest, dead, target):
    """sqs.md 10.11"""
    hours = 36 * 3600
    for _ in range(hours // 10 + 1):
        dead.send_batch(["m"] * 10)
    start(target.arn, rate=1)
    world.advance(hours - 1)
    assert latest()["Status"] == "RUNNING"
    world.advance(1)
    assert latest()["Status"] == "FAILED"
    assert latest()["ApproximateNumberOfMessagesMoved"] == hours
    assert dead.counts.visible == 10


def test_an_account_runs_at_most_100_tasks(world, client, aws_refuses):
    """sqs.md 10.11"""
    target = world.create_queue("target")
    deads = [world.create_queue(f"dead-{number}") for number in range(101)]
    for number, dead in enumerate(deads):
        world.create_queue(f"source-{number}", redrive_policy=minisqs.RedrivePolicy(dead, 1))
        fill(dead, 3)
    for dead in deads[:100]:
        dead.start_message_move_task(target, max_number_of_messages_per_second=1)
    aws_refuses("OverLimit", None, client.start_message_move_task, status=403, SourceArn=deads[100].arn)
    world.advance(2)
    client.start_message_move_task(SourceArn=deads[100].arn, DestinationArn=target.arn)
    assert target.counts.visible == 303
