"""The shipped example does what it promises, and its shapes let nothing else out."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pyoxigraph as ox
import pytest

from solidgate.algorithm.bind import bind
from solidgate.algorithm.check import check
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.sample import samples_of
from solidgate.assets import asset
from solidgate.derived import shape_lint
from solidgate.derived.conform import RawOutput, Verdict, conform
from solidgate.derived.disclosure import suppress_small_cells
from solidgate.errors import SandboxFailed, SpaceInvalid
from solidgate.pod.resource import Document
from solidgate.sandbox.validation import judge
from solidgate.sdk.folder import load_space
from solidgate.space import lint
from solidgate.space.file import read_space
from solidgate.space.policy import SpacePolicy
from solidgate.testing.algorithms import UnsafeInProcessRunner
from solidgate.testing.energy import energy_documents

RUNNER = UnsafeInProcessRunner()
HOME = "https://w3id.org/solidgate/examples/home-energy#"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SUBJECT = "urn:solidgate:sample:one"
POLICY = SpacePolicy(purposes=frozenset({"https://w3id.org/dpv#ServicePersonalisation"}))
VALUES = {
    "owner": "https://city.example/#it",
    "code_provider": "https://code.example/#it",
    "consumer": "https://advice.example/#it",
}


def _documents(seed: int, months: int = 12) -> list[Document]:
    made = list(energy_documents(seed).items())[:months]
    return [Document(f"https://one.example/{path}", "text/turtle", content) for path, content in made]


def test_the_whole_folder_has_no_finding(home_energy: Program) -> None:
    found = check(home_energy, RUNNER, shape_lint=shape_lint.lint, provided={}, python=(3, 11))
    assert found == ()


def test_the_space_binds_to_its_program(home_energy: Program) -> None:
    folder = load_space(asset("examples", "home-energy", "space.toml"), POLICY, VALUES)
    assert folder.agreement.algorithm == home_energy.digest
    assert folder.agreement.parameters == {"year": 2025, "fewest_days": 300}
    assert lint.lint(folder.agreement, POLICY) == ()
    assert load_space(asset("examples", "home-energy", "space.ttl"), POLICY, VALUES) == folder


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("year = 2025", "month = 1", "parameters.month"),
        ("year = 2025", 'year = "2025"', "parameters.year"),
        ('validity = "P6M"', 'validity = "P6M"\nmin_group_size = 1', "min_group_size"),
    ],
)
def test_a_space_cannot_bend_its_program(home_energy: Program, good: str, bad: str, words: str) -> None:
    text = asset("examples", "home-energy", "space.toml").read_text().replace(good, bad)
    loose = SpacePolicy(purposes=POLICY.purposes, smallest_group=1)
    space = read_space(text.encode(), ".toml", loose, VALUES)
    with pytest.raises(SpaceInvalid, match=words):
        bind(space, {"en": "a", "fr": "b", "nl": "c"}, home_energy)


@pytest.mark.parametrize("seed", range(8))
def test_any_home_gets_a_result_that_may_leave(home_energy: Program, seed: int) -> None:
    content = RUNNER.derive(home_energy, _documents(seed), SUBJECT)
    shapes = home_energy.files["shapes/output.ttl"]
    assert RUNNER.validate(shapes, content) == ()
    graph = conform(
        RawOutput(content, SUBJECT),
        Verdict(True, "test"),
        shapes_digest="",
        vocabulary=home_energy.manifest.output_vocabulary,
        max_bytes=10_000,
        max_triples=10,
    )
    assert graph.content.count(b"\n") == 6


def test_too_few_days_are_no_year(home_energy: Program) -> None:
    with pytest.raises(SandboxFailed, match="ValueError"):
        RUNNER.derive(home_energy, _documents(1, months=6), SUBJECT)


def test_a_smaller_unit_gives_the_same(home_energy: Program) -> None:
    whole = _documents(3)
    watt_hours = [
        (one, re.sub(rb"hasSimpleResult (\d+)\.(\d{3}) ", rb"hasSimpleResult \1\2 ", one.content))
        for one in whole
    ]
    finer = [replace(one, content=text.replace(b"KiloW-HR", b"W-HR")) for one, text in watt_hours]
    assert b"KiloW-HR" not in finer[0].content
    assert RUNNER.derive(home_energy, whole, SUBJECT) == RUNNER.derive(home_energy, finer, SUBJECT)


def _good(home_energy: Program) -> list[ox.Triple]:
    sample = samples_of(home_energy)[0]
    return [quad.triple for quad in ox.parse(sample.expected, ox.RdfFormat.N_TRIPLES)]


def _literal(text: str, kind: str = "integer") -> ox.Literal:
    return ox.Literal(text, datatype=ox.NamedNode(XSD + kind))


def _leak(triples: Sequence[ox.Triple], name: str, value: ox.Literal | ox.NamedNode) -> list[ox.Triple]:
    """The result with one value replaced or, for a new property, added."""
    kept = [one for one in triples if one.predicate.value != name]
    return [*kept, ox.Triple(triples[0].subject, ox.NamedNode(name), value)]


MUTATIONS = [
    (HOME + "yearlyUse", _literal("-1")),
    (HOME + "yearlyUse", _literal("100001")),
    (HOME + "yearlyUse", _literal("2604.5", "decimal")),
    (HOME + "yearlyUse", ox.Literal("2604, and I live in Rivertown")),
    (HOME + "baseLoad", _literal("20001")),
    (HOME + "year", _literal("1999")),
    (HOME + "band", ox.NamedNode(HOME + "BandF")),
    (HOME + "band", ox.Literal("A")),
    (HOME + "advice", ox.NamedNode("https://evil.example/?reading=12.3")),
    (HOME + "reading", _literal("1")),
    (HOME + "comment", ox.Literal("raw data")),
    ("http://www.w3.org/2002/07/owl#sameAs", ox.NamedNode("https://me.example/#it")),
    (TYPE, ox.NamedNode(HOME + "Other")),
]


def _conforms(shapes: bytes, triples: Sequence[ox.Triple]) -> tuple[bool, bool]:
    """What the fast engine and the reference say."""
    content = ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES)
    assert content is not None
    fast = judge(shapes, content, recheck=False, fast=True)
    reference = judge(shapes, content, recheck=False, fast=False)
    # The fast engine alone can say yes; its no is always repeated with the reference.
    assert not fast.conforms or fast.engine != reference.engine
    return fast.conforms, reference.conforms


def test_the_expected_results_conform_in_both_engines(home_energy: Program) -> None:
    assert _conforms(home_energy.files["shapes/output.ttl"], _good(home_energy)) == (True, True)


@pytest.mark.parametrize(("name", "value"), MUTATIONS)
def test_a_changed_result_conforms_in_neither(
    home_energy: Program, name: str, value: ox.Literal | ox.NamedNode
) -> None:
    changed = _leak(_good(home_energy), name, value)
    assert _conforms(home_energy.files["shapes/output.ttl"], changed) == (False, False)


@pytest.mark.parametrize(
    "name", [TYPE, *(HOME + word for word in ("year", "yearlyUse", "baseLoad", "band", "advice"))]
)
def test_a_result_with_a_part_missing_or_doubled_conforms_in_neither(home_energy: Program, name: str) -> None:
    good, shapes = _good(home_energy), home_energy.files["shapes/output.ttl"]
    assert _conforms(shapes, [one for one in good if one.predicate.value != name]) == (False, False)
    twice = ox.Triple(good[0].subject, ox.NamedNode(name), ox.NamedNode(HOME + "BandA"))
    assert _conforms(shapes, [*good, twice]) == (False, False)


def _group(home_energy: Program, people: int) -> bytes:
    graphs = [RUNNER.derive(home_energy, _documents(seed), f"urn:one:{seed}") for seed in range(people)]
    return RUNNER.aggregate(home_energy, graphs * 4, "urn:run:1")


def test_the_aggregate_conforms_before_and_after_small_cells_are_left_out(home_energy: Program) -> None:
    content = _group(home_energy, 6)
    shapes = home_energy.files["shapes/aggregate.ttl"]
    assert RUNNER.validate(shapes, content) == ()
    released = suppress_small_cells(content, 10, 24)
    assert RUNNER.validate(shapes, released) == ()
    counts = [
        int(quad.object.value)
        for quad in ox.parse(released, ox.RdfFormat.N_TRIPLES)
        if quad.predicate.value.endswith("#contributors")
    ]
    assert all(count == 0 or count >= 10 for count in counts)
    assert released != content
