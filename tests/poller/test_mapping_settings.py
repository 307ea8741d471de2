"""What an event source mapping may be, and Lambda's refusals of the rest (lambda-poller.md 1.1, C1 to C13)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import minisqs
from minisqs import errors

NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
NEEDS_WINDOW = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
FIFO_SIZE = "Batch size must not exceed 10 for FIFO queues"
FIFO_WINDOW = "Batching window is not supported for FIFO queues"
POLLERS = "MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"
NO_POLLERS = "Either MinimumPollers or MaximumPollers are required if ProvisionedPollerConfig is provided."
POLLERS_AND_MAXIMUM = (
    "Provisioned mode for SQS ESM does not support maximum concurrency feature. "
    "Use MaximumPollers as the control mechanism and remove maximum concurrency."
)
NO_PATTERN = "Invalid filter pattern definition."
INVALID = "InvalidParameterValueException"
ONE = '{"body": {"kind": ["order"]}}'

STATUS = {
    INVALID: 400,
    "ValidationException": 400,
    "ResourceConflictException": 409,
    "ResourceInUseException": 400,
    "ResourceNotFoundException": 404,
}


def of_model(value, member, constraint):
    return f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"


def check_refusal(error, code, text, action):
    """The error from all sides: boto3's ``ClientError.response`` of it, key for key."""
    status = STATUS[code]
    request_id = error.request_id
    assert isinstance(error, errors.LambdaError)
    assert (error.code, error.http_status, error.message) == (code, status, text)
    assert request_id
    assert str(error) == f"An error occurred ({code}) when calling the {action} operation: {text}"
    answer = {
        "Error": {"Message": text, "Code": code},
        "ResponseMetadata": {
            "RequestId": request_id,
            "HTTPStatusCode": status,
            "HTTPHeaders": {
                "x-amzn-requestid": request_id,
                "x-amzn-errortype": code,
                "content-type": "application/json",
            },
            "RetryAttempts": 0,
        },
    }
    found = {name: value for name, value in error.response.items() if name.lower() not in {"type", "message"}}
    assert found == answer
    modelled = code != "ValidationException"
    assert [error.response[name] for name in ("message", "Message") if name in error.response] == [text] * modelled
    assert error.response.get("Type") == ("User" if modelled else None)


def refused_create(world, code, text, queue, function, **settings):
    with pytest.raises(errors.LambdaError) as caught:
        world.create_event_source_mapping(queue, function, **settings)
    check_refusal(caught.value, code, text, "CreateEventSourceMapping")
    return caught.value


def refused_update(mapping, code, text, **changes):
    with pytest.raises(errors.LambdaError) as caught:
        mapping.update(**changes)
    check_refusal(caught.value, code, text, "UpdateEventSourceMapping")


@pytest.fixture
def function(world):
    return world.create_function(None, name="work")


@pytest.fixture
def fifo(world):
    return world.create_queue("orders.fifo", fifo_queue=True)


@pytest.fixture
def mapping(world, queue, function):
    return world.create_event_source_mapping(queue, function)


# ---------------------------------------------------------------------------------------------- the ranges, model first
RANGES = [
    ("batch_size", "batchSize", 1, 10_000),
    ("maximum_batching_window_in_seconds", "maximumBatchingWindowInSeconds", 0, 300),
    ("maximum_concurrency", "scalingConfig.maximumConcurrency", 2, 1000),
]
BEYOND = [
    *((name, member, low - 1, f"have value greater than or equal to {low}") for name, member, low, _ in RANGES),
    *((name, member, high + 1, f"have value less than or equal to {high}") for name, member, _, high in RANGES),
]


@pytest.mark.parametrize(("name", "member", "value", "constraint"), BEYOND)
def test_a_number_outside_of_the_model_is_refused_before_all_else(world, name, member, value, constraint):
    text = of_model(value, member, constraint)
    error = refused_create(world, "ValidationException", text, None, "nobody", destination_config={}, **{name: value})
    assert "message" not in error.response
    assert "Type" not in error.response


@pytest.mark.parametrize(("name", "member", "value", "constraint"), BEYOND)
def test_an_update_has_the_same_ranges(mapping, name, member, value, constraint):
    text = of_model(value, member, constraint)
    refused_update(mapping, "ValidationException", text, function="nobody", **{name: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 1},
        {"batch_size": 10},
        {"batch_size": 11, "maximum_batching_window_in_seconds": 1},
        {"batch_size": 10_000, "maximum_batching_window_in_seconds": 1},
        {"maximum_batching_window_in_seconds": 0},
        {"maximum_batching_window_in_seconds": 300},
        {"maximum_concurrency": 2},
        {"maximum_concurrency": 1000},
        {"maximum_concurrency": None},
        {"minimum_pollers": 2},
        {"minimum_pollers": 200},
        {"maximum_pollers": 2},
        {"maximum_pollers": 10_000},
        {"minimum_pollers": 200, "maximum_pollers": 200},
        {"minimum_pollers": 2, "maximum_pollers": 2},
        {"filters": []},
        {"filters": [ONE] * 5},
        {"metrics": []},
        {"metrics": ["EventCount"]},
        {"enabled": False},
        {"throttle_delays": [0.001]},
        {"throttle_delays": (43_200,)},
        {"tick": 1},
        {"tick": 60},
        {"split": [1, 10]},
        {"split": []},
        {"backoff_ratio": 0},
        {"backoff_ratio": 1},
        {"delete_attempts": 1},
        {"delete_attempts": 10},
        {"max_filters": 10, "filters": [ONE] * 10},
        {"max_filters": 1, "filters": [ONE]},
        {"quiet_after": None},
        {"quiet_after": 0},
        {"starting_position": None},
    ],
)
def test_the_limits_themselves_are_accepted_at_create_and_at_update(world, queue, function, settings):
    world.create_event_source_mapping(queue, function, **settings).delete()
    world.create_event_source_mapping(queue, function).update(**settings)
    world.advance(1)


# ------------------------------------------------------------------------------------------------------- C1 and C2
@pytest.mark.parametrize(
    "source", [None, "", "nobody", "arn:aws:kinesis:us-east-1:123456789012:stream/orders", "https://sqs/1/orders"]
)
def test_what_is_no_arn_of_a_queue_is_an_unrecognized_event_source(world, queue, function, source):
    refused_create(world, INVALID, "Unrecognized event source.", source, function)


def test_the_name_or_url_of_a_queue_is_told_to_be_no_arn(world, queue, function):
    for source in (queue.name, queue.url):
        with pytest.raises(errors.UsageError, match="a queue is a Queue or its ARN, not its name or URL"):
            world.create_event_source_mapping(source, function)


def test_none_takes_filters_and_metrics_away(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, filters=['{"body": ["x"]}'], metrics=["EventCount"])
    mapping.update(filters=None, metrics=None)
    assert mapping.describe().keys().isdisjoint({"FilterCriteria", "MetricsConfig"})


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sqs:us-east-1:123456789012:nobody",
        "arn:aws:sqs:eu-west-1:123456789012:orders",
        "arn:aws:sqs:us-east-1:000000000000:orders",
    ],
)
def test_a_queue_that_does_not_exist_is_told_as_sqs_tells_it(world, queue, function, arn):
    error = refused_create(world, INVALID, NO_QUEUE, arn, function)
    assert error.response["message"] == NO_QUEUE


def test_a_deleted_queue_does_not_exist(world, queue, function):
    world.delete_queue(queue)
    refused_create(world, INVALID, NO_QUEUE, queue.arn, function)


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "arn:aws:lambda:us-east-1:123456789012:function:nobody",
        "work:1",
        "work:live",
        "arn:aws:lambda:us-east-1:123456789012:function:work:7",
        "arn:aws:lambda:eu-west-1:123456789012:function:work",
        "arn:aws:lambda:us-east-1:000000000000:function:work",
        "no name at all",
    ],
)
def test_an_unknown_function_is_told_before_the_missing_queue(world, queue, function, name):
    for source in (queue, "arn:aws:sqs:us-east-1:123456789012:nobody"):
        refused_create(world, INVALID, "Function does not exist", source, name)


def test_an_unrecognized_event_source_is_told_before_the_unknown_function(world):
    refused_create(world, INVALID, "Unrecognized event source.", None, "nobody")


def test_an_unknown_function_is_refused_at_an_update_too(mapping):
    refused_update(mapping, INVALID, "Function does not exist", function="nobody")


def test_a_deleted_function_does_not_exist(world, queue, function):
    function.delete()
    refused_create(world, INVALID, "Function does not exist", queue, function)


@pytest.mark.parametrize("behind", ["", ":$LATEST", ":1", ":live"])
@pytest.mark.parametrize("before", ["", "arn:aws:lambda:us-east-1:123456789012:function:"])
def test_a_function_is_named_by_name_or_arn_with_version_or_alias(world, queue, function, before, behind):
    function.create_alias("live", function.publish_version())
    mapping = world.create_event_source_mapping(queue, f"{before}work{behind}")
    assert mapping.function_name == f"work{behind}".removesuffix(":$LATEST")
    assert mapping.describe()["FunctionArn"] == f"arn:aws:lambda:us-east-1:123456789012:function:work{behind}"


# -------------------------------------------------------------------------------------------------------------- C3
def test_a_pair_is_joined_once(world, queue, function, mapping):
    text = (
        f'An event source mapping with SQS arn (" {queue.arn} ") and function (" work ") already exists. '
        f"Please update or delete the existing mapping with UUID {mapping.uuid}"
    )
    for name in (function, "work", function.arn):
        error = refused_create(world, "ResourceConflictException", text, queue, name)
        assert error.response["message"] == text
    assert world.event_source_mappings() == [mapping]


def test_a_disabled_mapping_and_one_that_is_being_deleted_still_hold_their_pair(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, enabled=False, transition_delay=30)
    for _ in range(2):
        with pytest.raises(errors.ResourceConflictException):
            world.create_event_source_mapping(queue, function)
        if mapping.state == "Disabled":
            mapping.delete()
    world.advance(30)
    assert world.create_event_source_mapping(queue, function).uuid != mapping.uuid


def test_two_functions_on_one_queue_and_one_on_two_queues_are_allowed(world, queue, function, mapping):
    other = world.create_event_source_mapping(queue, world.create_function(None, name="other"))
    third = world.create_event_source_mapping(world.create_queue("third"), function)
    assert world.event_source_mappings() == [mapping, other, third]
    assert len({each.uuid for each in world.event_source_mappings()}) == 3


def test_base_version_and_alias_of_one_function_may_coexist(world, queue, function, mapping):
    function.create_alias("live", function.publish_version())
    version = world.create_event_source_mapping(queue, "work:1")
    alias = world.create_event_source_mapping(queue, "work:live")
    assert [each.function_name for each in (mapping, version, alias)] == ["work", "work:1", "work:live"]
    with pytest.raises(errors.ResourceConflictException):
        world.create_event_source_mapping(queue, "work:live")


def test_an_update_to_a_pair_that_exists_is_a_conflict_and_one_to_its_own_is_none(world, queue, function, mapping):
    other = world.create_event_source_mapping(queue, world.create_function(None, name="other"))
    text = (
        f'An event source mapping with SQS arn (" {queue.arn} ") and function (" work ") already exists. '
        f"Please update or delete the existing mapping with UUID {mapping.uuid}"
    )
    refused_update(other, "ResourceConflictException", text, function=function)
    other.update(function="other")
    assert other.function_name == "other"


# -------------------------------------------------------------------------------------------------------- C5 and C6
def test_a_window_is_needed_for_more_than_ten_records(world, queue, fifo, function, mapping):
    refused_create(world, INVALID, NEEDS_WINDOW, queue, function, batch_size=11)
    refused_create(world, INVALID, NEEDS_WINDOW, fifo, function, batch_size=11)  # before that of FIFO queues
    refused_update(mapping, INVALID, NEEDS_WINDOW, batch_size=11)
    mapping.update(batch_size=11, maximum_batching_window_in_seconds=1)
    refused_update(mapping, INVALID, NEEDS_WINDOW, maximum_batching_window_in_seconds=0)
    mapping.update(batch_size=10, maximum_batching_window_in_seconds=0)
    assert mapping.describe()["BatchSize"] == 10


def test_a_fifo_queue_has_batches_of_ten_and_no_window(world, fifo, function):
    refused_create(world, INVALID, FIFO_SIZE, fifo, function, batch_size=11, maximum_batching_window_in_seconds=1)
    refused_create(world, INVALID, FIFO_WINDOW, fifo, function, batch_size=10, maximum_batching_window_in_seconds=1)
    mapping = world.create_event_source_mapping(fifo, function, batch_size=10)
    refused_update(mapping, INVALID, FIFO_SIZE, batch_size=11, maximum_batching_window_in_seconds=1)
    refused_update(mapping, INVALID, FIFO_WINDOW, maximum_batching_window_in_seconds=300)


# -------------------------------------------------------------------------------------------------------- C7 and C8
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"minimum_pollers": 1}, POLLERS),
        ({"minimum_pollers": 0}, POLLERS),
        ({"minimum_pollers": 201}, POLLERS),
        ({"minimum_pollers": 201, "maximum_pollers": 300}, POLLERS),
        ({"maximum_pollers": 1}, POLLERS),
        ({"maximum_pollers": 0}, POLLERS),
        ({"maximum_pollers": 10_001}, POLLERS),
        ({"minimum_pollers": 3, "maximum_pollers": 2}, POLLERS),
        ({"profile": "provisioned"}, NO_POLLERS),
        ({"minimum_pollers": 2, "maximum_concurrency": 2}, POLLERS_AND_MAXIMUM),
        ({"maximum_pollers": 2, "maximum_concurrency": 1000}, POLLERS_AND_MAXIMUM),
    ],
)
def test_pollers_have_ranges_and_no_maximum_concurrency_beside_them(world, queue, function, settings, text):
    refused_create(world, INVALID, text, queue, function, **settings)
    refused_update(world.create_event_source_mapping(queue, function), INVALID, text, **settings)


def test_pollers_and_maximum_concurrency_exclude_each_other_over_an_update_too(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, maximum_concurrency=5)
    refused_update(mapping, INVALID, POLLERS_AND_MAXIMUM, minimum_pollers=2)
    mapping.update(minimum_pollers=2, maximum_concurrency=None)
    refused_update(mapping, INVALID, POLLERS_AND_MAXIMUM, maximum_concurrency=5)
    mapping.update(minimum_pollers=None, maximum_concurrency=5)
    answer = mapping.describe()
    assert answer["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert "ProvisionedPollerConfig" not in answer


def test_an_update_of_one_number_of_pollers_is_checked_against_the_other(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, minimum_pollers=10, maximum_pollers=20)
    refused_update(mapping, INVALID, POLLERS, maximum_pollers=9)
    refused_update(mapping, INVALID, POLLERS, minimum_pollers=21)
    mapping.update(minimum_pollers=20)
    assert mapping.describe()["ProvisionedPollerConfig"] == {"MinimumPollers": 20, "MaximumPollers": 20}


@pytest.mark.parametrize("profile", ["current", "legacy"])
def test_pollers_with_another_profile_are_a_mistake(world, queue, function, profile):
    with pytest.raises(errors.UsageError, match=profile):
        world.create_event_source_mapping(queue, function, profile=profile, minimum_pollers=2)


# -------------------------------------------------------------------------------------------------------------- C10
PATTERN_OF_4096 = '{"body": ["' + "x" * (4096 - len('{"body": [""]}')) + '"]}'


def test_a_pattern_has_at_most_4096_characters(world, queue, function):
    assert len(PATTERN_OF_4096) == 4096
    world.create_event_source_mapping(queue, function, filters=[PATTERN_OF_4096]).delete()
    longer = PATTERN_OF_4096 + " "
    for before in ([], [ONE]):
        text = of_model(
            longer,
            f"filterCriteria.filters.{len(before) + 1}.member.pattern",
            "have length less than or equal to 4096",
        )
        refused_create(world, "ValidationException", text, queue, function, filters=[*before, longer])


def test_characters_are_counted_and_not_bytes(world, queue, function):
    pattern = '{"body": ["' + "ü" * (4096 - len('{"body": [""]}')) + '"]}'
    assert world.create_event_source_mapping(queue, function, filters=[pattern])


@pytest.mark.parametrize(
    "pattern", ["null", "order", '{"eventSource": "x"}', '{"eventSource": []}', "", "[]", "{}", '{"body": {"a": 1}}']
)
def test_a_filter_is_a_json_object_with_lists_at_its_leaves(world, queue, function, mapping, pattern):
    other = world.create_function(None, name="other")
    refused_create(world, INVALID, NO_PATTERN, queue, other, filters=[ONE, pattern])
    refused_update(mapping, INVALID, NO_PATTERN, filters=[pattern])


def test_there_are_at_most_five_filters_or_as_many_as_aws_has_granted(world, queue, function, mapping):
    text = "Exceeded the maximum number of filters: {}."
    other = world.create_function(None, name="other")
    refused_create(world, INVALID, text.format(5), queue, other, filters=[ONE] * 6)
    refused_update(mapping, INVALID, text.format(5), filters=[ONE] * 6)
    refused_create(world, INVALID, text.format(10), queue, other, filters=[ONE] * 11, max_filters=10)
    refused_create(world, INVALID, text.format(1), queue, other, filters=[ONE] * 2, max_filters=1)
    mapping.update(filters=[ONE] * 10, max_filters=10)
    assert mapping.describe()["FilterCriteria"] == {"Filters": [{"Pattern": ONE}] * 10}
    refused_update(mapping, INVALID, text.format(9), max_filters=9)


# -------------------------------------------------------------------------------------------------------- C9 and C11
@pytest.mark.parametrize("metrics", [["ErrorCount"], ["EventCount", "ErrorCount"]])
def test_the_only_metric_that_can_be_asked_for_is_event_count(world, queue, function, metrics):
    text = of_model(
        f"[{', '.join(metrics)}]",
        "metricsConfig.metrics",
        "satisfy constraint: [Member must satisfy enum value set: [EventCount]]",
    )
    refused_create(world, "ValidationException", text, queue, function, metrics=metrics)


def test_the_minutes_of_metrics_are_published_where_event_count_is_asked_for(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function)
    queue.send("a")
    world.advance(1)
    assert mapping.metrics["PolledEventCount"] == 1
    assert mapping.metrics.minutes("PolledEventCount") == {}
    mapping.update(metrics=["EventCount"])
    assert mapping.metrics.minutes("PolledEventCount") == {0: 1}
    mapping.update(metrics=[])
    assert mapping.metrics.minutes("PolledEventCount") == {}


# -------------------------------------------------------------------------------------------------------------- C12
def too_short(visibility, timeout):
    return f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"


@pytest.mark.parametrize(("visibility", "timeout"), [(30, 31), (0, 1), (899, 900)])
def test_the_visibility_timeout_is_no_shorter_than_the_functions_timeout(world, visibility, timeout):
    queue = world.create_queue("short", visibility_timeout=visibility)
    function = world.create_function(None, name="work", timeout=timeout)
    refused_create(world, INVALID, too_short(visibility, timeout), queue, function)
    function.update(timeout=max(1, timeout - 1))
    if visibility:  # equal is accepted
        assert world.create_event_source_mapping(queue, function).state == "Enabled"


def test_the_visibility_timeout_is_checked_again_only_where_an_update_names_the_function(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function)
    function.update(timeout=31)
    mapping.update(batch_size=5)
    mapping.disable()
    mapping.enable()
    refused_update(mapping, INVALID, too_short(30, 31), function=function)
    refused_update(mapping, INVALID, too_short(30, 31), function="work", batch_size=1)
    assert mapping.describe()["BatchSize"] == 5
    queue.set_attributes(visibility_timeout=31)
    world.advance(60)
    mapping.update(function=function, batch_size=1)
    assert mapping.describe()["BatchSize"] == 1


def test_the_timeout_that_is_compared_is_that_of_the_version(world, queue, function):
    function.create_alias("live", function.publish_version())
    function.update(timeout=31)
    assert world.create_event_source_mapping(queue, "work:1").state == "Enabled"
    assert world.create_event_source_mapping(queue, "work:live").state == "Enabled"
    refused_create(world, INVALID, too_short(30, 31), queue, "work")


# -------------------------------------------------------------------------------------------------------------- C13
@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("destination_config", {"OnSuccess": {"Destination": "arn"}}, "DestinationConfig"),
        ("destination_config", {"OnFailure": {"Destination": "arn"}}, "DestinationConfig"),
        ("starting_position", "LATEST", "StartingPosition"),
        ("parallelization_factor", 1, "ParallelizationFactor"),
        ("bisect_batch_on_function_error", False, "BisectBatchOnFunctionError"),
        ("maximum_retry_attempts", 0, "MaximumRetryAttempts"),
        ("maximum_record_age_in_seconds", -1, "MaximumRecordAgeInSeconds"),
        ("tumbling_window_in_seconds", 0, "TumblingWindowInSeconds"),
        ("topics", ["t"], "Topics"),
        ("queues", ["q"], "Queues"),
        ("document_db_event_source_config", {}, "DocumentDBEventSourceConfig"),
        ("self_managed_kafka_event_source_config", {}, "SelfManagedKafkaEventSourceConfig"),
    ],
)
def test_parameters_of_streams_and_brokers_are_not_for_sqs(world, queue, function, mapping, name, value, shown):
    text = f"Unsupported {shown} parameter for given event source mapping type."
    other = world.create_function(None, name="other")
    refused_create(world, INVALID, text, queue, other, **{name: value})
    refused_update(mapping, INVALID, text, **{name: value})


# -------------------------------------------------------------------------------------------- mistakes of the caller
WRONG = [
    *((name, 1.0) for name, *_ in RANGES),
    *((name, True) for name, *_ in RANGES),
    *((name, "5") for name, *_ in RANGES),
    ("batch_size", None),
    ("maximum_batching_window_in_seconds", None),
    ("minimum_pollers", 2.0),
    ("maximum_pollers", "20"),
    ("maximum_pollers", True),
    ("report_batch_item_failures", ["ReportBatchItemFailures"]),
    ("report_batch_item_failures", 1),
    ("enabled", "yes"),
    ("enabled", None),
    ("filters", ONE),
    ("filters", {"body": ["a"]}),
    ("filters", [{"body": ["a"]}]),
    ("metrics", "EventCount"),
    ("metrics", [1]),
    ("profile", "fast"),
    ("profile", None),
    ("split", "fair"),
    ("split", 5),
    ("split", [0]),
    ("split", [11]),
    ("split", [2.5]),
    ("split", b"greedy"),
    ("tick", 0),
    ("tick", 61),
    ("tick", 1.5),
    ("window_anchor", "last_record"),
    ("window_mode", "short"),
    ("window_extends_visibility", 0),
    ("keep_surplus", None),
    ("filter_record_keys", "no"),
    ("fifo_split_by_group", 1),
    ("delete_attempts", 0),
    ("delete_attempts", 11),
    ("empty_text_is_success", 1),
    ("json_text_is_response", 1),
    ("empty_entry_fails", 1),
    ("throttle_delays", []),
    ("throttle_delays", 4),
    ("throttle_delays", [0]),  # tried again without end at one instant
    ("throttle_delays", [4, -1]),
    ("throttle_delays", [43_201]),
    ("throttle_delays", ["4"]),
    ("throttle_retry_needs_timeout", 1),
    ("polls_without_function", 1),
    ("growth_needs_backlog", 1),
    ("shrink_at_empty_poll", 1),
    ("quiet_after", -1),
    ("quiet_after", float("inf")),
    ("quiet_after", float("nan")),
    ("backoff", 1),
    ("backoff_ratio", 1.1),
    ("backoff_ratio", -0.1),
    ("backoff_ratio", "0.1"),
    ("none_for_missing_digest", 1),
    ("normalise_numbers", 1),
    ("max_filters", 0),
    ("max_filters", 11),
    ("transition_delay", -1),
    ("transition_delay", "30"),
    ("transition_delay", float("nan")),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_the_wrong_kind_is_named(world, queue, function, mapping, name, value):
    other = world.create_function(None, name="other")
    before = mapping.describe()
    wrong = value[0] if isinstance(value, list) and len(value) == 1 else value
    wrong = -1 if value == [4, -1] else wrong
    for call in (lambda **given: world.create_event_source_mapping(queue, other, **given), mapping.update):
        with pytest.raises(errors.UsageError) as caught:
            call(**{name: value})
        assert not isinstance(caught.value, errors.LambdaError)
        assert name in str(caught.value)
        assert repr(wrong) in str(caught.value)
    assert mapping.describe() == before
    assert world.event_source_mappings() == [mapping]


@pytest.mark.parametrize("name", ["batchsize", "BatchSize", "window", "function_response_types", "parsed_filters"])
def test_an_unknown_setting_is_a_mistake_that_names_it(world, queue, function, mapping, name):
    for call in (lambda **given: world.create_event_source_mapping(queue, "work", **given), mapping.update):
        with pytest.raises(errors.UsageError, match=f"'{name}' is not a setting"):
            call(**{name: 1})


@pytest.mark.parametrize("source", [5, ["orders"], b"arn:aws:sqs:us-east-1:123456789012:orders"])
def test_a_queue_is_a_queue_or_its_arn(world, function, source):
    with pytest.raises(errors.UsageError) as caught:
        world.create_event_source_mapping(source, function)
    assert repr(source) in str(caught.value)


@pytest.mark.parametrize("name", [5, print, ["work"], None])
def test_a_function_is_a_function_or_its_name(world, queue, name):
    with pytest.raises(errors.UsageError) as caught:
        world.create_event_source_mapping(queue, name)
    assert repr(name) in str(caught.value)


def test_a_handler_in_place_of_a_function_is_a_mistake_at_an_update_too(mapping):
    with pytest.raises(errors.UsageError, match="not 5"):
        mapping.update(function=5)


def test_queues_and_functions_of_another_world_are_a_mistake(world, queue, function):
    other = minisqs.World(seed=2)
    with pytest.raises(errors.UsageError):
        world.create_event_source_mapping(other.create_queue("orders"), function)
    with pytest.raises(errors.UsageError, match="another world"):
        world.create_event_source_mapping(queue, other.create_function(None, name="work"))


# --------------------------------------------------------------------------------------------------------- what it answers
def plain_answer(mapping):
    return {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{mapping.uuid}",
        "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:work",
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "LastModified": datetime(2025, 1, 1, tzinfo=UTC),
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
    }


def test_a_plain_mapping_shows_these_keys_in_this_order_and_no_others(mapping):
    assert list(mapping.describe().items()) == list(plain_answer(mapping).items())


def test_what_is_set_is_shown_and_what_is_taken_away_is_gone(world, mapping):
    world.advance(1.5)
    mapping.update(
        batch_size=100,
        maximum_batching_window_in_seconds=20,
        report_batch_item_failures=True,
        filters=[ONE],
        maximum_concurrency=7,
        metrics=["EventCount"],
    )
    changed = {
        **plain_answer(mapping),
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 20,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "LastModified": datetime(2025, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC),
        "FilterCriteria": {"Filters": [{"Pattern": ONE}]},
        "ScalingConfig": {"MaximumConcurrency": 7},
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    assert mapping.describe() == changed
    mapping.update(
        batch_size=10,
        maximum_batching_window_in_seconds=0,
        report_batch_item_failures=False,
        filters=[],
        maximum_concurrency=None,
        metrics=[],
    )
    assert mapping.describe() == {**plain_answer(mapping), "LastModified": changed["LastModified"]}


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"minimum_pollers": 5}, {"MinimumPollers": 5, "MaximumPollers": 200}),
        ({"maximum_pollers": 5}, {"MinimumPollers": 2, "MaximumPollers": 5}),
        ({"minimum_pollers": 3, "maximum_pollers": 4}, {"MinimumPollers": 3, "MaximumPollers": 4}),
    ],
)
def test_the_pollers_that_were_not_given_are_shown_with_their_default(world, queue, function, settings, shown):
    mapping = world.create_event_source_mapping(queue, function, **settings)
    assert mapping.describe() == {**plain_answer(mapping), "ProvisionedPollerConfig": shown}
    world.advance(1)
    assert mapping.concurrency == 10 * shown["MinimumPollers"]
    mapping.update(minimum_pollers=None, maximum_pollers=None)
    assert "ProvisionedPollerConfig" not in mapping.describe()


def test_a_mapping_that_gives_its_pollers_back_scales_like_others(world, queue, function):
    mapping = world.create_event_source_mapping(queue, function, minimum_pollers=2)
    world.advance(1)
    mapping.update(minimum_pollers=None)
    world.advance(400)
    assert mapping.concurrency == 2


def test_the_answer_is_the_callers_own(mapping):
    mapping.describe()["FunctionResponseTypes"].append("x")
    assert mapping.describe() == plain_answer(mapping)


@pytest.mark.parametrize("uuid", ["", "nobody", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_uuid_does_not_exist(world, mapping, uuid):
    with pytest.raises(errors.ResourceDoesNotExist) as caught:
        world.event_source_mapping(uuid)
    check_refusal(
        caught.value,
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
        "GetEventSourceMapping",
    )
    assert world.event_source_mapping(mapping.uuid) is mapping


def test_a_uuid_is_a_text(world, mapping):
    with pytest.raises(errors.UsageError, match="named by its UUID"):
        world.event_source_mapping(mapping)


@pytest.mark.parametrize(
    "name",
    ["nobody", "arn:aws:lambda:eu-west-1:123456789012:function:work", "arn:aws:sqs:us-east-1:123456789012:work", ""],
)
def test_an_unknown_function_is_not_found(world, function, name):
    with pytest.raises(errors.ResourceDoesNotExist) as caught:
        world.function(name)
    check_refusal(caught.value, "ResourceNotFoundException", f"Function not found: {name}", "GetFunction")
    assert world.function("work") is world.function(function.arn) is function


@pytest.mark.parametrize(
    "error_class",
    [
        errors.InvalidParameterValueException,
        errors.ResourceConflictException,
        errors.ResourceInUseException,
        errors.ResourceDoesNotExist,
    ],
)
def test_the_text_stands_where_lambdas_model_has_it(error_class):
    """ResourceInUse and ResourceNotFound spell it ``Message``, the others ``message``."""
    session = pytest.importorskip("botocore.session").get_session()
    members = session.get_service_model("lambda").shape_for(error_class.code).members
    assert {"Type", *error_class("text").response.keys() & {"message", "Message"}} == set(members)
