"""The two access controls of the Solid Protocol: how a pod says which it uses, and the document both have.

Never told from an address: a suffix such as ``.acl`` or ``.acr`` is a habit of one server. What counts is
what the pod says of the target of ``Link rel="acl"``, or the content of that document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from solidgate.pod.link import parse_links
from solidgate.vocab import ACL, ACP, FOAF, RDF

MOST_STATEMENTS = 1000
"""What an access document may say: opening and closing look at it once for each of its nodes."""

OURS = "solidgate-"
"""Every node that solidgate names in such a document has a fragment that begins with this."""

Subject = NamedNode | BlankNode | Triple
Term = NamedNode | BlankNode | Literal | Triple


class AccessControl(StrEnum):
    """Web Access Control, or Access Control Policy."""

    WAC = "wac"
    ACP = "acp"


@dataclass(frozen=True, slots=True)
class AccessDocument:
    """Who may do what: an access control list or resource, its address and its triples in document order."""

    url: str
    triples: tuple[Triple, ...]
    _about: Mapping[Subject, list[Triple]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Looked up again and again: a walk over all triples for each policy would be quadratic, and a pod's
        # operator decides how many there are.
        about: dict[Subject, list[Triple]] = {}
        for triple in self.triples:
            about.setdefault(triple.subject, []).append(triple)
        object.__setattr__(self, "_about", about)

    def __repr__(self) -> str:
        return f"AccessDocument({len(self.triples)} triples)"

    def objects(self, subject: Subject, predicate: NamedNode) -> list[Term]:
        """What stands in this relation to ``subject``."""
        return [t.object for t in self.about(subject) if t.predicate == predicate]

    def speaks_of(self, predicate: NamedNode, address: str) -> bool | None:
        """Whether it says this of ``address``; ``None`` when it says it of nothing at all."""
        said = {t.object for t in self.triples if t.predicate == predicate}
        return NamedNode(address) in said if said else None

    def about(self, subject: Subject) -> Sequence[Triple]:
        """The triples of ``subject``, in document order."""
        return self._about.get(subject, ())

    def is_ours(self, subject: Term) -> bool:
        """Whether solidgate named this node."""
        return isinstance(subject, NamedNode) and subject.value.startswith(f"{self.url}#{OURS}")

    def described(self, subject: Subject) -> list[Triple]:
        """All triples about ``subject``, and about the blank nodes that it leads to."""
        found: list[Triple] = []
        waiting, seen = [subject], {subject}
        while waiting:
            current = waiting.pop()
            for triple in self.about(current):
                found.append(triple)
                if isinstance(triple.object, BlankNode) and triple.object not in seen:
                    seen.add(triple.object)
                    waiting.append(triple.object)
        return found


def access_document(quads: Iterable[Quad], url: str) -> AccessDocument:
    """What a parsed document says."""
    return AccessDocument(url, tuple(dict.fromkeys(quad.triple for quad in quads)))


def to_turtle(document: AccessDocument) -> bytes:
    """The document as Turtle with absolute addresses, so that it means the same wherever it is stored."""
    prefixes = {"acl": ACL.iri, "acp": ACP.iri, "foaf": FOAF.iri}
    used = {iri for iri in prefixes.values() for t in document.triples if _mentions(t, iri)}
    named = {prefix: iri for prefix, iri in prefixes.items() if iri in used}
    written = serialize(document.triples, format=RdfFormat.TURTLE, prefixes=named)
    assert written is not None
    return written


def kind_of_links(values: Iterable[str], base: str) -> AccessControl | None:
    """What the answer about an access document says of its kind; none is an answer: it says nothing."""
    for link in parse_links(values, base):
        if "type" in link.rels and link.target == ACP.AccessControlResource.value:
            return AccessControl.ACP
        if ACP.grant.value in link.rels or ACP.attribute.value in link.rels:
            return AccessControl.ACP
    return None


def kind_of_content(document: AccessDocument) -> AccessControl:
    """What the content is: a resource of ACP names itself, everything else is a list."""
    for triple in document.triples:
        if triple.predicate == ACP.resource:
            return AccessControl.ACP
        if triple.predicate == RDF.type and triple.object == ACP.AccessControlResource:
            return AccessControl.ACP
    return AccessControl.WAC


def _mentions(triple: Triple, iri: str) -> bool:
    return any(
        isinstance(t, NamedNode) and t.value.startswith(iri) for t in (triple.predicate, triple.object)
    )
