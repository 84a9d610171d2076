"""Which access protocol a pod's server speaks, and what its services say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from solidgate.errors import FetchUnexpected
from solidgate.pod.credential import CREDENTIALS, INRUPT
from solidgate.pod.origin import same_origin

VC_PROFILE = "https://www.w3.org/TR/vc-data-model/#json-ld"
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
IDENTITY_PROFILE = "http://openid.net/specs/openid-connect-core-1_0.html#IDToken"


class ServerKind(StrEnum):
    """``SOLID``: access control lists of the Solid Protocol. ``ESS_2``: UMA and grants. ``ESS_3``: token
    exchange and grants as receipts."""

    SOLID = "solid"
    ESS_2 = "ess-2"
    ESS_3 = "ess-3"

    @property
    def by_grant(self) -> bool:
        """Whether the owner opens the door on an access page, by a grant."""
        return self is not ServerKind.SOLID


@dataclass(frozen=True, slots=True)
class Platform:
    """One deployment: the kind, and the origins of its services that its storage was seen to name.

    ``authorization`` is the UMA server (2.x) or the token endpoint (3.x).
    """

    kind: ServerKind
    authorization: str = ""
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class UmaServer:
    """What matters of ``uma2-configuration``."""

    token_endpoint: str
    credential_issuer: str
    profiles: frozenset[str]


@dataclass(frozen=True, slots=True)
class GrantService:
    """What matters of ``vc-configuration``; ``context`` is the newest one that the issuer lists."""

    issue: str
    verify: str
    status: str
    context: str


def read_uma_server(document: Mapping[str, Any], as_uri: str) -> UmaServer:
    """The endpoints, all on the server's own origin. Raises ``FetchUnexpected``."""
    endpoint, issuer = document.get("token_endpoint"), document.get("issuer")
    if not isinstance(endpoint, str) or not same_origin(endpoint, as_uri):
        raise FetchUnexpected("the authorization server has no token endpoint of its own")
    if not isinstance(issuer, str) or issuer.rstrip("/") != as_uri.rstrip("/"):
        raise FetchUnexpected("the authorization server calls itself otherwise")
    profiles = document.get("uma_profiles_supported")
    listed = frozenset(one for one in profiles if isinstance(one, str)) if isinstance(profiles, list) else ()
    named = document.get("verifiable_credential_issuer")
    return UmaServer(endpoint, named if isinstance(named, str) else "", frozenset(listed))


def read_grant_service(document: Mapping[str, Any], issuer: str) -> GrantService:
    """The endpoints, all on the issuer's own origin. Raises ``FetchUnexpected``."""
    found = [document.get(f"{name}Service") for name in ("issuer", "verifier", "status")]
    issue, verify, status = (
        one if isinstance(one, str) and same_origin(one, issuer) else "" for one in found
    )
    if not issue or not verify or not status:
        raise FetchUnexpected("the grant service does not name its own endpoints")
    contexts = document.get("@context")
    listed = contexts if isinstance(contexts, list) else [contexts]
    own = [one for one in listed if isinstance(one, str) and one != CREDENTIALS and same_origin(one, issuer)]
    context = next((one for one in (*INRUPT, *own) if one in listed), INRUPT[-1])
    return GrantService(issue, verify, status, context)


def read_exchange(document: Mapping[str, Any], issuer: str) -> str:
    """The token endpoint of a server that exchanges tokens (RFC 8414, RFC 8693); empty for one that does not.

    Raises ``FetchUnexpected`` when it calls itself otherwise, or has its endpoint elsewhere.
    """
    grants, endpoint = document.get("grant_types_supported"), document.get("token_endpoint")
    if not isinstance(grants, list) or EXCHANGE_GRANT not in grants:
        return ""
    named = document.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise FetchUnexpected("the authorization server calls itself otherwise")
    if not isinstance(endpoint, str) or not same_origin(endpoint, issuer):
        raise FetchUnexpected("the authorization server has no token endpoint of its own")
    return endpoint


def access_page_link(page: str, request_id: str, callback: str) -> str:
    """Where the owner approves a request, and where their browser comes back to."""
    scheme, netloc, path, query, _ = urlsplit(page)
    ours = urlencode({"requestVcUrl": request_id, "redirectUrl": callback})
    return urlunsplit((scheme, netloc, path, f"{query}&{ours}" if query else ours, ""))
