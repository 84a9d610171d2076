"""Algorithms and spaces as folders on this machine: read once, checked, turned into values."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from solidgate.algorithm.bind import bind
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.pack import DEFAULT_LIMITS, PackLimits, pack, program_of, unpack
from solidgate.errors import AlgorithmInvalid, BadFile
from solidgate.space import lint
from solidgate.space.agreement import Agreement
from solidgate.space.file import MAX_BYTES, SpaceFile, read_space
from solidgate.space.policy import SpacePolicy


@dataclass(frozen=True, slots=True)
class SpaceFolder:
    """A space as it stands on disk: its agreement, and its program when the file names a folder."""

    agreement: Agreement
    program: Program | None

    @property
    def package(self) -> bytes:
        """The program's package, to be submitted. Raises ``BadFile`` when the file names only a digest."""
        if self.program is None:
            raise BadFile("the space's file names the algorithm by its digest; its package is elsewhere")
        return pack(self.program.files, self.program.executables)


def read_algorithm(path: Path, limits: PackLimits = DEFAULT_LIMITS) -> Program:
    """The program in a folder, or in a package file. Raises ``BadFile AlgorithmInvalid``.

    Hidden files and ``__pycache__`` never belong to a program; links are refused, since what they lead to
    may be something else tomorrow.
    """
    if path.is_file():
        return unpack(_read(path, limits.total_bytes * 2), limits)
    if not path.is_dir():
        raise BadFile(f"{path} is neither an algorithm's folder nor a package")
    entries = {file.relative_to(path).as_posix(): file for file in _files(path, limits)}
    files = {name: _read(file, limits.file_bytes) for name, file in entries.items()}
    executables = frozenset(name for name, file in entries.items() if file.stat().st_mode & stat.S_IXUSR)
    return program_of(files, executables, limits)


def load_space(path: Path, policy: SpacePolicy, values: Mapping[str, str] | None = None) -> SpaceFolder:
    """The space that a file describes, with the texts and the program that it names, checked as a whole.

    Raises ``BadFile SpaceInvalid AlgorithmInvalid``.
    """
    space = read_space(_read(path, MAX_BYTES), path.suffix, policy, values)
    terms = {language: _text(path.parent / file) for language, file in space.terms_files.items()}
    loaded = _with_program(path, space, terms)
    lint.check(loaded.agreement, policy)
    return loaded


def _with_program(path: Path, space: SpaceFile, terms: Mapping[str, str]) -> SpaceFolder:
    draft = space.draft
    if space.algorithm_folder:
        program = read_algorithm(path.parent / space.algorithm_folder)
        return SpaceFolder(bind(space, terms, program), program)
    agreement = space.complete(
        terms,
        algorithm=draft.algorithm,
        output_shape=draft.output_shape,
        aggregate_shape=draft.aggregate_shape,
        algorithm_text=draft.algorithm_text,
        algorithm_source=draft.algorithm_source,
        parameters=draft.parameters,
    )
    return SpaceFolder(agreement, None)


def _files(folder: Path, limits: PackLimits) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        for name in [*folders, *names]:
            if (Path(place) / name).is_symlink():
                raise AlgorithmInvalid(f"{name!r} is a link; put the file itself there")
        for name in names:
            if not name.startswith(".") and not name.endswith(".pyc"):
                count += 1
                if count > limits.files:
                    raise AlgorithmInvalid(f"there are more than {limits.files} files")
                yield Path(place) / name


def _read(path: Path, most: int) -> bytes:
    """The file's bytes. Raises ``BadFile`` when it is no plain file, too large or not readable."""
    try:
        # Non-blocking, so that a pipe in the folder cannot hold the reader for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadFile(f"{path} is not a plain file")
            content = file.read(most + 1)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or 'cannot be read'}") from error
    if len(content) > most:
        raise BadFile(f"{path} has more than {most} bytes")
    return content


def _text(path: Path) -> str:
    try:
        return _read(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not UTF-8") from error
