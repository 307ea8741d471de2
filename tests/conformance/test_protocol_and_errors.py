"""The shape of answers and errors, as boto3 shows them; values of a wrong JSON type; what is missing or unknown."""

from __future__ import annotations

import re

import pytest

import minisqs
from minisqs import errors
from minisqs.protocol import actions

MODELLED = {
    # Class: JSON name, boto3's code, HTTP status, whether the text stands beside the error (sqs.md 1.1, 1.3)
    "QueueDoesNotExist": ("AWS.SimpleQueueService.NonExistentQueue", 400, False),
    "QueueNameExists": ("QueueAlreadyExists", 400, False),
    "QueueDeletedRecently": ("AWS.SimpleQueueService.QueueDeletedRecently", 400, False),
    "InvalidAttributeName": ("InvalidAttributeName", 400, True),
    "InvalidAttributeValue": ("InvalidAttributeValue", 400, True),
    "InvalidMessageContents": ("InvalidMessageContents", 400, True),
    "ReceiptHandleIsInvalid": ("ReceiptHandleIsInvalid", 404, True),
    "MessageNotInflight": ("AWS.SimpleQueueService.MessageNotInflight", 400, False),
    "TooManyEntriesInBatchRequest": ("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400, False),
    "EmptyBatchRequest": ("AWS.SimpleQueueService.EmptyBatchRequest", 400, False),
    "BatchEntryIdsNotDistinct": ("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400, False),
    "InvalidBatchEntryId": ("AWS.SimpleQueueService.InvalidBatchEntryId", 400, False),
    "BatchRequestTooLong": ("AWS.SimpleQueueService.BatchRequestTooLong", 400, False),
    "OverLimit": ("OverLimit", 403, True),
    "PurgeQueueInProgress": ("AWS.SimpleQueueService.PurgeQueueInProgress", 403, False),
    "UnsupportedOperation": ("AWS.SimpleQueueService.UnsupportedOperation", 400, False),
    "ResourceNotFoundException": ("ResourceNotFoundException", 404, True),
    "RequestThrottled": ("RequestThrottled", 403, True),
    "InvalidAddress": ("InvalidAddress", 404, True),
    "InvalidIdFormat": ("InvalidIdFormat", 400, False),
    "InvalidSecurity": ("InvalidSecurity", 400, True),
    "KmsDisabled": ("KMS.DisabledException", 400, False),
    "KmsInvalidState": ("KMS.InvalidStateException", 400, False),
    "KmsNotFound": ("KMS.NotFoundException", 400, False),
    "KmsOptInRequired": ("KMS.OptInRequired", 400, False),
    "KmsThrottled": ("KMS.ThrottlingException", 400, False),
    "KmsAccessDenied": ("KMS.AccessDeniedException", 400, False),
    "KmsInvalidKeyUsage": ("KMS.InvalidKeyUsageException", 400, False),
}


@pytest.mark.parametrize("name", MODELLED)
def test_every_modelled_error_is_an_exception_of_the_client_with_its_code_and_status(client, name):
    """sqs.md 1.1, 1.3"""
    code, status, beside = MODELLED[name]
    error = getattr(client.exceptions, name)("text") if name != "QueueNameExists" else errors.QueueNameExists("text")
    assert isinstance(error, client.exceptions.ClientError)
    assert error.response["Error"] == {
        "Message": "text",
        "Code": code,
        "QueryErrorCode": name,
        "Type": "Sender",
    }
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert ("message" in error.response) == beside
    if beside:
        assert error.response["message"] == "text"


@pytest.mark.parametrize("name", ["InvalidParameterValueException", "MissingRequiredParameterException", "Nonsense"])
def test_an_error_that_is_not_modelled_is_no_exception_of_the_client(client, name):
    """sqs.md 1.2"""
    with pytest.raises(AttributeError):
        getattr(client.exceptions, name)


def test_an_error_that_is_not_modelled_is_caught_as_client_error(world, client):
    """sqs.md 1.2"""
    with pytest.raises(client.exceptions.ClientError) as raised:
        client.create_queue(QueueName="no/slash")
    assert raised.value.response["Error"] == {
        "Message": "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        "Code": "InvalidParameterValue",
        "QueryErrorCode": "InvalidParameterValueException",
        "Type": "Sender",
    }
    assert "message" not in raised.value.response


def test_an_unknown_queue_is_refused_as_boto3_shows_it(client):
    """sqs.md 1.1, 1.3"""
    with pytest.raises(client.exceptions.QueueDoesNotExist) as raised:
        client.send_message(QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/none", MessageBody="m")
    error = raised.value
    assert error.response["Error"] == {
        "Message": "The specified queue does not exist.",
        "Code": "AWS.SimpleQueueService.NonExistentQueue",
        "QueryErrorCode": "QueueDoesNotExist",
        "Type": "Sender",
    }
    assert error.operation_name == "SendMessage"
    assert str(error) == (
        "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the SendMessage operation: "
        "The specified queue does not exist."
    )
    metadata = error.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert metadata["HTTPHeaders"]["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_every_answer_has_response_metadata_with_an_id_of_its_own(client):
    """sqs.md 1.5"""
    url = client.create_queue(QueueName="q")["QueueUrl"]
    answers = [client.list_queues(), client.receive_message(QueueUrl=url), client.purge_queue(QueueUrl=url)]
    metadata = [answer["ResponseMetadata"] for answer in answers]
    for one in metadata:
        assert one["HTTPStatusCode"] == 200
        assert one["RetryAttempts"] == 0
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one["RequestId"])
        assert one["HTTPHeaders"]["x-amzn-requestid"] == one["RequestId"]
    assert len({one["RequestId"] for one in metadata}) == 3


def test_an_empty_result_leaves_its_key_out(client):
    """sqs.md 1.5"""
    assert client.list_queues().keys() == {"ResponseMetadata"}
    url = client.create_queue(QueueName="q")["QueueUrl"]
    assert client.receive_message(QueueUrl=url).keys() == {"ResponseMetadata"}
    assert client.list_queue_tags(QueueUrl=url).keys() == {"ResponseMetadata"}
    assert client.get_queue_attributes(QueueUrl=url).keys() == {"ResponseMetadata"}
    assert client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).keys() == {"ResponseMetadata"}
    sent = client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "m"}])
    assert sent.keys() == {"ResponseMetadata", "Successful"}
    failed = client.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "bad"}])
    assert failed.keys() == {"ResponseMetadata", "Failed"}


def test_move_tasks_and_dead_letter_sources_are_empty_lists_where_there_are_none(client):
    """sqs.md 1.5 (U5)"""
    url = client.create_queue(QueueName="q")["QueueUrl"]
    assert client.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"] == []
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert client.list_message_move_tasks(SourceArn=arn)["Results"] == []


def test_a_failed_entry_of_a_batch_has_the_query_code(client):
    """sqs.md 1.3"""
    url = client.create_queue(QueueName="q")["QueueUrl"]
    answer = client.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "bad"}])
    assert answer["Failed"] == [
        {
            "Id": "1",
            "Code": "ReceiptHandleIsInvalid",
            "SenderFault": True,
            "Message": 'The input receipt handle "bad" is not a valid receipt handle.',
        }
    ]


NUMBER = "can not be converted to a String"
TEXT = "can not be converted to an Integer"
LIST = "Start of list found where not expected"
MAP = "Start of structure or map found where not expected."


@pytest.mark.parametrize(
    ("action", "parameters", "text"),
    [
        ("SendMessage", {"MessageBody": 7}, f"NUMBER_VALUE {NUMBER}"),
        ("SendMessage", {"MessageBody": True}, f"TRUE_VALUE {NUMBER}"),
        ("SendMessage", {"MessageBody": ["m"]}, LIST),
        ("SendMessage", {"MessageBody": {"a": "m"}}, MAP),
        ("SendMessage", {"MessageBody": "m", "DelaySeconds": "5"}, f"STRING_VALUE {TEXT}"),
        ("SendMessage", {"MessageBody": "m", "DelaySeconds": False}, f"FALSE_VALUE {TEXT}"),
        ("SendMessage", {"MessageBody": "m", "DelaySeconds": [5]}, LIST),
        ("SendMessage", {"MessageBody": "m", "DelaySeconds": {}}, MAP),
        ("SendMessage", {"MessageBody": "m", "MessageGroupId": 1}, f"NUMBER_VALUE {NUMBER}"),
        ("SendMessage", {"MessageBody": "m", "MessageAttributes": ["a"]}, LIST),
        ("SendMessage", {"MessageBody": "m", "MessageAttributes": {"a": ["b"]}}, LIST),
        (
            "SendMessage",
            {"MessageBody": "m", "MessageAttributes": {"a": {"DataType": "String", "StringValue": 1}}},
            f"NUMBER_VALUE {NUMBER}",
        ),
        ("SendMessageBatch", {"Entries": [["a"]]}, LIST),
        ("SendMessageBatch", {"Entries": [{"Id": "1", "MessageBody": ["a"]}]}, LIST),
        ("ReceiveMessage", {"MaxNumberOfMessages": "10"}, f"STRING_VALUE {TEXT}"),
        ("ReceiveMessage", {"AttributeNames": {"a": "b"}}, MAP),
        ("ReceiveMessage", {"AttributeNames": ["All", 7]}, f"NUMBER_VALUE {NUMBER}"),
        ("ReceiveMessage", {"ReceiveRequestAttemptId": ["a"]}, LIST),
        ("ChangeMessageVisibility", {"ReceiptHandle": "h", "VisibilityTimeout": "5"}, f"STRING_VALUE {TEXT}"),
        (
            "ChangeMessageVisibilityBatch",
            {"Entries": [{"Id": "1", "ReceiptHandle": "h", "VisibilityTimeout": "5"}]},
            f"STRING_VALUE {TEXT}",
        ),
        ("DeleteMessage", {"ReceiptHandle": {}}, MAP),
        ("DeleteMessageBatch", {"Entries": [{"Id": 1, "ReceiptHandle": "h"}]}, f"NUMBER_VALUE {NUMBER}"),
        ("SetQueueAttributes", {"Attributes": {"DelaySeconds": 5}}, f"NUMBER_VALUE {NUMBER}"),
        ("SetQueueAttributes", {"Attributes": ["DelaySeconds"]}, LIST),
        ("TagQueue", {"Tags": {"a": 1}}, f"NUMBER_VALUE {NUMBER}"),
        ("UntagQueue", {"TagKeys": {"a": "b"}}, MAP),
        ("AddPermission", {"Label": "l", "AWSAccountIds": [1], "Actions": ["*"]}, f"NUMBER_VALUE {NUMBER}"),
        ("ListDeadLetterSourceQueues", {"MaxResults": "1"}, f"STRING_VALUE {TEXT}"),
        ("DeleteQueue", {"QueueUrl": ["q"]}, LIST),
    ],
)
def test_a_value_of_another_json_type_is_malformed_input(world, action, parameters, text):
    """sqs.md 1.3"""
    world.create_queue("q")
    with pytest.raises(errors.SerializationException) as raised:
        actions.answer(world.sqs, action, {"QueueUrl": "q", **parameters})
    assert raised.value.message == text
    assert raised.value.response["Error"]["Code"] == "MalformedInput"
    assert raised.value.response["Error"]["QueryErrorCode"] == "SerializationException"
    assert world.queue("q").counts == (0, 0, 0)


def test_null_is_the_same_as_left_out(world):
    """sqs.md 1.3 (chosen)"""
    world.create_queue("q")
    answer = actions.answer(
        world.sqs, "SendMessage", {"QueueUrl": "q", "MessageBody": "m", "DelaySeconds": None, "MessageGroupId": None}
    )
    assert answer.keys() == {"MD5OfMessageBody", "MessageId"}


def test_a_member_that_the_model_does_not_have_is_without_effect_in_the_protocol(world):
    """sqs.md 1.1 (chosen)"""
    world.create_queue("q")
    actions.answer(world.sqs, "SendMessage", {"QueueUrl": "q", "MessageBody": "m", "Nonsense": {"a": [1]}})
    assert world.queue("q").counts.visible == 1


def test_a_parameter_that_the_model_does_not_have_is_refused_by_the_client_itself(world, client):
    """sqs.md 1.1: boto3 raises ParamValidationError, no ClientError"""
    world.create_queue("q")
    with pytest.raises(minisqs.errors.UsageError, match="Unknown parameter in input: 'Body'"):
        client.send_message(QueueUrl="q", Body="m")
    with pytest.raises(TypeError, match="only accepts keyword arguments"):
        client.send_message("q", "m")


def test_a_binary_value_comes_as_base64_where_json_has_no_bytes(world):
    """sqs.md 1.1, 11.9"""
    world.create_queue("q")

    def send(value):
        attributes = {"a": {"DataType": "Binary", "BinaryValue": value}}
        return actions.answer(
            world.sqs, "SendMessage", {"QueueUrl": "q", "MessageBody": "m", "MessageAttributes": attributes}
        )["MD5OfMessageAttributes"]

    assert send("AAEC") == send(b"\x00\x01\x02")
    with pytest.raises(errors.SerializationException):
        send("no base64!")


def test_an_action_that_does_not_exist_is_an_unsupported_operation(world):
    """sqs.md 1.4"""
    with pytest.raises(errors.UnsupportedOperation) as raised:
        actions.answer(world.sqs, "MakeCoffee", {})
    assert raised.value.code == "AWS.SimpleQueueService.UnsupportedOperation"
