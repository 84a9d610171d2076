"""The package as a list of parsed modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One file of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The first name below ``solidgate``, such as ``consent``; ``solidgate`` for the package itself."""
        return self.name.split(".")[1] if "." in self.name else self.name

    def imports(self, *, for_types: bool = True) -> Iterator[str]:
        """Every module that this one imports, anywhere; ``for_types`` includes ``TYPE_CHECKING``."""
        unseen = set() if for_types else set(self._for_types())
        for node in ast.walk(self.tree):
            if node in unseen:
                continue
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno} imports relatively"
                if node.module == "solidgate":
                    names = (alias.name for alias in node.names)
                    yield from (
                        "solidgate" if name.startswith("__") else f"solidgate.{name}" for name in names
                    )
                else:
                    yield str(node.module)

    def _for_types(self) -> Iterator[ast.AST]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                for statement in node.body:
                    yield from ast.walk(statement)


def parse(path: Path) -> Module:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)))


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    found = [parse(path) for path in sorted((CHECKOUT / "solidgate").rglob("*.py"))]
    assert len(found) > 30, "the package was not found"
    return found
