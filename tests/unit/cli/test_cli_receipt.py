"""``solidgate receipt verify``: valid offline with a key file, a named error for anything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from solidgate.cli.main import main
from solidgate.consent.erasure import ErasureReport, Reach, sign_report
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


def report(folder: Path, at: datetime, issuer: str = "https://gate.example/") -> Path:
    """The report of an erasure as a person keeps it, with the key in the folder above."""
    key = generate_key("EdDSA")
    done = ErasureReport(
        "1", at, {"consents": 2, "receipts": 3}, 0, Reach(pods=("https://pod.example/r",)), ()
    )
    token = sign_report(done, "https://pod.example/me", issuer=issuer, key=key)
    (folder / "kept").mkdir()
    written(folder / "jwks.json", json.dumps({"keys": [dict(key.public_jwk)]}))
    return Path(written(folder / "kept" / "solidgate-erasure.jwt", token))


def test_the_report_of_an_erasure_is_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = report(tmp_path, datetime.now(UTC))
    assert main(["receipt", "verify", str(file)]) == 0
    told = capsys.readouterr().out
    assert "(5 rows)" in told
    assert "https://pod.example/r" in told
    assert str(tmp_path / "jwks.json") in told
    assert main(["receipt", "verify", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["credentialSubject"]["id"] == "https://pod.example/me"


def test_a_report_that_was_changed_or_is_not_yet_valid_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = report(tmp_path, datetime.now(UTC) + timedelta(days=1))
    assert main(["receipt", "verify", str(file)]) == 2
    assert "4: " in capsys.readouterr().err
    head, payload, signature = file.read_text().split(".")
    file.write_text(f"{head}.{payload}.{signature[:-4]}AAAA")
    assert main(["receipt", "verify", str(file)]) == 2
    assert "2: " in capsys.readouterr().err


def test_who_signed_is_said_only_where_the_issuer_itself_gave_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that came with the file prove that it is whole, not whose it is: anyone can sign in any name."""
    monkeypatch.setenv("SOLIDGATE_HTTP__ALLOW_PRIVATE_ADDRESSES", "true")
    with ThreadingHTTPServer(("localhost", 0), partial(_Quiet, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        issuer = f"http://localhost:{server.server_port}/"
        file = report(tmp_path, datetime.now(UTC), issuer)
        assert main(["receipt", "verify", str(file)]) == 0
        told = capsys.readouterr().out
        assert f"Signed by {issuer}" not in told
        assert f"in the name of {issuer}" in told
        (tmp_path / "jwks.json").rename(tmp_path / "jwks")
        assert main(["receipt", "verify", str(file)]) == 0
        assert f"Signed by {issuer}" in capsys.readouterr().out
        assert main(["receipt", "verify", str(file), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["keys_of_issuer"] is True
        assert main(["receipt", "verify", str(file), "--jwks", str(tmp_path / "jwks"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["keys_of_issuer"] is False
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, *arguments: object) -> None:
        pass
