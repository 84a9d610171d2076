"""Plain words for what goes wrong: headings of error pages, and the login page's own summary."""

from __future__ import annotations

from collections.abc import Mapping

from solidgate.errors import SolidgateError
from solidgate.web.language import Language, mark

# The heading of an error page, by the beginning of its code; the first that fits. Others have their family's.
_TITLES = (
    ("login.cancelled", mark("You did not log in")),
    ("login.state-unknown", mark("This login cannot be continued")),
    ("login.took-too-long", mark("This login took too long")),
    ("login.already-finished", mark("You are logged in already")),
    ("login.clock-off", mark("Two clocks do not agree")),
    ("login.session-expired", mark("Your session has ended")),
    ("login.needed", mark("You are not logged in")),
    ("login.", mark("Logging in did not work")),
    ("form.", mark("This form is too old or was not ours")),
    ("invitation.", mark("This invitation cannot be used")),
    ("request.closed", mark("This question is closed")),
    ("space.closed", mark("This space is closed")),
    ("request.too-many", mark("That was too often in a short time")),
)

# What the login page says where the sentence for everybody is written for programs and operators.
_AT_LOGIN: Mapping[str, tuple[str, str]] = {
    "login.no-issuer": (
        mark("Your profile does not say which provider logs you in."),
        mark("Check that this is your WebID. If it is, ask your pod provider to add itself to your profile."),
    ),
    "login.issuer-fault": (
        mark("The provider does not describe itself as a login needs it."),
        mark("Choose another provider if you have one, or tell this one what the detail says."),
    ),
    "fetch.address-refused": (
        mark("This address is not on the public web, so it is not opened from here."),
        mark("Enter an address that begins with https:// and can be opened from anywhere."),
    ),
    "fetch.unreachable": (
        mark("No server could be reached for this address, or for the provider that it names."),
        mark("Check the address letter by letter. If it is right, try again in a few minutes."),
    ),
    "fetch.timed-out": (
        mark("The server at this address, or the provider that it names, did not answer in time."),
        mark("Try again in a few minutes. If it stays so, ask your pod provider."),
    ),
    "fetch.too-large": (
        mark("What is at this address is too large for the profile of a WebID."),
        mark("Check that it is your WebID and not the address of another page."),
    ),
    "fetch.unexpected-answer": (
        mark("The server at this address answered with an error."),
        mark("Try again in a few minutes. If it stays so, ask your pod provider."),
    ),
    "pod.unavailable": (
        mark("This server did not answer several times, so it is left alone for a short while."),
        mark("Try again in a few minutes. If it stays so, ask your pod provider."),
    ),
    "request.too-many": (
        mark("There were too many attempts in a short time."),
        mark("Wait a minute, then try again."),
    ),
}


def title(code: str, family: str, language: Language) -> str:
    """The heading of an error page; ``family`` is the one that all errors of its family share."""
    found = next((text for start, text in _TITLES if code.startswith(start)), None)
    return language.text(found) if found else language.quoted(family)


def at_login(kind: type[SolidgateError], language: Language) -> tuple[str, str]:
    """What is wrong with an address that somebody wants to log in with, and what to do next."""
    wrong, what_next = _AT_LOGIN.get(kind.code, (kind.sentence, kind.remedy))
    return language.quoted(wrong), language.quoted(what_next)
