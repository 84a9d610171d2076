"""The numbered checks between a program's output and a result that may leave."""

from __future__ import annotations

import hashlib

import pytest

from solidgate.derived.conform import FOREIGN, ConformantGraph, RawOutput, Verdict, conform
from solidgate.errors import ResultForeign, ShapeViolated

SUBJECT = "https://space.example/results/1"
S = f"<{SUBJECT}>"
XSD = "http://www.w3.org/2001/XMLSchema#"
GOOD = f'{S} <urn:ex#n> "1"^^<{XSD}integer> .\n'
VOCABULARY = ("urn:ex#", "urn:other#one")


def checked(content: str, verdict: Verdict | None = None, **limits: int) -> ConformantGraph:
    return conform(
        RawOutput(content.encode(), SUBJECT),
        verdict or Verdict(True, "shacl"),
        shapes_digest="sha256:s",
        vocabulary=VOCABULARY,
        max_bytes=limits.get("max_bytes", 100_000),
        max_triples=limits.get("max_triples", 100),
    )


def test_conform_sorts_and_hashes() -> None:
    more = f'{S} <urn:ex#a> <{SUBJECT}#part> .\n<{SUBJECT}#part> <urn:other#one> "x"@en .\n'
    graph = checked(GOOD + more + GOOD)
    assert graph.content == "".join(sorted((GOOD + more).splitlines(keepends=True))).encode()
    assert graph.digest == f"sha256:{hashlib.sha256(graph.content).hexdigest()}"
    assert (graph.subject, graph.shapes_digest, graph.engine) == (SUBJECT, "sha256:s", "shacl")
    assert checked(more + GOOD).digest == graph.digest


def test_conform_writes_one_spelling() -> None:
    assert checked(f'{S}   <urn:ex#a>\t"\\u0041" .').content == checked(f'{S} <urn:ex#a> "A" .\n').content


@pytest.mark.parametrize(
    "line",
    [
        '_:b <urn:ex#n> "1" .',
        f"{S} <urn:ex#n> _:b .",
        f"{S} <urn:ex#n> <<( {S} <urn:ex#n> {S} )>> .",
        f"<< {S} <urn:ex#n> {S} >> <urn:ex#n> {S} .",
        f"{S} <urn:ex#n> {S} <urn:g> .",
        f"{S} <urn:ex#n> {S}",
        f"{S} <urn:ex#n> 1 .",
        f'{S} <urn:ex#n> "a" . # note',
        f"@prefix ex: <urn:ex#> . {S} ex:n 1 .",
        f'{S} <urn:ex#n> "\ud800"@ .',
        f'{S} <urn:ex#n> "{"x" * 5000}" .',
        f'{S} <urn:ex#n> "0.{"1" * 70}"^^<{XSD}decimal> .',
        f"{S} <urn:ex#{'x' * 2100}> {S} .",
        "",
    ],
)
def test_conform_takes_plain_statements_only(line: str) -> None:
    content = line.encode("utf-8", "surrogatepass")
    with pytest.raises(ShapeViolated):
        conform(
            RawOutput(content, SUBJECT), Verdict(True, "x"), shapes_digest="", vocabulary=VOCABULARY,
            max_bytes=10_000, max_triples=10,
        )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '<https://other.example/> <urn:ex#n> "1" .',
        f'<{SUBJECT}2> <urn:ex#n> "1" .',
        f'<{SUBJECT}/x> <urn:ex#n> "1" .',
        f'{S} <urn:other#two> "1" .',
        f'{S} <urn:exx> "1" .',
        f"{S} <urn:ex#n> <https://evil.example/?leak=1> .",
        f"{S} <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:nope#Class> .",
        f'{S} <urn:ex#n> "<b>"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#HTML> .',
        f'{S} <urn:ex#n> "x"^^<urn:my#type> .',
    ],
)
def test_conform_takes_own_subject_and_agreed_words_only(line: str) -> None:
    with pytest.raises(ResultForeign):
        checked(line)


@pytest.mark.parametrize("vocabulary", FOREIGN)
def test_conform_lets_no_vocabulary_admit_terms_that_rule_pods(vocabulary: str) -> None:
    for line in (f"{S} <{vocabulary}x> {S} .", f"{S} <urn:ex#n> <{vocabulary}x> ."):
        with pytest.raises(ResultForeign):
            conform(
                RawOutput(line.encode(), SUBJECT), Verdict(True, "x"), shapes_digest="",
                vocabulary=(vocabulary, f"{vocabulary}x", "urn:ex#"), max_bytes=10_000, max_triples=10,
            )  # fmt: skip


def test_conform_asks_the_verdict_first() -> None:
    with pytest.raises(ShapeViolated, match="urn:S - Closed"):
        checked(GOOD, Verdict(False, "pyshacl", ("urn:S - Closed",)))
    with pytest.raises(ShapeViolated, match="no shape looks at"):
        checked(GOOD, Verdict(True, "shacl", covered=False))


def test_conform_limits_are_exact() -> None:
    two = GOOD + f'{S} <urn:ex#n> "2" .\n'
    assert checked(two, max_bytes=len(two), max_triples=2)
    with pytest.raises(ShapeViolated):
        checked(two, max_bytes=len(two) - 1)
    with pytest.raises(ShapeViolated):
        checked(two, max_triples=1)


def test_conform_never_shows_content() -> None:
    assert "urn:ex" not in repr(checked(GOOD)) + repr(RawOutput(GOOD.encode(), SUBJECT))
