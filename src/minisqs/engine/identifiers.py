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


def message_id(seed: bytes, producer: str, place: int) -> str:
    """The id of the message that ``producer`` sent as its ``place``-th, in the form of a random UUID."""
    return _uuid(seed, f"message {producer} {place}")


def request_id(seed: bytes, number: int) -> str:
    """The id of the ``number``-th call that was refused or answered."""
    return _uuid(seed, f"request {number}")


def sender_id(account_id: str) -> str:
    """The user id of the account's only user, as AWS writes it: AIDA and seventeen letters or digits."""
    digest = blake2b(account_id.encode(), digest_size=16).digest()
    return "AIDA" + base64.b32encode(digest).decode()[:17]


def receipt_handle(seed: bytes, receive: Receive) -> str:
    """An opaque text of about 70 characters that ``read_receipt_handle`` takes apart again."""
    payload = _HANDLE.pack(*receive)
    return base64.b64encode(_PREFIX + payload + _signature(seed, payload)).decode()


def read_receipt_handle(seed: bytes, handle: str) -> Receive | None:
    """The receive that made ``handle``, or None where no queue of this seed has given it out."""
    try:
        raw = base64.b64decode(handle, validate=True)
    except (binascii.Error, ValueError):
        return None
    payload = raw[len(_PREFIX) : -_SIGNATURE_BYTES]
    if len(payload) != _HANDLE.size or raw != _PREFIX + payload + _signature(seed, payload):
        return None
    return Receive(*_HANDLE.unpack(payload))


def _signature(seed: bytes, payload: bytes) -> bytes:
    return blake2b(payload, key=seed, digest_size=_SIGNATURE_BYTES).digest()


def _uuid(seed: bytes, address: str) -> str:
    digits = blake2b(address.encode(), key=seed, digest_size=16).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
