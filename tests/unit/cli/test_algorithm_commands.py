"""The commands for code providers, on folders, without a gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from solidgate.algorithm.pack import unpack
from solidgate.assets import asset
from solidgate.cli.main import main

HOME = str(asset("examples", "home-energy", "algorithm"))


pytestmark = pytest.mark.usefixtures("own_environment")


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_new_makes_a_program_without_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "my-count")
    assert main(["algorithm", "new", folder]) == 0
    capsys.readouterr()
    assert main(["algorithm", "check", folder, "--unsafe-in-process", "--json"]) == 0
    assert _json(capsys)["findings"] == []
    assert main(["algorithm", "test", folder, "--unsafe-in-process"]) == 0
    assert capsys.readouterr().out == "first: as expected\n"
    assert main(["algorithm", "new", folder]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["My Count", "1st", "a_b"])
def test_new_refuses_a_name_that_is_no_name(tmp_path: Path, name: str) -> None:
    assert main(["algorithm", "new", str(tmp_path / name)]) == 2
    assert not (tmp_path / name).exists()


def test_a_difference_is_shown_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "count"
    main(["algorithm", "new", str(folder)])
    expected = folder / "samples" / "first" / "expected.nt"
    expected.write_text(expected.read_text().replace('"2"', '"3"'))
    capsys.readouterr()
    assert main(["algorithm", "test", str(folder), "--unsafe-in-process"]) == 1
    told = capsys.readouterr().out
    assert "first: differs" in told
    assert "  - <urn" in told
    assert "  + <urn" in told
    assert main(["algorithm", "check", str(folder), "--unsafe-in-process"]) == 1


def test_pack_writes_the_one_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "p.zip"
    assert main(["algorithm", "pack", HOME, "-o", str(target), "--json"]) == 0
    told = _json(capsys)
    assert unpack(target.read_bytes()).digest == told["digest"]
    assert main(["algorithm", "pack", HOME, "-o", str(tmp_path / "no" / "p.zip")]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["algorithm", "submit", "s", HOME],
        ["algorithm", "approve", "s"],
        ["run", "start", "s"],
        ["run", "show", "s", "r"],
        ["query", "s", "SELECT"],
    ],
)
def test_calls_to_a_gate_name_what_was_not_given(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--gate", "https://gate.example/", "--json"]) == 2
    told = json.loads(capsys.readouterr().err)
    assert told["code"] == "config.bad-setting"
    assert told["detail"].startswith("give --issuer, --client-id, --client-secret")


def test_the_environment_can_name_gate_and_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GATE", "ISSUER"):
        monkeypatch.setenv(f"SOLIDGATE_{name}", "http://localhost:1/")
    monkeypatch.setenv("SOLIDGATE_CLIENT_ID", "a")
    monkeypatch.setenv("SOLIDGATE_CLIENT_SECRET", "hunter2")
    assert main(["run", "start", "s"]) == 2
    told = capsys.readouterr().err
    assert "fetch.unreachable" in told
    assert "hunter2" not in told
