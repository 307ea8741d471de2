"""What Hypothesis draws: what a state machine costs beside its draws, and how many runs a test of plans makes a second."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter as clock  # noqa: TID251  # a benchmark reads the real clock
from typing import Any

from kit import Goal, figure, in_turn, left_out, ratio_figure, section
from subjects import FULL, Scale

import minisqs

MESSAGES = ["order-1", "order-2", "order-3"]


class Sound:
    """Whatever comes twice is written once."""

    def __init__(self) -> None:
        self.orders: dict[str, int] = {}

    def handler(self, event: Any, context: Any) -> None:
        for record in event["Records"]:
            self.orders[record["body"]] = 1

    def observe(self) -> list[str]:
        return sorted(self.orders)


def drawn(scale: Scale) -> None:
    """Print the figures."""
    section("drawn", "a QueueMachine over one with the same rules and draws that does nothing; real time of examples")
    try:
        examples = 100 if scale is FULL else 10
        machine, empty = _machines()
        results = in_turn(
            {
                "machine": lambda: {"example": _machine_example(machine, examples)},
                "empty": lambda: {"example": _machine_example(empty, examples)},
            },
            scale.rounds,
        )
        ratio_figure("an example of a machine", results.ratio("example", "machine", "empty"), Goal(1.35))
        figure("an example of a machine", results.median("example", "machine") * 1e6, unit=" us")
        runs = in_turn({"plans": lambda: {"example": _plan_example(examples)}}, scale.rounds)
        each = runs.median("example", "plans")
        figure("examples of fault_plans() a second", 1 / each, Goal(20, at_least=True), unit="")
    except ModuleNotFoundError:
        left_out("the figures", "they need hypothesis")


def _machines() -> tuple[type, type]:
    """A machine, and one with the same rules and draws whose rules are empty and whose preconditions always hold."""
    from hypothesis import strategies as st  # noqa: PLC0415  # an extra
    from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule  # noqa: PLC0415  # an extra

    from minisqs.testing import stateful  # noqa: PLC0415  # it stands on that

    class Machine(stateful.QueueMachine):
        consumer = Sound

    places = st.integers(0, 9)
    draws: dict[str, dict[str, Any]] = {
        "send_message": {}, "deliver": {}, "kill_at_work": {"parts": st.integers(1, 3)}, "receive_message": {},
        "work": {"place": places}, "delete_message": {"place": places},
        "change_visibility": {"place": places, "seconds": st.sampled_from([0, 1, 60])}, "kill": {"place": places},
        "advance": {"seconds": st.sampled_from(stateful.SECONDS)}, "let_lease_end": {}, "come_to_rest": {},
    }  # fmt: skip
    held = ("work", "delete_message", "change_visibility", "kill")
    rules = {name: rule(**given)(_nothing(name)) for name, given in draws.items()}
    rules |= {name: precondition(_holds)(one) for name, one in rules.items() if name in held}
    plans = minisqs.strategies.fault_plans(stateful.FAULTS, most=2)
    rules["let_go_wrong"] = initialize(plan=plans)(_nothing("let_go_wrong"))
    return Machine, type("Empty", (RuleBasedStateMachine,), rules)


def _holds(machine: object) -> bool:
    return True


def _nothing(name: str) -> Callable[..., None]:
    def nothing(self: object, **drawn: object) -> None:
        """Nothing."""

    nothing.__name__ = name
    return nothing


def _machine_example(machine: type, examples: int) -> float:
    """Seconds an example of fifty steps."""
    from hypothesis import HealthCheck, settings  # noqa: PLC0415  # an extra
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415  # an extra

    given = settings(
        max_examples=examples, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    began = clock()
    run_state_machine_as_test(machine, settings=given)
    return (clock() - began) / examples


def _plan_example(examples: int) -> float:
    """Seconds an example of a test over a shop with three messages."""
    from hypothesis import given, settings  # noqa: PLC0415  # an extra

    ran = 0

    @settings(max_examples=examples, database=None, derandomize=True, deadline=None)
    @given(minisqs.strategies.fault_plans())
    def totals_are_right(plan: minisqs.FaultPlan) -> None:
        nonlocal ran
        ran += 1
        assert minisqs.run(Sound, MESSAGES, faults=plan).state == minisqs.perfect(Sound, MESSAGES).state

    began = clock()
    totals_are_right()
    return (clock() - began) / ran
