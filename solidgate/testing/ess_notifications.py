"""A double of the notification services of Inrupt's Enterprise Solid Server 2.x, from its documentation.

::

    async with AwkwardPod() as pod, EssNotifications() as ess:
        pod.notifications.gateway = ess          # the pod's description now names this service
        pod.put(alice.pod + "a.ttl", b"...")     # whoever subscribed is told, signed per RFC 9421

Two services under one roof: the delivery service (subscriptions, webhooks signed as HTTP messages, retries, a
list of failures), and the older gateway that gives WebSockets. Nothing here was compared with a live server;
which components ESS covers with its signature is not published, so ``cover`` says which are covered here.

What it does wrong on purpose: D1 no signature, D2 a key that it does not publish, D3 an old signature, D4 a
body that was changed on the way, D5 a signature that does not cover the body, D6 the same event twice.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from solidgate.errors import NotAuthenticated
from solidgate.identity import jose, strict_json
from solidgate.identity.http_signature import Message, content_digest, signature_base
from solidgate.identity.structured import inner_lists
from solidgate.testing.pod_notifications import activity_of
from solidgate.testing.pod_tokens import Doorkeeper

COVER = ("@method", "@target-uri", "content-digest")
ATTEMPTS = 3
RETRY_SECONDS = 0.05
LIFETIME = timedelta(days=30)
PAGE = 100
_EVENTS = {"Create": "ResourceCreated", "Update": "ResourceUpdated", "Delete": "ResourceDeleted"}


class Delivery(StrEnum):
    """What the service does wrong when it delivers."""

    UNSIGNED = "D1"
    OTHER_KEY = "D2"
    OLD = "D3"
    OTHER_BODY = "D4"
    UNCOVERED = "D5"
    TWICE = "D6"


@dataclass(slots=True)
class EssSubscription:
    """One subscription; ``answers`` are the statuses of all attempts, ``failures`` the events given up."""

    id: str
    owner: str
    types: tuple[str, ...]
    storage: str
    send_to: str
    expires: datetime
    answers: list[int] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)


class EssNotifications:
    """An aiohttp server on a free port of this machine; see the module."""

    def __init__(self, *, cover: tuple[str, ...] = COVER) -> None:
        self._cover = cover
        self._key, self._stranger = jose.generate_key(), jose.generate_key()
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: dict[str, tuple[str, list[web.WebSocketResponse]]] = {}
        self.mischief: set[Delivery] = set()
        self.subscriptions: dict[str, EssSubscription] = {}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_routes(
            [
                web.post("/", self._negotiate),
                web.post("/ws", self._connect),
                web.get("/ws/{ticket}", self._socket),
                web.get("/jwks", self._jwks),
                web.post("/subscriptions", self._subscribe),
                web.get("/subscriptions", self._list),
                web.get("/subscriptions/{id}", self._show),
                web.delete("/subscriptions/{id}", self._end),
                web.get("/subscriptions/{id}/delivery-failures", self._failures),
            ]
        )
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base_url = f"http://localhost:{self._runner.addresses[0][1]}/"
        self._doorkeeper = Doorkeeper(self.base_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _topic, sockets in self._sockets.values():
            for socket in sockets:
                await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def told(self) -> None:
        """Wait until everything that happened so far has been delivered, or given up."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    # --- the delivery service -----------------------------------------------------------------------

    async def _agent(self, request: web.Request) -> str:
        headers = {name: request.headers.getall(name, []) for name in ("Authorization", "DPoP")}
        url = self.base_url + request.rel_url.raw_path.removeprefix("/")
        try:
            agent = await self._doorkeeper.webid(headers, request.method, url)
        except NotAuthenticated:
            agent = None
        if agent is None:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'DPoP algs="ES256"'})
        return agent

    async def _subscribe(self, request: web.Request) -> web.Response:
        agent, wish = await self._agent(request), await request.json()
        dispatch = wish.get("dispatch", {})
        if not wish.get("type") or not wish.get("storage") or dispatch.get("type") != "webhook":
            return _problem(400, "type, storage and a webhook are needed")
        made = EssSubscription(
            secrets.token_hex(16),
            agent,
            tuple(wish["type"]),
            wish["storage"],
            dispatch["uri"],
            datetime.now(UTC) + LIFETIME,
        )
        self.subscriptions[made.id] = made
        place = f"{self.base_url}subscriptions/{made.id}"
        return web.json_response(self._shown(made), status=201, headers={"Location": place})

    def _shown(self, one: EssSubscription) -> dict[str, Any]:
        return {
            "id": one.id,
            "type": list(one.types),
            "storage": one.storage,
            "dispatch": {"type": "webhook", "uri": one.send_to},
            "status": "ACTIVE",
            "jku": f"{self.base_url}jwks",
            "deliveryFailures": f"{self.base_url}subscriptions/{one.id}/delivery-failures",
            "expiration": one.expires.isoformat().replace("+00:00", "Z"),
        }

    async def _list(self, request: web.Request) -> web.Response:
        agent = await self._agent(request)
        own = [self._shown(one) for one in self.subscriptions.values() if one.owner == agent]
        page, size = int(request.query.get("page", 0)), min(PAGE, int(request.query.get("pageSize", PAGE)))
        response = web.json_response({"items": own[page * size : (page + 1) * size]})
        if len(own) > (page + 1) * size:
            following = f"{self.base_url}subscriptions?page={page + 1}&pageSize={size}"
            response.headers.add("Link", f'<{following}>; rel="next"')
        return response

    async def _own(self, request: web.Request) -> EssSubscription:
        agent = await self._agent(request)
        found = self.subscriptions.get(request.match_info["id"])
        if found is None or found.owner != agent:
            raise web.HTTPNotFound
        return found

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(await self._own(request)))

    async def _end(self, request: web.Request) -> web.Response:
        del self.subscriptions[(await self._own(request)).id]
        return web.Response(status=204)

    async def _failures(self, request: web.Request) -> web.Response:
        return web.json_response({"items": (await self._own(request)).failures})

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [dict(self._key.public_jwk)]})

    # --- what it tells ------------------------------------------------------------------------------

    def happened(self, url: str, kind: str, state: str = "") -> None:
        """A resource changed: deliver to whoever subscribed, and write on the sockets about it."""
        self._deliver(_EVENTS[kind], url, url)
        for topic, sockets in self._sockets.values():
            if topic in (url, url.rpartition("/")[0] + "/"):
                text = json.dumps(activity_of(url, kind, state))
                for socket in sockets:
                    self._start(socket.send_str(text))

    def revoked(self, storage: str) -> None:
        """An access grant was taken back: an event that names no resource."""
        self._deliver("AccessGrantRevoked", storage, "")

    def _deliver(self, kind: str, where: str, resource: str) -> None:
        for one in list(self.subscriptions.values()):
            if kind in one.types and where.startswith(one.storage):
                event = self.event(one, kind, resource)
                for _ in range(2 if Delivery.TWICE in self.mischief else 1):
                    self._start(self._attempts(one, event))

    def _start(self, telling: Any) -> None:
        task = asyncio.get_running_loop().create_task(telling)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def event(self, one: EssSubscription, kind: str, resource: str) -> dict[str, Any]:
        """The body of a delivery."""
        found = {
            "id": f"urn:uuid:{secrets.token_hex(16)}",
            "type": kind,
            "audience": one.owner,
            "controller": one.storage,
            "subscription": f"{self.base_url}subscriptions/{one.id}",
            "published": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        return {**found, "resource": resource} if resource else found

    async def _attempts(self, one: EssSubscription, event: Mapping[str, Any]) -> None:
        """Signed anew each time; an answer of 5xx, 429 or none is tried again, and at last listed."""
        status = 0
        for attempt in range(ATTEMPTS):
            status = await self.post(one, json.dumps(event).encode())
            one.answers.append(status)
            if 0 < status < 500 and status != 429:
                break
            await asyncio.sleep(RETRY_SECONDS * 2**attempt)
        if not 200 <= status < 300:
            one.failures.append({"event": event["id"], "status": status})

    async def post(self, one: EssSubscription, content: bytes) -> int:
        """One delivery; the status that came back, 0 without an answer."""
        headers = self.headers(one.send_to, content)
        if Delivery.OTHER_BODY in self.mischief:
            content += b" "
        with suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as http,
                http.post(one.send_to, data=content, headers=headers) as reply,
            ):
                return reply.status
        return 0

    def headers(self, url: str, content: bytes) -> dict[str, str]:
        """The headers of one delivery, as the mischief wants them."""
        headers = {"Content-Type": "application/json", "Content-Digest": content_digest(content)}
        if Delivery.UNSIGNED in self.mischief:
            return headers
        names = [
            one for one in self._cover if one != "content-digest" or Delivery.UNCOVERED not in self.mischief
        ]
        created = int(datetime.now(UTC).timestamp()) - (3600 if Delivery.OLD in self.mischief else 0)
        listed = " ".join(f'"{name}"' for name in names)
        cover = f'sig=({listed});created={created};keyid="{self._key.kid}";alg="ecdsa-p256-sha256"'
        by_name = {name.lower(): (value,) for name, value in headers.items()}
        base = signature_base(Message("POST", url, by_name, content), inner_lists([cover])["sig"])
        key = self._stranger if Delivery.OTHER_KEY in self.mischief else self._key
        return {**headers, "Signature-Input": cover, "Signature": f"sig=:{signed(key, base)}:"}

    # --- the gateway of before 3.0 ------------------------------------------------------------------

    async def _negotiate(self, request: web.Request) -> web.Response:
        if "ws" not in (await request.json()).get("protocols", []):
            return _problem(400, "only ws is spoken here")
        return web.json_response({"endpoint": f"{self.base_url}ws", "protocol": "ws", "features": []})

    async def _connect(self, request: web.Request) -> web.Response:
        await self._agent(request)
        ticket = secrets.token_hex(16)
        self._sockets[ticket] = ((await request.json())["topic"], [])
        endpoint = f"ws{self.base_url.removeprefix('http')}ws/{ticket}"
        return web.json_response({"endpoint": endpoint, "protocol": "ws", "subprotocol": "solid-0.2"})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["ticket"] not in self._sockets:
            return web.Response(status=404)
        socket = web.WebSocketResponse(protocols=("solid-0.2",))
        await socket.prepare(request)
        sockets = self._sockets[request.match_info["ticket"]][1]
        sockets.append(socket)
        with suppress(ConnectionError):
            async for _ in socket:
                pass
        sockets.remove(socket)
        return socket


def signed(key: jose.SigningKey, base: bytes) -> str:
    """An ES256 signature over a signature base, in base64 (RFC 9421 section 3.3.4)."""
    number = int.from_bytes(strict_json.decode_base64url(key.private_jwk["d"]))
    private = ec.derive_private_key(number, ec.SECP256R1())
    r, s = decode_dss_signature(private.sign(base, ec.ECDSA(hashes.SHA256())))
    return b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()


def _problem(status: int, detail: str) -> web.Response:
    content = {"type": "about:blank", "title": "Bad Request", "status": status, "detail": detail}
    return web.json_response(content, status=status, content_type="application/problem+json")
