"""What an OpenID provider and a profile's server answer, read: faults by status, keys, registrations."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from solidgate.errors import (
    FetchUnexpected,
    IssuerDown,
    IssuerFault,
    IssuerNotFound,
    PodFault,
    ProfileClosed,
    ProfileNotFound,
    SignatureInvalid,
)
from solidgate.identity import jose, strict_json
from solidgate.identity.login import Registration
from solidgate.ports import Reply


def of_description(status: int) -> PodFault:
    """What an issuer's answer without its description means to somebody who logs in."""
    said = f"its description answers {status}"
    if status >= 500 or status == 429:
        return IssuerDown(said)
    return IssuerNotFound(said) if status >= 400 else IssuerFault(said)


def of_profile(status: int) -> PodFault:
    """The same for a profile. It is asked for without credentials, so 401 and 403 mean the same."""
    said = f"the profile answers {status}"
    kinds: Mapping[int, type[PodFault]] = {
        401: ProfileClosed,
        403: ProfileClosed,
        404: ProfileNotFound,
        410: ProfileNotFound,
    }
    return kinds.get(status, FetchUnexpected)(said)


def public_keys(document: Mapping[str, Any], limit: int) -> tuple[Mapping[str, Any], ...]:
    """The first keys of a set, without private or shared-secret material (RFC 7517 section 5)."""
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise IssuerFault("its key set has no keys")
    usable = (key for key in keys[:limit] if isinstance(key, dict) and key.get("kty") != "oct")
    return tuple(key for key in usable if key.keys().isdisjoint(jose.PRIVATE_MEMBERS))


def registration_of(issuer: str, reply: Reply) -> Registration:
    try:
        fields = strict_json.read(reply.content) if reply.status in (200, 201) else {}
    except SignatureInvalid as broken:
        raise IssuerFault("its registration does not answer JSON") from broken
    client_id, secret = fields.get("client_id"), fields.get("client_secret")
    if not isinstance(client_id, str) or not client_id:
        raise IssuerFault(f"its registration answers {reply.status} and gives no client_id")
    is_public = fields.get("token_endpoint_auth_method", "client_secretbasic") == "none"
    return Registration(issuer, client_id, None if is_public or not isinstance(secret, str) else secret)


def basic(client_id: str, secret: str) -> str:
    """RFC 6749 section 2.3.1: both parts form-encoded first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"
