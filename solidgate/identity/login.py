"""Login with a Solid identity: the values that travel between browser, issuer and us, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solidgate.ports import Access


@dataclass(frozen=True, slots=True)
class IssuerMetadata:
    """What login needs of the discovery document (OIDC Discovery section 3), checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    registration_endpoint: str | None = None
    end_session_endpoint: str | None = None
    iss_parameter_supported: bool = True
    webid_scope: bool = True


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One login in flight, kept server side under ``state`` until its single use."""

    issuer: str
    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    code_verifier: str
    dpop_key: Mapping[str, str]
    return_to: str
    expected_webid: str | None
    created: datetime
    client_secret: str | None = None

    def __repr__(self) -> str:
        return f"AuthorizationRequest({self.issuer})"


@dataclass(frozen=True, slots=True)
class TokenReply:
    """The token endpoint's answer; ``token_type`` was checked to be DPoP."""

    access_token: str
    id_token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"TokenReply(expires_in={self.expires_in})"


@dataclass(frozen=True, slots=True)
class Registration:
    """Our dynamic registration at an issuer (RFC 7591), kept so that it is made once."""

    issuer: str
    client_id: str
    client_secret: str | None = None

    def __repr__(self) -> str:
        return f"Registration({self.issuer})"


@dataclass(frozen=True, slots=True)
class Session:
    """A person's logged-in state. Built only by ``flow.login``.

    ``session_id`` is the secret in the cookie; the store keeps its hash and seals the rest under a key
    derived from it, so that a copy of the database holds no usable token. ``access`` signs requests to the
    person's own pod as the person, and ends with the token.
    """

    session_id: str
    person_id: str
    webid: str
    issuer: str
    access: Access
    created: datetime
    expires: datetime

    def __repr__(self) -> str:
        return f"Session({self.person_id})"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the API: a WebID proved by a token or a session; ``client_id`` is a hint, never a right."""

    webid: str
    client_id: str = ""

    def __repr__(self) -> str:
        return "Caller()"


@dataclass(frozen=True, slots=True)
class IssuerChoice:
    """The profile names several issuers, so the person chooses; each address byte for byte."""

    webid: str
    issuers: tuple[str, ...]

    def __repr__(self) -> str:
        return f"IssuerChoice({len(self.issuers)} issuers)"


@dataclass(frozen=True, slots=True)
class Began:
    """A login has begun: send the browser to ``redirect_to``."""

    redirect_to: str

    def __repr__(self) -> str:
        return "Began()"
