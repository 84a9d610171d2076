"""Everything the store holds about one person: found, read out whole, and removed.

``OF_PERSON`` and ``OF_NOBODY`` together name every table, and every column of the first is either plain, in
``SEALED`` or in ``WITHHELD``: a test walks the metadata, so that no new table escapes export and erasure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters import sealing
from solidgate.adapters.sql import locks
from solidgate.adapters.sql import tables as t
from solidgate.adapters.sql.codec import decode
from solidgate.adapters.sql.people import People
from solidgate.errors import ConsentNotFound, SealBroken
from solidgate.identity.login import AuthorizationRequest


@dataclass(frozen=True, slots=True)
class Whose:
    """The ids under which rows are a person's."""

    person_id: str
    consents: Sequence[str]
    requests: Sequence[str]
    names: Sequence[str]
    logins: Sequence[bytes]


Row = sa.Row[tuple[object, ...]]
Rule = Callable[[Whose], sa.ColumnElement[bool]]
_objects = sa.cast(t.audit.c.entry, sa.dialects.postgresql.JSONB)["objects"]


def _named(whose: Whose) -> sa.ColumnElement[bool]:
    return _objects.op("?|")(sa.cast(list(whose.names), ARRAY(sa.Text)))


# In the order in which rows may be removed.
OF_PERSON: Mapping[sa.Table, Rule] = {
    t.hints: lambda whose: t.hints.c.channel_id.in_(
        sa.select(t.channels.c.channel_id).where(t.channels.c.consent_id.in_(whose.consents))
    ),
    t.channels: lambda whose: t.channels.c.consent_id.in_(whose.consents),
    t.topics: lambda whose: t.topics.c.consent_id.in_(whose.consents),
    t.looks: lambda whose: t.looks.c.consent_id.in_(whose.consents),
    t.reruns: lambda whose: t.reruns.c.consent_id.in_(whose.consents),
    t.watches: lambda whose: t.watches.c.consent_id.in_(whose.consents),
    t.leases: lambda whose: t.leases.c.consent_id.in_(whose.consents),
    t.withdrawals: lambda whose: t.withdrawals.c.person_id == whose.person_id,
    t.door_events: lambda whose: t.door_events.c.consent_id.in_(whose.consents),
    t.doors: lambda whose: t.doors.c.consent_id.in_(whose.consents),
    t.receipts: lambda whose: t.receipts.c.consent_id.in_(whose.consents),
    t.consent_events: lambda whose: t.consent_events.c.consent_id.in_(whose.consents),
    t.notices: lambda whose: t.notices.c.request_id.in_(whose.requests),
    t.pulls: lambda whose: t.pulls.c.consent_id.in_(whose.consents),
    t.deliveries: lambda whose: t.deliveries.c.consent_id.in_(whose.consents),
    t.signposts: lambda whose: t.signposts.c.person_id == whose.person_id,
    t.derived: lambda whose: t.derived.c.person_id == whose.person_id,
    t.steps: lambda whose: t.steps.c.consent_id.in_(whose.consents),
    t.parts: lambda whose: t.parts.c.person_id == whose.person_id,
    t.consents: lambda whose: t.consents.c.person_id == whose.person_id,
    t.requests: lambda whose: t.requests.c.person_id == whose.person_id,
    t.login_events: lambda whose: t.login_events.c.person_id == whose.person_id,
    t.sessions: lambda whose: t.sessions.c.person_id == whose.person_id,
    t.logins: lambda whose: t.logins.c.state_hash.in_(whose.logins),
    t.audit: _named,
    t.people: lambda whose: t.people.c.person_id == whose.person_id,
}

OF_NOBODY: Mapping[sa.Table, str] = {
    t.registrations: "ours at an issuer, for everybody who logs in there",
    t.proofs: "hashes of random ids",
    t.spaces: "of organisations",
    t.space_keys: "of spaces",
    t.agreements: "of organisations",
    t.algorithms: "of organisations",
    t.approvals: "of organisations",
    t.invitations: "made before anybody followed them",
    t.runs: "of organisations; who took part stands in parts",
    t.aggregates: "about groups; released, and in nobody's name",
    t.workers: "of processes",
    t.erasures: "keyed digests of ids that stand nowhere else any more",
}

# What each sealed value is bound to; the same words as where it is sealed.
SEALED: Mapping[sa.Column[object], Callable[[Row], str]] = {
    t.people.c.webid_sealed: lambda row: f"webid:{row.person_id}",
    t.requests.c.request_sealed: lambda row: f"request:{row.request_id}",
    t.notices.c.notice_sealed: lambda row: f"notice:{row.digest}",
    t.consents.c.record_sealed: lambda row: f"consent:{row.consent_id}",
    t.consent_events.c.event_sealed: lambda row: f"event:{row.consent_id}:{row.sequence}",
    t.receipts.c.receipt_sealed: lambda row: f"receipt:{row.consent_id}:{row.sequence}",
    t.receipts.c.pod_url_sealed: lambda row: f"receipt-url:{row.consent_id}:{row.sequence}",
    t.doors.c.access_sealed: lambda row: f"door:{row.consent_id}",
    t.login_events.c.event_sealed: lambda row: f"login-event:{row.event_id}",
    t.deliveries.c.delivery_sealed: lambda row: f"delivery:{row.run_id}:{row.consent_id}",
    t.signposts.c.signpost_sealed: lambda row: f"signpost:{row.space_id}:{row.place}:{row.kind}",
    t.derived.c.content_sealed: lambda row: f"derived:{row.consent_id}",
    t.topics.c.seen_sealed: lambda row: f"topic:{row.consent_id}:{row.number}",
    t.pulls.c.tags_sealed: lambda row: f"pull:{row.consent_id}",
}

WITHHELD: Mapping[sa.Column[object], str] = {
    t.people.c.identity_digest: "a keyed digest, to find the person at the next login",
    t.people.c.webid_digest: "a keyed digest, to count the person once",
    t.people.c.key_sealed: "the key that the other values are sealed under",
    t.sessions.c.session_hash: "would let a reader of the file guess at the session",
    t.sessions.c.session_sealed: "only the session's own cookie opens it",
    t.logins.c.state_hash: "guards a login under way",
    t.logins.c.browser_hash: "guards a login under way",
    t.logins.c.request_sealed: "holds the secrets of a login under way",
    t.channels.c.secret_hash: "stands for the secret address of a channel",
    t.channels.c.channel_sealed: "whoever reads it could end the channel, or forge a notification",
    t.hints.c.hint_hash: "made with the secret address of a channel",
    t.audit.c.salt: "keeps the entry from being guessed by its leaf",
}


@dataclass(frozen=True, slots=True)
class Persons:
    """The whole of one person, in one transaction."""

    connection: AsyncConnection
    people: People

    async def whose(self, person_id: str) -> Whose:
        """The person's ids. Raises ``ConsentNotFound`` when there is nobody."""
        webid = await self.people.webid(person_id)
        mine = sa.select(t.consents.c.consent_id).where(t.consents.c.person_id == person_id)
        asked = sa.select(t.requests.c.request_id, t.requests.c.space_id).where(
            t.requests.c.person_id == person_id
        )
        consents = tuple((await self.connection.execute(mine)).scalars())
        rows = (await self.connection.execute(asked)).all()
        requests = tuple(row.request_id for row in rows)
        names = (self.people.pseudonym(person_id, row.space_id) for row in rows)
        logins = await self._logins(webid)
        return Whose(person_id, consents, requests, (*consents, *requests, *dict.fromkeys(names)), logins)

    async def _logins(self, webid: str) -> tuple[bytes, ...]:
        """Logins under way that name the WebID; one that another key sealed is nobody's."""
        found = []
        for row in await self.connection.execute(sa.select(t.logins)):
            try:
                content = sealing.unseal(self.people.keys.login, row.request_sealed, "login")
            except SealBroken:
                continue
            if decode(AuthorizationRequest, content).expected_webid == webid:
                found.append(bytes(row.state_hash))
        return tuple(found)

    async def held(self, person_id: str) -> dict[str, tuple[dict[str, object], ...]]:
        """Every row about the person by table, with sealed values opened and ``WITHHELD`` ones left out."""
        whose = await self.whose(person_id)
        found = {}
        for table, rule in OF_PERSON.items():
            query = sa.select(table).where(rule(whose)).order_by(*table.primary_key.columns)
            rows = (await self.connection.execute(query)).all()
            found[table.name] = tuple([await self._opened(person_id, table, row) for row in rows])
        return found

    async def _opened(self, person_id: str, table: sa.Table, row: Row) -> dict[str, object]:
        opened: dict[str, object] = {}
        for column in table.columns:
            value = getattr(row, column.name)
            if column in WITHHELD:
                continue
            if column in SEALED and value is not None:
                content = await self.people.unseal(person_id, value, SEALED[column](row))
                opened[column.name.removesuffix("_sealed")] = _text(content)
            elif column is t.audit.c.entry:
                opened[column.name] = _text(value.encode())
            else:
                opened[column.name.removesuffix("_sealed")] = _plain(value)
        return opened

    async def lock(self, person_id: str) -> bool:
        """Keep everybody else from the person's rows until the transaction ends; false when they are gone.

        In the order of every other writer (``locks.ORDER``), which is not the one in which rows may go.
        """
        query = sa.select(t.people.c.person_id).where(t.people.c.person_id == person_id).with_for_update()
        if (await self.connection.execute(query)).scalar_one_or_none() is None:
            return False
        whose = await self.whose(person_id)
        for table in locks.ORDER:
            if table in OF_PERSON and table is not t.people:
                await self.connection.execute(locks.locked(table, OF_PERSON[table](whose)))
        return True

    async def remove(self, person_id: str) -> dict[str, int]:
        """Destroy the key and remove every row; of audit entries the bare leaf stays. Counts by table."""
        whose = await self.whose(person_id)
        await self.connection.execute(sa.text("SET LOCAL solidgate.erasing = 'on'"))
        await self._forget_in_jobs(whose)
        counts = {}
        for table, rule in OF_PERSON.items():
            if table is t.audit:
                statement: sa.Update | sa.Delete = sa.update(table).values(entry=None, salt=None)
            else:
                statement = sa.delete(table)
            counts[table.name] = (await self.connection.execute(statement.where(rule(whose)))).rowcount
        await self.connection.execute(sa.text("SET LOCAL solidgate.erasing = 'off'"))
        return counts

    async def _forget_in_jobs(self, whose: Whose) -> None:
        """Take the person's consents out of jobs; a job without anybody left does nothing."""
        await self.connection.execute(
            sa.text(
                "UPDATE procrastinate_jobs SET args = jsonb_set(args, '{consents}',"
                " (args -> 'consents') - CAST(:ids AS text[]))"
                " WHERE jsonb_typeof(args -> 'consents') = 'array' AND (args -> 'consents') ?| :ids"
            ),
            {"ids": list(whose.consents)},
        )

    async def entomb(self, tombstone: bytes, now: datetime) -> None:
        """Remember that an erasure was done; its pages are swept later."""
        await self.connection.execute(sa.insert(t.erasures).values(tombstone=tombstone, at=now))

    async def named(self, webid: str) -> tuple[str, ...]:
        """The ids of everybody with this WebID: one for each account. Opens every row."""
        ids = (await self.connection.execute(sa.select(t.people.c.person_id))).scalars().all()
        return tuple([one for one in ids if await self.people.webid(one) == webid])

    async def exists(self, person_id: str) -> bool:
        """Whether there is such a person."""
        try:
            await self.people.key(person_id)
        except ConsentNotFound:
            return False
        return True


def _text(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
