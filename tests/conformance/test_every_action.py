"""The 23 actions: the keys of each answer, the parameters that each requires, unknown queues (section 14)."""

from __future__ import annotations

import pytest

import minisqs
from minisqs.protocol import model

METADATA = {"ResponseMetadata"}


@pytest.fixture
def scene(world, client):
    """A queue with a dead-letter queue, a message that was received, and a running move task."""
    dead = world.create_queue("dead")
    queue = world.create_queue("q", redrive_policy=minisqs.RedrivePolicy(dead, 3))
    for body in "abc":
        dead.send(body)
    task = client.start_message_move_task(SourceArn=dead.arn, DestinationArn=queue.arn, MaxNumberOfMessagesPerSecond=1)
    queue.send("m", message_attributes={"kind": "x"}, trace_header="Root=1-2-3")
    message = client.receive_message(QueueUrl=queue.url)["Messages"][0]
    client.tag_queue(QueueUrl=queue.url, Tags={"a": "b"})
    return {
        "QueueUrl": queue.url,
        "DeadUrl": dead.url,
        "SourceArn": dead.arn,
        "Arn": queue.arn,
        "TaskHandle": task["TaskHandle"],
        "ReceiptHandle": message["ReceiptHandle"],
    }


ATTRIBUTE = {"kind": {"DataType": "String", "StringValue": "x"}}
TRACE = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}}

ACTIONS = {
    # Action: parameters ($name is the scene's), required ones, the keys of the answer
    "AddPermission": (
        {"QueueUrl": "$QueueUrl", "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["*"]},
        {"QueueUrl", "Label"},
        set(),
    ),
    "CancelMessageMoveTask": (
        {"TaskHandle": "$TaskHandle"},
        {"TaskHandle"},
        {"ApproximateNumberOfMessagesMoved"},
    ),
    "ChangeMessageVisibility": (
        {"QueueUrl": "$QueueUrl", "ReceiptHandle": "$ReceiptHandle", "VisibilityTimeout": 5},
        {"QueueUrl", "ReceiptHandle", "VisibilityTimeout"},
        set(),
    ),
    "ChangeMessageVisibilityBatch": (
        {"QueueUrl": "$QueueUrl", "Entries": [{"Id": "1", "ReceiptHandle": "$ReceiptHandle", "VisibilityTimeout": 5}]},
        {"QueueUrl"},
        {"Successful"},
    ),
    "CreateQueue": ({"QueueName": "new"}, {"QueueName"}, {"QueueUrl"}),
    "DeleteMessage": (
        {"QueueUrl": "$QueueUrl", "ReceiptHandle": "$ReceiptHandle"},
        {"QueueUrl", "ReceiptHandle"},
        set(),
    ),
    "DeleteMessageBatch": (
        {"QueueUrl": "$QueueUrl", "Entries": [{"Id": "1", "ReceiptHandle": "$ReceiptHandle"}]},
        {"QueueUrl"},
        {"Successful"},
    ),
    "DeleteQueue": ({"QueueUrl": "$QueueUrl"}, {"QueueUrl"}, set()),
    "GetQueueAttributes": ({"QueueUrl": "$QueueUrl", "AttributeNames": ["All"]}, {"QueueUrl"}, {"Attributes"}),
    "GetQueueUrl": ({"QueueName": "q"}, {"QueueName"}, {"QueueUrl"}),
    "ListDeadLetterSourceQueues": ({"QueueUrl": "$DeadUrl"}, {"QueueUrl"}, {"queueUrls"}),
    "ListMessageMoveTasks": ({"SourceArn": "$SourceArn"}, {"SourceArn"}, {"Results"}),
    "ListQueueTags": ({"QueueUrl": "$QueueUrl"}, {"QueueUrl"}, {"Tags"}),
    "ListQueues": ({}, set(), {"QueueUrls"}),
    "PurgeQueue": ({"QueueUrl": "$QueueUrl"}, {"QueueUrl"}, set()),
    "ReceiveMessage": ({"QueueUrl": "$DeadUrl"}, {"QueueUrl"}, {"Messages"}),
    "RemovePermission": ({"QueueUrl": "$QueueUrl", "Label": "first"}, {"QueueUrl", "Label"}, set()),
    "SendMessage": (
        {
            "QueueUrl": "$QueueUrl",
            "MessageBody": "m",
            "MessageAttributes": ATTRIBUTE,
            "MessageSystemAttributes": TRACE,
        },
        {"QueueUrl", "MessageBody"},
        {"MessageId", "MD5OfMessageBody", "MD5OfMessageAttributes", "MD5OfMessageSystemAttributes"},
    ),
    "SendMessageBatch": (
        {"QueueUrl": "$QueueUrl", "Entries": [{"Id": "1", "MessageBody": "m"}]},
        {"QueueUrl"},
        {"Successful"},
    ),
    "SetQueueAttributes": ({"QueueUrl": "$QueueUrl", "Attributes": {"DelaySeconds": "1"}}, {"QueueUrl"}, set()),
    "StartMessageMoveTask": ({"SourceArn": "$OtherArn"}, {"SourceArn"}, {"TaskHandle"}),
    "TagQueue": ({"QueueUrl": "$QueueUrl", "Tags": {"a": "b"}}, {"QueueUrl", "Tags"}, set()),
    "UntagQueue": ({"QueueUrl": "$QueueUrl", "TagKeys": ["a"]}, {"QueueUrl"}, set()),
}


def method(client, action):
    names = {name.replace("_", ""): name for name in dir(client)}
    return getattr(client, names[action.lower()])


def filled(value, scene):
    if isinstance(value, dict):
        return {key: filled(one, scene) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, scene) for one in value]
    return scene[value[1:]] if isinstance(value, str) and value.startswith("$") else value


@pytest.fixture
def scene_for_all(world, client, scene):
    other = world.create_queue("other-dead")
    world.create_queue("other", redrive_policy=minisqs.RedrivePolicy(other, 1))
    client.add_permission(QueueUrl="q", Label="first", AWSAccountIds=["111122223333"], Actions=["*"])
    return {**scene, "OtherArn": other.arn}


def test_there_are_23_actions():
    """sqs.md 14"""
    assert len(ACTIONS) == 23
    assert model.PARAMETERS.keys() == ACTIONS.keys()


@pytest.mark.parametrize("action", ACTIONS)
def test_an_answer_has_exactly_the_keys_that_aws_gives(client, scene_for_all, action):
    """sqs.md 14.1 to 14.23"""
    parameters, _, keys = ACTIONS[action]
    answer = method(client, action)(**filled(parameters, scene_for_all))
    assert answer.keys() == keys | METADATA


@pytest.mark.parametrize(
    ("action", "missing"), [(action, name) for action, row in ACTIONS.items() for name in sorted(row[1])]
)
def test_a_required_parameter_that_is_missing_is_named(client, scene_for_all, aws_refuses, action, missing):
    """sqs.md 14 (R), 21 (15)"""
    parameters = filled(ACTIONS[action][0], scene_for_all)
    del parameters[missing]
    text = f"The request must contain the parameter {missing}."
    aws_refuses("MissingParameter", text, method(client, action), **parameters)


@pytest.mark.parametrize("action", [action for action, row in ACTIONS.items() if "QueueUrl" in row[1]])
def test_an_unknown_queue_is_refused_before_anything_else_is_looked_at(client, aws_refuses, scene_for_all, action):
    """sqs.md 1.4, 14"""
    parameters = filled(ACTIONS[action][0], scene_for_all) | {"QueueUrl": "https://sqs.x/123456789012/none"}
    for name in ("ReceiptHandle", "Label", "MessageBody"):
        if name in parameters:
            parameters[name] = "\x00"
    if "Entries" in parameters:
        parameters["Entries"] = []
    if "Attributes" in parameters:
        parameters["Attributes"] = {"Nonsense": "1"}
    code = "AWS.SimpleQueueService.NonExistentQueue"
    aws_refuses(code, "The specified queue does not exist.", method(client, action), **parameters)


def test_receive_message_answers_with_exactly_the_keys_asked_for(world, client):
    """sqs.md 14.16"""
    queue = world.create_queue("q", visibility_timeout=0)
    queue.send("m", message_attributes={"kind": "x"})

    def receive(**asked):
        return client.receive_message(QueueUrl=queue.url, **asked)["Messages"][0]

    always = {"MessageId", "ReceiptHandle", "Body", "MD5OfBody"}
    assert receive().keys() == always
    full = receive(AttributeNames=["All"], MessageAttributeNames=["All"])
    assert full.keys() == always | {"Attributes", "MessageAttributes", "MD5OfMessageAttributes"}
    union = receive(
        AttributeNames=["SenderId"], MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId", "Nonsense"]
    )
    assert union["Attributes"].keys() == {"SenderId", "SentTimestamp"}
    assert receive(AttributeNames=["AWSTraceHeader"], MessageAttributeNames=["other"]).keys() == always


def test_a_successful_entry_of_a_send_has_its_id_and_the_fields_of_send_message(world, client):
    """sqs.md 14.19"""
    world.create_queue("q")
    world.create_queue("q.fifo", fifo_queue=True)
    entry = {"Id": "1", "MessageBody": "m", "MessageAttributes": ATTRIBUTE, "MessageSystemAttributes": TRACE}
    fields = {"Id", "MessageId", "MD5OfMessageBody", "MD5OfMessageAttributes", "MD5OfMessageSystemAttributes"}
    [sent] = client.send_message_batch(QueueUrl="q", Entries=[entry])["Successful"]
    assert sent.keys() == fields
    [sent] = client.send_message_batch(
        QueueUrl="q.fifo", Entries=[{**entry, "MessageGroupId": "g", "MessageDeduplicationId": "1"}]
    )["Successful"]
    assert sent.keys() == fields | {"SequenceNumber"}


def test_a_successful_entry_of_a_delete_or_a_visibility_change_has_its_id_only(client, scene):
    """sqs.md 14.4, 14.7"""
    entry = {"Id": "one", "ReceiptHandle": scene["ReceiptHandle"]}
    changed = client.change_message_visibility_batch(QueueUrl="q", Entries=[{**entry, "VisibilityTimeout": 9}])
    assert changed["Successful"] == [{"Id": "one"}]
    assert client.delete_message_batch(QueueUrl="q", Entries=[entry])["Successful"] == [{"Id": "one"}]


def test_get_queue_url_knows_queues_of_the_own_account_only(client, scene, aws_refuses):
    """sqs.md 14.10"""
    own = client.get_queue_url(QueueName="q", QueueOwnerAWSAccountId="123456789012")
    assert own["QueueUrl"] == scene["QueueUrl"]
    code, text = "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."
    aws_refuses(code, text, client.get_queue_url, QueueName="q", QueueOwnerAWSAccountId="999999999999")
    aws_refuses(code, text, client.get_queue_url, QueueName="none")


def test_a_deleted_name_is_barred_for_60_seconds_to_the_nanosecond(world, client, scene, aws_refuses):
    """sqs.md 14.5, 14.8"""
    client.delete_queue(QueueUrl="q")
    code = "AWS.SimpleQueueService.QueueDeletedRecently"
    text = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    aws_refuses(code, text, client.create_queue, QueueName="q")
    world.advance(59.999_999_999)
    aws_refuses(code, text, client.create_queue, QueueName="q")
    world.advance(0.000_000_001)
    assert client.create_queue(QueueName="q")["QueueUrl"] == scene["QueueUrl"]


def test_a_purge_can_be_repeated_after_60_seconds_to_the_nanosecond(world, client, scene, aws_refuses):
    """sqs.md 14.15"""
    client.purge_queue(QueueUrl="q")
    code = "AWS.SimpleQueueService.PurgeQueueInProgress"
    text = "Only one PurgeQueue operation on q is allowed every 60 seconds."
    aws_refuses(code, text, client.purge_queue, QueueUrl="q", status=403)
    world.advance(59.999_999_999)
    aws_refuses(code, text, client.purge_queue, QueueUrl="q", status=403)
    world.advance(0.000_000_001)
    client.purge_queue(QueueUrl="q")


def test_set_queue_attributes_without_any_lacks_a_parameter(client, scene, aws_refuses):
    """sqs.md 14.20"""
    text = "The request must contain the parameter Attribute.Name."
    aws_refuses("MissingParameter", text, client.set_queue_attributes, QueueUrl="q", Attributes={})


def test_set_queue_attributes_changes_all_or_none(world, client, scene, aws_refuses):
    """sqs.md 14.20 (U31)"""
    before = world.queue("q").attributes()
    aws_refuses(
        "InvalidAttributeValue",
        "Invalid value for the parameter VisibilityTimeout.",
        client.set_queue_attributes,
        QueueUrl="q",
        Attributes={"DelaySeconds": "5", "VisibilityTimeout": "43201"},
    )
    assert world.queue("q").attributes() == before


@pytest.mark.parametrize(
    ("parameter", "value", "reason"),
    [
        ("MaxNumberOfMessages", 0, "Must be between 1 and 10, if provided."),
        ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
        ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
        ("WaitTimeSeconds", 21, "Must be >= 0 and <= 20, if provided."),
        ("VisibilityTimeout", -1, "Must be >= 0 and <= 43200, if provided."),
        ("VisibilityTimeout", 43_201, "Must be >= 0 and <= 43200, if provided."),
    ],
)
def test_a_receive_out_of_range_is_refused_with_the_value_and_the_range(
    client, scene, aws_refuses, parameter, value, reason
):
    """sqs.md 14.16"""
    text = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    aws_refuses("InvalidParameterValue", text, client.receive_message, QueueUrl="q", **{parameter: value})


def test_change_message_visibility_checks_the_handle_before_the_value(client, scene, aws_refuses):
    """sqs.md 14.3, 5.9"""
    text = 'The input receipt handle "bad" is not a valid receipt handle.'
    call = client.change_message_visibility
    aws_refuses(
        "ReceiptHandleIsInvalid", text, call, status=404, QueueUrl="q", ReceiptHandle="bad", VisibilityTimeout=43_201
    )
    aws_refuses(
        "InvalidParameterValue",
        "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.",
        call,
        QueueUrl="q",
        ReceiptHandle=scene["ReceiptHandle"],
        VisibilityTimeout=43_201,
    )
