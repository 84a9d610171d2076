"""Unchanged: when nothing that decides a result has changed, the earlier one stands, and nothing is read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from importlib.metadata import version

from solidgate.algorithm.manifest import Program
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.decide import ActiveConsent
from solidgate.errors import EpochPassed, PodDisputed
from solidgate.flow.pull import PulledDocuments, Unchanged, pull, pull_changed
from solidgate.flow.step import Step
from solidgate.flow.write_back import read_back
from solidgate.pod.door import Door
from solidgate.pod.etag import changed
from solidgate.ports import Access
from solidgate.run.delivery import Earlier
from solidgate.run.state import PartState
from solidgate.space.canonical import canonical_json


async def pulled_unless_unchanged(
    step: Step, program: Program, active: ActiveConsent, access: Access, door: Door, optional: Collection[str]
) -> PulledDocuments | None:
    """One person's documents; none when the part has ended, because the earlier result stands.

    Same errors as ``pull``.
    """
    world, wanted = step.world, active.resources
    earlier = await _earlier(step, program, active)
    known = earlier.tags if earlier else {}
    found = await pull_changed(world, active, access, wanted, door, known, optional=optional)
    if isinstance(found, PulledDocuments):
        return found
    assert earlier is not None  # only what is known can be unchanged
    if await _is_in_the_pod(step, access, earlier) and await _kept(step, found):
        return None
    return await pull(world, active, access, wanted, door, optional=optional)


def memory(step: Step, program: Program, pulled: PulledDocuments) -> Earlier | None:
    """What to keep of how the planned result was made; none where the pod cannot be asked about all of it."""
    tags: dict[str, str | None] = dict.fromkeys(pulled.skipped)
    tags.update({one.url: one.etag for one in pulled.documents})
    askable = all(changed(one.etag) for one in pulled.documents)
    if program.manifest.uses_now or not pulled.documents or not askable:
        return None
    return Earlier(step.run.run_id, fingerprint(step, program, step.first), tags)


def fingerprint(step: Step, program: Program, active: ActiveConsent) -> str:
    """A digest of everything but the documents that decides a result, or where it goes."""
    decides = {
        "algorithm": program.digest,
        "agreement": step.run.agreement_digest,
        "epoch": active.epoch,
        "purpose": active.purpose,
        "resources": list(active.resources),
        "container": active.result_container,
        "solidgate": version("solidgate"),
    }
    return hashlib.sha256(canonical_json(decides)).hexdigest()


async def _earlier(step: Step, program: Program, active: ActiveConsent) -> Earlier | None:
    if program.manifest.uses_now:
        return None
    async with step.world.store.transaction() as tx:
        same = fingerprint(step, program, active)
        return await tx.pulls.earlier(step.person_id, step.consent_id, same)


async def _is_in_the_pod(step: Step, access: Access, earlier: Earlier) -> bool:
    """A result that is gone, or not ours any more, is made anew beside it."""
    async with step.world.store.transaction() as tx:
        row = await tx.results.planned(step.person_id, earlier.run_id, step.consent_id)
    if row is None:
        return False
    try:
        return await read_back(step.world, access, row.delivery, row.sha256) is not None
    except PodDisputed:
        return False


async def _kept(step: Step, found: Unchanged) -> bool:
    """End the part, in the transaction that decides once more; false when nothing is published any more."""
    now, run_id = step.world.clock.now(), step.run.run_id
    objects = (run_id, step.consent_id, f"resources:{found.count}")
    async with step.world.store.transaction() as tx:
        await step.recheck(tx)
        if not await tx.pulls.carry(step.consent_id, run_id):
            return False
        await tx.trail.append(AuditEntry(Action.RESULT_KEPT, now, "enclave", objects, Outcome.DONE))
        ended = await tx.runs.advance(run_id, step.consent_id, PartState.UNCHANGED, now)
        if not ended:
            raise EpochPassed()  # somebody ended the part meanwhile
    return True
