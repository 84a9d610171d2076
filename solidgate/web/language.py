"""Which language a page speaks, its catalogue, and dates and numbers in it.

``?lang=`` wins, then the cookie, then ``Accept-Language``, then English. Catalogues are gettext ``.po``
files beside this module, compiled in memory when first used: there is no second copy to forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from io import BytesIO
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from markupsafe import Markup, escape

from solidgate.settings import TIME_ZONE
from solidgate.web.keys import WORLD

LANGUAGES: Mapping[str, str] = {"en": "English", "fr": "Français", "nl": "Nederlands"}
LANGUAGE_COOKIE = "solidgate-language"
_RIGHT_TO_LEFT = "right-to-left"


def mark(text: str) -> str:
    """Mark a text for the catalogues without translating it here."""
    return text


@cache
def catalogue(language: str) -> Translations:
    """The compiled catalogue of one of ``LANGUAGES``."""
    name = f"locale/{language}/LC_MESSAGES/solidgate.po"
    with (resources.files("solidgate.web") / name).open("rb") as source:
        compiled = BytesIO()
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)


_ZONE = ZoneInfo(TIME_ZONE)


@dataclass(frozen=True, slots=True)
class Language:
    """One language, and the time zone of its times, as templates use them."""

    tag: str
    zone: ZoneInfo = _ZONE

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, by CLDR."""
        return "rtl" if Locale.parse(self.tag).character_order == _RIGHT_TO_LEFT else "ltr"

    def text(self, message: str, **values: object) -> Markup:
        """The message in this language, with escaped values in its ``{places}``."""
        translated = Markup(catalogue(self.tag).gettext(message))  # noqa: S704 - our own catalogue
        return translated.format(**values) if values else translated

    def pick(self, texts: Mapping[str, str]) -> str:
        """The text in this language of a text by language tags; else English, else any."""
        for tag in (self.tag, "en", *texts):
            if tag in texts:
                return texts[tag]
        return ""

    def day(self, value: date | datetime) -> str:
        """A date as people of this language write it; of a time, the day that it is in the zone."""
        here = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        return format_date(here, "d MMMM y", locale=self.tag)

    def moment(self, value: datetime, *, seconds: bool = False) -> str:
        """A date and time in the zone, with its difference to UTC."""
        here = value.astimezone(self.zone)
        pattern = f"d MMMM y, HH:mm{':ss' if seconds else ''} '{_offset(here)}'"
        return format_datetime(here, pattern, tzinfo=self.zone, locale=self.tag)

    def quoted(self, message: str) -> Markup:
        """The message in this language, escaped even if it is not in the catalogue."""
        return escape(catalogue(self.tag).gettext(message))


def _offset(here: datetime) -> str:
    """``UTC``, ``UTC+2`` or ``UTC−3:30``: the abbreviations of zones are known to few."""
    minutes = int((here.utcoffset() or timedelta()).total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")


def choose(asked: str | None, remembered: str | None, accepted: str) -> Language:
    """The first of ``asked``, ``remembered`` and the ``Accept-Language`` ranges that there is."""
    for tag in (asked, remembered, *_ranges(accepted)):
        primary = (tag or "").lower().partition("-")[0]
        if primary in LANGUAGES:
            return Language(primary)
    return Language("en")


def _ranges(header: str) -> list[str]:
    weighed: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if quality > 0:
            weighed.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: pair[0])]


def language_of(request: web.Request) -> Language:
    """The language of this request, with the time zone of this installation."""
    found = choose(
        request.query.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("Accept-Language", ""),
    )
    return replace(found, zone=request.app[WORLD].zone)


def remember(request: web.Request, response: web.StreamResponse) -> None:
    """Keep a language that was asked for by ``?lang=``, for a year, in a cookie that says nothing else."""
    asked = request.query.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, str(asked), max_age=31_536_000, path="/", httponly=True, samesite="Lax"
        )
