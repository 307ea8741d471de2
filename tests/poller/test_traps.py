"""The fifteen traps that users meet, each with its trace (lambda-poller.md 6)."""

from __future__ import annotations

import pytest

import minisqs


def fail_on(*bad):
    """A handler's decision: raise if the batch has one of these bodies."""

    def decide(records):
        if any(record["body"] in bad for record in records):
            raise ValueError("a bad order")

    return decide


def report(*bad, first_time_only=False):
    """A handler's decision: report these bodies as failed."""

    def decide(records):
        failed = [
            {"itemIdentifier": record["messageId"]}
            for record in records
            if record["body"] in bad
            and not (first_time_only and record["attributes"]["ApproximateReceiveCount"] != "1")
        ]
        return {"batchItemFailures": failed}

    return decide


# --------------------------------------------------------------------------------- T1: the slides' sample
def lecture(scene, decide, **settings):
    s = scene(vis=30, mrc=1)
    s.send(*range(1, 12))
    function = s.function(decide, timeout=5, duration=1)
    mapping = s.map(function, batch_size=10, maximum_batching_window_in_seconds=5, maximum_concurrency=2, **settings)
    s.world.run_until_idle()
    return s, function, mapping


def test_t1_one_bad_order_takes_its_whole_batch_to_the_dead_letter_queue(scene):
    s, function, mapping = lecture(scene, fail_on("7"))
    ten = [str(number) for number in range(1, 11)]
    assert s.runs == [(0, *ten), (5, "11")]
    assert [(run.outcome, run.ended_at) for run in function.invocations] == [("error", 1), ("success", 6)]
    assert s.times("DeleteMessageBatch") == [(6, "11")]
    assert s.times("moved to another queue") == [(30, number) for number in ten]
    assert s.dead_letters() == ten
    assert s.queue.metrics["NumberOfMessagesDeleted"] == mapping.metrics["DeletedEventCount"] == 1


@pytest.mark.parametrize("split", [[6, 5], [5, 6], [10, 1], [7, 4], [3, 3, 3, 2], [1] * 11])
def test_t1_for_any_split_the_dead_letters_are_the_sub_batch_of_the_bad_one(scene, split):
    s, function, _ = lecture(scene, fail_on("7"), split=split)
    [doomed] = [run for run in s.runs if "7" in run]
    assert sorted(s.dead_letters(), key=int) == sorted(doomed[1:], key=int)
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 11 - len(doomed[1:])
    assert len(function.invocations) == len(s.runs)
    assert sorted(int(body) for run in s.runs for body in run[1:]) == list(range(1, 12))


def test_t1_with_the_split_of_six_and_five_the_sub_batches_are_these(scene):
    s, _, _ = lecture(scene, fail_on("7"), split=[6, 5])
    assert s.runs == [(5, "1", "2", "3", "4", "5", "6"), (5, "7", "8", "9", "10", "11")]
    assert len(s.dead_letters()) == 5


def test_t1_with_partial_responses_only_the_bad_order_is_a_dead_letter(scene):
    s, _, _ = lecture(scene, report("7"), report_batch_item_failures=True)
    assert s.dead_letters() == ["7"]
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 10


# ------------------------------------------------------------------- T2: visibility shorter than the work
def slow_work(scene, **world):
    s = scene(vis=30, **world)
    function = s.function(timeout=30, duration=45)
    mapping = s.map(function)
    function.update(timeout=60)  # the check was at creation
    s.send("m")
    return s, function, mapping


def test_t2_work_longer_than_the_visibility_timeout_is_done_twice_without_an_error(scene):
    s, function, mapping = slow_work(scene)
    s.world.run_until_idle()
    assert [(run.started_at, run.ended_at, run.outcome) for run in function.invocations] == [
        (0, 45, "success"),
        (30, 75, "success"),
    ]
    assert [run.records[0]["attributes"]["ApproximateReceiveCount"] for run in function.invocations] == ["1", "2"]
    assert s.times("DeleteMessageBatch") == [(45, "1"), (75, "1")]
    assert s.queue.metrics["NumberOfMessagesDeleted"] == mapping.metrics["DeletedEventCount"] == 2
    assert s.queue.counts == (0, 0, 0)


def test_t2_where_older_handles_do_not_delete_the_work_is_done_again_and_again(scene):
    s, function, _ = slow_work(scene, faults=minisqs.Faults(stale_delete=1.0))
    s.world.advance(200)
    assert [run.started_at for run in function.invocations][:4] == [0, 30, 60, 90]
    assert {run.outcome for run in function.invocations} == {"success", "running"}
    assert function.invocations[2].records[0]["attributes"]["ApproximateReceiveCount"] == "3"


def test_t2_on_a_fifo_queue_the_late_delete_is_refused(scene):
    s = scene(vis=30, fifo=True)
    function = s.function(timeout=30, duration=45)
    mapping = s.map(function)
    function.update(timeout=60)
    s.send("m", group="G")
    s.world.advance(46)
    assert [run.started_at for run in function.invocations] == [0, 30]
    assert mapping.metrics["DeletedEventCount"] == 0
    assert s.queue.counts.in_flight == 1


# ------------------------------------------------------- T3: reserved concurrency without maximum concurrency
def ten_orders_for_two(scene, reserved=2, **settings):
    s = scene(vis=60, mrc=1)
    s.send(*[f"m{number}" for number in range(1, 11)])
    function = s.function(timeout=10, duration=8, reserved_concurrency=reserved)
    mapping = s.map(function, batch_size=1, **settings)
    s.world.run_until_idle()
    return s, function, mapping


def test_t3_throttles_eat_the_lease_of_a_message_that_the_handler_never_sees(scene):
    s, function, _ = ten_orders_for_two(scene)
    assert s.runs == [
        (0, "m1"), (0, "m2"), (8, "m6"), (8, "m7"), (16, "m8"), (16, "m9"), (24, "m10"), (43, "m3"), (43, "m4"),
    ]  # fmt: skip
    throttled = [seconds for seconds, _ in s.times("throttled")]
    assert throttled == [0] * 3 + [4] * 3 + [11] * 3 + [23] * 3 + [43]
    assert s.times("left to its visibility timeout") == [(43, "5")]
    assert s.times("moved to another queue") == [(60, "5")]
    assert s.dead_letters() == ["m5"]
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 9
    assert dict(function.metrics) | {"Duration": 0} == {
        "Invocations": 9, "Errors": 0, "Throttles": 13, "Duration": 0, "ConcurrentExecutions": 2,
    }  # fmt: skip


def test_t3_with_maximum_concurrency_nothing_is_throttled_and_nothing_lost(scene):
    s, function, _ = ten_orders_for_two(scene, maximum_concurrency=2)
    assert s.dead_letters() == []
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 10
    assert function.metrics["Throttles"] == 0
    assert max(run.ended_at for run in function.invocations) == 40


# ------------------------------------------------------------------------------- T4, T5: partial responses
def five_of_which_two_fail(scene, **settings):
    s = scene(vis=30, mrc=3)
    s.send("m1", "m2", "m3", "m4", "m5")
    mapping = s.map(s.function(report("m2", "m4", first_time_only=True)), **settings)
    s.world.run_until_idle()
    return s, mapping


def test_t4_what_is_reported_comes_again_and_the_rest_is_deleted(scene):
    s, mapping = five_of_which_two_fail(scene, report_batch_item_failures=True)
    assert s.runs == [(0, "m1", "m2", "m3", "m4", "m5"), (30, "m2", "m4")]
    shown = mapping.metrics
    names = ("PolledEventCount", "InvokedEventCount", "FailedInvokeEventCount", "DeletedEventCount")
    assert [shown[name] for name in names] == [7, 7, 2, 5]


def test_t5_without_the_setting_a_report_is_ignored_and_the_failures_are_lost(scene):
    s, mapping = five_of_which_two_fail(scene)
    assert s.runs == [(0, "m1", "m2", "m3", "m4", "m5")]
    assert mapping.metrics["DeletedEventCount"] == 5
    assert mapping.metrics["FailedInvokeEventCount"] == 0
    assert (s.queue.counts, s.dead_letters()) == ((0, 0, 0), [])


# ------------------------------------------------------------------------ T6: a window that eats the lease
def slow_with_window(scene, vis=30, **settings):
    world = settings.pop("world", {})
    s = scene(vis=vis, **world)
    s.send("m")
    function = s.function(timeout=25, duration=15)
    mapping = s.map(function, batch_size=100, maximum_batching_window_in_seconds=20, **settings)
    return s, function, mapping


def test_t6_a_window_that_eats_the_lease_has_the_work_done_twice(scene):
    s, function, _ = slow_with_window(scene)
    s.world.run_until_idle()
    assert [(run.started_at, run.ended_at) for run in function.invocations] == [(20, 35), (50, 65)]
    assert s.times("DeleteMessageBatch") == [(35, "1"), (65, "1")]


def test_t6_where_older_handles_do_not_delete_it_never_finishes(scene):
    s, function, _ = slow_with_window(scene, world={"faults": minisqs.Faults(stale_delete=1.0)})
    s.world.advance(300)
    assert len(function.invocations) > 6
    assert s.queue.metrics["NumberOfMessagesReceived"] > 6


@pytest.mark.parametrize("settings", [{"vis": 170}, {"window_extends_visibility": True}])
def test_t6_with_a_lease_that_is_long_enough_it_is_done_once(scene, settings):
    s, function, _ = slow_with_window(scene, **settings)
    s.world.run_until_idle()
    assert [(run.started_at, run.ended_at) for run in function.invocations] == [(20, 35)]


# -------------------------------------------------------------------------------------- T7: FIFO poison
def poisoned(scene, decide, **settings):
    s = scene(vis=30, mrc=3, fifo=True)
    s.send("p", "g1", "g2", group="G")
    s.send("h1", group="H")
    s.map(s.function(decide), batch_size=10, **settings)
    s.world.run_until_idle()
    return s


def test_t7_a_poison_message_takes_a_healthy_group_along(scene):
    s = poisoned(scene, fail_on("p"))
    assert s.runs == [(seconds, "p", "g1", "g2", "h1") for seconds in (0, 30, 60)]
    assert sorted(s.dead_letters()) == ["g1", "g2", "h1", "p"]
    assert {seconds for seconds, _ in s.times("moved to another queue")} == {90}


def test_t7_what_is_sent_meanwhile_waits_for_the_lease_and_joins_the_failing_batch(scene):
    s = scene(vis=30, mrc=3, fifo=True)
    s.send("p", group="G")
    s.map(s.function(fail_on("p")), batch_size=10)
    s.world.advance(10)
    s.send("g3", group="G")
    s.world.advance(25)
    assert s.runs == [(0, "p"), (30, "p", "g3")]


def test_t7_reporting_the_poison_and_all_that_follow_keeps_the_order_and_frees_the_other_group(scene):
    s = poisoned(scene, report("p", "g1", "g2"), report_batch_item_failures=True)
    assert s.runs == [(0, "p", "g1", "g2", "h1"), (30, "p", "g1", "g2"), (60, "p", "g1", "g2")]
    assert s.dead_letters() == ["p", "g1", "g2"]
    assert {seconds for seconds, _ in s.times("moved to another queue")} == {90}


def test_t7_reporting_the_poison_only_breaks_the_order(scene):
    s = poisoned(scene, report("p"), report_batch_item_failures=True)
    assert s.runs == [(0, "p", "g1", "g2", "h1"), (30, "p"), (60, "p")]
    assert s.dead_letters() == ["p"]


# --------------------------------------------------------------------------------- T8: a malformed report
def test_t8_receipt_handles_in_a_report_fail_the_whole_batch_until_it_is_dead(scene):
    s = scene(vis=30, mrc=3)
    s.send("m1", "m2")
    decide = lambda records: {"batchItemFailures": [{"itemIdentifier": records[0]["receiptHandle"]}]}  # noqa: E731
    function = s.function(decide)
    s.map(function, report_batch_item_failures=True)
    s.world.run_until_idle()
    assert [seconds for seconds, *_ in s.runs] == [0, 30, 60]
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 0
    assert function.metrics["Errors"] == 0
    assert s.dead_letters() == ["m1", "m2"]


# ------------------------------------------------------------------------------------ T9: the silent filter
def test_t9_what_no_filter_matches_is_deleted_without_a_trace_but_one_metric(scene):
    s = scene(mrc=3)
    s.send('{"kind": "order", "n": 1}', "plain text", '{"kind": "refund"}', '{"kind": ["order"]}')
    mapping = s.map(s.function(), filters=['{"body": {"kind": ["order"]}}'])
    s.world.run_until_idle()
    assert s.runs == [(0, '{"kind": "order", "n": 1}', '{"kind": ["order"]}')]
    assert s.dead_letters() == []
    assert s.queue.counts == (0, 0, 0)
    assert mapping.metrics["FilteredOutEventCount"] == 2
    assert mapping.metrics["DeletedEventCount"] == 4


# ------------------------------------------------------------- T10: maximum concurrency above the reservation
def test_t10_maximum_concurrency_above_the_reservation_throttles_too(scene):
    _, function, mapping = ten_orders_for_two(scene, reserved=4, maximum_concurrency=10)
    assert mapping.concurrency == 5  # it grows only while all are busy and messages wait
    assert function.metrics["Throttles"] > 0
    assert function.metrics["ConcurrentExecutions"] == 4


def test_t10_up_to_six_slots_hold_throttled_batches(scene):
    s = scene(vis=600)
    s.send(*range(1000))
    function = s.function(timeout=100, duration=100, reserved_concurrency=4)
    s.map(function, batch_size=1, maximum_concurrency=10, backoff=False)
    s.world.advance(40)
    held = {entry.caller for entry in s.world.journal if entry.action == "throttled" and entry.seconds >= 20}
    assert len(held) == 6


# --------------------------------------------------------- T11: a batch larger than the timeout allows
def test_t11_a_batch_that_the_timeout_does_not_allow_is_never_deleted(scene):
    s = scene(vis=180, mrc=3)
    s.send(*range(200))
    done = []

    async def one_by_one(event, context):
        import asyncio  # noqa: PLC0415, TID251

        for record in event["Records"]:
            await asyncio.sleep(1)
            done.append(record["body"])

    function = s.world.create_function(one_by_one, timeout=30)
    s.map(function, batch_size=100, maximum_batching_window_in_seconds=1, maximum_concurrency=2)
    s.world.run_until_idle()
    assert [(run.started_at, run.ended_at, len(run.records), run.outcome) for run in function.invocations] == [
        (began, began + 30, 100, "timeout") for began in (0, 0, 180, 180, 360, 360)
    ]
    assert len(done) in range(6 * 29, 6 * 30 + 1)
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 0
    assert {seconds for seconds, _ in s.times("moved to another queue")} == {540}
    assert s.dead.counts.visible == 200


# ------------------------------------------------------------------------- T12: throttling eats receives
def test_t12_a_stopped_function_empties_the_queue_into_the_dead_letter_queue(scene):
    s = scene(vis=30, mrc=5)
    s.send("m")
    function = s.function(timeout=30, reserved_concurrency=0)
    s.map(function)
    s.world.run_until_idle()
    assert s.times("ReceiveMessage")[:1] == [(0, "1")]
    assert [seconds for seconds, place in s.times("ReceiveMessage") if place] == [0, 30, 60, 90, 120]
    assert s.times("moved to another queue") == [(150, "1")]
    assert (function.metrics["Throttles"], function.metrics["Invocations"], s.runs) == (5, 0, [])


# --------------------------------------------------------------- T13: maximum concurrency 1 does not exist
def test_t13_maximum_concurrency_one_is_refused(scene):
    s = scene()
    with pytest.raises(minisqs.errors.ValidationException, match="greater than or equal to 2"):
        s.map(s.function(), maximum_concurrency=1)


def test_t13_a_fifo_queue_with_one_group_runs_one_at_a_time(scene):
    s = scene(fifo=True)
    s.send(*range(5), group="G")
    function = s.function(duration=2)
    s.map(function, batch_size=1)
    s.world.run_until_idle()
    assert [run[0] for run in s.runs] == [0, 2, 4, 6, 8]
    assert function.metrics["ConcurrentExecutions"] == 1


# ------------------------------------------------------------------------------- T14: competing mappings
def test_t14_two_functions_on_one_queue_share_the_messages(scene):
    s = scene()
    s.send(*range(40))
    got = {"a": [], "b": []}
    for name, bodies in got.items():
        handler = lambda event, context, bodies=bodies: bodies.extend(r["body"] for r in event["Records"])  # noqa: E731
        s.map(s.world.create_function(handler, name=name, duration=1), batch_size=1)
    s.world.run_until_idle()
    assert sorted(got["a"] + got["b"], key=int) == [str(number) for number in range(40)]
    assert got["a"]
    assert got["b"]


# --------------------------------------------------------------------- T15: a failing function on a big queue
def big_queue(scene, decide, **settings):
    s = scene(vis=60)
    for start in range(0, 60_000, 10):
        s.queue.send_batch([str(start + number) for number in range(10)])
    s.broken = False
    function = s.function(decide(s), duration=1)
    mapping = s.map(function, **settings)
    s.world.advance(30)
    assert mapping.concurrency == 155
    s.broken = True
    return s, mapping


def test_t15_a_failing_function_shrinks_by_a_tenth_a_tick_to_five_and_climbs_back_at_the_profile_s_rate(scene):
    def decide(s):
        return lambda records: s.broken and 1 / 0

    s, mapping = big_queue(scene, decide)
    s.world.advance(10)
    assert 130 < mapping.concurrency < 155
    seen = [mapping.concurrency]
    for _ in range(3):
        s.world.advance(10)
        seen.append(mapping.concurrency)
    assert seen[1:] == [before - -(-before // 10) for before in seen[:-1]]
    s.world.advance(400)
    assert mapping.concurrency == 5
    s.broken = False
    s.world.advance(10)
    before = mapping.concurrency
    s.world.advance(10)
    assert mapping.concurrency == before + 50


def test_t15_with_reporting_on_and_every_message_listed_it_does_not_shrink(scene):
    def decide(s):
        return lambda records: (
            {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]} if s.broken else None
        )

    s, mapping = big_queue(scene, decide, report_batch_item_failures=True)
    s.world.advance(30)
    assert mapping.concurrency > 155
