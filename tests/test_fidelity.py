"""The ledger of fidelity: complete, and in its own three words. That each rule holds is for tests/conformance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "docs" / "fidelity.md"
CONFORMANCE = ROOT / "tests" / "conformance"
ROW = re.compile(r"^\| (\d+\.\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)

RULES = {
    1: 5,
    2: 7,
    3: 12,
    4: 8,
    5: 11,
    6: 9,
    7: 14,
    8: 2,
    9: 9,
    10: 11,
    11: 11,
    12: 9,
    13: 6,
    14: 23,
    15: 5,
    16: 4,
    17: 1,
    19: 5,
}
"""How many numbered rules each section of sqs.md has; section 18, on tags, refers to section 14."""

OPEN_QUESTIONS = 35
"""How many there are in section 20, U1 and so on, each with what is built."""

SMALL_CHOICES = 22
"""How many there are in section 21."""


def ledger() -> tuple[str, str]:
    """The ledger's rows, and what it says of rules that it leaves out."""
    listed, _, left_out = LEDGER.read_text(encoding="utf-8").partition("## What is not here")
    return listed, left_out


def rows_by_test() -> dict[str, set[str]]:
    """The rules that each file of tests pins, as the ledger says."""
    pinned: dict[str, set[str]] = {}
    for rule, *_, test in ROW.findall(ledger()[0]):
        pinned.setdefault(test, set()).add(rule)
    return pinned


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


def test_every_rule_is_listed_or_left_out_by_name():
    listed, left_out = ledger()
    named = {rule for rule, *_ in ROW.findall(listed)} | set(re.findall(r"\d+\.\d+", left_out))
    rules = {f"{section}.{rule}" for section, count in RULES.items() for rule in range(1, count + 1)}
    assert rules - named == set()


def test_every_choice_of_the_specification_is_listed_as_chosen_or_left_out_by_name():
    listed, left_out = ledger()
    chosen = [what for _, what, word, _, _ in ROW.findall(listed) if word == "chosen"]
    named = set(re.findall(r"(?<=[( ])(?:U\d+|21\.\d+)(?=[,)])", "\n".join([*chosen, left_out])))
    questions = {f"U{number}" for number in range(1, OPEN_QUESTIONS + 1)}
    assert (questions | {f"21.{number}" for number in range(1, SMALL_CHOICES + 1)}) == named


def test_no_row_stands_twice():
    stated = [what for _, what, _, _, _ in ROW.findall(ledger()[0])]
    assert len(stated) == len(set(stated))


def test_every_file_that_is_named_exists():
    assert [test for test in sorted(rows_by_test()) if not (CONFORMANCE / test).is_file()] == []


def test_every_file_of_conformance_tests_is_named():
    assert {path.name for path in CONFORMANCE.glob("test_*.py")} - set(rows_by_test()) == set()


def rules_named_in(line: str) -> set[str]:
    """The rules that a line names: ``sqs.md 7.9``, ``sqs.md 7.9, 21.2``, ``sqs.md 14.1 to 14.23``."""
    if "sqs.md" not in line:
        return set()
    ranges = re.findall(r"(\d+)\.(\d+) to \1\.(\d+)", line)
    within = {f"{major}.{minor}" for major, low, high in ranges for minor in range(int(low), int(high) + 1)}
    return within | set(re.findall(r"\d+\.\d+", line))


@pytest.mark.parametrize("test", sorted(rows_by_test()))
def test_a_file_names_the_rules_that_it_pins(test):
    lines = (CONFORMANCE / test).read_text(encoding="utf-8").splitlines()
    assert rows_by_test()[test] - set().union(*map(rules_named_in, lines)) == set()
