"""Control documents of a pod (profile, access control list): small, asked for as RDF, parsed here only."""

from __future__ import annotations

from itertools import islice

from pyoxigraph import NamedNode, Quad, RdfFormat, parse

from solidgate.errors import PodUnreadable
from solidgate.pod.nesting import MAX_NESTING, depth

MOST_TRIPLES = 20_000

CONTROL_FORMATS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
}
CONTROL_ACCEPT = "text/turtle, application/n-triples;q=0.9, application/ld+json;q=0.8"


def media_type(value: str | None) -> str:
    """The media type of a ``Content-Type``, lower case, without its parameters; empty when there is none."""
    return (value or "").partition(";")[0].strip().lower()


def control_document(
    content: bytes, content_type: str | None, base: str, most: int = MOST_TRIPLES
) -> list[Quad]:
    """The triples, relative to ``base``. Raises ``PodUnreadable``; never fetches a JSON-LD context."""
    found = CONTROL_FORMATS.get(media_type(content_type))
    if found is None:
        raise PodUnreadable(f"a control document came as {media_type(content_type) or 'no media type'}")
    if found is RdfFormat.JSON_LD and depth(content) > MAX_NESTING:
        # Deep JSON-LD ends the parser's process, so it is refused before it is parsed.
        raise PodUnreadable(f"a control document is nested deeper than {MAX_NESTING}")
    try:
        quads = list(islice(parse(content, format=found, base_iri=base), most + 1))
    except (SyntaxError, ValueError) as broken:
        raise PodUnreadable("a control document does not parse") from broken
    if len(quads) > most:
        raise PodUnreadable(f"a control document has more than {most} triples")
    return quads


def is_iri(text: str) -> bool:
    """Whether this can stand as an IRI in RDF: what a pod sends in a header need not."""
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True


def objects(quads: list[Quad], subject: str, predicate: NamedNode) -> list[str]:
    """The IRIs that stand in this relation to ``subject``, in document order, each once."""
    about = NamedNode(subject)
    named = (quad.object for quad in quads if quad.subject == about and quad.predicate == predicate)
    return list(dict.fromkeys(term.value for term in named if isinstance(term, NamedNode)))
