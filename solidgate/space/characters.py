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
# C0, DEL and C1, but for tabs and ends of lines.
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_IN_TEXT = re.compile(f"[{_DIRECTION}{_CONTROL}]")
_IN_NAME = re.compile(f"[{_DIRECTION}{_CONTROL}\t\n\r]")
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
    if found is None:
        return ""
    return f"has the control character U+{ord(found[0]):04X}, which can change how a page reads; take it out"


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
