"""Message ids, receipt handles and request ids: hashes of the world's seed and an address.

They are no decision: two runs of one seed give the same ids, and leaving a message out of a run renames
no other. A receipt handle carries what the queue needs to know of the receive that made it, signed, so
the queue remembers nothing about old handles, and can still tell one it gave out from one it did not.
"""

from __future__ import annotations

import base64
import binascii
import struct
from hashlib import blake2b
from typing import Final, NamedTuple

_HANDLE: Final = struct.Struct(">IQIQ")
_SIGNATURE_BYTES: Final = 16
_PREFIX: Final = b"\x01\x01"


class Receive(NamedTuple):
    """The receive that a receipt handle stands for."""

    queue_number: int
    sequence: int
    receive_count: int
    received_ns: int


class Identifiers:
    """Everything that is made from one seed.

    Args:
        seed: Up to 64 bytes.
    """

    __slots__ = ("_keyed", "_request_prefix")

    def __init__(self, seed: bytes) -> None:
        self._keyed = blake2b(key=seed, digest_size=_SIGNATURE_BYTES)
        self._request_prefix = self._uuid("requests")[:-12]

    def message_id(self, producer: str, place: int) -> str:
        """The id of the message that ``producer`` sent as its ``place``-th, in the form of a random UUID."""
        return self._uuid(f"message {producer} {place}")

    def task_id(self, number: int) -> str:
        """The id of the account's ``number``-th message move task."""
        return self._uuid(f"task {number}")

    def request_id(self, number: int) -> str:
        """The id of the ``number``-th request of the world; their first parts are the same, to be made fast."""
        return f"{self._request_prefix}{number:012x}"

    def receipt_handle(self, receive: Receive) -> str:
        """An opaque text of about 60 characters that ``read_receipt_handle`` takes apart again."""
        payload = _HANDLE.pack(*receive)
        return base64.b64encode(_PREFIX + payload + self._signature(payload)).decode()

    def read_receipt_handle(self, handle: str) -> Receive | None:
        """The receive that made ``handle``, or None where no queue of this seed has given it out."""
        try:
            raw = base64.b64decode(handle, validate=True)
        except (binascii.Error, ValueError):
            return None
        payload = raw[len(_PREFIX) : -_SIGNATURE_BYTES]
        if len(payload) != _HANDLE.size or raw != _PREFIX + payload + self._signature(payload):
            return None
        return Receive._make(_HANDLE.unpack(payload))

    def _signature(self, payload: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(payload)
        return keyed.digest()

    def _uuid(self, address: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(address.encode())
        digits = keyed.hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def sender_id(account_id: str) -> str:
    """The user id of the account's only user, as AWS writes it: AIDA and seventeen letters or digits."""
    digest = blake2b(account_id.encode(), digest_size=16).digest()
    return "AIDA" + base64.b32encode(digest).decode()[:17]
