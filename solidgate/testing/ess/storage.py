"""The storage host: pods below ``/<uuid>/``, ACP, the challenge in three parts, SPARQL Update, problems."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field

from aiohttp import web
from pyoxigraph import DefaultGraph, RdfFormat, Store, parse, serialize

from solidgate.errors import NotAuthenticated
from solidgate.pod.container import ancestors, is_container
from solidgate.testing.ess import acp
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import Host, Problem
from solidgate.testing.ess.receipts import Receipts
from solidgate.testing.ess.tickets import Tickets
from solidgate.testing.pod_store import CONTAINER_TYPE, Shelves, Stored

ACR_QUERY = "ext=acr"
LDP = "http://www.w3.org/ns/ldp#"
PIM_STORAGE = "http://www.w3.org/ns/pim/space#Storage"
MEDIA_TYPES = "http://www.w3.org/ns/iana/media-types/"
FORMATS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
}
NEEDS = {
    "GET": "Read",
    "HEAD": "Read",
    "OPTIONS": "Read",
    "PUT": "Write",
    "DELETE": "Write",
    "POST": "Append",
}
_INSERT_ONLY = re.compile(
    r"^\s*(?:prefix\s+\S+\s+<[^>]*>\s*|base\s+<[^>]*>\s*)*insert\s+data\b", re.IGNORECASE
)


@dataclass(slots=True)
class Storage:
    """All pods; ``description`` is the Turtle of ``/.well-known/solid``, ``receipts`` are those of 3.x."""

    host: Host
    ground: Ground
    tickets: Tickets
    description: str
    receipts: Receipts | None = None
    shelves: Shelves = field(init=False)
    acrs: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shelves = Shelves(f"{self.host.origin}/")
        self.host.add("GET", "/.well-known/solid", self._described)
        self.host.add("*", "/{path:.*}", self._serve)

    # --- what the double itself does ---------------------------------------------------------------------

    def make_pod(self, pod: str, owner: str) -> None:
        """A new pod that its owner controls."""
        self.shelves.roots.add(pod)
        self.shelves.put(pod, b"", CONTAINER_TYPE)
        self.acrs[pod] = acp.owner_acr(acr_of(pod), pod, owner)

    def open_to_grants(self, url: str, modes: frozenset[str], *, inherit: bool) -> None:
        """What approving does in 2.x: a matcher for access grants on the resource."""
        content = self.acrs.get(url, acp.empty_acr(acr_of(url), url))
        self.acrs[url] = acp.with_grants(content, acr_of(url), modes, inherit=inherit)

    # --- serving -----------------------------------------------------------------------------------------

    async def _described(self, request: web.Request) -> web.Response:
        return web.Response(text=self.description, content_type="text/turtle")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        url = self.host.origin + request.rel_url.raw_path
        url = self.receipts.path(url) if self.receipts else url
        await self._disturb(request)
        modes = await self._modes(request, url)
        if request.query_string == ACR_QUERY:
            return await self._control(request, url)
        stored = self.shelves.get(url)
        if request.method in ("GET", "HEAD"):
            return self._read(request, url, stored)
        if request.method == "OPTIONS":
            return self._with_links(web.Response(status=204), url)
        if request.method not in ("PUT", "POST", "PATCH", "DELETE"):
            raise Problem(405, "The method is not known here.")
        self._check_condition(request, stored)
        change = {"PUT": self._put, "POST": self._post, "PATCH": self._patch, "DELETE": self._delete}
        return await change[request.method](request, url, stored, modes)

    async def _disturb(self, request: web.Request) -> None:
        path = request.rel_url.raw_path
        if slow := self.ground.odd.strikes(Odd.STORAGE_SLOW, path):
            await asyncio.sleep(slow.amount or 30)
        if storm := self.ground.odd.strikes(Odd.STORAGE_STORM, path):
            again = [("Retry-After", storm.text or str(int(storm.amount)))]
            raise Problem(429, "Too many requests.", headers=again)
        if broken := self.ground.odd.strikes(Odd.STORAGE_BROKEN, path):
            raise Problem(int(broken.amount or 500), "Something went wrong.")

    async def _modes(self, request: web.Request, url: str) -> frozenset[str]:
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
        caller = await self.ground.caller(request, self.host.origin)
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

    def _read(self, request: web.Request, url: str, stored: Stored | None) -> web.Response:
        if stored is None:
            raise Problem(404, "There is no such resource.")
        body = self._listing(url) if is_container(url) else stored.content
        body, kind = _negotiated(body, stored.media_type, request.headers.get("Accept", "*/*"), url)
        etag = self._etag(request, stored)
        if etag and request.headers.get("If-None-Match") == etag:
            return self._with_links(web.Response(status=304, headers={"ETag": etag}), url)
        response = web.Response(body=body, headers={"Content-Type": kind})
        if etag:
            response.headers["ETag"] = etag
        return self._with_links(response, url)

    def _etag(self, request: web.Request, stored: Stored) -> str:
        path, opaque = request.rel_url.raw_path, f'"{stored.version:x}"'
        if self.ground.odd.strikes(Odd.MISSING_ETAG, path):
            return ""
        return f"W/{opaque}" if self.ground.odd.strikes(Odd.WEAK_ETAG, path) else opaque

    def _listing(self, url: str) -> bytes:
        lines = [self.shelves.listing(url).decode()]
        for member in self.shelves.members(url):
            stored = self.shelves.get(member)
            kind = stored.media_type if stored and not is_container(member) else CONTAINER_TYPE
            lines.append(f"<{member}> a <{MEDIA_TYPES}{kind}#Resource>.")
        return "\n".join(lines).encode()

    def _with_links(self, response: web.Response, url: str) -> web.Response:
        types = [
            f"{LDP}Resource",
            *([f"{LDP}Container", f"{LDP}BasicContainer"] if is_container(url) else []),
        ]
        types += [PIM_STORAGE] if url in self.shelves.roots else []
        for kind in types:
            response.headers.add("Link", f'<{kind}>; rel="type"')
        response.headers.add("Link", f'<{acr_of(url)}>; rel="acl"')
        if self.receipts:
            response.headers.add("Link", f'<{self.receipts.canonical(url)}>; rel="canonical"')
        response.headers["Allow"] = "GET, HEAD, OPTIONS, PUT, PATCH, POST, DELETE"
        response.headers["Accept-Patch"] = "application/sparql-update"
        return response

    def _check_condition(self, request: web.Request, stored: Stored | None) -> None:
        tag = f'"{stored.version:x}"' if stored else None
        match = request.headers.get("If-Match")
        if request.headers.get("If-None-Match") == "*" and stored is not None:
            raise Problem(412, "The resource exists already.")
        # A weak tag never matches (RFC 9110 section 13.1.1).
        if match is not None and (stored is None or match not in ("*", tag)):
            raise Problem(412, "The resource is another one than the client knows.")

    # --- changing ----------------------------------------------------------------------------------------

    async def _put(
        self, request: web.Request, url: str, stored: Stored | None, modes: frozenset[str]
    ) -> web.Response:
        content, kind = await _body(request)
        if is_container(url) and stored is not None:
            raise Problem(409, "The container exists already.")
        self._check_condition(request, self.shelves.get(url))
        kept = self.shelves.put(url, content, CONTAINER_TYPE if is_container(url) else kind)
        etag = self._etag(request, kept)
        headers = {"ETag": etag} if etag else {}
        headers |= {} if stored else {"Location": url}
        answer = web.Response(status=204 if stored else 201, headers=headers)
        return self._with_links(answer, url)

    async def _post(
        self, request: web.Request, url: str, stored: Stored | None, modes: frozenset[str]
    ) -> web.Response:
        if not is_container(url) or stored is None:
            raise Problem(404 if stored is None else 405, "Only a container takes new members.")
        content, kind = await _body(request)
        slug = re.sub(r"[^\w.-]", "-", request.headers.get("Slug", "")) or secrets.token_hex(8)
        folder = any("#BasicContainer" in link for link in request.headers.getall("Link", []))
        made = f"{url}{slug}{'/' if folder else ''}"
        if self.shelves.get(made) is not None:
            made = f"{url}{secrets.token_hex(8)}{'/' if folder else ''}"
        self.shelves.put(made, content, CONTAINER_TYPE if folder else kind)
        return self._with_links(web.Response(status=201, headers={"Location": made}), made)

    async def _patch(
        self, request: web.Request, url: str, stored: Stored | None, modes: frozenset[str]
    ) -> web.Response:
        text = await _update_text(request)
        if not _INSERT_ONLY.match(text) and "Write" not in modes:
            raise Problem(403, "The client may add to this resource, and not change it.")
        if stored is not None and (is_container(url) or stored.media_type not in FORMATS):
            raise Problem(409, "This resource is not RDF that could be changed in part.")
        content = _updated(stored.content if stored else b"", url, text)
        self.shelves.put(url, content, "text/turtle")
        return self._with_links(web.Response(status=204 if stored else 201), url)

    async def _delete(
        self, request: web.Request, url: str, stored: Stored | None, modes: frozenset[str]
    ) -> web.Response:
        if stored is None:
            raise Problem(404, "There is no such resource.")
        if url in self.shelves.roots or self.shelves.members(url):
            raise Problem(409, "The container is not empty, or is a pod.")
        self.shelves.delete(url)
        self.acrs.pop(url, None)
        return web.Response(status=204)

    # --- access control resources ------------------------------------------------------------------------

    async def _control(self, request: web.Request, url: str) -> web.Response:
        if self.shelves.get(url) is None:
            raise Problem(404, "There is no such resource.")
        acr = acr_of(url)
        content = self.acrs.get(url, acp.empty_acr(acr, url))
        if request.method in ("GET", "HEAD"):
            kind = f'<{acp.ACP}AccessControlResource>; rel="type"'
            return web.Response(body=content, headers={"Content-Type": "text/turtle", "Link": kind})
        if request.method == "DELETE":
            self.acrs.pop(url, None)
            return web.Response(status=204)
        if request.method == "PATCH":
            content = _updated(content, acr, await _update_text(request))
        elif request.method == "PUT":
            content, _ = await _body(request)
        else:
            raise Problem(405, "An access control resource is read, put, patched and deleted.")
        if not acp.parses(content, acr):
            raise Problem(400, "The access control resource does not parse.")
        self.acrs[url] = content
        return web.Response(status=204)


def acr_of(url: str) -> str:
    """Where the access control resource of this one stands; clients read it from the Link header."""
    return f"{url}?{ACR_QUERY}"


async def _body(request: web.Request) -> tuple[bytes, str]:
    if "Content-Type" not in request.headers and request.can_read_body:
        raise Problem(400, "A body needs a media type.")
    return await request.read(), request.content_type


async def _update_text(request: web.Request) -> str:
    if request.content_type != "application/sparql-update":
        accepted = [("Accept-Patch", "application/sparql-update")]
        raise Problem(415, "Changes are sent as SPARQL Update.", headers=accepted)
    return await request.text()


def _updated(content: bytes, url: str, text: str) -> bytes:
    store = Store()
    store.extend(parse(content, format=RdfFormat.TURTLE, base_iri=url))
    try:
        store.update(text, base_iri=url)
    except SyntaxError as broken:
        raise Problem(400, "The update does not parse.") from broken
    return store.dump(format=RdfFormat.N_TRIPLES, from_graph=DefaultGraph()) or b""


def _negotiated(content: bytes, kind: str, accept: str, url: str) -> tuple[bytes, str]:
    """The representation that was asked for; RDF is written anew, anything else is as it is."""
    wanted = [one.partition(";")[0].strip() for one in accept.split(",")]
    if kind in wanted or "*/*" in wanted or f"{kind.partition('/')[0]}/*" in wanted:
        return content, kind
    other = next((one for one in wanted if one in FORMATS), None)
    if kind not in FORMATS or other is None:
        raise Problem(406, "The resource has no such representation.")
    quads = parse(content, format=FORMATS[kind], base_iri=url)
    return serialize(quads, format=FORMATS[other]) or b"", other
