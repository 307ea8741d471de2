"""The command line: what it prints, where, and with which exit code it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import minisqs
from minisqs import SendMessage
from minisqs.adapters import command_line
from minisqs.adapters.command_line import main

ROOT = Path(__file__).parents[2]

SHOP = """
import minisqs
from minisqs import outside

class Shop:
    def __init__(self):
        self.seen, self.charges = set(), []
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])
    def observe(self):
        return sorted(self.charges)

class Sound:
    def __init__(self):
        self.charges = outside.Table("charges")
    def handler(self, event, context):
        for record in event["Records"]:
            self.charges.put_new(record["body"], "19.90 EUR")

class Forgets(Sound):
    runs = []
    def observe(self):
        self.runs.append(1)
        return len(self.runs)

class Raises(Sound):
    def handler(self, event, context):
        raise LookupError("no such card")

@minisqs.scenario
def billing(world):
    queue = world.create_queue("in")
    paid = []
    minisqs.Consumer(queue, lambda message: paid.append(message.body)).start()
    queue.send("a")
    return lambda: sorted(set(paid))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a module ``till`` and two orders, where the command is given."""
    (tmp_path / "till.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "orders.txt").write_text("order-1\n\norder-2\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "till", raising=False)
    return tmp_path


SMALL = ["--budget", "30", "--runs", "3"]


# ------------------------------------------------------------------------------------------------- commands
def test_a_check_that_finds_a_bug_prints_its_story_and_ends_with_1(capsys):
    assert main(["check", "till:Shop", "--messages", "orders.txt"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("Shop breaks: Delivery 1 of message 1 is killed before")
    assert printed.err == ""
    [line] = [line for line in printed.out.splitlines() if line.startswith("  minisqs replay ")]
    assert main(line.split()[1:]) == 1  # the command that it names shows the same story
    assert "['order-1', 'order-1'] instead of ['order-1']" in " ".join(capsys.readouterr().out.split())


def test_a_check_that_finds_nothing_says_what_it_tried_and_ends_with_0(capsys):
    assert main(["check", "till:Sound", "--messages", "orders.txt", *SMALL]) == 0
    assert "Sound: nothing found in 33 runs" in capsys.readouterr().out


def test_the_command_that_replays_has_the_settings_of_the_check(capsys):
    given = [
        "till:Shop",
        "--messages",
        "orders.txt",
        "--queue",
        "visibility_timeout=45",
        "--mapping",
        '{"batch_size": 1}',
    ]
    assert main(["check", *given, "--seed", "7"]) == 1
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.endswith("--queue visibility_timeout=45 --mapping '{\"batch_size\": 1}' --seed 7")
    token = line.split()[2]
    assert main(["replay", token, *given, "--seed", "7"]) == 1
    assert main(["replay", token, *given]) == 2
    assert "found with another subject, or with other arguments" in capsys.readouterr().err


def test_a_replay_that_passes_ends_with_0(capsys):
    token = minisqs.run(command_line._loaded("till:Sound"), ["a"], faults=minisqs.FaultPlan(kill={1: 1})).token
    (Path("a.txt")).write_text("a", encoding="utf-8")
    assert main(["replay", token, "till:Sound", "--messages", "a.txt"]) == 0
    assert "nothing is wrong with the end of this run" in capsys.readouterr().out


def test_a_proof_ends_with_0_a_bug_with_1_and_a_budget_that_is_used_up_with_3(capsys):
    given = ["--messages", "orders.txt", "--workers", "2", "--faults", "1"]
    assert main(["prove", "till:Sound", *given]) == 0
    assert "no schedule of" in capsys.readouterr().out
    assert main(["prove", "till:Shop", *given, "--kinds", "kill", "--preemptions", "0"]) == 1
    assert main(["prove", "till:Sound", *given, "--budget", "2"]) == 3
    assert "nothing is proved" in capsys.readouterr().out


def test_a_proof_tells_how_far_it_is_where_that_is_asked_for(capsys):
    assert main(["prove", "till:Sound", "--messages", "orders.txt", "--faults", "2", "--progress"]) == 0
    assert "\r0 runs made, 1 plans wait, " in capsys.readouterr().err


def test_a_sweep_ends_with_1_where_seeds_fail_and_0_where_none_does(capsys):
    given = ["--messages", "orders.txt", "--most-failures", "1"]
    assert main(["sweep", "till:Shop", *given, "--seeds", "20:40"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("Shop breaks with ")
    assert "of 20 seeds" in printed.out
    assert printed.err == ""  # stderr is no terminal here
    assert main(["sweep", "till:Sound", *given, "--seeds", "20", "--progress"]) == 0
    assert "20 of 20 seeds" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_in_processes_finds_the_same(capsys):
    given = ["sweep", "till:Shop", "--messages", "orders.txt", "--seeds", "40", "--most-failures", "1"]
    outputs = []
    for jobs in ("1", "2"):
        assert main([*given, "--jobs", jobs]) == 1
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_a_scenario_needs_no_messages(capsys):
    assert main(["check", "till:billing", *SMALL]) == 0
    assert "billing: nothing found" in capsys.readouterr().out


def test_the_demo_tells_of_a_bug_and_of_a_proof(capsys, folder):
    assert main(["demo"]) == 0
    printed = capsys.readouterr().out
    assert "Shop breaks: Delivery 1 of message 1 is killed before `self.seen.add" in printed
    assert "MendedShop: no schedule of" in printed
    assert not (folder / ".minisqs").exists()


# ------------------------------------------------------------------------------------------- what goes wrong
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["check", "till"], "a consumer is named as module:name, such as shop:Shop, not 'till'"),
        (["check", "till.py:Shop"], "a consumer is named by its module, till:Shop"),
        (["check", "tlil:Shop"], "there is no module 'tlil'"),
        (["check", "till:Sohp"], "the module 'till' has no 'Sohp'"),
        (["check", "till:Shop"], "messages are a list of texts or SendMessage, not None"),
        (["check", "till:Shop", "--messages", "none.txt"], "the messages cannot be read: "),
        (["check", "till:Shop", "--messages", "orders.txt", "--faults", "boom"], "'boom' is not a fault"),
        (["check", "till:Shop", "--messages", "orders.txt", "--queue", "{"], "--queue is not JSON"),
        (["check", "till:Shop", "--messages", "orders.txt", "--queue", "5"], "--queue takes key=value"),
        (["check", "till:Shop", "--messages", "orders.txt", "--queue", "visibility_timeout=-1"], "VisibilityTimeout"),
        (["check", "till:Forgets", "--messages", "orders.txt"], "differs from itself"),
        (["replay", "ms1-", "till:Shop", "--messages", "orders.txt"], "is not whole"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_ends_with_2(arguments, text, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"minisqs {arguments[0]}: ")
    assert text in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chek"],
        ["check"],
        ["sweep", "till:Shop", "--seeds", "9:9"],
        ["sweep", "till:Shop", "--seeds", "many"],
        ["sweep", "till:Shop", "--jobs", "0"],
    ],
)
def test_arguments_that_are_none_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: minisqs" in capsys.readouterr().err


def test_what_the_handler_raises_on_the_perfect_queue_keeps_its_traceback_and_ends_with_2(capsys):
    assert main(["check", "till:Raises", "--messages", "orders.txt"]) == 2
    assert "LookupError: no such card" in capsys.readouterr().err


def test_a_module_that_imports_what_is_not_there_is_not_said_to_be_missing(folder, capsys):
    (folder / "broken.py").write_text("import nowhere_to_be_found", encoding="utf-8")
    assert main(["check", "broken:Shop", "--messages", "orders.txt"]) == 2
    assert "No module named 'nowhere_to_be_found'" in capsys.readouterr().err


def test_a_check_in_which_no_fault_happened_ends_with_3(capsys):
    assert main(["check", "till:Sound", "--messages", "orders.txt", "--faults", "skew", *SMALL]) == 3
    assert "this check tested nothing" in " ".join(capsys.readouterr().out.split())


def test_whoever_interrupts_it_gets_no_traceback(monkeypatch, capsys):
    def interrupted(*given, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "check", interrupted)
    assert main(["check", "till:Shop", "--messages", "orders.txt"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


# ------------------------------------------------------------------------------------------------- messages
GROUPED = {"body": "a", "message_group_id": "g"}


@pytest.mark.parametrize(
    ("name", "text", "messages"),
    [
        ("plain.txt", 'a\n{"order": 1}\r\n\nb', ["a", '{"order": 1}', "b"]),
        ("list.json", json.dumps(["a", GROUPED]), ["a", SendMessage("a", message_group_id="g")]),
        ("lines.jsonl", f'"a"\n\n{json.dumps(GROUPED)}\n', ["a", SendMessage("a", message_group_id="g")]),
    ],
)
def test_a_file_of_messages_is_read_by_its_suffix(name, text, messages):
    Path(name).write_text(text, encoding="utf-8")
    assert command_line._messages(name) == messages


def test_a_dash_stands_for_stdin(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\nb\n"))
    assert command_line._messages("-") == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("bad.json", "[1", "bad.json is not JSON: "),
        ("object.json", "{}", "object.json holds a list of messages, not {}"),
        ("number.json", "[1]", "message 1 of number.json is a text, or an object with a text as its body; not 1"),
        ("nested.json", '["a", {"body": {}}]', "message 2 of nested.json is a text, or an object"),
        ("more.json", '[{"body": "a", "group": "g"}]', "message 1 of more.json has 'group'; a message may have body, "),
        ("bad.jsonl", '"a"\nb', "line 2 of bad.jsonl is not JSON: "),
    ],
)
def test_a_file_of_something_else_is_refused(name, text, complaint, capsys):
    Path(name).write_text(text, encoding="utf-8")
    assert main(["check", "till:Shop", "--messages", name]) == 2
    assert capsys.readouterr().err.startswith(f"minisqs check: {complaint}")


# --------------------------------------------------------------------------------------------- as it is called
def test_the_package_runs_as_a_module_with_the_folder_on_the_import_path():
    command = [sys.executable, "-m", "minisqs", "check", "till:Shop", "--messages", "orders.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Shop breaks: ")


def test_the_script_is_the_same_function():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"minisqs": "minisqs.adapters.command_line:main"}


def test_the_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert command_line.EPILOG in capsys.readouterr().out
