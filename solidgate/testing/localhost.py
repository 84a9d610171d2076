"""Names below ``.localhost`` lead to this machine (RFC 6761, 6.3), also where the system knows none."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class LocalhostResolver(AbstractResolver):
    """For ``GuardedFetcher(resolver=)``: pods at subdomains of a server on this machine can be reached."""

    def __init__(self) -> None:
        self._others = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """127.0.0.1 for such a name, the system's answer for every other."""
        if not host.lower().endswith(".localhost"):
            return await self._others.resolve(host, port, family)
        found = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=port,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [found]

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._others.close()
