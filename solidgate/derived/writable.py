"""The last look at what is about to be written into a pod: words that rule a pod, and strangers, stay out.

``conform`` guards what a program made; this guards the whole document with everything that solidgate adds,
whatever shapes and vocabularies were approved. Nothing that passes can steer access, move a profile, or say
something about anybody but the result itself.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from solidgate.errors import ResultForeign
from solidgate.vocab import ACL, ACP, CRED, INTEROP, LDP, NOTIFY, OWL, PIM, SOLID

_NAMESPACES = (ACL, ACP, CRED, INTEROP, LDP, NOTIFY, OWL, PIM, SOLID)
RULING = (*(each.iri for each in _NAMESPACES), "http://www.w3.org/ns/auth/", "https://w3id.org/security")
"""Vocabularies that servers and clients act on: access, storage, containers, keys, and what is the same."""


def rules_pods(iri: str, ruling: tuple[str, ...] = RULING) -> bool:
    """Whether this is a term of such a vocabulary, in any spelling that a careless reader takes for it."""
    return _plain(iri).startswith(_all_plain(ruling))


def require_writable(document: bytes, own: Collection[str]) -> None:
    """Hold a Turtle document against both rules. Raises ``ResultForeign``.

    ``own`` are the IRIs that it may speak about, with their fragments; the person stands as an object only.
    """
    mine, subjects, iris, strangers = frozenset(own), set(), set(), False
    for subject, predicate, value, _ in parse(document, format=RdfFormat.TURTLE):
        if type(subject) is NamedNode:
            subjects.add(subject.value)
        else:
            strangers = True
        iris.add(predicate.value)
        if type(value) is NamedNode:
            iris.add(value.value)
        elif type(value) is Literal:
            iris.add(value.datatype.value)
    if strangers or not all(_is_own(each, mine) for each in subjects):
        raise ResultForeign("another subject")
    iris |= subjects
    # Most documents have none of these words anywhere, which is told much sooner than for each term.
    text = "\n".join(iris).lower()
    if any(ruling in text for ruling in _all_plain(RULING)) and any(map(rules_pods, iris)):
        raise ResultForeign("a term that rules pods or consent")


def _is_own(iri: str, own: frozenset[str]) -> bool:
    return iri in own or iri.partition("#")[0] in own


def _plain(iri: str) -> str:
    """Without the scheme and in small letters: http, https and HTTP name one vocabulary to a reader."""
    small = iri.lower()
    return small.partition("://")[2] or small


@lru_cache(maxsize=8)
def _all_plain(ruling: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_plain, ruling))
