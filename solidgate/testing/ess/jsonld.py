"""JSON-LD of the credentials read with our own copies of the contexts they name; nothing is ever fetched.

The copies hold the terms that are used here, written from the published definitions. A document therefore
has the same triples here and at a client that knows the published contexts: the contract suite compares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse, serialize

CREDENTIALS = "https://www.w3.org/2018/credentials/v1"
ED25519_2020 = "https://w3id.org/security/suites/ed25519-2020/v1"
REVOCATION_LIST_2020 = "https://w3id.org/vc-revocation-list-2020/v1"
INRUPT_V1 = "https://schema.inrupt.com/credentials/v1.jsonld"
INRUPT_V2 = "https://schema.inrupt.com/credentials/v2.jsonld"

_FILES = {
    CREDENTIALS: "credentials-v1.json",
    ED25519_2020: "ed25519-2020.json",
    REVOCATION_LIST_2020: "revocation-list-2020.json",
    INRUPT_V1: "inrupt-v1.json",
    INRUPT_V2: "inrupt-v2.json",
}
FETCHED = (CREDENTIALS, INRUPT_V1, INRUPT_V2)
"""The contexts that a vc-configuration names: a client that knows no copy of its own would fetch them."""

_SELF_HOSTED = "/credentials/v1"


class UnknownContext(ValueError):
    """A document names a context that is not among the copies."""


def context(url: str) -> Mapping[str, Any]:
    """The context of that address. Raises ``UnknownContext``."""
    # An ESS of the time of version 2.2 serves the first context from its own host.
    name = _FILES.get(INRUPT_V1 if url.endswith(_SELF_HOSTED) and url != CREDENTIALS else url)
    if name is None:
        raise UnknownContext("the document names a context that is not known here")
    return _read(name)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The canonical N-Quads of a JSON-LD document (RDFC-1.0). Raises ``ValueError`` where it is none."""
    named = document.get("@context", [])
    entries = named if isinstance(named, list) else [named]
    inlined = [context(entry) if isinstance(entry, str) else entry for entry in entries]
    text = json.dumps({**document, "@context": inlined})
    try:
        quads = Dataset(parse(text, format=RdfFormat.JSON_LD, base_iri="urn:x-none:"))
    except SyntaxError as broken:
        raise ValueError("the document is not JSON-LD") from broken
    quads.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return b"".join(sorted((serialize(quads, format=RdfFormat.N_QUADS) or b"").splitlines(keepends=True)))


@cache
def _read(name: str) -> Mapping[str, Any]:
    text = (Path(__file__).parent / "contexts" / name).read_text(encoding="utf-8")
    inner: Mapping[str, Any] = json.loads(text)["@context"]
    return inner
