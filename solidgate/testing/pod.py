"""A small, honest Solid pod that can be made awkward: resources, containers, WAC or ACP, ETags, DPoP.

::

    async with AwkwardPod() as server:
        alice = server.add_person("alice")
        server.put(alice.pod + "a.ttl", b"<> a <x:Y> .")
        server.misbehave("/alice/a.ttl", Awkward.SLOW, amount=30)
        document = await pods.read(server.access(alice.webid), alice.pod + "a.ttl", max_bytes=1000)

Tokens are verified for real: signature, proof, issuer, profile. Answers are those of the Community Solid
Server (the contract suite holds both to the same tests). ``requests`` is the pod's own log, in the order of
arrival. The behaviours, by number (``docs/reference/awkward-pod.md`` says more):

1 slow, 2 endless body, 3 drip, 4 malformed Turtle, 5 login page with 200, 6 lying Content-Type, 7 429 storm
with Retry-After, 8 reset in mid-body, 9 redirect to another origin, 10 redirect to an inside address, 11 201
but stores something else, 12 wrong, missing or weak ETags, 13 gzip bomb, 14 forgets what was written to an
.acl, 15 access that ends in the middle of a pull, 16 404 for what was listed, 17 huge container, 18 asks for
a DPoP nonce, 19 500s, 20 names an access control list on another server, 21 a date beyond every calendar, 22
stores, then answers 500, 23 refuses every change of access control, 24 names no access
control list at all, 25 refuses to delete,
26 shows an access control list to nobody, 27 lists what is not in the container, 28 stores triples and gives
them back in another form, 29 JSON-LD nested deeper than a parser can bear, 30 another tag, or none, for
HEAD, 31 lists and answers a document at a second address, as where documents are files, 32
ignores the conditions of a write, 33 makes anew what a write under a tag does not find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Self

from aiohttp import web

from solidgate.errors import NotAuthenticated, ProofNonceNeeded
from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.identity.dpop import DpopAccess
from solidgate.pod.access_control import AccessControl
from solidgate.testing.awkward import INSTEAD, Awkward, Mischief
from solidgate.testing.pod_acp import AcpOfPod
from solidgate.testing.pod_answers import PodAnswers, unauthorized
from solidgate.testing.pod_control import ControlOfPod
from solidgate.testing.pod_notifications import PodNotifications
from solidgate.testing.pod_store import CONTAINER_TYPE, Shelves
from solidgate.testing.pod_tokens import Doorkeeper
from solidgate.testing.pod_wac import WacOfPod

__all__ = ["Awkward", "AwkwardPod", "Resident", "SeenRequest"]

NONCE = "a-nonce-of-this-pod"
LARGEST_BODY = 16 * 1024 * 1024
_CONTROLS: Mapping[AccessControl, Callable[[], ControlOfPod]] = {
    AccessControl.WAC: WacOfPod,
    AccessControl.ACP: AcpOfPod,
}


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody with a WebID here, and a pod when ``pod`` is not empty."""

    name: str
    webid: str
    pod: str = ""


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as the pod saw it; ``agent`` is the verified WebID, none for a refused or anonymous one."""

    order: int
    method: str
    path: str
    agent: str | None
    status: int


class AwkwardPod:
    """An aiohttp server on a free port of this machine; see the module. ``control``: ``wac`` or ``acp``."""

    def __init__(self, host: str = "localhost", port: int = 0, *, control: str = "wac") -> None:
        self._host, self._port = host, port
        self._control = _CONTROLS[AccessControl(control)]()
        self._runner: web.AppRunner | None = None
        self._mischief: dict[str, list[Mischief]] = {}
        self._numbers = count(1)
        self.requests: list[SeenRequest] = []

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._serve)
        # The default waits a minute for handlers that never end on purpose.
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.base_url = f"http://{self._host}:{self._port}/"
        self._doorkeeper = Doorkeeper(self.base_url)
        self._shelves = Shelves(self.base_url, self._control)
        self.notifications = PodNotifications(self.base_url, self._doorkeeper.key)
        self._answers = PodAnswers(self.base_url, self._shelves, self._control, self.notifications)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self.notifications.aclose()
            await self._runner.cleanup()

    # --- setting the scene ------------------------------------------------------------------------------

    def add_person(self, name: str, *, link_storage: bool = True) -> Resident:
        """A pod ``/name/`` with a public profile; ``link_storage`` puts pim:storage in it."""
        pod = f"{self.base_url}{name}/"
        card = f"{pod}profile/card"
        person = Resident(name, f"{card}#me", pod)
        self._shelves.roots.add(pod)
        self._shelves.put(pod, b"", CONTAINER_TYPE)
        storage = f"<http://www.w3.org/ns/pim/space#storage> <{pod}> ;" if link_storage else ""
        self._put_profile(person.webid, storage)
        self.put_acl(pod, self._control.document(pod, person.webid, public=False))
        return person

    def add_agent(self, name: str) -> Resident:
        """A WebID without a pod, as a space has one."""
        agent = Resident(name, f"{self.base_url}agents/{name}#it")
        self._put_profile(agent.webid, "")
        return agent

    def access(self, webid: str, *, lifetime: timedelta = timedelta(minutes=5)) -> DpopAccess:
        """A token of this server's own issuer, for a WebID that is here."""
        return self._doorkeeper.access(webid, lifetime=lifetime)

    def put(self, url: str, content: bytes, media_type: str = "text/turtle") -> None:
        """Store a resource without asking anybody."""
        self._answers.keep(url, content, media_type)

    def put_acl(self, target: str, turtle: str) -> None:
        """Store the access document (list or resource) of ``target``."""
        self._shelves.put(target + self._control.suffix, turtle.encode(), CONTAINER_TYPE)

    def content(self, url: str) -> bytes | None:
        """What is stored there; none is an answer."""
        stored = self._shelves.get(url)
        return stored.content if stored else None

    def misbehave(
        self,
        path: str,
        kind: Awkward,
        *,
        amount: float = 0,
        text: str = "",
        times: int | None = None,
        after: int = 0,
    ) -> None:
        """Be awkward at this path (``*``: everywhere): ``after`` good answers, then ``times`` bad ones.

        Two addresses of one document are of the whole server, and from now on.
        """
        self._shelves.two_addresses |= kind is Awkward.TWO_ADDRESSES
        self._mischief.setdefault(path, []).append(Mischief(kind, amount, text, times, after))

    def behave(self) -> None:
        """Be good again, everywhere."""
        self._mischief.clear()

    def mark(self) -> int:
        """A place in the log; pass it to the ``*_since`` methods, as with the real server."""
        return len(self.requests)

    def requests_since(self, mark: int = 0) -> list[SeenRequest]:
        """Every request since ``mark``, in the order of arrival."""
        return self.requests[mark:]

    def webids_since(self, mark: int = 0) -> list[str]:
        """The verified WebIDs of the requests since ``mark``."""
        return [seen.agent for seen in self.requests[mark:] if seen.agent is not None]

    def _put_profile(self, webid: str, more: str) -> None:
        url = webid.partition("#")[0]
        issuer = f"<http://www.w3.org/ns/solid/terms#oidcIssuer> <{self.base_url}>"
        self.put(url, f"<{webid}> {more} {issuer} .".encode())
        self.put_acl(url, self._control.document(url, webid, public=True))

    # --- serving ----------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        path, caller, status = request.rel_url.raw_path, None, 0
        try:
            if path in ("/.well-known/openid-configuration", "/jwks"):
                response: web.StreamResponse = self._issuer(path)
            else:
                bent = {m.kind: m for key in (path, "*") for m in self._mischief.get(key, ()) if m.strikes()}
                if Awkward.SLOW in bent:
                    await asyncio.sleep(bent[Awkward.SLOW].amount or 30)
                caller = await self._caller(request, nonce=Awkward.NONCE in bent)
                if self.notifications.answers(path):
                    response = await self._notifications(request, caller)
                    status = response.status
                    return response
                instead = next((kind for kind in bent if kind in INSTEAD), None)
                if instead is not None:
                    response = await INSTEAD[instead](request, bent[instead])
                else:
                    response = await self._answers.answer(request, caller, bent)
            status = response.status
            return response
        except ProofNonceNeeded:
            status = 401
            challenge = 'DPoP error="use_dpop_nonce"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge, "DPoP-Nonce": NONCE})
        except NotAuthenticated:
            status = 401
            return unauthorized()
        finally:
            agent = caller.webid if caller else None
            self.requests.append(SeenRequest(number, request.method, path, agent, status))
            self.requests.sort(key=lambda seen: seen.order)

    async def _caller(self, request: web.Request, *, nonce: bool) -> VerifiedAccessToken | None:
        headers = {name: request.headers.getall(name, []) for name in ("Authorization", "DPoP")}
        url = self.base_url + request.rel_url.raw_path.removeprefix("/")
        return await self._doorkeeper.caller(headers, request.method, url, NONCE if nonce else None)

    def _issuer(self, path: str) -> web.Response:
        if path == "/jwks":
            return web.json_response({"keys": [dict(self._doorkeeper.key.public_jwk)]})
        return web.json_response({"issuer": self.base_url, "jwks_uri": f"{self.base_url}jwks"})

    async def _notifications(
        self, request: web.Request, caller: VerifiedAccessToken | None
    ) -> web.StreamResponse:
        asked = await request.json() if request.method == "POST" else {}
        topic = str(asked.get("topic", ""))
        may_read = frozenset({topic} if "read" in self._shelves.modes(topic, caller) else ())
        return await self.notifications.answer(request, caller.webid if caller else None, may_read)
