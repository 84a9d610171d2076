"""What the signposts beside the results say, as Turtle: same results, same bytes, no clock.

Plain Turtle with absolute addresses, without blank nodes and without relative names, so that any client of a
pod reads it the same, and a pod browser shows titles, dates and links that can be followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pyoxigraph import Literal, NamedNode, Triple

from solidgate.derived.writable import require_writable
from solidgate.run.signpost import Kind, Listed
from solidgate.space.rdf import turtle
from solidgate.vocab import DCAT, DCT, PROV, RDF, RDFS, SG, XSD

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "latest": "Newest results: {space}",
        "index": "Results: {space}",
        "about": "Each entry leads to one result, made from your data with your consent. To see what you"
        " agreed to, or to withdraw, open the address under “under consent”. You may delete results here:"
        " they are not written again.",
        "entry": "{title}, {day}",
        "withdrawn": "{title}, {day}: you have withdrawn the consent, so this result is no longer valid",
    },
    "fr": {
        "latest": "Derniers résultats\u00a0: {space}",
        "index": "Résultats\u00a0: {space}",
        "about": "Chaque entrée mène à un résultat, tiré de vos données avec votre consentement. Pour voir"
        " à quoi vous avez consenti, ou pour vous retirer, ouvrez l’adresse sous"
        " «\u202funder consent\u202f». Vous pouvez supprimer des résultats ici\u00a0: ils ne sont pas"
        " réécrits.",
        "entry": "{title}, {day}",
        "withdrawn": "{title}, {day}\u00a0: vous avez retiré votre consentement, ce résultat ne vaut plus",
    },
    "nl": {
        "latest": "Nieuwste resultaten: {space}",
        "index": "Resultaten: {space}",
        "about": "Elk item leidt naar één resultaat, gemaakt uit uw gegevens met uw toestemming. Om te zien"
        " waarmee u instemde, of om uw toestemming in te trekken, opent u het adres onder “under consent”."
        " U mag hier resultaten wissen: ze worden niet opnieuw geschreven.",
        "entry": "{title}, {day}",
        "withdrawn": "{title}, {day}: u hebt uw toestemming ingetrokken, dus dit resultaat geldt niet meer",
    },
}


def address(container: str, space_id: str, kind: Kind) -> str:
    """Where a signpost stands. Spaces may share a container, so each has its own."""
    return f"{container}{kind.value}-{space_id}.ttl"


def content(
    kind: Kind, container: str, space_id: str, title: str, language: str, listed: Sequence[Listed]
) -> bytes:
    """The document; empty when there is nothing to lead to. Raises ``ResultForeign``."""
    shown = _newest(listed) if kind is Kind.LATEST else tuple(listed)
    if not shown:
        return b""
    here = address(container, space_id, kind)
    other = address(container, space_id, Kind.INDEX if kind is Kind.LATEST else Kind.LATEST)
    language = language if language in WORDS else "en"
    entries = _pointers(here, language, shown) if kind is Kind.LATEST else _entries(here, language, shown)
    document = turtle([*_head(kind, here, other, title, language, shown), *entries])
    require_writable(document, [here])
    return document


def _newest(listed: Sequence[Listed]) -> tuple[Listed, ...]:
    """The newest result of each purpose whose consent was not withdrawn."""
    newest: dict[str, Listed] = {}
    for one in sorted(listed, key=lambda one: (one.at, one.url)):
        if one.invalid is None:
            newest[one.purpose] = one
    return tuple(newest.values())


def _head(
    kind: Kind, here: str, other: str, title: str, language: str, shown: Sequence[Listed]
) -> Iterator[Triple]:
    node, words = NamedNode(here), WORDS[language]
    yield Triple(node, RDF.type, DCAT.Catalog)
    yield Triple(node, DCT.title, Literal(words[kind.value].format(space=title), language=language))
    yield Triple(node, DCT.modified, _time(max(_changed(one) for one in shown)))
    yield Triple(node, RDFS.seeAlso, NamedNode(other))
    if kind is Kind.INDEX:
        yield Triple(node, DCT.description, Literal(words["about"], language=language))


def _pointers(here: str, language: str, shown: Sequence[Listed]) -> Iterator[Triple]:
    for one in shown:
        node = NamedNode(f"{here}#{one.purpose}")
        yield Triple(NamedNode(here), DCT.hasPart, node)
        yield Triple(node, DCT.title, Literal(one.title, language=language))
        yield Triple(node, SG.latestResult, NamedNode(one.url))
        yield Triple(node, SG.underConsent, NamedNode(one.consent))
        yield Triple(node, DCT.created, _time(one.at))


def _entries(here: str, language: str, shown: Sequence[Listed]) -> Iterator[Triple]:
    for one in shown:
        node = NamedNode(f"{here}#result-{hashlib.sha256(one.url.encode()).hexdigest()[:16]}")
        words = WORDS[language]["entry" if one.invalid is None else "withdrawn"]
        said = words.format(title=one.title, day=one.at.astimezone(UTC).date().isoformat())
        yield Triple(NamedNode(here), DCT.hasPart, node)
        yield Triple(node, DCT.title, Literal(said, language=language))
        yield Triple(node, DCT.references, NamedNode(one.url))
        yield Triple(node, DCT.created, _time(one.at))
        yield Triple(node, SG.underConsent, NamedNode(one.consent))
        if one.invalid is not None:
            yield Triple(node, PROV.invalidatedAtTime, _time(one.invalid))


def _changed(one: Listed) -> datetime:
    return one.at if one.invalid is None else max(one.at, one.invalid)


def _time(moment: datetime) -> Literal:
    return Literal(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), datatype=XSD.dateTime)
