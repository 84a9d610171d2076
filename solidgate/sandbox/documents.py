"""Documents of a pod, parsed: bytes of a stranger, so only ever inside the jail.

Turtle, N-Triples, N-Quads, TriG and JSON-LD with inline contexts; never RDF/XML, whose entities are a bomb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

MAX_DEPTH = 64

FORMATS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/n-quads": RdfFormat.N_QUADS,
    "application/trig": RdfFormat.TRIG,
    "application/ld+json": RdfFormat.JSON_LD,
}

# Strings and IRIs are stepped over whole, so brackets inside them do not count. A string without end reaches
# to the end, so no step is taken back and the scan is linear; the parser then judges what was wrong. Python
# before 3.11.5 loses its place in a possessive group that ends within a round, so a round is sure from its
# first character on, or its group is none.
_TURTLE = re.compile(
    r'"""[^"\\]*+(?:\\.[^"\\]*+)*+(?:"(?!"")[^"\\]*+(?:\\.[^"\\]*+)*+)*(?:"""|.?\Z)'
    r"|'''[^'\\]*+(?:\\.[^'\\]*+)*+(?:'(?!'')[^'\\]*+(?:\\.[^'\\]*+)*+)*(?:'''|.?\Z)"
    r'|"[^"\\\n\r]*+(?:\\.[^"\\\n\r]*+)*+(?:["\n\r\\]|\Z)'
    r"|'[^'\\\n\r]*+(?:\\.[^'\\\n\r]*+)*+(?:['\n\r\\]|\Z)"
    r'|<[^<>"{}|^`\\\s]*+>|\#[^\n\r]*+|(?P<open>[\[({])|(?P<close>[\])}])',
    re.DOTALL,
)
_JSON = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|.?\Z)|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)


# What the parser raises; SyntaxError is no ValueError.
BROKEN = (ValueError, SyntaxError, OSError)


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
    graph, default = NamedNode(url), DefaultGraph()
    try:
        return [
            Quad(quad.subject, quad.predicate, quad.object, graph) if quad.graph_name == default else quad
            for quad in walk(url, media_type, content)
        ]
    except BROKEN as problem:
        raise Unreadable from problem


def walk(url: str, media_type: str, content: bytes) -> Iterator[Quad]:
    """The same one by one, as the document has them: the graph of its URL is the default graph.

    It is the parser itself, so that nothing of ours runs for each statement. Raises ``Unreadable``, and at a
    statement that is broken whatever the parser raises.
    """
    return parse(content, _format(media_type, content), base_iri=url, rename_blank_nodes=True)


def load(store: Store, url: str, media_type: str, content: bytes) -> None:
    """Put the same statements into a store without making a Python value of each. Raises ``Unreadable``."""
    kind = _format(media_type, content)
    try:
        # The store renames blank nodes at every load, and leaves statements in a named graph where they are.
        store.load(content, kind, base_iri=url, to_graph=NamedNode(url))
    except BROKEN as problem:
        raise Unreadable from problem


def _format(media_type: str, content: bytes) -> RdfFormat:
    """The syntax of a document that is text and no deeper than is safe. Raises ``Unreadable``."""
    kind = FORMATS.get(media_type.split(";", 1)[0].strip().lower())
    if kind is None:
        raise Unreadable
    try:
        text = content.decode("utf-8")
    except ValueError as problem:
        raise Unreadable from problem
    # Fewer brackets than that nest no deeper, wherever they stand; most documents need no more than counting.
    if _opened(content) > MAX_DEPTH and depth(text, json=kind == RdfFormat.JSON_LD) > MAX_DEPTH:
        raise Unreadable
    return kind


def _opened(content: bytes) -> int:
    """How many brackets are opened: in UTF-8 these bytes are nothing else. Looking is far below counting."""
    return sum(content.count(bracket) for bracket in b"[({" if bracket in content)
