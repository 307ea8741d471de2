import asyncio
import datetime as dt
import gc
import importlib
import importlib.util
import os
import queue
import random
import secrets
import selectors
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime as bound_datetime
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from minisqs import errors
from minisqs.sim.clock import Clock
from minisqs.sim.intercepts import (
    Intercepts,
    SimulatedLock,
    SimulatedRLock,
    context,
    here,
    seed_randomness,
    shift_clock,
)
from minisqs.sim.intercepts.clocks import MONOTONIC_START_NS
from minisqs.sim.loop import SimulatedLoop

SECOND_NS = 1_000_000_000
START_NS = 1_735_689_600 * SECOND_NS  # 2025-01-01T00:00:00Z
FILE = __file__


class Refused(BaseException):
    """What the simulation says to a thread."""


class Fake:
    """A simulation that notes what it is asked, and of whom it is said which delivery runs."""

    def __init__(self):
        self.now, self.asked, self.running = START_NS, [], "first"
        self.others = lambda: None
        self.deliveries = {}

    def now_ns(self):
        return self.now

    def sleep(self, seconds):
        self.asked.append(("sleep", seconds))
        self.now += round(seconds * SECOND_NS)

    def owner(self):
        return self.deliveries.setdefault(self.running, object())

    def wait_for_lock(self, lock, seconds):
        """Let the others do something; if nobody can, the time is over."""
        self.asked.append(("wait", lock, seconds))
        others, self.others = self.others, None
        if others is None:
            assert seconds is not None, "this would wait forever"
            self.now += round(seconds * SECOND_NS)
            return False
        before, self.running = self.running, "other"
        others()
        self.running = before
        return True

    def lock_released(self, lock):
        self.asked.append(("released", lock))

    def start_thread(self, thread, where):
        self.started_thread(where)

    def thread(self):
        return None

    def signals(self):
        return None

    def reached_outside(self, what, where):
        self.reached = what

    def opened_database(self, connection):
        """Nobody's process ends here."""

    def sets_alarm(self, where):
        self.asked.append(("alarm", where))

    def changed_elsewhere(self):
        self.changed = True

    def started_thread(self, where):
        self.asked.append(("thread", where))
        raise Refused(where)

    @property
    def passed_s(self):
        return (self.now - START_NS) / SECOND_NS


@contextmanager
def simulated(fake, seed=b"seed", **options):
    with Intercepts(seed=seed, **options):
        here.simulation = fake
        try:
            yield
        finally:
            here.simulation = None


@pytest.fixture
def fake():
    return Fake()


@pytest.fixture
def within(fake):
    with simulated(fake):
        yield fake


def line_of(marker):
    """The number of the line that ends in a comment with these words."""
    lines = Path(FILE).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith("# " + marker))


def in_a_thread(call):
    """What a call returns in a thread of its own, started by a thread that is not simulated."""
    simulation, here.simulation = here.simulation, None
    results = []
    try:
        thread = threading.Thread(target=lambda: results.append(call()))
        thread.start()
        thread.join()
    finally:
        here.simulation = simulation
    return results[0]


def write_module(tmp_path, monkeypatch, text, name="users_module"):
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    monkeypatch.setitem(sys.modules, name, module)  # taken out again after the test
    return module


def everything():
    """Each function in each module, and each value in each class that is touched, by its place.

    What is no function may change beside us: Hypothesis counts garbage collections.
    """
    found = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and not name.startswith(("minisqs", "_pytest", "pluggy")):
            found |= {(name, key): value for key, value in list(vars(module).items()) if callable(value)}
    touched = [dt.datetime, dt.date, random.Random, threading.Thread]
    touched += [one for one in vars(selectors).values() if isinstance(one, type)]
    return found | {(one, key): value for one in touched for key, value in vars(one).items()}


def differing(before, after):
    return [place for place in before.keys() | after.keys() if before.get(place) is not after.get(place)]


# ----------------------------------------------------------------------------------------------------------- time
def test_each_clock_shows_simulated_time(within):
    clocks = [time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns]
    before = [clock() for clock in clocks]
    within.now += SECOND_NS
    assert [after() - one for after, one in zip(clocks, before, strict=True)] == [1, SECOND_NS] * 3
    assert before[:2] == [START_NS / SECOND_NS, START_NS]


def test_monotonic_clocks_tell_single_nanoseconds(within):
    before = time.monotonic()
    within.now += 1
    assert time.monotonic() - before == pytest.approx(1e-9, rel=0.1)
    assert time.monotonic_ns() == MONOTONIC_START_NS + 1


def test_monotonic_clocks_begin_anew_in_each_run(within):
    assert time.monotonic_ns() == MONOTONIC_START_NS
    within.now += SECOND_NS
    seed_randomness(b"another run")
    assert time.monotonic_ns() == MONOTONIC_START_NS


def test_processor_time_stays_real(within):
    assert time.process_time is vars(time)["process_time"]
    assert type(time.process_time) is type(len)
    assert type(time.thread_time) is type(len)


def test_sleep_lets_simulated_time_pass(within):
    time.sleep(3600)
    time.sleep(0.5)
    assert within.asked == [("sleep", 3600), ("sleep", 0.5)]
    assert time.time() == START_NS / SECOND_NS + 3600.5


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (float("inf"), OverflowError), ("1", TypeError)],
)
def test_sleep_refuses_what_the_real_one_refuses(within, seconds, error):
    with pytest.raises(error):
        time.sleep(seconds)
    assert within.asked == []


def test_calendar_functions_show_simulated_time_unless_they_are_given_one(within):
    now = START_NS // SECOND_NS
    assert time.gmtime()[:6] == (2025, 1, 1, 0, 0, 0)
    assert time.localtime() == time.localtime(now) == time.localtime(None)
    assert time.ctime() == time.ctime(now)
    assert time.asctime() == time.ctime(now)
    assert time.strftime("%Y %j") == time.strftime("%Y %j", time.localtime(now))
    assert time.strftime("%Y", time.gmtime(0)) == "1970"
    assert time.gmtime(0)[:6] == (1970, 1, 1, 0, 0, 0)
    assert time.asctime(time.gmtime(0)) == "Thu Jan  1 00:00:00 1970"


def test_the_offset_is_added_to_what_is_read_and_not_to_the_simulation(fake):
    with simulated(fake, clock_offset_ns=-5 * SECOND_NS):
        assert time.time_ns() == START_NS - 5 * SECOND_NS
        assert dt.datetime.now(dt.UTC) == dt.datetime(2024, 12, 31, 23, 59, 55, tzinfo=dt.UTC)
        monotonic_ns = time.monotonic_ns()
        shift_clock(2 * SECOND_NS)
        assert time.time_ns() == START_NS + 2 * SECOND_NS
        assert time.monotonic_ns() - monotonic_ns == 7 * SECOND_NS
    with simulated(fake):
        assert time.time_ns() == START_NS


# ------------------------------------------------------------------------------------------------------- datetime
def test_datetime_shows_simulated_time(within):
    within.now += 1_234_567_999
    assert dt.datetime.now() == dt.datetime.fromtimestamp(START_NS // SECOND_NS + 1).replace(microsecond=234567)
    assert dt.datetime.today() == dt.datetime.now()
    assert dt.date.today() == dt.datetime.now().date()
    assert bound_datetime.now() == dt.datetime.now()


def test_datetime_in_a_time_zone_is_the_same_instant_shown_there(within):
    zone = dt.timezone(dt.timedelta(hours=5, minutes=30))
    moment = dt.datetime.now(zone)
    assert moment.isoformat() == "2025-01-01T05:30:00+05:30"
    assert dt.datetime.now(tz=dt.UTC).isoformat() == "2025-01-01T00:00:00+00:00"


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_utcnow_is_naive_and_in_utc(within):
    assert dt.datetime.utcnow() == dt.datetime(2025, 1, 1)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="utcnow is deprecated since 3.12")
def test_utcnow_warns_at_the_users_line_as_the_real_one_does(within):
    with pytest.warns(DeprecationWarning, match="utcnow") as warned:
        dt.datetime.utcnow()
    assert warned[0].filename == FILE


@pytest.mark.parametrize("microseconds", [0, 1, 7, 999_999])
@pytest.mark.parametrize("seconds", [1, 1_735_689_600, 4_102_444_800, 4_600_000_000])
def test_datetime_is_exact_to_the_microsecond(within, seconds, microseconds):
    within.now = seconds * SECOND_NS + microseconds * 1000 + 999
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert dt.datetime.now(dt.UTC) - epoch == dt.timedelta(seconds=seconds, microseconds=microseconds)


class Moment(dt.datetime):
    """A user's own datetime."""


class Day(dt.date):
    """A user's own date."""


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_subclasses_of_datetime_get_their_own_kind(within):
    for moment in (Moment.now(), Moment.now(dt.UTC), Moment.today(), Moment.utcnow()):
        assert type(moment) is Moment
        assert moment.year in {2024, 2025}  # by the time zone of the machine
    assert type(Day.today()) is Day
    assert Day.today() == dt.date.today()


def test_a_class_that_is_put_in_the_place_of_datetime_is_met_and_left_as_it_was(fake, monkeypatch):
    class Frozen(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1999, 1, 1, tzinfo=tz)

    frozen_now = vars(Frozen)["now"]
    monkeypatch.setattr(dt, "datetime", Frozen)
    with simulated(fake):
        assert dt.datetime.now(dt.UTC).isoformat() == "2025-01-01T00:00:00+00:00"
        assert type(dt.datetime.now()) is Frozen
        assert bound_datetime.now(dt.UTC) == dt.datetime.now(dt.UTC)
        assert in_a_thread(dt.datetime.now).year == 1999
    assert vars(Frozen)["now"] is frozen_now
    assert dt.datetime.now().year == 1999


# ---------------------------------------------------------------------------------------------------- bound names
BOUND = """
from time import sleep, time as now, monotonic
from random import random, choice, seed
from os import urandom
from uuid import uuid4, uuid1
from threading import Lock, RLock
from datetime import datetime

def use():
    sleep(7)
    return now(), urandom(4), uuid4(), uuid1(), datetime.now().timestamp(), random(), choice(range(100))
"""


def test_names_that_were_bound_before_ask_the_simulation(fake, tmp_path, monkeypatch):
    module = write_module(tmp_path, monkeypatch, BOUND)
    before = dict(vars(module))
    with simulated(fake):
        first = module.use()
        assert type(module.Lock()) is SimulatedLock
        assert type(module.RLock()) is SimulatedRLock
        fake.now = START_NS
        seed_randomness(b"seed")
        assert module.use() == first
        assert first[0] == first[4] == START_NS / SECOND_NS + 7
    assert fake.asked[0] == ("sleep", 7)
    assert vars(module) == before
    assert module.sleep is time.sleep


def test_names_of_a_module_that_is_loaded_meanwhile_are_real_again_afterwards(fake, tmp_path, monkeypatch):
    with simulated(fake):
        module = write_module(tmp_path, monkeypatch, BOUND, "loaded_meanwhile")
        module.use()
        assert fake.asked == [("sleep", 7)]
    assert module.sleep is time.sleep
    assert module.urandom is os.urandom
    assert module.Lock is threading.Lock
    with simulated(fake):
        module.use()
    assert fake.asked == [("sleep", 7)] * 2


def test_a_module_that_takes_the_place_of_another_is_met(fake, tmp_path, monkeypatch):
    write_module(tmp_path, monkeypatch, BOUND, "replaced")
    with simulated(fake):
        pass
    module = write_module(tmp_path, monkeypatch, BOUND, "replaced")
    with simulated(fake):
        module.sleep(1)
    assert fake.asked == [("sleep", 1)]


def test_a_module_that_goes_meanwhile_gets_its_names_back(fake, tmp_path, monkeypatch):
    module = write_module(tmp_path, monkeypatch, BOUND, "goes")
    with simulated(fake):
        del sys.modules["goes"]
    assert module.sleep is time.sleep


def test_a_lazy_module_is_not_loaded_by_being_looked_at_and_met_once_it_is(fake, tmp_path, monkeypatch):
    (tmp_path / "lazy.py").write_text("from time import sleep\nloaded = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("lazy")
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lazy", module)
    loader.exec_module(module)
    with simulated(fake):
        assert "loaded" not in object.__getattribute__(module, "__dict__")
    assert module.loaded
    with simulated(fake):
        module.sleep(1)
    assert fake.asked == [("sleep", 1)]
    assert module.sleep is time.sleep


def test_what_is_no_module_in_the_table_of_modules_is_left_alone(fake, monkeypatch):
    class Trap:
        def __getattr__(self, name):
            raise AssertionError(name)

    monkeypatch.setitem(sys.modules, "trap", Trap())
    with simulated(fake):
        assert time.time() == START_NS / SECOND_NS


def test_a_stand_in_that_is_held_by_a_class_takes_no_instance_for_an_argument(within):
    class Limiter:
        clock = time.monotonic_ns
        sleep = time.sleep

    Limiter().sleep(1)
    assert Limiter().clock() >= MONOTONIC_START_NS
    assert within.asked == [("sleep", 1)]


def test_a_stand_in_that_was_captured_asks_the_real_thing_afterwards(fake):
    with simulated(fake):
        captured = time.time_ns
    before = time.time_ns()
    assert before <= captured() <= time.time_ns()


def test_a_stand_in_that_a_patch_of_the_user_puts_back_too_late_does_no_harm(fake):
    original, patch = time.sleep, pytest.MonkeyPatch()
    with simulated(fake):
        patch.setattr(time, "sleep", lambda seconds: None)
    patch.undo()
    assert time.sleep is not original
    with simulated(fake):
        time.sleep(2)
    assert fake.asked == [("sleep", 2)]
    assert time.sleep is original


def test_a_patch_of_the_users_is_patched_over_and_put_back(fake, tmp_path, monkeypatch):
    module = write_module(tmp_path, monkeypatch, BOUND)

    def frozen():
        return 42.0

    monkeypatch.setattr(time, "time", frozen)
    with simulated(fake):
        assert time.time() == module.now() == START_NS / SECOND_NS
        assert in_a_thread(time.time) == 42.0
    assert time.time is frozen
    monkeypatch.undo()
    with simulated(fake):
        assert time.time() == START_NS / SECOND_NS
    assert type(time.time) is type(len)


def test_a_patch_of_the_users_is_patched_over_wherever_it_is_bound(fake, tmp_path, monkeypatch):
    patches = write_module(tmp_path, monkeypatch, "def nothing(seconds): pass\n", "patches")
    module = write_module(tmp_path, monkeypatch, BOUND)
    monkeypatch.setattr(time, "sleep", patches.nothing)
    monkeypatch.setattr(module, "sleep", patches.nothing)
    nothing = patches.nothing
    with simulated(fake):
        module.sleep(1)
        time.sleep(2)
        assert patches.nothing is nothing  # it may have other uses
    assert fake.asked == [("sleep", 1), ("sleep", 2)]
    assert time.sleep is module.sleep is nothing


def test_a_patch_of_the_users_may_ask_the_original(fake, tmp_path, monkeypatch):
    text = "import time\noriginal = time.gmtime\ndef frozen(seconds=None): return original(5)\n"
    module = write_module(tmp_path, monkeypatch, text)
    monkeypatch.setattr(time, "gmtime", module.frozen)
    with simulated(fake):
        assert time.gmtime().tm_sec == 5
    assert time.gmtime is module.frozen


def test_what_a_patch_of_the_users_is_made_of_keeps_its_other_uses(fake, monkeypatch):
    monkeypatch.setattr(time, "sleep", int)
    monkeypatch.setattr(time, "time", int)
    with simulated(fake):
        assert int("5") == 5
        time.sleep(3)
        assert time.time() == START_NS / SECOND_NS + 3
    assert time.sleep is time.time is int


# --------------------------------------------------------------------------------------------------------- chance
def draws():
    generator = random.Random()
    random.gauss(0, 1)
    return [
        os.urandom(5),
        os.urandom(200),
        random.random(),
        random.choice(range(10**9)),
        random.gauss(0, 1),
        random.SystemRandom().random(),
        generator.random(),
        secrets.token_hex(),
        secrets.randbelow(10**9),
        uuid.uuid4(),
        uuid.uuid1(),
        random.seed(),
        random.random(),
    ]


def test_chance_is_the_same_for_equal_seeds_and_differs_for_others(fake):
    with simulated(fake, seed=b"one"):
        first = draws()
        second = draws()
        seed_randomness(b"one")
        again = draws()
    with simulated(fake, seed=b"one"):
        once_more = draws()
    with simulated(fake, seed=b"two"):
        other = draws()
    assert first == again == once_more
    for different in (second, other):
        assert all(one != another for one, another in zip(first, different, strict=True) if one is not None)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_as_many_bytes_are_drawn_as_are_asked_for(within, size):
    assert len(os.urandom(size)) == size
    assert len({os.urandom(32) for _ in range(100)}) == 100


@pytest.mark.parametrize(("size", "error"), [(-1, ValueError), ("1", TypeError)])
def test_a_draw_refuses_what_the_real_one_refuses(within, size, error):
    with pytest.raises(error):
        os.urandom(size)


@pytest.mark.skipif(not hasattr(os, "getrandom"), reason="a call of Linux")
def test_getrandom_draws_from_the_run(within):
    first = os.getrandom(8)
    seed_randomness(b"seed")
    assert os.getrandom(8) == first


def test_a_uuid_of_the_time_shows_simulated_time_and_comes_once(within):
    ids = [uuid.uuid1() for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(one.version == 1 and one.variant == uuid.RFC_4122 for one in ids)
    assert (ids[0].time - 0x01B21DD213814000) * 100 == START_NS
    assert uuid.uuid1(node=7, clock_seq=9).fields[3:] == (0x80, 9, 7)


def test_a_generator_with_a_seed_of_its_own_is_not_touched(within):
    here.simulation = None
    expected = random.Random(5).random()
    here.simulation = within
    assert random.Random(5).random() == expected


@pytest.mark.parametrize("fails", [False, True])
def test_the_generator_of_the_user_goes_on_afterwards_as_if_nothing_had_been(fake, fails):
    before = random.getstate()
    try:
        with simulated(fake), simulated(fake):
            random.random()
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert random.getstate() == before


# ---------------------------------------------------------------------------------------------------------- locks
def test_locks_made_in_the_simulation_are_simulated(within):
    assert type(threading.Lock()) is SimulatedLock
    assert type(threading.RLock()) is SimulatedRLock
    here.simulation = None
    assert type(threading.Lock()) is not SimulatedLock
    assert type(threading.RLock()) is not SimulatedRLock
    here.simulation = within


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Lock is a class since 3.13")
def test_where_lock_is_a_class_it_can_still_be_asked_for_instances(within):
    lock = threading.Lock()
    here.simulation = None
    assert isinstance(lock, threading.Lock)
    assert isinstance(threading.Lock(), threading.Lock)
    assert not isinstance(5, threading.Lock)
    assert isinstance(None, threading.Lock | None)


def test_a_free_lock_is_taken_without_asking_anybody_and_says_who_has_it(within):
    lock = threading.Lock()
    assert lock.acquire()  # the lock is taken here
    assert (lock.holder, lock.where) == (within.owner(), f"{FILE}:{line_of('the lock is taken here')}")
    assert lock.locked()
    assert within.asked == []
    lock.release()
    assert (lock.holder, lock.locked()) == (None, False)
    assert within.asked == [("released", lock)]
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_lock_that_another_delivery_holds_is_waited_for_in_the_simulation(within):
    lock = threading.Lock()
    lock.acquire()
    within.others = lock.release
    within.running = "second"
    with lock:
        assert lock.holder is within.deliveries["second"]
    assert within.asked == [("wait", lock, None), ("released", lock), ("released", lock)]


def test_a_lock_that_was_snatched_away_is_waited_for_once_more(within):
    lock = threading.Lock()
    lock.acquire()
    within.others = partial(setattr, within, "others", lock.release)
    assert lock.acquire()
    assert [what for what, *_ in within.asked] == ["wait", "wait", "released"]


def test_a_wait_for_a_lock_ends_with_its_time(within):
    lock = threading.Lock()
    lock.acquire()

    def sleep():  # and leave the lock taken
        within.sleep(2)

    within.others = sleep
    assert not lock.acquire(timeout=5)
    assert [asked[2] for asked in within.asked if asked[0] == "wait"] == [5, 3]
    assert within.passed_s == 5


def test_a_lock_is_asked_for_without_waiting(within):
    lock = threading.Lock()
    lock.acquire()
    assert not lock.acquire(blocking=False)
    assert not lock.acquire(*[False])  # by its place
    assert not lock.acquire(timeout=0)
    assert within.asked == []


@pytest.mark.parametrize(
    ("arguments", "error"), [((False, 1), ValueError), ((True, -2), ValueError), ((True, 1e20), OverflowError)]
)
@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_lock_refuses_what_a_real_one_refuses(within, kind, arguments, error):
    lock = getattr(threading, kind)()
    with pytest.raises(error):
        lock.acquire(*arguments)
    here.simulation = None
    with pytest.raises(error):
        getattr(threading, kind)().acquire(*arguments)


def test_a_reentrant_lock_belongs_to_a_delivery_and_not_to_a_thread(within):
    lock = threading.RLock()
    with lock, lock:
        within.running = "second"
        assert not lock.acquire(blocking=False)
        with pytest.raises(RuntimeError):
            lock.release()
        within.running = "first"
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()
    within.running = "second"
    assert lock.acquire(blocking=False)
    assert within.asked == [("released", lock)]


def test_a_reentrant_lock_is_not_owned_by_nobody(within):
    within.owner = lambda: None
    lock = threading.RLock()
    with pytest.raises(RuntimeError):
        lock.release()
    with lock:
        assert lock.locked()


def test_a_condition_is_waited_for_with_its_lock_free_and_taken_again(within):
    condition = threading.Condition()

    def notify():
        with condition:
            condition.notify()

    within.others = notify
    with condition, condition:
        assert condition.wait()
        assert condition._lock._recursion_count() == 2
    waits = [asked for asked in within.asked if asked[0] == "wait"]
    assert [asked[2] for asked in waits] == [None]
    assert waits[0][1] is not condition._lock


def test_a_condition_waits_for_as_long_as_simulated_time_says(within):
    condition = threading.Condition(threading.Lock())
    with condition:
        assert not condition.wait(3600)
        assert not condition.wait_for(lambda: False, 60)
    assert within.passed_s == 3660


def test_an_event_is_waited_for_in_simulated_time(within):
    event = threading.Event()
    assert not event.wait(10)
    assert within.passed_s == 10
    within.others = event.set
    assert event.wait()
    assert within.passed_s == 10


def test_a_queue_is_waited_for_in_simulated_time(within):
    channel = queue.Queue(maxsize=1)
    with pytest.raises(queue.Empty):
        channel.get(timeout=30)
    assert within.passed_s == 30
    within.others = partial(channel.put, "work")
    assert channel.get(timeout=30) == "work"
    channel.put("more")
    with pytest.raises(queue.Full):
        channel.put("too much", timeout=5)
    assert within.passed_s == 35


def test_a_semaphore_is_waited_for_in_simulated_time(within):
    semaphore = threading.BoundedSemaphore(1)
    assert semaphore.acquire()
    assert not semaphore.acquire(timeout=4)
    assert within.passed_s == 4
    within.others = semaphore.release
    assert semaphore.acquire()


def test_an_event_of_a_module_is_waited_for_in_simulated_time(fake):
    event = threading.Event()  # with a real lock, as it was made outside
    with simulated(fake):
        assert not event.wait(10)
    assert fake.passed_s == 10


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_simulated_lock_is_a_plain_one_after_the_run(within, kind):
    lock = getattr(threading, kind)()
    within.asked.clear()
    here.simulation = None
    with lock:
        assert lock.locked()
        assert not in_a_thread(partial(lock.acquire, timeout=0.001))
        assert not in_a_thread(partial(lock.acquire, blocking=False))
    assert not lock.locked()
    assert within.asked == []


def test_a_lock_that_simulated_code_holds_is_not_waited_for_outside(within):
    lock = threading.Lock()
    lock.acquire()
    here.simulation = None
    assert not lock.acquire(blocking=False)
    with pytest.raises(errors.EscapedSimulation, match=r"test_intercepts.py:\d+ .* took at .*test_intercepts.py:\d+"):
        lock.acquire()
    lock.release()


def test_a_simulated_lock_is_free_in_a_child_process(within):
    for lock in (threading.Lock(), threading.RLock()):
        lock.acquire()
        lock._at_fork_reinit()
        assert not lock.locked()
        assert lock.acquire(blocking=False)


def test_a_simulated_lock_shows_where_it_was_taken(within):
    lock = threading.RLock()
    assert repr(lock) == "<RLock free>"
    lock.acquire()
    assert repr(lock) == f"<RLock taken at {lock.where}>"


# -------------------------------------------------------------------------------------------------------- threads
def test_a_thread_is_refused_with_the_line_that_starts_it(within):
    thread = threading.Thread(target=print)
    with pytest.raises(Refused):
        thread.start()  # a thread is started here
    where = f"{FILE}:{line_of('a thread is started here')} in {sys._getframe().f_code.co_qualname}"
    assert within.asked[-1] == ("thread", where)
    assert thread not in threading.enumerate()


def test_a_thread_of_a_pool_is_refused_with_the_users_line(within):
    pool = ThreadPoolExecutor()
    with pytest.raises(Refused):
        pool.submit(print)  # work is given to a pool here
    [where] = [asked[1] for asked in within.asked if asked[0] == "thread"]
    assert where.startswith(f"{FILE}:{line_of('work is given to a pool here')} in ")


def test_threads_below_the_classes_are_refused_as_well(within, tmp_path, monkeypatch):
    module = write_module(tmp_path, monkeypatch, "from _thread import start_new_thread\n", "low")
    with pytest.raises(Refused):
        module.start_new_thread(print, ())
    for name in ("_start_new_thread", "_start_joinable_thread"):
        if hasattr(threading, name):
            with pytest.raises(Refused):
                getattr(threading, name)(print, ())


def test_other_threads_keep_real_time_while_one_is_simulated(within):
    def ask():
        before = time.time_ns()
        time.sleep(0)
        bytes_drawn = os.urandom(16)
        year = dt.datetime.now().year
        monotonic_s, day, name = time.monotonic(), dt.date.today(), uuid.uuid1()
        random.Random()
        lock = threading.Lock()
        return before, bytes_drawn, year, monotonic_s, day, name, lock, time.gmtime(), time.strftime("%Y"), time.ctime()

    before, drawn, year, *_, lock, moment, text, _ = in_a_thread(ask)
    assert before != START_NS
    assert moment.tm_year == int(text) == year
    seed_randomness(b"seed")
    assert drawn != os.urandom(16)
    assert type(lock) is not SimulatedLock
    assert within.asked == []


# ---------------------------------------------------------------------------------------------------- event loops
def test_an_event_loop_of_the_users_sleeps_in_simulated_time(within):
    within.now += 5_000_001  # no multiple of what a float of that size can tell

    async def wait(seconds):
        await asyncio.sleep(seconds)
        return time.time()

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        return await asyncio.gather(wait(3600), wait(0.1))

    began = time.process_time()
    asyncio.run(main())
    assert within.now - START_NS - 5_000_001 == 3630 * SECOND_NS
    assert time.process_time() - began < 10


def test_an_event_loop_that_waits_for_the_outside_says_so(within):
    async def main():
        await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    task = loop.create_task(main())
    with pytest.raises(errors.EscapedSimulation, match=r"the event loop of .*test_intercepts.py:\d+ in .*outside"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_a_thread_of_an_event_loop_is_refused(within):
    async def main():
        await asyncio.to_thread(print)

    with pytest.raises(Refused):
        asyncio.run(main())


@pytest.mark.parametrize(
    "kind", [name for name in vars(selectors) if name.endswith("Selector") and name[0] not in "BD_"]
)
def test_a_selector_reports_what_is_ready_before_time_passes(within, kind):
    reading, writing = os.pipe()
    with getattr(selectors, kind)() as selector:
        selector.register(reading, selectors.EVENT_READ)
        assert selector.select(5) == []
        os.write(writing, b"!")
        assert [key.fd for key, _ in selector.select()] == [reading]
        assert selector.select(0) != []
    os.close(reading)
    os.close(writing)
    assert within.asked == [("sleep", 5)]


def test_our_own_event_loop_is_not_disturbed(within):
    clock = Clock(START_NS)
    loop = SimulatedLoop(clock)

    async def main():
        await asyncio.sleep(5)
        return "done"

    loop.begin(main())
    clock.move_to(loop.step())
    assert clock.now_ns == START_NS + 5 * SECOND_NS
    loop.step()
    assert loop.result() == "done"
    assert within.asked == []


# ----------------------------------------------------------------------------------------------- in place and away
def test_nothing_is_left_afterwards(fake):
    with simulated(fake):  # what is loaded and kept at first is not to be counted
        draws()
    before, flags = everything(), (type(dt.datetime.__dict__["now"]), dt.datetime.now)
    with simulated(fake):
        draws()
        assert len(differing(before, everything())) > 30
    assert differing(before, everything()) == []
    assert type(dt.datetime.__dict__["now"]) is flags[0]
    assert abs(dt.datetime.now().timestamp() - time.time()) < 60
    assert [one for one in gc.get_referents(dt.datetime.__dict__) if "now" in one] == [dict(vars(dt.datetime))]


def test_nothing_is_left_after_an_exception(fake):
    before = everything()
    with pytest.raises(Refused), simulated(fake):
        threading.Thread(target=print).start()
    assert differing(before, everything()) == []


def test_nothing_is_left_after_an_entry_that_fails(monkeypatch):
    before = everything()

    def fail():
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(context._classes, "install", fail)
        with pytest.raises(KeyError):
            Intercepts(seed=b"").__enter__()
    assert differing(before, everything()) == []
    with Intercepts(seed=b""):
        assert time.sleep is not before["time", "sleep"]
    assert differing(before, everything()) == []


def test_contexts_nest_and_the_last_exit_takes_everything_away(fake):
    original = time.sleep
    context = Intercepts(seed=b"outer", clock_offset_ns=1)
    with context:
        here.simulation = fake
        os.urandom(3)
        with Intercepts(seed=b"inner", clock_offset_ns=2), context:
            assert time.time_ns() == START_NS + 1
            os.urandom(3)
        assert time.sleep is not original
        assert time.time_ns() == START_NS + 1
        rest = os.urandom(3)
        here.simulation = None
    assert time.sleep is original
    with simulated(fake, seed=b"outer"):
        os.urandom(3)
        assert os.urandom(3) == rest


def test_contexts_of_several_threads_are_taken_away_with_the_last(fake):
    original, entered = time.sleep, Intercepts(seed=b"")
    before = random.getstate()
    with Intercepts(seed=b"first"):
        entered.__enter__()
    assert time.sleep is not original
    entered.__exit__(None, None, None)
    assert time.sleep is original
    assert random.getstate() == before


def test_a_thread_is_not_simulated_until_it_says_so(fake):
    with Intercepts(seed=b""):
        assert here.simulation is None
        assert time.time_ns() != START_NS


def test_neither_asyncio_nor_uuid_is_loaded_by_the_intercepts():
    program = (
        "import sys; from minisqs.sim.intercepts import Intercepts\nwith Intercepts(seed=b''): print(*sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"asyncio", "uuid", "secrets", "queue"}.isdisjoint(run.stdout.split())


def test_whoever_times_garbage_collections_does_not_read_the_simulated_clock():
    told = []
    callback = lambda phase, info: told.append(time.perf_counter())  # noqa: E731
    gc.callbacks.append(callback)
    try:
        with Intercepts():
            gc.collect()
            assert told == []
        gc.collect()
        assert len(told) == 2
    finally:
        gc.callbacks.remove(callback)


def test_what_the_functions_of_os_support_is_said_of_their_stand_ins_too():
    before = {name: set(getattr(os, name)) for name in ("supports_dir_fd", "supports_fd")}
    with Intercepts(seed=b""):
        assert os.unlink in os.supports_dir_fd
        assert os.truncate in os.supports_fd
    assert {name: set(getattr(os, name)) for name in before} == before
