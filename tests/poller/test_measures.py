"""One-minute data of functions and mappings (lambda-poller.md 7)."""

from __future__ import annotations

import pytest

from minisqs.engine.metrics import KEPT_MINUTES, MINUTE_NS
from minisqs.poller.measures import Peak, Points

BEGAN_NS = 1_735_689_600 * 1_000_000_000 + 17  # minutes count from here, not from the clock's full minute


@pytest.fixture
def points():
    return Points(["Invocations", "Errors", "ConcurrentExecutions"], BEGAN_NS)


@pytest.mark.parametrize(
    ("after_ns", "minute"),
    [(0, 0), (MINUTE_NS - 1, 0), (MINUTE_NS, 60), (2 * MINUTE_NS - 1, 60), (2 * MINUTE_NS, 120)],
)
def test_a_point_belongs_to_the_minute_of_its_nanosecond(points, after_ns, minute):
    points.add("Invocations", 3, BEGAN_NS + after_ns)
    assert points.minutes("Invocations") == {minute: 3}
    assert points.totals == {"Invocations": 3, "Errors": 0, "ConcurrentExecutions": 0}


def test_points_of_one_minute_add_up(points):
    for seconds in (0, 10, 59, 60):
        points.add("Invocations", 2, BEGAN_NS + seconds * 1_000_000_000)
    assert points.minutes("Invocations") == {0: 6, 60: 2}
    assert points.totals["Invocations"] == 8


def test_a_late_point_goes_into_its_own_minute(points):
    points.add("Invocations", 1, BEGAN_NS + 5 * MINUTE_NS)
    points.add("Errors", 1, BEGAN_NS + MINUTE_NS)
    points.add("Invocations", 1, BEGAN_NS + 5 * MINUTE_NS + 1)
    assert points.minutes("Errors") == {60: 1}
    assert points.minutes("Invocations") == {300: 2}


def test_minutes_are_in_order_even_where_points_came_late(points):
    for minute in (3, 1, 2, 0):
        points.add("Errors", minute, BEGAN_NS + minute * MINUTE_NS)
    assert list(points.minutes("Errors").items()) == [(0, 0), (60, 1), (120, 2), (180, 3)]


def test_a_minute_without_a_point_is_absent_and_one_with_a_point_of_nothing_is_0(points):
    points.add("Errors", 0, BEGAN_NS + MINUTE_NS)
    assert points.minutes("Errors") == {60: 0}
    assert points.minutes("Invocations") == {}


def test_the_highest_point_of_a_minute_counts_where_points_are_levels(points):
    for second, level in ((0, 2), (1, 5), (2, 3), (60, 1)):
        points.raise_to("ConcurrentExecutions", level, BEGAN_NS + second * 1_000_000_000)
    assert points.minutes("ConcurrentExecutions") == {0: 5, 60: 1}
    assert points.totals["ConcurrentExecutions"] == 5


def test_the_latest_fifteen_days_of_minutes_are_kept(points):
    for minute in range(KEPT_MINUTES):
        points.add("Invocations", 1, BEGAN_NS + minute * MINUTE_NS)
    assert len(points.minutes("Invocations")) == KEPT_MINUTES == 15 * 24 * 60
    points.add("Invocations", 1, BEGAN_NS + KEPT_MINUTES * MINUTE_NS)
    kept = points.minutes("Invocations")
    assert len(kept) == KEPT_MINUTES
    assert (min(kept), max(kept)) == (60, KEPT_MINUTES * 60)
    assert points.totals["Invocations"] == KEPT_MINUTES + 1


def test_a_point_that_comes_after_fifteen_days_counts_in_the_total_only(points):
    for minute in range(1, KEPT_MINUTES + 1):
        points.add("Invocations", 1, BEGAN_NS + minute * MINUTE_NS)
    points.add("Errors", 1, BEGAN_NS)
    assert points.minutes("Errors") == {}
    assert points.totals["Errors"] == 1
    points.add("Invocations", 1, BEGAN_NS + KEPT_MINUTES * MINUTE_NS)
    assert points.minutes("Invocations")[KEPT_MINUTES * 60] == 2


# ------------------------------------------------------------------------------------------------------- peaks
@pytest.fixture
def peak(points):
    return Peak(points, "ConcurrentExecutions", BEGAN_NS)


def shown(points, peak, changes):
    for second, value in changes:
        peak.change(value, BEGAN_NS + round(second * 1_000_000_000))
    return points.minutes("ConcurrentExecutions")


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ([], {}),
        ([(0, 0), (70, 0)], {}),
        ([(0, 1), (0, 0)], {0: 1}),
        ([(1, 1), (2, 2), (3, 1), (4, 0)], {0: 2}),
        ([(59, 1), (61, 0)], {0: 1, 60: 1}),
        ([(59, 3), (61, 4), (62, 0)], {0: 3, 60: 4}),
        ([(59, 3), (61, 2), (130, 0)], {0: 3, 60: 3, 120: 2}),
        ([(10, 2), (310, 0)], {0: 2, 60: 2, 120: 2, 180: 2, 240: 2, 300: 2}),
        ([(10, 2), (20, 0), (200, 1), (201, 0)], {0: 2, 180: 1}),
        ([(10, 5), (20, 1), (200, 1), (201, 0)], {0: 5, 60: 1, 120: 1, 180: 1}),
        ([(30, 2), (60, 0)], {0: 2}),  # it held until the minute was over, and not a nanosecond longer
        ([(30, 2), (60, 0), (60, 1), (61, 0)], {0: 2, 60: 1}),
        ([(30, 2), (120, 0)], {0: 2, 60: 2}),
        ([(30, 2), (60, 2)], {0: 2, 60: 2}),
        ([(30, 2), (60.000000001, 0)], {0: 2, 60: 2}),
        ([(60, 1), (61, 0)], {60: 1}),
    ],
)
def test_each_minute_shows_the_highest_value_that_held_in_it(points, peak, changes, minutes):
    assert shown(points, peak, changes) == minutes
