"""Invented electricity readings: a year of one home, the same for the same seed on every machine."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from math import cos, pi
from random import Random

from solidgate.vocab import QUDT, SAREF, SOSA, UNIT, XSD

_HOME = "https://w3id.org/solidgate/examples/home-energy#"
_PREFIXES = "".join(
    f"@prefix {prefix}: <{iri}> .\n"
    for prefix, iri in (*((one.prefix, one.iri) for one in (SOSA, SAREF, QUDT, UNIT, XSD)), ("home", _HOME))
)


@dataclass(frozen=True, slots=True)
class Home:
    """An invented home: people in it, watts at rest, kWh of an ordinary day, how much more winter takes."""

    occupants: int
    base_watts: float
    daily_kwh: float
    winter: float


def home_of(seed: int) -> Home:
    """A plausible home for a seed."""
    chance = Random(seed)
    people = 1 + int(chance.random() * 5)
    return Home(
        occupants=people,
        base_watts=60 + 180 * chance.random(),
        daily_kwh=(1.2 + 1.6 * people) * (0.5 + chance.random()),
        winter=chance.random(),
    )


def energy_documents(seed: int, year: int = 2025, home: Home | None = None) -> dict[str, bytes]:
    """Twelve Turtle documents by their path below a storage, one reading a day.

    Only ``Random.random`` is drawn from: Python promises the same numbers for the same seed for ever.
    """
    chance, home = Random(f"{seed}/{year}"), home or home_of(seed)
    return {
        f"energy/{year}/{month:02}.ttl": _document(year, month, home, chance).encode()
        for month in range(1, 13)
    }


def _document(year: int, month: int, home: Home, chance: Random) -> str:
    days = range(1, monthrange(year, month)[1] + 1)
    readings = [_reading(year, month, day, _kwh(month, home, chance)) for day in days]
    return f"{_PREFIXES}\n<#home> home:occupants {home.occupants} .\n\n" + "\n".join(readings)


def _kwh(month: int, home: Home, chance: Random) -> float:
    season = 1 + home.winter * (1 + cos((month - 1) / 6 * pi)) / 2
    away = chance.random() < 0.06  # a few days at rest, so that the base load shows
    active = 0.02 if away else home.daily_kwh * season * (0.7 + 0.6 * chance.random())
    return home.base_watts * 24 / 1000 + active


def _reading(year: int, month: int, day: int, kwh: float) -> str:
    return (
        f"<#d{day:02}> a sosa:Observation ; sosa:observedProperty saref:Energy ;\n"
        "  sosa:hasFeatureOfInterest <#home> ;\n"
        f'  sosa:resultTime "{year}-{month:02}-{day:02}T23:59:59Z"^^xsd:dateTime ;\n'
        f"  sosa:hasSimpleResult {kwh:.3f} ; qudt:hasUnit unit:KiloW-HR .\n"
    )
