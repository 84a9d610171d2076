"""The approved program's files, imported from memory: nothing of them ever stands on a disk."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.resources.simple import SimpleReader, TraversableReader
from types import CodeType, ModuleType
from typing import Any, BinaryIO


class ProgramImporter(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads modules from a mapping of paths (``package/module.py``) to bytes."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

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
        return self.source_to_code(self._files[place], place)

    def is_package(self, fullname: str) -> bool:
        return (self._path(fullname) or "").endswith("/__init__.py")

    def get_data(self, path: str) -> bytes:
        """A file of the program, for ``pkgutil.get_data``."""
        if path not in self._files:
            raise FileNotFoundError(path)
        return self._files[path]

    def get_resource_reader(self, fullname: str) -> TraversableReader:
        return _Reader(fullname, fullname.replace(".", "/"), self._files)


class _Reader(TraversableReader):
    """One folder of the program, for ``importlib.resources``."""

    def __init__(self, package: str, folder: str, files: Mapping[str, bytes]) -> None:
        self._package, self._folder, self._files = package, folder, files

    @property
    def package(self) -> str:
        return self._package

    @property
    def name(self) -> str:
        return self._folder.rsplit("/", 1)[-1]

    def _below(self) -> set[tuple[str, bool]]:
        rests = (path[len(self._folder) + 1 :] for path in self._files if path.startswith(f"{self._folder}/"))
        return {(rest.split("/", 1)[0], "/" in rest) for rest in rests}

    def children(self) -> list[SimpleReader]:
        return [
            _Reader(self._package, f"{self._folder}/{name}", self._files)
            for name, is_folder in sorted(self._below())
            if is_folder
        ]

    def resources(self) -> list[str]:
        return [name for name, is_folder in sorted(self._below()) if not is_folder]

    def open_binary(self, resource: str) -> BinaryIO:
        return io.BytesIO(self._files[f"{self._folder}/{resource}"])


def entry_point(files: Mapping[str, bytes], name: str) -> Callable[..., Any]:
    """Import ``package.module:function`` from ``files``. Whatever the program raises comes through.

    The importer comes last, so a program cannot put a module in the place of one of ours.
    """
    sys.meta_path.append(ProgramImporter(files))
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError("the entry point is not a function")
    return found  # type: ignore[no-any-return]
