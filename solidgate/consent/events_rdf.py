"""Consent events as RDF, and back: a receipt is judged by its events, not by what it says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import pyoxigraph as ox

from solidgate.consent.record import ConsentEvent, Reason
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ConsentUnverifiable
from solidgate.space.statements import Statement
from solidgate.vocab import DPV, PROV, RDF, SG, XSD

STATUS_CLASS: Mapping[ConsentStatus, ox.NamedNode] = {
    ConsentStatus.REQUESTED: DPV.ConsentRequested,
    ConsentStatus.DEFERRED: DPV.ConsentRequestDeferred,
    ConsentStatus.GIVEN: DPV.ConsentGiven,
    ConsentStatus.RENEWED: DPV.RenewedConsentGiven,
    ConsentStatus.REFUSED: DPV.ConsentRefused,
    ConsentStatus.WITHDRAWN: DPV.ConsentWithdrawn,
    ConsentStatus.REVOKED: DPV.ConsentRevoked,
    ConsentStatus.EXPIRED: DPV.ConsentExpired,
    ConsentStatus.INVALIDATED: DPV.ConsentInvalidated,
    ConsentStatus.UNKNOWN: DPV.ConsentUnknown,
}
_STATUS_OF = {node.value: status for status, node in STATUS_CLASS.items()}

Node = Mapping[str, list[str]]


def index(triples: Iterable[ox.Triple]) -> Mapping[str, dict[str, list[str]]]:
    """Subject to predicate to the values as text; blank nodes and quoted triples are left out."""
    found: dict[str, dict[str, list[str]]] = {}
    for triple in triples:
        subject, value = triple.subject, triple.object
        if isinstance(subject, ox.NamedNode) and isinstance(value, ox.NamedNode | ox.Literal):
            found.setdefault(subject.value, {}).setdefault(triple.predicate.value, []).append(value.value)
    return found


def only(node: Node, predicate: ox.NamedNode) -> str:
    """The one value. Raises ``ConsentUnverifiable`` when there is none, or several."""
    values = node.get(predicate.value, [])
    if len(values) != 1:
        raise ConsentUnverifiable(f"{len(values)} values of <{predicate.value}> where one is needed")
    return values[0]


def read_events(graph: Mapping[str, Node], record_iri: str) -> tuple[ConsentEvent, ...]:
    """The events of a record, in their order.

    Raises ``ConsentUnverifiable`` for an event without exactly one status, time, agent and sequence.
    """
    events = graph.get(record_iri, {}).get(DPV.hasConsentStatus.value, [])
    return tuple(sorted((_event(graph, iri) for iri in events), key=lambda event: event.sequence))


def _event(graph: Mapping[str, Node], iri: str) -> ConsentEvent:
    node = graph.get(iri, {})
    statuses = [_STATUS_OF[kind] for kind in node.get(RDF.type.value, []) if kind in _STATUS_OF]
    if len(statuses) != 1:
        raise ConsentUnverifiable("an event has not exactly one status")
    has_end, has_reason = DPV.hasDuration.value in node, SG.reason.value in node
    has_method = DPV.hasIndicationMethod.value in node
    try:
        return ConsentEvent(
            sequence=int(only(node, SG.sequence)),
            status=statuses[0],
            at=_moment(only(node, DPV.isIndicatedAtTime)),
            by=only(node, DPV.isIndicatedBy),
            method=only(node, DPV.hasIndicationMethod) if has_method else "",
            until=_moment(only(graph.get(only(node, DPV.hasDuration), {}), RDF.value)) if has_end else None,
            reason=Reason(only(node, SG.reason).removeprefix(SG.iri)) if has_reason else None,
        )
    except ValueError as error:
        raise ConsentUnverifiable("an event has a value that cannot be read") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


def moment(at: datetime) -> ox.Literal:
    """An xsd:dateTime in UTC, as exact as it is."""
    return ox.Literal(utc(at), datatype=XSD.dateTime)


def utc(at: datetime) -> str:
    """The text of ``moment``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def event_statements(record_iri: str, event: ConsentEvent) -> Iterator[Statement]:
    """One event at ``<record_iri>#event-<sequence>``; what ``read_events`` gives back."""
    record, node = ox.NamedNode(record_iri), ox.NamedNode(f"{record_iri}#event-{event.sequence}")
    yield record, DPV.hasConsentStatus, node
    yield node, RDF.type, SG.ConsentEvent
    yield node, RDF.type, STATUS_CLASS[event.status]
    yield node, SG.sequence, ox.Literal(event.sequence)
    yield node, DPV.isIndicatedBy, ox.NamedNode(event.by)
    yield node, DPV.isIndicatedAtTime, moment(event.at)
    if event.sequence > 1:
        yield node, PROV.wasInformedBy, ox.NamedNode(f"{record_iri}#event-{event.sequence - 1}")
    if event.method:
        yield node, DPV.hasIndicationMethod, ox.Literal(event.method)
    if event.reason is not None:
        yield node, SG.reason, SG[event.reason.value]
    if event.until is not None:
        end = ox.NamedNode(f"{node.value}-end")
        yield node, RDF.type, DPV.ExplicitlyExpressedConsent
        yield node, DPV.hasDuration, end
        yield end, RDF.type, DPV.UntilTimeDuration
        yield end, RDF.value, moment(event.until)
