"""The pre-scan of queries: what it refuses, and the names it must not mistake for keywords."""

from __future__ import annotations

import contextlib
import time

import pytest

from solidgate.errors import QueryInvalid, QueryLimit, QueryRefused
from solidgate.query.guard import guard

ADMITTED = [
    "SELECT * { ?s ?p ?o }",
    "ask {}",
    "PREFIX ex: <urn:ex:> CONSTRUCT { ?s ex:p 1 } WHERE { ?s ex:load ?o }",
    "DESCRIBE <http://example.org/service/from>",
    "SELECT ?from ?service { ?from <urn:insert> ?service }",
    "SELECT $load { $load ?p 'INSERT DATA { SERVICE }' }",
    'SELECT * { ?s ?p """ LOAD "<x>" FROM \\""" SERVICE """ }',
    "SELECT * { ?s ?p 'it\\'s FROM here' } # SERVICE <x>",
    "PREFIX ex: <urn:x:> SELECT * { ex:service ex:load ex:delete.all }",
    "PREFIX : <urn:x:> SELECT * { :service :load :from }",
    'SELECT * { ?s ?p "x"@add }',
    "SELECT * { _:from ?p ?o }",
    "SELECT * { ?s ?p ?o FILTER(?o < 3 && ?o > 1) }",
    "SELECT * " + "{" * 64 + "}" * 64,
]
REFUSED = [
    "INSERT DATA { <a> <b> <c> }",
    "delete where { ?s ?p ?o }",
    "LOAD <http://example.org/>",
    "CLEAR ALL",
    "SELECT * { SERVICE <http://example.org/> { ?s ?p ?o } }",
    "SELECT * { service silent ?s { } }",
    "SELECT * FROM <urn:g> { ?s ?p ?o }",
    "SELECT * FROM NAMED <urn:g> { }",
    "SELECT *\nFROM#comment\n<urn:g> { }",
    "SELECT*FROM<urn:g>{}",
    "SELECT * { ?s ?p ?o FILTER(?o<3) SERVICE <x> {} FILTER(?o>1) }",
    r"SELECT * { \u0053ERVICE <http://example.org/> { } }",
    r"SELECT * { ?s ?p '\u0027 SERVICE <x> { } # ' }",
    "WITH <g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "ASK {} ; DROP ALL",
    "ASK { ?s ?p '' } SERVICE",
    "PREFIX : <http://example.org/> SELECT * { SERVICE:x { ?s ?p ?o } }",
    "PREFIX : <urn:> SELECT * FROM:g { ?s ?p ?o }",
    "SELECT * { ?s ?p 1SERVICE<http://example.org/> { } }",
    "SELECT * { ?s ?p trueSERVICE<http://example.org/> { } }",
    "SELECT * { ?s ?p ?o.SERVICE<http://example.org/> { } }",
    "SELECT * { ?s ?p 1.SERVICE<http://example.org/> { } }",
]


@pytest.mark.parametrize("text", ADMITTED)
def test_guard_lets_reading_through(text: str) -> None:
    guard(text)


@pytest.mark.parametrize("text", REFUSED)
def test_guard_refuses_everything_else(text: str) -> None:
    with pytest.raises(QueryRefused):
        guard(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "ASK { ?s ?p 'x }",
        'ASK { ?s ?p """x" }',
        "ASK { ?s ?p 'x\\",
        "PREFIX ex: <urn:ex:>",
        "{}",
        "?select",
        "# SELECT * {}",
    ],
)
def test_guard_wants_one_of_the_four_forms(text: str) -> None:
    with pytest.raises(QueryInvalid):
        guard(text)


@pytest.mark.parametrize("pair", ["{}", "()", "[]"])
def test_guard_bounds_depth_exactly(pair: str) -> None:
    guard("ASK " + pair[0] * 8 + pair[1] * 8, max_depth=8)
    with pytest.raises(QueryLimit, match="max_depth=8"):
        guard("ASK " + pair[0] * 9 + pair[1] * 9, max_depth=8)


def test_guard_counts_mixed_brackets_and_not_those_in_strings() -> None:
    with pytest.raises(QueryLimit):
        guard("ASK " + "{([" * 22)
    guard("ASK { ?s ?p '" + "(" * 500 + "' }")


def test_guard_bounds_bytes_exactly() -> None:
    text = "ASK {} #é"
    size = len(text.encode())
    guard(text, max_bytes=size)
    with pytest.raises(QueryLimit, match="max_query_bytes"):
        guard(text, max_bytes=size - 1)


@pytest.mark.parametrize(
    "text",
    ['"' * 32_000, "'" * 32_000, "<" * 32_000, "\\" * 32_000, '"""' + '\\"' * 15_000, "a:" * 16_000,
     "." * 32_000,
     "_" * 32_000, "-.a" * 10_000, "%" * 32_000, '"""' + '""' * 15_000, "'''" + "x''" * 10_000,
     "SELECT" * 5_000],
)  # fmt: skip
def test_guard_is_quick_on_hostile_texts(text: str) -> None:
    begun = time.perf_counter()
    with contextlib.suppress(QueryRefused, QueryInvalid, QueryLimit):
        guard("ASK {} " + text)
    assert time.perf_counter() - begun < 1.0
