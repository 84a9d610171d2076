"""What all receipts under the same terms share, rendered once.

A form is the text of a receipt's claims with places left open for what is a person's own: who, when, where,
which documents, and the words that were shown. Forms are kept in memory and hold nothing of anybody. They
change no byte: one is kept when its first receipt is the one made without it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pyoxigraph as ox
from pydantic_core import to_json

from solidgate.consent.events_rdf import utc
from solidgate.consent.notice import Notice
from solidgate.consent.open_text import OpenText, in_fixed_order
from solidgate.consent.rdf import shown_text
from solidgate.consent.receipt_claims import Said, credential, plain, rendered, said_of
from solidgate.consent.receipt_nodes import short, value_of
from solidgate.consent.record import ConsentRecord
from solidgate.space.agreement import Agreement
from solidgate.space.canonical import sha256_digest
from solidgate.vocab import XSD

MOST_FORMS = 256
"""Forms that are kept in memory, about 40 kB each."""

# JSON and N-Triples write a text alike but for these: control characters other than line breaks and tabs, and
# the two that are no characters (U+FFFE, U+FFFF).
_OTHERWISE = re.compile(rb"\\[bfu]|\x7f|\xef\xbf[\xbe\xbf]")
_DATE = XSD.dateTime.value.encode()
_SHORT_DATE = short(XSD.dateTime.value, "\0").encode()
_FIRST = datetime.min.replace(tzinfo=UTC)

# One value, as N-Triples and as JSON-LD.
_Value = tuple[bytes, bytes]
_Key = tuple[object, ...]
_forms: dict[_Key, _Form] = {}


def credential_json(
    record: ConsentRecord, agreement: Agreement, issuer: str, now: datetime, notice: Notice | None = None
) -> bytes:
    """The claims of a receipt as ``plain_json`` makes them, by their form.

    The record must have been checked: its id goes into the text as it is.

    Raises ``ConsentUnverifiable`` when agreement or notice is not the one that the record names.
    """
    said = said_of(record, agreement, issuer, notice)
    key = _key(said)
    form = _forms.get(key)
    if form is not None:
        return form.filled(said, now)
    text, form = plain(said, now), _form(said, key)
    if form.filled(said, now) == text:
        _keep(key, form)
    return text


def _keep(key: _Key, form: _Form) -> None:
    if len(_forms) >= MOST_FORMS:
        _forms.clear()
    _forms[key] = form


def _key(said: Said) -> _Key:
    """Everything that a receipt is made from and its form leaves no place for."""
    record, notice = said.record, said.notice
    shown = None if notice is None else (notice.language, bool(notice.statements.get(record.purpose)))
    events = tuple((e.sequence, e.status, e.method, e.reason, e.until is None) for e in record.events)
    bound = (record.agreement_digest, record.algorithm_digest, record.shape_digest, record.notice_language)
    needs = tuple(need.key for _, need in said.asked)
    address = record.iri.removesuffix(record.consent_id)
    place = (said.issuer, address, record.space, record.purpose, record.epoch, bool(record.replaces))
    return (*bound, *place, record.recipients, needs, shown, events)


def _own(said: Said) -> list[_Value]:
    """What goes into the open places, in one order."""
    record, notice, base = said.record, said.notice, said.record.iri
    values = [
        _iri(record.data_subject, base),
        _literal(record.request_id),
        _literal(record.resources_digest),
        _literal(record.notice_digest),
        _moment(record.notice_date),
        _iri(record.result_container, base),
        *(_iri(url, base) for url, _ in said.asked),
    ]
    if record.replaces:
        values.append(_iri(record.replaces, base))
    if notice is not None:
        statement = notice.statements.get(record.purpose)
        texts = (notice.title, shown_text(notice), *([statement] if statement else []))
        values += [_literal(text, notice.language) for text in texts]
    for event in record.events:
        values += [_iri(event.by, base), _moment(event.at)]
        if event.until is not None:
            values.append(_moment(event.until))
    return values


def _iri(text: str, base: str) -> _Value:
    ox.NamedNode(text)  # refuses what is no IRI; what is one needs no escape
    return b"<%b>" % text.encode(), b'{"@id":"%b"}' % short(text, base).encode()


def _moment(at: datetime) -> _Value:
    text = utc(at).encode()
    return b'"%b"^^<%b>' % (text, _DATE), b'{"@type":"%b","@value":"%b"}' % (_SHORT_DATE, text)


def _literal(text: str, language: str = "") -> _Value:
    quoted = to_json(text)
    if _OTHERWISE.search(quoted):
        literal = ox.Literal(text, language=language or None)
        return str(literal).encode(), to_json(value_of(literal, ""))
    tag = language.encode()
    if not tag:
        return quoted, quoted
    return b"%b@%b" % (quoted, tag), b'{"@language":"%b","@value":%b}' % (tag, quoted)


@dataclass(frozen=True, slots=True)
class _Form:
    """Both texts of a receipt: the record's lines, which are hashed, and the claims, which are signed.

    ``ordered`` says that the lines stay sorted whatever is filled in.
    """

    lines: OpenText
    claims: OpenText
    ordered: bool

    def filled(self, said: Said, now: datetime) -> bytes:
        """The claims of one receipt."""
        own, record = _own(said), said.record
        lines = self.lines.filled([record.consent_id.encode(), *(one[0] for one in own)])
        digest = sha256_digest(lines if self.ordered else _sorted(lines))
        last = map(to_json, (record.data_subject, utc(now), digest))
        claims = self.claims.filled([record.consent_id.encode(), *(one[1] for one in own), *last])
        return b'%b,"iat":%d}' % (claims[:-1], int(now.timestamp()))


def _sorted(lines: bytes) -> bytes:
    """Each line once, in order; a line break within a text is written as two characters."""
    return b"".join(sorted({line + b"\n" for line in lines.split(b"\n") if line}))


def _form(said: Said, key: _Key) -> _Form:
    """The form of everything with this key: the texts of a blank receipt, opened where its values stand."""
    # No text of the terms holds a digest of itself, so that the mark stands only where it was put.
    mark = sha256(repr(key).encode()).hexdigest()
    blank = _blank(said, mark)
    own, (texts, nodes) = _own(blank), rendered(blank)
    lines, in_lines = [line.encode() for line in sorted(texts)], [one[0] for one in own]
    valid_from, digest = f"{mark}-from", f"{mark}-digest"
    claims = to_json(credential(blank, valid_from, digest, nodes))
    in_claims = [*(one[1] for one in own), *map(to_json, (blank.record.data_subject, valid_from, digest))]
    return _Form(
        lines=OpenText.of(b"".join(lines), mark.encode(), in_lines),
        claims=OpenText.of(claims, mark.encode(), in_claims),
        ordered=in_fixed_order(lines, mark.encode(), in_lines),
    )


def _blank(said: Said, mark: str) -> Said:
    """The same with a value of its own in each open place."""
    record, numbers = said.record, itertools.count(1)
    events = tuple(
        replace(
            event,
            by=f"urn:{mark}-{next(numbers)}",
            at=_FIRST + timedelta(microseconds=next(numbers)),
            until=None if event.until is None else _FIRST + timedelta(microseconds=next(numbers)),
        )
        for event in record.events
    )
    asked = tuple((f"urn:{mark}-{next(numbers)}", need) for _, need in said.asked)
    blank = replace(
        record,
        consent_id=mark,
        iri=record.iri.removesuffix(record.consent_id) + mark,
        request_id=f"{mark}-request",
        data_subject=f"urn:{mark}-person",
        notice_digest=f"{mark}-notice",
        notice_date=_FIRST,
        resources_digest=f"{mark}-resources",
        result_container=f"urn:{mark}-results",
        replaces=record.replaces and f"urn:{mark}-before",
        events=events,
    )
    return replace(said, record=blank, notice=_blank_notice(said, mark), asked=asked)


def _blank_notice(said: Said, mark: str) -> Notice | None:
    notice, purpose = said.notice, said.record.purpose
    if notice is None:
        return None
    statements = {purpose: f"{mark}-statement"} if notice.statements.get(purpose) else {}
    rows = (("", f"{mark}-rows", ()),)
    return replace(notice, title=f"{mark}-title", rows=rows, statements=statements)
