"""No refusal is only written down: each error of the tree is met somewhere in the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from solidgate.errors import SolidgateError, every_error

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def text() -> str:
    files = (file for file in TESTS.rglob("*.py") if file.name != Path(__file__).name)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize(("code", "kind"), every_error().items())
def test_a_code_is_met(code: str, kind: type[SolidgateError], text: str) -> None:
    assert re.search(rf"\b({kind.__name__}|{re.escape(code)})\b", text)
