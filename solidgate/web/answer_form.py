"""The fields of the form that answers a request: what was typed, what is wrong with it, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import partial

from solidgate.consent.duration import after
from solidgate.errors import AnswerMissing, RequiredRefused, SolidgateError
from solidgate.flow import check
from solidgate.flow.consent import Review
from solidgate.web.forms import Form
from solidgate.web.language import Language, mark

UNTIL, RECEIPTS, STATEMENT, ANSWER = "until", "receipt_container", "statement-", "answer-"
STORAGE, OURS = "storage", "ours"
"""``OURS`` is the field that tells choices of our own pages from those of a link that somebody else made."""
_MONTHS = (1, 3, 6, 12)
_ANSWERS = {"yes": True, "no": False}
_KEPT = ("shown", "language", OURS, UNTIL, RECEIPTS)
_OPEN = mark("Choose yes or no.")
_LACKING = mark("A document that is needed is not in your pod, so only No can be recorded now.")
_NEEDED = mark(
    "This needs a yes to “{purpose}”, which you said no to. Say no here too, or yes to “{purpose}”."
)
_FIELD_TEXTS: Mapping[str, str] = {
    UNTIL: mark("This end date is not possible. Choose one of the dates in the list."),
    RECEIPTS: mark(
        "This is no folder in your pod. Write one such as my/receipts/, or leave the field empty."
    ),
}
_WORD = mark("Type the word that stands here, with or without capitals, or say no.")


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that cannot be taken as it is; ``text`` says what to do, as it is in the catalogues.

    ``needs`` are the purposes whose no stands in its way; the text has a place for their titles.
    """

    field: str
    error: SolidgateError
    needs: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What stands at the field, and in the summary that leads to it."""
        if self.field.startswith(ANSWER):
            if isinstance(self.error, RequiredRefused):
                return _NEEDED
            return _OPEN if isinstance(self.error, AnswerMissing) else _LACKING
        return _FIELD_TEXTS.get(self.field, _WORD)


def faults_in(
    form: Mapping[str, str], found: Review, now: datetime, zone: tzinfo, *, words: bool = False
) -> tuple[Fault, ...]:
    """Every field that would be refused, in their order on the page; ``words``: those that are typed too.

    A day that was chosen is a day of ``zone``.
    """
    checks: list[tuple[str, Callable[[], object]]] = []
    answers = {
        one.id: form.get(ANSWER + one.id) == "yes" for one in found.purposes if _is_answered(form, one.id)
    }
    refused = check.refused_required(found.agreement, answers)
    for purpose in found.purposes:
        text = form.get(ANSWER + purpose.id, "")
        checks.append((ANSWER + purpose.id, partial(_check_choice, found, purpose.id, text, answers)))
        if words:
            typed = form.get(STATEMENT + purpose.id, "").strip()
            said = (purpose.id, text == "yes", found.notice.language, typed)
            checks.append((STATEMENT + purpose.id, partial(check.check_statement, found.agreement, *said)))
    if not refuses(form, found):
        checks += _of_a_yes(form, found, now, zone)
    faults = ((name, error) for name, one in checks if (error := _error_of(one)))
    return tuple(
        Fault(name, error, refused if isinstance(error, RequiredRefused) else ()) for name, error in faults
    )


def _is_answered(form: Mapping[str, str], purpose_id: str) -> bool:
    return form.get(ANSWER + purpose_id) in _ANSWERS


def refuses(form: Mapping[str, str], found: Review) -> bool:
    """Whether everything that is asked is answered with no: nothing else that was typed matters then."""
    return all(form.get(ANSWER + purpose.id) == "no" for purpose in found.purposes)


def _of_a_yes(
    form: Mapping[str, str], found: Review, now: datetime, zone: tzinfo
) -> list[tuple[str, Callable[[], object]]]:
    return [
        (UNTIL, lambda: check.end_of(found.agreement, now, until_of(form.get(UNTIL, "")), zone)),
        (RECEIPTS, lambda: check.receipt_place(found.request, form.get(RECEIPTS, ""))),
    ]


def _check_choice(found: Review, purpose_id: str, text: str, answers: Mapping[str, bool]) -> None:
    if text not in _ANSWERS:
        raise AnswerMissing(purpose_id)
    check.check_documents(found.request, purpose_id, _ANSWERS[text])
    check.check_required(found.agreement, answers, _ANSWERS[text])


def _error_of(one: Callable[[], object]) -> SolidgateError | None:
    try:
        one()
    except SolidgateError as error:
        return error
    return None


def statements_of(form: Form) -> Mapping[str, str]:
    """The words that were typed for special categories, by purpose."""
    return {
        name.removeprefix(STATEMENT): text.strip()
        for name, text in form.items()
        if name.startswith(STATEMENT)
    }


def answers_of(form: Form) -> Mapping[str, bool]:
    """The answers by purpose. Raises ``AnswerMissing`` for a field that is neither yes nor no, or twice."""
    fields = [(name.removeprefix(ANSWER), text) for name, text in form.items() if name.startswith(ANSWER)]
    answers = {purpose: _ANSWERS[text] for purpose, text in fields if text in _ANSWERS}
    if not answers or len(answers) != len(fields):
        raise AnswerMissing
    return answers


def until_of(text: str) -> date | None:
    """The chosen end; empty means the end that the notice names. Raises ``AnswerMissing``."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise AnswerMissing("until must be a date such as 2027-01-31") from None


def ends(now: datetime, latest: datetime, language: Language, chosen: str = "") -> Sequence[tuple[str, str]]:
    """The ends to choose from: the shortest first, which is what a page offers; the longest is the notice's.

    They are days of the language's zone. A date chosen before that is still possible is one of them, whenever
    the page was made.
    """
    last = latest.astimezone(language.zone).date()
    offered = (after(now, f"P{months}M").astimezone(language.zone).date() for months in _MONTHS)
    days = {day for day in offered if day < last} | {last}
    try:
        kept = until_of(chosen)
    except AnswerMissing:
        kept = None
    if kept is not None and now.astimezone(language.zone).date() <= kept <= last:
        days |= {kept}
    return [(day.isoformat(), language.day(day)) for day in sorted(days)]


def kept_of(form: Mapping[str, str]) -> dict[str, str]:
    """What goes along to the next page: the choices, and neither the form's token nor a typed word."""
    return {name: text for name, text in form.items() if name in _KEPT or name.startswith(ANSWER)}
