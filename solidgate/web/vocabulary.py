"""``/ns`` and ``/errors``: the words that solidgate uses on the wire, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from aiohttp import web
from pyoxigraph import Literal, NamedNode, RdfFormat, Store

from solidgate.assets import asset
from solidgate.errors import every_error
from solidgate.vocab import RDFS, SG
from solidgate.web.accept import HTML, JSON, JSONLD, TURTLE, chosen
from solidgate.web.language import Language, language_of
from solidgate.web.pages import render
from solidgate.web.represent import json_response, rdf_of


@dataclass(frozen=True, slots=True)
class Term:
    """One of our terms, in one language."""

    name: str
    label: str
    comment: str


async def vocabulary(request: web.Request) -> web.Response:
    """``GET /ns``: our terms, as shipped."""
    media_type = chosen(request, [HTML, TURTLE, JSONLD])
    if media_type == HTML:
        return render(request, "vocabulary.html", namespace=SG.iri, terms=terms(language_of(request)))
    return rdf_of(_turtle(), TURTLE, media_type)


async def errors(request: web.Request) -> web.Response:
    """``GET /errors``: every code; the ``type`` of a problem document leads to its place here."""
    kinds = list(every_error().values())
    if chosen(request, [HTML, JSON]) == HTML:
        return render(request, "errors.html", entries=kinds)
    found = [{"code": kind.code, "sentence": kind.sentence, "remedy": kind.remedy} for kind in kinds]
    return json_response({"errors": found})


def terms(language: Language) -> list[Term]:
    """Our terms by name, in the language or else in English."""
    found = [
        Term(
            node.value.removeprefix(SG.iri),
            _text(node, RDFS.label, language),
            _text(node, RDFS.comment, language),
        )
        for node in SG
    ]
    return sorted(found, key=lambda term: term.name.lower())


@cache
def _turtle() -> bytes:
    return asset("ontologies", "solidgate.ttl").read_bytes()


@cache
def _store() -> Store:
    store = Store()
    store.load(_turtle(), format=RdfFormat.TURTLE)
    return store


def _text(node: NamedNode, predicate: NamedNode, language: Language) -> str:
    found = [quad.object for quad in _store().quads_for_pattern(node, predicate, None)]
    return language.pick({text.language or "en": text.value for text in found if isinstance(text, Literal)})
