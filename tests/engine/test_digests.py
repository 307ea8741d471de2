import pytest

from minisqs.engine import digests
from minisqs.engine.values import MessageAttribute


def strings(**attributes):
    return {name.replace("__", "."): MessageAttribute("String", value) for name, value in attributes.items()}


TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
PARENT = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"


@pytest.mark.parametrize(
    ("attributes", "digest"),
    [
        (strings(k="x"), "a45daa70926828a2f0a1db3418e6feb4"),
        ({"timestamp": MessageAttribute("Number", "1493147359900")}, "235c5c510d26fb653d073faed50ae77c"),
        ({"attr1": MessageAttribute("Binary", PARENT)}, "8cbe4db156db8a94db8b801b7addb984"),
        (strings(Hello="There", Help__Me="Me", General="Kenobi"), "4c360f3fdafd970e05fae2f149d997f5"),
        (strings(AWSTraceHeader=TRACE), "5ae4d5d7636402d80f4eb6d213245a88"),
    ],
)
def test_attributes_have_the_digests_that_aws_gave(attributes, digest):
    """sqs.md 11.11"""
    assert digests.of_attributes(attributes) == digest
    assert digests.of_attributes(dict(reversed(attributes.items()))) == digest


def test_names_are_ordered_by_code_point():
    assert digests.of_attributes(strings(a="1", B="2", é="3")) == digests.of_attributes(strings(é="3", B="2", a="1"))
    assert digests.of_attributes(strings(a="1", B="2")) != digests.of_attributes(strings(A="1", b="2"))


def test_the_label_of_a_type_and_the_kind_of_value_are_part_of_the_digest():
    one, labelled = MessageAttribute("String", "x"), MessageAttribute("String.a", "x")
    text, raw = MessageAttribute("Binary", "x"), MessageAttribute("Binary", b"x")
    assert digests.of_attributes({"k": one}) != digests.of_attributes({"k": labelled})
    assert digests.of_attributes({"k": text}) != digests.of_attributes({"k": raw})


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("hello", "5d41402abc4b2a76b9719d911017c592"),
        ("é", "66ddcd97cfdeabb2f6fb8a999b4bc76f"),
    ],
)
def test_a_body_has_the_digest_of_its_utf8(text, digest):
    assert digests.of_text(text) == digest
