"""Each bug of the zoo is found, and each twin is left alone."""

from __future__ import annotations

import pytest
from zoo import ZOO

import minisqs

pytestmark = pytest.mark.slow

TWIN_BUDGET = 150
TWIN_RUNS = 60

every_specimen = pytest.mark.parametrize("specimen", ZOO, ids=lambda specimen: specimen.name.replace(" ", "-"))


def settings_of(specimen):
    return {"queue": specimen.queue, "function": specimen.function, "mapping": specimen.mapping}


@every_specimen
def test_the_bug_is_found(specimen):
    with pytest.raises(minisqs.CheckFailed) as caught:
        minisqs.check(specimen.bug, specimen.messages, **settings_of(specimen))
    report = caught.value.report
    assert 1 <= len(report.faults) <= 3
    assert len(report.messages) <= len(specimen.messages)
    assert len(report.token) <= 80
    again = minisqs.replay(specimen.bug, report.token, specimen.messages, **settings_of(specimen))
    assert again.state == report.got


@every_specimen
def test_the_twin_is_left_alone(specimen):
    checked = minisqs.check(
        specimen.twin, specimen.messages, budget=TWIN_BUDGET, runs=TWIN_RUNS, **settings_of(specimen)
    )
    assert sum(checked.faults.values()) > 0
