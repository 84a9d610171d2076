"""Where settings come from: each source is read, and what is wrong is named with its key and its source.

Sources, weakest first: ``config/default.toml``, a file (``--config`` or ``SOLIDGATE_CONFIG``), the
environment (``SOLIDGATE_SECTION__KEY``), arguments of the command line. An unknown key is an error that
names the nearest.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from solidgate.assets import asset
from solidgate.errors import BadSetting, UnknownSetting
from solidgate.settings import PREFIX, Settings, keys

# Read where they are used; not settings of a running service.
_RESERVED = frozenset(
    {"SOLIDGATE_CONFIG", "SOLIDGATE_NODE", "SOLIDGATE_CSS", "SOLIDGATE_CHROMIUM", "SOLIDGATE_TOOLS"}
    | {"SOLIDGATE_GATE", "SOLIDGATE_ISSUER", "SOLIDGATE_CLIENT_ID", "SOLIDGATE_CLIENT_SECRET"}
)


def load_settings(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """All sources merged and checked; ``file`` falls back to ``SOLIDGATE_CONFIG``.

    Raises ``UnknownSetting``, ``BadSetting`` (both name file and key) and ``UnsafeInProduction``.
    """
    layers = [(str(path), _checked(_read_toml(path), str(path))) for path in _files(file)]
    layers.append(("the environment", _from_environment()))
    layers.append(("the command line", _checked(dict(overrides or {}), "the command line")))
    merged: dict[str, Any] = {}
    for _, layer in layers:
        _overlay(merged, layer)
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise BadSetting(_explained(error, layers)) from None


def _files(file: Path | None) -> Iterator[Path]:
    yield asset("config", "default.toml")
    chosen = file or (Path(os.environ["SOLIDGATE_CONFIG"]) if os.environ.get("SOLIDGATE_CONFIG") else None)
    if chosen is not None:
        yield chosen


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} is not TOML: {error}") from None


def _from_environment() -> dict[str, Any]:
    known = {PREFIX + key.upper().replace(".", "__"): default for key, default, _ in keys()}
    for variable in sorted(name for name in os.environ if name.upper().startswith(PREFIX)):
        if variable.upper() not in known | dict.fromkeys(_RESERVED):
            raise UnknownSetting(_unknown(variable, "the environment", known))
        if isinstance(known.get(variable.upper()), tuple):
            _check_list(variable)
    return dict(EnvSettingsSource(Settings)())


def _check_list(variable: str) -> None:
    try:
        is_list = isinstance(json.loads(os.environ[variable]), list)
    except ValueError:
        is_list = False
    if not is_list:
        raise BadSetting(f'{variable} in the environment: must be a list in JSON, such as ["a", "b"]')


def _checked(tree: dict[str, Any], source: str) -> dict[str, Any]:
    known = [key for key, _, _ in keys()]
    for dotted in _flat(tree):
        if dotted not in known:
            raise UnknownSetting(_unknown(dotted, source, known))
    return tree


def _unknown(key: str, source: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f"{key} in {source}" + (f"; did you mean {close[0]}?" if close else "")


def _flat(tree: Mapping[str, Any]) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{key}" for key in value)
        else:
            yield name


def _overlay(base: dict[str, Any], top: Mapping[str, Any]) -> None:
    for name, value in top.items():
        if isinstance(value, Mapping) and isinstance(base.get(name), dict):
            base[name] |= value
        else:
            base[name] = value if not isinstance(value, Mapping) else dict(value)


def _explained(error: ValidationError, layers: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    problems = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(part) for part in item["loc"][:2])
        source = next((name for name, layer in reversed(layers) if key in set(_flat(layer))), "the settings")
        problems.append(f"{key} in {source}: {item['msg']}")
    return "; ".join(problems)
