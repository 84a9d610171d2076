"""A line to the database that can be cut, fall silent and be mended: a port before its socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import sqlalchemy as sa

_CHUNK = 65_536
_NAME = ".s.PGSQL.5432"


@dataclass
class DatabaseLine:
    """``url`` leads over the line. Cut, it ends every connection and takes none."""

    socket: str
    url: str = ""
    _port: int = 0
    _server: asyncio.Server | None = None
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def mend(self) -> None:
        """Take connections, and carry what is sent."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    def silence(self) -> None:
        """Nothing arrives any more, and nothing ends."""
        self._flows.clear()

    def cut(self) -> None:
        """As a server that is stopped."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(self.socket)
        self._ends |= {writer, there_writer}
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while content := await reader.read(_CHUNK):
                await self._flows.wait()
                writer.write(content)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def open_line(url: str) -> AsyncIterator[DatabaseLine]:
    """A line to the database behind this URL, which names the folder of a socket."""
    parsed = sa.make_url(url)
    line = DatabaseLine(f"{parsed.query['host']}/{_NAME}")
    await line.mend()
    line.url = f"postgresql://{parsed.username}@127.0.0.1:{line._port}/{parsed.database}"
    try:
        yield line
    finally:
        line.silence()
        line.cut()
