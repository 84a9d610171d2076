"""The command line: help, JSON, named errors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from solidgate import __version__
from solidgate.cli import doctor
from solidgate.cli.common import Common
from solidgate.cli.main import COMMANDS, main
from solidgate.settings import Settings


@pytest.fixture(autouse=True)
def own_folder(own_environment: None, monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> None:
    monkeypatch.setenv("SOLIDGATE_SERVER__DATA_FOLDER", str(data_folder))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_an_example(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    name, example = command.name, command.example  # type: ignore[attr-defined]
    assert main([*name.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Example: solidgate {example}" in shown
    assert "--json" in shown
    assert example.startswith(name)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["solidgate"] == __version__


def test_config_show_hides_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLIDGATE_DATABASE__URL", "postgresql://u:hunter2@h/d")
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert "max_query_bytes" in text
        assert "hunter2" not in text


def test_config_show_prints_a_file_that_can_be_read_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    main(["config", "show"])
    (tmp_path / "again.toml").write_text(capsys.readouterr().out)
    assert main(["config", "check", "--config", str(tmp_path / "again.toml")]) == 0


def test_a_refusal_is_named_on_standard_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[server]\nprot = 1\n")
    assert main(["config", "check", "--config", str(tmp_path / "own.toml")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("config.unknown-setting: ")
    assert "did you mean server.port?" in said.err
    assert "remedy: " in said.err
    assert main(["config", "check", "--json", "--config", str(tmp_path / "own.toml")]) == 2
    assert json.loads(capsys.readouterr().err)["code"] == "config.unknown-setting"


@pytest.mark.parametrize("arguments", [["nonsense"], ["config", "show", "--nonsense"]])
def test_a_wrong_call_is_not_a_success(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) != 0
    assert "Traceback" not in capsys.readouterr().err


async def test_doctor_looks_at_everything() -> None:
    findings = {found.name: found for found in await doctor.examine(Common())}
    names = {"settings", "data folder", "account", "database", "clock", "migrations", "sandbox", "outbound"}
    assert names <= findings.keys()
    assert findings["database"].level == findings["outbound"].level == findings["clock"].level == "ok"
    assert findings["migrations"].level == "warn"
    assert all(found.remedy for found in findings.values() if found.level == "fail")


def test_doctor_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOLIDGATE_SERVER__DATA_FOLDER", "somewhere/data")
    findings = {found.name: found for found in asyncio.run(doctor.examine(Common()))}
    assert findings["database"].level == "ok"
    assert not any(tmp_path.glob("*"))


async def test_doctor_names_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[server]\nprot = 1\n")
    (found,) = await doctor.examine(Common(config=tmp_path / "own.toml"))
    assert (found.level, found.name) == ("fail", "settings")


async def test_doctor_names_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLIDGATE_DATABASE__URL", "postgresql://nobody@127.0.0.1:1/none")
    findings = {found.name: found for found in await doctor.examine(Common())}
    assert findings["database"].level == "fail"


def test_a_folder_that_others_may_write_to_fails(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    settings = Settings(server={"data_folder": tmp_path})  # type: ignore[arg-type]
    assert doctor.folder(settings)[0].level == "fail"


def test_a_clock_far_from_the_databases_fails() -> None:
    from datetime import UTC, datetime, timedelta

    assert doctor.clock(datetime.now(UTC) - timedelta(seconds=60)).level == "fail"
    assert doctor.clock(datetime.now(UTC)).level == "ok"
