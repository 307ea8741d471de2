"""User code that does not come back is named, with its line, within a second of real time.

Each case runs in a process of its own, as this file executed by name, so that one which is not named ends by
itself and leaves the other tests alone.
"""

from __future__ import annotations

import json
import re
import select
import signal
import socket  # noqa: TID251  # so it is here
import sqlite3
import subprocess
import sys
import tempfile
import threading  # noqa: TID251  # what user code does with it is the subject
import time  # noqa: TID251  # real seconds are the subject
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import minisqs

LIMIT_S = 3.0
"""So many real seconds may pass until a hang is named, on a busy machine too."""

GIVE_UP_S = 5.0
"""So many seconds a process gets altogether."""

MADE_AT_IMPORT = threading.Event()
LOCKED_AT_IMPORT = threading.Lock()


class Desk:
    """Does what it is asked once for each message."""

    def __init__(self):
        self.done = []

    def handler(self, event, context):
        for record in event["Records"]:
            self.work(record)

    def work(self, record):
        if record["body"] not in self.done:
            self.done.append(record["body"])

    def observe(self):
        return sorted(set(self.done))


class EndlessLoop(Desk):
    def work(self, record):
        while True:
            pass


class EndlessOnRedelivery(Desk):
    """Hangs only where something has gone wrong."""

    def work(self, record):
        while record["attributes"]["ApproximateReceiveCount"] != "1":
            pass
        super().work(record)


class SwallowsAll(Desk):
    def work(self, record):
        while True:
            try:
                self.done.append(1)
                self.done.pop()
            except BaseException:  # noqa: BLE001  # as careless code does
                pass


class SwallowsAllInOneCall(Desk):
    def work(self, record):
        while True:
            try:  # noqa: SIM105
                sum(range(1_000_000_000))
            except BaseException:  # noqa: BLE001
                pass


class SwallowsAllOnRedelivery(SwallowsAll):
    def work(self, record):
        if record["attributes"]["ApproximateReceiveCount"] == "1":
            return Desk.work(self, record)
        return super().work(record)


class StartsThread(Desk):
    def work(self, record):
        threading.Thread(target=super().work, args=(record,)).start()


class StartsThreadAndSwallowsAll(Desk):
    def work(self, record):
        try:  # noqa: SIM105
            threading.Thread(target=super().work, args=(record,)).start()
        except BaseException:  # noqa: BLE001
            pass


class StartsPool(Desk):
    def work(self, record):
        with ThreadPoolExecutor() as pool:
            pool.submit(super().work, record).result()


class WaitsForEvent(Desk):
    """Nobody sets the event, which was there before the check."""

    def work(self, record):
        MADE_AT_IMPORT.wait()


class WaitsForLock(Desk):
    """Somebody outside of the simulation holds the lock."""

    def work(self, record):
        with LOCKED_AT_IMPORT:
            super().work(record)


class ReadsSocket(Desk):
    def work(self, record):
        here, there = socket.socketpair()
        with here, there:
            here.recv(1)


class Selects(Desk):
    def work(self, record):
        here, there = socket.socketpair()
        with here, there:
            select.select([here], [], [])


class SpinsOnClock(Desk):
    """Simulated time does not pass by itself, so this never ends."""

    def work(self, record):
        until = time.time() + 2
        while time.time() < until:
            pass


class WaitsForProcess(Desk):
    def work(self, record):
        subprocess.run([sys.executable, "-c", "import time; time.sleep(20)"], check=False)


class ObservesForever(Desk):
    def observe(self):
        while True:
            pass


class InitForever(Desk):
    def __init__(self):
        while True:
            pass


class SleepsLong(Desk):
    """A sleep is simulated: it costs nothing."""

    def work(self, record):
        time.sleep(1)
        super().work(record)


class Slow(Desk):
    """Much work in many runs, each of which comes back in time."""

    def work(self, record):
        sum(range(100_000))
        super().work(record)


HANGS = [
    EndlessLoop, EndlessOnRedelivery, WaitsForLock, ReadsSocket, Selects, SpinsOnClock, WaitsForProcess,
    ObservesForever, InitForever,
]  # fmt: skip
SWALLOW = [SwallowsAll]
THREADS = [StartsThread, StartsThreadAndSwallowsAll, StartsPool]
COME_BACK = [SleepsLong, Slow]
AT_ONCE = {
    "plain": [*HANGS, *SWALLOW, SwallowsAllOnRedelivery, WaitsForEvent, *THREADS],
    "thread": [EndlessLoop],
    "traced": [EndlessLoop],
}


def trace(frame, event, argument):
    """What a coverage tool written in Python sets."""
    return trace


def check(name):
    """Check a subject of this file; what came of it, after how many real seconds, and whether it is still traced, as JSON."""
    minisqs.perfect(Desk, ["a"])  # all that is loaded when first used is there
    started_s = time.perf_counter()
    try:
        kind, says = "passed", str(minisqs.check(globals()[name], ["a", "b"], budget=60, runs=10))
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is told
        kind, says = type(error).__name__, "\n".join([str(error), *getattr(error, "__notes__", ())])
    print(json.dumps([kind, says, time.perf_counter() - started_s, sys.gettrace() is trace]))  # noqa: T201  # this is the answer


def main(way, name):
    """Check a subject in the main thread, in another one, or under a tracer."""
    LOCKED_AT_IMPORT.acquire()
    if way == "thread":
        thread = threading.Thread(target=check, args=(name,))
        thread.start()
        thread.join()
    else:
        sys.settrace(trace if way == "traced" else None)
        check(name)


def told(way, name, folder, give_up_s=GIVE_UP_S):
    """What a process says that checks a subject."""
    command = [sys.executable, str(Path(__file__)), way, name]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=give_up_s, cwd=folder, check=True)
    except subprocess.TimeoutExpired:
        return "never came back", "", give_up_s, False
    return tuple(json.loads(answer.stdout))


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the processes say whose code hangs, two of which run at a time."""
    folder = tmp_path_factory.mktemp("hangs")
    cases = [(way, subject.__name__) for way, subjects in AT_ONCE.items() for subject in subjects]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(cases, pool.map(lambda case: told(*case, folder), cases), strict=True))


def assert_named(answer, subject):
    kind, says, seconds, _ = answer
    assert kind == "EscapedSimulation", answer
    assert seconds < LIMIT_S, says
    assert f"{Path(__file__).name}:" in says
    assert f" in {subject.__name__}." in says, says


def assert_does_not_come_back(answer, subject):
    assert_named(answer, subject)
    assert "has not come back after 0.6 s of real time" in answer[1]


@pytest.mark.parametrize("subject", HANGS, ids=lambda subject: subject.__name__)
def test_code_that_does_not_come_back_is_named(answers, subject):
    assert_does_not_come_back(answers["plain", subject.__name__], subject)


def test_code_that_swallows_every_exception_is_named(answers):
    assert_does_not_come_back(answers["plain", "SwallowsAll"], SwallowsAll)


def test_of_a_single_call_of_c_code_that_nothing_interrupts_the_line_is_written_to_standard_error(tmp_path):
    command = [sys.executable, str(Path(__file__)), "plain", "SwallowsAllInOneCall"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as hangs:
        try:
            written = [hangs.stderr.readline() for _ in range(2)]
        finally:
            hangs.kill()
    assert "most recent call first" in written[0]
    assert re.search(r'test_hangs.py", line \d+ in work', written[1])


def test_code_that_swallows_every_exception_at_a_redelivery_is_named(answers):
    assert_does_not_come_back(answers["plain", "SwallowsAllOnRedelivery"], SwallowsAll)


def test_a_wait_for_an_event_that_nobody_sets_is_named_as_the_function_is_timed_out(answers):
    kind, says, seconds, _ = answers["plain", "WaitsForEvent"]
    assert kind == "InvocationFailed"
    assert seconds < LIMIT_S
    assert re.search(r"Its handler stood at \S*test_hangs.py:\d+ in WaitsForEvent.work\.", says)
    assert 'function={"timeout": 900}' in says


@pytest.mark.parametrize("subject", THREADS, ids=lambda subject: subject.__name__)
def test_a_thread_is_refused_where_it_is_started(answers, subject):
    answer = answers["plain", subject.__name__]
    assert_named(answer, subject)
    assert "a real thread was started at " in answer[1]


def test_a_check_in_another_thread_names_it_too(answers):
    assert_does_not_come_back(answers["thread", "EndlessLoop"], EndlessLoop)


def test_code_that_hangs_under_a_tracer_is_named(answers):
    assert_does_not_come_back(answers["traced", "EndlessLoop"], EndlessLoop)


@pytest.mark.parametrize("subject", COME_BACK, ids=lambda subject: subject.__name__)
def test_code_that_sleeps_or_works_much_is_left_alone(subject, tmp_path):
    kind, says, *_ = told("plain", subject.__name__, tmp_path, give_up_s=30)
    assert (kind, says.partition(":")[0]) == ("passed", subject.__name__)


def test_a_tracer_is_still_there_after_a_check(tmp_path):
    kind, says, _, is_traced = told("traced", "SleepsLong", tmp_path, give_up_s=30)
    assert (kind, says.partition(":")[0]) == ("passed", "SleepsLong")
    assert is_traced


class SetsAnAlarm(Desk):
    def work(self, record):
        signal.alarm(1)
        super().work(record)


class AnswersAlarms(Desk):
    def work(self, record):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        super().work(record)


class TimesItself(Desk):
    def work(self, record):
        signal.setitimer(signal.ITIMER_REAL, 1)
        super().work(record)


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="there are no alarms on Windows")
@pytest.mark.parametrize("subject", [SetsAnAlarm, AnswersAlarms, TimesItself])
def test_an_alarm_of_the_machine_is_refused_where_it_is_set(subject):
    with pytest.raises(
        minisqs.errors.EscapedSimulation, match=rf"an alarm was set at \S*test_hangs.py:\d+ in {subject.__name__}"
    ):
        minisqs.check(subject, ["a"])


class WaitsForSqlite(Desk):
    """Holds the database locked at every statement, so that whoever comes between them would wait for five seconds."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()

    def close(self):
        self.folder.cleanup()

    def work(self, record):
        with closing(sqlite3.connect(f"{self.folder.name}/done", isolation_level=None)) as database:
            database.execute("begin immediate")
            database.execute("create table if not exists done (body)")
            database.execute("commit")
        super().work(record)


def test_a_locked_database_is_told_at_once_and_that_of_a_dead_process_is_not_locked():
    began = time.monotonic()
    checked = minisqs.check(WaitsForSqlite, ["a", "b"], mapping={"batch_size": 1}, budget=60, runs=0)
    assert checked.overlaps > 5
    assert checked.faults["kill"] > 10
    assert time.monotonic() - began < 25  # each wait would take five seconds


if __name__ == "__main__":
    main(*sys.argv[1:])


AFTERWARDS = """
import signal, sys, minisqs

class Shop:
    def __init__(self): self.done = []
    def handler(self, event, context):
        minisqs.perfect(Inner, ["b"])
        self.done = [record["body"] for record in event["Records"]]
    def observe(self): return self.done

class Inner(Shop):
    def handler(self, event, context): self.done = [record["body"] for record in event["Records"]]

print(minisqs.perfect(Shop, ["a"]).state)
sum(range(60_000_000))  # two seconds in one call of C's code
print(signal.getitimer(signal.ITIMER_VIRTUAL), signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL)
"""


def test_the_timers_of_a_check_kill_nobody_afterwards(tmp_path):
    Path(tmp_path, "afterwards.py").write_text(AFTERWARDS)
    done = subprocess.run([sys.executable, "afterwards.py"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines() == ["['a']", "(0.0, 0.0) True"]


ENDS_LATE = """
import os, signal
from minisqs.explore.watchdog import Watchdog

set_timer = signal.setitimer

def late(which, *times):
    if times == (0,):  # as the timers are stopped
        os.kill(os.getpid(), signal.SIGVTALRM)
    return set_timer(which, *times)

with Watchdog(str.isspace):
    signal.setitimer = late
"""


def test_a_timer_that_comes_as_a_check_ends_says_nothing():
    done = subprocess.run([sys.executable, "-c", ENDS_LATE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
