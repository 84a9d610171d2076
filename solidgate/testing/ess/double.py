"""``EssDouble``: all hosts of one server together, and what a test does instead of its people."""

from __future__ import annotations

import secrets
import ssl
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

from aiohttp import web

from solidgate.identity.dpop import DpopAccess
from solidgate.testing.certificates import make_certificate
from solidgate.testing.ess.access_page import PATH, AccessPage
from solidgate.testing.ess.answers import Answers
from solidgate.testing.ess.behaviours import Odd, Oddities
from solidgate.testing.ess.clients import Client, Clients
from solidgate.testing.ess.consents import short_mode
from solidgate.testing.ess.credentials import Vault
from solidgate.testing.ess.grant_service import GrantService
from solidgate.testing.ess.ground import Caller, EssPerson, Ground, Origins
from solidgate.testing.ess.host import Host, SeenRequest
from solidgate.testing.ess.openid import OpenId
from solidgate.testing.ess.platform import Platform
from solidgate.testing.ess.profiles import Profiles, description
from solidgate.testing.ess.receipts import Receipts
from solidgate.testing.ess.storage import Storage
from solidgate.testing.ess.storage_access import StorageAccess
from solidgate.testing.ess.tickets import Tickets
from solidgate.testing.ess.uma import Uma
from solidgate.testing.pod_tokens import Doorkeeper

HOSTS = ("openid", "id", "storage", "vc", "uma", "access", "platform")


class EssDouble:
    """See ``solidgate.testing.ess``. Every host is an origin of its own on a free port of this machine.

    ``tls``: serve https with an authority of its own (``ca_file``); ``notification_url``: the gateway that
    the storage names; ``uma_dpop``: bind tokens to the key of a proof that comes with the token request;
    ``login``: the person who is logged in at the OpenID host, empty for a form.
    """

    def __init__(
        self,
        generation: Literal["2.x", "3.x"] = "2.x",
        *,
        tls: bool = False,
        notification_url: str = "",
        uma_dpop: bool = False,
        login: str = "",
    ) -> None:
        self._generation, self._tls, self._uma_dpop, self._login = generation, tls, uma_dpop, login
        self._notification_url = notification_url
        self._left = AsyncExitStack()
        self.odd = Oddities()
        self.requests: list[SeenRequest] = []
        self.ca_file: Path | None = None

    async def __aenter__(self) -> Self:
        certificate, trusted = self._certificates()
        orders = count(1)
        self._hosts = {name: Host(name, self.requests, orders, tls=self._tls) for name in HOSTS}
        origins = Origins(**{name: host.origin for name, host in self._hosts.items()})
        # Inrupt's JavaScript client leaves ``ath`` out of its proofs.
        door = Doorkeeper(origins.openid, require_ath=False, trusted=trusted)
        self.ground = Ground(self._generation, origins, door, self.odd)
        self.vault = Vault(self.ground, origins.vc)
        self._make_services(trusted)
        for host in self._hosts.values():
            self._left.push_async_callback(host.stop)
            await host.start(certificate)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._left.aclose()

    def _certificates(self) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
        if not self._tls:
            return None, None
        folder = self._left.enter_context(tempfile.TemporaryDirectory(prefix="ess-double-"))
        made = make_certificate(Path(folder))
        self.ca_file = made.authority
        return made.served, made.trust

    def _make_services(self, trusted: ssl.SSLContext | None) -> None:
        hosts, ground, vault = self._hosts, self.ground, self.vault
        self.clients = Clients(ground, trusted)
        tickets = Tickets(ground, vault.is_revoked)
        self._receipts = Receipts(vault)
        said = description(f"{ground.origins.access}/provision/", self.access_ui_url, self._notification_url)
        access = StorageAccess(ground, tickets, None if ground.uma else self._receipts)
        if not ground.uma:
            said += f"\n[] <http://www.w3.org/ns/solid/terms#accessIssuer> <{self.vc_url}>."
            hosts["storage"].add("GET", "/.well-known/oauth-protected-resource", self._protected)
        self.storage = Storage(hosts["storage"], ground, access, said)
        self._answers = Answers(vault, access)
        self.openid = OpenId(hosts["openid"], ground, self.clients, self._login)
        self._profiles = Profiles(hosts["id"], ground)
        GrantService(hosts["vc"], ground, vault)
        AccessPage(hosts["access"], ground, vault, self._answers.approve, self._answers.deny)
        if ground.uma:
            Uma(hosts["uma"], ground, tickets, vault, self._uma_dpop)
        else:
            self.platform = Platform(hosts["platform"], ground, self.clients)

    # --- addresses ---------------------------------------------------------------------------------------

    @property
    def openid_url(self) -> str:
        """The issuer, without a slash at its end."""
        return self.ground.origins.openid

    @property
    def storage_url(self) -> str:
        """The storage host, with a slash."""
        return f"{self.ground.origins.storage}/"

    @property
    def vc_url(self) -> str:
        """The issuer of credentials, without a slash."""
        return self.ground.origins.vc

    @property
    def uma_url(self) -> str:
        """The authorization server, without a slash; nobody answers there in 3.x."""
        return self.ground.origins.uma

    @property
    def platform_url(self) -> str:
        """The platform of 3.x, without a slash; nobody answers there in 2.x."""
        return self.ground.origins.platform

    @property
    def access_ui_url(self) -> str:
        """The access management page, with a slash."""
        return f"{self.ground.origins.access}{PATH}"

    # --- setting the scene -------------------------------------------------------------------------------

    def add_person(self, name: str, *, link_storage: bool = True, access_page: str = "") -> EssPerson:
        """A WebID, a pod and client credentials; the profile names the pod, and the access page if given."""
        origins = self.ground.origins
        root = f"{origins.storage}/{uuid.uuid5(uuid.NAMESPACE_URL, origins.storage + name)}/"
        person = EssPerson(
            name,
            webid=f"{origins.id}/{name}",
            pod=root if self.ground.uma else f"{root}sp/",
            username=name,
            password=secrets.token_urlsafe(9),
            client_id=str(uuid.uuid4()),
            client_secret=secrets.token_urlsafe(24),
        )
        self.ground.people[person.webid] = person
        self.clients.add(Client(person.client_id, (), person.client_secret, person.webid))
        self.storage.make_pod(person.pod, person.webid)
        if not link_storage:
            self._profiles.unlinked.add(person.webid)
        if access_page:
            self._profiles.pages[person.webid] = access_page
        return person

    def put(self, url: str, content: bytes, media_type: str = "text/turtle") -> None:
        """Store a resource without asking anybody."""
        self.storage.shelves.put(url, content, media_type)

    def get(self, url: str) -> bytes | None:
        """What is stored there; none is an answer."""
        stored = self.storage.shelves.get(url)
        return stored.content if stored else None

    def acr(self, url: str) -> bytes | None:
        """The access control resource that was stored for this one."""
        return self.storage.access.acrs.get(url)

    def canonical(self, url: str) -> str:
        """3.x: the canonical identifier of what stands at this path."""
        return self._receipts.canonical(url)

    def access(self, webid: str, *, lifetime: timedelta = timedelta(minutes=5)) -> DpopAccess:
        """A Solid-OIDC access of one of the people."""
        return self.ground.door.access(webid, lifetime=lifetime)

    def bearer(self, webid: str, client_id: str = "") -> str:
        """3.x: a token of the platform for one of the people."""
        return self.platform.mint(Caller(webid, client_id))

    def advance(self, time: timedelta) -> None:
        """Let credentials, tickets and their tokens grow older; OpenID tokens and proofs do not."""
        self.ground.later += time

    def misbehave(
        self,
        kind: Odd,
        at: str = "*",
        *,
        amount: float = 0,
        text: str = "",
        times: int | None = None,
        after: int = 0,
    ) -> None:
        """Be odd, at this path or everywhere: ``after`` good answers, then ``times`` odd ones (none: all)."""
        self.odd.add(kind, at, amount=amount, text=text, times=times, after=after)

    def behave(self) -> None:
        """Be good again, everywhere."""
        self.odd.clear()

    # --- what people do at the access page ---------------------------------------------------------------

    def approve(
        self,
        request_id: str,
        modes: Iterable[str] | None = None,
        resources: Sequence[str] | None = None,
        expires: datetime | None = None,
    ) -> dict[str, Any]:
        """Grant a request as its owner would, or less of it; the grant as JSON. KeyError: no such request."""
        chosen = None if modes is None else [short_mode(mode) for mode in modes]
        return dict(self._answers.approve(request_id, chosen, resources, expires).document)

    def deny(self, request_id: str) -> dict[str, Any]:
        """Refuse a request as its owner would; the denial as JSON. KeyError: no such request."""
        return dict(self._answers.deny(request_id).document)

    def revoke(self, credential_id: str) -> None:
        """Take a grant back, or a request. KeyError: no such credential."""
        held = self.vault.get(credential_id)
        if held is None:
            raise KeyError(credential_id)
        self.vault.revoke(held)

    async def _protected(self, request: web.Request) -> web.Response:
        """3.x: which server gives tokens for the storage (RFC 9728); ESS documents nothing of the kind."""
        origins = self.ground.origins
        return web.json_response({"resource": origins.storage, "authorization_servers": [origins.platform]})
