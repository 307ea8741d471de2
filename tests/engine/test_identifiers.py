import base64
import re

import pytest

from minisqs.engine import identifiers
from minisqs.engine.identifiers import Identifiers

ONE, OTHER = Identifiers(b"one"), Identifiers(b"other")
RECEIVE = (3, 7, 2, 1_735_689_600_000_000_001)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_message_id_is_a_uuid_that_depends_on_seed_producer_and_place_only():
    addresses = [(seed, producer, place) for seed in (b"one", b"other") for producer in "ab" for place in (1, 2, 11)]
    ids = [Identifiers(seed).message_id(producer, place) for seed, producer, place in addresses]
    assert all(UUID.fullmatch(one) for one in ids)
    assert len(set(ids)) == len(ids)
    assert ids == [Identifiers(seed).message_id(producer, place) for seed, producer, place in addresses]


def test_a_message_id_is_the_same_whatever_was_asked_for_since():
    first = ONE.message_id("a", 1)
    for place in range(2, 2000):
        ONE.message_id("a", place)
    assert ONE.message_id("a", 1) == first


def test_worlds_of_one_seed_share_what_was_asked_for():
    shared = identifiers.identifiers(b"one")
    assert shared is identifiers.identifiers(b"one")
    assert shared is not identifiers.identifiers(b"other")
    assert shared.message_id("a", 1) is shared.message_id("a", 1)
    assert shared.message_id("a", 1) == ONE.message_id("a", 1)


def test_a_request_id_is_a_uuid_of_its_own():
    assert UUID.fullmatch(ONE.request_id(1))
    assert ONE.request_id(1) != ONE.request_id(2)
    assert ONE.request_id(1) != OTHER.request_id(1)


def test_a_task_id_is_a_uuid_of_its_own():
    assert UUID.fullmatch(ONE.task_id(1))
    assert len({ONE.task_id(1), ONE.task_id(2), OTHER.task_id(1), ONE.message_id("task", 1)}) == 4


def test_a_sender_id_is_that_of_a_user():
    assert re.fullmatch(r"AIDA[A-Z2-7]{17}", identifiers.sender_id("123456789012"))
    assert identifiers.sender_id("123456789012") != identifiers.sender_id("123456789013")


def test_a_receipt_handle_reads_back_and_has_at_most_1024_characters():
    handle = ONE.receipt_handle(*RECEIVE)
    assert len(handle) <= 1024
    assert ONE.read_receipt_handle(handle) == RECEIVE


@pytest.mark.parametrize("field", range(len(RECEIVE)))
def test_every_part_of_a_receive_makes_another_handle(field):
    other = [part + (at == field) for at, part in enumerate(RECEIVE)]
    assert ONE.receipt_handle(*other) != ONE.receipt_handle(*RECEIVE)


def test_a_handle_of_another_seed_is_none():
    assert OTHER.read_receipt_handle(ONE.receipt_handle(*RECEIVE)) is None


def test_a_handle_with_any_byte_changed_is_none():
    raw = base64.b64decode(ONE.receipt_handle(*RECEIVE))
    for place in range(len(raw)):
        changed = bytes(byte ^ (1 if at == place else 0) for at, byte in enumerate(raw))
        assert ONE.read_receipt_handle(base64.b64encode(changed).decode()) is None


@pytest.mark.parametrize("handle", ["", "x", "é", "AAAA", "\ud800", "a b", "A" * 1024, "A" * 5000])
def test_what_is_no_handle_is_none(handle):
    assert ONE.read_receipt_handle(handle) is None


def test_a_handle_that_is_cut_or_longer_is_none():
    handle = ONE.receipt_handle(*RECEIVE)
    for other in (handle[:-1], handle[:-4], handle[4:], handle + "AAAA", handle + "\n", " " + handle, handle.lower()):
        assert ONE.read_receipt_handle(other) is None
