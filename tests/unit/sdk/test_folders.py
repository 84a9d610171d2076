"""Folders as they are found on disks: links, caches, missing and oversized files."""

import os
from pathlib import Path

import pytest

from solidgate.algorithm.pack import PackLimits, pack
from solidgate.assets import asset
from solidgate.errors import AlgorithmInvalid, BadFile, SpaceInvalid
from solidgate.sdk.folder import load_space, read_algorithm
from solidgate.space.policy import SpacePolicy

POLICY = SpacePolicy(purposes=frozenset({"https://w3id.org/dpv#ServicePersonalisation"}))
VALUES = {
    name: f"https://{name.replace('_', '-')}.example/#it" for name in ("owner", "code_provider", "consumer")
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = asset("examples", "blank-algorithm")
    for file in source.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            target = tmp_path / "algorithm" / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return tmp_path / "algorithm"


def test_caches_and_hidden_files_do_not_belong(folder: Path) -> None:
    before = read_algorithm(folder).digest
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    (folder / ".DS_Store").write_text("x")
    (folder / "blank" / "__pycache__").mkdir()
    (folder / "blank" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert read_algorithm(folder).digest == before


def test_mode_and_time_on_disk_matter_only_as_executable(folder: Path) -> None:
    before = read_algorithm(folder).digest
    file = folder / "blank" / "__init__.py"
    os.utime(file, (1, 1))
    file.chmod(0o600)
    assert read_algorithm(folder).digest == before
    file.chmod(0o700)
    assert read_algorithm(folder).digest != before


def test_a_package_file_is_the_same_program(folder: Path, tmp_path: Path) -> None:
    program = read_algorithm(folder)
    package = tmp_path / "x.zip"
    package.write_bytes(pack(program.files, program.executables))
    assert read_algorithm(package) == program


def test_links_are_refused(folder: Path) -> None:
    (folder / "more").symlink_to("/etc")
    with pytest.raises(AlgorithmInvalid, match="'more' is a link"):
        read_algorithm(folder)


def test_a_pipe_does_not_hang_the_reader(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(BadFile, match="not a plain file"):
        read_algorithm(folder)


def test_limits_stop_the_reading(folder: Path) -> None:
    with pytest.raises(AlgorithmInvalid, match="more than 2 files"):
        read_algorithm(folder, PackLimits(files=2))
    with pytest.raises(BadFile, match="more than 100 bytes"):
        read_algorithm(folder, PackLimits(file_bytes=100))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="neither"):
        read_algorithm(tmp_path / "nothing")
    with pytest.raises(BadFile, match=r"space\.toml"):
        load_space(tmp_path / "space.toml", POLICY)


def test_a_text_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    space = asset("examples", "home-energy", "space.toml")
    (tmp_path / "space.toml").write_bytes(space.read_bytes())
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "en.md").write_bytes(b"\xff")
    with pytest.raises(BadFile, match=r"en\.md is not UTF-8"):
        load_space(tmp_path / "space.toml", POLICY, VALUES)
    (tmp_path / "terms" / "en.md").write_text(" ")
    with pytest.raises(BadFile, match=r"fr\.md"):
        load_space(tmp_path / "space.toml", POLICY, VALUES)


def test_an_empty_text_is_found_after_reading(tmp_path: Path) -> None:
    source = asset("examples", "home-energy")
    for name in ("space.toml", "terms/en.md", "terms/fr.md", "terms/nl.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((source / name).read_bytes())
    (tmp_path / "algorithm").symlink_to(source / "algorithm")
    (tmp_path / "terms" / "nl.md").write_text(" ")
    with pytest.raises(SpaceInvalid, match="terms: has no text for nl"):
        load_space(tmp_path / "space.toml", POLICY, VALUES)
