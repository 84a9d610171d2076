"""A result that may leave: it conforms to the agreed shapes and touches nothing foreign."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, Triple

from solidgate.derived import ntriples
from solidgate.derived.writable import RULING, rules_pods
from solidgate.errors import ResultForeign, ShapeViolated
from solidgate.vocab import DPV, FOAF, ODRL, RDF, SG, XSD

# Terms that decide something in a pod or say something about consent: no vocabulary can admit them.
FOREIGN = (*RULING, *(each.iri for each in (DPV, FOAF, ODRL, SG)))
_ADMITTED = frozenset({SG.contributors.value})
_MAX_LINES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a SHACL engine said. ``report`` names shapes, paths and components; never a value.

    ``covered``: every subject was in the reach of a shape; a graph that no shape looks at conforms too.
    """

    conforms: bool
    engine: str
    report: tuple[str, ...] = ()
    covered: bool = True


@dataclass(frozen=True, slots=True)
class RawOutput:
    """What the sandbox gave back for one person: unchecked N-Triples. Built only by ``flow.run``."""

    content: bytes
    subject: str

    def __repr__(self) -> str:
        return f"RawOutput({len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class ConformantGraph:
    """N-Triples, sorted, that passed every check. Built only by ``conform``.

    ``digest`` is ``sha256:<hex>`` of ``content``; results carry no blank nodes, so the sorted N-Triples are
    canonical. ``triples`` are the same statements, in that order.
    """

    content: bytes
    digest: str
    subject: str
    shapes_digest: str
    engine: str
    triples: tuple[Triple, ...] = field(compare=False)

    def __repr__(self) -> str:
        return f"ConformantGraph({len(self.content)} bytes, {self.digest})"


def conform(
    raw: RawOutput,
    verdict: Verdict,
    *,
    shapes_digest: str,
    vocabulary: Collection[str],
    max_bytes: int,
    max_triples: int,
) -> ConformantGraph:
    """The result as one that may leave, or the first of the numbered checks that it does not pass.

    ``vocabulary`` lists terms, or whole vocabularies by an IRI that ends in ``#`` or ``/``; it bounds
    predicates, classes and every IRI that is not the result's own. Raises ``ShapeViolated ResultForeign``.
    """
    # (1) It is of a size that was agreed.
    if len(raw.content) > max_bytes:
        raise ShapeViolated(f"more than {max_bytes} bytes")
    # (2) The SHACL engines say that it conforms, and (3) they looked at all of it.
    if not verdict.conforms:
        raise ShapeViolated("; ".join(verdict.report[:_MAX_LINES]))
    if not verdict.covered:
        raise ShapeViolated("a subject that no shape looks at")
    # (4) It is plain N-Triples: no blank nodes, bounded terms, and it says something.
    triples = ntriples.read(raw.content, max_triples=max_triples)
    if not triples:
        raise ShapeViolated("an empty result")
    for triple in triples:
        # (5) It speaks of its own subject and parts of it only.
        if not _is_own(triple.subject, raw.subject):
            raise ResultForeign("another subject")
        # (6) In words that were approved, (7) none of which a pod or a consent is ruled by.
        for term in _words(triple, raw.subject):
            _require_word(term.value, vocabulary)
        # (8) Values are of XML Schema's kinds: no markup travels as data.
        if isinstance(triple.object, Literal):
            _require_plain(triple.object)
    content = ntriples.write(triples)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return ConformantGraph(content, digest, raw.subject, shapes_digest, verdict.engine, tuple(triples))


def _is_own(term: object, subject: str) -> bool:
    """The result's subject, or a part of it: the same IRI with a fragment."""
    if not isinstance(term, NamedNode):
        return False
    return term.value == subject or ("#" not in subject and term.value.startswith(f"{subject}#"))


def _words(triple: Triple, subject: str) -> list[NamedNode]:
    """The terms of a statement that have to be in the vocabulary."""
    words = [] if triple.predicate == RDF.type else [triple.predicate]
    if isinstance(triple.object, NamedNode) and not _is_own(triple.object, subject):
        words.append(triple.object)
    return words


def _require_word(iri: str, vocabulary: Collection[str]) -> None:
    if iri not in _ADMITTED and rules_pods(iri, FOREIGN):
        raise ResultForeign("a term that rules pods or consent")
    wholes = tuple(entry for entry in vocabulary if entry.endswith(("#", "/")))
    if iri not in vocabulary and iri not in _ADMITTED and not (wholes and iri.startswith(wholes)):
        raise ResultForeign("a term outside the agreed vocabulary")


def _require_plain(literal: Literal) -> None:
    datatype = literal.datatype.value
    if not datatype.startswith(XSD.iri) and datatype != RDF.langString.value:
        raise ResultForeign("a value that is of no XML Schema datatype")
