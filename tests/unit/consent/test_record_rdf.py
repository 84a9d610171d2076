"""The record as RDF: deterministic, complete by ISO/IEC TS 27560, and true to the shipped shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyoxigraph as ox
import pytest
import shacl

from solidgate.consent.events_rdf import index, read_events
from solidgate.consent.notice import Notice
from solidgate.consent.rdf import record_digest, record_statements, record_triples, to_turtle
from solidgate.consent.receipt_nodes import nodes_of, read_record, record_node
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import ConsentRequest, resources_digest
from solidgate.consent.request_rdf import request_to_turtle
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentUnverifiable
from solidgate.space.agreement import Agreement, digest
from solidgate.space.rdf import agreement_to_turtle, ntriples
from solidgate.space.statements import lines_of

SHAPES = Path(__file__).parents[3] / "shapes"


@pytest.fixture(scope="module")
def shape() -> Callable[[str], shacl.Shapes]:
    return lambda name: shacl.Shapes.from_turtle((SHAPES / f"{name}.ttl").read_text())


def withdrawn(given: ConsentRecord) -> ConsentRecord:
    at = given.latest.at + timedelta(days=2)
    return with_event(given, ConsentEvent(3, ConsentStatus.WITHDRAWN, at, given.data_subject, "button"))


def refused(asked: ConsentRecord) -> ConsentRecord:
    at = asked.latest.at + timedelta(minutes=1)
    return with_event(asked, ConsentEvent(2, ConsentStatus.REFUSED, at, asked.data_subject, "button"))


def test_every_record_conforms_to_the_shipped_shapes(
    asked: ConsentRecord,
    given: ConsentRecord,
    agreement: Agreement,
    notice: Notice,
    shape: Callable[[str], shacl.Shapes],
) -> None:
    for record in (asked, given, refused(asked), withdrawn(given)):
        report = shape("consent-record").validate_turtle(to_turtle(record, agreement, notice).decode())
        assert report.conforms, [result.messages for result in report.results]


def test_special_category_conforms(
    special: Agreement, given: ConsentRecord, shape: Callable[[str], shacl.Shapes]
) -> None:
    record = replace(given, agreement_digest=digest(special))
    turtle = to_turtle(record, special)
    assert b"eu-gdpr:A9-2-a" in turtle
    assert shape("consent-record").validate_turtle(turtle.decode()).conforms


def test_agreement_conforms_to_its_shape(agreement: Agreement, shape: Callable[[str], shacl.Shapes]) -> None:
    turtle = agreement_to_turtle(agreement, "https://gate.example/spaces/home-energy/agreement")
    report = shape("agreement").validate_turtle(turtle.decode())
    assert report.conforms, [result.messages for result in report.results]


def test_same_record_same_bytes_and_no_blank_nodes(given: ConsentRecord, agreement: Agreement) -> None:
    triples = record_triples(given, agreement)
    assert to_turtle(given, agreement) == to_turtle(replace(given), agreement)
    assert b"_:" not in ntriples(triples)
    assert record_digest(triples) == record_digest(reversed(triples))


def test_turtle_says_what_the_triples_say(given: ConsentRecord, agreement: Agreement, notice: Notice) -> None:
    parsed = list(ox.parse(to_turtle(given, agreement, notice), format=ox.RdfFormat.TURTLE))
    read = {ox.Triple(quad.subject, quad.predicate, quad.object) for quad in parsed}
    assert read == set(record_triples(given, agreement, notice))


def test_events_come_back_equal(given: ConsentRecord, agreement: Agreement) -> None:
    record = withdrawn(given)
    assert read_events(index(record_triples(record, agreement)), record.iri) == record.events


def test_mandatory_fields_of_27560_are_there(given: ConsentRecord, agreement: Agreement) -> None:
    text = to_turtle(given, agreement).decode()
    for term in (
        "dct:conformsTo dpv-27560:record-eu-gdpr",
        "dct:identifier",
        "dpv:hasDataSubject",
        "dpv:hasNotice",
        "dct:language",
        "dpv:hasPurpose",
        "dpv:hasLegalBasis",
        "dpv:hasPersonalData",
        "dpv:hasDataController",
        "dpv:hasProcessing",
        "dpv:StorageLocation",
        "dpv:StorageDuration",
        "dpv:hasJurisdiction",
        "dpv:hasRecipient",
        "dpv:WithdrawConsent",
        "dpv:hasName",
        "schema:contactPoint",
        "dpv:isIndicatedAtTime",
        "dpv:UntilTimeDuration",
        "dpv:isIndicatedBy",
        "dpv:ExplicitlyExpressedConsent",
        "dpv:ConsentGiven",
        "dpv:hasIndicationMethod",
    ):
        assert term in text, term
    assert "EndlessDuration" not in text


def test_a_foreign_agreement_or_notice_is_refused(
    given: ConsentRecord, agreement: Agreement, notice: Notice
) -> None:
    with pytest.raises(ConsentUnverifiable):
        to_turtle(given, replace(agreement, version=2))
    with pytest.raises(ConsentUnverifiable):
        to_turtle(given, agreement, replace(notice, digest="sha256:" + "0" * 64))


def test_a_resource_that_nobody_asked_for_is_refused(given: ConsentRecord, agreement: Agreement) -> None:
    urls = (*given.resources, "https://alice.pod.example/diary.ttl")
    with pytest.raises(ConsentUnverifiable):
        to_turtle(replace(given, resources=urls, resources_digest=resources_digest(urls)), agreement)


def test_request_as_rdf_asks_and_answers_nothing(agreement: Agreement, request_: ConsentRequest) -> None:
    text = request_to_turtle(request_, agreement, "https://gate.example/requests/req-1").decode()
    assert "interop:AccessNeedGroup" in text
    assert "interop:AccessOptional" in text
    assert "Consent" not in text


def test_what_is_signed_says_what_the_triples_say(
    given: ConsentRecord, agreement: Agreement, notice: Notice
) -> None:
    triples = record_triples(given, agreement, notice)
    lines = lines_of(record_statements(given, agreement, notice))
    nodes = nodes_of(lines.values(), given.iri)
    read = read_record(record_node(given.iri, nodes))
    assert {quad.triple for quad in read} == set(triples)
    assert "".join(sorted(lines)).encode() == ntriples(triples)
    assert len({node["@id"] for node in nodes}) == len(nodes)
