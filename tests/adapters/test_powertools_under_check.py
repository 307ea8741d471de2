"""AWS Lambda Powertools under a check: what its batch processors and its idempotency hold, and what they do not."""

from __future__ import annotations

import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function

import minisqs
from minisqs import SendMessage, outside
from minisqs.adapters.powertools import TablePersistence

ORDERS = ["order-1", "order-2"]
PARTIAL = {"report_batch_item_failures": True}


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def found(subject, messages=ORDERS, **settings):
    with pytest.raises(minisqs.CheckFailed) as failed:
        minisqs.check(subject, messages, **settings)
    return failed.value.report


# ------------------------------------------------------------------------------------------- batch processors
class Counted:
    """Counts what a record adds, each time that it is processed."""

    def __init__(self):
        self.total = outside.Table("total")
        self.processor = BatchProcessor(event_type=EventType.SQS)

    def handler(self, event, context):
        return process_partial_response(event, self.record, self.processor, context)

    def record(self, record):
        self.total.add("orders", 1)


class Noted(Counted):
    """Notes each record under its id."""

    def record(self, record):
        self.total.put_new(record.message_id, record.body)


def test_a_batch_processor_does_not_make_a_consumer_idempotent():
    report = found(Counted, mapping=PARTIAL)
    assert report.oracle == "same"
    assert len(report.faults) == 1


def test_a_batch_processor_over_an_idempotent_record_handler_holds():
    checked = minisqs.check(Noted, ORDERS, mapping=PARTIAL)
    assert checked.faults["kill"] > 50
    assert minisqs.prove(Noted, ORDERS, mapping=PARTIAL, faults=1).complete


class Hesitant(Counted):
    """Refuses the first order when it comes for the first time."""

    def __init__(self):
        super().__init__()
        self.refused = outside.Table("refused")

    def record(self, record):
        if record.body == ORDERS[0] and self.refused.put_new(record.body, "once"):
            raise RuntimeError("busy")
        self.total.put_new(record.body, "done")

    def observe(self):
        return sorted(self.total.keys())


@pytest.mark.parametrize(("mapping", "done"), [(PARTIAL, ORDERS), ({}, ORDERS[1:])])
def test_what_a_batch_processor_reports_is_lost_unless_the_mapping_asks_for_it(mapping, done):
    assert minisqs.perfect(Hesitant, ORDERS, mapping=mapping).state == done


IN_ORDER = [SendMessage(body, message_group_id="g", message_deduplication_id=body) for body in ("1", "2", "3")]


class Steps:
    """Steps of one group, each of which needs the one before; one is refused when it comes for the first time."""

    processor_class = SqsFifoPartialProcessor

    def __init__(self):
        self.done, self.refused = outside.Table("done"), outside.Table("refused")
        self.processor = self.processor_class() if self.processor_class is SqsFifoPartialProcessor else self.plain()

    @staticmethod
    def plain():
        return BatchProcessor(event_type=EventType.SQS)

    def handler(self, event, context):
        return process_partial_response(event, self.record, self.processor, context)

    def record(self, record):
        if record.body == "2" and self.refused.put_new("2", "once"):
            raise RuntimeError("the shop is busy")
        self.done.put_new(record.body, "after " + ", ".join(sorted(self.done.keys())))

    def observe(self):
        return self.done.observe()


class StepsInAnyOrder(Steps):
    """The same with the processor for standard queues."""

    processor_class = BatchProcessor


def test_the_processor_for_fifo_queues_keeps_the_order_of_a_group():
    settings = {"queue": {"fifo_queue": True}, "mapping": PARTIAL}
    state = minisqs.perfect(Steps, IN_ORDER, **settings).state
    assert state == {"1": "after ", "2": "after 1", "3": "after 1, 2"}
    minisqs.check(Steps, IN_ORDER, **settings)


def test_the_processor_for_standard_queues_breaks_it():
    settings = {"queue": {"fifo_queue": True}, "mapping": PARTIAL}
    state = minisqs.perfect(StepsInAnyOrder, IN_ORDER, **settings).state
    assert state["3"] == "after 1"  # 3 was done while 2 had failed


# ----------------------------------------------------------------------------------------------- idempotency
class Charged:
    """A charge without a key of its own, made once for each order by Powertools' idempotency."""

    registers = True

    def __init__(self):
        self.charges = outside.Table("charges")
        self.config = IdempotencyConfig(expires_after_seconds=3600)
        self.charge = idempotent_function(
            self.charge_once,
            data_keyword_argument="order",
            config=self.config,
            persistence_store=TablePersistence(outside.Table("idempotency")),
        )

    def handler(self, event, context):
        if self.registers:
            self.config.register_lambda_context(context)
        for record in event["Records"]:
            self.charge(order=record["body"])

    def charge_once(self, order):
        self.charges.add(order, 1)
        return "charged"

    def observe(self):
        return self.charges.observe()


class Keyed(Charged):
    """The same with a charge that the payment service makes once for each key."""

    def charge_once(self, order):
        self.charges.put_new(order, 1)
        return "charged"


class Unregistered(Keyed):
    """Without the context, from which Powertools knows when a dead environment is no longer in progress."""

    registers = False


def test_idempotency_does_not_save_an_effect_that_a_crash_follows():
    report = found(Charged)
    assert [fault.name for fault in report.faults] == ["kill"]
    assert "charge_once" in str(report) or "self.charges.add" in str(report)


def test_idempotency_over_an_effect_with_a_key_holds():
    checked = minisqs.check(Keyed, ORDERS, budget=300, runs=100)
    assert checked.faults["kill"] > 20
    assert checked.redeliveries > 20


@pytest.mark.filterwarnings("ignore:Couldn't determine the remaining time left")  # which is what the test is about
def test_without_the_lambda_context_a_crash_blocks_a_message_until_its_record_expires():
    report = found(Unregistered, ["order-1"], queue={"max_receive_count": 5})
    assert report.oracle == "dead_letters"
    assert [fault.name for fault in report.faults] == ["kill"]
