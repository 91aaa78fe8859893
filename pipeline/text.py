"""Text of logs made safe to show: a log line is hostile input."""

import re

from parsers.lines import ANSI

_ANSI = re.compile(ANSI)

#: Control characters (C0, C1) but newline and tab, and the marks that reorder, break or hide text (TR 36, UAX 9).
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


#: The digest that a store keeps behind a redacted id (`parsers.redact.identifiers`), in a URL too.
_DIGEST = re.compile(r"(<[a-z0-9]+>[^ #%]*|%3C[a-z0-9]+%3E[^ #]*?)(?:#|%23)[0-9a-f]{12}")


def shown(text: str) -> str:
    """Return a text in one line, without terminal escapes; hidden characters are written out as ``<U+202E>``."""
    plain = _ANSI.sub("", text).replace("\r\n", "\n").strip("\n")
    return harmless(plain.replace("\n", " ⏎ ").replace("\t", " ").replace("\r", " ⏎ "))


def harmless(text: str) -> str:
    """Return a text in its lines, without terminal escapes; hidden characters are written out as ``<U+202E>``."""
    return _HIDDEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", _ANSI.sub("", text))


def without_digest(text: str) -> str:
    """Return a text without the digests of redacted ids; none is ever shown, so their key changes no report.

    >>> without_digest("<email>#0123456789ab failed")
    '<email> failed'
    """
    return _DIGEST.sub(r"\1", text)


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun, such as `1 entry` or `2,000 entries`; nouns: the plural that is not noun + s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
