"""A zygote holds what its program names; a fork of it gets at the rest all the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_LOOK = """
import json, sys
from solidgate.sandbox.libraries import preload
from solidgate.sandbox.wire import Kind
files = {"a.py": sys.argv[1].encode(), "b.txt": b"rdflib"}
preload(Kind.PROGRAM, named_in=None if sys.argv[1] == "-" else files)
print(json.dumps([name for name in ("rdflib", "logging", "concurrent.futures") if name in sys.modules]))
"""


def held(source: str) -> list[str]:
    """Of the libraries that make a fork dearer, those a zygote of this program has."""
    asked = subprocess.run([sys.executable, "-c", _LOOK, source], capture_output=True, check=True)
    found: list[str] = json.loads(asked.stdout)
    return found


def test_a_program_that_walks_pays_for_no_graph() -> None:
    source = (
        "from pyoxigraph import Quad\ndef derive(person): return [one.triple for one in person.statements]"
    )
    assert held(source) == []


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import rdflib", "rdflib"),
        ("def derive(person): return person.graph", "rdflib"),
        ("from logging import getLogger", "logging"),
        ("from concurrent import futures", "concurrent.futures"),
        ("-", "rdflib"),  # who asks for no program is told of all that there is
    ],
)
def test_a_program_finds_warm_what_it_names(source: str, wanted: str) -> None:
    assert wanted in held(source)
