"""The SDK against an issuer and a gate that check every proof, and that are awkward on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from solidgate.algorithm.pack import unpack
from solidgate.assets import asset
from solidgate.errors import (
    AddressRefused,
    AlgorithmChanged,
    ConsentWithdrawn,
    FetchTimedOut,
    FetchUnexpected,
    FetchUnreachable,
    GroupTooSmall,
    LoginRefused,
    ProofInvalid,
    ProofNonceNeeded,
    SpaceNotFound,
)
from solidgate.identity.dpop import verify_proof
from solidgate.query.results import ResultFormat
from solidgate.sdk.client import ClientCredentials, GateClient
from solidgate.sdk.transport import refusal
from solidgate.space.agreement import Agreement, digest, to_json

AGREEMENT = Agreement(
    space="s",
    version=1,
    title={},
    terms={},
    parties=(),
    purposes=(),
    algorithm="sha256:" + "a" * 64,
    output_shape="",
    output_text={},
    validity="P1M",
    retention="P1M",
    jurisdiction="BE",
    storage_location="EU",
    result_container="r/",
    languages=(),
)


@dataclass
class Outside:
    """One server that is issuer and gate; what it saw and how it shall behave."""

    server: TestServer = field(init=False)
    tokens: int = 0
    life: int = 600
    nonce: str = ""
    gate_nonce: str = ""
    token_type: str = "DPoP"
    issuer: str = ""
    token_status: int = 200
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    def credentials(self) -> ClientCredentials:
        return ClientCredentials(self.url, "id:1", "sé cret")

    def _check(self, request: web.Request, nonce: str, token: str | None) -> None:
        proof = request.headers["DPoP"]
        now = datetime.now(UTC)
        verify_proof(
            proof,
            method=request.method,
            url=str(request.url),
            now=now,
            access_token=token,
            nonces=[nonce] if nonce else [],
        )

    async def discovery(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.issuer or self.url, "token_endpoint": f"{self.url}token"})

    async def token(self, request: web.Request) -> web.Response:
        try:
            self._check(request, self.nonce, None)
        except (ProofInvalid, ProofNonceNeeded):
            return web.json_response(
                {"error": "use_dpop_nonce"}, status=400, headers={"DPoP-Nonce": self.nonce}
            )
        assert request.headers["Authorization"] == aiohttp.encode_basic_auth("id%3A1", "s%C3%A9+cret")
        assert await request.text() == "grant_type=client_credentials&scope=webid"
        self.tokens += 1
        reply = {"access_token": f"t{self.tokens}", "token_type": self.token_type, "expires_in": self.life}
        return web.json_response(reply, status=self.token_status)

    async def gate(self, request: web.Request) -> web.StreamResponse:
        scheme, _, token = request.headers["Authorization"].partition(" ")
        assert (scheme, token) == ("DPoP", f"t{self.tokens}")
        try:
            self._check(request, self.gate_nonce, token)
        except (ProofInvalid, ProofNonceNeeded):
            return web.Response(status=401, headers={"DPoP-Nonce": self.gate_nonce})
        self.seen.append((request.method, request.path, await request.read()))
        return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.endswith("/slow"):
            await asyncio.sleep(5)
        if path == "/spaces/away/runs/r":
            raise web.HTTPFound(self.url + "spaces/s/runs/r")
        if path == "/spaces/large/results":
            return web.Response(body=b"x" * 5000)
        if path == "/spaces/s/agreement":
            return web.Response(body=to_json(AGREEMENT), headers={"ETag": f'"{digest(AGREEMENT)}"'})
        if path == "/spaces/forged/agreement":
            return web.Response(body=to_json(AGREEMENT), headers={"ETag": '"sha256:other"'})
        if path.endswith("/algorithm"):
            found = "sha256:0" if "forged" in path else unpack(await request.read()).digest
            return web.json_response({"digest": found}, status=201)
        if path.endswith("/sparql"):
            return self._solutions(request)
        if path.endswith("/runs"):
            return web.json_response({"run_id": "r1"}, status=202)
        if path.endswith("/invitations"):
            return web.json_response({"token": "t", "link": f"{self.url}join/t"}, status=201)
        if path.endswith("/approvals"):
            return web.json_response(await request.json(), status=201)
        problem = {"code": "space.not-found", "detail": "s1", "type": "x", "status": 404}
        return web.json_response(problem, status=404, content_type="application/problem+json")

    def _solutions(self, request: web.Request) -> web.Response:
        if request.headers["Accept"] != ResultFormat.JSON.value:
            return web.Response(text="a\r\n1\r\n")
        rows = [{"a": {"type": "literal", "value": "1"}}, {}]
        return web.json_response({"head": {"vars": ["a"]}, "results": {"bindings": rows}})


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    made = Outside()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", made.discovery)
    app.router.add_post("/token", made.token)
    app.router.add_route("*", "/spaces/{tail:.*}", made.gate)
    made.server = TestServer(app)
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
async def client(outside: Outside) -> AsyncIterator[GateClient]:
    async with GateClient(outside.url, outside.credentials(), max_bytes=4000, seconds=0.7) as made:
        yield made


async def test_every_call_carries_one_token_and_its_own_proof(client: GateClient, outside: Outside) -> None:
    assert await client.start_run("s") == "r1"
    assert await client.invite("s", uses=0, days=3) == f"{outside.url}join/t"
    assert outside.tokens == 1
    assert outside.seen == [
        ("POST", "/spaces/s/runs", b"{}"),
        ("POST", "/spaces/s/invitations", b'{"uses": 0, "days": 3}'),
    ]


async def test_concurrent_calls_share_one_token(client: GateClient, outside: Outside) -> None:
    await asyncio.gather(*(client.start_run("s") for _ in range(8)))
    assert outside.tokens == 1


async def test_a_token_near_its_end_is_renewed(client: GateClient, outside: Outside) -> None:
    outside.life = 10
    await client.start_run("s")
    await client.start_run("s")
    assert outside.tokens == 2


async def test_nonces_of_issuer_and_gate_are_answered_once(client: GateClient, outside: Outside) -> None:
    outside.nonce, outside.gate_nonce = "n1", "g1"
    await client.start_run("s")
    await client.start_run("s")
    assert [path for _, path, _ in outside.seen] == ["/spaces/s/runs", "/spaces/s/runs"]


async def test_rows_and_formats(client: GateClient) -> None:
    assert await client.rows("s", "SELECT ?a {}") == [{"a": "1"}, {}]
    assert await client.query("s", "SELECT ?a {}", ResultFormat.CSV) == b"a\r\n1\r\n"


async def test_a_program_is_packed_sent_and_its_digest_compared(outside: Outside) -> None:
    folder = asset("examples", "blank-algorithm")
    async with GateClient(outside.url, outside.credentials()) as client:
        found = await client.submit_algorithm("s", folder)
        assert found == unpack(outside.seen[0][2]).digest
        with pytest.raises(AlgorithmChanged):
            await client.submit_algorithm("forged", folder)


async def test_the_agreement_is_hashed_here(client: GateClient) -> None:
    assert await client.agreement("s") == (AGREEMENT, digest(AGREEMENT))
    with pytest.raises(FetchUnexpected):
        await client.agreement("forged")


async def test_approval_says_exactly_what(client: GateClient, outside: Outside) -> None:
    await client.approve("s", "sha256:1", "sha256:2", "reject")
    sent = json.loads(outside.seen[0][2])
    assert sent == {"agreement_digest": "sha256:1", "algorithm_digest": "sha256:2", "decision": "reject"}


async def test_a_problem_document_is_the_same_error_again(client: GateClient) -> None:
    with pytest.raises(SpaceNotFound) as refused:
        await client.run("nowhere", "r")
    assert refused.value.detail == "s1"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"code": "consent.withdrawn"}', ConsentWithdrawn),
        (b'{"code": "result.group-too-small", "detail": null}', GroupTooSmall),
        (b'{"code": "no.such"}', FetchUnexpected),
        (b'{"code": ["x"]}', FetchUnexpected),
        (b"[1]", FetchUnexpected),
        (b"<html>", FetchUnexpected),
        (b"\xff", FetchUnexpected),
    ],
)
def test_every_refusal_has_a_name(body: bytes, kind: type[Exception]) -> None:
    assert type(refusal(500, body)) is kind


async def test_a_redirect_is_not_followed_with_a_token(client: GateClient, outside: Outside) -> None:
    with pytest.raises(FetchUnexpected, match="302"):
        await client.run("away", "r")
    assert len(outside.seen) == 1


async def test_an_id_never_leaves_its_place(client: GateClient, outside: Outside) -> None:
    with pytest.raises(SpaceNotFound):
        await client.run("s", "../../me?x#y")
    assert outside.seen[0][1] == "/spaces/s/runs/../../me?x#y"  # decoded by the test server: one segment


async def test_answers_have_limits(client: GateClient) -> None:
    with pytest.raises(FetchUnexpected, match="4000 bytes"):
        await client.results("large")
    with pytest.raises(FetchTimedOut):
        await client.run("s", "slow")


@pytest.mark.parametrize(
    "change", [{"token_type": "Bearer"}, {"token_status": 401}, {"issuer": "https://evil.example"}]
)
async def test_a_wrong_issuer_gives_no_token(
    client: GateClient, outside: Outside, change: dict[str, object]
) -> None:
    for name, value in change.items():
        setattr(outside, name, value)
    with pytest.raises(LoginRefused):
        await client.start_run("s")
    assert outside.seen == []


@pytest.mark.parametrize(
    "gate", ["http://gate.example/", "ftp://localhost/", "http://localhost.evil.example/", "x"]
)
def test_tokens_travel_by_https_only(gate: str) -> None:
    with pytest.raises(AddressRefused):
        GateClient(gate, ClientCredentials("https://issuer.example/", "a", "b"))


async def test_nobody_there() -> None:
    async with GateClient(
        "http://localhost:1/", ClientCredentials("http://localhost:1/", "a", "b")
    ) as client:
        with pytest.raises(FetchUnreachable):
            await client.start_run("s")


def test_no_secret_in_a_repr() -> None:
    shown = repr(ClientCredentials("https://issuer.example/", "a", "hunter2", "https://me.example/#it"))
    assert "hunter2" not in shown
    assert "me.example" not in shown


async def test_the_client_must_be_entered(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await GateClient("http://localhost:1/", ClientCredentials("http://localhost:1/", "a", "b")).start_run(
            "s"
        )
