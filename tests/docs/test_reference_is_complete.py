"""Every setting, command, route, error code and term has a heading that a reader can find."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from solidgate.assets import asset
from solidgate.cli.main import COMMANDS
from solidgate.errors import every_error
from solidgate.settings import keys
from solidgate.web.routes import ROUTES

PAGES = (
    "decisions/index.md",
    "reference/cli.md",
    "reference/errors.md",
    "reference/routes.md",
    "reference/settings.md",
    "reference/vocabulary.md",
)


def headings(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    return {
        re.sub(r"\s+\{ #.*\}$", "", line.lstrip("#").strip())
        for line in text.splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says_now(name: str, reference: ModuleType, checkout: Path) -> None:
    written = (checkout / "docs" / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], "stale: run make docs and commit the page"


def test_every_error_has_a_heading_and_words(checkout: Path) -> None:
    assert set(every_error()) <= headings(checkout / "docs/reference/errors.md")
    wordless = [code for code, error in every_error().items() if not (error.sentence and error.remedy)]
    assert not wordless


def test_every_setting_has_a_heading_and_a_description(checkout: Path) -> None:
    assert {key for key, _, _ in keys()} <= headings(checkout / "docs/reference/settings.md")
    assert not [key for key, _, description in keys() if description in ("", "None")]


def test_every_command_has_a_heading_and_a_help_text(checkout: Path) -> None:
    shown = [command for command in COMMANDS if not command.hidden]
    assert {f"solidgate {command.name}" for command in shown} <= headings(checkout / "docs/reference/cli.md")
    assert not [command.name for command in shown if not command.summary]


def test_every_route_has_a_heading_and_a_summary(reference: ModuleType, checkout: Path) -> None:
    addresses = {f"{route.method} {reference.readable(route.path)}" for route in ROUTES}
    assert addresses <= headings(checkout / "docs/reference/routes.md")
    assert not [address for address in addresses if ":" in address or "\\" in address]
    assert not [route.name for route in ROUTES if not route.summary]


def test_every_term_of_the_ontology_has_a_heading_and_a_meaning(
    reference: ModuleType, checkout: Path
) -> None:
    found = headings(checkout / "docs/reference/vocabulary.md")
    ontology = reference.Graph().parse(asset("ontologies", "solidgate.ttl"), format="turtle")
    terms = reference.own_terms(ontology)
    assert terms
    assert {reference.local_name(term) for term in terms} <= found
    assert "None" not in (checkout / "docs/reference/vocabulary.md").read_text(encoding="utf-8")
