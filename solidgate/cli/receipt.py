"""``solidgate receipt verify``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from solidgate.adapters.clock import SystemClock
from solidgate.adapters.http import GuardedFetcher
from solidgate.adapters.http_policy import FetchPolicy
from solidgate.cli.common import DEFAULTS, Common
from solidgate.consent.archive import KEY_FILE
from solidgate.consent.erasure import is_report, verify_report
from solidgate.consent.receipt import MAX_BYTES, Receipt, verify_receipt
from solidgate.consent.receipt_rdf import FORMATS, check_same
from solidgate.errors import BadFile, FetchUnexpected, ReceiptInvalid, SignatureInvalid
from solidgate.identity.jose import parse
from solidgate.settings import Settings

_MAX_KEYS_BYTES = 256 * 1024


def verify(file: Path, *, jwks: str = "", jwt: Path | None = None, common: Common = DEFAULTS) -> None:
    """Check a receipt, or the report of an erasure, and print what it proves.

    Parameters
    ----------
    file
        The receipt, as downloaded or as it stands in the pod (.jwt). A .ttl or .jsonld is not signed
        itself: it is held, statement by statement, against the signed .jwt beside it.
    jwks
        The issuer's public keys: a file, for use offline, or an address. Without it they are read from a
        jwks.json beside the file or one folder above it, as in the copy of one's data; else they are fetched
        from the issuer that the receipt names. Trust where they come from, since anyone can name themselves.
    jwt
        The signed receipt that belongs to a .ttl or .jsonld; the file of the same name ending in .jwt
        unless given.
    """
    unsigned = file.suffix in FORMATS
    token = _text(_signed(file, jwt) if unsigned else file, MAX_BYTES).strip()
    keys, origin = _keys(token, jwks or _beside(file), common)
    if is_report(token):
        claims = verify_report(token, keys, datetime.now(UTC))
        known = _is_issuers(str(claims["issuer"]), origin)
        found = {"valid": True, "keys": origin, "keys_of_issuer": known, **claims}
        common.show(found, _told_report(claims, origin))
        return
    receipt = verify_receipt(token, keys, datetime.now(UTC))
    if unsigned:
        check_same(_bytes(file, MAX_BYTES), file.suffix, token)
    proved = "as the signed receipt beside it" if unsigned else "the signature"
    common.show(_shown(receipt, origin) | {"proved_by": proved}, _told(receipt, origin, unsigned))


def _signed(file: Path, jwt: Path | None) -> Path:
    found = jwt or file.with_suffix(".jwt")
    if not found.is_file():
        raise ReceiptInvalid(f"1: only the .jwt is signed; put {found.name} beside it or name it with --jwt")
    return found


def _beside(file: Path) -> str:
    """The keys that came with the file, or nothing."""
    places = (file.parent / KEY_FILE, file.parent.parent / KEY_FILE)
    return next((str(place) for place in places if place.is_file()), "")


def _keys(token: str, jwks: str, common: Common) -> tuple[Sequence[Mapping[str, Any]], str]:
    """The keys and where they are from."""
    if jwks and not jwks.startswith(("https://", "http://")):
        return _key_list(_text(Path(jwks), _MAX_KEYS_BYTES), jwks), jwks
    address = jwks or _named_issuer(token) + "jwks"
    return _key_list(asyncio.run(_fetch(address, common.settings())), address), address


def _named_issuer(token: str) -> str:
    try:
        issuer = parse(token, max_bytes=MAX_BYTES).claims.get("issuer")
    except SignatureInvalid as error:
        raise ReceiptInvalid(f"1: {error.detail}") from error
    if not isinstance(issuer, str) or not issuer.endswith("/"):
        raise ReceiptInvalid("3: it names no issuer; give the keys with --jwks")
    return issuer


async def _fetch(address: str, settings: Settings) -> str:
    policy = FetchPolicy(
        allow_private_addresses=settings.http.allow_private_addresses, ca_file=settings.http.ca_file
    )
    fetcher = GuardedFetcher(policy, SystemClock())
    try:
        reply = await fetcher.fetch(
            "GET", address, headers={"Accept": "application/json"}, max_bytes=_MAX_KEYS_BYTES
        )
    finally:
        await fetcher.aclose()
    if reply.status != 200:
        raise FetchUnexpected(f"{address} answered {reply.status}")
    return reply.content.decode("utf-8", "replace")


def _bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as opened:
            content = opened.read(limit + 1)
    except OSError as error:
        raise BadFile(f"{path}: {type(error).__name__}") from error
    if len(content) > limit:
        raise BadFile(f"{path} is larger than {limit} bytes")
    return content


def _text(path: Path, limit: int) -> str:
    try:
        return _bytes(path, limit).decode("ascii" if limit == MAX_BYTES else "utf-8")
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: {type(error).__name__}") from error


def _key_list(text: str, origin: str) -> Sequence[Mapping[str, Any]]:
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadFile(f"{origin} is not a JWK set") from error
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise BadFile(f"{origin} is not a JWK set")
    return keys


def _shown(receipt: Receipt, origin: str) -> dict[str, Any]:
    return {
        "valid": True,
        "status": receipt.status.value,
        "consent": receipt.record_iri,
        "data_subject": receipt.data_subject,
        "issuer": receipt.issuer,
        "issued": receipt.issued.isoformat(),
        "kid": receipt.kid,
        "keys": origin,
        "keys_of_issuer": _is_issuers(receipt.issuer, origin),
        "events": [
            {
                "sequence": event.sequence,
                "status": event.status.value,
                "at": event.at.isoformat(),
                "until": event.until.isoformat() if event.until else None,
            }
            for event in receipt.events
        ],
        "agreement": receipt.agreement_digest,
        "notice": receipt.notice_digest,
        "algorithm": receipt.algorithm_digest,
        "output_shape": receipt.shape_digest,
        "resources": list(receipt.resources),
        "record": receipt.record_digest,
    }


def _told(receipt: Receipt, origin: str, unsigned: bool) -> str:
    lines = ["This file is not signed; it says exactly what the signed receipt says."] if unsigned else []
    lines += [
        f"The receipt is valid: consent {receipt.status.value} ({receipt.record_iri}).",
        _signer(receipt.issuer, f"{receipt.issued:%Y-%m-%d %H:%M:%S} UTC", origin),
    ]
    for event in receipt.events:
        until = f", until {event.until:%Y-%m-%d %H:%M} UTC" if event.until else ""
        lines.append(f"  {event.sequence}. {event.at:%Y-%m-%d %H:%M:%S} UTC  {event.status.value}{until}")
    lines += [f"  terms {receipt.agreement_digest}", f"  program {receipt.algorithm_digest}"]
    lines += [f"  reads {url}" for url in receipt.resources]
    lines.append("It speaks of the moment it was signed: the record's address tells what holds now.")
    return "\n".join(lines)


def _signer(issuer: str, at: str, origin: str) -> str:
    """Who signed: known where the issuer itself gave the key, else as sure as where the keys are from."""
    if _is_issuers(issuer, origin):
        return f"Signed by {issuer} at {at}; its keys were read at {origin}."
    return (
        f"Signed at {at} in the name of {issuer}, with a key from {origin}: that it is the key of {issuer} is"
        " as sure as where you have that file from."
    )


def _is_issuers(issuer: str, origin: str) -> bool:
    return origin == f"{issuer}jwks"


def _told_report(claims: Mapping[str, Any], origin: str) -> str:
    subject = claims["credentialSubject"]
    removed = sum(subject.get("removed", {}).values())
    lines = [
        f"The report of an erasure is valid: everything about {subject['id']} was removed ({removed} rows).",
        _signer(str(claims["issuer"]), str(claims["validFrom"]), origin),
    ]
    for kind, places in subject.get("notRecalled", {}).items():
        lines += [f"  not recalled, {kind}: {place}" for place in places]
    return "\n".join(lines)
