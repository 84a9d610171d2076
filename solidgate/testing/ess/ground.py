"""What the hosts of one double share: addresses, people, the time, the behaviours, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from solidgate.errors import NotAuthenticated
from solidgate.testing.ess.behaviours import Odd, Oddities
from solidgate.testing.ess.host import CALLER, Problem
from solidgate.testing.pod_tokens import Doorkeeper


@dataclass(frozen=True, slots=True)
class EssPerson:
    """Somebody with an account: a WebID outside the pod, a pod, a login, and client credentials."""

    name: str
    webid: str
    pod: str
    username: str
    password: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified WebID and the client that acts for it."""

    webid: str
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of the hosts, each without a slash at its end."""

    openid: str
    id: str
    storage: str
    vc: str
    uma: str
    access: str
    platform: str


@dataclass(slots=True)
class Ground:
    """See the module. ``bearer`` answers for the tokens of ESS 3.x; ``later`` is added to the time."""

    generation: str
    origins: Origins
    door: Doorkeeper
    odd: Oddities
    people: dict[str, EssPerson] = field(default_factory=dict)
    later: timedelta = timedelta(0)
    bearer: Callable[[str], Caller | None] = lambda token: None

    @property
    def uma(self) -> bool:
        """Whether this generation has an authorization server of its own for grants."""
        return self.generation == "2.x"

    def now(self) -> datetime:
        """The time of credentials, tickets and their tokens; whole milliseconds."""
        now = datetime.now(UTC) + self.later
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def owner_of(self, url: str) -> str | None:
        """Whose pod this address lies in."""
        return next((person.webid for person in self.people.values() if url.startswith(person.pod)), None)

    async def caller(self, request: web.Request, origin: str) -> Caller | None:
        """Who asks; none without credentials. Raises ``NotAuthenticated``."""
        found = await self._solid_caller(request, origin) if self.uma else self._bearer_caller(request)
        if found is not None:
            request[CALLER] = found.webid
        return found

    async def known_caller(self, request: web.Request, origin: str) -> Caller:
        """Who asks. A refusal for everybody without good credentials."""
        scheme = "DPoP" if self.uma else "Bearer"
        try:
            found = await self.caller(request, origin)
        except NotAuthenticated:
            found, scheme = None, f'{scheme} error="invalid_token"'
        if found is None:
            raise Problem(401, "Authentication is needed.", headers=[("WWW-Authenticate", scheme)])
        return found

    async def _solid_caller(self, request: web.Request, origin: str) -> Caller | None:
        headers = {name: request.headers.getall(name, []) for name in ("Authorization", "DPoP")}
        url = origin + request.rel_url.raw_path
        found = await self.door.caller(headers, request.method, url)
        return None if found is None else Caller(found.webid, found.client_id)

    def _bearer_caller(self, request: web.Request) -> Caller | None:
        given = request.headers.getall("Authorization", [])
        if not given:
            return None
        scheme, _, token = given[0].partition(" ")
        found = self.bearer(token.strip()) if scheme.lower() == "bearer" and len(given) == 1 else None
        if found is None:
            raise NotAuthenticated("not a token of this server")
        return found

    def refuse_unlisted(self, caller: Caller | None, path: str) -> None:
        """303: the client is not on the deployment's list."""
        if caller is not None and self.odd.strikes(Odd.UNLISTED_CLIENT, path):
            raise Problem(403, "The client is not allowed to use this service.")
