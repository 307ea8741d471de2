"""The attributes of encryption: one kind at a time."""

from __future__ import annotations

import pytest

BOTH = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
NAMES = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")


@pytest.fixture
def url(client):
    return client.create_queue(QueueName="q")["QueueUrl"]


@pytest.fixture
def change(client, url):
    return lambda **attributes: client.set_queue_attributes(QueueUrl=url, Attributes=attributes)


@pytest.fixture
def shown(client, url):
    return lambda: client.get_queue_attributes(QueueUrl=url, AttributeNames=list(NAMES)).get("Attributes")


def test_encryption_by_sqs_is_on_by_default(shown):
    """sqs.md 17.1, 3.5"""
    assert shown() == {"SqsManagedSseEnabled": "true"}


@pytest.mark.parametrize("key", ["alias/aws/sqs", "1234abcd-12ab-34cd-56ef-1234567890ab", "no such key"])
def test_a_kms_key_turns_encryption_by_sqs_off_and_is_not_looked_for(change, shown, key):
    """sqs.md 3.5, 17.1"""
    change(KmsMasterKeyId=key)
    assert shown() == {
        "KmsMasterKeyId": key,
        "KmsDataKeyReusePeriodSeconds": "300",
        "SqsManagedSseEnabled": "false",
    }


def test_an_empty_key_drops_key_and_period_and_leaves_the_rest_off(change, shown):
    """sqs.md 3.5"""
    change(KmsMasterKeyId="alias/aws/sqs")
    change(KmsMasterKeyId="", KmsDataKeyReusePeriodSeconds="300")
    assert shown() == {"SqsManagedSseEnabled": "false"}


def test_both_kinds_at_once_are_refused_by_name_and_change_nothing(client, change, shown, aws_refuses):
    """sqs.md 3.5"""
    both = {"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}
    aws_refuses("InvalidAttributeName", BOTH, change, **both)
    assert shown() == {"SqsManagedSseEnabled": "true"}
    aws_refuses("InvalidAttributeName", BOTH, client.create_queue, QueueName="new", Attributes=both)


def test_a_key_goes_with_encryption_by_sqs_turned_off(change, shown):
    """sqs.md 3.5"""
    change(KmsMasterKeyId="alias/aws/sqs", SqsManagedSseEnabled="false")
    assert shown()["KmsMasterKeyId"] == "alias/aws/sqs"


def test_turning_encryption_by_sqs_on_removes_the_key(change, shown):
    """sqs.md 3.5 (U8)"""
    change(KmsMasterKeyId="alias/aws/sqs")
    change(SqsManagedSseEnabled="true")
    assert shown() == {"SqsManagedSseEnabled": "true"}


def test_a_period_without_a_key_is_not_shown_but_remembered(change, shown):
    """sqs.md 3.5, 21 (9)"""
    change(KmsDataKeyReusePeriodSeconds="60")
    assert shown() == {"SqsManagedSseEnabled": "true"}
    change(KmsMasterKeyId="alias/aws/sqs")
    assert shown()["KmsDataKeyReusePeriodSeconds"] == "60"


@pytest.mark.parametrize("period", ["59", "86401", "", " 60", "1e3", "٦٠"])
def test_a_period_is_60_to_86400_seconds(change, aws_refuses, period):
    """sqs.md 3, 3.4"""
    text = "Invalid value for the parameter KmsDataKeyReusePeriodSeconds."
    aws_refuses("InvalidAttributeValue", text, change, KmsDataKeyReusePeriodSeconds=period)


@pytest.mark.parametrize(("given", "read"), [("TRUE", "true"), ("False", "false")])
def test_the_switch_is_read_in_any_letter_case(change, shown, given, read):
    """sqs.md 3.2"""
    change(SqsManagedSseEnabled=given)
    assert shown() == {"SqsManagedSseEnabled": read}


@pytest.mark.parametrize("value", ["", "yes", "1"])
def test_the_switch_is_true_or_false(change, aws_refuses, value):
    """sqs.md 3.4"""
    text = "Invalid value for the parameter SqsManagedSseEnabled."
    aws_refuses("InvalidAttributeValue", text, change, SqsManagedSseEnabled=value)


def test_encryption_does_not_touch_the_messages(client, url, change):
    """sqs.md 17.1"""
    change(KmsMasterKeyId="alias/aws/sqs")
    client.send_message(QueueUrl=url, MessageBody="secret")
    assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "secret"
