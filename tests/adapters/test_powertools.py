from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
    IdempotencyValidationError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord

import minisqs
from minisqs import outside
from minisqs.adapters.powertools import TablePersistence, gives_way

NOW = 1_700_000_000
LONG_AGO = 1
FAR_AHEAD = 4_000_000_000


class Context:
    """As much of a Lambda context as Powertools reads."""

    def get_remaining_time_in_millis(self):
        return 30_000


@pytest.fixture
def table():
    return outside.Table("idempotency")


def charging(table, config=None, fail_times=0):
    """A handler that charges once for each event, with the list of its charges."""
    charges = []
    failures = iter(range(fail_times))

    @idempotent(persistence_store=TablePersistence(table), config=config or IdempotencyConfig())
    def handler(event, context):
        if next(failures, None) is not None:
            raise ZeroDivisionError
        charges.append(event)
        return {"charge": len(charges)}

    return handler, charges


def only_record(table):
    [record] = table.values()
    return record


def change_record(table, **changes):
    [key] = table
    table.update(key, lambda record: {**record, **changes})


# ---------------------------------------------------------------------------------------------------- the handler
def test_a_second_call_gets_the_result_of_the_first(table):
    handler, charges = charging(table)
    assert [handler({"id": 1}, Context()), handler({"id": 1}, Context())] == [{"charge": 1}] * 2
    assert handler({"id": 2}, Context()) == {"charge": 2}
    assert charges == [{"id": 1}, {"id": 2}]


def test_another_environment_with_the_same_table_gets_the_result_too(table):
    first, _ = charging(table)
    second, charges = charging(table)
    first({"id": 1}, Context())
    assert second({"id": 1}, Context()) == {"charge": 1}
    assert charges == []


def test_a_record_is_that_of_dynamodb_s_layer(table):
    seen = []

    @idempotent(persistence_store=TablePersistence(table))
    def handler(event, context):
        seen.append(only_record(table))
        return {"done": True}

    handler({"id": 1}, Context())
    [begun], ended = seen, only_record(table)
    assert begun["status"] == "INPROGRESS"
    assert set(begun) == {"expiration", "status", "in_progress_expiration"}
    assert begun["in_progress_expiration"] // 1000 < begun["expiration"]
    assert (ended["status"], json.loads(ended["data"])) == ("COMPLETED", {"done": True})
    assert ended["in_progress_expiration"] == begun["in_progress_expiration"]


def test_a_failing_handler_deletes_its_record(table):
    handler, charges = charging(table, fail_times=1)
    with pytest.raises(ZeroDivisionError):
        handler({"id": 1}, Context())
    assert len(table) == 0
    assert handler({"id": 1}, Context()) == {"charge": 1}
    assert len(charges) == 1


def in_progress(table):
    """Leave the record that a handler leaves that died in the middle."""
    handler, _ = charging(table)
    handler({"id": 1}, Context())
    change_record(table, status="INPROGRESS", in_progress_expiration=FAR_AHEAD * 1000, data="")


def test_a_record_in_progress_blocks(table):
    in_progress(table)
    handler, charges = charging(table)
    with pytest.raises(IdempotencyAlreadyInProgressError):
        handler({"id": 1}, Context())
    assert charges == []
    assert only_record(table)["status"] == "INPROGRESS"


@pytest.mark.parametrize("passed", [{"in_progress_expiration": LONG_AGO}, {"expiration": LONG_AGO}])
def test_a_record_in_progress_until_a_time_that_has_passed_is_taken_over(table, passed):
    in_progress(table)
    change_record(table, **passed)
    handler, charges = charging(table)
    assert handler({"id": 1}, Context()) == {"charge": 1}
    assert len(charges) == 1


def test_an_expired_result_is_forgotten(table):
    handler, charges = charging(table)
    handler({"id": 1}, Context())
    change_record(table, expiration=LONG_AGO)
    assert handler({"id": 1}, Context()) == {"charge": 2}
    assert len(charges) == 2


def test_a_nested_delivery_of_the_same_event_is_blocked(table):
    @idempotent(persistence_store=TablePersistence(table))
    def handler(event, context):
        with pytest.raises(IdempotencyAlreadyInProgressError):
            handler(event, context)
        return "outer"

    assert handler({"id": 1}, Context()) == "outer"


def test_another_payload_under_the_same_key_is_refused(table):
    config = IdempotencyConfig(event_key_jmespath="id", payload_validation_jmespath="amount")
    handler, charges = charging(table, config)
    handler({"id": 1, "amount": 5}, Context())
    handler({"id": 1, "amount": 5}, Context())
    with pytest.raises(IdempotencyValidationError):
        handler({"id": 1, "amount": 6}, Context())
    assert len(charges) == 1


def test_the_local_cache_of_powertools_is_filled_from_the_table(table):
    charging(table)[0]({"id": 1}, Context())
    handler, charges = charging(table, IdempotencyConfig(use_local_cache=True))
    handler({"id": 1}, Context())
    table.delete(*table)
    assert handler({"id": 1}, Context()) == {"charge": 1}
    assert charges == []


def test_a_function_can_be_idempotent_by_one_argument(table):
    config = IdempotencyConfig()
    config.register_lambda_context(Context())
    charges = []

    @idempotent_function(data_keyword_argument="order", persistence_store=TablePersistence(table), config=config)
    def charge(order):
        charges.append(order)
        return len(charges)

    assert [charge(order="a"), charge(order="a"), charge(order="b")] == [1, 1, 2]
    assert charges == ["a", "b"]


def test_a_duplicate_behind_lambda_s_poller_is_charged_once(table):
    config = IdempotencyConfig()
    charges = []

    @idempotent_function(data_keyword_argument="order", persistence_store=TablePersistence(table), config=config)
    def charge(order):
        charges.append(order)

    def handler(event, context):
        config.register_lambda_context(context)
        for record in event["Records"]:
            charge(order=record["body"])

    world = minisqs.World(faults=minisqs.Plan({("duplicate_after_delete", "main/1", 0): 1}))
    queue = world.create_queue("orders")
    function = world.create_function(handler)
    world.create_event_source_mapping(queue, function)
    queue.send("order-1")
    world.run_until_idle()
    assert [invocation.outcome for invocation in function.invocations] == ["success", "success"]
    assert charges == ["order-1"]


# ------------------------------------------------------------------------------------------------------ the layer
@pytest.mark.parametrize(("expiration", "free"), [(NOW - 1, True), (NOW, False), (NOW + 1, False)])
@pytest.mark.parametrize("status", ["COMPLETED", "INPROGRESS"])
def test_a_record_gives_way_once_the_second_of_its_expiration_has_passed(status, expiration, free):
    assert gives_way({"status": status, "expiration": expiration}, NOW) is free
    assert gives_way({"status": status, "expiration": expiration}, NOW + 0.999) is free


@pytest.mark.parametrize(("milliseconds", "free"), [(-1, True), (0, False), (1, False)])
def test_a_record_in_progress_gives_way_once_the_millisecond_of_its_end_has_passed(milliseconds, free):
    item = {"status": "INPROGRESS", "expiration": NOW + 60, "in_progress_expiration": NOW * 1000 + milliseconds}
    assert gives_way(item, NOW) is free
    assert gives_way({**item, "status": "COMPLETED"}, NOW) is False


def test_a_record_in_progress_without_an_end_blocks_until_it_expires():
    assert gives_way({"status": "INPROGRESS", "expiration": NOW + 60}, NOW) is False


def test_an_unknown_record_is_not_found(table):
    with pytest.raises(IdempotencyItemNotFoundError):
        TablePersistence(table)._get_record("missing")


def test_a_refused_record_comes_with_the_one_that_is_there(table):
    layer = TablePersistence(table)
    layer._put_record(DataRecord("key", "INPROGRESS", FAR_AHEAD, FAR_AHEAD * 1000))
    with pytest.raises(IdempotencyItemAlreadyExistsError) as caught:
        layer._put_record(DataRecord("key", "INPROGRESS", FAR_AHEAD + 1))
    old = caught.value.old_data_record
    assert (old.idempotency_key, old.status, old.expiry_timestamp) == ("key", "INPROGRESS", FAR_AHEAD)
    assert old.in_progress_expiry_timestamp == FAR_AHEAD * 1000
    assert table.version("key") == 1


def test_a_completed_record_is_made_even_if_that_of_its_beginning_is_gone(table):
    TablePersistence(table)._update_record(DataRecord("key", "COMPLETED", FAR_AHEAD, response_data="1"))
    record = TablePersistence(table)._get_record("key")
    assert (record.status, record.response_json_as_dict()) == ("COMPLETED", 1)


def test_the_layer_takes_a_table_and_an_empty_one_is_one(table):
    assert TablePersistence(table).table is table
    with pytest.raises(TypeError, match=r"takes a minisqs\.outside\.Table, not 'orders'"):
        TablePersistence("orders")
