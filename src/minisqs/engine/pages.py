"""Answers in pages: how far the last one went, in a token (sqs.md 14.14).

A token holds the name shown last, so it survives queues that come and go in between.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from itertools import islice

import attrs

from .. import errors, limits
from . import checks
from .queue import Queue


@attrs.frozen
class Page:
    """Which part of an answer is wanted.

    Attributes:
        question: The action and its other parameters, which a token must not change.
        after: The name shown last; empty on the first page.
        size: At most so many queues.
        more: Whether a token is given if something is left.
    """

    question: str
    after: str
    size: int
    more: bool

    @classmethod
    def of(cls, question: str, max_results: int | None, next_token: str | None) -> Page:
        """The page that a request asks for.

        Raises:
            InvalidParameterValue: The token is none of ours, or of another question; the size is out of range.
        """
        size = limits.MAX_RESULTS.highest if max_results is None else checks.max_results(max_results)
        after = ""
        if next_token is not None:
            asked, after = _read(checks.text(next_token))
            if asked != question:
                raise errors.InvalidParameterValue(
                    "Invalid NextToken value. If you are passing in NextToken, you must not change the other request parameters."
                )
        return cls(question, after, size, max_results is not None)

    def cut(self, queues: Iterable[Queue]) -> tuple[list[Queue], str | None]:
        """The queues of this page, of all that come after the last one, and the token of the next page."""
        found = list(islice(queues, self.size + 1))
        shown = found[: self.size]
        if not self.more or len(found) == len(shown):
            return shown, None
        return shown, base64.b64encode(json.dumps([self.question, shown[-1].name]).encode()).decode()


def _read(token: str) -> tuple[str, str]:
    try:
        question, after = json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        question = after = None
    if not isinstance(question, str) or not isinstance(after, str):
        raise errors.InvalidParameterValue("Invalid or expired next token.")
    return question, after
