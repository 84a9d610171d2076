"""Who is logged in: what their profile says of them, their WebID and the provider that vouched for it."""

from __future__ import annotations

from dataclasses import dataclass

from solidgate.errors import SolidgateError
from solidgate.flow.world import World
from solidgate.identity.login import Session
from solidgate.identity.photo import ACCEPT, beside_profile, picture_type

_OK = 200


@dataclass(frozen=True, slots=True)
class Who:
    """``name`` is what the profile says of itself, proved by nobody; it may be empty.

    ``has_photo`` is whether a photo can be shown just now.
    """

    name: str
    webid: str
    issuer: str
    has_photo: bool = False

    def __repr__(self) -> str:
        return "Who()"


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it was read, and its type by its first bytes."""

    content: bytes
    media_type: str

    def __repr__(self) -> str:
        return f"Photo({len(self.content)} bytes)"


async def who(world: World, session: Session) -> Who:
    """The person of a session. A profile that cannot be read now leaves the name empty."""
    try:
        name = (await world.issuers.profile(session.webid)).name
    except SolidgateError:
        name = ""
    return Who(name, session.webid, session.issuer, await photo(world, session) is not None)


async def photo(world: World, session: Session) -> Photo | None:
    """The photo of the person's profile; None where there is none that can be shown.

    It is read without any credentials and without a redirect, from the origin of the profile alone, through
    the guarded way out, and never kept.
    """
    limits = world.settings.login
    if not limits.max_photo_bytes:
        return None
    try:
        named = beside_profile((await world.issuers.profile(session.webid)).photo, session.webid)
        if not named:
            return None
        reply = await world.fetcher.fetch(
            "GET",
            named,
            headers={"Accept": ACCEPT},
            max_bytes=limits.max_photo_bytes,
            timeout=limits.photo_seconds,
        )
    except SolidgateError:
        return None
    media_type = picture_type(reply.content) if reply.status == _OK else ""
    return Photo(reply.content, media_type) if media_type else None
