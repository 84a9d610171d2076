"""WebIDs and their profiles: form, and exactly which triples count."""

from __future__ import annotations

import pytest

from solidgate.errors import FetchUnexpected, WebIdInvalid
from solidgate.identity.webid import check_web_address, document_of, names_issuer, read_profile

ME = "https://pod.example/profile/card#me"
BASE = "https://pod.example/profile/card"
TURTLE = "text/turtle"
PREFIX = "@prefix solid: <http://www.w3.org/ns/solid/terms#> . @prefix foaf: <http://xmlns.com/foaf/0.1/> . "
SPACE = "@prefix space: <http://www.w3.org/ns/pim/space#> . "


def profile(turtle: str, kind: str = TURTLE):
    return read_profile(ME, (PREFIX + SPACE + turtle).encode(), kind, BASE)


def test_reads_issuers_storages_and_a_name() -> None:
    found = profile(
        "<#me> solid:oidcIssuer <https://idp.example/>, <https://two.example> ; "
        'space:storage <https://pod.example/> ; foaf:name "Alice" .'
    )
    assert found.issuers == ("https://idp.example/", "https://two.example")
    assert found.storages == ("https://pod.example/",)
    assert found.name == "Alice"
    assert "Alice" not in repr(found)


IGNORED = {
    "another subject": "<#you> solid:oidcIssuer <https://idp.example/> .",
    "the document": "<> solid:oidcIssuer <https://idp.example/> .",
    "a blank node": "[] solid:oidcIssuer <https://idp.example/> .",
    "a literal": '<#me> solid:oidcIssuer "https://idp.example/" .',
    "a blank object": "<#me> solid:oidcIssuer [] .",
    "another predicate": "<#me> <http://www.w3.org/ns/solid/terms#oidcissuer> <https://idp.example/> .",
    "another case of the subject": "<#Me> solid:oidcIssuer <https://idp.example/> .",
    "another base": "@base <https://evil.example/> . <#me> solid:oidcIssuer <https://idp.example/> .",
    "nothing": "",
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_does_not_count(name: str) -> None:
    assert profile(IGNORED[name]).issuers == ()


@pytest.mark.parametrize("kind", ["text/turtle; charset=utf-8", "TEXT/TURTLE"])
def test_media_types_with_parameters(kind: str) -> None:
    assert profile("<#me> solid:oidcIssuer <https://i.example/> .", kind).issuers == ("https://i.example/",)


@pytest.mark.parametrize("kind", ["text/html", "", "application/rdf+xml", "text/n3", "application/json"])
def test_other_media_types_are_refused(kind: str) -> None:
    with pytest.raises(FetchUnexpected):
        profile("", kind)


@pytest.mark.parametrize("content", [b"<", b"\xff\xfe", b"<#me> <p> .", b'<#me> <http://p> "\xff" .'])
def test_broken_documents_are_refused(content: bytes) -> None:
    with pytest.raises(FetchUnexpected):
        read_profile(ME, content, TURTLE, BASE)


def test_json_ld_without_remote_contexts() -> None:
    good = b'{"@id":"#me","http://www.w3.org/ns/solid/terms#oidcIssuer":{"@id":"https://i.example/"}}'
    assert read_profile(ME, good, "application/ld+json", BASE).issuers == ("https://i.example/",)
    remote = b'{"@context":"https://evil.example/context","@id":"#me"}'
    for bad in (remote, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100_000):
        with pytest.raises(FetchUnexpected):
            read_profile(ME, bad, "application/ld+json", BASE)


def test_issuers_are_compared_as_text() -> None:
    named = ("https://idp.example/",)
    assert names_issuer(named, "https://idp.example/", slash_tolerance=False)
    assert not names_issuer(named, "https://idp.example", slash_tolerance=False)
    assert names_issuer(named, "https://idp.example", slash_tolerance=True)
    for other in (
        "https://IDP.example/",
        "https://idp.example//",
        "https://idp.example/x",
        "http://idp.example/",
    ):
        assert not names_issuer(named, other, slash_tolerance=True)


@pytest.mark.parametrize("text", [ME, "https://id.example/alice", "https://alice.example/#i"])
def test_addresses_that_can_be_a_webid(text: str) -> None:
    assert check_web_address(text) == text


BAD = ["", "alice", "mailto:a@b.example", "http://pod.example/#me", "https://", "https://u@pod.example/",
       "https://pod.example/ #me", "https://pod.example/<x>", "https://pod.example/\n", "javascript:alert(1)",
       "https://pod.example/\u202e", "https://pod.example:x/",
       "https://" + "a" * 3000 + ".example/"]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_addresses_that_cannot(text: str) -> None:
    with pytest.raises(WebIdInvalid):
        check_web_address(text)


def test_plain_http_only_when_development_says_so() -> None:
    assert check_web_address("http://localhost:3000/#me", plain_http=True)


def test_the_document_is_the_webid_without_fragment() -> None:
    assert document_of(ME) == BASE
