"""The whole journey on real servers: what the printed document says, checked by others' libraries."""

from __future__ import annotations

import json
import urllib.request

import aiohttp
import pyshacl
import pytest
import rdflib
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS

from solidgate.assets import asset
from solidgate.errors import Unproven
from solidgate.testing.demo import outside
from solidgate.testing.demo.stage import Stage
from solidgate.testing.demo.story import Story

PERSON_KEYS = {"webid", "pod", "decision", "consent", "receipt", "result_url", "result_sha256", "outcome"}


def test_the_document_has_what_it_promises(story: Story) -> None:
    document = json.loads(json.dumps(story.document))
    assert set(document) == {"space", "people", "run", "query", "withdrawal", "timings"}
    assert all(set(person) == PERSON_KEYS for person in document["people"])
    assert [person["decision"] for person in document["people"]] == ["yes", "yes", "no"]
    assert [person["outcome"] for person in document["people"]] == [
        "withdrawn",
        "written",
        "refused: nothing read",
    ]
    assert document["query"]["text"].strip().startswith("PREFIX")
    assert len(document["query"]["rows"]) == 2
    assert document["withdrawal"]["rows_left"] == 1
    assert document["withdrawal"]["stopped_parts"] >= 1
    assert document["run"]["aggregate"] is True


@pytest.mark.parametrize("name", ["alice", "bob", "carol"])
def test_each_receipt_verifies_with_an_independent_library(stage: Stage, story: Story, name: str) -> None:
    with urllib.request.urlopen(f"{stage.gate}jwks") as reply:
        keys = JWKSet.from_json(reply.read().decode())
    token = JWS()
    token.deserialize(story.people[name].receipt)
    key = keys.get_key(token.jose_header["kid"])
    token.allowed_algs = ["EdDSA"]
    token.verify(key)
    payload = json.loads(token.payload)
    assert token.jose_header["typ"] == "vc+jwt"
    assert payload["credentialSubject"]["id"] == story.people[name].webid


async def test_each_record_in_the_pod_conforms_in_an_independent_engine(stage: Stage, story: Story) -> None:
    """The copies that stand in the pods: read there, as their owners, and checked with pyshacl."""
    shapes = rdflib.Graph().parse(asset("shapes", "consent-record.ttl"))
    for person in stage.people:
        listing = await outside.fetch(f"{person.pod}solidgate/receipts/", person)
        if story.people[person.name].decision == "no":
            assert listing.status == 404
            continue
        folder = rdflib.Graph().parse(
            data=listing.content, format="turtle", publicID=f"{person.pod}solidgate/receipts/"
        )
        contains = rdflib.URIRef("http://www.w3.org/ns/ldp#contains")
        records = [str(url) for url in folder.objects(None, contains) if str(url).endswith(".ttl")]
        assert len(records) == (2 if person.name == "alice" else 1)
        for url in records:
            copy = await outside.fetch(url, person)
            graph = rdflib.Graph().parse(data=copy.content, format="turtle")
            conforms, report, text = pyshacl.validate(graph, shacl_graph=shapes, advanced=True)
            assert isinstance(report, rdflib.Graph)
            assert conforms, text


async def test_the_pages_keep_what_is_personal(stage: Stage, story: Story) -> None:
    """Another person's consent, and a stranger's, look like nothing at all."""
    consent = outside.path_of(story.people["alice"].consent)
    for path, accept in (
        (consent, "application/json"),
        (consent, "text/turtle"),
        (f"{consent}/receipt", "application/vc+jwt"),
        (f"{consent}/activity", "application/json"),
    ):
        assert await _status(stage, path, accept) == 401


async def _status(stage: Stage, path: str, accept: str) -> int:
    url = stage.gate.rstrip("/") + path
    async with aiohttp.ClientSession() as http, http.get(url, headers={"Accept": accept}) as reply:
        return reply.status


def test_a_statement_that_does_not_hold_ends_the_story(story: Story) -> None:
    with pytest.raises(Unproven):
        story.prove(False, "nothing is proved by saying so")


def test_logs_hold_no_webid_and_no_token(stage: Stage, story: Story) -> None:
    log = (stage.folder / "solidgate.log").read_text(encoding="utf-8")
    assert log
    for person in stage.people:
        assert person.webid not in log
        assert person.pod not in log
    assert "eyJ" not in log
