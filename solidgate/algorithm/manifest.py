"""What an algorithm is: its manifest and its files, as plain values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from solidgate.errors import AlgorithmInvalid
from solidgate.space.policy import Finding
from solidgate.space.tree import Findings, Table

MANIFEST = "algorithm.toml"
REQUIREMENTS = "requirements.lock"


@dataclass(frozen=True, slots=True)
class Manifest:
    """``algorithm.toml``: what the code provider promises.

    ``entry_point`` is ``package.module:function``; ``aggregate`` likewise or empty. ``output_shapes`` and
    ``aggregate_shapes`` are paths inside the package; ``inputs`` are paths of shapes or IRIs of classes.
    ``python`` is the oldest version the program is written for; ``gate`` holds what the code provider asks
    of the output gate (``min_group_size``). ``egress`` is always ``none``. With ``uses_now`` false the
    program is not given the time of its run, and an earlier result stands while its inputs are the same.
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
    uses_now: bool = True

    def time(self, now: str) -> str:
        """The time that the program is given for a run at ``now``: none when it does not use it."""
        return now if self.uses_now else ""


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


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"\d{1,5}\.\d{1,5}\.\d{1,5}(?:(?:a|b|rc)\d{1,4})?")
_ENTRY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_PYTHON = re.compile(r"3\.(?:[1-9]\d)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?")
_IRI = re.compile(r"https?://[^\s<>\"{}|\\^`]+")
_FIELDS = ("name", "version", "entry_point", "aggregate", "title", "description", "source", "licence")
_TABLES = ("python", "egress", "uses_now", "inputs", "outputs", "parameters", "gate")


def parse_manifest(content: bytes, paths: Collection[str]) -> Manifest:
    """The manifest in ``algorithm.toml``, held against the paths of the folder.

    Raises ``AlgorithmInvalid`` naming every field and rule that is broken.
    """
    try:
        tree = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise AlgorithmInvalid(f"{MANIFEST}: this is not TOML: {error}") from error
    findings = Findings()
    manifest = _manifest(Table("", tree, findings))
    for one in _broken(manifest, paths):
        if not findings.covers(one.field):
            findings.found.append(one)
    if findings.found:
        raise AlgorithmInvalid("; ".join(f"{MANIFEST}: {one}" for one in sorted(set(findings.found))))
    return manifest


def module_paths(entry_point: str) -> tuple[str, str]:
    """The two places where the module of ``package.module:function`` can stand."""
    stem = entry_point.partition(":")[0].replace(".", "/")
    return f"{stem}/__init__.py", f"{stem}.py"


def _manifest(top: Table) -> Manifest:
    top.only((*_FIELDS, *_TABLES))
    outputs = top.table("outputs")
    outputs.only(("shapes", "aggregate_shapes", "vocabulary"))
    gate = top.table("gate", required=False)
    gate.only(("min_group_size",))
    asked = {"min_group_size": gate.number("min_group_size")} if gate.content else {}
    return Manifest(
        name=top.text("name"),
        version=top.text("version"),
        entry_point=top.text("entry_point"),
        output_shapes=outputs.text("shapes"),
        aggregate=top.text("aggregate", ""),
        aggregate_shapes=outputs.text("aggregate_shapes", ""),
        title=top.texts("title"),
        description=top.texts("description"),
        source=top.text("source", ""),
        licence=top.text("licence"),
        inputs=top.words("inputs"),
        output_vocabulary=outputs.words("vocabulary"),
        parameters=dict(top.table("parameters", required=False).content),
        egress=top.text("egress"),
        python=top.text("python"),
        gate=asked,
        uses_now=top.flag("uses_now", default=True),
    )


def _broken(manifest: Manifest, paths: Collection[str]) -> Iterator[Finding]:
    yield from _names(manifest)
    yield from _places(manifest, paths)
    yield from _words(manifest)
    if manifest.egress != "none":
        yield Finding("egress", "none", 'must be "none": a program has no network')
    if manifest.gate and int(str(manifest.gate["min_group_size"])) < 1:
        yield Finding("gate.min_group_size", "positive", "must be 1 or more")
    for name, value in manifest.parameters.items():
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str | int | float) and item == item for item in items):
            yield Finding(
                f"parameters.{name}", "kind", "must be a text, a number, true or false, or a list of these"
            )


def _names(manifest: Manifest) -> Iterator[Finding]:
    if not _NAME.fullmatch(manifest.name):
        yield Finding("name", "slug", "must be 1 to 63 small letters, digits and inner hyphens")
    if not _VERSION.fullmatch(manifest.version):
        yield Finding("version", "version", "must be written as 1.2.3, or 1.2.3rc1")
    if not _PYTHON.fullmatch(manifest.python):
        yield Finding("python", "version", "must be the oldest Python that the program runs on, such as 3.11")


def _places(manifest: Manifest, paths: Collection[str]) -> Iterator[Finding]:
    for name, entry in (("entry_point", manifest.entry_point), ("aggregate", manifest.aggregate)):
        if entry and not _ENTRY.fullmatch(entry):
            yield Finding(name, "entry", "must be written as package.module:function")
        elif entry and not set(module_paths(entry)) & set(paths):
            yield Finding(name, "file", "names a module that is not in the folder")
    for name, path in (("shapes", manifest.output_shapes), ("aggregate_shapes", manifest.aggregate_shapes)):
        if path and (path not in paths or not path.endswith(".ttl")):
            yield Finding(f"outputs.{name}", "file", "must be a .ttl file in the folder")
    if bool(manifest.aggregate) != bool(manifest.aggregate_shapes):
        yield Finding(
            "outputs.aggregate_shapes", "pair", "goes together with aggregate: give both or neither"
        )
    for place, word in enumerate(manifest.inputs):
        if word not in paths and not _IRI.fullmatch(word):
            yield Finding(
                f"inputs[{place}]", "file", "must be a shapes file in the folder, or the IRI of a class"
            )


def _words(manifest: Manifest) -> Iterator[Finding]:
    if not manifest.inputs:
        yield Finding("inputs", "has-input", "must name at least one shapes file or class")
    if not manifest.output_vocabulary:
        yield Finding("outputs.vocabulary", "has-namespace", "must name at least one namespace or term")
    for iri in manifest.output_vocabulary:
        if not _IRI.fullmatch(iri):
            yield Finding(
                "outputs.vocabulary", "iri", "must be full IRIs: terms, or namespaces ending in # or /"
            )
    if not manifest.title:
        yield Finding("title", "every-language", "must be there in at least one language")
    if set(manifest.title) != set(manifest.description):
        yield Finding("description", "every-language", "must have the same languages as title")
    for name, texts in (("title", manifest.title), ("description", manifest.description)):
        for language, text in texts.items():
            if not _LANGUAGE.fullmatch(language):
                yield Finding(f"{name}.{language}", "tag", "is not a language tag such as en or nl-BE")
            if not text.strip():
                yield Finding(f"{name}.{language}", "text", "must not be empty")
