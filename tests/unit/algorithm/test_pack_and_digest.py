"""One package for one program: deterministic, bijective, and under one digest that covers everything."""

import io
import zipfile
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solidgate.algorithm.digest import digest
from solidgate.algorithm.manifest import Program
from solidgate.algorithm.pack import PackLimits, pack, program_of, unpack
from solidgate.errors import AlgorithmChanged, AlgorithmInvalid

keep_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
names = st.from_regex(r"[a-z]{1,6}(/[a-zé]{1,6}){0,2}\.txt", fullmatch=True)


def test_a_package_comes_back_as_itself(files: dict[str, bytes]) -> None:
    executables = frozenset({"small/__init__.py"})
    program = unpack(pack(files, executables))
    assert dict(program.files) == files
    assert program.executables == executables
    assert program.digest == program_of(files, executables).digest
    assert pack(program.files, program.executables) == pack(files, executables)


@keep_fixtures
@given(st.dictionaries(names, st.binary(max_size=40), max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(
    files: dict[str, bytes], more: dict[str, bytes], chance: object
) -> None:
    whole = list({**more, **files}.items())
    try:
        expected = pack(dict(whole))
    except AlgorithmInvalid:
        return  # two of the invented paths clash
    chance.shuffle(whole)  # type: ignore[attr-defined]
    assert pack(dict(whole)) == expected
    assert unpack(expected).digest == program_of(dict(whole)).digest


def test_the_package_is_pinned(files: dict[str, bytes]) -> None:
    # Another machine, another Python: the same bytes, or nobody can compare what they approved.
    program = unpack(pack(files))
    assert (
        sha256(pack(files)).hexdigest() == "a30ad0e0398d625f42bbfffc16a613b78d82481ae822b79cfd27d3440a9bddf9"
    )
    assert program.digest == "sha256:efbd426e1b22e023e52432490fe14b6265070090e6839b443bdaa869a479aede"


@keep_fixtures
@given(st.data())
def test_any_changed_byte_of_a_file_changes_the_digest(files: dict[str, bytes], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(["small/__init__.py", "shapes/output.ttl"]))
    content = data.draw(st.binary(max_size=60))
    changed = program_of({**files, path: content})
    assert (changed.digest == program_of(files).digest) == (content == files[path])


def test_path_and_mode_are_under_the_digest(files: dict[str, bytes]) -> None:
    base = program_of({**files, "a.txt": b""}).digest
    assert program_of({**files, "b.txt": b""}).digest != base
    assert program_of({**files, "a.txt": b""}, frozenset({"a.txt"})).digest != base
    assert program_of({**files, "a.txt": b""}, frozenset({"elsewhere.txt"})).digest == base


def test_every_promise_of_the_manifest_is_under_the_digest(home_energy: Program) -> None:
    manifest, files = home_energy.manifest, home_energy.files
    changes: list[dict[str, object]] = [
        {"entry_point": "home_energy:aggregate"},
        {"aggregate": ""},
        {"output_shapes": "shapes/input.ttl"},
        {"aggregate_shapes": ""},
        {"inputs": ()},
        {"output_vocabulary": ()},
        {"parameters": {**manifest.parameters, "year": 2024}},
        {"gate": {}},
        {"python": "3.12"},
        {"egress": "all"},
    ]
    seen = {digest(replace(manifest, **one), files) for one in changes}  # type: ignore[arg-type]
    assert len(seen | {home_energy.digest}) == len(changes) + 1


def test_another_program_than_the_approved_one_is_refused(files: dict[str, bytes]) -> None:
    content = pack(files)
    assert unpack(content, expected=program_of(files).digest).manifest.name == "small"
    with pytest.raises(AlgorithmChanged):
        unpack(content, expected="sha256:" + "0" * 64)


@keep_fixtures
@given(st.data())
def test_a_package_with_any_byte_changed_is_refused_or_another_program(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    content = bytearray(pack(files))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((AlgorithmInvalid, AlgorithmChanged)):
        unpack(bytes(content), expected=program_of(files).digest)


@given(st.binary(max_size=400))
def test_noise_is_refused_by_name(content: bytes) -> None:
    for offered in (content, b"PK\x03\x04" + content, content + b"PK\x05\x06" + b"\0" * 18):
        with pytest.raises(AlgorithmInvalid):
            unpack(offered)


def _zip(files: dict[str, bytes], **entry: object) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for path, content in sorted(files.items()):
            info = zipfile.ZipInfo(path)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            for name, value in entry.items():
                setattr(info, name, value)
            archive.writestr(info, content)
    return held.getvalue()


def test_other_ways_to_write_the_same_files_are_refused(files: dict[str, bytes]) -> None:
    assert _zip(files) == pack(files)
    archive = io.BytesIO(pack(files))
    with zipfile.ZipFile(archive, "a") as appended:
        appended.comment = b"hello"
    offered = [
        _zip(files, date_time=(1990, 1, 1, 0, 0, 0)),
        _zip(files, compress_type=zipfile.ZIP_DEFLATED),
        _zip(files, external_attr=0o120777 << 16),
        _zip(files, external_attr=0o100666 << 16),
        _zip(files, external_attr=0),
        _zip(files, extra=b"\x99\x99\x00\x00"),
        _zip(files, comment=b"x"),
        archive.getvalue(),
        pack(files) + b"tail",
        b"#!/bin/sh\n" + pack(files),
        pack(files)[:-1],
        _zip({**files, "folder/": b""}),
    ]
    for content in offered:
        with pytest.raises(AlgorithmInvalid):
            unpack(content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_doubled_name_is_refused(files: dict[str, bytes]) -> None:
    held = io.BytesIO(pack(files))
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr("small/__init__.py", b"evil")
    with pytest.raises(AlgorithmInvalid, match="twice"):
        unpack(held.getvalue())


BAD_PATHS = [
    ("../x.py", "empty, . or .."),
    ("a/../../x.py", "empty, . or .."),
    ("/etc/x", "relative"),
    ("C:/x.py", "relative"),
    ("a\\x.py", "relative"),
    ("a//x.py", "empty, . or .."),
    ("./x.py", "empty, . or .."),
    (".git/config", "hidden"),
    ("a/.env", "hidden"),
    ("e\u0301.py", "NFC"),
    ("a\u202ey.py", "printable"),
    ("a\n.py", "printable"),
    ("a\0.py", "printable"),
    ("x" * 241, "longer"),
    ("small/x.pyc", "compiled"),
    ("small/__pycache__/x.py", "compiled"),
    ("small/x.so", "compiled"),
    ("SMALL/__init__.py", "one file on some machines"),
    ("small", "is a file and a folder"),
    ("small/__init__.py/x", "is a file and a folder"),
]


@pytest.mark.parametrize(("path", "words"), BAD_PATHS)
def test_a_bad_path_is_refused(files: dict[str, bytes], path: str, words: str) -> None:
    for make in (pack, program_of):
        with pytest.raises(AlgorithmInvalid, match=words):
            make({**files, path: b""})


def test_limits_are_arguments_and_named(files: dict[str, bytes]) -> None:
    with pytest.raises(AlgorithmInvalid, match="more than 3 files"):
        pack(files, limits=PackLimits(files=3))
    with pytest.raises(AlgorithmInvalid, match="more than 10 bytes"):
        pack(files, limits=PackLimits(file_bytes=10))
    with pytest.raises(AlgorithmInvalid, match="more than 20 bytes together"):
        unpack(pack(files), PackLimits(total_bytes=20))
    with pytest.raises(AlgorithmInvalid, match="more than 2 files"):
        unpack(pack(files), PackLimits(files=2))


@pytest.mark.parametrize("path", ["algorithm.toml", "requirements.lock"])
def test_what_every_program_has_must_be_there(files: dict[str, bytes], path: str) -> None:
    del files[path]
    with pytest.raises(AlgorithmInvalid, match=f"{path} is missing"):
        program_of(files)
