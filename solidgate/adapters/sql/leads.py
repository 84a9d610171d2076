"""What leads to a new result, as values of the statements that publish it and that record what was seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from solidgate.adapters.sealing import unseal
from solidgate.adapters.sql.codec import decode
from solidgate.adapters.sql.signposts import lock_of, opened, sealed
from solidgate.consent.record import ConsentRecord
from solidgate.consent.stored import StoredConsent
from solidgate.run.signpost import Around, Kept, Kind, Lead, Standing


def around(key: bytes, stored: StoredConsent, place: str, rows: Sequence[Any]) -> Around:
    """The rows of ``AROUND``, opened: signposts, then the results in the same container."""
    kept, records, earlier = {}, {stored.record.consent_id: stored.record}, []
    for row in rows:
        if row.run_id is None:
            sign = opened(key, stored.space_id, place, Kind(row.name), row.sealed, row.said)
            kept[sign.kind] = Kept(sign, row.sealed)
            continue
        if row.name not in records:
            records[row.name] = decode(ConsentRecord, unseal(key, row.sealed, f"consent:{row.name}"))
        if records[row.name].result_container == stored.record.result_container:
            earlier.append(Standing(records[row.name], row.run_id, row.planned, row.invalidated))
    return Around(place, kept, tuple(earlier))


def intents(key: bytes, person_id: str, space_id: str, lead: Lead) -> tuple[list[Kept], Mapping[str, object]]:
    """The intents as they will be kept, and the values to keep them with."""
    made = [Kept(one.sign, sealed(key, space_id, lead.place, one.sign)) for one in lead.changes]
    befores = [one.before for one in lead.changes]
    return made, {
        "kinds": [one.sign.kind.value for one in made],
        "signs": [one.sealed for one in made],
        "befores": [one and one.sealed for one in befores],
        "said": [one and one.sign.state.value for one in befores],
        "alone": lock_of(person_id, space_id),
        "place": lead.place,
        "look": lead.next_look,
    }


def seen(
    key: bytes, space_id: str, place: str, found: Sequence[tuple[Kept, str | None, datetime]]
) -> Mapping[str, object]:
    """The values to record what the pod took: the intent, the pod's tag for it, and when to look next."""
    after = [dataclasses.replace(one.sign, etag=etag) for one, etag, _ in found]
    return {
        "kinds": [one.kind.value for one in after],
        "befores": [one.sealed for one, _, _ in found],
        "signs": [sealed(key, space_id, place, one) for one in after],
        "looks": [look for _, _, look in found],
        "place": place,
    }
