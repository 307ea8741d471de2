"""Which records of a batch failed, by what the handler returned, where it reports batch item failures.

Source: Lambda guide, Handling errors for an SQS event source; lambda-poller.md 4.1. The numbers of its
rows stand beside the lines that carry them out.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final, NamedTuple

KEY: Final = "batchItemFailures"
UNKNOWN: Final = "an itemIdentifier is no messageId of the batch"


class Reading(NamedTuple):
    """How the odd answers are read that no source settles.

    Attributes:
        empty_text_is_success: Whether ``""``, as the answer or in place of the list, means that nothing failed.
        json_text_is_response: Whether a text that is JSON of the right form counts as that.
        empty_entry_fails: Whether an entry ``{}`` fails the whole batch; otherwise it is skipped.
    """

    empty_text_is_success: bool = True
    json_text_is_response: bool = False
    empty_entry_fails: bool = True


class Verdict(NamedTuple):
    """What becomes of a batch.

    Attributes:
        failed: The message ids that stay in the queue.
        why: Why all of them do, where the response itself is at fault; else empty.
    """

    failed: Collection[str]
    why: str = ""


AS_CHOSEN: Final = Reading()


def read(response: object, message_ids: Collection[str], reading: Reading = AS_CHOSEN) -> Verdict:
    """The records that failed, of a batch with these ids, by a response that JSON has gone through.

    >>> read({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["a", "b"]).failed
    ['b']
    >>> read("done", ["a", "b"])
    Verdict(failed=['a', 'b'], why="the response is no JSON object: 'done'")
    """
    try:
        if isinstance(response, str) and reading.json_text_is_response:
            response = json.loads(response)
        return Verdict(_failed(response, message_ids, reading))
    except ValueError as error:
        return Verdict(message_ids, str(error))


def lists_failures(response: object) -> bool:
    """Whether a response would report failures, if it were looked at.

    >>> lists_failures({"batchItemFailures": [{"itemIdentifier": "a"}]}), lists_failures({"batchItemFailures": []})
    (True, False)
    """
    return isinstance(response, dict) and bool(response.get(KEY))


def _failed(response: object, message_ids: Collection[str], reading: Reading) -> list[str]:
    """The ids that a response lists, each once; a ValueError says why it fails the whole batch."""
    if response is None or (response == "" and reading.empty_text_is_success):  # R1
        return []
    if not isinstance(response, dict):  # R3
        raise ValueError(f"the response is no JSON object: {response!r}")
    entries = response.get(KEY)
    if entries is None or (entries == "" and reading.empty_text_is_success):  # R1
        return []
    if not isinstance(entries, list):  # R4
        raise ValueError(f"{KEY} is no list: {entries!r}")
    listed = [entry for entry in entries if entry != {} or reading.empty_entry_fails]  # R7
    return list(dict.fromkeys(_identifier(entry, message_ids) for entry in listed))  # R8


def _identifier(entry: object, message_ids: Collection[str]) -> str:
    if not isinstance(entry, dict) or "itemIdentifier" not in entry:  # R6, R7
        raise ValueError(f"an entry of {KEY} has no itemIdentifier: {entry!r}")
    identifier = entry["itemIdentifier"]
    if not isinstance(identifier, str) or identifier not in message_ids:  # R5
        raise ValueError(f"{UNKNOWN}: {identifier!r}")
    return identifier
