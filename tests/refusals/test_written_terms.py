"""Terms that rule a pod or a consent: each one, in each place of a statement, refused at both gates.

Whatever shapes and vocabulary were approved: the vocabulary of these tests admits everything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from solidgate.consent.decide import ActiveConsent
from solidgate.derived.conform import ConformantGraph, RawOutput, Verdict, conform
from solidgate.derived.writable import require_writable
from solidgate.errors import ResultForeign
from solidgate.flow.write_back import plan
from solidgate.vocab import ACL, ACP, LDP, OWL, PIM, RDF, SOLID

SUBJECT = "https://gate.example/spaces/s/subjects/p"
WEBID = "https://anna.example/card#me"
TERMS = sorted({node.value for each in (ACL, ACP, LDP, PIM, SOLID) for node in each} | {OWL.iri + "sameAs"})
UNLISTED = [f"{each.iri}somethingNew" for each in (ACL, ACP, LDP, PIM, SOLID)]
SPELLED = [SOLID.iri.replace("http:", "https:") + "oidcIssuer", "HTTP://WWW.W3.ORG/ns/auth/acl#agent"]
EVERYTHING = ("http://", "https://", "urn:", "HTTP://", "http://www.w3.org/", "https://www.w3.org/")
GOOD = f'<{SUBJECT}> <urn:ex#n> "1" .'


def places(term: str) -> dict[str, str]:
    return {
        "predicate": f"<{SUBJECT}> <{term}> <{SUBJECT}#part> .",
        "class": f"<{SUBJECT}> <{RDF.type.value}> <{term}> .",
        "object": f"<{SUBJECT}> <urn:ex#n> <{term}> .",
        "datatype": f'<{SUBJECT}> <urn:ex#n> "x"^^<{term}> .',
        "subject": f'<{term}> <urn:ex#n> "1" .',
    }


def conformed(line: str, *vocabulary: str) -> ConformantGraph:
    return conform(
        RawOutput(f"{GOOD}\n{line}".encode(), SUBJECT),
        Verdict(True, "shacl"),
        shapes_digest="sha256:s",
        vocabulary=(*EVERYTHING, *vocabulary, "urn:ex#"),
        max_bytes=100_000,
        max_triples=100,
    )


@pytest.mark.parametrize("place", list(places("x")))
@pytest.mark.parametrize("term", [*TERMS, *UNLISTED, *SPELLED])
def test_no_ruling_term_reaches_a_pod(term: str, place: str) -> None:
    line = places(term)[place]
    with pytest.raises(ResultForeign):
        conformed(line, term, term.rpartition("#")[0] + "#")
    with pytest.raises(ResultForeign):
        require_writable(f"{GOOD}\n{line}".encode(), [SUBJECT])


@pytest.mark.parametrize(
    "line",
    [
        f'<{WEBID}> <urn:ex#n> "1" .',
        f"<{WEBID}> <urn:ex#knows> <{SUBJECT}> .",
        f'<{SUBJECT}x> <urn:ex#n> "1" .',
        f'<{SUBJECT}/x> <urn:ex#n> "1" .',
        f'<https://evil.example/#{SUBJECT}> <urn:ex#n> "1" .',
    ],
)
def test_nobody_else_is_spoken_about(line: str) -> None:
    with pytest.raises(ResultForeign):
        conformed(line)
    with pytest.raises(ResultForeign):
        require_writable(f"{GOOD}\n{line}".encode(), [SUBJECT])


@pytest.mark.parametrize(
    "line", ['[] <urn:ex#n> "1" .', f'<< <{SUBJECT}> <urn:ex#n> "1" >> <urn:ex#n> "1" .']
)
def test_a_node_without_a_name_is_no_subject(line: str) -> None:
    with pytest.raises((ResultForeign, SyntaxError)):
        require_writable(f"{GOOD}\n{line}".encode(), [SUBJECT])


@pytest.mark.parametrize(
    "line", ["", f'<{SUBJECT}#part> <urn:ex#n> "1" .', f"<{SUBJECT}> <urn:ex#about> <{WEBID}> ."]
)
def test_the_gate_can_open(line: str) -> None:
    require_writable(f"{GOOD}\n{line}".encode(), [SUBJECT])


def test_a_plan_is_held_against_it_whatever_conformed() -> None:
    """The ticket says that the graph conforms; the document around it is looked at all the same."""
    now = datetime.now(UTC)
    container = "https://anna.example/results/"
    fresh = ActiveConsent("c", 1, WEBID, "p", (), container, now + timedelta(days=1), now)
    graph = conformed(f'<{SUBJECT}#part> <urn:ex#n> "1" .')
    run = "https://gate.example/spaces/s/runs/r"
    assert plan(graph, fresh, "r", run, "g", graph.content)
    bad = replace(graph, content=graph.content + f"<{SUBJECT}> <{OWL.iri}sameAs> <{WEBID}> .\n".encode())
    with pytest.raises(ResultForeign):
        plan(graph, fresh, "r", run, "g", bad.content)
