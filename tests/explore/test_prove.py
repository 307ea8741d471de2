"""A proof covers every schedule within its bounds, says what they were, and claims nothing beyond them."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

import pytest

import minisqs
from minisqs import SendMessage, errors
from minisqs.explore import reductions
from minisqs.explore.prove import BY_DEFAULT
from minisqs.sim.faults import FAULTS

ORDERS = ["order-1", "order-2"]
ONE_GROUP = [SendMessage(body, message_group_id="g", message_deduplication_id=body) for body in ORDERS]
IN_ORDER = tuple(name for name in FAULTS if name in BY_DEFAULT)


class Ledger:
    """Each order once, whatever happens."""

    def __init__(self):
        self.orders = set()

    def handler(self, event, context):
        for record in event["Records"]:
            self.orders.add(record["body"])

    def observe(self):
        return sorted(self.orders)


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


class Counter:
    """Reads, computes, writes: right as long as deliveries come one after the other, each message once."""

    def __init__(self):
        self.total, self.counted = 0, []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.counted:
                total = self.total
                self.counted, self.total = [*self.counted, record["body"]], total + 1

    def observe(self):
        return self.total


class Journal:
    """Appends in the order in which messages come."""

    def __init__(self):
        self.lines = []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.lines:
                self.lines.append(record["body"])

    def observe(self):
        return self.lines


class Warm:
    """Remembers in an environment what only the outside world can know."""

    def __init__(self):
        self.charges = []

    def environment(self):
        cache = []

        def handler(event, context):
            for record in event["Records"]:
                if record["body"] not in cache:
                    cache.append(record["body"])
                    self.charges.append(record["body"])

        return handler

    def observe(self):
        return sorted(self.charges)


class WarmLedger(Warm):
    """The same with a cache that only saves work."""

    def environment(self):
        cache = []

        def handler(event, context):
            for record in event["Records"]:
                if record["body"] not in cache and record["body"] not in self.charges:
                    self.charges.append(record["body"])
                cache.append(record["body"])

        return handler


class Charges:
    """A conditional write is both the question and the answer."""

    def __init__(self):
        self.charged = minisqs.outside.Table("charged")

    def handler(self, event, context):
        for record in event["Records"]:
            self.charged.put_new(record["body"], 1)


class TwoTables:
    """Takes the order in one table and counts it in another: a transaction would make the two one."""

    def __init__(self):
        self.taken, self.totals = minisqs.outside.Table("taken"), minisqs.outside.Table("totals")

    def handler(self, event, context):
        for record in event["Records"]:
            if self.taken.put_new(record["body"], 1):
                self.totals.add("orders", 1)


# ------------------------------------------------------------------------------------------------- the claim
def test_a_proof_names_its_bounds_and_this_python():
    proof = minisqs.prove(Ledger, ORDERS, workers=2, faults=1)
    assert proof.complete
    assert proof.subject == "Ledger"
    assert proof.bounds == {
        "messages": 2,
        "workers": 2,
        "faults": 1,
        "preemptions": 1,
        "kinds": IN_ORDER,
        "statements": proof.bounds["statements"],
        "unfollowed": (),
        "sees_nothing": False,
        "dead_lettered": 0,
        "python": platform.python_version(),
    }
    assert proof.states == ("['order-1', 'order-2']",)
    text = " ".join(proof.text().split())
    assert text.startswith("Ledger: no schedule of 2 messages on 2 workers with at most 1 fault breaks it. ")
    assert f"Kinds of fault: {', '.join(IN_ORDER)}." in text
    assert f"{proof.runs} runs were made, {proof.pruned} were left out because another shows the same." in text
    assert f"on Python {platform.python_version()}; nothing is claimed about more messages" in text
    assert str(proof) == proof.text()
    assert max(map(len, proof.text().splitlines())) <= 120


def test_the_same_proof_is_made_in_the_same_runs():
    first, second = (minisqs.prove(Ledger, ORDERS, faults=1) for _ in range(2))
    assert first == second


def test_without_faults_there_is_one_run():
    proof = minisqs.prove(Shop, ORDERS, faults=0)
    assert (proof.runs, proof.pruned, proof.states) == (1, 0, ("['order-1', 'order-2']",))
    assert "with at most 0 faults breaks it." in " ".join(proof.text().split())
    assert "assumes" not in proof.text()


def test_a_single_message_and_worker_are_told_in_the_singular():
    text = minisqs.prove(Ledger, ["a"], workers=1, faults=1, preemptions=1).text()
    assert "1 message on 1 worker with at most 1 fault breaks it." in " ".join(text.split())


def test_fewer_overlaps_than_faults_are_told():
    text = minisqs.prove(Ledger, ["a"], workers=2, faults=2, preemptions=1).text()
    assert "with at most 2 faults, of these 1 overlapping, breaks it." in " ".join(text.split())
    assert "reduce=False assumes nothing." in " ".join(text.split())


def test_more_faults_take_more_runs():
    runs = [minisqs.prove(Ledger, ["a"], faults=faults, kinds={"kill", "overlap"}).runs for faults in range(4)]
    assert runs[0] == 1
    assert runs == sorted(set(runs))


def test_what_is_left_out_without_reduction_is_nothing():
    plain = minisqs.prove(Ledger, ORDERS, faults=1, reduce=False)
    reduced = minisqs.prove(Ledger, ORDERS, faults=1)
    assert plain.pruned == 0
    assert 0 < reduced.runs < plain.runs
    assert plain.states == reduced.states


def test_every_state_that_was_observed_is_kept():
    proof = minisqs.prove(Journal, ORDERS, faults=1, kinds={"reorder"}, oracles=["drains"], mapping={"batch_size": 1})
    assert set(proof.states) == {"['order-1', 'order-2']", "['order-2', 'order-1']"}


# ------------------------------------------------------------------------------------------------ a broken one
def test_a_broken_consumer_fails_with_the_smallest_story():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(Shop, ORDERS)
    report = caught.value.report
    assert (len(report.faults), report.messages) == (1, ((1, "order-1"),))
    assert (report.expected, report.got) == (["order-1"], ["order-1", "order-1"])
    assert minisqs.replay(Shop, report.token, ORDERS).state == report.got


def test_a_bug_that_takes_two_faults_is_within_two_and_not_within_one():
    kinds = {"kill", "duplicate"}
    assert minisqs.prove(TwoKills, ["a"], faults=1, kinds=kinds).complete
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(TwoKills, ["a"], faults=2, kinds=kinds)
    assert len(caught.value.report.faults) == 2


class TwoKills:
    """Gives up for good at the third attempt."""

    def __init__(self):
        self.attempts, self.done = 0, False

    def handler(self, event, context):
        self.attempts += 1
        if self.attempts < 3:
            self.done = True

    def observe(self):
        return self.done and self.attempts < 3


def test_environments_may_not_remember_for_the_world():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(Warm, ["a"], faults=2)
    assert caught.value.report.got == ["a", "a"]


def test_a_cache_of_an_environment_that_only_saves_work_is_proved():
    proof = minisqs.prove(WarmLedger, ["a"], faults=1, kinds={"kill", "duplicate", "recycle"})
    assert proof.states == ("['a']",)


def test_tables_are_observed_by_themselves():
    proof = minisqs.prove(Charges, ORDERS, faults=1)
    assert len(proof.states) == 1
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(TwoTables, ["a"], faults=1, kinds={"kill"})


# ---------------------------------------------------------------------------------------------------- bounds
def test_without_preemptions_nothing_overlaps():
    within = {"faults": 2, "kinds": {"overlap", "kill"}, "mapping": {"batch_size": 1}}
    proof = minisqs.prove(Counter, ORDERS, preemptions=0, **within)
    assert proof.bounds["preemptions"] == 0
    assert proof.states == ("2",)
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(Counter, ORDERS, preemptions=1, **within)
    assert [fault.name for fault in caught.value.report.faults] == ["overlap"]


def test_on_one_worker_nothing_overlaps():
    assert minisqs.prove(Counter, ORDERS, workers=1, faults=1, mapping={"batch_size": 1}).states == ("2",)


def test_only_the_named_kinds_go_wrong():
    proof = minisqs.prove(Counter, ORDERS, faults=2, kinds=["duplicate", "kill"])
    assert proof.bounds["kinds"] == ("duplicate", "kill")
    assert "Kinds of fault: duplicate, kill.\n" in proof.text()


def test_a_fifo_queue_keeps_the_order_of_a_group():
    proof = minisqs.prove(Journal, ONE_GROUP, queue={"fifo_queue": True})
    assert proof.states == ("['order-1', 'order-2']",)
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(Journal, ORDERS, mapping={"batch_size": 1})


def test_what_is_always_true_is_asked_in_every_run():
    few = minisqs.always(lambda shop: len(shop.charges) <= 1)
    assert minisqs.prove(Shop, ["a"], faults=0, oracles=[few]).complete
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.prove(Shop, ["a"], faults=1, oracles=[few])
    assert caught.value.report.faults


# ------------------------------------------------------------------------------------------------ the budget
def test_what_is_not_covered_is_not_claimed():
    with pytest.raises(
        errors.ProofIncomplete, match=r"^20 runs were made, and \d+ plans still wait: nothing is proved"
    ):
        minisqs.prove(Ledger, ORDERS, budget=20)


def test_a_budget_that_just_suffices_is_enough():
    runs = minisqs.prove(Ledger, ORDERS, faults=1).runs
    assert minisqs.prove(Ledger, ORDERS, faults=1, budget=runs).runs == runs
    with pytest.raises(errors.ProofIncomplete, match=r"and 1 plans? still waits?"):
        minisqs.prove(Ledger, ORDERS, faults=1, budget=runs - 1)


def test_progress_is_told_now_and_then():
    told = []
    with pytest.raises(errors.ProofIncomplete):
        minisqs.prove(
            Ledger, ["a"], faults=3, kinds={"kill", "duplicate", "overlap"}, reduce=False, budget=1001,
            progress=lambda runs, waiting: told.append((runs, waiting)),
        )  # fmt: skip
    assert [runs for runs, _ in told] == [0, 1000]
    assert [waiting > 1 for _, waiting in told] == [False, True]


# ------------------------------------------------------------------------------------------- bad arguments
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"workers": 0}, "workers is a whole number of 1 or more, not 0"),
        ({"workers": 1.5}, "workers is a whole number of 1 or more, not 1.5"),
        ({"workers": True}, "workers is a whole number of 1 or more, not True"),
        ({"faults": -1}, "faults is a whole number of 0 or more, not -1"),
        ({"faults": "2"}, "faults is a whole number of 0 or more, not '2'"),
        ({"preemptions": -1}, "preemptions is a whole number of 0 or more, not -1"),
        ({"budget": 0}, "budget is a whole number of 1 or more, not 0"),
        ({"kinds": "kill"}, "kinds are a list of names of faults, not 'kill'"),
        ({"kinds": 5}, "kinds are a list of names of faults, not 5"),
        ({"kinds": ["kil"]}, "'kil' is not a fault; the faults are duplicate, "),
        ({"kinds": [3]}, "3 is not a fault; the faults are duplicate, "),
        ({"oracles": ["sane"]}, "'sane' is not an oracle"),
        ({"queue": ["fifo"]}, "queue= holds arguments by name, such as a dictionary, not ['fifo']"),
    ],
)
def test_an_argument_that_is_not_of_its_form_is_told_so(arguments, told):
    with pytest.raises(errors.UsageError, match=re.escape(told)):
        minisqs.prove(Ledger, ORDERS, **arguments)


def test_there_must_be_messages():
    with pytest.raises(errors.UsageError, match="there are no messages"):
        minisqs.prove(Ledger, [])


def test_a_consumer_that_differs_from_itself_is_told_so():
    with pytest.raises(errors.UsageError, match="Unsteady differs from itself"):
        minisqs.prove(Unsteady, ["a"])


MADE = []


class Unsteady:
    """Counts how often it was made."""

    def __init__(self):
        MADE.append(1)
        self.number = len(MADE)

    def handler(self, event, context):
        pass

    def observe(self):
        return self.number


class TheSameByTwoWays:
    """Two independent notes, in two statements each of which others may come between."""

    def __init__(self):
        self.seen, self.noted = {}, {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.note(record["body"])

    def note(self, body):
        self.seen[body] = True
        self.noted[body] = True

    def observe(self):
        return sorted(self.seen), sorted(self.noted)


PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("the_tests", sys.argv[1])
tests = sys.modules["the_tests"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)
import minisqs
from minisqs.explore import reductions
within = {"workers": 2, "faults": 2, "kinds": {"overlap", "kill"}}
proof = minisqs.prove(tests.TheSameByTwoWays, tests.ORDERS, **within)
reductions.in_the_middle = lambda execution: None
without = minisqs.prove(tests.TheSameByTwoWays, tests.ORDERS, **within)
print(proof.states == without.states, proof.runs, without.runs)
"""


def test_runs_that_come_to_the_same_state_at_a_statement_go_on_only_once():
    """In an interpreter of its own, in which no other test has left anything behind."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, __file__], capture_output=True, text=True, check=True)
    same, runs, without = done.stdout.split()
    assert same == "True"
    assert int(runs) < int(without) * 0.8


class TakesOver:
    """Takes over from a dead worker only after 28 deliveries: until then it seems that nothing changes any more."""

    def __init__(self):
        self.busy, self.acted = set(), set()

    def handler(self, event, context):
        [record] = event["Records"]
        if record["body"] in self.busy and int(record["attributes"]["ApproximateReceiveCount"]) < 28:
            raise RuntimeError("busy")
        self.busy.add(record["body"])
        self.acted.add(record["body"])
        self.busy.discard(record["body"])

    def observe(self):
        return sorted(self.acted)


def test_what_was_given_up_too_early_is_run_with_patience_and_explored_further():
    within = {"workers": 1, "faults": 2, "kinds": {"kill"}, "mapping": {"batch_size": 1}}
    proof = minisqs.prove(TakesOver, ["a"], reduce=False, **within)
    assert proof.runs > 6 * 26  # a second kill before one of three statements of each delivery, after two first ones
    assert proof.states == ("['a']",)


def test_an_error_of_minisqs_is_not_taken_for_one_of_the_handler_s(monkeypatch):
    def fails(execution):
        raise ZeroDivisionError("a bug of minisqs")

    monkeypatch.setattr(reductions, "in_the_middle", fails)
    with pytest.raises(ZeroDivisionError, match="a bug of minisqs"):
        minisqs.prove(Ledger, ORDERS)


def test_what_progress_prints_is_seen_though_the_consumer_is_quiet(capsys):
    minisqs.prove(Ledger, ORDERS, faults=1, progress=print)
    assert capsys.readouterr().out.startswith("0 1\n")  # no runs yet, one plan waits


def test_what_the_oracles_ask_of_all_runs_is_asked_by_a_proof_too():
    class InOrder(Ledger):
        def __init__(self):
            self.orders = []

        def handler(self, event, context):
            self.orders += [record["body"] for record in event["Records"] if record["body"] not in self.orders]

        def observe(self):
            return list(self.orders)

    with pytest.raises(minisqs.CheckFailed, match="sent in the order 2, 1"):
        minisqs.prove(InOrder, ORDERS, faults=0, oracles=["conserved", "commutes"])
    with pytest.raises(minisqs.CheckFailed, match="`never so` did not hold at the end of any of"):
        minisqs.prove(Ledger, ORDERS, faults=0, oracles=["conserved", minisqs.sometimes(lambda _: False, "never so")])


def test_no_more_overlaps_are_claimed_than_there_are_faults():
    proof = minisqs.prove(Ledger, ORDERS[:1], faults=1, preemptions=5)
    assert proof.bounds["preemptions"] == 1


def test_a_proof_says_that_none_of_its_faults_can_happen():
    text = " ".join(minisqs.prove(Ledger, ORDERS, kinds=["interrupt"]).text().split())
    assert "None of these faults can happen here: the only run is the perfect one." in text


def test_a_proof_says_in_how_many_runs_dead_letters_excused_what_was_left():
    proof = minisqs.prove(Ledger, ["a"], faults=1, kinds=["kill"], queue={"max_receive_count": 1})
    assert proof.bounds["dead_lettered"] > 0
    assert "was not judged there" in " ".join(proof.text().split())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"reduce": "no"}, "reduce is True or False, not 'no'"),
        ({"progress": "bar"}, "a function of two numbers, not 'bar'"),
    ],
)
def test_arguments_of_another_form_are_refused(settings, says):
    with pytest.raises(errors.UsageError, match=says):
        minisqs.prove(Ledger, ORDERS, **settings)
