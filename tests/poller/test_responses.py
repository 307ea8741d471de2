"""What a handler's answer does to its batch where batch item failures are reported (lambda-poller.md 4.1)."""

from __future__ import annotations

import pytest

from minisqs.poller.responses import Reading, read

IDS = ["a", "b", "c"]
ALL = IDS


def entries(*identifiers):
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


@pytest.mark.parametrize(
    ("rule", "response", "failed"),
    [
        ("R1", None, []),
        ("R1", {}, []),
        ("R1", {"other": 1}, []),
        ("R1", {"batchItemFailures": None}, []),
        ("R1", {"batchItemFailures": []}, []),
        ("R1", {"batchItemFailures": ""}, []),
        ("R3", "done", ALL),
        ("R1", "", []),
        ("R3", 0, ALL),
        ("R3", 1.5, ALL),
        ("R3", True, ALL),
        ("R3", False, ALL),
        ("R3", [], ALL),
        ("R3", [{"itemIdentifier": "a"}], ALL),
        ("R3", '{"batchItemFailures": []}', ALL),
        ("R4", {"batchItemFailures": {"itemIdentifier": "a"}}, ALL),
        ("R4", {"batchItemFailures": "a"}, ALL),
        ("R4", {"batchItemFailures": 0}, ALL),
        ("R4", {"batchItemFailures": {}}, ALL),
        ("R5", entries(""), ALL),
        ("R5", entries(None), ALL),
        ("R5", entries(7), ALL),
        ("R5", entries(["a"]), ALL),
        ("R5", entries("not of this batch"), ALL),
        ("R5", entries("a", "not of this batch"), ALL),
        ("R6", {"batchItemFailures": [{"foo": "a"}]}, ALL),
        ("R6", {"batchItemFailures": [{"itemidentifier": "a"}]}, ALL),
        ("R6", {"batchItemFailures": ["a"]}, ALL),
        ("R6", {"batchItemFailures": [None]}, ALL),
        ("R6", {"batchItemFailures": [{"itemIdentifier": "a"}, 3]}, ALL),
        ("R7", {"batchItemFailures": [{}]}, ALL),
        ("R7", {"batchItemFailures": [{"itemIdentifier": "a"}, {}]}, ALL),
        ("R8", entries("b"), ["b"]),
        ("R8", entries("c", "a"), ["c", "a"]),
        ("R8", entries("b", "b"), ["b"]),
        ("R8", entries("a", "b", "c"), ALL),
        ("R8", {"batchItemFailures": [{"itemIdentifier": "a", "more": 1}], "more": 2}, ["a"]),
    ],
)
def test_a_response_fails_these_records(rule, response, failed):
    assert list(read(response, IDS).failed) == failed


@pytest.mark.parametrize(
    ("reading", "response", "failed"),
    [
        (Reading(empty_text_is_success=False), {"batchItemFailures": ""}, ALL),
        (Reading(empty_text_is_success=False), "", ALL),
        (Reading(json_text_is_response=True), '{"batchItemFailures": [{"itemIdentifier": "a"}]}', ["a"]),
        (Reading(json_text_is_response=True), "no JSON", ALL),
        (Reading(json_text_is_response=True), '"a text in a text"', ALL),
        (Reading(empty_entry_fails=False), {"batchItemFailures": [{}]}, []),
        (Reading(empty_entry_fails=False), {"batchItemFailures": [{}, {"itemIdentifier": "b"}]}, ["b"]),
    ],
)
def test_odd_responses_are_read_as_the_options_say(reading, response, failed):
    assert list(read(response, IDS, reading).failed) == failed


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ("done", "the response is no JSON object: 'done'"),
        ({"batchItemFailures": 3}, "batchItemFailures is no list: 3"),
        ({"batchItemFailures": ["a"]}, "an entry of batchItemFailures has no itemIdentifier: 'a'"),
        (entries("x"), "an itemIdentifier is no messageId of the batch: 'x'"),
        (entries("b"), ""),
        (None, ""),
    ],
)
def test_a_response_that_fails_the_whole_batch_says_why(response, why):
    assert read(response, IDS).why == why


# ---------------------------------------------------------------------------------------------- in a run
def settled(s):
    return [entry.cause for entry in s.world.journal if entry.action == "settled"]


@pytest.mark.parametrize(
    ("answer", "deleted", "words"),
    [
        (None, 3, "success: 3 of 3 deleted"),
        ({}, 3, "success: 3 of 3 deleted"),
        ({"batchItemFailures": ()}, 3, "success: 3 of 3 deleted"),  # JSON has lists only
        ("done", 0, "success: 0 of 3 deleted: the response is no JSON object: 'done'"),
    ],
)
def test_a_reporting_handler_s_answer_is_read_as_json(scene, answer, deleted, words):
    s = scene(vis=600)
    s.send(*IDS)
    mapping = s.map(s.function(lambda records: answer), report_batch_item_failures=True)
    s.world.advance(1)
    assert mapping.metrics["DeletedEventCount"] == deleted
    assert mapping.metrics["FailedInvokeEventCount"] == 3 - deleted
    assert settled(s) == [words]


@pytest.mark.parametrize("answer", [None, "done", 3, [], {"batchItemFailures": "x"}, entries("nobody")])
def test_without_reporting_the_answer_is_ignored_whatever_it_is(scene, answer):
    s = scene(vis=600)
    s.send(*IDS)
    mapping = s.map(s.function(lambda records: answer))
    s.world.advance(1)
    assert mapping.metrics["DeletedEventCount"] == 3


@pytest.mark.parametrize("reporting", [False, True])
@pytest.mark.parametrize(
    "fails",
    [lambda records: 1 / 0, lambda records: {1, 2}, lambda records: exit(3)],
    ids=["raises", "no JSON", "exits"],
)
def test_a_function_error_deletes_nothing_and_calls_nothing(scene, fails, reporting):  # O2, R2
    s = scene(vis=60)
    s.send(*IDS)
    s.map(s.function(fails), report_batch_item_failures=reporting)
    s.world.advance(60)
    assert [seconds for seconds, *_ in s.runs] == [0, 60]  # counted from the receive, and not changed by the failure
    assert s.times("DeleteMessageBatch") == []
    assert s.times("ChangeMessageVisibility") == []


def test_a_batch_is_deleted_in_tens_with_the_handles_of_its_own_receive(scene):  # O1
    s = scene()
    s.send(*range(25))
    s.map(s.function(duration=1), batch_size=25, maximum_batching_window_in_seconds=5, maximum_concurrency=2)
    s.world.run_until_idle()
    assert s.queue.metrics["NumberOfMessagesDeleted"] == 25
    assert s.queue.counts == (0, 0, 0)


def test_records_that_are_reported_though_never_processed_have_used_up_a_receive(scene):  # R10
    s = scene(vis=30, mrc=2)
    s.send("a")
    decide = lambda records: {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in records]}  # noqa: E731
    s.map(s.function(decide), report_batch_item_failures=True)
    s.world.run_until_idle()
    assert [seconds for seconds, *_ in s.runs] == [0, 30]
    assert s.dead_letters() == ["a"]


def test_all_listed_is_a_failure_of_all_without_an_error(scene):  # R8
    s = scene(vis=600)
    s.send("a", "b")
    decide = lambda records: {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in records]}  # noqa: E731
    function = s.function(decide)
    mapping = s.map(function, report_batch_item_failures=True)
    s.world.advance(1)
    assert (mapping.metrics["FailedInvokeEventCount"], function.metrics["Errors"]) == (2, 0)
    assert function.invocations[0].outcome == "success"
