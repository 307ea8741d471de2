"""Rules that docs/fidelity-lambda.md lists and that no other file here pins (lambda-poller.md)."""

from __future__ import annotations

import pytest

from minisqs import limits

COUNTED = [
    "PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "FailedInvokeEventCount", "DeletedEventCount",
    "ProvisionedPollers",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------- polling
def test_a_record_that_is_over_the_limit_alone_is_left_to_its_visibility_timeout(scene, monkeypatch):  # P6
    monkeypatch.setattr(limits, "EVENT_BYTES", 3_000)  # no message of SQS is as large as the true limit
    s = scene(vis=30)
    s.send("x" * 3_000, "small")
    mapping = s.map(s.function())
    s.to_ns(30, -1)
    assert s.runs == [(0, "small")]
    assert (mapping.busy, s.queue.counts.in_flight) == (0, 1)
    s.to_ns(30)
    assert mapping.metrics["PolledEventCount"] == 3
    assert len(s.runs) == 1


def test_at_one_instant_a_throttled_batch_is_tried_before_a_slot_receives(scene):  # P15
    s = scene(vis=60)
    s.send("a", "b")
    s.queue.send("c", delay_seconds=4)
    s.map(s.function(timeout=10, duration=4, reserved_concurrency=1), batch_size=1)
    s.to_ns(5)
    assert s.runs == [(0, "a"), (4, "b")]
    assert s.times("throttled") == [(0, ""), (4, "")]  # b at first, c now


def test_with_a_maximum_no_more_is_received_than_may_run_until_a_run_ends(scene):  # X6
    s = scene(vis=60)
    s.send(*range(5))
    s.map(s.function(timeout=10, duration=8), batch_size=1, maximum_concurrency=2)
    s.to_ns(8, -1)
    assert s.queue.counts == (3, 2, 0)
    s.to_ns(8)
    assert s.queue.counts == (1, 2, 0)


def test_a_mapping_whose_alias_is_deleted_fails_until_the_alias_is_made_again(scene):  # E1
    s = scene(vis=30)
    function = s.function(name="work")
    function.create_alias("live", function.publish_version())
    mapping = s.map("work:live")
    function.delete_version("live")
    s.send("m")
    s.world.advance(29)
    assert mapping.state == "Enabled"
    assert [mapping.metrics[name] for name in ("InvokedEventCount", "FailedInvokeEventCount")] == [1, 1]
    function.create_alias("live", "1")
    s.world.run_until_idle()
    assert s.runs == [(30, "m")]


def test_ticks_count_from_when_the_mapping_was_enabled(scene):  # 5.1
    s = scene(vis=600)
    s.send(*range(100))
    s.world.advance(3)
    mapping = s.map(s.function(timeout=60, duration=60), batch_size=1)
    s.to_ns(13, -1)
    assert mapping.concurrency == 5
    s.to_ns(13)
    assert mapping.concurrency == mapping.busy == 55  # the new ones receive at once


# ------------------------------------------------------------------------------------------------- metrics
def test_a_mapping_has_these_metrics_and_none_of_streams(scene):  # 7.3, 7.4
    s = scene()
    mapping = s.map(s.function(), metrics=["EventCount"])
    assert list(mapping.metrics) == COUNTED
    for name in ("DroppedEventCount", "OnFailureDestinationDeliveredEventCount"):
        with pytest.raises(KeyError):
            mapping.metrics[name]


def test_an_empty_poll_shows_nothing_polled_and_a_disabled_mapping_shows_no_minute(scene):  # 7.3
    s = scene()
    mapping = s.map(s.function(), metrics=["EventCount"])
    s.world.advance(30)
    assert {name: mapping.metrics.minutes(name) for name in COUNTED if mapping.metrics.minutes(name)} == {
        "PolledEventCount": {0: 0}
    }
    mapping.disable()
    s.world.advance(200)
    assert mapping.metrics.minutes("PolledEventCount") == {0: 0}


@pytest.mark.parametrize(("settings", "shown"), [({}, {}), ({"filters": ['{"body": ["m"]}']}, {0: 0})])
def test_what_a_filter_lets_through_shows_nothing_filtered_out(scene, settings, shown):  # 7.3
    s = scene()
    mapping = s.map(s.function(), metrics=["EventCount"], **settings)
    s.send("m")
    s.world.run_until_idle()
    assert mapping.metrics.minutes("FilteredOutEventCount") == shown
    assert len(s.runs) == 1


def test_failed_records_belong_to_the_minute_in_which_their_run_ended(scene):  # 7.3
    s = scene(vis=600)
    mapping = s.map(s.function(lambda records: 1 / 0, timeout=90, duration=70), metrics=["EventCount"])
    s.send("a", "b")
    s.world.advance(100)
    assert mapping.metrics.minutes("InvokedEventCount") == {0: 2}
    assert mapping.metrics.minutes("FailedInvokeEventCount") == {60: 2}


def test_at_rest_the_counters_of_a_mapping_agree_with_each_other_and_with_the_queue(scene):  # 7.3
    s = scene(mrc=3)
    s.send(*range(40), "plain")
    decide = lambda records: {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}  # noqa: E731
    mapping = s.map(
        s.function(decide), report_batch_item_failures=True, filters=['{"body": [{"anything-but": "plain"}]}']
    )
    s.world.run_until_idle()
    polled, filtered, invoked, failed, deleted, _ = (mapping.metrics[name] for name in COUNTED)
    assert (filtered, failed > 0, s.queue.counts) == (1, True, (0, 0, 0))
    assert polled == s.queue.metrics["NumberOfMessagesReceived"]
    assert invoked == polled - filtered
    assert deleted == filtered + invoked - failed == s.queue.metrics["NumberOfMessagesDeleted"]
