"""The ledgers of fidelity: complete, and in their own three words. That each rule holds is for the tests they name."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import attrs
import pytest

from minisqs.poller.configuration import Configuration
from minisqs.poller.settings import Settings
from minisqs.sim.faults import FAULTS

ROOT = Path(__file__).parents[1]


class Row(NamedTuple):
    rule: str
    what: str
    word: str
    source: str
    test: str


class Ledger(NamedTuple):
    """A page, and where the tests are that it names."""

    page: Path
    tests: Path

    @property
    def listed(self) -> str:
        return self.page.read_text(encoding="utf-8").partition("## What is not here")[0]

    @property
    def left_out(self) -> str:
        rest = self.page.read_text(encoding="utf-8").partition("## What is not here")[2]
        return rest.partition("## What may go wrong")[0]

    @property
    def rows(self) -> list[Row]:
        return rows_of(self.listed)

    @property
    def chosen(self) -> str:
        return "\n".join(row.what for row in self.rows if row.word == "chosen")

    @property
    def rules_by_test(self) -> dict[str, set[str]]:
        """The rules that each file of tests pins, as the ledger says."""
        pinned: dict[str, set[str]] = {}
        for row in self.rows:
            pinned.setdefault(row.test, set()).add(row.rule)
        return pinned


def rows_of(text: str) -> list[Row]:
    found = re.findall(r"^\| (?!rule |--- )(\S+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    return [Row(*cells) for cells in found]


SQS = Ledger(ROOT / "docs" / "fidelity.md", ROOT / "tests" / "conformance")
LAMBDA = Ledger(ROOT / "docs" / "fidelity-lambda.md", ROOT / "tests" / "poller")

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

LAMBDA_RULES = {
    "C": 13,
    "F": 6,
    "2.": 3,
    "P": 15,
    "O": 5,
    "R": 10,
    "X": 6,
    "E": 3,
    "5.": 6,
    "T": 15,
    "7.": 4,
}
"""How many rules lambda-poller.md has under each letter, or in each section whose rules are numbered."""

LAMBDA_QUESTIONS = 17
"""How many there are in its section 8."""

AWS_SETTINGS = {
    "batch_size", "maximum_batching_window_in_seconds", "maximum_concurrency", "minimum_pollers", "maximum_pollers",
    "report_batch_item_failures", "filters", "enabled", "metrics",
}  # fmt: skip
"""The settings of a mapping that AWS has; the others are options of minisqs."""


# -------------------------------------------------------------------------------------------------- both ledgers
both = pytest.mark.parametrize("ledger", [SQS, LAMBDA], ids=["SQS", "Lambda"])


@both
def test_every_row_is_documented_observed_or_chosen(ledger):
    assert len(ledger.rows) == ledger.listed.count("\n| ") - 2 * ledger.listed.count("\n| rule |")
    assert {row.word for row in ledger.rows} == {"documented", "observed", "chosen"}


@both
def test_no_row_stands_twice(ledger):
    stated = [row.what for row in ledger.rows]
    assert len(stated) == len(set(stated))


@both
def test_the_files_of_tests_are_those_that_are_named(ledger):
    assert {path.name for path in ledger.tests.glob("test_*.py")} == set(ledger.rules_by_test)


# ----------------------------------------------------------------------------------------------------------- SQS
def test_every_row_is_about_a_rule_of_the_section_it_stands_in():
    for section in SQS.listed.split("\n## ")[1:]:
        [number] = re.findall(r"^.*\((\d+)\)$", section.partition("\n")[0])
        numbers = [tuple(map(int, row.rule.split("."))) for row in rows_of(section)]
        assert {major for major, _ in numbers} == {int(number)}
        assert all(1 <= minor <= RULES[major] for major, minor in numbers)
        assert numbers == sorted(numbers)


def test_every_rule_is_listed_or_left_out_by_name():
    named = {row.rule for row in SQS.rows} | set(re.findall(r"\d+\.\d+", SQS.left_out))
    rules = {f"{section}.{rule}" for section, count in RULES.items() for rule in range(1, count + 1)}
    assert rules - named == set()


def test_every_choice_of_the_specification_is_listed_as_chosen_or_left_out_by_name():
    named = set(re.findall(r"(?<=[( ])(?:U\d+|21\.\d+)(?=[,)])", f"{SQS.chosen}\n{SQS.left_out}"))
    questions = {f"U{number}" for number in range(1, OPEN_QUESTIONS + 1)}
    assert (questions | {f"21.{number}" for number in range(1, SMALL_CHOICES + 1)}) == named


def rules_named_in(line: str) -> set[str]:
    """The rules that a line names: ``sqs.md 7.9``, ``sqs.md 7.9, 21.2``, ``sqs.md 14.1 to 14.23``."""
    if "sqs.md" not in line:
        return set()
    ranges = re.findall(r"(\d+)\.(\d+) to \1\.(\d+)", line)
    within = {f"{major}.{minor}" for major, low, high in ranges for minor in range(int(low), int(high) + 1)}
    return within | set(re.findall(r"\d+\.\d+", line))


@pytest.mark.parametrize("test", sorted(SQS.rules_by_test))
def test_a_file_names_the_rules_that_it_pins(test):
    lines = (SQS.tests / test).read_text(encoding="utf-8").splitlines()
    assert SQS.rules_by_test[test] - set().union(*map(rules_named_in, lines)) == set()


# -------------------------------------------------------------------------------------------------- Lambda's poller
def test_every_rule_of_the_poller_is_listed_in_order_or_left_out_by_name():
    rules = [f"{letter}{number}" for letter, count in LAMBDA_RULES.items() for number in range(1, count + 1)]
    rules = [*rules[:13], "answer", "states", *rules[13:], "own"]
    places = [rules.index(row.rule) for row in LAMBDA.rows]
    assert places == sorted(places)
    assert set(rules) - {row.rule for row in LAMBDA.rows} == set(re.findall(r"\bE\d+\b", LAMBDA.left_out))


def test_every_open_question_of_the_poller_is_listed_as_chosen():
    assert {int(number) for number in re.findall(r"\(8\.(\d+)\)", LAMBDA.chosen)} == set(range(1, LAMBDA_QUESTIONS + 1))


def test_every_option_of_the_poller_is_listed_as_chosen_with_its_default():
    options = {field.name: field.default for field in attrs.fields(Settings) if field.init}
    options = {name: default for name, default in options.items() if name not in AWS_SETTINGS}
    options["keep_warm"] = attrs.fields_dict(Configuration)["keep_warm"].default
    shown = re.findall(r"`(\w+)=([^`]+)`", LAMBDA.chosen)
    assert {name: ast.literal_eval(default) for name, default in shown} == options


# ---------------------------------------------------------------------------------------------------------- faults
def what_may_go_wrong() -> list[Row]:
    return rows_of(SQS.page.read_text(encoding="utf-8").partition("## What may go wrong")[2])


def test_every_fault_is_in_the_ledger_in_order_and_what_checks_do_after_them():
    named = [row.rule.strip("`") for row in what_may_go_wrong()]
    assert list(dict.fromkeys(named)) == [*FAULTS, "check"]
    assert named == sorted(named, key=[*FAULTS, "check"].index)


def test_every_row_of_a_fault_has_one_of_the_three_words_and_a_file_of_tests():
    rows = what_may_go_wrong()
    assert {row.word for row in rows} <= {"documented", "observed", "chosen"}
    assert [row.test for row in rows if not (ROOT / "tests" / row.test).exists()] == []
