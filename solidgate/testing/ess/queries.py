"""Which credentials a query or a pattern means: the filters of ``/query`` and of ``/derive``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from solidgate.testing.ess.consents import RECIPIENTS, listed, short_mode
from solidgate.testing.ess.credentials import Held, Vault
from solidgate.testing.ess.statements import TYPES, kind_of

PERIODS = {
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
    "P1M": timedelta(days=30),
    "P3M": timedelta(days=90),
}
STATUSES = {
    "request": {"Pending", "Denied", "Granted", "Canceled", "Expired"},
    "grant": {"Active", "Revoked", "Expired"},
    "denial": {"Active", "Revoked", "Expired"},
}


def status(held: Held, vault: Vault) -> str:
    """Where a credential stands now, in the words of the query service."""
    now = vault.ground.now()
    answers = {one.kind for one in vault.answers_to(held.id)} if held.kind == "request" else set()
    if held.revoked is not None:
        return "Canceled" if held.kind == "request" else "Revoked"
    if answers:
        return "Granted" if "grant" in answers else "Denied"
    if held.statement.expires is not None and held.statement.expires <= now:
        return "Expired"
    return "Pending" if held.kind == "request" else "Active"


def asked_for(query: Mapping[str, str], vault: Vault, seen_by: str) -> list[Held]:
    """What ``/query`` answers to one of the two parties; unknown periods and statuses find nothing."""
    now = vault.ground.now()
    return [
        held
        for held in vault.all()
        if seen_by in (held.creator, held.asked.party)
        and query.get("type", TYPES[held.kind]) == TYPES[held.kind]
        and query.get("status", status(held, vault)) == status(held, vault)
        and query.get("fromAgent", held.creator) == held.creator
        and query.get("toAgent", held.asked.party) == held.asked.party
        and ("resource" not in query or query["resource"] in held.asked.resources)
        and ("purpose" not in query or query["purpose"] in held.asked.purposes)
        and _within(query.get("issuedWithin"), held.statement.issued, now)
        and _within(query.get("revokedWithin"), held.revoked, now)
    ]


def like(pattern: Mapping[str, Any], vault: Vault, seen_by: str, *, expired: bool) -> list[Held]:
    """What ``/derive`` answers: those of the parties' credentials that have everything the pattern has."""
    now, kind = vault.ground.now(), kind_of(pattern)
    subject = pattern.get("credentialSubject")
    wanted = subject if isinstance(subject, Mapping) else {}
    return [
        held
        for held in vault.all()
        if seen_by in (held.creator, held.asked.party)
        and kind in (None, held.kind)
        and wanted.get("id", held.creator) == held.creator
        and _consent_fits(wanted.get("providedConsent", wanted.get("hasConsent", {})), held)
        and held.statement.issued <= now
        and (expired or held.statement.expires is None or held.statement.expires > now)
    ]


def _consent_fits(wanted: Mapping[str, Any], held: Held) -> bool:
    parties = {str(wanted[n]) for n in ("isConsentForDataSubject", *RECIPIENTS) if wanted.get(n)}
    modes = (short_mode(mode) for mode in listed(wanted.get("mode")))
    return (
        parties <= {held.asked.party}
        and _all_in(listed(wanted.get("forPersonalData")), held.asked.resources)
        and _all_in(listed(wanted.get("forPurpose")), held.asked.purposes)
        and _all_in(modes, held.asked.modes)
    )


def _all_in(wanted: Iterable[str], there: Iterable[str]) -> bool:
    return set(wanted) <= set(there)


def _within(period: str | None, when: datetime | None, now: datetime) -> bool:
    if period is None:
        return True
    return when is not None and period in PERIODS and now - when <= PERIODS[period]
