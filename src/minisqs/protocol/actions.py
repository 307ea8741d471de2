"""The 23 actions of SQS as dictionaries, in AWS's names and shapes (sqs.md 14).

``answer`` is the whole of it: the name of an action and its parameters in, the answer out; a refusal is
raised as ``SqsError``. Bytes come as bytes or as base64 text, and are answered as bytes; a result that is
empty leaves its key out. What stands behind is the port, or whatever has its methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from .. import errors
from ..engine import answers, checks, digests
from ..engine.message import NO_EXTRAS, Delivery, Message
from ..engine.redrive import MoveTask
from ..engine.values import BatchAnswer, ReceiveMessage
from ..limits import MILLISECOND_NS
from .parameters import Parameters

Answer: TypeAlias = dict[str, Any]
Sqs: TypeAlias = Any
"""The port: it lies on this floor's other side, so it is not named here."""


def answer(sqs: Sqs, action: str, parameters: Mapping[str, object]) -> Answer:
    """What AWS answers to one request, without ResponseMetadata.

    Raises:
        SqsError: AWS's refusal.
    """
    act = ACTIONS.get(action)
    if act is None:
        raise errors.UnsupportedOperation(f"The action {action} is not valid for this web service.")
    return act(sqs, Parameters(parameters))


# ----------------------------------------------------------------------------------------------- messages
def _send_message(sqs: Sqs, given: Parameters) -> Answer:
    request = given.message()
    return _sent(sqs, sqs.send_message(given.required("QueueUrl"), request))


def _send_message_batch(sqs: Sqs, given: Parameters) -> Answer:
    queue_url = given.required("QueueUrl")
    entries = given.entries("SendMessageBatchRequestEntry")
    requests = [(entry.required("Id"), entry.message()) for entry in entries]
    return _batch(sqs.send_message_batch(queue_url, requests), lambda message: _sent(sqs, message))


def _receive_message(sqs: Sqs, given: Parameters) -> Answer:
    request, names, wanted = ReceiveMessage(), [], None
    if len(given) > 1:  # more than the queue
        request = ReceiveMessage(
            given.integer("MaxNumberOfMessages"),
            given.integer("VisibilityTimeout"),
            given.integer("WaitTimeSeconds"),
            given.text("ReceiveRequestAttemptId"),
        )
        names = [*given.texts("AttributeNames"), *given.texts("MessageSystemAttributeNames")]
        wanted = checks.attribute_filter(given.texts("MessageAttributeNames"))
    queue_url = given.required("QueueUrl")
    deliveries = sqs.receive_message(queue_url, request)
    return _unless_empty("Messages", [_received(sqs, queue_url, one, names, wanted) for one in deliveries])


def _delete_message(sqs: Sqs, given: Parameters) -> Answer:
    handle = given.text("ReceiptHandle")
    sqs.delete_message(given.required("QueueUrl"), handle or "")
    return {}


def _delete_message_batch(sqs: Sqs, given: Parameters) -> Answer:
    queue_url = given.required("QueueUrl")
    entries = given.entries("DeleteMessageBatchRequestEntry")
    handles = [(entry.required("Id"), entry.text("ReceiptHandle") or "") for entry in entries]
    return _batch(sqs.delete_message_batch(queue_url, handles), lambda _: {})


def _change_message_visibility(sqs: Sqs, given: Parameters) -> Answer:
    queue_url, handle = given.required("QueueUrl"), given.text("ReceiptHandle")
    timeout = given.integer("VisibilityTimeout")
    if timeout is None:
        raise errors.MissingParameter.named("VisibilityTimeout")
    sqs.change_message_visibility(queue_url, handle or "", timeout)
    return {}


def _change_message_visibility_batch(sqs: Sqs, given: Parameters) -> Answer:
    queue_url = given.required("QueueUrl")
    changes = [
        (entry.required("Id"), entry.text("ReceiptHandle") or "", entry.integer("VisibilityTimeout"))
        for entry in given.entries("ChangeMessageVisibilityBatchRequestEntry")
    ]
    return _batch(sqs.change_message_visibility_batch(queue_url, changes), lambda _: {})


def _sent(sqs: Sqs, message: Message) -> Answer:
    extras = message.extras
    sent = {"MD5OfMessageBody": message.md5_of_body, "MessageId": sqs.message_id(message)}
    if extras is NO_EXTRAS:
        return sent
    if extras.attributes:
        sent["MD5OfMessageAttributes"] = digests.of_attributes(extras.attributes)
    if extras.system_attributes:
        sent["MD5OfMessageSystemAttributes"] = digests.of_attributes(extras.system_attributes)
    if extras.deduplication_id is not None:
        sent["SequenceNumber"] = message.sequence_number
    return sent


def _received(
    sqs: Sqs, queue_url: str, delivery: Delivery, names: list[str], wanted: Callable[[str], bool] | None
) -> Answer:
    message = delivery.message
    shown: Answer = {
        "MessageId": sqs.message_id(message),
        "ReceiptHandle": sqs.receipt_handle(queue_url, delivery),
        "MD5OfBody": message.md5_of_body,
        "Body": message.body,
    }
    if names:
        attributes = answers.system_attributes(delivery, sqs.sender_id)
        asked = {name: value for name, value in attributes.items() if "All" in names or name in names}
        shown.update(_unless_empty("Attributes", asked))
    returned = answers.message_attributes(delivery, wanted)
    if returned:
        shown["MD5OfMessageAttributes"] = digests.of_attributes(returned)
        shown["MessageAttributes"] = {
            name: {
                "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue": attribute.value,
                "DataType": attribute.data_type,
            }
            for name, attribute in returned.items()
        }
    return shown


def _batch(done: BatchAnswer[Any], show: Callable[[Any], Answer]) -> Answer:
    successful = [{"Id": entry_id, **show(one)} for entry_id, one in done.successful]
    failed = [
        {
            "Id": entry_id,
            "SenderFault": not isinstance(error, errors.InternalFailure),
            "Code": error.code,
            "Message": error.message,
        }
        for entry_id, error in done.failed
    ]
    return _unless_empty("Successful", successful) | _unless_empty("Failed", failed)


def _unless_empty(name: str, value: Any) -> Answer:
    return {name: value} if value else {}


# ------------------------------------------------------------------------------------------------- queues
def _create_queue(sqs: Sqs, given: Parameters) -> Answer:
    tags = given.text_map("tags") or given.text_map("Tags")
    queue = sqs.create_queue(given.required("QueueName"), given.text_map("Attributes"), tags)
    return {"QueueUrl": queue.url}


def _delete_queue(sqs: Sqs, given: Parameters) -> Answer:
    sqs.delete_queue(given.required("QueueUrl"))
    return {}


def _get_queue_url(sqs: Sqs, given: Parameters) -> Answer:
    return {"QueueUrl": sqs.get_queue_url(given.required("QueueName"), given.text("QueueOwnerAWSAccountId"))}


def _list_queues(sqs: Sqs, given: Parameters) -> Answer:
    queues, token = sqs.list_queues(
        given.text("QueueNamePrefix") or "",
        max_results=given.integer("MaxResults"),
        next_token=given.text("NextToken"),
    )
    return _unless_empty("QueueUrls", [queue.url for queue in queues]) | _unless_empty("NextToken", token)


def _list_dead_letter_source_queues(sqs: Sqs, given: Parameters) -> Answer:
    queues, token = sqs.list_dead_letter_source_queues(
        given.required("QueueUrl"), max_results=given.integer("MaxResults"), next_token=given.text("NextToken")
    )
    return {"queueUrls": [queue.url for queue in queues]} | _unless_empty("NextToken", token)


def _get_queue_attributes(sqs: Sqs, given: Parameters) -> Answer:
    names = given.texts("AttributeNames")
    return _unless_empty("Attributes", sqs.get_queue_attributes(given.required("QueueUrl"), names))


def _set_queue_attributes(sqs: Sqs, given: Parameters) -> Answer:
    sqs.set_queue_attributes(given.required("QueueUrl"), given.text_map("Attributes"))
    return {}


def _purge_queue(sqs: Sqs, given: Parameters) -> Answer:
    sqs.purge_queue(given.required("QueueUrl"))
    return {}


# ----------------------------------------------------------------------------------- tags and permissions
def _tag_queue(sqs: Sqs, given: Parameters) -> Answer:
    sqs.tag_queue(given.required("QueueUrl"), given.text_map("Tags"))
    return {}


def _untag_queue(sqs: Sqs, given: Parameters) -> Answer:
    sqs.untag_queue(given.required("QueueUrl"), given.texts("TagKeys"))
    return {}


def _list_queue_tags(sqs: Sqs, given: Parameters) -> Answer:
    return _unless_empty("Tags", sqs.list_queue_tags(given.required("QueueUrl")))


def _add_permission(sqs: Sqs, given: Parameters) -> Answer:
    account_ids, actions = given.texts("AWSAccountIds"), given.texts("Actions")
    sqs.add_permission(given.required("QueueUrl"), given.required("Label"), account_ids, actions)
    return {}


def _remove_permission(sqs: Sqs, given: Parameters) -> Answer:
    sqs.remove_permission(given.required("QueueUrl"), given.required("Label"))
    return {}


# --------------------------------------------------------------------------------------------- move tasks
def _start_message_move_task(sqs: Sqs, given: Parameters) -> Answer:
    rate = given.integer("MaxNumberOfMessagesPerSecond")
    task = sqs.start_message_move_task(given.required("SourceArn"), given.text("DestinationArn"), rate)
    return {"TaskHandle": task.handle}


def _list_message_move_tasks(sqs: Sqs, given: Parameters) -> Answer:
    tasks = sqs.list_message_move_tasks(given.required("SourceArn"), given.integer("MaxResults"))
    return {"Results": [_move_task(task) for task in tasks]}


def _cancel_message_move_task(sqs: Sqs, given: Parameters) -> Answer:
    return {"ApproximateNumberOfMessagesMoved": sqs.cancel_message_move_task(given.required("TaskHandle")).moved}


def _move_task(task: MoveTask) -> Answer:
    shown: Answer = {"TaskHandle": task.handle} if task.status == "RUNNING" else {}
    shown |= {"Status": task.status, "SourceArn": task.source.arn}
    if task.destination_arn is not None:
        shown["DestinationArn"] = task.destination_arn
    if task.rate is not None:
        shown["MaxNumberOfMessagesPerSecond"] = task.rate
    shown["ApproximateNumberOfMessagesMoved"] = task.moved
    shown["ApproximateNumberOfMessagesToMove"] = task.to_move
    if task.failure_reason:
        shown["FailureReason"] = task.failure_reason
    return shown | {"StartedTimestamp": task.started_ns // MILLISECOND_NS}


ACTIONS: Final[Mapping[str, Callable[[Sqs, Parameters], Answer]]] = {
    "AddPermission": _add_permission,
    "CancelMessageMoveTask": _cancel_message_move_task,
    "ChangeMessageVisibility": _change_message_visibility,
    "ChangeMessageVisibilityBatch": _change_message_visibility_batch,
    "CreateQueue": _create_queue,
    "DeleteMessage": _delete_message,
    "DeleteMessageBatch": _delete_message_batch,
    "DeleteQueue": _delete_queue,
    "GetQueueAttributes": _get_queue_attributes,
    "GetQueueUrl": _get_queue_url,
    "ListDeadLetterSourceQueues": _list_dead_letter_source_queues,
    "ListMessageMoveTasks": _list_message_move_tasks,
    "ListQueueTags": _list_queue_tags,
    "ListQueues": _list_queues,
    "PurgeQueue": _purge_queue,
    "ReceiveMessage": _receive_message,
    "RemovePermission": _remove_permission,
    "SendMessage": _send_message,
    "SendMessageBatch": _send_message_batch,
    "SetQueueAttributes": _set_queue_attributes,
    "StartMessageMoveTask": _start_message_move_task,
    "TagQueue": _tag_queue,
    "UntagQueue": _untag_queue,
}
"""What each action does, by AWS's name."""
