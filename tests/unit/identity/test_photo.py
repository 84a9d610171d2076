"""Which photo of a profile may be fetched, and which bytes may be shown as one."""

from __future__ import annotations

import pytest

from solidgate.identity.photo import beside_profile, picture_type
from solidgate.identity.webid import read_profile

CARD = "https://anna.example/profile/card#me"


@pytest.mark.parametrize(
    ("named", "fetched"),
    [
        ("https://anna.example/me.png", "https://anna.example/me.png"),
        ("https://anna.example/me.png?v=2#face", "https://anna.example/me.png?v=2"),
        ("https://www.anna.example/me.png", ""),
        ("https://anna.example:8443/me.png", ""),
        ("http://anna.example/me.png", ""),
        ("https://tracker.example/anna.gif", ""),
        ("https://169.254.169.254/latest/meta-data/", ""),
        ("data:image/png;base64,AAAA", ""),
        ("file:///etc/passwd", ""),
        ("mailto:anna@anna.example", ""),
        ("https://[::1/", ""),
        ("", ""),
    ],
)
def test_only_the_origin_of_the_profile_is_asked(named: str, fetched: str) -> None:
    assert beside_profile(named, CARD) == fetched


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n and more", "image/png"),
        (b"\xff\xd8\xff\xe0 and more", "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", ""),
        (b"GIF89a", ""),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', ""),
        (b"<html>\x89PNG\r\n\x1a\n", ""),
        (b" \x89PNG\r\n\x1a\n", ""),
        (b"%PDF-1.7", ""),
        (b"", ""),
    ],
)
def test_only_pictures_without_any_text_in_them_are_shown(content: bytes, media_type: str) -> None:
    assert picture_type(content) == media_type


def test_the_first_address_of_either_term_is_the_photo() -> None:
    prefixes = "@prefix f: <http://xmlns.com/foaf/0.1/> . @prefix v: <http://www.w3.org/2006/vcard/ns#> ."
    said = {
        f'<{CARD}> v:hasPhoto <b.png> ; f:img "text", <a.png> .': "https://anna.example/profile/a.png",
        f"<{CARD}> v:hasPhoto <b.png> .": "https://anna.example/profile/b.png",
        f"<{CARD}> f:img <{'a' * 3000}> .": "",
        "<#other> f:img <a.png> .": "",
    }
    for triples, photo in said.items():
        found = read_profile(CARD, f"{prefixes} {triples}".encode(), "text/turtle", CARD.partition("#")[0])
        assert found.photo == photo
