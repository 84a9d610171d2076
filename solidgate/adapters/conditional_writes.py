"""Writes that take nothing from anybody: created where nothing is, replaced only what has a tag.

The server decides, by the condition of the request. Some servers do not look at it, and say nothing of that.
So the first write at an origin finds out, with a condition that cannot hold, in a way that does no harm;
where conditions mean nothing, what stands there is looked at before each write.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from enum import Enum

from solidgate.adapters.solid_requests import GONE, WRITTEN, SolidRequests, accept, fault
from solidgate.errors import PodConflict, PodFault, SolidgateError
from solidgate.pod.etag import ABSENT, opaque, unchanged
from solidgate.pod.origin import origin
from solidgate.pod.resource import ResourceState
from solidgate.ports import Access, Reply

_MOST = 4096
_THERE = 200
_CREATED = 201
_REFUSED = (409, 412)
_Origin = tuple[str, str, int | None]


class _Condition(Enum):
    ABSENT = "If-None-Match"
    MATCH = "If-Match"


class ConditionalWrites:
    """Creating and replacing. What an origin does with conditions is kept, for 4,096 of them."""

    def __init__(self, requests: SolidRequests) -> None:
        self._requests = requests
        self._honours: dict[tuple[_Origin, _Condition], bool] = {}
        self._overwrites: dict[_Origin, int] = {}

    async def create(self, access: Access, url: str, content: bytes, media_type: str) -> ResourceState:
        """Create, never overwrite. Raises ``PodConflict`` when something is there."""
        honours = self._honours.get((origin(url), _Condition.ABSENT))
        if honours is not True and (await self._seen(access, url)).status == _THERE:
            raise PodConflict("something is there")
        reply = await self._put(access, url, content, media_type, ABSENT)
        if reply.status not in WRITTEN:
            raise fault(reply)
        if honours is None:
            reply = await self._learned(access, url, content, media_type, reply)
        return _state(reply, url, content, media_type)

    async def replace(
        self, access: Access, url: str, content: bytes, media_type: str, etag: str | None
    ) -> ResourceState:
        """Replace exactly the version that ``etag`` names.

        Raises ``PodConflict`` when it is another one by now, or gone, or when the tag can stand in no
        condition.
        """
        condition, place = unchanged(etag), origin(url)
        if not condition or etag is None:
            raise PodConflict("the pod names no version, so nothing is replaced there")
        honours, reply = self._honours.get((place, _Condition.MATCH)), None
        if honours is not True:
            await self._check_tag(access, url, etag)
        if honours is None:
            reply = await self._tried(access, url, content, media_type)
        if reply is None:
            reply = await self._put(access, url, content, media_type, condition)
        if reply.status not in WRITTEN:
            raise fault(reply)
        if honours is not True:
            self._overwrites[place] = reply.status
        elif reply.status == _CREATED != self._overwrites.get(place):
            await self._undone(access, url, reply)
        return _state(reply, url, content, media_type)

    async def _learned(self, access: Access, url: str, content: bytes, media_type: str, made: Reply) -> Reply:
        """Make the same again where it stands now: a server that looks at conditions refuses it."""
        try:
            again = await self._put(access, url, content, media_type, ABSENT)
        except PodFault:
            raise  # it may be on its way
        except SolidgateError:
            return made  # it was not sent: whoever holds the access has no right to any more
        if again.status in (*WRITTEN, *_REFUSED):
            self._keep(url, _Condition.ABSENT, again.status in _REFUSED)
        return again if again.status in WRITTEN else made

    async def _tried(self, access: Access, url: str, content: bytes, media_type: str) -> Reply | None:
        """The write under a tag that nothing has: its answer if it was taken all the same, else none."""
        never = {"If-Match": f'"solidgate-{secrets.token_hex(8)}"'}
        reply = await self._put(access, url, content, media_type, never)
        if reply.status not in (*WRITTEN, *_REFUSED):
            raise fault(reply)
        self._keep(url, _Condition.MATCH, reply.status in _REFUSED)
        return reply if reply.status in WRITTEN else None

    async def _check_tag(self, access: Access, url: str, etag: str) -> None:
        seen = await self._seen(access, url)
        if seen.status == _THERE and "ETag" not in seen.headers:  # some give it with GET only
            seen = await self._seen(access, url, "GET")
        found = seen.headers.get("ETag")
        if seen.status in GONE:
            raise PodConflict("it is gone")
        if found is not None and opaque(found) != opaque(etag):
            raise PodConflict("another version is there")

    async def _undone(self, access: Access, url: str, made: Reply) -> None:
        """It was gone, and the server made it anew, tag or no tag: that was its owner's to decide."""
        condition = unchanged(made.headers.get("ETag"))
        reply = await self._requests.write("DELETE", access, url, condition)
        if reply.status not in (*WRITTEN, *GONE):
            raise fault(reply)
        raise PodConflict("it is gone")

    async def _seen(self, access: Access, url: str, method: str = "HEAD") -> Reply:
        """What is there, or that whoever may write may not read."""
        limits = self._requests.limits
        reply = await self._requests.get(
            access, url, accept(url), limits.listing_bytes, method=method, seconds=limits.control_seconds
        )
        if reply.status not in (_THERE, 401, 403, *GONE):
            raise fault(reply)
        return reply

    async def _put(
        self, access: Access, url: str, content: bytes, media_type: str, condition: Mapping[str, str]
    ) -> Reply:
        headers = {"Content-Type": media_type, **condition}
        return await self._requests.write("PUT", access, url, headers, content)

    def _keep(self, url: str, condition: _Condition, honours: bool) -> None:
        if len(self._honours) >= _MOST:
            self._honours.clear()
            self._overwrites.clear()
        self._honours[origin(url), condition] = honours


def _state(reply: Reply, url: str, content: bytes, media_type: str) -> ResourceState:
    return ResourceState(url, True, reply.headers.get("ETag"), media_type, len(content))
