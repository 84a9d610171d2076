"""An agreement as RDF: the space, its parties and its odrl:Offer, in the words of a space file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyoxigraph as ox

from solidgate.space.agreement import Agreement, digest
from solidgate.space.participant import Party, Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.space.statements import need_statements, purpose_statements, texts
from solidgate.vocab import (
    DCAT,
    DCT,
    DPV,
    LEGAL_EU,
    LOC,
    ODRL,
    PREFIXES,
    PROV,
    RDF,
    SCHEMA,
    SG,
    SOLID,
    XSD,
)

ROLE_TERM = {
    Role.OWNER: SG.SpaceOwner,
    Role.CODE_PROVIDER: SG.CodeProvider,
    Role.DATA_CONSUMER: SG.DataConsumer,
    Role.DATA_PROVIDER: SG.DataProvider,
    Role.CONTROLLER: DPV.DataController,
}

Object = ox.NamedNode | ox.Literal


def turtle(triples: Iterable[ox.Triple]) -> bytes:
    """Turtle with those of our prefixes that are used; the same triples always give the same bytes."""
    placed = _placed(triples)
    text = "\n".join([written for _, written, _ in placed])
    used = {prefix: iri for prefix, iri, opened in _OPENED if opened in text}
    listed = [triple for _, _, triple in placed]
    lines = (ox.serialize(listed, format=ox.RdfFormat.TURTLE, prefixes=used) or b"").splitlines(keepends=True)
    # The serializer writes prefixes in the order of its hash table, which another build may change.
    return b"".join(sorted(lines[: len(used)]) + lines[len(used) :])


_OPENED = tuple((prefix, iri, f"<{iri}") for prefix, iri in PREFIXES.items())


def in_order(triples: Iterable[ox.Triple]) -> tuple[ox.Triple, ...]:
    """Each triple once, a thing before its fragments."""
    return tuple(triple for _, _, triple in _placed(triples))


def _placed(triples: Iterable[ox.Triple]) -> list[tuple[str, str, ox.Triple]]:
    """In that order, each with its subject and its text, which no two have in common."""
    texts = {str(triple): triple for triple in triples}
    return sorted((_subject_of(triple), text, triple) for text, triple in texts.items())


def _subject_of(triple: ox.Triple) -> str:
    subject = triple.subject
    return subject.value if isinstance(subject, ox.NamedNode) else ""


def ntriples(triples: Iterable[ox.Triple]) -> bytes:
    """Sorted N-Triples: a canonical form for graphs without blank nodes, as all of ours are."""
    return "".join(sorted({f"{triple} .\n" for triple in triples})).encode()


def agreement_to_turtle(agreement: Agreement, iri: str) -> bytes:
    """The agreement as Turtle at ``iri`` (the space stands at ``<iri without its last segment>``).

    Every part is a fragment of ``iri``; the same agreement always gives the same bytes.
    """
    return turtle(agreement_triples(agreement, iri))


def agreement_triples(agreement: Agreement, iri: str) -> tuple[ox.Triple, ...]:
    """Every triple of ``agreement_to_turtle``, sorted, without blank nodes."""
    return in_order(_Writer(agreement, iri).everything())


@dataclass(frozen=True, slots=True)
class _Writer:
    agreement: Agreement
    iri: str

    def everything(self) -> Iterator[ox.Triple]:
        yield from self._space()
        yield from self._terms()
        yield from self._storage()
        yield from self._algorithm()
        for place, party in enumerate(self.agreement.parties, 1):
            yield from self._party(place, party)
        for purpose in self.agreement.purposes:
            yield from self._purpose(purpose)

    def node(self, fragment: str) -> ox.NamedNode:
        return ox.NamedNode(f"{self.iri}#{fragment}")

    @property
    def terms(self) -> ox.NamedNode:
        return ox.NamedNode(self.iri)

    @property
    def space(self) -> ox.NamedNode:
        return ox.NamedNode(self.iri.rsplit("/", 1)[0])

    def _say(self, subject: ox.NamedNode, *pairs: tuple[ox.NamedNode, Object]) -> Iterator[ox.Triple]:
        return (ox.Triple(subject, predicate, value) for predicate, value in pairs)

    def _space(self) -> Iterator[ox.Triple]:
        agreement = self.agreement
        yield from self._say(
            self.space,
            (RDF.type, SG.CollaborationSpace),
            (RDF.type, DCAT.Catalog),
            (DCT.identifier, ox.Literal(agreement.space)),
            (SG.currentTerms, self.terms),
            (DPV.hasApplicableLaw, LEGAL_EU["law-GDPR"]),
            (DPV.hasJurisdiction, place(agreement.jurisdiction)),
        )
        yield from (ox.Triple(self.space, DCT.title, text) for text in texts(agreement.title))
        yield from (ox.Triple(self.space, DCT.language, ox.Literal(tag)) for tag in agreement.languages)

    def _terms(self) -> Iterator[ox.Triple]:
        agreement = self.agreement
        yield from self._say(
            self.terms,
            (RDF.type, SG.Terms),
            (RDF.type, ODRL.Offer),
            (ODRL.uid, self.terms),
            (SG.inSpace, self.space),
            (SG.termsDigest, ox.Literal(digest(agreement))),
            (DCT.hasVersion, ox.Literal(agreement.version)),
            (DCT.valid, ox.Literal(agreement.validity, datatype=XSD.duration)),
            (SG.resultContainer, ox.Literal(agreement.result_container)),
            (SG.minGroupSize, ox.Literal(agreement.min_group_size)),
            (SG.isolationLevel, ox.Literal(agreement.minimum_level)),
            (SG.rerun, ox.Literal(agreement.rerun)),
            (DPV.hasStorageCondition, self.node("storage")),
            (DPV.hasAlgorithmicLogic, self.node("algorithm")),
            (DPV.hasOutcome, self.node("output")),
        )
        yield from (ox.Triple(self.terms, DCT.description, text) for text in texts(agreement.terms))

    def _storage(self) -> Iterator[ox.Triple]:
        return self._say(
            self.node("storage"),
            (RDF.type, DPV.StorageLocation),
            (RDF.type, DPV.StorageDuration),
            (DPV.hasLocation, place(self.agreement.storage_location)),
            (DPV.hasDuration, ox.Literal(self.agreement.retention, datatype=XSD.duration)),
        )

    def _algorithm(self) -> Iterator[ox.Triple]:
        agreement, code, output = self.agreement, self.node("algorithm"), self.node("output")
        kinds = (SG.ApprovedCode, PROV.Plan, DPV.AlgorithmicLogic)
        yield from (ox.Triple(code, RDF.type, kind) for kind in kinds)
        yield ox.Triple(code, SG.digest, ox.Literal(agreement.algorithm))
        yield from (ox.Triple(code, DCT.description, text) for text in texts(agreement.algorithm_text))
        if agreement.algorithm_source:
            yield ox.Triple(code, SCHEMA.codeRepository, ox.Literal(agreement.algorithm_source))
        yield ox.Triple(output, SG.outputShape, ox.Literal(agreement.output_shape))
        yield from (ox.Triple(output, DCT.description, text) for text in texts(agreement.output_text))

    def _party(self, number: int, party: Party) -> Iterator[ox.Triple]:
        part = self.node(f"party-{number}")
        yield from self._say(
            part,
            (RDF.type, SG.Participation),
            (SG.inSpace, self.space),
            (SG.participant, ox.NamedNode(party.webid)),
            (DPV.hasName, ox.Literal(party.name)),
        )
        yield ox.Triple(self.space, SG.participation, part)
        yield from (ox.Triple(part, SG.role, ROLE_TERM[role]) for role in party.roles)
        if party.contact:
            yield ox.Triple(part, SCHEMA.contactPoint, ox.Literal(party.contact))

    def _purpose(self, purpose: Purpose) -> Iterator[ox.Triple]:
        node = self.node(f"purpose-{purpose.id}")
        yield ox.Triple(self.terms, DPV.hasPurpose, node)
        yield from itertools.starmap(ox.Triple, purpose_statements(node, purpose))
        if purpose.special_category:
            yield ox.Triple(node, RDF.type, DPV.SpecialCategoryPersonalData)
        yield ox.Triple(node, DPV.hasNecessity, DPV.Required if purpose.required else DPV.Optional)
        for number, need in enumerate(purpose.needs, 1):
            part = self.node(f"purpose-{purpose.id}-data-{number}")
            yield ox.Triple(node, DPV.hasPersonalData, part)
            yield from itertools.starmap(ox.Triple, need_statements(part, need))
            yield from _place_of(part, need)
        yield from self._permission(purpose, node)

    def _permission(self, purpose: Purpose, node: ox.NamedNode) -> Iterator[ox.Triple]:
        """The offer's rule: the enclave may derive, for this purpose alone (ODRL 2.2 section 2.6)."""
        rule, only = self.node(f"permission-{purpose.id}"), self.node(f"constraint-{purpose.id}")
        yield ox.Triple(self.terms, ODRL.permission, rule)
        yield from self._say(rule, (RDF.type, ODRL.Permission), (ODRL.action, ODRL.derive))
        for number, _ in enumerate(purpose.needs, 1):
            yield ox.Triple(rule, ODRL.target, self.node(f"purpose-{purpose.id}-data-{number}"))
        for party in self.agreement.with_role(Role.CONTROLLER):
            yield ox.Triple(rule, ODRL.assignee, ox.NamedNode(party.webid))
        yield ox.Triple(rule, ODRL.constraint, only)
        yield from self._say(
            only,
            (RDF.type, ODRL.Constraint),
            (ODRL.leftOperand, ODRL.purpose),
            (ODRL.operator, ODRL.isA),
            (ODRL.rightOperand, node),
        )


def place(code: str) -> ox.NamedNode:
    """DPV's term for an ISO 3166 code or ``EU``; the agreement was checked to hold nothing else."""
    return ox.NamedNode(LOC.iri + code)


def _place_of(node: ox.NamedNode, need: ResourceNeed) -> Iterator[ox.Triple]:
    """The path, or the kind and where to look for it."""
    if need.path:
        yield ox.Triple(node, SG.path, ox.Literal(need.path))
    if need.kind:
        yield ox.Triple(node, SOLID.forClass, ox.NamedNode(need.kind))
    if need.shape:
        yield ox.Triple(node, SG.inputShape, ox.Literal(need.shape))
    yield from (ox.Triple(node, SG.within, ox.Literal(container)) for container in need.within)
