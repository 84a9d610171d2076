"""The operator's commands on a real database, and a program's samples in the real sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.assets import asset
from solidgate.cli.main import main

SPACE = asset("examples", "home-energy", "space.toml")
PARTIES = [
    *("--set", "owner=https://city.example/#it"),
    *("--set", "code_provider=https://code.example/#it"),
    *("--set", "consumer=https://advice.example/#it"),
]


Words = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def installed() -> Iterator[dict[str, str]]:
    """The environment of a call, with a database that is kept up, so that each command joins it."""
    # Not below pytest's own folder: PostgreSQL runs as another user when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="solidgate-spaces-") as folder:
        server = EmbeddedPostgres(Path(folder) / "d")
        server.start()
        yield {"SOLIDGATE_SERVER__DATA_FOLDER": f"{folder}/d"}
        server.stop()


@pytest.fixture
def solidgate(
    installed: dict[str, str],
    own_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Words:
    """A command of this installation by its words, here: another process takes a second of a core."""
    for name, value in installed.items():
        monkeypatch.setenv(name, value)

    def call(*words: str, code: int = 0) -> dict[str, Any]:
        assert main([*words, "--json"]) == code
        said = capsys.readouterr()
        return _document(said.err if code == 2 else said.out)

    return call


def _document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _as_a_process(installed: dict[str, str], *words: str, code: int = 0) -> dict[str, Any]:
    """The same as a program of its own, from its command line to its exit status."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOLIDGATE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "solidgate.cli.main", *words, "--json"],
        env={**kept, **installed},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == code, ended.stderr
    return _document(ended.stderr if code == 2 else ended.stdout)


def test_a_space_is_made_changed_and_closed(installed: dict[str, str], solidgate: Words) -> None:
    made = _as_a_process(installed, "space", "create", str(SPACE), *PARTIES)
    assert made["missing"] == ["space_owner", "code_provider", "data_consumer"]
    told = _as_a_process(installed, "space", "create", str(SPACE), *PARTIES, code=2)
    assert told["code"] == "space.exists"
    turtle = solidgate("space", "create", str(SPACE.with_suffix(".ttl")), "--id", "from-turtle", *PARTIES)
    assert turtle["algorithm_digest"] == made["algorithm_digest"]
    link = str(solidgate("invite", "home-energy", "--uses", "0")["link"])
    assert link.startswith("http://localhost:8080/join/")
    changed = [*PARTIES[:-1], "consumer=https://other.example/#it"]
    second = solidgate("space", "publish", "home-energy", str(SPACE), *changed)
    assert second["version"] == 2
    assert second["agreement_digest"] != made["agreement_digest"]
    assert solidgate("space", "close", "home-energy")["state"] == "closed"
    assert solidgate("invite", "home-energy", code=2)["code"] == "space.closed"
    assert solidgate("space", "show", "nowhere", code=2)["code"] == "space.not-found"


def test_a_space_that_breaks_a_rule_is_not_made(solidgate: Words) -> None:
    told = solidgate("space", "create", str(SPACE), code=2)
    assert told["code"] == "space.invalid"
    assert "--set owner=VALUE" in str(told["detail"])
    told = solidgate("space", "create", str(SPACE), "--set", "owner", code=2)
    assert "NAME=VALUE" in str(told["detail"])


@pytest.mark.parametrize("name", ["home-energy/algorithm", "blank-algorithm"])
def test_the_examples_pass_every_check_in_the_sandbox(solidgate: Words, name: str) -> None:
    told = solidgate("algorithm", "check", str(asset("examples", *name.split("/"))))
    assert told["findings"] == []
