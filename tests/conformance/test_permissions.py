"""AddPermission, RemovePermission, and the Policy that they write."""

from __future__ import annotations

import json

import pytest

ARN = "arn:aws:sqs:us-east-1:123456789012:q"
WSDL = "Please refer to the appropriate WSDL for a list of valid actions."
OWNER = "Only the queue owner is allowed to invoke this action."
SHAREABLE = (
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
)
OWNER_ONLY = (
    "AddPermission",
    "RemovePermission",
    "CreateQueue",
    "DeleteQueue",
    "SetQueueAttributes",
    "ListQueues",
    "ListQueueTags",
    "TagQueue",
    "UntagQueue",
    "StartMessageMoveTask",
    "CancelMessageMoveTask",
    "ListMessageMoveTasks",
)


@pytest.fixture
def url(client):
    return client.create_queue(QueueName="q")["QueueUrl"]


@pytest.fixture
def add(client, url):
    def call(label="label", accounts=("111122223333",), actions=("SendMessage",)):
        return client.add_permission(QueueUrl=url, Label=label, AWSAccountIds=list(accounts), Actions=list(actions))

    return call


@pytest.fixture
def remove(client, url):
    return lambda label="label": client.remove_permission(QueueUrl=url, Label=label)


@pytest.fixture
def policy(client, url):
    def look():
        asked = {"QueueUrl": url, "AttributeNames": ["Policy"]}
        text = client.get_queue_attributes(**asked).get("Attributes", {}).get("Policy")
        return None if text is None else json.loads(text)

    return look


def test_the_first_permission_makes_a_policy(add, policy):
    """sqs.md 13.1"""
    assert add().keys() == {"ResponseMetadata"}
    assert policy() == {
        "Version": "2008-10-17",
        "Id": f"{ARN}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "label",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "SQS:SendMessage",
                "Resource": ARN,
            }
        ],
    }


def test_several_accounts_and_actions_are_lists(add, policy):
    """sqs.md 13.1"""
    add(accounts=("111122223333", "444455556666"), actions=("SendMessage", "*"))
    [statement] = policy()["Statement"]
    assert sorted(statement["Principal"]["AWS"]) == [
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::444455556666:root",
    ]
    assert statement["Action"] == ["SQS:SendMessage", "SQS:*"]


def test_a_permission_is_added_to_a_policy_that_was_set(client, url, add, remove, policy):
    """sqs.md 13.1, 13.3"""
    own = {"Version": "2012-10-17", "Id": "mine", "Statement": {"Sid": "own", "Effect": "Deny"}}
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(own)})
    add()
    assert (policy()["Version"], policy()["Id"]) == ("2012-10-17", "mine")
    assert [one["Sid"] for one in policy()["Statement"]] == ["own", "label"]
    remove("own")
    assert [one["Sid"] for one in policy()["Statement"]] == ["label"]


def test_a_label_is_taken_once(add, remove, aws_refuses, policy):
    """sqs.md 13.2"""
    add()
    text = "Value label for parameter Label is invalid. Reason: Already exists."
    aws_refuses("InvalidParameterValue", text, add, accounts=("444455556666",))
    assert len(policy()["Statement"]) == 1
    remove()
    add()


def test_the_last_statement_takes_the_policy_with_it(add, remove, policy):
    """sqs.md 13.3"""
    add("one")
    add("two")
    assert remove("one").keys() == {"ResponseMetadata"}
    assert [one["Sid"] for one in policy()["Statement"]] == ["two"]
    remove("two")
    assert policy() is None


def test_an_unknown_label_is_refused_with_or_without_a_policy(add, remove, aws_refuses):
    """sqs.md 13.3 (U32)"""
    start = "Value none for parameter Label is invalid. Reason: can't find label"
    aws_refuses("InvalidParameterValue", f"{start}.", remove, label="none")
    add()
    aws_refuses("InvalidParameterValue", f"{start} on existing policy.", remove, label="none")


@pytest.mark.parametrize("action", SHAREABLE)
def test_an_action_that_can_be_shared_is_taken(add, policy, action):
    """sqs.md 13.4"""
    add(actions=(action,))
    assert policy()["Statement"][0]["Action"] == f"SQS:{action}"


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        *((action, OWNER) for action in OWNER_ONLY),
        *((f"{action}Batch", WSDL) for action in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")),
        ("sendmessage", WSDL),
        ("SQS:SendMessage", WSDL),
        ("", WSDL),
    ],
)
def test_any_other_action_is_refused(add, aws_refuses, policy, action, reason):
    """sqs.md 13.4 (U32)"""
    text = f"Value SQS:{action} for parameter ActionName is invalid. Reason: {reason}"
    aws_refuses("InvalidParameterValue", text, add, actions=("SendMessage", action))
    assert policy() is None


def test_at_most_seven_actions(add, aws_refuses):
    """sqs.md 13.4"""
    add("seven", actions=SHAREABLE[1:8])
    aws_refuses("OverLimit", "8 Actions were found, maximum allowed is 7.", add, status=403, actions=SHAREABLE[1:9])


def test_at_most_twenty_statements(add, aws_refuses):
    """sqs.md 13.4"""
    for number in range(20):
        add(f"label-{number}")
    aws_refuses("OverLimit", "21 Statements were found, maximum allowed is 20.", add, status=403, label="one-more")


def test_actions_and_accounts_are_needed(add, aws_refuses):
    """sqs.md 13.4"""
    aws_refuses("MissingParameter", "The request must contain the parameter Actions.", add, actions=())
    text = "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify."
    aws_refuses("InvalidParameterValue", text, add, accounts=())


@pytest.mark.parametrize("label", ["", "x" * 81, "two words", "ö", "a.b"])
def test_a_label_has_1_to_80_letters_digits_hyphens_and_underscores(add, aws_refuses, label):
    """sqs.md 13.4"""
    aws_refuses("InvalidParameterValue", None, add, label=label)


def test_the_longest_label_is_taken(add, policy):
    """sqs.md 13.4"""
    add("aZ09_-" + "x" * 74)
    assert len(policy()["Statement"][0]["Sid"]) == 80


def test_the_checks_go_label_actions_accounts_counts_names(add, aws_refuses):
    """sqs.md 21 (20)"""
    many = ("CreateQueue",) * 8
    aws_refuses("InvalidParameterValue", None, add, label="", actions=(), accounts=())
    aws_refuses("MissingParameter", None, add, actions=(), accounts=())
    aws_refuses("InvalidParameterValue", None, add, actions=many, accounts=())
    aws_refuses("OverLimit", None, add, status=403, actions=many)
    add()
    text = f"Value SQS:CreateQueue for parameter ActionName is invalid. Reason: {OWNER}"
    aws_refuses("InvalidParameterValue", text, add, actions=("CreateQueue",))


def test_a_permission_raises_the_time_of_the_last_change(world, client, url, add, remove):
    """sqs.md 3.10 (U11)"""

    def modified():
        shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(shown["LastModifiedTimestamp"]) - int(shown["CreatedTimestamp"])

    world.advance(10)
    add()
    assert modified() == 10
    world.advance(10)
    remove()
    assert modified() == 20


# ------------------------------------------------------------------------------------------ the policy attribute
STATEMENT = {"Sid": "1", "Effect": "Allow", "Principal": "*", "Action": "SQS:*", "Resource": ARN, "Condition": {}}


@pytest.mark.parametrize(
    "document",
    [
        {"Version": "2012-10-17", "Id": "x", "Statement": [STATEMENT]},
        {"Version": "2008-10-17", "Statement": STATEMENT},
        {"Version": "2012-10-17", "Statement": [STATEMENT] * 20},
    ],
)
def test_a_policy_is_given_back_as_it_was_set_and_unset_by_an_empty_text(client, url, policy, document):
    """sqs.md 13.5"""
    text = json.dumps(document, indent=1)
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert shown == {"Policy": text}
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert policy() is None


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '"text"',
        json.dumps({"Version": "2013-10-17", "Statement": [STATEMENT]}),
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps({"Version": "2012-10-17", "Statement": ["text"]}),
        json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT], "Other": 1}),
        json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, "Other": 1}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT], "Id": "x" * 8192}),
    ],
)
def test_what_is_no_policy_is_refused(client, url, aws_refuses, text):
    """sqs.md 13.5"""
    expected = "Invalid value for the parameter Policy."
    given = {"Policy": text}
    aws_refuses("InvalidAttributeValue", expected, client.set_queue_attributes, QueueUrl=url, Attributes=given)


def test_a_policy_has_at_most_twenty_statements(client, url, aws_refuses):
    """sqs.md 13.5"""
    text = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "1"}] * 21})
    with pytest.raises(client.exceptions.ClientError, match="21 statements were found in the submitted policy, max"):
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
