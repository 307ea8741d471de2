"""In which order events of one instant happen, so that runs repeat.

What falls due in a queue comes first, which is the kernel's business. Then completions and their deletes,
changes of mappings, throttle retries, slot events by mapping and slot, and last the ticks of the scale.
Everything else that happens at that instant, consumers and asyncio steps, lies before the slots.

Source: lambda-poller.md P15.
"""

from __future__ import annotations

from typing import Final

COMPLETIONS: Final = -3
CHANGES: Final = -2
RETRIES: Final = -1

_SLOTS: Final = 1_000_000
TICKS: Final = 1 << 60
LAST: Final = 1 << 61
"""Work that lets all others go on before it, at one instant."""


def slot(mapping: int, index: int) -> int:
    """The place of an event of a slot; the slots of one mapping lie side by side."""
    return mapping * 2 * _SLOTS + index


def collecting(mapping: int) -> int:
    """The place of another receive of slots that are collecting: behind all slots of their mapping."""
    return mapping * 2 * _SLOTS + _SLOTS
