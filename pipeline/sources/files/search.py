"""The lines of a file that hold a text, found without reading the others; for NDJSON that is not compressed."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.sources.files.framing import is_lines
from pipeline.sources.files.otlp import is_otlp

_BLOCK = 4 << 20
_HEAD = 256 << 10
#: So many bytes of lines are given at a time; and a line beyond this length is left to the reader.
_BATCH = 16 << 20


def lines_with(path: str, text: bytes) -> Iterator[list[bytes]] | None:
    """Yield the lines that hold a text, some at a time; None where the file has to be read to know them.

    A line that is no whole object raises ValueError: then it is a part of one.
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
    for block, start, stop in _whole_lines(path):
        at = block.find(text, start, stop)
        while at >= 0:
            end = block.find(b"\n", at, stop)
            end = stop if end < 0 else end
            line = block[block.rfind(b"\n", start, at) + 1 or start : end].rstrip(b"\r")
            if not (line.startswith(b"{") and line.endswith(b"}")):
                raise ValueError("the text stands in a part of a value")
            found.append(line.decode(errors="replace").encode())
            held += len(line)
            at = block.find(text, end, stop)
        if held >= _BATCH:
            yield found
            found, held = [], 0
    yield found


def _whole_lines(path: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield blocks, each with the start and end of whole lines in it, which are not copied."""
    with Path(path).open("rb", buffering=0) as file:
        rest = b""
        while block := file.read(_BLOCK):
            first, last = block.find(b"\n") + 1, block.rfind(b"\n") + 1
            if first:
                line, rest = rest + block[:first], block[last:]
                yield line, 0, len(line)
                yield block, first, last
            else:
                rest += block
            if len(rest) > _BATCH:
                raise ValueError("a line is too long")
        yield rest, 0, len(rest)
