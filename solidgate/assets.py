"""Where ontologies, shapes, settings and examples lie: inside the package of a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from solidgate.errors import BadFile

_PACKAGE = Path(__file__).resolve().parent


def asset(*parts: str) -> Path:
    """The file or folder ``asset("shapes", "consent-record.ttl")``. Raises ``BadFile`` when it was not shipped."""
    for root in (_PACKAGE, _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise BadFile(f"{'/'.join(parts)} is not among the files that solidgate ships")
