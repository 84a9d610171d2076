"""What happened to a person's data, in twelve kinds, read from what is held; never from a second log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from hashlib import sha256
from typing import Any

import pyoxigraph as ox

from solidgate.audit.entry import Action
from solidgate.pod.door_event import BY_PERSON, ENDS, DoorEvent
from solidgate.vocab import AS, DCT, PROV, RDF, SG, XSD

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Reached = Mapping[tuple[str, str], str]
"""How far a part had come that ended without a result, by its run and consent."""


class Kind(StrEnum):
    """The kinds of activity that people know from other platforms for personal data."""

    READ_POD_DATA = "READ_POD_DATA"
    WRITE_POD_DATA = "WRITE_POD_DATA"
    WRITE_APP_RESULT = "WRITE_APP_RESULT"
    INIT_POD = "INIT_POD"
    ISSUE_TOKEN = "ISSUE_TOKEN"  # noqa: S105 - the name of a kind
    ADD_CONSENT = "ADD_CONSENT"
    UPDATE_CONSENT = "UPDATE_CONSENT"
    REVOKE_CONSENT = "REVOKE_CONSENT"
    DATA_IMPORT = "DATA_IMPORT"
    DATA_PROCESSING = "DATA_PROCESSING"
    DATASOURCE_GRANT = "DATASOURCE_GRANT"
    DATASOURCE_REVOKE = "DATASOURCE_REVOKE"


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened. ``what`` is a stable key that pages put into words, ``at`` aware UTC;
    ``outcome`` an error code when it did not end well, and ``reached`` how far a part had come then."""

    at: datetime
    kind: Kind
    what: str
    consent: str = ""
    run: str = ""
    place: str = ""
    outcome: str = ""
    reached: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter; what is not set does not filter. Both days count whole, in ``zone``.

    ``consents`` are all of the one space that is wanted; None is every space, and what is about no consent.
    """

    consent: str = ""
    consents: frozenset[str] | None = None
    kind: Kind | None = None
    since: date | None = None
    until: date | None = None
    zone: tzinfo = UTC

    def holds(self, one: Activity) -> bool:
        """Whether an activity is wanted."""
        day = one.at.astimezone(self.zone).date()
        return (
            (not self.consent or one.consent == self.consent)
            and (self.consents is None or one.consent in self.consents)
            and (self.kind is None or one.kind is self.kind)
            and (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
        )


# A decision changes a record, begins one or ends it.
_DECISION = {
    "requested": Kind.ADD_CONSENT,
    "given": Kind.ADD_CONSENT,
    "refused": Kind.ADD_CONSENT,
    "deferred": Kind.UPDATE_CONSENT,
    "renewed": Kind.UPDATE_CONSENT,
}
_ACTED = (
    "consent.given",
    "consent.refused",
    "consent.withdrawn",
    *(f"door.{event}" for event in sorted(BY_PERSON)),
)
_AUDITED = {
    Action.RESOURCES_PULLED.value: (Kind.READ_POD_DATA, "resources.pulled"),
    Action.RESOURCES_COMPARED.value: (Kind.READ_POD_DATA, "resources.compared"),
    Action.RESULT_UNPUBLISHED.value: (Kind.DATA_IMPORT, "result.unpublished"),
}


def activities(rows: Rows, reached: Reached) -> tuple[Activity, ...]:
    """Everything that the rows about one person tell, newest first; ``reached`` as it is told of parts."""
    found = [
        *_decisions(rows["consent_events"]),
        *_audited(rows["audit"]),
        *_doors(rows["door_events"]),
        *_receipts(rows["receipts"], rows["consent_events"]),
        *_results(rows["deliveries"], rows["audit"]),
        *_published(rows["steps"]),
        *_processed(rows["parts"], reached),
        *_logins(rows["login_events"]),
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.kind.value), reverse=True))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _decisions(rows: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    for row in rows:
        status = row["event"]["status"]
        kind = _DECISION.get(status, Kind.REVOKE_CONSENT)
        yield Activity(_at(row["at"]), kind, f"consent.{status}", row["consent_id"])


def _audited(rows: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    for row in rows:
        entry = row["entry"]
        if entry["action"] in _AUDITED:
            kind, what = _AUDITED[entry["action"]]
            *runs, consent = entry["objects"][:2]
            yield Activity(_at(row["at"]), kind, what, consent, runs[0] if runs else "")


def _doors(rows: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    """In the words of the consent's own page. The trail's entries of doors are told by these."""
    ready: set[str] = set()
    for row in rows:
        at, consent, event = _at(row["at"]), row["consent_id"], DoorEvent(row["event"])
        kind = Kind.DATASOURCE_REVOKE if event in ENDS else Kind.DATASOURCE_GRANT
        if event in (DoorEvent.OPENED, DoorEvent.OPENED_IN_PART) and consent not in ready:
            ready.add(consent)
            yield Activity(at, Kind.INIT_POD, "pod.ready", consent)
        yield Activity(at, kind, f"door.{event}", consent, outcome=row["problem"] or "")


def _receipts(rows: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    at = {(row["consent_id"], row["sequence"]): _at(row["at"]) for row in events}
    for row in rows:
        when = at[row["consent_id"], row["sequence"]]
        if row["pod_url"]:
            place = str(row["pod_url"])
            yield Activity(when, Kind.WRITE_POD_DATA, "receipt.copied", row["consent_id"], place=place)
        elif row["problem"]:
            outcome = row["problem"]
            yield Activity(
                when, Kind.WRITE_POD_DATA, "receipt.not-copied", row["consent_id"], outcome=outcome
            )


def _results(rows: Sequence[Mapping[str, Any]], trail: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    written = _written(trail)
    for row in rows:
        yield from _before(row, written)
        kind = Kind.WRITE_POD_DATA if row["state"] == "removed" else Kind.WRITE_APP_RESULT
        yield Activity(
            _at(row["resolved"] or row["planned"]),
            kind,
            f"result.{row['state']}",
            row["consent_id"],
            row["run_id"],
            row["delivery"]["target"],
        )


def _written(trail: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], datetime]:
    """When each run's result was first seen in the pod, by run and consent."""
    found: dict[tuple[str, ...], datetime] = {}
    for row in trail:
        if row["entry"]["action"] == Action.RESULT_WRITTEN.value:
            found.setdefault(tuple(row["entry"]["objects"][:2]), _at(row["at"]))
    return found


def _before(row: Mapping[str, Any], written: Mapping[tuple[str, ...], datetime]) -> Iterator[Activity]:
    """A delivery tells how it stands now; that it was written before, the trail keeps."""
    key = (row["run_id"], row["consent_id"])
    if row["state"] != "written" and key in written:
        target = row["delivery"]["target"]
        yield Activity(written[key], Kind.WRITE_APP_RESULT, "result.written", key[1], key[0], target)


def _published(steps: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    """A part ends as written in the very statement that makes its result visible to queries.

    Its step stays; what queries read leaves with a withdrawal, an end, or the next run's result.
    """
    for row in steps:
        if row["state"] == "written":
            yield Activity(
                _at(row["at"]), Kind.DATA_IMPORT, "result.published", row["consent_id"], row["run_id"]
            )


def _processed(rows: Sequence[Mapping[str, Any]], reached: Reached) -> Iterator[Activity]:
    for row in rows:
        run, consent, what = row["run_id"], row["consent_id"], f"run.{row['state']}"
        outcome, far = row["outcome"] or "", reached.get((run, consent), "")
        yield Activity(
            _at(row["updated"]), Kind.DATA_PROCESSING, what, consent, run, outcome=outcome, reached=far
        )


def _logins(rows: Sequence[Mapping[str, Any]]) -> Iterator[Activity]:
    for row in rows:
        yield Activity(_at(row["at"]), Kind.ISSUE_TOKEN, f"session.{row['event']}")


def activity_triples(found: Iterable[Activity], base: str, person: str) -> list[ox.Triple]:
    """As RDF without blank nodes: as:Activity and prov:Activity, named below ``base`` by what they say."""
    made = []
    for one in found:
        name = sha256(repr((one.at, one.kind.value, one.what, one.consent, one.run)).encode()).hexdigest()
        node = ox.NamedNode(f"{base}#{name[:32]}")
        at = ox.Literal(one.at.isoformat().replace("+00:00", "Z"), datatype=XSD.dateTime)
        made += [
            ox.Triple(node, RDF.type, AS.Activity),
            ox.Triple(node, RDF.type, PROV.Activity),
            ox.Triple(node, SG.action, ox.Literal(one.kind.value)),
            ox.Triple(node, DCT.description, ox.Literal(one.what)),
            ox.Triple(node, AS.published, at),
            ox.Triple(node, PROV.endedAtTime, at),
        ]
        objects = [ox.Literal(part) for part in (one.consent, one.run) if part]
        made += [ox.Triple(node, AS.object, part) for part in objects]
        if one.what in _ACTED:
            made.append(ox.Triple(node, AS.actor, ox.NamedNode(person)))
        if one.place:
            made.append(ox.Triple(node, PROV.used, ox.NamedNode(one.place)))
        made.append(ox.Triple(node, SG.outcome, ox.Literal(one.outcome or "done")))
    return made
