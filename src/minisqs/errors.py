"""Every exception that a user of minisqs can meet, and who is to blame for it.

``AwsError`` is what AWS would answer, ``SqsError`` or ``LambdaError``: one class for each error shape, spelt
as AWS spells it, with boto3's ``response``. ``InvocationFailed`` is how Lambda ends a handler. ``UsageError``
says that minisqs was called wrongly. ``NeverSettled`` says that a run does not come to rest.
``EscapedSimulation`` says that simulated code reached for the real world. An ``AssertionError`` out of minisqs
is our bug.
"""

from __future__ import annotations

from typing import Any, ClassVar

from . import limits

_SERVER_FAULT = 500
"""HTTP statuses from here on are AWS's own fault."""


class MinisqsError(Exception):
    """The base of every error that minisqs raises on purpose."""


class UsageError(MinisqsError, ValueError):
    """minisqs itself was called wrongly; no AWS call would look like this."""


class NeverSettled(MinisqsError):
    """The world does not come to rest; the message names what keeps it busy."""


class EscapedSimulation(MinisqsError):
    """Simulated code touched real time, a real thread, a connection or another process."""


class ConnectionLost(MinisqsError, ConnectionError):
    """The connection broke before the answer came: the caller cannot know whether SQS has done it."""

    def __init__(self, message: str = "Connection was closed before we received a valid response.") -> None:
        super().__init__(message)


class Interrupted(BaseException):
    """Thrown into a process's code by the fault ``interrupt`` or ``Worker.stop``, as a signal handler that raises would."""


class CheckFailed(AssertionError):
    """A finding: the user's consumer is wrong. Not an error of anybody else's.

    Attributes:
        report: The story, with ``verdict``, ``expected``, ``got``, ``faults``, ``timeline``, ``token``, ``text()``.
    """

    def __init__(self, report: Any) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return str(self.report)


class ProofIncomplete(MinisqsError):
    """The runs that a proof may make are used up, and not every schedule is covered: nothing is proved."""


class AwsError(MinisqsError):
    """What AWS would answer.

    Attributes:
        code: As boto3 shows it in ``response["Error"]["Code"]``; of SQS, the query code.
        http_status: The HTTP status of the answer.
        message: AWS's text.
        operation_name: The action that was refused, once a call has been refused.
        request_id: The id of the refused call.
    """

    service: ClassVar[str] = "AWS"
    code: ClassVar[str] = ""
    http_status: ClassVar[int] = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.operation_name = ""
        self.request_id = ""

    def __str__(self) -> str:
        operation = self.operation_name or self.service
        return f"An error occurred ({self.code}) when calling the {operation} operation: {self.message}"


class SqsError(AwsError):
    """What SQS would answer.

    Attributes:
        json_name: The name in the JSON protocol, boto3's ``QueryErrorCode``.
    """

    service = "SQS"
    json_name: ClassVar[str] = ""
    message_beside_error: ClassVar[bool] = False
    """Whether boto3 repeats the text as a top-level ``message`` (sqs.md 1.1)."""

    @property
    def response(self) -> dict[str, object]:
        """The answer as boto3 gives it on ``ClientError.response``."""
        blamed = "Sender" if self.http_status < _SERVER_FAULT else "Receiver"
        answer: dict[str, object] = {
            "Error": {
                "Message": self.message,
                "Code": self.code,
                "QueryErrorCode": self.json_name,
                "Type": blamed,
            },
            "ResponseMetadata": {
                "RequestId": self.request_id,
                "HTTPStatusCode": self.http_status,
                "HTTPHeaders": {
                    "x-amzn-requestid": self.request_id,
                    "x-amzn-query-error": f"{self.code};{blamed}",
                    "content-type": "application/x-amz-json-1.0",
                },
                "RetryAttempts": 0,
            },
        }
        if self.message_beside_error:
            answer["message"] = self.message
        return answer


class QueueDoesNotExist(SqsError):
    """No queue of this account and region has that name."""

    code = "AWS.SimpleQueueService.NonExistentQueue"
    json_name = "QueueDoesNotExist"

    def __init__(self, message: str = "The specified queue does not exist.") -> None:
        super().__init__(message)


class QueueNameExists(SqsError):
    """A queue of that name exists with another value of an attribute."""

    code = "QueueAlreadyExists"
    json_name = "QueueNameExists"

    @classmethod
    def differing_in(cls, attribute: str) -> QueueNameExists:
        """The refusal that names the attribute in which the two differ."""
        return cls(f"A queue already exists with the same name and a different value for attribute {attribute}")


class QueueDeletedRecently(SqsError):
    """The name of a deleted queue is barred for 60 seconds."""

    code = "AWS.SimpleQueueService.QueueDeletedRecently"
    json_name = "QueueDeletedRecently"

    def __init__(
        self,
        message: str = "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ) -> None:
        super().__init__(message)


class InvalidAttributeName(SqsError):
    """An attribute that this queue does not have, or that cannot be set."""

    code = json_name = "InvalidAttributeName"
    message_beside_error = True

    @classmethod
    def unknown(cls, name: str) -> InvalidAttributeName:
        """The refusal of a name that is not an attribute here."""
        return cls(f"Unknown Attribute {name}.")


class InvalidAttributeValue(SqsError):
    """A queue attribute with a value outside its range or form."""

    code = json_name = "InvalidAttributeValue"
    message_beside_error = True

    @classmethod
    def of(cls, name: str, reason: str = "") -> InvalidAttributeValue:
        """The refusal of one attribute's value."""
        return cls(f"Invalid value for the parameter {name}." + (f" Reason: {reason}" if reason else ""))


class InvalidParameterValue(SqsError):
    """A parameter with a value that AWS refuses; not a modelled shape, so boto3 raises plain ``ClientError``."""

    code = "InvalidParameterValue"
    json_name = "InvalidParameterValueException"

    @classmethod
    def of(cls, parameter: str, value: object, reason: str) -> InvalidParameterValue:
        """AWS's usual grammar: the value, its parameter, the reason."""
        return cls(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")

    @classmethod
    def too_long(cls, limit: int) -> InvalidParameterValue:
        """The refusal of a message over the queue's MaximumMessageSize, sent alone."""
        return cls(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")

    @classmethod
    def too_long_in_batch(cls, limit: int) -> InvalidParameterValue:
        """The same in a batch, where AWS words it otherwise (sqs.md 12.4)."""
        return cls(f"One or more parameters cannot be validated. Reason: Message must be shorter than {limit} bytes.")


class MissingParameter(SqsError):
    """A required parameter is missing or empty; not a modelled shape."""

    code = "MissingParameter"
    json_name = "MissingRequiredParameterException"

    @classmethod
    def named(cls, parameter: str) -> MissingParameter:
        """The refusal that names what is missing."""
        return cls(f"The request must contain the parameter {parameter}.")


class InvalidMessageContents(SqsError):
    """A body with a character that XML 1.0 does not allow."""

    code = json_name = "InvalidMessageContents"
    message_beside_error = True

    @classmethod
    def character(cls, character: str) -> InvalidMessageContents:
        """The refusal that names the first forbidden character."""
        return cls(
            f"Invalid binary character '#x{ord(character):X}' was found in the message body, the set of allowed "
            "characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
        )


class ReceiptHandleIsInvalid(SqsError):
    """Not a receipt handle that this queue has given out."""

    code = json_name = "ReceiptHandleIsInvalid"
    http_status = 404
    message_beside_error = True

    @classmethod
    def malformed(cls, handle: str) -> ReceiptHandleIsInvalid:
        """The refusal of a text that no queue has ever given out."""
        return cls(f'The input receipt handle "{handle}" is not a valid receipt handle.')

    @classmethod
    def of_another_queue(cls, handle: str) -> ReceiptHandleIsInvalid:
        """The refusal of a handle that belongs elsewhere."""
        return cls(f'The receipt handle "{handle}" is not valid for this queue.')


class TooManyEntriesInBatchRequest(SqsError):
    """More than ten entries in one batch."""

    code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    json_name = "TooManyEntriesInBatchRequest"

    @classmethod
    def sent(cls, count: int) -> TooManyEntriesInBatchRequest:
        """The refusal that says how many were sent."""
        return cls(f"Maximum number of entries per request are {limits.BATCH_ENTRIES}. You have sent {count}.")


class EmptyBatchRequest(SqsError):
    """A batch without an entry."""

    code = "AWS.SimpleQueueService.EmptyBatchRequest"
    json_name = "EmptyBatchRequest"

    @classmethod
    def of(cls, entry_name: str) -> EmptyBatchRequest:
        """The refusal that names the kind of entry."""
        return cls(f"There should be at least one {entry_name} in the request.")


class BatchEntryIdsNotDistinct(SqsError):
    """Two entries of one batch with the same Id."""

    code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    json_name = "BatchEntryIdsNotDistinct"

    @classmethod
    def repeated(cls, entry_id: str) -> BatchEntryIdsNotDistinct:
        """The refusal that names the first Id that occurred before."""
        return cls(f"Id {entry_id} repeated.")


class InvalidBatchEntryId(SqsError):
    """An entry Id outside 1 to 80 letters, digits, hyphens and underscores."""

    code = "AWS.SimpleQueueService.InvalidBatchEntryId"
    json_name = "InvalidBatchEntryId"

    def __init__(
        self,
        message: str = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long.",
    ) -> None:
        super().__init__(message)


class BatchRequestTooLong(SqsError):
    """The messages of one batch are over 1,048,576 bytes together."""

    code = "AWS.SimpleQueueService.BatchRequestTooLong"
    json_name = "BatchRequestTooLong"

    @classmethod
    def sent(cls, size_bytes: int) -> BatchRequestTooLong:
        """The refusal that says how many bytes were sent."""
        return cls(
            f"Batch requests cannot be longer than {limits.BATCH_BYTES} bytes. You have sent {size_bytes} bytes."
        )


class OverLimit(SqsError):
    """A quota is used up, such as the messages in flight."""

    code = json_name = "OverLimit"
    http_status = 403
    message_beside_error = True

    @classmethod
    def in_flight(cls) -> OverLimit:
        """The refusal of a short poll at the in-flight limit."""
        return cls(
            "Too many messages have been received without being deleted. "
            "Please delete your received messages or let them timeout before receiving more."
        )


class PurgeQueueInProgress(SqsError):
    """A second purge within 60 seconds."""

    code = "AWS.SimpleQueueService.PurgeQueueInProgress"
    json_name = "PurgeQueueInProgress"
    http_status = 403

    @classmethod
    def on(cls, queue_name: str) -> PurgeQueueInProgress:
        """The refusal that names the queue."""
        return cls(f"Only one PurgeQueue operation on {queue_name} is allowed every 60 seconds.")


class UnsupportedOperation(SqsError):
    """An action or a kind of queue that is not available."""

    code = "AWS.SimpleQueueService.UnsupportedOperation"
    json_name = "UnsupportedOperation"


class SerializationException(SqsError):
    """A JSON value of the wrong type; boto3 refuses these by itself, before AWS sees them."""

    code = "MalformedInput"
    json_name = "SerializationException"


class RequestThrottled(SqsError):
    """More calls than a quota allows."""

    code = json_name = "RequestThrottled"
    http_status = 403
    message_beside_error = True

    def __init__(self, message: str = "Request is throttled.") -> None:
        super().__init__(message)


class InternalFailure(SqsError):
    """A fault of SQS's own, which did nothing: try again. One of AWS's common errors, in no model of a service."""

    code = json_name = "InternalFailure"
    http_status = 500

    def __init__(
        self, message: str = "The request processing has failed because of an unknown error, exception or failure."
    ) -> None:
        super().__init__(message)


class ResourceNotFoundException(SqsError):
    """What a message move task refers to does not exist."""

    code = json_name = "ResourceNotFoundException"
    http_status = 404
    message_beside_error = True

    @classmethod
    def of(cls, parameter: str) -> ResourceNotFoundException:
        """The refusal that names the parameter with the unknown ARN."""
        return cls(f"The resource that you specified for the {parameter} parameter doesn't exist.")


class MessageNotInflight(SqsError):
    """Modelled by AWS; nobody has seen it."""

    code = "AWS.SimpleQueueService.MessageNotInflight"
    json_name = "MessageNotInflight"


class InvalidAddress(SqsError):
    """Modelled by AWS: an address that is not an endpoint's; minisqs has one endpoint and never gives it."""

    code = json_name = "InvalidAddress"
    http_status = 404
    message_beside_error = True


class InvalidIdFormat(SqsError):
    """Modelled by AWS; minisqs never gives it."""

    code = json_name = "InvalidIdFormat"


class InvalidSecurity(SqsError):
    """Modelled by AWS: a request that is not signed as it must be; minisqs checks no signature."""

    code = json_name = "InvalidSecurity"
    message_beside_error = True


class KmsAccessDenied(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.AccessDeniedException"
    json_name = "KmsAccessDenied"


class KmsDisabled(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.DisabledException"
    json_name = "KmsDisabled"


class KmsInvalidKeyUsage(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.InvalidKeyUsageException"
    json_name = "KmsInvalidKeyUsage"


class KmsInvalidState(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.InvalidStateException"
    json_name = "KmsInvalidState"


class KmsNotFound(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.NotFoundException"
    json_name = "KmsNotFound"


class KmsOptInRequired(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.OptInRequired"
    json_name = "KmsOptInRequired"


class KmsThrottled(SqsError):
    """Modelled by AWS; minisqs has no KMS that could refuse."""

    code = "KMS.ThrottlingException"
    json_name = "KmsThrottled"


# ----------------------------------------------------------------------------------------------------- Lambda
class LambdaError(AwsError):
    """What Lambda's API would answer."""

    service = "Lambda"
    spelling: ClassVar[str] = "message"
    """How the model of the shape spells the text beside ``Type``; empty for an error that is not modelled."""

    @property
    def response(self) -> dict[str, object]:
        """The answer as boto3 gives it on ``ClientError.response``."""
        answer: dict[str, object] = {
            "Error": {"Message": self.message, "Code": self.code},
            "ResponseMetadata": {
                "RequestId": self.request_id,
                "HTTPStatusCode": self.http_status,
                "HTTPHeaders": {
                    "x-amzn-requestid": self.request_id,
                    "x-amzn-errortype": self.code,
                    "content-type": "application/json",
                },
                "RetryAttempts": 0,
            },
        }
        if self.spelling:
            answer |= {"Type": "User", self.spelling: self.message}
        return answer


class ValidationException(LambdaError):
    """A number or a text outside the range that the service model has for it; not a modelled shape."""

    code = "ValidationException"
    spelling = ""

    @classmethod
    def of(cls, value: object, member: str, constraint: str) -> ValidationException:
        """AWS's general form for one member."""
        return cls(
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must {constraint}"
        )

    @classmethod
    def out_of_range(cls, value: int, member: str, allowed: limits.Range) -> ValidationException:
        """The refusal of a number below or above what the member may have."""
        below = value < allowed.lowest
        bound = f"greater than or equal to {allowed.lowest}" if below else f"less than or equal to {allowed.highest}"
        return cls.of(value, member, f"have value {bound}")


class InvalidParameterValueException(LambdaError):
    """A parameter that Lambda refuses."""

    code = "InvalidParameterValueException"


class ResourceConflictException(LambdaError):
    """What is to be created exists already."""

    code = "ResourceConflictException"
    http_status = 409


class ResourceInUseException(LambdaError):
    """An event source mapping that passes from one state to another."""

    code = "ResourceInUseException"
    spelling = "Message"


class ResourceDoesNotExist(LambdaError):
    """Lambda's ResourceNotFoundException; SQS has one of that name too."""

    code = "ResourceNotFoundException"
    http_status = 404
    spelling = "Message"

    def __init__(self, message: str = "The resource you requested does not exist.") -> None:
        super().__init__(message)


class TooManyRequestsException(LambdaError):
    """An invocation was throttled: no concurrency is left for the function."""

    code = "TooManyRequestsException"
    http_status = 429

    def __init__(self, message: str = "Rate Exceeded.") -> None:
        super().__init__(message)


class InvocationFailed(MinisqsError):
    """How Lambda ended a handler that did not raise an exception itself.

    Attributes:
        error_type: ``Sandbox.Timedout``, ``Runtime.ExitError`` or ``Runtime.MarshalError``.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
