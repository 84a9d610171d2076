"""A folder as one file: the same bytes on every machine, and one way only to write them.

The package is a zip archive with nothing left to chance: entries stored, sorted by the bytes of their path,
dated 1980, modes 644 or 755, no comments, no extra fields. ``unpack`` packs again what it read and compares,
so a package has no second reading: no hidden bytes between entries, no overlaps, no doubled names.
"""

from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from solidgate.algorithm.digest import digest, ordered
from solidgate.algorithm.manifest import MANIFEST, REQUIREMENTS, Program, parse_manifest
from solidgate.errors import AlgorithmChanged, AlgorithmInvalid

_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR = 0o100000
_UNIX = 3
_FAULTS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    EOFError,
    struct.error,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class PackLimits:
    """How large a program may be: number of files, bytes of one, bytes of all, characters of a path."""

    files: int = 500
    file_bytes: int = 4 * 1024 * 1024
    total_bytes: int = 12 * 1024 * 1024
    path_bytes: int = 240


DEFAULT_LIMITS = PackLimits()


def pack(
    files: Mapping[str, bytes],
    executables: frozenset[str] = frozenset(),
    limits: PackLimits = DEFAULT_LIMITS,
) -> bytes:
    """The package of these files. Raises ``AlgorithmInvalid`` naming every broken rule of paths and sizes."""
    _check(files, limits)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for path in ordered(files):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = (_REGULAR | (0o755 if path in executables else 0o644)) << 16
            archive.writestr(entry, files[path])
    return held.getvalue()


def program_of(
    files: Mapping[str, bytes],
    executables: frozenset[str] = frozenset(),
    limits: PackLimits = DEFAULT_LIMITS,
) -> Program:
    """The program in these files, manifest parsed, digest computed. Raises ``AlgorithmInvalid``."""
    _check(files, limits)
    manifest = parse_manifest(files[MANIFEST], files.keys())
    kept = {path: files[path] for path in ordered(files)}
    return Program(digest(manifest, kept, executables), manifest, kept, executables & kept.keys())


def unpack(content: bytes, limits: PackLimits = DEFAULT_LIMITS, *, expected: str | None = None) -> Program:
    """The program in a package.

    Raises ``AlgorithmInvalid`` for a package that ``pack`` would not have written byte for byte, and
    ``AlgorithmChanged`` when its digest is not the ``expected`` one.
    """
    files, executables = _entries(content, limits)
    program = program_of(files, executables, limits)
    if pack(files, executables, limits) != content:
        raise AlgorithmInvalid("the package is not in its one form; make it with solidgate algorithm pack")
    if expected is not None and program.digest != expected:
        raise AlgorithmChanged(f"expected {expected}, the package is {program.digest}")
    return program


def _entries(content: bytes, limits: PackLimits) -> tuple[dict[str, bytes], frozenset[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_entries(entries, limits)
            files = {entry.filename: archive.read(entry) for entry in entries}
    except _FAULTS as error:
        raise AlgorithmInvalid("the package is not a whole zip archive") from error
    return files, frozenset(entry.filename for entry in entries if entry.external_attr >> 16 & 0o111)


def _check_entries(entries: list[zipfile.ZipInfo], limits: PackLimits) -> None:
    """Before a byte is read: nothing compressed, nothing but files, and no more than the limits."""
    if len(entries) > limits.files:
        raise AlgorithmInvalid(f"the package has more than {limits.files} files")
    if len({entry.filename for entry in entries}) < len(entries):
        raise AlgorithmInvalid("a path stands twice in the package")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 0x1:
            raise AlgorithmInvalid(f"{entry.filename!r} is compressed or encrypted; entries are stored")
        if entry.is_dir() or entry.external_attr >> 28 != _REGULAR >> 12:
            raise AlgorithmInvalid(f"{entry.filename!r} is not a plain file (a folder, a link)")
    if sum(entry.file_size for entry in entries) > limits.total_bytes:
        raise AlgorithmInvalid(f"the files have more than {limits.total_bytes} bytes together")


def _check(files: Mapping[str, bytes], limits: PackLimits) -> None:
    broken = [f"{path!r} {fault}" for path in files if (fault := path_fault(path, limits))]
    broken += [
        f"{path!r} has more than {limits.file_bytes} bytes"
        for path, content in files.items()
        if len(content) > limits.file_bytes
    ]
    if len(files) > limits.files:
        broken.append(f"there are more than {limits.files} files")
    if sum(map(len, files.values())) > limits.total_bytes:
        broken.append(f"the files have more than {limits.total_bytes} bytes together")
    broken += [f"{path} is missing" for path in (MANIFEST, REQUIREMENTS) if path not in files]
    broken += _clashes(files)
    if broken:
        raise AlgorithmInvalid("; ".join(broken[:50]))


def path_fault(path: str, limits: PackLimits = DEFAULT_LIMITS) -> str:
    """What is wrong with a path inside a package; an empty text when nothing is."""
    segments = path.split("/")
    if path.startswith("/") or "\\" in path or ":" in path:
        return "must be relative, with / between its parts"
    if any(segment in ("", ".", "..") for segment in segments):
        return "must not have empty, . or .. parts"
    if any(segment.startswith(".") for segment in segments):
        return "is a hidden file; leave it out"
    if not path.isprintable() or not unicodedata.is_normalized("NFC", path):
        return "must be printable Unicode in NFC"
    if len(path.encode("utf-8", "surrogatepass")) > limits.path_bytes:
        return f"is longer than {limits.path_bytes} bytes"
    if "__pycache__" in segments or path.endswith((".pyc", ".pyo", ".pyd", ".so")):
        return "is compiled code; only sources can be approved"
    return ""


def _clashes(paths: Iterable[str]) -> list[str]:
    """Paths that would be one file, or a file and a folder, on some machine."""
    seen: dict[str, str] = {}
    found = []
    for path in sorted(paths):
        key = unicodedata.normalize("NFKC", path).casefold()
        if key in seen:
            found.append(f"{path!r} and {seen[key]!r} are one file on some machines")
        seen[key] = path
    for key, path in seen.items():
        above = key.rpartition("/")[0]
        if above and above in seen:
            found.append(f"{seen[above]!r} is a file and a folder ({path!r})")
    return found
