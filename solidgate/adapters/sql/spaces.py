"""Spaces, their agreements, programs, approvals and invitations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.tables import agreements, algorithms, approvals, invitations, spaces
from solidgate.algorithm.approval import Approval
from solidgate.errors import AlgorithmNotFound, InvitationInvalid, SpaceExists, SpaceNotFound
from solidgate.space.agreement import Agreement, digest, from_json, to_json
from solidgate.space.invitation import Invitation, token_hash
from solidgate.space.participant import Role

_REMEMBERED = 256
_read: dict[str, Agreement] = {}


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """A space as stored: ``state`` is ``open`` or ``closed``."""

    space_id: str
    state: str
    agreement_digest: str


@dataclass(frozen=True, slots=True)
class Spaces:
    """The spaces of one transaction."""

    connection: AsyncConnection

    async def create(self, space_id: str, agreement: Agreement, now: datetime) -> str:
        """A new space under its first agreement; the agreement's digest. Raises ``SpaceExists``."""
        agreement_digest = digest(agreement)
        values = {"space_id": space_id, "state": "open", "agreement_digest": agreement_digest, "created": now}
        statement = insert(spaces).values(values).on_conflict_do_nothing().returning(spaces.c.space_id)
        if (await self.connection.execute(statement)).scalar_one_or_none() is None:
            raise SpaceExists(space_id)
        await self._keep(space_id, agreement, agreement_digest, now)
        return agreement_digest

    async def publish(self, space_id: str, agreement: Agreement, now: datetime) -> str:
        """The next version of the agreement becomes current; earlier ones stay."""
        agreement_digest = digest(agreement)
        await self._keep(space_id, agreement, agreement_digest, now)
        await self.connection.execute(
            sa.update(spaces).where(spaces.c.space_id == space_id).values(agreement_digest=agreement_digest)
        )
        return agreement_digest

    async def _keep(self, space_id: str, agreement: Agreement, agreement_digest: str, now: datetime) -> None:
        values = {
            "digest": agreement_digest,
            "space_id": space_id,
            "version": agreement.version,
            "body": to_json(agreement).decode(),
            "created": now,
        }
        try:
            async with self.connection.begin_nested():
                await self.connection.execute(sa.insert(agreements).values(values))
        except IntegrityError as fault:
            raise SpaceExists(f"version {agreement.version} of {space_id} was published before") from fault

    async def close(self, space_id: str) -> None:
        """No new request, answer or run."""
        await self.connection.execute(
            sa.update(spaces).where(spaces.c.space_id == space_id).values(state="closed")
        )

    async def one(self, space_id: str, *, lock: bool = False) -> SpaceRow:
        """The space; ``lock`` keeps its current agreement still until the transaction ends."""
        query = sa.select(spaces).where(spaces.c.space_id == space_id)
        if lock:
            query = query.with_for_update(read=True)
        row = (await self.connection.execute(query)).one_or_none()
        if row is None:
            raise SpaceNotFound()
        return SpaceRow(row.space_id, row.state, row.agreement_digest)

    async def ids(self, state: str) -> tuple[str, ...]:
        """The ids of all spaces in a state, sorted."""
        query = sa.select(spaces.c.space_id).where(spaces.c.state == state).order_by(spaces.c.space_id)
        return tuple((await self.connection.execute(query)).scalars())

    async def agreement(self, agreement_digest: str) -> Agreement:
        """The agreement with this digest. Raises ``SpaceNotFound``.

        What is named by its digest never changes, so one that was read once is not read again.
        """
        if agreement_digest in _read:
            return _read[agreement_digest]
        query = sa.select(agreements.c.body).where(agreements.c.digest == agreement_digest)
        body = (await self.connection.execute(query)).scalar_one_or_none()
        if body is None:
            raise SpaceNotFound(agreement_digest)
        if len(_read) >= _REMEMBERED:
            _read.clear()
        return _read.setdefault(agreement_digest, from_json(body.encode()))

    async def agreed(self, agreement_digest: str) -> datetime:
        """Since when there are these terms. Raises ``SpaceNotFound``."""
        query = sa.select(agreements.c.created).where(agreements.c.digest == agreement_digest)
        created: datetime | None = (await self.connection.execute(query)).scalar_one_or_none()
        if created is None:
            raise SpaceNotFound(agreement_digest)
        return created

    async def agreements(self, space_id: str) -> frozenset[str]:
        """The digests of all agreements that the space ever had."""
        query = sa.select(agreements.c.digest).where(agreements.c.space_id == space_id)
        return frozenset((await self.connection.execute(query)).scalars())

    async def submit(self, space_id: str, program: str, package: bytes, by: str, now: datetime) -> None:
        """Keep a package under its digest; the same one again changes nothing."""
        values = {
            "space_id": space_id,
            "digest": program,
            "package": package,
            "submitted_by": by,
            "created": now,
        }
        await self.connection.execute(insert(algorithms).values(values).on_conflict_do_nothing())

    async def package(self, space_id: str, program: str) -> bytes:
        """The bytes of a submitted package. Raises ``AlgorithmNotFound``."""
        query = sa.select(algorithms.c.package).where(
            algorithms.c.space_id == space_id, algorithms.c.digest == program
        )
        package = (await self.connection.execute(query)).scalar_one_or_none()
        if package is None:
            raise AlgorithmNotFound(program)
        return bytes(package)

    async def approve(self, approval: Approval) -> None:
        """Append one approval or rejection."""
        values = {
            "space_id": approval.space,
            "agreement_digest": approval.agreement_digest,
            "algorithm_digest": approval.algorithm_digest,
            "role": approval.role.value,
            "webid": approval.webid,
            "decision": approval.decision,
            "at": approval.at,
        }
        await self.connection.execute(sa.insert(approvals).values(values))

    async def approvals(self, space_id: str) -> tuple[Approval, ...]:
        """All approvals of a space, oldest first."""
        query = sa.select(approvals).where(approvals.c.space_id == space_id).order_by(approvals.c.approval_id)
        rows = await self.connection.execute(query)
        return tuple(
            Approval(
                space=row.space_id,
                agreement_digest=row.agreement_digest,
                algorithm_digest=row.algorithm_digest,
                role=Role(row.role),
                webid=row.webid,
                decision=row.decision,
                at=row.at,
            )
            for row in rows
        )

    async def invite(self, invitation: Invitation) -> None:
        """Keep an invitation; the token itself is not stored."""
        values = {
            "token_hash": bytes.fromhex(invitation.token_hash),
            "space_id": invitation.space_id,
            "uses_left": invitation.uses or None,
            "expires": invitation.ends,
        }
        await self.connection.execute(sa.insert(invitations).values(values))

    async def invited_to(self, token: str, now: datetime, *, use: bool = False, used_up: bool = False) -> str:
        """The space of a valid invitation; ``use`` takes one of its uses. Raises ``InvitationInvalid``.

        ``used_up`` also takes one without uses left, which still leads its guests back until its end.
        """
        valid = sa.and_(
            invitations.c.token_hash == bytes.fromhex(token_hash(token)),
            invitations.c.expires > now,
            sa.or_(sa.literal(used_up), invitations.c.uses_left.is_(None), invitations.c.uses_left > 0),
        )
        if use:
            statement: sa.Executable = (
                sa.update(invitations)
                .where(valid)
                .values(uses_left=invitations.c.uses_left - 1)
                .returning(invitations.c.space_id)
            )
        else:
            statement = sa.select(invitations.c.space_id).where(valid)
        space_id = (await self.connection.execute(statement)).scalar_one_or_none()
        if space_id is None:
            raise InvitationInvalid()
        return str(space_id)
