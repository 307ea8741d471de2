"""Which states are the same but for the names of deliveries."""

from uuid import UUID  # noqa: TID251  # as consumers keep request ids

import pytest

import minisqs
from minisqs.explore.delivery_names import same_but_for

ONE, OTHER, STREAM = "request-1", "request-2", "a stream"


def around(name):
    return {name: [(name, "x" * 300, "a")], "in": {(name, "x" * 300), (name, "y")}, "text": f"by {name}!"}


def test_names_are_the_same_wherever_they_stand():
    assert same_but_for({ONE, OTHER}, around(ONE), around(OTHER))


@pytest.mark.parametrize(
    ("one", "other"),
    [([ONE], (OTHER,)), ([ONE], {OTHER}), ({}, []), (set(), {}), ([ONE], [ONE, OTHER]), (ONE, STREAM)],
    ids=repr,
)
def test_their_number_their_kind_and_what_they_are_in_count(one, other):
    assert not same_but_for({ONE, OTHER, STREAM}, one, other)


def test_a_request_id_may_be_kept_as_a_uuid():
    one, other = UUID(int=1), UUID(int=2)
    names = {str(one), str(other)}
    assert same_but_for(names, {"by": one}, {"by": other})
    assert not same_but_for(names, {"by": one}, {"by": str(one)})
    assert not same_but_for({str(one)}, {"by": one}, {"by": other})


class Audited:
    """Keeps in which invocation each message was done, as a UUID."""

    def __init__(self):
        self.done = {}

    def handler(self, event, context):
        for record in event["Records"]:
            self.done[record["body"]] = UUID(context.aws_request_id)

    def observe(self):
        return self.done


def test_a_consumer_that_keeps_one_is_not_accused_of_it():
    assert not minisqs.check(Audited, ["a"], runs=30, budget=60).found


def test_sets_are_put_in_order_by_all_of_their_elements():
    long = "x" * 300
    assert same_but_for({ONE, OTHER}, {(ONE, long, 1), (OTHER, long, 2)}, {(OTHER, long, 1), (ONE, long, 2)})


def test_what_leads_to_itself_is_no_other_than_it_is():
    one = [ONE]
    one.append(one)
    assert not same_but_for({ONE, OTHER}, one, [OTHER])
