"""Lead: what leads to a result is planned in the statement that publishes it, and sent under the same lease.

The short way of ``flow.signpost``, for what comes with nearly every result: the intents are made from what
was read just before, and stand only if nobody has planned anything in between. Whatever else is found, and
whatever a pod answers but "done", goes the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from solidgate.consent.record import ConsentRecord
from solidgate.derived import signpost as written
from solidgate.errors import PodFault, SolidgateError
from solidgate.flow import signpost
from solidgate.flow.bring import PATIENCE, Spot, bring, certain, each_kind
from solidgate.flow.same import sha256_of
from solidgate.flow.step import Step
from solidgate.flow.write_back import target_in
from solidgate.ports import Access
from solidgate.run.delivery import DeliveryRow
from solidgate.run.signpost import Around, Change, Kept, Kind, Lead, Listed, planned

_log = structlog.get_logger()


async def lead_to(step: Step, row: DeliveryRow) -> Lead | None:
    """The intents for the signposts of a result that is about to be published.

    None when only the long way can tell. Whatever is wrong here, it meets after the result stands.
    """
    try:
        return await _lead_to(step, row)
    except Exception as fault:  # noqa: BLE001 - the result comes first
        # Its kind alone: what it says may name a pod.
        _log.info("lead.not-planned", run=step.run.run_id, kind=type(fault).__name__)
        return None


async def _lead_to(step: Step, row: DeliveryRow) -> Lead | None:
    async with step.world.store.at_once() as steps:
        around = await steps.around(step.held)
    terms = {one.record.agreement_digest for one in around.earlier} | {step.record.agreement_digest}
    if not around.is_settled or terms != {step.run.agreement_digest}:
        return None
    listed = _listed(step, around, row)
    changes = [change for kind in Kind if (change := _change(step, around, kind, listed)) is not None]
    return Lead(around.place, tuple(changes), step.world.clock.now() + PATIENCE)


def _listed(step: Step, around: Around, row: DeliveryRow) -> tuple[Listed, ...]:
    """The earlier results with the new one, oldest first."""
    container = step.record.result_container
    found = [
        _entry(step, one.record, target_in(container, one.run_id, one.record.consent_id), one.at, one.invalid)
        for one in around.earlier
    ]
    found.append(_entry(step, step.record, row.delivery.target, row.planned, None))
    return tuple(sorted(found, key=lambda one: (one.at, one.url)))


def _entry(step: Step, record: ConsentRecord, url: str, at: datetime, invalid: datetime | None) -> Listed:
    purpose = step.agreement.purpose(record.purpose)
    title = purpose.title.get(step.record.notice_language) or purpose.id
    return Listed(url, purpose.id, title, at, record.iri, invalid)


def _change(step: Step, around: Around, kind: Kind, listed: Sequence[Listed]) -> Change | None:
    """The next intent for one of them; none when it is left alone."""
    record, space_id, agreement = step.record, step.run.space_id, step.agreement
    container, language = record.result_container, record.notice_language
    title = agreement.title.get(language, agreement.space)
    content = written.content(kind, container, space_id, title, language, listed)
    target, before = written.address(container, space_id, kind), around.kept.get(kind)
    sign = planned(None if before is None else before.sign, kind, target, content, sha256_of(content))
    return None if before is not None and sign == before.sign else Change(sign, before)


async def follow(step: Step, access: Access, lead: Lead | None, signed: Sequence[Kept]) -> None:
    """Bring what was planned with the publication; the long way when nothing was, or others came between."""
    if lead is None or not signed:
        await signpost.after_result(step, access)
        return
    spot = Spot(step.world, access, step.person_id, step.run.space_id, lead.place, step)
    with suppress(SolidgateError):  # the result stands; what is missing here stays planned
        await _follow(step, spot, signed)


async def _follow(step: Step, spot: Spot, signed: Sequence[Kept]) -> None:
    """Send each, then record all that the pod took and give the lease back at once.

    The lease is kept where a write is in doubt: then it lapses by itself.
    """
    taken: list[tuple[Kept, str | None, datetime]] = []
    answered = await each_kind(spot, signed, lambda kept: _brought(spot, kept, taken))
    async with step.world.store.at_once() as steps:
        now, fence = step.world.clock.now(), step.fence if answered else None
        await steps.led(step.held, spot.place, taken, now, fence)
    step.given_back = answered


async def _brought(spot: Spot, kept: Kept, taken: list[tuple[Kept, str | None, datetime]]) -> None:
    """One of them; what one request brought is to be recorded yet. Raises pod faults."""
    fault: PodFault | None = None
    if kept.sign.is_certain:
        try:
            etag = await certain(spot, kept.sign)
        except PodFault as refusal:
            fault = refusal
        else:
            taken.append((kept, etag, spot.next_look(kept.sign.kind, spot.world.clock.now())))
            return
    await bring(spot, kept.sign.kind, fault)
