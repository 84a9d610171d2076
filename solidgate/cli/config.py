"""``solidgate config show`` and ``solidgate config check``."""

from __future__ import annotations

import json
from typing import Any

from solidgate.cli.common import DEFAULTS, Common
from solidgate.settings import shown


def show(*, common: Common = DEFAULTS) -> None:
    """Print every setting in force, secrets hidden; the text is TOML."""
    value = shown(common.settings())
    common.show(value, as_toml(value))


def check(*, common: Common = DEFAULTS) -> None:
    """Read all settings and say whether they are right; a wrong one is named with its file and its remedy."""
    settings = common.settings()
    common.show({"ok": True, "environment": settings.environment}, f"ok: settings for {settings.environment}")


def as_toml(value: dict[str, Any]) -> str:
    """The settings as TOML: plain keys first, then one table for each section."""
    lines = [f"{key} = {json.dumps(inner)}" for key, inner in value.items() if not isinstance(inner, dict)]
    for section, inner in value.items():
        if isinstance(inner, dict):
            lines += ["", f"[{section}]", *(f"{key} = {json.dumps(item)}" for key, item in inner.items())]
    return "\n".join(lines)
