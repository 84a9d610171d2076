"""Small results under the same shapes, one after another: the usual yes, and one byte of it.

The process is confined like any other fork. It is only ever given plain N-Triples that the host has held
against their grammar, and whoever does not get its yes is judged again in a process of their own.
"""

from __future__ import annotations

import os

from pyoxigraph import RdfFormat, parse

from solidgate.sandbox.coverage import Coverage

try:
    import shacl as fast_engine
except ImportError:  # no wheel for this platform: everybody is judged in a process of their own
    fast_engine = None  # type: ignore[assignment]

MOST_BYTES = 64 * 1024
YES, NO_YES = b"y", b"?"


class Judge:
    """One set of shapes, made ready once. Nothing of a result outlives its own turn."""

    def __init__(self, shapes: bytes) -> None:
        self._coverage = Coverage(parse(shapes, RdfFormat.TURTLE, base_iri="urn:solidgate:shapes"))
        self._shapes = (
            fast_engine.Shapes.from_turtle(shapes.decode(), base="urn:solidgate:shapes")
            if fast_engine is not None
            else None
        )

    def word(self, content: bytes) -> bytes:
        """``YES`` when N-Triples conform and every subject is in the reach of a shape; else ``NO_YES``."""
        if self._shapes is None:
            return NO_YES
        try:
            if not self._coverage.covers(parse(content, RdfFormat.N_TRIPLES)):
                return NO_YES
            return YES if self._shapes.validate_text(content.decode(), format="ntriples").conforms else NO_YES
        except Exception:  # noqa: BLE001 (whatever an engine raises, it is no yes)
            return NO_YES


def serve(channel: int, shapes: bytes) -> None:
    """Answer each message of ``channel`` with one byte, until the host closes it."""
    judge = Judge(shapes)
    while content := os.read(channel, MOST_BYTES):
        os.write(channel, judge.word(content))
