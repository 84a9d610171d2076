"""Result formats of SPARQL 1.1 and the answer to one query, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ResultFormat(StrEnum):
    """Media types that an answer can have; the first four for SELECT and ASK, the rest for graphs."""

    JSON = "application/sparql-results+json"
    XML = "application/sparql-results+xml"
    CSV = "text/csv"
    TSV = "text/tab-separated-values"
    TURTLE = "text/turtle"
    NTRIPLES = "application/n-triples"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, never a truncated one. ``rows`` counts solutions or triples."""

    content: bytes
    media_type: ResultFormat
    rows: int
