"""What a failing check prints, word for word: ``golden/*.txt`` hold whole reports.

To write them anew after a change that is meant, set ``MINISQS_GOLDEN=write`` and run this file; then read the
difference before it is kept::

    MINISQS_GOLDEN=write pytest tests/explore/test_reports.py
"""

from __future__ import annotations

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
    "rota planner",  # a copy, and a kill
    "donation drive",  # numbers
]
BY_NAME = {specimen.name: specimen for specimen in ZOO}

every_specimen = pytest.mark.parametrize("specimen", ZOO, ids=lambda specimen: specimen.name.replace(" ", "-"))


def report_of(specimen):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(
            specimen.bug,
            specimen.messages,
            queue=specimen.queue,
            function=specimen.function,
            mapping=specimen.mapping,
        )
    return caught.value.report


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
