"""A QR code of an address, as a picture in the page: no request, no script, dark on white in any theme."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_of(address: str) -> Markup:
    """The SVG element, hidden from screen readers: the address stands beside it as text."""
    code = segno.make(address, error="m", micro=False)
    drawn = code.svg_inline(border=3, light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    # The code holds no text: segno drew squares.
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704
