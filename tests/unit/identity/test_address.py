"""An address that passes as normal is the one that a parser makes of it, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from solidgate.adapters.http_urls import Addresses, origin_of, wire_url
from solidgate.errors import AddressRefused, ProofInvalid
from solidgate.identity import jose
from solidgate.identity.dpop import target, verify_proof
from solidgate.pod.address import is_normal, normal_form

_WORDS = "http https HTTP :// : 80 443 8443 0443 99999 / // . .. a B pod.example 127.0.0.1 127.1 [::1] %7e é"
PIECES = st.sampled_from([*_WORDS.split(), "?", "#", "q=1", "@", "~", "-", "_", " ", "%2F"])
ADDRESSES = st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=8).map(
    lambda parts: "https://pod.example/" + "".join(parts)
)


@given(ADDRESSES)
@example("https://pod.example/a/../b")
@example("https://pod.example/a/./b")
@example("https://pod.example:443/")
@example("http://127.0.0.1:44444/p1/readings/01.ttl")
def test_normal_means_that_parsing_changes_nothing(text: str) -> None:
    if is_normal(text):
        plain = URL(text)
        assert str(plain) == text == str(plain.with_query(None).with_fragment(None))
        assert target(text) == text
        assert URL(f"{text}?q=1").with_query(None) == plain
        assert plain.host
        if ".." not in plain.host and not plain.host.replace(".", "").isdigit():
            assert str(wire_url(text, plain_http=True, ports=())) == text


@pytest.mark.parametrize(("plain_http", "ports"), [(True, ()), (False, (443,)), (False, (443, 8443))])
@given(text=ADDRESSES)
@example(text="https://pod.example/p1/readings/01.ttl")
@example(text="http://pod.example:8443/a/")
@example(text="http://127.1/a")
@example(text="https://127.1/a")
@example(text="https://pod.example:8443/a")
@example(text="https://pod.example/" + "a" * 5000)
def test_what_an_origin_decides_is_decided_as_for_each_address(
    plain_http: bool, ports: tuple[int, ...], text: str
) -> None:
    addresses = Addresses(plain_http=plain_http, ports=ports)
    for one in (text, text, f"{text}b"):  # the second and third find the origin decided
        try:
            url = wire_url(one, plain_http=plain_http, ports=ports)
        except AddressRefused:
            with pytest.raises(AddressRefused):
                addresses.checked(one)
        else:
            found = addresses.checked(one)
            assert (found.text, found.url, found.origin) == (str(url), url, origin_of(url))
            assert str(found.url) == found.text
            assert found.url.raw_path_qs == url.raw_path_qs


@given(ADDRESSES)
@example("https://pod.example/a%40b:c@d%3a%7E.ttl?q=%40@")
@example("HTTPS://Pod.Example:443/a/%2e%2e/b%2fc")
@example("https://pod.example/%%34")
def test_what_is_sent_is_what_a_proof_names(text: str) -> None:
    """Else a server that compares the two as text refuses every request."""
    try:
        found = Addresses(plain_http=True, ports=()).checked(text)
    except AddressRefused:
        return
    assert found.text.partition("?")[0] == target(text) == target(found.text)
    assert found.text == f"{found.origin}{found.url.raw_path_qs}"
    assert normal_form(found.text) == found.text


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://a.example/x%40y", "https://a.example/x%40y"),
        ("https://a.example/x@y", "https://a.example/x@y"),
        ("https://a.example/$&+,;=:@", "https://a.example/$&+,;=:@"),
        ("https://a.example/%24%26%2b%2c%3b%3d%3a", "https://a.example/%24%26%2B%2C%3B%3D%3A"),
        ("https://a.example/%61%7e%2D", "https://a.example/a~-"),
        ("https://a.example/a/%2e%2e/%2E/b/..", "https://a.example/"),
        ("https://a.example/../a/./b", "https://a.example/a/b"),
        ("https://a.example/a%2F..%2fb", "https://a.example/a%2F..%2Fb"),
        ("https://a.example//a/..//b", "https://a.example///b"),
        ("https://a.example/100%", "https://a.example/100%25"),
        ("https://a.example/%2541", "https://a.example/%2541"),
        ("https://a.example/é[1]", "https://a.example/%C3%A9%5B1%5D"),
        ("https://A.example:443?Q=%2f@#f", "https://a.example/?Q=%2F@"),
        ("http://[::1]:80/a", "http://[::1]/a"),
    ],
)
def test_only_what_everybody_may_change_is_changed(text: str, normal: str) -> None:
    assert normal_form(text) == normal == normal_form(normal)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a",
        "a.ttl",
        "mailto:a@b.example",
        "https://",
        "https://me@a.example/",
        "https://@/",
        "https://[::1]@",
        "//[::1]@",
        "https://a.example/a\nb",
        "https://a.ex\tample/",
    ],
)
def test_what_is_no_address_of_a_server_has_no_normal_form(text: str) -> None:
    with pytest.raises(ValueError):
        normal_form(text)


def test_a_proof_for_another_spelling_is_a_proof_for_another_address() -> None:
    now, key = datetime(2026, 1, 1, tzinfo=UTC), jose.generate_key()
    for named, called, same in (
        ("https://a.example/x%40y", "https://a.example/x@y", False),
        ("https://a.example/x%2Fy", "https://a.example/x/y", False),
        ("https://me@a.example/x", "https://a.example/x", False),
        ("HTTPS://A.example:443/%7ex?q", "https://a.example/~x", True),
    ):
        claims = {"jti": "1", "htm": "GET", "htu": named, "iat": int(now.timestamp())}
        proof = key.sign_proof(claims)
        if same:
            assert verify_proof(proof, method="GET", url=called, now=now, access_token=None)
        else:
            with pytest.raises(ProofInvalid):
                verify_proof(proof, method="GET", url=called, now=now, access_token=None)


def test_few_origins_are_remembered() -> None:
    addresses = Addresses(plain_http=False, ports=(443,))
    for number in range(3000):
        addresses.checked(f"https://p{number}.example/a")
    assert len(addresses._roots) <= 1024


@pytest.mark.parametrize("r", [1, 2**255, 2**256 - 2**32, 2**248 - 1, 0x80, 2**127])
@pytest.mark.parametrize("s", [1, 2**255, 2**256 - 2**32, 2**248 - 1, 0x80, 2**127])
def test_both_numbers_of_a_signature_have_their_width(r: int, s: int) -> None:
    expected = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert jose.fixed_width(encode_dss_signature(r, s)) == expected


@pytest.mark.parametrize(
    "text", ["https://pod.example/~me/a-b_c.ttl", "http://localhost:3000/", "https://a.b/c/"]
)
def test_the_usual_ones_are_normal(text: str) -> None:
    assert is_normal(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://Pod.example/",
        "https://pod.example",
        "https://pod.example:443/",
        "http://pod.example:80/",
        "https://pod.example/a/../b",
        "https://pod.example/.well-known/x",
        "https://pod.example/%7Eme",
        "https://pod.example//a",
        "https://me@pod.example/",
        "https://pod.example./",
        "https://pod.example/a?b",
        "https://pod.example/a#b",
        "https://pod.example/a\n",
        "https://pod.example/" + "a" * 5000 + "%",
    ],
)
def test_anything_else_goes_to_a_parser(text: str) -> None:
    assert not is_normal(text)


def test_a_proof_has_the_header_of_its_key() -> None:
    """The header is encoded once for a key, and says what a header made anew would say."""
    for algorithm in ("ES256", "EdDSA"):
        key = jose.generate_key(algorithm)
        for claims in ({"jti": "1"}, {"jti": "2"}):
            proof = jose.parse(key.sign_proof(claims))
            assert proof.header == {"alg": algorithm, "typ": "dpop+jwt", "jwk": dict(key.bare_jwk)}
            assert jose.verify(proof, key.bare_jwk, [algorithm]).claims == claims
