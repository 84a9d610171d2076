"""What people take with them: real records, exported, judged by pyshacl; and each spoiled copy refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyshacl
import pytest
import rdflib
from rdflib import DCTERMS, PROV, RDF, XSD, Graph, Literal, URIRef

from solidgate.assets import asset
from solidgate.consent.receipt_rdf import receipt_triples
from solidgate.flow import ask, invite, record, withdraw
from solidgate.flow import space as spaces
from solidgate.flow.record import ConsentView
from solidgate.testing.gate import open_gate
from solidgate.testing.space import answer
from solidgate.testing.terms import sample_agreement

SPACE = "home-energy"
DPV = rdflib.Namespace("https://w3id.org/dpv#")
SG = rdflib.Namespace("https://w3id.org/solidgate/ns#")
GDPR = rdflib.Namespace("https://w3id.org/dpv/legal/eu/gdpr#")
SHAPES = Graph().parse(asset("shapes", "consent-record.ttl"))


class Exported(dict[str, tuple[ConsentView, str]]):
    """Name to the consent as its person sees it, and its Turtle."""


def broken(graph: Graph) -> set[str]:
    """The numbers of the invariants that pyshacl finds broken."""
    conforms, report, text = pyshacl.validate(graph, shacl_graph=SHAPES, advanced=True)
    assert isinstance(report, Graph), text
    results = report.objects(predicate=rdflib.SH.result)
    found = {
        str(text).split(":")[0] for one in results for text in report.objects(one, rdflib.SH.resultMessage)
    }
    assert conforms == (not found)
    return found


@pytest.fixture(scope="module")
def exported(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A yes, a refusal, a withdrawal, a revocation and a renewal, as ``GET /consents/{id}`` gives them."""
    return asyncio.run(_export(module_database_url, tmp_path_factory.mktemp("gate")))


async def _export(database_url: str, folder: Path) -> Exported:
    async with open_gate(database_url, folder) as gate:
        world, found = gate.world, Exported()
        await spaces.create(world, sample_agreement(SPACE))
        token = await invite.invite(world, None, SPACE, uses=0, days=1)

        async def answered(name: str, yes: bool, again: bool = False):  # type: ignore[no-untyped-def]
            storage = f"https://{name}.example/"
            gate.pods.give(f"{storage}me", storage, {"energy/2025.ttl": b"<a:a> <b:b> <c:c> ."})
            session = await gate.log_in(f"{storage}me")
            ask_for = ask.ask_again(world, session, SPACE) if again else ask.ask(world, session, token)
            (view,) = await answer(world, session, await ask_for, None if yes else ())
            return session, view

        people = {
            "refusal": await answered("ann", False),
            "withdrawal": await answered("bea", True),
            "revocation": await answered("cas", True),
        }
        session, view = people["withdrawal"]
        await withdraw.withdraw(world, session, view.record.consent_id)
        await spaces.publish(world, SPACE, replace(sample_agreement(SPACE), version=2))
        people["renewal"] = await answered("cas", True, again=True)
        people["given"] = await answered("dan", True)
        for name, (session, view) in people.items():
            turtle = await record.turtle(world, session, view.record.consent_id)
            found[name] = (await record.view(world, session, view.record.consent_id), turtle.decode())
        return found


@pytest.mark.parametrize("name", ["given", "refusal", "withdrawal", "revocation", "renewal"])
def test_an_exported_record_conforms(exported: Exported, name: str) -> None:
    assert broken(Graph().parse(data=exported[name][1])) == set()


@pytest.mark.parametrize("name", ["given", "refusal", "withdrawal", "revocation", "renewal"])
def test_the_record_inside_a_receipt_conforms(exported: Exported, name: str) -> None:
    text = "".join(f"{triple} .\n" for triple in receipt_triples(exported[name][0].receipt))
    graph = Graph().parse(data=text, format="nt")
    assert broken(graph) == set()
    assert len(set(graph.subjects(RDF.type, DPV.ConsentReceipt))) == 1


Change = Callable[[Graph, URIRef], None]


def drop(fragment: str, *predicates: URIRef) -> Change:
    def change(graph: Graph, iri: URIRef) -> None:
        for predicate in predicates:
            assert (iri + fragment, predicate, None) in graph
            graph.remove((iri + fragment, predicate, None))

    return change


def put(fragment: str, predicate: URIRef, value: rdflib.term.Node, *, keep: bool = False) -> Change:
    def change(graph: Graph, iri: URIRef) -> None:
        if not keep:
            graph.remove((iri + fragment, predicate, None))
        graph.add((iri + fragment, predicate, value))

    return change


def retype(fragment: str, before: URIRef, after: URIRef) -> Change:
    def change(graph: Graph, iri: URIRef) -> None:
        assert (iri + fragment, RDF.type, before) in graph
        graph.remove((iri + fragment, RDF.type, before))
        graph.add((iri + fragment, RDF.type, after))

    return change


def again(graph: Graph, iri: URIRef) -> None:
    """A yes after the withdrawal, in the same record."""
    for predicate, value in list(graph.predicate_objects(iri + "#event-2")):
        graph.add((iri + "#event-4", predicate, value))
    graph.remove((iri + "#event-4", DPV.isIndicatedAtTime, None))
    graph.add((iri + "#event-4", DPV.isIndicatedAtTime, graph.value(iri + "#event-3", DPV.isIndicatedAtTime)))
    graph.set((iri + "#event-4", SG.sequence, Literal(4)))
    graph.add((iri, DPV.hasConsentStatus, iri + "#event-4"))
    graph.set((iri, SG.latestEvent, iri + "#event-4"))


ACME = URIRef("https://acme.example/#it")
SPECIAL, REFUSED = DPV.SpecialCategoryPersonalData, DPV.ConsentRefused
EARLY, LATE = (Literal(f"{year}-01-01T00:00:00Z", datatype=XSD.dateTime) for year in (2020, 2999))
MUTANTS: dict[str, tuple[int, str, Change]] = {
    "no number": (1, "given", drop("", DCTERMS.identifier)),
    "no language of the notice": (2, "given", drop("#notice", DCTERMS.language)),
    "two purposes": (3, "given", put("#process", DPV.hasPurpose, ACME, keep=True)),
    "a whole container": (4, "given", put("#data-1", SG.resource, URIRef("https://dan.example/energy/"))),
    "no recipient": (5, "given", drop("#process", DPV.hasRecipient)),
    "another legal basis": (6, "given", put("#process", DPV.hasLegalBasis, GDPR["A6-1-f"])),
    "kept for ever": (7, "given", drop("#storage-duration", DPV.hasDuration)),
    "no way to withdraw": (8, "given", drop("#withdraw", DPV.isExercisedAt)),
    "no code": (9, "given", drop("#code", SG.digest)),
    "special, by Article 6": (10, "given", put("#data-1", RDF.type, SPECIAL, keep=True)),
    "nobody said it": (11, "given", drop("#event-2", DPV.isIndicatedBy)),
    "time goes back": (12, "refusal", put("#event-2", DPV.isIndicatedAtTime, EARLY)),
    "an old event as the latest": (13, "withdrawal", lambda g, i: g.set((i, SG.latestEvent, i + "#event-2"))),
    "the organisation withdraws": (14, "withdrawal", put("#event-3", DPV.isIndicatedBy, ACME)),
    "never requested": (15, "given", retype("#event-1", DPV.ConsentRequested, DPV.ConsentRequestDeferred)),
    "endless": (16, "renewal", drop("#event-2", DPV.hasDuration)),
    "revoked without a reason": (16, "revocation", drop("#event-3", SG.reason)),
    "withdrawn before it was given": (17, "refusal", retype("#event-2", REFUSED, DPV.ConsentWithdrawn)),
    "longer than the terms": (18, "renewal", put("#event-2-end", RDF.value, LATE)),
    "given again after withdrawal": (19, "withdrawal", again),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS, ids=str)
def test_a_spoiled_copy_is_refused(exported: Exported, name: str) -> None:
    number, source, change = MUTANTS[name]
    view, turtle = exported[source]
    graph = Graph().parse(data=turtle)
    change(graph, URIRef(view.record.iri))
    assert str(number) in broken(graph)


def test_every_invariant_of_a_record_has_a_mutant() -> None:
    assert {number for number, _, _ in MUTANTS.values()} == set(range(1, 20))


def test_a_renewal_names_what_it_replaces(exported: Exported) -> None:
    view, turtle = exported["renewal"]
    (replaced,) = Graph().parse(data=turtle).objects(URIRef(view.record.iri), DCTERMS.replaces)
    assert str(replaced) == exported["revocation"][0].record.iri
    assert PROV.wasInformedBy in set(Graph().parse(data=turtle).predicates())
