"""Spaces: made, shown, changed by a new version, closed; programs submitted and approved by the parties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solidgate.algorithm.approval import Approval, missing_roles, require_approved
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.pack import unpack
from solidgate.audit.entry import Action, AuditEntry, Outcome
from solidgate.consent.record import Reason
from solidgate.errors import AlgorithmInvalid, RoleMissing, SpaceClosed, TermsUnknown
from solidgate.flow import revoke as revoking
from solidgate.flow.world import World
from solidgate.identity.login import Caller
from solidgate.space.agreement import Agreement
from solidgate.space.characters import check_characters
from solidgate.space.participant import Role

if TYPE_CHECKING:
    from solidgate.adapters.sql.store import Transaction

_APPROVERS = (Role.OWNER, Role.CODE_PROVIDER, Role.DATA_CONSUMER)


@dataclass(frozen=True, slots=True)
class SpaceView:
    """A space as everybody may see it; ``missing`` names what still lacks an approval."""

    space_id: str
    iri: str
    title: Mapping[str, str]
    state: str
    agreement: Agreement
    agreement_digest: str
    agent: str
    approvals: tuple[Approval, ...]
    missing: tuple[str, ...]


async def create(world: World, agreement: Agreement) -> str:
    """A new space under its first agreement; its id. Raises ``SpaceExists SpaceInvalid``."""
    check_characters(agreement)
    now = world.clock.now()
    async with world.store.transaction() as tx:
        digest = await tx.spaces.create(agreement.space, agreement, now)
        await tx.trail.append(_entry(world, Action.SPACE_CREATED, "operator", agreement.space, digest))
    return agreement.space


async def publish(world: World, space_id: str, agreement: Agreement) -> str:
    """A new version of the agreement; its digest. Consents to earlier versions are revoked: ask anew.

    Raises ``SpaceNotFound SpaceInvalid``.
    """
    check_characters(agreement)
    now = world.clock.now()
    async with world.store.transaction() as tx:
        await tx.spaces.one(space_id)
        digest = await tx.spaces.publish(space_id, agreement, now)
        await tx.trail.append(_entry(world, Action.AGREEMENT_PUBLISHED, "operator", space_id, digest))
        await revoking.promise(world, tx, space_id, Reason.TERMS_CHANGED)
    await revoking.revoke(world, space_id, Reason.TERMS_CHANGED)
    return digest


async def close(world: World, space_id: str) -> None:
    """Nothing new is asked, decided or run; every consent in it is revoked."""
    async with world.store.transaction() as tx:
        await tx.spaces.one(space_id)
        await tx.spaces.close(space_id)
        await tx.trail.append(_entry(world, Action.SPACE_CLOSED, "operator", space_id))
        await revoking.promise(world, tx, space_id, Reason.SPACE_CLOSED)
    await revoking.revoke(world, space_id, Reason.SPACE_CLOSED)


async def show(world: World, space_id: str) -> SpaceView:
    """The space under its current agreement. Raises ``SpaceNotFound``."""
    async with world.store.transaction() as tx:
        return await view(world, tx, space_id)


async def all_open(world: World) -> tuple[SpaceView, ...]:
    """All open spaces, by id."""
    async with world.store.transaction() as tx:
        return tuple([await view(world, tx, space_id) for space_id in await tx.spaces.ids("open")])


async def view(world: World, tx: Transaction, space_id: str) -> SpaceView:
    """The space, inside a transaction that is open already."""
    row = await tx.spaces.one(space_id)
    agreement = await tx.spaces.agreement(row.agreement_digest)
    approvals = await tx.spaces.approvals(space_id)
    return SpaceView(
        space_id=space_id,
        iri=world.space_iri(space_id),
        title=agreement.title,
        state=row.state,
        agreement=agreement,
        agreement_digest=row.agreement_digest,
        agent=world.agent(space_id),
        approvals=approvals,
        missing=tuple(missing_roles(agreement, row.agreement_digest, approvals)),
    )


async def submit_algorithm(world: World, caller: Caller, space_id: str, package: bytes) -> str:
    """Keep the code provider's package; its digest must be the one that the agreement names."""
    now = world.clock.now()
    async with world.store.transaction() as tx:
        space = await view(world, tx, space_id)
        require_role(space, caller, Role.CODE_PROVIDER)
        program = unpack(package)
        if program.digest != space.agreement.algorithm:
            raise AlgorithmInvalid(f"the agreement names {space.agreement.algorithm}, not {program.digest}")
        await tx.spaces.submit(space_id, program.digest, package, caller.webid, now)
        actor = Role.CODE_PROVIDER.value
        await tx.trail.append(_entry(world, Action.ALGORITHM_SUBMITTED, actor, space_id, program.digest))
    return program.digest


async def approve(
    world: World,
    caller: Caller,
    space_id: str,
    agreement_digest: str,
    algorithm_digest: str,
    decision: str,
) -> Approval:
    """Record a party's yes or no to exactly these two digests, for every role that it has.

    A no after everybody's yes recalls the program: consents under this agreement are revoked.
    Raises ``TermsUnknown AlgorithmNotFound RoleMissing SpaceClosed``.
    """
    now = world.clock.now()
    async with world.store.transaction() as tx:
        space = await view(world, tx, space_id)
        require_open(space)
        roles = require_role(space, caller, *_APPROVERS)
        await _require_terms(tx, space_id, agreement_digest, algorithm_digest)
        approvals = [
            Approval(space_id, agreement_digest, algorithm_digest, role, caller.webid, decision, now)
            for role in roles
        ]
        for approval in approvals:
            await tx.spaces.approve(approval)
        action = Action.ALGORITHM_APPROVED if decision == "approve" else Action.ALGORITHM_REJECTED
        entry = _entry(world, action, roles[0].value, space_id, agreement_digest, algorithm_digest)
        await tx.trail.append(entry)
        recalled = decision != "approve" and not space.missing and _is_current(space, approvals[0])
        if recalled:
            await revoking.promise(world, tx, space_id, Reason.CODE_RECALLED, digest=agreement_digest)
    if recalled:
        await revoking.revoke(world, space_id, Reason.CODE_RECALLED, digest=agreement_digest)
    return approvals[0]


async def _require_terms(tx: Transaction, space_id: str, agreement: str, program: str) -> None:
    if agreement not in await tx.spaces.agreements(space_id):
        raise TermsUnknown()
    if (await tx.spaces.agreement(agreement)).algorithm != program:
        raise TermsUnknown()
    await tx.spaces.package(space_id, program)


def _is_current(space: SpaceView, approval: Approval) -> bool:
    current = (space.agreement_digest, space.agreement.algorithm)
    return (approval.agreement_digest, approval.algorithm_digest) == current


async def algorithm(world: World, space_id: str) -> Program:
    """The program that the current agreement names. Raises ``AlgorithmNotFound``."""
    async with world.store.transaction() as tx:
        row = await tx.spaces.one(space_id)
        agreement = await tx.spaces.agreement(row.agreement_digest)
        return unpack(await tx.spaces.package(space_id, agreement.algorithm))


async def approved_program(tx: Transaction, space_id: str, agreement_digest: str) -> Program:
    """The program of an agreement, only when all its parties approved exactly this pair of digests.

    Raises ``AlgorithmNotApproved AlgorithmNotFound AlgorithmChanged``: the bytes are hashed again here.
    """
    agreement = await tx.spaces.agreement(agreement_digest)
    require_approved(agreement, agreement_digest, await tx.spaces.approvals(space_id))
    package = await tx.spaces.package(space_id, agreement.algorithm)
    return unpack(package, expected=agreement.algorithm)


def require_role(space: SpaceView, caller: Caller, *roles: Role) -> tuple[Role, ...]:
    """Those of ``roles`` that the caller has in the space. Raises ``RoleMissing`` when none."""
    for party in space.agreement.parties:
        held = tuple(role for role in roles if role in party.roles)
        if party.webid == caller.webid and held:
            return held
    raise RoleMissing(" or ".join(role.value for role in roles))


def require_open(space: SpaceView) -> None:
    """Raises ``SpaceClosed``."""
    if space.state != "open":
        raise SpaceClosed(space.space_id)


def _entry(world: World, action: Action, actor: str, *objects: str) -> AuditEntry:
    return AuditEntry(action=action, at=world.clock.now(), actor=actor, objects=objects, outcome=Outcome.DONE)
