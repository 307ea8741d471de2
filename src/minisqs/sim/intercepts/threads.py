"""Threads of simulated code: those that the simulation runs, and those that it refuses."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from .attributes import Attribute, attributes_of
from .here import here, machine
from .users_line import users_place

STACK: Final = "_minisqs_stack"
"""The attribute of a thread that runs in simulated time: what it runs on, with ``join`` and ``is_alive``."""


class _Threads:
    """The stand-ins for functions that start threads, and tell which one this is: bound methods, as those of ``time`` are."""

    def start_new_thread(self, *arguments: Any) -> Any:
        return self._start("_thread.start_new_thread", *arguments)

    def start_joinable_thread(self, *arguments: Any, **named: Any) -> Any:
        return self._start("_thread.start_joinable_thread", *arguments, **named)

    def _start(self, name: str, *arguments: Any, **named: Any) -> Any:
        simulation = here.simulation
        if simulation is not None:
            simulation.started_thread(users_place())
        return machine[name](*arguments, **named)

    def current_thread(self) -> Any:
        simulation = here.simulation
        thread = None if simulation is None else simulation.thread()
        return machine["threading.current_thread"]() if thread is None else thread


_threads: Final = _Threads()

FUNCTIONS: Final[dict[str, object]] = {
    "threading.current_thread": _threads.current_thread,
    "_thread.start_new_thread": _threads.start_new_thread,
    "_thread.start_joinable_thread": _threads.start_joinable_thread,
}


def _start(attribute: Attribute) -> object:
    def start(self: threading.Thread) -> None:
        simulation = here.simulation
        if simulation is None:
            attribute.real(self)
        else:
            simulation.start_thread(self, users_place())

    return start


def _join(attribute: Attribute) -> object:
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        stack = vars(self).get(STACK)
        if stack is None:
            attribute.real(self, timeout)
        else:
            stack.join(timeout)

    return join


def _is_alive(attribute: Attribute) -> object:
    def is_alive(self: threading.Thread) -> bool:
        stack = vars(self).get(STACK)
        return attribute.real(self) if stack is None else bool(stack.is_alive)

    return is_alive


def forget_pools() -> None:
    """Let the interpreter not wait at its exit for threads of pools that have only run in simulated time."""
    pools = sys.modules.get("concurrent.futures.thread")
    waited_for: Any = () if pools is None else vars(pools)["_threads_queues"]
    for thread in [thread for thread in waited_for if STACK in vars(thread)]:
        del waited_for[thread]


def attributes() -> Iterator[Attribute]:
    """The methods of threads that have stand-ins."""
    for name, make in (("start", _start), ("join", _join), ("is_alive", _is_alive)):
        yield from attributes_of([threading.Thread], name, make)
