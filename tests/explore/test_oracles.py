"""By what a run is judged: each oracle finds its own, and leaves alone what the faults may legally do."""

from __future__ import annotations

import threading  # noqa: TID251  # locks of user code; they are simulated
import time  # noqa: TID251  # what user code asks

import pytest

import minisqs
from minisqs import errors

ORDERS = ["order-1", "order-2"]


class Ledger:
    """Each order once, whatever happens."""

    def __init__(self):
        self.orders = {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.work(record)

    def work(self, record):
        self.orders[record["body"]] = 1

    def observe(self):
        return self.orders


class Twice(Ledger):
    """Counts it again at each delivery."""

    def work(self, record):
        self.orders[record["body"]] = self.orders.get(record["body"], 0) + 1


def report_of(subject, messages=ORDERS, **settings):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, messages, **settings)
    return caught.value.report


def passes(subject, messages=ORDERS, **settings):
    return minisqs.check(subject, messages, **{"budget": 300, "runs": 60, **settings})


# ------------------------------------------------------------------------------------------------------------- same
def test_another_state_than_that_of_the_perfect_queue_is_found():
    report = report_of(Twice)
    assert report.oracle == "same"
    assert (report.expected, report.got) == ({"order-1": 1}, {"order-1": 2})


def test_only_the_oracles_that_are_named_judge():
    passes(Twice, oracles=["drains"])
    assert report_of(Twice, oracles=["same"]).oracle == "same"


class Audited(Ledger):
    """Writes down which delivery did the work, which is another one if an earlier one has died."""

    def handler(self, event, context):
        for record in event["Records"]:
            by = f"{context.aws_request_id} in {context.log_stream_name}"
            self.orders[record["body"]] = {"by": by, "handles": ({record["receiptHandle"]}, [])}


def test_who_did_the_work_is_no_difference():
    passes(Audited)
    passes(Audited, ["a", "b", "c"], oracles=["same", "commutes"])
    assert minisqs.prove(Audited, ["a"], faults=1).complete


class AuditedTwice(Audited):
    """Keeps a line for each delivery."""

    def __init__(self):
        self.orders = {}
        self.lines = {}

    def handler(self, event, context):
        super().handler(event, context)
        self.lines[context.aws_request_id] = "worked"

    def observe(self):
        return self.lines


def test_how_many_did_it_is_one():
    report = report_of(AuditedTwice, ["a"])
    assert (len(report.expected), len(report.got)) == (1, 2)


class Uncomparable:
    """A number that refuses to be compared as a whole, as arrays do."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None

    def __repr__(self):
        return f"<{self.number}>"


def test_states_that_cannot_be_compared_are_compared_by_what_they_show():
    class Shown(Twice):
        def observe(self):
            return Uncomparable(sum(self.orders.values()))

    class ShownOnce(Ledger):
        def observe(self):
            return Uncomparable(sum(self.orders.values()))

    passes(ShownOnce)
    assert repr(report_of(Shown).got) == "<2>"


def test_what_is_observed_may_be_nan():
    class Mean(Ledger):
        def observe(self):
            return {"mean": float("nan")}

    passes(Mean)


# --------------------------------------------------------------------------------------------------- always, sometimes
class Stock(Ledger):
    """Two items; under two deliveries it goes below nothing for a moment, and is put right."""

    def __init__(self):
        super().__init__()
        self.items = 2

    def work(self, record):
        self.items -= 1
        super().work(record)
        self.items = 2 - len(self.orders)


def never_below_zero(shop):
    return shop.items >= 0


def test_always_is_a_function_of_the_subject():
    report = report_of(Stock, oracles=[minisqs.always(never_below_zero)])
    assert report.oracle == "always"
    assert "never_below_zero does not hold any more" in report.verdict


def test_always_has_the_name_it_is_given():
    report = report_of(Stock, oracles=[minisqs.always(lambda shop: shop.items >= 0, "no debt")])
    assert report.verdict.endswith(": no debt does not hold any more.")


def test_always_may_be_a_method():
    class Watched(Stock):
        def always(self):
            return self.items >= 0

    assert report_of(Watched).verdict.endswith(": always() does not hold any more.")


def test_always_may_assert():
    class Watched(Stock):
        def always(self):
            assert self.items >= 0, "sold what was not there"
            return True

    report = report_of(Watched)
    assert report.oracle == "always"
    assert report.verdict.endswith(": always() does not hold any more: sold what was not there.")


def test_an_assertion_without_words_is_told_as_it_reads():
    class Watched(Stock):
        def always(self):
            if self.items < 0:
                raise AssertionError

    assert report_of(Watched).verdict.endswith(": always() does not hold any more: raise AssertionError.")


def test_where_always_does_not_hold_the_report_has_what_is_observed_then():
    class Watched(Stock):
        def always(self):
            return self.items >= 0

        def observe(self):
            return {"items": self.items}

    report = report_of(Watched, oracles=["drains"])
    assert report.got == {"items": -1}
    lines = report.text().splitlines()
    assert "expected  always() always holds" in lines
    assert "got       {'items': -1}   (observed at that moment)" in lines


def test_where_nothing_can_be_observed_then_the_report_leaves_it_out():
    class Watched(Stock):
        def always(self):
            return self.items >= 0

        def observe(self):
            if self.items < 0:
                raise RuntimeError("too early")
            return {}

    report = report_of(Watched, oracles=["drains"])
    assert report.oracle == "always"
    assert not any(line.startswith("got") for line in report.text().splitlines())


def test_an_always_that_asserts_and_returns_nothing_holds():
    class Watched(Ledger):
        def always(self):
            assert len(self.orders) <= 2

    passes(Watched)


def test_always_that_does_not_hold_on_the_perfect_queue_is_a_misuse():
    with pytest.raises(errors.UsageError, match="impossible does not hold even on the perfect queue"):
        minisqs.check(Ledger, ORDERS, oracles=[minisqs.always(lambda shop: not shop.orders, "impossible")])


def test_what_always_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        minisqs.check(Ledger, ORDERS, oracles=[minisqs.always(lambda shop: 1 / 0)])


def test_always_beside_named_oracles_adds_to_them():
    assert report_of(Twice, oracles=["same", minisqs.always(lambda shop: True)]).oracle == "same"
    assert report_of(Twice, oracles=[minisqs.always(lambda shop: True)]).oracle == "same"


def test_sometimes_that_was_true_once_is_enough():
    passes(Twice, oracles=["drains", minisqs.sometimes(lambda shop: sum(shop.orders.values()) > 2)])


def test_sometimes_that_was_never_true_means_that_too_little_was_tested():
    report = report_of(
        Ledger, oracles=[minisqs.sometimes(lambda shop: len(shop.orders) > 2, "three")], budget=50, runs=9
    )
    assert report.oracle == "sometimes"
    assert report.verdict.startswith("`three` did not hold at the end of any of ")


def test_sometimes_may_be_a_method():
    class Busy(Ledger):
        def sometimes(self):
            return len(self.orders) > 2

    assert report_of(Busy, budget=50, runs=9).verdict.startswith("`sometimes()` did not hold at the end of any of ")


@pytest.mark.parametrize("make", [minisqs.always, minisqs.sometimes])
def test_an_oracle_is_made_of_a_function(make):
    with pytest.raises(errors.UsageError, match="takes a function of the subject, not 3"):
        make(3)


# ------------------------------------------------------------------------------------------------------------- drains
class GivesUp(Ledger):
    """Once it has seen a copy it refuses for good."""

    def work(self, record):
        if record["attributes"]["ApproximateReceiveCount"] != "1":
            raise ValueError("seen before")
        super().work(record)


def test_a_consumer_that_never_comes_to_rest_is_found():
    report = report_of(GivesUp)
    assert report.oracle == "drains"
    assert "the consumer never comes to rest (message 1 is still there): " in report.verdict


class Ping(Ledger):
    """Waits for a lock that a dead delivery held."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def work(self, record):
        with self.lock:
            super().work(record)


def test_a_lock_that_a_dead_delivery_holds_is_found():
    report = report_of(Ping)
    assert report.oracle == "drains"
    assert [fault.name for fault in report.faults] == ["kill"]
    assert "nobody gets on: a lock that was taken at " in report.verdict
    assert "is waited for, and environment 1, which held it, is dead" in report.verdict


def test_a_lock_that_is_tried_with_a_timeout_is_no_trouble():
    class Patient(Ping):
        def work(self, record):
            if not self.lock.acquire(timeout=1):
                self.lock = threading.Lock()
                self.lock.acquire()
            Ledger.work(self, record)
            self.lock.release()

    passes(Patient)


def test_a_lock_that_disconnect_releases_is_no_trouble():
    class Released(Ping):
        def environment(self):
            return self.handler

        def disconnect(self, environment):
            self.lock = threading.Lock()

    passes(Released)


def test_a_lock_of_an_environment_dies_with_it():
    class Own(Ledger):
        def environment(self):
            lock = threading.Lock()

            def handler(event, context):
                with lock:
                    for record in event["Records"]:
                        self.work(record)

            return handler

    passes(Own)


# ------------------------------------------------------------------------------------------------------- dead letters
def test_a_message_that_faults_legally_sent_to_the_dead_letter_queue_is_no_false_alarm():
    checked = passes(Ledger, queue={"max_receive_count": 1})
    assert checked.dead_lettered > 0
    assert "so went to the dead-letter queue" in " ".join(checked.text().split())


def test_a_message_that_dies_on_the_perfect_queue_too_excuses_no_run():
    class Picky(Ledger):
        def handler(self, event, context):
            failed = [record for record in event["Records"] if record["body"] == "bad"]
            for record in event["Records"]:
                if record not in failed:
                    self.work(record)
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}

    settings = {"queue": {"max_receive_count": 2}, "mapping": {"report_batch_item_failures": True}}
    checked = passes(Picky, ["bad", "good"], faults=["reorder"], **settings)
    assert checked.dead_lettered == 0


def test_a_check_without_dead_letters_says_nothing_of_them():
    checked = passes(Ledger, queue={"max_receive_count": 50})
    assert checked.dead_lettered == 0
    assert "dead-letter" not in checked.text()


class Offended(Ledger):
    """Never takes a message again that came too early."""

    def __init__(self):
        super().__init__()
        self.refused = set()

    def work(self, record):
        body = record["body"]
        if body in self.refused or (body == "order-2" and "order-1" not in self.orders):
            self.refused.add(body)
            raise ValueError(f"{body} came too early once")
        super().work(record)


def test_a_dead_letter_of_which_faults_spoiled_only_some_receives_is_found():
    report = report_of(Offended, queue={"max_receive_count": 4}, mapping={"batch_size": 1}, faults=["reorder", "split"])
    assert report.oracle == "dead_letters"
    assert "to the dead-letter queue, though faults spoiled only 1 of 4 receives" in " ".join(report.verdict.split())


class StuckLock(Ledger):
    """Leaves a lock behind where it dies, and never breaks it."""

    def __init__(self):
        super().__init__()
        self.locks = set()

    def work(self, record):
        if record["body"] in self.locks:
            raise RuntimeError("somebody is at it")
        self.locks.add(record["body"])
        super().work(record)
        self.locks.discard(record["body"])


def test_one_crash_does_not_excuse_a_consumer_that_wastes_all_other_receives():
    report = report_of(StuckLock, queue={"max_receive_count": 5})
    assert report.oracle == "dead_letters"
    assert [fault.name for fault in report.faults] == ["kill"]


def test_where_faults_spoiled_every_receive_a_dead_letter_is_excused():
    passes(StuckLock, queue={"max_receive_count": 1})


class ChildrenAfterParents(Ledger):
    """A record needs the one before it; what comes too early is reported, and comes again."""

    def handler(self, event, context):
        failures = []
        for record in event["Records"]:
            number = int(record["body"].rpartition("-")[2])
            if number > 1 and f"order-{number - 1}" not in self.orders:
                failures.append({"itemIdentifier": record["messageId"]})
            else:
                super().work(record)
        return {"batchItemFailures": failures}


@pytest.mark.parametrize("receives", [1, 2, 3])
def test_a_message_that_needs_another_one_is_excused_with_it(receives):
    settings = {"queue": {"max_receive_count": receives}, "mapping": {"report_batch_item_failures": True}}
    passes(ChildrenAfterParents, **settings)


def test_what_the_perfect_queue_sends_to_the_dead_letter_queue_may_be_there():

    class Poisoned(Ledger):
        def handler(self, event, context):
            failures = []
            for record in event["Records"]:
                if record["body"] == "order-2":
                    failures.append({"itemIdentifier": record["messageId"]})
                else:
                    self.work(record)
            return {"batchItemFailures": failures}

    passes(Poisoned, queue={"max_receive_count": 3}, mapping={"report_batch_item_failures": True})


def test_a_bug_is_found_beside_a_dead_letter_queue():

    class Careless(Ledger):
        def work(self, record):
            if record["body"] == "order-2":
                self.twice = getattr(self, "twice", 0) + 1

        def observe(self):
            return getattr(self, "twice", 0)

    settings = {"queue": {"max_receive_count": 2}, "mapping": {"batch_size": 1}}
    assert report_of(Careless, **settings).oracle == "same"


# ----------------------------------------------------------------------------------------------------- the other names
class Last(Ledger):
    """Keeps what comes alone in memory, and of several the last."""

    def environment(self):
        noted = []

        def handler(event, context):
            noted.extend(record["body"] for record in event["Records"])
            if len(noted) > 1:
                self.orders["last"] = noted[-1]

        return handler


@pytest.mark.parametrize("name", ["effect_before_delete", "commutes"])
def test_an_oracle_that_can_be_named_judges_something(name):
    assert report_of(Last, oracles=[name]).oracle == name


def test_groups_of_a_fifo_queue_are_worked_in_order():
    class Lines(Ledger):
        def work(self, record):
            self.orders[record["body"]] = len(self.orders)

        def observe(self):
            return list(self.orders)

    messages = [minisqs.SendMessage(body, message_group_id="g", message_deduplication_id=body) for body in ("a", "b")]
    passes(Lines, messages, queue={"fifo_queue": True})


class LeaseOfHours(Ledger):
    """After a crash it refuses the message until its lease is over, and then does it."""

    def __init__(self):
        super().__init__()
        self.leases = {}

    def handler(self, event, context):
        for record in event["Records"]:
            order = record["body"]
            if self.leases.get(order, 0) > time.time():
                raise RuntimeError("somebody else is at it")
            self.leases[order] = time.time() + 6 * 3600
            self.orders[order] = self.orders.get(order) or "paid"
            self.leases[order] = 0


def test_a_message_that_is_refused_for_hours_and_done_then_is_waited_for():
    tried = minisqs.check(LeaseOfHours, ["order-1"], faults=["kill"], budget=6, runs=0)
    assert tried.faults["kill"] > 0


def test_a_message_that_is_refused_for_ever_is_told_with_what_is_raised_again_and_again():
    class ForEver(LeaseOfHours):
        def handler(self, event, context):
            for record in event["Records"]:
                if record["body"] in self.leases:
                    raise RuntimeError(f"somebody else is at it at {time.time()}")
                self.leases[record["body"]] = 1
                self.orders[record["body"]] = "paid"
                del self.leases[record["body"]]

    report = report_of(ForEver, messages=["order-1"], faults=["kill"], budget=6, runs=0)
    assert report.oracle == "drains"
    assert "its code raises RuntimeError again and again" in report.verdict


@minisqs.scenario
def paying(world):
    queue, paid = world.create_queue("in", visibility_timeout=30), []
    minisqs.Consumer(queue, lambda message: paid.append(message.body), name="till").start()
    queue.send("a")
    return lambda: list(paid)


def test_an_oracle_of_the_users_own_looks_at_what_a_scenario_observes():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(paying, oracles=[minisqs.always(lambda paid: len(paid) < 2, "nobody pays twice")])
    assert caught.value.report.oracle == "always"
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(paying, oracles=["drains", minisqs.sometimes(lambda paid: len(paid) > 5, "five times")], runs=5)
    assert "`five times` did not hold at the end of any" in caught.value.report.verdict


class LocksToLook(Ledger):
    """Takes one lock to work and to be looked at."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def handler(self, event, context):
        for record in event["Records"]:
            with self.lock:
                order = record["body"]
                self.orders[order] = "paid"

    def observe(self):
        with self.lock:
            return sorted(self.orders)


def test_a_subject_whose_lock_is_taken_to_observe_it_is_checked():
    assert not minisqs.check(LocksToLook, ["order-1"], faults=["duplicate"]).sees_nothing
    report = report_of(LocksToLook, messages=["order-1"])
    assert [fault.name for fault in report.faults] == ["kill"]
    assert "nobody gets on" in report.verdict


# ------------------------------------------------------------------------------------------- effect before delete
class MarksFirst(Ledger):
    """Marks an order as done before it is; those that it is killed in between are lost."""

    def __init__(self):
        super().__init__()
        self.marked = set()

    def work(self, record):
        if record["body"] not in self.marked:
            self.marked.add(record["body"])
            self.orders[record["body"]] = 1


class MarksBothFirst(MarksFirst):
    """Does it only where there are several, and loses all of them."""

    def handler(self, event, context):
        todo = [record["body"] for record in event["Records"] if record["body"] not in self.marked]
        if len(todo) > 1:
            self.marked.update(todo)
        self.orders.update(dict.fromkeys(todo, 1))


class CountsOnly(MarksFirst):
    """What each message does looks the same."""

    def observe(self):
        return len(self.orders)


class LastOne(Ledger):
    """Keeps the last order only, so that another order of arrival leaves another state, though nothing is lost."""

    def work(self, record):
        self.orders = record["body"]


@pytest.mark.parametrize(
    ("subject", "many", "what"),
    [
        (MarksFirst, 1, "message 1 is deleted, and its effect is missing"),
        (MarksFirst, 12, "is deleted, and its effect is missing"),
        (MarksBothFirst, 2, "messages 1, 2 are deleted, and their effects are missing"),
        (CountsOnly, 2, "is deleted, and its effect is missing"),
    ],
)
def test_a_message_that_is_deleted_without_its_effect_is_found(subject, many, what):
    messages = [f"order-{number}" for number in range(many)]
    report = report_of(subject, messages, faults=["kill"], oracles=["effect_before_delete"])
    assert report.oracle == "effect_before_delete"
    assert what in " ".join(report.verdict.split())


@pytest.mark.parametrize(("subject", "faults"), [(LastOne, ["reorder"]), (Twice, ["kill", "duplicate"])])
def test_an_effect_that_was_there_and_is_overwritten_or_made_twice_is_not_missing(subject, faults):
    assert report_of(subject, faults=faults, mapping={"batch_size": 1}).oracle == "same"
    passes(subject, faults=faults, mapping={"batch_size": 1}, oracles=["effect_before_delete"])


class LastInATable(Ledger):
    def __init__(self):
        self.table = minisqs.outside.Table("last")

    def work(self, record):
        self.table.put("last", record["body"])

    def handler(self, event, context):
        super().handler(event, context)
        return {"batchItemFailures": []}

    def observe(self):
        return self.table.get("last")


def test_that_holds_where_only_the_queue_does_something_and_for_handlers_that_report_failures():
    settings = {"faults": ["reorder"], "mapping": {"batch_size": 1, "report_batch_item_failures": True}}
    assert report_of(LastInATable, **settings).oracle == "same"
    passes(LastInATable, **settings, oracles=["effect_before_delete"])


# ----------------------------------------------------------------------------------------------------- commutes
class FirstOfMany(Ledger):
    """The first order gets a discount."""

    def work(self, record):
        self.orders[record["body"]] = not self.orders


def test_of_many_messages_the_first_ones_change_places_too():
    report = report_of(FirstOfMany, [f"order-{number}" for number in range(9)], oracles=["commutes"])
    assert report.oracle == "commutes"


def test_the_name_of_an_oracle_is_a_text():
    with pytest.raises(errors.UsageError, match="a text, not 3"):
        minisqs.always(bool, 3)


def test_who_did_the_work_is_no_difference_to_any_seed():
    swept = minisqs.sweep(Audited, ["a"], seeds=range(60), chunk=20, progress=False)
    assert swept.tested
    assert not swept.failing_seeds
