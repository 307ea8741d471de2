"""What a check finds, what it says when it finds nothing, and what it refuses."""

from __future__ import annotations

import asyncio  # noqa: TID251  # what user code uses
import contextlib
import importlib
import json
import threading  # noqa: TID251  # a thread beside the check
from pathlib import Path

import attrs
import pytest

import minisqs
from minisqs import errors

ORDERS = ["order-1", "order-2"]


class Shop:
    """Charges first and notes it afterwards: a crash in between charges twice."""

    def __init__(self):
        self.seen, self.charges = set(), []

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])

    def observe(self):
        return sorted(self.charges)


class Ledger:
    """Each order once, whatever happens."""

    def __init__(self):
        self.orders = {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.orders[record["body"]] = "paid"

    def observe(self):
        return self.orders


class AsyncShop(Shop):
    async def handler(self, event, context):
        super().handler(event, context)


class Forgetful(Ledger):
    """Never says what it did."""

    observe = None


class Raising(Ledger):
    def handler(self, event, context):
        raise KeyError("colour")


class Poisoned(Ledger):
    """Cannot do the second of two orders, and says so each time."""

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] == "order-2":
                raise ValueError("no such order")
            self.orders[record["body"]] = "paid"


class Pair(Ledger):
    """Settles only once both halves are there."""

    def handler(self, event, context):
        for record in event["Records"]:
            self.orders[record["body"]] = "paid"
        if len(self.orders) < 2:
            raise ValueError("the other half is missing")


def handler(event, context):
    """A handler by itself, which is no subject."""


def found(subject, messages=ORDERS, **settings):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, messages, **settings)
    return caught.value.report


# ------------------------------------------------------------------------------------------------------ finding
def test_a_crash_between_two_effects_is_found():
    report = found(Shop)
    assert len(report.faults) == 1
    assert report.messages == ((1, "order-1"),)
    assert report.expected == ["order-1"]
    assert report.got == ["order-1", "order-1"]
    assert report.verdict.startswith("Delivery 1 of message 1 ")
    assert report.verdict.count(" before `") == 1
    assert report.verdict.endswith("that leaves ['order-1', 'order-1'] instead of ['order-1'].")


def test_a_failed_check_is_an_assertion_error_whose_text_is_the_report():
    with pytest.raises(AssertionError) as caught:
        minisqs.check(Shop, ORDERS)
    assert str(caught.value) == caught.value.report.text()


def test_a_coroutine_handler_is_checked_like_a_plain_one():
    assert found(AsyncShop).got == ["order-1", "order-1"]


def test_a_check_that_finds_nothing_says_what_it_tried():
    checked = minisqs.check(Ledger, ORDERS, budget=300, runs=40)
    assert checked.runs <= 340
    assert checked.faults["kill"] > 0
    assert checked.redeliveries > 0
    assert checked.overlaps > 0
    assert str(checked).startswith(f"Ledger: nothing found in {checked.runs} runs.")
    assert f"kill {checked.faults['kill']}" in str(checked)


def test_the_same_check_finds_the_same_story():
    first, second = found(Shop), found(Shop)
    assert (first.token, first.timeline, first.verdict) == (second.token, second.timeline, second.verdict)


def test_random_runs_alone_find_and_shrink_it_too():
    report = found(Shop, ["a", "b", "c"], budget=0)
    assert (len(report.faults), len(report.messages)) == (1, 1)


def test_each_seed_draws_other_runs_and_finds_the_same_bug():
    reports = [found(Shop, ["a", "b", "c"], budget=0, seed=seed) for seed in (1, 2, "three")]
    assert [(len(report.faults), len(report.messages)) for report in reports] == [(1, 1)] * 3


def test_a_message_may_be_a_send_message():
    messages = [minisqs.SendMessage("order-1", delay_seconds=5), "order-2"]
    assert len(found(Shop, messages).messages) == 1


def test_the_attributes_of_a_send_message_may_be_plain_values():
    messages = [minisqs.SendMessage("order-1", message_attributes={"kind": "gift"})]
    assert found(Shop, messages).messages == ((1, "order-1"),)


def test_fifo_queues_are_checked_without_duplicates_that_sqs_excludes():
    messages = [minisqs.SendMessage(body, message_group_id="g", message_deduplication_id=body) for body in ORDERS]
    checked = minisqs.check(Ledger, messages, queue={"fifo_queue": True}, budget=300, runs=40)
    assert not {"duplicate", "reorder", "miss"} & set(checked.faults)


def test_settings_of_queue_function_and_mapping_are_those_of_their_calls():
    checked = minisqs.check(
        Ledger,
        ORDERS,
        queue={"visibility_timeout": 100, "max_receive_count": 5},
        function={"timeout": 20},
        mapping={"batch_size": 1, "report_batch_item_failures": True},
        budget=50,
        runs=10,
    )
    assert "split" not in checked.faults


# ------------------------------------------------------------------------------------------------------- faults
def test_only_the_faults_that_are_named_happen():
    checked = minisqs.check(Shop, ORDERS, faults=["duplicate"], budget=200, runs=20)
    assert set(checked.faults) == {"duplicate"}


def test_rates_are_rates_of_the_random_runs():
    checked = minisqs.check(Shop, ORDERS, faults={"duplicate": 1.0}, budget=0, runs=5)
    assert set(checked.faults) == {"duplicate"}
    assert checked.redeliveries >= 5


def test_faults_may_be_given_as_faults():
    assert set(minisqs.check(Shop, ORDERS, faults=minisqs.Faults(duplicate=0.5), budget=20, runs=20).faults) == {
        "duplicate"
    }


def test_a_plan_is_one_run():
    plan = minisqs.Plan(found(Shop).plan)
    report = found(Shop, ORDERS, faults=plan)
    assert report.plan == plan.choices
    assert "1 runs" not in report.text()


def test_a_report_of_a_plan_does_not_claim_that_each_fault_is_needed():
    needed = found(Shop).plan
    plan = minisqs.Plan({**needed, ("duplicate", "main/2", 0): 1})
    assert "Without any one of these faults it passes" not in found(Shop, ORDERS, faults=plan).text()


def test_opt_in_faults_are_left_out_unless_named():
    checked = minisqs.check(Ledger, ORDERS, budget=300, runs=40)
    assert not {"interrupt", "skew"} & set(checked.faults)


# ----------------------------------------------------------------------------------------------- tested nothing
@pytest.mark.parametrize(
    "settings",
    [
        {"runs": 0, "budget": 0},
        {"runs": 0, "budget": 1},
        {"faults": [], "runs": 0},
        {"faults": []},
    ],
)
def test_a_check_in_which_nothing_went_wrong_has_tested_nothing(settings):
    report = found(Ledger, **settings)
    assert "tested nothing" in report.verdict
    assert report.oracle == "tested nothing"
    assert report.text().startswith("Ledger: this check tested nothing")


def test_a_fault_that_cannot_happen_to_the_consumer_tests_nothing():
    report = found(Ledger, faults=["interrupt"], budget=20, runs=5)
    assert "Allowed were: interrupt." in report.verdict


def test_a_report_of_nothing_has_no_empty_parts():
    text = found(Ledger, runs=0, budget=0).text()
    assert "expected  None" not in text
    assert "To see it again: \n" not in text


# -------------------------------------------------------------------------------------- what the handler raises
def test_what_a_handler_raises_on_the_perfect_queue_is_raised_with_its_own_traceback():
    with pytest.raises(KeyError, match="colour") as caught:
        minisqs.check(Raising, ORDERS)
    assert caught.traceback[-1].frame.code.name == "handler"


def test_a_consumer_that_only_works_on_all_messages_together_is_no_misuse():
    """The search and the shrinking try fewer messages; where these alone never settle, that says nothing."""
    with contextlib.suppress(minisqs.CheckFailed):
        minisqs.check(Pair, ORDERS, budget=100, runs=20)


# ------------------------------------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        ((Shop(), ORDERS), {}, "each run needs a fresh one"),
        ((handler, ORDERS), {}, "looks like the handler itself"),
        ((Shop, "order-1"), {}, "messages are a list of texts or SendMessage, not 'order-1'"),
        ((Shop, None), {}, "messages are a list"),
        ((Shop, []), {}, "there are no messages"),
        ((Shop, [1]), {}, "a message is a text or a SendMessage, not 1"),
        ((Shop, ORDERS), {"runs": -1}, "runs is a whole number of 0 or more, not -1"),
        ((Shop, ORDERS), {"runs": True}, "not True"),
        ((Shop, ORDERS), {"budget": 1.5}, "budget is a whole number"),
        ((Shop, ORDERS), {"faults": ["mistake"]}, "'mistake' is not a fault; the faults are duplicate, "),
        ((Shop, ORDERS), {"faults": 3}, "faults are names, rates, Faults or a Plan, not 3"),
        ((Shop, ORDERS), {"faults": {"kill": 2}}, "the rate of the fault 'kill' is a number from 0 to 1, not 2"),
        ((Shop, ORDERS), {"oracles": ["equal"]}, "'equal' is not an oracle"),
        ((Shop, ORDERS), {"oracles": "same"}, "oracles are a list"),
        ((Shop, ORDERS), {"queue": ["visibility_timeout"]}, "queue= holds arguments by name"),
        ((Shop, ORDERS), {"trace": "/nowhere/at/all.py"}, "there is no such file or directory"),
        ((int, ORDERS), {}, "has neither a handler"),
        ((Forgetful, ORDERS), {}, "has no observe()"),
    ],
)
def test_a_wrong_argument_is_named(arguments, settings, says):
    with pytest.raises(errors.UsageError) as caught:
        minisqs.check(*arguments, **settings)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"queue": {"visibility_timout": 3}},
        {"function": {"timeut": 3}},
        {"mapping": {"batchsize": 3}},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_an_argument_that_the_call_does_not_have_is_named(settings):
    name = next(iter(next(iter(settings.values()))))
    with pytest.raises(errors.UsageError) as caught:
        minisqs.check(Shop, ORDERS, **settings)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{"queue": {"visibility_timeout": -3}}, {"function": {"timeout": 0}}, {"mapping": {"batch_size": 0}}],
    ids=lambda settings: next(iter(settings)),
)
def test_a_value_that_aws_refuses_is_refused_as_aws_does(settings):
    with pytest.raises(errors.MinisqsError):
        minisqs.check(Shop, ORDERS, **settings)


# ----------------------------------------------------------------------------------------------------- scenarios
@minisqs.scenario
def two_queues(world):
    """A function that forwards from one queue to another, counted by a second function."""
    orders, parcels = world.create_queue("orders"), world.create_queue("parcels")
    counted = []

    def forward(event, context):
        for record in event["Records"]:
            parcels.send(json.dumps({"parcel": record["body"]}))

    def count(event, context):
        counted.extend(json.loads(record["body"])["parcel"] for record in event["Records"])

    for queue, function in ((orders, forward), (parcels, count)):
        world.create_event_source_mapping(queue, world.create_function(function, name=function.__name__))
    orders.send("a")
    return lambda: sorted(counted)


@minisqs.scenario
def forgets_to_observe(world):
    world.create_queue("orders").send("a")


def test_a_scenario_sets_its_own_world_up():
    report = found(two_queues, None)
    assert report.got == ["a", "a"]
    assert "minisqs.replay(two_queues, " in report.replay


def test_a_scenario_takes_no_messages():
    with pytest.raises(errors.UsageError, match="a scenario sends its own messages"):
        minisqs.check(two_queues, ORDERS)


def test_a_scenario_returns_what_observes_it():
    with pytest.raises(errors.UsageError, match="returns what observes it"):
        minisqs.check(forgets_to_observe)


# ---------------------------------------------------------------------------------- what a subject may do wrongly
class Auditing(Shop):
    """Looks at itself more closely than is good for it once something has gone wrong."""

    def observe(self):
        assert len(self.charges) == len(self.seen), "charged twice"
        return super().observe()


def test_an_observe_that_raises_is_no_run_in_which_nothing_went_wrong():
    with pytest.raises(AssertionError) as caught:
        minisqs.check(Auditing, ORDERS)
    assert getattr(caught.value, "report", None) is None or caught.value.report.faults


class Homeless(Ledger):
    def environment(self):
        return None


def test_an_environment_that_makes_no_handler_is_named():
    with pytest.raises(errors.UsageError, match="environment"):
        minisqs.check(Homeless, ORDERS)


class Shared(Ledger):
    """Keeps what it does in its class, which outlives each run."""

    charges: list[str] = []  # noqa: RUF012  # that is its mistake

    def handler(self, event, context):
        self.charges.extend(record["body"] for record in event["Records"])

    def observe(self):
        return list(self.charges)


def test_state_in_a_class_is_told_by_name():
    with pytest.raises(errors.UsageError, match=r"Shared\.charges keeps state"):
        minisqs.check(Shared, ORDERS)


class DailyReport:
    """Reads a document, changes it, puts all of it back: right for one batch after the other."""

    def __init__(self):
        self.reports = minisqs.outside.Table("reports")

    def handler(self, event, context):
        report = self.reports.get("monday", {})
        for record in event["Records"]:
            report[record["messageId"]] = record["body"]
        self.reports.put("monday", report)

    def observe(self):
        return sorted(self.reports.get("monday", {}).values())


def test_an_update_lost_between_two_batches_is_found_with_the_default_batch_size():
    report = found(DailyReport)
    assert {fault.name for fault in report.faults} == {"split", "overlap"}


TYPED_IN = """
class Shop:
    def __init__(self):
        self.charges, self.seen = [], set()
    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in self.seen:
                self.charges.append(record["body"])
                self.seen.add(record["body"])
    def observe(self):
        return sorted(self.charges)
"""


@pytest.fixture
def typed_in():
    """A consumer whose source nobody can read."""
    names = {"__name__": "__main__"}
    exec(compile(TYPED_IN, "<stdin>", "exec"), names)
    return names["Shop"]


@pytest.mark.parametrize("how", ["check", "prove", "sweep"])
def test_code_whose_source_cannot_be_read_is_refused_and_not_found_free_of_bugs(typed_in, how):
    with pytest.raises(
        minisqs.UsageError, match=r"no statement of Shop can be followed.* Shop\.__init__ \(<stdin>:3\)"
    ):
        getattr(minisqs, how)(typed_in, ["a"], **({"seeds": range(3)} if how == "sweep" else {}))


def test_code_whose_source_cannot_be_read_is_checked_with_faults_of_the_queue(typed_in):
    tried = minisqs.check(typed_in, ["a"], faults=["duplicate"])
    assert "Shop.handler (<stdin>:5)" in tried.unfollowed
    assert "Between the statements of Shop.__init__ (<stdin>:3)" in tried.text()


class Delegates:
    """Its attributes are those of another object, by code of its own."""

    def __init__(self):
        self._database = {"charges": []}

    def __getattr__(self, name):
        if name != "charges":
            raise AttributeError(name)
        database = self._database
        return database[name]

    def handler(self, event, context):
        for record in event["Records"]:
            self.charges.append(record["body"])

    def observe(self):
        return sorted(self.charges)


class SaysWhatItHolds(Delegates):
    def __getstate__(self):
        state = dict(self.__dict__)
        return state  # noqa: RET504  # a statement more

    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        return value  # noqa: RET504  # a statement more


@pytest.mark.parametrize("subject", [Delegates, SaysWhatItHolds])
def test_code_that_is_called_to_look_at_the_subject_has_no_points_meanwhile(subject):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["a"])
    assert caught.value.report.got == ["a", "a"]
    minisqs.replay(subject, caught.value.report.token, ["a"])


def test_code_that_trace_names_is_followed_from_a_subject_that_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Path(tmp_path, "shop_of_its_own.py").write_text(
        "def charge(shop, order):\n    if order not in shop.seen:\n        shop.charges.append(order)\n        shop.seen.add(order)\n"
    )
    app = importlib.import_module("shop_of_its_own")

    class Shop:
        def __init__(self):
            self.charges, self.seen = [], set()

        def handler(self, event, context):
            for record in event["Records"]:
                app.charge(self, record["body"])

        def observe(self):
            return self.charges

    with pytest.raises(minisqs.CheckFailed, match=r"before `shop.seen.add\(order\)`\s\(shop_of_its_own.py:4\)"):
        minisqs.check(Shop, ORDERS[:1], faults=["kill"], trace=tmp_path)


def test_a_consumer_is_not_accused_because_all_its_deliveries_are_killed():
    tried = minisqs.check(Ledger, ORDERS[:1], faults=["kill"], trace=lambda path: False, runs=20)
    assert not tried.found
    assert not tried.complete


BUSY: set[str] = set()


class LeavesAMark(Ledger):
    """The perfect run takes the mark away again; a killed one leaves it to all later ones."""

    def handler(self, event, context):
        for record in event["Records"]:
            if record["messageId"] not in BUSY:
                BUSY.add(record["messageId"])
                self.orders[record["body"]] = "paid"
                BUSY.discard(record["messageId"])


@pytest.mark.parametrize("how", ["check", "prove"])
def test_what_a_killed_run_leaves_to_later_ones_is_told_by_name_and_not_as_a_story(how):
    BUSY.clear()
    try:
        with pytest.raises(minisqs.UsageError, match=r"The module global .*test_check\.BUSY keeps state"):
            getattr(minisqs, how)(LeavesAMark, ORDERS)
    finally:
        BUSY.clear()


def test_a_plan_that_never_comes_up_is_no_silent_pass():
    plan = minisqs.Plan({("duplicate", "main/7", 0): 1})
    with pytest.raises(minisqs.UsageError, match=r"'main/7', 0\) of the plan never came up"):
        minisqs.check(Ledger, ORDERS, faults=plan)


@pytest.mark.parametrize("setting", ["queue", "function", "mapping"])
def test_settings_of_a_scenario_are_refused_as_it_makes_its_own(setting):
    @minisqs.scenario
    def nothing(world):
        return lambda: None

    with pytest.raises(minisqs.UsageError, match=f"a scenario makes its own queues and functions; {setting}="):
        minisqs.check(nothing, **{setting: {"name": "mine"}})


def test_one_run_is_one_run_and_one_redelivery_one():
    tried = minisqs.check(Ledger, ORDERS, faults=minisqs.Plan({("duplicate", "main/1", 0): 1}))
    assert "Ledger: nothing found in 1 run." in tried.text()
    assert "1 redelivery, 1 overlapping delivery." in attrs.evolve(tried, redeliveries=1, overlaps=1).text()


def test_the_perfect_run_raises_what_cannot_be_observed_or_never_rests():
    class Unseen(Ledger):
        def observe(self):
            raise LookupError("nothing to see")

    class Restless(Ledger):
        def handler(self, event, context):
            raise RuntimeError("never")

    class Fails(Ledger):
        def handler(self, event, context):
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}

    with pytest.raises(LookupError, match="nothing to see"):
        minisqs.perfect(Unseen, ORDERS)
    with pytest.raises(RuntimeError, match="never"):
        minisqs.perfect(Restless, ORDERS)
    with pytest.raises(minisqs.UsageError, match="Fails does not come to rest on the perfect queue"):
        minisqs.perfect(Fails, ORDERS, mapping={"report_batch_item_failures": True})


def test_a_sweep_is_not_about_the_order_of_messages():
    with pytest.raises(minisqs.UsageError, match="'commutes' is about the order of the messages, not about seeds"):
        minisqs.sweep(Ledger, ORDERS, seeds=range(2), oracles=["commutes"])


class CountsInATable(Ledger):
    """Reads, computes and writes in one statement."""

    def __init__(self):
        self.seen, self.totals = minisqs.outside.Table("seen"), minisqs.outside.Table("totals")

    def handler(self, event, context):
        for record in event["Records"]:
            if self.seen.put_new(record["messageId"], value=True):
                self.count()

    def count(self):
        self.totals.put("orders", self.totals.get("orders", 0) + 1)

    def observe(self):
        return self.totals.get("orders")


class CountsAtOnce(CountsInATable):
    def count(self):
        self.totals.add("orders", 1)


def test_others_may_go_on_between_two_calls_of_a_table_in_one_statement():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(CountsInATable, ORDERS, faults=["overlap"])
    report = caught.value.report
    assert "waits before its call totals.put (test_check.py:" in report.verdict
    assert (report.got, report.expected) == (1, 2)
    assert minisqs.replay(CountsInATable, report.token, ORDERS).state == 1
    with pytest.raises(minisqs.CheckFailed):
        minisqs.prove(CountsInATable, ORDERS, faults=1, kinds=["overlap"])
    assert minisqs.prove(CountsAtOnce, ORDERS, faults=2, kinds=["overlap"]).complete


def test_a_kill_may_come_between_two_writes_of_one_statement():
    class BothSides(Ledger):
        def __init__(self):
            self.accounts = minisqs.outside.Table("accounts")

        def handler(self, event, context):
            [self.accounts.put(side, record["body"]) for record in event["Records"] for side in ("debit", "credit")]

        def observe(self):
            return self.accounts.observe()

    seen_apart = minisqs.always(lambda shop: shop.accounts.get("debit") == shop.accounts.get("credit"), "balanced")
    with pytest.raises(minisqs.CheckFailed, match=r"killed before its call accounts\.put"):
        minisqs.check(BothSides, ORDERS[:1], faults=["kill"], oracles=[seen_apart])


class SeesNothing(Ledger):
    def observe(self):
        return len(self.orders) >= 0


class ForgetsToReturn(Ledger):
    def observe(self):
        sorted(self.orders)


def test_a_check_that_sees_nothing_says_so():
    assert "the same before and after the perfect run" in " ".join(minisqs.check(SeesNothing, ORDERS).text().split())
    assert "the same before and after" in " ".join(minisqs.prove(SeesNothing, ORDERS, faults=1).text().split())
    assert not minisqs.check(Ledger, ORDERS).sees_nothing
    with pytest.raises(minisqs.UsageError, match=r"what is observed of ForgetsToReturn is None"):
        minisqs.check(ForgetsToReturn, ORDERS)


class OfATown(Ledger):
    def __init__(self, town):
        super().__init__()
        self.town = town


@minisqs.scenario
def without_a_world():
    return list


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        (Ledger().handler, "handler takes arguments, so it looks like the handler itself"),
        (OfATown, r"OfATown is made with arguments, .* such as lambda: OfATown\(\.\.\.\)"),
        (without_a_world, "the scenario without_a_world takes one argument, the world that it sets up"),
    ],
)
def test_what_cannot_be_called_as_it_must_be_is_told_what_it_takes(subject, told):
    with pytest.raises(minisqs.UsageError, match=told):
        minisqs.check(subject, None if subject is without_a_world else ORDERS)


def test_a_function_may_make_a_subject_with_arguments():
    assert not minisqs.check(lambda: OfATown("Ulm"), ORDERS, budget=20, runs=5).found


class RunsALoop(Ledger):
    def handler(self, event, context):
        async def work():
            await asyncio.sleep(1)
            self.orders.update({record["body"]: "paid" for record in event["Records"]})

        asyncio.run(work())


def test_a_handler_that_runs_an_event_loop_is_checked_from_within_another_one():
    async def notebook():
        return minisqs.check(RunsALoop, ORDERS, budget=30, runs=10)

    assert not asyncio.run(notebook()).found


def test_what_other_threads_print_meanwhile_is_not_lost(capsys):
    said, checked = threading.Event(), threading.Event()

    def speak():
        while not checked.is_set():
            print("still here")  # noqa: T201  # what it does
            said.set()
            checked.wait(0.001)

    class Loud(Ledger):
        def handler(self, event, context):
            print("not to be seen")  # noqa: T201  # what it does
            super().handler(event, context)

    speaker = threading.Thread(target=speak)
    speaker.start()
    said.wait()
    capsys.readouterr()
    try:
        minisqs.check(Loud, ORDERS, budget=100, runs=100)
        lines = capsys.readouterr().out.split("\n")
    finally:
        checked.set()
        speaker.join()
    assert lines.count("still here") > 3
    assert "not to be seen" not in lines
