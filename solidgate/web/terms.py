"""What properties are called on a page: labels of the shipped vocabularies, else their own name."""

from __future__ import annotations

import re
from functools import cache

from pyoxigraph import Literal, NamedNode, RdfFormat, Store

from solidgate.assets import asset
from solidgate.vocab import RDFS, curie
from solidgate.web.language import Language

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+")


def name_of(iri: str, language: Language) -> str:
    """The term's label in the language or in English; without one, its last part in words."""
    labels = _labels().get(iri)
    if labels:
        return language.pick(dict(labels))
    local = re.split(r"[#/:]", iri.rstrip("#/"))[-1]
    return _HUMP.sub(" ", local).strip().lower() or iri


def short(iri: str) -> str:
    """``prefix:name`` where we know the prefix; a language stays as it is."""
    return iri if iri.startswith("@") else curie(iri)


@cache
def _labels() -> dict[str, tuple[tuple[str, str], ...]]:
    store = Store()
    for name in ("external-terms.ttl", "solidgate.ttl"):
        store.load(asset("ontologies", name).read_bytes(), format=RdfFormat.TURTLE)
    found: dict[str, list[tuple[str, str]]] = {}
    for quad in store.quads_for_pattern(None, RDFS.label, None):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, Literal):
            found.setdefault(quad.subject.value, []).append((quad.object.language or "en", quad.object.value))
    return {iri: tuple(sorted(labels)) for iri, labels in found.items()}
