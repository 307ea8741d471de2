"""What reports call messages, works on them, and calls about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

MOST_NAMES: Final = 3
"""So many messages are told by name."""

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


def name_of(subject: str, known: Mapping[str, str] = NO_NAMES) -> str:
    """A message, or whoever else a choice is about, in words.

    Args:
        subject: Its address.
        known: Names that messages already have, by address.

    >>> name_of("main/3"), name_of("shop/2"), name_of("main/3#0/1"), name_of("main/3#1/1")
    ('message 3', 'message 2 of shop', 'message 1 sent for message 3', 'message 1 sent by delivery 2 of message 3')
    >>> name_of("main/3#1"), name_of("main/3#0/1#0", {"main/3#0/1": "message 1 of queue b"}), name_of("worker-1")
    ('the work on message 3, delivery 2', 'the work on message 1 of queue b', 'worker-1')
    """
    if subject in known:
        return known[subject]
    producer, _, place = subject.rpartition("/")
    if producer and place.isdigit():
        return f"message {place}" if producer == "main" else f"message {place} {_from(producer, known)}"
    worked_on, occurrence = _work(subject)
    if not occurrence:
        return subject
    if "/" not in worked_on:
        return worked_on
    again = f", delivery {int(occurrence) + 1}" if int(occurrence) else ""
    return f"the work on {name_of(worked_on, known)}{again}"


def _from(producer: str, known: Mapping[str, str]) -> str:
    worked_on, occurrence = _work(producer)
    return f"sent {sender(producer, known)}" if occurrence and worked_on else f"of {producer}"


def _work(subject: str) -> tuple[str, str]:
    """What a work is on, and how often there was one before; of anything else, the latter is empty."""
    worked_on, _, occurrence = subject.rpartition("#")
    return (worked_on, occurrence) if occurrence.isdigit() else (subject, "")


def sender(producer: str, known: Mapping[str, str] = NO_NAMES) -> str:
    """Who has sent something, as the end of a sentence: the work on a message, or somebody by name.

    >>> sender("main/3#0"), sender("main/3#1"), sender("worker-1")
    ('for message 3', 'by delivery 2 of message 3', 'by worker-1')
    """
    worked_on, occurrence = _work(producer)
    if not occurrence or "/" not in worked_on:
        return f"by {worked_on}"
    by = f"by delivery {int(occurrence) + 1} of" if int(occurrence) else "for"
    return f"{by} {name_of(worked_on, known)}"


def names_of(addresses: Sequence[str], known: Mapping[str, str] = NO_NAMES) -> str:
    """Messages by name; of many, the first.

    >>> names_of(["main/1", "main/3"]), names_of([f"main/{place}" for place in range(1, 7)])
    ('message 1 and message 3', 'message 1, message 2, message 3 and 3 more')
    """
    names = [name_of(address, known) for address in addresses]
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def call_in_words(call: tuple[str, str] | None, subject: str, known: Mapping[str, str] = NO_NAMES) -> str:
    """A call about a message, or by somebody, in words."""
    name = name_of(subject, known)
    if call is None:
        return f"a call about {name}"
    action, queue = call
    if name.startswith("message "):
        return f"{action} of {name}"
    return f"{action} {_PREPOSITIONS.get(action, 'on')} the queue {queue!r} (by {name})"


_PREPOSITIONS: Final[Mapping[str, str]] = {"SendMessage": "to", "SendMessageBatch": "to", "ReceiveMessage": "from"}
