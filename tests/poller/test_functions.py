"""Functions: their limits, versions, environments and concurrency (lambda-poller.md 1.2 and 7.2)."""

from __future__ import annotations

import re

import pytest

from minisqs import World, errors

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def run_to(world, ns):
    """Let time pass until so many nanoseconds after the beginning of the world."""
    world.sqs.kernel.run_until(world.clock.started_ns + ns)


def nothing(event, context):
    return None


def refusal(error_class, call, *arguments, **settings):
    """The error of a call that is refused with just that class."""
    with pytest.raises(errors.LambdaError) as caught:
        call(*arguments, **settings)
    assert type(caught.value) is error_class
    return caught.value


# ------------------------------------------------------------------------------------------------------ settings
@pytest.mark.parametrize(
    ("setting", "member", "lowest", "highest"),
    [("timeout", "timeout", 1, 900), ("memory_size", "memorySize", 128, 10_240)],
)
def test_a_number_is_refused_outside_of_its_range(world, setting, member, lowest, highest):
    function = world.create_function(nothing, **{setting: lowest})
    function.update(**{setting: highest})
    for value, bound in (
        (lowest - 1, f"greater than or equal to {lowest}"),
        (highest + 1, f"less than or equal to {highest}"),
    ):
        text = (
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )
        for call in (lambda **settings: world.create_function(nothing, name="other", **settings), function.update):
            error = refusal(errors.ValidationException, call, **{setting: value})
            assert (error.code, error.http_status, error.message) == ("ValidationException", 400, text)
    with pytest.raises(errors.ResourceDoesNotExist):
        world.function("other")


def test_a_function_has_the_defaults_of_lambda(world):
    function = world.create_function(lambda event, context: context.memory_limit_in_mb)
    assert (function.timeout, function.reserved_concurrency) == (3, None)
    assert function.invoke().result == "128"


@pytest.mark.parametrize(
    "setting",
    [
        {"timeout": 1.5}, {"timeout": True}, {"timeout": "3"}, {"timeout": None}, {"memory_size": 128.0},
        {"duration": -1}, {"duration": "1"}, {"duration": float("nan")}, {"duration": True},
        {"cold_start": -0.1}, {"cold_start": None}, {"keep_warm": -1}, {"keep_warm": float("inf")},
        {"reserved_concurrency": 1.0}, {"reserved_concurrency": True}, {"reserved_concurrency": "1"},
    ],
)  # fmt: skip
def test_a_setting_of_another_type_is_a_mistake_of_the_caller(world, setting):
    with pytest.raises(errors.UsageError):
        world.create_function(nothing, name="f", **setting)
    with pytest.raises(errors.ResourceDoesNotExist):
        world.function("f")
    with pytest.raises(errors.UsageError):
        world.create_function(nothing, name="f").update(**setting)


def test_a_duration_is_told_by_a_plain_function(world):
    async def duration(event):
        return 1

    with pytest.raises(errors.UsageError, match="plain function"):
        world.create_function(nothing, duration=duration)


def test_an_update_takes_all_settings_or_none(world):
    function = world.create_function(lambda event, context: context.memory_limit_in_mb, timeout=5)
    for changes in (
        {"timeout": 7, "memory_size": 1},
        {"timeout": 7, "reserved_concurrency": 901},
        {"timeout": 7, "name": "x"},
    ):
        with pytest.raises((errors.LambdaError, errors.UsageError)):
            function.update(**changes)
        assert (function.timeout, function.reserved_concurrency) == (5, None)
        assert function.invoke().result == "128"
    function.update(timeout=7, memory_size=256, reserved_concurrency=1)
    assert (function.timeout, function.reserved_concurrency) == (7, 1)
    assert function.invoke().result == "256"


def test_runs_under_way_end_as_they_began(world):
    function = world.create_function(lambda event, context: "old", duration=2)
    invocation = function.start()
    world.advance(1)
    function.update(handler=lambda event, context: "new", duration=0, timeout=1)
    assert function.invoke().result == "new"
    world.advance(5)
    assert (invocation.result, invocation.outcome, invocation.ended_at) == ("old", "success", 2)


# --------------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize("name", ["f", "F-1_x", "x" * 64])
def test_a_function_has_an_arn_of_its_name(world, name):
    function = world.create_function(nothing, name=name)
    assert function.arn == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert world.function(name) is world.function(function.arn) is function


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a:b", "ä", "a.b", 1])
def test_another_name_is_refused(world, name):
    with pytest.raises((errors.UsageError, errors.LambdaError)):
        world.create_function(nothing, name=name)


def test_a_name_is_taken_once(world):
    world.create_function(nothing, name="f")
    error = refusal(errors.ResourceConflictException, world.create_function, nothing, name="f")
    assert (error.code, error.http_status) == ("ResourceConflictException", 409)
    assert error.message == "Function already exist: f"
    assert error.operation_name == "CreateFunction"


def test_a_function_is_called_like_its_handler_with_a_number_where_that_is_taken(world):
    names = [world.create_function(handler).name for handler in (nothing, nothing, lambda event, context: None, None)]
    assert names == ["nothing", "nothing-2", "function", "function-2"]


def test_an_unknown_function_is_not_found(world):
    error = refusal(errors.ResourceDoesNotExist, world.function, "f")
    assert (error.code, error.http_status, error.message) == ("ResourceNotFoundException", 404, "Function not found: f")


# ------------------------------------------------------------------------------------------ versions and aliases
def version_of(event, context):
    return context.function_version, context.invoked_function_arn


def test_a_version_stays_as_it_was_published(world):
    function = world.create_function(lambda event, context: "old", timeout=5)
    assert function.publish_version() == "1"
    function.update(handler=lambda event, context: "new", timeout=6)
    assert function.publish_version() == "2"
    assert [function.invoke(qualifier=version).result for version in ("1", "2", "$LATEST")] == ["old", "new", "new"]


def test_an_alias_goes_over_to_another_version(world):
    function = world.create_function(version_of)
    for version in ("1", "2"):
        assert function.publish_version() == version
        function.create_alias("live", version)
        assert function.invoke(qualifier="live").result == (version, f"{function.arn}:live")
    assert function.invoke(qualifier="1").result == ("1", f"{function.arn}:1")
    assert function.invoke().result == ("$LATEST", function.arn)


def test_a_version_that_does_not_exist_cannot_be_invoked(world):
    function = world.create_function(nothing)
    function.publish_version()
    function.create_alias("live", "1")
    function.delete_version("1")
    for qualifier in ("1", "live", "2", ""):
        for call in (function.invoke, function.start):
            error = refusal(errors.ResourceDoesNotExist, call, qualifier=qualifier)
            assert error.message == f"Function not found: {function.arn}:{qualifier}"
            assert (error.operation_name, error.http_status) == ("Invoke", 404)
    refusal(errors.ResourceDoesNotExist, function.create_alias, "live", "1")
    refusal(errors.ResourceDoesNotExist, function.delete_version, "$LATEST")
    function.delete_version("live")
    refusal(errors.ResourceDoesNotExist, function.delete_version, "live")


@pytest.mark.parametrize("alias", ["1", "$LATEST", "", "a b", "a:b"])
def test_an_alias_cannot_be_called_like_a_version(world, alias):
    function = world.create_function(nothing)
    function.publish_version()
    error = refusal(errors.ValidationException, function.create_alias, alias, "1")
    assert error.message.startswith(f"1 validation error detected: Value '{alias}' at 'name' failed")


def test_versions_share_the_concurrency_but_not_the_environments(world):
    function = world.create_function(nothing, duration=1, reserved_concurrency=1)
    function.publish_version()
    one = function.invoke()
    other = function.invoke(qualifier="1")
    assert one.log_stream != other.log_stream
    assert "/[$LATEST]" in one.log_stream
    assert "/[1]" in other.log_stream
    assert [function.invoke().log_stream, function.invoke(qualifier="1").log_stream] == [
        one.log_stream,
        other.log_stream,
    ]
    function.start()
    refusal(errors.TooManyRequestsException, function.start, qualifier="1")


# ------------------------------------------------------------------------------------------------------- deleting
def test_a_deleted_function_is_gone_but_its_runs_end(world):
    function = world.create_function(nothing, duration=1)
    invocation = function.start()
    world.advance(0.5)
    function.delete()
    assert function.deleted
    refusal(errors.ResourceDoesNotExist, world.function, "nothing")
    calls = {
        "Invoke": function.invoke, "UpdateFunctionConfiguration": lambda: function.update(timeout=4),
        "PublishVersion": function.publish_version, "DeleteFunction": function.delete,
    }  # fmt: skip
    for action, call in calls.items():
        error = refusal(errors.ResourceDoesNotExist, call)
        assert (error.message, error.operation_name) == (f"Function not found: {function.arn}", action)
        assert error.response["ResponseMetadata"]["RequestId"]
    refusal(errors.ResourceDoesNotExist, function.create_alias, "live", "$LATEST")
    refusal(errors.ResourceDoesNotExist, function.delete_version, "1")
    world.advance(1)
    assert (invocation.outcome, invocation.ended_at) == ("success", 1)


def test_a_function_that_is_made_again_shares_nothing_with_the_one_before(world):
    before = world.create_function(nothing, name="f", reserved_concurrency=900)
    first = before.invoke()
    before.delete()
    after = world.create_function(nothing, name="f", reserved_concurrency=900)
    second = after.invoke()
    assert first.request_id != second.request_id
    assert first.log_stream != second.log_stream
    assert len(after.invocations) == after.metrics["Invocations"] == 1


def test_a_mapping_whose_function_is_deleted_burns_receives_until_it_is_made_again(world):
    queue = world.create_queue("orders", visibility_timeout=30)
    function = world.create_function(nothing, name="f")
    mapping = world.create_event_source_mapping(queue, function)
    function.delete()
    queue.send("a")
    world.advance(45)
    assert mapping.state == "Enabled"
    assert mapping.metrics["InvokedEventCount"] == mapping.metrics["FailedInvokeEventCount"] == 2
    assert function.metrics["Invocations"] == 0
    healed = world.create_function(nothing, name="f")
    world.advance(30)
    [invocation] = healed.invocations
    assert invocation.records[0]["attributes"]["ApproximateReceiveCount"] == "3"
    assert queue.metrics["NumberOfMessagesDeleted"] == 1


def test_a_deleted_function_gives_back_its_reservation_at_once_and_its_concurrency_when_its_runs_end():
    world = World(account_concurrency=102)
    function = world.create_function(nothing, name="f", duration=2, reserved_concurrency=2)
    others = world.create_function(nothing, name="others", duration=3)
    function.start(), function.start()
    world.advance(0)
    function.delete()
    for _ in range(100):
        others.start()
    refusal(errors.TooManyRequestsException, others.start)
    world.advance(2)
    others.start(), others.start()
    refusal(errors.TooManyRequestsException, others.start)


# ---------------------------------------------------------------------------------------------------- concurrency
@pytest.mark.parametrize("reserved", [0, 1, 3])
def test_a_reservation_is_the_most_that_a_function_runs_at_once(world, reserved):
    function = world.create_function(nothing, duration=1, reserved_concurrency=reserved)
    for _ in range(reserved):
        function.start()
    for call in (function.start, function.invoke):
        error = refusal(errors.TooManyRequestsException, call)
        assert (error.code, error.http_status, error.message) == ("TooManyRequestsException", 429, "Rate Exceeded.")
        assert error.operation_name == "Invoke"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    metrics = function.metrics
    assert (metrics["Throttles"], metrics["Invocations"], metrics["Errors"]) == (2, 0, 0)
    world.advance(1)
    assert metrics["Invocations"] == reserved
    assert len(function.invocations) == reserved


def test_the_concurrency_of_a_run_is_free_at_the_nanosecond_of_its_end(world):
    function = world.create_function(nothing, duration=1, reserved_concurrency=1)
    function.start()
    run_to(world, SECOND - 1)
    refusal(errors.TooManyRequestsException, function.start)
    run_to(world, SECOND)
    function.start()


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_functions_without_a_reservation_share_the_limit_of_the_account(limit):
    world = World(account_concurrency=limit)
    functions = [world.create_function(nothing, name=name, duration=1) for name in ("a", "b")]
    for number in range(limit):
        functions[number % 2].start()
    for function in functions:
        refusal(errors.TooManyRequestsException, function.start)
        assert function.metrics["Throttles"] == 1


@pytest.mark.parametrize(
    ("limit", "reserved", "more", "allowed"),
    [
        (1000, 900, 0, True), (1000, 901, 0, False), (1000, 1000, 0, False), (1000, 1001, 0, False), (1000, 0, 0, True),
        (1000, 500, 400, True), (1000, 500, 401, False), (1000, 900, 1, False),
        (100, 0, 0, True), (100, 1, 0, False), (50, 0, 0, True), (50, 1, 0, False), (101, 1, 0, True),
    ],
)  # fmt: skip
def test_a_hundred_stay_unreserved(limit, reserved, more, allowed):
    world = World(account_concurrency=limit)
    world.create_function(nothing, name="other", reserved_concurrency=more)
    function = world.create_function(nothing, name="f")
    if allowed:
        function.update(reserved_concurrency=reserved)
        assert function.reserved_concurrency == reserved
        return
    error = refusal(errors.InvalidParameterValueException, function.update, reserved_concurrency=reserved)
    assert error.message == (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        "below its minimum value of [100]."
    )
    assert function.reserved_concurrency is None
    refusal(
        errors.InvalidParameterValueException, world.create_function, nothing, name="g", reserved_concurrency=reserved
    )
    refusal(errors.ResourceDoesNotExist, world.function, "g")


def test_a_reservation_below_zero_is_refused(world):
    error = refusal(errors.ValidationException, world.create_function, nothing, reserved_concurrency=-1)
    assert error.message == (
        "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: "
        "Member must have value greater than or equal to 0"
    )


def test_reservations_are_subtracted_from_what_the_others_share():
    world = World(account_concurrency=110)
    reserved = world.create_function(nothing, name="reserved", duration=1, reserved_concurrency=10)
    others = world.create_function(nothing, name="others", duration=1)
    for _ in range(100):
        others.start()
    refusal(errors.TooManyRequestsException, others.start)
    for _ in range(10):
        reserved.start()
    refusal(errors.TooManyRequestsException, reserved.start)
    reserved.update(reserved_concurrency=None)  # its ten runs are the account's now, which is full
    refusal(errors.TooManyRequestsException, reserved.start)
    world.advance(1)
    for _ in range(110):
        reserved.start()
    refusal(errors.TooManyRequestsException, others.start)


def test_a_reservation_may_change_while_runs_are_under_way():
    world = World(account_concurrency=103)
    function = world.create_function(nothing, name="f", duration=1)
    others = world.create_function(nothing, name="others", duration=1)
    for _ in range(3):
        function.start()
    function.update(reserved_concurrency=2)
    refusal(errors.TooManyRequestsException, function.start)
    for _ in range(101):
        others.start()
    refusal(errors.TooManyRequestsException, others.start)
    function.update(reserved_concurrency=3)
    refusal(errors.TooManyRequestsException, function.start)
    world.advance(1)
    for _ in range(3):
        function.start()
    refusal(errors.TooManyRequestsException, function.start)


# ------------------------------------------------------------------------------------------------- growth and warmth
def test_a_thousand_environments_are_made_at_once_and_then_one_in_ten_milliseconds():
    world = World(account_concurrency=5000)
    function = world.create_function(nothing, timeout=900, duration=900)
    run_to(world, 123)
    for _ in range(1000):
        function.start()
    refusal(errors.TooManyRequestsException, function.start)
    for number in range(1, 4):
        run_to(world, 123 + number * 10 * MILLISECOND - 1)
        refusal(errors.TooManyRequestsException, function.start)
        run_to(world, 123 + number * 10 * MILLISECOND)
        function.start()
        refusal(errors.TooManyRequestsException, function.start)
    assert function.metrics["Throttles"] == 7
    assert function.metrics["ConcurrentExecutions"] == 1003


@pytest.mark.parametrize(("pause_ns", "more"), [(0, 0), (5 * SECOND, 500), (10 * SECOND, 1000), (3600 * SECOND, 1000)])
def test_the_allowance_of_new_environments_never_holds_more_than_a_thousand(pause_ns, more):
    world = World(account_concurrency=5000)
    function = world.create_function(nothing, timeout=900, duration=900, keep_warm=0)
    for _ in range(1000):
        function.start()
    run_to(world, pause_ns)
    for _ in range(more):
        function.start()
    refusal(errors.TooManyRequestsException, function.start)


def test_each_function_grows_by_itself():
    world = World(account_concurrency=5000)
    for name in ("a", "b"):
        function = world.create_function(nothing, name=name, duration=1)
        for _ in range(1000):
            function.start()
        refusal(errors.TooManyRequestsException, function.start)


def test_a_warm_environment_takes_nothing_from_the_growth():
    world = World(account_concurrency=5000)
    function = world.create_function(nothing)
    for _ in range(3):
        for _ in range(1000):
            function.start()
        world.advance(0)
    assert len({invocation.log_stream for invocation in function.invocations}) == 1000


def test_a_cold_start_takes_concurrency_but_no_time_of_the_run(world):
    function = world.create_function(nothing, timeout=3, duration=3, cold_start=2, reserved_concurrency=1)
    invocation = function.start()
    refusal(errors.TooManyRequestsException, function.start)
    run_to(world, 2 * SECOND - 1)
    assert invocation.started_at is None
    assert function.metrics["Invocations"] == 0
    run_to(world, 5 * SECOND - 1)
    assert (invocation.outcome, invocation.started_at) == ("running", 2)
    refusal(errors.TooManyRequestsException, function.start)
    run_to(world, 5 * SECOND)
    assert (invocation.outcome, invocation.ended_at) == ("success", 5)
    assert function.metrics["Duration"] == 3000
    warm = function.invoke()
    assert (warm.started_at, warm.ended_at, warm.log_stream) == (5, 8, invocation.log_stream)


def test_the_timeout_counts_from_the_end_of_the_cold_start(world):
    remaining = []
    function = world.create_function(
        lambda event, context: remaining.append(context.get_remaining_time_in_millis()), duration=10, cold_start=7
    )
    invocation = function.invoke()
    assert (invocation.outcome, invocation.ended_at, remaining) == ("timeout", 10, [3000])


def test_the_environment_that_became_idle_last_is_used_again(world):
    function = world.create_function(nothing, duration=lambda event: event)
    first, second, third = (function.start(seconds) for seconds in (2, 1, 3))
    world.advance(3)
    assert len({one.log_stream for one in (first, second, third)}) == 3
    again = [function.start(1) for _ in range(4)]
    assert [one.log_stream for one in again[:3]] == [third.log_stream, first.log_stream, second.log_stream]
    world.advance(0)
    assert again[3].log_stream not in {one.log_stream for one in again[:3]}


@pytest.mark.parametrize("keep_warm", [600, 1.5, 0])
@pytest.mark.parametrize(("more_ns", "warm"), [(-1, True), (0, False), (1, False)])
def test_an_environment_dies_once_it_was_idle_for_long_enough(world, keep_warm, more_ns, warm):
    if keep_warm + more_ns < 0:
        return
    function = world.create_function(nothing, duration=1, keep_warm=keep_warm)
    invocation = function.invoke()
    run_to(world, round((1 + keep_warm) * SECOND) + more_ns)
    assert (function.invoke().log_stream == invocation.log_stream) is warm


def test_an_environment_is_kept_warm_for_ten_minutes(world):
    function = world.create_function(nothing)
    first = function.invoke().log_stream
    run_to(world, 600 * SECOND - 1)
    assert function.invoke().log_stream == first
    run_to(world, 1200 * SECOND - 1)
    assert function.invoke().log_stream != first


def test_those_idle_for_long_die_though_others_are_used_all_the_time(world):
    function = world.create_function(nothing, duration=1, keep_warm=10)
    old = {function.start() for _ in range(2)}
    world.advance(1)
    for _ in range(6):
        last = function.invoke()
        world.advance(1)
    streams = {one.log_stream for one in old}
    assert last.log_stream in streams
    again = [function.start() for _ in range(2)]
    assert [one.log_stream in streams for one in again] == [True, False]


def test_an_environment_dies_with_a_timeout(world):
    function = world.create_function(nothing, duration=lambda event: event)
    timed_out = function.invoke(10)
    assert function.invoke(0).log_stream != timed_out.log_stream


def test_an_environment_outlives_an_exception(world):
    function = world.create_function(lambda event, context: 1 / 0)
    assert function.invoke().log_stream == function.invoke().log_stream


@pytest.mark.parametrize("changes", [{"timeout": 4}, {"memory_size": 256}, {"handler": nothing}])
def test_new_settings_get_new_environments(world, changes):
    function = world.create_function(nothing)
    first = function.invoke().log_stream
    function.update(**changes)
    assert function.invoke().log_stream != first


def test_a_reservation_is_no_reason_for_new_environments(world):
    function = world.create_function(nothing)
    first = function.invoke().log_stream
    function.update(reserved_concurrency=1)
    assert function.invoke().log_stream == first


def test_a_log_stream_shows_the_day_and_the_version_of_its_environment():
    world = World(start=1_735_775_999)  # a second before midnight of the first of January 2025
    function = world.create_function(nothing, duration=2, keep_warm=0)
    streams = [function.invoke().log_stream, function.invoke().log_stream]
    for day, stream in zip(("2025/01/01", "2025/01/02"), streams, strict=True):
        assert re.fullmatch(re.escape(f"{day}/[$LATEST]") + "[0-9a-f]{32}", stream)


# ------------------------------------------------------------------------------------------------- invoke and start
def test_invoke_waits_and_start_does_not(world):
    function = world.create_function(nothing, duration=1)
    assert (function.start().outcome, world.clock.seconds) == ("running", 0)
    assert (function.invoke().outcome, world.clock.seconds) == ("success", 1)


def test_a_handler_gets_a_copy_of_the_event(world):
    event = {"items": [1]}
    function = world.create_function(lambda event, context: event["items"].append(2))
    invocation = function.start(event)
    event["items"].append(3)
    world.advance(0)
    assert event == {"items": [1, 3]}
    assert invocation.event == {"items": [1]}
    assert invocation.records == []


def circle():
    event = []
    event.append(event)
    return event


@pytest.mark.parametrize("event", [{1, 2}, b"x", object(), circle()])
def test_an_event_is_what_json_can_say(world, event):
    function = world.create_function(nothing, reserved_concurrency=1)
    with pytest.raises(errors.UsageError, match="what JSON can say"):
        function.start(event)
    assert function.invoke().outcome == "success"


def test_a_direct_call_has_no_mapping_and_a_new_id_each_time(world):
    function = world.create_function(nothing)
    invocations = [function.invoke() for _ in range(3)]
    assert {one.mapping for one in invocations} == {None}
    assert {one.function for one in invocations} == {"nothing"}
    assert len({one.request_id for one in invocations}) == 3
    assert function.invocations == invocations


def test_invocations_are_kept_in_the_order_in_which_they_started(world):
    function = world.create_function(nothing, cold_start=1, keep_warm=600)
    function.invoke()
    world.advance(1)
    warm, cold = function.start(), function.start()
    world.advance(2)
    assert function.invocations[1:] == [warm, cold]
    assert [one.started_at for one in function.invocations] == [1, 2, 3]


@pytest.mark.parametrize(("length", "kept"), [(None, 3005), (2000, 2000), (3, 1000), (0, 1000)])
def test_as_many_invocations_are_kept_as_the_journal_has_entries_and_a_thousand_at_least(length, kept):
    world = World(journal_length=length)
    queue = world.create_queue("orders", visibility_timeout=60)
    function = world.create_function(None, name="work")
    world.create_event_source_mapping(queue, function, batch_size=1)
    for _ in range(3005):
        queue.send("x")
    world.run_until_idle()
    assert len(function.invocations) == kept
    assert function.metrics["Invocations"] == 3005


def test_a_run_under_way_keeps_the_world_busy(world):
    function = world.create_function(nothing, duration=2)
    function.start()
    world.run_until_idle()
    assert world.clock.seconds == 2


# -------------------------------------------------------------------------------------------------------- metrics
def test_a_function_without_runs_shows_nothing(world):
    metrics = world.create_function(nothing).metrics
    world.advance(600)
    assert dict(metrics) == dict.fromkeys(["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"], 0)
    assert {name: metrics.minutes(name) for name in metrics} == {name: {} for name in metrics}
    with pytest.raises(KeyError):
        metrics.minutes("DeadLetterErrors")


def test_invocations_and_errors_belong_to_the_minute_of_the_start(world):
    function = world.create_function(nothing, timeout=90, duration=lambda event: event)
    run_to(world, 60 * SECOND - 1)
    function.start(1000)
    run_to(world, 60 * SECOND)
    function.start(10)
    world.advance(200)
    metrics = function.metrics
    assert metrics.minutes("Invocations") == {0: 1, 60: 1}
    assert metrics.minutes("Errors") == {0: 1}
    assert metrics["Errors"] == 1
    assert metrics["Duration"] == 100_000


def test_a_run_is_stamped_after_its_cold_start(world):
    function = world.create_function(lambda event, context: 1 / 0, cold_start=61)
    function.invoke()
    assert function.metrics.minutes("Invocations") == function.metrics.minutes("Errors") == {60: 1}
    assert function.metrics.minutes("ConcurrentExecutions") == {0: 1, 60: 1}


def test_a_throttled_attempt_belongs_to_its_own_minute(world):
    function = world.create_function(nothing, reserved_concurrency=0)
    for _ in range(2):
        refusal(errors.TooManyRequestsException, function.start)
    run_to(world, 60 * SECOND)
    refusal(errors.TooManyRequestsException, function.invoke)
    assert function.metrics.minutes("Throttles") == {0: 2, 60: 1}
    assert function.metrics.minutes("Invocations") == {}


def test_each_minute_shows_its_highest_concurrency(world):
    function = world.create_function(nothing, timeout=900, duration=lambda event: event)
    function.start(1), function.start(1), function.start(200)
    world.advance(70)
    function.start(1)
    world.advance(600)
    assert function.metrics.minutes("ConcurrentExecutions") == {0: 3, 60: 2, 120: 1, 180: 1}
    assert function.metrics["ConcurrentExecutions"] == 3


def test_the_concurrency_of_a_run_under_way_is_shown_now(world):
    function = world.create_function(nothing, timeout=900, duration=900)
    function.start()
    world.advance(150)
    assert function.metrics.minutes("ConcurrentExecutions") == {0: 1, 60: 1, 120: 1}


@pytest.mark.parametrize(("duration", "shown"), [(0, 0), (0.0009, 0), (0.0019, 1), (1.5, 1500), (5, 3000)])
def test_duration_is_the_time_of_the_handler_in_milliseconds(world, duration, shown):
    function = world.create_function(nothing, duration=duration, cold_start=1)
    function.invoke()
    assert function.metrics["Duration"] == shown


def test_failed_and_timed_out_runs_count_as_invocations_and_errors(world):
    function = world.create_function(lambda event, context: 1 / event, duration=lambda event: event)
    for event in (1, 0, 10):
        function.invoke(event)
    metrics = function.metrics
    assert (metrics["Invocations"], metrics["Errors"], metrics["Throttles"]) == (3, 2, 0)
