"""What stands in a person's pod where the copy of a receipt was to go, looked at with their own session."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from solidgate.consent.receipt import MAX_BYTES, Receipt, verify_receipt
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ReceiptInvalid, SolidgateError
from solidgate.flow.receipt import RECEIPT_TYPE, Copy, copies, is_ours
from solidgate.flow.world import World
from solidgate.identity.jose import signing_key
from solidgate.identity.login import Session


@dataclass(frozen=True, slots=True)
class InTheWay:
    """One address that something else has taken; of a document that is not shown, only the address.

    With ``status`` it is a receipt that this service signed: of ``issued``, and of this very consent or of
    another one.
    """

    url: str
    media_type: str = ""
    size: int | None = None
    modified: datetime | None = None
    status: ConsentStatus | None = None
    issued: datetime | None = None
    of_this: bool = False


async def in_the_way(world: World, session: Session, consent_id: str) -> tuple[InTheWay, ...]:
    """What is there now; nothing if the pod does not tell in time. Raises ``ConsentNotFound``."""
    async with world.store.transaction() as tx:
        stored = await tx.consents.one(consent_id, person_id=session.person_id)
        receipt = await tx.receipts.newest(session.person_id, consent_id)
        request, _ = await tx.requests.one(stored.record.request_id, session.person_id)
    forms, iri = copies(world, request, consent_id, receipt), stored.record.iri
    try:
        async with asyncio.timeout(world.settings.consent.settle_seconds):
            found = [await _there(world, session, one, iri) for one in forms]
    except TimeoutError:
        return ()
    return tuple(one for one in found if one is not None)


async def _there(world: World, session: Session, one: Copy, record_iri: str) -> InTheWay | None:
    """None when nothing is there, or our own copy."""
    try:
        state = await world.pods.state(session.access, one.url)
    except SolidgateError:
        return InTheWay(one.url)
    if not state.exists or await is_ours(world, session, one):
        return None
    signed = await _receipt(world, session, one) if state.media_type == RECEIPT_TYPE else None
    return InTheWay(
        url=one.url,
        media_type=state.media_type or "",
        size=state.size,
        modified=state.modified,
        status=signed.status if signed else None,
        issued=signed.issued if signed else None,
        of_this=signed is not None and signed.record_iri == record_iri,
    )


async def _receipt(world: World, session: Session, one: Copy) -> Receipt | None:
    """The receipt that stands there, if this service signed it: nothing else of a pod is parsed here."""
    try:
        held = await world.pods.read_as(session.access, one.url, RECEIPT_TYPE, max_bytes=MAX_BYTES)
        keys = [signing_key(world.receipt_key).public_jwk]
        return verify_receipt(held.content.decode(errors="replace"), keys, world.clock.now())
    except (ReceiptInvalid, SolidgateError):
        return None
