"""A consent as its person sees it: the record, the door, the receipt, the results, what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from solidgate.consent.notice import Notice, notice_digest
from solidgate.consent.rdf import to_turtle
from solidgate.consent.record import ConsentRecord, status_at
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent, StoredDoor, StoredReceipt
from solidgate.errors import ConsentNotFound, TermsChanged
from solidgate.flow.happened import ActivityLine, lines
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.pod.access_request import RequestedAccess
from solidgate.pod.door import DoorState
from solidgate.pod.door_event import DoorLine
from solidgate.pod.platform import access_page_link
from solidgate.run.delivery import DeliveryRow
from solidgate.run.state import PartState, StepRow
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction


_RUN = "run."
_READ = f"{_RUN}{PartState.RUNNING.value}"  # recorded with the reading, when the documents are there


@dataclass(frozen=True, slots=True)
class ResultView:
    """One result in the person's pod: where, the SHA-256 of its bytes, and what the pod was seen to hold."""

    url: str
    sha256: str
    at: datetime
    state: str
    seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessView:
    """Where the owner opens by grants: the next step, if there is one, and what was granted.

    ``link`` leads to the owner's access page for request ``step`` of ``steps``; empty while the request is
    being made, or when no page is known. ``left_out`` are agreed documents that the grants leave out.
    """

    step: int
    steps: int
    requested: bool
    link: str
    page: str
    grants: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsentView:
    """Everything about one consent that its person may see."""

    record: ConsentRecord
    space_id: str
    agreement: Agreement
    status: ConsentStatus
    door: DoorState | None
    door_problem: str | None
    receipt: str
    receipt_url: str | None
    receipt_problem: str | None
    results: tuple[ResultView, ...]
    activity: tuple[ActivityLine, ...]
    access: AccessView | None = None

    @property
    def activity_by_run(self) -> tuple[tuple[str, tuple[ActivityLine, ...]], ...]:
        """What happened, with the steps of each run together at the place of its first; no run is ``""``."""
        groups: list[tuple[str, list[ActivityLine]]] = []
        of_run: dict[str, list[ActivityLine]] = {}
        for line in self.activity:
            if line.run and line.run in of_run:
                of_run[line.run].append(line)
            elif not line.run and groups and not groups[-1][0]:
                groups[-1][1].append(line)
            else:
                groups.append((line.run, [line]))
                of_run[line.run] = groups[-1][1]
        return tuple((run, tuple(lines)) for run, lines in groups)

    @property
    def last_read(self) -> datetime | None:
        """When the agreed documents were last read; asking whether they changed reads none of them."""
        return next((line.at for line in reversed(self.activity) if line.action == _READ), None)

    @property
    def last_run(self) -> ActivityLine | None:
        """The newest move of a run for this consent."""
        return next((line for line in reversed(self.activity) if line.action.startswith(_RUN)), None)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside consents, by the consent's id."""

    doors: Mapping[str, tuple[StoredDoor, RequestedAccess | None]]
    receipts: Mapping[str, StoredReceipt]
    deliveries: Mapping[str, Sequence[DeliveryRow]]
    steps: Mapping[str, Sequence[StepRow]]
    at_door: Mapping[str, Sequence[DoorLine]]


@dataclass(frozen=True, slots=True)
class Displayed:
    """The notice that a consent answers, as it was displayed.

    ``intact`` is whether the digest of its content, made anew, is the one that the record names.
    """

    notice: Notice
    intact: bool


async def displayed(world: World, session: Session, record: ConsentRecord) -> Displayed | None:
    """What the person was shown before this answer; None where that text is not kept."""
    try:
        async with world.store.transaction() as tx:
            notice, _ = await tx.requests.shown(session.person_id, record.request_id, record.notice_digest)
    except TermsChanged:
        return None
    return Displayed(notice, notice_digest(notice) == record.notice_digest)


async def view(world: World, session: Session, consent_id: str) -> ConsentView:
    """One consent of this person. Raises ``ConsentNotFound``, also for another person's."""
    async with world.store.transaction() as tx:
        return await view_of(world, tx, await tx.consents.one(consent_id, person_id=session.person_id))


async def mine(world: World, session: Session) -> tuple[ConsentView, ...]:
    """All consents of this person, newest first."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_person(session.person_id)
        return await _views(world, tx, session.person_id, stored)


async def turtle(world: World, session: Session, consent_id: str) -> bytes:
    """The consent record as Turtle."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        agreement = await tx.spaces.agreement(stored.record.agreement_digest)
    return to_turtle(stored.record, agreement)


async def view_of(world: World, tx: Transaction, stored: StoredConsent) -> ConsentView:
    """The view, inside a transaction that is open already."""
    (only,) = await _views(world, tx, stored.person_id, (stored,))
    return only


async def _views(
    world: World, tx: Transaction, person_id: str, stored: Sequence[StoredConsent]
) -> tuple[ConsentView, ...]:
    """The views of one person's consents: as many statements for twenty as for one."""
    ids = [one.record.consent_id for one in stored]
    beside = _Beside(
        await tx.beside.doors(person_id, ids),
        await tx.beside.receipts(person_id, ids),
        await tx.beside.deliveries(person_id, ids),
        await tx.beside.steps(ids),
        await tx.door_events.of(ids),
    )
    return tuple(
        [_view(world, one, await tx.spaces.agreement(one.record.agreement_digest), beside) for one in stored]
    )


def _view(world: World, stored: StoredConsent, agreement: Agreement, beside: _Beside) -> ConsentView:
    record, consent_id = stored.record, stored.record.consent_id
    door, access = beside.doors.get(consent_id, (None, None))
    receipt = beside.receipts.get(consent_id)
    if receipt is None:
        raise ConsentNotFound()
    deliveries, steps = beside.deliveries.get(consent_id, ()), beside.steps.get(consent_id, ())
    return ConsentView(
        record=record,
        space_id=stored.space_id,
        agreement=agreement,
        status=status_at(record, world.clock.now()),
        door=None if door is None else door.state,
        door_problem=None if door is None else door.problem,
        receipt=receipt.token,
        receipt_url=receipt.pod_url,
        receipt_problem=receipt.problem,
        results=tuple(_result(row) for row in deliveries),
        activity=lines(record, steps, deliveries, beside.at_door.get(consent_id, ())),
        access=None if access is None else _access(world, record, access),
    )


def _access(world: World, record: ConsentRecord, access: RequestedAccess) -> AccessView:
    waits = access.next
    request_id = waits.request_id if waits is not None else ""
    callback = f"{world.consent_iri(record.consent_id)}/access"
    return AccessView(
        step=sum(one.answered for one in access.parts) + (waits is not None),
        steps=len(access.parts),
        requested=bool(request_id),
        link=access_page_link(access.page, request_id, callback) if request_id and access.page else "",
        page=access.page,
        grants=tuple(grant.id for grant in access.grants),
        left_out=() if waits is not None else access.left_out(record.resources),
    )


def _result(row: DeliveryRow) -> ResultView:
    return ResultView(row.delivery.target, row.sha256, row.resolved or row.planned, row.state.value, row.seen)
