"""Every option of a mapping turns something: two runs that differ in it alone, and in what comes out.

What Lambda does there no source settles (lambda-poller.md 8); the first value is what minisqs does by default.
"""

from __future__ import annotations

import json

import attrs
import pytest

import minisqs
from minisqs import errors
from minisqs.poller.settings import MappingSettings, Settings

SECOND = 1_000_000_000
ONE = '{"body": {"kind": ["order"]}}'


def fail(event, context):
    raise ValueError("no")


class Story:
    """A world with one queue, one function and one mapping."""

    def __init__(
        self,
        settings,
        *,
        handler=None,
        visibility=30,
        timeout=3,
        duration=0,
        reserved=None,
        fifo=False,
        seed=1,
    ):
        self.world = minisqs.World(seed=seed)
        kind = {"fifo_queue": True, "content_based_deduplication": True} if fifo else {}
        self.queue = self.world.create_queue("orders.fifo" if fifo else "orders", visibility_timeout=visibility, **kind)
        self.function = self.world.create_function(
            handler, name="work", timeout=timeout, duration=duration, reserved_concurrency=reserved
        )
        self.mapping = self.world.create_event_source_mapping(self.queue, self.function, **settings)

    def send(self, number, body="a"):
        for first in range(0, number, 10):
            self.queue.send_batch([body] * min(10, number - first))

    def until(self, seconds):
        self.world.advance(seconds - self.world.clock.seconds)

    @property
    def sizes(self):
        return [len(run.records) for run in self.function.invocations]

    @property
    def starts(self):
        return [run.started_at for run in self.function.invocations]

    @property
    def records(self):
        return [record for run in self.function.invocations for record in run.records]

    @property
    def left(self):
        """Visible and in flight."""
        return self.queue.counts.visible, self.queue.counts.in_flight

    def entries(self, action):
        return [entry for entry in self.world.journal if entry.action == action]


def test_all_options_have_a_default_and_no_other_settings_are_there():
    names = set(MappingSettings.__annotations__)
    assert names == {field.name for field in attrs.fields(Settings) if field.init}


# ---------------------------------------------------------------------------------------------------------- profile
@pytest.mark.parametrize(
    ("settings", "slots"),
    [({}, [5, 55, 105]), ({"profile": "legacy"}, [5, 15, 25]), ({"minimum_pollers": 2}, [20, 186, 353])],
)
def test_the_profile_says_how_fast_slots_are_added(settings, slots):
    story = Story({"batch_size": 1, **settings}, duration=10, timeout=10, visibility=900)
    story.send(700)
    seen = []
    for second in (9, 11, 21):
        story.until(second)
        seen.append(story.mapping.concurrency)
    assert seen == slots


# ------------------------------------------------------------------------------------------------------------ split
def split(value, seed=1):
    story = Story({"split": value}, seed=seed)
    story.send(12)
    story.until(1)
    return story.sizes


def test_a_greedy_split_takes_as_much_as_it_may():
    assert split("greedy") == [10, 2]


def test_a_listed_split_takes_these_sizes_and_goes_on_greedily():
    assert split([6, 5]) == [6, 5, 1]
    assert split([1]) == [1, 10, 1]
    assert split([]) == [10, 2]


def test_a_random_split_is_that_of_the_seed():
    assert split("random", seed=1) == split("random", seed=1)
    runs = {tuple(split("random", seed=seed)) for seed in range(20)}
    assert len(runs) > 5
    assert all(sum(sizes) == 12 for sizes in runs)


def test_a_split_that_is_given_at_an_update_is_for_the_next_receives():
    story = Story({})
    story.until(1)
    story.mapping.update(split=[3])
    story.until(25)
    story.send(10)
    story.until(26)
    assert story.sizes == [3, 7]


# ------------------------------------------------------------------------------------------------------------- tick
@pytest.mark.parametrize(("settings", "slots"), [({}, {2: 5, 10: 55}), ({"tick": 2}, {2: 15, 10: 55})])
def test_the_tick_says_when_slots_are_added(settings, slots):
    story = Story({"batch_size": 1, **settings}, duration=30, timeout=30)
    story.send(100)
    for second, number in slots.items():
        story.until(second)
        assert story.mapping.concurrency == number


# ----------------------------------------------------------------------------------------------------------- window
@pytest.mark.parametrize(("settings", "start"), [({}, 27), ({"window_anchor": "previous_completion"}, 25)])
def test_the_window_is_anchored_at_the_first_record_or_at_the_completion_before(settings, start):
    story = Story({"maximum_batching_window_in_seconds": 5, "maximum_concurrency": 2, **settings})
    story.until(22)
    story.send(1)
    story.until(50)
    assert story.starts == [start]


def test_the_completion_that_anchors_a_window_is_that_of_the_slot():
    story = Story(
        {"maximum_batching_window_in_seconds": 10, "batch_size": 1, "window_anchor": "previous_completion"},
        duration=3,
    )
    story.mapping.update(batch_size=10)
    story.send(1)
    story.until(5)
    story.until(20)
    story.send(1)
    story.until(50)
    assert story.starts == [10, 23]  # the first run ended at 13


@pytest.mark.parametrize(("settings", "start"), [({}, 5), ({"window_mode": "longpoll"}, 20)])
def test_the_window_ends_exactly_or_with_the_long_poll(settings, start):
    story = Story({"maximum_batching_window_in_seconds": 5, **settings})
    story.send(1)
    story.until(50)
    assert story.starts == [start]


def test_a_message_that_ends_a_long_poll_lets_a_window_that_is_over_end():
    story = Story({"maximum_batching_window_in_seconds": 5, "maximum_concurrency": 2, "window_mode": "longpoll"})
    story.send(1)
    story.until(7)
    story.send(1)
    story.until(8)
    assert story.starts == [7]
    assert story.sizes == [2]


@pytest.mark.parametrize(("settings", "starts"), [({}, [20, 50]), ({"window_extends_visibility": True}, [20])])
def test_a_window_extends_the_visibility_timeout_where_that_is_asked_for(settings, starts):
    story = Story({"maximum_batching_window_in_seconds": 20, "batch_size": 100, **settings}, timeout=25, duration=15)
    story.send(1)
    story.until(200)
    assert story.starts == starts


@pytest.mark.parametrize(("visibility", "back"), [(22, 55), (25, 25)])
def test_the_visibility_timeout_is_extended_only_where_window_and_timeout_do_not_fit(visibility, back):
    settings = {"maximum_batching_window_in_seconds": 20, "window_extends_visibility": True}
    story = Story(settings, handler=fail, timeout=5, visibility=visibility)
    story.send(1)
    story.world.sqs.kernel.run_until(story.world.clock.started_ns + back * SECOND - 1)
    assert story.mapping.metrics["PolledEventCount"] == 1
    story.until(back)
    assert story.mapping.metrics["PolledEventCount"] == 2


def test_the_timeout_that_extends_the_visibility_timeout_is_that_of_the_version(world, queue):
    function = world.create_function(fail, name="work", timeout=25)
    function.publish_version()
    function.update(timeout=3)
    settings = {"maximum_batching_window_in_seconds": 20, "window_extends_visibility": True}
    world.create_event_source_mapping(queue, "work:1", **settings)
    queue.send("a")
    world.advance(100)
    assert [run.started_at for run in function.invocations] == [20, 95]  # hidden for 20 + 25 + 30 s


# ---------------------------------------------------------------------------------------------------------- surplus
@pytest.mark.parametrize(("settings", "sizes", "left"), [({}, [6, 4], (0, 0)), ({"keep_surplus": False}, [6], (0, 4))])
def test_records_over_six_megabytes_wait_in_the_slot_or_for_their_lease_to_end(settings, sizes, left):
    story = Story({"maximum_concurrency": 2, **settings})
    for _ in range(10):
        story.queue.send("x" * 1_040_000)
    story.until(1)
    assert (story.sizes, story.left) == (sizes, left)
    assert [record["attributes"]["ApproximateReceiveCount"] for record in story.records] == ["1"] * sum(sizes)
    story.until(40)
    assert sum(story.sizes) == 10
    assert {record["attributes"]["ApproximateReceiveCount"] for record in story.records[6:]} == {
        "1" if settings == {} else "2"
    }


# ---------------------------------------------------------------------------------------------------------- filters
@pytest.mark.parametrize(("settings", "sizes"), [({}, []), ({"filter_record_keys": False}, [1])])
def test_filters_on_keys_beside_the_body_read_the_record_or_hold_of_all(settings, sizes):
    pattern = '{"eventSource": ["aws:kinesis"], "body": {"kind": ["order"]}}'
    story = Story({"filters": [pattern], **settings})
    story.queue.send('{"kind": "order"}')
    story.until(1)
    assert story.sizes == sizes
    assert story.left == (0, 0)
    assert story.mapping.metrics["FilteredOutEventCount"] == 1 - len(sizes)


def test_filters_that_hold_of_an_update_are_read_as_the_option_says_then():
    story = Story({"filters": ['{"eventSource": ["aws:kinesis"]}'], "enabled": False})
    story.mapping.update(filter_record_keys=False, enabled=True)
    story.send(1)
    story.until(1)
    assert story.sizes == [1]


def test_as_many_filters_are_taken_as_aws_has_granted():
    with pytest.raises(errors.InvalidParameterValueException):
        Story({"filters": [ONE] * 6})
    story = Story({"filters": [*[ONE] * 9, '{"body": ["a"]}'], "max_filters": 10})
    story.send(1)
    story.until(1)
    assert story.sizes == [1]


# ------------------------------------------------------------------------------------------------------------- FIFO
@pytest.mark.parametrize(
    ("settings", "groups"), [({}, [["g", "g", "h"]]), ({"fifo_split_by_group": True}, [["g", "g"], ["h"]])]
)
def test_a_fifo_batch_mixes_groups_or_holds_one(settings, groups):
    story = Story(settings, fifo=True)
    for number, group in enumerate("ghg"):
        story.queue.send(f"m{number}", message_group_id=group)
    story.until(1)
    found = [[record["attributes"]["MessageGroupId"] for record in run.records] for run in story.function.invocations]
    assert found == groups
    assert story.left == (0, 0)


@pytest.mark.parametrize(("settings", "tries"), [({}, 1), ({"delete_attempts": 3}, 3)])
def test_a_delete_that_sqs_refuses_is_tried_as_often_as_is_asked_for(settings, tries):
    story = Story(settings, fifo=True, timeout=30, duration=30)  # the run ends with the lease: deleted too late
    story.queue.send("late", message_group_id="g")
    story.until(31)
    refusals = story.entries("DeleteMessageBatch")
    assert len(refusals) == tries
    assert all("The receipt handle has expired" in entry.cause for entry in refusals)
    assert story.mapping.metrics["DeletedEventCount"] == 0


# ------------------------------------------------------------------------------------------------- answers that report
@pytest.mark.parametrize(
    ("answer", "option", "taken"),
    [
        ({"batchItemFailures": ""}, {}, True),
        ({"batchItemFailures": ""}, {"empty_text_is_success": False}, False),
        (json.dumps({"batchItemFailures": []}), {}, False),
        (json.dumps({"batchItemFailures": []}), {"json_text_is_response": True}, True),
        ({"batchItemFailures": [{}]}, {}, False),
        ({"batchItemFailures": [{}]}, {"empty_entry_fails": False}, True),
    ],
)
def test_odd_answers_are_read_as_the_options_say(answer, option, taken):
    story = Story({"report_batch_item_failures": True, **option}, handler=lambda event, context: answer)
    story.send(2)
    story.until(1)
    assert story.left == ((0, 0) if taken else (0, 2))
    assert story.mapping.metrics["FailedInvokeEventCount"] == (0 if taken else 2)


# --------------------------------------------------------------------------------------------------------- throttling
def throttled(settings, **function):
    """When a batch that is always throttled was tried, in half seconds."""
    story = Story(settings, reserved=0, **function)
    story.send(1)
    attempts = []
    for half in range(238):
        story.until(half / 2)
        attempts += [half / 2] * (story.function.metrics["Throttles"] - len(attempts))
    return attempts


def test_a_throttled_batch_is_tried_again_after_the_delays():
    assert throttled({}, visibility=120) == [0, 4, 11, 23, 43, 63, 83, 103]
    assert throttled({"throttle_delays": [1.5, 50]}, visibility=120) == [0, 1.5, 51.5, 101.5]


@pytest.mark.parametrize(
    ("settings", "timeout", "attempts"),
    [({}, 60, 1), ({"throttle_retry_needs_timeout": False}, 60, 5), ({}, 49, 3), ({}, 50, 2)],
)
def test_a_throttled_batch_is_tried_while_a_run_fits_or_until_the_lease_ends(settings, timeout, attempts):
    story = Story(settings, reserved=0, visibility=60, timeout=timeout)
    story.send(1)
    story.until(59)
    assert story.function.metrics["Throttles"] == attempts
    assert story.function.invocations == []


# ------------------------------------------------------------------------------------------------- standing errors
@pytest.mark.parametrize(
    ("settings", "polled", "left"), [({}, 2, (0, 1)), ({"polls_without_function": False}, 0, (1, 0))]
)
def test_a_mapping_without_its_function_goes_on_receiving_or_waits(settings, polled, left):
    story = Story(settings)
    story.until(1)
    story.function.delete()
    story.until(30)  # the polls that have begun are over
    story.send(1)
    story.until(70)
    assert story.mapping.metrics["PolledEventCount"] == polled
    assert story.left == left
    again = story.world.create_function(None, name="work")
    story.until(140)
    assert len(again.invocations) == 1


# ---------------------------------------------------------------------------------------------------------- scaling
@pytest.mark.parametrize(("settings", "slots"), [({}, 5), ({"growth_needs_backlog": False}, 55)])
def test_slots_are_added_only_for_a_backlog_unless_that_is_not_asked_for(settings, slots):
    story = Story({"batch_size": 1, **settings}, duration=15, timeout=20)
    story.send(5)
    story.until(11)
    assert story.mapping.concurrency == slots


def grown(settings, **function):
    """A mapping with 55 slots, since 10 s, of which all have been busy."""
    story = Story({"batch_size": 1, **settings}, duration=15, timeout=20, **function)
    story.send(20)
    story.until(10)
    assert story.mapping.concurrency == 55
    return story


@pytest.mark.parametrize(("settings", "slots"), [({}, 5), ({"shrink_at_empty_poll": False}, 55)])
def test_an_empty_poll_takes_its_slot_away_unless_that_is_not_asked_for(settings, slots):
    story = grown(settings)
    story.until(29)
    assert story.mapping.concurrency == 55
    story.until(60)
    assert story.mapping.concurrency == slots


@pytest.mark.parametrize(
    ("settings", "before", "after"), [({}, 299, 300), ({"quiet_after": 40}, 39, 40), ({"quiet_after": 0.5}, 0, 0.5)]
)
def test_a_long_quiet_takes_the_mapping_down_to_two_slots(settings, before, after):
    story = Story(settings)
    story.until(before)
    assert story.mapping.concurrency == 5
    story.world.sqs.kernel.run_until(story.world.clock.started_ns + round(after * SECOND) - 1)
    assert story.mapping.concurrency == 5
    story.until(after)
    assert story.mapping.concurrency == 2
    story.send(1)
    story.world.advance(0)
    assert story.mapping.concurrency == 5


def test_a_mapping_need_never_go_quiet():
    story = Story({"quiet_after": None})
    story.until(100_000)
    assert story.mapping.concurrency == 5


@pytest.mark.parametrize(
    ("settings", "slots"),
    [
        ({}, 49),  # a tenth of 55 and rounded up
        ({"backoff_ratio": 0.5}, 27),
        ({"backoff_ratio": 1}, 5),
        ({"backoff_ratio": 0}, 55),
        ({"backoff": False}, 55),
        ({"report_batch_item_failures": True}, 55),
    ],
)
def test_failed_batches_take_slots_away_by_the_ratio(settings, slots):
    story = grown(settings, handler=fail)
    story.until(20)
    assert story.mapping.concurrency == slots


# ---------------------------------------------------------------------------------------------------------- records
@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, {}),
        ({"none_for_missing_digest": False}, {}),
        ({"maximum_batching_window_in_seconds": 1}, {"md5OfMessageAttributes": None}),
        ({"maximum_batching_window_in_seconds": 1, "none_for_missing_digest": False}, {}),
    ],
)
def test_the_digest_of_no_attributes_is_none_where_there_is_a_window_as_in_aws(settings, shown):
    story = Story(settings)
    story.send(1)
    story.until(2)
    [record] = story.records
    assert {name: value for name, value in record.items() if name == "md5OfMessageAttributes"} == shown


@pytest.mark.parametrize(
    ("settings", "values"),
    [({}, ["0012.3400", "1e2", "0012.3400"]), ({"normalise_numbers": True}, ["12.34", "100", "0012.3400"])],
)
def test_numbers_are_passed_on_as_they_are_or_without_needless_zeros(settings, values):
    story = Story(settings)
    given = {
        "a": {"DataType": "Number", "StringValue": "0012.3400"},
        "b": {"DataType": "Number.int", "StringValue": "1e2"},
        "c": {"DataType": "String", "StringValue": "0012.3400"},
    }
    story.world.client().send_message(QueueUrl=story.queue.url, MessageBody="a", MessageAttributes=given)
    story.until(1)
    [record] = story.records
    assert [record["messageAttributes"][name]["stringValue"] for name in "abc"] == values


# ---------------------------------------------------------------------------------------------------- transition delay
@pytest.mark.parametrize(("settings", "start"), [({}, 0), ({"transition_delay": 2.5}, 2.5)])
def test_a_mapping_polls_after_its_transition_delay(settings, start):
    story = Story(settings)
    story.send(1)
    story.until(10)
    assert story.starts == [start]
