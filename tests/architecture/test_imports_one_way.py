"""errors, vocab <- rooms <- ports <- flow <- web, cli, worker; and adapters import ports and rooms."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Module

FOUNDATION = {"solidgate", "errors", "vocab"}
ROOMS = {
    "identity",
    "pod",
    "space",
    "algorithm",
    "consent",
    "run",
    "derived",
    "query",
    "audit",
    "sandbox",
}
BELOW_FLOW = FOUNDATION | ROOMS | {"ports"}
EVERYTHING = BELOW_FLOW | {
    "assets",
    "settings",
    "logs",
    "flow",
    "adapters",
    "web",
    "worker",
    "testing",
    "compose",
}

# What each part of the package may import of solidgate, besides itself; rooms among themselves: see below.
MAY_IMPORT = {
    "solidgate": set(),
    "errors": set(),
    "vocab": set(),
    "assets": FOUNDATION,
    "settings": FOUNDATION,
    "logs": FOUNDATION,
    **dict.fromkeys(ROOMS, FOUNDATION | ROOMS),
    "ports": FOUNDATION | ROOMS,
    "flow": BELOW_FLOW,
    "adapters": BELOW_FLOW | {"assets", "logs"},
    "web": BELOW_FLOW | {"assets", "settings", "logs", "flow"},
    "sdk": FOUNDATION | ROOMS,
    "testing": EVERYTHING | {"sdk", "cli"},
    "worker": EVERYTHING - {"web", "testing"},
    "cli": EVERYTHING | {"sdk"},
    "compose": BELOW_FLOW | {"assets", "settings", "logs", "flow", "adapters"},
    "__main__": {"cli"},
}
# There is one store and no second dialect, so the flow names its type instead of a Protocol that repeats
# each method (docs/decisions/0006-the-flow-names-the-store.md); settings reach it as a value.
# A Session carries an Access, whose Protocol stands on the page of ports.
FOR_TYPES_ONLY = {
    "flow": {"solidgate.adapters.sql.store", "solidgate.settings"},
    "identity": {"solidgate.ports"},
}

# A room is a pure function of its arguments: what would let the world in.
WORLD = {
    "aiohttp",
    "alembic",
    "asyncio",
    "ftplib",
    "http",
    "multiprocessing",
    "procrastinate",
    "psycopg",
    "random",
    "requests",
    "secrets",
    "select",
    "shutil",
    "socket",
    "sqlalchemy",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
}
WORLD_CALLS = {"open", "input", "print", "now", "utcnow", "today", "uuid1", "uuid4", "urandom", "getenv"}
# The sandbox room is what runs inside the jail: it forks and limits, and imports nothing else of ours.
JAIL_LIBRARIES = {"pyoxigraph", "rdflib", "shacl", "pyshacl"}


def targets(module: Module) -> set[str]:
    """The parts of solidgate that a module imports, without its own."""
    excused = FOR_TYPES_ONLY.get(module.room, set()) - set(module.imports(for_types=False))
    names = (n for n in module.imports() if n.split(".")[0] == "solidgate" and n not in excused)
    return {name.split(".")[1] if "." in name else "solidgate" for name in names} - {module.room}


def test_every_part_of_the_package_has_a_place(modules: list[Module]) -> None:
    assert {module.room for module in modules} <= set(MAY_IMPORT)


def test_imports_point_one_way(modules: list[Module]) -> None:
    wrong = {
        module.name: sorted(forbidden)
        for module in modules
        if (forbidden := targets(module) - MAY_IMPORT[module.room])
    }
    assert not wrong


def test_rooms_do_not_import_in_a_circle(modules: list[Module]) -> None:
    graph: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module in modules:
        if module.room in ROOMS:
            graph[module.room] |= targets(module) & ROOMS
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the circle


def test_rooms_import_nothing_of_the_world(modules: list[Module]) -> None:
    wrong = [
        (module.name, name)
        for module in modules
        if module.room in ROOMS - {"sandbox"}
        for name in module.imports()
        if name in WORLD or name.split(".")[0] in WORLD
    ]
    assert not wrong


def test_rooms_read_no_clock_no_chance_no_file(modules: list[Module]) -> None:
    wrong = [
        f"{module.name}:{node.lineno} {name}"
        for module in modules
        if module.room in ROOMS - {"sandbox"}
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and (name := called(node)) in WORLD_CALLS
    ]
    assert not wrong


def test_rooms_are_synchronous(modules: list[Module]) -> None:
    wrong = [
        f"{module.name}:{node.lineno}"
        for module in modules
        if module.room in ROOMS
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor)
    ]
    assert not wrong


def test_the_jail_holds_only_the_standard_library_and_rdf(modules: list[Module]) -> None:
    allowed = set(sys.stdlib_module_names) | JAIL_LIBRARIES
    wrong = [
        (module.name, name)
        for module in modules
        if module.room == "sandbox"
        for name in module.imports()
        if name.split(".")[0] not in allowed and not name.startswith("solidgate.sandbox")
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (test_imports_point_one_way, "from solidgate.adapters import http"),
        (test_rooms_import_nothing_of_the_world, "import aiohttp.web"),
        (test_rooms_read_no_clock_no_chance_no_file, "now = datetime.now(UTC)"),
        (test_rooms_are_synchronous, "async def decide(): ..."),
    ],
)
def test_a_rule_notices_a_breach(
    rule: Callable[[list[Module]], None], text: str, modules: list[Module]
) -> None:
    consent = next(module for module in modules if module.room == "consent")
    breach = type(consent)("solidgate.consent.breach", consent.path, ast.parse(text))
    with pytest.raises(AssertionError, match=r"breach"):
        rule([breach])


def called(node: ast.Call) -> str:
    """The last name of what is called: ``now`` in ``datetime.now(UTC)``."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
