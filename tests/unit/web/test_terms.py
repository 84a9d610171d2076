"""Names of properties: by the shapes, by the vocabularies, marked where they are in another language."""

from __future__ import annotations

import pytest

from solidgate.algorithm.manifest import Program
from solidgate.assets import asset
from solidgate.sdk.folder import read_algorithm
from solidgate.web.language import LANGUAGES, Language
from solidgate.web.terms import Named, named
from tests.unit.web.test_templates import render

RESULT = "http://www.w3.org/ns/sosa/hasSimpleResult"
OWN = "https://x.example/ns#hasReading"


def test_the_shapes_speak_first_and_the_term_stands_beside() -> None:
    assert named(RESULT, Language("nl"), {RESULT: {"nl": "meting", "en": "reading"}}) == Named(
        "meting", by_program=True
    )
    assert named(RESULT, Language("nl"), {}).text == "heeft als resultaat"


def test_a_name_in_another_language_is_marked_as_such() -> None:
    assert named(OWN, Language("fr"), {OWN: {"nl": "meting", "en": "reading"}}) == Named(
        "reading", "en", by_program=True
    )
    assert named(OWN, Language("fr"), {OWN: {"nl-be": "meting"}}).lang == "nl"
    assert named(OWN, Language("nl"), {OWN: {"nl-be": "meting"}}).lang == ""
    assert named(OWN, Language("fr"), {OWN: {"": "meting"}}).lang == "und"


@pytest.mark.parametrize("iri", [OWN, "urn:x:hasReading", "https://x.example/hasReading/"])
def test_without_a_name_it_is_code_and_no_word(iri: str) -> None:
    for tag in LANGUAGES:
        assert named(iri, Language(tag), {}) == Named("hasReading", code=True)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_pages_mark_a_name_that_is_none_as_not_to_be_translated(tag: str) -> None:
    code = '<code lang="zxx" translate="no">{}</code>'
    assert code.format("yearlyUse") in render("example.html", tag)
    page = render("preview.html", tag)
    assert code.format("long") in page
    assert ">yearly use<" not in page
    assert ('lang="en">a place' in page) is (tag != "en")


@pytest.mark.parametrize("name", ["home-energy/algorithm", "blank-algorithm"])
def test_shipped_shapes_name_everything_in_every_language(name: str) -> None:
    """Each path of the shapes of people's data and results, and each term that is a value of theirs."""
    import rdflib
    from rdflib import RDF, RDFS, SH

    program: Program = read_algorithm(asset("examples", *name.split("/")))
    manifest = program.manifest
    for path in {manifest.output_shapes, *(one for one in manifest.inputs if one in program.files)}:
        graph = rdflib.Graph().parse(data=program.files[path], format="turtle")
        for shape in graph.subjects(SH.path):
            assert {one.language for one in graph.objects(shape, SH.name)} == set(LANGUAGES), path
        values = {term for listed in graph.objects(None, SH["in"]) for term in graph.items(listed)}
        for term in {*values, *graph.objects(None, SH.hasValue)}:
            if term != RDF.nil:
                assert {one.language for one in graph.objects(term, RDFS.label)} == set(LANGUAGES), term
