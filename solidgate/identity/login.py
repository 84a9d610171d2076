"""Login with a Solid identity: the values that travel between browser, issuer and us, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


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
