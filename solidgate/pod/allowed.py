"""What an answer says that its reader may do: the ``WAC-Allow`` header (Web Access Control, section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

READ = "read"

_USER = re.compile(r'(?:^|[\s,])user\s*=\s*"([^"]*)"', re.IGNORECASE)


def user_modes(values: Iterable[str]) -> frozenset[str] | None:
    """The modes of whoever asked, as lower-case words; none when the pod does not say, as it need not."""
    found = _USER.search(", ".join(values))
    return None if found is None else frozenset(found[1].lower().split())
