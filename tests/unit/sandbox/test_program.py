"""A program's modules from memory: compiled now or before, they are the same."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator

import pytest

from solidgate.sandbox.program import ProgramImporter, compiled, entry_point

FILES = {
    "odd_program/__init__.py": b"from odd_program.other import NAME\n",
    "odd_program/other.py": b"NAME = __name__\n\ndef fails():\n    raise ValueError('x')\n",
    "odd_program/broken.py": b"def (:\n",
    "odd_program/deep.py": b"x = " + b"(" * 5000 + b")" * 5000,
    "odd_program/zero.py": b"x = 1\0",
    "odd_program/latin.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
    "odd_program/bad.py": b"x = '\xe9'\n",
    "odd_program/table.txt": b"not a module",
}


@pytest.fixture(autouse=True)
def unloaded() -> Iterator[None]:
    yield
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, ProgramImporter)]
    for name in [one for one in sys.modules if one.partition(".")[0] == "odd_program"]:
        del sys.modules[name]


@pytest.mark.parametrize("before", [True, False])
def test_modules_are_the_same_and_name_their_source(before: bool) -> None:
    fails = entry_point(FILES, "odd_program.other:fails", compiled(FILES) if before else b"")
    assert sys.modules["odd_program"].NAME == "odd_program.other"
    with pytest.raises(ValueError, match="x") as told:
        fails()
    assert traceback.extract_tb(told.tb)[-1][:2] == ("odd_program/other.py", 4)
    import odd_program.latin  # type: ignore[import-not-found]

    assert odd_program.latin.x == "\xe9"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("module", ["broken", "deep", "zero", "bad"])
def test_a_module_that_cannot_be_compiled_is_a_fault_of_whoever_imports_it(module: str, before: bool) -> None:
    modules = compiled(FILES) if before else b""
    with pytest.raises((SyntaxError, ValueError, MemoryError)):
        entry_point(FILES, f"odd_program.{module}:x", modules)
    assert callable(entry_point(FILES, "odd_program.other:fails", modules))


def test_what_was_compiled_is_what_is_imported() -> None:
    """Else the test above would pass with nothing compiled at all."""
    other = {"odd_program/__init__.py": b"def f():\n    return 2\n"}
    modules = compiled({"odd_program/__init__.py": b"def f():\n    return 1\n"})
    assert entry_point(other, "odd_program:f", modules)() == 1
