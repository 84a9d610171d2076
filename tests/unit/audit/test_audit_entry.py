"""Audit entries: no address, no value; salted leaves that bind everything."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from solidgate.audit.entry import Action, AuditEntry, Outcome, canonical, leaf_digest
from solidgate.errors import InternalFault

ENTRY = AuditEntry(
    Action.CONSENT_GIVEN, datetime(2026, 11, 20, 10, tzinfo=UTC), "data_subject", ("c1",), Outcome.DONE
)
SALT = b"s" * 16


def test_actions_are_source_subject_and_past_tense() -> None:
    for action in Action:
        assert re.fullmatch(r"(person|organisation|enclave|system):[a-z]+:[a-z]+", action.value)
    assert len({action.value for action in Action}) == len(Action)


def test_canonical_bytes_are_pinned() -> None:
    assert canonical(ENTRY) == (
        b'{"action":"person:consent:given","actor":"data_subject","at":"2026-11-20T10:00:00.000000Z",'
        b'"objects":["c1"],"outcome":"done"}'
    )


def test_leaf_is_the_rfc_9162_leaf_of_salt_and_entry() -> None:
    expected = hashlib.sha256(b"\x00\x00\x10" + SALT + canonical(ENTRY)).digest()
    assert leaf_digest(ENTRY, SALT) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"action": Action.CONSENT_REFUSED},
        {"at": ENTRY.at + timedelta(microseconds=1)},
        {"actor": "operator"},
        {"objects": ("c2",)},
        {"objects": ()},
        {"outcome": Outcome.REFUSED},
    ],
)
def test_leaf_binds_every_field(change: dict[str, object]) -> None:
    assert leaf_digest(replace(ENTRY, **change), SALT) != leaf_digest(ENTRY, SALT)


def test_leaf_depends_on_its_salt_and_refuses_a_short_one() -> None:
    assert leaf_digest(ENTRY, b"t" * 16) != leaf_digest(ENTRY, SALT)
    with pytest.raises(InternalFault):
        leaf_digest(ENTRY, b"s" * 15)


@pytest.mark.parametrize(
    "text",
    ["https://alice.example/#me", "alice@example.org", "3421 kWh", "", "été", "x" * 129, "a/b", "-x", "a\nb"],
)
def test_what_could_be_an_address_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(InternalFault):
        replace(ENTRY, objects=(text,))
    with pytest.raises(InternalFault):
        replace(ENTRY, actor=text)


def test_a_time_that_is_not_utc_is_refused() -> None:
    for at in (ENTRY.at.replace(tzinfo=None), ENTRY.at.astimezone(timezone(timedelta(hours=1)))):
        with pytest.raises(InternalFault):
            replace(ENTRY, at=at)
