"""The storage host: pods below ``/<uuid>/``, ACP, the challenge in three parts, SPARQL Update, problems."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field

from aiohttp import web

from solidgate.pod.container import is_container
from solidgate.testing.ess.behaviours import Odd
from solidgate.testing.ess.ground import Ground
from solidgate.testing.ess.host import Host, Problem
from solidgate.testing.ess.profiles import ACCESS_PAGE
from solidgate.testing.ess.representations import FORMATS, body_of, negotiated, update_text, updated
from solidgate.testing.ess.storage_access import ACR_QUERY, StorageAccess, acr_of
from solidgate.testing.pod_store import CONTAINER_TYPE, Shelves, Stored

LDP = "http://www.w3.org/ns/ldp#"
PIM_STORAGE = "http://www.w3.org/ns/pim/space#Storage"
MEDIA_TYPES = "http://www.w3.org/ns/iana/media-types/"
_INSERT_ONLY = re.compile(
    r"^\s*(?:prefix\s+\S+\s+<[^>]*>\s*|base\s+<[^>]*>\s*)*insert\s+data\b", re.IGNORECASE
)


@dataclass(slots=True)
class Storage:
    """All pods; ``description`` is the Turtle of ``/.well-known/solid``."""

    host: Host
    ground: Ground
    access: StorageAccess
    description: str
    shelves: Shelves = field(init=False)

    def __post_init__(self) -> None:
        self.shelves = Shelves(f"{self.host.origin}/")
        self.host.add("GET", "/.well-known/solid", self._described)
        self.host.add("*", "/{path:.*}", self._serve)

    # --- what the double itself does ---------------------------------------------------------------------

    def make_pod(self, pod: str, owner: str) -> None:
        """A new pod that its owner controls."""
        self.shelves.roots.add(pod)
        self.shelves.put(pod, b"", CONTAINER_TYPE)
        self.access.own(pod, owner)

    # --- serving -----------------------------------------------------------------------------------------

    async def _described(self, request: web.Request) -> web.Response:
        lines = self.description.splitlines(keepends=True)
        if self.ground.odd.strikes(Odd.WITHOUT_PAGE):
            lines = [line for line in lines if ACCESS_PAGE not in line]
        return web.Response(text="".join(lines), content_type="text/turtle")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        url = self.access.named(self.host.origin + request.rel_url.raw_path)
        await self._disturb(request)
        modes, stored = await self.access.modes(request, url), self.shelves.get(url)
        if request.query_string == ACR_QUERY:
            if stored is None:
                raise Problem(404, "There is no such resource.")
            return await self.access.control(request, url)
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

    def _read(self, request: web.Request, url: str, stored: Stored | None) -> web.Response:
        if stored is None:
            raise Problem(404, "There is no such resource.")
        body = self._listing(url) if is_container(url) else stored.content
        body, kind = negotiated(body, stored.media_type, request.headers.get("Accept", "*/*"), url)
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
        if self.access.receipts:
            canonical = self.access.receipts.canonical(url)
            response.headers.add("Link", f'<{canonical}>; rel="canonical"')
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
        content, kind = await body_of(request)
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
        content, kind = await body_of(request)
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
        text = await update_text(request)
        if not _INSERT_ONLY.match(text) and "Write" not in modes:
            raise Problem(403, "The client may add to this resource, and not change it.")
        if stored is not None and (is_container(url) or stored.media_type not in FORMATS):
            raise Problem(409, "This resource is not RDF that could be changed in part.")
        content = updated(stored.content if stored else b"", url, text)
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
        self.access.acrs.pop(url, None)
        return web.Response(status=204)
