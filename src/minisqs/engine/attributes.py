"""A queue's attributes: texts on the outside, typed settings on the inside (sqs.md 3).

``changed`` takes what CreateQueue or SetQueueAttributes brought and gives the settings after it, or
refuses all of it; ``texts`` gives the settings back as GetQueueAttributes shows them. What only the
other queues can tell (does the dead-letter queue exist, does it allow this source) is asked of the
``Neighbours`` that the service passes in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import attrs

from .. import errors, limits
from ..limits import SECOND_NS, Range
from .values import RedriveAllowPolicy, RedrivePolicy


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@attrs.frozen(kw_only=True)
class FifoSettings:
    """The attributes that only FIFO queues have."""

    content_based_deduplication: bool = False
    deduplication_scope: str = "queue"
    throughput_limit: str = "perQueue"


@attrs.frozen(kw_only=True)
class Settings:
    """The attributes of one queue that a caller can set. Times in nanoseconds."""

    delay_ns: int = limits.DELAY_SECONDS.default * SECOND_NS
    maximum_message_size: int = limits.MAXIMUM_MESSAGE_SIZE.default
    retention_ns: int = limits.MESSAGE_RETENTION_PERIOD.default * SECOND_NS
    wait_ns: int = limits.RECEIVE_MESSAGE_WAIT_TIME_SECONDS.default * SECOND_NS
    visibility_timeout_ns: int = limits.VISIBILITY_TIMEOUT.default * SECOND_NS
    policy: str = attrs.field(default="", eq=_json)
    redrive_policy: RedrivePolicy | None = None
    redrive_allow_policy: RedriveAllowPolicy | None = None
    fifo: FifoSettings | None = None
    kms_master_key_id: str = ""
    kms_data_key_reuse_period_seconds: int = limits.KMS_DATA_KEY_REUSE_PERIOD_SECONDS.default
    sqs_managed_sse_enabled: bool = True


class Neighbours(Protocol):
    """What a redrive policy asks of the other queues of the account."""

    def has_queue(self, arn: str) -> bool:
        """Whether ``arn`` is a queue of this account and region."""
        ...

    def allows_source(self, arn: str, source_arn: str) -> bool:
        """Whether the queue ``arn`` lets ``source_arn`` use it as its dead-letter queue."""
        ...


@attrs.frozen
class _Context:
    """What a reader may look at: the queue as it is, and the others."""

    queue_arn: str
    settings: Settings
    neighbours: Neighbours

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.queue_arn.endswith(".fifo")


Change: TypeAlias = Mapping[str, object]
_Reader: TypeAlias = Callable[[str, _Context], Change]


def changed(settings: Settings, attributes: Mapping[str, str], *, queue_arn: str, neighbours: Neighbours) -> Settings:
    """``settings`` with ``attributes`` applied: all of them, or none and an error.

    Raises:
        InvalidAttributeName: Not an attribute that can be set on this queue.
        InvalidAttributeValue, InvalidParameterValue: A value out of range or form.
    """
    if not attributes:
        return settings
    context = _Context(queue_arn, settings, neighbours)
    changes: dict[str, object] = {}
    for name, value in attributes.items():
        changes.update(_reader(name)(value, context))
    changes.update(_encryption(changes))
    fifo = {field: changes.pop(field) for field in _FIFO_FIELDS if field in changes}
    # The readers give values of the fields' own types; attrs cannot tell a checker so.
    if settings.fifo is not None:
        changes["fifo"] = attrs.evolve(settings.fifo, **fifo)  # type: ignore[arg-type]
        _check_throughput(changes["fifo"])
    return attrs.evolve(settings, **changes)  # type: ignore[arg-type]


def _reader(name: str) -> _Reader:
    reader = _READERS.get(name)
    if reader is None:
        raise errors.InvalidAttributeName.unknown(name)
    return reader


def differing(
    settings: Settings, attributes: Mapping[str, str], *, queue_arn: str, neighbours: Neighbours
) -> str | None:
    """The first of ``attributes`` whose value is not that of ``settings``; None if all agree (sqs.md 14.5).

    Each is checked by itself: beside the queue's other values it stands, alone it might not.

    Raises:
        InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue: As ``changed``.
    """
    context = _Context(queue_arn, settings, neighbours)
    read = {name: dict(_reader(name)(value, context)) for name, value in attributes.items()}
    for name, changes in read.items():
        fifo = {field: changes.pop(field) for field in _FIFO_FIELDS if field in changes}
        if fifo and settings.fifo is not None:
            changes["fifo"] = attrs.evolve(settings.fifo, **fifo)  # type: ignore[arg-type]
        if attrs.evolve(settings, **changes) != settings:  # type: ignore[arg-type]
            return name
    return None


def texts(settings: Settings) -> dict[str, str]:
    """The attributes that are set, by AWS's names, as GetQueueAttributes answers them."""
    shown = {
        "DelaySeconds": str(settings.delay_ns // SECOND_NS),
        "MaximumMessageSize": str(settings.maximum_message_size),
        "MessageRetentionPeriod": str(settings.retention_ns // SECOND_NS),
        "ReceiveMessageWaitTimeSeconds": str(settings.wait_ns // SECOND_NS),
        "VisibilityTimeout": str(settings.visibility_timeout_ns // SECOND_NS),
        "SqsManagedSseEnabled": "true" if settings.sqs_managed_sse_enabled else "false",
    }
    if settings.policy:
        shown["Policy"] = settings.policy
    if settings.redrive_policy:
        shown["RedrivePolicy"] = settings.redrive_policy.text
    if settings.redrive_allow_policy:
        shown["RedriveAllowPolicy"] = settings.redrive_allow_policy.text
    if settings.kms_master_key_id:
        shown["KmsMasterKeyId"] = settings.kms_master_key_id
        shown["KmsDataKeyReusePeriodSeconds"] = str(settings.kms_data_key_reuse_period_seconds)
    if settings.fifo:
        shown["FifoQueue"] = "true"
        shown["ContentBasedDeduplication"] = "true" if settings.fifo.content_based_deduplication else "false"
        shown["DeduplicationScope"] = settings.fifo.deduplication_scope
        shown["FifoThroughputLimit"] = settings.fifo.throughput_limit
    return shown


# ------------------------------------------------------------------------------------ numbers, booleans, texts
def _seconds(name: str, field: str, permitted: Range) -> _Reader:
    return lambda text, _: {field: _whole_number(name, text, permitted) * SECOND_NS}


def _number(name: str, field: str, permitted: Range) -> _Reader:
    return lambda text, _: {field: _whole_number(name, text, permitted)}


def _whole_number(name: str, text: str, permitted: Range) -> int:
    if re.fullmatch(r"-?[0-9]{1,10}", text) and (value := int(text)) in permitted:
        return value
    raise errors.InvalidAttributeValue.of(name)


def _boolean(name: str, text: str) -> bool:
    """AWS reads booleans in any letter case."""
    if text.lower() not in ("true", "false"):
        raise errors.InvalidAttributeValue.of(name)
    return text.lower() == "true"


def _sse(text: str, _: _Context) -> Change:
    return {"sqs_managed_sse_enabled": _boolean("SqsManagedSseEnabled", text)}


def _kms_key(text: str, _: _Context) -> Change:
    return {"kms_master_key_id": text}


def _encryption(changes: Change) -> Change:
    """One kind of encryption at a time: a KMS key turns SQS's own off, and the other way round."""
    if changes.get("kms_master_key_id"):
        if changes.get("sqs_managed_sse_enabled"):
            raise errors.InvalidAttributeName(
                "You can use one type of server-side encryption (SSE) at one time. "
                "You can either enable KMS SSE or SQS SSE."
            )
        return {"sqs_managed_sse_enabled": False}
    return {"kms_master_key_id": ""} if changes.get("sqs_managed_sse_enabled") else {}


# ------------------------------------------------------------------------------------------------------ FIFO
_FIFO_FIELDS: Final = ("content_based_deduplication", "deduplication_scope", "throughput_limit")


def _fifo_queue(text: str, context: _Context) -> Change:
    if not context.fifo:
        raise errors.InvalidAttributeName.unknown("FifoQueue")
    if not _boolean("FifoQueue", text):
        raise errors.InvalidAttributeValue.of("FifoQueue", "Modifying queue type is not supported.")
    return {}


def _content_based_deduplication(text: str, context: _Context) -> Change:
    if not context.fifo:
        raise errors.InvalidAttributeName.unknown("ContentBasedDeduplication")
    return {"content_based_deduplication": _boolean("ContentBasedDeduplication", text)}


def _fifo_choice(name: str, field: str, values: Sequence[str]) -> _Reader:
    def read(text: str, context: _Context) -> Change:
        if not context.fifo:
            raise errors.InvalidAttributeName(f"You can specify the {name} only when FifoQueue is set to true.")
        if text not in values:
            raise errors.InvalidAttributeValue.of(name)
        return {field: text}

    return read


def _check_throughput(fifo: object) -> None:
    assert isinstance(fifo, FifoSettings), "the settings of a FIFO queue stay that"
    if fifo.throughput_limit == "perMessageGroupId" and fifo.deduplication_scope != "messageGroup":
        raise errors.InvalidAttributeValue(
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup"
        )


# ----------------------------------------------------------------------------------------- redrive policies
def _redrive_policy(text: str, context: _Context) -> Change:
    if not text:
        return {"redrive_policy": None}
    document = _json(text)
    if not isinstance(document, dict):
        raise errors.InvalidAttributeValue.of("RedrivePolicy", "Redrive policy is not a valid JSON map.")
    for key in ("maxReceiveCount", "deadLetterTargetArn"):
        if key not in document:
            raise _refused(text, f"Redrive policy does not contain mandatory attribute: {key}.")
    if len(document) > len(("maxReceiveCount", "deadLetterTargetArn")):
        raise _refused(text, "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].")
    given = document["maxReceiveCount"]
    count = int(given) if isinstance(given, str) and re.fullmatch(r"[0-9]{1,6}", given) else given
    if isinstance(count, bool) or count not in limits.MAX_RECEIVE_COUNT:
        shown = given if isinstance(given, str) else json.dumps(given)
        raise _refused(
            text, f"Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
        )
    target = document["deadLetterTargetArn"]
    _check_target(text, target, context)
    # A count that came as text reads back as a number; all else of the policy reads back as it was set.
    shown = text if given is count else re.sub(r'("maxReceiveCount"\s*:\s*)"[0-9]+"', rf"\g<1>{count}", text)
    return {"redrive_policy": RedrivePolicy(target, count, shown)}


def _check_target(text: str, target: object, context: _Context) -> None:
    if not isinstance(target, str) or target.split(":")[2:3] != ["sqs"]:
        raise _refused(text, "Only SQS queues are valid resources for deadLetterTargetArn.")
    if target.endswith(".fifo") != context.queue_arn.endswith(".fifo"):
        raise _refused(text, "Dead-letter queue must be same type of queue as the source..")
    present = context.settings.redrive_policy
    if target == context.queue_arn or (present and target == present.dead_letter_target_arn):
        return  # a link that is there survives what becomes of its target (sqs.md 3.8, 9.6)
    if not context.neighbours.has_queue(target):
        raise _refused(text, "Dead letter target does not exist.")
    if not context.neighbours.allows_source(target, context.queue_arn):
        raise _refused(text, "Dead letter target does not allow this queue as a source.")


def _refused(text: str, reason: str, attribute: str = "RedrivePolicy") -> errors.InvalidParameterValue:
    return errors.InvalidParameterValue.of(attribute, text, reason)


def _redrive_allow_policy(text: str, _: _Context) -> Change:
    if not text:
        return {"redrive_allow_policy": None}
    document = _json(text)
    arns = _allow_policy_arns(document)
    if arns is None or not isinstance(document, dict):
        raise errors.InvalidAttributeValue.of(
            "RedriveAllowPolicy",
            "Amazon SQS can't create the redrive allow policy, as it\N{RIGHT SINGLE QUOTATION MARK}s in an unsupported format.",
        )
    permission = document["redrivePermission"]
    if permission == "byQueue" and not arns:
        raise _refused(
            text,
            "Amazon SQS can't create the redrive allow policy. When you specify the byQueue permission type, "
            "you must also specify one or more sourceQueueArns values.",
            "RedriveAllowPolicy",
        )
    if len(arns) > limits.REDRIVE_SOURCE_ARNS:
        raise _refused(
            text,
            "Amazon SQS can't create the redrive allow policy. "
            f"The maximum number of source queue ARNs you can specify is {limits.REDRIVE_SOURCE_ARNS}.",
            "RedriveAllowPolicy",
        )
    if arns and permission != "byQueue":
        raise _refused(
            text,
            "Amazon SQS can't create the redrive allow policy. "
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
            "RedriveAllowPolicy",
        )
    return {"redrive_allow_policy": RedriveAllowPolicy(permission, tuple(arns), text)}


def _allow_policy_arns(document: object) -> Sequence[str] | None:
    """The queues that an allow policy lists; None where it has another form than AWS reads."""
    if not isinstance(document, dict) or not document.keys() <= {"redrivePermission", "sourceQueueArns"}:
        return None
    if document.get("redrivePermission") not in ("allowAll", "denyAll", "byQueue"):
        return None
    arns = document.get("sourceQueueArns", [])
    if not isinstance(arns, list) or not all(isinstance(arn, str) for arn in arns):
        return None
    return arns


# --------------------------------------------------------------------------------------------- access policy
def _policy(text: str, _: _Context) -> Change:
    if not text:
        return {"policy": ""}
    document = _json(text)
    statements = _statements(document)
    if not statements or len(text.encode("utf-8", "surrogatepass")) > limits.POLICY_BYTES:
        raise errors.InvalidAttributeValue.of("Policy")
    if len(statements) > limits.POLICY_STATEMENTS:
        raise errors.InvalidAttributeValue(
            f"{len(statements)} statements were found in the submitted policy, max allowed is {limits.POLICY_STATEMENTS}"
        )
    return {"policy": text}


def _statements(document: object) -> Sequence[object]:
    """The statements of a policy document; none where it is no policy."""
    if not isinstance(document, dict) or not document.keys() <= {"Version", "Id", "Statement"}:
        return ()
    if document.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        return ()
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    return listed if all(_is_statement(one) for one in listed) else ()


def _is_statement(one: object) -> bool:
    """Whether a statement of a policy has AWS's names, and no more of anything than AWS takes."""
    known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if not isinstance(one, dict) or not one or not one.keys() <= known:
        return False
    principal = one.get("Principal")
    principals = principal.get("AWS") if isinstance(principal, dict) else principal
    counted = (
        (one.get("Action"), limits.PERMISSION_ACTIONS),
        (principals, limits.POLICY_PRINCIPALS),
        (one.get("Condition"), limits.POLICY_CONDITIONS),
    )
    return all(len(many) <= most for many, most in counted if isinstance(many, (list, dict)))


_READERS: Final[Mapping[str, _Reader]] = {
    "DelaySeconds": _seconds("DelaySeconds", "delay_ns", limits.DELAY_SECONDS),
    "MaximumMessageSize": _number("MaximumMessageSize", "maximum_message_size", limits.MAXIMUM_MESSAGE_SIZE),
    "MessageRetentionPeriod": _seconds("MessageRetentionPeriod", "retention_ns", limits.MESSAGE_RETENTION_PERIOD),
    "ReceiveMessageWaitTimeSeconds": _seconds(
        "ReceiveMessageWaitTimeSeconds", "wait_ns", limits.RECEIVE_MESSAGE_WAIT_TIME_SECONDS
    ),
    "VisibilityTimeout": _seconds("VisibilityTimeout", "visibility_timeout_ns", limits.VISIBILITY_TIMEOUT),
    "Policy": _policy,
    "RedrivePolicy": _redrive_policy,
    "RedriveAllowPolicy": _redrive_allow_policy,
    "KmsMasterKeyId": _kms_key,
    "KmsDataKeyReusePeriodSeconds": _number(
        "KmsDataKeyReusePeriodSeconds", "kms_data_key_reuse_period_seconds", limits.KMS_DATA_KEY_REUSE_PERIOD_SECONDS
    ),
    "SqsManagedSseEnabled": _sse,
    "FifoQueue": _fifo_queue,
    "ContentBasedDeduplication": _content_based_deduplication,
    "DeduplicationScope": _fifo_choice("DeduplicationScope", "deduplication_scope", ("queue", "messageGroup")),
    "FifoThroughputLimit": _fifo_choice("FifoThroughputLimit", "throughput_limit", ("perQueue", "perMessageGroupId")),
}
