"""What a pod says of itself is parsed in our own process: nothing it sends may end that process."""

from __future__ import annotations

import pytest

from solidgate.errors import PodUnreadable
from solidgate.pod.nesting import MAX_NESTING, depth
from solidgate.pod.rdf import control_document
from solidgate.testing.awkward import nested_json_ld

HERE = "https://pod.example/"
LD_JSON = "application/ld+json"


def test_deep_json_ld_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(PodUnreadable, match="nested"):
        control_document(nested_json_ld(5_000), LD_JSON, HERE)


def test_what_is_as_deep_as_is_allowed_is_read() -> None:
    inside = b'{"@id":"urn:b"}'
    for _ in range(MAX_NESTING - 1):
        inside = b'{"urn:a":%b}' % inside
    assert len(control_document(inside, LD_JSON, HERE)) == MAX_NESTING - 1
    with pytest.raises(PodUnreadable, match="nested"):
        control_document(b'{"urn:a":%b}' % inside, LD_JSON, HERE)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ('{"a":"]]]]","b":[[1]]}', 3),
        ('{"a":"\\"]]]]","b":[[1]]}', 3),
        ('{"a\\\\":[[1]],"]]":"["}', 3),
        ('"[[[', 0),
        ('"[[[\\', 0),
        ("[[1],[2]]", 2),
    ],
)
def test_a_bracket_within_a_text_is_none(text: str, levels: int) -> None:
    assert depth(text.encode()) == levels


@pytest.mark.parametrize("levels", [100_000])
@pytest.mark.parametrize(
    "pattern", ["<urn:s> <urn:p> {}.", "<urn:s> <urn:p> [ <urn:q> 1, {} ] ."], ids=["alone", "inside"]
)
@pytest.mark.parametrize(
    "opening", ["(", "[ <urn:p> ", "<<( <urn:s> <urn:p> "], ids=["list", "blank", "triple"]
)
def test_deep_turtle_ends_nothing(pattern: str, opening: str, levels: int) -> None:
    content = pattern.format(opening * levels).encode()
    with pytest.raises(PodUnreadable):
        control_document(content, "text/turtle", HERE)
