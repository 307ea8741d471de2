"""Threads that a spawned worker starts: stacks of its process, which the kernel switches like all others."""

import concurrent.futures
import queue as queues
import socket  # noqa: TID251  # what user code uses
import subprocess
import threading  # noqa: TID251  # what user code uses
import time  # noqa: TID251  # what user code asks
from concurrent.futures import ThreadPoolExecutor

import pytest

import minisqs


@pytest.fixture
def world():
    with minisqs.World() as world:
        yield world


def result_of(world, function, *arguments):
    """What a function returns that is spawned."""
    worker = world.spawn(function, *arguments)
    world.run_until_idle()
    assert worker.done
    return worker.result


def test_a_thread_runs_beside_its_worker_and_can_be_joined(world):
    def main():
        told = []

        def beside():
            time.sleep(2)
            told.append("beside")

        thread = threading.Thread(target=beside, name="helper")
        assert not thread.is_alive()
        thread.start()
        assert thread.is_alive()
        thread.join(1)
        told.append(thread.is_alive())
        thread.join()
        return [*told, thread.is_alive(), time.time() % 60]

    assert result_of(world, main) == [True, "beside", False, 2]


def test_a_thread_is_the_current_one_in_its_own_code(world):
    def main():
        names = []
        thread = threading.Thread(target=lambda: names.append(threading.current_thread()))
        thread.start()
        thread.join()
        return names == [thread], threading.current_thread().name

    assert result_of(world, main) == (True, "main-1")


def test_a_thread_can_be_started_once_only(world):
    def main():
        thread = threading.Thread(target=list)
        thread.start()
        with pytest.raises(RuntimeError, match="started once"):
            thread.start()

    result_of(world, main)


def test_a_pool_of_threads_works_on_messages_side_by_side(world):
    queue = world.create_queue("q")

    def main():
        def handle(message):
            time.sleep(2)
            message.delete()
            return message.body, world.clock.seconds

        with ThreadPoolExecutor(max_workers=4) as pool:
            return list(pool.map(handle, queue.receive(max_number_of_messages=10)))

    queue.send_batch(list("abcdef"))
    assert result_of(world, main) == [
        *[(body, 2.01) for body in "abcd"],
        *[(body, 4.015) for body in "ef"],
    ]


def test_futures_can_be_waited_for_and_raise_what_their_function_raised(world):
    def main():
        with ThreadPoolExecutor(2) as pool:
            slow, wrong = pool.submit(time.sleep, 5), pool.submit(int, "x")
            done, waiting = concurrent.futures.wait([slow, wrong], timeout=1)
            assert (done, waiting) == ({wrong}, {slow})
            with pytest.raises(ValueError, match="invalid literal"):
                wrong.result()
            with pytest.raises(TimeoutError):
                slow.result(timeout=1)
            order = [future is slow for future in concurrent.futures.as_completed([slow, wrong])]
        return order, world.clock.seconds

    assert result_of(world, main) == ([False, True], 5)


def test_queues_conditions_events_and_timers_work(world):
    def main():
        told = []
        bounded, simple, ready = queues.Queue(maxsize=2), queues.SimpleQueue(), threading.Event()
        assert isinstance(simple, queues.SimpleQueue)

        def consume():
            while (item := bounded.get()) is not None:
                time.sleep(0.1)
                told.append(item)
            simple.put("consumed")
            ready.set()

        threading.Thread(target=consume).start()
        for item in (*range(5), None):
            bounded.put(item)
        assert simple.get() == "consumed"
        assert ready.wait(1)
        timer = threading.Timer(30, told.append, ["timer"])
        timer.start()
        timer.join()
        barrier = threading.Barrier(2)
        threading.Thread(target=barrier.wait).start()
        barrier.wait()
        with pytest.raises(queues.Empty):
            bounded.get(timeout=3)
        return told, world.clock.seconds

    assert result_of(world, main) == ([0, 1, 2, 3, 4, "timer"], 33.5)


def test_a_heartbeat_keeps_a_message_hidden_while_it_is_worked_on(world):
    queue = world.create_queue("q", visibility_timeout=30)
    others = []

    def work():
        [message] = queue.receive(wait_time_seconds=20)
        stop = threading.Event()

        def beat():
            while not stop.wait(10):
                message.change_visibility(30)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        time.sleep(300)
        stop.set()
        thread.join()
        message.delete()
        return "worked"

    worker = world.spawn(work)
    queue.send("long")
    world.advance(1)
    world.spawn(lambda: others.extend(queue.receive(wait_time_seconds=20)))
    world.run_until_idle()
    assert (worker.result, others) == ("worked", [])
    assert queue.counts.visible == queue.counts.in_flight == 0


def test_a_daemon_thread_ends_with_its_process_and_another_keeps_it_going(world):
    told = []

    def tick(name):
        for _ in range(5):
            time.sleep(1)
            told.append(name)

    def main():
        threading.Thread(target=tick, args=("daemon",), daemon=True).start()
        threading.Thread(target=tick, args=("other",)).start()

    worker = world.spawn(main)
    world.run_until_idle()
    world.advance(60)
    assert worker.done
    assert told.count("other") == 5
    assert 4 <= told.count("daemon") <= 5

    told.clear()
    world.spawn(lambda: threading.Thread(target=tick, args=("daemon",), daemon=True).start())
    world.advance(60)
    assert told == []


def test_threads_die_with_their_process(world):
    told = []

    def main():
        def tick():
            while True:
                time.sleep(1)
                told.append(world.clock.seconds)

        threading.Thread(target=tick).start()
        time.sleep(100)

    worker = world.spawn(main)
    world.advance(3.5)
    worker.kill()
    world.advance(60)
    assert told == [1, 2, 3]


def test_what_a_thread_raises_ends_it_alone_and_is_in_the_journal(world):
    def main():
        thread = threading.Thread(target=int, args=("x",))
        thread.start()
        thread.join()
        return "goes on"

    assert result_of(world, main) == "goes on"
    assert "main-1.1 thread raised -: ValueError: invalid literal" in "\n".join(map(str, world.journal))


def test_two_workers_share_a_lock_that_the_kernel_hands_on(world):
    told = []

    def main(lock):
        for _ in range(2):
            with lock:
                told.append(("in", world.clock.seconds))
                time.sleep(1)
                told.append(("out", world.clock.seconds))

    def begin():
        lock = threading.Lock()
        for _ in range(2):
            world.spawn(main, lock)

    world.spawn(begin)
    world.run_until_idle()
    assert [what for what, _ in told] == ["in", "out"] * 4
    assert told[-1] == ("out", 4)


def test_the_size_of_a_default_pool_does_not_depend_on_the_machine(world):
    def main():
        with ThreadPoolExecutor() as pool:
            return pool._max_workers

    assert result_of(world, main) == 8


# ------------------------------------------------------------------------------------------------- detectors
def connect():
    socket.create_connection(("192.0.2.1", 80), timeout=1)


def start_process():
    subprocess.run(["true"], check=True)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (connect, r"a connection to \('192\.0\.2\.1', 80\) was opened at .*test_spawn_threads\.py:\d+ in connect"),
        (start_process, r"a process was started at .*test_spawn_threads\.py:\d+ in start_process"),
    ],
)
def test_what_reaches_outside_is_refused_with_the_line(world, function, words):
    world.spawn(function)
    with pytest.raises(minisqs.EscapedSimulation, match=words):
        world.run_until_idle()


def test_a_thread_that_is_none_of_threadings_is_refused_with_the_line(world):
    import _thread  # noqa: PLC0415  # what user code may do

    def start():
        _thread.start_new_thread(list, ())

    world.spawn(start)
    with pytest.raises(minisqs.EscapedSimulation, match=r"thread was started at .*test_spawn_threads\.py:\d+"):
        world.run_until_idle()


def test_pairs_of_sockets_within_the_process_are_let_be(world):
    def main():
        one, other = socket.socketpair()
        with one, other:
            one.send(b"x")
            return other.recv(1)

    assert result_of(world, main) == b"x"
