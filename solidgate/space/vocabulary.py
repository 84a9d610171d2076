"""Which classes and concepts a vocabulary counts below a given one; DPV answers what a purpose is."""

from __future__ import annotations

from collections import defaultdict

import pyoxigraph as ox

_BELOW = frozenset(
    {
        "http://www.w3.org/2000/01/rdf-schema#subClassOf",
        "http://www.w3.org/2004/02/skos/core#broader",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#type",
    }
)


def below(vocabularies: tuple[bytes, ...], root: str) -> frozenset[str]:
    """Every IRI that the Turtle vocabularies place below ``root``, at any depth, and ``root`` itself."""
    children: dict[str, set[str]] = defaultdict(set)
    for turtle in vocabularies:
        for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE):
            if quad.predicate.value in _BELOW and isinstance(quad.object, ox.NamedNode):
                children[quad.object.value].add(_name(quad.subject))
    found, open_ones = {root}, [root]
    while open_ones:
        fresh = children[open_ones.pop()] - found
        found |= fresh
        open_ones.extend(fresh)
    return frozenset(found)


def _name(term: object) -> str:
    return term.value if isinstance(term, ox.NamedNode) else ""
