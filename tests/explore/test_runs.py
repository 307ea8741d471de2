"""One run at a time, for tests of the user's own; and what lives how long: outside, environments, invocations."""

from __future__ import annotations

import random  # noqa: TID251  # what user code asks is the subject
import sys
import textwrap
import time  # noqa: TID251  # the same
import uuid  # noqa: TID251  # the same

import pytest

import minisqs
from minisqs import errors
from minisqs.explore.choices import POINT_KINDS, Exploration
from minisqs.explore.laboratory import Laboratory
from minisqs.explore.oracles import Oracles
from minisqs.explore.subjects import Case
from minisqs.sim.faults import FAULTS
from minisqs.sim.sources import SeededSource

ORDERS = ["order-1", "order-2"]
CACHE: dict[str, str] = {}
COUNTS = [0]


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


class Ledger:
    """Each order once, whatever happens."""

    def __init__(self):
        self.orders = set()

    def handler(self, event, context):
        self.orders.update(record["body"] for record in event["Records"])

    def observe(self):
        return sorted(self.orders)


class Raising(Ledger):
    def handler(self, event, context):
        raise KeyError("colour")


# --------------------------------------------------------------------------------------------------- run, perfect
def test_a_run_without_faults_is_the_perfect_queue():
    done = minisqs.run(Shop, ORDERS)
    assert done.state == minisqs.perfect(Shop, ORDERS).state == ORDERS
    assert done.faults == ()
    assert done.verdicts == ()


def test_a_plan_says_what_goes_wrong():
    done = minisqs.run(Shop, ORDERS, faults=minisqs.Plan({("duplicate", "main/1", 0): 1}))
    assert [fault.name for fault in done.faults] == ["duplicate"]
    assert done.state == ORDERS


def test_the_plan_of_a_report_is_its_run_again():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Shop, ["order-1"])
    report = caught.value.report
    done = minisqs.run(Shop, ["order-1"], faults=minisqs.Plan(report.plan))
    assert done.state == report.got
    assert [finding.oracle for finding in done.verdicts] == ["same"]


def test_rates_are_drawn_from_the_seed():
    runs = [minisqs.run(Ledger, ORDERS, faults={"duplicate": 0.5, "kill": 0.2}, seed=seed) for seed in (1, 1, 2, 3)]
    assert runs[0].choices == runs[1].choices
    assert list(runs[0].journal) == list(runs[1].journal)
    assert len({str(run.choices) for run in runs}) > 1
    assert {run.state == ORDERS for run in runs} == {True}


def test_a_run_has_the_journal_of_its_world():
    actions = [entry.action for entry in minisqs.perfect(Ledger, ORDERS).journal]
    assert actions.count("SendMessageBatch") == 2  # one call, an entry for each message
    assert "DeleteMessageBatch" in actions


def test_perfect_raises_what_the_handler_raises():
    with pytest.raises(KeyError, match="colour"):
        minisqs.perfect(Raising, ORDERS)


def test_a_run_keeps_what_the_handler_raises_for_itself():
    assert minisqs.run(Raising, ORDERS, queue={"max_receive_count": 2}).state == []


def test_a_run_that_nothing_is_wrong_with_says_so():
    text = minisqs.perfect(Ledger, ORDERS).text()
    assert "Ledger breaks" not in text
    assert "Found in" not in text


def test_what_a_run_keeps_is_a_copy():
    class Seen(Ledger):
        def observe(self):
            return self.orders

    done = minisqs.run(Seen, ORDERS)
    done.state.clear()
    assert minisqs.run(Seen, ORDERS).state == set(ORDERS)


# -------------------------------------------------------------------------------------------------- three lifetimes
class Numbers:
    """Counts in memory from what it finds when it starts."""

    environments = 0

    def __init__(self):
        self.numbers = {}

    def environment(self):
        self.environments += 1
        number = self.environments
        handled = []

        def handler(event, context):
            for record in event["Records"]:
                handled.append(record["body"])
                self.numbers.setdefault(record["body"], (number, len(handled)))

        handler.number = number
        return handler

    def observe(self):
        return dict(self.numbers)


def test_an_environment_is_made_at_a_cold_start_and_used_again_while_warm():
    done = minisqs.run(Numbers, ["a", "b", "c"], mapping={"batch_size": 1, "maximum_concurrency": 2})
    environments = [environment for environment, _ in done.state.values()]
    assert set(environments) <= {1, 2}
    assert len(environments) == 3
    assert 2 in [handled for _, handled in done.state.values()]


def test_a_recycled_environment_begins_without_memory():
    plan = minisqs.Plan({("recycle", subject, 0): 1 for subject in recycled()})
    done = minisqs.run(Numbers, ["a", "b", "c"], mapping=ONE_BY_ONE, function=ONE_AT_A_TIME, faults=plan)
    assert {fault.name for fault in done.faults} == {"recycle"}
    assert {handled for _, handled in done.state.values()} == {1}


ONE_BY_ONE = {"batch_size": 1}
ONE_AT_A_TIME = {"reserved_concurrency": 1}


def recycled():
    """The subjects of the question whether an environment is recycled."""
    drawn = minisqs.run(Numbers, ["a", "b", "c"], mapping=ONE_BY_ONE, function=ONE_AT_A_TIME, faults={"recycle": 1.0})
    return {address.subject for address in drawn.choices}


def killed(subject):
    """A run in which an environment is killed before the last statement of its handler."""
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["a"], faults=["kill"], oracles=[minisqs.always(only_the_first_environment)])
    return minisqs.run(subject, ["a"], faults=minisqs.Plan(caught.value.report.plan))


def only_the_first_environment(subject):
    """What does not hold once another environment than the first has done something."""
    return all(environment == 1 for environment, _ in subject.numbers.values())


def test_a_killed_environment_is_not_used_again():
    done = killed(Numbers)
    assert [fault.name for fault in done.faults] == ["kill"]
    assert done.state == {"a": (2, 1)}


def test_disconnect_is_called_for_an_environment_that_a_fault_killed():
    class Connected(Numbers):
        def __init__(self):
            super().__init__()
            self.gone = []

        def disconnect(self, environment):
            self.gone.append(environment.number)

        def observe(self):
            return self.numbers, self.gone

    assert minisqs.perfect(Connected, ["a"]).state == ({"a": (1, 1)}, [])
    at_the_end = minisqs.Plan({("kill", "main/1", 0, "end.1"): 1})
    assert minisqs.run(Connected, ["a"], faults=at_the_end).state == ({"a": (1, 1)}, [1])


def test_many_kills_in_a_row_are_one_run():
    done = minisqs.run(Numbers, ["a"], faults={"kill": 1.0})
    assert len(done.faults) == 50
    assert done.state == {"a": (1, 1)}  # each of the first fifty died before it could count itself


def test_close_is_called_once_for_each_run_after_it_was_observed():
    told = []

    class Closing(Ledger):
        def observe(self):
            told.append("observe")
            return super().observe()

        def close(self):
            told.append("close")

    minisqs.run(Closing, ORDERS)
    assert told == ["observe", "close"]


def test_close_is_called_where_the_handler_raises_too():
    opened, closed = [], []

    class Closing(Raising):
        def __init__(self):
            super().__init__()
            opened.append(self)

        def close(self):
            closed.append(self)

    with pytest.raises(KeyError):
        minisqs.check(Closing, ORDERS)
    assert closed == opened


def test_sleep_and_clock_are_simulated():
    class Slow(Ledger):
        def __init__(self):
            super().__init__()
            self.took = []

        def handler(self, event, context):
            begun_s = time.monotonic()
            time.sleep(2)
            self.took.append(round(time.monotonic() - begun_s, 3))

        def observe(self):
            return self.took

    assert minisqs.run(Slow, ["a"]).state == [2.0]


# ---------------------------------------------------------------------------------------------------------- deployed
APP = """
table = None
cache = {}
started = []


def handler(event, context):
    started.append(context.aws_request_id)
    for record in event["Records"]:
        cache[record["body"]] = cache.get(record["body"], 0) + 1
        table[record["body"]] = cache[record["body"]]
"""


REMEMBERING_APP = """
table = None
done = set()


def handler(event, context):
    for record in event["Records"]:
        if record["body"] not in done:
            table[record["body"]] = table.get(record["body"], 0) + 1
            done.add(record["body"])
"""


class Rows:
    """What the deployed code works on."""

    def __init__(self):
        self.rows = {}

    def connect(self, module):
        module.table = self.rows

    def observe(self):
        return self.rows


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A module of the user's on the import path; called with its source, gives its name."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write(source, name="shop_app"):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


def test_deployed_code_starts_afresh_in_each_environment(app):
    subject = minisqs.deployed(f"{app(APP)}:handler", outside=Rows)
    assert minisqs.perfect(subject, ORDERS).state == {"order-1": 1, "order-2": 1}
    assert minisqs.perfect(subject, ORDERS).state == {"order-1": 1, "order-2": 1}
    assert "shop_app" not in sys.modules


PICKLING_APP = """
import pickle

table = None


class Order:
    pass


def handler(event, context):
    import shop_app

    for record in event["Records"]:
        shop_app.table[record["body"]] = type(pickle.loads(pickle.dumps(Order()))) is Order
"""


def test_each_environment_of_deployed_code_finds_its_own_module(app):
    subject = minisqs.deployed(f"{app(PICKLING_APP)}:handler", outside=Rows)
    tried = minisqs.check(subject, ORDERS, faults=["kill", "overlap", "recycle"], runs=50, budget=100)
    assert tried.overlaps
    assert not any("shop_app" in name for name in sys.modules)


def test_deployed_code_finds_its_own_module_where_modules_are_found(app):
    before = app(PICKLING_APP)
    subject = minisqs.deployed(f"{before}:handler", outside=Rows)
    assert minisqs.perfect(subject, ORDERS).state == {"order-1": True, "order-2": True}
    assert "shop_app" not in sys.modules


def test_a_bug_in_deployed_code_is_found_at_its_line(app):
    subject = minisqs.deployed(f"{app(REMEMBERING_APP)}:handler", outside=Rows)
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["order-1"], faults=["kill"])
    assert "shop_app.py:" in caught.value.report.verdict
    assert caught.value.report.got == {"order-1": 2}


def test_the_replay_line_of_deployed_code_can_be_typed(app):
    subject = minisqs.deployed(f"{app(APP)}:handler", outside=Rows)
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["order-1"])
    line = caught.value.report.replay
    code = compile(line, "<replay>", "eval")
    scope = {"minisqs": minisqs, "messages": ["order-1"], "Rows": Rows, "subject": subject}
    assert eval(code, scope).state == {"order-1": 2}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("shop_app", "deployed code is named as 'module:handler'"),
        ("shop_app:", "deployed code is named as 'module:handler'"),
        (3, "deployed code is named as 'module:handler', not 3"),
        ("no_such_module:handler", "there is no module 'no_such_module'"),
        ("no_such.module:handler", "there is no module 'no_such.module'"),
        ("sys:exit", "there is no module 'sys' with source code"),
    ],
)
def test_deployed_code_that_is_not_there_is_named(path, says):
    with pytest.raises(errors.UsageError) as caught:
        minisqs.deployed(path, outside=Rows)
    assert says in str(caught.value)


def test_a_handler_that_the_module_does_not_have_is_named(app):
    with pytest.raises(errors.UsageError, match="shop_app has no function 'run'"):
        minisqs.perfect(minisqs.deployed(f"{app(APP)}:run", outside=Rows), ORDERS)


# ------------------------------------------------------------------------------------- that differs from itself
class Caching(Ledger):
    """Takes a module global for a database."""

    def handler(self, event, context):
        for record in event["Records"]:
            if record["body"] not in CACHE:
                CACHE[record["body"]] = "done"
                self.orders.add(record["body"])


class Counting(Ledger):
    def handler(self, event, context):
        COUNTS[0] += 1

    def observe(self):
        return {"counted": [COUNTS[0]]}


class Random(Ledger):
    def observe(self):
        return {"lucky": {"number": random.random()}}


class Timed(Ledger):
    def observe(self):
        return [sorted(self.orders), int(time.time())]


class Named(Ledger):
    def observe(self):
        return str(uuid.uuid4())


def differing(subject):
    with pytest.raises(errors.UsageError) as caught:
        minisqs.check(subject, ORDERS)
    assert f"{subject.__name__} differs from itself: two runs on the perfect queue left " in str(caught.value)
    return str(caught.value)


def test_a_cache_in_module_globals_is_told_so_by_name():
    CACHE.clear()
    says = differing(Caching)
    assert ".CACHE keeps state from one run to the next" in says
    assert "minisqs.deployed(" in says


def test_a_cache_that_was_left_full_is_refused_again():
    CACHE.clear()
    assert differing(Caching) == differing(Caching)
    CACHE.clear()
    CACHE["order-1"] = "done"  # another than it was left
    assert "order-2" in differing(Caching)


def test_a_counter_in_module_globals_is_told_so_by_name_and_place():
    says = differing(Counting)
    assert "at ['counted'][0]: " in says
    assert ".COUNTS keeps state" in says


def test_a_random_draw_that_is_observed_is_told_where():
    says = differing(Random)
    assert "at ['lucky']['number']: 0." in says
    assert "keeps state" not in says


@pytest.mark.parametrize("subject", [Timed, Named])
def test_a_clock_or_an_id_that_is_observed_differs(subject):
    assert "leave it out of observe()" in differing(subject)


def test_a_warm_cache_that_changes_nothing_is_no_trouble():
    class Warm(Ledger):
        def handler(self, event, context):
            for record in event["Records"]:
                CACHE[record["body"]] = "seen"
                self.orders.add(record["body"])

    CACHE.clear()
    assert minisqs.check(Warm, ORDERS, budget=50, runs=10).runs >= 50


def test_the_perfect_run_is_of_the_code_as_it_was_loaded():
    """So a coverage tool or a debugger sees what it knows."""
    codes = set()

    class Watched(Ledger):
        def handler(self, event, context):
            codes.add(Watched.handler.__code__)
            return super().handler(event, context)

    plain = Watched.handler.__code__
    minisqs.perfect(Watched, ORDERS)
    assert codes == {plain}
    minisqs.check(Watched, ORDERS, budget=5, runs=0)
    assert len(codes) == 2
    assert Watched.handler.__code__ is plain


def test_a_run_drawn_from_rates_holds_only_choices_that_happened():
    """Overlaps whose message is gone by then do not happen, and then its token would not replay."""

    class Shop:
        def __init__(self):
            self.charges = []

        def handler(self, event, context):
            for record in event["Records"]:
                self.charges.append(record["body"])

        def observe(self):
            return sorted(self.charges)

    for seed in range(40):
        run = minisqs.run(Shop, ["a", "b"], faults={"overlap": 0.6, "kill": 0.2, "duplicate": 0.3}, seed=seed)
        assert minisqs.replay(Shop, run.token, ["a", "b"], seed=seed).choices == run.choices


# ------------------------------------------------------------------------------------- nothing is asked any more
def told(laboratory, source):
    """The journal of a run, what it left, and whether the source was still asked at its end."""
    execution, outcome = laboratory.show(laboratory.case.everything, source, 2, keeps_journal=True)
    return [str(entry) for entry in execution.world.journal], outcome.state, execution.world.sqs.asks


def test_each_plan_of_two_faults_grows_out_of_one_other_alone():
    met = []
    with Laboratory(Case(Shop, ORDERS), Oracles.of(None, Shop), frozenset(FAULTS)) as laboratory:
        _, first, _ = laboratory.explore((0, 1), {}, 2)
        for address, answer in first.alternatives():
            _, source, _ = laboratory.explore((0, 1), {address: answer}, 2)
            met += [frozenset({(address, answer), *more}) for more in zip(source.alternatives(), strict=True)]
    assert len(met) > 1000
    assert len(set(met)) == len(met)


def test_of_the_statement_at_which_a_plan_ends_only_the_later_questions_are_kept():
    with Laboratory(Case(Shop, ORDERS), Oracles.of(None, Shop), frozenset(FAULTS)) as laboratory:
        _, first, _ = laboratory.explore((0, 1), {}, 2)
        overlap = next(address for address, _ in first.alternatives() if address.kind == "overlap")
        kill = overlap._replace(kind="kill")
        assert kill in dict(first.alternatives())
        _, source, _ = laboratory.explore((0, 1), {overlap: 1}, 2)
        assert next(source.alternatives()) == (kill, 1)
        _, source, _ = laboratory.explore((0, 1), {kill: 1}, 2)
        assert overlap not in dict(source.alternatives())


@pytest.mark.parametrize("subject", [Shop, Ledger])
def test_once_all_that_is_planned_has_happened_the_run_goes_on_as_one_that_still_asks(subject):
    kinds = frozenset(FAULTS)
    with Laboratory(Case(subject, ORDERS), Oracles.of(None, subject), kinds) as laboratory:
        first = Exploration({}, kinds)
        laboratory.show(laboratory.case.everything, first, 2)
        in_the_engine = [
            {address: answer} for address, answer in first.alternatives() if address.kind not in POINT_KINDS
        ]
        assert len({next(iter(plan)).kind for plan in in_the_engine}) > 3
        for plan in in_the_engine:
            asked, still = (
                told(laboratory, Exploration(plan, kinds)),
                told(laboratory, Exploration(plan, kinds, records=False)),
            )
            assert asked[:2] == still[:2], plan
            assert (asked[2], still[2]) == (True, False), plan


@pytest.mark.parametrize("seed", range(10))
def test_once_as_much_has_gone_wrong_as_may_the_run_goes_on_as_one_that_still_asks(seed, monkeypatch):
    rates = minisqs.Faults(**dict.fromkeys(("duplicate", "reorder", "miss", "api_error", "recycle", "tie"), 0.3))
    with Laboratory(Case(Shop, ORDERS), Oracles.of(None, Shop), frozenset(FAULTS)) as laboratory:
        spares = told(laboratory, SeededSource(bytes([seed]), rates, 2))
        monkeypatch.setattr(SeededSource, "is_spent", False)
        assert told(laboratory, SeededSource(bytes([seed]), rates, 2))[:2] == spares[:2]


class Plain:
    """Keeps what it gets."""

    def __init__(self):
        self.orders = []

    def handler(self, event, context):
        self.orders += [record["body"] for record in event["Records"]]

    def observe(self):
        return self.orders


@pytest.mark.parametrize(
    "address",
    [("kill", "main/1", 0, "00000000.1"), ("duplicate", "main/7", 0), ("interrupt", "main/1", 0, "end.1")],
    ids=["no such statement", "no such message", "not behind Lambda"],
)
def test_a_plan_of_which_something_cannot_happen_is_refused(address):
    with pytest.raises(errors.UsageError, match="of the plan never came up"):
        minisqs.run(Plain, ["a"], faults=minisqs.Plan({address: 1}))


def test_nothing_else_goes_on_beside_the_only_group_of_a_fifo_queue():
    messages = [minisqs.SendMessage(body, message_group_id="g", message_deduplication_id=body) for body in "ab"]
    settings = {"queue": {"fifo_queue": True}, "mapping": {"batch_size": 1}, "faults": ["overlap"]}
    with pytest.raises(minisqs.CheckFailed, match="tested nothing"):
        minisqs.check(Plain, messages, **settings)


def test_a_dead_letter_queue_is_asked_for_once():
    with pytest.raises(errors.UsageError, match="give one of them"):
        minisqs.check(Plain, ["a"], queue={"max_receive_count": 3, "redrive_policy": object()})


def test_a_scenario_is_a_function():
    with pytest.raises(errors.UsageError, match="a scenario is a function that takes the world"):
        minisqs.scenario("shop")


class ObservesLater(Plain):
    async def observe(self):
        return self.orders


class ObservesOneByOne(Plain):
    def observe(self):
        yield from self.orders


@pytest.mark.parametrize("subject", [ObservesLater, ObservesOneByOne])
def test_what_is_observed_is_the_state_itself(subject):
    with pytest.raises(errors.UsageError, match="it has to return the state itself"):
        minisqs.check(subject, ["a"])


class Raises(Plain):
    def handler(self, event, context):
        raise KeyError("id")


def test_an_error_on_the_perfect_queue_says_where_it_is():
    with pytest.raises(KeyError) as caught:
        minisqs.check(Raises, ["a"])
    assert any("on the perfect queue" in note for note in caught.value.__notes__)
