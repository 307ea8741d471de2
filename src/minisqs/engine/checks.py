"""From a raw request to a valid one, or to the AWS error that no state of a queue could change.

Plain functions on values. Seconds become nanoseconds here and nowhere else. The order of the checks is
AWS's as far as it is known (sqs.md 14); a value of the wrong JSON type is refused before all else, as a
JSON service does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Final, TypeAlias

from .. import errors, limits
from ..limits import SECOND_NS, Range
from .attributes import FifoSettings, Settings
from .values import MessageAttribute, MessageToSend, RawAttributes, ReceiveMessage, SendMessage

_FORBIDDEN_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ARN: Final = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")
_TAG: Final = re.compile(r"[\w\s_.:/=+@-]*")
_FIFO_NAME: Final = re.compile(r"(?=.{1,80}\Z)[A-Za-z0-9_-]+\.fifo", re.DOTALL)
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_COUNTED_IDS: Final = list("0123456789")
_IDENTIFIER: Final = re.compile(r"[\x21-\x7e]{1,128}")
_ATTRIBUTE_NAME: Final = re.compile("[A-Za-z0-9_.\\-\u00c0-\u017f]+")
_ATTRIBUTE_TYPE: Final = re.compile(r"(String|Number|Binary)(\..*)?", re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)

_TAG_KEY_LENGTH_RULE: Final = "Tag keys must be between 1 and 128 characters in length."
_PLAIN_NAME_RULE: Final = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
_NOT_FOR_THIS_QUEUE_TYPE: Final = "The request include parameter that is not valid for this queue type."
_NO_DEDUPLICATION_ID: Final = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)
_FIFO_NAME_RULE: Final = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length"
)


CheckedMessage: TypeAlias = tuple[
    str, int, Mapping[str, MessageAttribute] | None, Mapping[str, MessageAttribute] | None, str | None, str | None, int
]
"""What a queue stores of a message: its body, delay in nanoseconds, message attributes, system attributes,
group id and deduplication id; and its size in bytes. A bare tuple, since every send makes one."""


# ---------------------------------------------------------------------------------------------- JSON types
def text(value: object) -> str:
    """``value``, which must be a JSON string."""
    if not isinstance(value, str):
        raise _wrong_type(value, "a String")
    return value


def integer(value: object) -> int:
    """``value``, which must be a whole JSON number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(value, "an Integer")
    if not -(1 << 63) <= value < 1 << 63:
        raise errors.SerializationException("NUMBER_VALUE can not be converted to an Integer")
    return value


def texts(values: object) -> Sequence[str]:
    """``values``, which must be a JSON list of strings."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise _wrong_type(values, "a List")
    return [text(value) for value in values]


def text_map(values: object) -> Mapping[str, str]:
    """``values``, which must be a JSON map of strings."""
    if not isinstance(values, Mapping):
        raise _wrong_type(values, "a Map")
    return {text(key): text(value) for key, value in values.items()}


def _wrong_type(value: object, wanted: str) -> errors.SerializationException:
    if isinstance(value, Mapping):
        return errors.SerializationException("Start of structure or map found where not expected.")
    if isinstance(value, (list, tuple, set, frozenset)):
        return errors.SerializationException("Start of list found where not expected")
    if isinstance(value, bool):
        found = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, (int, float)):
        found = "NUMBER_VALUE"
    else:
        found = {type(None): "NULL_VALUE", str: "STRING_VALUE"}.get(type(value), "BLOB_VALUE")
    return errors.SerializationException(f"{found} can not be converted to {wanted}")


# --------------------------------------------------------------------------------------------------- names
def queue_name(name: object, *, fifo: bool) -> str:
    """A name that a queue may have; a FIFO queue's ends in ``.fifo``."""
    name = text(name)
    if fifo and not _FIFO_NAME.fullmatch(name):
        raise errors.InvalidParameterValue(_FIFO_NAME_RULE)
    if not fifo and not _QUEUE_NAME.fullmatch(name):
        raise errors.InvalidParameterValue(_PLAIN_NAME_RULE)
    return name


def receipt_handle(handle: object) -> str:
    """A handle that is there at all; its form is the queue's affair."""
    handle = text(handle)
    if not handle:
        raise errors.MissingParameter.named("ReceiptHandle")
    return handle


# ------------------------------------------------------------------------------------------------- receive
def receive(request: ReceiveMessage, settings: Settings) -> tuple[int, int | None, int]:
    """How many messages a poll wants, for how long it hides them (None: the queue's timeout), how long it waits."""
    limit, visibility_ns, wait_ns = 1, None, settings.wait_ns
    wanted = request.max_number_of_messages
    if wanted is not None:
        limit = wanted if type(wanted) is int and 1 <= wanted <= 10 else _max_number_of_messages(wanted)
    if request.visibility_timeout is not None:
        rule = "Must be >= 0 and <= 43200, if provided."
        visibility_ns = SECOND_NS * _in_range(
            request.visibility_timeout, "VisibilityTimeout", limits.VISIBILITY_TIMEOUT, rule
        )
    if request.wait_time_seconds is not None:
        rule = "Must be >= 0 and <= 20, if provided."
        wait_ns = SECOND_NS * _in_range(request.wait_time_seconds, "WaitTimeSeconds", limits.WAIT_TIME_SECONDS, rule)
    return limit, visibility_ns, wait_ns


def _max_number_of_messages(value: object) -> int:
    rule = "Must be between 1 and 10, if provided."
    return _in_range(value, "MaxNumberOfMessages", limits.MAX_NUMBER_OF_MESSAGES, rule)


def change_visibility_ns(value: object, *, in_batch: bool = False) -> int:
    """ChangeMessageVisibility's 0 to 43,200 seconds, as nanoseconds."""
    rule = "VisibilityTimeout must be an integer between 0 and 43200." if in_batch else "Must be between 0 and 43200."
    return SECOND_NS * _in_range(value, "VisibilityTimeout", limits.VISIBILITY_TIMEOUT, rule)


def max_results(value: object) -> int:
    """1 to 1,000 queues a page."""
    value = integer(value)
    if value not in limits.MAX_RESULTS:
        raise errors.InvalidParameterValue(
            "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."
        )
    return value


def move_task_results(value: object) -> int:
    """1 to 10 move tasks."""
    value = integer(value)
    if value not in limits.MOVE_TASK_RESULTS:
        raise errors.InvalidParameterValue(
            "Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10."
        )
    return value


def messages_per_second(value: object) -> int:
    """1 to 500 messages a second."""
    value = integer(value)
    if value not in limits.MESSAGES_PER_SECOND:
        raise errors.InvalidParameterValue(
            "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
            "Reason: You must enter a number that's between 1 and 500."
        )
    return value


def arn(parameter: str, value: object) -> str:
    """A text in the form of an ARN."""
    value = text(value)
    if not _ARN.fullmatch(value):
        raise errors.InvalidParameterValue(
            f"You must use this format to specify the {parameter}: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
    return value


def attribute_filter(names: object) -> Callable[[str], bool] | None:
    """Which message attributes a receive asked for, as a question by name; None where it asked for none.

    ``All``, ``.*`` and ``*`` are all of them, ``Hel.*`` those that begin with ``Hel``, others exact names.
    """
    if names == ():
        return None
    wanted = texts(names)
    if not wanted:
        return None
    if not {"All", ".*", "*"}.isdisjoint(wanted):
        return lambda name: True
    prefixes = tuple(name[:-2] for name in wanted if name.endswith(".*"))
    return lambda name: name in wanted or name.startswith(prefixes)


def _in_range(value: object, parameter: str, permitted: Range, rule: str) -> int:
    if type(value) is int and permitted[0] <= value <= permitted[1]:
        return value
    raise errors.InvalidParameterValue.of(parameter, integer(value), rule)


# ------------------------------------------------------------------------------------------------- batches
def batch_ids(ids: Sequence[str], entry_name: str) -> None:
    """Refuse a batch that is empty, too long, or whose Ids are malformed or repeated."""
    if ids == _COUNTED_IDS[: len(ids)] and ids:
        return  # what our own client gives to its entries
    if not ids:
        raise errors.EmptyBatchRequest.of(entry_name)
    if len(ids) > limits.BATCH_ENTRIES:
        raise errors.TooManyEntriesInBatchRequest.sent(len(ids))
    if not all(map(_ENTRY_ID.fullmatch, map(text, ids))):
        raise errors.InvalidBatchEntryId
    if len(set(ids)) < len(ids):
        raise errors.BatchEntryIdsNotDistinct.repeated(next(one for place, one in enumerate(ids) if one in ids[:place]))


def batch_size(total_bytes: int) -> None:
    """Refuse a batch over 1,048,576 bytes in all, whatever the queue's own maximum."""
    if total_bytes > limits.BATCH_BYTES:
        raise errors.BatchRequestTooLong.sent(total_bytes)


# ---------------------------------------------------------------------------------------------------- tags
def tags(given: object, present: Mapping[str, str], queue_name: str) -> dict[str, str]:
    """The tags of a queue once ``given`` is merged into those that are present (sqs.md 14.22)."""
    merged = {**present, **text_map(given)}
    for key, value in merged.items():
        if not 1 <= len(key) <= limits.TAG_KEY_LENGTH:
            raise errors.InvalidParameterValue(_TAG_KEY_LENGTH_RULE)
        if not _TAG.fullmatch(key):
            raise errors.InvalidParameterValue(
                "Tag keys may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"
            )
        if len(value) > limits.TAG_VALUE_LENGTH or not _TAG.fullmatch(value):
            raise errors.InvalidParameterValue(
                f"Tag values must be at most {limits.TAG_VALUE_LENGTH} characters in length, and may only contain "
                "unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"
            )
    if len(merged) > limits.TAGS:
        raise errors.InvalidParameterValue(f"Too many tags added for queue {queue_name}.")
    return merged


def tag_keys(keys: object) -> Sequence[str]:
    """The keys of tags to take away, of which there must be one."""
    wanted = texts(keys)
    if not wanted or not all(1 <= len(key) <= limits.TAG_KEY_LENGTH for key in wanted):
        raise errors.InvalidParameterValue(_TAG_KEY_LENGTH_RULE)
    return wanted


# ------------------------------------------------------------------------------------------------ messages
def message(request: MessageToSend, size: int, settings: Settings, batch_entry: int = 0) -> CheckedMessage:
    """What a queue with ``settings`` stores of ``request``, which has ``size`` bytes.

    ``batch_entry`` counts from 1 within a batch. Checks in AWS's order: body missing, group id, deduplication
    id, delay, attributes, characters, size.
    """
    if isinstance(request, str):
        if settings.fifo is None and request:
            _body(request, size, settings, batch_entry)
            return request, settings.delay_ns, None, None, None, None, size
        request = SendMessage(request)
    body = request.body
    if not body:
        parameter = f"SendMessageBatchRequestEntry.{batch_entry}.MessageBody" if batch_entry else "MessageBody"
        raise errors.MissingParameter.named(parameter)
    delay_ns = settings.delay_ns
    deduplication_id = None
    if settings.fifo is not None:
        deduplication_id = _fifo_message(request, settings.fifo)
    elif request.message_group_id is not None or request.message_deduplication_id is not None:
        _standard_message(request)
    if request.delay_seconds is not None:
        delay_ns = _message_delay_ns(request.delay_seconds, settings)
    attributes = system_attributes = None
    if request.message_attributes:
        attributes = message_attributes(request.message_attributes, "user")
    if request.message_system_attributes:
        system_attributes = message_attributes(request.message_system_attributes, "system")
    _body(body, size, settings, batch_entry)
    return body, delay_ns, attributes, system_attributes, request.message_group_id, deduplication_id, size


def _body(body: str, size: int, settings: Settings, batch_entry: int) -> None:
    """Refuse forbidden characters, and a message that is too large for its queue."""
    if not body.isprintable():  # printable text has no forbidden character, and is told quickly
        characters(body)
    if size > settings.maximum_message_size:
        refusal = errors.InvalidParameterValue
        raise (refusal.too_long_in_batch if batch_entry else refusal.too_long)(settings.maximum_message_size)


def _standard_message(request: SendMessage) -> None:
    """Refuse ids that a standard queue does not take."""
    if request.message_group_id is not None:
        _identifier("MessageGroupId", request.message_group_id)
    if request.message_deduplication_id is not None:
        raise errors.InvalidParameterValue.of(
            "MessageDeduplicationId",
            request.message_deduplication_id,
            "The request includes a parameter that is not valid for this queue type.",
        )


def _fifo_message(request: SendMessage, fifo: FifoSettings) -> str:
    """The deduplication id of a message for a FIFO queue, given or the SHA-256 of its body."""
    if request.message_group_id is None:
        raise errors.MissingParameter.named("MessageGroupId")
    _identifier("MessageGroupId", request.message_group_id)
    if request.message_deduplication_id is not None:
        _identifier("MessageDeduplicationId", request.message_deduplication_id)
        return request.message_deduplication_id
    if not fifo.content_based_deduplication:
        raise errors.InvalidParameterValue(_NO_DEDUPLICATION_ID)
    return sha256(request.body.encode("utf-8", "surrogatepass")).hexdigest()


def fifo_batch(requests: Iterable[MessageToSend], fifo: FifoSettings) -> None:
    """Refuse a whole batch for a FIFO queue in which an entry lacks an id (sqs.md 7.1, 7.2)."""
    for request in requests:
        if isinstance(request, str) or request.message_group_id is None:
            raise errors.InvalidParameterValue(errors.MissingParameter.named("MessageGroupId").message)
        if request.message_deduplication_id is None and not fifo.content_based_deduplication:
            raise errors.InvalidParameterValue(_NO_DEDUPLICATION_ID)


def receive_request_attempt_id(value: str, settings: Settings) -> str:
    """The id of a receive that may be repeated, which only FIFO queues take."""
    if settings.fifo is None:
        raise errors.InvalidParameterValue.of("ReceiveRequestAttemptId", value, _NOT_FOR_THIS_QUEUE_TYPE)
    _identifier("ReceiveRequestAttemptId", text(value))
    return value


def _identifier(parameter: str, value: str) -> None:
    """Refuse a message group id or the like outside its 1 to 128 characters."""
    if not _IDENTIFIER.fullmatch(value):
        rule = f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        raise errors.InvalidParameterValue.of(parameter, value, rule)


def _message_delay_ns(seconds: int, settings: Settings) -> int:
    """The delay of a message that brings its own, 0 to 900 seconds; on FIFO queues the queue's stays."""
    if settings.fifo is not None:
        if seconds:
            raise errors.InvalidParameterValue.of("DelaySeconds", seconds, _NOT_FOR_THIS_QUEUE_TYPE)
        return settings.delay_ns
    rule = "DelaySeconds must be >= 0 and <= 900."
    return SECOND_NS * _in_range(seconds, "DelaySeconds", limits.DELAY_SECONDS, rule)


def characters(body: str) -> None:
    """Refuse a text with a character that XML 1.0 does not allow."""
    if found := _FORBIDDEN_CHARACTER.search(body):
        raise errors.InvalidMessageContents.character(found.group())


def message_bytes(request: MessageToSend) -> int:
    """The size AWS counts: the body, and name, type and value of each message attribute.

    Refuses a request in which a value has another JSON type than AWS's model.
    """
    if isinstance(request, str):
        return len(request) if request.isascii() else _utf8_length(request)
    if not isinstance(request, SendMessage):
        raise _wrong_type(request, "a String")
    size = _utf8_length(text(request.body))
    if request.delay_seconds is not None:
        integer(request.delay_seconds)
    if request.message_attributes is not None:
        size += _attribute_bytes(request.message_attributes)
    if request.message_system_attributes is not None:
        _attribute_bytes(request.message_system_attributes)
    if request.message_group_id is not None:
        text(request.message_group_id)
    if request.message_deduplication_id is not None:
        text(request.message_deduplication_id)
    return size


def _attribute_bytes(attributes: RawAttributes) -> int:
    _attribute_types(attributes)
    size = 0
    for name, attribute in attributes.items():
        parts = [part for part in attribute.values() if isinstance(part, (str, bytes, bytearray))]
        size += _utf8_length(name) + sum(map(_utf8_length, parts))
    return size


def _utf8_length(value: str | bytes | bytearray) -> int:
    return len(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else len(value)


# ---------------------------------------------------------------------------------------------- attributes
def message_attributes(raw: RawAttributes, kind: str) -> Mapping[str, MessageAttribute]:
    """The attributes of one message, checked; ``kind`` is ``user`` or ``system``, as AWS's texts say it."""
    if len(raw) > limits.MESSAGE_ATTRIBUTES:
        raise errors.InvalidParameterValue(
            f"Number of message attributes [{len(raw)}] exceeds the allowed maximum [{limits.MESSAGE_ATTRIBUTES}]."
        )
    checked = {}
    for name, value in raw.items():
        _attribute_name(name, kind)
        checked[name] = _attribute(name, value, kind)
    return checked


def _attribute_types(raw: object) -> None:
    if not isinstance(raw, Mapping):
        raise _wrong_type(raw, "a Map")
    for name, value in raw.items():
        text(name)
        if not isinstance(value, Mapping):
            raise _wrong_type(value, "a Structure")
        for member in ("DataType", "StringValue"):
            if value.get(member) is not None:
                text(value[member])
        binary = value.get("BinaryValue")
        if binary is not None and not isinstance(binary, (bytes, bytearray)):
            raise _wrong_type(binary, "a Blob")


def _attribute_name(name: str, kind: str) -> None:
    refuse = errors.InvalidParameterValue
    if not name:
        raise refuse(f"The request must contain non-empty message ({kind}) attribute names.")
    if _utf8_length(name) > limits.ATTRIBUTE_NAME_LENGTH:
        raise refuse(f"Message ({kind}) attribute name must be shorter than {limits.ATTRIBUTE_NAME_LENGTH} bytes.")
    if kind == "system":
        if name != "AWSTraceHeader":
            raise refuse(f"Message system attribute name '{name}' is invalid.")
        return
    if name.lower().startswith(("aws.", "amazon.")):
        raise refuse(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon'. "
            "These strings are reserved for internal use."
        )
    if name.startswith("."):
        raise refuse("Message (user) attribute name must not begin with character '.'.")
    if name.endswith("."):
        raise refuse("Message (user) attribute name must not end with character '.'.")
    if ".." in name:
        raise refuse("Message (user) attribute name must not have successive '.' characters.")
    if not _ATTRIBUTE_NAME.fullmatch(name):
        raise refuse(
            "Message (user) attributes name can only contain upper and lower score characters, "
            "digits, periods, hyphens and underscores. "
        )


def _attribute(name: str, raw: Mapping[str, object], kind: str) -> MessageAttribute:
    refuse = errors.InvalidParameterValue
    attribute = f"essage ({kind}) attribute '{name}'"
    string, binary = raw.get("StringValue"), raw.get("BinaryValue")
    if raw.get("StringListValues") or raw.get("BinaryListValues"):
        raise refuse("Message attribute list values in SendMessage operation are not supported.")
    data_type, form = _data_type(raw.get("DataType"), attribute, kind)
    if string is None and binary is None:
        raise refuse(f"The m{attribute} must contain a non-empty message attribute value.")
    if string is not None and binary is not None:
        raise refuse(f"M{attribute} must have a single value.")
    value, field = (binary, "Binary") if form == "Binary" else (string, "String")
    if value is None:
        raise refuse(f"M{attribute} with type '{data_type}' must use field '{field}'.")
    if not value:
        raise refuse(f"M{attribute} must contain a non-empty value of type '{form}'.")
    if isinstance(value, (bytes, bytearray)):
        return MessageAttribute(data_type, bytes(value))
    value = text(value)
    if form == "Number":
        _number(name, value, kind)
    elif (found := _FORBIDDEN_CHARACTER.search(value)) is not None:
        raise refuse(f"Invalid binary character '#x{ord(found.group()):X}' was found in the m{attribute}.")
    return MessageAttribute(data_type, value)


def _data_type(data_type: object, attribute: str, kind: str) -> tuple[str, str]:
    """A data type, label included, and which of the three it is."""
    refuse = errors.InvalidParameterValue
    if not data_type:
        raise refuse(f"The m{attribute} must contain a non-empty message attribute type.")
    data_type = text(data_type)
    if _utf8_length(data_type) > limits.ATTRIBUTE_TYPE_LENGTH:
        raise refuse(f"Message ({kind}) attribute type must be shorter than {limits.ATTRIBUTE_TYPE_LENGTH} bytes.")
    form = _ATTRIBUTE_TYPE.fullmatch(data_type)
    if form is None or _FORBIDDEN_CHARACTER.search(data_type) or (kind == "system" and data_type != "String"):
        raise refuse(
            f"The type of m{attribute} is invalid. You must use only the following supported type prefixes: "
            "Binary, Number, String."
        )
    return data_type, form[1]


def _number(name: str, value: str, kind: str) -> None:
    """Refuse what is no number of at most 38 significant digits between 10^-128 and 10^126."""
    if _NUMBER.fullmatch(value):
        number = Decimal(value).copy_abs()
        significant = "".join(map(str, number.as_tuple().digits)).strip("0")
        in_range = not number or limits.NUMBER_LOWEST <= number <= limits.NUMBER_HIGHEST
        if in_range and len(significant) <= limits.NUMBER_DIGITS:
            return
    raise errors.InvalidParameterValue(f"Can't cast the value of message ({kind}) attribute '{name}' to a number.")
