"""sqs.md 3, 14.9, 14.20: what a queue has, what may be set, and what a refused value looks like."""

import json

import pytest

from minisqs import RedrivePolicy, World, errors

NUMBERS = [
    ("delay_seconds", "DelaySeconds", 0, 900, 0),
    ("maximum_message_size", "MaximumMessageSize", 1024, 1_048_576, 1_048_576),
    ("message_retention_period", "MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("receive_message_wait_time_seconds", "ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("visibility_timeout", "VisibilityTimeout", 0, 43_200, 30),
]
IN_SNAKE_CASE = [row[0] for row in NUMBERS] + ["kms_data_key_reuse_period_seconds"]


def test_a_fresh_queue_has_exactly_twelve_attributes(world, queue):
    """sqs.md 3.1"""
    now = str(world.clock.now_ns // 10**9)
    assert queue.attributes() == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "CreatedTimestamp": now,
        "DelaySeconds": "0",
        "LastModifiedTimestamp": now,
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": "arn:aws:sqs:us-east-1:123456789012:orders",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


@pytest.mark.parametrize(("name", "aws_name", "lowest", "highest", "default"), NUMBERS)
def test_a_number_is_set_within_its_range_at_creation_and_later(
    world, refused, name, aws_name, lowest, highest, default
):
    """sqs.md 3, 3.4"""
    for value in (lowest, lowest + 1, highest - 1, highest):
        queue = world.create_queue(f"q{value}", **{name: value})
        assert queue.attributes()[aws_name] == str(value)
        queue.set_attributes(**{name: default})
        queue.set_attributes(**{name: str(value)})
        assert queue.attributes()[aws_name] == str(value)
    for value in (lowest - 1, highest + 1):
        with refused(errors.InvalidAttributeValue, f"Invalid value for the parameter {aws_name}."):
            world.create_queue("bad", **{name: value})
        with refused(errors.InvalidAttributeValue, f"Invalid value for the parameter {aws_name}."):
            queue.set_attributes(**{name: value})


@pytest.mark.parametrize("name", IN_SNAKE_CASE)
@pytest.mark.parametrize("value", ["", " ", " 60", "60 ", "x", 60.0, True, False, [60], {"a": 60}, b"60", 1e300])
def test_what_is_no_whole_number_is_refused(world, queue, refused, name, value):
    """sqs.md 3.4"""
    with refused(errors.InvalidAttributeValue, None):
        world.create_queue("bad", **{name: value})
    with refused(errors.InvalidAttributeValue, None):
        queue.set_attributes(**{name: value})


@pytest.mark.parametrize("value", ["TRUE", "True", "tRuE", True])
def test_booleans_are_read_in_any_case_and_given_back_in_lower_case(world, value):
    """sqs.md 3.2"""
    queue = world.create_queue("q", sqs_managed_sse_enabled="False")
    assert queue.attributes()["SqsManagedSseEnabled"] == "false"
    queue.set_attributes(sqs_managed_sse_enabled=value)
    assert queue.attributes()["SqsManagedSseEnabled"] == "true"


@pytest.mark.parametrize("value", ["", "yes", 1, 0, " true", [], b"true"])
def test_another_boolean_is_refused(world, queue, refused, value):
    """sqs.md 3.4"""
    with refused(errors.InvalidAttributeValue, "Invalid value for the parameter SqsManagedSseEnabled."):
        queue.set_attributes(sqs_managed_sse_enabled=value)


@pytest.mark.parametrize(
    "name",
    ["Nothing", "", "queuearn", "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages"],
)
def test_an_unknown_or_read_only_name_is_refused(world, queue, refused, name):
    """sqs.md 3.4"""
    for call in (
        lambda: world.sqs.create_queue("bad", {name: "1"}),
        lambda: world.sqs.set_queue_attributes("orders", {name: "1"}),
    ):
        with refused(errors.InvalidAttributeName, f"Unknown Attribute {name}."):
            call()


@pytest.mark.parametrize("name", ["FifoQueue", "ContentBasedDeduplication"])
def test_attributes_of_fifo_queues_are_unknown_to_a_standard_queue(world, queue, refused, name):
    """sqs.md 3.3"""
    with refused(errors.InvalidAttributeName, f"Unknown Attribute {name}."):
        world.sqs.create_queue("bad", {name: "false"})
    for value in ("true", "false"):
        with refused(errors.InvalidAttributeName, f"Unknown Attribute {name}."):
            world.sqs.set_queue_attributes("orders", {name: value})


@pytest.mark.parametrize(
    "attributes", [1, "a", [("DelaySeconds", "1")], {"DelaySeconds": 1}, {"DelaySeconds": None}, {1: "1"}]
)
def test_attributes_are_a_map_of_texts(world, queue, refused, attributes):
    """sqs.md 1, SerializationException"""
    for call in (world.sqs.create_queue, world.sqs.set_queue_attributes):
        with refused(errors.SerializationException, None):
            call("orders", attributes)


def test_a_key_turns_the_managed_encryption_off(world, queue, refused):
    """sqs.md 3.5"""
    queue.set_attributes(kms_master_key_id="alias/k")
    shown = queue.attributes()
    assert (shown["KmsMasterKeyId"], shown["KmsDataKeyReusePeriodSeconds"], shown["SqsManagedSseEnabled"]) == (
        "alias/k",
        "300",
        "false",
    )
    queue.set_attributes(kms_master_key_id="", kms_data_key_reuse_period_seconds=300)
    shown = queue.attributes()
    assert "KmsMasterKeyId" not in shown
    assert "KmsDataKeyReusePeriodSeconds" not in shown
    assert shown["SqsManagedSseEnabled"] == "false"
    text = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    with refused(errors.InvalidAttributeName, text):
        queue.set_attributes(kms_master_key_id="alias/k", sqs_managed_sse_enabled=True)


@pytest.mark.parametrize("value", [60, 61, 86_399, 86_400])
def test_a_key_is_used_again_for_60_to_86400_seconds(world, refused, value):
    """sqs.md 3, 3.5"""
    queue = world.create_queue("q", kms_master_key_id="k", kms_data_key_reuse_period_seconds=value)
    assert queue.attributes()["KmsDataKeyReusePeriodSeconds"] == str(value)
    for bad in (59, 86_401):
        with refused(errors.InvalidAttributeValue, "Invalid value for the parameter KmsDataKeyReusePeriodSeconds."):
            queue.set_attributes(kms_data_key_reuse_period_seconds=bad)


def test_managed_encryption_removes_the_key(world):
    """sqs.md 3.5"""
    queue = world.create_queue("q", kms_master_key_id="k")
    queue.set_attributes(sqs_managed_sse_enabled=True)
    assert "KmsMasterKeyId" not in queue.attributes()


def test_a_redrive_policy_reads_back_as_set_and_is_unset_by_an_empty_text(world, queue):
    """sqs.md 3.6"""
    bad = world.create_queue("bad")
    text = f'{{"maxReceiveCount" : 3,"deadLetterTargetArn":"{bad.arn}"}}'
    queue.set_attributes(redrive_policy=text)
    assert queue.attributes()["RedrivePolicy"] == text
    queue.set_attributes(redrive_policy=text.replace("3", '"3"', 1))
    assert json.loads(queue.attributes()["RedrivePolicy"])["maxReceiveCount"] == 3
    queue.set_attributes(redrive_policy="")
    assert "RedrivePolicy" not in queue.attributes()


@pytest.mark.parametrize("count", [1, 2, 999, 1000])
def test_a_receive_count_is_1_to_1000(world, refused, count):
    """sqs.md 3.6"""
    bad = world.create_queue("bad")
    world.create_queue("q", redrive_policy=RedrivePolicy(bad, count))
    for other in (0, 1001, -1, 1.5):
        policy = RedrivePolicy(bad, other)
        text = (
            f"Value {policy.text()} for parameter RedrivePolicy is invalid. Reason: "
            f"Invalid value for maxReceiveCount: {other}, valid values are from 1 to 1000 both inclusive."
        )
        with refused(errors.InvalidParameterValue, text):
            world.create_queue("other", redrive_policy=policy)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({}, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ({"maxReceiveCount": 1}, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        (
            {"deadLetterTargetArn": "arn:aws:sns:us-east-1:123456789012:bad", "maxReceiveCount": 1},
            "Only SQS queues are valid resources for deadLetterTargetArn.",
        ),
        (
            {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:no.fifo", "maxReceiveCount": 1},
            "Dead-letter queue must be same type of queue as the source..",
        ),
        (
            {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:no", "maxReceiveCount": 1},
            "Dead letter target does not exist.",
        ),
        (
            {"deadLetterTargetArn": "arn:aws:sqs:us-west-2:123456789012:orders", "maxReceiveCount": 1},
            "Dead letter target does not exist.",
        ),
        (
            {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:210987654321:orders", "maxReceiveCount": 1},
            "Dead letter target does not exist.",
        ),
        (
            {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:orders", "maxReceiveCount": 1, "x": 1},
            "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].",
        ),
    ],
)
def test_a_bad_redrive_policy_is_refused_with_its_reason(world, queue, refused, policy, reason):
    """sqs.md 3.6, 3.9, 21.8"""
    text = f"Value {json.dumps(policy)} for parameter RedrivePolicy is invalid. Reason: {reason}"
    with refused(errors.InvalidParameterValue, text):
        queue.set_attributes(redrive_policy=policy)
    with refused(errors.InvalidParameterValue, text):
        world.create_queue("other", redrive_policy=policy)


@pytest.mark.parametrize("policy", ["x", "[]", "1", [1], 7, True])
def test_a_redrive_policy_is_a_json_map(queue, refused, policy):
    """sqs.md 3.6"""
    text = "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map."
    with refused(errors.InvalidAttributeValue, text):
        queue.set_attributes(redrive_policy=policy)


@pytest.mark.parametrize(
    ("allow", "accepted"),
    [("", True), ("allowAll", True), ("denyAll", False), ("byQueue other", False), ("byQueue orders", True)],
)
def test_a_redrive_allow_policy_says_which_queues_may_point_here(world, queue, refused, allow, accepted):
    """sqs.md 3.7"""
    permission, _, name = allow.partition(" ")
    policy = {"redrivePermission": permission}
    if name:
        policy["sourceQueueArns"] = [f"arn:aws:sqs:us-east-1:123456789012:{name}"]
    bad = world.create_queue("bad", redrive_allow_policy=policy if allow else "")
    assert bad.attributes().get("RedriveAllowPolicy") == (json.dumps(policy) if allow else None)
    if accepted:
        queue.set_attributes(redrive_policy=RedrivePolicy(bad, 1))
    else:
        with refused(errors.InvalidParameterValue, None):
            queue.set_attributes(redrive_policy=RedrivePolicy(bad, 1))


def test_a_later_refusal_does_not_undo_a_redrive_policy(world):
    """sqs.md 3.8"""
    bad = world.create_queue("bad")
    queue = world.create_queue("orders", redrive_policy=RedrivePolicy(bad, 1))
    bad.set_attributes(redrive_allow_policy={"redrivePermission": "denyAll"})
    queue.send("a")
    queue.receive(visibility_timeout=0)
    assert queue.receive() == []
    assert bad.counts == (1, 0, 0)


def test_a_redrive_allow_policy_of_another_format_is_refused(queue, refused):
    """sqs.md 3.7"""
    text = (
        "Invalid value for the parameter RedriveAllowPolicy. Reason: "
        "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format."
    )
    for policy in ("x", {}, {"redrivePermission": "some"}, {"redrivePermission": "allowAll", "x": 1}, [1], 7):
        with refused(errors.InvalidAttributeValue, text):
            queue.set_attributes(redrive_allow_policy=policy)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            {"redrivePermission": "byQueue"},
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
        ),
        (
            {"redrivePermission": "byQueue", "sourceQueueArns": ["a"] * 11},
            "The maximum number of source queue ARNs you can specify is 10.",
        ),
        (
            {"redrivePermission": "denyAll", "sourceQueueArns": ["a"]},
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
        ),
    ],
)
def test_the_list_of_sources_stands_only_and_always_by_queue(queue, refused, policy, reason):
    """sqs.md 3.7"""
    text = (
        f"Value {json.dumps(policy)} for parameter RedriveAllowPolicy is invalid. Reason: "
        f"Amazon SQS can't create the redrive allow policy. {reason}"
    )
    with refused(errors.InvalidParameterValue, text):
        queue.set_attributes(redrive_allow_policy=policy)


def test_an_access_policy_is_given_back_as_set(queue, refused):
    """sqs.md 3, 13.5"""
    queue.set_attributes(policy='{ "Statement": [{"Effect":"Allow"}] }')
    assert queue.attributes()["Policy"] == '{ "Statement": [{"Effect":"Allow"}] }'
    queue.set_attributes(policy="")
    assert "Policy" not in queue.attributes()
    for policy in ("x", {}, {"Statement": []}, {"Version": "1", "Statement": [{"Sid": "x"}]}, 7):
        with refused(errors.InvalidAttributeValue, "Invalid value for the parameter Policy."):
            queue.set_attributes(policy=policy)


def test_last_modified_rises_when_attributes_are_set_and_not_by_messages(world, queue):
    """sqs.md 3.10"""
    created = int(queue.attributes()["CreatedTimestamp"])
    world.advance(10)
    queue.send("a")
    queue.receive()[0].delete()
    assert int(queue.attributes()["LastModifiedTimestamp"]) == created
    queue.set_attributes(delay_seconds=0)
    assert int(queue.attributes()["LastModifiedTimestamp"]) == created + 10
    assert int(queue.attributes()["CreatedTimestamp"]) == created


def test_timestamps_are_whole_seconds():
    """sqs.md 3"""
    attributes = World(start=1_000.999).create_queue("q").attributes()
    assert (attributes["CreatedTimestamp"], attributes["LastModifiedTimestamp"]) == ("1000", "1000")


@pytest.mark.parametrize(("offset_ns", "left"), [(-1, 1), (0, 0), (1, 0)])
def test_retention_applies_to_messages_already_there(world, queue, pass_ns, offset_ns, left):
    """sqs.md 3.11, 21.10"""
    queue.send("a")
    world.advance(50)
    queue.set_attributes(message_retention_period=60)
    assert queue.attributes()["MessageRetentionPeriod"] == "60"
    pass_ns(10 * 10**9 + offset_ns)
    assert len(queue.messages()) == left


def test_a_delay_applies_to_later_sends_only(world, queue):
    """sqs.md 3.12"""
    queue.set_attributes(delay_seconds=10)
    queue.send("a")
    queue.set_attributes(delay_seconds=100)
    queue.send("b")
    world.advance(10)
    assert [message.body for message in queue.receive(10)] == ["a"]


def test_a_visibility_timeout_applies_to_later_receives_only(world, queue):
    """sqs.md 3.12"""
    queue.send("a")
    queue.receive()
    queue.set_attributes(visibility_timeout=5)
    world.advance(5)
    assert queue.receive() == []
    world.advance(25)
    assert len(queue.receive()) == 1
    world.advance(5)
    assert len(queue.receive()) == 1


def test_a_size_applies_to_later_sends_only(queue, refused):
    """sqs.md 3.12"""
    queue.send("a" * 2000)
    queue.set_attributes(maximum_message_size=1024)
    assert len(queue.receive()) == 1
    with refused(errors.InvalidParameterValue, None):
        queue.send("a" * 1025)


def test_attributes_are_got_by_name(world, queue, refused):
    """sqs.md 14.9"""
    get = world.sqs.get_queue_attributes
    assert get("orders", []) == {}
    assert get("orders", ["DelaySeconds", "QueueArn"]) == {"DelaySeconds": "0", "QueueArn": queue.arn}
    assert get("orders", ["Policy", "RedrivePolicy", "FifoQueue", "KmsMasterKeyId"]) == {}
    assert get("orders", ["DelaySeconds", "All"]) == queue.attributes()
    for name in ("Nothing", "", "delaySeconds", "all"):
        with refused(errors.InvalidAttributeName, f"Unknown Attribute {name}."):
            get("orders", ["DelaySeconds", name])
    for names in (None, "All", 1, [1], [None], {"All": 1}):
        with refused(errors.SerializationException, None):
            get("orders", names)


def test_one_bad_value_sets_none(queue, refused):
    """sqs.md 14.20"""
    with refused(errors.InvalidAttributeValue, "Invalid value for the parameter DelaySeconds."):
        queue.set_attributes(visibility_timeout=1, delay_seconds=901)
    assert queue.attributes()["VisibilityTimeout"] == "30"


def test_at_least_one_attribute_is_set(queue, refused):
    """sqs.md 14.20"""
    with refused(errors.MissingParameter, "The request must contain the parameter Attribute.Name."):
        queue.set_attributes()


@pytest.mark.parametrize("name", ["DeduplicationScope", "FifoThroughputLimit"])
def test_attributes_of_fifo_queues_are_refused_by_name(world, refused, name):
    """sqs.md 3.3"""
    value = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}[name]
    text = f"You can specify the {name} only when FifoQueue is set to true."
    with refused(errors.InvalidAttributeName, text):
        world.sqs.create_queue("q", {name: value})


@pytest.mark.parametrize("attributes", [[], "", 0, False])
def test_attributes_that_are_no_map_are_refused_though_empty(world, refused, attributes):
    """sqs.md 1, SerializationException"""
    with refused(errors.SerializationException, None):
        world.sqs.create_queue("q", attributes)


@pytest.mark.parametrize("given", ["true", "null"])
def test_a_refused_receive_count_is_shown_as_json_has_it(world, given):
    """sqs.md 3.6: {n} in the text; Python's True and None are no JSON."""
    policy = f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:d","maxReceiveCount":{given}}}'
    with pytest.raises(errors.InvalidParameterValue) as caught:
        world.create_queue("q", redrive_policy=policy)
    assert f"Invalid value for maxReceiveCount: {given}, valid" in caught.value.message
