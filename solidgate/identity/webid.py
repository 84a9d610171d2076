"""A person's WebID: its form, and what its profile says of issuers, storages and a name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse
from yarl import URL

from solidgate.errors import FetchUnexpected, WebIdInvalid
from solidgate.pod.nesting import MAX_NESTING, depth
from solidgate.vocab import FOAF, PIM, SOLID, VCARD

MAX_WEBID_CHARACTERS = 2048
MAX_NAME_CHARACTERS = 200
PROFILE_ACCEPT = "text/turtle, application/n-triples;q=0.9, application/ld+json;q=0.5"

_FORMATS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What the profile says of exactly this WebID; values byte for byte, in the document's order.

    ``name`` and ``photo``, an address, may be empty. Links to further documents are never followed.
    """

    webid: str
    issuers: tuple[str, ...]
    storages: tuple[str, ...]
    name: str = ""
    photo: str = ""

    def __repr__(self) -> str:
        return f"Profile({len(self.issuers)} issuers, {len(self.storages)} storages)"


def same_but_slash(one: str, other: str) -> bool:
    """Equal but for one slash at the end: the single deviation that real issuers show."""
    return one.removesuffix("/") == other.removesuffix("/")


def names_issuer(named: Collection[str], issuer: str, *, slash_tolerance: bool) -> bool:
    """Is this issuer among those that a profile names? Exact text; a final slash may differ if tolerated."""
    return issuer in named or (slash_tolerance and any(same_but_slash(issuer, one) for one in named))


def check_web_address(text: str, *, plain_http: bool = False) -> str:
    """The text itself when it can be a WebID or an issuer; raises ``WebIdInvalid``.

    https with a host, no user name, no white space; ``plain_http`` allows http in development.
    """
    if not 0 < len(text) <= MAX_WEBID_CHARACTERS or any(c.isspace() or c in '<>"{}|\\^`' for c in text):
        raise WebIdInvalid("empty, too long, or with characters that no address has")
    if not text.isprintable():
        raise WebIdInvalid("characters that no address has")
    try:
        url = URL(text)
    except ValueError as broken:
        raise WebIdInvalid("not an address") from broken
    if url.scheme != "https" and not (plain_http and url.scheme == "http"):
        raise WebIdInvalid("it does not begin with https://")
    if not url.raw_host or "@" in url.raw_authority:
        raise WebIdInvalid("no host, or a user name in it")
    return text


def document_of(webid: str) -> str:
    """The address of the profile document: the WebID without its fragment."""
    return webid.partition("#")[0]


def read_profile(webid: str, content: bytes, media_type: str, base: str) -> Profile:
    """What a profile document says of ``webid``; ``base`` is the address that it finally came from.

    Only triples whose subject is exactly the WebID count. Raises ``FetchUnexpected`` for another format,
    or for a document that is not well formed.
    """
    name = media_type.partition(";")[0].strip().lower()
    form = _FORMATS.get(name)
    if form is None:
        raise FetchUnexpected("the profile is not Turtle or JSON-LD")
    if form is RdfFormat.JSON_LD and depth(content) > MAX_NESTING:
        # Deep JSON-LD ends the parser's process, so it is refused before it is parsed.
        raise FetchUnexpected(f"the profile is nested deeper than {MAX_NESTING}")
    return _profile(webid, _about(webid, content, form, base))


def _about(webid: str, content: bytes, form: RdfFormat, base: str) -> list[Triple]:
    subject = NamedNode(webid)
    try:
        quads = parse(content, form, base_iri=None if form is RdfFormat.N_TRIPLES else base)
        return [quad.triple for quad in quads if quad.subject == subject]
    except (SyntaxError, ValueError) as broken:
        raise FetchUnexpected("the profile is not well-formed RDF") from broken


def _profile(webid: str, triples: list[Triple]) -> Profile:
    def objects(predicate: NamedNode, keep: Callable[[object], bool]) -> tuple[str, ...]:
        found = (t.object for t in triples if t.predicate == predicate and keep(t.object))
        return tuple(dict.fromkeys(node.value for node in found if not isinstance(node, BlankNode | Triple)))

    photos = objects(FOAF.img, _is_iri) + objects(VCARD.hasPhoto, _is_iri)
    names = objects(FOAF.name, _is_literal) + objects(VCARD.fn, _is_literal)
    return Profile(
        webid=webid,
        issuers=objects(SOLID.oidcIssuer, _is_iri),
        storages=objects(PIM.storage, _is_iri),
        name=names[0][:MAX_NAME_CHARACTERS] if names else "",
        photo=next((one for one in photos if len(one) <= MAX_WEBID_CHARACTERS), ""),
    )


def _is_iri(node: object) -> bool:
    return isinstance(node, NamedNode)


def _is_literal(node: object) -> bool:
    return isinstance(node, Literal)
