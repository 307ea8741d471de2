"""A scenario sets a whole world up by itself: consumers as processes, several queues, calls that fail."""

import threading  # noqa: TID251  # a consumer's lock, which the check schedules
import time  # noqa: TID251  # a consumer sleeps

import pytest

import minisqs
from minisqs import Consumer, Faults, Plan
from minisqs.explore.choices import Exploration
from minisqs.sim.asking import Arrival
from minisqs.sim.sources import PointAddress
from minisqs.sim.works import Work


@minisqs.scenario
def pays_twice(world):
    queue = world.create_queue("in", visibility_timeout=30)
    paid, seen = [], set()

    def charge(message):
        if message.body not in seen:
            paid.append(message.body)
            seen.add(message.body)

    for name in ("alice", "bob"):
        Consumer(queue, charge, name=name).start()
    queue.send_batch(["a", "b"])
    return lambda: sorted(paid)


@minisqs.scenario
def pays_once(world):
    queue = world.create_queue("in", visibility_timeout=30)
    paid = set()

    def charge(message):
        paid.add(message.body)

    for name in ("alice", "bob"):
        Consumer(queue, charge, name=name).start()
    queue.send_batch(["a", "b"])
    return lambda: sorted(paid)


@minisqs.scenario
def orders_and_payments(world):
    orders = world.create_queue("orders", visibility_timeout=30)
    payments = world.create_queue("payments", visibility_timeout=30)
    paid = []

    def clerk(message):
        payments.send(f"pay {message.body}")

    def bank(message):
        paid.append(message.body)

    Consumer(orders, clerk, name="clerk").start()
    Consumer(payments, bank, name="bank").start()
    orders.send("a")
    return lambda: sorted(paid)


@minisqs.scenario
def orders_and_payments_by_name(world):
    orders = world.create_queue("orders", visibility_timeout=30)
    payments = world.create_queue("payments", visibility_timeout=30)
    paid = set()

    def clerk(message):
        payments.send(f"pay {message.body}")

    def bank(message):
        paid.add(message.body)

    Consumer(orders, clerk, name="clerk").start()
    Consumer(payments, bank, name="bank").start()
    orders.send("a")
    return lambda: sorted(paid)


@minisqs.scenario
def forwards_by_boto3s_names(world):
    client = world.client()
    letters = world.create_queue("letters", visibility_timeout=30)
    done = world.create_queue("done", visibility_timeout=30)
    arrived = set()

    def forward(message):
        client.send_message_batch(QueueUrl=done.url, Entries=[{"Id": "only", "MessageBody": message.body}])

    def take(message):
        arrived.add(message.body)

    Consumer(letters, forward, name="forwarder").start()
    Consumer(done, take, name="taker").start()
    letters.send("a")
    return lambda: sorted(arrived)


@minisqs.scenario
def pays_within_a_lock(world):
    queue = world.create_queue("in", visibility_timeout=30)
    lock, paid = threading.Lock(), []

    def charge(message):
        with lock:
            if message.body not in paid:
                paid.append(message.body)

    for name in ("alice", "bob"):
        Consumer(queue, charge, name=name, max_number_of_messages=1).start()
    queue.send_batch(["a", "b"])
    return lambda: sorted(paid)


@minisqs.scenario
def reads_then_writes(world):
    queue = world.create_queue("in", visibility_timeout=30)
    totals = [0]

    def add(message):
        before = totals[0]
        totals[0] = before + 1

    for name in ("alice", "bob", "carol"):
        Consumer(queue, add, name=name, max_number_of_messages=1).start()
    queue.send_batch(["a", "b", "c"])
    return lambda: totals[0]


def found(scenario, **arguments):
    """The report of what is found."""
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(scenario, **arguments)
    return caught.value.report


# -------------------------------------------------------------------------------------------------- consumers
def test_a_consumer_that_charges_twice_is_found_and_its_report_names_the_workers():
    report = found(pays_twice)
    assert report.expected == ["a", "b"]
    assert report.got in (["a", "a", "b"], ["a", "b", "b"])
    assert set(report.lanes) <= {"alice", "bob"}
    assert len(report.faults) == 1
    assert "paid.append(message.body)" in report.text() or "seen.add(message.body)" in report.text()


def test_one_that_charges_once_passes_and_kills_stalls_and_overlaps_were_tried():
    checked = minisqs.check(pays_once, budget=150, runs=10)
    assert {"kill", "overlap", "stall"} <= checked.faults.keys()
    assert checked.overlaps > 0


@pytest.mark.parametrize("scenario", [pays_twice, orders_and_payments])
def test_what_was_found_is_the_same_again_by_its_token_and_by_its_plan(scenario):
    report = found(scenario)
    assert minisqs.replay(scenario, report.token).state == report.got
    assert minisqs.run(scenario, faults=Plan(report.plan)).state == report.got


def test_a_scenario_can_be_run_and_compared_with_the_perfect_one():
    perfect = minisqs.perfect(pays_once)
    assert perfect.state == ["a", "b"]
    assert minisqs.run(pays_once, faults=Faults(kill=0.2, overlap=0.2), seed=4).state == perfect.state


def test_all_schedules_of_a_small_scenario_can_be_covered():
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(pays_twice, faults=1)
    proved = minisqs.prove(orders_and_payments_by_name, faults=1, kinds=["kill"])
    assert "orders_and_payments_by_name" in proved.text()


def test_a_message_that_a_consumer_sent_twice_is_paid_twice():
    report = found(orders_and_payments)
    assert report.expected == ["pay a"]
    assert report.got == ["pay a", "pay a"]


def test_a_consumer_that_pays_by_name_minds_nothing():
    minisqs.check(orders_and_payments_by_name, budget=150, runs=10)


def test_the_scenarios_own_body_is_exempt():
    """It sends as if nothing could fail, and no fault acts between its statements."""
    run = minisqs.run(pays_once, faults=Faults(kill=0.5, api_error=0.5, lost_answer=0.5, partial=0.5), seed=2)
    assert run.state == ["a", "b"]
    points = [fault.words for fault in run.faults if fault.name == "kill"]
    assert points
    assert all("paid.add(message.body)" in words or "after its last statement" in words for words in points)


# ------------------------------------------------------------------------------------------- several stacks
def test_a_lock_that_two_processes_take_in_turn_keeps_each_from_the_others_middle():
    checked = minisqs.check(pays_within_a_lock, faults=["overlap"], budget=200, runs=20)
    assert checked.overlaps > 0


def point_before(text, scenario):
    """The point of the statement with that text, from a run in which something happens before it."""
    for seed in range(100):
        run = minisqs.run(scenario, faults=Faults(overlap=0.5), seed=seed)
        for address, fault in zip(run.choices, run.faults, strict=True):
            if text in fault.words and address.point.endswith(".1"):
                return address.point
    raise AssertionError(f"nothing ever happens before {text!r}")


@pytest.mark.parametrize("waiting", [["main/1"], ["main/1", "main/2"], ["main/1", "main/2", "main/3"]])
def test_three_processes_that_wait_for_each_other_lose_what_each_has_read(waiting):
    """With two that wait, one stack is not enough: the first that waits goes on first."""
    assert minisqs.perfect(reads_then_writes).state == 3
    point = point_before("totals[0] = before + 1", reads_then_writes)
    plan = Plan({("overlap", subject, 0, point): 1 for subject in waiting})
    run = minisqs.run(reads_then_writes, faults=plan)
    assert run.state == 1
    assert len(run.choices) == len(waiting)


def test_a_process_that_waits_for_the_lock_of_a_dead_one_never_ends():
    report = found(pays_within_a_lock, faults=["kill"])
    assert report.got != report.expected or "lock" in report.verdict


# ----------------------------------------------------------------------------------------- calls that fail
def test_an_entry_that_failed_and_was_not_looked_at_is_a_lost_message():
    report = found(forwards_by_boto3s_names, faults=["partial"])
    assert (report.expected, report.got) == (["a"], [])
    assert [fault.name for fault in report.faults] == ["partial"]


def test_a_send_that_is_tried_again_after_a_lost_answer_is_a_second_message():
    report = found(orders_and_payments, faults=["lost_answer"])
    assert report.got == ["pay a", "pay a"]


def test_a_call_that_failed_is_a_function_that_raised_so_the_message_comes_again():
    minisqs.check(orders_and_payments_by_name, faults=["api_error", "lost_answer", "partial"], budget=100, runs=10)


# -------------------------------------------------------------------------------------------- who sent what
def test_what_a_function_sends_has_the_message_that_it_works_on_for_its_producer():
    run = minisqs.run(orders_and_payments)
    sent = [entry.message for entry in run.journal if entry.action == "SendMessage"]
    assert sent == ["main/1", "main/1#0/1"]


def test_a_second_delivery_sends_under_another_name_than_the_first():
    run = minisqs.run(orders_and_payments, faults=Plan({("kill", "main/1", 0, "end.1"): 1}))
    sent = [entry.message for entry in run.journal if entry.action == "SendMessage"]
    assert sent == ["main/1", "main/1#0/1", "main/1#1/1"]


def test_in_a_world_of_its_own_a_function_sends_as_plain_code():
    world = minisqs.World()
    first, second = world.create_queue("first"), world.create_queue("second")
    consumer = Consumer(first, lambda message: second.send(message.body))
    first.send("a")
    consumer.poll()
    assert [entry.message for entry in world.journal if entry.action == "SendMessage"] == ["main/1", "main/2"]


# --------------------------------------------------------------------------------------- each thing once
def test_what_is_planned_for_a_work_happens_to_no_other_that_lies_in_its_place():
    """Python gives a new work the place in memory, and so the id, of one that is gone."""
    answers = Exploration({PointAddress("kill", "main/1", 0, "end.1"): 1}, frozenset())
    answers.port = minisqs.World().sqs
    nothing = {"messages": (), "queue_url": "", "consumer": "process", "lease_ns": 0, "deadline_ns": 0}
    work = Work("main/1", 0, "only", has_ended=bool, end=list, **nothing)
    answers.begin(work)
    assert list(answers.at(Arrival(work, -1, 1, others=False))) == [("kill", 1)]
    work.occurrence = 1
    answers.begin(work)
    assert list(answers.at(Arrival(work, -1, 1, others=False))) == []


@minisqs.scenario
def many(world):
    queue, done = world.create_queue("in", visibility_timeout=30), []
    Consumer(queue, lambda message: done.append(message.body), name="only").start()
    for number in range(40):
        queue.send(f"{number:02}")
    return lambda: len(done)


def test_a_scenario_of_many_messages_is_not_taken_for_one_in_which_nothing_changes():
    assert minisqs.perfect(many).state == 40
    assert minisqs.run(many, faults=Plan({})).state == 40


# ------------------------------------------------------------------------------- processes that die and return
@minisqs.scenario
def dies_for_good(world):
    queue = world.create_queue("in", visibility_timeout=30)
    done = set()
    Consumer(queue, lambda message: done.add(message.body), name="only", restart=False).start()
    queue.send("a")
    return lambda: sorted(done)


def test_a_process_that_is_not_started_anew_leaves_its_message_behind():
    report = found(dies_for_good, faults=["kill"])
    assert [fault.name for fault in report.faults] == ["kill"]


@minisqs.scenario
def exits_once(world):
    queue = world.create_queue("in", visibility_timeout=30)
    done = []

    def work(message):
        if message.receive_count == 1:
            raise SystemExit(1)
        done.append(message.body)

    Consumer(queue, work, name="only").start()
    queue.send("a")
    return lambda: done


def test_a_process_that_exits_is_started_anew_after_a_second_and_gets_the_message_after_its_lease():
    run = minisqs.run(exits_once)
    assert run.state == ["a"]
    began = run.journal[0].time_ns
    told = [(entry.action, (entry.time_ns - began) / 1e9, entry.cause) for entry in run.journal]
    assert ("process ended", 0.0, "SystemExit: 1: started anew in 1 s") in told
    assert [seconds for action, seconds, _ in told if action == "ReceiveMessage"] == [0.0, 30.0]


# --------------------------------------------------------------------------------- who looks at what others have done
def books(*, trusts_counters):
    """Some work off bookings, and one closes the books when there are none any more, as it believes."""

    @minisqs.scenario
    def closed_books(world):
        queue = world.create_queue("bookings", visibility_timeout=30)
        booked, report = set(), []

        def work(client):
            while True:
                for message in client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20).get("Messages", []):
                    booked.add(message["Body"])
                    client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])

        def is_empty(client):
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            found = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
            return all(found[name] == "0" for name in names)

        def close(client):
            while not (is_empty(client) if trusts_counters else len(booked) == 3):
                time.sleep(30)
            report.append(sorted(booked))

        world.spawn(work, world.client(), name="books")
        world.spawn(close, world.client(), name="closes", restart=False)
        queue.send_batch(["a", "b", "c"])
        return lambda: report[-1] if report else None

    return closed_books


def test_who_waits_in_a_loop_sees_what_another_has_done_after_a_long_stall():
    assert not minisqs.check(books(trusts_counters=False), faults=["stall", "duplicate"], runs=20).found


def test_counters_that_are_believed_too_early_are_found():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(books(trusts_counters=True), faults=["kill", "stale_counts", "overlap", "duplicate"])
    assert {fault.name for fault in caught.value.report.faults} <= {"kill", "stale_counts", "overlap"}


@minisqs.scenario
def ends_when_all_is_done(world):
    """Somebody works, and another waits until the queue has been empty for a while."""
    queue, done, ended = world.create_queue("work", visibility_timeout=30), set(), []

    def wait(client):
        names, empty = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"], 0
        while empty < 3:
            time.sleep(30)
            found = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
            empty = empty + 1 if all(found[name] == "0" for name in names) else 0
        ended.append("all done")

    def work(message):
        done.add(message.body)

    Consumer(queue, work, name="works").start()
    world.spawn(wait, world.client(), name="waits")
    queue.send("a")
    return lambda: (sorted(done), ended[:1])


def test_who_was_told_stale_counters_looks_once_more():
    assert not minisqs.check(ends_when_all_is_done, faults=["stall", "stale_counts"], runs=20).found
