"""The documents of a purpose as lines of the label: many of one kind in one line, each of them behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from solidgate.consent.spoken import Words, said
from solidgate.consent.words import WORDS
from solidgate.errors import SpaceInvalid

MOST_ALONE = 3
"""More documents of one kind than these stand in one line of the first layer."""


def _opening(words: Words) -> str:
    """How a line of the list begins, up to its title, with numbers in the places of numbers."""
    start = re.escape(words["listed"].partition("{title}")[0])
    return re.sub(r"\\\{(?:number|count)\\\}", r"\\d+", start)


_LISTED = re.compile("|".join(_opening(words) for words in WORDS.values()))


@dataclass(frozen=True, slots=True)
class Listed:
    """One document: ``key`` names its sentence among the words; ``path`` is empty while it is not known."""

    key: str
    title: str
    path: str
    required: bool


def is_listed(line: str) -> bool:
    """Whether a line is one document of a line that tells of many: it stands in the second layer."""
    return _LISTED.match(line) is not None


def document_lines(documents: Iterable[Listed], words: Words) -> Iterator[str]:
    """One line for each document; for more than ``MOST_ALONE`` of one kind, one for all, then the list.

    Of one kind are neighbours that are equally required and whose titles differ in numbers or months only.
    Raises ``SpaceInvalid`` for a title that reads as a line of the list, which would hide its document.
    """
    for _, found in groupby(documents, key=lambda one: (one.key, one.required, _kind(one.title, words))):
        group = tuple(found)
        if group[0].key == "resource" and len(group) > MOST_ALONE:
            yield from _many(group, words)
        else:
            yield from (_alone(one, words) for one in group)


def _alone(one: Listed, words: Words) -> str:
    line = said(words, one.key, title=one.title, path=one.path, need=_need(one, words))
    if is_listed(line):
        raise SpaceInvalid(f"the title {one.title!r} reads as a line of a list; begin it with other words")
    return line


def _many(group: Sequence[Listed], words: Words) -> Iterator[str]:
    first, last = group[0].title, group[-1].title
    count, need = len(group), _need(group[0], words)
    if all(one.title == first for one in group):
        yield said(words, "documents", count=count, title=first, need=need)
    else:
        yield said(words, "documents_between", count=count, first=first, last=last, need=need)
    for number, one in enumerate(group, 1):
        yield said(words, "listed", number=number, count=count, title=one.title, path=one.path, need=need)


def _need(one: Listed, words: Words) -> str:
    return words["required" if one.required else "optional"]


def _kind(title: str, words: Words) -> str:
    """A title without its numbers and names of months."""
    months = "|".join(map(re.escape, words["months_of_year"].split()))
    return re.sub(rf"\d+|\b(?:{months})\b", "#", title, flags=re.IGNORECASE)
