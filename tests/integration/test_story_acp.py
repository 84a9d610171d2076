"""The whole journey with Access Control Policy, told by the command in a process of its own.

The story with Web Access Control is told in ``test_story.py``, on a stage that still stands when it is
looked at. Telling it costs most of a minute of a core, so it is told once of each kind, and once each way.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from solidgate.cli.demo import demo
from solidgate.testing.css import ACP, WAC
from solidgate.testing.demo import outside, stage
from solidgate.testing.demo.stage import YEAR, command


@dataclass(frozen=True, slots=True)
class Ended:
    """What the command printed, and the folder of the pods it left."""

    document: dict[str, Any]
    pods: Path

    def rules(self, person: str) -> Path:
        """Where the server keeps the access document of the person's first reading."""
        return self.pods / person / "energy" / str(YEAR) / "01.ttl.acr"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("told")
    told = subprocess.run(
        [*command("demo", "--once", "--json", "--acp"), "--folder", str(folder)],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr.decode()[-2000:]
    return Ended(json.loads(told.stdout), folder / "pods")


@pytest.mark.timeout(420)
def test_the_command_tells_the_story_with_access_control_policy(ended: Ended) -> None:
    """One document on standard output, everything else beside it; each statement was proved from outside."""
    people = {person["webid"].split("/")[3]: person for person in ended.document["people"]}
    assert {name: person["outcome"] for name, person in people.items()} == {
        "alice": "withdrawn",
        "bob": "written",
        "carol": "refused: nothing read",
    }
    assert ended.document["withdrawal"]["door"] == "closed"


def test_the_doors_were_of_access_control_policy(ended: Ended) -> None:
    """Read where the server keeps them; over HTTP the story itself looked at each."""
    opened = ended.rules("bob").read_text(encoding="utf-8")
    granted = outside.granted(opened.encode(), "http://pod.example/01.ttl.acr")
    assert granted == {ended.document["space"]["agent"]: {"Read"}}
    assert "acp:AccessControlResource" in opened, "it was Access Control Policy that opened the door"
    assert "acl:Authorization" not in opened
    assert not ended.rules("alice").exists(), "closing took away what opening had made"


@pytest.mark.parametrize(("words", "config"), [({}, WAC), ({"acp": True}, ACP)])
def test_the_command_starts_the_server_that_was_asked_for(
    words: dict[str, bool], config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Web Access Control unless told otherwise."""
    started: list[str] = []
    monkeypatch.setattr(stage, "set_up", _noting(started))
    with pytest.raises(RuntimeError, match="enough was seen"):
        demo(once=True, json=True, folder=tmp_path, **words)
    assert started == [config]


def _noting(started: list[str]) -> Callable[..., AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def note(*_: object, config: str) -> Any:
        started.append(config)
        raise RuntimeError("enough was seen")
        yield

    return note
