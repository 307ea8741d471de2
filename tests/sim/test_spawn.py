"""Polling loops as users write them, spawned on the simulated clock: plain functions."""

import datetime as dt
import os
import random  # noqa: TID251  # what user code draws
import signal
import sys
import threading  # noqa: TID251  # what user code uses
import time  # noqa: TID251  # what user code asks
import uuid  # noqa: TID251  # what user code draws
from functools import partial

import pytest

import minisqs
from minisqs.sim import intercepts

START_S = 1_735_689_600  # 2025


@pytest.fixture
def world():
    with minisqs.World() as world:
        yield world


def poll(client, url, done, seconds=1.0):
    """The loop of every tutorial."""
    while True:
        answer = client.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            time.sleep(seconds)
            done.append((message["Body"], round(time.time() - START_S, 6)))
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def texts(world):
    return "\n".join(map(str, world.journal))


# ------------------------------------------------------------------------------------------------- polling
def test_nothing_of_a_worker_runs_before_time_passes(world):
    ran = []
    world.spawn(ran.append, 1)
    assert ran == []
    world.advance(0)
    assert ran == [1]


def test_two_workers_share_the_messages_and_each_call_takes_five_milliseconds(world):
    queue, done = world.create_queue("q"), []
    for _ in range(2):
        world.spawn(poll, world.client(), queue.url, done)
    queue.send_batch(["a", "b", "c"])
    world.run_until_idle()
    assert done == [("a", 1.005), ("b", 1.005), ("c", 2.015)]
    assert queue.counts.visible == queue.counts.in_flight == 0


def test_latency_falls_before_sqs_acts(world):
    queue, sent = world.create_queue("q"), []

    def send():
        queue.send("hello")
        sent.append(world.clock.seconds)

    world.spawn(send, latency=0.25)
    world.advance(0.249)
    assert queue.counts.visible == 0
    world.advance(0.001)
    assert queue.counts.visible == 1
    assert sent == [0.25]


def test_a_worker_waits_for_a_message_that_is_sent_later(world):
    queue, done = world.create_queue("q"), []
    world.spawn(poll, world.client(), queue.url, done, 0)
    world.advance(7)
    queue.send("late")
    world.advance(1)
    assert done == [("late", 7.0)]


def test_the_friendly_queue_can_be_polled_too(world):
    queue, done = world.create_queue("q"), []

    def loop():
        while True:
            for message in queue.receive(wait_time_seconds=20):
                done.append(message.body)
                message.delete()

    world.spawn(loop)
    queue.send_batch(["a", "b"])
    world.run_until_idle()
    assert done == ["a", "b"]


@pytest.mark.parametrize(("wait", "sleep"), [(20, 0), (0, 0), (0, 3), (1, 10)])
def test_a_world_in_which_workers_only_poll_is_idle(world, wait, sleep):
    queue, done = world.create_queue("q"), []
    client = world.client()

    def loop():
        while True:
            answer = client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=wait)
            for message in answer.get("Messages", []):
                done.append(message["Body"])
                client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
            if sleep and "Messages" not in answer:
                time.sleep(sleep)

    for _ in range(3):
        world.spawn(loop)
    queue.send_batch(["a", "b"])
    queue.send("c", delay_seconds=60)
    world.run_until_idle()
    assert sorted(done) == ["a", "b", "c"]
    assert 60 <= world.clock.seconds < 90


def test_a_worker_that_polls_two_queues_in_turn_comes_to_what_lies_in_the_other(world):
    queues = [world.create_queue("first"), world.create_queue("second")]
    done = []

    def loop():
        while True:
            for queue in queues:
                for message in queue.receive(wait_time_seconds=20):
                    done.append(message.body)
                    message.delete()

    world.spawn(loop)
    for queue in queues:
        queue.send(queue.name, delay_seconds=70)
    world.run_until_idle()
    assert sorted(done) == ["first", "second"]


def test_a_worker_that_sleeps_longer_than_its_lease_is_not_idle(world):
    queue = world.create_queue("q", visibility_timeout=5)
    worked = []

    def once():
        [message] = queue.receive(wait_time_seconds=20)
        for _ in range(30):
            time.sleep(1)
        worked.append(message.body)

    world.spawn(once)
    queue.send("slow")
    world.run_until_idle()
    assert worked == ["slow"]


def test_a_loop_that_only_sleeps_does_not_keep_the_world_busy_for_ever(world):
    rounds = []

    def tick():
        while True:
            time.sleep(60)
            rounds.append(1)

    world.spawn(tick)
    world.run_until_idle()
    assert 1 <= len(rounds) < 100


@pytest.mark.parametrize("who", ["a call", "an end", "a function", "a consumer"])
def test_a_loop_that_only_sleeps_looks_once_more_when_others_have_done_something(world, who):
    queue, done, reports = world.create_queue("q"), [], []
    queue.send("late", delay_seconds=899)

    def watch():
        while not done:
            time.sleep(30)
        reports.append(world.clock.seconds)

    def work(*_):
        done.append("work")

    def wait_and_work():
        time.sleep(899)
        done.append("work")
        if who == "a call":
            queue.purge()
            time.sleep(7200)

    world.spawn(watch)
    if who == "a function":
        world.create_event_source_mapping(queue, world.create_function(work))
    elif who == "a consumer":
        minisqs.Consumer(queue, work).start()
    else:
        world.spawn(wait_and_work)
    world.run_until_idle()
    assert reports == [900]


def test_thousands_of_workers_run_side_by_side(world):
    queue, done = world.create_queue("q"), []
    for _ in range(2000):
        world.spawn(poll, world.client(), queue.url, done)
    for number in range(0, 2000, 10):
        queue.send_batch([str(number + index) for index in range(10)])
    world.run_until_idle()
    assert len({body for body, _ in done}) == 2000
    assert world.clock.seconds < 3


# ------------------------------------------------------------------------------------------- time and chance
def test_a_worker_sees_the_simulated_clock_and_the_test_the_real_one(world):
    seen = {}

    def look():
        time.sleep(3600)
        seen["time"] = time.time() - START_S
        seen["now"] = dt.datetime.now(dt.UTC).isoformat()  # noqa: TID251  # what user code asks
        began = time.monotonic()
        time.sleep(2.5)
        seen["monotonic"] = time.monotonic() - began

    world.spawn(look)
    real = time.monotonic()
    world.run_until_idle()
    assert seen == {"time": 3600, "now": "2025-01-01T01:00:00+00:00", "monotonic": 2.5}
    assert time.monotonic() - real < 600
    assert abs(time.time() - START_S) > 86_400


def draws(seed):
    """What a worker draws, in two portions of time."""
    drawn = []

    def draw():
        for _ in range(2):
            drawn.append((random.random(), uuid.uuid4().hex, os.urandom(4)))
            time.sleep(1)

    with minisqs.World(seed) as world:
        world.spawn(draw)
        world.advance(0.5)
        world.advance(1)
    return drawn


def test_what_a_worker_draws_follows_from_the_seed_and_goes_on_from_one_advance_to_the_next():
    first, second = draws(1)
    assert first != second
    assert draws(1) == [first, second]
    assert draws(2) != [first, second]


def test_nothing_is_left_replaced_while_no_time_passes(world):
    before = time.sleep, threading.Thread.start, random.getstate()
    world.spawn(time.sleep, 1)
    world.advance(5)
    assert (time.sleep, threading.Thread.start, random.getstate()) == before
    assert intercepts.here.simulation is None


def digest(program_seed):
    done = []
    with minisqs.World(program_seed) as world:
        queue = world.create_queue("q", visibility_timeout=30)
        for _ in range(10):
            world.spawn(poll, world.client(), queue.url, done)
        for number in range(100):
            queue.send(str(number))
        world.run_until_idle()
        return texts(world), done


def test_two_runs_of_a_seed_are_the_same_to_the_byte():
    assert digest(5) == digest(5)


# -------------------------------------------------------------------------------------------- ends and errors
def test_a_function_that_returns_is_done_and_its_result_is_there(world):
    worker = world.spawn(partial(max, 3, key=abs), -7)
    assert (worker.name, worker.process, worker.done) == ("max-1", "max-1", False)
    world.run_until_idle()
    assert (worker.done, worker.result, worker.error) == (True, -7, None)
    assert world.workers == [worker]


def test_what_a_worker_raises_is_raised_where_time_is_let_pass(world):
    def wrong():
        time.sleep(3)
        raise LookupError("not there")

    worker = world.spawn(wrong)
    with pytest.raises(LookupError, match="not there"):
        world.run_until_idle()
    assert worker.done
    assert isinstance(worker.error, LookupError)
    assert "wrong-1 process ended -: LookupError: not there" in texts(world)
    world.advance(10)  # the world goes on


def test_an_exit_without_an_error_is_a_return_and_one_with_an_error_is_raised(world):
    worker = world.spawn(sys.exit)
    world.run_until_idle()
    assert (worker.done, worker.error) == (True, None)
    world.spawn(sys.exit, 3)
    with pytest.raises(SystemExit):
        world.run_until_idle()


def test_a_worker_that_is_to_be_started_anew_is_so_after_a_second(world):
    began = []

    def fails_twice():
        began.append(world.clock.seconds)
        if len(began) < 3:
            raise OSError("down")
        return "up"

    worker = world.spawn(fails_twice, restart=True)
    world.run_until_idle()
    assert began == [0, 1, 2]
    assert (worker.done, worker.result) == (True, "up")
    assert "OSError: down: started anew in 1 s" in texts(world)


def test_nothing_of_a_killed_worker_runs_and_its_message_comes_back(world):
    queue, told = world.create_queue("q", visibility_timeout=30), []

    def work():
        [message] = queue.receive(wait_time_seconds=20)
        try:
            time.sleep(10)
            message.delete()
        finally:
            told.append("finally")

    worker = world.spawn(work)
    queue.send("a")
    world.advance(5)
    worker.kill()
    world.run_until_idle()
    assert worker.done
    assert told == []
    assert queue.counts.visible == 1


def test_a_kill_ends_the_whole_process_and_no_other(world):
    ticks = []

    def tick(name):
        for _ in range(20):
            time.sleep(1)
            ticks.append(name)

    first = world.spawn(tick, "a", process="one")
    world.spawn(tick, "b", process="one")
    world.spawn(tick, "c")
    world.advance(2.5)
    first.kill()
    world.advance(2)
    assert ticks == ["a", "b", "c"] * 2 + ["c"] * 2


def test_a_process_is_started_anew_with_all_its_workers(world):
    began = []
    first = world.spawn(lambda: (began.append("a"), time.sleep(50)), process="one", restart=True, name="a")
    world.spawn(lambda: (began.append("b"), time.sleep(50)), process="one", name="b")
    world.advance(2)
    first.kill()
    world.advance(2)
    assert began == ["a", "b", "a", "b"]


def test_a_killed_worker_that_waited_for_a_message_takes_none_from_the_others(world):
    queue, done = world.create_queue("q"), []
    first = world.spawn(poll, world.client(), queue.url, [], 0)
    world.spawn(poll, world.client(), queue.url, done, 0)
    world.advance(1)
    first.kill()
    queue.send("a")
    world.advance(1)
    assert [body for body, _ in done] == ["a"]


def test_a_stopped_worker_is_interrupted_where_it_waits_and_cleans_up(world):
    queue, told = world.create_queue("q"), []

    def loop():
        try:
            while True:
                queue.receive(wait_time_seconds=20)
        except minisqs.Interrupted:
            told.append(world.clock.seconds)
            raise
        finally:
            told.append("finally")

    worker = world.spawn(loop, restart=True)
    world.advance(3)
    worker.stop()
    assert told == []
    world.run_until_idle()
    assert told == [3, "finally"]
    assert worker.done


def test_a_stopped_worker_that_sleeps_is_interrupted_there(world):
    told = []

    def loop():
        try:
            time.sleep(100)
        finally:
            told.append(world.clock.seconds)

    worker = world.spawn(loop)
    world.advance(3)
    worker.stop()
    world.advance(0)
    assert told == [3]
    assert worker.done


def test_a_worker_that_waits_for_a_lock_is_interrupted_there(world):
    told = []

    def main():
        event = threading.Event()
        try:
            event.wait()
        finally:
            told.append(world.clock.seconds)

    worker = world.spawn(main)
    world.advance(2)
    worker.stop()
    world.advance(0)
    assert told == [2]


def test_a_worker_that_handles_sigterm_ends_its_loop_by_itself(world):
    queue, told = world.create_queue("q"), []

    def main():
        running = [True]

        def stop(number, frame):
            told.append((signal.Signals(number).name, world.clock.seconds))
            running.clear()

        assert signal.signal(signal.SIGTERM, stop) == signal.SIG_DFL
        while running:
            queue.receive(wait_time_seconds=20)
            time.sleep(5)
        return world.clock.seconds

    before = signal.getsignal(signal.SIGTERM)
    worker = world.spawn(main)
    world.advance(22)
    worker.stop()
    world.advance(60)
    assert told == [("SIGTERM", 22)]  # while it slept, and it slept on
    assert worker.result == 25.005
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_worker_may_kill_itself_and_does_nothing_afterwards(world):
    told, workers = [], []

    def end():
        workers[0].kill()
        told.append("afterwards")

    workers.append(world.spawn(end))
    world.run_until_idle()
    assert told == []
    assert workers[0].done


def test_a_worker_may_spawn_another(world):
    told = []
    world.spawn(lambda: world.spawn(told.append, "spawned"))
    world.run_until_idle()
    assert told == ["spawned"]


def test_a_lock_that_a_killed_worker_holds_is_named_with_the_line_that_took_it(world):
    locks = []

    def hold():
        locks.append(threading.Lock())
        with locks[0]:
            time.sleep(100)

    def take():
        time.sleep(1)
        with locks[0]:
            pass

    holder = world.spawn(hold)
    world.advance(0.5)
    holder.kill()
    world.spawn(take)
    with pytest.raises(minisqs.errors.NeverSettled, match=r"taken at .*test_spawn\.py:\d+ .*hold-1, .* dead"):
        world.run_until_idle()


def test_a_worker_may_not_let_time_pass_for_all(world):
    world.spawn(world.advance, 5)
    with pytest.raises(minisqs.UsageError, match="advance-1 lets time pass by sleeping"):
        world.run_until_idle()


def test_an_endless_loop_without_latency_is_told():
    with minisqs.World() as world:
        queue = world.create_queue("q")

        def spin():
            while True:
                queue.send("more")

        world.spawn(spin, latency=0.005)
        with pytest.raises(minisqs.errors.NeverSettled, match="spin-1"):
            world.run_until_idle(max_events=50)  # of a thousand calls each


# ------------------------------------------------------------------------------------------------ leaving
def test_a_closed_world_gives_its_threads_back_and_runs_no_call_of_theirs():
    before = set(sys._current_frames())
    with minisqs.World() as world:
        queue = world.create_queue("q")
        told = []

        def loop():
            try:
                while True:
                    queue.receive(wait_time_seconds=20)
            finally:
                queue.send("on the way out")
                told.append("sent")

        for _ in range(50):
            world.spawn(loop)
        world.advance(1)
        started = set(sys._current_frames()) - before
        assert started
    assert told == []
    assert queue.counts.visible == 0
    settle(lambda: started.isdisjoint(sys._current_frames()))


def settle(is_so):
    """Threads of the interpreter end a moment after they were told to."""
    real = time.monotonic()
    while not is_so():
        assert time.monotonic() < real + 60
        time.sleep(0.001)  # real time is the subject here


def test_a_world_that_nobody_holds_any_more_gives_its_threads_back():
    before = set(sys._current_frames())
    world = minisqs.World()
    queue = world.create_queue("q")
    world.spawn(poll, world.client(), queue.url, [])
    world.advance(1)
    started = set(sys._current_frames()) - before
    assert started
    del world
    settle(lambda: started.isdisjoint(sys._current_frames()))


# ------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": 3}, "a worker is a function or an async def, not 3"),
        ({"target": print, "latency": -1}, "0 seconds or more"),
        ({"target": print, "process": ""}, "the process of a worker is a printable text"),
        ({"target": print, "name": 7}, "the name of a worker is a printable text"),
    ],
)
def test_what_is_no_worker_is_refused(world, arguments, words):
    with pytest.raises(minisqs.UsageError, match=words):
        world.spawn(arguments.pop("target"), **arguments)


def test_a_name_belongs_to_one_worker(world):
    world.spawn(print, name="one")
    with pytest.raises(minisqs.UsageError, match="there is a worker 'one' already"):
        world.spawn(print, name="one")


def test_a_process_is_started_anew_as_a_whole_or_not(world):
    world.spawn(print, process="one", restart=True)
    with pytest.raises(minisqs.UsageError, match="all, or none"):
        world.spawn(print, process="one", restart=False)


def test_a_coroutine_that_has_begun_cannot_be_spawned(world):
    async def loop():
        pass

    with pytest.raises(minisqs.UsageError, match="spawn the async def and its arguments"):
        world.spawn(loop())


def test_other_threads_may_use_a_world_while_its_workers_run(world):
    queue, done = world.create_queue("q"), []
    world.spawn(poll, world.client(), queue.url, done, 0)
    senders = [threading.Thread(target=lambda: [queue.send("x") for _ in range(20)]) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        while sender.is_alive():
            world.advance(1)
        sender.join()
    world.run_until_idle()
    assert len(done) == 60
