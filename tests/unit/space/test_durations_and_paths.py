import string

import pytest

from solidgate.space.duration import longest_days
from solidgate.space.paths import expand, path_fault


@pytest.mark.parametrize(
    ("text", "days"), [("P6M", 186), ("P1Y", 366), ("P30D", 30), ("P1Y2M3DT12H", 431.5), ("PT36H", 1.5)]
)
def test_durations_count_their_longest(text: str, days: float) -> None:
    assert longest_days(text) == pytest.approx(days)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1", "1M", "P1M2Y", "P1.5Y", "-P1D", "P1D ", "P٣D", "P1DT", "P1W"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        longest_days(text)


def test_a_range_expands_with_its_width() -> None:
    assert expand("e/{01..12}.ttl", 12)[0] == ("e/01.ttl", "01")
    assert expand("e/{8..11}.ttl", 12)[-1] == ("e/11.ttl", "11")
    assert expand("e/a.ttl", 1) == (("e/a.ttl", ""),)


@pytest.mark.parametrize("pattern", ["{1..9}/{1..9}", "{9..1}.ttl", "{1..999999}.ttl"])
def test_a_range_that_means_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        expand(pattern, 100)


@pytest.mark.parametrize(
    "path",
    [
        "a.ttl",
        "a/b/c.ttl",
        "é.ttl".encode().hex() + ".ttl",
        "a%20b.ttl",
        "a%40b%3Ac.ttl",
        "%C3%A9.ttl",
        "a(b)!'*~.ttl",
    ],
)
def test_ordinary_paths_pass(path: str) -> None:
    assert path_fault(path) == ""


@pytest.mark.parametrize("character", "$&+,;=:@")
def test_a_character_that_servers_spell_in_two_ways_is_written_as_an_escape(character: str) -> None:
    assert "as escapes in capitals" in path_fault(f"a{character}b.ttl")
    assert path_fault(f"a%{ord(character):02X}b.ttl") == ""


@pytest.mark.parametrize("character", string.ascii_letters + string.digits + "-_~!'()*")
def test_a_character_that_needs_no_escape_has_none(character: str) -> None:
    assert "no escape of a letter" in path_fault(f"a%{ord(character):02X}b.ttl")
    assert path_fault(f"a{character}b.ttl") == ""


def test_an_escape_is_in_capitals() -> None:
    assert "in capitals" in path_fault("a%3ab.ttl")
