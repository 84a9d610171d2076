"""Characters that make a line read as something it does not say: none may stand in what people are shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from solidgate.errors import SpaceInvalid
from solidgate.space.agreement import Agreement
from solidgate.space.policy import Finding, refuse

# Unicode's Bidi_Control property (UAX #9): they turn what stands around them, even rows of a label.
_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# C0, DEL and C1, but for tabs and ends of lines; U+2028 and U+2029 end a line where nobody expects it.
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029"
# Nothing is seen of these, or each machine shows something else: two names that look alike would be two.
# Blank letters, no characters, those for private use, and tags are among them.
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u2800\u3164"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
    "\U000f0000-\U0010ffff"
)
# Scripts and pictures need them between their own characters; after a Latin letter they only hide.
_AFTER_LATIN = "(?:^|(?<=[\t\n\r -~\u00a0\u00c0-\u024f]))(?<![0-9#*])"
_JOINING = f"{_AFTER_LATIN}[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_IN_TEXT = re.compile(f"[{_DIRECTION}{_CONTROL}{_UNSEEN}]|{_JOINING}")
_IN_NAME = re.compile(f"[{_DIRECTION}{_CONTROL}{_UNSEEN}\t\n\r]|{_JOINING}")
_MOST_MARKS = 5
"""More marks on one letter than any script writes run over the lines above and below."""
# A whole isolate, as ``isolated`` puts it around a value: balanced, so it turns nothing outside itself.
_ISOLATE = re.compile("\u2068[^\u2066-\u2069]*\u2069")


def isolated(value: str) -> str:
    """A value to put into a sentence: one that holds letters of a right-to-left script stands in an isolate.

    FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE (UAX #9) keep its direction from the words around it, on
    a page as in plain text. All else stands as it is; our own languages are written from left to right.
    """
    if value.isascii():
        return value
    turned = any(unicodedata.bidirectional(one) in ("R", "AL", "AN") for one in value)
    return f"\u2068{value}\u2069" if turned and "\u2068" not in value else value


def character_fault(text: str, *, lines: bool = False) -> str:
    """What is wrong with the characters of a text; an empty text when nothing is.

    ``lines`` says that it may have more than one line, so tabs and ends of lines are allowed.
    """
    found = (_IN_TEXT if lines else _IN_NAME).search(text)
    letter = found[0] if found else _stray_mark(text)
    if not letter:
        return ""
    name = f"U+{ord(letter):04X}"
    return f"has the character {name}, which can change how a page reads, or is not seen; take it out"


def _stray_mark(text: str) -> str:
    """A mark that has no letter of its own to stand on, or is one too many on its letter."""
    marks = _MOST_MARKS  # at the beginning there is no letter yet
    for one in "" if text.isascii() else text:
        if unicodedata.category(one) not in ("Mn", "Me"):
            marks = 0
        elif marks == _MOST_MARKS:
            return one
        else:
            marks += 1
    return ""


def check_shown(texts: Iterable[str]) -> None:
    """Raises ``SpaceInvalid`` for a text with such a character, whatever it came from."""
    for text in texts:
        if fault := character_fault(_ISOLATE.sub("", text), lines=True):
            raise SpaceInvalid(f"what is shown {fault}")


def check_characters(agreement: Agreement) -> None:
    """Raises ``SpaceInvalid`` naming each text of the agreement in which such a character stands."""
    refuse(tuple(sorted(set(character_findings(agreement)))))


def character_findings(agreement: Agreement) -> Iterator[Finding]:
    """One for each name, address and text that has such a character."""
    for field, text in _every_name(agreement):
        if fault := character_fault(text):
            yield Finding(field, "characters", fault)
    for field, texts in every_text(agreement):
        for words in texts.values():
            if fault := character_fault(words, lines=not field.endswith("title")):
                yield Finding(field, "characters", fault)


def _every_name(agreement: Agreement) -> Iterator[tuple[str, str]]:
    yield "algorithm_source", agreement.algorithm_source
    for place, party in enumerate(agreement.parties):
        for name in ("webid", "name", "contact"):
            yield f"parties[{place}].{name}", getattr(party, name)


def every_text(agreement: Agreement) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each text that people are shown, by language, with its field as it is written in the file."""
    yield "title", agreement.title
    yield "terms", agreement.terms
    yield "output", agreement.output_text
    if agreement.algorithm_text:
        yield "algorithm_text", agreement.algorithm_text
    for place, purpose in enumerate(agreement.purposes):
        yield f"purposes[{place}].title", purpose.title
        yield f"purposes[{place}].description", purpose.description
        for need in purpose.needs:
            yield f"purposes[{place}].needs <{need.key}>.title", need.title
