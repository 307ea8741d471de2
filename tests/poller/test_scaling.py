"""When a mapping gets more slots, and when it loses them (lambda-poller.md 5.1 to 5.4)."""

from __future__ import annotations

from fractions import Fraction

import pytest

import minisqs
from minisqs.poller.scaling import Budget, Scale, profile_of


def fresh(name="current", maximum_concurrency=None, account=5000, minimum=None, maximum=None, **settings):
    return Scale(profile_of(name, minimum, maximum, maximum_concurrency, account), **settings)


def busy_tick(scale):
    scale.tick(batches=1, failed=0, were_all_busy=True, is_backlog=True)
    return scale.slots


@pytest.mark.parametrize(
    ("settings", "start", "most", "quiet"),
    [
        ({"name": "legacy"}, 5, 1000, 5),
        ({}, 5, 1250, 2),
        ({"account": 1000}, 5, 1000, 2),
        ({"account": 3}, 3, 3, 2),
        ({"account": 1}, 1, 1, 1),
        ({"maximum_concurrency": 50}, 5, 50, 5),
        ({"maximum_concurrency": 2}, 2, 2, 2),
        ({"maximum_concurrency": 50, "account": 4}, 4, 4, 4),
        ({"name": "provisioned", "minimum": 2, "maximum": 200, "account": 20_000}, 20, 2000, 20),
        ({"name": "provisioned", "minimum": 3}, 30, 2000, 30),
        ({"name": "provisioned", "maximum": 5}, 20, 50, 20),
    ],
)
def test_caps_combine_by_their_minimum(settings, start, most, quiet):
    profile = fresh(**settings).profile
    assert (profile.start, profile.most, profile.quiet) == (start, most, quiet)


def test_a_fraction_of_a_slot_is_owed_until_it_is_whole():
    scale = fresh("legacy", tick_s=7)
    assert [busy_tick(scale) for _ in range(5)] == [12, 19, 26, 33, 40]
    scale = fresh("provisioned", minimum=2, maximum=200, tick_s=1)
    assert [busy_tick(scale) for _ in range(4)] == [36, 53, 70, 86]


@pytest.mark.parametrize(("busy", "backlog"), [(True, False), (False, True), (False, False)])
def test_without_all_slots_busy_and_a_message_left_nothing_grows_and_nothing_stays_owed(busy, backlog):
    scale = fresh("provisioned", minimum=2, maximum=200, tick_s=1)
    busy_tick(scale)
    scale.tick(batches=1, failed=0, were_all_busy=busy, is_backlog=backlog)
    assert scale.slots == 36
    assert [busy_tick(scale) for _ in range(2)] == [52, 69]  # 16.67 each, begun anew


@pytest.mark.parametrize(
    ("slots", "batches", "failed", "after"),
    [
        (105, 100, 100, 94),
        (105, 100, 50, 99),
        (105, 100, 1, 104),
        (105, 1000, 1, 104),
        (50, 7, 7, 45),
        (30, 3, 3, 27),
        (6, 10, 10, 5),
        (5, 10, 10, 5),
    ],
)
def test_failed_batches_take_a_tenth_of_their_share_rounded_up_but_no_slot_of_the_start(slots, batches, failed, after):
    scale = fresh()
    scale.slots = slots
    scale.tick(batches=batches, failed=failed, were_all_busy=True, is_backlog=True)
    assert scale.slots == after


def test_backing_off_may_be_turned_off_and_then_failures_do_not_keep_it_from_growing():
    scale = fresh(backoff_ratio=Fraction(0))
    scale.tick(batches=10, failed=10, were_all_busy=True, is_backlog=True)
    assert scale.slots == 55


def test_growth_resumes_at_the_first_clean_tick():
    scale = fresh()
    scale.slots = 100
    scale.tick(batches=10, failed=10, were_all_busy=True, is_backlog=True)
    assert busy_tick(scale) == 90 + 50


@pytest.mark.parametrize(
    ("settings", "floor"), [({"name": "legacy"}, 5), ({}, 5), ({"name": "provisioned", "minimum": 2}, 20)]
)
def test_empty_polls_take_slots_away_down_to_the_start(settings, floor):
    scale = fresh(**settings)
    scale.slots = floor + 2
    for expected in (floor + 1, floor, floor):
        scale.empty_poll()
        assert scale.slots == expected


def test_a_long_quiet_takes_only_the_slots_of_the_start_down():
    scale = fresh()
    scale.slots = 8
    scale.quiet()
    assert scale.slots == 8
    scale.slots = 5
    scale.quiet()
    assert scale.slots == 2


# ------------------------------------------------------------------------------------------------- in a run
def test_slots_that_find_nothing_for_a_poll_are_removed_until_five_are_left(scene):
    s = scene()
    s.send(*range(200))
    mapping = s.map(s.function(duration=1), batch_size=1)
    s.world.advance(10)
    assert mapping.concurrency == 55
    s.world.advance(40)
    assert mapping.concurrency == 5
    assert len(mapping._slots._slots) == 5


@pytest.mark.parametrize(("ns", "slots"), [(-1, 5), (0, 2), (1, 2)])
def test_after_three_hundred_seconds_without_a_message_two_slots_are_left(scene, ns, slots):
    s = scene()
    s.world.advance(7)
    mapping = s.map(s.function())
    s.world.advance(3)
    s.send("m")
    s.to_ns(310, ns)
    assert mapping.concurrency == slots


def test_the_first_message_after_a_quiet_time_brings_five_back_at_once(scene):
    s = scene()
    mapping = s.map(s.function(duration=1), batch_size=1)
    s.world.advance(1000)
    assert mapping.concurrency == 2
    s.send(*range(5))
    s.world.advance(0)
    assert mapping.concurrency == 5
    assert mapping.busy == 5


@pytest.mark.parametrize("settings", [{"profile": "legacy"}, {"maximum_concurrency": 50}, {"quiet_after": None}])
def test_other_profiles_do_not_go_down_to_two(scene, settings):
    s = scene()
    mapping = s.map(s.function(), **settings)
    s.world.advance(2000)
    assert mapping.concurrency == 5


def test_a_busy_slot_ends_its_batch_before_it_is_removed(scene):
    s = scene()
    s.send(*range(300))
    function = s.function(timeout=30, duration=30)
    mapping = s.map(function, batch_size=1)
    s.world.advance(10)
    assert mapping.busy == 55
    mapping.update(maximum_concurrency=10)
    s.world.advance(1)
    assert (mapping.concurrency, mapping.busy) == (10, 55)
    s.world.advance(30)
    assert mapping.busy == 10
    assert function.metrics["Errors"] == 0


def test_a_limit_that_is_raised_is_grown_into(scene):
    s = scene(vis=600)
    s.send(*range(400))
    mapping = s.map(s.function(duration=1), batch_size=1, maximum_concurrency=10)
    s.world.advance(10)
    assert mapping.concurrency == 10
    mapping.update(maximum_concurrency=None)
    s.world.advance(10)
    assert mapping.concurrency == 60


def test_a_batch_is_counted_once_a_tick_however_often_it_is_tried():
    scale_of = []
    world = minisqs.World()
    queue = world.create_queue("orders", visibility_timeout=600)
    queue.send_batch(["x"] * 10)
    function = world.create_function(None, name="work", timeout=3, reserved_concurrency=0)
    mapping = world.create_event_source_mapping(queue, function, batch_size=1, throttle_delays=[1])
    world.advance(0)
    ticks = mapping._slots._ticks
    world.advance(9)
    scale_of.append((ticks._batches, ticks._failed))
    world.advance(10)
    scale_of.append((ticks._batches, ticks._failed))
    assert scale_of == [(5, 5), (5, 5)]


# --------------------------------------------------------------------------------------------- provisioned
def test_pollers_are_the_tenth_part_of_the_slots_rounded_up(scene):
    s = scene()
    mapping = s.map(s.function(), minimum_pollers=3, metrics=["EventCount"])
    s.world.advance(130)
    assert mapping.concurrency == 30
    assert mapping.metrics["ProvisionedPollers"] == 3
    assert mapping.metrics.minutes("ProvisionedPollers") == {0: 3, 60: 3, 120: 3}


def test_each_poller_makes_ten_receives_a_second(scene):
    s = scene(vis=600)
    s.send(*range(100))
    s.map(s.function(), batch_size=1, minimum_pollers=2, maximum_pollers=2)
    s.world.run_until_idle()
    started = [seconds for seconds, _ in s.runs]
    assert [started.count(second) for second in range(6)] == [20, 20, 20, 20, 20, 0]


def test_seconds_of_the_budget_count_from_when_the_mapping_was_enabled(scene):
    s = scene(vis=600)
    s.send(*range(40))
    s.world.advance(0.25)
    s.map(s.function(), batch_size=1, minimum_pollers=2, maximum_pollers=2)
    s.world.run_until_idle()
    assert {seconds for seconds, _ in s.runs} == {0.25, 1.25}


def test_a_poller_reads_a_megabyte_a_second(scene):
    s = scene(vis=600)
    for _ in range(12):
        s.queue.send("x" * 600_000)
    s.map(s.function(), batch_size=1, minimum_pollers=2, maximum_pollers=2)
    s.world.run_until_idle()
    started = [seconds for seconds, *_ in s.runs]
    assert [started.count(second) for second in range(4)] == [4, 3, 4, 1]  # what goes over is missing later


def test_without_pollers_there_is_no_budget():
    assert not Budget(0).is_used_up(10**12, is_new_call=True)
