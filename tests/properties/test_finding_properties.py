"""Whatever a pod lists or an index says, only documents below the person's storage can come of it."""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Quad

from solidgate.pod.container import ancestors, document, parent
from solidgate.pod.listing import is_below, is_child, listing
from solidgate.pod.type_index import registrations
from solidgate.vocab import LDP, SOLID

CONTAINER = "https://pod.example/alice/energy/"
pieces = st.sampled_from(
    [
        "a",
        "b.ttl",
        "..",
        ".",
        "",
        "%2e%2e",
        "%2F",
        "%5c",
        "\\",
        "x.acl",
        "x.ACR",
        ".meta",
        "é",
        "a?b",
        "a#b",
        "%",
        ";",
    ]
)
paths = st.lists(pieces, max_size=6).map("/".join)
bases = st.sampled_from(
    [
        CONTAINER,
        "https://pod.example/alice/",
        "https://pod.example/",
        "https://evil.example/alice/energy/",
        "/",
        "",
    ]
)
addresses = st.builds(lambda base, path: base + path, bases, paths)


def _named(urls: list[str]) -> list[Quad]:
    found = []
    for url in urls:
        try:
            found.append(Quad(NamedNode(CONTAINER), LDP.contains, NamedNode(url)))
        except ValueError:
            continue
    return found


@given(st.lists(addresses, max_size=30), st.integers(1, 10))
@example([CONTAINER, "https://pod.example/alice/", CONTAINER + "../", CONTAINER + "a/b/"], 3)
@example([CONTAINER + ";"], 1)
def test_a_listing_leads_downwards_only(urls: list[str], most: int) -> None:
    """So walking one ends: each step is one level deeper, in the same pod, by any reading of the address."""
    quads = _named(urls)
    seen = listing(quads, CONTAINER, most)
    for url in (*seen.documents, *seen.containers):
        assert parent(url) == CONTAINER
        assert CONTAINER in ancestors(unquote(url), 64)
        assert urljoin(CONTAINER, url) == url
        assert not urlsplit(url).query and not urlsplit(url).fragment
        assert not url.lower().rstrip("/").endswith((".acl", ".acr", ".meta"))
    assert len(seen.documents) + len(seen.containers) <= most
    assert seen.refused == sum(not is_child(one, CONTAINER) for one in {quad.object.value for quad in quads})


@given(addresses)
@example(CONTAINER + "a/../../../bob/x.ttl")
@example(CONTAINER + "a/%2e%2e/%2e%2e/x.ttl")
def test_what_is_below_is_below_by_any_reading(url: str) -> None:
    if is_below(url, CONTAINER):
        assert urljoin(CONTAINER, unquote(url)).startswith(CONTAINER)
        assert len(url) > len(CONTAINER)


@given(st.lists(st.tuples(addresses, st.booleans()), max_size=10))
def test_a_registration_never_widens_what_it_names(named: list[tuple[str, bool]]) -> None:
    quads = []
    for place, (url, is_container) in enumerate(named):
        try:
            node, subject = NamedNode(url), NamedNode(f"urn:r:{place}")
        except ValueError:
            continue
        quads.append(Quad(subject, SOLID.forClass, NamedNode("urn:A")))
        quads.append(Quad(subject, SOLID.instanceContainer if is_container else SOLID.instance, node))
    said = {quad.object.value for quad in quads}
    for one in registrations(quads, ["urn:A"]).found:
        assert any(one.url in (document(url), document(url) + "/") for url in said)
