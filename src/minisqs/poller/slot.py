"""One slot of a mapping, as a record: what it does, what it has in its hands, and the events it waits for.

``slots`` changes what has to do with polling, ``batches`` what has to do with a batch.
"""

from __future__ import annotations

from enum import IntEnum, auto

import attrs

from ..engine.message import Delivery
from ..sim.kernel import Event
from .events import Payload
from .functions import Reference
from .settings import Settings


class State(IntEnum):
    """What a slot does."""

    FREE = auto()
    COLLECTING = auto()
    RUNNING = auto()
    THROTTLED = auto()


@attrs.define(eq=False)
class Slot:
    """One loop of receive, batch, invoke and settle.

    Attributes:
        index: Its number in the mapping, from 1.
        name: What the journal calls it.
        settings, reference: Those under which its batch is received.
        state: What it does.
        batch: What it has collected; None while it is free.
        lease_ns: When the visibility timeout of its oldest record ends, counted from its receive.
        surplus: Records that did not fit into the batch.
        poll_began: Whether the present poll has looked before.
        turn: The event in which it looks, if that is now.
        timer: The event that ends its poll or pause, or tries its batch again.
        window_end_ns: When its window is over.
        window: The event that ends it then.
        attempts: How often its batch was throttled.
        failures: How often in a row its receives failed.
        completed_ns: When it last became free after a batch.
        counted, blamed: The ticks in which its batch was last counted, and counted as failed.
    """

    index: int
    name: str
    settings: Settings
    reference: Reference
    state: State = State.FREE
    batch: Payload | None = None
    lease_ns: int = 0
    surplus: list[Delivery] = attrs.field(factory=list)
    poll_began: bool = False
    turn: Event | None = None
    timer: Event | None = None
    window_end_ns: int = 0
    window: Event | None = None
    attempts: int = 0
    failures: int = 0
    completed_ns: int = 0
    counted: int = -1
    blamed: int = -1
