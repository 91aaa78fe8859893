"""Kinds of secrets and personal data: a made-up value of each, the line a service would log it in, and a field's name.

Values are templates, so that no scanner takes one for real: `{n20}` stands for 20 random letters and digits, and so on
(`_ALPHABETS`). In a line `{}` is the value.
"""

import random
import re
from dataclasses import dataclass
from pathlib import Path

_ALPHABETS = {
    "n": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "w": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
    "b": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "U": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "a": "abcdefghijklmnopqrstuvwxyz0123456789",
    "l": "abcdefghijklmnopqrstuvwxyz",
    "x": "0123456789abcdef",
    "X": "0123456789ABCDEF",
    "d": "0123456789",
    "D": "123456789",
}


@dataclass(frozen=True)
class Kind:
    """One kind. field: the key a structured log gives it."""

    name: str
    value: str
    line: str
    field: str


def drawn(template: str, seed: str) -> str:
    """Return a value of a template, the same for the same seed."""
    rng = random.Random(f"{template} {seed}")

    def piece(match: re.Match[str]) -> str:
        letters, length = _ALPHABETS[match[1]], int(match[2])
        text = "".join(rng.choice(letters) for _ in range(length))
        # Of real random text this long, nearly all holds a digit and both cases.
        if match[1] in "nwbAaxX" and length >= 6 and not re.search("[0-9]", text):
            text = text[:-2] + "7" + text[-1]
        return text

    return re.sub(r"\{([a-zA-Z])([0-9]+)\}", piece, template)


KINDS = tuple(
    Kind(*(cell.strip().replace("\\n", "\n") for cell in row.split(" | ")))
    for row in (Path(__file__).parent / "corpus" / "leak_kinds.txt").read_text("utf-8").splitlines()
    if not row.startswith("#")
)
