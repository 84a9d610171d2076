"""A ``ports.LoginStore`` in memory, for tests and small tools; it forgets everything with its process."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from solidgate.errors import LoginExpired, LoginStateUnknown, SessionExpired
from solidgate.identity.login import AuthorizationRequest, Registration, Session
from solidgate.ports import Clock


class MemoryLogins:
    """Implements ``ports.LoginStore``; each method is atomic because none of them waits."""

    def __init__(
        self,
        clock: Clock,
        *,
        pending: timedelta = timedelta(minutes=10),
        idle: timedelta = timedelta(minutes=30),
    ) -> None:
        self._clock = clock
        self._pending = pending
        self._idle = idle
        self._logins: dict[str, tuple[AuthorizationRequest, str]] = {}
        self._registrations: dict[str, Registration] = {}
        self._proofs: dict[str, datetime] = {}
        self._people: dict[tuple[str, str, str], str] = {}
        self._sessions: dict[str, tuple[Session, datetime]] = {}

    async def put_login(self, request: AuthorizationRequest, browser: str) -> None:
        """Keep a login under its state."""
        self._logins[request.state] = (request, browser)

    async def take_login(self, state: str, browser: str) -> AuthorizationRequest:
        """Take it out, once, for its own browser, in time."""
        request, owner = self._logins.get(state, (None, ""))
        if request is None or owner != browser:
            raise LoginStateUnknown
        del self._logins[state]
        if self._clock.now() - request.created >= self._pending:
            late = LoginExpired()
            late.return_to = request.return_to
            raise late
        return request

    async def return_to_of(self, browser: str) -> str | None:
        """Where the latest login of this browser was to lead."""
        found = [request.return_to for request, owner in self._logins.values() if owner == browser]
        return found[-1] if found else None

    async def registration(self, issuer: str) -> Registration | None:
        """Our registration there; none is an answer."""
        return self._registrations.get(issuer)

    async def put_registration(self, registration: Registration) -> None:
        """Keep a registration."""
        self._registrations[registration.issuer] = registration

    async def forget_registration(self, issuer: str) -> None:
        """Forget a registration."""
        self._registrations.pop(issuer, None)

    async def first_use(self, proof_id: str, until: datetime) -> bool:
        """True exactly once for each proof."""
        now = self._clock.now()
        self._proofs = {kept: end for kept, end in self._proofs.items() if end > now}
        if proof_id in self._proofs:
            return False
        self._proofs[proof_id] = until
        return True

    async def person_for(self, webid: str, issuer: str, subject: str, now: datetime) -> str:
        """The person's id, made on first sight."""
        return self._people.setdefault((webid, issuer, subject), f"person-{secrets.token_hex(8)}")

    async def put_session(self, session: Session) -> None:
        """Keep a session."""
        self._sessions[session.session_id] = (session, session.created)

    async def session(self, session_id: str, now: datetime) -> Session:
        """The session while it lives, by its absolute end and by its idle limit."""
        session, seen = self._sessions.get(session_id, (None, now))
        if session is None or now >= session.expires or now - seen >= self._idle:
            raise SessionExpired
        self._sessions[session_id] = (session, now)
        return session

    def recent_session(self, session_id: str, now: datetime) -> Session:
        """The session, without a note of its use."""
        session, seen = self._sessions.get(session_id, (None, now))
        if session is None or now >= session.expires or now - seen >= self._idle:
            raise SessionExpired
        return session

    def forget_person(self, person_id: str) -> None:
        """Forget the sessions of a person."""
        ended = [key for key, (session, _) in self._sessions.items() if session.person_id == person_id]
        for key in ended:
            del self._sessions[key]

    async def log_out(self, session: Session) -> None:
        """Forget a session."""
        self._sessions.pop(session.session_id, None)

    async def end_session(self, session_id: str) -> None:
        """Forget a session."""
        self._sessions.pop(session_id, None)
