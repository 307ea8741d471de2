"""Bugs that writing the pages on FIFO queues, move tasks and the client of boto3's shape has found."""

from __future__ import annotations

import pytest

import minisqs

RETENTION = 345_600


def fifo_queue(world: minisqs.World, name: str, **attributes) -> minisqs.Queue:
    return world.create_queue(name, fifo_queue=True, content_based_deduplication=True, **attributes)


@pytest.mark.xfail(strict=True)
def test_a_message_in_a_fifo_dead_letter_queue_expires_when_the_period_since_its_move_ends():
    """sqs.md 9.5 and 4.6."""
    world = minisqs.World()
    bad = fifo_queue(world, "bad.fifo")
    orders = fifo_queue(world, "orders.fifo", redrive_policy=minisqs.RedrivePolicy(bad, 1))
    orders.send("order", message_group_id="ada")
    orders.receive()
    world.advance(30)
    orders.receive()
    world.advance(RETENTION - 0.000_000_001)
    assert len(bad.messages()) == 1
    world.advance(0.000_000_001)
    assert bad.messages() == []


@pytest.mark.xfail(strict=True)
def test_a_message_that_was_moved_at_the_instant_of_its_send_expires_in_the_dead_letter_queue():
    """sqs.md 9.5 and 4.6."""
    world = minisqs.World()
    bad = world.create_queue("bad")
    orders = world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(bad, 1))
    orders.send("order")
    orders.receive(visibility_timeout=0)
    orders.receive()
    assert len(bad.messages()) == 1
    world.advance(RETENTION)
    assert bad.messages() == []


@pytest.mark.xfail(strict=True)
def test_create_queue_names_the_scope_or_limit_in_which_an_existing_fifo_queue_differs():
    """sqs.md 14.5: the attributes that differ are compared, not applied one by one."""
    world = minisqs.World()
    fifo_queue(world, "plain.fifo")
    with pytest.raises(minisqs.errors.QueueNameExists, match="FifoThroughputLimit"):
        world.create_queue(
            "plain.fifo",
            fifo_queue=True,
            fifo_throughput_limit="perMessageGroupId",
            deduplication_scope="messageGroup",
        )
    fifo_queue(world, "fast.fifo", deduplication_scope="messageGroup", fifo_throughput_limit="perMessageGroupId")
    with pytest.raises(minisqs.errors.QueueNameExists, match="DeduplicationScope"):
        world.create_queue("fast.fifo", fifo_queue=True, deduplication_scope="queue")


@pytest.mark.xfail(strict=True)
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


@pytest.mark.xfail(strict=True)
def test_a_long_poll_that_finds_nothing_is_one_empty_receive():
    """sqs.md 15.4."""
    world = minisqs.World()
    queue = world.create_queue("orders")
    queue.receive(wait_time_seconds=20)
    assert queue.metrics["NumberOfEmptyReceives"] == 1


@pytest.mark.xfail(strict=True)
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


@pytest.mark.xfail(strict=True)
def test_the_journal_names_the_message_that_a_repeated_send_stood_for():
    """sqs.md 7.4: the answer is the first message's; the journal says another's."""
    world = minisqs.World()
    queue = fifo_queue(world, "orders.fifo")
    shop = minisqs.Producer(queue, name="shop")
    [first] = shop.send_batch([minisqs.SendMessage("order", message_group_id="ada")]).successful
    again = queue.send("order", message_group_id="ada")
    assert again.message_id == first.message_id
    assert world.journal[-1].message_id == first.message_id


@pytest.mark.xfail(strict=True)
def test_a_producer_sends_to_a_fifo_queue():
    world = minisqs.World()
    queue = fifo_queue(world, "orders.fifo")
    minisqs.Producer(queue).send("order", message_group_id="ada")


@pytest.mark.xfail(strict=True)
def test_the_destination_of_a_move_task_that_is_no_queue_is_a_usage_error():
    world = minisqs.World()
    bad = world.create_queue("bad")
    world.create_queue("orders", redrive_policy=minisqs.RedrivePolicy(bad, 1))
    with pytest.raises(minisqs.errors.UsageError):
        bad.start_message_move_task("orders")


@pytest.mark.xfail(strict=True)
def test_a_visibility_change_ends_the_repeatability_of_a_receive_also_if_it_sets_the_same_time():
    """sqs.md 7.12: a changed message makes the call a new receive."""
    client = minisqs.World().client()
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = client.create_queue(QueueName="orders.fifo", Attributes=attributes)["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="order", MessageGroupId="ada")
    [message] = client.receive_message(QueueUrl=url, ReceiveRequestAttemptId="1")["Messages"]
    client.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=30)
    assert "Messages" not in client.receive_message(QueueUrl=url, ReceiveRequestAttemptId="1")


@pytest.mark.xfail(strict=True)
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


@pytest.mark.xfail(strict=True)
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


@pytest.mark.xfail(strict=True)
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
