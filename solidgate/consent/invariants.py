"""Invariants 1 to 10: what a record must bind before it is kept or signed; 11 to 19 stand in ``record``.

``shapes/consent-record.ttl`` says the same of the record's RDF; docs/reference/invariants.md sets both
side by side.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from pyoxigraph import NamedNode

from solidgate.consent.duration import parts
from solidgate.consent.record import ConsentRecord
from solidgate.errors import ConsentUnverifiable, SpaceInvalid
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import is_digest
from solidgate.space.participant import Role
from solidgate.space.purpose import Purpose
from solidgate.vocab import EU_GDPR

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Most addresses; any other is taken apart.
_PLAIN_WEB = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:[/?#]|\Z)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")
EXPLICIT = (EU_GDPR["A6-1-a-explicit-consent"], EU_GDPR["A9-2-a"])

Bound = Callable[[ConsentRecord, Agreement], bool]


def legal_basis(purpose: Purpose) -> NamedNode:
    """Explicit consent: by Article 9(2)(a) for special categories, else by Article 6(1)(a)."""
    return EXPLICIT[1] if purpose.special_category else EXPLICIT[0]


def check_bound(record: ConsentRecord, agreement: Agreement) -> None:
    """Hold a record against invariants 1 to 10. Raises ``ConsentUnverifiable`` with the first broken one."""
    for number, (says, holds) in BOUND.items():
        try:
            kept = holds(record, agreement)
        except (KeyError, IndexError, SpaceInvalid, ValueError):
            kept = False
        if not kept:
            raise ConsentUnverifiable(f"{number}: {says}")


def _header(record: ConsentRecord, agreement: Agreement) -> bool:
    digests = (record.agreement_digest, record.resources_digest)
    return (
        bool(_UUID4.fullmatch(record.consent_id))
        and record.iri.endswith(record.consent_id)
        and _is_web(record.data_subject)
        and all(map(is_digest, digests))
    )


def _notice(record: ConsentRecord, agreement: Agreement) -> bool:
    named = bool(_LANGUAGE.fullmatch(record.notice_language)) and is_digest(record.notice_digest)
    return named and record.notice_date.tzinfo is not None


def _purpose(record: ConsentRecord, agreement: Agreement) -> bool:
    purpose = agreement.purpose(record.purpose)
    return bool(purpose.broader) and all(purpose.title.get(tag) for tag in agreement.languages)


def _data(record: ConsentRecord, agreement: Agreement) -> bool:
    needs = agreement.purpose(record.purpose).needs
    paths = ["/" + need.path for need in needs if not need.is_found]
    kinds, found_by = {need.key for need in needs if need.is_found}, dict(record.found_by)
    return all(
        _is_web(url)
        and not url.endswith("/")
        and (found_by.get(url) in kinds or any(url.endswith(path) for path in paths))
        for url in record.resources
    )


def _parties(record: ConsentRecord, agreement: Agreement) -> bool:
    named = agreement.with_role(Role.CONTROLLER) and record.recipients and agreement.jurisdiction
    return bool(named) and all(map(_is_web, record.recipients))


def _basis(record: ConsentRecord, agreement: Agreement) -> bool:
    return legal_basis(agreement.purpose(record.purpose)) in EXPLICIT


def _storage(record: ConsentRecord, agreement: Agreement) -> bool:
    return any(parts(agreement.retention)) and bool(agreement.storage_location)


def _withdrawal(record: ConsentRecord, agreement: Agreement) -> bool:
    return _is_web(record.iri + "/withdraw")


def _code(record: ConsentRecord, agreement: Agreement) -> bool:
    bound = (record.algorithm_digest, record.shape_digest)
    return all(map(is_digest, bound)) and bound == (agreement.algorithm, agreement.output_shape)


def _special(record: ConsentRecord, agreement: Agreement) -> bool:
    purpose = agreement.purpose(record.purpose)
    return not purpose.special_category or legal_basis(purpose) == EU_GDPR["A9-2-a"]


def _is_web(address: str) -> bool:
    if _PLAIN_WEB.match(address):
        return True
    split = urlsplit(address)
    return split.scheme in ("https", "http") and bool(split.hostname)


BOUND: dict[int, tuple[str, Bound]] = {
    1: ("one UUID 4, one person, the digests of terms and resources", _header),
    2: ("a notice with language, date and digest", _notice),
    3: ("one purpose of the agreement, with its titles and a broader one", _purpose),
    4: ("each datum is one document that the purpose needs", _data),
    5: ("a controller, a recipient and a jurisdiction", _parties),
    6: ("the legal basis is explicit consent", _basis),
    7: ("how long and where results are kept", _storage),
    8: ("where to withdraw", _withdrawal),
    9: ("the code and the form of results, by digest", _code),
    10: ("special categories need Article 9(2)(a)", _special),
}
"""Number to what holds and the check of it."""
