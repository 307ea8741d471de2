"""CreateQueue on a name that exists: what is compared, with what, and which difference is named."""

from __future__ import annotations

import json

import pytest


def differing(attribute):
    return f"A queue already exists with the same name and a different value for attribute {attribute}"


@pytest.fixture
def create(client):
    def again(name="q", tags=None, **attributes):
        extra = {} if tags is None else {"tags": tags}
        return client.create_queue(QueueName=name, Attributes=attributes, **extra)["QueueUrl"]

    return again


def test_without_attributes_any_queue_of_the_name_will_do(client, create):
    """sqs.md 14.5"""
    url = create(DelaySeconds="7")
    assert client.create_queue(QueueName="q")["QueueUrl"] == url
    assert create() == url


def test_only_the_attributes_given_are_compared(create):
    """sqs.md 14.5"""
    url = create(DelaySeconds="7", VisibilityTimeout="5")
    assert create(DelaySeconds="7") == url
    assert create(VisibilityTimeout="5") == url


def test_a_default_is_a_value_like_any_other(create, aws_refuses):
    """sqs.md 14.5"""
    url = create()
    assert create(DelaySeconds="0", VisibilityTimeout="30", MessageRetentionPeriod="345600") == url
    aws_refuses("QueueAlreadyExists", differing("VisibilityTimeout"), create, VisibilityTimeout="31")


def test_what_was_set_later_counts(client, create, aws_refuses):
    """sqs.md 14.5"""
    url = create(DelaySeconds="7")
    client.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "8"})
    assert create(DelaySeconds="8") == url
    aws_refuses("QueueAlreadyExists", differing("DelaySeconds"), create, DelaySeconds="7")


def test_the_first_difference_in_the_order_of_the_request_is_named(client, create, aws_refuses):
    """sqs.md 14.5 (U33)"""
    create()
    for names in (("VisibilityTimeout", "DelaySeconds"), ("DelaySeconds", "VisibilityTimeout")):
        attributes = {"MaximumMessageSize": "1048576", **dict.fromkeys(names, "1")}
        aws_refuses(
            "QueueAlreadyExists", differing(names[0]), client.create_queue, QueueName="q", Attributes=attributes
        )


def test_the_error_is_shown_as_boto3_does(client, create):
    """sqs.md 1.3"""
    create()
    with pytest.raises(client.exceptions.QueueNameExists) as raised:
        create(DelaySeconds="1")
    assert raised.value.response["Error"]["QueryErrorCode"] == "QueueNameExists"


def test_an_invalid_attribute_is_refused_before_it_is_compared(create, aws_refuses):
    """sqs.md 14.5 (U31)"""
    create()
    text = "Invalid value for the parameter DelaySeconds."
    aws_refuses("InvalidAttributeValue", text, create, DelaySeconds="901")


def test_messages_do_not_matter(client, create):
    """sqs.md 14.5"""
    url = create(DelaySeconds="0")
    client.send_message(QueueUrl=url, MessageBody="m")
    assert create(DelaySeconds="0") == url


def test_tags_are_neither_compared_nor_applied(client, create):
    """sqs.md 14.5 (U33)"""
    url = create(tags={"a": "1"})
    assert create(tags={"a": "2", "b": "3"}) == url
    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "1"}


@pytest.mark.parametrize(
    ("attributes", "differs"),
    [
        ({"FifoQueue": "TRUE", "ContentBasedDeduplication": "True"}, None),
        ({"FifoQueue": "true", "ContentBasedDeduplication": "false"}, "ContentBasedDeduplication"),
        ({"FifoQueue": "true", "DeduplicationScope": "messageGroup"}, "DeduplicationScope"),
        ({"FifoQueue": "true", "FifoThroughputLimit": "perQueue"}, None),
    ],
)
def test_fifo_attributes_are_compared(create, aws_refuses, attributes, differs):
    """sqs.md 14.5"""
    url = create("q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    if differs is None:
        assert create("q.fifo", **attributes) == url
    else:
        aws_refuses("QueueAlreadyExists", differing(differs), create, name="q.fifo", **attributes)


def policies(arn):
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [arn]}
    access = {"Version": "2012-10-17", "Statement": [{"Sid": "1", "Effect": "Allow"}]}
    return {"RedrivePolicy": redrive, "RedriveAllowPolicy": allow, "Policy": access}


@pytest.mark.parametrize("attribute", ["RedrivePolicy", "RedriveAllowPolicy", "Policy"])
def test_json_is_compared_by_what_it_means(world, create, aws_refuses, attribute):
    """sqs.md 21 (7)"""
    document = policies(world.create_queue("dead").arn)[attribute]
    text = json.dumps(document)
    url = create(**{attribute: text})
    turned = json.dumps(dict(reversed(document.items())), indent=4)
    assert turned != text
    assert create(**{attribute: turned}) == url
    assert world.queue("q").attributes()[attribute] == text
    changed = {
        "RedrivePolicy": {**document, "maxReceiveCount": 4},
        "RedriveAllowPolicy": {"redrivePermission": "denyAll"},
        "Policy": {**document, "Version": "2008-10-17"},
    }[attribute]
    aws_refuses("QueueAlreadyExists", differing(attribute), create, **{attribute: json.dumps(changed)})
    aws_refuses("QueueAlreadyExists", differing(attribute), create, **{attribute: ""})


def test_a_count_in_a_redrive_policy_is_the_same_as_text_and_as_a_number(world, create):
    """sqs.md 3.6 (U9), 21 (7)"""
    arn = world.create_queue("dead").arn
    url = create(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3}))
    assert create(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})) == url


def test_an_attribute_given_empty_equals_one_that_is_unset(create):
    """sqs.md 14.5"""
    url = create()
    assert create(RedrivePolicy="", RedriveAllowPolicy="", Policy="", KmsMasterKeyId="") == url


def test_encryption_is_compared_with_what_is_in_force(create, aws_refuses):
    """sqs.md 3.5, 14.5"""
    url = create(KmsMasterKeyId="alias/aws/sqs")
    assert create(SqsManagedSseEnabled="false", KmsMasterKeyId="alias/aws/sqs") == url
    aws_refuses("QueueAlreadyExists", differing("SqsManagedSseEnabled"), create, SqsManagedSseEnabled="true")
    aws_refuses("QueueAlreadyExists", differing("KmsMasterKeyId"), create, KmsMasterKeyId="another")


def test_a_refused_create_changes_nothing(world, create, aws_refuses):
    """sqs.md 14.5"""
    create(tags={"a": "1"})
    before = world.queue("q").attributes()
    aws_refuses("QueueAlreadyExists", differing("DelaySeconds"), create, DelaySeconds="1", tags={"b": "2"})
    assert world.queue("q").attributes() == before
    assert world.queue("q").tags == {"a": "1"}
