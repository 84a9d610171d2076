"""One login under way, the session it leads to, and a clock that stands still: for stores of logins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from solidgate.identity import jose
from solidgate.identity.dpop import DpopAccess
from solidgate.identity.login import AuthorizationRequest, Session
from solidgate.ports import LoginStore

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
WEBID = "https://alice.pod.example/profile/card#me"
ISSUER = "https://idp.example/"

REQUEST = AuthorizationRequest(
    issuer=ISSUER,
    client_id="https://gate.example/client",
    redirect_uri="https://gate.example/callback",
    state="state-1",
    nonce="nonce-1",
    code_verifier="verifier-1",
    dpop_key=dict(jose.generate_key().private_jwk),
    return_to="/me",
    expected_webid=WEBID,
    created=NOW,
)


@dataclass
class SetClock:
    """A clock that stands where the test puts it."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Where it stands."""
        return self.at

    def monotonic(self) -> float:
        """The same in seconds."""
        return self.at.timestamp()


def sample_session() -> Session:
    """Of half a day, with an access whose token is ``canary-token``."""
    access = DpopAccess(WEBID, "canary-token", jose.generate_key(), NOW + timedelta(hours=1), lambda: "jti")
    return Session("cookie-secret", "person-1", WEBID, ISSUER, access, NOW, NOW + timedelta(hours=12))


async def began(logins: LoginStore) -> Session:
    """The same of somebody whom the store knows, kept there."""
    person_id = await logins.person_for(WEBID, ISSUER, "alice", NOW)
    session = replace(sample_session(), person_id=person_id)
    await logins.put_session(session)
    return session
