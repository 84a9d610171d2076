"""What properties are called on a page: by the program's shapes, else by the shipped vocabularies.

A name in another language is marked as such. Where there is none, the page shows the last part of the
address as code: it is no word of any language, and is not translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pyoxigraph import Literal, NamedNode, RdfFormat, Store

from solidgate.assets import asset
from solidgate.vocab import RDFS, curie
from solidgate.web.language import Language

UNKNOWN = "und"
"""The language tag of a text whose language nobody gave (RFC 5646 section 4.1)."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name for a page. ``lang`` is empty in the page's own language; ``code``: only the end of an address.

    ``by_program``: the page shows the term beside it, because whoever made the program chose the words.
    """

    text: str
    lang: str = ""
    code: bool = False
    by_program: bool = False


def named(iri: str, language: Language, names: Mapping[str, Mapping[str, str]]) -> Named:
    """What the term is called in the language, else in English, else in any; ``names`` are the program's."""
    if given := names.get(iri):
        return _picked(given, language, by_program=True)
    if known := _labels().get(iri):
        return _picked(dict(known), language)
    return Named(re.split(r"[#/:]", iri.rstrip("#/"))[-1] or iri, code=True)


def _picked(texts: Mapping[str, str], language: Language, *, by_program: bool = False) -> Named:
    """The best of at least one text."""
    spoken = {tag.partition("-")[0]: text for tag, text in texts.items()}
    tag = next(one for one in (language.tag, "en", *spoken) if one in spoken)
    return Named(spoken[tag], "" if tag == language.tag else tag or UNKNOWN, by_program=by_program)


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
