"""Tokens bring a failing run back, on another day and in a file that has been edited; the folder keeps them."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

import pytest

import minisqs
from minisqs import errors

ORDERS = ["order-1", "order-2"]


class Shop:
    """Charges first and notes it afterwards."""

    def __init__(self):
        self.seen, self.charges = set(), []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self):
        return sorted(self.charges)


class Store(Shop):
    """The same under another name."""


class Prices:
    """The last one wins, so the order of two counts."""

    def __init__(self):
        self.price = None

    def handler(self, event, context):
        for record in event["Records"]:
            self.price = record["body"]

    def observe(self):
        return self.price


def report_of(subject, messages=ORDERS, **settings):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, messages, **settings)
    return caught.value.report


def runs_of(report):
    """How many runs a report says it took."""
    return report.tried.runs


def kept():
    """The stories in the folder."""
    return sorted(path for path in Path(".minisqs").rglob("ms1-*"))


# ------------------------------------------------------------------------------------------------------- round trip
@pytest.mark.parametrize(("subject", "messages"), [(Shop, ORDERS), (Prices, ["1", "2", "3"])])
def test_a_token_brings_the_same_run_back(subject, messages):
    report = report_of(subject, messages)
    done = minisqs.replay(subject, report.token, messages)
    assert done.state == report.got
    assert done.token == report.token
    assert dict(done.choices) == report.plan
    assert [finding.got for finding in done.verdicts] == [report.got]
    assert list(minisqs.replay(subject, done.token, messages).journal) == list(done.journal)


def test_the_line_of_a_report_can_be_typed():
    settings = {"queue": {"visibility_timeout": 60}, "mapping": {"batch_size": 1}, "function": {"timeout": 5}}
    report = report_of(Shop, ORDERS, **settings, seed=7)
    scope = {"minisqs": minisqs, "Shop": Shop, "messages": ORDERS}
    assert eval(report.replay, scope).state == report.got


def test_the_token_of_a_run_that_was_drawn_brings_it_back():
    for seed in range(10):
        drawn = minisqs.run(Shop, ORDERS, faults={"kill": 0.1, "duplicate": 0.3, "reorder": 0.3}, seed=seed)
        again = minisqs.replay(Shop, drawn.token, ORDERS, seed=seed)
        assert (again.state, again.choices) == (drawn.state, drawn.choices)
        assert list(again.journal) == list(drawn.journal)


def test_the_token_of_the_perfect_run_brings_it_back():
    assert minisqs.replay(Shop, minisqs.perfect(Shop, ORDERS).token, ORDERS).state == ORDERS


def test_the_token_of_a_small_story_has_at_most_eighty_characters():
    tokens = [report_of(Shop).token, report_of(Prices).token, report_of(Shop, [f"o{n}" for n in range(30)]).token]
    assert all(len(token) <= 80 and token.startswith("ms1-") for token in tokens)


def test_a_replayed_run_tells_its_story():
    report = report_of(Shop)
    text = minisqs.replay(Shop, report.token, ORDERS).text()
    assert [line for line in report.text().splitlines() if "order-1" in line] == [
        line for line in text.splitlines() if "order-1" in line
    ]
    assert "Found in 0 runs" not in text


def test_a_replay_does_not_write_to_the_folder():
    token = report_of(Shop).token
    for story in kept():
        story.unlink()
    minisqs.replay(Shop, token, ORDERS).text()
    assert kept() == []


# ------------------------------------------------------------------------------------------------------ what is refused
def refused(token, subject=Shop, messages=ORDERS, **settings):
    with pytest.raises(errors.UsageError) as caught:
        minisqs.replay(subject, token, messages, **settings)
    return str(caught.value)


@pytest.mark.parametrize("token", ["", "hello", "xs1-abc", None, 3, b"ms1-abc"])
def test_what_is_no_token_is_refused(token):
    assert refused(token) == f"a token is a text that begins with 'ms1-', not {token!r}"


def test_a_token_of_another_version_is_refused():
    assert "is of another version of minisqs" in refused(report_of(Shop).token.replace("ms1-", "ms2-"))


def test_a_token_that_was_cut_short_is_refused():
    token = report_of(Shop).token
    for length in range(len("ms1-"), len(token)):
        assert "is not whole: its checksum does not fit" in refused(token[:length])


def test_a_mistyped_letter_of_a_token_is_noticed():
    token = report_of(Shop).token
    for place in range(len("ms1-"), len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        assert "is not whole" in refused(token[:place] + other + token[place + 1 :])


def test_white_space_around_a_token_does_not_matter():
    report = report_of(Shop)
    assert minisqs.replay(Shop, f" {report.token}\n", ORDERS).state == report.got


def test_other_messages_are_refused():
    token = report_of(Shop).token
    assert refused(token, messages=["order-1"]) == f"the token {token!r} was found with other messages"
    assert "other messages" in refused(token, messages=["order-1", "order-3"])


@pytest.mark.parametrize(
    "settings",
    [
        {"queue": {"visibility_timeout": 31}},
        {"queue": {"max_receive_count": 3}},
        {"function": {"timeout": 5}},
        {"mapping": {"batch_size": 1}},
    ],
    ids=lambda settings: next(iter(next(iter(settings.values())))),
)
def test_other_settings_are_refused(settings):
    assert "with other arguments for queue, function or mapping" in refused(report_of(Shop).token, **settings)


class Ids(Shop):
    """Shows the ids of its messages, which are hashes of the seed."""

    def handler(self, event, context):
        self.charges.extend(record["messageId"] for record in event["Records"])


def test_another_seed_is_refused_or_plays_the_same():
    report = report_of(Ids, ["a"], seed=5)
    try:
        state = minisqs.replay(Ids, report.token, ["a"]).state
    except errors.UsageError:
        return
    assert state == report.got


def test_another_subject_is_refused():
    assert "with another subject" in refused(report_of(Shop).token, Store)


# -------------------------------------------------------------------------------------------------- edited since then
BANK = """
class Bank:
    def __init__(self):
        self.booked, self.balance = set(), 0

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.booked:
                self.balance += int(record["body"])
                self.booked.add(record["body"])

    def observe(self):
        return self.balance
"""
SUMS = ["10", "200"]
BOOK = 'self.balance += int(record["body"])'
NOTE = 'self.booked.add(record["body"])'


@pytest.fixture
def bank(tmp_path):
    """Writes a module of the user's anew, imports it afresh, and gives its class ``Bank``."""
    path = tmp_path / "bank.py"

    def write(source):
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location("bank", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.Bank

    return write


EDITS = {
    "lines above": lambda text: "# a comment\n\nimport os\n" + text,
    "a function above": lambda text: "def handler(event, context):\n    return len(event)\n\n" + text,
    "a method above": lambda text: text.replace(
        "    def handler", "    def name(self):\n        return 'bank'\n\n    def handler"
    ),
    "a method below": lambda text: text + "\n    def name(self):\n        return 'bank'\n",
    "a comment between": lambda text: text.replace(
        "                self.booked.add", "                # and remember it\n\n                self.booked.add"
    ),
    "a statement after it": lambda text: text.replace(NOTE, f"{NOTE}\n                self.last = 1"),
    "a statement before it": lambda text: text.replace(BOOK, f"self.last = 1\n                {BOOK}"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_token_survives_edits_elsewhere(bank, edit):
    report = report_of(bank(BANK), SUMS)
    done = minisqs.replay(bank(edit(BANK)), report.token, SUMS)
    assert done.state == report.got == 20
    assert done.token == report.token


def of_kill(bank):
    """The token of a story in which the code is killed before it takes note."""
    return report_of(bank(BANK), SUMS, faults=["kill"]).token


def test_a_statement_that_is_gone_is_no_silent_pass(bank):
    token = of_kill(bank)
    fixed = BANK.replace(NOTE, 'self.booked |= {record["body"]}')
    says = refused(token, bank(fixed), SUMS)
    assert says.startswith("the code changed at ")
    assert "Bank.handler" in says
    assert "delivery 1 of message 1" in says


def test_a_function_that_is_gone_is_no_silent_pass(bank):
    token = of_kill(bank)
    renamed = BANK.replace("def handler(self, event, context)", "def work(self, event)").replace(
        "    def observe", "    def handler(self, event, context):\n        self.work(event)\n\n    def observe"
    )
    assert refused(token, bank(renamed), SUMS).startswith("the code changed at ")


def test_a_statement_that_is_not_reached_any_more_is_named(bank):
    token = of_kill(bank)
    says = refused(token, bank(BANK.replace('if record["body"] not in self.booked', "if event is None")), SUMS)
    assert f"did not come to `{NOTE}`" in says
    assert "bank.py:10" in says


# ----------------------------------------------------------------------------------------------------------- the folder
def test_a_failing_story_is_kept_with_its_report():
    report = report_of(Shop)
    [story] = kept()
    assert story.name == report.token
    assert story.read_text(encoding="utf-8") == report.text()
    assert story.parent.name.startswith("Shop-")


def test_the_folder_keeps_itself_out_of_git():
    report_of(Shop)
    assert Path(".minisqs/.gitignore").read_text(encoding="utf-8").endswith("*\n")


def test_a_kept_story_is_tried_first():
    messages = ["1", "2", "3"]
    first, second = report_of(Prices, messages), report_of(Prices, messages)
    assert runs_of(second) < runs_of(first)
    assert second.token == first.token
    assert len(kept()) == 1


def test_a_kept_story_of_other_messages_is_left_alone():
    report_of(Shop)
    minisqs.check(Shop, ["another"], faults=["duplicate"], budget=20, runs=0)
    assert len(kept()) == 1


def test_a_story_that_fails_no_more_is_forgotten(bank):
    report_of(bank(BANK), SUMS)
    assert len(kept()) == 1
    fixed = BANK.replace(BOOK, "pass").replace("return self.balance", "return sum(map(int, self.booked))")
    minisqs.check(bank(fixed), SUMS, budget=50, runs=10)
    assert kept() == []


def test_a_story_that_is_kept_is_not_forgotten_because_its_kind_of_fault_was_not_asked_for():
    report_of(Shop)
    minisqs.check(Shop, ORDERS, faults=["split"], budget=20, runs=5)
    assert len(kept()) == 1


def test_a_folder_that_cannot_be_written_is_ignored():
    Path(".minisqs").write_text("a file, so no folder can be made of it")
    assert report_of(Shop).token == report_of(Shop).token


def test_files_in_the_folder_that_are_no_stories_are_left_alone():
    report_of(Shop)
    [story] = kept()
    notes = story.parent / "notes.txt"
    notes.write_text("mine")
    report_of(Shop)
    assert notes.read_text() == "mine"
