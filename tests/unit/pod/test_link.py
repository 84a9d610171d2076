"""``Link`` headers as pods send them, well formed and nearly so."""

from __future__ import annotations

import pytest

from solidgate.pod.link import targets

HERE = "https://pod.example/a/x.ttl"


@pytest.mark.parametrize(
    "value",
    [
        '<x.ttl.acl>; rel="acl"',
        "<x.ttl.acl>;rel=acl",
        '<x.ttl.acl>; REL="ACL"',
        '<x.ttl.acl>; ; rel="acl"',
        '<other>; rel="type";, <x.ttl.acl>; rel="acl"',
        '<other>; title="a, <b>; rel=acl", <x.ttl.acl>; rel="acl describedby"',
    ],
)
def test_the_link_is_found_however_it_is_written(value: str) -> None:
    assert targets([value], HERE, "acl") == ("https://pod.example/a/x.ttl.acl",)


@pytest.mark.parametrize(
    "value",
    ['<x.ttl.acl>; rel="acl"; anchor="#part"', '<x.ttl.acl>; title="rel=acl"', "x.ttl.acl; rel=acl", ""],
)
def test_what_says_nothing_about_this_document_is_left_out(value: str) -> None:
    assert targets([value], HERE, "acl") == ()
