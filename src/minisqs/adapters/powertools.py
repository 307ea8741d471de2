"""AWS Lambda Powertools' idempotency over a ``minisqs.outside.Table``, in place of DynamoDB.

``TablePersistence`` keeps records as Powertools' ``DynamoDBPersistenceLayer`` does: the same attributes, the
same condition for a new record, and the same answers. So a handler under ``@idempotent``, or a function under
``@idempotent_function``, can be tested with the table as the part of the world that survives a crash.

Needs ``aws-lambda-powertools``, whose idempotency in turn imports boto3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS, DataRecord

from ..outside import Table


class TablePersistence(BasePersistenceLayer):
    """A persistence layer of Powertools' idempotency utility that keeps its records in a table.

    A record is a dict under its idempotency key, with DynamoDBPersistenceLayer's default attributes:
    ``expiration`` in seconds, ``in_progress_expiration`` in milliseconds, ``status``, ``data``, ``validation``.
    The table is built with the subject under test, so the decorator is applied where the subject makes its
    handler: in ``__init__``, or in ``environment``, whose layer and local cache then die with the environment.

    Args:
        table: Where the records are; it may hold other things too, under keys of their own.
    """

    def __init__(self, table: Table) -> None:
        if not isinstance(table, Table):
            raise TypeError(f"TablePersistence takes a minisqs.outside.Table, not {table!r}")
        super().__init__()  # type: ignore[no-untyped-call]
        self.table = table

    def _get_record(self, idempotency_key: str) -> DataRecord:
        item = self.table.get(idempotency_key)
        if item is None:
            raise IdempotencyItemNotFoundError
        return _record(idempotency_key, item)

    def _put_record(self, data_record: DataRecord) -> None:
        item = self._item(data_record)
        # Naive, as in Powertools: the two must agree on what time it is, also where the clock is simulated.
        now = dt.datetime.now().timestamp()  # noqa: DTZ005

        def replaced(present: Mapping[str, Any] | None) -> dict[str, Any]:
            if present is not None and not gives_way(present, now):
                raise self._already_exists(data_record, _record(data_record.idempotency_key, present))
            return item

        self.table.update(data_record.idempotency_key, replaced)

    def _item(self, data_record: DataRecord) -> dict[str, Any]:
        item = {"expiration": data_record.expiry_timestamp, "status": data_record.status}
        if data_record.in_progress_expiry_timestamp is not None:
            item["in_progress_expiration"] = data_record.in_progress_expiry_timestamp
        if self.payload_validation_enabled and data_record.payload_hash:
            item["validation"] = data_record.payload_hash
        return item

    def _already_exists(self, new: DataRecord, old: DataRecord) -> IdempotencyItemAlreadyExistsError:
        self._validate_payload(data_payload=new, stored_data_record=old)
        self._save_to_cache(data_record=old)
        return IdempotencyItemAlreadyExistsError(old_data_record=old)

    def _update_record(self, data_record: DataRecord) -> None:
        changes = {
            "data": data_record.response_data,
            "expiration": data_record.expiry_timestamp,
            "status": data_record.status,
        }
        if self.payload_validation_enabled:
            changes["validation"] = data_record.payload_hash
        self.table.update(data_record.idempotency_key, lambda present: {**present, **changes}, default={})

    def _delete_record(self, data_record: DataRecord) -> None:
        self.table.delete(data_record.idempotency_key)


def gives_way(item: Mapping[str, Any], now: float) -> bool:
    """Whether a new record may replace this one: DynamoDBPersistenceLayer's condition.

    So it may if the record has expired, or was in progress until a time that has passed. Either time is still
    held at its own second or millisecond; "in progress" without a time blocks until the record expires.

    Args:
        item: The record that is there.
        now: Seconds since 1970.
    """
    if item["expiration"] < int(now):
        return True
    until = item.get("in_progress_expiration")
    return item["status"] == STATUS_CONSTANTS["INPROGRESS"] and until is not None and until < int(now * 1000)


def _record(idempotency_key: str, item: Any) -> DataRecord:
    """What Powertools takes a stored record for; what it lacks is None, as it is from DynamoDB."""
    return DataRecord(
        idempotency_key=idempotency_key,
        status=item["status"],
        expiry_timestamp=item["expiration"],
        in_progress_expiry_timestamp=item.get("in_progress_expiration"),
        response_data=item.get("data"),
        payload_hash=item.get("validation"),
    )
