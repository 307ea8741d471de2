"""Time under mock_sqs: sleeps, long polls, threads, event loops, the wall, and libraries that freeze clocks."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import boto3
import pytest
import time_machine
from freezegun import freeze_time

import minisqs
from minisqs import mock_sqs
from minisqs.sim.workers import real_seconds

SESSION = boto3.session.Session(region_name="us-east-1")
CLIENT = SESSION.client("sqs")
REAL_SLEEP = time.sleep


@contextlib.contextmanager
def at_most(seconds):
    began = real_seconds()
    yield
    assert real_seconds() - began < seconds


def send_later(queue, seconds):
    """Send a message out of another thread, after real seconds."""

    def send():
        CLIENT.list_queues()  # it uses the world from now on
        using.set()
        REAL_SLEEP(seconds)
        CLIENT.send_message(QueueUrl=queue.url, MessageBody="late")

    using = threading.Event()
    thread = threading.Thread(target=send)
    thread.start()
    using.wait()
    return thread


# ----------------------------------------------------------------------------------------------- plain sleeping
def test_sleep_moves_the_clock_and_nobody_waits():
    with at_most(5), mock_sqs() as world:
        queue = world.create_queue("orders", visibility_timeout=30)
        queue.send("hello")
        queue.receive()
        time.sleep(29)
        assert queue.receive() == []
        time.sleep(1)
        assert [message.receive_count for message in queue.receive()] == [2]
        time.sleep(14 * 86_400)
        assert queue.counts == (0, 0, 0)


def test_a_name_bound_before_is_met_and_put_back():
    from time import sleep  # noqa: PLC0415

    globals()["sleep"] = sleep
    with mock_sqs() as world:
        globals()["sleep"](5)
        assert world.clock.seconds == 5
    assert globals().pop("sleep") is time.sleep is REAL_SLEEP


@pytest.mark.parametrize("seconds", [-1, "1", None, float("nan")])
def test_a_length_that_sleep_refuses_is_refused(seconds):
    with mock_sqs(), pytest.raises((TypeError, ValueError)):
        time.sleep(seconds)


def test_sleep_can_be_left_alone():
    with mock_sqs(sleep=False) as world:
        time.sleep(0.01)
        assert world.clock.seconds == 0


def test_the_world_begins_now_and_the_time_of_the_machine_is_not_touched():
    with mock_sqs() as world:
        assert abs(world.clock.now_ns / 1e9 - time.time()) < 60
        time.sleep(3600)
        assert abs(world.clock.now_ns / 1e9 - time.time()) > 3000
        assert isinstance(datetime.now(UTC), datetime)


def test_a_long_poll_moves_the_clock_to_the_message_or_to_its_end():
    with at_most(5), mock_sqs() as world:
        url = CLIENT.create_queue(QueueName="orders", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
        CLIENT.send_message(QueueUrl=url, MessageBody="hello", DelaySeconds=5)
        assert CLIENT.receive_message(QueueUrl=url)["Messages"]
        assert world.clock.seconds == 5
        assert "Messages" not in CLIENT.receive_message(QueueUrl=url)
        assert world.clock.seconds == 25


# ------------------------------------------------------------------------------------------------------ threads
def test_a_poll_waits_for_another_thread_that_sends():
    with mock_sqs() as world:
        queue = world.create_queue("orders")
        thread = send_later(queue, 0.05)
        found = CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
        thread.join()
        assert [message["Body"] for message in found] == ["late"]
        assert world.clock.seconds == 0


def test_a_sleep_waits_for_another_thread_that_is_at_work_and_at_most_its_own_length():
    with at_most(10), mock_sqs() as world:
        queue = world.create_queue("orders")
        thread = send_later(queue, 0.3)
        time.sleep(0.1)
        assert queue.counts.visible == 0
        assert world.clock.seconds == 0.1
        time.sleep(60)  # as long as the thread is at work it really waits, and not after its end
        assert queue.counts.visible == 1
        assert world.clock.seconds == 60.1
        thread.join()


def test_threads_that_sleep_take_turns_in_the_order_of_their_ends():
    """A consumer that polls and naps in a loop does not race the clock past what the test waits for."""
    times, over = [], threading.Event()
    with at_most(20), mock_sqs() as world:
        queue = world.create_queue("orders")

        def consume():
            while not over.is_set():
                CLIENT.receive_message(QueueUrl=queue.url)
                times.append(world.clock.seconds)
                time.sleep(10)

        thread = threading.Thread(target=consume)
        thread.start()
        while not times:
            REAL_SLEEP(0.001)
        time.sleep(35)
        assert world.clock.seconds == 35
        assert times == [0, 10, 20, 30]
        over.set()
        time.sleep(10)
        thread.join()


def test_a_poll_of_another_thread_ends_where_the_clock_passes_its_end():
    ended = []
    with at_most(10), mock_sqs() as world:
        queue = world.create_queue("orders")

        def poll():
            CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
            ended.append(world.clock.seconds)

        thread = threading.Thread(target=poll)
        thread.start()
        while len(world.sqs.shared._users) < 2:
            REAL_SLEEP(0.001)
        time.sleep(50)
        thread.join()
        assert ended == [20]
        assert world.clock.seconds == 50


def test_a_thread_that_uses_no_sqs_sleeps_in_earnest():
    with mock_sqs() as world:
        thread = threading.Thread(target=time.sleep, args=(0.01,))
        thread.start()
        thread.join()
        assert world.clock.seconds == 0


# ------------------------------------------------------------------------------------------------------ asyncio
def test_asyncio_sleeps_move_the_clock_to_the_digit():
    async def main(world):
        woken = []

        async def nap(seconds):
            await asyncio.sleep(seconds)
            woken.append((seconds, world.clock.seconds))

        await asyncio.gather(nap(3), nap(0.5), nap(100), nap(0))
        return woken

    with at_most(5), mock_sqs() as world:
        assert asyncio.run(main(world)) == [(0, 0), (0.5, 0.5), (3, 3), (100, 100)]


def test_asyncio_timeouts_end_in_simulated_time():
    async def main(world):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3600), 60)
        async with asyncio.timeout(60):
            await asyncio.sleep(59)
        return world.clock.seconds

    with at_most(5), mock_sqs() as world:
        assert asyncio.run(main(world)) == 119


def test_what_falls_due_in_the_world_happens_while_a_loop_sleeps():
    async def main(queue):
        await asyncio.sleep(4.5)
        before = queue.counts.visible
        await asyncio.sleep(1)
        return before, queue.counts.visible

    with mock_sqs() as world:
        queue = world.create_queue("orders")
        queue.send("hello", delay_seconds=5)
        assert asyncio.run(main(queue)) == (0, 1)


def test_a_loop_that_waits_for_an_executor_waits_in_earnest():
    async def main(world):
        work = asyncio.to_thread(REAL_SLEEP, 0.05)
        assert await asyncio.wait_for(work, 30) is None
        return world.clock.seconds

    with mock_sqs() as world:
        assert asyncio.run(main(world)) < 10


def test_a_loop_that_waits_for_a_socket_waits_in_earnest():
    async def main(world):
        async def serve(reader, writer):
            REAL_SLEEP(0.02)
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        line = await asyncio.wait_for(reader.readline(), 30)
        writer.close()
        server.close()
        return line, world.clock.seconds

    with mock_sqs() as world:
        line, seconds = asyncio.run(main(world))
    assert line == b"hello\n"
    assert seconds < 10


def test_the_time_of_a_loop_that_outlives_it_never_goes_back():
    async def main():
        loop = asyncio.get_running_loop()
        before = loop.time()
        async with mock_sqs():
            await asyncio.sleep(1000)
            inside = loop.time()
            late = asyncio.ensure_future(asyncio.sleep(0.01))
            await asyncio.sleep(0)
        assert before + 1000 <= inside <= loop.time()
        with at_most(5):
            await late

    asyncio.run(main())
    assert asyncio.run(a_loops_time()) == pytest.approx(time.monotonic(), abs=5)


async def a_loops_time():
    return asyncio.get_running_loop().time()


def test_afterwards_asyncio_is_as_it_was():
    names = [(asyncio.BaseEventLoop, "run_in_executor"), (selectors.DefaultSelector, "select")]
    before = [vars(owner)[name] for owner, name in names]
    with mock_sqs():
        assert [vars(owner)[name] for owner, name in names] != before
    assert [vars(owner)[name] for owner, name in names] == before


# --------------------------------------------------------------------------------------------------- real clock
def test_on_the_real_clock_polls_and_sleeps_are_waited_for():
    with mock_sqs(clock="real") as world:
        queue = world.create_queue("orders")
        began = real_seconds()
        assert "Messages" not in CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)
        assert real_seconds() - began >= 1
        CLIENT.send_message(QueueUrl=queue.url, MessageBody="hello", DelaySeconds=1)
        time.sleep(0.01)
        assert CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
        assert 2 <= real_seconds() - began < 10
        assert world.clock.seconds == pytest.approx(real_seconds() - began, abs=1)


def test_on_the_real_clock_a_poll_ends_when_another_thread_sends():
    with at_most(10), mock_sqs(clock="real") as world:
        queue = world.create_queue("orders")
        thread = send_later(queue, 0.05)
        assert CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
        thread.join()


def test_on_the_real_clock_a_poll_that_is_barred_by_its_group_waits_too():
    with mock_sqs(clock="real") as world:
        queue = world.create_queue("q.fifo", fifo_queue=True, content_based_deduplication=True)
        queue.send_batch([minisqs.SendMessage(body, message_group_id="g") for body in "ab"])
        queue.receive(1)
        began = real_seconds()
        assert "Messages" not in CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)
        assert 1 <= real_seconds() - began < 10


def test_a_world_that_was_given_stands_still_again_afterwards():
    world = minisqs.World()
    queue = world.create_queue("orders")
    with mock_sqs(world=world, clock="real"):
        queue.send("hello")
    assert world.sqs.real_wait is None
    with at_most(5):
        queue.receive()
        assert queue.receive(wait_time_seconds=20) == []


# ----------------------------------------------------------------------------------------------- frozen clocks
FREEZERS = {
    "freezegun": lambda: freeze_time("2012-01-14 12:00:00"),
    "freezegun, ticking": lambda: freeze_time("2012-01-14 12:00:00", tick=True),
    "time-machine": lambda: time_machine.travel(datetime(2012, 1, 14, 12, tzinfo=UTC), tick=False),
    "time-machine, ticking": lambda: time_machine.travel(datetime(2012, 1, 14, 12, tzinfo=UTC)),
}


def live(world, queue):
    """A life that takes 80 simulated seconds."""
    queue.send("hello", delay_seconds=10)
    assert CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
    time.sleep(30)
    asyncio.run(asyncio.sleep(20))
    CLIENT.receive_message(QueueUrl=queue.url)
    assert "Messages" not in CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)
    assert world.clock.seconds == 80


@pytest.mark.parametrize("freeze", FREEZERS.values(), ids=FREEZERS)
def test_inside_of_frozen_time_everything_goes_as_ever(freeze):
    with at_most(20), freeze() as _:
        with mock_sqs() as world:
            assert datetime.fromtimestamp(world.clock.started_ns / 1e9, UTC).year == 2012
            live(world, world.create_queue("orders"))
            assert time.time() == pytest.approx(1_326_542_400, abs=60)
        assert time.time() == pytest.approx(1_326_542_400, abs=60)
    assert time.time() > 1_700_000_000


@pytest.mark.parametrize("freeze", FREEZERS.values(), ids=FREEZERS)
def test_frozen_time_inside_changes_nothing(freeze):
    with at_most(20), mock_sqs() as world:
        queue = world.create_queue("orders")
        with freeze() as _:
            live(world, queue)
            assert time.time() == pytest.approx(1_326_542_400, abs=60)
        time.sleep(1)
        assert world.clock.seconds == 81
    assert time.sleep is REAL_SLEEP


@pytest.mark.parametrize("freeze", FREEZERS.values(), ids=FREEZERS)
def test_in_frozen_time_a_poll_still_waits_for_another_thread_and_not_for_ever(freeze):
    with at_most(20), freeze() as _, mock_sqs() as world:
        queue = world.create_queue("orders")
        thread = send_later(queue, 0.05)
        assert CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)["Messages"]
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(CLIENT.list_queues).result()
            assert "Messages" not in CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)


@pytest.mark.parametrize("freeze", FREEZERS.values(), ids=FREEZERS)
def test_in_frozen_time_the_real_clock_goes_on(freeze):
    with at_most(20), freeze() as _, mock_sqs(clock="real") as world:
        queue = world.create_queue("orders")
        assert "Messages" not in CLIENT.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1)
        assert world.clock.seconds >= 1
