"""The worked numbers of the specification, to the second (lambda-poller.md 5.6)."""

from __future__ import annotations

import pytest

import minisqs

PROVISIONED = {"minimum_pollers": 2, "maximum_pollers": 200}
PROFILES = {
    "legacy": {"profile": "legacy"},
    "current": {},
    "MaximumConcurrency 50": {"maximum_concurrency": 50},
    "MaximumConcurrency 2": {"maximum_concurrency": 2},
    "provisioned 2/200": PROVISIONED,
    "provisioned 2/2000": {"minimum_pollers": 2, "maximum_pollers": 2000},
}


def backlog(messages, account=5000, **settings):
    world = minisqs.World(journal_length=2000, account_concurrency=account)
    queue = world.create_queue("orders", visibility_timeout=30)
    for _ in range(messages // 10):
        queue.send_batch(["x"] * 10)
    function = world.create_function(None, name="work", timeout=5, duration=1)
    return world, queue, function, world.create_event_source_mapping(queue, function, **settings)


def last_end(function):
    return max(run.ended_at for run in function.invocations)


def just_before(world, seconds):
    world.sqs.kernel.run_until(world.clock.started_ns + seconds * 10**9 - 1)


def endless(seconds, account=5000, **settings):
    """The capacity after so many seconds, while a few slots of many messages each keep every slot busy.

    A batch takes as long as the look at it, so a backlog that never ends need not be large.
    """
    world = minisqs.World(journal_length=0, account_concurrency=account)
    queue = world.create_queue("orders", visibility_timeout=43_200)
    function = world.create_function(None, name="work", timeout=900, duration=900)
    mapping = world.create_event_source_mapping(queue, function, batch_size=1, **settings)
    shown = []
    for _ in range(seconds[-1] // 10 + 1):
        if world.clock.seconds in seconds:
            shown.append(mapping.concurrency)
        needed = mapping.concurrency * 2 + 4000 - queue.counts.visible
        for _ in range(max(0, needed) // 10):
            queue.send_batch(["x"] * 10)
        world.advance(10)
    return shown


MINUTES = (0, 60, 120, 300)


@pytest.mark.parametrize(
    ("name", "account", "expected", "reached"),
    [
        ("legacy", 5000, [5, 65, 125, 305], (1000, 1000)),
        ("current", 5000, [5, 305, 605, 1250], (250, 1250)),
        ("current", 1000, [5, 305, 605, 1000], (200, 1000)),
        ("MaximumConcurrency 50", 5000, [5, 50, 50, 50], (10, 50)),
        ("MaximumConcurrency 2", 5000, [2, 2, 2, 2], (0, 2)),
        ("provisioned 2/200", 20_000, [20, 1020, 2000, 2000], (120, 2000)),
        ("provisioned 2/2000", 20_000, [20, 1020, 2020, 5020], (1200, 20_000)),
    ],
)
def test_the_ramp_is_that_of_the_table(name, account, expected, reached):
    seconds, cap = reached
    scale = ramp(account, **PROFILES[name])
    assert [scale[second] for second in MINUTES] == expected
    assert scale[seconds] == cap
    assert seconds == 0 or scale[seconds - 10] < cap
    assert scale[1200] == cap if name != "legacy" else scale[1200] == 1000


def ramp(account, **settings):
    """The capacity at each tick of 20 minutes, all slots being busy and messages left, by the scale alone."""
    world, _, _, mapping = backlog(0, account, **settings)
    world.advance(0)
    scale = mapping._slots.scale
    shown = {0: scale.slots}
    for tick in range(10, 1201, 10):
        scale.tick(batches=0, failed=0, were_all_busy=True, is_backlog=True)
        shown[tick] = scale.slots
    return shown


@pytest.mark.parametrize("name", ["legacy", "current", "MaximumConcurrency 50", "provisioned 2/200"])
def test_a_mapping_with_a_backlog_that_never_ends_ramps_like_its_scale(name):
    expected = ramp(5000, **PROFILES[name])
    assert endless((0, 10, 20, 60), **PROFILES[name]) == [expected[second] for second in (0, 10, 20, 60)]


@pytest.mark.parametrize(
    ("name", "expected", "peak", "drained"),
    [
        ("legacy", [(5, 100_000), (65, 82_000), (125, 28_000), (0, 0)], 145, 142),
        ("current", [(5, 100_000), (305, 22_000), (0, 0), (0, 0)], 305, 68),
        ("MaximumConcurrency 50", [(5, 100_000), (50, 74_500), (50, 44_500), (0, 0)], 50, 209),
        ("MaximumConcurrency 2", [(2, 100_000), (2, 98_800), (2, 97_600), (2, 94_000)], 2, 5000),
        ("provisioned 2/200", [(20, 100_000), (0, 0), (0, 0), (0, 0)], 520, 39),
    ],
)
def test_a_backlog_of_a_hundred_thousand_drains_as_in_the_table(name, expected, peak, drained):
    world, queue, function, mapping = backlog(100_000, **PROFILES[name])
    shown = []
    for second in MINUTES:
        if second:
            just_before(world, second)
        left = queue.counts.visible
        world.advance((second * 10**9 - (world.clock.now_ns - world.clock.started_ns)) / 10**9)
        shown.append((mapping.busy, left))
    world.run_until_idle()
    assert shown == expected
    assert function.metrics["ConcurrentExecutions"] == peak
    assert last_end(function) == drained
    assert function.metrics["Invocations"] == 10_000


@pytest.mark.parametrize(
    ("name", "tick", "drained"), [("legacy", 1, 137), ("current", 1, 63), ("legacy", 60, 167), ("current", 60, 92)]
)
def test_the_length_of_a_tick_moves_the_drain_as_the_specification_says(name, tick, drained):
    world, _, function, _ = backlog(100_000, tick=tick, **PROFILES[name])
    world.run_until_idle()
    assert last_end(function) == drained


@pytest.mark.parametrize("tick", [1, 2, 5, 6, 10, 12, 15, 20, 30, 60])
@pytest.mark.parametrize(("name", "minute"), [("legacy", 65), ("current", 305), ("provisioned 2/200", 1020)])
def test_the_minute_marks_do_not_depend_on_a_tick_that_divides_a_minute(name, minute, tick):
    world, _, _, mapping = backlog(0, tick=tick, **PROFILES[name])
    world.advance(0)
    for _ in range(60 // tick):
        mapping._slots.scale.tick(batches=0, failed=0, were_all_busy=True, is_backlog=True)
    assert mapping.concurrency == minute


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "drained", "peak"), [("legacy", 448, 445), ("current", 204, 1005), ("provisioned 2/200", 114, 1853)]
)
def test_a_million_messages_drain_as_in_the_text(name, drained, peak):
    """A tenth of the million in batches of one: a slot empties the queue at the same pace, for a tenth of the time."""
    world, _, function, _ = backlog(100_000, batch_size=1, **PROFILES[name])
    world.run_until_idle()
    assert (last_end(function), function.metrics["ConcurrentExecutions"]) == (drained, peak)
