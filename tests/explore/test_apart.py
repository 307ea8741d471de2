"""Module globals are each environment's own on Lambda: no story may need that two environments share them."""

import pytest

import minisqs
from minisqs import errors

current_order = None
handled = []
MESSAGES = ["a", "b"]


class Audited:
    """Right on Lambda: notes in a global which order it is at, and looks there when it writes to the log."""

    def __init__(self):
        self.log = minisqs.outside.Table("log")

    def note(self, what):
        self.log.put((current_order, what), 1)

    def handler(self, event, context):
        global current_order  # noqa: PLW0603  # as handlers do
        for record in event["Records"]:
            current_order = record["body"]
            self.note("begun")
            self.note("done")


class CountsForItself:
    """Charges twice, and keeps in a global what has nothing to do with it."""

    def __init__(self):
        self.charges = []

    def handler(self, event, context):
        for record in event["Records"]:
            handled.append(record["body"])
            self.charges.append(record["body"])

    def observe(self):
        return self.charges


@pytest.mark.parametrize("look", [minisqs.check, minisqs.prove])
def test_a_global_that_only_environments_which_overlap_would_share_is_refused_by_name(look):
    with pytest.raises(errors.UsageError, match=r"test_apart\.current_order is shared here by environments"):
        look(Audited, MESSAGES)


@pytest.mark.parametrize("look", [minisqs.check, minisqs.prove])
def test_a_bug_beside_a_global_is_told(look):
    with pytest.raises(minisqs.CheckFailed) as caught:
        look(CountsForItself, ["a"])
    assert caught.value.report.got == ["a", "a"]


def test_what_globals_held_is_there_again_after_a_story_was_looked_at():
    held = handled
    with pytest.raises(minisqs.CheckFailed):
        minisqs.check(CountsForItself, ["a"])
    assert handled is held
