"""The consent record as RDF: dpv:ConsentRecord by DPV 2.3, every field of ISO/IEC TS 27560, no blank nodes.

Each part is a fragment of the record's own address (``#notice``, ``#process``, ``#event-2``), so that the
sorted N-Triples are a canonical form without any algorithm, and the same record always has the same bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyoxigraph as ox

from solidgate.consent.events_rdf import event_statements, moment
from solidgate.consent.invariants import legal_basis
from solidgate.consent.notice import Notice
from solidgate.consent.record import ConsentRecord
from solidgate.errors import ConsentUnverifiable
from solidgate.space.agreement import Agreement, digest
from solidgate.space.canonical import sha256_digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.space.rdf import in_order, ntriples, place, turtle
from solidgate.space.statements import Statement, need_statements, purpose_statements, texts
from solidgate.vocab import DCT, DPV, DPV_27560, EU_GDPR, LEGAL_EU, PROV, RDF, SCHEMA, SG, XSD

_PROCESSING = (DPV.Retrieve, DPV.Analyse, DPV.Derive, DPV.Store)
_RIGHTS = ("A7-3", "A15", "A16", "A17", "A18", "A20", "A77")

Object = ox.NamedNode | ox.Literal
Asked = tuple[tuple[str, ResourceNeed], ...]


def to_turtle(record: ConsentRecord, agreement: Agreement, notice: Notice | None = None) -> bytes:
    """The record as Turtle; the same arguments always give the same bytes. Raises as ``record_triples``."""
    return turtle(record_triples(record, agreement, notice))


def record_digest(triples: Iterable[ox.Triple]) -> str:
    """``sha256:<hex>`` of the sorted N-Triples."""
    return sha256_digest(ntriples(triples))


def record_triples(
    record: ConsentRecord, agreement: Agreement, notice: Notice | None = None
) -> tuple[ox.Triple, ...]:
    """Every triple of the record, sorted and without blank nodes. Raises as ``record_statements``."""
    return in_order(itertools.starmap(ox.Triple, record_statements(record, agreement, notice)))


def record_statements(
    record: ConsentRecord, agreement: Agreement, notice: Notice | None = None
) -> tuple[Statement, ...]:
    """The same, as terms and in the order of the standard; a party may be told of twice.

    ``notice`` adds the text that was shown. Raises ``ConsentUnverifiable`` when the agreement or the notice
    is not the one that the record names.
    """
    purpose = named_purpose(record, agreement, notice)
    return statements_of(record, agreement, purpose, notice, asked_needs(record, purpose))


def named_purpose(record: ConsentRecord, agreement: Agreement, notice: Notice | None) -> Purpose:
    """The purpose of the record, once agreement and notice are those that it names. Raises as above."""
    if digest(agreement) != record.agreement_digest:
        raise ConsentUnverifiable("the agreement is not the one of the record")
    if notice is not None and notice.digest != record.notice_digest:
        raise ConsentUnverifiable("the notice is not the one of the record")
    try:
        return agreement.purpose(record.purpose)
    except KeyError as error:
        raise ConsentUnverifiable("the agreement has no such purpose") from error


def asked_needs(record: ConsentRecord, purpose: Purpose) -> Asked:
    """Each resource, in order, with its need: the one it was found for, or the longest path that ends it.

    Raises ``ConsentUnverifiable`` for a resource that answers no need.
    """
    kinds = {need.key: need for need in purpose.needs if need.is_found}
    named = [need for need in purpose.needs if not need.is_found]
    needs = sorted(named, key=lambda need: len(need.path), reverse=True)
    found_by, asked = dict(record.found_by), []
    for url in sorted(record.resources):
        need = kinds.get(found_by.get(url, ""))
        need = need or next((one for one in needs if url.endswith("/" + one.path)), None)
        if need is None:
            raise ConsentUnverifiable("a resource answers no need of the purpose")
        asked.append((url, need))
    return tuple(asked)


def statements_of(
    record: ConsentRecord, agreement: Agreement, purpose: Purpose, notice: Notice | None, asked: Asked
) -> tuple[Statement, ...]:
    """``record_statements`` of what was held against each other before."""
    return tuple(_Writer(record, agreement, purpose, notice, asked).everything())


def shown_text(notice: Notice) -> str:
    """All lines that were shown, as one text."""
    return "\n".join(line for _, title, row in notice.rows for line in (title, *row))


@dataclass(frozen=True, slots=True)
class _Writer:
    """One method for each group of fields of ISO/IEC TS 27560."""

    record: ConsentRecord
    agreement: Agreement
    purpose: Purpose
    notice: Notice | None
    asked: Asked
    nodes: dict[str, ox.NamedNode] = field(default_factory=dict)

    def everything(self) -> Iterator[Statement]:
        yield from self._header()
        yield from self._notice()
        yield from self._process()
        yield from self._data()
        yield from self._code()
        yield from self._storage()
        yield from self._control()
        yield from self._parties()
        for event in self.record.events:
            yield from event_statements(self.record.iri, event)

    def node(self, fragment: str) -> ox.NamedNode:
        known = self.nodes.get(fragment)
        if known is None:
            known = self.nodes[fragment] = ox.NamedNode(f"{self.record.iri}#{fragment}")
        return known

    def _say(self, subject: ox.NamedNode, *pairs: tuple[ox.NamedNode, Object]) -> Iterator[Statement]:
        return ((subject, predicate, value) for predicate, value in pairs)

    def _header(self) -> Iterator[Statement]:
        record, iri = self.record, ox.NamedNode(self.record.iri)
        yield from self._say(
            iri,
            (RDF.type, DPV.ConsentRecord),
            (DCT.conformsTo, DPV_27560["record-eu-gdpr"]),
            (DCT.identifier, ox.Literal(record.consent_id)),
            (DPV.hasIdentifier, ox.Literal(record.iri, datatype=XSD.anyURI)),
            (DPV.hasDataSubject, ox.NamedNode(record.data_subject)),
            (DPV.hasNotice, self.node("notice")),
            (DPV.hasProcess, self.node("process")),
            (DPV.hasService, ox.NamedNode(record.space)),
            (DPV.hasApplicableLaw, LEGAL_EU["law-GDPR"]),
            (SG.answers, ox.Literal(record.request_id)),
            (SG.termsDigest, ox.Literal(record.agreement_digest)),
            (SG.resourcesDigest, ox.Literal(record.resources_digest)),
            (SG.epoch, ox.Literal(record.epoch)),
        )
        if record.events:
            yield iri, SG.latestEvent, self.node(f"event-{record.latest.sequence}")
        if record.replaces:
            yield iri, DCT.replaces, ox.NamedNode(record.replaces)

    def _notice(self) -> Iterator[Statement]:
        node = self.node("notice")
        yield from self._say(
            node,
            (RDF.type, DPV.ConsentNotice),
            (DCT.language, ox.Literal(self.record.notice_language)),
            (DCT.date, moment(self.record.notice_date)),
            (SG.digest, ox.Literal(self.record.notice_digest)),
        )
        if self.notice is not None:
            tag = self.notice.language
            yield node, DCT.title, ox.Literal(self.notice.title, language=tag)
            yield node, DCT.description, ox.Literal(shown_text(self.notice), language=tag)
            if statement := self.notice.statements.get(self.record.purpose):
                yield self.node("process"), DCT.description, ox.Literal(statement, language=tag)

    def _process(self) -> Iterator[Statement]:
        node = self.node("process")
        yield from self._say(
            node,
            (RDF.type, DPV.Process),
            (DPV.hasPurpose, self.node("purpose")),
            (DPV.hasLegalBasis, legal_basis(self.purpose)),
            (SG.longestValidity, ox.Literal(self.agreement.validity, datatype=XSD.duration)),
            (DPV.hasJurisdiction, place(self.agreement.jurisdiction)),
            (DPV.hasNecessity, DPV.Required if self.purpose.required else DPV.Optional),
            (DPV.hasAlgorithmicLogic, self.node("code")),
            (DPV.hasOutcome, self.node("outcome")),
            (DPV.hasConsentControl, self.node("withdraw")),
        )
        yield from ((node, DPV.hasProcessing, kind) for kind in _PROCESSING)
        yield from purpose_statements(self.node("purpose"), self.purpose)

    def _data(self) -> Iterator[Statement]:
        for number, (url, need) in enumerate(self.asked, 1):
            node = self.node(f"data-{number}")
            yield self.node("process"), DPV.hasPersonalData, node
            yield node, SG.resource, ox.NamedNode(url)
            yield node, DPV.hasDataSource, DPV.DataSubjectDataSource
            yield from need_statements(node, need)
            if self.purpose.special_category:
                yield node, RDF.type, DPV.SpecialCategoryPersonalData

    def _code(self) -> Iterator[Statement]:
        code, outcome = self.node("code"), self.node("outcome")
        kinds = (SG.ApprovedCode, PROV.Plan, DPV.AlgorithmicLogic)
        yield from ((code, RDF.type, kind) for kind in kinds)
        yield code, SG.digest, ox.Literal(self.record.algorithm_digest)
        yield from ((code, DCT.description, text) for text in texts(self.agreement.algorithm_text))
        if self.agreement.algorithm_source:
            yield code, SCHEMA.codeRepository, ox.Literal(self.agreement.algorithm_source)
        yield outcome, SG.outputShape, ox.Literal(self.record.shape_digest)
        yield outcome, SG.resultContainer, ox.NamedNode(self.record.result_container)
        yield from ((outcome, DCT.description, text) for text in texts(self.agreement.output_text))

    def _storage(self) -> Iterator[Statement]:
        process, kept, time = self.node("process"), self.node("storage-duration"), self.node("retention")
        where = self.node("storage-location")
        yield from ((process, DPV.hasStorageCondition, node) for node in (kept, where))
        yield from self._say(kept, (RDF.type, DPV.StorageDuration), (DPV.hasDuration, time))
        retention = ox.Literal(self.agreement.retention, datatype=XSD.duration)
        yield from self._say(time, (RDF.type, DPV.TemporalDuration), (RDF.value, retention))
        location = place(self.agreement.storage_location)
        yield from self._say(where, (RDF.type, DPV.StorageLocation), (DPV.hasLocation, location))

    def _control(self) -> Iterator[Statement]:
        """How to withdraw and where each right is exercised: addresses of this server."""
        own_page = ox.NamedNode(self.record.iri.rsplit("/consents/", 1)[0] + "/me")
        address = ox.NamedNode(self.record.iri + "/withdraw")
        withdraw = self.node("withdraw")
        yield from self._say(withdraw, (RDF.type, DPV.WithdrawConsent), (DPV.isExercisedAt, address))
        for name in _RIGHTS:
            node = self.node(f"right-{name}")
            yield self.node("process"), DPV.hasRight, node
            yield from self._say(node, (RDF.type, EU_GDPR[name]), (DPV.isExercisedAt, own_page))

    def _parties(self) -> Iterator[Statement]:
        process, parties = self.node("process"), {party.webid: party for party in self.agreement.parties}
        for party in self.agreement.with_role(Role.CONTROLLER):
            yield process, DPV.hasDataController, ox.NamedNode(party.webid)
            yield from self._party(party)
        for webid in self.record.recipients:
            yield process, DPV.hasRecipient, ox.NamedNode(webid)
            if webid in parties:
                yield from self._party(parties[webid])

    def _party(self, party: Party) -> Iterator[Statement]:
        node = ox.NamedNode(party.webid)
        identifier = ox.Literal(party.webid, datatype=XSD.anyURI)
        yield from self._say(node, (RDF.type, DPV.Organisation), (DPV.hasIdentifier, identifier))
        yield node, DPV.hasName, ox.Literal(party.name)
        if party.contact:
            yield node, SCHEMA.contactPoint, ox.Literal(party.contact)
