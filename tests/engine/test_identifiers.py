import base64
import re

import pytest

from minisqs.engine import identifiers
from minisqs.engine.identifiers import Receive

SEED, OTHER = b"one", b"other"
RECEIVE = Receive(3, 7, 2, 1_735_689_600_000_000_001)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_message_id_is_a_uuid_that_depends_on_seed_producer_and_place_only():
    addresses = [(seed, producer, place) for seed in (SEED, OTHER) for producer in ("a", "b") for place in (1, 2, 11)]
    ids = [identifiers.message_id(*address) for address in addresses]
    assert all(UUID.fullmatch(one) for one in ids)
    assert len(set(ids)) == len(ids)
    assert ids == [identifiers.message_id(*address) for address in addresses]


def test_a_request_id_is_a_uuid_of_its_own():
    assert UUID.fullmatch(identifiers.request_id(SEED, 1))
    assert identifiers.request_id(SEED, 1) != identifiers.request_id(SEED, 2)


def test_a_sender_id_is_that_of_a_user():
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", identifiers.sender_id("123456789012"))
    assert identifiers.sender_id("123456789012") != identifiers.sender_id("123456789013")


def test_a_receipt_handle_reads_back_and_has_at_most_1024_characters():
    handle = identifiers.receipt_handle(SEED, RECEIVE)
    assert len(handle) <= 1024
    assert identifiers.read_receipt_handle(SEED, handle) == RECEIVE


@pytest.mark.parametrize("field", Receive._fields)
def test_every_part_of_a_receive_makes_another_handle(field):
    other = RECEIVE._replace(**{field: getattr(RECEIVE, field) + 1})
    assert identifiers.receipt_handle(SEED, other) != identifiers.receipt_handle(SEED, RECEIVE)


def test_a_handle_of_another_seed_is_none():
    assert identifiers.read_receipt_handle(OTHER, identifiers.receipt_handle(SEED, RECEIVE)) is None


def test_a_handle_with_any_byte_changed_is_none():
    raw = base64.b64decode(identifiers.receipt_handle(SEED, RECEIVE))
    for place in range(len(raw)):
        changed = bytes(byte ^ (1 if at == place else 0) for at, byte in enumerate(raw))
        assert identifiers.read_receipt_handle(SEED, base64.b64encode(changed).decode()) is None


@pytest.mark.parametrize("handle", ["", "x", "é", "AAAA", "\ud800", "a b", "A" * 1024, "A" * 5000])
def test_what_is_no_handle_is_none(handle):
    assert identifiers.read_receipt_handle(SEED, handle) is None


def test_a_handle_that_is_cut_or_longer_is_none():
    handle = identifiers.receipt_handle(SEED, RECEIVE)
    for other in (handle[:-1], handle[:-4], handle[4:], handle + "AAAA", handle + "\n", " " + handle, handle.lower()):
        assert identifiers.read_receipt_handle(SEED, other) is None
