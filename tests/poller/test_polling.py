"""How a mapping receives: slots, batches, windows, splits, and the order of one instant (lambda-poller.md 3)."""

from __future__ import annotations

from itertools import pairwise

import pytest

import minisqs


def callers(world, action="ReceiveMessage"):
    """Who received which message when, by the number of the slot."""
    return [
        (entry.seconds, int(entry.caller.rpartition("/")[2]), int(entry.message.rpartition("/")[2]))
        for entry in world.journal
        if entry.action == action and entry.message
    ]


# ------------------------------------------------------------------------------------ one receive at a time
def test_a_free_slot_polls_for_twenty_seconds_whatever_the_queue_s_own_wait_is(scene):  # P1
    s = scene()
    s.map(s.function(), maximum_concurrency=2)
    s.world.advance(100)
    empty = [entry.seconds for entry in s.world.journal if entry.cause == "nothing to receive"]
    assert empty == [20, 20, 40, 40, 60, 60, 80, 80, 100, 100]
    assert s.queue.metrics["NumberOfEmptyReceives"] == 10


def test_a_message_that_arrives_in_a_poll_is_taken_at_once(scene):  # P1
    s = scene()
    s.map(s.function())
    s.world.advance(7.5)
    s.send("m")
    s.world.advance(0)
    assert s.runs == [(7.5, "m")]


def test_without_a_window_the_first_answer_is_the_batch(scene):  # P2
    s = scene()
    s.map(s.function(duration=5), batch_size=10)
    s.world.advance(1)
    for body in "abc":
        s.send(body)
        s.world.advance(0)
    assert s.runs == [(1, "a"), (1, "b"), (1, "c")]


def test_a_batch_size_below_ten_asks_for_no_more(scene):  # P1
    s = scene()
    s.send(*range(7))
    s.map(s.function(duration=1), batch_size=3, maximum_concurrency=2)
    s.world.run_until_idle()
    assert s.runs == [(0, "0", "1", "2"), (0, "3", "4", "5"), (1, "6")]


def test_a_receive_hides_messages_for_the_queue_s_own_timeout_from_each_record_s_receive(scene):  # P7
    s = scene(vis=30)
    s.map(
        s.function(lambda records: 1 / 0, timeout=10, duration=1), batch_size=10, maximum_batching_window_in_seconds=20
    )
    s.send("a")
    s.world.advance(15)
    s.send("b")
    s.world.advance(5)
    assert s.runs == [(20, "a", "b")]
    s.to_ns(30, -1)
    assert s.queue.counts.visible == 0
    s.to_ns(45, 0)
    assert [(seconds, place) for seconds, _, place in callers(s.world)] == [(0, 1), (15, 2), (30, 1), (45, 2)]


# ------------------------------------------------------------------------------------------------- windows
@pytest.mark.parametrize(("ns", "handed_over"), [(-1, 0), (0, 1), (1, 1)])
def test_a_window_is_over_so_many_seconds_after_the_first_record(scene, ns, handed_over):  # P3, P4
    s = scene()
    s.map(s.function(), maximum_batching_window_in_seconds=5)
    s.world.advance(3)
    s.send("m")
    s.to_ns(8, ns)
    assert len(s.runs) == handed_over


def test_a_window_ends_early_when_the_batch_is_full(scene):  # P3
    s = scene()
    s.map(s.function(duration=1), batch_size=25, maximum_batching_window_in_seconds=10, maximum_concurrency=2)
    s.send(*range(12))
    s.world.advance(2)
    assert s.runs == []
    s.send(*range(12, 60))
    s.world.advance(0)
    assert [len(run) - 1 for run in s.runs] == [25, 25]
    s.world.advance(12)
    assert [(run[0], len(run) - 1) for run in s.runs] == [(2, 25), (2, 25), (13, 10)]


def test_a_message_that_shows_up_when_the_window_ends_is_not_in_its_batch(scene):  # P15
    s = scene()
    s.map(s.function(duration=1), maximum_batching_window_in_seconds=5, maximum_concurrency=2)
    s.send("early")
    s.queue.send("late", delay_seconds=5)
    s.world.run_until_idle()
    assert s.runs == [(5, "early"), (10, "late")]


def test_empty_windows_invoke_nothing(scene):  # P4
    s = scene()
    s.map(s.function(), maximum_batching_window_in_seconds=1, window_anchor="previous_completion")
    s.world.advance(100)
    assert s.runs == []


def test_a_poll_that_the_window_cuts_short_is_an_empty_receive(scene):  # P5
    s = scene()
    mapping = s.map(s.function(), maximum_batching_window_in_seconds=5, maximum_concurrency=2)
    s.send("m")
    s.world.advance(6)
    assert s.queue.metrics["NumberOfEmptyReceives"] == 1
    assert mapping.metrics["PolledEventCount"] == 1


def test_a_window_longer_than_a_poll_goes_on_with_another(scene):  # P3
    s = scene(vis=600)
    s.map(s.function(), maximum_batching_window_in_seconds=50, maximum_concurrency=2)
    s.send("a")
    s.world.advance(45)
    s.send("b")
    s.world.advance(5)
    assert s.runs == [(50, "a", "b")]


# -------------------------------------------------------------------------------------------------- splits
def test_free_slots_ask_in_the_order_of_their_numbers_and_each_takes_all_it_may(scene):  # P9
    s = scene()
    s.send(*range(45))
    s.map(s.function(duration=1))
    s.world.advance(0)
    assert [(slot, place) for _, slot, place in callers(s.world)] == [(1 + n // 10, 1 + n) for n in range(45)]


def test_a_slot_that_collects_asks_again_only_after_every_free_slot(scene):  # P9
    s = scene()
    s.send(*range(100))
    s.map(s.function(duration=1), batch_size=100, maximum_batching_window_in_seconds=5)
    s.world.advance(0)
    asked = [slot for _, slot, place in callers(s.world) if place % 10 == 1]
    assert asked == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_a_message_goes_to_the_waiting_slot_with_the_lowest_number(scene):  # P9
    s = scene()
    s.map(s.function(timeout=20, duration=10), batch_size=1)
    for seconds in (0, 1, 12, 13):
        s.to_ns(seconds)
        s.send("m")
    s.world.run_until_idle()
    assert callers(s.world) == [(0, 1, 1), (1, 2, 2), (12, 1, 3), (13, 2, 4)]


def test_a_collecting_slot_with_a_lower_number_takes_what_arrives_before_a_free_one(scene):  # P15
    s = scene()
    s.map(s.function(duration=1), maximum_batching_window_in_seconds=5, maximum_concurrency=3)
    s.send("a")
    s.world.advance(3)
    s.send(*range(12))
    s.world.run_until_idle()
    assert [(run[0], len(run) - 1) for run in s.runs] == [(3, 10), (8, 3)]


@pytest.mark.parametrize("seed", range(5))
def test_a_random_split_is_drawn_from_the_seed(scene, seed):  # P9
    def sizes(seed):
        s = scene(seed=seed)
        s.send(*range(60))
        s.map(s.function(duration=1), split="random")
        s.world.run_until_idle()
        assert sorted(int(body) for run in s.runs for body in run[1:]) == list(range(60))
        return [len(run) - 1 for run in s.runs]

    assert sizes(seed) == sizes(seed)
    assert sizes(seed) != sizes(seed + 1)
    assert len(set(sizes(seed))) > 2


def test_a_list_of_sizes_holds_for_receives_that_find_something_then_it_is_greedy(scene):  # P9
    s = scene()
    s.map(s.function(duration=1), split=[3, 1, 2])
    s.world.advance(65)
    s.send(*range(30))
    s.world.run_until_idle()
    assert [len(run) - 1 for run in s.runs] == [3, 1, 2, 10, 10, 4]


def test_a_split_is_a_choice_with_an_address_in_a_plan(scene):
    plan = minisqs.Plan({("split", "orders/handler/1", 0): 4, ("split", "orders/handler/2", 0): 1})
    s = scene(faults=plan)
    s.send(*range(12))
    s.map(s.function(duration=1))
    s.world.run_until_idle()
    assert [len(run) - 1 for run in s.runs] == [4, 1, 7]
    assert s.world.choices == plan.choices
    s.world.check_replayed()


def test_the_fault_split_spreads_messages_and_loses_none(scene):
    s = scene(seed=3, faults={"split": 0.9})
    s.send(*range(50))
    s.map(s.function(duration=1))
    s.world.run_until_idle()
    assert sorted(int(body) for run in s.runs for body in run[1:]) == list(range(50))
    assert min(len(run) - 1 for run in s.runs) < 5


# ------------------------------------------------------------------------------------------------- filters
def test_what_is_filtered_out_neither_counts_for_the_batch_nor_opens_a_window(scene):  # P10
    s = scene()
    mapping = s.map(
        s.function(),
        batch_size=3,
        maximum_batching_window_in_seconds=5,
        filters=['{"body": {"n": [{"exists": true}]}}'],
    )
    s.send("plain")
    s.world.advance(3)
    s.send('{"n": 1}', '{"m": 2}', '{"n": 3}')
    s.world.advance(4)
    assert s.runs == []
    s.send('{"n": 4}')
    s.world.advance(0)
    assert s.runs == [(7, '{"n": 1}', '{"n": 3}', '{"n": 4}')]
    assert mapping.metrics["FilteredOutEventCount"] == 2
    assert [seconds for seconds, _, _ in callers(s.world, "filtered out")] == [0, 3]


def test_any_of_several_filters_will_do_and_the_body_arrives_untouched(scene):  # P10, P11
    s = scene()
    s.map(s.function(), filters=['{"body": {"n": [1]}}', '{"body": {"n": [2]}}'])
    body = '{ "n":2,  "x": "ü" }'
    s.send(body, '{"n": 3}')
    s.world.run_until_idle()
    assert s.runs == [(0, body)]


def test_a_filter_on_another_key_is_matched_against_the_record(scene):  # P11
    s = scene()
    s.map(s.function(), filters=['{"messageAttributes": {"kind": {"stringValue": ["order"]}}}'])
    s.queue.send("yes", message_attributes={"kind": "order"})
    s.queue.send("no", message_attributes={"kind": "refund"})
    s.world.run_until_idle()
    assert s.runs == [(0, "yes")]


# -------------------------------------------------------------------------------------------- FIFO sources
def test_a_fifo_batch_may_mix_groups_and_keeps_their_order(scene):  # P13
    s = scene(fifo=True)
    s.send("a1", group="A")
    s.send("b1", group="B")
    s.send("a2", group="A")
    s.map(s.function(duration=1))
    s.world.run_until_idle()
    assert [sorted(run[1:]) for run in s.runs] == [["a1", "a2", "b1"]]
    assert s.runs[0].index("a1") < s.runs[0].index("a2")


def test_a_group_in_flight_gives_out_nothing_more_so_batches_are_at_most_the_groups(scene):  # P13, 5.5
    s = scene(fifo=True)
    for group in "ABCDEF":
        s.send(*[f"{group}{number}" for number in range(5)], group=group)
    function = s.function(duration=1)
    s.map(function, batch_size=1, maximum_concurrency=10)
    s.world.run_until_idle()
    assert function.metrics["ConcurrentExecutions"] <= 6
    for group in "ABCDEF":
        assert [body for _, body in s.runs if body[0] == group] == [f"{group}{number}" for number in range(5)]


@pytest.mark.parametrize(("duration", "deleted"), [(30, 0), (29.999999999, 1)])
def test_a_fifo_run_that_ends_exactly_with_its_lease_deletes_too_late(scene, duration, deleted):  # P15
    s = scene(vis=30, fifo=True)
    s.send("m", group="G")
    mapping = s.map(s.function(timeout=30, duration=duration))
    s.world.advance(30)
    assert mapping.metrics["DeletedEventCount"] == deleted


def test_on_a_standard_queue_the_same_run_deletes_in_time(scene):
    s = scene(vis=30)
    s.send("m")
    mapping = s.map(s.function(timeout=30, duration=30))
    s.world.run_until_idle()
    assert mapping.metrics["DeletedEventCount"] == 1
    assert len(s.runs) == 1


# ---------------------------------------------------------------------------------- the order of one instant
def test_at_one_instant_completions_come_before_retries_and_those_before_receives(scene):  # P15
    s = scene(vis=60)
    s.send("a", "b")
    s.map(s.function(timeout=10, duration=4, reserved_concurrency=1), batch_size=1)
    s.world.advance(3)
    s.send("c")
    s.world.run_until_idle()
    at_four = [
        (entry.action, entry.message.rpartition("/")[2])
        for entry in s.world.journal
        if entry.seconds == 4 and entry.action not in ("settled", "batch")
    ]
    assert s.runs[:2] == [(0, "a"), (4, "b")]
    assert at_four[0] == ("DeleteMessageBatch", "1")


def test_a_slot_that_becomes_free_receives_before_the_scale_ticks(scene):  # P15, 5.6
    s = scene()
    s.send(*range(60))
    mapping = s.map(s.function(timeout=10, duration=10), batch_size=1)
    s.to_ns(10, -1)
    assert mapping.concurrency == 5
    s.to_ns(10)
    assert mapping.concurrency == 55
    at_ten = [slot for seconds, slot, _ in callers(s.world) if seconds == 10]
    assert at_ten == list(range(1, 56))


def test_mappings_receive_in_the_order_in_which_they_were_made(scene):  # P14, P15
    s = scene()
    order = []
    for name in ("second", "first"):
        function = s.world.create_function(lambda event, context, name=name: order.append(name), name=name, duration=1)
        s.map(function, batch_size=1, maximum_concurrency=2)
    s.send(*range(4))
    s.world.advance(0)
    assert order == ["second", "second", "first", "first"]


# ---------------------------------------------------------------------------------------- what stands still
def test_a_deleted_queue_is_tried_after_one_two_four_and_so_on_up_to_sixty_seconds(scene):  # E2
    s = scene()
    s.map(s.function(), maximum_concurrency=2)
    s.world.advance(5)
    s.world.delete_queue(s.queue)
    s.world.advance(300)
    tried = [
        entry.seconds
        for entry in s.world.journal
        if entry.caller == "orders/handler/1" and "NonExistentQueue" in entry.cause
    ]
    assert [later - earlier for earlier, later in pairwise(tried)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        60,
        60,
        60,
    ]


def test_a_queue_that_is_made_again_is_polled_again(scene):  # E2
    s = scene()
    s.map(s.function())
    s.world.advance(5)
    s.world.delete_queue(s.queue)
    s.world.advance(100)
    s.queue = s.world.create_queue("orders")
    s.send("m")
    s.world.advance(60)
    assert [run[1] for run in s.runs] == ["m"]


def test_a_mapping_without_its_function_goes_on_polling_and_fails(scene):  # E1
    s = scene(vis=30, mrc=3)
    function = s.function()
    mapping = s.map(function)
    s.send("m")
    function.delete()
    s.world.run_until_idle()
    assert mapping.state == "Enabled"
    assert [mapping.metrics[name] for name in ("InvokedEventCount", "FailedInvokeEventCount")] == [3, 3]
    assert s.dead_letters() == ["m"]


def test_a_function_that_is_made_again_heals_its_mapping(scene):  # E1
    s = scene(vis=30)
    function = s.function(name="work")
    s.map(function)
    s.send("m")
    function.delete()
    s.world.advance(10)
    s.function(name="work")
    s.world.run_until_idle()
    assert s.runs == [(30, "m")]


def test_an_idle_world_with_pollers_is_idle(scene):
    s = scene()
    s.map(s.function())
    s.world.run_until_idle()
    assert s.world.clock.seconds == 0
    s.queue.send("later", delay_seconds=100)
    s.world.run_until_idle()
    assert s.world.clock.seconds == 100


def test_sending_runs_nobody_s_work_and_neither_does_making_a_mapping(scene):
    s = scene()
    s.send("m")
    s.map(s.function())
    s.send("n")
    assert s.runs == []
    assert s.queue.counts.visible == 2


def test_a_mapping_with_nothing_to_do_ticks_no_more(scene):
    s = scene()
    mapping = s.map(s.function())
    s.send("m")
    s.world.advance(400)
    assert mapping._slots._ticks._tick is None
    assert mapping.concurrency == 2
