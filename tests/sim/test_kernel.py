import pytest

from minisqs import errors
from minisqs.limits import NEVER_NS
from minisqs.sim.clock import Clock
from minisqs.sim.kernel import Kernel, Wait


class Nothing:
    """A background in which things fall due at the times it was given."""

    def __init__(self, due=(), passive=(), happened=None):
        self.due, self.passive = sorted(due), sorted(passive)
        self.happened = [] if happened is None else happened

    def earliest_ns(self):
        return min(self.next_due_ns(), self.next_passive_ns())

    def next_due_ns(self):
        return self.due[0] if self.due else NEVER_NS

    def next_passive_ns(self):
        return self.passive[0] if self.passive else NEVER_NS

    def next_due(self):
        return "the background"

    def settle(self):
        self.happened.append("background")
        (self.due if self.next_due_ns() <= self.next_passive_ns() else self.passive).pop(0)
        return "the background"


@pytest.fixture
def happened():
    return []


def make(happened=None, choose_tie=None, **background):
    return Kernel(Clock(0), Nothing(happened=happened, **background), choose_tie)


def note(kernel, happened, time_ns, name, **named):
    return kernel.at(time_ns, lambda: happened.append((kernel.clock.now_ns, name)), label=name, **named)


def test_events_happen_by_time_and_ties_in_order_of_scheduling(happened):
    kernel = make()
    for time_ns, name in ((20, "c"), (10, "a"), (20, "d"), (10, "b")):
        note(kernel, happened, time_ns, name)
    kernel.run_until(20)
    assert happened == [(10, "a"), (10, "b"), (20, "c"), (20, "d")]


@pytest.mark.parametrize(("end", "expected"), [(9, 0), (10, 1), (11, 1)])
def test_time_passes_up_to_and_including_the_end(happened, end, expected):
    kernel = make()
    note(kernel, happened, 10, "a")
    kernel.run_until(end)
    assert (len(happened), kernel.clock.now_ns) == (expected, end)


def test_the_background_comes_before_events_of_its_nanosecond(happened):
    kernel = make(happened, due=[10], passive=[20])
    note(kernel, happened, 10, "a")
    note(kernel, happened, 20, "b")
    kernel.run_until(20)
    assert happened == ["background", (10, "a"), "background", (20, "b")]


@pytest.mark.parametrize(("answers", "order"), [((0, 0), "abc"), ((1, 0), "bac"), ((2, 1), "cba"), ((1, 1), "bca")])
def test_a_tie_goes_as_it_is_chosen(happened, answers, order):
    asked, left = [], list(answers)
    kernel = make(choose_tie=lambda label, options: asked.append((label, options)) or left.pop(0))
    for name in "abc":
        note(kernel, happened, 10, name)
    kernel.run_until(10)
    assert "".join(name for _, name in happened) == order
    assert asked[0] == ("a", 3)
    assert asked[1][1] == 2


def test_no_tie_is_chosen_where_only_one_event_is_left(happened):
    kernel = make(choose_tie=lambda label, options: pytest.fail("there is no choice"))
    note(kernel, happened, 10, "a")
    kernel.cancel(note(kernel, happened, 10, "b"))
    note(kernel, happened, 11, "c")
    kernel.run_until(20)
    assert [name for _, name in happened] == ["a", "c"]


def test_an_event_in_the_past_happens_now_behind_what_is_due(happened):
    kernel = make()
    kernel.run_until(100)
    note(kernel, happened, 100, "a")
    note(kernel, happened, 5, "b")
    kernel.run_until(100)
    assert happened == [(100, "a"), (100, "b")]


def test_a_cancelled_event_does_not_happen_and_keeps_nobody_busy(happened):
    kernel = make()
    event = note(kernel, happened, 10, "a")
    kernel.cancel(event)
    kernel.cancel(event)
    kernel.run_until_idle(lambda: 100, 10)
    kernel.run_until(10)
    assert happened == []


def test_cancelling_what_has_happened_changes_nothing(happened):
    kernel = make()
    event = note(kernel, happened, 10, "a")
    note(kernel, happened, 20, "b")
    kernel.run_until(10)
    kernel.cancel(event)
    kernel.run_until_idle(lambda: 100, 10)
    assert happened == [(10, "a"), (20, "b")]


def test_time_may_pass_inside_an_event(happened):
    kernel = make()

    def sleep():
        happened.append((kernel.clock.now_ns, "falls asleep"))
        kernel.run_until(kernel.clock.now_ns + 10)
        happened.append((kernel.clock.now_ns, "wakes"))

    kernel.at(10, sleep, label="sleeper")
    note(kernel, happened, 15, "meanwhile")
    note(kernel, happened, 25, "after")
    kernel.run_until(12)
    assert happened == [(10, "falls asleep"), (15, "meanwhile"), (20, "wakes")]
    assert kernel.clock.now_ns == 20
    kernel.run_until(30)
    assert happened[-1] == (25, "after")


def test_a_task_goes_on_when_its_wait_ends(happened):
    kernel = make()

    def work():
        for _ in range(2):
            happened.append(kernel.clock.now_ns)
            yield Wait(kernel.clock.now_ns + 10)
        return "done"

    task = kernel.spawn(work(), "worker")
    assert happened == []
    kernel.run_until(19)
    assert (happened, task.done) == ([0, 10], False)
    kernel.run_until(20)
    assert (task.done, task.result) == (True, "done")


def test_a_woken_task_goes_on_now_and_its_old_wait_is_over(happened):
    kernel = make()

    def work():
        yield Wait(100)
        happened.append(kernel.clock.now_ns)
        yield Wait(200)
        happened.append(kernel.clock.now_ns)

    task = kernel.spawn(work(), "worker")
    kernel.at(30, task.wake, label="waker")
    kernel.run_until(150)
    assert happened == [30]
    kernel.run_until(200)
    assert happened == [30, 200]
    task.wake()
    kernel.run_until(300)
    assert happened == [30, 200]


def test_a_stopped_task_goes_on_no_more(happened):
    kernel = make()

    def work():
        try:
            yield Wait(10)
            happened.append("went on")
        finally:
            happened.append("closed")

    task = kernel.spawn(work(), "worker")
    kernel.run_until(5)
    task.stop()
    kernel.run_until_idle(lambda: 100, 10)
    assert happened == ["closed"]
    assert task.done


def test_an_error_in_a_task_reaches_who_lets_time_pass():
    kernel = make()

    def work():
        yield Wait(10)
        raise ZeroDivisionError

    task = kernel.spawn(work(), "worker")
    with pytest.raises(ZeroDivisionError):
        kernel.run_until(20)
    assert task.done
    assert kernel.current is None
    kernel.run_until_idle(lambda: 100, 10)


def test_complete_runs_a_task_to_its_end_and_all_that_falls_due_meanwhile(happened):
    kernel = make()
    note(kernel, happened, 5, "meanwhile")
    note(kernel, happened, 15, "after")

    def work():
        yield Wait(10)
        return "result"

    assert kernel.complete(work(), "main") == "result"
    assert (happened, kernel.clock.now_ns) == ([(5, "meanwhile")], 10)


def test_the_current_task_is_the_one_that_runs(happened):
    kernel = make()

    def inner():
        happened.append(kernel.current.label)
        return "inner"
        yield

    def outer():
        happened.append(kernel.current.label)
        kernel.complete(inner(), "inner")
        happened.append(kernel.current.label)
        return
        yield

    kernel.complete(outer(), "outer")
    assert happened == ["outer", "inner", "outer"]
    assert kernel.current is None


def test_only_what_is_passive_leaves_the_world_idle(happened):
    kernel = make(happened, due=[10], passive=[500])
    note(kernel, happened, 20, "active")
    note(kernel, happened, 30, "passive", passive=True)
    kernel.run_until_idle(lambda: 1000, 10)
    assert happened == ["background", (20, "active")]
    assert kernel.clock.now_ns == 20


def busy(kernel, label, every=10):
    def work():
        while True:
            yield Wait(kernel.clock.now_ns + every)

    kernel.spawn(work(), label)


def test_a_run_that_never_settles_names_what_keeps_it_busy():
    kernel = make()
    busy(kernel, "often")
    busy(kernel, "seldom", every=100)
    with pytest.raises(errors.NeverSettled, match=r"often \(101 events\), seldom \(11 events\)") as caught:
        kernel.run_until_idle(lambda: 1000, 10_000)
    assert kernel.clock.now_ns == 1000
    assert "112 events" in str(caught.value)


def test_a_run_ends_after_so_many_events():
    kernel = make()
    busy(kernel, "worker")
    with pytest.raises(errors.NeverSettled, match=r"worker \(5 events\)"):
        kernel.run_until_idle(lambda: NEVER_NS, 5)


def test_a_run_given_up_names_what_would_have_come_next():
    kernel = make(due=[2000])
    with pytest.raises(errors.NeverSettled, match=r"the background \(next\)"):
        kernel.run_until_idle(lambda: 1000, 10)
    note(kernel, [], 1500, "a late event")
    with pytest.raises(errors.NeverSettled, match=r"a late event \(next\)"):
        kernel.run_until_idle(lambda: 1000, 10)


def test_events_of_one_nanosecond_happen_by_their_order_before_all_else(happened):
    kernel = make()
    for name, order in (("d", 1), ("b", 0), ("a", -1), ("e", 2), ("c", 0)):
        note(kernel, happened, 10, name, order=order)
    note(kernel, happened, 9, "before", order=5)
    kernel.run_until(10)
    assert [name for _, name in happened] == ["before", "a", "b", "c", "d", "e"]


def test_an_order_counts_also_for_what_is_scheduled_in_the_middle_of_its_nanosecond(happened):
    kernel = make()
    kernel.at(10, lambda: note(kernel, happened, 10, "late but first", order=-1), label="one")
    note(kernel, happened, 10, "waits", order=3)
    kernel.run_until(10)
    assert [name for _, name in happened] == ["late but first", "waits"]


def test_cancelled_events_do_not_pile_up(happened):
    kernel = make()
    kept = note(kernel, happened, 50_000, "kept")
    for time_ns in range(10_000):
        kernel.cancel(note(kernel, happened, 20_000 + time_ns, "cancelled"))
        kernel.cancel(kept)
        kept = note(kernel, happened, 50_000, "kept")
    assert len(kernel._heap) < 500
    kernel.run_until(50_000)
    assert happened == [(50_000, "kept")]


def test_what_an_event_wants_before_time_passes_inside_of_it_is_done_once_and_only_then(happened):
    kernel = make()

    def sleep_in_an_event():
        kernel.before_time_passes.append(lambda: happened.append((kernel.clock.now_ns, "prepared")))
        happened.append((kernel.clock.now_ns, "works"))
        kernel.run_until(kernel.clock.now_ns + 5)
        kernel.run_until(kernel.clock.now_ns + 5)

    kernel.at(10, sleep_in_an_event, label="sleeper")
    kernel.run_until(30)
    assert happened == [(10, "works"), (10, "prepared")]


def test_a_task_that_begins_in_an_event_takes_its_first_step_there(happened):
    kernel = make()

    def steps():
        happened.append((kernel.clock.now_ns, "first"))
        yield Wait(12)
        happened.append((kernel.clock.now_ns, "second"))

    kernel.at(10, lambda: (kernel.begin(steps(), "task"), happened.append((kernel.clock.now_ns, "after"))), label="one")
    kernel.run_until(20)
    assert happened == [(10, "first"), (10, "after"), (12, "second")]


# --------------------------------------------------------------------- time that passes inside of one event
def test_time_passes_inside_of_an_event_where_nothing_else_falls_due(happened):
    kernel = make()
    passed = []
    kernel.at(10, lambda: passed.extend(kernel.pass_alone(end, passive=False) for end in (30, 49, 50, 80)), label="a")
    note(kernel, happened, 50, "b")
    kernel.run_until(100)
    assert passed == [True, True, False, False]
    assert happened == [(50, "b")]


def test_it_does_not_pass_beyond_the_end_of_the_run_nor_what_falls_due_in_the_background():
    kernel = make(due=[70])
    passed = []
    kernel.at(10, lambda: passed.extend(kernel.pass_alone(end, passive=False) for end in (60, 70)), label="a")
    kernel.run_until(65)
    assert passed == [True, False]
    kernel.at(66, lambda: passed.append(kernel.pass_alone(69, passive=False)), label="a")
    kernel.run_until(68)
    assert passed[2:] == [False]


def test_a_passive_wait_is_where_a_world_may_be_idle_so_time_does_not_pass_beyond_it():
    kernel = make()
    passed = []
    kernel.at(10, lambda: passed.extend(kernel.pass_alone(20, passive=passive) for passive in (True, False)), label="a")
    kernel.run_until_idle(lambda: 1000, 100)
    assert passed == [False, True]


def test_a_passive_wait_keeps_the_world_busy_once_it_counts(happened):
    kernel = make()

    def waits():
        yield Wait(500, passive=True)
        happened.append(kernel.clock.now_ns)

    task = kernel.spawn(waits(), "a")
    kernel.run_until_idle(lambda: 1000, 100)
    assert happened == []
    task.count()
    task.count()
    kernel.run_until_idle(lambda: 1000, 100)
    assert happened == [500]


@pytest.mark.parametrize(("looks", "rounds"), [(False, [70]), (True, [10, 60, 70])])
def test_periodic_waits_are_leapt_over_and_who_looks_at_the_time_comes_once_before(happened, looks, rounds):
    kernel = make()
    kernel.skips_idle = True

    def waits():
        while True:
            yield Wait(kernel.clock.now_ns + 10, passive=True, period_ns=10, looks=looks)
            happened.append(kernel.clock.now_ns)

    kernel.spawn(waits(), "a")
    note(kernel, [], 15, "first")
    note(kernel, [], 65, "second")
    kernel.run_until(65)
    kernel.run_until(70)
    assert happened == rounds


def test_who_stands_around_time_is_told_before_and_after_also_inside_of_events():
    kernel, told = make(), []

    class Around:
        def begins(self):
            told.append("begins")

        def has_passed(self):
            told.append("has passed")

    kernel.around = Around()
    kernel.at(10, lambda: kernel.run_until(20), label="a")
    kernel.run_until(30)
    assert told == ["begins", "begins", "has passed", "has passed"]
