"""Handlers on simulated time: plain ones, async ones, and what ends them (lambda-poller.md 1.2, 2.3, O1 to O3)."""

from __future__ import annotations

import asyncio  # noqa: TID251  # what the handlers here are written with
import gc
import re
from decimal import Decimal

import pytest

from minisqs import World, errors

SECOND = 1_000_000_000


def run_to(world, ns):
    """Let time pass until so many nanoseconds after the beginning of the world."""
    world.sqs.kernel.run_until(world.clock.started_ns + ns)


def after(world, invocation):
    """When a run started and ended, in nanoseconds since the beginning of the world."""
    began = world.clock.started_ns
    return invocation.started_ns - began, invocation.ended_ns - began


def nothing(event, context):
    return None


# ------------------------------------------------------------------------------------------------ plain handlers
def test_a_handler_is_called_when_its_work_starts_and_its_answer_counts_when_it_ends(world):
    called = []
    function = world.create_function(lambda event, context: called.append(event) or "done", duration=2)
    invocation = function.start({"a": 1})
    assert called == []
    assert invocation.started_at is None
    world.advance(0)
    assert called == [{"a": 1}]
    assert (invocation.outcome, invocation.started_at, invocation.ended_at) == ("running", 0, None)
    run_to(world, 2 * SECOND - 1)
    assert invocation.outcome == "running"
    run_to(world, 2 * SECOND)
    assert (invocation.outcome, invocation.result, invocation.ended_at) == ("success", "done", 2)
    assert called == [{"a": 1}]


def test_work_without_duration_ends_at_the_instant_in_which_it_starts(world):
    invocation = world.create_function(nothing).invoke()
    assert after(world, invocation) == (0, 0)


@pytest.mark.parametrize("handler", [nothing, None])
def test_a_duration_may_depend_on_the_event(world, handler):
    function = world.create_function(handler, timeout=60, duration=lambda event: event["items"] * 0.5)
    assert after(world, function.invoke({"items": 3})) == (0, 1_500_000_000)
    assert after(world, function.invoke({"items": 0})) == (1_500_000_000, 1_500_000_000)


def test_work_that_only_takes_time_needs_no_handler(world):
    invocation = world.create_function(None, duration=1).invoke()
    assert (invocation.outcome, invocation.result, invocation.ended_at) == ("success", None, 1)


@pytest.mark.parametrize("handler", [nothing, None])
@pytest.mark.parametrize("duration", [lambda event: -1, lambda event: event["missing"], lambda event: "1"])
def test_a_duration_that_cannot_be_told_reaches_the_caller_and_frees_the_concurrency(world, handler, duration):
    function = world.create_function(handler, duration=duration, reserved_concurrency=1)
    with pytest.raises((errors.UsageError, TypeError, KeyError)):
        function.invoke({})
    assert function.invocations[0].outcome == "error"
    function.update(duration=0)
    assert function.invoke().outcome == "success"


# --------------------------------------------------------------------------------------------------- timeouts
@pytest.mark.parametrize("handler", [nothing, None])
@pytest.mark.parametrize(
    ("duration", "outcome"), [(2.999_999_999, "success"), (3, "success"), (3.000_000_001, "timeout"), (1e6, "timeout")]
)
def test_work_of_exactly_the_timeout_is_in_time(world, handler, duration, outcome):
    invocation = world.create_function(handler, duration=duration).invoke()
    assert invocation.outcome == outcome
    assert after(world, invocation) == (0, min(round(duration * SECOND), 3 * SECOND))


def test_a_timeout_comes_at_its_own_nanosecond(world):
    function = world.create_function(nothing, duration=10)
    invocation = function.start()
    run_to(world, 3 * SECOND - 1)
    assert invocation.outcome == "running"
    run_to(world, 3 * SECOND)
    assert (invocation.outcome, invocation.ended_at) == ("timeout", 3)


@pytest.mark.parametrize(
    ("timeout", "start", "text"),
    [
        (3, 0.25, "2025-01-01T00:00:03.250Z {} Task timed out after 3.00 seconds"),
        (900, 0, "2025-01-01T00:15:00.000Z {} Task timed out after 900.00 seconds"),
        (1, 0.0009, "2025-01-01T00:00:01.000Z {} Task timed out after 1.00 seconds"),
    ],
)
def test_the_text_of_a_timeout_is_the_one_in_the_logs_of_lambda(world, timeout, start, text):
    function = world.create_function(lambda event, context: "late", timeout=timeout, duration=1000)
    world.advance(start)
    invocation = function.invoke()
    assert str(invocation.error) == text.format(invocation.request_id)
    assert invocation.error.error_type == "Sandbox.Timedout"
    assert invocation.result is None


def test_a_timeout_frees_the_concurrency_at_that_instant(world):
    function = world.create_function(nothing, duration=10, reserved_concurrency=1)
    function.start()
    run_to(world, 3 * SECOND - 1)
    with pytest.raises(errors.TooManyRequestsException):
        function.start()
    run_to(world, 3 * SECOND)
    function.start()


# ----------------------------------------------------------------------------------------------------- results
class Odd(dict):
    def items(self):
        raise KeyError("odd")


def circle():
    result = []
    result.append(result)
    return result


def deep():
    result = []
    for _ in range(100_000):
        result = [result]
    return result


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: {1, 2}, "Unable to marshal response: Object of type set is not JSON serializable"),
        (lambda: b"x", "Unable to marshal response: Object of type bytes is not JSON serializable"),
        (lambda: {"a": [object()]}, "Unable to marshal response: Object of type object is not JSON serializable"),
        (lambda: {(1, 2): 3}, "Unable to marshal response: keys must be str"),
        (circle, "Unable to marshal response: Circular reference"),
        (deep, "Unable to marshal response: maximum recursion depth exceeded"),
        (lambda: Odd(a=1), "Unable to marshal response: "),
        (lambda: Decimal("sNaN"), "Unable to marshal response: "),
        (lambda: (number for number in ()), "Unable to marshal response: Object of type generator"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_result_that_json_cannot_say_is_a_function_error(world, make, text, kind):
    async def slow(event, context):
        return make()

    function = world.create_function(slow if kind == "async" else lambda event, context: make(), duration=1)
    invocation = function.invoke()
    assert (invocation.outcome, invocation.ended_at) == ("error", 1)
    assert isinstance(invocation.error, errors.InvocationFailed)
    assert invocation.error.error_type == "Runtime.MarshalError"
    assert str(invocation.error).startswith(text)
    assert function.metrics["Errors"] == 1
    assert function.invoke().log_stream == invocation.log_stream  # the environment lives on


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (None, None),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({1: "x"}, {"1": "x"}),
        (Decimal("1.5"), 1.5),
        ({"n": [Decimal(3)]}, {"n": [3.0]}),
        ("text", "text"),
        (float("inf"), float("inf")),
    ],
)
def test_a_result_is_what_json_makes_of_it(world, result, answer):
    invocation = world.create_function(lambda event, context: result).invoke()
    assert invocation.outcome == "success"
    assert invocation.result is result
    assert invocation.answer == answer


def test_a_result_that_is_no_number_is_json_enough_for_the_python_runtime(world):
    assert world.create_function(lambda event, context: float("nan")).invoke().outcome == "success"


# -------------------------------------------------------------------------------------------------- exceptions
@pytest.mark.parametrize(
    "error", [ValueError("bad"), AssertionError(), StopIteration(), RecursionError("deep"), OSError()]
)
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_an_exception_is_a_function_error_once_the_work_ends(world, error, kind):
    async def slow(event, context):
        raise error

    def plain(event, context):
        raise error

    function = world.create_function(slow if kind == "async" else plain, duration=1)
    invocation = function.invoke()
    assert (invocation.outcome, invocation.ended_at, invocation.result) == ("error", 1, None)
    if not (kind == "async" and isinstance(error, StopIteration)):  # which Python itself turns into a RuntimeError
        assert invocation.error is error
    assert function.invoke().log_stream == invocation.log_stream


@pytest.mark.parametrize("kind", ["plain", "async", "async task"])
@pytest.mark.parametrize(
    ("code", "how"),
    [
        (1, "with error: exit status 1"),
        (3, "with error: exit status 3"),
        ("a text", "with error: exit status 1"),
        (-1, "with error: exit status 255"),
        (0, "without providing a reason"),
        (None, "without providing a reason"),
    ],
)
def test_an_exit_kills_the_environment(world, kind, code, how):
    def plain(event, context):
        raise SystemExit(code)

    async def slow(event, context):
        raise SystemExit(code)

    async def in_a_task(event, context):
        await asyncio.gather(slow(event, context), asyncio.sleep(1))

    function = world.create_function({"plain": plain, "async": slow, "async task": in_a_task}[kind])
    invocation = function.invoke()
    assert invocation.outcome == "error"
    assert invocation.error.error_type == "Runtime.ExitError"
    assert str(invocation.error) == f"RequestId: {invocation.request_id} Error: Runtime exited {how}"
    assert function.invoke().log_stream != invocation.log_stream


class Stop(BaseException):
    pass


def fails():
    pytest.fail("not what the test wants")


def interrupts():
    raise KeyboardInterrupt


def stops():
    raise Stop


@pytest.mark.parametrize("kind", ["plain", "async", "async later", "in a task"])
@pytest.mark.parametrize(
    ("breaks", "error"), [(fails, pytest.fail.Exception), (interrupts, KeyboardInterrupt), (stops, Stop)]
)
def test_what_is_no_exception_reaches_whoever_lets_time_pass_and_the_world_goes_on(world, kind, breaks, error):
    queue = world.create_queue("orders")
    wrong = True

    def plain(event, context):
        if wrong:
            breaks()

    async def at_once(event, context):
        plain(event, context)

    async def later(event, context):
        await asyncio.sleep(1)
        plain(event, context)

    async def in_a_task(event, context):
        await asyncio.create_task(later(event, context))

    handler = {"plain": plain, "async": at_once, "async later": later, "in a task": in_a_task}[kind]
    function = world.create_function(handler, reserved_concurrency=1)
    world.create_event_source_mapping(queue, function)
    queue.send("a")
    with pytest.raises(error):
        world.advance(5)
    assert function.invocations[0].outcome == "error"
    assert isinstance(function.invocations[0].error, error)
    wrong = False
    world.run_until_idle()
    assert [one.outcome for one in function.invocations] == ["error", "success"]
    assert [one.records[0]["attributes"]["ApproximateReceiveCount"] for one in function.invocations] == ["1", "2"]
    assert queue.metrics["NumberOfMessagesDeleted"] == 1
    assert function.metrics["Errors"] == 1
    world.check_invariants()


# ------------------------------------------------------------------------- plain handlers that let time pass
def test_a_handler_may_let_time_pass_itself(world):
    def handler(event, context):
        world.advance(2)
        return context.get_remaining_time_in_millis()

    invocation = world.create_function(handler).invoke()
    assert after(world, invocation) == (0, 2 * SECOND)
    assert invocation.result == 1000


def test_duration_comes_on_top_of_the_time_that_a_handler_lets_pass(world):
    function = world.create_function(lambda event, context: world.advance(1), duration=1.5)
    assert after(world, function.invoke()) == (0, 2_500_000_000)
    function.update(duration=2.000_000_001)
    assert function.invoke().outcome == "timeout"


def test_a_handler_that_polls_for_long_is_ended_at_its_timeout(world):
    other = world.create_queue("other")
    function = world.create_function(
        lambda event, context: other.receive(wait_time_seconds=20) or "late", reserved_concurrency=1
    )
    ended = []
    invocation = function.start()
    world.sqs.kernel.at(world.clock.now_ns + 3 * SECOND, lambda: ended.append(invocation.outcome), label="look")
    world.advance(0)
    assert ended == ["timeout"]
    assert after(world, invocation) == (0, 3 * SECOND)
    assert world.clock.seconds == 20
    assert (invocation.outcome, invocation.result) == ("timeout", None)
    assert function.metrics["Duration"] == 3000


def test_a_late_exception_of_a_handler_that_was_ended_changes_nothing(world):
    def handler(event, context):
        world.advance(10)
        raise ValueError

    invocation = world.create_function(handler).invoke()
    assert invocation.outcome == "timeout"
    assert invocation.error.error_type == "Sandbox.Timedout"


def test_others_run_while_a_handler_lets_time_pass(world):
    seen = []

    def slow(event, context):
        seen.append("slow begins")
        world.advance(2)
        seen.append("slow ends")

    quick = world.create_function(lambda event, context: seen.append("quick"), name="quick", duration=1)
    first = world.create_function(slow).start()
    second = quick.start()
    world.advance(5)
    assert seen == ["slow begins", "quick", "slow ends"]
    assert after(world, first) == (0, 2 * SECOND)
    assert after(world, second) == (0, 1 * SECOND)


def test_an_error_inside_a_nested_run_ends_both(world):
    def inner(event, context):
        raise KeyboardInterrupt

    inside = world.create_function(inner)
    outside = world.create_function(lambda event, context: inside.invoke(), name="outside")
    with pytest.raises(KeyboardInterrupt):
        outside.invoke()
    assert [one.invocations[0].outcome for one in (inside, outside)] == ["error", "error"]


# ----------------------------------------------------------------------------------------------- async handlers
@pytest.mark.parametrize(
    ("sleep", "outcome"), [(0, "success"), (2.999_999_999, "success"), (3, "success"), (3.000_000_001, "timeout")]
)
@pytest.mark.parametrize("start", [0, 0.1, 1 / 3, 86_400.7])
def test_a_coroutine_sleeps_on_the_simulated_clock(world, sleep, outcome, start):
    async def handler(event, context):
        await asyncio.sleep(sleep)
        return context.get_remaining_time_in_millis()

    world.advance(start)
    invocation = world.create_function(handler).invoke()
    assert invocation.outcome == outcome
    assert invocation.ended_ns - invocation.started_ns == min(round(sleep * SECOND), 3 * SECOND)
    assert outcome == "timeout" or invocation.result == (3 * SECOND - round(sleep * SECOND)) // 1_000_000


def test_a_coroutine_of_many_steps_may_end_at_its_timeout(world):
    async def handler(event, context):
        for _ in range(30):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0)

    invocation = world.create_function(handler).invoke()
    assert (invocation.outcome, invocation.ended_at) == ("success", 3)


def test_a_coroutine_that_ends_with_a_lease_is_done_before_a_throttled_batch_is_tried_again(world):
    queue = world.create_queue("orders", visibility_timeout=60)

    async def handler(event, context):
        await asyncio.sleep(4)

    function = world.create_function(handler, timeout=10, reserved_concurrency=1)
    world.create_event_source_mapping(queue, function, batch_size=1)
    queue.send_batch(["a", "b"])
    world.run_until_idle()
    assert [one.started_at for one in function.invocations] == [0, 4]
    assert function.metrics["Throttles"] == 1


def test_duration_comes_on_top_of_what_a_coroutine_sleeps(world):
    async def handler(event, context):
        await asyncio.sleep(1)

    assert after(world, world.create_function(handler, duration=1).invoke()) == (0, 2 * SECOND)
    assert world.create_function(handler, name="long", duration=2.1).invoke().outcome == "timeout"


async def gathers(log, now):
    async def worker(name, seconds):
        await asyncio.sleep(seconds)
        log.append((now(), name))
        return name

    return await asyncio.gather(worker("a", 2), worker("b", 1), worker("c", 0))


async def times_out(log, now):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await asyncio.sleep(5)
    log.append((now(), "timeout"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.5)
    log.append((now(), "wait_for"))


async def groups(log, now):
    async def bad():
        await asyncio.sleep(1)
        raise ValueError("bad")

    async def good():
        try:
            await asyncio.sleep(2)
        except asyncio.CancelledError:
            log.append((now(), "cancelled"))
            raise

    with pytest.raises(ExceptionGroup):  # noqa: PT012
        async with asyncio.TaskGroup() as group:
            group.create_task(good())
            group.create_task(bad())


async def signals(log, now):
    event, queue = asyncio.Event(), asyncio.Queue(1)

    async def producer():
        for number in range(3):
            await asyncio.sleep(0.5)
            await queue.put(number)
        event.set()

    task = asyncio.create_task(producer())
    log.extend([(now(), await queue.get()) for _ in range(3)])
    await event.wait()
    await task
    log.append((now(), "set"))


async def cancels(log, now):
    task = asyncio.create_task(asyncio.sleep(10))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    log.append((now(), task.cancelled()))


async def iterates(log, now):
    async def ticks():
        try:
            for number in range(5):
                await asyncio.sleep(0.25)
                yield number
        finally:
            await asyncio.sleep(0)
            log.append((now(), "closed"))

    async for number in ticks():
        log.append((now(), number))
        if number == 1:
            break
    await asyncio.sleep(0.5)
    log.append((now(), "end"))


@pytest.mark.parametrize(
    ("work", "log"),
    [
        (gathers, [(0, "c"), (1, "b"), (2, "a")]),
        (times_out, [(1, "timeout"), (1.5, "wait_for")]),
        (groups, [(1, "cancelled")]),
        (signals, [(0, 0), (0, 1), (0, 2), (1.5, "set")]),
        (cancels, [(1, True)]),
        (iterates, [(0.25, 0), (0.5, 1), (0.5, "closed"), (1, "end")]),
    ],
)
def test_the_tools_of_asyncio_work_on_simulated_time(world, work, log):
    seen = []

    async def handler(event, context):
        return await work(seen, lambda: world.clock.seconds)

    invocation = world.create_function(handler).invoke()
    assert invocation.error is None
    if work is signals:  # the comprehension reads the clock before each item comes
        seen = [(0, item) if item != "set" else (time, item) for time, item in seen]
    assert seen == log
    gc.collect()


def test_tasks_that_are_left_running_are_cancelled_in_the_order_in_which_they_were_made(world):
    seen = []

    async def left(number):
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0)
            seen.append(number)

    async def handler(event, context):
        for number in range(50):
            context.tasks = [*getattr(context, "tasks", []), asyncio.create_task(left(number))]
        await asyncio.sleep(0)

    invocation = world.create_function(handler).invoke()
    assert (invocation.outcome, invocation.ended_at) == ("success", 0)
    assert seen == list(range(50))
    gc.collect()


def test_asyncio_hands_tasks_back_in_the_same_order_in_every_run(world):
    async def handler(event, context):
        tasks = [asyncio.create_task(asyncio.sleep(0, number)) for number in range(50)]
        done, _ = await asyncio.wait(tasks)
        return [task.result() for task in done], [task.get_name() for task in tasks[:2]]

    first, second = (World().create_function(handler).invoke().result for _ in range(2))
    assert first == second
    assert sorted(first[0]) == list(range(50))


def test_a_task_that_nobody_holds_is_not_collected(world):
    seen = []

    async def forgotten():
        await asyncio.get_running_loop().create_future()  # nobody but the task itself knows of it

    async def handler(event, context):
        task = asyncio.create_task(forgotten())
        task.add_done_callback(lambda task: seen.append("ended"))
        del task
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.sleep(1)
        return list(seen)

    assert world.create_function(handler).invoke().result == []


def test_a_coroutine_that_is_cancelled_from_within_ends_the_process(world):
    async def handler(event, context):
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    function = world.create_function(handler)
    invocation = function.invoke()
    assert (invocation.outcome, invocation.error.error_type) == ("error", "Runtime.ExitError")
    assert function.invoke().log_stream != invocation.log_stream


@pytest.mark.parametrize("sleeps", [(100,), (1, 100), (1, 1, 100)])
def test_a_timeout_kills_a_coroutine_without_running_its_finally(world, sleeps):
    seen = []

    async def handler(event, context):
        try:
            for seconds in sleeps:
                await asyncio.sleep(seconds)
        finally:
            seen.append("finally")

    function = world.create_function(handler)
    invocation = function.invoke()
    world.advance(1000)
    gc.collect()
    assert (invocation.outcome, invocation.ended_at, seen) == ("timeout", 3, [])


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_world_that_is_dropped_in_the_middle_of_coroutines_says_nothing(timed_out):
    async def stubborn():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)

    async def numbers():
        try:
            yield 1
        finally:
            await asyncio.sleep(1)

    async def handler(event, context):
        context.kept = [numbers(), asyncio.create_task(stubborn()), asyncio.create_task(stubborn())]
        await context.kept[0].__anext__()
        async with asyncio.TaskGroup() as group:
            group.create_task(stubborn())
            await stubborn()

    world = World()
    world.create_function(handler).start()
    world.advance(5 if timed_out else 1)
    del world
    gc.collect()
    gc.collect()


def test_a_coroutine_that_waits_for_nothing_is_ended_at_its_timeout(world):
    async def handler(event, context):
        await asyncio.Event().wait()

    invocation = world.create_function(handler).invoke()
    assert (invocation.outcome, invocation.ended_at) == ("timeout", 3)


def test_a_coroutine_cannot_wait_for_a_real_thread(world):
    async def handler(event, context):
        await asyncio.to_thread(never)

    def never():
        pass

    invocation = world.create_function(handler).invoke()
    assert invocation.outcome == "error"
    assert isinstance(invocation.error, errors.UsageError)
    told = r"never \(.*test_handlers.py:\d+\) would run in a real thread, as asyncio.to_thread and run_in_executor"
    assert re.search(told, str(invocation.error))


def test_a_coroutine_that_spins_never_settles_and_the_world_goes_on(world, monkeypatch):
    monkeypatch.setattr("minisqs.sim.loop._MOST_ROUNDS", 1000)

    async def handler(event, context):
        while event == "spin":
            await asyncio.sleep(0)

    function = world.create_function(handler, reserved_concurrency=1)
    with pytest.raises(errors.NeverSettled, match="at one nanosecond"):
        function.invoke("spin")
    assert function.invocations[0].outcome == "error"
    assert function.invoke("rest").outcome == "success"


def test_two_coroutines_take_turns_by_simulated_time(world):
    seen = []

    def make(name, first, step):
        async def handler(event, context):
            await asyncio.sleep(first)
            for _ in range(3):
                seen.append((world.clock.seconds, name))
                await asyncio.sleep(step)

        return handler

    world.create_function(make("a", 0, 0.5), name="a").start()
    world.create_function(make("b", 0.25, 0.5), name="b").start()
    world.advance(3)
    assert seen == [(0, "a"), (0.25, "b"), (0.5, "a"), (0.75, "b"), (1, "a"), (1.25, "b")]


def test_a_coroutine_may_let_time_pass_as_a_plain_handler_does(world):
    async def handler(event, context):
        await asyncio.sleep(1)
        world.advance(event)
        await asyncio.sleep(1)
        return "done"

    function = world.create_function(handler)
    invocation = function.invoke(1)
    assert (invocation.outcome, invocation.ended_at) == ("success", 3)
    invocation = function.invoke(5)
    assert (invocation.outcome, invocation.ended_at) == ("timeout", 6)


@pytest.mark.parametrize("seconds", [0, 2])
def test_a_world_runs_inside_of_somebody_elses_event_loop(world, seconds):
    async def handler(event, context):
        await asyncio.sleep(seconds)
        return asyncio.current_task().get_name()

    function = world.create_function(handler)

    async def numbers():
        yield 1
        yield 2

    async def main():
        mine = asyncio.current_task()
        loop = asyncio.get_running_loop()
        async for _ in numbers():
            world.advance(0)
            function.start()
            world.advance(5)
            assert asyncio.current_task() is mine
            assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [(one.outcome, one.result) for one in function.invocations] == [("success", "Task-1")] * 2


def test_a_coroutine_gets_what_a_mapping_finds_and_its_batch_is_deleted(world, queue):
    async def handler(event, context):
        await asyncio.gather(*(asyncio.sleep(int(record["body"])) for record in event["Records"]))

    function = world.create_function(handler, timeout=10)
    world.create_event_source_mapping(queue, function)
    queue.send_batch(["1", "2", "3"])
    world.run_until_idle()
    assert [(one.outcome, one.ended_at) for one in function.invocations] == [("success", 3)]
    assert queue.metrics["NumberOfMessagesDeleted"] == 3


def test_an_invocation_can_be_read_at_a_glance(world):
    function = world.create_function(nothing, duration=1)
    invocation = function.start()
    assert repr(invocation) == "<Invocation of nothing: running, not begun>"
    world.advance(0.5)
    assert repr(invocation) == "<Invocation of nothing: running, 0 s>"
    world.advance(1)
    assert repr(invocation) == "<Invocation of nothing: success, 0 to 1 s>"


def test_a_handler_that_cannot_be_called_is_refused(world):
    with pytest.raises(errors.UsageError, match="cannot be called"):
        world.create_function("app.handler")
