"""What `check` cannot do without, each a program of its own: what is left above them is classification and measures."""

import sys
from pathlib import Path

READING = """
import sys
from pipeline.extract import entries
from pipeline.sources.base import Access, Request, open_sources
from pipeline.sources.records import SourceReport
(source,) = open_sources([sys.argv[1]], Access())
for batch in source.batches(Request(), SourceReport(sys.argv[1])):
    pass
"""
REDACTION = READING.replace("    pass", "    entries(batch, sys.argv[1], b'key', whole=False)")


def commands(runverdict: str, path: str, folder: str) -> dict[str, list[str] | None]:
    """Return the command of each part on a file of lines; a check of its first line is what starting takes."""
    first = Path(folder, "first.ndjson")
    with Path(path).open("rb") as lines:
        first.write_bytes(lines.readline())
    return {
        "  a check of its first line": [runverdict, "check", str(first)],
        "  reading it alone": [sys.executable, "-c", READING, path],
        "  reading and redaction alone": [sys.executable, "-c", REDACTION, path],
    }
