"""What an algorithm is: its manifest and its files, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Manifest:
    """``algorithm.toml``: what the code provider promises.

    ``entry_point`` is ``package.module:function``; ``aggregate`` likewise or empty. ``output_shapes`` and
    ``aggregate_shapes`` are paths inside the package; ``inputs`` are paths of shapes or IRIs of classes.
    ``python`` is the oldest version the program is written for; ``gate`` holds what the code provider asks
    of the output gate (``min_group_size``). ``egress`` is always ``none``.
    """

    name: str
    version: str
    entry_point: str
    output_shapes: str
    aggregate: str = ""
    aggregate_shapes: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    licence: str = ""
    inputs: tuple[str, ...] = ()
    output_vocabulary: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    egress: str = "none"
    python: str = "3.11"
    gate: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Program:
    """One program: ``digest`` is ``sha256:<hex>`` over everything in ``files`` (path to bytes).

    ``executables`` are the paths whose mode is 755; every other file is 644.
    """

    digest: str
    manifest: Manifest
    files: Mapping[str, bytes]
    executables: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Program({self.manifest.name} {self.manifest.version} {self.digest})"
