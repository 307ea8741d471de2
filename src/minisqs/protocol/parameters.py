"""The parameters of one request, read by name and JSON type.

A value of another JSON type than AWS's model has is refused before all else, and so is a required one that
is missing. Null is the same as left out. Names that the model does not have are without effect, as in
every JSON protocol.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import errors
from ..engine import checks
from ..engine.values import MessageToSend, SendMessage

_LISTS: Final = ("StringListValues", "BinaryListValues")


class Parameters:
    """One request, or one entry of a batch.

    Args:
        values: The map of names to values.
        path: Where an entry lies, for errors.
        json: Whether bytes come as base64 text, as they do in JSON; else text for bytes is taken as UTF-8,
            as boto3 takes it.
    """

    __slots__ = ("_json", "_path", "_values")

    def __init__(self, values: object, path: str = "", *, json: bool = True) -> None:
        if type(values) is not dict and not isinstance(values, Mapping):  # the cheaper question first
            raise errors.SerializationException(
                "Start of list found where not expected" if isinstance(values, list) else "Unexpected value"
            )
        self._values: Mapping[str, Any] = values
        self._path = path
        self._json = json

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str | None:
        """A text, or None."""
        value = self._values.get(name)
        return value if value is None or type(value) is str else checks.text(value)

    def integer(self, name: str) -> int | None:
        """A whole number, or None."""
        value = self._values.get(name)
        return None if value is None else checks.integer(value)

    def texts(self, name: str) -> Sequence[str]:
        """A list of texts; empty where it is left out."""
        value = self._values.get(name)
        return () if value is None else checks.texts(value)

    def text_map(self, name: str) -> Mapping[str, str]:
        """A map of texts; empty where it is left out."""
        value = self._values.get(name)
        return {} if value is None else checks.text_map(value)

    def required(self, name: str) -> str:
        """A text that must be there."""
        value = self._values.get(name)
        if type(value) is str:
            return value
        if value is None:
            raise errors.MissingParameter.named(self._path + name)
        return checks.text(value)

    def entries(self, entry_name: str) -> list[Parameters]:
        """The entries of a batch."""
        values = self._values.get("Entries")
        if values is None:
            raise errors.MissingParameter.named("Entries")
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise errors.SerializationException("Unexpected value where a list was expected")
        return [Parameters(value, f"{entry_name}.{number}.", json=self._json) for number, value in enumerate(values, 1)]

    def message(self) -> MessageToSend:
        """The message that a send brings; the service refuses values of the wrong type in it."""
        get = self._values.get
        body = get("MessageBody")
        if type(body) is str and len(self._values) == 2:  # beside it is only the queue or the Id
            return body
        return SendMessage(
            "" if body is None else body,
            get("DelaySeconds"),
            self._attributes("MessageAttributes"),
            self._attributes("MessageSystemAttributes"),
            get("MessageGroupId"),
            get("MessageDeduplicationId"),
        )

    def _attributes(self, name: str) -> dict[str, Mapping[str, object]] | None:
        value = self._values.get(name)
        if value is None:
            return None
        attributes = Parameters(value)._values
        return {checks.text(key): self._attribute(one) for key, one in attributes.items()}

    def _attribute(self, value: object) -> Mapping[str, object]:
        attribute: dict[str, Any] = dict(Parameters(value)._values)
        for name in _LISTS:
            if attribute.get(name) is not None and not isinstance(attribute[name], (list, tuple)):
                raise errors.SerializationException("Unexpected value where a list was expected")
        binary = attribute.get("BinaryValue")
        if isinstance(binary, str):
            attribute["BinaryValue"] = _decoded(binary) if self._json else binary.encode("utf-8", "surrogatepass")
        return attribute


def _decoded(base64_text: str) -> bytes:
    try:
        return base64.b64decode(base64_text, validate=True)
    except (binascii.Error, ValueError):
        raise errors.SerializationException("Invalid base64 in BinaryValue") from None
