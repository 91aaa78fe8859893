"""The lines of a file that hold a text, found without reading the others; for NDJSON that is not compressed."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.sources.files.framing import is_lines, is_value
from pipeline.sources.files.otlp import is_otlp

_BLOCK = 4 << 20
_HEAD = 256 << 10
#: So many bytes of lines are given at a time; and a line beyond this length is left to the reader.
_BATCH = 16 << 20


def lines_with(path: str, text: bytes) -> Iterator[list[bytes]] | None:
    """Yield the lines that hold a text, some at a time; None where the file has to be read to know them.

    A line that is no JSON value raises ValueError: then it is a part of one.
    """
    return _batches(path, text) if _has_lines(path) else None


def _has_lines(path: str) -> bool:
    """Whether a regular file is one JSON object a line, by its start."""
    with suppress(OSError):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                head = file.read(_HEAD)
            return head.startswith(b"{") and is_lines(head) and not is_otlp(head)
    return False


def _batches(path: str, text: bytes) -> Iterator[list[bytes]]:
    found: list[bytes] = []
    held = 0
    for block in _whole_lines(path):
        at = block.find(text)
        while at >= 0:
            end = block.find(b"\n", at)
            line = block[block.rfind(b"\n", 0, at) + 1 : end if end >= 0 else len(block)].rstrip(b"\r")
            if not is_value(line):
                raise ValueError("the text stands in a part of a value")
            found.append(line.decode(errors="replace").encode())
            held += len(line)
            at = block.find(text, end) if end >= 0 else -1
        if held >= _BATCH:
            yield found
            found, held = [], 0
    yield found


def _whole_lines(path: str) -> Iterator[bytes]:
    with Path(path).open("rb", buffering=0) as file:
        rest = b""
        while block := file.read(_BLOCK):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
            if len(rest) > _BATCH:
                raise ValueError("a line is too long")
        if rest:
            yield rest
