"""Operators' addresses, errors at the edge, headers and limits: over real HTTP, on a hand-made world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from solidgate import errors
from solidgate.adapters.clock import SystemClock
from solidgate.adapters.sealing import StoreKeys
from solidgate.adapters.sql.engine import make_engine
from solidgate.adapters.sql.store import SqlStore
from solidgate.cli.gate import listening_socket
from solidgate.errors import SolidgateError, every_error
from solidgate.flow.world import World
from solidgate.settings import Settings
from solidgate.web import problems
from solidgate.web.app import make_app, make_runner
from solidgate.web.connections import listen
from solidgate.web.keys import WORLD
from solidgate.web.lifecycle import LIFECYCLE
from solidgate.web.middlewares import behind_proxy, security_headers
from solidgate.web.routes import ROUTES, Route

Open = Callable[..., Awaitable[TestClient[Any, Any]]]
SECRET = "blood pressure 120"


async def refused(request: web.Request) -> web.Response:
    raise every_error()[request.match_info["code"]]("the detail")


async def broken(_request: web.Request) -> web.Response:
    raise ValueError(SECRET)


async def slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def short(_request: web.Request) -> web.Response:
    await asyncio.sleep(0.5)
    return web.Response(text="done")


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


EXTRA = (
    Route("GET", "/t/refused/{code}", "t-refused", refused, ""),
    Route("GET", "/t/broken", "t-broken", broken, ""),
    Route("GET", "/t/slow", "t-slow", slow, ""),
    Route("GET", "/t/short", "t-short", short, ""),
    Route("POST", "/t/echo", "t-echo", echo, ""),
)


@pytest.fixture
async def open_client(module_database_url: str) -> AsyncIterator[Open]:
    opened: list[TestClient[Any, Any]] = []
    engines = []

    async def start(url: str = "", **sections: Any) -> TestClient[Any, Any]:
        engine = make_engine(url or module_database_url, pool_size=2)
        engines.append(engine)
        nothing = cast(Any, None)
        store = SqlStore(engine, StoreKeys.from_root(bytes(32)), nothing)
        settings = Settings(**sections)
        clock = SystemClock()
        world = World(settings, clock, nothing, nothing, nothing, nothing, store, nothing, {})
        client: TestClient[Any, Any] = TestClient(TestServer(make_app(world, routes=(*ROUTES, *EXTRA))))
        await client.start_server()
        opened.append(client)
        return client

    yield start
    for client in opened:
        await client.close()
    for engine in engines:
        await engine.dispose()


async def test_alive_and_ready_with_a_database(open_client: Open) -> None:
    client = await open_client()
    assert (await client.get("/healthz")).status == 200
    answer = await client.get("/readyz")
    assert (answer.status, (await answer.json())["checks"]["database"]) == (200, "ok")


async def test_not_ready_without_a_database_but_alive(open_client: Open) -> None:
    client = await open_client("postgresql://nobody@127.0.0.1:1/none")
    assert (await client.get("/healthz")).status == 200
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert (await answer.json())["checks"]["database"] == "service.store-unavailable"


async def test_ready_with_a_worker_only_while_one_gives_signs_of_life(
    open_client: Open, database_url: str
) -> None:
    client = await open_client(database_url)
    assert (await (await client.get("/readyz?worker")).json())["checks"]["worker"] == "no worker"
    world = client.app[WORLD]  # type: ignore[index]
    async with world.store.transaction() as tx:
        await tx.runs.heartbeat("one", 1, world.clock.now())
    assert (await client.get("/readyz?worker")).status == 200
    async with world.store.transaction() as tx:
        await tx.runs.heartbeat("one", 1, world.clock.now() - timedelta(minutes=2))
    assert (await client.get("/readyz?worker")).status == 503


async def test_while_draining_only_operators_are_answered(open_client: Open) -> None:
    client = await open_client()
    client.app[LIFECYCLE].draining = True  # type: ignore[index]
    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/healthz")).status == 200
    answer = await client.get("/t/broken")
    assert (answer.status, (await answer.json())["code"]) == (503, "service.not-ready")
    assert int(answer.headers["Retry-After"]) > 0


async def test_version_and_metrics(open_client: Open) -> None:
    client = await open_client()
    assert (await (await client.get("/version")).json())["solidgate"]
    await client.get("/healthz?webid=https://alice.example/")
    text = await (await client.get("/metrics")).text()
    assert 'solidgate_request_seconds_count{method="GET",route="healthz",status="200"}' in text
    assert "alice" not in text


@pytest.mark.parametrize("code", sorted(every_error()))
async def test_every_error_is_a_problem_document(open_client: Open, code: str) -> None:
    client = await open_client()
    answer = await client.get(f"/t/refused/{code}")
    kind, problem = every_error()[code], await answer.json()
    assert answer.content_type == "application/problem+json"
    assert answer.status == problem["status"] == problems.status_of(kind)
    assert problem["type"] == "http://localhost:8080/errors#" + code.replace(".", "-")
    assert (problem["code"], problem["title"], problem["remedy"]) == (code, kind.sentence, kind.remedy)
    assert problem["detail"] == "the detail"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (answer.status == 401)


FAMILY_STATUS = [
    (errors.BodyInvalid, 400),
    (errors.LoginNeeded, 401),
    (errors.RoleMissing, 403),
    (errors.SpaceNotFound, 404),
    (errors.MethodNotAllowed, 405),
    (errors.FormatUnsupported, 406),
    (errors.RequestTimedOut, 408),
    (errors.TermsChanged, 409),
    (errors.BodyTooLarge, 413),
    (errors.QueryLimit, 422),
    (errors.TooManyRequests, 429),
    (errors.ConsentWithdrawn, 403),
    (errors.PodNotFound, 502),
    (errors.FetchTimedOut, 504),
    (errors.StoreUnavailable, 503),
    (errors.InternalFault, 500),
    (errors.BadSetting, 500),
]


@pytest.mark.parametrize(("kind", "status"), FAMILY_STATUS)
def test_statuses(kind: type[SolidgateError], status: int) -> None:
    assert problems.status_of(kind) == status


CHALLENGES = [
    ("token.invalid", 'error="invalid_token"'),
    ("token.proof-invalid", 'error="invalid_dpop_proof"'),
    ("token.nonce-needed", 'error="use_dpop_nonce"'),
    ("login.needed", "algs="),
]


@pytest.mark.parametrize(("code", "part"), CHALLENGES)
async def test_the_challenge_names_the_fault(open_client: Open, code: str, part: str) -> None:
    answer = await (await open_client()).get(f"/t/refused/{code}")
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("DPoP ")
    assert part in challenge


async def test_a_browser_gets_a_page_in_its_language(open_client: Open) -> None:
    client = await open_client()
    headers = {"Accept": "text/html", "Accept-Language": "nl"}
    answer = await client.get("/t/refused/consent.withdrawn", headers=headers)
    text = await answer.text()
    assert (answer.status, answer.content_type) == (403, "text/html")
    assert 'lang="nl"' in text
    assert "consent.withdrawn" in text
    assert answer.headers["X-Request-Id"] in text


async def test_an_unknown_fault_says_nothing_more(
    open_client: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await (await open_client()).get("/t/broken")
    text = await answer.text()
    assert answer.status == 500
    assert '"service.internal"' in text
    assert SECRET not in text + capfd.readouterr().err


async def test_what_the_router_refuses_is_translated(open_client: Open) -> None:
    client = await open_client()
    missing, wrong = await client.get("/nowhere"), await client.post("/healthz")
    assert (await missing.json())["code"] == "request.page-not-found"
    assert (await wrong.json())["code"] == "request.method-not-allowed"
    assert "GET" in wrong.headers["Allow"]


@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413)])
async def test_the_body_has_a_limit(open_client: Open, size: int, status: int) -> None:
    client = await open_client(server={"max_body_bytes": 100})
    answer = await client.post("/t/echo", data=b"x" * size)
    assert answer.status == status
    if status == 413:
        assert "server.max_body_bytes" in (await answer.json())["detail"]


async def test_a_request_has_a_time(open_client: Open) -> None:
    client = await open_client(server={"request_timeout": 0.1})
    answer = await client.get("/t/slow")
    assert (answer.status, (await answer.json())["code"]) == (408, "request.timed-out")


@pytest.fixture
async def listening(open_client: Open) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    opened: list[tuple[asyncio.Server, web.AppRunner]] = []

    async def start(**server: Any) -> tuple[web.AppRunner, asyncio.Server, int]:
        client = await open_client(server=server)
        runner = make_runner(make_app(client.app[WORLD], routes=(*ROUTES, *EXTRA)))  # type: ignore[index]
        await runner.setup()
        listener = await listen(runner, listening_socket("127.0.0.1", 0))
        opened.append((listener, runner))
        return runner, listener, listener.sockets[0].getsockname()[1]

    yield start
    for listener, runner in opened:
        listener.close()
        await runner.cleanup()


async def ask(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


CLOSE = b"Host: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_connection_without_a_whole_head_is_closed(listening: Any, sent: bytes) -> None:
    _, _, port = await listening(header_timeout=0.2)
    assert await ask(port, sent) == b""


async def test_one_connection_more_than_allowed_is_sent_away(listening: Any) -> None:
    _, _, port = await listening(max_connections=2)
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    for _, writer in held:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [(await reader.readline()).split()[1] for reader, _ in held] == [b"200", b"200"]
    assert (await ask(port, b"GET /healthz HTTP/1.1\r\n" + CLOSE)).startswith(b"HTTP/1.1 503 ")
    held.pop()[1].close()
    await asyncio.sleep(0.1)
    assert (await ask(port, b"GET /healthz HTTP/1.1\r\n" + CLOSE)).startswith(b"HTTP/1.1 200 ")
    held.pop()[1].close()


async def test_a_stop_waits_for_what_is_under_way_and_takes_nothing_new(listening: Any) -> None:
    runner, listener, port = await listening(shutdown_seconds=5)
    under_way = asyncio.create_task(ask(port, b"GET /t/short HTTP/1.1\r\n" + CLOSE))
    life = runner.app[LIFECYCLE]
    async with asyncio.timeout(5):
        while not life.under_way:  # noqa: ASYNC110 - until the handler has it
            await asyncio.sleep(0)
    life.draining = True
    listener.close()
    await runner.cleanup()
    assert (await under_way).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(OSError, match="onnect"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_head_that_is_too_long_is_refused(listening: Any) -> None:
    _, _, port = await listening(max_header_bytes=500)
    long = b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 600 + b"\r\n" + CLOSE
    assert (await ask(port, long)).split()[1] == b"400"


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/t/refused/login.needed", "/t/broken"])
async def test_every_answer_carries_the_security_headers(open_client: Open, path: str) -> None:
    answer = await (await open_client()).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Server"] == "solidgate"
    assert "Strict-Transport-Security" not in answer.headers


def test_production_is_stricter() -> None:
    settings = Settings(environment="production", server={"public_url": "https://g.example/"})  # type: ignore[arg-type]
    headers = security_headers(settings)
    assert "max-age=" in headers["Strict-Transport-Security"]
    assert "localhost" not in headers["Content-Security-Policy"]


FORWARDED = [
    ("127.0.0.1", "9.9.9.9", "9.9.9.9"),
    ("127.0.0.1", "6.6.6.6, 9.9.9.9", "9.9.9.9"),
    ("127.0.0.1", "9.9.9.9, 10.0.0.7", "9.9.9.9"),
    ("127.0.0.1", "nonsense", "127.0.0.1"),
    ("8.8.8.8", "9.9.9.9", "8.8.8.8"),
]


@pytest.mark.parametrize(("peer", "header", "remote"), FORWARDED)
def test_only_trusted_proxies_are_believed(peer: str, header: str, remote: str) -> None:
    from ipaddress import ip_network

    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": header}).clone(remote=peer)
    proxies = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
    assert behind_proxy(request, proxies).remote == remote


def test_route_names_and_addresses_are_unique() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.name for route in ROUTES}) == len({route.path for route in ROUTES})


@pytest.mark.parametrize(
    "line", [b"GET /" + b"a" * 60_000 + b" HTTP/1.1", b"FOO /healthz HTTP/1.1", b"\x16\x03\x01"]
)
async def test_what_is_no_request_is_a_problem_too(
    listening: Callable[..., Awaitable[Any]], line: bytes
) -> None:
    _, _, port = await listening()
    answer = await ask(port, line + b"\r\nHost: localhost\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/problem+json" in head
    assert b"Content-Security-Policy" in head
    assert b'"request.malformed"' in body
