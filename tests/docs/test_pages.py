"""Links lead somewhere, code blocks are what they say they are, and every page is in the menu."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pyoxigraph
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(CHECKOUT / "docs").rglob("*.md"), *CHECKOUT.glob("*.md")])
NAMES = [str(page.relative_to(CHECKOUT)) for page in PAGES]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")


def turtle(text: str) -> None:
    assert list(pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.TURTLE, base_iri="https://example.org/"))


READERS = {
    "json": json.loads,
    "python": ast.parse,
    "sparql": lambda text: pyoxigraph.Store().query(text),
    "toml": tomllib.loads,
    "turtle": turtle,
    "yaml": yaml.safe_load,
}
AS_THEY_ARE = {"text", "http", "console", "mermaid"}
BLOCKS = [
    pytest.param(kind, text, id=f"{name}-{number}")
    for page, name in zip(PAGES, NAMES, strict=True)
    for number, (kind, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")), 1)
    if kind not in AS_THEY_ARE
]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_files(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize(("kind", "text"), BLOCKS)
def test_code_blocks_are_what_they_say(kind: str, text: str) -> None:
    READERS[kind](text)


def test_every_page_is_in_the_menu() -> None:
    menu = json.dumps(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    inside = [page.relative_to(CHECKOUT / "docs") for page in PAGES if CHECKOUT / "docs" in page.parents]
    assert not [str(page) for page in inside if page.parts[0] != "decisions" and f'"{page}"' not in menu]


def test_every_decision_is_in_the_list() -> None:
    listed = (CHECKOUT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    written = [path.name for path in (CHECKOUT / "docs" / "decisions").glob("[0-9]*.md")]
    assert len(written) > 3
    assert not [name for name in written if f"({name})" not in listed]


def test_no_page_sends_a_reader_to_another_host_for_fonts_or_scripts() -> None:
    site = yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert site["theme"]["font"] is False
    assert not [name for name in site.get("extra_javascript", []) + site.get("extra_css", []) if "//" in name]
