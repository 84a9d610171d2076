"""Calling the API with a Solid-OIDC token: each mutation of token, proof and headers is refused."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from solidgate.errors import ProofInvalid, ProofNonceNeeded, SolidgateError, TokenInvalid
from solidgate.flow import caller
from solidgate.flow.world import World
from solidgate.identity import dpop, jose, strict_json
from solidgate.testing.issuer import AwkwardIssuer
from solidgate.testing.quirks import Quirk
from solidgate.testing.relying import relying_party

KEY = jose.generate_key("ES256")
STRANGER = jose.generate_key("ES256")


def now() -> datetime:
    return datetime.now(UTC)


def ago(**before: float) -> int:
    return int((now() - timedelta(**before)).timestamp())


@dataclass
class Call:
    """A good call, to be made bad in one place."""

    world: World
    issuer: AwkwardIssuer
    method: str = "GET"
    path: str = "spaces/s1/sparql"

    def __post_init__(self) -> None:
        self.url = self.world.public_url + self.path
        self.token = self.issuer.access_token(KEY)
        self.authorization = [f"DPoP {self.token}"]
        self.proofs = [self.proof()]

    def proof(self, key: jose.SigningKey = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(12),
            "htm": self.method,
            "htu": self.url,
            "iat": ago(),
            "ath": dpop.token_hash(self.token),
        } | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return key.sign({"typ": "dpop+jwt", "jwk": dict(key.bare_jwk)} | (header or {}), claims)

    def use_token(self, token: str) -> None:
        self.token = token
        self.authorization, self.proofs = [f"DPoP {token}"], [self.proof()]

    def change_token(self, **changes: Any) -> None:
        self.use_token(self.issuer.access_token(KEY, **changes))

    async def send(self) -> Any:
        return await caller.authenticate(self.world, self.method, self.url, self.authorization, self.proofs)


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    async with relying_party() as world, AwkwardIssuer() as issuer:
        yield Call(world, issuer)


Mutation = Callable[[Call], None]
MUTATIONS: dict[str, tuple[type[SolidgateError], str, Mutation]] = {}


def mutation(error: type[SolidgateError], word: str) -> Callable[[Mutation], Mutation]:
    def register(change: Mutation) -> Mutation:
        MUTATIONS[change.__name__.strip("_")] = (error, word, change)
        return change

    return register


def row(name: str, error: type[SolidgateError], word: str, change: Mutation) -> None:
    MUTATIONS[name] = (error, word, change)


def proofs(**changes: Any) -> Mutation:
    return lambda call: setattr(call, "proofs", [call.proof(**changes)])


def tokens(**changes: Any) -> Mutation:
    return lambda call: call.change_token(**changes)


def header(**members: Any) -> Mutation:
    return lambda call: setattr(call, "proofs", [call.proof(header=members)])


def reheaded(**members: Any) -> Mutation:
    """Another header over the old signature; what is wrong with the header must be seen first."""

    def change(call: Call) -> None:
        head, claims, signature = call.proofs[0].split(".")
        changed = {**strict_json.read(strict_json.decode_base64url(head)), **members}
        kept = strict_json.compact_json({name: value for name, value in changed.items() if value is not None})
        call.proofs = [f"{strict_json.encode_base64url(kept)}.{claims}.{signature}"]

    return change


PRIVATE = {**KEY.bare_jwk, "d": KEY.private_jwk["d"]}
# the headers
row("no Authorization", TokenInvalid, "exactly one", lambda c: c.authorization.clear())
row("two Authorization", TokenInvalid, "exactly one", lambda c: c.authorization.append("Basic eA=="))
row("no DPoP", TokenInvalid, "exactly one", lambda c: c.proofs.clear())
row("two DPoP", TokenInvalid, "exactly one", lambda c: c.proofs.append(c.proof()))
row("Bearer", TokenInvalid, "scheme", lambda c: setattr(c, "authorization", [f"Bearer {c.token}"]))
row("scheme alone", TokenInvalid, "scheme", lambda c: setattr(c, "authorization", ["DPoP"]))
row("a huge token", TokenInvalid, "longer", lambda c: c.use_token("a" * 9000))
row("a huge proof", ProofInvalid, "longer", proofs(pad="a" * 5000))
# the proof's header
row("typ JWT", ProofInvalid, "typ", header(typ="JWT"))
row("no jwk", ProofInvalid, "jwk", reheaded(jwk=None))
row("jwk is private", ProofInvalid, "public", header(jwk=PRIVATE))
row("jwk is a secret", ProofInvalid, "jwk", header(jwk={"kty": "oct", "k": "c2VjcmV0"}))
row("jwk of a stranger", ProofInvalid, "signature", header(jwk=dict(STRANGER.bare_jwk)))
row("jwk is text", ProofInvalid, "jwk", reheaded(jwk="key"))
row("HS256", ProofInvalid, "algorithm", reheaded(alg="HS256"))
# the proof's claims
row("no jti", ProofInvalid, "jti", proofs(jti=None))
row("jti is a number", ProofInvalid, "jti", proofs(jti=7))
row("jti is long", ProofInvalid, "jti", proofs(jti="a" * 257))
row("no htm", ProofInvalid, "htm", proofs(htm=None))
row("other htm", ProofInvalid, "htm", proofs(htm="POST"))
row("htm in other case", ProofInvalid, "htm", proofs(htm="get"))
row("no htu", ProofInvalid, "htu", proofs(htu=None))
row("htu of another host", ProofInvalid, "htu", proofs(htu="https://other.example/spaces/s1/sparql"))
row("htu is relative", ProofInvalid, "htu", proofs(htu="/spaces/s1/sparql"))
row("htu of another path", ProofInvalid, "htu", lambda c: setattr(c, "proofs", [c.proof(htu=c.url + "/x")]))
row("no iat", ProofInvalid, "iat", proofs(iat=None))
row("iat is text", ProofInvalid, "iat", proofs(iat="now"))
row("iat is true", ProofInvalid, "iat", proofs(iat=True))
row("iat in milliseconds", ProofInvalid, "iat", lambda c: setattr(c, "proofs", [c.proof(iat=ago() * 1000)]))
row("iat too old", ProofInvalid, "iat", lambda c: setattr(c, "proofs", [c.proof(iat=ago(seconds=65))]))
row("iat to come", ProofInvalid, "iat", lambda c: setattr(c, "proofs", [c.proof(iat=ago(seconds=-65))]))
row("no ath", ProofInvalid, "ath", proofs(ath=None))
row("other ath", ProofInvalid, "ath", proofs(ath=dpop.token_hash("another")))
row("ath is not ASCII", ProofInvalid, "ath", proofs(ath="é"))
row("proof is the token", ProofInvalid, "typ", lambda c: setattr(c, "proofs", [c.token]))
# the token
row("not a JWT", TokenInvalid, "", lambda c: c.use_token("opaque"))
row("expired", TokenInvalid, "expired", lambda c: c.change_token(iat=ago(hours=1), exp=ago(minutes=2)))
row("no exp", TokenInvalid, "exp", tokens(exp=None))
row("no iat in the token", TokenInvalid, "iat", tokens(iat=None))
row("from the future", TokenInvalid, "future",
    lambda c: c.change_token(iat=ago(minutes=-5), exp=ago(minutes=-9)))  # fmt: skip
row("not yet", TokenInvalid, "future", lambda c: c.change_token(nbf=ago(minutes=-5)))
row("lives a day", TokenInvalid, "longer", lambda c: c.change_token(exp=ago(days=-1)))
row("for somebody else", TokenInvalid, "aud", tokens(aud="https://other.example/"))
row("no aud", TokenInvalid, "aud", tokens(aud=None))
row("an ID token", TokenInvalid, "aud", tokens(aud="client", cnf=None))
row("not bound", TokenInvalid, "bound", tokens(cnf=None))
row("bound to another key", TokenInvalid, "bound", tokens(cnf={"jkt": STRANGER.kid}))
row("bound to a number", TokenInvalid, "bound", tokens(cnf={"jkt": 1}))
row("no webid", TokenInvalid, "webid", tokens(webid=None))
row("webid is a file", TokenInvalid, "webid", tokens(webid="file:///etc/passwd"))
row("webid with a user name", TokenInvalid, "webid", tokens(webid="https://me@pod.example/#me"))
row("no iss", TokenInvalid, "iss", tokens(iss=None))
row("iss of another", TokenInvalid, "does not name", tokens(iss="http://127.0.0.1:9/"))
row("webid elsewhere", TokenInvalid, "cannot be asked", tokens(webid="http://127.0.0.1:9/#me"))
row("webid's metadata address", TokenInvalid, "cannot be asked", tokens(webid="http://169.254.169.254/#me"))


@mutation(TokenInvalid, "signature")
def _signed_by_a_stranger(call: Call) -> None:
    unverified = jose.parse(call.token)
    call.use_token(STRANGER.sign(unverified.header, unverified.claims))


@mutation(TokenInvalid, "no key")
def _key_gone_from_the_set(call: Call) -> None:
    call.issuer.rotate()


@mutation(TokenInvalid, "typ")
def _typ_of_a_logout_token(call: Call) -> None:
    call.use_token(call.issuer.key.sign({"typ": "logout+jwt"}, jose.parse(call.token).claims))


@mutation(TokenInvalid, "does not name")
def _another_person_of_the_same_document(call: Call) -> None:
    call.change_token(webid=call.issuer.webid() + "too")


@mutation(TokenInvalid, "does not name")
def _profile_names_nobody(call: Call) -> None:
    call.issuer.quirks.add(Quirk.PROFILE_WITHOUT_ISSUER)


@mutation(TokenInvalid, "cannot be asked")
def _profile_is_down(call: Call) -> None:
    call.issuer.quirks.add(Quirk.PROFILE_DOWN)


@mutation(TokenInvalid, "cannot be asked")
def _issuer_says_it_is_another(call: Call) -> None:
    call.issuer.quirks.add(Quirk.METADATA_OTHER_ISSUER)


async def test_a_good_call(call: Call) -> None:
    found = await call.send()
    assert (found.webid, found.client_id) == (call.issuer.webid(), "test-client")


@pytest.mark.parametrize("name", MUTATIONS)
async def test_refused(call: Call, name: str) -> None:
    error, word, change = MUTATIONS[name]
    change(call)
    with pytest.raises(error, match=word or None) as caught:
        await call.send()
    assert call.token not in str(caught.value)
    assert call.issuer.webid() not in str(caught.value)


GOOD: dict[str, Mutation] = {
    "htu with query and fragment": lambda c: setattr(c, "proofs", [c.proof(htu=c.url + "?query=x#y")]),
    "scheme in lower case": lambda c: setattr(c, "authorization", [f"dpop {c.token}"]),
    "several audiences": tokens(aud=["https://x.example/", "solid"]),
    "a clock a little late": lambda c: setattr(c, "proofs", [c.proof(iat=ago(seconds=50))]),
    "typ JWT, as ESS says": lambda c: c.use_token(
        c.issuer.key.sign({"typ": "JWT", "kid": c.issuer.key.kid}, jose.parse(c.token).claims)
    ),
    "redirected profile": lambda c: c.issuer.quirks.add(Quirk.PROFILE_REDIRECTED),
}


@pytest.mark.parametrize("name", GOOD)
async def test_accepted(call: Call, name: str) -> None:
    GOOD[name](call)
    assert (await call.send()).webid == call.issuer.webid()


async def test_a_proof_works_once(call: Call) -> None:
    await call.send()
    with pytest.raises(ProofInvalid, match="before"):
        await call.send()
    call.proofs = [call.proof()]
    await call.send()


async def test_a_refused_call_does_not_spend_its_proof(call: Call) -> None:
    """Else a stranger who sees a proof could spend it with a token that is not bound to it."""
    good, call.authorization = call.authorization, [f"DPoP {call.token}x"]
    with pytest.raises(SolidgateError):
        await call.send()
    call.authorization = good
    await call.send()


async def test_profile_and_keys_are_asked_once_for_many_calls(call: Call) -> None:
    for _ in range(5):
        call.proofs = [call.proof()]
        await call.send()
    assert (call.issuer.profile_requests, call.issuer.key_requests) == (1, 1)


async def test_a_flood_of_unknown_keys_refetches_at_most_once_a_minute(call: Call) -> None:
    await call.send()
    for number in range(20):
        header = {"typ": "at+jwt", "kid": f"unknown-{number}"}
        call.use_token(STRANGER.sign(header, jose.parse(call.token).claims))
        with pytest.raises(TokenInvalid):
            await call.send()
    assert call.issuer.key_requests == 1


async def test_our_nonce_is_demanded_when_the_setting_says_so() -> None:
    async with relying_party(require_proof_nonce=True) as world, AwkwardIssuer() as issuer:
        call = Call(world, issuer)
        with pytest.raises(ProofNonceNeeded):
            await call.send()
        call.proofs = [call.proof(nonce="made-up")]
        with pytest.raises(ProofNonceNeeded):
            await call.send()
        call.proofs = [call.proof(nonce=caller.proof_nonce(world))]
        assert (await call.send()).webid == issuer.webid()


async def test_a_listed_client_may_leave_ath_out_but_not_send_a_wrong_one() -> None:
    async with relying_party(accept_proof_without_ath=["test-client"]) as world, AwkwardIssuer() as issuer:
        call = Call(world, issuer)
        call.proofs = [call.proof(ath=None)]
        assert (await call.send()).webid == issuer.webid()
        call.proofs = [call.proof(ath=dpop.token_hash("another"))]
        with pytest.raises(ProofInvalid, match="ath"):
            await call.send()
