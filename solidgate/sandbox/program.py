"""The approved program's files, imported from memory: nothing of them ever stands on a disk."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import io
import marshal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.resources.abc import Traversable, TraversableResources
from os import PathLike
from types import CodeType, ModuleType
from typing import Any


class ProgramImporter(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads modules from a mapping of paths (``package/module.py``) to bytes.

    ``compiled`` holds what ``compiled`` below made of some of them.
    """

    def __init__(self, files: Mapping[str, bytes], compiled: Mapping[str, bytes] | None = None) -> None:
        self._files = files
        self._compiled = compiled or {}

    def _path(self, name: str) -> str | None:
        stem = name.replace(".", "/")
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if path in self._files:
                return path
        return None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        place = self._path(fullname)
        if place is None:
            return None
        spec = importlib.util.spec_from_loader(
            fullname, self, origin=place, is_package=place.endswith("/__init__.py")
        )
        if spec is not None:
            spec.has_location = True  # gives the module a __file__, so that tracebacks name the source
        return spec

    def get_source(self, fullname: str) -> str | None:
        place = self._path(fullname)
        return None if place is None else importlib.util.decode_source(self._files[place])

    def get_code(self, fullname: str) -> CodeType | None:
        place = self._path(fullname)
        if place is None:
            raise ImportError(f"no module named {fullname}", name=fullname)
        if place in self._compiled:
            # Whoever could forge these bytes wrote the program that is about to run here anyway.
            found: CodeType = marshal.loads(self._compiled[place])  # noqa: S302
            return found
        return self.source_to_code(self._files[place], place)

    def is_package(self, fullname: str) -> bool:
        return (self._path(fullname) or "").endswith("/__init__.py")

    def get_data(self, path: str) -> bytes:
        """A file of the program, for ``pkgutil.get_data``."""
        if path not in self._files:
            raise FileNotFoundError(path)
        return self._files[path]

    def get_resource_reader(self, fullname: str) -> TraversableResources:
        return _Reader(fullname.replace(".", "/"), self._files)


class _Reader(TraversableResources):
    """A package's folder, for ``importlib.resources``."""

    def __init__(self, folder: str, files: Mapping[str, bytes]) -> None:
        self._folder, self._files = folder, files

    def files(self) -> Traversable:
        return _Place(self._folder, self._files)


class _Place(Traversable):
    """A file or folder of the program."""

    def __init__(self, path: str, files: Mapping[str, bytes]) -> None:
        self._path, self._files = path, files

    @property
    def name(self) -> str:
        return self._path.rsplit("/", 1)[-1]

    def iterdir(self) -> Iterator[Traversable]:
        start = f"{self._path}/"
        names = {path[len(start) :].split("/", 1)[0] for path in self._files if path.startswith(start)}
        return (_Place(start + name, self._files) for name in sorted(names))

    def is_dir(self) -> bool:
        return any(path.startswith(f"{self._path}/") for path in self._files)

    def is_file(self) -> bool:
        return self._path in self._files

    def joinpath(self, *descendants: str | PathLike[str]) -> Traversable:
        return _Place("/".join((self._path, *map(str, descendants))), self._files)

    def __truediv__(self, child: str | PathLike[str]) -> Traversable:
        return self.joinpath(child)

    def read_bytes(self) -> bytes:
        if not self.is_file():
            raise FileNotFoundError(self._path)
        return self._files[self._path]

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        content = io.BytesIO(self.read_bytes())
        return content if "b" in mode else io.TextIOWrapper(content, *args, **kwargs)


def compiled(files: Mapping[str, bytes]) -> bytes:
    """All modules that can be compiled, for ``entry_point``; made and read by confined forks only."""
    found = {}
    for path in (each for each in files if each.endswith(".py")):
        with suppress(Exception):  # whoever imports it will hear of it
            found[path] = marshal.dumps(ProgramImporter.source_to_code(files[path], path))
    return marshal.dumps(found)


def entry_point(files: Mapping[str, bytes], name: str, modules: bytes = b"") -> Callable[..., Any]:
    """Import ``package.module:function`` from ``files``. Whatever the program raises comes through.

    ``modules`` are the same files as ``compiled`` left them: without it they are compiled now.

    The importer comes last, so a program cannot put a module in the place of one of ours.
    """
    sys.meta_path.append(ProgramImporter(files, marshal.loads(modules) if modules else None))  # noqa: S302
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError("the entry point is not a function")
    return found  # type: ignore[no-any-return]
