"""The eight-row label before login: the agreement in the words of the notice, without anybody's pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Approved, approved_of
from solidgate.consent.listing import Listed, document_lines
from solidgate.consent.notice import starters
from solidgate.consent.places import place_name
from solidgate.consent.spoken import said
from solidgate.consent.words import ROWS, WORDS
from solidgate.space.agreement import Agreement, digest
from solidgate.space.characters import isolated
from solidgate.space.participant import Role
from solidgate.space.rerun import ON_CHANGE, is_cron, is_schedule
from solidgate.web.language import Language
from solidgate.web.words import spoken

Row = tuple[str, str, tuple[str, ...]]


def label_rows(
    agreement: Agreement, approvals: Iterable[Approval], language: Language, public_url: str
) -> tuple[Row, ...]:
    """(key, title, lines) in the fixed order of the notice. The notice itself follows after login."""
    approved = approved_of(agreement, digest(agreement), approvals, WORDS[language.tag])
    lines = {
        "who": _who(agreement, approved, language),
        "why": _why(agreement, language),
        "what": _what(agreement, language),
        "program": _program(agreement, approved, language),
        "result": _result(agreement, language),
        "recipients": _recipients(agreement, language),
        "duration": _duration(agreement, language),
        "rights": _rights(language, public_url),
    }
    return tuple((key, WORDS[language.tag][key], tuple(lines[key])) for key in ROWS)


def asker(agreement: Agreement) -> str:
    """The names of those who ask, as they stand in a sentence."""
    return ", ".join(isolated(party.name) for party in agreement.with_role(Role.OWNER))


def _say(language: Language, key: str, **values: object) -> str:
    return said(WORDS[language.tag], key, **values)


def _who(agreement: Agreement, approved: Approved, language: Language) -> Iterator[str]:
    title = language.pick(agreement.title)
    for party in agreement.with_role(Role.OWNER):
        yield _say(language, "asker", name=party.name, space=title)
    for party in agreement.with_role(Role.CONTROLLER):
        yield _say(language, "controller", name=party.name)
        if party.contact:
            yield _say(language, "contact", contact=party.contact.removeprefix("mailto:"))
    yield from approved.who


def _why(agreement: Agreement, language: Language) -> Iterator[str]:
    for purpose in agreement.purposes:
        title, text = language.pick(purpose.title), language.pick(purpose.description)
        yield _say(language, "purpose", title=title, description=text)
        if purpose.special_category:
            yield _say(language, "special")


def _what(agreement: Agreement, language: Language) -> Iterator[str]:
    for purpose in agreement.purposes:
        needs = (
            Listed(
                "resource_found" if need.is_found else "resource",
                language.pick(need.title),
                need.path,
                need.required,
            )
            for need in purpose.needs
        )
        yield from document_lines(needs, WORDS[language.tag])
    yield _say(language, "read_only")


def _program(agreement: Agreement, approved: Approved, language: Language) -> Iterator[str]:
    if agreement.algorithm_text:
        yield language.pick(agreement.algorithm_text)
    yield from approved.program
    yield _say(language, "program_digest", digest=agreement.algorithm)
    if agreement.algorithm_source:
        yield _say(language, "program_source", source=agreement.algorithm_source)
    yield _say(language, "program_alone")


def _result(agreement: Agreement, language: Language) -> Iterator[str]:
    yield language.pick(agreement.output_text)
    yield _say(language, "result_place", container=agreement.result_container)
    if agreement.aggregate_shape:
        yield _say(language, "group", count=agreement.min_group_size)


def _recipients(agreement: Agreement, language: Language) -> Iterator[str]:
    for party in agreement.with_role(Role.DATA_CONSUMER):
        yield _say(language, "recipient", name=party.name)


def _duration(agreement: Agreement, language: Language) -> Iterator[str]:
    yield _say(language, "validity", duration=spoken(agreement.validity, language))
    yield _say(language, "retention", duration=spoken(agreement.retention, language))
    places = (agreement.storage_location, agreement.jurisdiction)
    place, law = (place_name(one, language.tag) for one in places)
    yield _say(language, "storage", place=place, law=law)
    yield _rerun(agreement, language)


def _rerun(agreement: Agreement, language: Language) -> str:
    rerun = agreement.rerun
    if rerun == ON_CHANGE:
        return _say(language, "rerun_on_change")
    if not is_schedule(rerun):
        return _say(language, "rerun_by_hand", who=", ".join(starters(agreement)))
    if is_cron(rerun):
        return _say(language, "rerun_cron", times=rerun)
    return _say(language, "rerun_every", duration=spoken(rerun, language))


def _rights(language: Language, public_url: str) -> Iterator[str]:
    own_page = f"{public_url}me"
    yield _say(language, "withdraw", url=own_page)
    yield _say(language, "access", url=own_page)
    yield _say(language, "complain")
    yield _say(language, "no_harm")
