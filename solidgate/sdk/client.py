"""The SDK: one client for every role of an organisation.

::

    credentials = ClientCredentials(issuer, client_id, secret)
    async with GateClient("https://gate.example/", credentials) as gate:
        rows = await gate.rows("home-energy", "SELECT * WHERE { ?s ?p ?o } LIMIT 10")
"""

from __future__ import annotations

from solidgate.sdk.code import CodeCalls
from solidgate.sdk.consumer import ConsumerCalls
from solidgate.sdk.credentials import ClientCredentials, Credentials
from solidgate.sdk.provider import PartyCalls

__all__ = ["ClientCredentials", "Credentials", "GateClient"]


class GateClient(PartyCalls, CodeCalls, ConsumerCalls):
    """A gate, as one organisation; which calls it answers is decided by the roles in the space."""
