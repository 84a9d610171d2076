"""A result that may leave: it conforms to the agreed shapes and touches nothing foreign."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a SHACL engine said. ``report`` names shapes, paths and components; never a value.

    ``covered``: every subject was in the reach of a shape; a graph that no shape looks at conforms too.
    """

    conforms: bool
    engine: str
    report: tuple[str, ...] = ()
    covered: bool = True


@dataclass(frozen=True, slots=True)
class RawOutput:
    """What the sandbox gave back for one person: unchecked N-Triples. Built only by ``flow.run``."""

    content: bytes
    subject: str

    def __repr__(self) -> str:
        return f"RawOutput({len(self.content)} bytes)"


@dataclass(frozen=True, slots=True)
class ConformantGraph:
    """N-Triples, sorted, that passed every check. Built only by ``conform``.

    ``digest`` is ``sha256:<hex>`` of ``content``; results carry no blank nodes, so the sorted N-Triples are
    canonical.
    """

    content: bytes
    digest: str
    subject: str
    shapes_digest: str
    engine: str

    def __repr__(self) -> str:
        return f"ConformantGraph({len(self.content)} bytes, {self.digest})"
