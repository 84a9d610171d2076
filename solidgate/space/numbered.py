"""Titles of documents that one path with a range stands for: each with its number, or its month's name."""

from __future__ import annotations

from collections.abc import Mapping

from babel import Locale, UnknownLocaleError

MONTH = "{month}"
_MONTHS = 12


def numbered(titles: Mapping[str, str], number: str) -> dict[str, str]:
    """The titles with ``{n}`` as the number in the path and ``{month}`` as the month's name, by language.

    Raises ``ValueError`` where ``{month}`` stands for a number that is no month.
    """
    return {
        language: _named(text, number, language).replace("{n}", number) for language, text in titles.items()
    }


def _named(text: str, number: str, language: str) -> str:
    if MONTH not in text:
        return text
    if not number or not 1 <= int(number) <= _MONTHS:
        raise ValueError(f"{MONTH} in a title needs a path with numbers from 1 to {_MONTHS}")
    return text.replace(MONTH, _month(int(number), language))


def _month(number: int, language: str) -> str:
    """The name inside a date, as in “3 March 2025”; the number where the language is not known here."""
    try:
        return str(Locale.parse(language, sep="-").months["format"]["wide"][number])
    except (UnknownLocaleError, ValueError):
        return str(number)
