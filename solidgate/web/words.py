"""Plain words for states, in one place, marked for the catalogues; templates pass them through ``_``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from solidgate.consent.changes import sides as sides  # for templates
from solidgate.consent.layers import exact_lines
from solidgate.consent.listing import MOST_ALONE as MOST_ALONE  # for templates
from solidgate.consent.spoken import duration
from solidgate.consent.status import ConsentStatus
from solidgate.consent.words import ROWS, WORDS
from solidgate.errors import every_error
from solidgate.pod.door import DoorState
from solidgate.space.agreement import Agreement
from solidgate.space.characters import isolated as isolated  # for templates
from solidgate.space.participant import Party, Role
from solidgate.web.language import Language, mark

if TYPE_CHECKING:
    from solidgate.flow.happened import ActivityLine

STATUS: Mapping[ConsentStatus, str] = {
    ConsentStatus.REQUESTED: mark("Waiting for your answer"),
    ConsentStatus.DEFERRED: mark("You will decide later"),
    ConsentStatus.GIVEN: mark("You said yes"),
    ConsentStatus.RENEWED: mark("You said yes again"),
    ConsentStatus.REFUSED: mark("You said no"),
    ConsentStatus.WITHDRAWN: mark("You withdrew it"),
    ConsentStatus.REVOKED: mark("Ended by the organisation or the service"),
    ConsentStatus.EXPIRED: mark("Ended on its end date"),
    ConsentStatus.INVALIDATED: mark("Found void"),
    ConsentStatus.UNKNOWN: mark("The record does not pass its own checks"),
}

DOOR: Mapping[DoorState, str] = {
    DoorState.OPEN: mark("Open: your pod lets the space read what you agreed to, and nothing else."),
    DoorState.PARTIAL: mark("Partly open: your pod shows only a part of the access that was agreed."),
    DoorState.CLOSED: mark("Closed: your pod does not let the space in."),
    DoorState.REQUESTED: mark("Asked: your pod lets the space in once you approve it there."),
    DoorState.DENIED: mark("Denied: you said no on your pod's own access page, so nothing is read."),
}

RUN_STATE: Mapping[str, str] = {
    "queued": mark("Waiting to start"),
    "running": mark("Running"),
    "finished": mark("Finished"),
    "cancelled": mark("Cancelled"),
}

RUN_COUNT: Mapping[str, str] = {
    "queued": mark("People waiting for their turn"),
    "pulling": mark("Reading the agreed documents"),
    "running": mark("The program is at work"),
    "validating": mark("Checking the result"),
    "writing": mark("Writing the result to the pod"),
    "written": mark("Result written to the pod"),
    "unchanged": mark("Nothing has changed in the pod: the earlier result stands"),
    "stopped": mark("Stopped"),
    "refused": mark("Refused by a rule"),
    "failed": mark("Ended with a named error"),
}

DOCUMENT: Mapping[str, str] = {
    "read": mark("Read just now"),
    "missing": mark("Not in your pod"),
    "empty": mark("There, but without any content"),
    "unreadable": mark("There, but it could not be read"),
}

LOOK: Mapping[str, str] = {
    "read": mark("looked through"),
    "absent": mark("nothing is there"),
    "closed": mark("could not be read"),
    "cut": mark("not looked through to the end: there is more than we look at"),
}

IN_PODS: Mapping[str, str] = {
    "gone": mark("Results that are not in the pod any more"),
    "disputed": mark("Results that the pod gives back differently"),
}

SPACE_STATE: Mapping[str, str] = {"open": mark("Open"), "closed": mark("Closed")}

ROLE: Mapping[Role, str] = {
    Role.OWNER: mark("owner of the space"),
    Role.CODE_PROVIDER: mark("made the program"),
    Role.DATA_CONSUMER: mark("gets the results"),
    Role.DATA_PROVIDER: mark("adds its own data"),
    Role.CONTROLLER: mark("answers for the processing"),
}

RESULT: Mapping[str, str] = {
    "result.planned": mark("A result is about to be written to your pod"),
    "result.written": mark("A result was written to your pod, and read back"),
    "result.disputed": mark("Your pod gives back something else than the result; it was left as it is"),
    "result.abandoned": mark("A result was not written"),
    "result.removed": mark("A result was taken back from your pod"),
    "result.gone": mark("It is not in your pod any more, and it is not written again"),
}

AT_DOOR: Mapping[str, str] = {
    "door.open-asked": mark("You asked again to open the door at your pod"),
    "door.requested": mark("Your pod was asked to let the space in; your answer there is awaited"),
    "door.opened": mark("The door at your pod was opened"),
    "door.opened-in-part": mark("Your pod lets the space in to a part of what was agreed"),
    "door.not-opened": mark("The door at your pod could not be opened"),
    "door.denied": mark("You said no on your pod's own access page"),
    "door.too-wide": mark("Your pod was seen to let the space do more than was agreed"),
    "door.wide-no-more": mark("Your pod was seen to let the space do no more than was agreed"),
    "door.found-closed": mark("The door at your pod was found closed"),
    "door.found-shut": mark("A run found the door at your pod shut, whole or in part"),
    "door.found-open": mark("A run found the door at your pod open again"),
    "door.close-asked": mark("You asked to close the door at your pod"),
    "door.closed": mark("The door at your pod was closed"),
    "door.not-closed": mark("The door at your pod could not be closed"),
}

# Whoever counts parts reads RUN_COUNT; these are for the person whose part it was.
ENDED: Mapping[str, str] = {
    "run.stopped": mark("It was stopped, without a new result"),
    "run.refused": mark("A rule ended it, without a new result"),
    "run.failed": mark("It ended without a new result"),
}

ACTIVITY: Mapping[str, str] = {
    **{f"consent.{status.value}": text for status, text in STATUS.items()},
    **{f"run.{state}": text for state, text in RUN_COUNT.items()},
    **ENDED,
    **RESULT,
    **AT_DOOR,
    "consent.requested": mark("You were asked"),
    "run.queued": mark("A run waits for its turn"),
}


# Errors that a person can meet on a page; their sentences are in the catalogues. The others go to programs.
MET_BY_PEOPLE = (
    "login.",
    "form.",
    "invitation.",
    "request.",
    "pod.",
    "rights.",
    "fetch.",
    "service.",
    "space.role-missing",
    "space.closed",
    "space.not-found",
    "run.not-found",
    "consent.answer-missing",
    "consent.language-not-offered",
    "consent.not-found",
    "consent.not-given",
    "consent.required-missing",
    "consent.required-refused",
    "consent.storage-",
    "consent.terms-changed",
    "consent.validity-too-long",
    "consent.withdrawn",
    "consent.expired",
)


# What stands after an error, by the beginning of its code; the first that fits.
_SAVED = (
    ("login.session-expired", mark("What you recorded is kept. Choices not sent are on the page before.")),
    ("login.", mark("Nothing was recorded, and nothing was read.")),
    ("invitation.", mark("Nothing about you was kept.")),
    ("form.", mark("Nothing was recorded. Your choices are still on the page before this one.")),
    ("consent.", mark("Nothing was recorded by this step. What you recorded before is kept.")),
    ("request.too-many", mark("Nothing was recorded by this step. What you recorded before is kept.")),
    ("service.", mark("What you recorded is kept. Your page shows whether this step took effect.")),
    ("request.page-not-found", ""),  # read by anybody, logged in or not: there is nothing to keep
    ("", mark("What you recorded before is kept.")),
)

# Where to go on from an error, by the beginning of its code.
_WAYS = (
    ("login.needed", "/login", mark("Log in")),
    ("login.already-finished", "/me/confirm", mark("Go on")),
    ("login.", "/login", mark("Begin the login again")),
    ("consent.", "/me", mark("My page")),
    ("request.answered", "/me", mark("My page")),
    ("pod.", "/me", mark("My page")),
)


def saved(code: str, language: Language) -> str:
    """What was kept and what was not, when this error came; empty where nothing could be lost."""
    text = next(text for start, text in _SAVED if code.startswith(start))
    return str(language.text(text)) if text else ""


# The page that somebody was on, by the name of the id in its address.
_PAGES = (
    ("request_id", "/requests/{}", mark("Back to the question")),
    ("consent_id", "/consents/{}", mark("Back to the consent")),
)


def way_on(
    code: str, language: Language, ids: Mapping[str, str], return_to: str = ""
) -> tuple[str, str] | None:
    """The next step after this error: an address and its name.

    ``ids`` are those in the address that was asked: whoever was on a page of their own comes back to it.
    ``return_to`` is where a login that failed was to lead: it begins anew, and leads there.
    """
    if return_to and code != "login.already-finished":
        address = f"/login?return_to={quote(return_to, safe='')}"
        return address, str(language.text(mark("Begin the login again")))
    page = next(((address.format(ids[name]), text) for name, address, text in _PAGES if name in ids), None)
    for start, address, text in _WAYS:
        if not code.startswith(start):
            continue
        if page and address == "/login":
            address = f"/login?return_to={quote(page[0], safe='')}"
        return address, str(language.text(text))
    return page and (page[0], str(language.text(page[1])))


HTMX = '{"allowEval":false,"includeIndicatorStyles":false,"historyCacheSize":0,"selfRequestsOnly":true}'
"""Settings of htmx: nothing is evaluated, styled inline, kept or asked elsewhere."""


def exact(row: str, lines: Sequence[str], agreement: Agreement, tag: str) -> frozenset[int]:
    """The places, from 0, of a row's lines for the second layer, in the words of a language."""
    return exact_lines(row, lines, agreement, WORDS[tag])


def spoken(value: str, language: Language) -> str:
    """A duration such as ``P6M`` in the words of the notice."""
    return duration(value, WORDS[language.tag])


def direction(tag: str) -> str:
    """``ltr`` or ``rtl``, of a text in the language with this tag."""
    return Language(tag).direction


def of_error(code: str, language: Language) -> str:
    """The sentence of an error in the language's words, English where it has none."""
    kind = every_error().get(code)
    return language.quoted(kind.sentence) if kind else code


def remedy_of(code: str, language: Language) -> str:
    """What can be done about an error, in the language's words; nothing for one that is not known."""
    kind = every_error().get(code)
    return language.quoted(kind.remedy) if kind else ""


def anchor(code: str) -> str:
    """Where an error has its place on ``/errors``."""
    return code.replace(".", "-")


def roles(party: Party, language: Language) -> str:
    """What a party does in the space, in the language's words."""
    return ", ".join(str(language.text(ROLE[role])) for role in Role if role in party.roles)


def part_of_notice(key: str, language: Language) -> str:
    """The name of one part of a notice, for the page that shows what changed."""
    if key in ROWS:
        return WORDS[language.tag][key]
    if key == "terms":
        return str(language.text(mark("The full terms")))
    if key.startswith("statement"):
        return str(language.text(mark("The sentence that you agree to")))
    return str(language.text(mark("The page as a whole")))


def activity(line: ActivityLine, language: Language) -> str:
    """One thing that happened, in words."""
    return str(language.text(ACTIVITY[line.action]))
