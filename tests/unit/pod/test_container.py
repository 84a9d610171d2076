"""What is a container is told by the path alone, however the address is spelt."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from solidgate.pod.container import is_container

PIECES = st.sampled_from(
    ["https://", "http://", "http:", "pod.example", "/", "//", "a", ".", "%2F", "?q=/", "#f/", "\n", " ", "é"]
)


@given(st.lists(PIECES, max_size=8).map("".join))
@example("https://pod.example/a/")
@example("https://pod.example/a/?q")
@example("https://pod.example/a?q=/")
@example("https://pod.example/a/\n")
@example("https://")
@example("http:///")
def test_the_path_decides(url: str) -> None:
    assert is_container(url) == urlsplit(url).path.endswith("/")
