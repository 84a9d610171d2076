"""A year of daily electricity readings becomes four facts about a home, and one piece of advice."""

import csv
import pkgutil
from collections import Counter, defaultdict
from decimal import Decimal

from pyoxigraph import Literal, NamedNode, Triple

HOME = "https://w3id.org/solidgate/examples/home-energy#"
CONTRIBUTORS = "https://w3id.org/solidgate/ns#contributors"
UNIT = "http://qudt.org/vocab/unit/"
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
INTEGER = NamedNode("http://www.w3.org/2001/XMLSchema#integer")
BANDS = "ABCDE"
WINTER = {"01", "02", "12"}
KWH = {UNIT + "KiloW-HR": Decimal(1), UNIT + "W-HR": Decimal("0.001")}

READINGS = """
    PREFIX sosa: <http://www.w3.org/ns/sosa/>
    PREFIX saref: <https://saref.etsi.org/core/>
    PREFIX qudt: <http://qudt.org/schema/qudt/>
    SELECT DISTINCT ?reading ?time ?value ?unit WHERE {
        ?reading a sosa:Observation ; sosa:observedProperty saref:Energy ;
            sosa:resultTime ?time ; sosa:hasSimpleResult ?value ; qudt:hasUnit ?unit .
    }
"""
OCCUPANTS = f"SELECT (MAX(?people) AS ?most) WHERE {{ ?home <{HOME}occupants> ?people }}"
BAND_COUNTS = f"SELECT ?band WHERE {{ ?home <{HOME}band> ?band }}"


def derive(person):
    """The profile of one home, about ``person.subject``."""
    year = person.parameters["year"]
    days = daily_use(person.select(READINGS), str(year))
    if len(days) < person.parameters["fewest_days"]:
        raise ValueError("too few days with a reading")
    use = sum(days.values()) * 365 / len(days)
    base = base_load(days)
    band = band_of(use, occupants(person))
    return [
        triple(person.subject, TYPE, NamedNode(HOME + "HomeProfile")),
        triple(person.subject, HOME + "year", number(year)),
        triple(person.subject, HOME + "yearlyUse", number(use)),
        triple(person.subject, HOME + "baseLoad", number(base)),
        triple(person.subject, HOME + "band", NamedNode(HOME + "Band" + band)),
        triple(person.subject, HOME + "advice", NamedNode(HOME + advice(days, use, base, band))),
    ]


def aggregate(results):
    """How many homes are in each band: one cell a band; the gate leaves out cells that are too small."""
    counts = Counter(row["band"].value[-1] for row in results.select(BAND_COUNTS))
    yield triple(results.subject, TYPE, NamedNode(HOME + "BandDistribution"))
    for band in BANDS:
        cell = f"{results.subject}#band-{band.lower()}"
        yield triple(results.subject, HOME + "cell", NamedNode(cell))
        yield triple(cell, TYPE, NamedNode(HOME + "BandCell"))
        yield triple(cell, HOME + "band", NamedNode(HOME + "Band" + band))
        yield triple(cell, CONTRIBUTORS, number(counts[band]))


def daily_use(readings, year):
    """kWh by day of the year, from readings that may be finer than a day."""
    days = defaultdict(Decimal)
    for row in readings:
        day = row["time"].value[:10]
        if day.startswith(year + "-"):
            days[day] += Decimal(row["value"].value) * KWH[row["unit"].value]
    return days


def base_load(days):
    """Watts drawn when nothing happens: the mean of the twentieth of days with the least use."""
    lowest = sorted(days.values())[: max(1, len(days) // 20)]
    return sum(lowest) / len(lowest) * 1000 / 24


def occupants(person):
    """How many people live there; 0 when the documents do not say."""
    most = next(iter(person.select(OCCUPANTS)))["most"]
    return 0 if most is None else int(most.value)


def band_of(use, people):
    """The first band whose limit the use does not pass, in the row for this many people."""
    row = REFERENCE[min(max(people, 0), max(REFERENCE))]
    return next((band for band, limit in zip(BANDS, row, strict=False) if use <= limit), BANDS[-1])


def advice(days, use, base, band):
    """The one thing to do: what is always on, then winter, then appliances; else nothing is wrong."""
    winter = sum(kwh for day, kwh in days.items() if day[5:7] in WINTER)
    if base * 8760 / 1000 > use / 2:
        return "CutStandby"
    if winter > sum(days.values()) * Decimal("0.35"):
        return "LookAtHeating"
    return "CheckAppliances" if band in "CDE" else "KeepGoing"


def triple(subject, predicate, value):
    """A statement about the subject."""
    named = predicate if isinstance(predicate, NamedNode) else NamedNode(predicate)
    return Triple(NamedNode(subject), named, value)


def number(value):
    """A whole number: results are rounded, so that they carry no more than they must."""
    return Literal(str(round(value)), datatype=INTEGER)


def reference():
    """The upper limits of bands A to D in kWh a year, by number of people; 0 is for homes that do not say."""
    text = pkgutil.get_data("home_energy", "reference.csv").decode()
    return {
        int(row["occupants"]): [int(row[band.lower()]) for band in BANDS[:-1]]
        for row in csv.DictReader(text.splitlines())
    }


REFERENCE = reference()
