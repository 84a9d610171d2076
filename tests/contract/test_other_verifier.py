"""Our tokens and proofs before the verifier that pod servers use, and both verifiers over the same calls."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.errors import SolidgateError
from solidgate.flow import caller
from solidgate.flow.world import World
from solidgate.identity import access_token, client_document, dpop, jose
from solidgate.testing import tools
from solidgate.testing.relying import relying_party

SPACE_KEY, DPOP_KEY, STRANGER = (jose.generate_key("ES256") for _ in range(3))
SCRIPT = Path(__file__).parent / "verifier" / "verify.cjs"
URL = "http://localhost:1/resource"


@dataclass(frozen=True)
class Sent:
    """One call, as both verifiers see it."""

    authorization: str
    dpop: str
    method: str = "GET"
    url: str = URL


class Maker:
    """Makes calls of a space whose key is published at ``world.public_url``."""

    def __init__(self, world: World) -> None:
        self.world = world

    def token(
        self, key: jose.SigningKey = SPACE_KEY, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        now = self.world.clock.now()
        minted = access_token.mint(
            SPACE_KEY,
            issuer=self.world.public_url,
            webid=self.world.agent("energy"),
            client_id=client_document.client_id_of(self.world.public_url),
            cnf_jkt=DPOP_KEY.kid,
            now=now,
            jti=secrets.token_urlsafe(12),
        )
        plain = jose.parse(minted)
        claims = {k: v for k, v in {**plain.claims, **changes}.items() if v is not None}
        return key.sign({**plain.header, **(header or {})}, claims)

    def proof(self, token: str, key: jose.SigningKey = DPOP_KEY, late: float = 0, **options: Any) -> str:
        now = self.world.clock.now() - timedelta(seconds=late)
        return dpop.make_proof(
            key,
            options.get("method", "GET"),
            options.get("url", URL),
            now,
            options.get("jti", secrets.token_urlsafe(12)),
            access_token=options.get("hashed", token),
        )

    def call(self, token: str | None = None, **options: Any) -> Sent:
        token = token or self.token()
        return Sent(f"DPoP {token}", self.proof(token, **options))


async def ask_other(calls: Sequence[Sent]) -> list[str | None]:
    """The WebID that the other verifier finds in each call, or nothing."""
    modules = tools.css_server().parents[3]
    process = await asyncio.create_subprocess_exec(
        str(tools.node()),
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    asked = [vars(one) for one in calls]
    output, _ = await asyncio.wait_for(process.communicate(json.dumps(asked).encode()), 60)
    return [json.loads(line).get("webid") for line in output.splitlines()]


async def ask_ours(world: World, calls: Sequence[Sent]) -> list[str | None]:
    answers: list[str | None] = []
    for one in calls:
        try:
            found = await caller.authenticate(world, one.method, one.url, [one.authorization], [one.dpop])
            answers.append(found.webid)
        except SolidgateError:
            answers.append(None)
    return answers


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with relying_party() as made:
        await made.store.put_space_key("energy", SPACE_KEY.public_jwk, b"")
        yield made


Build = Callable[[Maker], Sent]
GOOD: dict[str, Build] = {
    "plain": lambda m: m.call(),
    "query in the address": lambda m: replace(m.call(), url=f"{URL}?a=b"),
    "typ JWT": lambda m: m.call(m.token(header={"typ": "JWT"})),
    "several audiences": lambda m: m.call(m.token(aud=["https://x.example/", "solid"])),
}
BAD: dict[str, Build] = {
    "other method": lambda m: replace(m.call(), method="PUT"),
    "other address": lambda m: replace(m.call(), url=f"{URL}/x"),
    "other key": lambda m: m.call(key=STRANGER),
    "other ath": lambda m: m.call(hashed="another"),
    "proof of an hour ago": lambda m: m.call(late=3600),
    "expired": lambda m: m.call(m.token(iat=1_000_000_000, exp=1_000_000_300)),
    "signed by a stranger": lambda m: m.call(m.token(STRANGER)),
    "unknown kid": lambda m: m.call(m.token(header={"kid": "unknown"})),
    "not for solid": lambda m: m.call(m.token(aud="client")),
    "of another issuer": lambda m: m.call(m.token(iss="http://localhost:9/")),
    "of another space": lambda m: m.call(m.token(webid=m.world.agent("no-such-space"))),
    "no webid": lambda m: m.call(m.token(webid=None)),
    "bound to a stranger": lambda m: m.call(m.token(cnf={"jkt": STRANGER.kid})),
    "not a token": lambda m: m.call("opaque"),
}
# Where the two differ, and why ours is the stricter one.
OURS_ONLY: dict[str, Build] = {
    "proof without ath": lambda m: m.call(hashed=None),
    "a proof of two minutes ago": lambda m: m.call(late=120),
}


async def test_both_verifiers_agree(world: World) -> None:
    maker = Maker(world)
    calls = {name: build(maker) for name, build in {**GOOD, **BAD}.items()}
    expected = [world.agent("energy") if name in GOOD else None for name in calls]
    assert dict(zip(calls, await ask_ours(world, list(calls.values())), strict=True)) == dict(
        zip(calls, expected, strict=True)
    )
    assert dict(zip(calls, await ask_other(list(calls.values())), strict=True)) == dict(
        zip(calls, expected, strict=True)
    )


async def test_both_refuse_a_replay(world: World) -> None:
    one = Maker(world).call()
    expected = [world.agent("energy"), None]
    assert await ask_ours(world, [one, one]) == expected
    assert await ask_other([one, one]) == expected


async def test_where_ours_is_stricter(world: World) -> None:
    calls = [build(Maker(world)) for build in OURS_ONLY.values()]
    assert await ask_ours(world, calls) == [None] * len(calls)
    assert await ask_other(calls) == [world.agent("energy")] * len(calls)


async def test_the_workers_own_access_passes_both(world: World) -> None:
    keys = SealedEnclaveKeys(world.store, secrets.token_bytes(32), world.clock, world.public_url)
    await keys.ensure("heat")
    access = await keys.access_for("heat")
    headers = [access.headers("GET", URL, world.clock.now()) for _ in range(2)]
    calls = [Sent(one["Authorization"], one["DPoP"]) for one in headers]
    assert await ask_ours(world, calls) == [world.agent("heat")] * 2
    assert await ask_other(calls) == [world.agent("heat")] * 2
