"""An installation as it is delivered: a data folder, keys and a PostgreSQL of its own; and a play in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.adapters.sealing import StoreKeys, key_file
from solidgate.adapters.sql.engine import migrate_now
from solidgate.adapters.sql.tables import metadata
from solidgate.flow.record import ConsentView
from solidgate.identity.login import Session
from solidgate.testing.play import Play, open_play

PAGE = 8192


@dataclass
class Installation(Play):
    """The play, the folder that holds everything of it, and its database."""

    folder: Path
    url: str
    pages_before: frozenset[bytes]

    async def joined(self, name: str) -> tuple[Session, ConsentView]:
        """Somebody who said yes, logged in."""
        session = await self.arrive(name)
        return session, await self.say(session)

    async def run(self) -> str:
        """A run, in which every part was written."""
        run_id = await super().run()
        async with self.world.store.transaction() as tx:
            states, _ = await tx.runs.counts(run_id)
        assert set(states) == {"written"}, states
        return run_id

    def written_since(self, path: Path) -> bytes:
        """A file without the pages that stood somewhere when the installation was new.

        Nothing of a person who came later is in those: every byte of such a page is older.
        """
        return b"".join(page for page in pages(path) if page not in self.pages_before)

    async def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self.world.store.transaction() as tx:
            return {
                table.name: (
                    await tx.connection.execute(sa.select(sa.func.count()).select_from(table))
                ).scalar_one()
                for table in metadata.sorted_tables
            }


def pages(path: Path) -> list[bytes]:
    """A file cut as PostgreSQL writes it."""
    content = path.read_bytes()
    return [content[at : at + PAGE] for at in range(0, len(content), PAGE)]


def pages_below(folder: Path) -> frozenset[bytes]:
    """Every page of every file."""
    return frozenset(page for path in folder.rglob("*") if path.is_file() for page in pages(path))


@asynccontextmanager
async def open_installation(folder: Path) -> AsyncIterator[Installation]:
    """With the keys of the installation, so that another process of it can open what this one sealed."""
    server = EmbeddedPostgres(folder)
    url = server.start()
    migrate_now(url)
    try:
        keys = StoreKeys.from_root(key_file(folder / "keys" / "store.key"))
        async with open_play(url, folder, store_keys=keys) as play:
            yield Installation(
                play.gate, play.enclave, play.parts, play.token, folder, url, pages_below(folder)
            )
    finally:
        server.stop()
