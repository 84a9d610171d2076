"""What makes a shapes graph too lax or too dangerous to guard a result; asked when it is submitted.

A closed shape with bounded values is the only statement about a result that holds whatever the program does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from solidgate.vocab import RDF, XSD

MAX_BYTES = 256 * 1024
MAX_PATTERN = 200

_SH = "http://www.w3.org/ns/shacl#"
_CODE_WORDS = (
    "sparql", "js", "rule", "target", "expression", "select", "ask", "construct", "validator",
    "nodeValidator", "propertyValidator", "jsFunctionName", "values",
)  # fmt: skip
_CODE = {*(f"{_SH}{name}" for name in _CODE_WORDS), "http://www.w3.org/2002/07/owl#imports"}
_TARGETS = tuple(
    f"{_SH}{name}" for name in ("targetClass", "targetNode", "targetSubjectsOf", "targetObjectsOf")
)
_UNBOUNDED_PATHS = {f"{_SH}zeroOrMorePath", f"{_SH}oneOrMorePath"}
_TEXTS = {XSD.string, XSD.anyURI, RDF.langString}


class _Shapes:
    """A shapes graph by subject and predicate."""

    def __init__(self, content: bytes) -> None:
        self.values: defaultdict[Any, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for quad in parse(content, RdfFormat.TURTLE, base_iri="urn:solidgate:shapes"):
            self.values[quad.subject][quad.predicate.value].append(quad.object)

    def get(self, node: Any, name: str) -> list[Any]:
        return self.values[node][f"{_SH}{name}"] if node in self.values else []

    def objects(self, name: str) -> set[Any]:
        return {value for about in self.values.values() for value in about.get(f"{_SH}{name}", ())}

    def node_shapes(self) -> list[Any]:
        """Declared, targeted, with properties, or referred to by ``sh:node``."""
        kinds = self.objects("node")
        for node, about in self.values.items():
            declared = NamedNode(f"{_SH}NodeShape") in about.get(RDF.type.value, ())
            targeted = any(about.get(name) for name in _TARGETS)
            if declared or targeted or about.get(f"{_SH}property"):
                kinds.add(node)
        return sorted(kinds, key=str)


def lint(content: bytes) -> tuple[str, ...]:
    """Sentences, each naming a shape and what is wrong with it; empty when the shapes are fit to guard."""
    if len(content) > MAX_BYTES:
        return (f"the shapes are larger than {MAX_BYTES} bytes",)
    try:
        shapes = _Shapes(content)
    except (SyntaxError, ValueError):
        return ("the shapes are not Turtle",)
    found = [*_dangers(shapes)]
    nodes = shapes.node_shapes()
    if not shapes.objects("targetClass") and not any(
        shapes.objects(name.removeprefix(_SH)) for name in _TARGETS
    ):
        found.append("no shape has a target, so nothing is looked at")
    for node in nodes:
        found += _openness(shapes, node)
    for node in sorted(shapes.objects("property"), key=str):
        found += _laxity(shapes, node)
    return tuple(dict.fromkeys(found))


def _dangers(shapes: _Shapes) -> Iterator[str]:
    for node, about in list(shapes.values.items()):
        for predicate in sorted(_CODE & about.keys()):
            yield f"{_name(shapes, node)} uses {_local(predicate)}, which is code or an import"
        for predicate in sorted(_UNBOUNDED_PATHS & about.keys()):
            yield f"{_name(shapes, node)} uses {_local(predicate)}, a path without bound"
        if any(_true(value) for value in shapes.get(node, "deactivated")):
            yield f"{_name(shapes, node)} is switched off"
        for pattern in shapes.get(node, "pattern"):
            problem = dangerous(pattern.value)
            if problem:
                yield f"{_name(shapes, node)} has a pattern that {problem}"


def _openness(shapes: _Shapes, node: Any) -> Iterator[str]:
    if not any(_true(value) for value in shapes.get(node, "closed")):
        yield f"{_name(shapes, node)} is open: it needs sh:closed true"
    for head in shapes.get(node, "ignoredProperties"):
        if set(_members(shapes, head)) - {RDF.type}:
            yield f"{_name(shapes, node)} ignores properties other than rdf:type"


def _laxity(shapes: _Shapes, node: Any) -> Iterator[str]:
    """What a property shape leaves open about its values."""
    name = _name(shapes, node)
    if shapes.get(node, "in") or shapes.get(node, "hasValue") or shapes.get(node, "node"):
        return
    datatypes = set(shapes.get(node, "datatype"))
    iri_only = NamedNode(f"{_SH}IRI") in shapes.get(node, "nodeKind") or bool(shapes.get(node, "class"))
    if not datatypes and not iri_only:
        yield f"{name} bounds its values by neither sh:datatype, sh:in, sh:hasValue, sh:node nor sh:class"
    if datatypes & _TEXTS:
        for needed in ("maxLength", "maxCount"):
            if not shapes.get(node, needed):
                yield f"{name} lets text through without sh:{needed}"


def dangerous(pattern: str) -> str:
    """Why a regular expression can take exponential time, or the empty string."""
    if len(pattern) > MAX_PATTERN:
        return f"is longer than {MAX_PATTERN} characters"
    try:
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return "cannot be read"
    return _danger(parsed, False)


def _danger(items: Any, repeated: bool) -> str:
    """Walks the parsed expression; ``repeated`` inside a repetition without a small bound."""
    for operation, argument in items:
        if operation in (_constants.GROUPREF, _constants.GROUPREF_EXISTS):
            return "refers back to a group"
        if operation in (_constants.ASSERT, _constants.ASSERT_NOT):
            return "looks ahead or behind"
        many = False
        if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            many = argument[1] > 1 and not _single(argument[2])
            if repeated and argument[1] > 1:
                return "repeats a repetition"
        if operation is _constants.BRANCH and repeated:
            return "repeats a choice"
        for inner in _inner(argument):
            problem = _danger(inner, repeated or many)
            if problem:
                return problem
    return ""


def _single(items: Any) -> bool:
    """One character or class: repeating it is linear."""
    return len(items) == 1 and items[0][0] in (
        _constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY,
    )  # fmt: skip


def _inner(argument: Any) -> Iterator[Any]:
    """The expressions inside an operation's argument."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _inner(part)


def _members(shapes: _Shapes, head: Any) -> Iterator[Any]:
    for _ in range(100):
        if head == RDF.nil or head not in shapes.values:
            return
        yield from shapes.values[head][RDF.first.value]
        head = next(iter(shapes.values[head][RDF.rest.value]), RDF.nil)


def _true(value: Any) -> bool:
    return isinstance(value, Literal) and value.value in ("true", "1")


def _local(iri: str) -> str:
    return re.split(r"[#/]", iri)[-1]


def _name(shapes: _Shapes, node: Any) -> str:
    """The shape's IRI; for a blank property shape, its path."""
    if isinstance(node, NamedNode):
        return f"<{node.value}>"
    path = next(iter(shapes.get(node, "path")), None)
    return f"the shape of <{path.value}>" if isinstance(path, NamedNode) else "a nameless shape"
