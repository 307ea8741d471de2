"""What a failing check prints, word for word: ``golden/*.txt`` hold whole reports.

To write them anew after a change that is meant, set ``MINISQS_GOLDEN=write`` and run this file; then read the
difference before it is kept::

    MINISQS_GOLDEN=write pytest tests/explore/test_reports.py
"""

from __future__ import annotations

import asyncio  # noqa: TID251  # what user code uses
import functools
import importlib
import os
from bisect import insort
from pathlib import Path

import attrs
import pytest
from zoo import ZOO

import minisqs
from minisqs.explore import oracles, report, telling

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
    "invoice numbers",  # two environments
    "donation drive",  # numbers
]
BY_NAME = {specimen.name: specimen for specimen in ZOO}

every_specimen = pytest.mark.parametrize("specimen", ZOO, ids=lambda specimen: specimen.name.replace(" ", "-"))


@functools.cache
def report_named(name):
    specimen = BY_NAME[name]
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(
            specimen.bug,
            specimen.messages,
            queue=specimen.queue,
            function=specimen.function,
            mapping=specimen.mapping,
        )
    return caught.value.report


def report_of(specimen):
    return report_named(specimen.name)


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


# ------------------------------------------------------------------------------------------- what should be better
def test_no_report_shows_an_address_in_memory():
    """It would be another one at each run, so the same story would not read the same."""
    assert [specimen.name for specimen in ZOO if " at 0x" in report_of(specimen).text()] == []


def test_a_statement_that_changes_nothing_is_not_told_as_a_change():
    lines = [line.text for line in report_of(BY_NAME["subscriptions"]).timeline]
    assert not any("if winner is me" in line and "->" in line for line in lines)


def test_every_report_of_the_zoo_fits_on_a_screen():
    long = [specimen.name for specimen in ZOO if len(report_of(specimen).text().splitlines()) > MOST_LINES]
    assert long == []


def test_a_lost_order_of_two_messages_is_told_by_what_it_leaves():
    verdict = report_of(BY_NAME["price board"]).verdict
    assert verdict.endswith("that leaves {'tea': 3} instead of {'tea': 4}.")


def test_a_timeline_ends_with_the_delete():
    assert report_of(BY_NAME["payout run"]).timeline[-1].text == "message 1 is deleted"


@minisqs.scenario
def puts_off(world):
    """A worker that takes each message only when it comes again."""
    queue = world.create_queue("in", visibility_timeout=30)
    log, seen = [], []

    def loop():
        while True:
            for message in queue.receive(wait_time_seconds=20):
                seen.append(message.body)
                if seen.count(message.body) > 1:
                    log.append(message.body)
                    message.delete()

    world.spawn(loop, name="puts-off")
    queue.send_batch(["a", "b"])
    return lambda: sorted(log)


def test_a_receive_of_a_worker_that_holds_others_brings_what_it_brings():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(puts_off, faults=["kill"])
    got = [line.text for line in caught.value.report.timeline if line.text.startswith("gets ")]
    assert got[:3] == [
        "gets message 1 'a', hidden from others until 30.005 s",
        "gets message 2 'b', hidden from others until 30.01 s",
        "gets message 1 'a', delivery 2, hidden from others until 60.005 s",
    ]
    assert caught.value.report.verdict.startswith("Worker puts-off is killed before ")


def logged(function):
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


class Decorated:
    def __init__(self):
        self.first, self.last = [], []

    @logged
    def handler(self, event, context):
        for record in event["Records"]:
            self.first.append(record["body"])
            self.last.append(record["body"])

    def observe(self):
        return len(self.first), len(self.last)


class Gathered(Decorated):
    async def one(self, body):
        self.first.append(body)
        await asyncio.sleep(0)
        self.last.append(body)

    async def handler(self, event, context):
        await asyncio.gather(*(self.one(record["body"]) for record in event["Records"]))


class Sorted(Decorated):
    """A function of a library asks it something, and then does something."""

    def rank(self, body):
        return len(body)

    def handler(self, event, context):
        for record in event["Records"]:
            self.first.append(record["body"])
            insort(self.last, record["body"], key=self.rank)


def test_an_effect_of_a_function_that_asks_the_code_something_is_told_at_its_line():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Sorted, ["a"], faults=["kill"])
    lines = [line.text for line in caught.value.report.timeline if "-> last" in line.text]
    assert lines
    assert all("insort(" in line for line in lines)


@pytest.mark.parametrize("subject", [Decorated, Gathered])
def test_an_effect_is_told_at_its_own_line_under_whatever_called_it(subject):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["a"], faults=["kill"])
    lines = [line.text for line in caught.value.report.timeline if "-> last" in line.text]
    assert lines
    assert all("self.last.append(" in line for line in lines)


def test_a_batch_that_is_cut_otherwise_is_told_in_a_sentence():
    lines = [line.text for line in report_of(BY_NAME["sensor archive"]).timeline]
    assert not any("orders/handler/1 it " in line for line in lines)


def test_a_subject_inside_a_function_has_a_plain_name():
    class Post:
        def __init__(self):
            self.sent = []

        def handler(self, event, context):
            self.sent.extend(record["body"] for record in event["Records"])

        def observe(self):
            return sorted(self.sent)

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Post, ["a"])
    assert caught.value.report.replay.startswith("minisqs.replay(Post, ")


class Ledger:
    """Three hundred rows, of which a redelivery changes one."""

    def __init__(self):
        self.rows = {f"row-{number:03}": 0 for number in range(300)}

    def handler(self, event, context):
        self.rows["row-299"] += len(event["Records"])

    def observe(self):
        return self.rows


def test_a_small_difference_of_large_states_is_told_where_it_is():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Ledger, ["a"])
    assert "row-299" in caught.value.report.verdict


class Quits:
    """Ends its process at each redelivery, for ever."""

    def __init__(self):
        self.sent = set()

    def handler(self, event, context):
        if any(record["attributes"]["ApproximateReceiveCount"] != "1" for record in event["Records"]):
            raise SystemExit
        self.sent.update(record["body"] for record in event["Records"])

    def observe(self):
        return self.sent


def test_the_lanes_of_many_environments_fit_on_a_screen():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Quits, ["a"], oracles=["drains"])
    assert max(len(line) for line in caught.value.report.text().splitlines()) <= WIDEST


# ------------------------------------------------------------------------------------------- who did what, by name
@minisqs.scenario
def forwards(world):
    """A worker that swallows what goes wrong with its send."""
    inbox, audit = world.create_queue("inbox"), world.create_queue("audit")
    client, entries = world.client(), minisqs.outside.Table("entries")

    def work(message):
        try:
            client.send_message(QueueUrl=audit.url, MessageBody=message.body)
        except client.exceptions.ClientError:  # the bug: nobody hears of it
            return

    minisqs.Consumer(inbox, work, name="worker").start()
    minisqs.Consumer(audit, lambda message: entries.put_new(message.body, 1), name="auditor").start()
    inbox.send("login ann")
    return lambda: sorted(entries.keys())


@minisqs.scenario
def sends_twice(world):
    """A worker that sends before it is done, and so again."""
    inbox, audit = world.create_queue("inbox"), world.create_queue("audit")
    client, entries = world.client(), []
    minisqs.Consumer(
        inbox, lambda message: client.send_message(QueueUrl=audit.url, MessageBody=message.body), name="worker"
    ).start()
    minisqs.Consumer(audit, lambda message: entries.append(message.body), name="auditor").start()
    inbox.send("login ann")
    return lambda: sorted(entries)


def test_a_call_that_fails_is_told_by_its_action_its_queue_and_who_made_it():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(forwards, faults={"api_error"})
    text = " ".join(str(failed.value).split())
    assert "SQS answers SendMessage to the queue 'audit' (by the work on message 1) with an internal error" in text
    assert "is not deleted" not in text


def test_messages_that_workers_send_are_told_by_their_queue_and_who_has_sent_them():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(sends_twice)
    lines = str(failed.value).splitlines()
    for told in (
        "message 1 of queue audit is sent for message 1",
        "gets message 1 of queue audit 'login ann'",
        "message 2 of queue audit is sent by delivery 2 of message 1",
        "gets message 2 of queue audit 'login ann'",
    ):
        assert sum(told in line for line in lines) == 1
    assert not any("#" in line for line in lines)


@minisqs.scenario
def two_functions(world):
    """One sends on what it gets, before it is done with it; the other appends it."""
    orders, done, entries = world.create_queue("orders"), world.create_queue("orders-done"), []

    def forward(event, context):
        for record in event["Records"]:
            done.send(record["body"])

    def append(event, context):
        entries.extend(record["body"] for record in event["Records"])

    world.create_event_source_mapping(orders, world.create_function(forward, name="forward"))
    world.create_event_source_mapping(done, world.create_function(append, name="append"))
    orders.send("login ann")
    return lambda: sorted(entries)


def test_each_function_has_lanes_of_its_own():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(two_functions, faults=["kill"])
    report = caught.value.report
    assert report.lanes == ("environment 1 of forward", "environment 1 of append", "environment 2 of forward")
    assert {report.lanes[line.lane - 1] for line in report.timeline if "entries.extend" in line.text} == {
        report.lanes[1]
    }


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (("main/1",), "message 1 is"),
        (("main/1", "main/2"), "messages 1, 2 are"),
        (("main/2#0/1",), "message 1 sent for message 2 is"),
        (("main/1", "main/2#1/1"), "message 1 and message 1 sent by delivery 2 of message 2 are"),
    ],
)
def test_messages_that_are_left_are_told_by_names_of_their_own(left, told):
    assert oracles._listed(left, "is", "are") == told


def test_where_several_are_under_way_a_statement_stands_beside_the_number_of_its_lane():
    lines = report_of(BY_NAME["raffle"]).text().splitlines()
    [beside, alone] = [line for line in lines if "-> tickets" in line]
    assert beside.split("line")[0].split() == ["|", "2"]
    assert alone.split("line")[0].split() == ["|"]


def test_the_file_of_the_lines_is_told_where_the_verdict_does_not_tell_it():
    assert "lines are of ordering.py)" in report_of(BY_NAME["price board"]).text()  # nothing goes wrong at a line
    assert "lines are of" not in report_of(BY_NAME["raffle"]).text()
    assert "(overlaps.py:90)" in report_of(BY_NAME["raffle"]).verdict


class NetOfTax:
    """The change is made by the caller of the function that ran last."""

    def __init__(self):
        self.paid = []

    def net(self, gross):
        return gross * 61 // 100

    def handler(self, event, context):
        for record in event["Records"]:
            self.paid.append(self.net(int(record["body"])))

    def observe(self):
        return self.paid


def test_a_change_is_told_at_the_statement_that_made_it():
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(NetOfTax, ["100"])
    changes = [line for line in str(failed.value).splitlines() if "->" in line]
    assert changes
    assert all("self.paid.append(" in line for line in changes)


def test_of_a_long_value_the_part_that_changed_is_shown():
    before = "{'acme': {'balance': 100, 'entries': ['a', 'b', 'c', 'd', 'e', 'f']}}"
    assert telling._around(before, before.replace("'f']", "'f', 'g']")) == "…'g']}}"
    assert telling._around(before, before.replace("'e'", "'x'")).startswith("…'x', 'f'")
    assert telling._around("", "[1, 2]") == "[1, 2]"


SAME_IN_BOTH = """
def charge(shop, order, acts):
    if acts:
        if order in shop.seen:
            return
        shop.charges.append(order)
    shop.latest = order
    if acts:
        shop.seen.add(order)
"""


def test_of_equal_functions_in_two_files_the_one_is_named_that_ran(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("first_equal", "second_equal"):
        (tmp_path / f"{name}.py").write_text(SAME_IN_BOTH)
    first, second = (importlib.import_module(name) for name in ("first_equal", "second_equal"))

    class Shop:
        def __init__(self):
            self.charges, self.seen, self.latest = [], set(), ""

        def handler(self, event, context):
            for record in event["Records"]:
                second.charge(self, record["body"], acts=False)
                first.charge(self, record["body"], acts=True)

        def observe(self):
            return self.charges

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Shop, ["order-1"], faults=["kill"], trace=[tmp_path])
    report = caught.value.report
    assert "before `shop.latest = order` (first_equal.py:7)" in report.faults[0].words
    assert report.faults[0].address.point.endswith(".2")  # the second of the two that came there
    assert minisqs.replay(Shop, report.token, ["order-1"], trace=[tmp_path]).state == report.got


class Repository:
    def __init__(self):
        self.sold = minisqs.outside.Table("sold")

    def save(self, record):
        sold = self.sold.get("orders", [])
        self.sold.put("orders", [*sold, record["body"]])


class Saves:
    """Its effects are made in a function that a statement calls last, after others."""

    def __init__(self):
        self.repository = Repository()
        self.sold = self.repository.sold

    def handler(self, event, context):
        for record in event["Records"]:
            self.repository.save(self.plain(dict(record)))

    def plain(self, record):
        text = str(record["body"])
        return {"body": text}

    def observe(self):
        return self.sold.get("orders")


class Awaits(Saves):
    async def handler(self, event, context):
        for record in event["Records"]:
            await self.work(record)

    async def work(self, record):
        self.repository.save(record)


@pytest.mark.parametrize("subject", [Saves, Awaits])
def test_an_effect_is_told_at_the_line_that_makes_it_though_the_caller_had_other_calls(subject):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["order-1"], faults=["kill"])
    [first, *_] = [line for line in caught.value.report.text().splitlines() if "->" in line]
    assert 'self.sold.put("orders", [*sold, record["body"…  -> ' in first


class Shelf:
    """Hands a module what it works on, in a statement of its own."""

    def __init__(self):
        self.sums = minisqs.outside.Table("sums")

    def connect(self, module):
        module.sums = self.sums

    def observe(self):
        return self.sums.observe()


def test_an_effect_of_deployed_code_is_told_at_its_line_not_at_that_which_connected_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "adds_up.py").write_text(
        "def handler(event, context):\n"
        '    for record in event["Records"]:\n'
        '        sums.add("sum", int(record["body"]))\n'
    )
    subject = minisqs.deployed("adds_up:handler", outside=Shelf)
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["1"], trace=[tmp_path, Path(__file__).parent])
    changes = [line for line in caught.value.report.text().splitlines() if "->" in line]
    assert changes
    assert all("line 3  sums.add(" in line for line in changes)


def test_an_effect_is_told_at_its_line_where_a_library_stands_between(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "batching.py").write_text(
        "def process_each(records, work):\n    for record in records:\n        work(record)\n"
    )
    batching = importlib.import_module("batching")

    class Sums(Shelf):
        def handler(self, event, context):
            return batching.process_each(event["Records"], self.work)

        def work(self, record):
            self.sums.add("sum", int(record["body"]))

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Sums, ["1"], trace=[Path(__file__).parent])
    changes = [line for line in caught.value.report.text().splitlines() if "->" in line]
    assert changes
    assert all('self.sums.add("sum", ' in line for line in changes)


# -------------------------------------------------------------------------------------- lists of failures, in words
class Reports:
    """Answers a redelivery with what it is told to, and has its effect at the first delivery."""

    def __init__(self):
        self.done, self.first = set(), ""

    def handler(self, event, context):
        [record] = event["Records"]
        self.first = self.first or record["messageId"]
        if record["attributes"]["ApproximateReceiveCount"] != "1":
            return self.answer(record)
        self.done.add(record["body"])
        return None

    def observe(self):
        return self.done


LISTS = {
    "itself": (
        lambda subject, record: [{"itemIdentifier": record["messageId"]}],
        "returns, and reports message 1 as failed",
    ),
    "nobody": (
        lambda subject, record: [{"itemIdentifier": ""}],
        "returns, and all of it counts as failed: it lists '', which is not of this batch",
    ),
    "a key that is not known": (
        lambda subject, record: [{"id": record["messageId"]}],
        "returns, and all of it counts as failed: an entry of batchItemFailures has no itemIdentifier",
    ),
    "no list": (
        lambda subject, record: record["messageId"],
        "returns, and all of it counts as failed: batchItemFailures is no list: ",
    ),
}


@pytest.mark.parametrize(("listed", "told"), LISTS.values(), ids=LISTS)
def test_a_delivery_that_returns_a_list_of_failures_says_what_comes_of_it(listed, told):
    class Lists(Reports):
        def answer(self, record):
            return {"batchItemFailures": listed(self, record)}

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Lists, ["a"], mapping={"report_batch_item_failures": True})
    assert any(line.text.startswith(told) for line in caught.value.report.timeline)


def test_a_delivery_that_returns_something_else_says_that_all_of_it_counts_as_failed():
    class Says(Reports):
        def answer(self, record):
            return "failed"

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Says, ["a"], mapping={"report_batch_item_failures": True})
    told = "returns, and all of it counts as failed: the response is no JSON object: 'failed'"
    assert told in [line.text for line in caught.value.report.timeline]


def test_a_list_that_names_a_message_of_another_batch_says_which():
    class Names(Reports):
        def answer(self, record):
            other = self.first != record["messageId"]
            return {"batchItemFailures": [{"itemIdentifier": self.first}] if other else []}

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(
            Names, ["a", "b"], mapping={"report_batch_item_failures": True, "batch_size": 1}, faults=["duplicate"]
        )
    told = "returns, and all of it counts as failed: it lists message 1, which is not of this batch"
    assert told in [line.text for line in caught.value.report.timeline]


def test_a_list_at_which_nobody_looks_is_told_so():
    class Lists(Reports):
        def handler(self, event, context):
            super().handler(event, context)
            self.done ^= {"again"} if event["Records"][0]["attributes"]["ApproximateReceiveCount"] != "1" else set()
            return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}

        def answer(self, record):
            return None

    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(Lists, ["a"])
    told = "returns, and nobody looks at its list of failures, as report_batch_item_failures is not set"
    assert told in [line.text for line in caught.value.report.timeline]


# -------------------------------------------------------------------------------------------- round after round
class NeverUnlocks:
    """A lock in a table that a killed delivery keeps, so that all later ones are refused."""

    def __init__(self):
        self.locks = minisqs.outside.Table("locks")
        self.done = minisqs.outside.Table("done")

    def handler(self, event, context):
        for record in event["Records"]:
            if not self.locks.put_new(record["body"], 1):
                raise RuntimeError("locked")
            self.done.put(record["body"], 1)
            self.locks.delete(record["body"])

    def observe(self):
        return self.done.observe()


def test_a_story_without_end_is_told_up_to_its_first_round_and_the_others_are_counted():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(NeverUnlocks, ["a"])
    text = caught.value.report.text()
    assert "-> locks = {'a': 1}" in text
    assert text.count("raises RuntimeError: locked") == 1
    assert "message 1 is visible again" in text
    assert "… and so on, 23 times more; report.timeline has them all" in text
    assert "more lines are" not in text
    assert len(text.splitlines()) <= MOST_LINES


class KeepsItsList:
    """The list of failures belongs to the environment, so that it names what has long been done."""

    def __init__(self):
        self.rows = minisqs.outside.Table("rows")

    def book(self, record):
        row, version = self.rows.get_versioned("all", {})
        row[record["body"]] = 1
        self.rows.put("all", row, if_version=version)

    def environment(self):
        failures = []

        def handler(event, context):
            for record in event["Records"]:
                try:
                    self.book(record)
                except minisqs.outside.ConditionFailed:
                    failures.append({"itemIdentifier": record["messageId"]})
            return {"batchItemFailures": failures}

        return handler

    def observe(self):
        return sorted(self.rows.get("all", {}))


def test_what_was_changed_and_returned_is_told_before_what_only_goes_on():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(KeepsItsList, ["a", "b"], mapping={"batch_size": 1, "report_batch_item_failures": True})
    text = caught.value.report.text()
    assert "-> rows = {'all': {'b': 1}}" in text
    assert "returns, and reports message 1 as failed" in text
    assert "and so on, " in text
    assert len(text.splitlines()) <= MOST_LINES


# ------------------------------------------------------------------------------------- why a delivery does nothing
class MarksFirst:
    """Marks a message before it does its work: who is killed between the two has marked it for nothing."""

    def __init__(self):
        self.seen = minisqs.outside.Table("seen")
        self.mails = []

    def is_new(self, body):
        return self.seen.put_new(body, 1)

    def handler(self, event, context):
        for record in event["Records"]:
            if self.is_new(record["body"]):
                self.mails.append(record["body"])

    def observe(self):
        return self.mails


class MarksFirstAndCatches(MarksFirst):
    def is_new(self, body):
        try:
            self.seen.put(body, 1, if_absent=True)
        except minisqs.outside.ConditionFailed:
            return False
        return True


class MarksFirstInATransaction(MarksFirst):
    def is_new(self, body):
        try:
            with minisqs.outside.transaction() as step:
                step.put(self.seen, body, 1, if_absent=True)
        except minisqs.outside.ConditionFailed:
            return False
        return True


@pytest.mark.parametrize("subject", [MarksFirst, MarksFirstAndCatches, MarksFirstInATransaction])
def test_a_write_that_a_table_refuses_is_told(subject):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(subject, ["ann"], faults=["kill"])
    *_, before, refused, ends, deleted = (line.text for line in caught.value.report.timeline)
    assert before.startswith("gets message 1 'ann', delivery 2")
    assert refused.startswith("line ")
    assert refused.endswith("-> refused: seen has 'ann'")
    assert (ends, deleted) == ("returns", "message 1 is deleted")


class WritesOverAnother(MarksFirst):
    """Reads, adds and writes on condition, but takes a refusal for done."""

    def __init__(self):
        super().__init__()
        self.seen.put("names", [])

    def handler(self, event, context):
        for record in event["Records"]:
            names, version = self.seen.get_versioned("names", [])
            try:
                self.seen.put("names", sorted({*names, record["body"]}), if_version=version)
            except minisqs.outside.ConditionFailed:
                continue

    def observe(self):
        return self.seen.get("names")


def test_a_refusal_says_which_version_is_there():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(WritesOverAnother, ["ann", "bob", "cid"], mapping={"batch_size": 1}, faults=["overlap"])
    assert any(line.text.endswith("-> refused: seen has 'names' in version 2") for line in caught.value.report.timeline)


@minisqs.scenario
def passes_on(world):
    """One passes messages on in the midst of a statement, another notes them in a lambda, of which no statement is followed."""
    inbox, outbox = world.create_queue("in"), world.create_queue("out")
    noted = []

    def pass_on(client):
        while True:
            for message in client.receive_message(QueueUrl=inbox.url, WaitTimeSeconds=20).get("Messages", []):
                client.send_message(QueueUrl=outbox.url, MessageBody=message["Body"])
                client.delete_message(QueueUrl=inbox.url, ReceiptHandle=message["ReceiptHandle"])

    world.spawn(pass_on, world.client(), name="passes on")
    minisqs.Consumer(outbox, lambda message: noted.append(message.body), name="notes").start()
    inbox.send("a")
    return lambda: noted


def test_what_is_done_while_another_waits_in_a_statement_is_not_told_as_its_doing():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(passes_on, faults=["duplicate"])
    changes = [line for line in caught.value.report.timeline if "->" in line.text]
    assert {caught.value.report.lanes[line.lane - 1] for line in changes} == {"notes"}
    assert [line.text for line in changes] == ["-> observed = ['a']", "-> observed = ['a', 'a']"]


# ------------------------------------------------------------------------------------------ where there is no room
def told_in(timeline, most):
    whole = report_of(BY_NAME["raffle"])
    return report._timeline(attrs.evolve(whole, timeline=timeline, lanes=("worker",)), most)


def test_where_lines_are_left_out_it_is_marked_and_the_last_change_is_told():
    timeline = [
        *(telling.Line(0, 1, "+", f"gets message {number}", (f"main/{number}",)) for number in range(1, 9)),
        telling.Line(0, 1, "|", "line 1  a()  -> n = 1", ("main/9",)),
        telling.Line(0, 0, "", "message 9 is deleted", ("main/9",)),
    ]
    assert told_in(timeline, 5)[1:] == [
        "      0 s  +   gets message 1",
        "           +   gets message 2",
        "           +   gets message 3",
        "        …  |   line 1  a()  -> n = 1",
        "           6 more lines are in report.timeline",
    ]


def test_a_legend_of_two_lines_leaves_room_for_as_many_fewer():
    timeline = [telling.Line(number, 1 + number % 2, "|", f"line {number}", ()) for number in range(30)]
    whole = report_of(BY_NAME["raffle"])
    short, long = (
        report._timeline(attrs.evolve(whole, timeline=timeline, lanes=(name, name)), 20)
        for name in ("ann", "the worker of the northern region and its harbours")
    )
    assert long[1].startswith(" " * 16)
    assert len(short) == len(long) == 21


@minisqs.scenario
def asks_in_vain(world):
    """A worker that gets no message, and is ended by what SQS answers."""
    queue, failed = world.create_queue("in"), []

    def ask():
        try:
            queue.receive(1)
        except minisqs.errors.SqsError as error:
            failed.append(error.code)
            raise

    world.spawn(ask, name="asker", restart=False)
    return lambda: failed


def test_what_a_worker_without_a_lane_does_is_told_with_its_name():
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(asks_in_vain, faults=["api_error"])
    [line] = [line for line in caught.value.report.timeline if "raises" in line.text]
    assert line.lane == 0
    assert line.text.startswith("asker raises InternalFailure")
