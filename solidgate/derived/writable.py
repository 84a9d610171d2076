"""The last look at what is about to be written into a pod: words that rule a pod, and strangers, stay out.

``conform`` guards what a program made; this guards the whole document with everything that solidgate adds,
whatever shapes and vocabularies were approved. Nothing that passes can steer access, move a profile, or say
something about anybody but the result itself.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from solidgate.errors import ResultForeign
from solidgate.vocab import ACL, ACP, CRED, INTEROP, LDP, NOTIFY, OWL, PIM, SOLID

_NAMESPACES = (ACL, ACP, CRED, INTEROP, LDP, NOTIFY, OWL, PIM, SOLID)
RULING = (*(each.iri for each in _NAMESPACES), "http://www.w3.org/ns/auth/", "https://w3id.org/security")
"""Vocabularies that servers and clients act on: access, storage, containers, keys, and what is the same."""


def rules_pods(iri: str, ruling: Collection[str] = RULING) -> bool:
    """Whether this is a term of such a vocabulary, in any spelling that a careless reader takes for it."""
    return _plain(iri).startswith(_beginnings(tuple(ruling)))


@cache
def _beginnings(ruling: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_plain, ruling))


def require_writable(document: bytes, own: Collection[str]) -> None:
    """Hold a Turtle document against both rules. Raises ``ResultForeign``.

    ``own`` are the IRIs that it may speak about, with their fragments; the person stands as an object only.
    """
    own, subjects, passed = frozenset(own), set[object](), set[str]()
    for quad in parse(document, format=RdfFormat.TURTLE):
        if quad.subject not in subjects:
            if not isinstance(quad.subject, NamedNode) or not _is_own(quad.subject.value, own):
                raise ResultForeign("another subject")
            subjects.add(quad.subject)
        for word in map(_word, (quad.subject, quad.predicate, quad.object)):
            if word is not None and word not in passed:
                if rules_pods(word):
                    raise ResultForeign("a term that rules pods or consent")
                passed.add(word)


def _word(term: object) -> str | None:
    """The IRI by which a term means something: its own, or that of a value's datatype."""
    if isinstance(term, NamedNode):
        return term.value
    return term.datatype.value if isinstance(term, Literal) else None


def _is_own(iri: str, own: Collection[str]) -> bool:
    return iri in own or iri.partition("#")[0] in own


def _plain(iri: str) -> str:
    """Without the scheme and in small letters: http, https and HTTP name one vocabulary to a reader."""
    lower = iri.lower()
    return lower.partition("://")[2] or lower
