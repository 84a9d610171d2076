"""Notifications of the awkward pod: webhooks signed as the Community Solid Server signs them, and WebSockets.

::

    async with AwkwardPod() as server:
        server.notifications.misbehave(Call.TWICE)
        server.put(alice.pod + "a.ttl", b"<> a <x:Z> .")     # whoever subscribed is told, twice

The wire is that of the Community Solid Server 7.2.0: description, subscription, tokens, bodies. What it does
wrong on purpose, by number (``docs/reference/awkward-pod.md`` says more):

N1 loses what happens (as ``rate`` does, without a trailing event), N2 says it twice, N3 replays a request,
N4 signs with a key that it does not publish, N5 sends the valid token of another pod, N6 signs for another
address, N7 sends an expired token, N8 floods, N9 sends times in milliseconds and no kid, N10 breaks the
socket off, N11 sends what is no notification.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from solidgate.identity import jose

DESCRIPTION = "/.well-known/solid"
BELOW = "/.notifications/"
WEBHOOK, WEBSOCKET = "WebhookChannel2023", "WebSocketChannel2023"
LIFETIME = timedelta(days=14)
FLOOD = 200
_NOTIFY = "http://www.w3.org/ns/solid/notifications#"
_CONTEXTS = ["https://www.w3.org/ns/activitystreams", "https://www.w3.org/ns/solid/notification/v1"]


class Call(StrEnum):
    """What the pod does wrong when it calls."""

    LOSES = "N1"
    TWICE = "N2"
    REPLAYS = "N3"
    OTHER_KEY = "N4"
    OTHER_POD = "N5"
    OTHER_ADDRESS = "N6"
    EXPIRED = "N7"
    FLOODS = "N8"
    MILLISECONDS = "N9"
    BREAKS_OFF = "N10"
    NONSENSE = "N11"


@dataclass(slots=True)
class Subscription:
    """One channel; ``answers`` are the statuses that the receiver gave, in their order."""

    id: str
    kind: str
    topic: str
    send_to: str = ""
    answers: list[int] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)


class Gateway(Protocol):
    """A notification service beside the pod, as ESS has one: named in the description instead of ours."""

    base_url: str

    def happened(self, url: str, kind: str, state: str = "") -> None:
        """Something changed in the pod."""
        ...


class PodNotifications:
    """The part of the awkward pod that calls back. ``key`` signs, and stands in the server's key set."""

    def __init__(self, base_url: str, key: jose.SigningKey) -> None:
        self._base_url = base_url
        self._key = key
        self._stranger = jose.generate_key()
        self._mischief: set[Call] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.channels: dict[str, Subscription] = {}
        self.gateway: Gateway | None = None

    def misbehave(self, *kinds: Call) -> None:
        """Do this wrong from now on; without arguments, behave."""
        self._mischief = set(kinds)

    def forget(self) -> None:
        """Lose every channel, as a server that kept them in memory does when it starts anew."""
        self.channels.clear()

    async def told(self) -> None:
        """Wait until everything that happened so far has been told."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def aclose(self) -> None:
        """Break everything off."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self.channels.values():
            for socket in channel.sockets:
                await socket.close()

    @property
    def sender(self) -> str:
        """The WebID that signs webhooks."""
        return f"{self._base_url.rstrip('/')}{BELOW}{WEBHOOK}/webId"

    @property
    def _issuer(self) -> str:
        # Without the slash that the discovery document has: verbatim of the real server.
        return self._base_url.rstrip("/")

    # --- what clients ask ---------------------------------------------------------------------------

    def answers(self, path: str) -> bool:
        """Whether this path is of notifications."""
        return path == DESCRIPTION or path.startswith(BELOW)

    async def answer(
        self, request: web.Request, agent: str | None, may_read: frozenset[str]
    ) -> web.StreamResponse:
        """The description, the sender's document, a subscription, the end of one, or a socket.

        ``may_read`` are the topics among those asked for that ``agent`` may read.
        """
        path = request.rel_url.raw_path
        if path == DESCRIPTION:
            return web.Response(text=self._description(), content_type="text/turtle")
        if path.endswith("/webId"):
            text = f"<> <http://www.w3.org/ns/solid/terms#oidcIssuer> <{self._issuer}>."
            return web.Response(text=text, content_type="text/turtle")
        kind, _, name = path.removeprefix(BELOW).partition("/")
        if request.method == "POST" and not name:
            return await self._subscribe(request, kind, agent, may_read)
        channel = self.channels.get(self._base_url.rstrip("/") + path)
        if channel is None:
            return web.Response(status=404 if request.method == "DELETE" else 400)
        if request.method == "DELETE":
            # Whoever knows the id may: the real server asks for no authorization.
            del self.channels[channel.id]
            return web.Response(status=205)
        return await self._socket(request, channel)

    def _description(self) -> str:
        if self.gateway is not None:
            terms = "http://www.w3.org/ns/solid/terms#"
            named = f"<{terms}notificationGateway> <{self.gateway.base_url}>"
            return f"[ a <{terms}DiscoveryDocument>; {named} ]."
        services = [f"<{self._base_url.rstrip('/')}{BELOW}{kind}/>" for kind in (WEBHOOK, WEBSOCKET)]
        lines = [f"<{self._base_url}> a <http://www.w3.org/ns/pim/space#Storage>."]
        lines += [f"<{self._base_url}> <{_NOTIFY}subscription> {service}." for service in services]
        kinds = zip(services, (WEBHOOK, WEBSOCKET), strict=True)
        lines += [f"{service} <{_NOTIFY}channelType> <{_NOTIFY}{kind}>." for service, kind in kinds]
        return "\n".join(lines)

    async def _subscribe(
        self, request: web.Request, kind: str, agent: str | None, may_read: frozenset[str]
    ) -> web.Response:
        wish: dict[str, Any] = await request.json()
        if agent is None:
            return web.Response(status=401)
        if wish["topic"] not in may_read:
            return web.Response(status=403)
        if wish["type"] != f"{_NOTIFY}{kind}" or (kind == WEBHOOK and not wish.get("sendTo")):
            return web.Response(status=422)
        channel_id = f"{self._base_url.rstrip('/')}{BELOW}{kind}/{secrets.token_hex(16)}"
        channel = Subscription(channel_id, kind, wish["topic"], wish.get("sendTo", ""))
        self.channels[channel_id] = channel
        ends = (datetime.now(UTC) + LIFETIME).isoformat().replace("+00:00", "Z")
        made = {**wish, "id": channel_id, "endAt": ends}
        if kind == WEBHOOK:
            made["sender"] = self.sender
        else:
            made["receiveFrom"] = "ws" + channel_id.removeprefix("http")
        return web.json_response(made, content_type="application/ld+json")

    async def _socket(self, request: web.Request, channel: Subscription) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if Call.BREAKS_OFF in self._mischief:
            await socket.close()
            return socket
        channel.sockets.append(socket)
        with suppress(ConnectionError):
            async for _ in socket:
                pass
        channel.sockets.remove(socket)
        return socket

    # --- what the pod tells -------------------------------------------------------------------------

    def happened(self, url: str, kind: str, state: str = "") -> None:
        """Something changed: tell whoever subscribed, beside the request that changed it."""
        if Call.LOSES in self._mischief:
            return
        if self.gateway is not None:
            self.gateway.happened(url, kind, state)
        for channel in list(self.channels.values()):
            if channel.topic == url:
                self._start(self._tell(channel, activity_of(url, kind, state)))

    def _start(self, telling: Any) -> None:
        task = asyncio.get_running_loop().create_task(telling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, channel: Subscription, activity: Mapping[str, Any]) -> None:
        content = b"hello" if Call.NONSENSE in self._mischief else json.dumps(activity).encode()
        if channel.kind == WEBSOCKET:
            for socket in list(channel.sockets):
                for _ in range(2 if Call.TWICE in self._mischief else 1):
                    with suppress(ConnectionError):  # it may be closing at this moment
                        await socket.send_str(content.decode())
            return
        times = 2 if Call.TWICE in self._mischief else 1
        for _ in range(FLOOD if Call.FLOODS in self._mischief else times):
            headers = self.headers(channel)
            await self.post(channel, headers, content)
            if Call.REPLAYS in self._mischief:
                other = json.dumps({**activity, "state": '"another-text/turtle"'}).encode()
                await self.post(channel, headers, other)

    async def post(self, channel: Subscription, headers: Mapping[str, str], content: bytes) -> int:
        """One POST to the channel, never repeated; the status that came back, 0 without an answer."""
        sent = {**headers, "Content-Type": "application/ld+json"}
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.post(channel.send_to, data=content, headers=sent) as reply,
            ):
                status = reply.status
        except aiohttp.ClientError:
            status = 0
        channel.answers.append(status)
        return status

    def headers(self, channel: Subscription) -> dict[str, str]:
        """``Authorization`` and ``DPoP`` of one webhook, as the mischief wants them."""
        now = int(datetime.now(UTC).timestamp())
        key = self._stranger if Call.OTHER_KEY in self._mischief else self._key
        foreign = Call.OTHER_POD in self._mischief
        sender = "http://other.localhost/.notifications/webId" if foreign else self.sender
        issued = now - 7200 if Call.EXPIRED in self._mischief else now
        unit = 1000 if Call.MILLISECONDS in self._mischief else 1
        head = {} if Call.MILLISECONDS in self._mischief else {"kid": self._key.kid}
        claims = {
            "webid": sender,
            "azp": sender,
            "sub": sender,
            "cnf": {"jkt": jose.thumbprint(key.bare_jwk)},
            "iat": issued * unit,
            "exp": (issued + 1200) * unit,
            "aud": [sender, "solid"],
            "iss": "http://other.localhost" if foreign else self._issuer,
            "jti": secrets.token_hex(16),
        }
        target = channel.send_to + ("x" if Call.OTHER_ADDRESS in self._mischief else "")
        proof = {"htm": "POST", "htu": target, "iat": now * unit, "jti": secrets.token_hex(16)}
        proof_head = {"typ": "dpop+jwt", "jwk": dict(key.bare_jwk)}
        return {
            "Authorization": f"DPoP {key.sign(head, claims)}",
            "DPoP": key.sign(proof_head, proof),
        }


def activity_of(url: str, kind: str, state: str) -> dict[str, Any]:
    """The body, as the real server writes it."""
    now = datetime.now(UTC)
    found = {
        "@context": _CONTEXTS,
        "id": f"urn:{int(now.timestamp() * 1000)}:{url}",
        "type": kind,
        "object": url,
        "published": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {**found, "state": state} if state else found
