"""Who calls the API: a Solid-OIDC access token and its DPoP proof, checked as a resource server does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from solidgate.errors import NoIssuer, PodFault, ProofInvalid, TokenInvalid
from solidgate.flow.world import World
from solidgate.identity import access_token, dpop
from solidgate.identity.login import Caller
from solidgate.identity.webid import names_issuer


async def authenticate(
    world: World, method: str, url: str, authorization: Sequence[str], proofs: Sequence[str]
) -> Caller:
    """The WebID that the token proves, or a refusal.

    ``url`` is our own public address of the resource (never from ``Host``); the two sequences hold all
    values of their headers. Raises ``TokenInvalid ProofInvalid ProofNonceNeeded``; a profile or issuer that
    cannot be asked is ``TokenInvalid`` too, because then nothing is proved.
    """
    now = world.clock.now()
    # 1. exactly one of each header, scheme DPoP
    token, proof = access_token.credentials(authorization, proofs)
    # 2. and 3. the proof: form, key, signature, claims
    verified_proof = _verified_proof(world, method, url, token, proof, now)
    # 4. and 5. the token's form, times, binding, and addresses that may be asked
    presented = _presented(world, token, verified_proof.jkt, now)
    # 6. the profile names the issuer; 7. the issuer's key signed the token
    verified = await _asked(world, presented)
    # 8. the proof was not seen before; a store that cannot tell raises, so this fails closed
    if not await world.logins.first_use(verified_proof.proof_id, verified_proof.replay_until):
        raise ProofInvalid("it was used before")
    # 9. the client is only as good as its issuer's word: a hint, never a right
    return Caller(verified.webid, verified.client_id)


def proof_nonce(world: World) -> str:
    """The ``DPoP-Nonce`` that goes with a ``ProofNonceNeeded`` answer (RFC 9449 section 9)."""
    return dpop.server_nonces(_nonce_secret(world), world.clock.now())[0]


def _verified_proof(
    world: World, method: str, url: str, token: str, proof: str, now: datetime
) -> dpop.VerifiedProof:
    login = world.settings.login
    lenient = bool(login.accept_proof_without_ath) and (
        access_token.claimed_client(token) in login.accept_proof_without_ath
    )
    return dpop.verify_proof(
        proof,
        method=method,
        url=url,
        now=now,
        access_token=token,
        nonces=dpop.server_nonces(_nonce_secret(world), now) if login.require_proof_nonce else (),
        window=timedelta(seconds=login.proof_window_seconds),
        require_ath=not lenient,
    )


def _presented(world: World, token: str, jkt: str, now: datetime) -> access_token.Presented:
    login = world.settings.login
    return access_token.present(
        token,
        jkt=jkt,
        now=now,
        skew=timedelta(seconds=login.clock_skew_seconds),
        max_lifetime=timedelta(seconds=login.max_token_seconds),
        plain_http=bool(world.settings.http.allow_private_addresses),
    )


async def _asked(world: World, presented: access_token.Presented) -> access_token.VerifiedAccessToken:
    try:
        await _check_profile(world, presented.webid, presented.issuer)
        keys = await world.issuers.signing_keys(presented.issuer, presented.kid)
    except NoIssuer as fault:
        raise TokenInvalid(fault.detail) from fault
    except PodFault as fault:
        raise TokenInvalid("the profile or the issuer cannot be asked") from fault
    return access_token.verify(presented, keys)


async def _check_profile(world: World, webid: str, issuer: str) -> None:
    named = await world.issuers.issuers_of(webid)
    tolerant = world.settings.login.trailing_slash_tolerance
    if not names_issuer(named, issuer, slash_tolerance=tolerant):
        raise NoIssuer("the profile does not name the issuer of the token")


def _nonce_secret(world: World) -> bytes:
    """The same in each gate process, and of no use for anything else."""
    return hashlib.sha256(f"solidgate dpop nonce\n{world.receipt_key['d']}".encode()).digest()
