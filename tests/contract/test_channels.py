"""The contract of ``ports.PodChannels``, held by the adapter against the double and the real server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.adapters.http_socket import GuardedSockets
from solidgate.adapters.notifications import SolidChannels
from solidgate.adapters.solid_requests import PodLimits
from solidgate.errors import (
    AddressRefused,
    EpochPassed,
    FetchUnexpected,
    FetchUnreachable,
    PodFault,
    PodForbidden,
)
from solidgate.identity import webhook
from solidgate.pod.notification import Channel, ChannelKind, Offer, activity
from solidgate.ports import Access
from solidgate.testing.pod import AwkwardPod
from solidgate.testing.relying import relying_party

if TYPE_CHECKING:
    from conftest import Scene

CHANGED = b"<> a <x:Z> ."


@pytest.fixture
async def channels(scene: Scene) -> AsyncIterator[SolidChannels]:
    sockets = GuardedSockets(FetchPolicy(allow_private_addresses=True), SystemClock())
    yield SolidChannels(scene.fetcher, sockets, SystemClock(), plain_http=True)
    await sockets.aclose()


@dataclass
class Hook:
    """A receiver: every request with its body, as it came."""

    url: str = ""
    calls: list[tuple[dict[str, tuple[str, ...]], bytes]] = field(default_factory=list)

    async def first(self) -> tuple[dict[str, tuple[str, ...]], bytes]:
        for _ in range(200):
            if self.calls:
                return self.calls[0]
            await asyncio.sleep(0.05)
        raise AssertionError("nobody called")


@asynccontextmanager
async def hooked() -> AsyncIterator[Hook]:
    hook = Hook()

    async def called(request: web.Request) -> web.Response:
        headers = {name.lower(): tuple(request.headers.getall(name)) for name in request.headers}
        hook.calls.append((headers, await request.read()))
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/hook", called)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://localhost:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def overwrite(scene: Scene, url: str) -> None:
    headers = {"Content-Type": "text/turtle"}
    reply = await scene.fetcher.fetch(
        "PUT", url, access=scene.owner, headers=headers, content=CHANGED, max_bytes=10**6
    )
    assert reply.status == 205


async def offer(channels: SolidChannels, scene: Scene, url: str, kind: ChannelKind) -> Offer:
    return next(one for one in await channels.offers(scene.owner, url) if one.kind is kind)


async def test_what_is_offered_is_found(scene: Scene, channels: SolidChannels) -> None:
    url = await scene.put("a.ttl")
    kinds = {one.kind for one in await channels.offers(scene.owner, url)}
    assert kinds == {ChannelKind.WEBHOOK, ChannelKind.WEBSOCKET}


async def test_where_each_pod_has_a_host_the_service_stands_above_it(
    subdomain_scene: Scene, fetcher: GuardedFetcher
) -> None:
    sockets = GuardedSockets(FetchPolicy(allow_private_addresses=True), SystemClock())
    channels = SolidChannels(fetcher, sockets, SystemClock(), plain_http=True)
    url = await subdomain_scene.put("a.ttl")
    way = await offer(channels, subdomain_scene, url, ChannelKind.WEBSOCKET)
    made = await channels.subscribe(subdomain_scene.owner, way, url, "")
    assert made.topic == url
    await channels.unsubscribe(subdomain_scene.owner, made)


async def test_a_pod_cannot_send_the_space_into_another_pod(
    double_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The space may write there: its token must not be brought there on this pod's word."""
    sockets = GuardedSockets(FetchPolicy(allow_private_addresses=True), SystemClock())
    channels = SolidChannels(double_scene.fetcher, sockets, SystemClock(), plain_http=True)
    pod, url = double_scene.server, await double_scene.put("a.ttl")
    assert isinstance(pod, AwkwardPod)
    notify, terms = "http://www.w3.org/ns/solid/notifications#", "http://www.w3.org/ns/solid/terms#"
    async with AwkwardPod("127.0.0.1") as other:
        trap = f"<{other.add_person('victim').pod}results/>"
        lines = [f"<> <{notify}subscription> {trap}; <{terms}notificationGateway> {trap}."]
        lines += [
            f"{trap} <{notify}channelType> <{notify}Web{one}Channel2023>." for one in ("hook", "Socket")
        ]
        with monkeypatch.context() as lying:
            lying.setattr(pod.notifications, "_description", lambda: "\n".join(lines))
            offered = await channels.offers(double_scene.owner, url)
            for one in offered:
                with suppress(PodFault):
                    await channels.subscribe(double_scene.owner, one, url, "http://localhost:9/")
        assert (offered, other.requests) == ((), [])

        elsewhere = f'urn:x", <{other.base_url}.well-known/solid>; rel="{terms}storageDescription'
        monkeypatch.setattr("solidgate.testing.pod_answers._DESCRIBES", elsewhere)
        assert (await channels.offers(double_scene.owner, url), other.requests) == ((), [])


async def test_a_webhook_is_signed_by_the_sender_that_the_subscription_named(
    scene: Scene, channels: SolidChannels
) -> None:
    url = await scene.put("a.ttl")
    way = await offer(channels, scene, url, ChannelKind.WEBHOOK)
    async with hooked() as hook, relying_party() as party:
        made = await channels.subscribe(scene.owner, way, url, hook.url)
        assert made.topic == url
        assert made.ends is not None
        assert timedelta(days=13) < made.ends - datetime.now(UTC) < timedelta(days=15)
        await overwrite(scene, url)
        headers, content = await hook.first()
        sent = webhook.present(
            headers["authorization"],
            headers["dpop"],
            sender=made.sender,
            send_to=hook.url,
            now=datetime.now(UTC),
            plain_http=True,
        )
        issuers = await party.issuers.issuers_of(made.sender)
        keys = await party.issuers.signing_keys(sent.issuer, sent.kid)
        assert webhook.verify(sent, keys, issuers).jkt
        hint = activity(content, 10_000)
        state = await scene.pods.state(scene.owner, url)
        assert (hint.kind, hint.object, hint.state) == ("Update", url, state.etag)
        await channels.unsubscribe(scene.owner, made)
        await channels.unsubscribe(None, made)
        await overwrite(scene, url)
        await asyncio.sleep(0.5)
        assert len(hook.calls) == 1


async def test_a_socket_says_what_changes(scene: Scene, channels: SolidChannels) -> None:
    url = await scene.put("a.ttl")
    way = await offer(channels, scene, url, ChannelKind.WEBSOCKET)
    made = await channels.subscribe(scene.owner, way, url, "")
    frames = channels.frames(made)
    async with asyncio.timeout(20):
        assert await anext(frames) is None, "it says that it is open"
        await overwrite(scene, url)
        hint = activity(await anext(frames) or b"", 10_000)
    assert (hint.kind, hint.object) == ("Update", url)
    await frames.aclose()  # type: ignore[attr-defined]


async def test_who_may_not_read_may_not_subscribe(scene: Scene, channels: SolidChannels) -> None:
    url = await scene.put("a.ttl")
    way = await offer(channels, scene, url, ChannelKind.WEBHOOK)
    with pytest.raises(PodForbidden):
        await channels.subscribe(scene.stranger, way, url, "http://localhost:9/")
    with pytest.raises(PodForbidden):
        await channels.offers(scene.stranger, url)


def socket_of(url: str) -> Channel:
    return Channel(ChannelKind.WEBSOCKET, "x", "y", receive_from=url)


async def test_a_socket_is_dialled_by_the_rules_of_every_request() -> None:
    """A pod names the address of its socket: it must not lead into our own network."""
    for allowed, url in (
        (False, "wss://127.0.0.1/"),
        (False, "wss://169.254.169.254/"),
        (False, "ws://pod.example/"),
        (False, "wss://pod.example:22/"),
        (True, "http://localhost/"),
        (True, "ws://169.254.169.254/latest"),
    ):
        sockets = GuardedSockets(FetchPolicy(allow_private_addresses=allowed), SystemClock())
        with pytest.raises(AddressRefused):
            await anext(sockets.frames(url, 1000))
        await sockets.aclose()


@asynccontextmanager
async def answering(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_socket_follows_no_redirect(status: int) -> None:
    """Its target would not have been checked: another port, plain http."""
    arrived: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        arrived.append(request.path)
        return web.Response()

    async with answering(elsewhere) as target:

        async def redirecting(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": f"http://localhost:{target}/"})

        dialled: list[int] = []

        def dial(address: tuple[Any, ...]) -> socket.socket:
            dialled.append(address[4][1])
            return socket.socket(*address[:3])

        policy = FetchPolicy(allow_private_addresses=True)
        sockets = GuardedSockets(policy, SystemClock(), open_socket=dial)
        async with answering(redirecting) as port:
            with pytest.raises(FetchUnexpected):
                await anext(sockets.frames(f"ws://localhost:{port}/", 1000))
        await sockets.aclose()
    assert (arrived, set(dialled)) == ([], {port})


async def test_an_empty_frame_is_a_frame() -> None:
    """What the pod sends is never taken for news of our own side."""

    async def saying(request: web.Request) -> web.StreamResponse:
        found = web.WebSocketResponse()
        await found.prepare(request)
        await found.send_str("")
        await found.close()
        return found

    sockets = GuardedSockets(FetchPolicy(allow_private_addresses=True), SystemClock())
    async with answering(saying) as port:
        found = [one async for one in sockets.frames(f"ws://localhost:{port}/", 1000)]
    await sockets.aclose()
    assert found == [None, b""]


async def test_a_socket_that_is_none_has_its_own_names(scene: Scene, channels: SolidChannels) -> None:
    with pytest.raises(FetchUnreachable):
        await anext(channels.frames(socket_of("ws://localhost:9/")))
    if isinstance(scene.server, AwkwardPod):  # the real server opens a socket anywhere, and then ends it
        plain = "ws" + scene.server.base_url.removeprefix("http") + "nothing"
        with pytest.raises(FetchUnexpected):
            await anext(channels.frames(socket_of(plain)))


LIES: dict[str, dict[str, Any]] = {
    "a channel on another server": {"id": "https://evil.example/channel"},
    "no id": {"id": None},
    "no sender": {"sender": None},
    "a sender that is no address": {"sender": "urn:somebody"},
    "another topic": {"topic": "https://pod.example/other"},
}


@pytest.mark.parametrize("name", LIES)
async def test_what_a_pod_answers_is_checked_before_it_is_kept(
    name: str, double_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = double_scene.server, await double_scene.put("a.ttl")
    assert isinstance(server, AwkwardPod)
    honest = server.notifications.answer

    async def lying(request: web.Request, *rest: Any) -> web.StreamResponse:
        response = await honest(request, *rest)
        if request.method == "POST" and isinstance(response, web.Response) and response.text:
            return web.json_response({**json.loads(response.text), **LIES[name]})
        return response

    monkeypatch.setattr(server.notifications, "answer", lying)
    sockets = GuardedSockets(FetchPolicy(allow_private_addresses=True), SystemClock())
    channels = SolidChannels(double_scene.fetcher, sockets, SystemClock(), plain_http=True)
    way = await offer(channels, double_scene, url, ChannelKind.WEBHOOK)
    with pytest.raises(FetchUnexpected):
        await channels.subscribe(double_scene.owner, way, url, "http://localhost:9/")
    await sockets.aclose()


@dataclass
class Ending:
    """An access whose consent ends after so many requests."""

    access: Access
    left: int

    @property
    def webid(self) -> str:
        return self.access.webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        self.left -= 1
        if self.left < 0:
            raise EpochPassed()
        return self.access.headers(method, url, now, nonce)


async def test_the_end_of_one_reader_is_not_the_fault_of_the_server(
    double_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever read the description for everybody ends between two attempts: the others read it themselves."""
    server, url = double_scene.server, await double_scene.put("a.ttl")
    assert isinstance(server, AwkwardPod)
    honest, read = server.notifications.answer, list[str]()

    async def busy(request: web.Request, *rest: Any) -> web.StreamResponse:
        read.append(request.path)
        return web.Response(status=503) if len(read) == 1 else await honest(request, *rest)

    monkeypatch.setattr(server.notifications, "answer", busy)
    sockets = GuardedSockets(FetchPolicy(allow_private_addresses=True), SystemClock())
    channels = SolidChannels(
        double_scene.fetcher, sockets, SystemClock(), PodLimits(first_pause=0.01), plain_http=True
    )
    ending = Ending(double_scene.owner, 2)
    first = asyncio.create_task(channels.offers(ending, url))
    while ending.left:  # noqa: ASYNC110 - until it reads the description
        await asyncio.sleep(0)
    second = asyncio.create_task(channels.offers(double_scene.owner, url))
    with pytest.raises(EpochPassed):
        await first
    assert await second
    assert await channels.offers(double_scene.owner, url) == await second
    assert len(read) == 2, "and the answer is everybody's"
