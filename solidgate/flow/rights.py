"""The person's rights: a copy of everything that is held, what happened in plain words, and erasure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from solidgate.audit.activity import Activity, Wanted, activities, activity_triples
from solidgate.consent.archive import KEY_FILE, Held, files, packed
from solidgate.consent.notice import Notice
from solidgate.consent.record import ConsentRecord
from solidgate.errors import ConsentNotFound, ContainerNotYours, PersonNotFound
from solidgate.flow.erase import erase, finish_erasures, rehearse
from solidgate.flow.world import World
from solidgate.identity.jose import signing_key
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement
from solidgate.space.rdf import turtle

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

__all__ = ["activity", "erase", "export", "finish_erasures", "held", "people", "push_activity", "rehearse"]

EVERYTHING = Wanted()


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
    return Held(str(rows["people"][0]["webid"]), world.clock.now(), rows, records, activities(rows))


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


async def activity(world: World, session: Session, wanted: Wanted = EVERYTHING) -> tuple[Activity, ...]:
    """What happened to this person's data, newest first."""
    return tuple(one for one in (await held(world, session)).activities if wanted.holds(one))


async def push_activity(world: World, session: Session, container: str) -> str:
    """Write the activity log into a container of the person's own pod; the address of the new document.

    Raises ``ContainerNotYours`` and pod faults; nothing that is there is overwritten.
    """
    storages = await world.pods.storages(session.webid, session.access)
    path = urlsplit(container).path
    inside = any(container.startswith(root) and len(container) > len(root) for root in storages)
    if not inside or not container.endswith("/") or {"..", "."} & set(path.split("/")) or "//" in path:
        raise ContainerNotYours()
    url = f"{container}activity-{world.clock.now():%Y%m%dT%H%M%S%f}.ttl"
    content = turtle(activity_triples(await activity(world, session), url, session.webid))
    await world.pods.ensure_container(session.access, container)
    await world.pods.create(session.access, url, content, "text/turtle")
    return url


async def people(world: World, webid: str) -> tuple[str, ...]:
    """The ids of everybody with this WebID, for the operator. Raises ``PersonNotFound``."""
    async with world.store.transaction() as tx:
        found = (webid,) if await tx.persons.exists(webid) else await tx.persons.named(webid)
    if not found:
        raise PersonNotFound()
    return found
