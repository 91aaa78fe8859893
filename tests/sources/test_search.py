"""Lines that hold a text are found as reading the whole file finds them, or not at all."""

import gzip
import json

import pytest

from pipeline.sources.cloud_logging.deployments import AUDITED, audit_lines
from pipeline.sources.files import reader
from pipeline.sources.files.search import lines_with
from pipeline.sources.records import SourceReport

AUDIT = json.dumps({"insertId": "a", "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity"}).encode()
OTHER = json.dumps({"insertId": "b", "logName": "projects/p/logs/run.googleapis.com%2Fstdout"}).encode()
BROKEN = AUDIT.replace(b'"a"', b'"\xff"')


def as_read(path):
    return [line for batch in reader.read(str(path), report=SourceReport("x")) for line in audit_lines(batch.lines)]


@pytest.mark.parametrize(
    "lines",
    [
        [OTHER, AUDIT, OTHER, AUDIT],
        [OTHER, OTHER],
        [AUDIT + b"\r", OTHER + b"\r"],
        [OTHER, BROKEN, b"", b"text", AUDIT],
        [OTHER] * 70_000 + [AUDIT, OTHER],
    ],
    ids=["mixed", "none", "CRLF", "broken", "beyond a block"],
)
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["cut", "ended"])
def test_lines_are_found_as_they_are_read(tmp_path, lines, end):
    """The same bytes, repaired alike."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join(lines) + end)
    found = lines_with(str(path), AUDITED)
    assert found is not None
    assert [line for some in found for line in some] == as_read(path)


@pytest.mark.parametrize(
    "data",
    [gzip.compress(AUDIT), b"[" + AUDIT + b"]", b"insertId,logName\na,b\n", b"\xef\xbb\xbf" + AUDIT, b""],
    ids=["gzip", "array", "CSV", "byte order mark", "empty"],
)
def test_other_forms_are_left_to_the_reader(tmp_path, data):
    """What is not one object a line has to be read."""
    path = tmp_path / "a"
    path.write_bytes(data)
    assert lines_with(str(path), AUDITED) is None


def test_a_text_inside_of_a_longer_value_is_left_to_the_reader(tmp_path):
    """Pretty-printed entries behind lines."""
    path = tmp_path / "a"
    path.write_bytes(OTHER + b"\n" + json.dumps(json.loads(AUDIT), indent=2).encode() + b"\n")
    with pytest.raises(ValueError, match="part of a value"):
        list(lines_with(str(path), AUDITED) or [])


def test_a_pipe_is_left_to_the_reader(tmp_path):
    """It can be read but once."""
    assert lines_with(str(tmp_path), AUDITED) is None
    assert lines_with("-", AUDITED) is None
