"""SQS on a simulated clock, for testing code that consumes queues.

``World`` is where to begin. The names below are loaded when first used, so importing minisqs costs little.

The floors of the house, each importing only what lies below it::

    world                    what a user holds
    client                   the friendly API, and a client with boto3's shape
    poller                   Lambda's functions and event source mappings, beside it
    protocol                 SQS as dictionaries
    sim                      simulated time, faults, the port, the journal
    engine                   SQS itself, pure
    errors, limits           every error, every number
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import errors as errors
    from . import outside as outside
    from .adapters.mocking import mock_sqs as mock_sqs
    from .client.attributes import RedrivePolicy as RedrivePolicy
    from .client.queue import Message as Message
    from .client.queue import Queue as Queue
    from .client.roles import Consumer as Consumer
    from .client.roles import Producer as Producer
    from .engine.values import SendMessage as SendMessage
    from .errors import CheckFailed as CheckFailed
    from .errors import EscapedSimulation as EscapedSimulation
    from .errors import Interrupted as Interrupted
    from .errors import ProofIncomplete as ProofIncomplete
    from .errors import UsageError as UsageError
    from .explore.check import check as check
    from .explore.check import perfect as perfect
    from .explore.check import replay as replay
    from .explore.check import run as run
    from .explore.deploying import deployed as deployed
    from .explore.oracles import always as always
    from .explore.oracles import sometimes as sometimes
    from .explore.prove import prove as prove
    from .explore.subjects import scenario as scenario
    from .explore.sweep import sweep as sweep
    from .sim.faults import Faults as Faults
    from .sim.sources import FaultPlan as FaultPlan
    from .sim.sources import Plan as Plan
    from .testing import strategies as strategies
    from .world import World as World

__version__ = "0.1.0"

_HOME = {
    "CheckFailed": "errors",
    "Consumer": "client.roles",
    "EscapedSimulation": "errors",
    "ProofIncomplete": "errors",
    "FaultPlan": "sim.sources",
    "Faults": "sim.faults",
    "Interrupted": "errors",
    "Message": "client.queue",
    "Plan": "sim.sources",
    "Producer": "client.roles",
    "Queue": "client.queue",
    "RedrivePolicy": "client.attributes",
    "SendMessage": "engine.values",
    "UsageError": "errors",
    "World": "world",
    "always": "explore.oracles",
    "check": "explore.check",
    "deployed": "explore.deploying",
    "mock_sqs": "adapters.mocking",
    "perfect": "explore.check",
    "prove": "explore.prove",
    "replay": "explore.check",
    "run": "explore.check",
    "scenario": "explore.subjects",
    "sometimes": "explore.oracles",
    "sweep": "explore.sweep",
}

_MODULES = ("errors", "outside")

_OF_EXTRAS = {"strategies": "testing.strategies"}  # not in ``__all__``, as what they stand on may be missing

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604  # all are texts

_DRAWN = {"FaultPlan": "fault_plans", "Faults": "fault_rates", "SendMessage": "messages"}
_hypothesis_is_here = False


def __getattr__(name: str) -> object:
    if name in _MODULES or name in _OF_EXTRAS:
        return import_module(f".{_OF_EXTRAS.get(name, name)}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    if _hypothesis_is_here and name in _DRAWN:
        _register(name)
    return value


def _hypothesis_setup_hook() -> None:
    """Let Hypothesis draw values of our types; it calls this by its entry point, which loads nothing else of minisqs.

    A type that is not loaded yet is registered once it is.
    """
    global _hypothesis_is_here  # noqa: PLW0603  # it is imported once in a process
    _hypothesis_is_here = True
    for name in _DRAWN:
        if name in globals():
            _register(name)


def _register(name: str) -> None:
    def strategy(_: object) -> object:
        return getattr(import_module(".testing.strategies", __name__), _DRAWN[name])()

    import_module("hypothesis.strategies").register_type_strategy(globals()[name], strategy)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_OF_EXTRAS})
