"""What ``check`` finds in a program that is wrong in one way."""

import pytest

from solidgate.algorithm.check import check
from solidgate.algorithm.pack import program_of
from solidgate.assets import asset
from solidgate.derived import shape_lint
from solidgate.sdk.folder import read_algorithm
from solidgate.testing.algorithms import UnsafeInProcessRunner

CODE, SHAPES, EXPECTED = "blank/__init__.py", "shapes/output.ttl", "samples/first/expected.nt"
HASHED = b"rdflib==1.0 --hash=sha256:" + b"a" * 64


def _found(changes: dict[str, bytes | None], python: tuple[int, int] = (3, 11)) -> list[tuple[str, str]]:
    files = {**read_algorithm(asset("examples", "blank-algorithm")).files, **changes}
    program = program_of({path: content for path, content in files.items() if content is not None})
    provided = {"rdflib": "7.6.0"}
    found = check(
        program, UnsafeInProcessRunner(), shape_lint=shape_lint.lint, provided=provided, python=python
    )
    return sorted({(one.field, one.rule) for one in found})


def _edit(path: str, good: bytes, bad: bytes) -> dict[str, bytes | None]:
    content = read_algorithm(asset("examples", "blank-algorithm")).files[path]
    assert good in content
    return {path: content.replace(good, bad)}


def test_the_blank_program_has_no_finding() -> None:
    assert _found({}) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({CODE: b"def derive(person:"}, (CODE, "compiles")),
        ({CODE: b"\x00"}, (CODE, "compiles")),
        ({CODE: b"def other(person): ..."}, ("entry_point", "defined")),
        ({CODE: b"def derive(): ..."}, ("entry_point", "defined")),
        ({CODE: b"async def derive(person): ..."}, ("entry_point", "defined")),
        ({CODE: b"derive = 3"}, ("entry_point", "defined")),
        ({CODE: b"def derive(person): raise SystemError"}, ("samples/first", "runs")),
        ({CODE: b"def derive(person): return 3"}, ("samples/first", "runs")),
        ({CODE: b"import solidgate_has_no_such_module\ndef derive(person): ..."}, ("samples/first", "runs")),
        ({CODE: b"def derive(person): return []"}, ("samples/first", "expected")),
        (_edit(CODE, b"str(count)", b"str(count * -1)"), ("samples/first", "conforms")),
        (_edit(EXPECTED, b'"2"', b'"3"'), ("samples/first", "expected")),
        ({EXPECTED: None}, ("samples", "complete")),
        ({"samples/first/input/readings.ttl": None}, ("samples", "complete")),
        ({"samples/second/input/a.exe": b"", "samples/second/expected.nt": b""}, ("samples", "complete")),
        ({EXPECTED: None, "samples/first/input/readings.ttl": None}, ("samples", "has-sample")),
        (_edit(SHAPES, b"sh:closed true", b"sh:closed false"), (SHAPES, "closed")),
        ({SHAPES: b"not turtle"}, (SHAPES, "closed")),
        ({"requirements.lock": HASHED}, ("requirements.lock", "provided")),
    ],
)
def test_a_fault_is_found(changes: dict[str, bytes | None], expected: tuple[str, str]) -> None:
    assert expected in _found(changes)


def test_a_program_for_a_later_python_is_found() -> None:
    assert _found(_edit("algorithm.toml", b'"3.11"', b'"3.13"')) == [("python", "version")]
    assert _found(_edit("algorithm.toml", b'"3.11"', b'"3.13"'), python=(3, 13)) == []


def test_a_missing_aggregate_sample_is_found() -> None:
    toml = b'aggregate = "blank:derive"\negress'
    changes = _edit("algorithm.toml", b"egress", toml)
    content = changes["algorithm.toml"] or b""
    changes["algorithm.toml"] = content.replace(
        b'shapes = "shapes/output.ttl"',
        b'shapes = "shapes/output.ttl"\naggregate_shapes = "shapes/output.ttl"',
    )
    assert ("samples/aggregate.nt", "complete") in _found(changes)
