"""A document as a bounded table, as it crosses out of the jail. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a value is: a text with a datatype or language, an address, or a node without a name."""

    LITERAL = "literal"
    IRI = "iri"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program says it looks for: shapes as Turtle, and classes by IRI. Empty means everything.

    ``naming`` are shapes that select nothing: they only say what properties and terms are called.
    """

    shapes: tuple[bytes, ...] = ()
    classes: tuple[str, ...] = ()
    naming: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most so many rows, and so many characters of one value or IRI."""

    rows: int
    characters: int


@dataclass(frozen=True, slots=True)
class Value:
    """One value: ``type`` is a datatype's IRI or ``@`` and a language; ``cut`` when it was too long."""

    property: str
    value: str = field(repr=False)
    kind: Kind
    type: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Name:
    """What shapes call a property or a term; ``language`` is a tag in lower case, or empty without one."""

    term: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """The first asked values in the order of the document, how many there are, and how many others.

    ``names`` are of what stands in ``rows``, as far as the shapes name it.
    """

    rows: tuple[Value, ...]
    total: int
    others: int
    names: tuple[Name, ...] = ()


NAMES_A_ROW = 32
"""So many names at most for each row: two terms in sixteen languages."""


class MalformedTable(ValueError):
    """Bytes that are not a table within its bounds."""


def packed(table: Table) -> bytes:
    """The table as it leaves the jail."""
    rows = [[one.property, one.value, one.kind, one.type, one.cut] for one in table.rows]
    names = [[one.term, one.language, one.text] for one in table.names]
    told = {"rows": rows, "total": table.total, "others": table.others, "names": names}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")


def unpacked(content: bytes, bounds: Bounds) -> Table:
    """A table that a fork left, checked field by field: whatever it read may have taken it over.

    Raises ``MalformedTable``.
    """
    try:
        told = json.loads(content)
        rows = tuple(_value(row, bounds) for row in told["rows"])
        names = tuple(_name(one, bounds) for one in told["names"])
        table = Table(rows, _count(told["total"]), _count(told["others"]), names)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise MalformedTable from None
    if len(rows) > bounds.rows or len(rows) > table.total or len(names) > NAMES_A_ROW * bounds.rows:
        raise MalformedTable
    return table


def _name(name: Sequence[object], bounds: Bounds) -> Name:
    term, language, text = name
    if not all(isinstance(one, str) and len(one) <= bounds.characters for one in (term, language, text)):
        raise MalformedTable
    return Name(str(term), str(language), str(text))


def _value(row: Sequence[object], bounds: Bounds) -> Value:
    name, text, kind, type_, cut = row
    texts = (name, text, type_)
    if not all(isinstance(one, str) and len(one) <= bounds.characters for one in texts):
        raise MalformedTable
    return Value(str(name), str(text), Kind(str(kind)), str(type_), cut is True)


def _count(number: object) -> int:
    if type(number) is not int or number < 0:
        raise MalformedTable
    return number
