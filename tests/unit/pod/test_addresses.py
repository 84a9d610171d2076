"""Links, tags, containers and storages: plain values in, plain values out."""

from __future__ import annotations

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Quad

from solidgate.pod.container import ancestors, document, is_container, parent
from solidgate.pod.etag import strong, unchanged
from solidgate.pod.link import parse_links, targets
from solidgate.pod.rdf import control_document, media_type
from solidgate.pod.storage import is_storage, stated_storages
from solidgate.vocab import PIM

BASE = "https://a.example/x/y.ttl"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["<y.ttl.acl>; rel=acl"], ("https://a.example/x/y.ttl.acl",)),
        (['<.acl>; rel="acl"', '<m>; rel="describedby"'], ("https://a.example/x/.acl",)),
        (['<m>; rel="describedby", <l>; rel="acl"'], ("https://a.example/x/l",)),
        (['<m>; title="a, <b>; rel=acl"; rel=describedby, <l>;rel=acl'], ("https://a.example/x/l",)),
        (['<l>; rel="type ACL"'], ("https://a.example/x/l",)),
        (['<l>; REL="acl"; rel="other"'], ("https://a.example/x/l",)),
        (['<l>; rel=acl; anchor="https://b.example/"'], ()),
        (['<l>; rel=acl; anchor=""'], ("https://a.example/x/l",)),
        (['<l>; title="a \\"quoted\\" one"; rel="acl"'], ("https://a.example/x/l",)),
        (["<l>"], ()),
        (["l; rel=acl"], ()),
        (["<l; rel=acl"], ()),
        (["<http://[bad>; rel=acl"], ()),
        ([""], ()),
    ],
)
def test_links(values: list[str], found: tuple[str, ...]) -> None:
    assert targets(values, BASE, "acl") == found


def test_relation_types_that_are_addresses_keep_their_case() -> None:
    (link,) = parse_links(['<a>; rel="http://www.w3.org/ns/solid/terms#storageDescription Type"'], BASE)
    assert link.rels == ("http://www.w3.org/ns/solid/terms#storageDescription", "type")


@pytest.mark.parametrize(
    ("etag", "found"),
    [
        ('"1-text/turtle"', '"1-text/turtle"'),
        ('""', '""'),
        ('W/"1"', None),
        ("1", None),
        ('"a"b"', None),
        ("", None),
    ],
)
def test_only_a_strong_tag_stands_in_a_condition(etag: str, found: str | None) -> None:
    assert strong(etag) == found
    assert unchanged(etag) == ({"If-Match": found} if found else {})
    assert unchanged(None) == {}


def test_containers_by_address() -> None:
    assert parent("https://a.example/x/y.ttl") == "https://a.example/x/"
    assert parent("https://a.example/x/y/") == "https://a.example/x/"
    assert parent("https://a.example/x?q#f") == "https://a.example/"
    assert parent("https://a.example/") is None
    assert ancestors("https://a.example/x/y/z", 9) == tuple(
        f"https://a.example/{path}" for path in ("x/y/", "x/", "")
    )
    assert len(ancestors("https://a.example/" + "x/" * 50, 9)) == 9
    assert is_container("https://a.example/x/?q")
    assert not is_container("https://a.example/x")
    assert document("https://a.example/x#me") == "https://a.example/x"


def test_storages_in_a_profile() -> None:
    profile = control_document(
        b"""@prefix pim: <http://www.w3.org/ns/pim/space#>.
        <#me> pim:storage </pod/>, </other>, <mailto:a@b.example>, <https://x.example/?q>, "https://lit.example/".
        <#you> pim:storage </not-mine/>.""",
        "text/turtle",
        "https://a.example/card",
    )
    found = stated_storages(profile, "https://a.example/card#me")
    assert found == ("https://a.example/pod/", "https://a.example/other/")


@pytest.mark.parametrize(
    ("stated", "root"),
    [
        ("HTTPS://A.Example:443/alice", ("https://a.example/alice/",)),
        ("http://A.example:80", ("http://a.example/",)),
        ("https://a.example:8443/%C3%A9/", ("https://a.example:8443/%C3%A9/",)),
        ("https://a.example/x/../alice/", ()),
        ("https://a.example/%61lice/", ()),
        ("https://a.example/%c3%a9/", ()),
        ("https://me@a.example/alice/", ()),
    ],
)
def test_a_storage_has_the_one_spelling_or_is_none(stated: str, root: tuple[str, ...]) -> None:
    """It is written into access control, where a server compares text."""
    profile = [Quad(NamedNode("https://a.example/card#me"), PIM.storage, NamedNode(stated), DefaultGraph())]
    assert stated_storages(profile, "https://a.example/card#me") == root


def test_a_storage_by_its_link() -> None:
    assert is_storage(['<http://www.w3.org/ns/pim/space#Storage>; rel="type"'], BASE)
    assert not is_storage(['<http://www.w3.org/ns/ldp#Container>; rel="type"'], BASE)


@pytest.mark.parametrize(
    ("value", "found"), [("Text/Turtle; charset=utf-8", "text/turtle"), (None, ""), (" a/b ", "a/b")]
)
def test_media_types(value: str | None, found: str) -> None:
    assert media_type(value) == found
