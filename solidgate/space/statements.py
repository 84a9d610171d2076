"""Statements without blank nodes: plain terms, written directly.

A ``Triple`` object costs more than all that is done with it here, so that what has to be quick takes terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyoxigraph as ox

from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.vocab import ACL, DCT, DPV, INTEROP, RDF, SKOS

Statement = tuple[ox.NamedNode, ox.NamedNode, ox.NamedNode | ox.Literal]


def lines_of(statements: Iterable[Statement]) -> dict[str, Statement]:
    """Each statement once, under its line of N-Triples."""
    return {f"{one[0]} {one[1]} {one[2]} .\n": one for one in statements}


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
