"""Where a result comes from, in PROV-O: written into the person's pod beside the result itself.

Digests of inputs are keyed, because a small personal value could be guessed from a plain one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pyoxigraph
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple

from solidgate.derived.conform import ConformantGraph
from solidgate.vocab import DPV, PROV, RDF, SG, XSD

_PREFIXES = {each.prefix: each.iri for each in (PROV, SG, DPV, XSD)}


@dataclass(frozen=True, slots=True)
class Provenance:
    """One result's descent.

    ``result run consent data_subject`` are IRIs; ``algorithm shapes content`` digests ``sha256:<hex>``;
    ``inputs`` a keyed digest for each URL; ``level`` the name of the isolation level; times aware.
    """

    result: str
    run: str
    consent: str
    data_subject: str
    algorithm: str
    shapes: str
    content: str
    inputs: Mapping[str, str]
    level: str
    started: datetime
    ended: datetime


def result_document(graph: ConformantGraph, provenance: Provenance) -> bytes:
    """The conformant graph and its provenance as one Turtle document; same arguments, same bytes."""
    descent = [
        *statements(provenance),
        Triple(_iri(graph.subject), PROV.wasGeneratedBy, _iri(provenance.run)),
    ]
    content = pyoxigraph.serialize(
        [*graph.triples, *sorted(descent, key=str)], format=RdfFormat.TURTLE, prefixes=_PREFIXES
    )
    assert content is not None  # without an output, serialize returns the bytes
    return content


def invalidation(result: str, at: datetime, consent: str) -> bytes:
    """The note beside a result whose consent was withdrawn, as Turtle; same arguments, same bytes."""
    triples = [
        Triple(_iri(result), PROV.invalidatedAtTime, _time(at)),
        Triple(_iri(result), PROV.wasInvalidatedBy, _iri(f"{consent}#withdrawal")),
    ]
    content = pyoxigraph.serialize(triples, format=RdfFormat.TURTLE, prefixes=_PREFIXES)
    assert content is not None  # without an output, serialize returns the bytes
    return content


def statements(provenance: Provenance) -> Iterator[Triple]:
    """The descent as triples without blank nodes."""
    run, result = _iri(provenance.run), _iri(provenance.result)
    yield from _about_result(provenance, result, run)
    yield from _about_run(provenance, run)
    used, derived, keyed = PROV.used, PROV.wasDerivedFrom, SG.keyedDigest
    for url, digest in provenance.inputs.items():
        document = _iri(url)
        yield Triple(run, used, document)
        yield Triple(result, derived, document)
        yield Triple(document, keyed, Literal(digest))


def _about_result(provenance: Provenance, result: NamedNode, run: NamedNode) -> Iterator[Triple]:
    yield Triple(result, RDF.type, PROV.Entity)
    yield Triple(result, RDF.type, SG.DerivedResult)
    yield Triple(result, PROV.wasGeneratedBy, run)
    yield Triple(result, PROV.generatedAtTime, _time(provenance.ended))
    yield Triple(result, SG.underConsent, _iri(provenance.consent))
    yield Triple(result, DPV.hasDataSubject, _iri(provenance.data_subject))
    yield Triple(result, SG.outputShape, Literal(provenance.shapes))
    yield Triple(result, SG.digest, Literal(provenance.content))


def _about_run(provenance: Provenance, run: NamedNode) -> Iterator[Triple]:
    association = _iri(f"{provenance.result}#association")
    plan = _iri(f"{provenance.result}#algorithm")
    yield Triple(run, RDF.type, PROV.Activity)
    yield Triple(run, RDF.type, SG.ProcessingRun)
    yield Triple(run, PROV.startedAtTime, _time(provenance.started))
    yield Triple(run, SG.isolationLevel, Literal(provenance.level))
    yield Triple(run, PROV.qualifiedAssociation, association)
    yield Triple(association, RDF.type, PROV.Association)
    yield Triple(association, PROV.hadPlan, plan)
    yield Triple(plan, RDF.type, PROV.Plan)
    yield Triple(plan, RDF.type, SG.ApprovedCode)
    yield Triple(plan, SG.digest, Literal(provenance.algorithm))


def _iri(value: str) -> NamedNode:
    return NamedNode(value)


def _time(moment: datetime) -> Literal:
    return Literal(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), datatype=XSD.dateTime)
