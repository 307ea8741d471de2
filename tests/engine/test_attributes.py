import json

import pytest

from minisqs import errors
from minisqs.engine import attributes
from minisqs.engine.attributes import Settings

SECOND = 1_000_000_000
ARN = "arn:aws:sqs:us-east-1:123456789012:orders"
BAD = "arn:aws:sqs:us-east-1:123456789012:bad"
REFUSING = "arn:aws:sqs:us-east-1:123456789012:refusing"


class Neighbours:
    """A queue that takes dead letters, and one that does not."""

    def has_queue(self, arn):
        return arn in (BAD, REFUSING)

    def allows_source(self, arn, source_arn):
        return arn != REFUSING


def change(given, settings=None):
    return attributes.changed(settings or Settings(), given, queue_arn=ARN, neighbours=Neighbours())


def refuse(error_class, text, given, settings=None):
    with pytest.raises(error_class) as caught:
        change(given, settings)
    assert type(caught.value) is error_class
    assert caught.value.message == text


NUMBERS = [
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1024, 1_048_576, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400, 300),
]
KEY = {"KmsMasterKeyId": "alias/k"}


@pytest.mark.parametrize(("name", "lowest", "highest", "default"), NUMBERS)
def test_each_number_has_its_range_and_default(name, lowest, highest, default):
    assert attributes.texts(change(KEY))[name] == str(default)
    for value in (lowest, lowest + 1, highest - 1, highest):
        assert attributes.texts(change({name: str(value), **KEY}))[name] == str(value)
    for value in (lowest - 1, highest + 1, -(10**20), 10**20):
        refuse(errors.InvalidAttributeValue, f"Invalid value for the parameter {name}.", {name: str(value)})


@pytest.mark.parametrize("name", [row[0] for row in NUMBERS])
@pytest.mark.parametrize(
    "text", ["", " ", " 60", "60 ", "60\n", "60.0", "6e1", "x", "0x3c", "６０", "None", "+60", "true"]
)
def test_a_number_is_a_whole_number_and_nothing_about_it(name, text):
    refuse(errors.InvalidAttributeValue, f"Invalid value for the parameter {name}.", {name: text})


@pytest.mark.parametrize(
    "name",
    ["", "Nothing", "delayseconds", "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages",
     "All", "FifoQueue", "ContentBasedDeduplication"],
)  # fmt: skip
def test_names_that_cannot_be_set_are_refused(name):
    refuse(errors.InvalidAttributeName, f"Unknown Attribute {name}.", {name: "true"})


@pytest.mark.parametrize(
    ("text", "shown"), [("true", "true"), ("FALSE", "false"), ("False", "false"), ("tRuE", "true")]
)
def test_booleans_are_read_in_any_case_and_shown_in_lower_case(text, shown):
    assert attributes.texts(change({"SqsManagedSseEnabled": text}))["SqsManagedSseEnabled"] == shown


@pytest.mark.parametrize("text", ["", "yes", "1", " true", "true "])
def test_other_booleans_are_refused(text):
    refuse(
        errors.InvalidAttributeValue, "Invalid value for the parameter SqsManagedSseEnabled.",
        {"SqsManagedSseEnabled": text},
    )  # fmt: skip


def test_a_key_turns_the_other_encryption_off_and_the_other_way_round():
    keyed = change(KEY)
    assert attributes.texts(keyed)["SqsManagedSseEnabled"] == "false"
    emptied = attributes.texts(change({"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"}, keyed))
    assert "KmsMasterKeyId" not in emptied
    assert "KmsDataKeyReusePeriodSeconds" not in emptied
    assert emptied["SqsManagedSseEnabled"] == "false"
    managed = attributes.texts(change({"SqsManagedSseEnabled": "true"}, keyed))
    assert "KmsMasterKeyId" not in managed
    assert managed["SqsManagedSseEnabled"] == "true"
    refuse(
        errors.InvalidAttributeName,
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        KEY | {"SqsManagedSseEnabled": "true"},
    )


def test_a_reuse_period_without_a_key_is_remembered_but_not_shown():
    settings = change({"KmsDataKeyReusePeriodSeconds": "60"})
    assert "KmsDataKeyReusePeriodSeconds" not in attributes.texts(settings)
    assert attributes.texts(change(KEY, settings))["KmsDataKeyReusePeriodSeconds"] == "60"


@pytest.mark.parametrize("count", [1, 2, 999, 1000])
def test_a_redrive_policy_reads_back_as_it_was_set(count):
    text = f'{{ "maxReceiveCount":{count},  "deadLetterTargetArn": "{BAD}" }}'
    settings = change({"RedrivePolicy": text})
    assert settings.redrive_policy.max_receive_count == count
    assert attributes.texts(settings)["RedrivePolicy"] == text


def test_a_count_given_as_text_reads_back_as_a_number():
    settings = change({"RedrivePolicy": json.dumps({"deadLetterTargetArn": BAD, "maxReceiveCount": "7"})})
    assert settings.redrive_policy.max_receive_count == 7
    assert json.loads(attributes.texts(settings)["RedrivePolicy"])["maxReceiveCount"] == 7


@pytest.mark.parametrize("text", ["x", "[]", "1", '"x"', "null", "{", "[" * 100_000])
def test_a_redrive_policy_is_a_json_map(text):
    refuse(
        errors.InvalidAttributeValue,
        "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
        {"RedrivePolicy": text},
    )


def counted(count):
    return {"deadLetterTargetArn": BAD, "maxReceiveCount": count}


def targeted(arn):
    return {"deadLetterTargetArn": arn, "maxReceiveCount": 1}


COUNT = "Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both inclusive."


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({}, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ({"maxReceiveCount": 1}, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        ({"deadLetterTargetArn": BAD}, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (counted(1) | {"x": 1}, "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn]."),
        *[(counted(count), COUNT.format(count)) for count in (0, 1001, -1, 1.5, "x", "0", "1001", "", " 1")],
        (
            targeted("arn:aws:sns:us-east-1:123456789012:bad"),
            "Only SQS queues are valid resources for deadLetterTargetArn.",
        ),
        (targeted("bad"), "Only SQS queues are valid resources for deadLetterTargetArn."),
        (targeted(""), "Only SQS queues are valid resources for deadLetterTargetArn."),
        (targeted(None), "Only SQS queues are valid resources for deadLetterTargetArn."),
        (targeted(BAD + ".fifo"), "Dead-letter queue must be same type of queue as the source.."),
        (targeted(ARN + "x"), "Dead letter target does not exist."),
        (targeted(BAD.replace("east", "west")), "Dead letter target does not exist."),
    ],
)
def test_a_redrive_policy_that_is_refused(policy, reason):
    text = json.dumps(policy)
    refuse(
        errors.InvalidParameterValue, f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}",
        {"RedrivePolicy": text},
    )  # fmt: skip


@pytest.mark.parametrize("count", [True, False, None, [1], {"a": 1}])
def test_a_count_of_another_type_is_refused(count):
    with pytest.raises(errors.InvalidParameterValue):
        change({"RedrivePolicy": json.dumps(counted(count))})


def test_a_target_that_does_not_allow_the_source_is_refused():
    with pytest.raises(errors.InvalidParameterValue):
        change({"RedrivePolicy": json.dumps(targeted(REFUSING))})


def test_a_redrive_policy_may_name_its_own_queue():
    assert change({"RedrivePolicy": json.dumps(targeted(ARN))}).redrive_policy.dead_letter_target_arn == ARN


@pytest.mark.parametrize("name", ["RedrivePolicy", "RedriveAllowPolicy", "Policy", "KmsMasterKeyId"])
def test_an_empty_text_unsets(name):
    given = {
        "RedrivePolicy": json.dumps(targeted(BAD)),
        "RedriveAllowPolicy": '{"redrivePermission":"denyAll"}',
        "Policy": '{"Statement":{"Sid":"x"}}',
        "KmsMasterKeyId": "k",
    }[name]
    settings = change({name: given})
    assert attributes.texts(settings)[name] == given
    assert name not in attributes.texts(change({name: ""}, settings))


@pytest.mark.parametrize(
    ("policy", "source", "allowed"),
    [
        ({"redrivePermission": "allowAll"}, "any", True),
        ({"redrivePermission": "denyAll"}, "any", False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["a"]}, "a", True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["a"] * 10}, "b", False),
    ],
)
def test_a_redrive_allow_policy_says_who_may_send_dead_letters(policy, source, allowed):
    assert change({"RedriveAllowPolicy": json.dumps(policy)}).redrive_allow_policy.allows(source) is allowed


@pytest.mark.parametrize(
    "text",
    ["x", "[]", "{}", "null", '{"redrivePermission":"all"}', '{"redrivePermission":["allowAll"]}',
     '{"redrivePermission":"allowAll","x":1}', '{"redrivePermission":"byQueue","sourceQueueArns":"a"}',
     '{"redrivePermission":"byQueue","sourceQueueArns":[1]}', '{"redrivePermission":"byQueue","sourceQueueArns":null}'],
)  # fmt: skip
def test_a_redrive_allow_policy_of_another_format_is_refused(text):
    refuse(
        errors.InvalidAttributeValue,
        "Invalid value for the parameter RedriveAllowPolicy. Reason: "
        "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format.",
        {"RedriveAllowPolicy": text},
    )


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            {"redrivePermission": "byQueue"},
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
        ),
        (
            {"redrivePermission": "byQueue", "sourceQueueArns": []},
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
        ),
        (
            {"redrivePermission": "byQueue", "sourceQueueArns": ["a"] * 11},
            "The maximum number of source queue ARNs you can specify is 10.",
        ),
        (
            {"redrivePermission": "allowAll", "sourceQueueArns": ["a"]},
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
        ),
        (
            {"redrivePermission": "denyAll", "sourceQueueArns": ["a"]},
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
        ),
    ],
)
def test_a_redrive_allow_policy_lists_queues_only_and_always_by_queue(policy, reason):
    text = json.dumps(policy)
    refuse(
        errors.InvalidParameterValue,
        f"Value {text} for parameter RedriveAllowPolicy is invalid. Reason: "
        f"Amazon SQS can't create the redrive allow policy. {reason}",
        {"RedriveAllowPolicy": text},
    )


def statements(count):
    return json.dumps({"Version": "2012-10-17", "Id": "i", "Statement": [{"Sid": str(n)} for n in range(count)]})


def test_a_policy_is_given_back_as_it_was_set():
    for text in ('{ "Statement" : {"Effect":"Allow"} }', statements(20)):
        assert attributes.texts(change({"Policy": text}))["Policy"] == text


@pytest.mark.parametrize(
    "text",
    ["x", "[]", "{}", "null", '{"Statement":[]}', '{"Statement":[{}]}', '{"Statement":"x"}', '{"Statement":[1]}',
     '{"Statement":{"Sid":"x"},"Other":1}', '{"Statement":{"Sid":"x","Other":1}}',
     '{"Version":"2020-01-01","Statement":{"Sid":"x"}}', '{"Version":[],"Statement":{"Sid":"x"}}'],
)  # fmt: skip
def test_what_is_no_policy_is_refused(text):
    refuse(errors.InvalidAttributeValue, "Invalid value for the parameter Policy.", {"Policy": text})


def test_a_policy_has_up_to_8192_bytes_and_20_statements():
    form = '{"Statement":{"Sid":"%s"}}'
    room = 8192 - len(form % "")
    change({"Policy": form % ("a" * room)})
    change({"Policy": form % ("é" * (room // 2))})
    for sid in ("a" * (room + 1), "é" * (room // 2 + 1)):
        refuse(errors.InvalidAttributeValue, "Invalid value for the parameter Policy.", {"Policy": form % sid})
    with pytest.raises(errors.SqsError) as caught:
        change({"Policy": statements(21)})
    assert caught.value.message == "21 statements were found in the submitted policy, max allowed is 20"


def test_settings_are_equal_by_meaning_of_their_policies():
    one, other = (
        '{"maxReceiveCount":1,"deadLetterTargetArn":"%s"}',
        '{ "deadLetterTargetArn":"%s", "maxReceiveCount": "1"}',
    )
    assert change({"RedrivePolicy": one % BAD}) == change({"RedrivePolicy": other % BAD})
    assert change({"Policy": '{"Id":"i","Statement":{"Sid":"x"}}'}) == change(
        {"Policy": '{"Statement":{"Sid":"x"}, "Id":"i"}'}
    )


def test_one_bad_attribute_refuses_all():
    settings = Settings()
    refuse(
        errors.InvalidAttributeValue, "Invalid value for the parameter DelaySeconds.",
        {"VisibilityTimeout": "1", "DelaySeconds": "901"}, settings,
    )  # fmt: skip
    assert settings == Settings()
    assert settings.visibility_timeout_ns == 30 * SECOND
