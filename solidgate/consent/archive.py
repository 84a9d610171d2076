"""Everything that is held about a person as one ZIP: the same person, the same bytes, links inside only."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyoxigraph as ox

from solidgate.audit.activity import Activity, activity_triples
from solidgate.consent.notice import Notice
from solidgate.consent.rdf import record_triples
from solidgate.consent.record import ConsentRecord
from solidgate.errors import ExportTooLarge
from solidgate.space.agreement import Agreement
from solidgate.space.rdf import turtle
from solidgate.vocab import PREFIXES

KEY_FILE = "jwks.json"
"""The public key of the receipts in it, as a JWK set (RFC 7517 section 5)."""

_SAFE = re.compile(r"[^A-Za-z0-9._-]")
# A cell that a spreadsheet would take for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds about one person, read in one transaction."""

    webid: str
    at: datetime
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    records: Sequence[tuple[ConsentRecord, Agreement, Notice | None]]
    activities: Sequence[Activity]

    def __repr__(self) -> str:
        return f"Held({len(self.records)} records)"


def files(held: Held) -> dict[str, bytes]:
    """The files of the archive without its page, by their names in it."""
    found: dict[str, bytes] = {}
    graph: list[ox.Triple] = []
    for record, agreement, notice in held.records:
        triples = record_triples(record, agreement, notice)
        graph += triples
        found[f"consents/{record.consent_id}.ttl"] = turtle(triples)
        found[f"consents/{record.consent_id}.jsonld"] = _jsonld(triples)
    for row in held.rows["receipts"]:
        found[f"receipts/{row['consent_id']}-{row['sequence']}.jwt"] = str(row["receipt"]).encode()
    for row in held.rows["notices"]:
        found[f"notices/{_safe(row['digest'])}.txt"] = _notice_text(row["notice"])
    for row in held.rows["derived"]:
        found[f"results/{row['consent_id']}.nt"] = str(row["content"]).encode()
    graph += activity_triples(held.activities, "urn:solidgate:activity", held.webid)
    found["everything.jsonld"] = _jsonld(graph)
    found["tables.json"] = json.dumps(held.rows, indent=1, ensure_ascii=False, sort_keys=True).encode()
    for name, rows in held.rows.items():
        found[f"tables/{name}.csv"] = csv_of(rows)
    found["tables/activity.csv"] = csv_of([_plain(one) for one in held.activities])
    return found


def packed(found: Mapping[str, bytes], at: datetime, *, max_bytes: int) -> bytes:
    """The ZIP. Raises ``ExportTooLarge`` when its files together are more than ``max_bytes``."""
    size = sum(map(len, found.values()))
    if size > max_bytes:
        raise ExportTooLarge(f"{size} bytes; consent.export_bytes is {max_bytes}")
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in found.items():
            entry = zipfile.ZipInfo(name, at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
    return written.getvalue()


def csv_of(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A table with a heading (RFC 4180); nested values as JSON. No cell is a formula."""
    listed = list(rows)
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    columns = list(dict.fromkeys(key for row in listed for key in row))
    writer.writerow(columns)
    for row in listed:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return written.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return "'" + text if text.startswith(_FORMULA) else text


def _plain(one: Activity) -> dict[str, str]:
    return {
        "at": one.at.isoformat(),
        "kind": one.kind.value,
        "what": one.what,
        "consent": one.consent,
        "run": one.run,
        "place": one.place,
        "outcome": one.outcome,
        "reached": one.reached,
    }


def _jsonld(triples: Iterable[ox.Triple]) -> bytes:
    return ox.serialize(triples, format=ox.RdfFormat.JSON_LD, prefixes=dict(PREFIXES)) or b"[]"


def _notice_text(notice: Mapping[str, Any]) -> bytes:
    lines = [notice["title"], ""]
    for _, title, texts in notice["rows"]:
        lines += [title, *(f"  {_within(text)}" for text in texts), ""]
    lines += map(_within, notice["statements"].values())
    return "\n".join([*lines, "", notice["digest"], ""]).encode()


def _within(text: str) -> str:
    """A text whose own lines are indented below its first: none of them reads as another row."""
    return "\n    ".join(text.splitlines())


def _safe(name: str) -> str:
    return _SAFE.sub("-", name)
