"""A space's token: made once for all pods and all requests, and anew a minute before it ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from solidgate.adapters import enclave_keys
from solidgate.adapters.enclave_keys import SealedEnclaveKeys
from solidgate.identity import access_token, jose
from solidgate.testing.relying import MemorySpaces


@dataclass
class StillClock:
    """A clock that the test moves."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 27, 12, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class SlowSpaces(MemorySpaces):
    """A store that lets others run between its words."""

    async def space_key(self, space_id: str) -> object:  # type: ignore[override]
        await asyncio.sleep(0)
        return await super().space_key(space_id)


@pytest.fixture
def minted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that were signed, counted at the one place that signs them."""
    found: list[str] = []
    mint = access_token.mint

    def counted(*given: object, **named: object) -> str:
        found.append(mint(*given, **named))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr(enclave_keys.access_token, "mint", counted)
    return found


async def test_one_token_serves_every_pod_server_until_it_is_about_to_end(minted: list[str]) -> None:
    clock = StillClock()
    keys = SealedEnclaveKeys(SlowSpaces(), b"k" * 32, clock, "https://gate.example/")  # type: ignore[arg-type]
    one, other, again = await asyncio.gather(*(keys.access_for(name) for name in ("a", "b", "a")))
    assert one is again
    assert one.webid != other.webid

    def ask(access: enclave_keys.SpaceAccess, number: int) -> tuple[str, str]:
        url = f"https://pods-{number % 20}.example/{number}"
        headers = access.headers("GET", url, clock.now())
        return headers["Authorization"], headers["DPoP"]

    sent = [ask(one, number) for number in range(1000)]
    assert len(minted) == 1, (
        "never one for each request, nor for each server: its audience is every Solid server"
    )
    assert {authorization for authorization, _ in sent} == {f"DPoP {minted[0]}"}
    assert len({proof for _, proof in sent}) == 1000, "each request has a proof of its own"
    claims = jose.parse(minted[0]).claims
    assert claims["aud"] == "solid"
    ask(other, 0)
    assert len(minted) == 2

    clock.at += access_token.LIFETIME - enclave_keys.RENEW_BEFORE - timedelta(seconds=1)
    ask(one, 1)
    assert len(minted) == 2
    clock.at += timedelta(seconds=1)
    assert {ask(one, number)[0] for number in range(100)} == {f"DPoP {minted[2]}"}
    assert len(minted) == 3
