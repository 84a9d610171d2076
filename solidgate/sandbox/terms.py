"""pyoxigraph terms as rdflib terms, lexical forms kept: rdflib's own parsers are slower and less strict."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph
import rdflib

rdflib.NORMALIZE_LITERALS = False  # a rewritten literal is no longer what the person stored

_STRING = "http://www.w3.org/2001/XMLSchema#string"


def to_term(term: object) -> rdflib.term.Node:
    """One term. Raises TypeError for terms that RDF 1.1 does not have."""
    if isinstance(term, pyoxigraph.NamedNode):
        return rdflib.URIRef(term.value)
    if isinstance(term, pyoxigraph.BlankNode):
        return rdflib.BNode(term.value)
    if isinstance(term, pyoxigraph.Literal):
        if term.language:
            return rdflib.Literal(term.value, lang=term.language)
        if term.datatype.value == _STRING:
            return rdflib.Literal(term.value)
        return rdflib.Literal(term.value, datatype=rdflib.URIRef(term.datatype.value))
    raise TypeError("a term that RDF 1.1 does not have")


def to_rdflib(statements: Iterable[pyoxigraph.Quad | pyoxigraph.Triple]) -> rdflib.Graph:
    """One graph with all the statements, whatever graphs they stood in."""
    graph = rdflib.Graph(bind_namespaces="none")
    for statement in statements:
        graph.add((to_term(statement.subject), to_term(statement.predicate), to_term(statement.object)))
    return graph
