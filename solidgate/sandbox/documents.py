"""Documents of a pod, parsed: bytes of a stranger, so only ever inside the jail.

Turtle, N-Triples, N-Quads, TriG and JSON-LD with inline contexts; never RDF/XML, whose entities are a bomb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyoxigraph import NamedNode, Quad, RdfFormat, parse

MAX_DEPTH = 64

FORMATS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/n-quads": RdfFormat.N_QUADS,
    "application/trig": RdfFormat.TRIG,
    "application/ld+json": RdfFormat.JSON_LD,
}

# Strings and IRIs are stepped over whole, so brackets inside them do not count. Repetitions are possessive
# and a string without end reaches to the end, so the scan is linear; the parser then judges what was wrong.
_TURTLE = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|.?\Z)'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|.?\Z)"
    r'|"(?:[^"\\\n\r]|\\.)*+(?:["\n\r\\]|\Z)'
    r"|'(?:[^'\\\n\r]|\\.)*+(?:['\n\r\\]|\Z)"
    r'|<[^<>"{}|^`\\\s]*+>|\#[^\n\r]*+|(?P<open>[\[({])|(?P<close>[\])}])',
    re.DOTALL,
)
_JSON = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|.?\Z)|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)


class Unreadable(Exception):
    """A document that this jail does not read. Carries nothing of the document."""


def depth(text: str, *, json: bool = False) -> int:
    """The deepest nesting of brackets in Turtle-like text or in JSON, before any parser sees it."""
    deepest = now = 0
    for found in (_JSON if json else _TURTLE).finditer(text):
        if found["open"]:
            now += 1
            deepest = max(deepest, now)
        elif found["close"]:
            now -= 1
    return deepest


def read(url: str, media_type: str, content: bytes) -> list[Quad]:
    """The document's statements; those outside a named graph are put into the graph named by its URL.

    Blank nodes are renamed, so those of two documents never meet. Raises ``Unreadable``.
    """
    kind = FORMATS.get(media_type.split(";", 1)[0].strip().lower())
    if kind is None:
        raise Unreadable
    try:
        text = content.decode("utf-8")
        if depth(text, json=kind == RdfFormat.JSON_LD) > MAX_DEPTH:
            raise Unreadable
        graph = NamedNode(url)
        return list(_placed(parse(text, kind, base_iri=url, rename_blank_nodes=True), graph))
    except (ValueError, SyntaxError, OSError) as problem:
        raise Unreadable from problem


def _placed(quads: Iterator[Quad], graph: NamedNode) -> Iterator[Quad]:
    for quad in quads:
        if isinstance(quad.graph_name, NamedNode):
            yield quad
        else:
            yield Quad(quad.subject, quad.predicate, quad.object, graph)
