"""The attributes of FIFO queues, and what a change of them does."""

from __future__ import annotations

import pytest

import minisqs

PER_GROUP = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup"


def create(client, **attributes):
    return client.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]


def shown(client, url, *names):
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {name: attributes.get(name) for name in names} if names else attributes


def test_a_fresh_fifo_queue_shows_sixteen_attributes_with_awss_defaults(world, client):
    """sqs.md 3.1"""
    seconds = str(world.clock.now_ns // 1_000_000_000)
    assert shown(client, create(client)) == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ContentBasedDeduplication": "false",
        "CreatedTimestamp": seconds,
        "DeduplicationScope": "queue",
        "DelaySeconds": "0",
        "FifoQueue": "true",
        "FifoThroughputLimit": "perQueue",
        "LastModifiedTimestamp": seconds,
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": "arn:aws:sqs:us-east-1:123456789012:q.fifo",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


@pytest.mark.parametrize(
    ("given", "read"), [("True", "true"), ("TRUE", "true"), ("False", "false"), ("fAlSe", "false")]
)
def test_booleans_are_read_in_any_letter_case_and_shown_in_lower_case(client, given, read):
    """sqs.md 3.2"""
    url = client.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "tRuE", "ContentBasedDeduplication": given})[
        "QueueUrl"
    ]
    assert shown(client, url, "FifoQueue", "ContentBasedDeduplication") == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": read,
    }


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("FifoQueue", "false", "Unknown Attribute FifoQueue."),
        ("FifoQueue", "perhaps", "Unknown Attribute FifoQueue."),
        ("ContentBasedDeduplication", "false", "Unknown Attribute ContentBasedDeduplication."),
        ("ContentBasedDeduplication", "true", "Unknown Attribute ContentBasedDeduplication."),
        (
            "DeduplicationScope",
            "queue",
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
        (
            "FifoThroughputLimit",
            "perQueue",
            "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
        ),
    ],
)
def test_a_standard_queue_has_no_fifo_attributes(client, aws_refuses, attribute, value, text):
    """sqs.md 3.3, 21 (5)"""
    given = {attribute: value}
    aws_refuses("InvalidAttributeName", text, client.create_queue, QueueName="q", Attributes=given)
    url = client.create_queue(QueueName="q")["QueueUrl"]
    aws_refuses("InvalidAttributeName", text, client.set_queue_attributes, QueueUrl=url, Attributes=given)


def test_fifo_queue_true_set_on_a_standard_queue_is_unknown_too(client, aws_refuses):
    """sqs.md 3.3"""
    url = client.create_queue(QueueName="q")["QueueUrl"]
    text = "Unknown Attribute FifoQueue."
    aws_refuses(
        "InvalidAttributeName", text, client.set_queue_attributes, QueueUrl=url, Attributes={"FifoQueue": "true"}
    )


def test_the_type_of_a_fifo_queue_cannot_be_changed(client, aws_refuses):
    """sqs.md 3.3"""
    url = create(client)
    client.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true"})
    text = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    call = client.set_queue_attributes
    aws_refuses("InvalidAttributeValue", text, call, QueueUrl=url, Attributes={"FifoQueue": "false"})
    aws_refuses("InvalidAttributeValue", None, call, QueueUrl=url, Attributes={"FifoQueue": "perhaps"})


@pytest.mark.parametrize("name", ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"])
@pytest.mark.parametrize("value", ["", "Queue", "yes", " true"])
def test_a_fifo_attribute_with_another_value_is_refused(client, aws_refuses, name, value):
    """sqs.md 3.4"""
    text = f"Invalid value for the parameter {name}."
    aws_refuses("InvalidAttributeValue", text, create, client=client, **{name: value})


def test_a_limit_for_each_group_needs_deduplication_for_each_group(client, aws_refuses):
    """sqs.md 3.3 (U7)"""
    aws_refuses("InvalidAttributeValue", PER_GROUP, create, client=client, FifoThroughputLimit="perMessageGroupId")
    url = create(client)
    call = client.set_queue_attributes
    limit = {"FifoThroughputLimit": "perMessageGroupId"}
    aws_refuses("InvalidAttributeValue", PER_GROUP, call, QueueUrl=url, Attributes=limit)
    call(QueueUrl=url, Attributes={**limit, "DeduplicationScope": "messageGroup"})
    assert shown(client, url, "DeduplicationScope", *limit) == {"DeduplicationScope": "messageGroup", **limit}


def test_deduplication_for_each_group_goes_with_a_limit_for_the_queue(client):
    """sqs.md 3.3"""
    url = create(client, DeduplicationScope="messageGroup", FifoThroughputLimit="perQueue")
    assert shown(client, url, "DeduplicationScope") == {"DeduplicationScope": "messageGroup"}


def test_the_scope_cannot_go_back_while_the_limit_is_for_each_group(client, aws_refuses):
    """sqs.md 21 (6)"""
    url = create(client, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    call = client.set_queue_attributes
    aws_refuses("InvalidAttributeValue", PER_GROUP, call, QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
    call(QueueUrl=url, Attributes={"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"})
    assert shown(client, url, "DeduplicationScope") == {"DeduplicationScope": "queue"}


@pytest.mark.parametrize("name", ["q", "q.fif", "q.FIFO", ".fifo", "a.b.fifo", "a/b.fifo", "x" * 76 + ".fifo"])
def test_a_fifo_queue_needs_a_fifo_name(client, aws_refuses, name):
    """sqs.md 2.1, 2.3"""
    text = (
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
        "must end with .fifo suffix and be 1 to 80 in length"
    )
    attributes = {"FifoQueue": "true"}
    aws_refuses("InvalidParameterValue", text, client.create_queue, QueueName=name, Attributes=attributes)


@pytest.mark.parametrize("attributes", [{}, {"FifoQueue": "false"}])
def test_a_fifo_name_needs_a_fifo_queue(client, aws_refuses, attributes):
    """sqs.md 2.2"""
    text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    aws_refuses("InvalidParameterValue", text, client.create_queue, QueueName="q.fifo", Attributes=attributes)


def test_a_fifo_name_may_have_80_letters_with_its_suffix(client):
    """sqs.md 2.1"""
    name = "x" * 75 + ".fifo"
    url = client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    assert url.endswith(f"/{name}")


# ----------------------------------------------------------------------------------------------------- delays
@pytest.fixture
def slow(world):
    return world.create_queue("slow.fifo", fifo_queue=True, content_based_deduplication=True, delay_seconds=10)


@pytest.mark.parametrize("seconds", [1, 900])
def test_a_message_of_a_fifo_queue_has_no_delay_of_its_own(client, slow, aws_refuses, seconds):
    """sqs.md 7.6"""
    text = (
        f"Value {seconds} for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )
    parameters = {"QueueUrl": slow.url, "MessageBody": "m", "MessageGroupId": "g", "DelaySeconds": seconds}
    aws_refuses("InvalidParameterValue", text, client.send_message, **parameters)


def test_a_delay_of_zero_is_taken_and_the_queues_delay_applies(world, client, slow):
    """sqs.md 4.1, 7.6"""
    client.send_message(QueueUrl=slow.url, MessageBody="m", MessageGroupId="g", DelaySeconds=0)
    assert slow.counts == (0, 0, 1)
    world.advance(9.999_999_999)
    assert slow.counts == (0, 0, 1)
    world.advance(0.000_000_001)
    assert slow.counts == (1, 0, 0)


def test_a_shorter_delay_applies_to_messages_that_are_delayed(world, slow):
    """sqs.md 3.12, 21 (10)"""
    slow.send("early", message_group_id="g")
    world.advance(3)
    slow.send("late", message_group_id="g")
    slow.set_attributes(delay_seconds=2)
    assert slow.counts == (1, 0, 1)  # available at max(now, sent + new delay): 3 s and 5 s
    world.advance(1.999_999_999)
    assert slow.counts == (1, 0, 1)
    world.advance(0.000_000_001)
    assert slow.counts == (2, 0, 0)


def test_a_longer_delay_applies_to_messages_that_are_delayed_and_to_no_others(world, slow):
    """sqs.md 3.12"""
    slow.send("there already", message_group_id="a")
    world.advance(10)
    slow.send("delayed", message_group_id="b")
    slow.set_attributes(delay_seconds=60)
    world.advance(59)
    assert slow.counts == (1, 0, 1)
    world.advance(1)
    assert slow.counts == (2, 0, 0)


def test_a_shorter_delay_wakes_a_poll_that_waits(world, slow):
    """sqs.md 3.12, 6.3"""
    slow.send("m", message_group_id="g")
    seen = []
    minisqs.Consumer(slow, lambda message: seen.append(world.clock.seconds)).start()
    world.advance(4)
    slow.set_attributes(delay_seconds=0)
    world.advance(0)
    assert seen == [4]


def test_a_delay_change_on_a_standard_queue_concerns_later_sends_only(world):
    """sqs.md 3.12"""
    queue = world.create_queue("q", delay_seconds=10)
    queue.send("m")
    queue.set_attributes(delay_seconds=0)
    assert queue.counts == (0, 0, 1)
    queue.send("n")
    assert queue.counts == (1, 0, 1)


def test_high_throughput_does_not_change_the_order(world):
    """sqs.md 7.13"""
    queue = world.create_queue(
        "q.fifo",
        fifo_queue=True,
        content_based_deduplication=True,
        deduplication_scope="messageGroup",
        fifo_throughput_limit="perMessageGroupId",
    )
    for body in ("a1", "b1", "b2", "c1", "a2"):
        queue.send(body, message_group_id=body[0])
    assert [one.body for one in queue.receive(3, visibility_timeout=0)] == ["a1", "a2", "b1"]
    assert [one.body for one in queue.receive(10)] == ["c1", "a1", "a2", "b1", "b2"]
