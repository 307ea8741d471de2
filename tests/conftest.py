"""What every test may ask for: a world, a step of whole nanoseconds, and a refusal that is looked at from all sides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import minisqs
from minisqs import errors

# A test that fails only now and then is no help to whoever changed something else; nightly runs look further.
settings.register_profile(
    "default", max_examples=50, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=2_000, print_blob=True, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

# Class: boto3's code, JSON name, HTTP status, whether `message` stands beside Error. Written out from sqs.md 1.
SHAPES = {
    errors.QueueDoesNotExist: ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400, False),
    errors.QueueNameExists: ("QueueAlreadyExists", "QueueNameExists", 400, False),
    errors.QueueDeletedRecently: (
        "AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently", 400, False,
    ),
    errors.InvalidAttributeName: ("InvalidAttributeName", "InvalidAttributeName", 400, True),
    errors.InvalidAttributeValue: ("InvalidAttributeValue", "InvalidAttributeValue", 400, True),
    errors.InvalidParameterValue: ("InvalidParameterValue", "InvalidParameterValueException", 400, False),
    errors.MissingParameter: ("MissingParameter", "MissingRequiredParameterException", 400, False),
    errors.InvalidMessageContents: ("InvalidMessageContents", "InvalidMessageContents", 400, True),
    errors.ReceiptHandleIsInvalid: ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404, True),
    errors.TooManyEntriesInBatchRequest: (
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "TooManyEntriesInBatchRequest", 400, False,
    ),
    errors.EmptyBatchRequest: ("AWS.SimpleQueueService.EmptyBatchRequest", "EmptyBatchRequest", 400, False),
    errors.BatchEntryIdsNotDistinct: (
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "BatchEntryIdsNotDistinct", 400, False,
    ),
    errors.InvalidBatchEntryId: ("AWS.SimpleQueueService.InvalidBatchEntryId", "InvalidBatchEntryId", 400, False),
    errors.BatchRequestTooLong: ("AWS.SimpleQueueService.BatchRequestTooLong", "BatchRequestTooLong", 400, False),
    errors.OverLimit: ("OverLimit", "OverLimit", 403, True),
    errors.PurgeQueueInProgress: ("AWS.SimpleQueueService.PurgeQueueInProgress", "PurgeQueueInProgress", 403, False),
    errors.UnsupportedOperation: ("AWS.SimpleQueueService.UnsupportedOperation", "UnsupportedOperation", 400, False),
    errors.SerializationException: ("MalformedInput", "SerializationException", 400, False),
    errors.ResourceNotFoundException: ("ResourceNotFoundException", "ResourceNotFoundException", 404, True),
    errors.RequestThrottled: ("RequestThrottled", "RequestThrottled", 403, True),
    errors.InternalFailure: ("InternalFailure", "InternalFailure", 500, False),
    errors.MessageNotInflight: ("AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight", 400, False),
    errors.InvalidAddress: ("InvalidAddress", "InvalidAddress", 404, True),
    errors.InvalidIdFormat: ("InvalidIdFormat", "InvalidIdFormat", 400, False),
    errors.InvalidSecurity: ("InvalidSecurity", "InvalidSecurity", 400, True),
    errors.KmsDisabled: ("KMS.DisabledException", "KmsDisabled", 400, False),
    errors.KmsInvalidState: ("KMS.InvalidStateException", "KmsInvalidState", 400, False),
    errors.KmsNotFound: ("KMS.NotFoundException", "KmsNotFound", 400, False),
    errors.KmsOptInRequired: ("KMS.OptInRequired", "KmsOptInRequired", 400, False),
    errors.KmsThrottled: ("KMS.ThrottlingException", "KmsThrottled", 400, False),
    errors.KmsAccessDenied: ("KMS.AccessDeniedException", "KmsAccessDenied", 400, False),
    errors.KmsInvalidKeyUsage: ("KMS.InvalidKeyUsageException", "KmsInvalidKeyUsage", 400, False),
}  # fmt: skip


@pytest.fixture
def shapes() -> dict[type[errors.SqsError], tuple[str, str, int, bool]]:
    return SHAPES


@pytest.fixture
def world() -> minisqs.World:
    return minisqs.World(seed=1)


@pytest.fixture
def queue(world: minisqs.World) -> minisqs.Queue:
    return world.create_queue("orders")


@pytest.fixture
def pass_ns(world: minisqs.World) -> Callable[[int], None]:
    """Lets whole nanoseconds pass: ``advance`` takes seconds, and no float tells one nanosecond from the next."""
    return lambda ns: world.sqs.kernel.run_until(world.clock.now_ns + ns)


Refused = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def refused(world: minisqs.World) -> Refused:
    """``with refused(error_class, text):``: exactly that error, boto3's shape of it, and the world as it was."""

    @contextmanager
    def look(error_class: type[errors.SqsError], text: str | None, world: minisqs.World = world) -> Iterator[Any]:
        before = state(world)
        with pytest.raises(error_class) as caught:
            yield caught
        error = caught.value
        assert type(error) is error_class
        assert text is None or error.message == text
        code, json_name, status, beside = SHAPES[error_class]
        assert error.code == code
        response = error.response
        assert response["Error"] == {
            "Message": error.message, "Code": code, "QueryErrorCode": json_name, "Type": "Sender",
        }  # fmt: skip
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert response["ResponseMetadata"]["RequestId"]
        assert response.get("message") == (error.message if beside else None)
        assert state(world) == before
        world.check_invariants()

    return look


def state(world: minisqs.World) -> object:
    """Everything that a refused call must leave alone."""
    service = world.sqs.service
    queues = [
        (
            queue.name, queue.number, queue.settings, queue.modified_ns, queue.purged_ns, queue.sequence, queue.counts(world.clock.now_ns),
            [
                (message.sequence, message.state, message.deadline_ns, message.receive_count, message.body)
                for message in queue.look(world.clock.now_ns)
            ],
        )
        for queue in service.queues()
    ]  # fmt: skip
    return world.clock.now_ns, queues, dict(service._sent), dict(service._deleted_ns)
