"""Every term once: code, ontology, list of foreign terms, shapes and examples agree."""

from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib.namespace

from solidgate import vocab
from solidgate.vocab import DCT, PREFIXES, QUDT, RDF, RDFS, SAREF, SG, SKOS, SOSA, XSD

ROOT = Path(__file__).parents[2]
OURS = ROOT / "ontologies" / "solidgate.ttl"
FOREIGN = ROOT / "ontologies" / "external-terms.ttl"
SHOWN = ("https://w3id.org/dpv", SOSA.iri, SAREF.iri, QUDT.iri)
TURTLE = sorted(
    [*ROOT.glob("ontologies/*.ttl"), *ROOT.glob("shapes/*.ttl"), *ROOT.glob("tests/shapes/*/*/*.ttl")]
)
SHIPPED = sorted([*ROOT.glob("ontologies/*.ttl"), *ROOT.glob("shapes/*.ttl")])
TERMS = {node.value for namespace in vocab.ALL for node in namespace}


def described(path: Path) -> dict[str, list[ox.Triple]]:
    found: dict[str, list[ox.Triple]] = {}
    for triple in ox.parse(path=path):
        if isinstance(triple.subject, ox.NamedNode):
            found.setdefault(triple.subject.value, []).append(triple)
    return found


def languages(triples: list[ox.Triple], predicate: ox.NamedNode) -> set[str]:
    return {str(one.object.language) for one in triples if one.predicate == predicate}


def test_our_terms_are_described_in_three_languages() -> None:
    ontology = {iri: told for iri, told in described(OURS).items() if iri.startswith(SG.iri)}
    assert set(ontology) == {node.value for node in SG}
    for iri, triples in ontology.items():
        assert languages(triples, RDFS.label) == {"en", "fr", "nl"}, iri
        assert languages(triples, RDFS.comment) == {"en", "fr", "nl"}, iri
        assert {one.object.value for one in triples if one.predicate == RDFS.isDefinedBy} == {SG.iri[:-1]}


def test_foreign_terms_are_listed_and_no_other() -> None:
    listed = {iri for iri in described(FOREIGN) if not iri.endswith(("#", "/"))}
    assert listed == TERMS - {node.value for node in SG}


def test_terms_that_people_see_have_labels_in_three_languages() -> None:
    for iri, triples in described(FOREIGN).items():
        wanted = {"en", "fr", "nl"} if iri.startswith(SHOWN) else {"en"}
        assert languages(triples, RDFS.label) == wanted, iri
        assert any(one.predicate == RDFS.isDefinedBy for one in triples), iri
        assert any(one.predicate == RDF.type for one in triples), iri


@pytest.mark.parametrize("path", TURTLE, ids=lambda path: "/".join(path.parts[-3:]))
def test_prefixes_are_those_of_the_vocabulary(path: Path) -> None:
    for prefix, iri in re.findall(r"^@prefix ([^:]*): <([^>]*)>", path.read_text(), re.MULTILINE):
        if prefix in PREFIXES or iri in PREFIXES.values():
            assert PREFIXES.get(prefix) == iri


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_files_use_listed_terms_only(path: Path) -> None:
    """Also the terms inside SPARQL constraints, where no parser of Turtle looks."""
    used = set()
    for triple in ox.parse(path=path):
        for term in (triple.subject, triple.predicate, triple.object):
            if isinstance(term, ox.NamedNode):
                used.add(term.value)
            elif isinstance(term, ox.Literal) and "SELECT" in term.value:
                names = re.findall(r"(?<![\w:])([a-z][a-z0-9-]*):([A-Za-z][\w-]*)", term.value)
                used |= {PREFIXES[prefix] + name for prefix, name in names}
    ours = (vocab.SHAPES.iri, vocab.SHAPES.iri[:-1], SG.iri[:-1], "https://www.apache.org/")
    foreign = {iri for iri in used - TERMS if not iri.startswith(ours) and not iri.endswith(("#", "/"))}
    assert not foreign


@pytest.mark.parametrize(
    ("namespace", "published"),
    [
        (vocab.PROV, rdflib.namespace.PROV),
        (vocab.ODRL, rdflib.namespace.ODRL2),
        (vocab.DCAT, rdflib.namespace.DCAT),
        (DCT, rdflib.namespace.DCTERMS),
        (vocab.SH, rdflib.namespace.SH),
        (SKOS, rdflib.namespace.SKOS),
        (vocab.FOAF, rdflib.namespace.FOAF),
        (vocab.SOSA, rdflib.namespace.SOSA),
        (vocab.OWL, rdflib.namespace.OWL),
        (RDF, rdflib.namespace.RDF),
        (RDFS, rdflib.namespace.RDFS),
        (XSD, rdflib.namespace.XSD),
    ],
    ids=lambda value: value.prefix if isinstance(value, vocab.Namespace) else "rdflib",
)
def test_terms_exist_where_a_library_knows_the_vocabulary(
    namespace: vocab.Namespace, published: type[rdflib.namespace.DefinedNamespace]
) -> None:
    assert namespace.iri == str(published)
    for node in namespace:
        assert node.value.removeprefix(namespace.iri) in published


def test_a_mistyped_term_fails_where_it_is_used() -> None:
    with pytest.raises(AttributeError, match="dpv:ConsentTerminated"):
        _ = vocab.DPV.ConsentTerminated


def test_names_expand_and_shorten() -> None:
    assert vocab.expand("dpv:Purpose") == "https://w3id.org/dpv#Purpose"
    assert vocab.expand("https://example.org/x") == "https://example.org/x"
    assert vocab.expand("unknown:x") == "unknown:x"
    assert vocab.curie("https://w3id.org/dpv/pd#Age") == "pd:Age"
    assert vocab.curie("https://example.org/x") == "https://example.org/x"
    assert len({namespace.iri for namespace in vocab.ALL}) == len(vocab.ALL)
