"""The table of invariants names checks, shapes, examples and tests that are really there, for each number."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "reference" / "invariants.md"
ROW = re.compile(
    r"^\| (\d+) \| `([\w.]+):(\w+)` \| `([\w-]+\.ttl)` \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE
)
ROWS = ROW.findall(TABLE.read_text())


def test_every_invariant_has_a_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 32))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_what_is_there(row: tuple[str, ...]) -> None:
    number, module, name, shape, example, test = row
    assert callable(getattr(importlib.import_module(f"solidgate.{module}"), name))
    assert f'"{number}: ' in (ROOT / "shapes" / shape).read_text()
    assert (ROOT / "tests" / example).is_file()
    assert Path(example).name.startswith(f"{int(number):02}-")
    file, _, function = test.partition("::")
    assert f"def {function or 'test_'}" in (ROOT / "tests" / file).read_text()
