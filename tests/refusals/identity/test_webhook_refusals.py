"""A webhook is believed only from the recorded sender: the form that is accepted, and each way it is not."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from solidgate.errors import ProofInvalid, SenderForeign, SolidgateError, TokenInvalid
from solidgate.identity import dpop, jose, webhook

SENDER = "https://pod.example/.notifications/WebhookChannel2023/webId"
SEND_TO = "https://gate.example/notifications/a-secret"
SERVER, OTHER = jose.generate_key("ES256"), jose.generate_key("ES256")
KEYS = [dict(SERVER.public_jwk)]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """One webhook, and what was recorded at subscription."""

    authorization: tuple[str, ...]
    dpop: tuple[str, ...]
    sender: str = SENDER
    send_to: str = SEND_TO
    now: datetime = NOW
    keys: tuple[Mapping[str, Any], ...] = tuple(KEYS)
    issuers: tuple[str, ...] = ("https://pod.example",)
    milliseconds: bool = False

    def check(self) -> dpop.VerifiedProof:
        sent = webhook.present(
            self.authorization,
            self.dpop,
            sender=self.sender,
            send_to=self.send_to,
            now=self.now,
            milliseconds=self.milliseconds,
        )
        return webhook.verify(sent, self.keys, self.issuers)


def token(key: jose.SigningKey = SERVER, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """As a Community Solid Server 7.2.0 makes it: no typ, azp and sub, 20 minutes, iss without a slash."""
    claims = {
        "webid": SENDER,
        "azp": SENDER,
        "sub": SENDER,
        "cnf": {"jkt": SERVER.kid},
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 1200,
        "aud": [SENDER, "solid"],
        "iss": "https://pod.example",
        "jti": secrets.token_hex(8),
    } | changes
    return key.sign({"kid": SERVER.kid, **(header or {})}, {k: v for k, v in claims.items() if v is not None})


def proof(key: jose.SigningKey = SERVER, *, url: str = SEND_TO, method: str = "POST", **changes: Any) -> str:
    claims = {
        "htm": method,
        "htu": url,
        "iat": int(NOW.timestamp()),
        "jti": secrets.token_hex(8),
    } | changes
    return key.sign({"typ": "dpop+jwt", "jwk": dict(key.bare_jwk)}, claims)


def call(token_: str | None = None, proof_: str | None = None, **changes: Any) -> Call:
    return replace(Call((f"DPoP {token_ or token()}",), (proof_ or proof(),)), **changes)


def in_milliseconds(**changes: Any) -> Call:
    """Before 7.2.0: milliseconds in token and proof, and no kid."""
    now = int(NOW.timestamp() * 1000)
    old = SERVER.sign({}, jose.parse(token(iat=now, exp=now + 1_200_000)).claims)
    return call(old, proof(iat=now), **changes)


GOOD: dict[str, Callable[[], Call]] = {
    "as it is": call,
    "a slash more in the sender's document": lambda: call(issuers=("https://pod.example/",)),
    "a slash more in the token": lambda: call(token(iss="https://pod.example/")),
    "only webid": lambda: call(token(azp=None, sub=None)),
    "two keys": lambda: call(keys=(*KEYS, dict(OTHER.public_jwk))),
    "milliseconds, by setting": lambda: in_milliseconds(milliseconds=True),
}
BAD: dict[str, tuple[Callable[[], Call], type[SolidgateError]]] = {
    "no token": (lambda: call(authorization=()), TokenInvalid),
    "two tokens": (lambda: call(authorization=("DPoP a", "DPoP b")), TokenInvalid),
    "bearer": (lambda: call(authorization=(f"Bearer {token()}",)), TokenInvalid),
    "no proof": (lambda: call(dpop=()), TokenInvalid),
    "another pod's valid token": (
        lambda: call(token(webid="https://other.example/w", azp=None, sub=None)),
        SenderForeign,
    ),
    "another sub": (lambda: call(token(sub="https://other.example/w")), SenderForeign),
    "another azp": (lambda: call(token(azp="https://other.example/w")), SenderForeign),
    "an issuer that the sender does not name": (
        lambda: call(token(iss="https://other.example")),
        SenderForeign,
    ),
    "two slashes": (lambda: call(issuers=("https://pod.example//",)), SenderForeign),
    "another address": (lambda: call(proof_=proof(url=SEND_TO + "x")), ProofInvalid),
    "another channel's address": (lambda: call(send_to=SEND_TO + "other"), ProofInvalid),
    "another method": (lambda: call(proof_=proof(method="GET")), ProofInvalid),
    "an old proof": (lambda: call(now=NOW + timedelta(seconds=61)), ProofInvalid),
    "an expired token": (lambda: call(token(exp=int(NOW.timestamp()) - 61)), TokenInvalid),
    "a token for hours": (lambda: call(token(exp=int(NOW.timestamp()) + 7200)), TokenInvalid),
    "aud without solid": (lambda: call(token(aud=[SENDER])), TokenInvalid),
    "a token of another key": (lambda: call(token(OTHER)), TokenInvalid),
    "a key that the server does not publish": (
        lambda: call(keys=(dict(OTHER.public_jwk),)),
        TokenInvalid,
    ),
    "a proof of another key": (lambda: call(proof_=proof(OTHER)), TokenInvalid),
    "token and proof of another published key": (
        lambda: call(
            token(cnf={"jkt": OTHER.kid}),
            proof(OTHER),
            keys=(*KEYS, dict(OTHER.public_jwk)),
        ),
        TokenInvalid,
    ),
    "an ath of another token": (lambda: call(proof_=proof(ath=dpop.token_hash("x"))), ProofInvalid),
    "milliseconds": (in_milliseconds, ProofInvalid),
    "milliseconds, too old": (
        lambda: in_milliseconds(milliseconds=True, now=NOW + timedelta(minutes=5)),
        ProofInvalid,
    ),
    "no signature": (
        lambda: call(token().rpartition(".")[0] + "."),
        TokenInvalid,
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_recorded_sender_is_believed(name: str) -> None:
    assert GOOD[name]().check().jkt == SERVER.kid


@pytest.mark.parametrize("name", BAD)
def test_nobody_else_is(name: str) -> None:
    build, kind = BAD[name]
    with pytest.raises(kind):
        build().check()
