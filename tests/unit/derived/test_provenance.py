"""The descent of a result, as it stands in the person's pod."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from pyoxigraph import BlankNode, NamedNode, RdfFormat, parse

from solidgate.derived import ntriples
from solidgate.derived.conform import ConformantGraph
from solidgate.derived.provenance import Provenance, result_document
from solidgate.vocab import PROV, SG

SUBJECT = "https://space.example/results/1"
CONTENT = f'<{SUBJECT}> <urn:n> "007"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'.encode()
TRIPLES = tuple(ntriples.read(CONTENT, max_triples=1))
GRAPH = ConformantGraph(CONTENT, "sha256:g", SUBJECT, "sha256:s", "shacl", TRIPLES)
DESCENT = Provenance(
    result="https://pod.example/r.ttl",
    run="https://space.example/runs/1",
    consent="https://space.example/consents/1",
    data_subject="https://pod.example/me#it",
    algorithm="sha256:a",
    shapes="sha256:s",
    content="sha256:g",
    inputs={"https://pod.example/d1": "hmac-sha256:1", "https://pod.example/d2": "hmac-sha256:2"},
    level="L2",
    started=datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=1))),
    ended=datetime(2026, 11, 22, 11, 0, 1, tzinfo=UTC),
)


def statements() -> set[tuple[str, str, str]]:
    found = set()
    for quad in parse(result_document(GRAPH, DESCENT), RdfFormat.TURTLE):
        assert not isinstance(quad.subject, BlankNode)
        assert not isinstance(quad.object, BlankNode)
        found.add((quad.subject.value, quad.predicate.value, quad.object.value))
    return found


def test_provenance_tells_run_inputs_program_consent_and_level() -> None:
    found = statements()
    result, run = DESCENT.result, DESCENT.run
    assert (result, PROV.wasGeneratedBy.value, run) in found
    assert (result, SG.underConsent.value, DESCENT.consent) in found
    assert (result, SG.outputShape.value, "sha256:s") in found
    assert (result, SG.digest.value, "sha256:g") in found
    assert (f"{result}#algorithm", SG.digest.value, "sha256:a") in found
    assert (run, SG.isolationLevel.value, "L2") in found
    assert (run, PROV.startedAtTime.value, "2026-11-22T11:00:00Z") in found
    for url, digest in DESCENT.inputs.items():
        assert (run, PROV.used.value, url) in found
        assert (url, SG.keyedDigest.value, digest) in found


def test_provenance_keeps_the_result_as_it_is() -> None:
    (own,) = [
        quad
        for quad in parse(result_document(GRAPH, DESCENT), RdfFormat.TURTLE)
        if quad.predicate == NamedNode("urn:n")
    ]
    assert own.object.value == "007"


def test_provenance_document_is_the_same_every_time() -> None:
    assert result_document(GRAPH, DESCENT) == result_document(GRAPH, DESCENT)
