"""Holds each step that a message is seen to take against the table of ``engine.lifecycle``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from minisqs import World
from minisqs.engine.lifecycle import TRANSITIONS, Event, State

Answer = TypeVar("Answer")

TIME = frozenset({Event.DELAY_ENDED, Event.VISIBILITY_TIMEOUT_ENDED, Event.EXPIRED, Event.RESURFACED})
PERMITTED = {
    "send_message": frozenset[Event](),
    "receive_message": frozenset({Event.RECEIVED, Event.MOVED, Event.DUPLICATED}),
    "receive_message and show again": frozenset({Event.RECEIVED, Event.MOVED, Event.VISIBILITY_TIMEOUT_ENDED}),
    "delete_message": frozenset({Event.DELETED}),
    "delete_message with a fault": frozenset({Event.DELETED, Event.DELETE_MISSED, Event.RESURFACED}),
    "change_message_visibility": frozenset({Event.HIDDEN}),
    "change_message_visibility to 0": frozenset({Event.HIDDEN, Event.VISIBILITY_TIMEOUT_ENDED}),
    "purge_queue": frozenset({Event.PURGED}),
    "set_queue_attributes": frozenset({Event.EXPIRED}),
    "advance": TIME,
    "poll": TIME | {Event.RECEIVED, Event.MOVED, Event.DUPLICATED},
}
"""Which events an action may cause in messages that had settled before it."""


@cache
def reachable(state: State, events: frozenset[Event]) -> frozenset[State]:
    """The states to which the rows of ``events`` lead from a state, in any number of steps."""
    reached = {state}
    while True:
        further = {to for one in reached for event, to in TRANSITIONS[one].items() if event in events}
        if further <= reached:
            return frozenset(reached)
        reached |= further


def watched(world: World, action: str, act: Callable[[], Answer]) -> Answer:
    """Act, and assert that every message that was there before took only steps that the action may cause."""
    queues = world.sqs.service.queues()  # World.queues would write into the journal
    before = [(message, message.state) for queue in queues for message in queue.messages.values()]
    try:
        return act()
    finally:
        events = PERMITTED[action]
        for message, state in before:
            assert message.state in reachable(state, events), f"{action} led {message} from {state!r}"
