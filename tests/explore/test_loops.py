"""Real-world polling loops: each planted bug is found, and each corrected twin passes."""

import pytest

import minisqs

from .loops import LOOPS


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_the_bug_is_found(loop):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(loop.bug, faults=loop.faults)
    report = caught.value.report
    assert report.faults
    assert len(report.token) <= 80
    again = minisqs.replay(loop.bug, report.token)
    assert again.state == report.got


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
@pytest.mark.slow
def test_each_fault_that_is_named_breaks_it(loop):
    for fault in loop.by:
        with pytest.raises(minisqs.CheckFailed) as caught:
            minisqs.check(loop.bug, faults=[fault])
        assert {one.name for one in caught.value.report.faults} == {fault}


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_the_twin_passes(loop):
    checked = minisqs.check(loop.twin, faults=loop.faults, budget=100, runs=25)
    assert set(loop.by) <= checked.faults.keys()


def test_there_are_at_least_ten():
    assert len(LOOPS) >= 10
    assert len({loop.name for loop in LOOPS}) == len(LOOPS)
