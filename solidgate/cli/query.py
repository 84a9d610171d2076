"""``solidgate query``: SPARQL over a space's derived data, as the organisation."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from solidgate.cli.common import DEFAULTS, Common
from solidgate.cli.organisation import NOBODY, Organisation
from solidgate.query.results import ResultFormat
from solidgate.sdk.client import GateClient

FORMATS = {
    "csv": ResultFormat.CSV,
    "tsv": ResultFormat.TSV,
    "json": ResultFormat.JSON,
    "xml": ResultFormat.XML,
    "turtle": ResultFormat.TURTLE,
    "ntriples": ResultFormat.NTRIPLES,
}


def query(
    space: str,
    sparql: str,
    *,
    format_: Annotated[
        Literal["csv", "tsv", "json", "xml", "turtle", "ntriples"], Parameter(name="--format")
    ] = "csv",
    organisation: Organisation = NOBODY,
    common: Common = DEFAULTS,
) -> None:
    """Ask a SPARQL 1.1 query; with --json the answer is SPARQL JSON.

    Parameters
    ----------
    space
        The space's id.
    sparql
        The query; - reads it from standard input.
    format_
        Form of the answer; turtle and ntriples for CONSTRUCT and DESCRIBE.
    """
    text = sys.stdin.read() if sparql == "-" else sparql
    wanted = ResultFormat.JSON if common.json else FORMATS[format_]

    async def act(client: GateClient) -> bytes:
        return await client.query(space, text, wanted)

    sys.stdout.buffer.write(organisation.call(act).rstrip(b"\r\n") + b"\n")
    sys.stdout.flush()
