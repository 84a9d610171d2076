"""What every party of a space can do: read the agreement, checked, and invite people.

Pushing an organisation's own data into a space is not part of this version; nothing here pretends to.
"""

from __future__ import annotations

from solidgate.errors import FetchUnexpected
from solidgate.sdk.transport import Transport
from solidgate.space.agreement import Agreement, digest, from_json


class PartyCalls(Transport):
    """Calls of any party."""

    async def agreement(self, space_id: str) -> tuple[Agreement, str]:
        """The terms that hold now and their digest, computed here from what was received."""
        headers, content = await self.send("GET", self.space(space_id, "agreement"))
        agreement = from_json(content)
        found = digest(agreement)
        if headers.get("ETag", f'"{found}"').strip('"') != found:
            raise FetchUnexpected("the agreement is not the one that its digest names")
        return agreement, found

    async def invite(self, space_id: str, *, uses: int = 1, days: int = 14) -> str:
        """The link of a new invitation; ``uses`` 0 means any number until its end. It is shown only once."""
        body = {"uses": uses, "days": days}
        return str((await self.json("POST", self.space(space_id, "invitations"), body))["link"])
