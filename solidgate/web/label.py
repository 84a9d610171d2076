"""The label before login: the agreement in the words of the notice, without anybody's pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from solidgate.algorithm.approval import Approval
from solidgate.consent.approved import Rows, approved_of
from solidgate.consent.label import Label
from solidgate.consent.listing import Listed, document_lines
from solidgate.consent.words import WORDS
from solidgate.space.agreement import Agreement, digest
from solidgate.space.characters import isolated
from solidgate.space.participant import Role
from solidgate.web.language import Language


def label_rows(
    agreement: Agreement, approvals: Iterable[Approval], language: Language, public_url: str
) -> Rows:
    """(key, title, lines) in the fixed order of the notice. The notice itself follows after login."""
    words = WORDS[language.tag]
    return Label(
        agreement=agreement,
        language=language.tag,
        words=words,
        pick=language.pick,
        purposes=agreement.purposes,
        documents=tuple(_documents(agreement, language)),
        result_container=agreement.result_container,
        approved=approved_of(agreement, digest(agreement), approvals, words),
        public_url=public_url,
    ).rows()


def asker(agreement: Agreement) -> str:
    """The names of those who ask, as they stand in a sentence."""
    return ", ".join(isolated(party.name) for party in agreement.with_role(Role.OWNER))


def _documents(agreement: Agreement, language: Language) -> Iterator[str]:
    words = WORDS[language.tag]
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
        yield from document_lines(needs, words)
    yield words["read_only"]
