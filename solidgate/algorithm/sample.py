"""Samples: invented inputs and the result that the program promises for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solidgate.algorithm.manifest import Program
from solidgate.errors import AlgorithmInvalid
from solidgate.pod.resource import Document

# A sample gives the same result for ever, so its time and subjects never change.
GROUP_SUBJECT = "urn:solidgate:sample:group"
NOW = "2026-01-01T00:00:00+00:00"
GROUP_EXPECTED = "samples/aggregate.nt"
_TYPES = {".ttl": "text/turtle", ".nt": "application/n-triples", ".jsonld": "application/ld+json"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One invented person: documents by their path in the pod, and the expected N-Triples."""

    name: str
    documents: tuple[Document, ...]
    expected: bytes

    @property
    def subject(self) -> str:
        """What the sample's result is about."""
        return f"urn:solidgate:sample:{self.name}"


def samples_of(program: Program) -> tuple[Sample, ...]:
    """The samples in ``samples/<name>/input/…`` and ``samples/<name>/expected.nt``, by name.

    Raises ``AlgorithmInvalid`` when one has no input, an input of unknown kind or no expected result.
    """
    inside = [path.split("/") for path in program.files if path.startswith("samples/")]
    names = sorted({parts[1] for parts in inside if len(parts) > 2})
    return tuple(_sample(program, name) for name in names)


def _sample(program: Program, name: str) -> Sample:
    folder = f"samples/{name}/input/"
    paths = sorted(path for path in program.files if path.startswith(folder))
    documents = tuple(_document(name, path, folder, program) for path in paths)
    expected = f"samples/{name}/expected.nt"
    if not documents:
        raise AlgorithmInvalid(f"samples/{name}: has no document in input/")
    if expected not in program.files:
        raise AlgorithmInvalid(f"{expected} is missing")
    return Sample(name, documents, program.files[expected])


def _document(name: str, path: str, folder: str, program: Program) -> Document:
    suffix = "." + path.rpartition(".")[2]
    if suffix not in _TYPES:
        raise AlgorithmInvalid(f"{path}: must end with {', '.join(_TYPES)}")
    url = f"https://{name}.pod.example/{path.removeprefix(folder)}"
    return Document(url, _TYPES[suffix], program.files[path])


def difference(expected: bytes, found: bytes) -> tuple[Sequence[str], Sequence[str]]:
    """Lines of N-Triples that are missing, and lines that nobody promised. The order does not matter."""
    wanted, given = _lines(expected), _lines(found)
    return sorted(wanted - given), sorted(given - wanted)


def _lines(content: bytes) -> set[str]:
    lines = (line.strip() for line in content.decode("utf-8", "replace").splitlines())
    return {line for line in lines if line and not line.startswith("#")}
