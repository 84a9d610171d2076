"""A method that fails when it is called next."""

from __future__ import annotations

from typing import Any

import pytest


def failing(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, fault: Exception, times: int = 1) -> None:
    """The next calls of a method raise."""
    real, left = getattr(owner, name), [times]

    async def fails(*args: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise fault
        return await real(*args, **named)

    monkeypatch.setattr(owner, name, fails)
