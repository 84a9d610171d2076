"""The request as RDF: what is asked of one person, as sg:DataRequest and interop:AccessNeedGroup."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pyoxigraph as ox

from solidgate.consent.events_rdf import moment
from solidgate.consent.request import ConsentRequest
from solidgate.space.agreement import Agreement
from solidgate.space.rdf import turtle
from solidgate.space.statements import Statement, need_statements, purpose_statements
from solidgate.vocab import DCT, DPV, INTEROP, RDF, SG


def request_to_turtle(request: ConsentRequest, agreement: Agreement, iri: str) -> bytes:
    """The request at ``iri`` as sg:DataRequest and interop:AccessNeedGroup: what is asked of one person."""
    return turtle(itertools.starmap(ox.Triple, _request(request, agreement, ox.NamedNode(iri))))


def _request(request: ConsentRequest, agreement: Agreement, node: ox.NamedNode) -> Iterator[Statement]:
    yield from ((node, RDF.type, kind) for kind in (SG.DataRequest, INTEROP.AccessNeedGroup))
    yield node, DCT.identifier, ox.Literal(request.request_id)
    yield node, SG.termsDigest, ox.Literal(request.agreement_digest)
    yield node, DPV.hasDataSubject, ox.NamedNode(request.data_subject)
    yield node, DCT.created, moment(request.created)
    yield node, DCT.valid, moment(request.answers_by)
    for purpose_id, resources in request.resources:
        process = ox.NamedNode(f"{node.value}#process-{purpose_id}")
        why = ox.NamedNode(f"{node.value}#purpose-{purpose_id}")
        purpose = agreement.purpose(purpose_id)
        needs = {need.key: need for need in purpose.needs}
        yield node, DPV.hasProcess, process
        yield process, RDF.type, DPV.Process
        yield process, DPV.hasPurpose, why
        yield from purpose_statements(why, purpose)
        for number, resource in enumerate(resources, 1):
            part = ox.NamedNode(f"{node.value}#data-{purpose_id}-{number}")
            yield node, INTEROP.hasAccessNeed, part
            yield process, DPV.hasPersonalData, part
            yield part, RDF.type, INTEROP.AccessNeed
            if resource.url:
                yield part, SG.resource, ox.NamedNode(resource.url)
            necessity = INTEROP.AccessRequired if resource.required else INTEROP.AccessOptional
            yield part, INTEROP.accessNecessity, necessity
            yield from need_statements(part, needs[resource.key])
