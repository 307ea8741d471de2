"""What readers of the code have broken: workers, errors and time at their edges, each as a plain test."""

from __future__ import annotations

import copy
import pickle
import threading
import time

import pytest

import minisqs
from minisqs.sim import kernel

STRAY_AT_ONCE = minisqs.Plan({("duplicate_after_delete", "main/1", 0): 1})


@pytest.fixture
def world():
    return minisqs.World()


@pytest.fixture
def queue(world):
    return world.create_queue("orders")


def fail(message):
    raise ValueError(message.body)


# ------------------------------------------------------------------------------------------------ consumers
def test_two_consumers_share_what_waits(world, queue):
    for number in range(100):
        queue.send(str(number))
    takers = []
    for name in ("a", "b"):
        minisqs.Consumer(queue, lambda message, name=name: takers.append(name)).start()
    world.advance(1)
    assert (takers.count("a"), takers.count("b")) == (50, 50)


def test_a_consumer_that_fails_at_once_on_what_comes_back_at_once_is_named_and_not_run_for_ever(world, monkeypatch):
    monkeypatch.setattr(kernel, "MOST_AT_ONCE", 1000)
    queue = world.create_queue("q", visibility_timeout=0)
    queue.send("a")
    minisqs.Consumer(queue, fail).start()
    with pytest.raises(minisqs.errors.NeverSettled, match="one nanosecond, the last by consumer-1 on q"):
        world.advance(1)
    with pytest.raises(minisqs.errors.NeverSettled):
        world.run_until_idle(max_events=500)


def test_a_consumer_stopped_and_started_by_its_function_leaves_the_message_at_work_alone(world, queue):
    seen = []

    def restart(message):
        seen.append(message.receive_count)
        if len(seen) == 1:
            consumer.stop()
            consumer.start()

    consumer = minisqs.Consumer(queue, restart, duration=1)
    consumer.start()
    queue.send("a")
    world.run_until_idle()
    assert seen == [1, 2]
    assert queue.messages() == []


def test_a_consumer_goes_on_when_a_quota_refuses_its_calls():
    world = minisqs.World(fifo_quotas=True)
    queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
    for number in range(400):
        queue.send(str(number), message_group_id=str(number))
        world.advance(0.01)
    consumer = minisqs.Consumer(queue, lambda message: None)
    consumer.start()
    world.run_until_idle()
    assert queue.messages() == []
    assert {type(failure.error) for failure in consumer.failures} <= {minisqs.errors.RequestThrottled}


def test_a_stopped_consumer_passes_its_wake_on(world, queue):
    at = []
    first = minisqs.Consumer(queue, lambda message: at.append("first"))
    second = minisqs.Consumer(queue, lambda message: at.append(world.clock.seconds))
    first.start()
    second.start()
    world.advance(1)
    queue.send("a")
    first.stop()
    world.advance(1)
    assert at == [1]


def test_a_name_that_would_break_a_line_is_refused(queue):
    with pytest.raises(minisqs.errors.UsageError, match="printable"):
        minisqs.Producer(queue, name="a\nb")


# --------------------------------------------------------------------------------------------------- errors
def test_an_error_goes_to_who_waits_for_it_and_not_to_who_lets_time_pass(world, queue):
    other = world.create_queue("other")

    def delete_it(message):
        world.delete_queue(queue)
        world.advance(1)

    other.send("go", delay_seconds=5)
    consumer = minisqs.Consumer(other, delete_it)
    consumer.start()
    with pytest.raises(minisqs.errors.QueueDoesNotExist):
        queue.receive(wait_time_seconds=20)
    world.run_until_idle()
    assert consumer.failures == []


def test_a_poll_that_is_broken_off_takes_no_message_later(world, queue):
    other = world.create_queue("other")

    def interrupt(message):
        raise KeyboardInterrupt

    other.send("go", delay_seconds=5)
    minisqs.Consumer(other, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        queue.receive(wait_time_seconds=20)
    queue.send("a")
    world.advance(1)
    assert queue.counts == (1, 0, 0)


def test_a_failed_entry_says_which_action_refused_it(queue):
    [failure] = queue.send_batch(["good", "bad \x00"]).failed
    assert str(failure.error).startswith("An error occurred (InvalidMessageContents) when calling the SendMessageBatch")


def test_objects_of_another_world_are_refused(world, queue):
    elsewhere = minisqs.World().create_queue("orders")
    with pytest.raises(minisqs.errors.UsageError, match="another world"):
        world.delete_queue(elsewhere)
    with pytest.raises(minisqs.errors.UsageError, match="another world"):
        world.create_queue("new", redrive_policy=minisqs.RedrivePolicy(elsewhere, 1))
    with pytest.raises(minisqs.errors.UsageError, match="another world"):
        queue.start_message_move_task(elsewhere)
    assert world.queues() == [queue]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_world_is_not_copied_but_made_again(world, copied):
    with pytest.raises(minisqs.errors.UsageError, match="the same seed"):
        copied(world)


def test_public_objects_are_shown_the_same_in_every_run(world, queue):
    policy = minisqs.RedrivePolicy(queue, 1)
    world.create_queue("source", redrive_policy=policy)
    task = queue.start_message_move_task()
    shown = [world, world.clock, world.journal, world.client(), queue, queue.metrics, task, minisqs.Plan({})]
    assert not [repr(one) for one in shown if " at 0x" in repr(one)]
    metrics = queue.metrics
    world.delete_queue(queue)
    assert repr(metrics) == "<metrics of a queue that is gone>"


# ------------------------------------------------------------------------------------------------------ time
def test_time_has_an_end_that_is_told(world, queue):
    with pytest.raises(minisqs.errors.UsageError, match="2116"):
        world.advance(1e12)
    minisqs.Consumer(queue, lambda message: None, duration=1e10).start()
    queue.send("a")
    with pytest.raises(minisqs.errors.UsageError, match="2116"):
        world.run_until_idle()
    assert queue.counts.in_flight == 1


def test_what_comes_back_in_the_middle_of_a_batch_is_told():
    world = minisqs.World(faults=STRAY_AT_ONCE)
    queue = world.create_queue("q")
    queue.send_batch(["a", "b"])
    queue.delete_batch(queue.receive(10))
    told = [
        entry.message for entry in world.journal if entry.action == "shown again by a server that missed the delete"
    ]
    assert told == ["main/1"]


def test_many_who_wait_and_many_sends_at_one_instant_make_few_events(world, queue):
    for _ in range(300):
        minisqs.Consumer(queue, lambda message: None, max_number_of_messages=1).start()
    world.advance(1)
    for number in range(300):
        queue.send(str(number))
    assert len(world.sqs.kernel._heap) < 1000


def test_messages_that_expire_unseen_leave_nothing_behind(world):
    for name, attributes in (("q", {}), ("q.fifo", {"fifo_queue": True, "content_based_deduplication": True})):
        queue = world.create_queue(name, message_retention_period=60, **attributes)
        for number in range(200):
            queue.send(str(number), **({"message_group_id": str(number)} if attributes else {}))
        world.advance(60)
        ordering = queue._engine._ordering
        assert len(ordering._ready if attributes else ordering._fresh) == 0


# --------------------------------------------------------------------------------------------------- threads
def test_a_queue_deleted_by_another_thread_ends_a_poll_at_once(world, queue):
    errors = []

    def poll():
        try:
            queue.receive(wait_time_seconds=20)
        except minisqs.errors.QueueDoesNotExist as error:
            errors.append(error)

    began = time.monotonic()
    thread = threading.Thread(target=poll)
    thread.start()
    while not world.sqs._waiting:
        time.sleep(0.01)
    world.delete_queue(queue)
    thread.join(10)
    assert len(errors) == 1
    assert time.monotonic() - began < 5


def test_a_move_task_may_be_started_while_another_thread_polls(world, queue):
    world.create_queue("source", redrive_policy=minisqs.RedrivePolicy(queue, 1))
    queue.send("a")
    target = world.create_queue("target")
    got = []
    thread = threading.Thread(target=lambda: got.extend(target.receive(wait_time_seconds=20)))
    thread.start()
    while not world.sqs._waiting:
        time.sleep(0.01)
    assert queue.start_message_move_task(target).status == "COMPLETED"
    thread.join(10)
    assert [message.body for message in got] == ["a"]
