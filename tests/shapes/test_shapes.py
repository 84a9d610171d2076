"""Every shape against its good and bad examples, in two engines that share no code.

A bad file is named ``NN-what.ttl``: it breaks invariant NN, and that one alone. A failure inside pyshacl
looks like "does not conform", so the kind of its report is checked as well.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
import shacl

HERE = Path(__file__).parent
SHAPES = HERE.parent.parent / "shapes"
NAMES = ("consent-record", "agreement", "algorithm-manifest", "audit-entry", "run")
GOOD = sorted(HERE.glob("*/good/*.ttl"))
BAD = sorted(HERE.glob("*/bad/*.ttl"))
SH = rdflib.SH
REFERENCE_ONLY = {"18"}
"""The fast engine has no arithmetic of dates and durations; code and the reference engine hold it."""


def label(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.stem}"


@cache
def shapes_graph(name: str) -> rdflib.Graph:
    return rdflib.Graph().parse(SHAPES / f"{name}.ttl")


@cache
def fast_shapes(name: str) -> shacl.Shapes:
    return shacl.Shapes.from_turtle((SHAPES / f"{name}.ttl").read_text())


def reference(path: Path) -> set[str]:
    """The numbers of the invariants that pyshacl finds broken."""
    name = path.parent.parent.name
    conforms, report, text = pyshacl.validate(
        rdflib.Graph().parse(path), shacl_graph=shapes_graph(name), advanced=True, inference="none"
    )
    assert isinstance(report, rdflib.Graph), text
    # Only the report's own results: a sh:detail below one has a message of the engine, not of ours.
    results = report.objects(predicate=SH.result)
    found = {str(text).split(":")[0] for one in results for text in report.objects(one, SH.resultMessage)}
    assert conforms == (not found)
    return found


def fast(path: Path) -> set[str]:
    """The numbers of the invariants that the fast engine finds broken."""
    report = fast_shapes(path.parent.parent.name).validate_turtle(path.read_text())
    found = {message.split(":")[0] for result in report.results for message in result.messages}
    assert report.conforms == (not found)
    return found


@pytest.mark.parametrize("path", GOOD, ids=label)
def test_good_example_conforms_in_both_engines(path: Path) -> None:
    assert (reference(path), fast(path)) == (set(), set())


@pytest.mark.parametrize("path", BAD, ids=label)
def test_bad_example_breaks_its_one_invariant_in_both_engines(path: Path) -> None:
    expected = {str(int(path.stem.split("-")[0]))}
    assert (reference(path), fast(path)) == (expected, expected - REFERENCE_ONLY)


@pytest.mark.parametrize("name", NAMES)
def test_shape_is_a_shape(name: str) -> None:
    conforms, report, text = pyshacl.validate(
        rdflib.Graph(), shacl_graph=shapes_graph(name), advanced=True, meta_shacl=True
    )
    assert isinstance(report, rdflib.Graph), text
    assert conforms


@pytest.mark.parametrize("name", NAMES)
def test_shape_has_several_good_and_bad_examples(name: str) -> None:
    assert sum(path.parent.parent.name == name for path in GOOD) >= 2
    assert sum(path.parent.parent.name == name for path in BAD) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_constraints_use_nothing_that_shacl_forbids(name: str) -> None:
    """SHACL section 5.2.1; an engine may refuse quietly, so the text is looked at."""
    select = ox.NamedNode(SH.select)
    for triple in ox.parse(path=SHAPES / f"{name}.ttl"):
        if triple.predicate == select:
            words = str(triple.object).upper().split()
            assert not {"VALUES", "MINUS", "SERVICE"} & set(words)


def test_every_numbered_invariant_of_a_shape_has_a_bad_example() -> None:
    for name in NAMES:
        promised = {
            str(message).split(":")[0] for message in shapes_graph(name).objects(predicate=SH.message)
        }
        shown = {str(int(path.stem.split("-")[0])) for path in BAD if path.parent.parent.name == name}
        assert promised == shown, name
