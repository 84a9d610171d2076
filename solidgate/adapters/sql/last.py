"""The last writes of a transaction: what nobody reads in it goes out together with the commit."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from solidgate.adapters.sql.consents import Consents
from solidgate.adapters.sql.people import People
from solidgate.adapters.sql.receipts import Receipts
from solidgate.adapters.sql.requests import Requests
from solidgate.adapters.sql.together import AtEnd
from solidgate.adapters.sql.trail import Trail


class LastWrites(AtEnd):
    """Rooms whose writes wait; nothing can be read through them, and the transaction does not see them."""

    def __init__(self, connection: AsyncConnection, people: People) -> None:
        super().__init__(connection)
        self.consents = Consents(self, people)
        self.requests = Requests(self, people)
        self.receipts = Receipts(self, people)
        self.trail = Trail(self)
