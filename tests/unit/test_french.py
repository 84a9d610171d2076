"""French as it is set: no line breaks before its double marks, so no ordinary space stands there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from babel.messages.pofile import read_po

from solidgate.assets import asset
from solidgate.consent.words import WORDS
from solidgate.derived.signpost import WORDS as SIGNPOST_WORDS

BREAKS = re.compile(
    r"«(?!\u202f)|(?<!\u202f)»|[ \u00a0](?=[;?!])|[ \u202f]:(?!//)|(?<=[^\W\d_])[;?!](?=\s|$)"
)


def _catalogue() -> Iterator[str]:
    with (resources.files("solidgate.web") / "locale/fr/LC_MESSAGES/solidgate.po").open("rb") as source:
        yield from (str(message.string) for message in read_po(source, locale="fr") if message.id)


def _example() -> Iterator[str]:
    folder = asset("examples", "home-energy")
    yield (folder / "terms" / "fr.md").read_text()
    yield from _french(tomllib.loads((folder / "space.toml").read_text()))
    yield from re.findall(r'"([^"\n]*)"@fr', (folder / "space.ttl").read_text())
    for name in ("shapes/input.ttl", "vocabulary.ttl"):
        yield from re.findall(r'"([^"\n]*)"@fr', (folder / "algorithm" / name).read_text())


def _french(tree: Any) -> Iterator[str]:
    """What stands under ``fr`` anywhere in a file."""
    if isinstance(tree, list):
        for each in tree:
            yield from _french(each)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key == "fr" and isinstance(value, str):
                yield value
            else:
                yield from _french(value)


def _vocabulary() -> Iterator[str]:
    return iter(re.findall(r'"([^"\n]*)"@fr', asset("ontologies", "solidgate.ttl").read_text()))


TEXTS = {
    "catalogue": _catalogue,
    "words": lambda: iter(WORDS["fr"].values()),
    "signpost": lambda: iter(SIGNPOST_WORDS["fr"].values()),
    "example": _example,
    "vocabulary": _vocabulary,
}


@pytest.mark.parametrize("where", TEXTS)
def test_no_line_can_break_before_a_mark(where: str) -> None:
    texts = list(TEXTS[where]())
    assert len(texts) > 4
    assert [text for text in texts if BREAKS.search(text)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "Lui : oui",
        "Lui\u202f: oui",
        "Oui ?",
        "Oui\u00a0!",
        "Non ; oui",
        "« oui\u202f»",
        "«\u202foui »",
        "Oui? Non",
    ],
)
def test_what_would_break_is_found(wrong: str) -> None:
    assert BREAKS.search(wrong)
    assert not BREAKS.search("Lui\u00a0: «\u202foui\u202f»\u202f; non\u202f? https://pod.example/?a=b")
