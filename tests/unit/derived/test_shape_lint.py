"""Shapes that are fit to guard a result, and those that are not."""

from __future__ import annotations

import re
import time

import pytest

from solidgate.derived.shape_lint import dangerous, lint

PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix ex: <urn:ex:> . @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
"""
HEAD = "ex:S a sh:NodeShape ; sh:targetClass ex:R ; sh:closed true ; sh:ignoredProperties ( rdf:type ) ;"
FIT = f"""{HEAD}
    sh:property [ sh:path ex:n ; sh:datatype xsd:integer ] ,
        [ sh:path ex:t ; sh:datatype xsd:string ; sh:maxLength 40 ; sh:maxCount 1 ; sh:pattern "^[a-z]+$" ] ,
        [ sh:path ex:c ; sh:in ( ex:low ex:high ) ] ,
        [ sh:path ex:p ; sh:node ex:P ] .
ex:P a sh:NodeShape ; sh:closed true ; sh:property [ sh:path ex:n ; sh:datatype xsd:date ] ."""

UNFIT = {
    "<urn:ex:S> is open": "ex:S a sh:NodeShape ; sh:targetClass ex:R .",
    "<urn:ex:S> is open: it": "ex:S a sh:NodeShape ; sh:targetClass ex:R ; sh:closed false .",
    "<urn:ex:P> is open": f"{HEAD} sh:property [ sh:path ex:p ; sh:node ex:P ] .",
    "ignores properties other": f"{HEAD} sh:ignoredProperties ( ex:free ) .",
    "without sh:maxLength": f"{HEAD} sh:property [ sh:path ex:t ; sh:datatype xsd:string ; sh:maxCount 1 ] .",
    "without sh:maxCount": f"{HEAD} sh:property [ sh:path ex:t ; sh:datatype xsd:string ; sh:maxLength 9 ] .",
    "bounds its values by neither": f"{HEAD} sh:property [ sh:path ex:t ; sh:maxCount 1 ] .",
    "uses sparql": f'{HEAD} sh:sparql [ sh:select "SELECT $this {{}}" ] .',
    "uses js": f"{HEAD} sh:js [ ] .",
    "uses rule": f"{HEAD} sh:rule [ ] .",
    "uses imports": f"{HEAD} sh:property ex:Q . ex:Q sh:path ex:n ; sh:in ( 1 ) . <> owl:imports ex:o .",
    "uses zeroOrMorePath": f"{HEAD} sh:property [ sh:path [ sh:zeroOrMorePath ex:n ] ; sh:in ( 1 ) ] .",
    "uses oneOrMorePath": f"{HEAD} sh:property [ sh:path [ sh:oneOrMorePath ex:n ] ; sh:in ( 1 ) ] .",
    "is switched off": f"{HEAD} sh:deactivated true .",
    "repeats a repetition": f'{HEAD} sh:property [ sh:path ex:n ; sh:in ( 1 ) ; sh:pattern "(a+)+" ] .',
    "no shape has a target": "ex:S a sh:NodeShape ; sh:closed true .",
    "are not Turtle": "ex:S a",
}


def test_shape_lint_finds_nothing_in_fit_shapes() -> None:
    assert lint((PREFIXES + FIT).encode()) == ()


@pytest.mark.parametrize("sentence", UNFIT)
def test_shape_lint_says_what_is_unfit(sentence: str) -> None:
    assert any(sentence in found for found in lint((PREFIXES + UNFIT[sentence]).encode()))


def test_shape_lint_bounds_its_own_work() -> None:
    assert "larger" in lint(b"#" * 300_000)[0]
    begun = time.process_time()
    assert lint(b"<urn:s> <urn:p> " + b"(" * 20_000 + b")" * 20_000 + b" .")
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "pattern", ["^[a-z]+$", r"^\d{4}-\d{2}$", "^(low|high)$", "^(ab){1}$", "a?b*c+", "^.{1,40}$"]
)
def test_shape_lint_knows_linear_patterns(pattern: str) -> None:
    assert dangerous(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a*)*",
        "(a|aa)+",
        "(a|a)*",
        r"(\d+)*x",
        r"(.)\1",
        "(?=a)b",
        "((ab)*)*",
        "(" * 50,
        "a" * 300,
        "(a{1,9}){1,9}",
    ],
)
def test_shape_lint_knows_dangerous_patterns(pattern: str) -> None:
    assert dangerous(pattern)


def test_shape_lint_names_a_pattern_that_really_is_slow() -> None:
    begun = time.process_time()
    assert re.fullmatch("(a+)+", "a" * 22 + "!") is None
    slow = time.process_time() - begun
    begun = time.process_time()
    assert dangerous("(a+)+")
    assert time.process_time() - begun < slow
