"""Type indexes: where a person says that they keep things of a kind (Solid Type Indexes 1.0.0).

The public index hangs in the profile, the private one in the preferences file or in the profile. What an
index says is a hint and nothing more: whoever may write it may write anything, so each address is checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import NamedNode, Quad

from solidgate.pod.container import document
from solidgate.pod.rdf import objects
from solidgate.vocab import FOAF, PIM, RDFS, SOLID

MOST_REGISTRATIONS = 1000
"""Of the kinds that are looked for, in one index."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One place for things of one kind: a document, or a container of documents. ``kind`` is a class IRI."""

    kind: str
    url: str
    is_container: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a person's own indexes say; ``read`` are those that were read, ``closed`` those that were not.

    ``cut`` are documents with more in them than is looked at, and of more documents than are looked at the
    first that was not. All empty: the person has no index.
    """

    registrations: tuple[Registration, ...] = ()
    read: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """The registrations of one index; ``cut`` says that it has more."""

    found: tuple[Registration, ...]
    cut: bool = False


def indexes(profile: list[Quad], webid: str) -> tuple[str, ...]:
    """The indexes that a document names for this WebID, the public one first."""
    named = objects(profile, webid, SOLID.publicTypeIndex) + objects(profile, webid, SOLID.privateTypeIndex)
    return tuple(dict.fromkeys(document(url) for url in named))


def preferences(profile: list[Quad], webid: str) -> tuple[str, ...]:
    """The preferences files that a profile names: for the person's own eyes."""
    return tuple(dict.fromkeys(document(url) for url in objects(profile, webid, PIM.preferencesFile)))


def extended(profile: list[Quad], webid: str) -> tuple[str, ...]:
    """Further documents of the profile (Solid WebID Profile), which some servers keep in the pod."""
    named = objects(profile, webid, RDFS.seeAlso) + objects(profile, webid, FOAF.isPrimaryTopicOf)
    return tuple(dict.fromkeys(document(url) for url in named))


def registrations(index: Iterable[Quad], wanted: Collection[str]) -> Registered:
    """Each registration of an index for these classes, in its order, each once, and a bounded number of them.

    One subject with many classes and many documents means each of their pairs, so a small document could
    mean more than any memory holds. Classes that nobody looks for count for nothing.

    Real indexes leave out types and mix document and container in one registration; so only the terms that
    say something count.
    """
    quads = list(index)
    kinds: dict[object, list[str]] = {}
    for quad in quads:
        if quad.predicate != SOLID.forClass or not isinstance(quad.object, NamedNode):
            continue
        if quad.object.value in wanted:
            kinds.setdefault(quad.subject, []).append(quad.object.value)
    found: dict[Registration, None] = {}
    for one in _registered(quads, kinds):
        if one not in found and len(found) == MOST_REGISTRATIONS:
            return Registered(tuple(found), cut=True)
        found[one] = None
    return Registered(tuple(found))


def _registered(quads: list[Quad], kinds: dict[object, list[str]]) -> Iterator[Registration]:
    for quad in quads:
        if quad.predicate not in (SOLID.instance, SOLID.instanceContainer):
            continue
        if not isinstance(quad.object, NamedNode):
            continue
        is_container = quad.predicate == SOLID.instanceContainer
        url = document(quad.object.value)
        if is_container and not url.endswith("/"):
            url += "/"
        yield from (Registration(kind, url, is_container) for kind in kinds.get(quad.subject, ()))
