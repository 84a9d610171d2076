"""The ID tokens of the awkward issuer: right ones, and one for each way of being wrong.

Pure functions of the quirks that are switched on, so that other doubles can make the same tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from solidgate.identity import jose, strict_json
from solidgate.testing.quirks import Quirk


def id_claims(
    quirks: Collection[Quirk], *, issuer: str, webid: str, asked: Mapping[str, str], token: str, now: datetime
) -> dict[str, Any]:
    """The claims for what was ``asked`` (``client_id`` and ``nonce``), issued with the access ``token``.

    OpenID Connect Core, sections 2 and 3.1.3.6.
    """
    seconds = int(now.timestamp())
    digest = hashlib.sha256(token.encode()).digest()
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": asked["client_id"],
        "azp": asked["client_id"],
        "sub": webid,
        "webid": webid,
        "nonce": asked["nonce"],
        "at_hash": strict_json.encode_base64url(digest[:16]),
        "iat": seconds,
        "exp": seconds + 300,
    }
    for quirk, changes in _changed_by(seconds, asked["client_id"]).items():
        if quirk in quirks:
            claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


def signed(quirks: Collection[Quirk], key: jose.SigningKey, claims: Mapping[str, Any]) -> str:
    """The token, signed with the issuer's ``key`` or as a quirk says."""
    header: dict[str, Any] = {"typ": "JWT", "kid": key.kid}
    if Quirk.ALG_NONE in quirks:
        return _unsigned({"alg": "none"}, claims)
    if Quirk.ALG_HS256 in quirks:
        return _hmac_signed(header, claims, strict_json.compact_json(key.public_jwk))
    if Quirk.UNKNOWN_KID in quirks:
        header["kid"] = "another"
    if Quirk.ID_TOKEN_OF_ANOTHER_KIND in quirks:
        header["typ"] = "at+jwt"
    if Quirk.KEY_IN_HEADER in quirks:
        stranger = jose.generate_key("ES256")
        return stranger.sign(header | {"jwk": dict(stranger.bare_jwk)}, claims)
    if Quirk.SIGNED_BY_STRANGER in quirks:
        return jose.generate_key("ES256").sign(header, claims)
    return key.sign(header, claims)


def _changed_by(now: int, client: str) -> dict[Quirk, dict[str, Any]]:
    """What each quirk changes in the ID token; nothing means that the claim is left out."""
    day = int(timedelta(days=1).total_seconds())
    return {
        Quirk.ID_TOKEN_OTHER_ISS: {"iss": "https://other.example/"},
        Quirk.OTHER_AUDIENCE: {"aud": "another-client", "azp": None},
        Quirk.FOREIGN_AUDIENCE_TOO: {"aud": [client, "another-client"]},
        Quirk.SOLID_AUDIENCE_TOO: {"aud": [client, "solid"]},
        Quirk.OTHER_AZP: {"azp": "another-client"},
        Quirk.OTHER_NONCE: {"nonce": "another"},
        Quirk.WITHOUT_NONCE: {"nonce": None},
        Quirk.EXPIRED: {"iat": now - 280, "exp": now - 120},
        Quirk.WITHOUT_EXP: {"exp": None},
        Quirk.IAT_IN_FUTURE: {"iat": now + day, "exp": now + 2 * day},
        Quirk.IAT_IN_MILLISECONDS: {"iat": now * 1000, "exp": now * 1000 + 300_000},
        Quirk.IAT_LONG_AGO: {"iat": now - day},
        Quirk.OTHER_AT_HASH: {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        Quirk.WITHOUT_SUB: {"sub": None},
        Quirk.WITHOUT_WEBID: {"webid": None},
        Quirk.WEBID_IS_NO_ADDRESS: {"webid": "alice"},
        Quirk.FOREIGN_WEBID: {"webid": "http://127.0.0.1:9/people/victim#me"},
    }


def _unsigned(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(strict_json.encode_base64url(part) for part in parts)


def _hmac_signed(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    """The old confusion: the public key, used as if it were a shared secret."""
    signed = _unsigned({**header, "alg": "HS256"}, claims).rpartition(".")[0]
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{strict_json.encode_base64url(mac)}"
