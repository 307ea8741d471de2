"""Calls of workers that fail, answers that are lost, counters that are old: what each does to SQS and to the caller."""

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan, Producer, SendMessage, World, errors

SECOND = 1_000_000_000


def planned(*choices, name="orders", **attributes):
    """A world in which just these go wrong, and its queue."""
    world = World(faults=Plan({tuple(address): answer for *address, answer in choices}))
    return world, world.create_queue(name, **attributes)


def told(world):
    """What the journal says went wrong."""
    return [
        (entry.action, entry.message, entry.caller, entry.cause) for entry in world.journal if "fault" in entry.action
    ]


# ------------------------------------------------------------------------------------------------ api_error
def test_a_call_that_meets_an_internal_error_has_done_nothing():
    world, queue = planned(("api_error", "main", 0, 1))
    with pytest.raises(errors.InternalFailure) as caught:
        queue.send("a")
    assert queue.counts == (0, 0, 0)
    assert caught.value.operation_name == "SendMessage"
    assert caught.value.request_id
    assert queue.send("a").message_id == World().create_queue("orders").send("a").message_id
    assert told(world) == [("fault: api_error", "", "main", "SQS answers with an internal error, and has done nothing")]
    world.check_replayed()


def test_boto3s_client_sees_an_internal_error_as_a_client_error_of_status_500():
    world, queue = planned(("api_error", "main", 0, 1))
    client = world.client()
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.send_message(QueueUrl=queue.url, MessageBody="a")
    response = caught.value.response
    assert response["Error"]["Code"] == "InternalFailure"
    assert response["Error"]["Type"] == "Receiver"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert not hasattr(client.exceptions, "InternalFailure")


CALLS = {
    "send": lambda queue, message: queue.send("b"),
    "send_batch": lambda queue, message: queue.send_batch(["b", "c"]),
    "receive": lambda queue, message: queue.receive(),
    "delete": lambda queue, message: message.delete(),
    "delete_by_handle": lambda queue, message: queue.delete(message.receipt_handle),
    "delete_batch": lambda queue, message: queue.delete_batch([message]),
    "change_visibility": lambda queue, message: message.change_visibility(5),
    "change_visibility_batch": lambda queue, message: queue.change_visibility_batch([message], 5),
    "attributes": lambda queue, message: queue.attributes(),
    "url": lambda queue, message: queue._port.get_queue_url("orders"),
}
OF_A_MESSAGE = {"delete", "delete_by_handle", "delete_batch", "change_visibility", "change_visibility_batch"}


def address(question, call):
    """The address of a call that two sends and a receive of the first message have come before."""
    before = 0 if question == "api_error" else 1
    if call in OF_A_MESSAGE:
        return question, "main/1", before
    if (question, call) == ("lost_answer", "receive"):
        return question, "main/2", 0
    return question, "main", 3 - before


def in_flight(question, call):
    """A world with a message in flight and another in the queue; the call of that name is to meet the question."""
    world, queue = planned((*address(question, call), 1))
    queue.send("a")
    queue.send("b")
    [message] = queue.receive()
    return world, queue, message


def state(world):
    [queue] = world.sqs.service.queues()
    return [(m.address, m.state.name, m.receive_count, m.deadline_ns) for m in queue.messages.values()]


@pytest.mark.parametrize("call", CALLS)
def test_whatever_call_fails_leaves_the_queue_as_it_was(call):
    world, queue, message = in_flight("api_error", call)
    before = state(world)
    with pytest.raises(errors.InternalFailure):
        CALLS[call](queue, message)
    assert state(world) == before
    world.check_replayed()
    world.check_invariants()


@pytest.mark.parametrize("call", CALLS)
def test_whatever_answer_is_lost_the_call_was_done(call):
    world, queue, message = in_flight("lost_answer", call)
    twin_world = World()
    twin_queue = twin_world.create_queue("orders")
    twin_queue.send("a")
    twin_queue.send("b")
    [twin_message] = twin_queue.receive()
    CALLS[call](twin_queue, twin_message)
    with pytest.raises(errors.ConnectionLost):
        CALLS[call](queue, message)
    assert state(world) == state(twin_world)
    world.check_replayed()
    world.check_invariants()


@pytest.mark.parametrize("call", ["create", "set", "tag", "purge", "delete"])
def test_making_and_changing_queues_never_fails(call):
    world = World(faults=Faults(api_error=1, lost_answer=1))
    queue = world.create_queue("orders")
    {
        "create": lambda: world.create_queue("others"),
        "set": lambda: queue.set_attributes(visibility_timeout=5),
        "tag": lambda: queue.tags,
        "purge": queue.purge,
        "delete": lambda: world.delete_queue(queue),
    }[call]()


def test_a_rate_of_1_fails_every_call_and_a_rate_of_0_none():
    with pytest.raises(errors.InternalFailure):
        World(faults=Faults(api_error=1)).create_queue("q").send("a")
    with pytest.raises(errors.ConnectionLost):
        World(faults=Faults(lost_answer=1)).create_queue("q").send("a")
    World(faults=Faults(reorder=1)).create_queue("q").send("a")


# ---------------------------------------------------------------------------------------------- lost_answer
def test_a_lost_connection_is_an_error_of_the_connection_and_of_minisqs():
    assert issubclass(errors.ConnectionLost, ConnectionError)
    assert issubclass(errors.ConnectionLost, errors.MinisqsError)


def test_a_send_that_is_tried_again_is_a_second_message_with_another_id():
    """sqs.md 11"""
    world, queue = planned(("lost_answer", "main", 0, 1))
    with pytest.raises(ConnectionError):
        queue.send("a")
    queue.send("a")
    ids = [message.message_id for message in queue.receive(10)]
    assert len(ids) == len(set(ids)) == 2
    world.check_invariants()


def test_on_fifo_with_deduplication_it_is_the_same_message():
    """sqs.md 8"""
    _, queue = planned(
        ("lost_answer", "main", 0, 1), name="orders.fifo", fifo_queue=True, content_based_deduplication=True
    )
    with pytest.raises(errors.ConnectionLost):
        queue.send("a", message_group_id="g")
    queue.send("a", message_group_id="g")
    assert queue.counts == (1, 0, 0)


def test_a_lost_receive_hides_its_messages_for_a_timeout_and_counts():
    world, queue = planned(("lost_answer", "main/1", 0, 1))
    queue.send_batch(["a", "b"])
    with pytest.raises(errors.ConnectionLost):
        queue.receive(10)
    assert queue.counts == (0, 2, 0)
    world.sqs.kernel.run_until(world.clock.now_ns + 30 * SECOND - 1)
    assert queue.receive(10) == []
    world.sqs.kernel.run_until(world.clock.now_ns + 1)
    assert [message.receive_count for message in queue.receive(10)] == [2, 2]


def test_a_receive_that_finds_nothing_is_not_worth_losing():
    world = World(faults=Faults(lost_answer=1))
    assert world.create_queue("orders").receive() == []
    assert world.choices == {}


def test_a_long_poll_may_be_lost_when_it_has_found_something():
    world, queue = planned(("lost_answer", "main/1", 0, 1))
    queue.send("a", delay_seconds=5)
    with pytest.raises(errors.ConnectionLost):
        queue.receive(wait_time_seconds=20)
    assert (world.clock.seconds, queue.counts) == (5, (0, 1, 0))


# -------------------------------------------------------------------------------------------------- partial
def test_some_entries_of_a_batch_fail_and_the_others_do_not():
    world, queue = planned(("partial", "main", 1, 1))
    result = queue.send_batch(["a", "b", "c"])
    assert [failure.index for failure in result.failed] == [1]
    assert isinstance(result.failed[0].error, errors.InternalFailure)
    assert [message.body for message in queue.receive(10)] == ["a", "c"]
    world.check_replayed()


def test_all_entries_may_fail():
    _, queue = planned(("partial", "main", 0, 1), ("partial", "main", 1, 1))
    result = queue.send_batch(["a", "b"])
    assert (result.successful, [failure.index for failure in result.failed]) == ([], [0, 1])
    assert queue.counts == (0, 0, 0)


def test_entries_that_sqs_fails_and_those_that_it_refuses_are_told_in_order():
    _, queue = planned(("partial", "main", 2, 1))
    result = queue.send_batch([SendMessage("a", delay_seconds=-1), "b", "c", SendMessage("d", delay_seconds=-1)])
    assert [failure.index for failure in result.failed] == [0, 2, 3]
    assert [type(failure.error) for failure in result.failed] == [
        errors.InvalidParameterValue,
        errors.InternalFailure,
        errors.InvalidParameterValue,
    ]


def test_boto3s_client_sees_a_failed_entry_as_no_fault_of_the_sender():
    world, queue = planned(("partial", "main", 0, 1))
    entries = [{"Id": name, "MessageBody": name} for name in "ab"]
    answer = world.client().send_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["b"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("a", False, "InternalFailure")


@pytest.mark.parametrize("act", ["delete_batch", "change_visibility_batch"])
def test_an_entry_about_a_message_is_asked_for_by_its_message(act):
    world, queue = planned(("partial", "main/2", 0, 1))
    queue.send_batch(["a", "b", "c"])
    messages = queue.receive(10)
    result = queue.delete_batch(messages) if act == "delete_batch" else queue.change_visibility_batch(messages, 0)
    assert [failure.index for failure in result.failed] == [1]
    left = (0, 1, 0) if act == "delete_batch" else (2, 1, 0)
    assert queue.counts == left
    world.check_replayed()


@pytest.mark.parametrize(
    ("entries", "refusal"),
    [([], errors.EmptyBatchRequest), ([str(n) for n in range(11)], errors.TooManyEntriesInBatchRequest)],
)
def test_what_sqs_refuses_as_a_whole_it_refuses_as_ever(entries, refusal):
    queue = World(faults=Faults(partial=1)).create_queue("orders")
    with pytest.raises(refusal):
        queue.send_batch(entries)


def test_a_batch_to_no_queue_is_refused_as_ever():
    world = World(faults=Faults(partial=1))
    with pytest.raises(errors.QueueDoesNotExist):
        world.client().send_message_batch(QueueUrl="nowhere", Entries=[{"Id": "a", "MessageBody": "a"}])


def test_a_handle_that_is_none_is_refused_as_ever():
    queue = World(faults=Faults(partial=0.0001, api_error=0.0001)).create_queue("orders")
    with pytest.raises(errors.ReceiptHandleIsInvalid):
        queue.delete("nonsense")
    assert len(queue.delete_batch(["nonsense"]).failed) == 1


# --------------------------------------------------------------------------------------------- stale_counts
@pytest.mark.parametrize(("answer", "shown"), [(1, (2, 0, 0)), (2, (1, 0, 0))])
def test_counters_are_as_they_were_half_a_minute_or_a_minute_ago(answer, shown):
    """sqs.md 3.1"""
    world, queue = planned(("stale_counts", "orders", 0, answer))
    queue.send("a")
    world.advance(30)
    queue.send("b")
    world.advance(30)
    queue.send("c")
    assert queue.counts == shown
    assert queue.counts == (3, 0, 0)
    [(_, _, _, cause)] = told(world)
    assert cause == f"the counters are {30 * answer} seconds old"


def test_a_change_is_seen_late_to_the_nanosecond():
    world, queue = planned(*[("stale_counts", "orders", occurrence, 1) for occurrence in range(2)])
    queue.send("a")
    world.sqs.kernel.run_until(world.clock.now_ns + 30 * SECOND - 1)
    assert queue.counts == (0, 0, 0)
    world.sqs.kernel.run_until(world.clock.now_ns + 1)
    assert queue.counts == (1, 0, 0)


@pytest.mark.parametrize("name", ["All", "ApproximateNumberOfMessages"])
def test_the_attributes_lag_as_the_counts_do(name):
    world, queue = planned(("stale_counts", "orders", 0, 1))
    queue.send("a")
    attributes = world.sqs.get_queue_attributes(queue.url, [name])
    assert attributes["ApproximateNumberOfMessages"] == "0"
    assert world.sqs.get_queue_attributes(queue.url, [name])["ApproximateNumberOfMessages"] == "1"


def test_what_falls_due_by_itself_lags_too():
    world, queue = planned(("stale_counts", "orders", 0, 1))
    queue.send("a")
    queue.receive()
    world.advance(30)
    assert queue.counts == (0, 1, 0)
    assert queue.counts == (1, 0, 0)


def test_counters_that_have_not_changed_cannot_be_old():
    world = World(faults=Faults(stale_counts=1))
    queue = world.create_queue("orders")
    assert queue.counts == (0, 0, 0)
    queue.send("a")
    world.advance(60)
    assert queue.counts == (1, 0, 0)
    assert world.choices == {}


def test_counters_of_a_fifo_queue_are_never_old():
    world = World(faults=Faults(stale_counts=1))
    queue = world.create_queue("orders.fifo", fifo_queue=True)
    queue.send("a", message_group_id="g", message_deduplication_id="a")
    assert queue.counts == (1, 0, 0)


# ------------------------------------------------------------------------------------------ whom it happens to
def test_a_producer_is_asked_for_by_its_name():
    world, queue = planned(("api_error", "shop", 0, 1))
    producer = Producer(queue, name="shop")
    with pytest.raises(errors.InternalFailure):
        producer.send("a")
    queue.send("b")
    assert queue.counts == (1, 0, 0)
    world.check_replayed()


def test_a_consumer_tries_a_poll_that_failed_again_after_a_second():
    world, queue = planned(("api_error", "worker", 0, 1))
    done = []
    Consumer(queue, lambda message: done.append((message.body, world.clock.seconds)), name="worker").start()
    queue.send("a")
    world.run_until_idle()
    assert done == [("a", 1.0)]
    world.check_replayed()


def test_a_consumer_gets_what_a_lost_answer_hid_when_its_lease_ends():
    world, queue = planned(("lost_answer", "main/1", 0, 1))
    done = []
    Consumer(queue, lambda message: done.append((message.receive_count, world.clock.seconds)), name="worker").start()
    queue.send("a")
    world.run_until_idle()
    assert done == [(2, 30.0)]


@pytest.mark.parametrize(
    ("question", "occurrence", "error", "times"),
    [("api_error", 0, errors.InternalFailure, 2), ("lost_answer", 1, errors.ConnectionLost, 1)],
)
def test_a_consumer_whose_delete_fails_goes_on(question, occurrence, error, times):
    world, queue = planned((question, "main/1", occurrence, 1))
    done = []
    consumer = Consumer(queue, lambda message: done.append(message.body), name="worker")
    consumer.start()
    queue.send("a")
    world.run_until_idle()
    assert [type(failure.error) for failure in consumer.failures] == [error]
    assert done == ["a"] * times
    assert queue.counts == (0, 0, 0)


def test_lambdas_poller_asks_for_itself_and_only_once():
    world = World(faults=Plan({("api_error", "main/1", 0): 1}))
    queue = world.create_queue("orders", visibility_timeout=30)
    function = world.create_function(lambda event, context: None)
    world.create_event_source_mapping(queue, function)
    queue.send("a")
    world.run_until_idle()
    assert len(function.invocations) == 2
    world = World(faults=Faults(lost_answer=1))
    queue = world.create_queue("orders")
    assert world.sqs.delete_message_batch(queue.url, [("a", "x")], may_fail=False).successful == []


def test_main_may_be_spared():
    world = World(faults=Faults(api_error=1, lost_answer=1, partial=1, stale_counts=1))
    world.sqs.spares_main = True
    queue = world.create_queue("orders")
    queue.send("a")
    assert queue.send_batch(["b"]).failed == []
    assert queue.counts == (2, 0, 0)
    assert len(queue.receive(10)) == 2
    assert world.choices == {}


# ---------------------------------------------------------------------------------------------- all of them
@pytest.mark.parametrize("seed", range(5))
def test_a_loop_that_tries_again_gets_everything_done_and_the_same_run_comes_again(seed):
    def run(faults):
        world = World(seed=seed, faults=faults)
        queue, done = world.create_queue("orders", visibility_timeout=5), set()
        producer = Producer(queue, name="shop")
        for body in "abcdefgh":
            for _ in range(50):
                try:
                    producer.send(body)
                    break
                except (errors.InternalFailure, errors.ConnectionLost):
                    world.advance(1)
        Consumer(queue, lambda message: done.add(message.body), name="worker").start()
        world.run_until_idle()
        world.check_invariants()
        assert done == set("abcdefgh")
        return world

    world = run(Faults(api_error=0.3, lost_answer=0.3, partial=0.3, stale_counts=0.5))
    again = run(Plan(world.choices))
    again.check_replayed()
    assert again.journal.text() == world.journal.text()


def test_the_faults_of_calls_may_be_asked_for_by_name():
    assert minisqs.World(faults={"api_error", "lost_answer", "partial", "stale_counts"}).sqs.source is not None
