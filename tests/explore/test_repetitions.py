"""Where a timeline goes round in a circle, all rounds but the first are left out."""

from __future__ import annotations

import pytest

from minisqs.explore.repetitions import Rounds, rounds_of
from minisqs.explore.telling import Line


def lines(*texts):
    """Lines of a timeline, a second each: "+" begins, "-" ends, "*" is a fault, anything else is the queue's."""
    marks = [text[0] if text[0] in "+-*|" else "" for text in texts]
    return [
        Line(place, 1 if mark else 0, mark, text, ())
        for place, (mark, text) in enumerate(zip(marks, texts, strict=True))
    ]


ROUND = ("+gets a", "-raises", "visible again")


@pytest.mark.parametrize("texts", [(), ("+",), ("+gets a", "-returns", "deleted"), ROUND * 2])
def test_a_timeline_that_does_not_go_round_is_told_whole(texts):
    assert rounds_of(lines(*texts)) is None


def test_all_rounds_but_the_first_are_left_out():
    timeline = lines("+gets a", "*is killed", "visible again", *ROUND * 10)
    assert rounds_of(timeline) == Rounds(5, 33, 9)  # the first ends with "raises"


def test_what_comes_after_the_rounds_is_kept():
    timeline = lines(*ROUND * 10, "expires")
    assert rounds_of(timeline) == Rounds(5, 29, 8)
    assert [line.text for line in timeline[29:]] == ["visible again", "expires"]


def test_rounds_are_equal_whatever_their_times_counts_workers_and_values():
    timeline = [
        Line(number, number, mark, text.format(number), ("main/1",))
        for number in range(1, 5)
        for mark, text in (("+", "gets a, delivery {}"), ("|", "line 1  f()  -> n = {}"), ("-", "returns"))
    ]
    assert rounds_of(timeline) == Rounds(3, 12, 3)


def test_deliveries_of_other_messages_are_no_rounds():
    timeline = [
        Line(number, 1, mark, text, (f"main/{number}",))
        for number in range(1, 9)
        for mark, text in (("+", "gets it"), ("-", "returns"))
    ]
    assert rounds_of(timeline) is None


def test_a_round_may_have_many_lines():
    long = [f"|line {number}" for number in range(30)]
    assert rounds_of(lines(*long * 3)) == Rounds(30, 90, 2)


def test_of_several_circles_the_longest_is_shortened():
    timeline = lines(*["a"] * 5, *ROUND * 10)
    assert rounds_of(timeline) == Rounds(10, 35, 8)
