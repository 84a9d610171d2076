"""The consent part of requests, grants and denials: read from what clients send, written in each shape.

The same statement comes as a short name, a prefixed name or a full address, as one value or as a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from solidgate.testing.ess.behaviours import Odd, Oddities

ACL = "http://www.w3.org/ns/auth/acl#"
GC = "https://w3id.org/GConsent#"
MODES = ("Read", "Write", "Append")
PARTS = ("mode", "forPersonalData", "forPurpose")
RECIPIENTS = ("isProvidedTo", "isProvidedToPerson", "isProvidedToController")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for, grants or denies; ``other`` holds the client's own fields, by full address."""

    modes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    inherit: bool | None = None
    party: str = ""
    request: str = ""
    verified: bool = False
    other: tuple[tuple[str, Any], ...] = ()


def read_consent(consent: Mapping[str, Any]) -> Asked:
    """What a client sent below ``hasConsent`` or ``providedConsent``, in whichever shape."""
    parties = [str(consent[n]) for n in ("isConsentForDataSubject", *RECIPIENTS) if consent.get(n)]
    request = consent.get("verifiedRequest") or consent.get("request") or ""
    inherit = consent.get("inherit")
    return Asked(
        modes=tuple(short_mode(one) for one in listed(consent.get("mode"))),
        resources=tuple(listed(consent.get("forPersonalData"))),
        templates=tuple(listed(consent.get("template"))),
        purposes=tuple(listed(consent.get("forPurpose"))),
        inherit=None if inherit is None else str(inherit).lower() == "true",
        party=parties[0] if parties else "",
        request=str(request),
        verified="verifiedRequest" in consent,
        other=tuple((name, value) for name, value in consent.items() if "://" in name),
    )


def written(asked: Asked, kind: str, odd: Oddities) -> dict[str, Any]:
    """The consent as ESS writes it, bent by the behaviours that are about shapes."""
    consent: dict[str, Any] = {
        "mode": [_mode(mode, odd) for mode in asked.modes],
        "hasStatus": _status(kind, odd),
        _party(kind, odd): asked.party,
        "forPersonalData": list(asked.resources),
        "template": list(asked.templates),
        "forPurpose": list(asked.purposes),
        "inherit": asked.inherit,
        _request(asked, odd): asked.request,
        **dict(asked.other),
    }
    kept = {name: value for name, value in consent.items() if value not in (None, "", [])}
    if "inherit" in kept and odd.strikes(Odd.INHERIT_AS_TEXT):
        kept["inherit"] = str(kept["inherit"]).lower()
    if odd.strikes(Odd.SCALARS):
        kept |= {n: kept[n][0] for n in PARTS if n in kept and len(kept[n]) == 1}
    return kept


def listed(value: object) -> list[str]:
    """One value, several or none, as a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def short_mode(mode: str) -> str:
    """``Read`` for each of its spellings."""
    return mode.removeprefix(ACL).removeprefix("acl:")


def _mode(mode: str, odd: Oddities) -> str:
    if odd.strikes(Odd.PREFIXED_NAMES):
        return f"acl:{mode}"
    return f"{ACL}{mode}" if odd.strikes(Odd.LONG_NAMES) else mode


def _status(kind: str, odd: Oddities) -> str:
    denied = "ConsentStatusRefused" if odd.strikes(Odd.REFUSED_STATUS) else "ConsentStatusDenied"
    name = {"request": "ConsentStatusRequested", "grant": "ConsentStatusExplicitlyGiven"}.get(kind, denied)
    if odd.strikes(Odd.PREFIXED_NAMES):
        return f"gc:{name}"
    # Only the full address means "denied": the contexts have no short name for it.
    short = odd.strikes(Odd.SHORT_NAMES) and name != "ConsentStatusDenied"
    return name if short else f"{GC}{name}"


def _party(kind: str, odd: Oddities) -> str:
    if kind == "request":
        return "isConsentForDataSubject"
    if odd.strikes(Odd.PROVIDED_TO_PERSON):
        return "isProvidedToPerson"
    return "isProvidedToController" if odd.strikes(Odd.PROVIDED_TO_CONTROLLER) else "isProvidedTo"


def _request(asked: Asked, odd: Oddities) -> str:
    return "verifiedRequest" if asked.verified or odd.strikes(Odd.VERIFIED_REQUEST) else "request"
