"""What the pod answers to one caller about one resource, honest or bent: reading, storing, deleting."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from aiohttp import web

from solidgate.identity.access_token import VerifiedAccessToken
from solidgate.pod.container import is_container
from solidgate.testing.awkward import BEYOND_CALENDARS, Awkward, Mischief
from solidgate.testing.pod_control import ControlOfPod
from solidgate.testing.pod_notifications import DESCRIPTION, PodNotifications
from solidgate.testing.pod_store import CONTAINER_TYPE, Shelves, Stored, in_another_form, is_rdf

_LDP = "http://www.w3.org/ns/ldp#"
_STORAGE = "http://www.w3.org/ns/pim/space#Storage"
_DESCRIBES = "http://www.w3.org/ns/solid/terms#storageDescription"

Bent = Mapping[Awkward, Mischief]
"""The behaviours that strike this time, by their kind."""


class PodAnswers:
    """The answers from the shelves of one pod server, under its access control."""

    def __init__(
        self, base_url: str, shelves: Shelves, control: ControlOfPod, notifications: PodNotifications
    ) -> None:
        self._base_url, self._shelves, self._control = base_url, shelves, control
        self._notifications = notifications
        self._tags = count()

    async def answer(
        self, request: web.Request, caller: VerifiedAccessToken | None, bent: Bent
    ) -> web.Response:
        """What the caller may have or do, by the modes that the access control gives them."""
        url = self._base_url + request.rel_url.raw_path.removeprefix("/")
        subject = url.removesuffix(self._control.suffix)
        modes = frozenset() if Awkward.ACCESS_ENDS in bent else self._shelves.modes(subject, caller)
        hidden = Awkward.HIDES_ACCESS in bent and url != subject
        if hidden or not _needed(request.method, acl=url != subject) <= modes:
            return self._with_links(unauthorized() if caller is None else _error(403), url, bent)
        if request.method in ("GET", "HEAD"):
            return self._read(request, url, modes, bent)
        refusal = self._refusal(request, url, bent)
        if Awkward.REFUSES_ACCESS in bent and url != subject:
            refusal = _error(int(bent[Awkward.REFUSES_ACCESS].amount or 405))
        if Awkward.REFUSES_DELETE in bent and request.method == "DELETE":
            refusal = _error(405)
        if refusal is not None:
            return refusal
        if request.method == "DELETE":
            self._shelves.delete(url)
            self._notifications.happened(url, "Delete")
            return web.Response(status=205)
        return await self._store(request, url, bent)

    def keep(self, url: str, content: bytes, media_type: str) -> None:
        """Store it without asking anybody, and tell those who listen."""
        existed = self._shelves.get(url) is not None
        stored = self._shelves.put(url, content, media_type)
        self._notifications.happened(url, "Update" if existed else "Create", stored.etag)

    def _read(self, request: web.Request, url: str, modes: frozenset[str], bent: Bent) -> web.Response:
        stored = self._shelves.get(url)
        if stored is None:
            return self._with_links(_error(404), url, bent)
        headers = {"ETag": stored.etag}
        if self._control.tells_modes:
            public = " ".join(sorted(self._shelves.modes(url.removesuffix(self._control.suffix), None)))
            headers["WAC-Allow"] = f'user="{" ".join(sorted(modes))}",public="{public}"'
        if _still_the_same(request, stored):
            return web.Response(status=304, headers=headers)
        body, kind = stored.content, stored.media_type
        accepted = request.headers.get("Accept", "*/*")
        if is_container(url):
            body = self._shelves.listing(url)
            if CONTAINER_TYPE not in accepted:
                body, kind = b"<!DOCTYPE html><title>Container</title>", "text/html"
        elif kind not in accepted and "*/*" not in accepted:
            return _error(501)
        if Awkward.ODD_ETAG in bent:
            headers["ETag"] = bent[Awkward.ODD_ETAG].text
            if not headers["ETag"]:
                del headers["ETag"]
        if Awkward.TAG_BY_METHOD in bent and request.method == "HEAD":
            text = bent[Awkward.TAG_BY_METHOD].text
            headers["ETag"] = text.replace("*", str(next(self._tags))).replace("=", str(stored.version))
            if not text:
                del headers["ETag"]
        if Awkward.ODD_DATE in bent:
            headers["Last-Modified"] = bent[Awkward.ODD_DATE].text or BEYOND_CALENDARS
        response = web.Response(body=body, headers={**headers, "Content-Type": kind})
        return self._with_links(response, url, bent)

    def _with_links(self, response: web.Response, url: str, bent: Bent) -> web.Response:
        """The links of an answer; a refusal names no kind of resource, but still its access control."""
        if response.status not in (401, 403):
            types = [f"{_LDP}Resource"]
            types += [f"{_LDP}Container", f"{_LDP}BasicContainer"] if is_container(url) else []
            types += [_STORAGE] if url in self._shelves.roots else []
            for kind in types:
                response.headers.add("Link", f'<{kind}>; rel="type"')
        for link in self._control_links(url, bent):
            response.headers.add("Link", link)
        return response

    def _control_links(self, url: str, bent: Bent) -> tuple[str, ...]:
        if url.endswith(self._control.suffix):
            return self._control.links
        address = url + self._control.suffix
        if Awkward.FOREIGN_ACL in bent:
            address = bent[Awkward.FOREIGN_ACL].text or "https://elsewhere.example/list.acl"
        described = f'<{url}.meta>; rel="describedby"'
        storage = f'<{self._base_url.rstrip("/")}{DESCRIPTION}>; rel="{_DESCRIBES}"'
        links = (described, storage)
        return links if Awkward.NO_ACL in bent else (*links, f'<{address}>; rel="acl"')

    def _refusal(self, request: web.Request, url: str, bent: Bent) -> web.Response | None:
        """What stands against this write: the method, a precondition, or a container in the way."""
        stored = self._shelves.get(url)
        if request.method not in ("PUT", "DELETE"):
            return _error(405)
        if request.method == "DELETE" and stored is None:
            return _error(404)
        if request.method == "DELETE" and url.removesuffix(self._control.suffix) in self._shelves.roots:
            return _error(405)
        if request.method == "DELETE" and self._shelves.members(url):
            return _error(409)
        if request.method == "PUT" and stored is not None and is_container(url):
            return _error(409)
        return None if _condition_holds(request, stored, bent) else _error(412)

    async def _store(self, request: web.Request, url: str, bent: Bent) -> web.Response:
        if "Content-Type" not in request.headers:
            return _error(400)
        content = await request.read()
        existed = self._shelves.get(url) is not None
        # Between the first look and here the body arrived: look again, as a server with locks does.
        if not _condition_holds(request, self._shelves.get(url), bent):
            return _error(412)
        if url.endswith(self._control.suffix) and not is_rdf(content, url):
            return _error(400)
        if Awkward.FORGETS_ACL in bent:
            return web.Response(status=205 if existed else 201)
        if Awkward.STORES_OTHER in bent:
            content = b"<urn:something> <urn:else> <urn:entirely> ."
        if Awkward.STORES_TRIPLES in bent and is_rdf(content, url):
            content = in_another_form(content, url)
        self.keep(url, content, request.content_type)
        if Awkward.STORES_AND_FAILS in bent:
            return _error(int(bent[Awkward.STORES_AND_FAILS].amount or 500))
        return web.Response(status=205) if existed else web.Response(status=201, headers={"Location": url})


def _needed(method: str, *, acl: bool) -> frozenset[str]:
    if acl:
        return frozenset({"control"})
    return frozenset({"read"} if method in ("GET", "HEAD") else {"write"})


def _condition_holds(request: web.Request, stored: Stored | None, bent: Bent) -> bool:
    if Awkward.IGNORES_CONDITIONS in bent or (Awkward.MAKES_ANEW in bent and stored is None):
        return True
    if request.headers.get("If-None-Match") == "*" and stored is not None:
        return False
    match = request.headers.get("If-Match")
    return match is None or (stored is not None and match in ("*", stored.etag))


def _still_the_same(request: web.Request, stored: Stored) -> bool:
    """RFC 9110 section 13.1.2: tags in ``If-None-Match`` are compared weakly."""
    return request.headers.get("If-None-Match", "").removeprefix("W/") == stored.etag.removeprefix("W/")


def _error(status: int) -> web.Response:
    return web.json_response({"statusCode": status, "errorCode": f"H{status}", "details": {}}, status=status)


def unauthorized() -> web.Response:
    """For whoever is nobody here."""
    return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer scope="openid webid"'})
