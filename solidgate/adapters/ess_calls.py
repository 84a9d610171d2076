"""Calls to the services beside a storage: JSON in and out, bounded, each refusal one of ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from solidgate.adapters.solid_requests import PodLimits, SolidRequests, fault
from solidgate.errors import FetchUnexpected, SignatureInvalid
from solidgate.identity import strict_json
from solidgate.ports import Access, Reply

JSON = "application/json"
LD_JSON = "application/ld+json, application/json;q=0.9"


class EssCalls:
    """The talk with one deployment's services, over the talk with pods: its bounds hold here too."""

    def __init__(self, requests: SolidRequests) -> None:
        self._requests = requests

    @property
    def limits(self) -> PodLimits:
        """The bounds."""
        return self._requests.limits

    async def get(self, url: str, access: Access | None = None, accepted: str = LD_JSON) -> Reply:
        """A read, tried again after a passing fault."""
        limits = self.limits
        return await self._requests.get(
            access, url, accepted, limits.control_bytes, seconds=limits.control_seconds
        )

    async def document(self, url: str, access: Access | None = None) -> Mapping[str, Any]:
        """The JSON object there. Raises pod faults and ``FetchUnexpected``."""
        return answered(await self.get(url, access))

    async def post(self, url: str, access: Access, document: Mapping[str, Any]) -> Reply:
        """One JSON document, sent once."""
        headers = {"Content-Type": JSON, "Accept": LD_JSON}
        return await self._requests.write("POST", access, url, headers, strict_json.compact_json(document))

    async def post_form(self, url: str, access: Access, fields: Mapping[str, str]) -> Reply:
        """One form, sent once."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": JSON}
        return await self._requests.write("POST", access, url, headers, urlencode(fields).encode())


def answered(reply: Reply) -> Mapping[str, Any]:
    """The JSON object of a good answer. Raises the fault of any other."""
    if reply.status not in (200, 201):
        raise fault(reply)
    return json_object(reply)


def json_object(reply: Reply) -> Mapping[str, Any]:
    """The JSON object in an answer, whatever its status. Raises ``FetchUnexpected``."""
    try:
        return strict_json.read(reply.content)
    except SignatureInvalid as broken:
        raise FetchUnexpected("a service beside the pod did not answer a JSON object") from broken


def presentation(credential: Mapping[str, Any]) -> str:
    """A credential in a presentation, in base64: what a client in JavaScript pushes (one shot)."""
    wrapped = {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [credential],
    }
    return base64.b64encode(strict_json.compact_json(wrapped)).decode("ascii")


def bare(credential: Mapping[str, Any]) -> str:
    """The credential alone, in base64url without padding: what a client in Java pushes (second step)."""
    return strict_json.encode_base64url(strict_json.compact_json(credential))
