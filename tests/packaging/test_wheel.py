"""The wheel has the package and its files, byte for byte, and works away from the checkout."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("config", "examples", "ontologies", "shapes")

# Run by the clean environment's Python: what an installed solidgate finds.
LOOK = """
import hashlib, json, pathlib, sys
import solidgate.assets as assets
assert "site-packages" in assets.__file__, assets.__file__
found = {}
for folder in sys.argv[1:]:
    root = assets.asset(folder)
    for path in root.rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__":  # what pip compiled
            name = f"{folder}/{path.relative_to(root).as_posix()}"
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
print(json.dumps(found))
"""


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source archive, as an index would offer it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(CHECKOUT), cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has solidgate from the wheel alone, far from the checkout."""
    home = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", str(home / "venv"), cwd=home)
    python = home / "venv" / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
        cwd=home,
    )
    return python


def tracked() -> dict[str, str]:
    """Digest of every file that git would commit in the folders that are shipped."""
    listing = run("git", "ls-files", "-co", "--exclude-standard", "-z", *FOLDERS, cwd=CHECKOUT)
    files = [name for name in listing.split("\0") if name and (CHECKOUT / name).is_file()]
    return {name: hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest() for name in files}


def test_every_asset_is_found_and_unchanged(installed: Path) -> None:
    output = run(str(installed), "-I", "-c", LOOK, *FOLDERS, cwd=installed.parent)
    assert json.loads(output) == tracked()


def test_no_asset_means_an_error_that_says_so(installed: Path) -> None:
    probe = """
from solidgate.assets import asset
from solidgate.errors import BadFile
try:
    asset("shapes", "no-such-file.ttl")
except BadFile as error:
    print(error.detail)
"""
    assert "shapes/no-such-file.ttl" in run(str(installed), "-I", "-c", probe, cwd=installed.parent)


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    listing = run("git", "ls-files", "-co", "--exclude-standard", "-z", "solidgate", cwd=CHECKOUT)
    assert {name for name in listing.split("\0") if name and (CHECKOUT / name).is_file()} <= inside
    strange = ("tests/", "docs/", "benchmarks/", "requirements/")
    assert not [name for name in inside if name.startswith(strange) or name.endswith(".pyc")]


def test_the_wheel_names_its_licence_and_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        words = {
            Path(name).name: archive.read(name).decode() for name in archive.namelist() if "dist-info" in name
        }
    assert "License-Expression: Apache-2.0" in words["METADATA"]
    assert "Apache License" in words["LICENSE"]
    assert "solidgate = solidgate.cli.main:main" in words["entry_points.txt"]
