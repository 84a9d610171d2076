"""What the organisations' commands share: which gate, and as whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from cyclopts import Parameter

from solidgate.errors import BadSetting
from solidgate.sdk.client import ClientCredentials, GateClient

T = TypeVar("T")


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Organisation:
    """Where the gate is and how this organisation proves who it is."""

    gate: Annotated[str, Parameter(env_var="SOLIDGATE_GATE")] = ""
    """Address of the gate; else SOLIDGATE_GATE."""

    issuer: Annotated[str, Parameter(env_var="SOLIDGATE_ISSUER")] = ""
    """The organisation's own identity provider; else SOLIDGATE_ISSUER."""

    client_id: Annotated[str, Parameter(env_var="SOLIDGATE_CLIENT_ID")] = ""
    """Client id that the provider gave out for the organisation's WebID; else SOLIDGATE_CLIENT_ID."""

    client_secret: Annotated[str, Parameter(env_var="SOLIDGATE_CLIENT_SECRET")] = field(
        default="", repr=False
    )
    """Its secret; better in SOLIDGATE_CLIENT_SECRET than in a command, which other users can see."""

    def call(self, act: Callable[[GateClient], Awaitable[T]]) -> T:
        """Do one thing at the gate. Raises ``BadSetting`` naming what was not given."""
        named = {
            "--gate": self.gate,
            "--issuer": self.issuer,
            "--client-id": self.client_id,
            "--client-secret": self.client_secret,
        }
        if missing := [name for name, value in named.items() if not value]:
            raise BadSetting(f"give {', '.join(missing)}, or the variables that --help names")
        return asyncio.run(self._call(act))

    async def _call(self, act: Callable[[GateClient], Awaitable[T]]) -> T:
        credentials = ClientCredentials(self.issuer, self.client_id, self.client_secret)
        async with GateClient(self.gate, credentials) as client:
            return await act(client)


NOBODY = Organisation()
