"""The W3C suites, as the source packages of pyshacl and rdflib carry them: from the registry, pinned by hash.

They are kept in ``.tools/suites`` and never in the repository. Versions and hashes are those of the lock,
requirements/test.txt.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".tools" / "suites"
PARTS = {"pyshacl": "test/resources/sht_tests/", "rdflib": "test/data/suites/w3c/"}


def locked(name: str) -> tuple[str, str]:
    """The version of a package in the lock, and its whole entry with the hashes."""
    lock = (ROOT / "requirements" / "test.txt").read_text()
    found = re.search(rf"^{name}==(\S+) (?:\\\n +--hash=\S+ ?)+", lock, re.MULTILINE)
    assert found is not None, f"{name} is not in the lock"
    return found[1], found[0]


def unpacked(name: str) -> Path:
    """The folder with the suite inside the source package; fetched once. Skips where no registry answers."""
    version, entry = locked(name)
    place = KEPT / f"{name}-{version}"
    if not (place / ".whole").exists():
        place.mkdir(parents=True, exist_ok=True)
        wanted = place / "requirement.txt"
        wanted.write_text(entry)
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
             "--require-hashes", "--dest", str(place), "-r", str(wanted)],
            capture_output=True,
            timeout=300,
            check=False,
        )  # fmt: skip
        if fetched.returncode:
            pytest.skip(f"the source package of {name} {version} cannot be fetched from the registry here")
        with tarfile.open(next(place.glob("*.tar.gz"))) as archive:
            top = f"{name}-{version}/"
            members = [one for one in archive if one.name.startswith(top + PARTS[name])]
            # The keyword ``filter`` came with Python 3.11.4; what is unpacked here is pinned by its hash.
            archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            archive.extractall(place, members)
        (place / ".whole").touch()
    return place / f"{name}-{version}" / PARTS[name]


@pytest.fixture(scope="session")
def shacl_suite() -> Path:
    """W3C data-shapes test suite, ``core`` and ``sparql``."""
    return unpacked("pyshacl")


@pytest.fixture(scope="session")
def rdf_suite() -> Path:
    """W3C suites of RDF 1.1 and SPARQL 1.1, a folder each."""
    return unpacked("rdflib")
