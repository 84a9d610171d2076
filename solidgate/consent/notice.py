"""The notice as shown: one plain structure that the page renders, and that is hashed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Approved, approved_of
from solidgate.consent.listing import Listed, document_lines
from solidgate.consent.places import place_name
from solidgate.consent.request import AskedResource, ConsentRequest, asked_digest
from solidgate.consent.spoken import duration, listed, said
from solidgate.consent.words import ROWS, WORDS
from solidgate.errors import LanguageNotOffered, SpaceInvalid, TermsChanged
from solidgate.space.agreement import Agreement
from solidgate.space.agreement import digest as agreement_digest
from solidgate.space.canonical import tagged_digest
from solidgate.space.characters import check_shown, isolated
from solidgate.space.participant import Role
from solidgate.space.purpose import Purpose, ResourceNeed
from solidgate.space.rerun import ON_CHANGE, is_cron, is_schedule


@dataclass(frozen=True, slots=True)
class Notice:
    """Exactly what a person is shown, in one language, for all purposes of a request.

    ``rows`` is the fixed eight-row label in its fixed order (key, title, lines). ``statements`` holds the
    consent sentence for each purpose. ``digest`` is over all of it, so what is shown is what is stored.
    """

    language: str
    title: str
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
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
    approved = approved_of(agreement, request.agreement_digest, approvals, words[language])
    text = _Text(agreement, request, language, public_url, words[language], approved)
    try:
        rows = tuple((key, text.word(key), tuple(text.lines(key))) for key in ROWS)
        statements = {purpose: text.statement(agreement.purpose(purpose)) for purpose, _ in request.resources}
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


def starters(agreement: Agreement) -> tuple[str, ...]:
    """The names of those who may start a run, each once, as they stand in a sentence."""
    parties = (*agreement.with_role(Role.OWNER), *agreement.with_role(Role.DATA_CONSUMER))
    return tuple(dict.fromkeys(isolated(party.name) for party in parties))


@dataclass(frozen=True, slots=True)
class _Text:
    """The lines of the eight rows, from the agreement's own texts and the words of one language."""

    agreement: Agreement
    request: ConsentRequest
    language: str
    public_url: str
    words: Mapping[str, str]
    approved: Approved

    def word(self, key: str, **values: object) -> str:
        return said(self.words, key, **values)

    def lines(self, row: str) -> Iterator[str]:
        rows = {
            "who": self._who,
            "why": self._why,
            "what": self._what,
            "program": self._program,
            "result": self._result,
            "recipients": self._recipients,
            "duration": self._duration,
            "rights": self._rights,
        }
        return rows[row]()

    def statement(self, purpose: Purpose) -> str:
        """The sentence that a yes to this purpose says (GDPR Art. 4(11) and 9(2)(a))."""
        names = [isolated(party.name) for party in self.agreement.with_role(Role.CONTROLLER)]
        key = "statement_special" if purpose.special_category else "statement"
        return self.word(key, who=listed(names, self.words), purpose=purpose.title[self.language])

    def _who(self) -> Iterator[str]:
        space = self.agreement.title[self.language]
        for party in self.agreement.with_role(Role.OWNER):
            yield self.word("asker", name=party.name, space=space)
        for party in self.agreement.with_role(Role.CONTROLLER):
            yield self.word("controller", name=party.name)
            if party.contact:
                yield self.word("contact", contact=party.contact.removeprefix("mailto:"))
        yield from self.approved.who

    def _why(self) -> Iterator[str]:
        for purpose_id, _ in self.request.resources:
            purpose = self.agreement.purpose(purpose_id)
            text = purpose.description[self.language]
            yield self.word("purpose", title=purpose.title[self.language], description=text)
            if purpose.special_category:
                yield self.word("special")

    def _what(self) -> Iterator[str]:
        for purpose_id, resources in self.request.resources:
            needs = {need.key: need for need in self.agreement.purpose(purpose_id).needs}
            listed_ones = (self._listed(one, needs[one.key]) for one in resources)
            yield from document_lines(listed_ones, self.words)
        yield self.word("read_only")
        if any(one.found and one.need for _, resources in self.request.resources for one in resources):
            yield self.word("listed_only")

    def _listed(self, resource: AskedResource, need: ResourceNeed) -> Listed:
        key = ("resource" if resource.found else "missing") if resource.path else "none_found"
        return Listed(key, need.title[self.language], resource.path, resource.required)

    def _program(self) -> Iterator[str]:
        if self.language in self.agreement.algorithm_text:
            yield self.agreement.algorithm_text[self.language]
        yield from self.approved.program
        yield self.word("program_digest", digest=self.agreement.algorithm)
        if self.agreement.algorithm_source:
            yield self.word("program_source", source=self.agreement.algorithm_source)
        yield self.word("program_alone")

    def _result(self) -> Iterator[str]:
        yield self.agreement.output_text[self.language]
        yield self.word("result_place", container=self.request.result_container)
        yield self.word("result_shape", digest=self.agreement.output_shape)
        if self.agreement.aggregate_shape:
            yield self.word("group", count=self.agreement.min_group_size)

    def _recipients(self) -> Iterator[str]:
        for party in self.agreement.with_role(Role.DATA_CONSUMER):
            yield self.word("recipient", name=party.name)

    def _duration(self) -> Iterator[str]:
        yield self.word("validity", duration=duration(self.agreement.validity, self.words))
        yield self.word("retention", duration=duration(self.agreement.retention, self.words))
        places = (self.agreement.storage_location, self.agreement.jurisdiction)
        place, law = (place_name(one, self.language) for one in places)
        yield self.word("storage", place=place, law=law)
        yield self._rerun()

    def _rerun(self) -> str:
        rerun = self.agreement.rerun
        if rerun == ON_CHANGE:
            return self.word("rerun_on_change")
        if not is_schedule(rerun):
            return self.word("rerun_by_hand", who=", ".join(starters(self.agreement)))
        if is_cron(rerun):
            return self.word("rerun_cron", times=rerun)
        return self.word("rerun_every", duration=duration(rerun, self.words))

    def _rights(self) -> Iterator[str]:
        own_page = f"{self.public_url}me"
        yield self.word("withdraw", url=own_page)
        yield self.word("access", url=own_page)
        yield self.word("complain")
        yield self.word("no_harm")
