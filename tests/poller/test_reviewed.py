"""What a reviewer found by hand: programs that went wrong once, each with the rule that it broke."""

from __future__ import annotations

import pytest

import minisqs
from minisqs import errors


def test_a_limit_that_is_lowered_holds_before_the_first_look_of_any_slot(scene):  # 5.2, X6
    s = scene(vis=60)
    mapping = s.map(s.function(timeout=10, duration=5), batch_size=1)
    mapping.update(maximum_concurrency=2)
    s.send(*range(10))
    s.world.advance(0)
    assert (mapping.busy, mapping.concurrency) == (2, 2)


def test_a_limit_that_is_lowered_holds_for_slots_that_pause(scene):  # 5.2, E2
    s = scene(vis=60)
    mapping = s.map(s.function(timeout=10, duration=5), batch_size=1)
    s.world.advance(1)
    s.world.delete_queue(s.queue)
    s.world.advance(40)
    mapping.update(maximum_concurrency=2)
    s.world.advance(61)
    s.queue = s.world.create_queue("orders")
    s.send(*range(10))
    s.world.advance(60)
    assert mapping.concurrency == 2
    assert sum(seconds == s.runs[0][0] for seconds, _ in s.runs) <= 2


def test_a_world_settles_after_the_last_fault_and_not_after_the_latest_that_was_told(scene):
    s = scene(seed=5, faults={"duplicate": 0.3})
    function = s.world.create_function(None, name="work", duration=1)
    s.map(function, batch_size=1)
    s.send(*range(6))
    s.world.run_until_idle()
    assert s.queue.counts == (0, 0, 0)


def sleeping(world, seconds=1):
    return lambda event, context: world.advance(seconds)


def test_handlers_that_let_time_pass_may_overlap_so_deep_and_then_it_is_said(scene):
    s = scene(vis=60)
    function = s.world.create_function(sleeping(s.world), name="work", timeout=20)
    mapping = s.map(function, batch_size=1, minimum_pollers=10, maximum_pollers=10)
    s.send(*range(40))
    s.world.run_until_idle()
    assert {run.outcome for run in function.invocations} == {"success"}
    s.send(*range(100))
    with pytest.raises(errors.UsageError, match="50 pieces of code let time pass inside of each other"):
        s.world.run_until_idle()
    assert mapping.busy < 50


def test_an_error_of_an_inner_run_is_not_one_of_the_handler_that_let_time_pass(scene):
    s = scene(vis=60)
    outer = s.world.create_function(sleeping(s.world), name="outer")
    s.map(outer)
    inner_queue = s.world.create_queue("inner")
    inner = s.world.create_function(None, name="inner", duration=lambda event: event["oops"])
    s.world.create_event_source_mapping(inner_queue, inner)
    s.send("m")
    inner_queue.send("n")
    with pytest.raises(KeyError, match="oops"):
        s.world.advance(3)


def test_the_handler_s_own_calls_may_fail_as_they_like(scene):
    s = scene(vis=60)

    def handler(event, context):
        s.world.queue("nobody")

    function = s.world.create_function(handler)
    s.map(function)
    s.send("m")
    s.world.advance(1)
    assert isinstance(function.invocations[0].error, errors.QueueDoesNotExist)


def test_handlers_that_wait_for_the_world_to_come_to_rest_wait_for_each_other_and_are_told_so(scene):
    s = scene(vis=60)
    s.map(s.world.create_function(lambda event, context: s.world.run_until_idle(), name="work"), batch_size=1)
    s.send(*range(8))
    with pytest.raises(errors.UsageError, match="let time pass inside of each other"):
        s.world.run_until_idle()


def test_a_throttled_batch_is_tried_again_though_its_first_message_is_gone(scene):  # X3
    s = scene(vis=60)
    s.send("a")
    [a] = s.queue.receive(visibility_timeout=1)
    function = s.function(timeout=10, reserved_concurrency=0)
    s.map(function)
    s.world.advance(1)
    s.send("b")
    s.world.advance(1)
    a.delete()
    s.world.advance(5)
    function.update(reserved_concurrency=None)
    s.world.advance(10)
    assert s.runs == [(12, "a"), (12, "b")]


def test_a_refused_function_leaves_the_ids_of_the_next_as_they_would_have_been():
    ids = []
    for refused in (False, True):
        world = minisqs.World(seed=1)
        if refused:
            with pytest.raises(errors.InvalidParameterValueException):
                world.create_function(None, name="f", reserved_concurrency=950)
        run = world.create_function(None, name="f").invoke()
        ids.append((run.request_id, run.log_stream))
    assert ids[0] == ids[1]


@pytest.mark.parametrize("handler", [lambda: None, lambda event: None, lambda a, b, c: None, max])
def test_a_handler_that_cannot_be_called_with_event_and_context_is_refused_by_name(handler):
    world = minisqs.World()
    if handler is max:
        world.create_function(handler)  # something of C's that does not say what it takes
    else:
        with pytest.raises(errors.UsageError, match="a handler is called with event and context"):
            world.create_function(handler)


@pytest.mark.parametrize(
    ("name", "told"), [("batchsize", "did you mean 'batch_size'"), ("nothing_like_it", "those are batch_size, ")]
)
def test_a_setting_that_does_not_exist_is_refused_with_what_was_meant(scene, name, told):
    s = scene()
    with pytest.raises(errors.UsageError, match=told):
        s.map(s.function(), **{name: 3})


@pytest.mark.parametrize(("given", "shown"), [(True, {"Metrics": ["EventCount"]}), (False, None)])
def test_metrics_may_be_said_with_a_word(scene, given, shown):
    s = scene()
    assert s.map(s.function(), metrics=given).describe().get("MetricsConfig") == shown
