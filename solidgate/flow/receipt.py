"""Receipts: signed in the transaction that decides, then copied to the person's pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solidgate.consent.notice import Notice
from solidgate.consent.rdf import to_turtle
from solidgate.consent.receipt import make_receipt
from solidgate.consent.record import ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.errors import PodConflict, PodFault
from solidgate.flow.world import World
from solidgate.identity.jose import signing_key
from solidgate.identity.login import Session
from solidgate.space.agreement import Agreement

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

RECEIPT_TYPE = "application/vc+jwt"
RECORD_TYPE = "text/turtle"


async def issue(
    world: World,
    tx: Transaction,
    person_id: str,
    record: ConsentRecord,
    agreement: Agreement,
    notice: Notice | None = None,
) -> str:
    """Sign the receipt of the record's latest event and keep it, in the transaction of that event."""
    token = make_receipt(
        record,
        agreement,
        issuer=world.public_url,
        key=signing_key(world.receipt_key),
        now=world.clock.now(),
        notice=notice,
    )
    await tx.consents.put_receipt(person_id, record.consent_id, record.latest.sequence, token)
    return token


async def push_all(world: World, session: Session, request_id: str) -> None:
    """Copy the newest receipts of a request's records to the pod; faults are remembered, not raised."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.of_request(request_id)
    for one in stored:
        await push(world, session, one)


async def push(world: World, session: Session, stored: StoredConsent) -> None:
    """Copy one record and its newest receipt; a fault is remembered and can be tried again."""
    record = stored.record
    async with world.store.transaction() as tx:
        receipt = await tx.consents.receipt(stored.person_id, record.consent_id)
        request, _ = await tx.consents.request(record.request_id, stored.person_id)
        agreement = await tx.spaces.agreement(record.agreement_digest)
    container = request.storage + world.settings.consent.receipt_container
    base = f"{container}{record.consent_id}-{receipt.sequence}"
    url, problem = f"{base}.jwt", None
    try:
        await world.pods.ensure_container(session.access, container)
        await _create(world, session, f"{base}.ttl", to_turtle(record, agreement), RECORD_TYPE)
        await _create(world, session, url, receipt.token.encode(), RECEIPT_TYPE)
    except PodFault as fault:
        url, problem = "", fault.code
    async with world.store.transaction() as tx:
        await tx.consents.receipt_pushed(
            stored.person_id, record.consent_id, receipt.sequence, url or None, problem
        )


async def _create(world: World, session: Session, url: str, content: bytes, media_type: str) -> None:
    try:
        await world.pods.create(session.access, url, content, media_type)
    except PodConflict:
        # The name holds the record's own random id: what stands there is our earlier copy of it, and is
        # never overwritten.
        return


async def resend(world: World, session: Session, consent_id: str) -> None:
    """Try again to copy the newest receipt. Raises ``ConsentNotFound``."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
    await push(world, session, stored)
