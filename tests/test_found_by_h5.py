"""What the conformance tests of FIFO queues and of the 23 actions have found; each is a bug until its mark goes."""

from __future__ import annotations

import base64

import pytest

import minisqs


@pytest.fixture
def world():
    return minisqs.World()


@pytest.fixture
def client(world):
    return world.client()


def moved_at_once(world, suffix="", **attributes):
    """A dead-letter queue with a retention of 60 seconds, and in it a message that was moved when it was sent."""
    dead = world.create_queue(f"dead{suffix}", message_retention_period=60, **attributes)
    policy = minisqs.RedrivePolicy(dead, 1)
    source = world.create_queue(f"source{suffix}", redrive_policy=policy, **attributes)
    source.send("poison", **({"message_group_id": "g", "message_deduplication_id": "1"} if suffix else {}))
    source.receive(visibility_timeout=0)
    assert source.receive() == []
    assert dead.counts.visible == 1
    return dead


@pytest.mark.xfail(strict=True, reason="Retention.oldest passes over moved messages whose age began at the move")
def test_a_message_in_a_fifo_dead_letter_queue_expires_a_retention_period_after_its_move(world):
    """sqs.md 9.5"""
    dead = moved_at_once(world, ".fifo", fifo_queue=True)
    world.advance(60)
    assert dead.counts.visible == 0


@pytest.mark.xfail(strict=True, reason="Retention.oldest passes over moved messages whose age began at the move")
def test_a_message_that_was_moved_in_the_instant_of_its_send_expires(world):
    """sqs.md 4.6, 9.5"""
    dead = moved_at_once(world)
    world.advance(60)
    assert dead.counts.visible == 0


@pytest.mark.xfail(strict=True, reason="a single attribute is checked against the present ones before it is compared")
@pytest.mark.parametrize(
    ("present", "given", "differing"),
    [
        ({}, ("FifoThroughputLimit", "DeduplicationScope"), "FifoThroughputLimit"),
        ({"FifoThroughputLimit": "perMessageGroupId"}, ("DeduplicationScope",), "DeduplicationScope"),
    ],
)
def test_create_queue_names_a_differing_attribute_that_alone_would_be_refused(client, present, given, differing):
    """sqs.md 14.5"""
    fifo = {"FifoQueue": "true"}
    scope = {"DeduplicationScope": "messageGroup"} if present else {}
    client.create_queue(QueueName="q.fifo", Attributes=fifo | scope | present)
    values = {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "queue" if present else "messageGroup"}
    with pytest.raises(minisqs.errors.QueueNameExists, match=f"different value for attribute {differing}$"):
        client.create_queue(QueueName="q.fifo", Attributes={**{name: values[name] for name in given}, **fifo})


@pytest.mark.xfail(strict=True, reason="an attempt is compared by its deadline, which a change can leave as it was")
def test_a_receive_is_not_repeated_after_a_visibility_change_to_the_same_deadline(world, client):
    """sqs.md 7.12"""
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=30)
    queue.send("a", message_group_id="g")
    [message] = client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="attempt")["Messages"]
    world.advance(10)
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=20)
    assert "Messages" not in client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="attempt")


@pytest.mark.xfail(strict=True, reason="the former scope is taken from the attribute, not from the rule in force")
def test_a_second_scope_change_within_a_minute_leaves_the_rule_that_was_in_force(world):
    """sqs.md 3.11 (U12)"""
    queue = world.create_queue("q.fifo", fifo_queue=True)
    queue.set_attributes(deduplication_scope="messageGroup")
    world.advance(10)
    queue.set_attributes(deduplication_scope="queue")
    for group in "ab":
        queue.send("x", message_group_id=group, message_deduplication_id="same")
    assert queue.counts.visible == 1  # the scope has been the queue's all the time


DEEP = base64.b64encode(b"[" * 200_000).decode()


@pytest.mark.xfail(strict=True, raises=RecursionError, reason="json.loads raises RecursionError on deep nesting")
@pytest.mark.parametrize(
    ("method", "parameters"), [("cancel_message_move_task", {"TaskHandle": DEEP}), ("list_queues", {"NextToken": DEEP})]
)
def test_a_deeply_nested_handle_or_token_is_refused(client, method, parameters):
    """sqs.md 10.5, 14.14"""
    with pytest.raises(minisqs.errors.InvalidParameterValue):
        getattr(client, method)(**parameters)


@pytest.mark.xfail(strict=True, raises=UnicodeEncodeError, reason="the label of a data type is not checked")
def test_a_lone_surrogate_in_the_label_of_a_data_type_is_refused_and_stores_nothing(world, client):
    """sqs.md 11.5"""
    queue = world.create_queue("q")
    attributes = {"a": {"DataType": "String.\ud800", "StringValue": "x"}}
    with pytest.raises(minisqs.errors.InvalidParameterValue):
        client.send_message(QueueUrl=queue.url, MessageBody="m", MessageAttributes=attributes)
    assert queue.counts.visible == 0


@pytest.mark.xfail(strict=True, reason="message_bytes counts text and bytes, not a bytearray")
def test_the_bytes_of_a_bytearray_count(world, client):
    """sqs.md 11.2"""
    queue = world.create_queue("q")
    attributes = {"a": {"DataType": "Binary", "BinaryValue": bytearray(2_000_000)}}
    with pytest.raises(minisqs.errors.InvalidParameterValue, match="Message must be shorter than 1048576 bytes"):
        client.send_message(QueueUrl=queue.url, MessageBody="m", MessageAttributes=attributes)


@pytest.mark.xfail(strict=True, reason="text in BinaryValue is read as base64 in the client too; boto3 encodes it")
def test_text_as_a_binary_value_is_encoded_as_boto3_does(world, client):
    """sqs.md 11.9"""
    queue = world.create_queue("q")
    sent = [
        client.send_message(
            QueueUrl=queue.url,
            MessageBody="m",
            MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": value}},
        )["MD5OfMessageAttributes"]
        for value in (b"abcd", "abcd")
    ]
    assert sent[0] == sent[1]


@pytest.mark.xfail(strict=True, raises=ValueError, reason="Python refuses to print a whole number so long")
def test_a_number_too_long_to_print_is_refused(world, client):
    """sqs.md 14.16"""
    queue = world.create_queue("q")
    with pytest.raises(minisqs.errors.SqsError):
        client.receive_message(QueueUrl=queue.url, VisibilityTimeout=10**5000)


@pytest.mark.xfail(strict=True, reason="the statements are counted after the label is looked for")
def test_add_permission_counts_the_statements_before_it_looks_for_the_label(world, client):
    """sqs.md 13.4, 21 (20)"""
    url = world.create_queue("q").url
    given = {"QueueUrl": url, "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    for number in range(20):
        client.add_permission(Label=f"label-{number}", **given)
    with pytest.raises(minisqs.errors.OverLimit, match="21 Statements were found, maximum allowed is 20"):
        client.add_permission(Label="label-0", **given)


@pytest.mark.xfail(strict=True, reason="tasks are listed by ARN, and the new queue has the old one's")
def test_a_queue_made_anew_under_an_old_name_has_had_no_move_task(world, client):
    """sqs.md 10.4, 21 (21)"""
    dead = world.create_queue("dead")
    world.create_queue("source", redrive_policy=minisqs.RedrivePolicy(dead, 1))
    client.start_message_move_task(SourceArn=dead.arn)
    world.delete_queue(dead)
    world.advance(60)
    world.create_queue("dead")
    assert client.list_message_move_tasks(SourceArn=dead.arn)["Results"] == []


@pytest.mark.xfail(strict=True, reason="the paginator asks for pages of 1,000 where boto3's asks for none")
def test_a_paginator_without_page_size_gives_one_page_of_at_most_1000(world, client):
    """sqs.md 14.14"""
    for number in range(1001):
        world.create_queue(f"q{number}")
    pages = client.get_paginator("list_queues").paginate()
    assert [len(page["QueueUrls"]) for page in pages] == [1000]


@pytest.mark.xfail(strict=True, raises=AttributeError, reason="paginate gives a generator")
def test_the_pages_of_a_paginator_have_boto3s_build_full_result_and_search(world, client):
    """sqs.md 14.14"""
    world.create_queue("q")
    pages = client.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1})
    assert pages.build_full_result()["QueueUrls"] == [world.queue("q").url]


@pytest.mark.xfail(strict=True, reason="a batch without the parameter Entries is taken for one with an empty list")
@pytest.mark.parametrize("method", ["send_message_batch", "delete_message_batch", "change_message_visibility_batch"])
def test_a_batch_without_entries_lacks_a_required_parameter(world, client, method):
    """sqs.md 21 (15)"""
    url = world.create_queue("q").url
    with pytest.raises(minisqs.errors.MissingParameter, match="must contain the parameter Entries"):
        getattr(client, method)(QueueUrl=url)


@pytest.mark.xfail(strict=True, reason="each look of a long poll is counted as a call")
def test_a_long_poll_is_one_call(world):
    """sqs.md 16.2"""
    world = minisqs.World(fifo_quotas=True)
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True, delay_seconds=1)
    queue.send("a", message_group_id="g")
    world.advance(0.5)
    for _ in range(299):
        assert queue.receive() == []
    # The 300th call waits from 0.5 s to 1 s; the rest of the second there has 300 calls of its own.
    assert len(queue.receive(wait_time_seconds=1)) == 1
    for _ in range(300):
        queue.receive()


@pytest.mark.xfail(strict=True, reason="each look of a long poll that finds nothing is counted as an empty receive")
@pytest.mark.parametrize(("delay", "empty"), [(5, 0), (30, 1)])
def test_a_long_poll_is_one_empty_receive_at_most(world, delay, empty):
    """sqs.md 15.4"""
    queue = world.create_queue("q")
    queue.send("a", delay_seconds=delay)
    assert len(queue.receive(wait_time_seconds=20)) == 1 - empty
    assert queue.metrics["NumberOfEmptyReceives"] == empty
