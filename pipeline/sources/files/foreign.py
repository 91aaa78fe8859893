"""Forms that people have logs in and that are not read, refused by name, with the command that exports well.

Read as lines they would be counted as entries, and their blank and equal lines as duplicates.
"""

import re

from pipeline.errors import SourceError

EXPORT = "export with: gcloud logging read FILTER --format=json > logs.json"
_UNPACK = "unpack it, and name the files or their folder"

#: By the bytes that a file starts with, at an offset: what it is, and what helps.
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"BZh", "compressed by bzip2", "decompress it; gzip and zstd are read as they are"),
    (0, b"\xfd7zXZ\x00", "compressed by xz", "decompress it; gzip and zstd are read as they are"),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4", "decompress it; gzip and zstd are read as they are"),
    (0, b"PAR1", "a Parquet file", "its name must end in .parquet, and only those of a runverdict store are read"),
    (0, b"Obj\x01", "an Avro file", EXPORT),
    (0, b"ORC", "an ORC file", EXPORT),
    (0, b"%PDF-", "a PDF file", EXPORT),
    (0, b"SQLite format 3\x00", "a SQLite database", EXPORT),
)

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?Z"
_LEVEL = "(?:DEFAULT|DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY)"
_LOCAL_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}"
_METHOD = "(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH)"

#: By the text that a file starts with: each line, or the whole head, as the name says. Compiled where one is tried, for
#: most files are JSON.
_COLUMNS = (
    "(?:INSERT_ID|LOG_NAME|TIMESTAMP|RECEIVE_TIMESTAMP|SEVERITY|TEXT_PAYLOAD|JSON_PAYLOAD|MESSAGE|RESOURCE|TRACE"
    "|SERVICE_NAME|REVISION_NAME|INSTANCE_ID|STATUS|LATENCY|REQUEST_METHOD|REQUEST_URL)"
)
_TABLE = rf"{_COLUMNS}[ \t]+{_COLUMNS}(?:[ \t]+[A-Z][A-Z0-9_]*)*[ \t]*(?:\n|$)"
#: As --format=table[box] draws it.
_BOX = rf"[┌╔+][─═+┬╤-]+[┐╗+]\n[│║|]\s*{_COLUMNS}\s"
_FUNCTIONS = (
    r"LEVEL\s+NAME\s+(?:EXECUTION_ID\s+)?TIME_UTC\s+LOG\b|LEVEL: .*\nNAME: .*\n(?:EXECUTION_ID:.*\n)?TIME_UTC: "
)
_LINES: tuple[tuple[str, str], ...] = (
    ("text as it is copied from the Cloud console", rf"{_LEVEL}\s+{_TIME}\s"),
    (
        "text as it is copied from the Cloud console",
        rf"(?:(?i:{_LEVEL})\s+)?{_LOCAL_TIME}\.[0-9]{{3}} [A-Z]{{3,5}}(?! \[)(?:\s|$)",
    ),
    ("text as gcloud run services logs read prints it", rf"{_LOCAL_TIME} {_METHOD} [1-5][0-9]{{2}} https?://"),
    ("text as gcloud logging read --format=value prints it", rf"(?:{_LEVEL}\t)?{_TIME}\t|[^\t]*\t{_TIME}(?:\t|$)"),
    ("text as firebase functions:log prints it", rf"{_TIME} [?DINWEA] [A-Za-z][A-Za-z0-9_-]*: "),
)

#: So many of the first lines that are not blank are looked at; so much of them has to be of the form, and one of the
#: first few, behind which may stand the lines of a trace, and before which the command.
_LOOKED_AT, _SHARE, _FIRST = 50, 0.2, 3


def refuse_foreign(source: str, head: bytes) -> None:
    """Raise SourceError for a file that starts like one of these. head: its first 64 KiB or all, decompressed."""
    for offset, magic, form, hint in _MAGIC:
        if head.startswith(magic, offset):
            raise SourceError(source, f"is {form}, which is not read", hint)
    if form := _text_form(head.decode("utf-8", "replace").replace("\r\n", "\n").lstrip()):
        raise SourceError(source, f"is {form}, which is not read", EXPORT)


def _text_form(text: str) -> str:
    """The name of a form of text; empty for any other text, and for JSON."""
    if text[:1] in ("{", "["):
        return ""
    if re.match(_TABLE, text) or re.match(_BOX, text):
        return "a table as gcloud logging read --format=table prints it, and lacks a column that a verdict needs"
    if re.match(_FUNCTIONS, text):
        return "text as gcloud functions logs read prints it"
    lines = [line for line in text.split("\n") if line.strip()][:_LOOKED_AT]
    if any(line.startswith(("{", "[")) for line in lines):
        return ""
    for form, pattern in _LINES:
        fitting = [re.match(pattern, line) is not None for line in lines]
        if any(fitting[:_FIRST]) and sum(fitting) >= _SHARE * len(lines):
            return form
    return ""
