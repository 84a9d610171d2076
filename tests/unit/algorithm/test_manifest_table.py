"""Each rule of algorithm.toml and requirements.lock, and the words that name the break."""

import pytest

from solidgate.algorithm.card import card
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.pack import program_of
from solidgate.algorithm.requirements import Requirement, parse_requirements
from solidgate.errors import AlgorithmInvalid

BROKEN = [
    ('name = "small"', "", "name: is missing"),
    ('name = "small"', 'name = "Small One"', "name: must be 1 to 63"),
    ('version = "1.0.0"', 'version = "1"', "version: must be written as"),
    ('version = "1.0.0"', "version = 1.0", "version: must be a text"),
    ('"small:derive"', '"small.derive"', "entry_point: must be written as package.module:function"),
    ('"small:derive"', '"smal:derive"', "entry_point: names a module that is not in the folder"),
    ('python = "3.11"', 'python = "2.7"', "python: must be the oldest Python"),
    ('egress = "none"', 'egress = "https://x.example"', 'egress: must be "none"'),
    ('egress = "none"', "", "egress: is missing"),
    ('licence = "Apache-2.0"', 'licence = "Apache-2.0"\ncolour = 1', "colour: is no field here"),
    ('["http://www.w3.org/ns/sosa/Observation"]', "[]", "inputs: must name at least one"),
    ('["http://www.w3.org/ns/sosa/Observation"]', '["input.ttl"]', "inputs[0]: must be a shapes file"),
    ('"shapes/output.ttl"', '"shapes/other.ttl"', "outputs.shapes: must be a .ttl file"),
    ('"shapes/output.ttl"', '"small/__init__.py"', "outputs.shapes: must be a .ttl file"),
    ("[outputs]", 'aggregate = "small:derive"\n[outputs]', "description: must have the same languages"),
    (
        '[title]\nen = "Small"\n[description]\nen',
        '[title]\nEN = "Small"\n[description]\nEN',
        "title.EN: is not a language tag",
    ),
    (
        'egress = "none"',
        'egress = "none"\naggregate = "small:sum"',
        "outputs.aggregate_shapes: goes together",
    ),
    (
        '["https://example.org/small#"]',
        '["small:"]',
        "outputs.vocabulary: must be full IRIs",
    ),
    ('["https://example.org/small#"]', "[]", "outputs.vocabulary: must name at least one"),
    ("year = 2025", "year = 2025-01-01", "parameters.year: must be a text, a number"),
    ("year = 2025", "year = [[1]]", "parameters.year: must be a text, a number"),
    ("year = 2025", "year = nan", "parameters.year: must be a text, a number"),
    ("year = 2025", "year = inf", "parameters"),
    ("year = 2025", "year = 99999999999999999999", "parameters"),
    ("year = 2025", "[gate]\nmin_group_size = 0", "gate.min_group_size: must be 1 or more"),
    ("year = 2025", "[gate]\nnoise = 0", "gate.noise: is no field here"),
    ('en = "Small"', 'fr = "Petit"', "description: must have the same languages"),
    ('en = "Small"', 'en = " "', "title.en: must not be empty"),
    ("[title]", "[[title]]", "title: must be a table"),
    ("[title]", "[title", "this is not TOML"),
]


@pytest.mark.parametrize(("good", "bad", "words"), BROKEN)
def test_a_broken_manifest_is_named(files: dict[str, bytes], good: str, bad: str, words: str) -> None:
    text = files["algorithm.toml"].decode()
    assert good in text
    with pytest.raises(AlgorithmInvalid) as refused:
        program_of({**files, "algorithm.toml": text.replace(good, bad, 1).encode()})
    assert words in refused.value.detail


def test_all_findings_come_at_once(files: dict[str, bytes]) -> None:
    text = files["algorithm.toml"].replace(b"1.0.0", b"x").replace(b"3.11", b"x").replace(b'"none"', b'"x"')
    with pytest.raises(AlgorithmInvalid) as refused:
        program_of({**files, "algorithm.toml": text})
    assert all(
        f"algorithm.toml: {field}: " in refused.value.detail for field in ("version", "python", "egress")
    )


HASH = "--hash=sha256:" + "a" * 64


def test_a_lock_is_read_sorted_and_normal() -> None:
    text = f"# libraries\nZope.Interface==1.0 {HASH}\nattrs==2.0 \\\n  {HASH} \\\n"
    text += f"  --hash=sha256:{'b' * 64}  # two\n"
    assert parse_requirements(text.encode()) == (
        Requirement("attrs", "2.0", ("a" * 64, "b" * 64)),
        Requirement("zope-interface", "1.0", ("a" * 64,)),
    )


@pytest.mark.parametrize(
    "line",
    [
        "attrs",
        "attrs==1.0",
        f"attrs>=1.0 {HASH}",
        f"attrs==1.* {HASH}",
        "attrs==1.0 --hash=md5:" + "a" * 32,
        f"attrs==1.0 {HASH} --hash=sha1:" + "a" * 40,
        f"attrs @ https://x.example/a.whl {HASH}",
        f"-r other.txt\nattrs==1.0 {HASH}",
        "--index-url https://x.example",
        f"attrs==1.0 {HASH}\nAttrs==1.1 {HASH}",
        f"attrs==1.0; python_version>'3' {HASH}",
        "attrs==1.0 \\",
        "\xff",
    ],
)
def test_anything_but_an_exact_pin_is_refused(line: str) -> None:
    with pytest.raises(AlgorithmInvalid, match=r"requirements\.lock"):
        parse_requirements(line.encode("latin-1"))


def test_a_card_tells_people_what_a_program_is(home_energy: Program) -> None:
    told = dict(card(home_energy, "nl"))
    assert told["title"] == "Energiecheck voor thuis 1.0.0"
    assert told["network"] == "none"
    assert told["digest"] == home_energy.digest
    assert "year = 2025" in told["settings"]
    assert dict(card(home_energy, "de"))["title"] == "Home energy check 1.0.0"
