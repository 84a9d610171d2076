"""What a program is given says the same whichever way it looks, and hides no document that cannot be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from pyoxigraph import DefaultGraph, NamedNode

from solidgate.sandbox import tasks
from solidgate.sandbox.documents import Unreadable
from solidgate.sandbox.inputs import InputDocument, Inputs
from solidgate.sandbox.wire import Outcome

TURTLE, TRIG = "text/turtle", "application/trig"
ONE = InputDocument("https://pod.example/1", TURTLE, b"_:a <urn:p> [ <urn:q> 1 ] . <#x> <urn:p> 2 .")
TWO = InputDocument("https://pod.example/2", TRIG, b"_:a <urn:p> 3 . <urn:g> { <urn:s> <urn:p> 4 }")
JSON = InputDocument(
    "https://pod.example/3", "application/ld+json", b'{"@id": "urn:s", "urn:p": [{"@value": "5"}]}'
)
BAD = InputDocument("https://pod.example/4", TURTLE, b"<urn:s> <urn:p> ")
DEEP = InputDocument(
    "https://pod.example/5", TURTLE, b"<urn:s> <urn:p> " + b"[ <urn:p> " * 100 + b"1" + b"]" * 100
)


def inputs(*documents: InputDocument) -> Inputs:
    return Inputs(documents=documents, subject="urn:s", now="", parameters={}, datasets={})


ALL = "SELECT ?s ?p ?o ?g { GRAPH ?g { ?s ?p ?o } }"


def by_quads(given: Inputs) -> Iterator[tuple[object, ...]]:
    return ((one.subject, one.predicate, one.object, one.graph_name) for one in given.quads)


def by_select(given: Inputs) -> Iterator[tuple[object, ...]]:
    return ((row["s"], row["p"], row["o"], row["g"]) for row in given.select(ALL))


@pytest.mark.parametrize("ways", list(itertools.permutations([by_quads, by_select])))
def test_both_ways_show_the_same_whichever_comes_first(
    ways: tuple[Callable[[Inputs], Iterator[tuple[object, ...]]], ...],
) -> None:
    given = inputs(ONE, TWO, JSON)
    first, second = (set(way(given)) for way in ways)
    assert first == second
    graphs = [str(one[3]) for one in first]
    assert sorted(graphs) == sorted([f"<{ONE.url}>"] * 3 + [f"<{TWO.url}>", "<urn:g>", f"<{JSON.url}>"])


def test_statements_are_the_same_without_the_graphs_of_documents() -> None:
    given = inputs(ONE, TWO, JSON)
    walked = list(given.statements)
    assert {quad.graph_name for quad in walked} == {DefaultGraph(), NamedNode("urn:g")}
    assert len(walked) == len(list(given.quads)) == 6
    assert len(list(given.statements)) == 6


def test_blank_nodes_of_two_documents_never_meet() -> None:
    one = InputDocument("https://pod.example/1", TURTLE, b"_:a <urn:p> 1 .")
    two = InputDocument("https://pod.example/2", TURTLE, b"_:a <urn:p> 2 .")
    for given in (inputs(one, two).quads, inputs(one, two).statements):
        assert len({quad.subject for quad in given}) == 2
    assert len(list(inputs(one, two).select("SELECT DISTINCT ?s { ?s ?p ?o }"))) == 2


@pytest.mark.parametrize("broken", [BAD, DEEP], ids=["malformed", "too deep"])
@pytest.mark.parametrize("way", [by_quads, by_select])
def test_a_document_that_cannot_be_read_is_met_by_every_way(
    way: Callable[[Inputs], Iterator[object]], broken: InputDocument
) -> None:
    with pytest.raises(Unreadable):
        list(way(inputs(ONE, broken)))


@pytest.mark.parametrize("broken", [BAD, DEEP], ids=["malformed", "too deep"])
def test_a_walk_meets_what_cannot_be_read_and_whoever_parses_after_it_says_so(broken: InputDocument) -> None:
    given = inputs(ONE, broken)
    with pytest.raises((Unreadable, SyntaxError)):
        list(given.statements)
    with pytest.raises(Unreadable):
        given.parse()


def derived(source: str, *documents: InputDocument) -> Outcome:
    header = {
        "task": "derive",
        "documents": [{"url": one.url, "media_type": one.media_type} for one in documents],
        "datasets": [],
        "samples": False,
        "entry_point": f"{source}:derive",
        "context": {"now": "", "subject": "urn:s", "parameters": {}},
    }
    files = {f"{name}.py": text.encode() for name, text in PROGRAMS.items()}
    blobs = [one.content for one in documents]
    return tasks.perform(header, blobs, tasks.Preloaded(files=files), 1 << 16).outcome


_SAYS = "    return '<urn:s> <urn:p> 1 .'\n"
PROGRAMS = {
    "given_looks_away": f"def derive(person):\n{_SAYS}",
    "given_swallows": "def derive(person):\n    try:\n        list(person.quads)\n"
    f"    except Exception:\n        pass\n{_SAYS}",
    "given_stops_early": f"def derive(person):\n    next(person.statements)\n{_SAYS}",
    "given_walks": f"def derive(person):\n    list(person.statements)\n{_SAYS}",
}


@pytest.mark.parametrize("source", PROGRAMS)
def test_no_program_can_pass_over_a_document_that_cannot_be_read(source: str) -> None:
    assert derived(source, ONE, BAD) is Outcome.UNREADABLE
    assert derived(source, ONE, TWO) is Outcome.OK
