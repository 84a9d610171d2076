"""The moves of one person's part, each one statement: decided again, fenced, moved and noted, or nothing.

A move holds the consent's shared lock, so that it comes wholly before a withdrawal or not at all; it renews
its lease, and holds that too, so that no second worker comes in before the move stands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from solidgate.adapters.sealing import StoreKeys, seal, unseal
from solidgate.adapters.sql import leads
from solidgate.adapters.sql import step_statements as statements
from solidgate.adapters.sql.codec import decode, encode
from solidgate.adapters.sql.exchange import Driver, exchange
from solidgate.adapters.sql.pulls import sealed_tags
from solidgate.adapters.sql.results import opened_delivery
from solidgate.adapters.sql.signposts import place_of
from solidgate.adapters.sql.trail import row_of
from solidgate.audit.entry import AuditEntry
from solidgate.consent.record import ConsentEvent, ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.errors import ConsentNotFound, SealBroken
from solidgate.run.delivery import (
    Delivery,
    DeliveryRow,
    DeliveryState,
    DerivedRow,
    Earlier,
    Intended,
    Published,
)
from solidgate.run.held import Held
from solidgate.run.place import Place
from solidgate.run.signpost import Around, Kept, Lead
from solidgate.run.state import PartState


def _values(place: Place, state: PartState, now: datetime) -> dict[str, object]:
    """What every move is bound to."""
    return {
        "run": place.run_id,
        "consent": place.consent_id,
        "epoch": place.epoch,
        "fence": place.fence,
        "seconds": float(place.seconds),
        "state": state.value,
        "now": now,
    }


@dataclass(frozen=True, slots=True)
class Entered:
    """What entering a part found.

    ``held``: the consent is at the epoch and allows processing. ``fence``: of the lease taken, none when
    somebody else holds it or the part has ended. ``moved``: the part is under way, in our hands. ``asks``:
    the pod's owner opens by grants.
    """

    held: bool
    fence: int | None
    moved: bool
    still_open: bool
    planned: DeliveryRow | None
    door_problem: str | None
    asks: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """The moves, on a connection where each statement is its own transaction."""

    connection: Driver
    keys: StoreKeys

    async def found(self, consent_ids: Sequence[str]) -> Mapping[str, Held]:
        """The consents that are there and can be read, by id, unlocked.

        For decisions that a move then holds to their epoch. One that cannot be read is left for ``one`` to
        say so: it is no fault of the others.
        """
        found = {}
        for row in await self._rows(statements.FOUND, {"consents": list(consent_ids)}):
            with suppress(SealBroken, ValueError):
                found[row.consent_id] = self._held(row)
        return found

    async def one(self, consent_id: str) -> Held:
        """One of them. Raises ``ConsentNotFound SealBroken``."""
        rows = await self._rows(statements.FOUND, {"consents": [consent_id]})
        if not rows:
            raise ConsentNotFound()
        return self._held(rows[0])

    def _held(self, row: Any) -> Held:
        key, consent = self.keys.person_key(row.person_id, row.key_sealed), row.consent_id
        record = decode(ConsentRecord, unseal(key, row.record_sealed, f"consent:{consent}"))
        events = tuple(
            decode(ConsentEvent, unseal(key, sealed, f"event:{consent}:{sequence}"))
            for sequence, sealed in zip(row.sequences, row.events, strict=True)
        )
        whole = dataclasses.replace(record, epoch=row.epoch, events=events)
        return Held(StoredConsent(whole, row.person_id, row.space_id), bytes(row.key_sealed))

    async def enter(self, run_id: str, held: Held, seconds: float, now: datetime) -> Entered:
        """Take the lease of a part and begin it, or go on with it where a result is planned already."""
        record = held.stored.record
        values = {
            "run": run_id,
            "consent": record.consent_id,
            "epoch": record.epoch,
            "seconds": float(seconds),
            "now": now,
        }
        (row,) = await self._rows(statements.ENTER, values)
        return Entered(
            bool(row.held),
            row.fence,
            bool(row.moved),
            bool(row.still_open),
            None if row.run_id is None else opened_delivery(self._key(held), row),
            row.door_problem,
            bool(row.asks),
        )

    async def move(self, place: Place, state: PartState, now: datetime) -> bool:
        """The next state; false when the consent, the lease or the part no longer allows it."""
        (row,) = await self._rows(statements.MOVE, _values(place, state, now))
        return bool(row.moved)

    async def move_audited(self, place: Place, state: PartState, entry: AuditEntry) -> bool:
        """The same with an entry of the audit trail."""
        (row,) = await self._rows(statements.MOVE_AUDITED, _values(place, state, entry.at) | row_of(entry))
        return bool(row.moved)

    async def plan(
        self,
        place: Place,
        held: Held,
        delivery: Delivery,
        sha256: str,
        now: datetime,
        earlier: Earlier | None = None,
    ) -> Intended | None:
        """Record the intent to write; what is planned then. A plan of an earlier attempt stays.

        What it was made from is kept with it, in place of what was kept before; with none, nothing is.
        """
        key, context = self._key(held), f"delivery:{place.run_id}:{place.consent_id}"
        values = _values(place, PartState.WRITING, now)
        values |= {"sealed": seal(key, encode(delivery), context), "sha256": sha256}
        statement = statements.PLAN
        if earlier is not None:
            statement = statements.PLAN_REMEMBERED
            values |= {
                "fingerprint": earlier.fingerprint,
                "tags": sealed_tags(key, place.consent_id, earlier),
            }
        (row,) = await self._rows(statement, values)
        if not row.moved:
            return None
        if row.intended:
            made = DeliveryRow(
                place.run_id,
                place.consent_id,
                place.epoch,
                delivery,
                sha256,
                DeliveryState.PLANNED,
                now,
                None,
            )
            return Intended(made, row.asks)
        (there,) = await self._rows(statements.PLANNED, {"run": place.run_id, "consent": place.consent_id})
        return Intended(opened_delivery(key, there), row.asks)

    async def publish(
        self,
        place: Place,
        held: Held,
        row: DerivedRow,
        entry: AuditEntry,
        lead: Lead | None = None,
        *,
        keep: bool = False,
    ) -> Published | None:
        """The end of a part: its result is written, and queries see it. The lease is given back, or kept.

        With ``lead`` the intents that lead to the result stand together with it; when others came between,
        none are told, and they are to be planned anew.
        """
        space_id = held.stored.space_id
        values = _values(place, PartState.WRITTEN, entry.at) | row_of(entry)
        sealed = seal(self._key(held), row.content, f"derived:{place.consent_id}")
        values |= {"space": space_id, "graph": row.graph, "sealed": sealed}
        if lead is None:
            (found,) = await self._rows(statements.PUBLISH_HELD if keep else statements.PUBLISH, values)
            return Published() if found.moved else None
        signs, more = leads.intents(self._key(held), held.stored.person_id, space_id, lead)
        (found,) = await self._rows(statements.PUBLISH_LED, {**values, **more})
        if not found.moved:
            return None
        return Published(tuple(signs) if found.signed == len(signs) else ())

    async def around(self, held: Held) -> Around:
        """The signposts of the consent's container, and the results that stand there."""
        key, stored = self._key(held), held.stored
        place = place_of(key, stored.record.result_container)
        values = {
            "person": stored.person_id,
            "space": stored.space_id,
            "place": place,
            "consent": stored.record.consent_id,
        }
        return leads.around(key, stored, place, await self._rows(statements.AROUND, values))

    async def led(
        self,
        held: Held,
        place: str,
        found: Sequence[tuple[Kept, str | None, datetime]],
        now: datetime,
        fence: int | None,
    ) -> None:
        """The pod took these intents, under these tags; ``fence`` is of the lease that is given back."""
        stored = held.stored
        values = {"person": stored.person_id, "space": stored.space_id, "now": now, "fence": fence}
        more = leads.seen(self._key(held), stored.space_id, place, found)
        await self._rows(statements.LED, {**values, **more})

    async def give_back(self, fence: int) -> None:
        """Let somebody else work for the part; nothing of this step goes on."""
        await self._rows(statements.GIVE_BACK, {"fence": fence})

    def _key(self, held: Held) -> bytes:
        return self.keys.person_key(held.stored.person_id, held.key_sealed)

    async def _rows(self, statement: str, values: Mapping[str, object]) -> list[Any]:
        (rows,) = await exchange(self.connection, (statement, values), commit=True)
        return rows
