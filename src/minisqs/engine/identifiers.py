"""Message ids, receipt handles and request ids: hashes of the world's seed and an address.

They are no decision: two runs of one seed give the same ids, and leaving a message out of a run renames
no other. A receipt handle carries what the queue needs to know of the receive that made it, and a checksum
that begins with the seed; so the queue remembers nothing about old handles, and can still tell one that it
gave out from a text that somebody made up or cut short.
"""

from __future__ import annotations

import base64
import struct
from binascii import Error, a2b_base64, b2a_base64
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypeAlias
from zlib import crc32

_HANDLE: Final = struct.Struct(">HIQIQ")
_CHECKSUM: Final = struct.Struct(">I")
_HANDLE_LENGTH: Final = (_HANDLE.size + _CHECKSUM.size) // 3 * 4
_MARK: Final = 0x0101
_ID_BYTES: Final = 16
_RECENT: Final = 512


Receive: TypeAlias = tuple[int, int, int, int]
"""The receive that a receipt handle stands for: queue number, sequence, receive count, and when it was."""


@lru_cache(maxsize=4)
def identifiers(seed: bytes) -> Identifiers:
    """Those of a seed; worlds that are made again and again from one seed share them, and what they remember."""
    return Identifiers(seed)


class Identifiers:
    """Everything that is made from one seed.

    Args:
        seed: Up to 64 bytes.
    """

    __slots__ = ("_checksum", "_keyed", "_request_prefix", "message_id", "uuid")

    def __init__(self, seed: bytes) -> None:
        self._keyed = blake2b(key=seed, digest_size=_ID_BYTES)
        self._checksum = crc32(seed)
        self._request_prefix = self._uuid("requests")[:-12]
        self.message_id = lru_cache(maxsize=_RECENT)(self._message_id)
        """See ``_message_id``: an id that was answered to a send is soon asked for again by a receive."""
        self.uuid = lru_cache(maxsize=_RECENT)(self._uuid)
        """See ``_uuid``: the next run of a check asks for the same."""

    def _message_id(self, producer: str, place: int) -> str:
        """The id of the message that ``producer`` sent as its ``place``-th, in the form of a random UUID."""
        return self._uuid(f"message {producer} {place}")

    def task_id(self, number: int) -> str:
        """The id of the account's ``number``-th message move task."""
        return self._uuid(f"task {number}")

    def request_id(self, number: int) -> str:
        """The id of the ``number``-th request of the world; their first parts are the same, to be made fast."""
        return f"{self._request_prefix}{number:012x}"

    def receipt_handle(self, queue_number: int, sequence: int, receive_count: int, received_ns: int) -> str:
        """An opaque text of forty characters that ``read_receipt_handle`` takes apart again."""
        payload = _HANDLE.pack(_MARK, queue_number, sequence, receive_count, received_ns)
        return b2a_base64(payload + _CHECKSUM.pack(crc32(payload, self._checksum)), newline=False).decode()

    def read_receipt_handle(self, handle: str) -> Receive | None:
        """The receive that made ``handle``, or None where no queue of this seed has given it out."""
        try:
            raw = a2b_base64(handle, strict_mode=True)
        except (Error, ValueError):
            return None
        payload = raw[: _HANDLE.size]
        if raw[_HANDLE.size :] != _CHECKSUM.pack(crc32(payload, self._checksum)) or len(handle) != _HANDLE_LENGTH:
            return None
        mark, queue_number, sequence, receive_count, received_ns = _HANDLE.unpack(payload)
        return (queue_number, sequence, receive_count, received_ns) if mark == _MARK else None

    def _uuid(self, address: str) -> str:
        """A text in the form of a random UUID that stands for an address."""
        keyed = self._keyed.copy()
        keyed.update(address.encode())
        digits = keyed.hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


@lru_cache(maxsize=16)
def sender_id(account_id: str) -> str:
    """The user id of the account's only user, as AWS writes it: AIDA and seventeen letters or digits."""
    digest = blake2b(account_id.encode(), digest_size=16).digest()
    return "AIDA" + base64.b32encode(digest).decode()[:17]
