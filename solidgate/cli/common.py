"""What every command shares: ``--config`` and ``--json``, and one way to print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cyclopts import Parameter

from solidgate.cli.sources import load_settings
from solidgate.logs import configure_logs
from solidgate.settings import Settings


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Common:
    """Options of every command."""

    config: Path | None = None
    """File of settings; else SOLIDGATE_CONFIG, else the defaults."""

    json: bool = False
    """Print one JSON document instead of text."""

    def settings(self, overrides: Mapping[str, Any] | None = None) -> Settings:
        """The settings of this call, with the log set up by them. Raises ``Misconfigured``."""
        settings = load_settings(self.config, overrides)
        configure_logs(settings.log.level, settings.log.format, own_url=settings.server.public_url)
        return settings

    def show(self, value: Mapping[str, Any] | Sequence[Any], text: str) -> None:
        """``value`` as JSON when asked for, else ``text``, on standard output."""
        sys.stdout.write((as_json(value) if self.json else text.rstrip("\n")) + "\n")
        sys.stdout.flush()


DEFAULTS = Common()


def as_json(value: Any) -> str:
    """Indented JSON; what JSON has no word for is written as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
