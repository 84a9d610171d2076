"""Looking from outside: what the pods really hold, who may read it, and what the pod server's log says.

Nothing here asks solidgate. Every question goes to the pod server, as the pod's owner or as nobody, or to
the log that the pod server wrote itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import aiohttp
import pyoxigraph as ox

from solidgate.sdk.client import ClientCredentials
from solidgate.testing.css import CommunityServer
from solidgate.testing.people import Person
from solidgate.vocab import ACL, ACP

_MODES = f"""PREFIX acl: <{ACL.iri}> PREFIX acp: <{ACP.iri}> SELECT ?agent ?mode WHERE {{
  {{ ?rule acl:agent ?agent ; acl:mode ?mode }} UNION {{
    ?resource acp:resource ?target ; acp:accessControl/acp:apply ?policy .
    ?policy acp:allow ?mode ; acp:anyOf/acp:agent ?agent }} }}"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pod answered: status, bytes and the address of its access control list."""

    status: int
    content: bytes
    acl: str

    @property
    def sha256(self) -> str:
        """Of the bytes."""
        return hashlib.sha256(self.content).hexdigest()


async def fetch(url: str, owner: Person | None) -> Answer:
    """GET as the pod's owner, or as nobody."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        headers = {"Accept": "text/turtle, */*;q=0.1"}
        if owner is not None:
            headers |= await credentials_of(owner).headers(http, "GET", url)
        async with http.get(url, headers=headers) as reply:
            link = reply.links.get("acl")
            return Answer(reply.status, await reply.read(), str(link["url"]) if link else "")


@lru_cache(maxsize=32)
def credentials_of(person: Person) -> ClientCredentials:
    """The person's own client credentials at their provider; the same again, while a token lasts."""
    return ClientCredentials(
        issuer=person.issuer,
        client_id=person.credentials.client_id,
        secret=person.credentials.secret,
        webid=person.webid,
    )


async def modes(url: str, owner: Person) -> dict[str, set[str]]:
    """Who may do what by the resource's own access document, of either kind; empty when it has none."""
    acl = (await fetch(url, owner)).acl
    listed = await fetch(acl, owner)
    return {} if listed.status == 404 else granted(listed.content, acl)


def granted(content: bytes, acl: str) -> dict[str, set[str]]:
    """Who may do what by the Turtle of an access document that stands at ``acl``."""
    store = ox.Store()
    store.load(content, format=ox.RdfFormat.TURTLE, base_iri=acl)
    found: dict[str, set[str]] = {}
    rows = store.query(_MODES)
    assert isinstance(rows, ox.QuerySolutions)  # it is a SELECT
    for row in rows:
        found.setdefault(row["agent"].value, set()).add(row["mode"].value.removeprefix(ACL.iri))
    return found


def reads_below(pods: CommunityServer, mark: int, folder: str) -> list[str]:
    """Paths below ``folder`` that were read (GET) since ``mark``, by anybody, as the pod's own log tells."""
    return [
        request.path
        for request in pods.requests_since(mark)
        if request.method == "GET" and request.path.startswith(folder)
    ]


def touched(pods: CommunityServer, mark: int, person: Person) -> list[str]:
    """Every request below the person's pod since ``mark``, but for the public profile.

    The pod server itself reads the profile over HTTP, to verify whoever logs in.
    """
    root = path_of(person.pod)
    profile = path_of(person.webid.partition("#")[0])
    return [
        f"{request.method} {request.path}"
        for request in pods.requests_since(mark)
        if request.path.startswith(root) and request.path != profile
    ]


def path_of(url: str) -> str:
    """The path of an address."""
    return urlsplit(url).path
