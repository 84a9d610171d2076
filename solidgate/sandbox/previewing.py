"""One document as a table of what a program asks for, made inside the jail: nothing else leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Store

from solidgate.sandbox.table import NAMES_A_ROW, Asked, Bounds, Kind, Name, Table, Value

_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_NIL = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#nil")
_PATH = NamedNode("http://www.w3.org/ns/shacl#path")
_TARGET = NamedNode("http://www.w3.org/ns/shacl#targetClass")
_NAME = NamedNode("http://www.w3.org/ns/shacl#name")
_LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")


@dataclass(frozen=True, slots=True)
class Selection:
    """The statements that count: by property, or by the class of their subject; all when both are empty."""

    properties: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()

    def of(self, quads: Sequence[Quad]) -> list[Quad]:
        """The selected statements, in their order."""
        if not self.properties and not self.classes:
            return list(quads)
        typed = {
            quad.subject
            for quad in quads
            if quad.predicate == _TYPE
            and isinstance(quad.object, NamedNode)
            and quad.object.value in self.classes
        }
        return [quad for quad in quads if quad.predicate.value in self.properties or quad.subject in typed]


def selection(asked: Asked) -> Selection:
    """What the declaration selects. A shapes file counts by its paths, one without paths by its classes.

    A file that cannot be read selects everything: too much is shown rather than too little.
    """
    properties: set[str] = set()
    classes = set(asked.classes)
    for content in asked.shapes:
        store = _store(content)
        if store is None:
            return Selection()
        paths = _paths(store)
        properties |= paths
        if not paths:
            classes |= _targets(store)
    return Selection(frozenset(properties), frozenset(classes))


def table(quads: Sequence[Quad], asked: Asked, bounds: Bounds) -> Table:
    """The first rows of what is selected with their names, the count of it and of the rest."""
    chosen = selection(asked).of(quads)
    rows = tuple(_row(quad, bounds.characters) for quad in chosen[: bounds.rows])
    called = names((*asked.shapes, *asked.naming), rows, bounds)
    return Table(rows, len(chosen), len(quads) - len(chosen), called)


def names(shapes: Iterable[bytes], rows: Sequence[Value], bounds: Bounds) -> tuple[Name, ...]:
    """What the shapes call what stands in rows: ``sh:name`` of a path, else ``rdfs:label`` of a term.

    The first shapes file that names a term in a language counts; one that cannot be read names nothing.
    """
    terms = {row.property for row in rows} | {row.value for row in rows if row.kind is Kind.IRI}
    found: dict[tuple[str, str], str] = {}
    shapes = shapes if terms else ()
    for store in filter(None, map(_store, shapes)):
        for term, name in (*_named(store), *_labelled(store)):
            if term in terms and len(name.value) <= bounds.characters:
                found.setdefault((term, (name.language or "").lower()), name.value)
    made = [Name(term, language, text) for (term, language), text in sorted(found.items())]
    return tuple(made[: NAMES_A_ROW * bounds.rows])


def _named(store: Store) -> list[tuple[str, Literal]]:
    return _texts(
        (path.object, name.object)
        for path in store.quads_for_pattern(None, _PATH, None)
        for name in store.quads_for_pattern(path.subject, _NAME, None)
    )


def _labelled(store: Store) -> list[tuple[str, Literal]]:
    return _texts((quad.subject, quad.object) for quad in store.quads_for_pattern(None, _LABEL, None))


def _texts(pairs: Iterable[tuple[object, object]]) -> list[tuple[str, Literal]]:
    """Of terms with an IRI, in an order that does not change from one process to the next."""
    texts = [
        (term.value, name)
        for term, name in pairs
        if isinstance(term, NamedNode) and isinstance(name, Literal)
    ]
    return sorted(texts, key=lambda pair: (pair[0], pair[1].language or "", pair[1].value))


def _store(shapes: bytes) -> Store | None:
    store = Store()
    try:
        store.load(shapes, RdfFormat.TURTLE, base_iri="urn:solidgate:shapes")
    except (ValueError, SyntaxError, OSError):
        return None
    return store


def _row(quad: Quad, characters: int) -> Value:
    node = quad.object
    name, text, kind, type_ = quad.predicate.value, "", Kind.NODE, ""
    if isinstance(node, Literal):
        text, kind = node.value, Kind.LITERAL
        type_ = f"@{node.language}" if node.language else node.datatype.value
    elif isinstance(node, NamedNode):
        text, kind = node.value, Kind.IRI
    cut = any(len(one) > characters for one in (name, text, type_))
    return Value(name[:characters], text[:characters], kind, type_[:characters], cut)


def _paths(store: Store) -> set[str]:
    """The properties in all paths, also inside lists and inverse paths."""
    found: set[str] = set()
    waiting = [quad.object for quad in store.quads_for_pattern(None, _PATH, None)]
    seen: set[object] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, NamedNode) and node != _NIL:
            found.add(node.value)
        elif isinstance(node, BlankNode) and node not in seen:
            seen.add(node)
            waiting += [quad.object for quad in store.quads_for_pattern(node, None, None)]
    return found


def _targets(store: Store) -> set[str]:
    return set(_names(quad.object for quad in store.quads_for_pattern(None, _TARGET, None)))


def _names(nodes: Iterable[object]) -> Iterable[str]:
    return (node.value for node in nodes if isinstance(node, NamedNode))
