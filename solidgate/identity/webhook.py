"""Webhooks signed with a DPoP-bound token (WebhookChannel2023 as the Community Solid Server sends it).

The specification asks only that the sender authenticates as the WebID that the subscription named; what is
checked here is what that server really sends. The body is not signed: it is a hint, and never news.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solidgate.errors import SenderForeign, SignatureInvalid, TokenInvalid
from solidgate.identity import access_token, dpop, jose
from solidgate.identity.webid import names_issuer


@dataclass(frozen=True, slots=True)
class Sent:
    """A webhook whose form, proof and claims are right, but whose issuer nobody has asked yet."""

    token: access_token.Presented
    proof: dpop.VerifiedProof

    @property
    def issuer(self) -> str:
        """Whose keys to ask for: of the pod's server, as the token spells it."""
        return self.token.issuer

    @property
    def kid(self) -> str | None:
        """Which of them."""
        return self.token.kid


def present(
    authorization: Sequence[str],
    proofs: Sequence[str],
    *,
    sender: str,
    send_to: str,
    now: datetime,
    window: timedelta = dpop.WINDOW,
    skew: timedelta = timedelta(seconds=60),
    max_lifetime: timedelta = timedelta(hours=1),
    plain_http: bool = False,
    milliseconds: bool = False,
) -> Sent:
    """Every check that needs no network. ``sender`` and ``send_to`` are what was recorded at subscription.

    ``milliseconds`` lets times of a Community Solid Server before 7.2.0 pass.
    Raises ``TokenInvalid ProofInvalid SenderForeign``.
    """
    # 1. exactly one of each header, scheme DPoP
    token, proof = access_token.credentials(authorization, proofs)
    # 2. the proof: typ, key, signature, htm POST, htu the registered address, iat; ath need not be there,
    #    because the server sends none, but one that is there must fit
    proved = dpop.verify_proof(
        proof,
        method="POST",
        url=send_to,
        now=now,
        access_token=token,
        window=window,
        require_ath=False,
        milliseconds=milliseconds,
    )
    # 3. the token: typ, alg, aud has solid, iat, exp, bound to the key of the proof, webid and iss addresses
    shown = access_token.present(
        token,
        jkt=proved.jkt,
        now=now,
        skew=skew,
        max_lifetime=max_lifetime,
        plain_http=plain_http,
        milliseconds=milliseconds,
    )
    # 4. it is the sender that the subscription named, in every claim that names one
    claims = shown.unverified.claims
    named = {shown.webid, *(claims[name] for name in ("sub", "azp") if isinstance(claims.get(name), str))}
    if named != {sender}:
        raise SenderForeign("webid, sub or azp is another")
    return Sent(shown, proved)


def check_issuer(sent: Sent, issuers: Collection[str], *, slash_tolerance: bool = True) -> None:
    """Before the issuer is asked for anything: anybody can write one in a token. Raises ``SenderForeign``."""
    if not names_issuer(issuers, sent.issuer, slash_tolerance=slash_tolerance):
        raise SenderForeign("the sender's document does not name the issuer")


def verify(
    sent: Sent,
    keys: Sequence[Mapping[str, Any]],
    issuers: Collection[str],
    *,
    slash_tolerance: bool = True,
) -> dpop.VerifiedProof:
    """The proof, once the issuer's ``keys`` and the sender's document (``issuers``) bear the token out.

    The caller asks the replay store afterwards (8: ``jti`` unseen). Raises ``TokenInvalid SenderForeign``.
    """
    # 5. the sender's document names the issuer, one trailing slash aside
    check_issuer(sent, issuers, slash_tolerance=slash_tolerance)
    # 6. a key of the issuer signed the token
    access_token.verify(sent.token, keys)
    # 7. and it is the very key of the proof
    try:
        used = jose.choose_key(sent.token.unverified.header, keys)
        same = hmac.compare_digest(jose.thumbprint(used), sent.proof.jkt)
    except SignatureInvalid as broken:
        raise TokenInvalid(broken.detail) from broken
    if not same:
        raise TokenInvalid("the proof is of another key than the token")
    return sent.proof
