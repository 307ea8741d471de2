import copy
import inspect
import pickle

import pytest

from minisqs import errors

CLASSES = [
    one
    for _, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.SqsError) and one is not errors.SqsError
]


def test_every_error_of_aws_is_in_the_table_of_shapes(shapes):
    assert set(CLASSES) == set(shapes)


@pytest.mark.parametrize("error_class", CLASSES)
def test_a_response_is_shaped_as_that_of_boto3(shapes, error_class):
    """sqs.md 1.1"""
    code, json_name, status, beside = shapes[error_class]
    error = error_class("some text")
    error.request_id = "an id"
    blamed = "Receiver" if error_class is errors.InternalFailure else "Sender"
    expected = {
        "Error": {"Message": "some text", "Code": code, "QueryErrorCode": json_name, "Type": blamed},
        "ResponseMetadata": {
            "RequestId": "an id",
            "HTTPStatusCode": status,
            "HTTPHeaders": {
                "x-amzn-requestid": "an id",
                "x-amzn-query-error": f"{code};{blamed}",
                "content-type": "application/x-amz-json-1.0",
            },
            "RetryAttempts": 0,
        },
    }
    assert error.response == expected | ({"message": "some text"} if beside else {})


@pytest.mark.parametrize("error_class", CLASSES)
def test_an_error_reads_as_that_of_boto3(error_class):
    error = error_class("some text")
    assert str(error) == f"An error occurred ({error.code}) when calling the SQS operation: some text"
    error.operation_name = "SendMessage"
    assert str(error) == f"An error occurred ({error.code}) when calling the SendMessage operation: some text"


@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize("through", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_an_error_survives_pickling_and_copying(error_class, through):
    error = error_class("some text")
    error.operation_name, error.request_id = "SendMessage", "an id"
    again = through(error)
    assert type(again) is error_class
    assert (str(again), again.response) == (str(error), error.response)


def test_shapes_that_aws_does_not_model_have_a_json_name_of_their_own():
    """sqs.md 1.2"""
    for error_class, name in (
        (errors.InvalidParameterValue, "InvalidParameterValueException"),
        (errors.MissingParameter, "MissingRequiredParameterException"),
    ):
        assert error_class("x").response["Error"]["QueryErrorCode"] == name
        assert error_class.code != name


def test_who_is_to_blame_is_in_the_type():
    assert issubclass(errors.UsageError, ValueError)
    assert not issubclass(errors.UsageError, errors.SqsError)
    assert issubclass(errors.NeverSettled, errors.MinisqsError)
    assert all(issubclass(one, errors.MinisqsError) for one in CLASSES)


def test_texts_that_never_vary_need_not_be_given():
    """sqs.md 1"""
    assert errors.QueueDoesNotExist().message == "The specified queue does not exist."
    assert errors.QueueDeletedRecently().message == (
        "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    )
    assert errors.InvalidBatchEntryId().message == (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    )
    assert errors.OverLimit.in_flight().message == (
        "Too many messages have been received without being deleted. "
        "Please delete your received messages or let them timeout before receiving more."
    )


def test_each_refused_call_has_an_operation_and_an_id_of_its_own(world, queue):
    ids = []
    for call, operation in ((lambda: queue.send(""), "SendMessage"), (lambda: queue.delete("x"), "DeleteMessage")):
        with pytest.raises(errors.SqsError) as caught:
            call()
        assert caught.value.operation_name == operation
        ids.append(caught.value.request_id)
    assert len(set(ids)) == 2
    assert all(len(one) == 36 for one in ids)
