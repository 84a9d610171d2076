"""Who may do what at the storage: tokens, policies, receipts; and the access control resources themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from solidgate.errors import NotAuthenticated
from solidgate.pod.container import ancestors
from solidgate.testing.ess import acp
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import Problem
from solidgate.testing.ess.receipts import Receipts
from solidgate.testing.ess.representations import body_of, update_text, updated
from solidgate.testing.ess.tickets import Tickets

ACR_QUERY = "ext=acr"
NEEDS = {
    "GET": "Read",
    "HEAD": "Read",
    "OPTIONS": "Read",
    "PUT": "Write",
    "DELETE": "Write",
    "POST": "Append",
}


@dataclass(slots=True)
class StorageAccess:
    """``receipts`` are those of 3.x; ``acrs`` are the access control resources that somebody wrote."""

    ground: Ground
    tickets: Tickets
    receipts: Receipts | None = None
    acrs: dict[str, bytes] = field(default_factory=dict)

    def own(self, pod: str, owner: str) -> None:
        """The pod is this person's."""
        self.acrs[pod] = acp.owner_acr(acr_of(pod), pod, owner)

    def named(self, url: str) -> str:
        """The resource by its path, also where a canonical identifier named it."""
        return self.receipts.path(url) if self.receipts else url

    def open_to_grants(self, url: str, modes: frozenset[str], *, inherit: bool) -> None:
        """What approving does in 2.x: a matcher for access grants on the resource."""
        content = self.acrs.get(url, acp.empty_acr(acr_of(url), url))
        self.acrs[url] = acp.with_grants(content, acr_of(url), modes, inherit=inherit)

    async def modes(self, request: web.Request, url: str) -> frozenset[str]:
        """The modes of whoever asks. A refusal where they are too few, with a ticket for a way to more."""
        needed = self._needed(request, url)
        try:
            shown, most = await self._shown(request, url)
        except NotAuthenticated:
            raise self._unauthorized(request, url, needed) from None
        above = [(acr_of(one), self.acrs[one]) for one in ancestors(url, 64) if one in self.acrs]
        own = (acr_of(url), self.acrs[url]) if url in self.acrs else None
        found = acp.modes(own, above, shown) & most
        if self.receipts and shown.agent is not None:
            found |= self.receipts.modes(shown.agent, url)
        if needed in found or (needed == "Append" and "Write" in found):
            return found
        if shown.agent is None:
            raise self._unauthorized(request, url, needed)
        raise Problem(403, "The client does not have access to this resource.")

    def _needed(self, request: web.Request, url: str) -> str:
        if request.query_string == ACR_QUERY:
            return "Control"
        return NEEDS.get(request.method, "Append" if request.method == "PATCH" else "Write")

    async def _shown(self, request: web.Request, url: str) -> tuple[acp.Shown, frozenset[str]]:
        """What the credentials prove, and the most that they can open. Raises ``NotAuthenticated``."""
        everything = acp.MODES
        if self.ground.uma:
            granted = self.tickets.granted(request, url)
            if granted is not None:
                return granted
        caller = await self.ground.caller(request, self.ground.origins.storage)
        self.ground.refuse_unlisted(caller, request.rel_url.raw_path)
        if caller is None:
            return acp.Shown(), everything
        owner = caller.webid == self.ground.owner_of(url)
        shown = acp.Shown(caller.webid, caller.client_id, self.ground.door.issuer, owner=owner)
        return shown, everything

    def _unauthorized(self, request: web.Request, url: str, needed: str) -> Problem:
        headers = self.tickets.challenge(url, needed, request.rel_url.raw_path) if self.ground.uma else []
        if not self.ground.uma:
            headers = [("WWW-Authenticate", "Bearer")]
        if self.ground.odd.strikes(Odd.WITHOUT_CHALLENGE, request.rel_url.raw_path):
            headers = []
        return Problem(401, "Authentication is needed.", headers=headers)

    async def control(self, request: web.Request, url: str) -> web.Response:
        """The access control resource of what stands at ``url``: read, put, patched or removed."""
        acr = acr_of(url)
        content = self.acrs.get(url, acp.empty_acr(acr, url))
        if request.method in ("GET", "HEAD"):
            kind = f'<{acp.ACP}AccessControlResource>; rel="type"'
            return web.Response(body=content, headers={"Content-Type": "text/turtle", "Link": kind})
        if request.method == "DELETE":
            self.acrs.pop(url, None)
            return web.Response(status=204)
        if request.method == "PATCH":
            content = updated(content, acr, await update_text(request))
        elif request.method == "PUT":
            content, _ = await body_of(request)
        else:
            raise Problem(405, "An access control resource is read, put, patched and deleted.")
        if not acp.parses(content, acr):
            raise Problem(400, "The access control resource does not parse.")
        self.acrs[url] = content
        return web.Response(status=204)


def acr_of(url: str) -> str:
    """Where the access control resource of this one stands; clients read it from the Link header."""
    return f"{url}?{ACR_QUERY}"
