"""The person's rights: a copy of everything that is held, what happened in plain words, and erasure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from solidgate.audit.activity import Activity, Rows, Wanted, activities, activity_triples
from solidgate.consent.archive import KEY_FILE, Held, files, packed
from solidgate.consent.notice import Notice
from solidgate.consent.record import ConsentRecord
from solidgate.errors import ConsentNotFound, ContainerNotYours, PersonNotFound
from solidgate.flow.erase import erase, finish_erasures, rehearse
from solidgate.flow.happened import reached_by
from solidgate.flow.world import World
from solidgate.identity.jose import signing_key
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement
from solidgate.space.paths import path_fault
from solidgate.space.rdf import turtle

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

__all__ = [
    "activity",
    "erase",
    "export",
    "finish_erasures",
    "held",
    "log",
    "log_place",
    "people",
    "push_activity",
    "rehearse",
]

EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class About:
    """What a consent is about: a purpose of an agreement, by its id, and the id of its space."""

    agreement: Agreement
    purpose: str
    space: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """What happened, newest first, and what each consent in it is about."""

    found: tuple[Activity, ...]
    about: Mapping[str, About]


async def held(world: World, who: Session | str) -> Held:
    """Everything about one person, from one transaction. Raises ``PersonNotFound``."""
    person_id = who if isinstance(who, str) else who.person_id
    async with world.store.transaction() as tx:
        try:
            rows = await tx.persons.held(person_id)
        except ConsentNotFound as fault:
            raise PersonNotFound() from fault
        stored = await tx.consents.of_person(person_id)
        records = tuple([await _whole(tx, rows, one.record) for one in stored])
    return Held(
        str(rows["people"][0]["webid"]), world.clock.now(), rows, records, activities(rows, reached_by(rows))
    )


async def _whole(
    tx: Transaction, rows: Mapping[str, Any], record: ConsentRecord
) -> tuple[ConsentRecord, Agreement, Notice | None]:
    agreement = await tx.spaces.agreement(record.agreement_digest)
    shown = {row["digest"] for row in rows["notices"] if row["request_id"] == record.request_id}
    notice = None
    if record.notice_digest in shown:
        person_id = rows["people"][0]["person_id"]
        notice, _ = await tx.requests.shown(person_id, record.request_id, record.notice_digest)
    return record, agreement, notice


async def export(
    world: World, who: Session | str, page: Callable[[Held, Mapping[str, bytes]], Mapping[str, bytes]]
) -> bytes:
    """One ZIP with everything as JSON-LD, CSV and the page that ``page`` makes, in the person's language.

    The key that its receipts are checked with lies in it: that works when this service is gone.

    Raises ``PersonNotFound ExportTooLarge``.
    """
    found = await held(world, who)
    key = signing_key(world.receipt_key).public_jwk
    made = files(found) | {KEY_FILE: json.dumps({"keys": [dict(key)]}, indent=1).encode()}
    return packed({**page(found, made), **made}, found.at, max_bytes=world.settings.consent.export_bytes)


async def activity(
    world: World, session: Session, wanted: Wanted = EVERYTHING, *, space: str = ""
) -> tuple[Activity, ...]:
    """What happened to this person's data, newest first; with ``space`` what is about a consent in it."""
    found = await held(world, session)
    wanted = _within(wanted, space, found.rows)
    return tuple(one for one in found.activities if wanted.holds(one))


def _within(wanted: Wanted, space: str, rows: Rows) -> Wanted:
    of_it = (str(row["consent_id"]) for row in rows["consents"] if row["space_id"] == space)
    return replace(wanted, consents=frozenset(of_it)) if space else wanted


async def log(world: World, session: Session, wanted: Wanted = EVERYTHING, *, space: str = "") -> Log:
    """The same for a page, with what each consent is about: as many statements for twenty as for one.

    ``about`` tells of every consent, the newest first, also of those that the filter leaves out.
    """
    async with world.store.transaction() as tx:
        rows = await tx.persons.held(session.person_id)
        about = {
            str(row["consent_id"]): About(
                await tx.spaces.agreement(str(row["agreement_digest"])),
                str(row["purpose"]),
                str(row["space_id"]),
            )
            for row in rows["consents"]
        }
    wanted = _within(wanted, space, rows)
    return Log(tuple(one for one in activities(rows, reached_by(rows)) if wanted.holds(one)), about)


async def log_place(world: World, session: Session) -> str:
    """The container that is offered for the log, below the pod or, with several pods, its whole address.

    Told from what is held, so that showing the log asks no pod; without an answer there is one pod.
    """
    path = world.settings.consent.log_container
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_person(session.person_id)
        if not stored:
            return path
        request, _ = await tx.requests.one(stored[0].record.request_id, session.person_id)
    return request.storage + path if len(request.storages) > 1 else path


async def push_activity(world: World, session: Session, named: str) -> str:
    """Write the activity log into a container of the person's own pod; the address of the new document.

    ``named`` is a path below the person's one pod, or a whole address. Raises ``ContainerNotYours`` and pod
    faults; nothing that is there is overwritten.
    """
    container = _own_container(await world.pods.storages(session.webid, session.access), named.strip())
    url = f"{container}activity-{world.clock.now():%Y%m%dT%H%M%S%f}.ttl"
    content = turtle(activity_triples(await activity(world, session), url, session.webid))
    await world.pods.ensure_container(session.access, container)
    await world.pods.create(session.access, url, content, "text/turtle")
    return url


def _own_container(storages: Sequence[str], named: str) -> str:
    """The whole address of a container below one of the storages. Raises ``ContainerNotYours``."""
    # The longest first: a pod may lie below another one.
    within = sorted((root for root in storages if named.startswith(root)), key=len, reverse=True)
    root = within[0] if within else storages[0]
    path = named.removeprefix(root)
    path = path if path.endswith("/") else path + "/"
    if (not within and len(storages) > 1) or path_fault(path, container=True):
        raise ContainerNotYours()
    return root + path


async def people(world: World, webid: str) -> tuple[str, ...]:
    """The ids of everybody with this WebID, for the operator. Raises ``PersonNotFound``."""
    async with world.store.transaction() as tx:
        found = (webid,) if await tx.persons.exists(webid) else await tx.persons.named(webid)
    if not found:
        raise PersonNotFound()
    return found
