"""Tags of queues."""

from __future__ import annotations

import pytest

KEY_LENGTH = "Tag keys must be between 1 and 128 characters in length."
KEY_FORM = "Tag keys may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"


@pytest.fixture
def url(client):
    return client.create_queue(QueueName="q")["QueueUrl"]


@pytest.fixture
def tag(client, url):
    return lambda tags: client.tag_queue(QueueUrl=url, Tags=tags)


@pytest.fixture
def tags(client, url):
    return lambda: client.list_queue_tags(QueueUrl=url).get("Tags")


def test_a_queue_without_tags_leaves_the_key_out(client, url):
    """sqs.md 14.13"""
    assert client.list_queue_tags(QueueUrl=url).keys() == {"ResponseMetadata"}


def test_tags_are_merged_and_overwritten_by_key_in_its_letter_case(tag, tags):
    """sqs.md 14.22"""
    assert tag({"a": "1", "b": ""}).keys() == {"ResponseMetadata"}
    tag({"a": "2", "A": "3"})
    assert tags() == {"a": "2", "b": "", "A": "3"}


def test_tags_are_set_with_the_creation_of_a_queue(client):
    """sqs.md 18"""
    url = client.create_queue(QueueName="tagged", tags={"a": "1"})["QueueUrl"]
    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "1"}


def test_a_queue_is_not_made_with_a_tag_that_is_refused(client, aws_refuses):
    """sqs.md 18, 14.22"""
    aws_refuses("InvalidParameterValue", KEY_FORM, client.create_queue, QueueName="tagged", tags={"a!": "1"})
    assert "QueueUrls" not in client.list_queues()


def test_tags_are_taken_away_and_unknown_keys_ignored(client, url, tag, tags):
    """sqs.md 14.23"""
    tag({"a": "1", "b": "2"})
    assert client.untag_queue(QueueUrl=url, TagKeys=["a", "A", "none"]).keys() == {"ResponseMetadata"}
    assert tags() == {"b": "2"}
    client.untag_queue(QueueUrl=url, TagKeys=["b"])
    assert tags() is None


def test_at_most_50_tags(tag, tags, aws_refuses):
    """sqs.md 14.22"""
    tag({f"key-{number}": "x" for number in range(49)})
    text = "Too many tags added for queue q."
    aws_refuses("InvalidParameterValue", text, tag, tags={"one": "1", "two": "2"})
    tag({"one": "1"})
    aws_refuses("InvalidParameterValue", text, tag, tags={"two": "2"})
    tag({"one": "still fifty"})
    assert len(tags()) == 50
    assert "two" not in tags()


@pytest.mark.parametrize(
    ("key", "text"), [("", KEY_LENGTH), ("x" * 129, KEY_LENGTH), ("a!", KEY_FORM), ("a\x00", KEY_FORM), ("€", KEY_FORM)]
)
def test_a_key_out_of_form_is_refused_and_changes_nothing(tag, tags, aws_refuses, key, text):
    """sqs.md 14.22"""
    aws_refuses("InvalidParameterValue", text, tag, tags={"good": "1", key: "1"})
    assert tags() is None


@pytest.mark.parametrize("key", ["x" * 128, "Größe 1", "_.:/=+-@", "日本"])
def test_a_key_of_letters_digits_blanks_and_symbols_is_taken(tag, tags, key):
    """sqs.md 14.22"""
    tag({key: "x" * 256})
    assert tags() == {key: "x" * 256}


@pytest.mark.parametrize("value", ["x" * 257, "a!"])
def test_a_value_out_of_form_is_refused(tag, aws_refuses, value):
    """sqs.md 14.22, 21 (19)"""
    aws_refuses("InvalidParameterValue", None, tag, tags={"a": value})


def test_no_tags_and_no_keys_are_refused(client, url, tag, aws_refuses):
    """sqs.md 14.22, 14.23"""
    aws_refuses("MissingParameter", "The request must contain the parameter Tags.", tag, tags={})
    aws_refuses("InvalidParameterValue", KEY_LENGTH, client.untag_queue, QueueUrl=url, TagKeys=[])
    aws_refuses("InvalidParameterValue", KEY_LENGTH, client.untag_queue, QueueUrl=url, TagKeys=["x" * 129])


def test_tags_do_not_change_the_time_of_the_last_change(world, client, url, tag):
    """sqs.md 3.10"""
    before = world.queue("q").attributes()
    world.advance(10)
    tag({"a": "1"})
    client.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert world.queue("q").attributes() == before


def test_a_queue_made_anew_has_no_tags_of_the_old_one(world, client, url, tag, tags):
    """sqs.md 18, 21 (21)"""
    tag({"a": "1"})
    client.delete_queue(QueueUrl=url)
    world.advance(60)
    client.create_queue(QueueName="q")
    assert tags() is None
