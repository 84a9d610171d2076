"""Types as tickets: what a step hands on is built in one place, so that no step can be left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Module

# ticket -> the modules that may build it; in each, exactly one function does.
BUILDERS = {
    "Session": {"solidgate.flow.login", "solidgate.adapters.sql.logins"},
    "ActiveConsent": {"solidgate.consent.decide"},
    "PulledDocuments": {"solidgate.flow.pull"},
    "RawOutput": {"solidgate.flow.run", "solidgate.flow.aggregate"},  # one person's, the group's
    "ConformantGraph": {"solidgate.derived.conform"},
    "WrittenResource": {"solidgate.flow.write_back"},
}


def places(modules: list[Module], ticket: str) -> Iterator[tuple[str, str]]:
    """(module, function) of every call of the ticket's name outside the public test doubles."""
    for module in modules:
        if module.room == "testing":
            continue
        for function, call in calls(module.tree, ""):
            if name_of(call.func) == ticket:
                yield module.name, function


def calls(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from calls(child, inside)


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("ticket", BUILDERS)
def test_a_ticket_is_built_in_one_function(ticket: str, modules: list[Module]) -> None:
    found = set(places(modules, ticket))
    assert {module for module, _ in found} == BUILDERS[ticket]
    assert len(found) == len(BUILDERS[ticket]), (
        f"more than one function of a module builds it: {sorted(found)}"
    )


@pytest.mark.parametrize("ticket", BUILDERS)
def test_a_ticket_is_frozen_and_has_one_name(ticket: str, modules: list[Module]) -> None:
    classes = [
        node
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name == ticket
    ]
    assert len(classes) == 1
    assert "frozen=True" in " ".join(ast.unparse(decorator) for decorator in classes[0].decorator_list)
    renamed = [
        module.name
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.alias) and node.name == ticket and node.asname
    ]
    assert not renamed, "imported under another name, the call above would not be seen"
