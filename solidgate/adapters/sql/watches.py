"""Watched consents and their channels; addresses in a pod are sealed for their person."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.bucket import TAKE
from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.locks import locked
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.tables import channels, consents, hints, proofs, topics, watches
from solidgate.adapters.sql.unreadable import readable
from solidgate.consent.status import ConsentStatus
from solidgate.errors import ChannelUnknown
from solidgate.pod.notification import Channel, ChannelKind
from solidgate.run.watch import ChannelRow, WatchRow

_HOLDING = consents.c.status.in_([ConsentStatus.GIVEN.value, ConsentStatus.RENEWED.value])


@dataclass(frozen=True, slots=True)
class Watches:
    """The watched consents of one transaction."""

    connection: AsyncConnection
    people: People

    async def begin(self, consent_id: str, space_id: str, now: datetime, next_look: datetime) -> bool:
        """Watch a consent; false when it is watched already."""
        values = {"consent_id": consent_id, "space_id": space_id, "next_look": next_look, "next_try": now}
        statement = insert(watches).values(values).on_conflict_do_nothing()
        made = await self.connection.execute(statement.returning(watches.c.consent_id))
        return made.scalar_one_or_none() is not None

    async def one(self, consent_id: str) -> WatchRow | None:
        """The watch of a consent, locked; none is an answer."""
        query = sa.select(watches).where(watches.c.consent_id == consent_id).with_for_update()
        row = (await self.connection.execute(query)).one_or_none()
        return None if row is None else WatchRow(row.consent_id, row.space_id, row.tries)

    async def is_watched(self, consent_id: str) -> bool:
        """Whether there is a watch; not locked."""
        query = sa.select(watches.c.consent_id).where(watches.c.consent_id == consent_id)
        return (await self.connection.execute(query)).scalar_one_or_none() is not None

    async def progress(self, consent_id: str) -> int:
        """How many documents were seen and channels made: it grows as long as a slow pod lets it."""
        counts = [
            sa.select(sa.func.count()).where(table.c.consent_id == consent_id).scalar_subquery()
            for table in (channels, topics)
        ]
        return int((await self.connection.execute(sa.select(counts[0] + counts[1]))).scalar_one())

    async def tried(self, consent_id: str, next_try: datetime, tries: int, problem: str | None) -> None:
        """How a subscription went, and when to see to it again."""
        values = {"next_try": next_try, "tries": tries, "problem": problem}
        await self.connection.execute(
            sa.update(watches).where(watches.c.consent_id == consent_id).values(values)
        )

    async def end(self, consent_id: str) -> None:
        """Watch it no longer; its channels are gone with it."""
        for table in (watches, channels):
            await self.connection.execute(locked(table, table.c.consent_id == consent_id))
        own = sa.select(channels.c.channel_id).where(channels.c.consent_id == consent_id)
        await self.connection.execute(sa.delete(hints).where(hints.c.channel_id.in_(own)))
        for table in (channels, topics, watches):
            await self.connection.execute(sa.delete(table).where(table.c.consent_id == consent_id))

    async def unwatched(self, agreements: Sequence[str], now: datetime, limit: int) -> Mapping[str, str]:
        """Consent to space, of those that hold under these agreements and are not watched."""
        query = (
            sa.select(consents.c.consent_id, consents.c.space_id)
            .outerjoin(watches, watches.c.consent_id == consents.c.consent_id)
            .where(
                consents.c.agreement_digest.in_(agreements),
                _HOLDING,
                consents.c.until > now,
                watches.c.consent_id.is_(None),
            )
            .order_by(consents.c.consent_id)
            .limit(limit)
        )
        return {row.consent_id: row.space_id for row in await self.connection.execute(query)}

    async def left_behind(self, limit: int) -> Mapping[str, str]:
        """Consent to space, of those that ended, are watched no more, and left a channel or what was seen."""
        left = sa.union(sa.select(channels.c.consent_id), sa.select(topics.c.consent_id)).subquery()
        query = (
            sa.select(consents.c.consent_id, consents.c.space_id)
            .join(left, left.c.consent_id == consents.c.consent_id)
            .outerjoin(watches, watches.c.consent_id == consents.c.consent_id)
            .where(sa.not_(_HOLDING), watches.c.consent_id.is_(None))
            .order_by(consents.c.consent_id)
            .limit(limit)
        )
        return {row.consent_id: row.space_id for row in await self.connection.execute(query)}

    async def to_see_to(self, now: datetime, until: datetime, limit: int) -> tuple[str, ...]:
        """Watches to subscribe, renew or end, each claimed until ``until``; the longest waiting first."""
        ended = sa.or_(sa.not_(_HOLDING), consents.c.until <= now)
        query = (
            sa.select(watches.c.consent_id)
            .join(consents, consents.c.consent_id == watches.c.consent_id)
            .where(sa.or_(watches.c.next_try <= now, sa.and_(ended, watches.c.next_try > until)))
            .order_by(watches.c.next_try)
            .limit(limit)
            .with_for_update(of=watches, skip_locked=True)
        )
        found = tuple((await self.connection.execute(query)).scalars())
        await self._claim(found, watches.c.next_try, until)
        return found

    async def to_look_at(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Watches whose documents are to be looked at, the longest waiting first, whatever their space."""
        query = (
            sa.select(watches.c.consent_id)
            .where(watches.c.next_look <= now)
            .order_by(watches.c.next_look)
            .limit(limit)
        )
        return tuple((await self.connection.execute(query)).scalars())

    async def look_next(self, consent_id: str, at: datetime, due: datetime | None = None) -> bool:
        """When to look again although nothing was told; false when ``due`` is given and it is not due yet."""
        which = watches.c.consent_id == consent_id
        if due is not None:
            which = sa.and_(which, watches.c.next_look <= due)
        changed = sa.update(watches).where(which).values(next_look=at)
        return (await self.connection.execute(changed)).rowcount == 1

    async def _claim(self, ids: Sequence[str], column: sa.Column[object], until: datetime) -> None:
        statement = sa.update(watches).where(watches.c.consent_id.in_(ids)).values({column.name: until})
        await self.connection.execute(statement)

    # --- channels -----------------------------------------------------------------------------------

    async def keep(self, row: ChannelRow, secret: str, tokens: float, now: datetime) -> None:
        """A new channel; ``secret`` is the unguessable part of its address and stands here as a hash."""
        values = {
            "channel_id": row.channel_id,
            "consent_id": row.consent_id,
            "number": row.number,
            "kind": row.channel.kind.value,
            "secret_hash": _hash(secret),
            "channel_sealed": await self.people.seal(
                row.person_id, encode(row.channel), f"channel:{row.channel_id}"
            ),
            "tokens": tokens,
            "filled": now,
            "ends": row.channel.ends,
        }
        await self.connection.execute(sa.insert(channels).values(values))

    async def drop(self, channel_id: str) -> None:
        """Forget a channel."""
        await self.connection.execute(locked(channels, channels.c.channel_id == channel_id))
        for table in (hints, channels):
            await self.connection.execute(sa.delete(table).where(table.c.channel_id == channel_id))

    async def channels(self, consent_id: str) -> tuple[ChannelRow, ...]:
        """The channels of a consent."""
        return await self._rows(channels.c.consent_id == consent_id)

    async def of_person(self, person_id: str) -> tuple[ChannelRow, ...]:
        """The channels of a person."""
        return await self._rows(consents.c.person_id == person_id)

    async def by_secret(self, secret: str) -> ChannelRow:
        """The channel that this address belongs to. Raises ``ChannelUnknown``."""
        rows = await self._rows(channels.c.secret_hash == _hash(secret))
        if not rows:
            raise ChannelUnknown()
        return rows[0]

    async def take(self, channel_id: str, now: datetime, per_minute: float, burst: float) -> float:
        """Count one notification in; 0 when it may pass, else the seconds until one may."""
        values = {"channel": channel_id, "now": now, "per_minute": per_minute, "burst": burst}
        had = (await self.connection.execute(TAKE, values)).scalar_one_or_none()
        if had is None:
            raise ChannelUnknown()
        return 0.0 if had >= 1.0 else max(1.0, (1.0 - float(had)) * 60.0 / per_minute)

    async def first_proof(self, proof_id: str, until: datetime) -> bool:
        """True exactly once for each proof, in this very transaction."""
        values = {"proof_hash": _hash(proof_id), "until": until}
        kept = insert(proofs).values(values).on_conflict_do_nothing().returning(proofs.c.proof_hash)
        return (await self.connection.execute(kept)).scalar_one_or_none() is not None

    async def first_hint(self, channel_id: str, key: bytes, until: datetime) -> bool:
        """True exactly once for each (channel, object, state)."""
        values = {"channel_id": channel_id, "hint_hash": key, "until": until}
        kept = insert(hints).values(values).on_conflict_do_nothing().returning(hints.c.hint_hash)
        return (await self.connection.execute(kept)).scalar_one_or_none() is not None

    async def forget_hints(self, now: datetime) -> None:
        """Remove what can no longer be a repetition; what somebody else holds is left for the next time."""
        key = sa.tuple_(hints.c.channel_id, hints.c.hint_hash)
        old = sa.select(*hints.primary_key.columns).where(hints.c.until <= now)
        await self.connection.execute(sa.delete(hints).where(key.in_(old.with_for_update(skip_locked=True))))

    async def claim_sockets(
        self, kind: ChannelKind, now: datetime, until: datetime, held: Sequence[str], limit: int
    ) -> tuple[ChannelRow, ...]:
        """Channels to listen on, nobody else's until ``until``; those ``held`` already are held on."""
        free = sa.or_(channels.c.held_until.is_(None), channels.c.held_until <= now)
        mine = channels.c.channel_id.in_(list(held))
        query = (
            sa.select(channels.c.channel_id)
            .join(consents, consents.c.consent_id == channels.c.consent_id)
            .where(channels.c.kind == kind.value, _HOLDING, consents.c.until > now, sa.or_(mine, free))
            .order_by(sa.case((mine, 0), else_=1), channels.c.channel_id)
            .limit(limit)
            .with_for_update(of=channels, skip_locked=True)
        )
        found = tuple((await self.connection.execute(query)).scalars())
        chosen = channels.c.channel_id.in_(found)
        await self.connection.execute(sa.update(channels).where(chosen).values(held_until=until))
        return await self._rows(chosen)

    async def _rows(self, which: sa.ColumnElement[bool]) -> tuple[ChannelRow, ...]:
        query = (
            sa.select(channels, consents.c.person_id)
            .join(consents, consents.c.consent_id == channels.c.consent_id)
            .where(which)
            .order_by(channels.c.number, channels.c.channel_id)
        )
        rows = (await self.connection.execute(query)).all()
        # One that does not open can neither be used nor ended at its pod: it lapses there by itself.
        found = [await readable("channel", row.channel_id, self._row(row)) for row in rows]
        return tuple(row for row in found if row is not None)

    async def _row(self, row: sa.Row[tuple[object, ...]]) -> ChannelRow:
        content = await self.people.unseal(row.person_id, row.channel_sealed, f"channel:{row.channel_id}")
        return ChannelRow(row.channel_id, row.consent_id, row.person_id, row.number, decode(Channel, content))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
