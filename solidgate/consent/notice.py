"""The notice as shown: one plain structure that the page renders, and that is hashed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from types import MappingProxyType

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Approved, Rows, approved_of
from solidgate.consent.label import Label
from solidgate.consent.listing import Listed, document_lines
from solidgate.consent.request import AskedResource, ConsentRequest, asked_digest
from solidgate.consent.spoken import Words, listed, said
from solidgate.consent.words import WORDS
from solidgate.errors import LanguageNotOffered, SpaceInvalid, TermsChanged
from solidgate.space.agreement import Agreement
from solidgate.space.agreement import digest as agreement_digest
from solidgate.space.canonical import tagged_digest
from solidgate.space.characters import check_shown, isolated
from solidgate.space.participant import Role
from solidgate.space.purpose import Purpose


@dataclass(frozen=True, slots=True)
class Notice:
    """Exactly what a person is shown, in one language, for all purposes of a request.

    ``rows`` is the fixed eight-row label in its fixed order (key, title, lines). ``statements`` holds the
    consent sentence for each purpose. ``digest`` is over all of it, so what is shown is what is stored.
    """

    language: str
    title: str
    rows: Rows
    statements: Mapping[str, str]
    agreement_digest: str
    resources_digest: str
    digest: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """One part of the notice that is not what it was: its key and title, the lines before and after."""

    key: str
    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def make_notice(
    agreement: Agreement,
    request: ConsentRequest,
    language: str,
    *,
    approvals: Iterable[Approval],
    public_url: str,
    words: Mapping[str, Mapping[str, str]] = WORDS,
) -> Notice:
    """The notice of a request in one language, as it is to be shown, with its digest.

    ``approvals`` are all of the space: it tells whose stand. ``public_url`` ends with a slash. Raises
    ``LanguageNotOffered``, ``TermsChanged`` when the request is under another agreement, ``SpaceInvalid``
    when the request and the agreement do not fit together, or a text could turn what stands around it.
    """
    if language not in agreement.languages or language not in words:
        offered = sorted(set(agreement.languages) & set(words))
        raise LanguageNotOffered(", ".join(offered))
    if request.agreement_digest != agreement_digest(agreement):
        raise TermsChanged("the request is under another version of the terms")
    spoken = words[language]
    approved = approved_of(agreement, request.agreement_digest, approvals, spoken)
    try:
        rows = _label(agreement, request, language, spoken, approved, public_url).rows()
        asked = (agreement.purpose(purpose) for purpose, _ in request.resources)
        statements = {one.id: _statement(agreement, one, language, spoken) for one in asked}
        title = agreement.title[language]
    except KeyError as error:
        raise SpaceInvalid(f"the notice lacks a text or a purpose: {error}") from error
    check_shown((title, *statements.values(), *(line for _, _, lines in rows for line in lines)))
    resources = asked_digest(request)
    unsealed = Notice(
        language, title, rows, MappingProxyType(statements), request.agreement_digest, resources, ""
    )
    return replace(unsealed, digest=notice_digest(unsealed))


def notice_digest(notice: Notice) -> str:
    """The digest over everything in a notice but the digest itself; equal to it exactly when unchanged."""
    return tagged_digest(
        "notice/1",
        {
            "language": notice.language,
            "title": notice.title,
            "rows": [[key, title, list(lines)] for key, title, lines in notice.rows],
            "statements": dict(notice.statements),
            "agreement": notice.agreement_digest,
            "resources": notice.resources_digest,
        },
    )


def terms_difference(old: Notice, new: Notice) -> tuple[RowChange, ...]:
    """What is shown differently, in the order of the page; empty only when the digests are equal."""
    before, after = _parts_of(old), _parts_of(new)
    keys = [*after, *(key for key in before if key not in after)]
    return tuple(
        RowChange(key, after.get(key, before.get(key, ("", ())))[0], _lines(before, key), _lines(after, key))
        for key in keys
        if before.get(key) != after.get(key)
    )


_Parts = dict[str, tuple[str, tuple[str, ...]]]


def _parts_of(notice: Notice) -> _Parts:
    """Everything that the digest covers; digests last, for a change that no shown line tells."""
    shown: _Parts = {"title": ("", (notice.title,))}
    shown |= {key: (title, lines) for key, title, lines in notice.rows}
    shown |= {f"statement:{purpose}": ("", (text,)) for purpose, text in notice.statements.items()}
    bound = {"language": notice.language, "agreement": notice.agreement_digest}
    bound["resources"] = notice.resources_digest
    return shown | {key: ("", (value,)) for key, value in bound.items()}


def _lines(parts_of: _Parts, key: str) -> tuple[str, ...]:
    return parts_of[key][1] if key in parts_of else ()


def _label(
    agreement: Agreement,
    request: ConsentRequest,
    language: str,
    words: Words,
    approved: Approved,
    public_url: str,
) -> Label:
    return Label(
        agreement=agreement,
        language=language,
        words=words,
        pick=itemgetter(language),
        purposes=tuple(agreement.purpose(purpose) for purpose, _ in request.resources),
        documents=tuple(_documents(agreement, request, language, words)),
        result_container=request.result_container,
        approved=approved,
        public_url=public_url,
    )


def _statement(agreement: Agreement, purpose: Purpose, language: str, words: Words) -> str:
    """The sentence that a yes to this purpose says (GDPR Art. 4(11) and 9(2)(a))."""
    names = [isolated(party.name) for party in agreement.with_role(Role.CONTROLLER)]
    key = "statement_special" if purpose.special_category else "statement"
    return said(words, key, who=listed(names, words), purpose=purpose.title[language])


def _documents(agreement: Agreement, request: ConsentRequest, language: str, words: Words) -> Iterator[str]:
    for purpose_id, resources in request.resources:
        needs = {need.key: need for need in agreement.purpose(purpose_id).needs}
        listed_ones = (_listed(one, needs[one.key].title[language]) for one in resources)
        yield from document_lines(listed_ones, words)
    yield words["read_only"]
    if any(one.found and one.need for _, resources in request.resources for one in resources):
        yield words["listed_only"]


def _listed(resource: AskedResource, title: str) -> Listed:
    key = ("resource" if resource.found else "missing") if resource.path else "none_found"
    return Listed(key, title, resource.path, resource.required)
