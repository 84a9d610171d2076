"""Erase: intent, withdrawal, key and rows, files; each step may be interrupted and is then done again.

1. The tombstone is durable before anything is removed: whatever happens then, a start finishes the work.
2. What holds is withdrawn, so that doors close and steps under way end.
3. One transaction destroys the key, removes the rows and unlinks the audit leaves.
4. The database's files are written anew, without the removed rows.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.erasure import ErasureReport, Reach, sign_report
from solidgate.consent.record import ConsentEvent
from solidgate.consent.status import ConsentStatus
from solidgate.consent.stored import StoredConsent
from solidgate.errors import (
    ConsentNotFound,
    ConsentNotGiven,
    ConsentWithdrawn,
    PersonNotFound,
    SolidgateError,
)
from solidgate.flow import at_pod, cancel_access, may_land, receipt, reclaim, settle, watching
from solidgate.flow import withdraw as withdrawing
from solidgate.flow.consent import name_at_pod
from solidgate.flow.ending import Ending, end_all
from solidgate.flow.quiet import quiet
from solidgate.flow.world import World
from solidgate.identity.jose import signing_key
from solidgate.identity.login import Session
from solidgate.pod.by_hand import BY_HAND
from solidgate.pod.door import DoorState
from solidgate.space.participant import Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

METHOD = "Asked that everything about me be erased"


@dataclass(slots=True)
class _Removed:
    """What the one transaction did."""

    webid: str
    at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)


async def erase(world: World, who: Session | str) -> ErasureReport:
    """Erase one person, by their own session or by id; the signed report, of which no copy is kept.

    Raises ``PersonNotFound StoreUnavailable``. Pod trouble never stands in the way: it is in the report.
    """
    person_id = who if isinstance(who, str) else who.person_id
    async with world.store.transaction() as tx:
        if not await tx.persons.exists(person_id):
            raise PersonNotFound()
    world.store.tombstones.add(world.store.tombstones.of(person_id))
    await _end_all(world, who)
    await _leave_pods(world, person_id)
    await cancel_access.wait(world, person_id)
    world.logins.forget_person(person_id)
    removed = await _remove(world, person_id, await watching.forget(world, person_id))
    left = await world.store.sweep(world.settings.consent.sweep_seconds)
    return _report(world, removed, left)


async def rehearse(world: World, who: Session | str) -> ErasureReport:
    """What an erasure would remove, close, and could not recall; nothing is changed.

    Only the person's own session closes doors: for an operator, who gives an id, all of them are left.
    Raises ``PersonNotFound``.
    """
    person_id = who if isinstance(who, str) else who.person_id
    async with world.store.transaction() as tx:
        try:
            rows = await tx.persons.held(person_id)
        except ConsentNotFound as fault:
            raise PersonNotFound() from fault
        reach = await _reach(world, tx, rows)
    kept = set(reach.doors) if isinstance(who, str) else _kept_shut(world, rows)
    closes = tuple(one for one in reach.doors if one not in kept)
    reach = replace(reach, doors=tuple(one for one in reach.doors if one in kept))
    counts = {name: len(found) for name, found in rows.items()}
    leaves = counts.pop("audit")
    return ErasureReport("", world.clock.now(), counts, leaves, reach, (), closes=closes)


def _kept_shut(world: World, rows: dict[str, tuple[dict[str, Any], ...]]) -> set[str]:
    """The agents with a door whose pod is known not to let us change who may read."""
    spaces = {row["consent_id"]: row["space_id"] for row in rows["consents"]}
    return {world.agent(spaces[row["consent_id"]]) for row in rows["doors"] if row["problem"] in BY_HAND}


async def finish_erasures(world: World, *, patience: float = 0) -> int:
    """End what was begun: erasures cut short, and people whom a restored backup brought back.

    For the start of every process, before it serves anybody, and for the worker's housekeeping, which waits
    ``patience`` seconds for an erasure that is under way: that one has the session to close the doors.
    """
    found = await world.store.erased_but_present()
    if found and patience:
        await asyncio.sleep(patience)
        found = await world.store.erased_but_present()
    for person_id in found:
        await _end_all(world, person_id)
        await _leave_pods(world, person_id)
        await watching.forget(world, person_id)
        await _remove(world, person_id)
    await world.store.sweep(world.settings.consent.sweep_seconds)
    return len(found)


async def _end_all(world: World, who: Session | str) -> None:
    """End what holds; then steps under way have as long to notice as after a withdrawal, at most."""
    person_id = who if isinstance(who, str) else who.person_id
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_person(person_id)
        open_doors = {one.record.consent_id for one in stored if await _open(tx, one)}
    for one in stored:
        consent_id, status = one.record.consent_id, one.record.latest.status
        if isinstance(who, Session):
            if status.valid_for_processing or (
                consent_id in open_doors and status is ConsentStatus.WITHDRAWN
            ):
                await withdrawing.withdraw(world, who, consent_id)
            elif consent_id in open_doors:
                await _close_left(world, who, consent_id)
        elif status.valid_for_processing:
            await _end(world, consent_id)
    await quiet(world, [one.record.consent_id for one in stored])


async def _close_left(world: World, session: Session, consent_id: str) -> None:
    """The door that a consent left open which ended in another way; what fails is in the report."""
    with suppress(TimeoutError, SolidgateError):
        async with asyncio.timeout(world.settings.consent.settle_seconds):
            await settle.close_left(world, session, consent_id)


async def _leave_pods(world: World, person_id: str) -> None:
    """What withdrawals still do at the pods, of every gate, ends before the rows go, or is in the report."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_person(person_id)
    names = [one.record.consent_id for one in stored]
    answers = {name_at_pod(one.record.request_id) for one in stored}
    deadline = world.clock.monotonic() + world.settings.consent.withdraw_wait_seconds
    await world.after.wait(names, world.settings.consent.withdraw_wait_seconds)
    await at_pod.stop(world, names)
    await world.after.stop(answers)
    await at_pod.gone(world, names, deadline)


async def _open(tx: Transaction, stored: StoredConsent) -> bool:
    seen = await tx.doors.one(stored.record.consent_id)
    return seen is not None and seen.state is not DoorState.CLOSED


async def _end(world: World, consent_id: str) -> None:
    """As a withdrawal decides it, without the session that could close the door."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, lock="update")
        if stored.record.latest.status.valid_for_processing:
            at = max(world.clock.now(), stored.record.latest.at)
            ending = Ending(
                lambda record, _: ConsentEvent(
                    record.latest.sequence + 1, ConsentStatus.WITHDRAWN, at, record.data_subject, METHOD
                ),
                ConsentWithdrawn,
                Action.CONSENT_WITHDRAWN,
                "data_subject",
                receipt=False,
            )
            await end_all(world, tx, ending, [stored])


async def _remove(world: World, person_id: str, channels: tuple[str, ...] = ()) -> _Removed:
    """The one transaction; ``channels`` are left at pods. A second caller waits, and then finds nobody."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        if not await tx.persons.lock(person_id):
            raise PersonNotFound()
        removed = _Removed(await tx.people.webid(person_id), now)
        rows = await tx.persons.held(person_id)
        reach, requests = await _reach(world, tx, rows), await _requests(tx, person_id, rows)
        removed.reach = replace(reach, channels=channels, requests=requests)
        if any(row["status"] in ("given", "renewed") for row in rows["consents"]):
            raise ConsentNotGiven("a consent was given while the erasure was under way; erase again")
        removed.counts = await tx.persons.remove(person_id)
        await tx.persons.entomb(world.store.tombstones.of(person_id), now)
        # No object: an id here would tie what stays to the person.
        await tx.trail.append(AuditEntry(Action.ERASURE_DONE, now, "system", (), Outcome.DONE))
    return removed


async def _reach(world: World, tx: Transaction, rows: dict[str, tuple[dict[str, Any], ...]]) -> Reach:
    sent = rows["deliveries"]
    spaces = {row["consent_id"]: row["space_id"] for row in rows["consents"]}
    doors = [row["consent_id"] for row in rows["doors"] if row["state"] != DoorState.CLOSED.value]
    written = [row["delivery"]["target"] for row in sent if row["state"] == "written"]
    written += [row["signpost"]["target"] for row in rows["signposts"] if row["state"] == "written"]
    written += [reclaim.note_of(row["delivery"]["target"]) for row in sent if row["noted"]]
    copies = [url for row in rows["receipts"] if row["pod_url"] for url in receipt.forms_of(row["pod_url"])]
    return Reach(
        pods=_each([*written, *copies]),
        doors=_each(world.agent(spaces[one]) for one in doors),
        in_doubt=_each([*_in_doubt(sent), *_waiting(rows["signposts"]), *await _landing(world, tx, rows)]),
        readers=await _readers(tx, rows, {row["consent_id"] for row in sent if row["state"] == "written"}),
        aggregates=await _aggregates(tx, rows["parts"]),
    )


def _in_doubt(sent: Sequence[dict[str, Any]]) -> list[str]:
    return [row["delivery"]["target"] for row in sent if row["state"] in ("planned", "disputed")]


def _waiting(signposts: Sequence[dict[str, Any]]) -> list[str]:
    """Those whose newest bytes, or whose removal, no pod was seen to have."""
    return [row["signpost"]["target"] for row in signposts if row["state"] == "planned"]


async def _landing(world: World, tx: Transaction, rows: dict[str, tuple[dict[str, Any], ...]]) -> list[str]:
    """Where something may arrive later that a gate began, or sent, after a withdrawal."""
    found: list[str] = []
    for consent_id in [row["consent_id"] for row in rows["consents"]]:
        if await tx.leases.announced(consent_id):
            stored = await tx.consents.one(consent_id)
            results = await tx.results.of_consent(stored.person_id, consent_id)
            found += await may_land.addresses(world, tx, stored, results)
    return found


async def _requests(
    tx: Transaction, person_id: str, rows: dict[str, tuple[dict[str, Any], ...]]
) -> tuple[str, ...]:
    """Requests for access that could not be cancelled in time."""
    found = [await tx.access_requests.of(person_id, row["consent_id"]) for row in rows["doors"]]
    return _each(one for known in found if known is not None for one in known.waiting)


async def _aggregates(tx: Transaction, parts: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    counted = [row["run_id"] for row in parts if row["state"] == "written"]
    return _each([run_id for run_id in counted if await tx.results.released(run_id)])


async def _readers(
    tx: Transaction, rows: dict[str, tuple[dict[str, Any], ...]], seen: set[str]
) -> tuple[str, ...]:
    found: list[str] = []
    for row in rows["consents"]:
        if row["consent_id"] in seen:
            agreement = await tx.spaces.agreement(row["record"]["agreement_digest"])
            found += [party.webid for party in agreement.with_role(Role.DATA_CONSUMER)]
    return _each(found)


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _report(world: World, removed: _Removed, left: tuple[str, ...]) -> ErasureReport:
    counts = dict(removed.counts)
    leaves = counts.pop("audit")
    bare = ErasureReport(str(uuid.uuid4()), removed.at, counts, leaves, removed.reach, left)
    key = signing_key(world.receipt_key)
    return replace(bare, token=sign_report(bare, removed.webid, issuer=world.public_url, key=key))
