"""Where ontologies, shapes, settings and examples lie: in the package of a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from solidgate.errors import BadFile

_PACKAGE = Path(__file__).resolve().parent


def asset(*parts: str) -> Path:
    """A shipped file or folder: ``asset("shapes", "consent-record.ttl")``. Raises ``BadFile`` if not."""
    for root in (_PACKAGE, _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise BadFile(f"{'/'.join(parts)} is not among the files that solidgate ships")
