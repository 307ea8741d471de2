"""sqs.md 6.3, 21.22: real threads that share a world. Real time is the subject here, so these tests take some."""

from __future__ import annotations

import threading
import time

import minisqs


def test_a_poll_waits_in_real_time_for_a_thread_that_sends():
    world = minisqs.World()
    queue = world.create_queue("orders")
    polling = threading.Event()
    got = []

    def poll():
        polling.set()
        got.extend(queue.receive(wait_time_seconds=20))

    consumer = threading.Thread(target=poll)
    consumer.start()
    polling.wait()
    queue.send("order")
    consumer.join(10)
    assert [message.body for message in got] == ["order"]
    assert world.clock.seconds == 0


def test_a_poll_waits_no_longer_than_its_own_wait_and_then_moves_the_clock():
    world = minisqs.World()
    queue = world.create_queue("orders")
    answers = []
    began = time.monotonic()
    consumer = threading.Thread(target=lambda: answers.append(queue.receive(wait_time_seconds=1)))
    consumer.start()
    consumer.join(10)
    assert answers == [[]]
    assert 1 <= time.monotonic() - began < 5
    assert world.clock.seconds == 1


def test_a_poll_jumps_the_clock_when_the_other_threads_have_ended():
    world = minisqs.World()
    queue = world.create_queue("orders")
    producer = threading.Thread(target=lambda: queue.send("order"))
    producer.start()
    producer.join()
    queue.receive()[0].delete()
    began = time.monotonic()
    assert queue.receive(wait_time_seconds=20) == []
    assert time.monotonic() - began < 5
    assert world.clock.seconds == 20


def test_a_poll_stops_waiting_when_the_only_other_thread_ends():
    world = minisqs.World()
    queue = world.create_queue("orders")
    sent, leave = threading.Event(), threading.Event()

    def produce():
        queue.send("order")
        sent.set()
        leave.wait(10)

    producer = threading.Thread(target=produce)
    producer.start()
    sent.wait()
    queue.receive()[0].delete()
    threading.Timer(0.3, leave.set).start()
    began = time.monotonic()
    assert queue.receive(wait_time_seconds=20) == []
    assert time.monotonic() - began < 5


def test_no_message_is_lost_or_delivered_twice_between_many_threads():
    world = minisqs.World()
    queue = world.create_queue("orders")
    got = []

    def produce(name):
        producer = minisqs.Producer(queue, name=name)
        for number in range(200):
            producer.send(f"{name} {number}")

    def consume():
        while message := queue.receive():
            got.append(message[0].body)
            message[0].delete()

    for step in ([lambda n=n: produce(f"p{n}") for n in range(4)], [consume] * 4):
        threads = [threading.Thread(target=target) for target in step]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(got) == sorted(f"p{n} {number}" for n in range(4) for number in range(200))
    world.check_invariants()


def test_threads_that_sleep_take_turns_in_the_order_of_their_ends():
    world = minisqs.World()
    queue = world.create_queue("orders")
    sleep, woken, naps = world.sqs.shared.sleep, [], threading.Barrier(3)

    def nap(name, *lengths):
        queue.receive()  # it uses the world from now on
        naps.wait()
        for seconds in lengths:
            sleep(seconds * 10**9)
            woken.append((name, world.clock.seconds))

    others = [threading.Thread(target=nap, args=("short", 10, 10, 10)), threading.Thread(target=nap, args=("long", 25))]
    for other in others:
        other.start()
    began = time.monotonic()
    nap("mine", 40)
    assert woken == [("short", 10), ("short", 20), ("long", 25), ("short", 30), ("mine", 40)]
    assert time.monotonic() - began < 9
    for other in others:
        other.join()


def test_a_poll_ends_where_a_sleep_passes_its_end_and_sees_what_falls_due_on_the_way():
    world = minisqs.World()
    queue = world.create_queue("orders")
    queue.send("late", delay_seconds=12)
    ready, ended = threading.Barrier(2), []

    def poll():
        queue.receive()
        ready.wait()
        for _ in range(3):
            bodies = [message.body for message in queue.receive(wait_time_seconds=5)]
            ended.append((world.clock.seconds, bodies))

    other = threading.Thread(target=poll)
    other.start()
    ready.wait()
    world.sqs.shared.sleep(60 * 10**9)
    other.join()
    assert ended == [(5, []), (10, []), (12, ["late"])]
    assert world.clock.seconds == 60
