"""What a failing check prints, word for word: ``golden/*.txt`` hold whole reports.

To write them anew after a change that is meant, set ``MINISQS_GOLDEN=write`` and run this file; then read the
difference before it is kept::

    MINISQS_GOLDEN=write pytest tests/explore/test_reports.py
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from zoo import ZOO

import minisqs

GOLDEN = Path(__file__).parent / "golden"
WIDEST = 118
MOST_LINES = 30

ORDINARY = [
    "payout run",  # killed between two effects
    "raffle",  # two deliveries overlap
    "ticket desk",  # a copy after the delete
    "price board",  # two messages in another order
    "sensor archive",  # batches are cut otherwise
    "tax filing",  # killed twice
    "invoice numbers",  # two environments
    "donation drive",  # numbers
]
BY_NAME = {specimen.name: specimen for specimen in ZOO}

every_specimen = pytest.mark.parametrize("specimen", ZOO, ids=lambda specimen: specimen.name.replace(" ", "-"))


@functools.cache
def report_named(name):
    specimen = BY_NAME[name]
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(
            specimen.bug,
            specimen.messages,
            queue=specimen.queue,
            function=specimen.function,
            mapping=specimen.mapping,
        )
    return caught.value.report


def report_of(specimen):
    return report_named(specimen.name)


@pytest.mark.parametrize("name", ORDINARY)
def test_a_report_reads_as_it_did(name):
    text = report_of(BY_NAME[name]).text()
    golden = GOLDEN / f"{name.replace(' ', '_')}.txt"
    if os.environ.get("MINISQS_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ORDINARY)
def test_a_report_of_an_ordinary_bug_fits_on_a_screen(name):
    lines = report_of(BY_NAME[name]).text().splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDEST


@every_specimen
def test_every_report_is_whole(specimen):
    report = report_of(specimen)
    text = report.text()
    assert text == str(report)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert report.token in text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert not any(word in text for word in ("None of", "  .", "..", " ,", "main/", "Address(", "PointAddress"))
    assert report.verdict.endswith(".")
    assert report.verdict[0].isupper()
    assert "\n" not in report.verdict
    assert len(text.splitlines()) <= MOST_LINES + 8
    assert all(len(line) <= WIDEST for line in text.splitlines() if report.token not in line)


@every_specimen
def test_every_timeline_tells_each_fault_and_ends_in_what_the_report_says(specimen):
    report = report_of(specimen)
    times = [line.time_ns for line in report.timeline]
    assert times == sorted(times)
    assert sum(line.is_fault for line in report.timeline) >= len(report.faults)
    assert {line.lane for line in report.timeline} <= set(range(len(report.lanes) + 1))


# ------------------------------------------------------------------------------------------- what should be better
def test_no_report_shows_an_address_in_memory():
    """It would be another one at each run, so the same story would not read the same."""
    assert [specimen.name for specimen in ZOO if " at 0x" in report_of(specimen).text()] == []


def test_a_statement_that_changes_nothing_is_not_told_as_a_change():
    lines = [line.text for line in report_of(BY_NAME["subscriptions"]).timeline]
    assert not any("if winner is me" in line and "->" in line for line in lines)


def test_every_report_of_the_zoo_fits_on_a_screen():
    long = [specimen.name for specimen in ZOO if len(report_of(specimen).text().splitlines()) > MOST_LINES]
    assert long == []


def test_a_lost_order_of_two_messages_is_told_by_what_it_leaves():
    verdict = report_of(BY_NAME["price board"]).verdict
    assert verdict.endswith("that leaves {'tea': 3} instead of {'tea': 4}.")


def test_a_timeline_ends_with_the_delete():
    assert report_of(BY_NAME["payout run"]).timeline[-1].text == "message 1 is deleted"


def test_a_batch_that_is_cut_otherwise_is_told_in_a_sentence():
    lines = [line.text for line in report_of(BY_NAME["sensor archive"]).timeline]
    assert not any("orders/handler/1 it " in line for line in lines)


def test_a_subject_inside_a_function_has_a_plain_name():
    class Post:
        def __init__(self):
            self.sent = []

        def handler(self, event, context):
            self.sent.extend(record["body"] for record in event["Records"])

        def observe(self):
            return sorted(self.sent)

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Post, ["a"])
    assert caught.value.report.replay.startswith("minisqs.replay(Post, ")


class Ledger:
    """Three hundred rows, of which a redelivery changes one."""

    def __init__(self):
        self.rows = {f"row-{number:03}": 0 for number in range(300)}

    def handler(self, event, context):
        self.rows["row-299"] += len(event["Records"])

    def observe(self):
        return self.rows


def test_a_small_difference_of_large_states_is_told_where_it_is():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Ledger, ["a"])
    assert "row-299" in caught.value.report.verdict


class Quits:
    """Ends its process at each redelivery, for ever."""

    def __init__(self):
        self.sent = set()

    def handler(self, event, context):
        if any(record["attributes"]["ApproximateReceiveCount"] != "1" for record in event["Records"]):
            raise SystemExit
        self.sent.update(record["body"] for record in event["Records"])

    def observe(self):
        return self.sent


def test_the_lanes_of_many_environments_fit_on_a_screen():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Quits, ["a"], oracles=["drains"])
    assert max(len(line) for line in caught.value.report.text().splitlines()) <= WIDEST
