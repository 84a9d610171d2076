"""What login keeps: requests in flight, sessions, registrations, used proofs (``ports.LoginStore``)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters import sealing
from solidgate.adapters.recent_sessions import Kept, RecentSessions
from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.login_events import LoginEvent
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.sql.tables import logins, proofs, registrations, sessions
from solidgate.errors import (
    LoginExpired,
    LoginRefused,
    LoginStateUnknown,
    SessionExpired,
    StoreUnavailable,
    TooManyRequests,
)
from solidgate.identity.dpop import DpopAccess
from solidgate.identity.login import AuthorizationRequest, Registration, Session
from solidgate.ports import Clock


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


_NOTED_AFTER = timedelta(seconds=5)
_KeptSession = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class SqlLogins:
    """``ports.LoginStore`` on PostgreSQL. Secrets are kept as hashes; what they protect is sealed."""

    store: SqlStore
    clock: Clock
    pending: timedelta
    idle: timedelta
    most_pending: int = 100_000
    recent: RecentSessions = field(default_factory=RecentSessions, repr=False)

    async def put_login(self, request: AuthorizationRequest, browser: str) -> None:
        """Keep a login under its state."""
        key = self.store.keys.login
        values = {
            "state_hash": _hash(request.state),
            "browser_hash": _hash(browser),
            "request_sealed": sealing.seal(key, encode(request), "login"),
            "expires": self.clock.now() + self.pending,
        }
        async with self.store.transaction() as tx:
            await self._refuse_flood(tx.connection)
            await tx.connection.execute(sa.insert(logins).values(values))

    async def _refuse_flood(self, connection: AsyncConnection) -> None:
        # Old ones are never pushed out early: then a flood would end the logins of others.
        some = sa.select(sa.literal(1)).select_from(logins).limit(self.most_pending).subquery()
        pending = (await connection.execute(sa.select(sa.func.count()).select_from(some))).scalar_one()
        if pending >= self.most_pending:
            raise TooManyRequests(f"login.max_pending = {self.most_pending}")

    async def take_login(self, state: str, browser: str) -> AuthorizationRequest:
        """Delete and return in one statement: two callbacks with one state cannot both succeed."""
        taken = (
            sa.delete(logins)
            .where(logins.c.state_hash == _hash(state), logins.c.browser_hash == _hash(browser))
            .returning(logins.c.request_sealed, logins.c.expires)
        )
        async with self.store.transaction() as tx:
            found = (await tx.connection.execute(taken)).one_or_none()
        if found is None:
            raise LoginStateUnknown()
        request = self._opened(found.request_sealed)
        if found.expires <= self.clock.now():
            late = LoginExpired(f"at most {self.pending} (login.pending_minutes)")
            late.return_to = request.return_to
            raise late
        return request

    async def return_to_of(self, browser: str) -> str | None:
        """Read only: the login stays open for its own callback."""
        query = sa.select(logins.c.request_sealed).where(logins.c.browser_hash == _hash(browser))
        async with self.store.transaction() as tx:
            latest = query.order_by(logins.c.expires.desc()).limit(1)
            sealed = (await tx.connection.execute(latest)).scalar_one_or_none()
        return None if sealed is None else self._opened(sealed).return_to

    def _opened(self, sealed: bytes) -> AuthorizationRequest:
        return decode(AuthorizationRequest, sealing.unseal(self.store.keys.login, sealed, "login"))

    async def registration(self, issuer: str) -> Registration | None:
        """Our registration at an issuer, if we made one."""
        query = sa.select(registrations.c.registration_sealed).where(registrations.c.issuer == issuer)
        async with self.store.transaction() as tx:
            sealed = (await tx.connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            return None
        return decode(Registration, sealing.unseal(self.store.keys.login, sealed, f"registration:{issuer}"))

    async def put_registration(self, registration: Registration) -> None:
        """Keep it; a newer one replaces an older."""
        issuer = registration.issuer
        sealed = sealing.seal(self.store.keys.login, encode(registration), f"registration:{issuer}")
        statement = insert(registrations).values(issuer=issuer, registration_sealed=sealed)
        statement = statement.on_conflict_do_update(
            index_elements=["issuer"], set_={"registration_sealed": sealed}
        )
        async with self.store.transaction() as tx:
            await tx.connection.execute(statement)

    async def forget_registration(self, issuer: str) -> None:
        """Forget it, because the issuer did."""
        async with self.store.transaction() as tx:
            await tx.connection.execute(sa.delete(registrations).where(registrations.c.issuer == issuer))

    async def first_use(self, proof_id: str, until: datetime) -> bool:
        """True for the first caller only; the row's primary key decides between two at once."""
        statement = insert(proofs).values(proof_hash=_hash(proof_id), until=until)
        kept = statement.on_conflict_do_nothing().returning(proofs.c.proof_hash)
        async with self.store.transaction() as tx:
            return (await tx.connection.execute(kept)).scalar_one_or_none() is not None

    async def person_for(self, webid: str, issuer: str, subject: str, now: datetime) -> str:
        """The person's id."""
        async with self.store.transaction() as tx:
            return await tx.people.ensure(webid, issuer, subject, now)

    async def put_session(self, session: Session) -> None:
        """Keep it sealed under a key that only the cookie's holder can make, and that somebody logged in.

        Raises ``LoginRefused``.
        """
        values: dict[str, Any] = {
            "session_hash": _hash(session.session_id),
            "person_id": session.person_id,
            "session_sealed": sealing.seal(
                _session_key(session.session_id), _KeptSession.dump_json(_kept(session)), "session"
            ),
            "created": session.created,
            "seen": session.created,
            "expires": session.expires,
        }
        async with self.store.transaction() as tx:
            if not await tx.login_events.stays(session.person_id):
                raise LoginRefused("the person was erased while they logged in")
            await tx.login_events.append(session.person_id, LoginEvent.BEGAN, session.created)
            await tx.connection.execute(sa.insert(sessions).values(values))
        kept = Kept(session.person_id, values["session_sealed"], session.expires, session.created)
        self.recent.keep(values["session_hash"], kept)

    async def session(self, session_id: str, now: datetime) -> Session:
        """The session while it lives, both by its absolute end and by its idle limit. It reads only.

        Its use is noted apart: whoever may read, and not write, has a session to withdraw with.
        """
        key = _hash(session_id)
        query = sa.select(sessions).where(sessions.c.session_hash == key, sessions.c.expires > now)
        async with self.store.transaction() as tx:
            row = (await tx.connection.execute(query)).one_or_none()
        # What this process has seen of it may not be written yet.
        seen = max(row.seen, self.recent.seen(key, row.seen)) if row is not None else None
        if row is None or seen is None or seen <= now - self.idle:
            self.recent.forget(key)
            raise SessionExpired()
        self.recent.keep(key, Kept(row.person_id, bytes(row.session_sealed), row.expires, max(seen, now)))
        if now - row.seen >= _NOTED_AFTER:
            self.recent.later(key, self._note(key, now))
        return _opened(session_id, row.session_sealed)

    def recent_session(self, session_id: str, now: datetime) -> Session:
        """One that this process saw in use not long ago; for a withdrawal while the store is away."""
        kept = self.recent.find(_hash(session_id))
        if kept is None or kept.expires <= now or kept.seen <= now - self.idle:
            raise SessionExpired()
        return _opened(session_id, kept.sealed)

    async def _note(self, key: bytes, now: datetime) -> None:
        noted = sa.update(sessions).where(sessions.c.session_hash == key, sessions.c.seen < now)
        with suppress(StoreUnavailable):
            async with self.store.transaction() as tx:
                await tx.connection.execute(noted.values(seen=now))

    async def end_session(self, session_id: str) -> None:
        """End it; ending an ended one is fine."""
        self.recent.forget(_hash(session_id))
        async with self.store.transaction() as tx:
            await tx.connection.execute(
                sa.delete(sessions).where(sessions.c.session_hash == _hash(session_id))
            )

    async def log_out(self, session: Session) -> None:
        """End it, and keep that its person did so; doing it twice is fine, and kept once."""
        key = _hash(session.session_id)
        self.recent.forget(key)
        async with self.store.transaction() as tx:
            await tx.login_events.stays(session.person_id)  # before the session's row, as an erasure does
            ended = sa.delete(sessions).where(sessions.c.session_hash == key).returning(sessions.c.person_id)
            if (await tx.connection.execute(ended)).scalar_one_or_none() is not None:
                await tx.login_events.append(session.person_id, LoginEvent.ENDED, self.clock.now())

    def forget_person(self, person_id: str) -> None:
        """Nothing of this person stays in the memory of this process."""
        self.recent.forget_person(person_id)

    async def purge(self) -> None:
        """Remove what is past its time."""
        now = self.clock.now()
        async with self.store.transaction() as tx:
            await tx.connection.execute(sa.delete(logins).where(logins.c.expires <= now))
            await tx.connection.execute(sa.delete(proofs).where(proofs.c.until <= now))
            await tx.connection.execute(
                sa.delete(sessions).where(
                    sa.or_(sessions.c.expires <= now, sessions.c.seen <= now - self.idle)
                )
            )


def _session_key(session_id: str) -> bytes:
    return sealing.derive(session_id.encode(), "session")


def _opened(session_id: str, sealed: bytes) -> Session:
    kept = sealing.unseal(_session_key(session_id), sealed, "session")
    return _restored(session_id, _KeptSession.validate_json(kept))


def _kept(session: Session) -> dict[str, Any]:
    access = session.access
    assert isinstance(access, DpopAccess)  # flow.login builds no other kind
    return {
        "person_id": session.person_id,
        "issuer": session.issuer,
        "access": access.to_record(),
        "created": session.created.isoformat(),
        "expires": session.expires.isoformat(),
    }


def _restored(session_id: str, kept: Mapping[str, Any]) -> Session:
    access = DpopAccess.from_record(kept["access"], fresh=lambda: secrets.token_urlsafe(16))
    return Session(
        session_id=session_id,
        person_id=kept["person_id"],
        webid=access.webid,
        issuer=kept["issuer"],
        access=access,
        created=datetime.fromisoformat(kept["created"]),
        expires=datetime.fromisoformat(kept["expires"]),
    )
