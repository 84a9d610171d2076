"""What is wrong looks different from a note, and can be read, by the colours of the style itself."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STYLE = (resources.files("solidgate.web") / "static" / "solidgate.css").read_text()
# The first is for light, the second for dark.
THEMES = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in STYLE.split(":root")[1:3]]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_an_error_has_a_ground_of_its_own_on_which_all_is_read(theme: dict[str, str]) -> None:
    assert re.search(r"\.note\.bad \{ background: var\(--alarm\)", STYLE)
    assert theme["alarm"] not in (theme["note"], theme["paper"])
    for text in ("ink", "soft", "accent", "bad"):
        assert contrast(theme[text], theme["alarm"]) >= 4.5, text
