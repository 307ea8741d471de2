"""What a mapping does with a batch that Lambda refuses to run (lambda-poller.md 4.2)."""

from __future__ import annotations

import pytest


def attempts(s):
    return [seconds for seconds, _ in s.times("throttled")]


def test_a_throttled_batch_is_tried_again_without_a_new_receive(scene):  # X1, X2
    s = scene(vis=120)
    s.send("m")
    function = s.function(timeout=60, reserved_concurrency=1)
    blocker = s.world.create_function(None, name="other")
    assert blocker.metrics["Invocations"] == 0
    function.start({})
    function.update(duration=0)
    s.map(function)
    function.update(reserved_concurrency=0)
    s.world.advance(10)
    function.update(reserved_concurrency=1)
    s.world.run_until_idle()
    run = function.invocations[-1]
    assert run.started_at == 11
    assert run.records[0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert function.metrics["Throttles"] == 2
    assert s.queue.metrics["NumberOfMessagesReceived"] == 1


@pytest.mark.parametrize(
    ("vis", "timeout", "expected"),
    [
        (60, 60, [0]),
        (120, 60, [0, 4, 11, 23, 43]),
        (63, 60, [0]),
        (64, 60, [0, 4]),
        (71, 60, [0, 4, 11]),
        (70, 60, [0, 4]),
        (30, 3, [0, 4, 11, 23]),
        (90, 3, [0, 4, 11, 23, 43, 63, 83]),
    ],
)
def test_it_is_tried_only_while_a_whole_run_fits_into_the_lease(scene, vis, timeout, expected):  # X3, X4
    s = scene(vis=vis)
    s.send("m")
    s.map(s.function(timeout=timeout, reserved_concurrency=0))
    s.to_ns(vis, -1)
    assert attempts(s) == expected


def test_it_fits_or_not_to_the_nanosecond(scene):  # X3
    for ns, expected in ((-1, [0]), (0, [0, 4]), (1, [0, 4])):
        s = scene(vis=34)
        s.send("m")
        s.map(s.function(timeout=30, reserved_concurrency=0), throttle_delays=[4 - ns / 1e9])
        s.to_ns(8, -100)
        assert len(attempts(s)) == len(expected), ns


def test_when_no_attempt_fits_the_slot_drops_its_copy_and_the_message_comes_back_at_the_end_of_its_lease(scene):  # X5
    s = scene(vis=30, mrc=2)
    s.send("m")
    function = s.function(timeout=30, reserved_concurrency=0)
    s.map(function)
    s.world.advance(30)
    function.update(reserved_concurrency=1)
    s.world.run_until_idle()
    assert s.runs == []
    assert s.dead_letters() == ["m"]  # the handler never saw it, and both receives counted


def test_the_oldest_record_of_a_batch_decides(scene):  # X3
    s = scene(vis=40)
    s.map(s.function(timeout=20, reserved_concurrency=0), maximum_batching_window_in_seconds=10, maximum_concurrency=2)
    s.send("old")
    s.world.advance(9)
    s.send("young")
    s.world.advance(10)
    assert attempts(s) == [10, 14]  # 21 + 20 is over the old one's 40


@pytest.mark.parametrize(("needs", "expected"), [(True, [0, 4]), (False, [0, 4, 11, 23, 43])])
def test_the_retry_rule_may_be_turned_to_the_end_of_the_lease(scene, needs, expected):
    s = scene(vis=60)
    s.send("m")
    s.map(s.function(timeout=50, reserved_concurrency=0), throttle_retry_needs_timeout=needs)
    s.to_ns(60, -1)
    assert attempts(s) == expected


def test_the_account_s_concurrency_throttles_too(scene):  # F3
    s = scene(vis=60, account_concurrency=2)
    s.send("a", "b", "c")
    other = s.world.create_function(None, name="other", timeout=20, duration=7)
    other.start()
    function = s.function(timeout=10, duration=1)
    s.map(function, batch_size=1)
    s.world.run_until_idle()
    assert s.runs == [(0, "a"), (1, "c"), (4, "b")]  # two slots, as the account has no more
    assert function.metrics["Throttles"] > 0
    assert s.queue.counts == (0, 0, 0)


def test_each_attempt_counts_in_the_metrics_and_gets_a_new_request_id(scene):  # X1, 7.3
    s = scene(vis=120)
    s.send("a", "b")
    function = s.function(timeout=10, reserved_concurrency=0)
    mapping = s.map(function)
    s.world.advance(5)
    function.update(reserved_concurrency=1)
    s.world.run_until_idle()
    shown = mapping.metrics
    assert [shown[name] for name in ("PolledEventCount", "InvokedEventCount", "FailedInvokeEventCount")] == [2, 6, 4]
    assert (function.metrics["Invocations"], function.metrics["Errors"]) == (1, 0)


def test_throttles_back_off_also_where_failures_are_reported(scene):  # 5.3
    s = scene(vis=600)
    for _ in range(3000):
        s.queue.send_batch([str(number) for number in range(10)])
    function = s.function(timeout=3, duration=1)
    mapping = s.map(function, report_batch_item_failures=True)
    s.world.advance(20)
    assert mapping.concurrency == 105
    function.update(reserved_concurrency=0)
    s.world.advance(10)
    first = mapping.concurrency
    s.world.advance(10)
    assert first < 105
    assert mapping.concurrency < first


def test_a_mapping_that_is_stopped_goes_on_with_what_it_has_throttled(scene):
    s = scene(vis=60)
    s.send("m")
    function = s.function(timeout=10, reserved_concurrency=0)
    mapping = s.map(function)
    s.world.advance(1)
    mapping.disable()
    function.update(reserved_concurrency=1)
    s.world.run_until_idle()
    assert s.runs == [(4, "m")]
    assert s.queue.counts == (0, 0, 0)
