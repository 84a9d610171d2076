"""The WebID host: a public document for each person outside their pod, and how a storage describes itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import Host, Problem

ACCESS_PAGE = "http://inrupt.com/ns/ess#ConsentManagementUI"
_PROFILE = """@prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix foaf: <http://xmlns.com/foaf/0.1/>.
<{webid}> a foaf:Agent; solid:oidcIssuer <{issuer}>{more}.
"""
_DESCRIPTION = """@prefix solid: <http://www.w3.org/ns/solid/terms#>.
[] a solid:DiscoveryDocument; solid:provision <{provision}>; {gateway}
  <http://inrupt.com/ns/ess#ConsentManagementUI> <{page}>;
  solid:maxPodsPerOwner "10".
"""


@dataclass(slots=True)
class Profiles:
    """``unlinked`` are people whose profile does not name their pod, ``pages`` their own access pages."""

    host: Host
    ground: Ground
    unlinked: set[str] = field(default_factory=set)
    pages: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.host.add("GET", "/{name}", self._profile)

    async def _profile(self, request: web.Request) -> web.Response:
        webid = f"{self.host.origin}{request.rel_url.raw_path}"
        person = self.ground.people.get(webid)
        if person is None:
            raise Problem(404, "There is no such person.")
        more = "" if webid in self.unlinked else f"; <http://www.w3.org/ns/pim/space#storage> <{person.pod}>"
        more += f"; <{ACCESS_PAGE}> <{self.pages[webid]}>" if webid in self.pages else ""
        text = _PROFILE.format(webid=webid, issuer=self.ground.door.issuer, more=more)
        return web.Response(text=text, content_type="text/turtle")


def description(provision: str, page: str, gateway: str) -> str:
    """``.well-known/solid`` of a storage: about a blank node, as ESS has it; ``gateway`` may be empty."""
    named = f"solid:notificationGateway <{gateway}>;" if gateway else ""
    return _DESCRIPTION.format(provision=provision, page=page, gateway=named)
