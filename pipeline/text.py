"""Text of logs made safe to show: a log line is hostile input."""

import re

from parsers.lines import ANSI

_ANSI = re.compile(ANSI)

#: Control characters (C0, C1) but newline and tab, and the marks that reorder, break or hide text (TR 36, UAX 9).
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def shown(text: str) -> str:
    """Return a text in one line, without terminal escapes; hidden characters are written out as ``<U+202E>``."""
    plain = _ANSI.sub("", text).replace("\r\n", "\n").strip("\n")
    plain = plain.replace("\n", " ⏎ ").replace("\t", " ").replace("\r", " ⏎ ")
    return _HIDDEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", plain)
