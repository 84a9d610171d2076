"""Settings: sources, what is refused, and that the files say the same as the code."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from solidgate.assets import asset
from solidgate.cli.sources import load_settings
from solidgate.errors import BadSetting, UnknownSetting, UnsafeInProduction
from solidgate.settings import Settings, keys, shown


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("SOLIDGATE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text)
        return path

    return write


def sections() -> list[str]:
    return sorted({dotted.split(".")[0] for dotted, _, _ in keys() if "." in dotted})


def test_the_default_file_says_what_the_code_says() -> None:
    assert load_settings() == Settings()


def test_two_installations_share_no_section() -> None:
    """A test, or a caller, that changes its own section must change nobody else's."""
    one, other = Settings(), Settings()
    assert one == other
    assert all(getattr(one, name) is not getattr(other, name) for name in sections())


def test_every_key_is_in_the_default_file_and_in_the_reference_with_its_default() -> None:
    tree = tomllib.loads(asset("config", "default.toml").read_text())
    reference = asset("config", "README.md").read_text()
    for dotted, _, description in keys():
        section, _, name = dotted.rpartition(".")
        assert name in (tree[section] if section else tree), dotted
        row = next(line for line in reference.splitlines() if line.startswith(f"| `{dotted}` |"))
        assert row.endswith(f"| {description} |"), dotted


@pytest.mark.parametrize("name", ["dev.toml", "production.example.toml"])
def test_the_shipped_files_are_right(name: str) -> None:
    load_settings(asset("config", name))


def test_later_sources_win(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written('[server]\nport = 1111\nhost = "127.0.0.2"\n[query]\nmax_rows = 5\n')
    monkeypatch.setenv("SOLIDGATE_SERVER__PORT", "2222")
    monkeypatch.setenv("SOLIDGATE_HTTP__ALLOWED_PORTS", "[443, 8443]")
    settings = load_settings(file, {"server": {"host": "127.0.0.3"}})
    assert (settings.server.port, settings.server.host) == (2222, "127.0.0.3")
    assert settings.query.max_rows == 5
    assert settings.http.allowed_ports == (443, 8443)


def test_the_environment_may_name_the_file(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLIDGATE_CONFIG", str(written("[server]\nport = 1111\n")))
    assert load_settings().server.port == 1111


UNKNOWN = [
    ("[server]\nprot = 1\n", "server.prot in", "server.port"),
    ("[querry]\nmax_rows = 1\n", "querry.max_rows in", "query.max_rows"),
    ('enviroment = "production"\n', "enviroment in", "environment"),
]


@pytest.mark.parametrize(("text", "named", "nearest"), UNKNOWN)
def test_an_unknown_key_names_file_key_and_nearest(written: Any, text: str, named: str, nearest: str) -> None:
    file = written(text)
    with pytest.raises(UnknownSetting) as caught:
        load_settings(file)
    assert caught.value.detail == f"{named} {file}; did you mean {nearest}?"


def test_an_unknown_variable_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLIDGATE_SERVER__PROT", "1")
    with pytest.raises(UnknownSetting, match="SOLIDGATE_SERVER__PORT"):
        load_settings()


BAD = [
    ("[server]\nport = 70000\n", "server.port in"),
    ('[server]\npublic_url = "localhost"\n', "server.public_url in"),
    ('[server]\npublic_url = "https://h/?q"\n', "server.public_url in"),
    ('[consent]\nmax_validity = "a year"\n', "consent.max_validity in"),
    ('[consent]\nreceipt_container = "../x/"\n', "consent.receipt_container in"),
    ('[log]\nlevel = "loud"\n', "log.level in"),
    ("[worker]\nconcurrency = 0\n", "worker.concurrency in"),
    ("[server]\nport = {x = 1}\n", "server.port in"),
    ("not toml", "is not TOML"),
]


@pytest.mark.parametrize(("text", "named"), BAD)
def test_a_bad_value_names_file_and_key(written: Any, text: str, named: str) -> None:
    file = written(text)
    with pytest.raises(BadSetting) as caught:
        load_settings(file)
    assert named in caught.value.detail
    assert str(file) in caught.value.detail


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")


def test_a_list_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLIDGATE_LOGIN__SUGGESTED_ISSUERS", "https://a.example/")
    with pytest.raises(BadSetting, match="SOLIDGATE_LOGIN__SUGGESTED_ISSUERS"):
        load_settings()


SAFE = {"environment": "production", "server": {"public_url": "https://gate.example/"}}
UNSAFE = [
    ({"server": {"public_url": "http://gate.example/"}}, "server.public_url"),
    ({"http": {"allow_private_addresses": True}}, "http.allow_private_addresses"),
    ({"sandbox": {"minimum_level": 1}}, "sandbox.minimum_level"),
    ({"spaces": {"min_group_size": 4}}, "spaces.min_group_size"),
]


@pytest.mark.parametrize(("changed", "named"), UNSAFE)
def test_production_refuses(changed: dict[str, Any], named: str) -> None:
    load_settings(overrides=SAFE)
    with pytest.raises(UnsafeInProduction, match=named):
        load_settings(overrides=SAFE | changed)
    load_settings(overrides=changed)


def test_production_names_everything_that_is_unsafe_at_once() -> None:
    everything = {key: value for changed, _ in UNSAFE for key, value in changed.items()}
    with pytest.raises(UnsafeInProduction) as caught:
        Settings(environment="production", **everything)
    assert all(named in caught.value.detail for _, named in UNSAFE)


def test_the_edges_of_what_production_allows() -> None:
    edge = {"sandbox": {"minimum_level": 2}, "spaces": {"min_group_size": 5}}
    load_settings(overrides=SAFE | edge)


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLIDGATE_DATABASE__URL", "postgresql://u:hunter2@h/d")
    settings = load_settings()
    assert settings.database.url.get_secret_value().endswith("hunter2@h/d")
    assert "hunter2" not in str(shown(settings)) + repr(settings)


def test_settings_are_frozen_and_the_address_ends_with_a_slash() -> None:
    settings = Settings(server={"public_url": "https://gate.example/base"})  # type: ignore[arg-type]
    assert settings.server.public_url == "https://gate.example/base/"
    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]
