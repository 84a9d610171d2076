"""No circular import: each module can be the first of the package that a fresh interpreter imports."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Module

# Each module begins where nothing of ours stands but what it imports itself, which was tried before it in
# the same way. As nothing imports in a circle, that is how it would begin as the first of them all: what
# others would have brought along is not there, neither by its name nor as a part of its package.
ALONE = """
import contextlib, importlib, json, sys, traceback
foreign, ours = json.load(sys.stdin)
for name in foreign:
    with contextlib.suppress(ImportError):  # some are named for their types only
        importlib.import_module(name)

def standing():
    return {name for name in sys.modules if name.split(".")[0] == "solidgate"}

def leave_only(names):
    for name in standing():
        package, _, part = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(part, None)
    for name in standing():
        del sys.modules[name]
    for name in names:
        package, _, part = name.rpartition(".")
        sys.modules[name] = tried[name]
        if package:
            setattr(tried[package], part, tried[name])

tried, failed = {}, {}
assert not standing()
for together, needs in ours:
    if failed.keys() & set(needs):
        continue
    for name in together:
        leave_only(needs)
        try:
            tried[name] = importlib.import_module(name)
            if unseen := standing() - {*together, *needs}:
                failed[name] = f"imports {sorted(unseen)}, and no import statement says so"
        except BaseException:
            failed[name] = traceback.format_exc()[-4000:]
    if len(together) > 1 and not failed:
        leave_only(needs)
        tried.update({name: importlib.import_module(name) for name in together})
print(json.dumps([len(tried), failed]))
"""

# Run by Alembic inside a migration, not imported.
NOT_IMPORTED = "solidgate.adapters.sql.migrations."


def test_each_module_imports_alone(modules: list[Module]) -> None:
    ours = {
        module.name: module
        for module in modules
        if not module.name.startswith(NOT_IMPORTED) and not module.name.endswith("__main__")
    }
    foreign = sorted({name for module in modules for name in module.imports()})
    own = {"solidgate", *sys.stdlib_module_names}
    loaded = [name for name in foreign if name.split(".")[0] not in own]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE],
        input=json.dumps([loaded, in_order(ours)]),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    tried, failed = json.loads(run.stdout)
    assert not failed, "\n".join(f"{name}: {fault}" for name, fault in failed.items())
    assert tried == len(ours)


def in_order(ours: dict[str, Module]) -> list[tuple[list[str], list[str]]]:
    """Modules with all that they need, after what they need; most alone. Raises ``CycleError``.

    A package that offers its parts under its own name is imported with any of them: these are together.
    """
    needed = {name: needed_by(module, set(ours)) for name, module in ours.items()}
    offering = {name for name in ours if any(one.startswith(f"{name}.") for one in needed[name])}
    unit = {name: next(iter(offering & {name, *around(name)}), name) for name in ours}
    members, graph = defaultdict(list), defaultdict(set)
    for name, one in unit.items():
        members[one].append(name)
        graph[one] |= {unit[other] for other in needed[name]} - {one}
    whole: dict[str, list[str]] = {}
    for one in TopologicalSorter(graph).static_order():
        below = set().union(*({*whole[other], *members[other]} for other in graph[one]))
        whole[one] = [name for other in whole for name in members[other] if name in below]
    return [(members[one], needs) for one, needs in whole.items()]


def needed_by(module: Module, ours: set[str]) -> set[str]:
    """What of ours is imported by importing it: what it names outside functions, and the packages around."""
    named = {name for name in imported_at_once(module.tree) if name in ours}
    return (named.union(*map(around, {module.name, *named})) & ours) - {module.name}


def around(name: str) -> set[str]:
    """The packages that a module lies in."""
    return {name[:at] for at in range(len(name)) if name[at] == "."}


def imported_at_once(node: ast.AST) -> Iterator[str]:
    """Every name that an import outside functions and type checking may mean, of modules and of others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from imported_at_once(ast.Module(child.orelse, []))
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported_at_once(child)
