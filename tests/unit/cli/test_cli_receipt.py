"""``solidgate receipt verify``: valid offline with a key file, a named error for anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from solidgate.cli.main import main
from solidgate.identity.jose import generate_key


def written(path: Path, content: str) -> str:
    path.write_text(content)
    return str(path)


def test_what_is_no_receipt_is_a_named_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = written(tmp_path / "keys.json", json.dumps({"keys": [dict(generate_key("EdDSA").public_jwk)]}))
    token = written(tmp_path / "receipt.jwt", "not a receipt")
    assert main(["receipt", "verify", token, "--jwks", keys, "--json"]) == 2
    assert "receipt.invalid" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 3}', '{"keys": ["x"]}', "é" * 10])
def test_keys_that_are_none_are_a_named_error(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, token = written(tmp_path / "keys.json", content), written(tmp_path / "receipt.jwt", "a.b.c")
    assert main(["receipt", "verify", token, "--jwks", keys]) == 2
    assert "file.unreadable" in capsys.readouterr().err


def test_a_file_that_is_missing_is_a_named_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["receipt", "verify", str(tmp_path / "none.jwt")]) == 2
    assert "file.unreadable" in capsys.readouterr().err
