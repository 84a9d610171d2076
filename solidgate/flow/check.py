"""What an answer must be before it is recorded: each rule by itself, so that a page can tell the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, tzinfo

from solidgate.consent.duration import after
from solidgate.consent.request import ConsentRequest
from solidgate.consent.words import typed_right
from solidgate.errors import (
    AnswerMissing,
    ReceiptPlaceInvalid,
    RequiredMissing,
    RequiredRefused,
    StatementMissing,
    ValidityTooLong,
)
from solidgate.space.agreement import Agreement
from solidgate.space.paths import path_fault


@dataclass(frozen=True, slots=True)
class Answer:
    """What the form carries back.

    ``shown`` is the digest of the notice, ``statements`` the word typed for each special purpose, and
    ``receipt_container`` where receipts go (empty: the default).
    """

    shown: str
    language: str
    answers: Mapping[str, bool]
    until: date | None = None
    statements: Mapping[str, str] = field(default_factory=dict)
    receipt_container: str = ""

    @property
    def is_no(self) -> bool:
        """Whether nothing is agreed to: then only what a no needs is checked (GDPR Art. 7(3) and (4))."""
        return not any(self.answers.values())


def check_answers(agreement: Agreement, request: ConsentRequest, answers: Mapping[str, bool]) -> None:
    """One answer for each purpose that is asked. Raises ``AnswerMissing RequiredMissing RequiredRefused``."""
    asked = {purpose_id for purpose_id, _ in request.resources}
    if set(answers) != asked:
        raise AnswerMissing(", ".join(sorted(asked - set(answers))))
    for purpose_id, yes in answers.items():
        check_documents(request, purpose_id, yes)
        check_required(agreement, answers, yes)


def check_documents(request: ConsentRequest, purpose_id: str, yes: bool) -> None:
    """A yes needs every required document of its purpose. Raises ``RequiredMissing``."""
    lacking = [one for one in request.resources_for(purpose_id) if one.required and not one.found]
    if yes and lacking:
        raise RequiredMissing(f"{len(lacking)} of the documents that are needed")


def refused_required(agreement: Agreement, answers: Mapping[str, bool]) -> tuple[str, ...]:
    """The required purposes that are answered with no: beside one of them no yes is recorded."""
    return tuple(one.id for one in agreement.purposes if one.required and answers.get(one.id) is False)


def check_required(agreement: Agreement, answers: Mapping[str, bool], yes: bool) -> None:
    """A yes needs a yes to what the space says it cannot do without. Raises ``RequiredRefused``."""
    if yes and (refused := refused_required(agreement, answers)):
        raise RequiredRefused(", ".join(refused))


def check_statements(agreement: Agreement, said: Answer) -> None:
    """A yes to special categories takes two acts: the word, typed, and the button (GDPR Art. 9(2)(a))."""
    for purpose_id, yes in said.answers.items():
        check_statement(agreement, purpose_id, yes, said.language, said.statements.get(purpose_id, ""))


def check_statement(agreement: Agreement, purpose_id: str, yes: bool, language: str, typed: str) -> None:
    """The word of one purpose, if it needs one. Raises ``StatementMissing``."""
    special = agreement.purpose(purpose_id).special_category
    if yes and special and not typed_right(language, typed):
        raise StatementMissing()


def end_of(agreement: Agreement, now: datetime, until: date | None, zone: tzinfo) -> datetime:
    """The end of a yes in UTC; None is the end that the notice names. Raises ``ValidityTooLong``.

    ``until`` is a day of ``zone`` and counts whole there, up to what the terms allow.
    """
    latest = after(now, agreement.validity)
    if until is None:
        return latest
    chosen = datetime.combine(until, time.max, tzinfo=zone)
    first, last = now.astimezone(zone).date(), latest.astimezone(zone).date()
    if until > last or chosen <= now:
        raise ValidityTooLong(f"between {first} and {last}")
    return min(chosen, latest).astimezone(UTC)


def end_of_answer(agreement: Agreement, now: datetime, said: Answer, zone: tzinfo) -> datetime:
    """The end that the yeses of an answer share; a no has none, so its date is not looked at."""
    return end_of(agreement, now, None if said.is_no else said.until, zone)


def placed(request: ConsentRequest, said: Answer) -> ConsentRequest:
    """The request with the place for receipts; the same where that is what it says already.

    A place that is none stands in the way of a yes, never of a no: that one goes without it. Raises
    ``ReceiptPlaceInvalid``.
    """
    if said.is_no and not is_place(request, said.receipt_container):
        return request
    container = receipt_place(request, said.receipt_container)
    same = container == request.receipt_container
    return request if same else replace(request, receipt_container=container)


def is_place(request: ConsentRequest, named: str) -> bool:
    """Whether receipts can go there; empty is the default, which they can."""
    try:
        receipt_place(request, named)
    except ReceiptPlaceInvalid:
        return False
    return True


def receipt_place(request: ConsentRequest, named: str) -> str:
    """The whole address, below the person's storage; empty is the default. Raises ``ReceiptPlaceInvalid``."""
    path = named.strip().removeprefix(request.storage)
    if not path:
        return ""
    path = path if path.endswith("/") else path + "/"
    if fault := path_fault(path, container=True):
        raise ReceiptPlaceInvalid(fault)
    return request.storage + path
