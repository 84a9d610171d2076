"""The store: one transaction at a time, with the nouns of the house as its rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solidgate.adapters.sealing import StoreKeys
from solidgate.adapters.sql.access_requests import AccessRequests
from solidgate.adapters.sql.answers import Answers
from solidgate.adapters.sql.at_once import AtOnce
from solidgate.adapters.sql.beside import Beside
from solidgate.adapters.sql.consents import Consents
from solidgate.adapters.sql.door_events import DoorEvents
from solidgate.adapters.sql.doors import Doors
from solidgate.adapters.sql.faults import ours
from solidgate.adapters.sql.jobs import Jobs
from solidgate.adapters.sql.last import LastWrites
from solidgate.adapters.sql.leases import Leases
from solidgate.adapters.sql.lines import Lines
from solidgate.adapters.sql.login_events import LoginEvents
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.persons import Persons
from solidgate.adapters.sql.pulls import Pulls
from solidgate.adapters.sql.receipts import Receipts
from solidgate.adapters.sql.requests import Requests
from solidgate.adapters.sql.reruns import Reruns
from solidgate.adapters.sql.results import Results
from solidgate.adapters.sql.retention import Retention
from solidgate.adapters.sql.runs import Runs
from solidgate.adapters.sql.sightings import Sightings
from solidgate.adapters.sql.signposts import Signposts
from solidgate.adapters.sql.spaces import Spaces
from solidgate.adapters.sql.standing import Standing
from solidgate.adapters.sql.steps import Steps as Steps
from solidgate.adapters.sql.sweep import TABLES, sweep
from solidgate.adapters.sql.tables import erasures, people, space_keys, spaces
from solidgate.adapters.sql.trail import Trail
from solidgate.adapters.sql.watches import Watches
from solidgate.adapters.sql.whole import whole
from solidgate.adapters.sql.withdrawals import Withdrawals
from solidgate.adapters.tombstones import Tombstones

_log = structlog.get_logger()


class Transaction:
    """One database transaction: everything done through it happens together or not at all."""

    def __init__(self, connection: AsyncConnection, keys: StoreKeys) -> None:
        self.connection = connection
        self.keys = keys

    @cached_property
    def last(self) -> LastWrites:
        """Rooms for writes that nobody reads in this transaction: sent at its end, with the commit."""
        return LastWrites(self.connection, self.people)

    @cached_property
    def answers(self) -> Answers:
        """What an answer is decided on."""
        return Answers(self.connection, self.people)

    @cached_property
    def people(self) -> People:
        """The people."""
        return People(self.connection, self.keys)

    @cached_property
    def login_events(self) -> LoginEvents:
        """That people logged in or out."""
        return LoginEvents(self.connection, self.people)

    @cached_property
    def persons(self) -> Persons:
        """All that is held about one person."""
        return Persons(self.connection, self.people)

    @cached_property
    def spaces(self) -> Spaces:
        """Spaces, agreements, algorithms, approvals and invitations."""
        return Spaces(self.connection)

    @cached_property
    def consents(self) -> Consents:
        """Consent records and their events."""
        return Consents(self.connection, self.people)

    @cached_property
    def requests(self) -> Requests:
        """Requests to people, and the notices that they were shown."""
        return Requests(self.connection, self.people)

    @cached_property
    def receipts(self) -> Receipts:
        """Signed receipts, and their copies in pods."""
        return Receipts(self.connection, self.people)

    @cached_property
    def doors(self) -> Doors:
        """Doors, as they were last read back."""
        return Doors(self.connection)

    @cached_property
    def door_events(self) -> DoorEvents:
        """What became of doors, in its order."""
        return DoorEvents(self.connection)

    @cached_property
    def beside(self) -> Beside:
        """What stands beside many consents of one person."""
        return Beside(self.connection, self.people)

    @cached_property
    def access_requests(self) -> AccessRequests:
        """What was asked at pods whose owner opens by grants."""
        return AccessRequests(self.connection, self.people)

    @cached_property
    def leases(self) -> Leases:
        """Who may work for which part now."""
        return Leases(self.connection)

    @cached_property
    def withdrawals(self) -> Withdrawals:
        """Withdrawals, and what is still owed after one."""
        return Withdrawals(self.connection)

    @cached_property
    def runs(self) -> Runs:
        """Runs and their parts."""
        return Runs(self.connection)

    @cached_property
    def results(self) -> Results:
        """Deliveries to pods, derived graphs and aggregates."""
        return Results(self.connection, self.people)

    @cached_property
    def signposts(self) -> Signposts:
        """The documents in a pod that lead to its results."""
        return Signposts(self.connection, self.people)

    @cached_property
    def standing(self) -> Standing:
        """What pods were seen to hold, and when."""
        return Standing(self.connection)

    @cached_property
    def pulls(self) -> Pulls:
        """What the newest results were made from."""
        return Pulls(self.connection, self.people)

    @cached_property
    def retention(self) -> Retention:
        """The same results, by age."""
        return Retention(self.connection, self.people)

    @cached_property
    def sightings(self) -> Sightings:
        """What was seen of watched documents."""
        return Sightings(self.connection, self.people)

    @cached_property
    def watches(self) -> Watches:
        """Watched consents and the channels by which pods tell of changes."""
        return Watches(self.connection, self.people)

    @cached_property
    def reruns(self) -> Reruns:
        """Looks that are asked for, and runs that are wanted."""
        return Reruns(self.connection)

    @cached_property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(self.connection)

    @cached_property
    def jobs(self) -> Jobs:
        """Durable work, deferred in this transaction."""
        return Jobs(self.connection)

    async def apart(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Whether ``work`` succeeded; when it did not, the rest of the transaction stands without it.

        Only for what may never hold up the rest, and is owed until it is there.
        """
        try:
            async with self.connection.begin_nested():
                await work()
        except Exception as fault:  # noqa: BLE001 - the caller must stand whatever broke here
            _log.error("transaction.owed", kind=type(fault).__name__)
            return False
        return True


@dataclass(frozen=True, slots=True)
class SqlStore:
    """PostgreSQL behind SQLAlchemy Core."""

    engine: AsyncEngine
    keys: StoreKeys
    tombstones: Tombstones
    _lines: Lines = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lines", Lines(self.engine))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit at the end, roll back on any error. Raises ``StoreUnavailable BodyInvalid``."""
        async with _told(), whole(self._lines) as connection:
            tx = Transaction(connection, self.keys)
            try:
                yield tx
                await tx.last.send()
            except BaseException:
                # Its own fault is less than the one that ends the transaction; a line that broke is not kept.
                with suppress(Exception):
                    await tx.last.leave()
                raise

    def at_once(self) -> AtOnce:
        """The moves of a part: each statement is its own transaction. Same errors."""
        return AtOnce(self._lines, self.keys)

    async def ping(self) -> None:
        """One round trip. Raises ``StoreUnavailable``."""
        async with self.transaction() as tx:
            await tx.connection.execute(sa.text("SELECT 1"))

    async def public_keys(self) -> Sequence[Mapping[str, object]]:
        """The public JWKs of all spaces, for ``/jwks``."""
        async with self.transaction() as tx:
            rows = await tx.connection.execute(sa.select(space_keys.c.public_jwk))
            return [dict(row) for row in rows.scalars()]

    async def space_exists(self, space_id: str) -> bool:
        """Whether there is such a space, open or closed."""
        query = sa.select(spaces.c.space_id).where(spaces.c.space_id == space_id)
        async with self.transaction() as tx:
            return (await tx.connection.execute(query)).scalar_one_or_none() is not None

    async def space_key(self, space_id: str) -> tuple[Mapping[str, object], bytes] | None:
        """A space's public JWK and its private key as the enclave sealed it; none before its first use."""
        query = sa.select(space_keys.c.public_jwk, space_keys.c.private_sealed).where(
            space_keys.c.space_id == space_id
        )
        async with self.transaction() as tx:
            row = (await tx.connection.execute(query)).one_or_none()
        return None if row is None else (dict(row.public_jwk), bytes(row.private_sealed))

    async def put_space_key(
        self, space_id: str, public_jwk: Mapping[str, object], private_sealed: bytes
    ) -> None:
        """Keep a new key; when two workers make one at once, the first stays."""
        statement = insert(space_keys).values(
            space_id=space_id, public_jwk=dict(public_jwk), private_sealed=private_sealed
        )
        async with self.transaction() as tx:
            await tx.connection.execute(statement.on_conflict_do_nothing())

    async def erased_but_present(self) -> tuple[str, ...]:
        """People whose erasure began, here or before a backup was restored, and who are still there.

        The file and the table are brought together first, so that either may be lost or old.
        """
        async with self.transaction() as tx:
            recorded = frozenset((await tx.connection.execute(sa.select(erasures.c.tombstone))).scalars())
            known = self.tombstones.all() | recorded
            for tombstone in recorded - self.tombstones.all():
                self.tombstones.add(tombstone)
            ids = (
                (await tx.connection.execute(sa.select(people.c.person_id))).scalars().all() if known else ()
            )
        return tuple(one for one in ids if self.tombstones.of(one) in known)

    async def sweep(self, seconds: float) -> tuple[str, ...]:
        """Rewrite what held removed rows; what is left to the operator. Nothing to sweep is done at once.

        Rows that somebody may still see are tried again; what the server does not let us do is not.
        """
        async with self.transaction() as tx:
            waiting = sa.select(erasures.c.tombstone).where(erasures.c.swept.is_(None))
            waited = (await tx.connection.execute(waiting)).scalars().all()
        if not waited:
            return ()
        left = await sweep(self.engine, seconds)
        if TABLES not in left:
            swept = sa.update(erasures).where(erasures.c.tombstone.in_(waited)).values(swept=sa.func.now())
            async with self.transaction() as tx:
                await tx.connection.execute(swept)
        return left


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """The database's faults as our own."""
    try:
        yield
    except Exception as fault:
        if (told := ours(fault)) is None:
            raise
        raise told from fault
