"""How somebody's part of a run ended without a result: what happened, what left, and who must do something.

An error's own sentence speaks to whoever asked, often a program. These speak to the person whose part it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from solidgate.errors import every_error
from solidgate.run.state import PartState
from solidgate.web.language import Language, mark


@dataclass(frozen=True, slots=True)
class End:
    """In the words of one language. Where no part ended, ``left`` is empty."""

    happened: Markup
    left: Markup
    to_do: Markup


_NOTHING = mark("You do not have to do anything.")
_PROVIDER = mark("You do not have to do anything now. If it happens again, ask your pod provider.")
_DOOR = mark("Open the door again on the page of the consent, or withdraw.")
_ASK = mark("Ask for access again on the page of the consent, or withdraw.")
_MAKER = mark("Whoever made the program has to correct it. You do not have to do anything.")
_SERVICE = mark("Whoever runs this service has to look. You do not have to do anything.")
_ORGANISATION = mark(
    "The organisation has to ask you again if it wants to go on. You do not have to do anything."
)
_PARTIES = mark("The organisations have to look. You do not have to do anything.")

ENDS: Mapping[str, tuple[str, str]] = {
    "fetch.address-refused": (
        mark("Your pod has an address that this service does not call."),
        _PROVIDER,
    ),
    "fetch.too-large": (
        mark("A document in your pod is larger than may be read, or all of them together are."),
        mark("Make it smaller if it is to be used, or withdraw. Otherwise you do not have to do anything."),
    ),
    "fetch.timed-out": (mark("Your pod did not answer in time."), _PROVIDER),
    "fetch.unreachable": (mark("Your pod could not be reached."), _PROVIDER),
    "fetch.unexpected-answer": (
        mark("Your pod answered with something that a pod should not say."),
        _PROVIDER,
    ),
    "pod.not-found": (
        mark("A document that you agreed to is not in your pod."),
        mark("Put it back if it is to be used, or withdraw. Otherwise you do not have to do anything."),
    ),
    "pod.forbidden": (mark("Your pod did not let the space do what you agreed to."), _DOOR),
    "pod.credentials-refused": (mark("Your pod did not believe that the space is who it says."), _SERVICE),
    "pod.conflict": (
        mark("Something else stands where the result was to be written in your pod. It was left as it is."),
        mark("Move it to another place if you want the result, or withdraw."),
    ),
    "pod.unreadable": (
        mark("A document in your pod is not of a form that can be read."),
        mark("Store it as Turtle or JSON-LD if it is to be used, or withdraw."),
    ),
    "pod.disputed": (
        mark("Your pod gives back something else at the place of the result."),
        mark("Ask your pod provider to look. What stands there is not overwritten."),
    ),
    "pod.unavailable": (mark("Your pod was there, but could not answer."), _PROVIDER),
    "pod.no-storage": (mark("No pod could be found from your WebID."), _PROVIDER),
    "pod.door-not-open": (mark("The door at your pod was not open as you agreed."), _DOOR),
    "pod.access-not-approved": (
        mark("You had not approved the access at your pod yet."),
        mark("Answer on your pod's own access page, where the page of the consent leads, or withdraw."),
    ),
    "pod.access-denied": (mark("You had said no on your pod's own access page."), _ASK),
    "pod.grant-ended": (mark("The access that you had approved at your pod was over."), _ASK),
    "pod.grant-too-narrow": (
        mark("What you approved at your pod leaves out something that the program needs."),
        _ASK,
    ),
    "pod.authorization-server-untrusted": (
        mark("Your pod named a service for access that does not belong to it, and was told nothing."),
        _PROVIDER,
    ),
    "pod.authorization-refused": (mark("The service that gives access to your pod gave none."), _ASK),
    "run.timed-out": (mark("The work on your documents took longer than it may."), _PROVIDER),
    "run.given-up": (mark("The work was begun several times and could not be finished."), _SERVICE),
    "run.cancelled": (mark("The organisation cancelled the run."), _NOTHING),
    "sandbox.unavailable": (
        mark("This service could not wall the program off as agreed, so the program was not started."),
        _SERVICE,
    ),
    "sandbox.failed": (mark("The program broke off while it worked on your documents."), _MAKER),
    "sandbox.limit": (
        mark("The program wanted more time, memory or room than it may have, and was stopped."),
        _MAKER,
    ),
    "result.shape-violated": (
        mark("The result was not of the form that was agreed, so it was thrown away."),
        _MAKER,
    ),
    "result.foreign-terms": (
        mark("The result spoke of things that were not agreed, so it was thrown away."),
        _MAKER,
    ),
    "validation.failed": (
        mark("The result could not be checked to the end, so it was thrown away."),
        _MAKER,
    ),
    "consent.withdrawn": (mark("You withdrew the consent, and the work was stopped."), _NOTHING),
    "consent.expired": (mark("The consent ran out before the work was done."), _NOTHING),
    "consent.revoked": (
        mark("The organisation or the service ended the consent, and the work was stopped."),
        _NOTHING,
    ),
    "consent.invalidated": (mark("The consent was found void, and the work was stopped."), _NOTHING),
    "consent.epoch-passed": (
        mark("The consent changed while the work was under way, and the work was stopped."),
        _NOTHING,
    ),
    "consent.unverifiable": (
        mark("The record of your consent does not pass its own checks, so nothing is done on it."),
        _SERVICE,
    ),
    "consent.not-given": (mark("There was no yes of yours to this."), _NOTHING),
    "consent.refused": (mark("You had said no to this."), _NOTHING),
    "consent.purpose-not-covered": (
        mark("The run was for a purpose that you did not agree to."),
        _ORGANISATION,
    ),
    "consent.terms-not-covered": (
        mark("The run was under other terms than those that you agreed to."),
        _ORGANISATION,
    ),
    "consent.algorithm-not-covered": (
        mark("The run was with another program than the one that you agreed to."),
        _ORGANISATION,
    ),
    "consent.shape-not-covered": (
        mark("The run was for another form of result than the one that you agreed to."),
        _ORGANISATION,
    ),
    "consent.resource-not-covered": (
        mark("The run was to read a document that you did not agree to."),
        _ORGANISATION,
    ),
    "consent.recipient-not-covered": (
        mark("The run was for somebody whom you did not agree to."),
        _ORGANISATION,
    ),
    "algorithm.not-approved": (
        mark("Not everybody who has to approve the program had approved it, so it was not started."),
        _PARTIES,
    ),
    "algorithm.not-found": (mark("The program was not there, so it was not started."), _PARTIES),
    "algorithm.invalid": (mark("The program was not whole, so it was not started."), _PARTIES),
    "algorithm.digest-mismatch": (
        mark("The program was not the one that had been approved, so it was not started."),
        _PARTIES,
    ),
    "store.seal-broken": (mark("What is kept for you here did not open with this service's keys."), _SERVICE),
    "service.internal": (mark("Something went wrong in this service."), _SERVICE),
}
"""By the code of a part's outcome: what happened, and who must do something."""

_READING = mark("The reading was not finished. What had been read went to no program, and is gone.")
_AT_WORK = mark("What had been read is gone again. No result came of it, so no organisation got one.")
LEFT: Mapping[str, str] = {
    PartState.QUEUED.value: mark("Nothing was read."),
    PartState.PULLING.value: _READING,
    PartState.RUNNING.value: _AT_WORK,
    PartState.VALIDATING.value: _AT_WORK,
    PartState.WRITING.value: mark(
        "The result was made for your pod only, and no organisation got it. Your results say where it is."
    ),
}
"""By how far the part had come: what became of the documents and of the result."""


def of(code: str, reached: str, language: Language) -> End:
    """What is told of an outcome; of one that is no end of a part, as at a door, the error's own words."""
    kind = every_error().get(code)
    if not reached or code not in ENDS:
        happened, to_do = (kind.sentence, kind.remedy) if kind else (code, "")
        return End(language.quoted(happened), Markup(""), language.quoted(to_do) if to_do else Markup(""))
    happened, to_do = ENDS[code]
    return End(language.text(happened), language.text(LEFT[reached]), language.text(to_do))


def told(code: str, reached: str, language: Language) -> str:
    """The same as one plain text, for programs; empty where there is no outcome."""
    if not code:
        return ""
    end = of(code, reached, language)
    return " ".join(part.unescape() for part in (end.happened, end.left, end.to_do) if part)
