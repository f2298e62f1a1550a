"""How wide a text will be, and how it is made to fit, without knowing the reader's font.

The widths are those of DejaVu Sans, the widest of the common sans-serif fonts, so that a text measured here
fits in any of them.
"""

from __future__ import annotations

import unicodedata

# Widths in hundredths of the font size; what is not named here is taken for an average letter.
_WIDTHS: dict[str, int] = {
    **dict.fromkeys("ijlI|!'.,:;` ", 35),
    **dict.fromkeys("ftr()[]-/\\", 42),
    **dict.fromkeys("csz", 56),
    **dict.fromkeys("mMW@%", 100),
    **dict.fromkeys("wGOQNHDU", 83),
    **dict.fromkeys("0123456789", 64),
}
_LETTER = 64
_CAPITAL = 74
_WIDE = 105
_BOLD = 1.12
_ELLIPSIS = "…"


def width(text: str, size: float, bold: bool = False) -> float:
    """An upper estimate of the width of `text` in pixels at a font size of `size` pixels."""
    hundredths = sum(_character(character) for character in text)
    return hundredths / 100 * size * (_BOLD if bold else 1)


def shortened(text: str, size: float, room: float, bold: bool = False) -> str:
    """`text` cut to `room` pixels, with an ellipsis where something is missing; empty if nothing fits."""
    if width(text, size, bold) <= room:
        return text
    # No more characters than the narrowest would allow: a very long text costs no more than a long one.
    most = int(room / (size * min(_WIDTHS.values()) / 100))
    for length in range(min(len(text) - 1, most), 0, -1):
        candidate = text[:length].rstrip() + _ELLIPSIS
        if width(candidate, size, bold) <= room:
            return candidate
    return ""


def legal(text: str) -> str:
    """`text` without characters that XML 1.0 does not allow, each replaced by U+FFFD.

    Source: https://www.w3.org/TR/xml/#charsets
    """
    return "".join(character if _is_legal(ord(character)) else "\ufffd" for character in text)


def _is_legal(code: int) -> bool:
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _character(character: str) -> int:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if ord(character) > 0x2FF:
        # Emoji and ideographs fill a square; combining marks cost nothing but are rare enough to be counted.
        return _WIDE if unicodedata.east_asian_width(character) in "WF" else _CAPITAL + 26
    return _CAPITAL if character.isupper() else _LETTER
