"""What a data consumer does: start runs, ask SPARQL over derived data, read the result about the group."""

from __future__ import annotations

import json
from typing import Any

from solidgate.errors import FetchUnexpected
from solidgate.query.results import ResultFormat
from solidgate.sdk.transport import Transport


class ConsumerCalls(Transport):
    """Calls about runs and results."""

    async def start_run(self, space_id: str) -> str:
        """Begin a run over everybody whose consent holds now; its id."""
        return str((await self.json("POST", self.space(space_id, "runs"), {}))["run_id"])

    async def run(self, space_id: str, run_id: str) -> dict[str, Any]:
        """How far a run is, in counts: never who."""
        return await self.json("GET", self.space(space_id, "runs", run_id))

    async def runs(self, space_id: str) -> list[dict[str, Any]]:
        """The newest runs, newest first: those that were started, and those that a change or a time began."""
        found: list[dict[str, Any]] = (await self.json("GET", self.space(space_id, "runs")))["runs"]
        return found

    async def query(self, space_id: str, sparql: str, accept: ResultFormat = ResultFormat.JSON) -> bytes:
        """The answer to one SPARQL 1.1 query, whole, in the format asked for."""
        _, content = await self.send(
            "POST",
            self.space(space_id, "sparql"),
            accept=accept.value,
            content=sparql.encode(),
            media_type="application/sparql-query",
        )
        return content

    async def rows(self, space_id: str, sparql: str) -> list[dict[str, str]]:
        """The rows of a SELECT as texts by variable; an unbound variable is absent."""
        try:
            answer = json.loads(await self.query(space_id, sparql))
            found = answer["results"]["bindings"]
            return [{name: str(term["value"]) for name, term in row.items()} for row in found]
        except (ValueError, KeyError, TypeError) as error:
            raise FetchUnexpected("the answer is not the rows of a SELECT") from error

    async def results(self, space_id: str) -> bytes:
        """The newest result about the group, as N-Triples. Raises ``GroupTooSmall`` before the first."""
        url = self.space(space_id, "results")
        _, content = await self.send("GET", url, accept=ResultFormat.NTRIPLES.value)
        return content
