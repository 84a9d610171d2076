"""``solidgate version``."""

from __future__ import annotations

import platform

from solidgate import __version__
from solidgate.cli.common import DEFAULTS, Common


def version(*, common: Common = DEFAULTS) -> None:
    """Print the version of solidgate and of Python."""
    value = {"solidgate": __version__, "python": platform.python_version()}
    common.show(value, f"solidgate {__version__} (Python {platform.python_version()})")
