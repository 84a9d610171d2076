"""One SPARQL query over one dataset: whole answers or none."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import IO, cast

import pyoxigraph
from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, QueryTriples, RdfFormat, Store

_TABLES = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}
_BOOLEANS = dict(list(_TABLES.items())[:2])
_GRAPHS = {"text/turtle": RdfFormat.TURTLE, "application/n-triples": RdfFormat.N_TRIPLES}
_PLACE = re.compile(r"\b(\d{1,6}:\d{1,6})\b")


class Syntax(Exception):
    """Not a SPARQL query, or one that cannot be evaluated; the argument is the place or empty."""


class NoFormat(Exception):
    """None of the accepted media types fits this form of query."""


class TooManyRows(Exception):
    """More rows than the caller may have."""


class TooManyBytes(Exception):
    """A longer answer than the caller may have."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer."""

    content: bytes
    media_type: str
    rows: int


class _Bounded(io.RawIOBase):
    """A buffer that ends the writing instead of growing beyond its size."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.parts: list[bytes] = []
        self.full = False

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        piece = bytes(content)  # type: ignore[call-overload]
        self._left -= len(piece)
        if self._left < 0:
            self.full = True
            raise OSError("full")
        self.parts.append(piece)
        return len(piece)


def load(dataset: bytes) -> Store:
    """A store in memory with the N-Quads of ``dataset``."""
    store = Store()
    store.bulk_load(dataset, RdfFormat.N_QUADS)
    return store


def answer(store: Store, text: str, accept: Sequence[str], max_bytes: int, max_rows: int) -> Answered:
    """The answer in the first of ``accept`` that fits the query's form; the default graph is the union.

    Raises ``Syntax NoFormat TooManyRows TooManyBytes``.
    """
    try:
        found = store.query(text, use_default_graph_as_union=True)
        if isinstance(found, QueryTriples):
            return _graph(found, _first(accept, _GRAPHS), max_bytes, max_rows)
        if isinstance(found, QueryBoolean):
            return _table(found, _first(accept, _BOOLEANS), max_bytes, 1)
        return _table(found, _first(accept, _TABLES), max_bytes, max_rows)
    except SyntaxError as problem:
        place = _PLACE.search(str(problem))
        raise Syntax(place[1] if place else "") from problem
    except (ValueError, OSError, RuntimeError) as problem:
        raise Syntax("") from problem


def _first(accept: Sequence[str], known: Collection[str]) -> str:
    for media_type in accept:
        if media_type in known:
            return media_type
    raise NoFormat


def _table(found: QuerySolutions | QueryBoolean, media_type: str, max_bytes: int, max_rows: int) -> Answered:
    buffer = _Bounded(max_bytes)
    try:
        found.serialize(cast(IO[bytes], buffer), format=_TABLES[media_type])
    except OSError:
        if buffer.full:
            raise TooManyBytes from None
        raise
    content = b"".join(buffer.parts)
    rows = 1 if isinstance(found, QueryBoolean) else _count(content, media_type)
    if rows > max_rows:
        raise TooManyRows
    return Answered(content, media_type, rows)


def _count(content: bytes, media_type: str) -> int:
    """The solutions in a serialised table; every format escapes what it counts by."""
    if media_type == "application/sparql-results+xml":
        return content.count(b"<result>") + content.count(b"<result/>")
    if media_type == "text/tab-separated-values":
        return max(content.count(b"\n") - 1, 0)
    if media_type == "text/csv":
        return max(sum(1 for _ in csv.reader(io.StringIO(content.decode(), newline=""))) - 1, 0)
    import json

    return len(json.loads(content)["results"]["bindings"])


def _graph(found: QueryTriples, media_type: str, max_bytes: int, max_rows: int) -> Answered:
    triples: dict[pyoxigraph.Triple, None] = {}
    for triple in found:  # a CONSTRUCT may yield a triple several times: a graph has it once
        triples[triple] = None
        if len(triples) > max_rows:
            raise TooManyRows
    content = pyoxigraph.serialize(triples, format=_GRAPHS[media_type])
    assert content is not None
    if len(content) > max_bytes:
        raise TooManyBytes
    return Answered(content, media_type, len(triples))
