"""The ledger of fidelity: complete, and in its own three words. That each rule holds is for tests/conformance."""

from __future__ import annotations

import re
from pathlib import Path

LEDGER = Path(__file__).parents[1] / "docs" / "fidelity.md"
ROW = re.compile(r"^\| (\d+\.\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)

RULES = {1: 5, 2: 7, 3: 12, 4: 8, 5: 11, 6: 9, 8: 2, 9: 9, 11: 11, 12: 9, 14: 23, 15: 5}
"""How many rules each section of sqs.md has that concerns standard queues."""

WHOLLY_LISTED = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 15)

CONFORMANCE = {
    "test_names.py",
    "test_queue_attributes.py",
    "test_life_of_a_message.py",
    "test_receipt_handles.py",
    "test_receiving.py",
    "test_dead_letter_queues.py",
    "test_bodies_and_attributes.py",
    "test_batches.py",
    "test_counters.py",
}


def ledger() -> tuple[str, str]:
    """The ledger's rows, and what it says of rules that it leaves out."""
    listed, _, left_out = LEDGER.read_text(encoding="utf-8").partition("## What is not here")
    return listed, left_out


def test_every_row_is_documented_observed_or_chosen():
    rows = ROW.findall(ledger()[0])
    assert len(rows) == ledger()[0].count("\n| ") - 2 * ledger()[0].count("\n| rule |")
    assert {word for _, _, word, _, _ in rows} == {"documented", "observed", "chosen"}


def test_every_row_is_about_a_rule_of_the_section_it_stands_in():
    for section in ledger()[0].split("\n## ")[1:]:
        [number] = re.findall(r"^.*\((\d+)\)$", section.partition("\n")[0])
        numbers = [tuple(map(int, rule.split("."))) for rule, *_ in ROW.findall(section)]
        assert {major for major, _ in numbers} == {int(number)}
        assert all(1 <= minor <= RULES[major] for major, minor in numbers)
        assert numbers == sorted(numbers)


def test_every_rule_of_standard_queues_is_listed_or_left_out_by_name():
    listed, left_out = ledger()
    named = {rule for rule, *_ in ROW.findall(listed)} | set(re.findall(r"\d+\.\d+", left_out))
    rules = {f"{section}.{rule}" for section in WHOLLY_LISTED for rule in range(1, RULES[section] + 1)}
    assert rules - named == set()


def test_no_row_stands_twice():
    stated = [what for _, what, _, _, _ in ROW.findall(ledger()[0])]
    assert len(stated) == len(set(stated))


def test_every_row_names_the_tests_that_pin_it():
    assert {test for _, _, _, _, test in ROW.findall(ledger()[0])} == CONFORMANCE
