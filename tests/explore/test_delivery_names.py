"""Which states are the same but for the names of deliveries."""

import pytest

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


def test_sets_are_put_in_order_by_all_of_their_elements():
    long = "x" * 300
    assert same_but_for({ONE, OTHER}, {(ONE, long, 1), (OTHER, long, 2)}, {(OTHER, long, 1), (ONE, long, 2)})


def test_what_leads_to_itself_is_no_other_than_it_is():
    one = [ONE]
    one.append(one)
    assert not same_but_for({ONE, OTHER}, one, [OTHER])
