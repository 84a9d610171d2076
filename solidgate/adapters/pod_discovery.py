"""Which kind of server a storage lives on, found by asking it: nobody configures that.

1. A request without credentials to the pod's root. A challenge with a UMA ticket is ESS 2.x, and names its
   authorization server, whose configuration names the grant service.
2. Refused without such a challenge, the storage may name an OAuth authorization server that exchanges tokens
   (RFC 9728, RFC 8414) and a grant service (``solid:accessIssuer``), or stand under the names that the
   documentation of ESS gives them (``storage.``, ``platform.``, ``vc.``): that is ESS 3.x.
3. Anything else is a server that follows the Solid Protocol.

Only a refusal tells. A pod whose root is public says nothing of its server: what another pod of the same
origin told counts for it, and what it answers counts for no other.

Services that do not belong to the storage (``pod.origin``) are not believed.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from urllib.parse import urlsplit

from pyoxigraph import NamedNode, Quad

from solidgate.adapters.ess_calls import EssCalls
from solidgate.adapters.issuer_cache import TimedCache
from solidgate.adapters.solid_requests import CONTAINER_ACCEPT, fault
from solidgate.adapters.uma import UmaTokens
from solidgate.errors import AuthorizationServerUntrusted, FetchTooLarge, FetchUnexpected, PodFault
from solidgate.pod.address import is_normal
from solidgate.pod.challenge import uma_ticket
from solidgate.pod.container import document
from solidgate.pod.origin import belongs_to
from solidgate.pod.origin import origin as parts_of
from solidgate.pod.platform import Platform, ServerKind, read_exchange, read_grant_service
from solidgate.pod.rdf import CONTROL_ACCEPT, control_document, objects
from solidgate.ports import Clock
from solidgate.vocab import ESS, SOLID

MOST_ROOTS = 4096
_PLAIN = Platform(ServerKind.SOLID)
_VC = "/.well-known/vc-configuration"


class PodDiscovery:
    """What was found is kept for ``seconds`` a pod; a fault for a moment only.

    That an origin opens by grants is kept until one of its pods refuses as another kind of server would:
    a grant must stay revocable when its pod's root becomes public.
    """

    def __init__(self, calls: EssCalls, uma: UmaTokens, clock: Clock, seconds: float) -> None:
        self._calls = calls
        self._uma = uma
        self._found: TimedCache[Platform | None] = TimedCache(
            clock.monotonic, seconds=seconds, fault_seconds=5, size=MOST_ROOTS
        )
        self._exchanges: TimedCache[Platform] = TimedCache(
            clock.monotonic, seconds=seconds, fault_seconds=5, size=MOST_ROOTS
        )
        self._granting: OrderedDict[str, Platform] = OrderedDict()

    async def platform(self, url: str) -> Platform:
        """The deployment that this storage, or resource, belongs to. Raises pod faults."""
        origin, root = _place(url)
        found = await self._found.get(root, lambda: self._learned(origin, root))
        return found or self._granting.get(origin, _PLAIN)

    def known(self, url: str) -> Platform | None:
        """The same, when its root was asked lately; none when that has to be waited for."""
        origin, root = _place(url)
        kept = self._found.kept(root)
        return None if kept is None else kept[0] or self._granting.get(origin, _PLAIN)

    async def access_page(self, webid: str, storage: str) -> str | None:
        """Where this owner approves requests; what the profile says comes first, and any fault is a no."""
        parts = urlsplit(storage)
        for url, subject in (
            (document(webid), webid),
            (f"{parts.scheme}://{parts.netloc}/.well-known/solid", None),
        ):
            try:
                quads = await self._triples(url)
            except PodFault:
                continue
            for found in _objects(quads, subject, ESS.ConsentManagementUI):
                if parts_of(found)[0] in ("https", parts.scheme):
                    return found
        return None

    async def _learned(self, origin: str, root: str) -> Platform | None:
        found = await self._discovered(origin, root)
        if found is not None:
            self._granting.pop(origin, None)
            if found.kind.by_grant:
                self._granting[origin] = found
                while len(self._granting) > MOST_ROOTS:
                    self._granting.popitem(last=False)
        return found

    async def _discovered(self, origin: str, root: str) -> Platform | None:
        """What the refusal of this root tells; none when it is not refused."""
        try:
            reply = await self._calls.get(root, accepted=CONTAINER_ACCEPT)
        except (FetchTooLarge, FetchUnexpected):
            return None
        ticket = uma_ticket(reply.header_values("WWW-Authenticate")) if reply.status == 401 else None
        if ticket is not None:
            server = await self._uma.server(ticket.as_uri, origin)
            if not server.credential_issuer:
                return _PLAIN  # UMA without grants: the person's own token opens, and lists decide
            if not belongs_to(server.credential_issuer, origin):
                raise AuthorizationServerUntrusted("the grant service is not beside the storage")
            return Platform(ServerKind.ESS_2, ticket.as_uri, server.credential_issuer)
        if reply.status == 429 or reply.status >= 500:
            raise fault(reply)
        if reply.status != 401:
            return None
        # What is asked now is of the origin, whichever pod led there.
        return await self._exchanges.get(origin, lambda: self._exchanging(origin))

    async def _exchanging(self, origin: str) -> Platform:
        """ESS 3.x, if both of its services are found; no fault of a service that is not there is one."""
        issuer = await self._access_issuer(origin)
        endpoint = await self._token_endpoint(origin)
        beside = _beside(origin)
        if beside is not None and not (issuer and endpoint):
            with suppress(PodFault):
                read_grant_service(await self._calls.document(f"{beside[0]}{_VC}"), beside[0])
                issuer, endpoint = beside[0], f"{beside[1]}/access/token"
        if not issuer or not endpoint:
            return _PLAIN
        if not belongs_to(endpoint, origin) or not belongs_to(issuer, origin):
            raise AuthorizationServerUntrusted("a service that the storage names is not beside it")
        return Platform(ServerKind.ESS_3, endpoint, issuer)

    async def _access_issuer(self, origin: str) -> str:
        with suppress(PodFault):
            quads = await self._triples(f"{origin}/.well-known/solid")
            return next(iter(_objects(quads, None, SOLID.accessIssuer)), "")
        return ""

    async def _token_endpoint(self, origin: str) -> str:
        """Of the first authorization server that the storage names, if that one exchanges tokens."""
        with suppress(PodFault):
            resource = await self._calls.document(f"{origin}/.well-known/oauth-protected-resource")
            servers = resource.get("authorization_servers")
            if isinstance(servers, list) and servers and belongs_to(str(servers[0]), origin):
                url = str(servers[0]).rstrip("/") + "/.well-known/oauth-authorization-server"
                return read_exchange(await self._calls.document(url), str(servers[0]))
        return ""

    async def _triples(self, url: str) -> list[Quad]:
        reply = await self._calls.get(url, accepted=CONTROL_ACCEPT)
        if reply.status != 200:
            raise fault(reply)
        return control_document(reply.content, reply.headers.get("Content-Type"), reply.url)


def _place(url: str) -> tuple[str, str]:
    """The origin and the root of the pod: the first segment, where a server keeps many pods."""
    if is_normal(url):
        scheme, _, host, rest = url.split("/", 3)
        origin, path = f"{scheme}//{host}", f"/{rest}"
    else:
        parts = urlsplit(url)
        origin, path = f"{parts.scheme}://{parts.netloc}", parts.path
    first = path.strip("/").partition("/")[0]
    # A resource itself may be public, and is no root.
    return origin, f"{origin}/{first}/" if first and path.count("/") > 1 else f"{origin}/"


def _beside(origin: str) -> tuple[str, str] | None:
    """The grant service and the platform by the names of the documentation; none for another host's name."""
    scheme, _, host = origin.partition("://")
    first, _, rest = host.partition(".")
    return (f"{scheme}://vc.{rest}", f"{scheme}://platform.{rest}") if first == "storage" and rest else None


def _objects(quads: list[Quad], subject: str | None, predicate: NamedNode) -> list[str]:
    """The addresses in this relation to ``subject``; to anything, since a description has a blank node."""
    if subject is not None:
        return objects(quads, subject, predicate)
    named = (quad.object for quad in quads if quad.predicate == predicate)
    return list(dict.fromkeys(term.value for term in named if isinstance(term, NamedNode)))
