"""A store on a real PostgreSQL, and one person with one consent in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from solidgate.adapters.sealing import StoreKeys, new_key
from solidgate.adapters.sql.engine import make_engine
from solidgate.adapters.sql.logins import SqlLogins
from solidgate.adapters.sql.store import SqlStore
from solidgate.adapters.tombstones import Tombstones
from solidgate.consent.record import ConsentEvent, ConsentRecord, with_event
from solidgate.consent.request import AskedResource, ConsentRequest, resources_digest
from solidgate.consent.status import ConsentStatus
from solidgate.testing.sample_login import NOW, WEBID, SetClock

URL = "https://alice.pod.example/energy/01.ttl"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    engine = make_engine(database_url)
    keys = StoreKeys.from_root(new_key())
    yield SqlStore(engine, keys, Tombstones(tmp_path / "tombstones", keys.tombstone))
    await engine.dispose()


@pytest.fixture
def logins(store: SqlStore, clock: SetClock) -> SqlLogins:
    return SqlLogins(store, clock, pending=timedelta(minutes=10), idle=timedelta(minutes=30))


def request() -> ConsentRequest:
    return ConsentRequest(
        request_id="request-1",
        space_id="home",
        data_subject=WEBID,
        agreement_digest=DIGEST,
        storage="https://alice.pod.example/",
        resources=(("advice", (AskedResource(URL, "energy/01.ttl", True, True),)),),
        result_container="https://alice.pod.example/results/",
        created=NOW,
        answers_by=NOW + timedelta(days=30),
    )


def record(until: datetime = NOW + timedelta(days=90)) -> ConsentRecord:
    blank = ConsentRecord(
        consent_id="6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11",
        iri="https://gate.example/consents/6a8b2f0e-1c1f-4b6e-9b7e-5a3f0f3c2b11",
        request_id="request-1",
        data_subject=WEBID,
        space="https://gate.example/spaces/home",
        purpose="advice",
        agreement_digest=DIGEST,
        notice_digest=DIGEST,
        notice_language="en",
        notice_date=NOW,
        algorithm_digest=DIGEST,
        shape_digest=DIGEST,
        resources_digest=resources_digest([URL]),
        resources=(URL,),
        recipients=("https://org.example/#it",),
        result_container="https://alice.pod.example/results/",
        epoch=0,
    )
    asked = with_event(blank, ConsentEvent(1, ConsentStatus.REQUESTED, NOW, "https://org.example/#it"))
    yes = ConsentEvent(2, ConsentStatus.GIVEN, NOW, WEBID, "Pressed the button", until)
    return with_event(asked, yes)


def withdrawal(before: ConsentRecord) -> ConsentEvent:
    sequence = before.latest.sequence + 1
    return ConsentEvent(sequence, ConsentStatus.WITHDRAWN, NOW, WEBID, "Pressed the button")


@pytest.fixture
async def person(store: SqlStore) -> str:
    """A person who said yes."""
    async with store.transaction() as tx:
        person_id = await tx.people.ensure(WEBID, "https://idp.example/", "alice", NOW)
        await tx.requests.put(person_id, request())
        await tx.connection.exec_driver_sql(
            "INSERT INTO spaces (space_id, state, agreement_digest, created) "
            f"VALUES ('home', 'open', '{DIGEST}', now())"
        )
        await tx.consents.put(person_id, "home", record())
    return person_id
