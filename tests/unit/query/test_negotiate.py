"""Accept headers to result formats."""

from __future__ import annotations

import pytest

from solidgate.errors import QueryFormatUnsupported
from solidgate.query.negotiate import negotiate
from solidgate.query.results import ResultFormat as F

ROWS = [
    (None, F.JSON),
    ("", F.JSON),
    ("*/*", F.JSON),
    ("text/csv", F.CSV),
    ("TEXT/CSV", F.CSV),
    ("application/json", F.JSON),
    ("application/sparql-results+xml, application/sparql-results+json;q=0.9", F.XML),
    ("text/csv;q=0.1, text/tab-separated-values;q=0.2", F.TSV),
    ("*/*;q=0.8, text/turtle", F.TURTLE),
    ("text/*", F.CSV),
    ("*/*, text/csv", F.CSV),
    ("text/html, application/n-triples;q=0.5", F.NTRIPLES),
    ("text/csv;header=present;q=1", F.CSV),
]


@pytest.mark.parametrize(("accept", "first"), ROWS)
def test_negotiate_prefers_what_the_client_prefers(accept: str | None, first: F) -> None:
    assert negotiate(accept)[0] == first


def test_negotiate_keeps_every_acceptable_format() -> None:
    assert set(negotiate("*/*")) == set(F)
    assert list(negotiate("text/turtle, text/csv;q=0.5")) == [F.TURTLE, F.CSV]


def test_negotiate_leaves_out_what_has_quality_zero() -> None:
    assert F.JSON not in negotiate("*/*, application/sparql-results+json;q=0")


@pytest.mark.parametrize("accept", ["text/html", "text/csv;q=0", "text/csv;q=x", "image/*"])
def test_negotiate_names_the_formats_when_none_fits(accept: str) -> None:
    with pytest.raises(QueryFormatUnsupported, match="text/csv"):
        negotiate(accept)
