"""Coroutines that are spawned: tasks on the event loop of their process, whose time is the world's."""

import asyncio  # noqa: TID251  # what user code uses
import signal
import time  # noqa: TID251  # what user code asks

import pytest

import minisqs
from minisqs.explore.choices import Exploration
from minisqs.sim.sources import Address


@pytest.fixture
def world():
    with minisqs.World() as world:
        yield world


async def poll(client, url, done):
    """The loop of a consumer that hands its blocking calls to threads."""
    while True:
        answer = await asyncio.to_thread(client.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        for message in answer.get("Messages", []):
            await asyncio.sleep(1)
            done.append((message["Body"], asyncio.get_running_loop().time()))
            await asyncio.to_thread(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_coroutines_of_a_process_share_its_loop_and_their_calls_overlap(world):
    queue, done = world.create_queue("q"), []
    for _ in range(3):
        world.spawn(poll, world.client(), queue.url, done, process="app")
    queue.send_batch(["a", "b", "c"])
    world.run_until_idle()
    assert done == [("a", 1.005), ("b", 1.005), ("c", 1.005)]
    assert queue.counts.in_flight == 0


def test_a_blocking_call_in_a_coroutine_blocks_its_loop_and_no_other(world):
    ticks = []

    async def tick(name):
        for _ in range(3):
            await asyncio.sleep(1)
            ticks.append((name, world.clock.seconds))

    async def block():
        time.sleep(2.5)

    world.spawn(tick, "blocked", process="app")
    world.spawn(block, process="app")
    world.spawn(tick, "free")
    world.run_until_idle()
    assert [one for one in ticks if one[0] == "free"] == [("free", 1), ("free", 2), ("free", 3)]
    assert [one for one in ticks if one[0] == "blocked"] == [("blocked", 2.5), ("blocked", 3.5), ("blocked", 4.5)]


def test_a_coroutine_may_call_the_client_as_it_is(world):
    queue, got = world.create_queue("q"), []

    async def once():
        [message] = queue.receive(wait_time_seconds=20)
        got.append(message.body)
        message.delete()
        return "done"

    worker = world.spawn(once)
    world.advance(3)
    queue.send("a")
    world.run_until_idle()
    assert (got, worker.done, worker.result) == (["a"], True, "done")


def test_asyncios_own_tools_work_on_the_simulated_clock(world):
    told = []

    async def main():
        queue = asyncio.Queue(maxsize=1)

        async def produce():
            for number in range(3):
                await queue.put(number)
                await asyncio.sleep(60)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            while len(told) < 3:
                told.append((await queue.get(), world.clock.seconds))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return world.clock.seconds

    worker = world.spawn(main)
    world.run_until_idle()
    assert told == [(0, 0), (1, 60), (2, 120)]
    assert worker.result == 210


def test_a_world_in_which_coroutines_only_poll_or_sleep_is_idle(world):
    queue, done = world.create_queue("q"), []

    async def loop():
        while True:
            answer = await asyncio.to_thread(queue.receive)
            for message in answer:
                done.append(message.body)
                message.delete()
            await asyncio.sleep(2)

    world.spawn(loop)
    queue.send("a")
    queue.send("b", delay_seconds=100)
    world.run_until_idle()
    assert done == ["a", "b"]
    assert world.clock.seconds < 200


# ------------------------------------------------------------------------------------------- order by seed
def order(seed, count=6):
    """In which order so many tasks go on that are ready at once."""
    told = []

    async def main():
        async def one(number):
            told.append(number)

        await asyncio.gather(*(one(number) for number in range(count)))

    with minisqs.World(seed) as world:
        world.spawn(main)
        world.run_until_idle()
    return told


def test_tasks_that_are_ready_at_once_go_on_in_asyncios_order_without_a_seed():
    assert order(None) == [0, 1, 2, 3, 4, 5]


def test_with_a_seed_their_order_is_drawn_from_it():
    orders = {tuple(order(seed)) for seed in range(20)}
    assert len(orders) > 10
    assert all(sorted(one) == [0, 1, 2, 3, 4, 5] for one in orders)
    assert order(7) == order(7)


def test_callbacks_that_are_no_tasks_keep_their_order():
    told = []

    async def main():
        loop = asyncio.get_running_loop()
        for number in range(9):
            loop.call_soon(told.append, number)
        await asyncio.sleep(1)

    for seed in range(5):
        with minisqs.World(seed) as world:
            world.spawn(main)
            world.run_until_idle()
    assert told == list(range(9)) * 5


def test_in_a_check_which_task_goes_first_is_a_choice_with_an_address():
    told = []

    @minisqs.scenario
    def scenario(world):
        told.clear()

        async def main():
            async def one(number):
                told.append(number)

            await asyncio.gather(*(one(number) for number in range(3)))

        world.spawn(main, name="app")
        return lambda: list(told)

    assert minisqs.perfect(scenario).state == [0, 1, 2]
    choice = Address("tie", "app", 0)
    found = {minisqs.run(scenario, faults=minisqs.Plan({choice: answer})).state[0] for answer in range(3)}
    assert found == {0, 1, 2}
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(scenario, faults=["tie"])
    assert [fault.name for fault in caught.value.report.faults] == ["tie"]
    assert minisqs.replay(scenario, caught.value.report.token).state == caught.value.report.got
    assert Exploration({choice: 1}, {"tie"}).asks_ties


# --------------------------------------------------------------------------------------------- ends
def test_what_a_coroutine_raises_is_raised_where_time_is_let_pass_and_ends_its_process(world):
    told = []

    async def wrong():
        await asyncio.sleep(1)
        raise LookupError("not there")

    async def other():
        try:
            await asyncio.sleep(100)
        finally:
            told.append("cancelled")

    worker = world.spawn(wrong, process="app")
    world.spawn(other, process="app")
    with pytest.raises(LookupError):
        world.run_until_idle()
    assert isinstance(worker.error, LookupError)
    assert told == ["cancelled"]


def test_coroutines_are_started_anew_together(world):
    began = []

    async def first():
        began.append("a")
        if began.count("a") < 2:
            raise OSError

    async def second():
        began.append("b")
        await asyncio.sleep(0.5)
        return "b"

    world.spawn(first, process="app", restart=True)
    worker = world.spawn(second, process="app")
    world.run_until_idle()
    assert began == ["a", "b", "a", "b"]
    assert worker.result == "b"


def test_nothing_of_a_killed_coroutine_runs(world):
    told = []

    async def loop():
        try:
            await asyncio.sleep(100)
        finally:
            told.append("finally")

    worker = world.spawn(loop)
    world.advance(1)
    worker.kill()
    world.run_until_idle()
    assert told == []


def test_a_stopped_coroutine_is_cancelled(world):
    told = []

    async def loop():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            told.append(world.clock.seconds)
            raise

    worker = world.spawn(loop)
    world.advance(1)
    worker.stop()
    world.run_until_idle()
    assert told == [1]
    assert worker.done


def test_a_loop_that_handles_sigterm_ends_by_itself(world):
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        return world.clock.seconds

    worker = world.spawn(main)
    world.advance(7)
    worker.stop()
    world.advance(0)
    assert (worker.done, worker.result) == (True, 7)


def test_a_coroutine_may_join_a_process_whose_loop_is_under_way(world):
    told = []

    async def loop(name):
        await asyncio.sleep(10)
        told.append((name, world.clock.seconds))

    world.spawn(loop, "first", process="app")
    world.advance(3)
    world.spawn(loop, "second", process="app")
    world.run_until_idle()
    assert told == [("first", 10), ("second", 13)]


def test_a_function_that_returns_a_coroutine_is_refused(world):
    async def loop():
        pass

    world.spawn(lambda: loop())  # noqa: PLW0108  # a plain function
    with pytest.raises(minisqs.UsageError, match="spawn the async def itself"):
        world.run_until_idle()


def test_a_thousand_coroutines_sleep_on_one_loop(world):
    done = []

    async def one(number):
        await asyncio.sleep(number / 1000)
        done.append(number)

    for number in range(1000):
        world.spawn(one, number, process="app")
    world.run_until_idle()
    assert done == list(range(1000))
