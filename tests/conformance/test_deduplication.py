"""The five minutes in which a FIFO queue takes a send twice and stores it once."""

from __future__ import annotations

from hashlib import md5, sha256

import pytest

NOTHING_TO_GO_BY = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)
NO_GROUP = "The request must contain the parameter MessageGroupId."


@pytest.fixture
def queue(world):
    return world.create_queue("q.fifo", fifo_queue=True)


@pytest.fixture
def by_content(world):
    return world.create_queue("c.fifo", fifo_queue=True, content_based_deduplication=True)


def send(client, queue, body="m", group="g", **parameters):
    return client.send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=group, **parameters)


def test_a_group_is_required(client, by_content, aws_refuses):
    """sqs.md 7.1"""
    aws_refuses("MissingParameter", NO_GROUP, client.send_message, QueueUrl=by_content.url, MessageBody="m")


def test_a_batch_with_a_message_without_a_group_fails_as_a_whole(client, by_content, aws_refuses):
    """sqs.md 7.1"""
    entries = [{"Id": "1", "MessageBody": "m", "MessageGroupId": "g"}, {"Id": "2", "MessageBody": "n"}]
    aws_refuses("InvalidParameterValue", NO_GROUP, client.send_message_batch, QueueUrl=by_content.url, Entries=entries)
    assert by_content.counts.visible == 0


def test_without_an_id_or_deduplication_by_content_a_send_is_refused(client, queue, aws_refuses):
    """sqs.md 7.2"""
    parameters = {"QueueUrl": queue.url, "MessageBody": "m", "MessageGroupId": "g"}
    aws_refuses("InvalidParameterValue", NOTHING_TO_GO_BY, client.send_message, **parameters)


def test_a_batch_with_a_message_without_an_id_fails_as_a_whole(client, queue, aws_refuses):
    """sqs.md 7.2"""
    entry = {"MessageBody": "m", "MessageGroupId": "g"}
    entries = [{"Id": "1", "MessageDeduplicationId": "1", **entry}, {"Id": "2", **entry}]
    aws_refuses(
        "InvalidParameterValue", NOTHING_TO_GO_BY, client.send_message_batch, QueueUrl=queue.url, Entries=entries
    )
    assert queue.counts.visible == 0


ALLOWED = "abcXYZ019" + r"""!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"""


@pytest.mark.parametrize("parameter", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "ä", "a\n", "\x7f"])
def test_an_id_outside_its_characters_or_length_is_refused(client, queue, aws_refuses, parameter, value):
    """sqs.md 7.3"""
    parameters = {"QueueUrl": queue.url, "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "1"}
    text = (
        f"Value {value} for parameter {parameter} is invalid. "
        f"Reason: {parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )
    aws_refuses("InvalidParameterValue", text, client.send_message, **{**parameters, parameter: value})


@pytest.mark.parametrize("value", [ALLOWED, "x" * 128, "x"])
def test_every_id_of_the_permitted_characters_is_taken(client, queue, value):
    """sqs.md 7.3"""
    send(client, queue, group=value, MessageDeduplicationId=value)
    assert queue.receive()[0].attributes["MessageDeduplicationId"] == value


def test_an_invalid_id_in_a_batch_fails_its_entry_alone(client, queue):
    """sqs.md 7.3, 21 (4)"""
    entry = {"MessageBody": "m", "MessageGroupId": "g"}
    entries = [
        {"Id": "good", "MessageDeduplicationId": "1", **entry},
        {"Id": "bad", "MessageDeduplicationId": "", **entry},
        {"Id": "late", "MessageDeduplicationId": "2", "DelaySeconds": 1, **entry},
    ]
    answer = client.send_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [
        ("bad", "InvalidParameterValue"),
        ("late", "InvalidParameterValue"),
    ]


def test_a_repeat_is_answered_like_the_first_but_for_its_own_digests(client, queue):
    """sqs.md 7.4 (U21)"""
    first = send(client, queue, "one", MessageDeduplicationId="1")
    again = send(client, queue, "two", MessageDeduplicationId="1")
    assert queue.counts.visible == 1
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    assert again["MD5OfMessageBody"] == md5(b"two").hexdigest()


@pytest.mark.parametrize(("after_ns", "stored"), [(-1, 1), (0, 2), (1, 2)])
def test_an_id_is_known_for_five_minutes_to_the_nanosecond(world, client, queue, after_ns, stored):
    """sqs.md 7.4, 21 (2)"""
    send(client, queue, MessageDeduplicationId="1")
    world.advance(299)
    world.advance(1 + after_ns / 1e9)
    send(client, queue, MessageDeduplicationId="1")
    assert queue.counts.visible == stored


def test_repeats_do_not_prolong_the_five_minutes(world, client, queue):
    """sqs.md 7.4"""
    for at, stored in ((0, 1), (2, 1), (299, 1), (362, 2)):
        world.advance(at - world.clock.seconds)
        send(client, queue, MessageDeduplicationId="1")
        assert queue.counts.visible == stored


def test_an_id_is_known_after_its_message_was_received_and_deleted(client, queue):
    """sqs.md 7.4"""
    send(client, queue, MessageDeduplicationId="1")
    queue.receive()[0].delete()
    send(client, queue, MessageDeduplicationId="1")
    assert queue.receive() == []


def test_an_id_is_known_after_its_message_expired(world, client):
    """sqs.md 7.4"""
    queue = world.create_queue("short.fifo", fifo_queue=True, message_retention_period=60)
    send(client, queue, MessageDeduplicationId="1")
    world.advance(60)
    assert queue.counts.visible == 0
    send(client, queue, MessageDeduplicationId="1")
    assert queue.counts.visible == 0


def test_a_refused_send_does_not_use_up_its_id(client, queue, aws_refuses):
    """sqs.md 7.4"""
    aws_refuses(
        "InvalidMessageContents",
        None,
        client.send_message,
        QueueUrl=queue.url,
        MessageBody="\x00",
        MessageGroupId="g",
        MessageDeduplicationId="1",
    )
    send(client, queue, MessageDeduplicationId="1")
    assert queue.counts.visible == 1


@pytest.mark.parametrize(("scope", "stored"), [("queue", 1), ("messageGroup", 2)])
def test_the_scope_says_whether_an_id_counts_for_the_queue_or_for_a_group(world, client, scope, stored):
    """sqs.md 7.4"""
    queue = world.create_queue("s.fifo", fifo_queue=True, deduplication_scope=scope)
    for group in "abab":
        send(client, queue, group=group, MessageDeduplicationId="1")
    assert queue.counts.visible == stored


def test_equal_contents_are_one_message_whatever_their_attributes(client, by_content):
    """sqs.md 7.2"""
    send(client, by_content)
    send(client, by_content, MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})
    assert by_content.counts.visible == 1
    send(client, by_content, "other")
    assert by_content.counts.visible == 2


def test_a_given_id_wins_over_the_contents(client, by_content):
    """sqs.md 7.2"""
    send(client, by_content, MessageDeduplicationId="1")
    send(client, by_content, MessageDeduplicationId="2")
    assert by_content.counts.visible == 2
    assert [one.attributes["MessageDeduplicationId"] for one in by_content.receive(10)] == ["1", "2"]


def test_given_ids_and_hashes_share_one_space(client, by_content):
    """sqs.md 7.5"""
    send(client, by_content, "grün")
    hashed = sha256("grün".encode()).hexdigest()
    send(client, by_content, "something else", MessageDeduplicationId=hashed)
    assert by_content.counts.visible == 1
    assert by_content.receive()[0].attributes["MessageDeduplicationId"] == hashed


def test_a_batch_deduplicates_within_itself(client, queue):
    """sqs.md 7.4, 12.8"""
    entries = [
        {"Id": str(place), "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body}
        for place, body in enumerate("xyx")
    ]
    answer = client.send_message_batch(QueueUrl=queue.url, Entries=entries)["Successful"]
    assert [one["Id"] for one in answer] == ["0", "1", "2"]
    assert answer[0]["MessageId"] == answer[2]["MessageId"] != answer[1]["MessageId"]
    assert [one.body for one in queue.receive(10)] == ["x", "y"]


def test_a_purge_forgets_the_ids(client, queue):
    """sqs.md 4.8"""
    send(client, queue, MessageDeduplicationId="1")
    client.purge_queue(QueueUrl=queue.url)
    send(client, queue, MessageDeduplicationId="1")
    assert queue.counts.visible == 1


@pytest.mark.parametrize(("former", "later", "at_once"), [("queue", "messageGroup", 1), ("messageGroup", "queue", 2)])
def test_a_change_of_scope_shows_at_once_and_counts_after_a_minute(world, client, former, later, at_once):
    """sqs.md 3.11 (U12)"""
    queue = world.create_queue("s.fifo", fifo_queue=True, deduplication_scope=former)
    queue.set_attributes(deduplication_scope=later)
    assert queue.attributes()["DeduplicationScope"] == later

    def stored(deduplication_id):
        before = queue.counts.visible
        for group in "ab":
            send(client, queue, group=group, MessageDeduplicationId=deduplication_id)
        return queue.counts.visible - before

    assert stored("1") == at_once
    world.advance(59)
    world.advance(0.999_999_999)
    assert stored("2") == at_once
    world.advance(0.000_000_001)
    assert stored("3") == 3 - at_once


def test_after_a_change_of_scope_an_id_keeps_the_key_it_was_stored_under(world, client):
    """sqs.md 3.11 (U12)"""
    queue = world.create_queue("s.fifo", fifo_queue=True)
    send(client, queue, group="a", MessageDeduplicationId="1")
    queue.set_attributes(deduplication_scope="messageGroup")
    world.advance(60)
    send(client, queue, group="a", MessageDeduplicationId="1")
    assert queue.counts.visible == 2
