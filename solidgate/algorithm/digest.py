"""The one digest that everybody approves: it covers all that decides what the program does and may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solidgate.algorithm.manifest import REQUIREMENTS, Manifest
from solidgate.algorithm.requirements import parse_requirements
from solidgate.errors import AlgorithmInvalid
from solidgate.space.canonical import sha256_digest, tagged_digest

_TAG = "algorithm/1"


def digest(manifest: Manifest, files: Mapping[str, bytes], executables: frozenset[str] = frozenset()) -> str:
    """``sha256:<hex>`` over the RFC 8785 form of ``covered``, under the tag ``algorithm/1``.

    Raises ``AlgorithmInvalid`` for a parameter that JSON cannot carry exactly.
    """
    try:
        return tagged_digest(_TAG, covered(manifest, files, executables))
    except ValueError as error:
        raise AlgorithmInvalid(f"algorithm.toml: parameters: {error}") from error


def covered(manifest: Manifest, files: Mapping[str, bytes], executables: frozenset[str]) -> dict[str, Any]:
    """Everything under the digest, as plain JSON: a person with the package can compute it by hand.

    The files alone would do; what decides is written out beside them so that it can be read without them.
    """
    return {
        "entry_point": manifest.entry_point,
        "aggregate": manifest.aggregate,
        "files": [[path, _mode(path, executables), sha256_digest(files[path])] for path in ordered(files)],
        "requirements": [
            [one.name, one.version, list(one.hashes)] for one in parse_requirements(files[REQUIREMENTS])
        ],
        "python": manifest.python,
        "inputs": [[word, _digest_of(word, files)] for word in manifest.inputs],
        "output_shapes": [manifest.output_shapes, _digest_of(manifest.output_shapes, files)],
        "aggregate_shapes": [manifest.aggregate_shapes, _digest_of(manifest.aggregate_shapes, files)],
        "output_vocabulary": list(manifest.output_vocabulary),
        "parameters": dict(manifest.parameters),
        "gate": dict(manifest.gate),
        "egress": manifest.egress,
    }


def ordered(files: Mapping[str, bytes]) -> list[str]:
    """The paths in the order of their UTF-8 bytes: the same on every machine."""
    return sorted(files, key=lambda path: path.encode())


def _mode(path: str, executables: frozenset[str]) -> str:
    return "755" if path in executables else "644"


def _digest_of(path: str, files: Mapping[str, bytes]) -> str:
    return sha256_digest(files[path]) if path in files else ""
