"""The operator's commands on a real database, and a program's samples in the real sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidgate.adapters.postgres import EmbeddedPostgres
from solidgate.assets import asset

SPACE = asset("examples", "home-energy", "space.toml")
PARTIES = [
    *("--set", "owner=https://city.example/#it"),
    *("--set", "code_provider=https://code.example/#it"),
    *("--set", "consumer=https://advice.example/#it"),
]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOLIDGATE_")}
    # Not below pytest's own folder: PostgreSQL runs as another user when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="solidgate-spaces-") as folder:
        server = EmbeddedPostgres(Path(folder) / "d")  # kept up, so that each command joins it
        server.start()
        yield {**kept, "SOLIDGATE_SERVER__DATA_FOLDER": f"{folder}/d"}
        server.stop()


def _solidgate(environment: dict[str, str], *words: str, code: int = 0) -> dict[str, object]:
    command = [sys.executable, "-m", "solidgate.cli.main", *words, "--json"]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert ended.returncode == code, ended.stderr
    found: dict[str, object] = json.loads(ended.stderr if code == 2 else ended.stdout)
    return found


def test_a_space_is_made_changed_and_closed(environment: dict[str, str]) -> None:
    made = _solidgate(environment, "space", "create", str(SPACE), *PARTIES)
    assert made["missing"] == ["space_owner", "code_provider", "data_consumer"]
    assert _solidgate(environment, "space", "create", str(SPACE), *PARTIES, code=2)["code"] == "space.exists"
    turtle = _solidgate(
        environment, "space", "create", str(SPACE.with_suffix(".ttl")), "--id", "from-turtle", *PARTIES
    )
    assert turtle["algorithm_digest"] == made["algorithm_digest"]
    link = str(_solidgate(environment, "invite", "home-energy", "--uses", "0")["link"])
    assert link.startswith("http://localhost:8080/join/")
    changed = [*PARTIES[:-1], "consumer=https://other.example/#it"]
    second = _solidgate(environment, "space", "publish", "home-energy", str(SPACE), *changed)
    assert second["version"] == 2
    assert second["agreement_digest"] != made["agreement_digest"]
    assert _solidgate(environment, "space", "close", "home-energy")["state"] == "closed"
    assert _solidgate(environment, "invite", "home-energy", code=2)["code"] == "space.closed"
    assert _solidgate(environment, "space", "show", "nowhere", code=2)["code"] == "space.not-found"


def test_a_space_that_breaks_a_rule_is_not_made(environment: dict[str, str]) -> None:
    told = _solidgate(environment, "space", "create", str(SPACE), code=2)
    assert told["code"] == "space.invalid"
    assert "--set owner=VALUE" in str(told["detail"])
    told = _solidgate(environment, "space", "create", str(SPACE), "--set", "owner", code=2)
    assert "NAME=VALUE" in str(told["detail"])


@pytest.mark.parametrize("name", ["home-energy/algorithm", "blank-algorithm"])
def test_the_examples_pass_every_check_in_the_sandbox(environment: dict[str, str], name: str) -> None:
    told = _solidgate(environment, "algorithm", "check", str(asset("examples", *name.split("/"))))
    assert told["findings"] == []
