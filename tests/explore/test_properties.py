from __future__ import annotations

import functools

import minisqs
from minisqs.explore.properties import without_locks


class Rates:
    def __init__(self):
        self.booked = {}

    @functools.cached_property
    def rates(self):
        rates = {"EUR": 1}
        return dict(rates)

    def handler(self, event, context):
        for record in event["Records"]:
            self.booked[record["body"]] = self.rates["EUR"]

    def observe(self):
        return self.booked


def test_a_delivery_that_dies_in_a_cached_property_keeps_no_other_out():
    assert minisqs.check(Rates, ["a", "b"], budget=150, runs=20).faults["kill"] > 0


def test_the_locks_of_cached_properties_are_given_back():
    before = getattr(vars(Rates)["rates"], "lock", None)
    with without_locks([Rates]):
        pass
    assert getattr(vars(Rates)["rates"], "lock", None) is before
