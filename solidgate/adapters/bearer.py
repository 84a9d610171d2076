"""Bearer tokens that a pod's own authorization server gave: shown to one storage, and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solidgate.errors import AuthorizationRefused
from solidgate.pod.origin import same_origin
from solidgate.ports import Access

LONGEST_LIFE = timedelta(hours=1)
_USUAL_LIFE = timedelta(minutes=5)
_MARGIN = timedelta(seconds=10)
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]{1,16384}=*")  # RFC 6750 section 2.1


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token and the moment from which a new one is asked for, a little before its end."""

    text: str
    until: datetime

    def __repr__(self) -> str:
        return "BearerToken()"


@dataclass(frozen=True, slots=True)
class BearerAccess:
    """Implements ``ports.Access`` for requests to the origin of ``storage`` alone."""

    access: Access
    token: str
    storage: str

    @property
    def webid(self) -> str:
        """Whose access stands behind the token."""
        return self.access.webid

    def headers(self, method: str, url: str, now: datetime, nonce: str | None = None) -> Mapping[str, str]:
        """``Authorization`` for the storage. Raises ``AuthorizationRefused`` for any other origin."""
        if not same_origin(url, self.storage):
            raise AuthorizationRefused("the token is for another server")
        # The signature is thrown away; it is asked for because an access that has ended refuses here.
        self.access.headers(method, url, now, nonce)
        return {"Authorization": f"Bearer {self.token}"}

    def __repr__(self) -> str:
        return "BearerAccess()"


def read_token(document: Mapping[str, Any], now: datetime) -> BearerToken:
    """The token of a token endpoint's answer; ``expires_in`` may be text. Raises ``AuthorizationRefused``."""
    text = document.get("access_token")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise AuthorizationRefused("there is no access token in the answer")
    said = str(document.get("expires_in", ""))
    life = timedelta(seconds=int(said)) if re.fullmatch(r"[0-9]{1,9}", said) else _USUAL_LIFE
    return BearerToken(text, now + min(life, LONGEST_LIFE) - _MARGIN)
