"""The words that the code uses are the glossary's, and nothing is called a helper."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import solidgate

PACKAGE = Path(solidgate.__file__).parent
EMPTY_WORDS = {"manager", "helper", "helpers", "utils", "util", "misc", "common_utils"}


def test_no_file_or_class_has_an_empty_name() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names |= {word.lower() for word in re.findall(r"[A-Z][a-z]+", node.name)}
    assert not names & EMPTY_WORDS


def test_the_tickets_and_rooms_are_in_the_glossary() -> None:
    glossary = (PACKAGE.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [
        "ActiveConsent",
        "RawOutput",
        "ConformantGraph",
        "epoch",
        "door",
        "space",
        "algorithm",
        "notice",
        "receipt",
    ]
    assert not [word for word in words if word not in glossary]
