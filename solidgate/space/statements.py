"""Statements without blank nodes, and the two forms of them that are signed: plain terms, written directly.

A ``Triple`` object costs more than all that is done with it here, so that what has to be quick takes terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyoxigraph as ox

from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.vocab import ACL, DCT, DPV, INTEROP, RDF, SKOS, XSD

Statement = tuple[ox.NamedNode, ox.NamedNode, ox.NamedNode | ox.Literal]


def lines_of(statements: Iterable[Statement]) -> dict[str, Statement]:
    """Each statement once, under its line of N-Triples."""
    return {f"{one[0]} {one[1]} {one[2]} .\n": one for one in statements}


def nodes_of(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Expanded JSON-LD: one node for each subject, in their order (JSON-LD 1.1 section 9.1)."""
    nodes: dict[str, dict[str, Any]] = {}
    for subject, predicate, value in statements:
        node = nodes.setdefault(subject.value, {"@id": subject.value})
        if predicate == RDF.type:
            node.setdefault("@type", []).append(value.value)
        else:
            node.setdefault(predicate.value, []).append(value_of(value))
    return list(nodes.values())


def value_of(value: ox.NamedNode | ox.Literal) -> dict[str, str]:
    """A term as a value of expanded JSON-LD."""
    if isinstance(value, ox.NamedNode):
        return {"@id": value.value}
    if value.language is not None:
        return {"@language": value.language, "@value": value.value}
    if value.datatype == XSD.string:
        return {"@value": value.value}
    return {"@type": value.datatype.value, "@value": value.value}


def texts(values: Mapping[str, str]) -> Iterator[ox.Literal]:
    """Language-tagged literals."""
    return (ox.Literal(text, language=tag) for tag, text in values.items())


def purpose_statements(node: ox.NamedNode, purpose: Purpose) -> Iterator[Statement]:
    """A purpose: its id, its texts and the DPV purpose that it is a kind of."""
    yield node, RDF.type, DPV.Purpose
    yield node, DCT.identifier, ox.Literal(purpose.id)
    yield node, SKOS.broader, ox.NamedNode(purpose.broader)
    yield from ((node, DCT.title, text) for text in texts(purpose.title))
    yield from ((node, DCT.description, text) for text in texts(purpose.description))


def need_statements(node: ox.NamedNode, need: ResourceNeed) -> Iterator[Statement]:
    """One document that is asked: what it is, whether it is needed, and that it is only read."""
    kinds = (DPV.PersonalData, *map(ox.NamedNode, need.personal_data))
    yield from ((node, RDF.type, kind) for kind in kinds)
    yield from ((node, DCT.title, text) for text in texts(need.title))
    yield node, DPV.hasNecessity, DPV.Required if need.required else DPV.Optional
    yield node, INTEROP.accessMode, ACL.Read
