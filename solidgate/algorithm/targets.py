"""Which classes a shapes file is about: what documents of a shape are looked up by."""

from __future__ import annotations

from pyoxigraph import NamedNode, RdfFormat, parse

from solidgate.errors import AlgorithmInvalid
from solidgate.vocab import SH


def target_classes(shapes: bytes) -> tuple[str, ...]:
    """The ``sh:targetClass`` values, sorted. Raises ``AlgorithmInvalid`` when it is not Turtle."""
    try:
        quads = list(parse(shapes, format=RdfFormat.TURTLE, base_iri="urn:solidgate:shapes"))
    except (SyntaxError, ValueError) as broken:
        raise AlgorithmInvalid("a shapes file is not Turtle") from broken
    named = {quad.object.value for quad in quads if _is_target(quad.predicate, quad.object)}
    return tuple(sorted(named))


def _is_target(predicate: NamedNode, value: object) -> bool:
    return predicate == SH.targetClass and isinstance(value, NamedNode)
