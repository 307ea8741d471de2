"""What properties, models, pages and readers have found, each as a plain test that a newcomer can read."""

from __future__ import annotations

import base64
import json

import pytest

import minisqs
from minisqs import SendMessage

RETENTION = 345_600


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


def test_a_message_in_a_fifo_dead_letter_queue_expires_a_retention_period_after_its_move(world):
    """sqs.md 9.5"""
    dead = moved_at_once(world, ".fifo", fifo_queue=True)
    world.advance(60)
    assert dead.counts.visible == 0


def test_a_message_that_was_moved_in_the_instant_of_its_send_expires(world):
    """sqs.md 4.6, 9.5"""
    dead = moved_at_once(world)
    world.advance(60)
    assert dead.counts.visible == 0


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


def test_a_receive_is_not_repeated_after_a_visibility_change_to_the_same_deadline(world, client):
    """sqs.md 7.12"""
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True, visibility_timeout=30)
    queue.send("a", message_group_id="g")
    [message] = client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="attempt")["Messages"]
    world.advance(10)
    client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=20)
    assert "Messages" not in client.receive_message(QueueUrl=queue.url, ReceiveRequestAttemptId="attempt")


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


@pytest.mark.parametrize(
    ("method", "parameters"), [("cancel_message_move_task", {"TaskHandle": DEEP}), ("list_queues", {"NextToken": DEEP})]
)
def test_a_deeply_nested_handle_or_token_is_refused(client, method, parameters):
    """sqs.md 10.5, 14.14"""
    with pytest.raises(minisqs.errors.InvalidParameterValue):
        getattr(client, method)(**parameters)


def test_a_lone_surrogate_in_the_label_of_a_data_type_is_refused_and_stores_nothing(world, client):
    """sqs.md 11.5"""
    queue = world.create_queue("q")
    attributes = {"a": {"DataType": "String.\ud800", "StringValue": "x"}}
    with pytest.raises(minisqs.errors.InvalidParameterValue):
        client.send_message(QueueUrl=queue.url, MessageBody="m", MessageAttributes=attributes)
    assert queue.counts.visible == 0


def test_the_bytes_of_a_bytearray_count(world, client):
    """sqs.md 11.2"""
    queue = world.create_queue("q")
    attributes = {"a": {"DataType": "Binary", "BinaryValue": bytearray(2_000_000)}}
    with pytest.raises(minisqs.errors.InvalidParameterValue, match="Message must be shorter than 1048576 bytes"):
        client.send_message(QueueUrl=queue.url, MessageBody="m", MessageAttributes=attributes)


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


def test_a_number_too_long_to_print_is_refused(world, client):
    """sqs.md 14.16"""
    queue = world.create_queue("q")
    with pytest.raises(minisqs.errors.SqsError):
        client.receive_message(QueueUrl=queue.url, VisibilityTimeout=10**5000)


def test_add_permission_counts_the_statements_before_it_looks_for_the_label(world, client):
    """sqs.md 13.4, 21 (20)"""
    url = world.create_queue("q").url
    given = {"QueueUrl": url, "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    for number in range(20):
        client.add_permission(Label=f"label-{number}", **given)
    with pytest.raises(minisqs.errors.OverLimit, match="21 Statements were found, maximum allowed is 20"):
        client.add_permission(Label="label-0", **given)


def test_a_queue_made_anew_under_an_old_name_has_had_no_move_task(world, client):
    """sqs.md 10.4, 21 (21)"""
    dead = world.create_queue("dead")
    world.create_queue("source", redrive_policy=minisqs.RedrivePolicy(dead, 1))
    client.start_message_move_task(SourceArn=dead.arn)
    world.delete_queue(dead)
    world.advance(60)
    world.create_queue("dead")
    assert client.list_message_move_tasks(SourceArn=dead.arn)["Results"] == []


def test_a_paginator_without_page_size_gives_one_page_of_at_most_1000(world, client):
    """sqs.md 14.14"""
    for number in range(1001):
        world.create_queue(f"q{number}")
    pages = client.get_paginator("list_queues").paginate()
    assert [len(page["QueueUrls"]) for page in pages] == [1000]


def test_the_pages_of_a_paginator_have_boto3s_build_full_result_and_search(world, client):
    """sqs.md 14.14"""
    world.create_queue("q")
    pages = client.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1})
    assert pages.build_full_result()["QueueUrls"] == [world.queue("q").url]


@pytest.mark.parametrize("method", ["send_message_batch", "delete_message_batch", "change_message_visibility_batch"])
def test_a_batch_without_entries_lacks_a_required_parameter(world, client, method):
    """sqs.md 21 (15)"""
    url = world.create_queue("q").url
    with pytest.raises(minisqs.errors.MissingParameter, match="must contain the parameter Entries"):
        getattr(client, method)(QueueUrl=url)


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


@pytest.mark.parametrize(("delay", "empty"), [(5, 0), (30, 1)])
def test_a_long_poll_is_one_empty_receive_at_most(world, delay, empty):
    """sqs.md 15.4"""
    queue = world.create_queue("q")
    queue.send("a", delay_seconds=delay)
    assert len(queue.receive(wait_time_seconds=20)) == 1 - empty
    assert queue.metrics["NumberOfEmptyReceives"] == empty


def test_journal_of_a_repeated_send_names_the_message_that_the_answer_names() -> None:
    world = minisqs.World()
    queue = world.create_queue("orders.fifo", fifo_queue=True)
    one = SendMessage("order", message_group_id="g", message_deduplication_id="1")
    [first] = minisqs.Producer(queue, name="first").send_batch([one]).successful
    [repeat] = minisqs.Producer(queue, name="second").send_batch([one]).successful
    assert repeat.message_id == first.message_id
    assert world.journal[-1].message_id == first.message_id


def test_stale_deadlines_are_cleaned_up_when_a_message_is_hidden_again_and_again() -> None:
    world = minisqs.World()
    queue = world.create_queue("orders")
    queue.send("order")
    [message] = queue.receive()
    for seconds in range(600, 1_200):
        message.change_visibility(seconds)
    world.check_invariants()


def test_noisy_tenant_is_quiet_again_once_drained_though_it_sends_before_the_next_receive() -> None:
    queue = minisqs.World().create_queue("orders")
    for number in range(41):
        queue.send(f"loud {number}", message_group_id="loud")
    received = [message for _ in range(5) for message in queue.receive(10)]
    for message in received:
        message.delete()
    queue.send("loud again", message_group_id="loud")
    queue.send("quiet", message_group_id="ann")
    assert [message.body for message in queue.receive(10)] == ["loud again", "quiet"]


def test_agenda_has_few_entries_for_a_queue_whose_messages_expire_one_after_the_other() -> None:
    world = minisqs.World()
    queue = world.create_queue("orders", message_retention_period=3_600)
    for _ in range(300):
        queue.send("order")
        world.advance(1)
    world.advance(3_450)
    assert 0 < queue.counts.visible < 300
    assert len(world.sqs.service._expiries._heap) < 10


def test_move_task_moves_the_oldest_message_first_from_a_fair_queue() -> None:
    world = minisqs.World()
    dead, target = world.create_queue("dead"), world.create_queue("target")
    world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(dead, max_receive_count=1))
    for number in range(41):
        dead.send(f"loud {number}", message_group_id="loud")
    for _ in range(4):
        dead.receive(10)
    dead.send("quiet", message_group_id="ann")
    dead.start_message_move_task(target)
    assert [view.body for view in target.messages()] == ["loud 40", "quiet"]


def test_move_task_moves_the_oldest_message_first_from_a_fifo_queue() -> None:
    world = minisqs.World()
    dead = world.create_queue("dead.fifo", fifo_queue=True)
    target = world.create_queue("target.fifo", fifo_queue=True)
    policy = minisqs.RedrivePolicy(dead, max_receive_count=1)
    world.create_queue("orders.fifo", fifo_queue=True, redrive_policy=policy)
    for body in ("a1", "b2"):
        dead.send(body, message_group_id=body[0], message_deduplication_id=body)
    dead.receive(visibility_timeout=5)
    world.advance(5)
    dead.start_message_move_task(target)
    assert [view.body for view in target.messages()] == ["a1", "b2"]


def fifo_queue(world: minisqs.World, name: str, **attributes) -> minisqs.Queue:
    return world.create_queue(name, fifo_queue=True, content_based_deduplication=True, **attributes)


def test_a_consumer_survives_that_a_receipt_handle_of_a_fifo_queue_expires_under_its_work():
    """sqs.md 5.5: the delete is refused; the message comes again, and the clock goes on."""
    world = minisqs.World()
    queue = fifo_queue(world, "orders.fifo", visibility_timeout=30)
    queue.send("order", message_group_id="ada")
    durations = iter([31, 1])
    consumer = minisqs.Consumer(queue, lambda message: None, duration=lambda message: next(durations))
    consumer.start()
    world.run_until_idle()
    assert queue.messages() == []


def test_a_long_poll_counts_once_against_the_quota_however_often_it_looks():
    """sqs.md 16.2."""
    world = minisqs.World(fifo_quotas=True)
    queue = fifo_queue(world, "orders.fifo")
    queue.send("head", message_group_id="ada")
    queue.receive()
    minisqs.Consumer(queue, lambda message: None).start()
    for number in range(200):
        queue.send(f"behind it {number}", message_group_id="ada")
        world.advance(0)
    for _ in range(298):  # with the receive of the head and the consumer's poll that makes 300
        queue.receive()


def test_a_producer_sends_to_a_fifo_queue():
    world = minisqs.World()
    queue = fifo_queue(world, "orders.fifo")
    minisqs.Producer(queue).send("order", message_group_id="ada")


def test_the_destination_of_a_move_task_that_is_no_queue_is_a_usage_error():
    world = minisqs.World()
    bad = world.create_queue("bad")
    world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(bad, 1))
    with pytest.raises(minisqs.errors.UsageError):
        bad.start_message_move_task("orders")


def test_the_journal_names_the_queue_of_a_move_task_and_what_each_message_became():
    world = minisqs.World()
    bad = world.create_queue("bad")
    orders = world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(bad, 1))
    bad.send("order")
    bad.start_message_move_task(orders)
    world.advance(0)
    start, move = world.journal[-2:]
    assert start.queue == "bad"  # its whole ARN so far
    assert move.queue == "bad"  # as at a move to a dead-letter queue; so far it is where the message went
    assert "now in orders" in move.cause


def test_a_reply_of_a_fair_queue_with_faults_holds_a_message_once():
    """sqs.md 6.6: a noisy tenant's message that was hidden and shown again while set aside is listed twice."""
    some_plan = minisqs.Plan({("reorder", "nobody/1", 0): 1})
    world = minisqs.World(faults=some_plan)
    queue = world.create_queue("jobs", visibility_timeout=43_200)
    for _ in range(5):
        queue.send_batch([minisqs.SendMessage("job", message_group_id="noisy")] * 10)
    held = [message for _ in range(5) for message in queue.receive(10, visibility_timeout=1)]
    world.advance(1)
    for _ in range(3):
        queue.receive(10)
    queue.receive()  # the tenant is noisy now, and the rest of its messages set aside
    held[45].change_visibility(5)
    world.advance(5)
    for _ in range(6):
        queue.receive()
    reply = queue.receive(10)
    assert len({message.message_id for message in reply}) == len(reply)
    world.check_invariants()


def test_the_journal_does_not_go_back_in_time_when_a_message_is_too_old_for_its_dead_letter_queue():
    """sqs.md 9.5: it expires when it arrives, not before it did."""
    world = minisqs.World()
    bad = world.create_queue("bad", message_retention_period=60)
    orders = world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(bad, 1))
    orders.send("order")
    orders.receive()
    world.advance(100)
    orders.receive()
    assert bad.messages() == []
    world.advance(0)
    times = [entry.time_ns for entry in world.journal]
    assert times == sorted(times)
    assert "retention period ended" in [entry.action for entry in world.journal]


@pytest.mark.parametrize("surplus", ["=", "==", "===="])
def test_a_handle_with_more_padding_than_it_was_given_is_not_a_handle(world, client, surplus):
    """sqs.md 5.1"""
    queue = world.create_queue("q")
    queue.send("a")
    [message] = queue.receive()
    with pytest.raises(minisqs.errors.ReceiptHandleIsInvalid):
        client.delete_message(QueueUrl=queue.url, ReceiptHandle=message.receipt_handle + surplus)
    assert queue.counts.in_flight == 1


def test_messages_shown_by_one_batch_take_their_turns_by_sequence(world):
    """sqs.md 7.9: a batch is one call."""
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    queue.send("a1", message_group_id="a")
    queue.send("b1", message_group_id="b")
    a1, b1 = queue.receive(10)
    queue.change_visibility_batch([b1, a1], 0)
    assert [message.body for message in queue.receive(10)] == ["a1", "b1"]


def test_create_queue_finds_a_queue_by_an_attribute_that_stands_only_beside_its_others(client):
    """sqs.md 14.5: the attributes given are compared with the present values."""
    high = {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}
    url = client.create_queue(QueueName="q.fifo", Attributes={**high, "DeduplicationScope": "messageGroup"})["QueueUrl"]
    assert client.create_queue(QueueName="q.fifo", Attributes=high)["QueueUrl"] == url


def test_create_queue_finds_a_queue_whose_dead_letter_queue_is_gone(world, client):
    """sqs.md 9.6, 14.5"""
    dead = world.create_queue("dead")
    policy = {"RedrivePolicy": minisqs.RedrivePolicy(dead, 3).text()}
    url = client.create_queue(QueueName="q", Attributes=policy)["QueueUrl"]
    world.delete_queue(dead)
    assert client.create_queue(QueueName="q", Attributes=policy)["QueueUrl"] == url


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("Action", ["SQS:SendMessage"] * 8),
        ("Principal", {"AWS": [f"{number:012d}" for number in range(51)]}),
        ("Condition", {f"StringEquals{number}": {} for number in range(11)}),
    ],
)
def test_a_policy_has_no_more_of_anything_than_aws_takes(client, member, value):
    """sqs.md 13.5"""
    url = client.create_queue(QueueName="q")["QueueUrl"]
    statement = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "SQS:*", "Resource": "*", member: value}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with pytest.raises(minisqs.errors.InvalidAttributeValue, match=r"Invalid value for the parameter Policy\."):
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def test_consumers_that_find_a_blocked_fifo_queue_do_not_wake_each_other_for_ever() -> None:
    """In a world with faults each look at a queue woke the others who waited there, whether it had changed anything or not."""
    world = minisqs.World(faults=minisqs.Faults(reorder=0.5))
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    taken: list[str] = []
    for _ in range(3):
        consumer = minisqs.Consumer(
            queue, lambda message: taken.append(message.body), max_number_of_messages=1, duration=5
        )
        consumer.start()
    queue.send_batch([minisqs.SendMessage(body, message_group_id="A") for body in ("a", "b")])
    world.run_until_idle(max_events=1000)
    assert taken == ["a", "b"]
