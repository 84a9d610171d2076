"""Who is logged in: the name in the person's profile, their WebID and the provider that vouched for it."""

from __future__ import annotations

from dataclasses import dataclass

from solidgate.errors import SolidgateError
from solidgate.flow.world import World
from solidgate.identity.login import Session


@dataclass(frozen=True, slots=True)
class Who:
    """``name`` is what the profile says of itself, proved by nobody; it may be empty."""

    name: str
    webid: str
    issuer: str

    def __repr__(self) -> str:
        return "Who()"


async def who(world: World, session: Session) -> Who:
    """The person of a session. A profile that cannot be read now leaves the name empty."""
    try:
        name = (await world.issuers.profile(session.webid)).name
    except SolidgateError:
        name = ""
    return Who(name, session.webid, session.issuer)
