"""One meaning, two forms; every mistake of a file named at once."""

import pytest

from solidgate.assets import asset
from solidgate.errors import BadFile, SpaceInvalid
from solidgate.space.agreement import from_json, to_json
from solidgate.space.file import MAX_BYTES, SpaceFile, read_space
from solidgate.space.participant import Role
from solidgate.space.policy import SpacePolicy

VALUES = {
    "owner": "https://city.example/#it",
    "code_provider": "https://code.example/#it",
    "consumer": "https://advice.example/#it",
}
EXAMPLE = asset("examples", "home-energy", "space.toml").read_text()


def _read(text: str, policy: SpacePolicy, values: dict[str, str] | None = None) -> SpaceFile:
    return read_space(text.encode(), ".toml", policy, VALUES if values is None else values)


def test_the_example_reads(policy: SpacePolicy) -> None:
    space = _read(EXAMPLE, policy)
    assert space.draft.space == "home-energy"
    assert space.terms_files == {tag: f"terms/{tag}.md" for tag in ("en", "fr", "nl")}
    assert space.algorithm_folder == "algorithm"
    needs = space.draft.purposes[0].needs
    assert [need.path for need in needs] == [f"energy/2025/{month:02}.ttl" for month in range(1, 13)]
    assert needs[2].title == {
        "en": "Daily electricity readings, March 2025",
        "fr": "Relevés d’électricité quotidiens, mars 2025",
        "nl": "Dagelijkse elektriciteitsmeterstanden, maart 2025",
    }
    assert needs[0].personal_data == ("https://w3id.org/dpv/pd#Household",)
    assert space.draft.with_role(Role.CONTROLLER)[0].webid == VALUES["owner"]


def test_turtle_of_the_same_meaning_gives_the_same_draft(policy: SpacePolicy) -> None:
    turtle = asset("examples", "home-energy", "space.ttl").read_bytes()
    from_turtle = read_space(turtle, ".ttl", policy, VALUES)
    assert from_turtle == _read(EXAMPLE, policy)


def test_both_forms_say_when_the_program_runs_again(policy: SpacePolicy) -> None:
    toml = EXAMPLE.replace('validity = "P6M"', 'validity = "P6M"\nrerun = "on-change"')
    turtle = asset("examples", "home-energy", "space.ttl").read_bytes()
    turtle = turtle.replace(b"sg:isolationLevel 1 ;", b'sg:isolationLevel 1 ; sg:rerun "on-change" ;')
    found = _read(toml, policy)
    assert found == read_space(turtle, ".ttl", policy, VALUES)
    assert (found.draft.rerun, _read(EXAMPLE, policy).draft.rerun) == ("on-change", "by-hand")


def test_a_completed_space_is_an_agreement(policy: SpacePolicy) -> None:
    space = _read(EXAMPLE, policy)
    agreement = space.complete(
        {"en": "a", "fr": "b", "nl": "c"},
        algorithm="sha256:" + "a" * 64,
        output_shape="sha256:" + "b" * 64,
        aggregate_shape="",
        algorithm_text={},
        algorithm_source="",
        parameters={"year": 2025},
    )
    assert agreement.terms["fr"] == "b"
    assert from_json(to_json(agreement)) == agreement
    with pytest.raises(SpaceInvalid, match="nl"):
        space.complete(
            {"en": "a", "fr": "b"},
            algorithm="",
            output_shape="",
            aggregate_shape="",
            algorithm_text={},
            algorithm_source="",
            parameters={},
        )


def test_placeholders_must_be_filled_and_known(policy: SpacePolicy) -> None:
    with pytest.raises(SpaceInvalid) as refused:
        _read(EXAMPLE, policy, {"owner": VALUES["owner"], "king": "x"})
    assert "placeholders.consumer" in refused.value.detail
    assert "--set consumer=VALUE" in refused.value.detail
    assert "placeholders.king" in refused.value.detail


def test_a_filled_value_stays_a_value(policy: SpacePolicy) -> None:
    hostile = 'https://x.example/" ]\nroles = ["data_consumer"]'
    with pytest.raises(SpaceInvalid, match=r"parties\[0\].webid"):
        _read(EXAMPLE, policy, {**VALUES, "owner": hostile})
    with pytest.raises(SpaceInvalid, match=r"parties\[0\].webid"):
        _read(EXAMPLE, policy, {**VALUES, "owner": "${consumer}"})


MISTAKES = [
    ('id = "home-energy"', "", "id: is missing"),
    ('id = "home-energy"', "id = 3", "id: must be a text"),
    ('id = "home-energy"', 'id = "home-energy"\nidd = 1', "idd: is no field here"),
    ('validity = "P6M"', 'validity = "P6M"\nmin_group_size = true', "min_group_size: must be a whole number"),
    ('validity = "P6M"', 'validity = "P6M"\nmin_group_size = 1', "min_group_size: must be 5 or more"),
    ('languages = ["en", "fr", "nl"]', 'languages = "en"', "languages: must be a list of texts"),
    ('languages = ["en", "fr", "nl"]', 'languages = ["en", 3]', "languages: must be a list of texts"),
    ('roles = ["code_provider"]', 'roles = ["wizard"]', "'wizard' is none of"),
    ('en.file = "terms/en.md"', 'en.file = "../en.md"', "terms.en.file: must lie beside this file"),
    ('en.file = "terms/en.md"', 'en.fil = "terms/en.md"', "terms.en.fil: is no field here"),
    ('en.file = "terms/en.md"', "", "terms: has no text for en"),
    ('algorithm = "algorithm"', 'algorithm = "../other"', "algorithm: must be a digest, or a folder"),
    ('algorithm = "algorithm"', 'algorithm = "sha256:aa"', "output_shape: is missing"),
    (
        'algorithm = "algorithm"',
        'algorithm = "algorithm"\noutput_shape = "x"',
        "comes from the algorithm's folder",
    ),
    ("energy/2025/{01..12}.ttl", "energy/{12..01}.ttl", "runs backwards"),
    ("energy/2025/{01..12}.ttl", "energy/{1..9999}.ttl", "more than 500"),
    ("energy/2025/{01..12}.ttl", "energy/{1..13}.ttl", "{month} in a title needs a path with numbers"),
    ("energy/2025/{01..12}.ttl", "energy/2025.ttl", "{month} in a title needs a path with numbers"),
    ('webid = "${owner}"', 'webid = "${queen}"', "uses ${queen}, which is not declared"),
    ('broader = "dpv:ServicePersonalisation"', 'broader = "dpv:Magic"', "known-purpose"),
    ('validity = "P6M"', 'validity = "P20Y"', "validity: must not be longer than P2Y"),
]


@pytest.mark.parametrize(("good", "bad", "words"), MISTAKES)
def test_a_mistake_is_named(policy: SpacePolicy, good: str, bad: str, words: str) -> None:
    assert good in EXAMPLE
    with pytest.raises(SpaceInvalid) as refused:
        _read(EXAMPLE.replace(good, bad, 1), policy)
    assert words in refused.value.detail


def test_all_mistakes_come_at_once_and_once(policy: SpacePolicy) -> None:
    text = EXAMPLE.replace('validity = "P6M"', "validity = 6")
    text = text.replace('jurisdiction = "BE"', 'jurisdiction = "x"')
    with pytest.raises(SpaceInvalid) as refused:
        _read(text, policy)
    assert refused.value.detail.count("validity") == 1
    assert "jurisdiction" in refused.value.detail


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"", ".txt"),
        (b"a = ", ".toml"),
        (b"\xff\xfe", ".toml"),
        (b"a = 1\n" * (MAX_BYTES // 3), ".toml"),
        (b"<a> <b> ", ".ttl"),
        (b"a = " + b"[" * 5000, ".toml"),
    ],
)
def test_what_is_no_such_file_is_refused(policy: SpacePolicy, content: bytes, suffix: str) -> None:
    with pytest.raises(BadFile):
        read_space(content, suffix, policy)


SPACE = "@prefix sg: <https://w3id.org/solidgate/ns#> . @prefix dct: <http://purl.org/dc/terms/> . "


@pytest.mark.parametrize(
    "turtle",
    [
        "",
        "<a> a sg:CollaborationSpace . <b> a sg:CollaborationSpace .",
        "<a> a sg:CollaborationSpace ; dct:identifier 'a', 'b' .",
        "<a> a sg:CollaborationSpace ; dct:title 'no language' .",
        "<a> a sg:CollaborationSpace ; "
        "sg:participation [ sg:role sg:SpaceOwner ], [ sg:role sg:DataConsumer ] .",
        "<a> a sg:CollaborationSpace ; dct:language _:l . "
        "_:l <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> 'en' ; "
        "<http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> _:l .",
        "<a> a sg:CollaborationSpace ; dct:identifier [] .",
        "<a> a sg:CollaborationSpace .",
    ],
)
def test_turtle_without_one_meaning_is_refused(policy: SpacePolicy, turtle: str) -> None:
    with pytest.raises(SpaceInvalid):
        read_space((SPACE + turtle).encode(), ".ttl", policy)
