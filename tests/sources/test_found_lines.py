"""Lines of a file that hold a text, found without parsing the others."""

import json

import pytest

from pipeline.sources.files import search
from pipeline.sources.files.search import lines_with
from tests.conftest import line, ndjson


def found(path, text=b"needle"):
    """The texts of the lines that were found, batch by batch."""
    return [[json.loads(one)["textPayload"] for one in batch] for batch in lines_with(str(path), text)]


@pytest.mark.parametrize("block", [1, 7, 100, 333, 1 << 20])
def test_every_line_with_the_text_is_found_once(tmp_path, monkeypatch, block):
    """Whatever is read at a time, with or without an end of the last line."""
    monkeypatch.setattr(search, "_BLOCK", block)
    texts = ["needle 0", "hay", "needle needle 1", "", "hay", "needle 2"]
    path = ndjson(tmp_path / "x.ndjson", [line(n, text) for n, text in enumerate(texts)])
    wanted = [text for text in texts if "needle" in text]
    assert [text for batch in found(path) for text in batch] == wanted
    path.write_bytes(path.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    assert [text for batch in found(path) for text in batch] == wanted


def test_batches_end_by_bytes(tmp_path, monkeypatch):
    """Two lines of so many bytes together; what is left is the last batch."""
    monkeypatch.setattr(search, "_BLOCK", 64)
    path = ndjson(tmp_path / "x.ndjson", [line(1, f"needle {n}", insertId="x") for n in range(5)])
    size = len(path.read_bytes().split(b"\n")[0])
    for limit, wanted in ((2 * size, [2, 2, 1]), (2 * size + 1, [3, 2]), (size, [1, 1, 1, 1, 1, 0])):
        monkeypatch.setattr(search, "_BATCH", limit)
        assert [len(batch) for batch in found(path)] == wanted
    monkeypatch.setattr(search, "_BATCH", size // 2)
    with pytest.raises(ValueError, match="too long"):
        found(path)


@pytest.mark.parametrize("text", ["just text\n", '[{"insertId": "a"}]\n', ""])
def test_other_files_are_not_searched(tmp_path, text):
    """Only lines of JSON objects."""
    (tmp_path / "x").write_text(text)
    assert lines_with(str(tmp_path / "x"), b"a") is None
    assert lines_with(str(tmp_path), b"a") is None


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(line(1, "needle"), indent=2),
        '{"resourceLogs": [{"scopeLogs": [{"logRecords": []}]}]}\n',
        '{"entries": [{"insertId": "needle"}]}\n',
        '\n{"insertId": "needle"}\n',
    ],
)
def test_other_objects_are_not_searched(tmp_path, content):
    """Of several lines, or of other forms; the reader is asked for them."""
    (tmp_path / "x").write_text(content)
    assert lines_with(str(tmp_path / "x"), b"needle") is None
    assert lines_with(str(tmp_path / "none"), b"needle") is None


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_a_text_that_begins_its_line_is_found(tmp_path, monkeypatch, block):
    """In the first line too."""
    monkeypatch.setattr(search, "_BLOCK", block)
    path = ndjson(tmp_path / "x.ndjson", [{"textPayload": text} for text in ("a", "b", "a")])
    assert found(path, b'{"textPayload": "a"') == [["a", "a"]]


@pytest.mark.parametrize("part", ['{"textPayload": "needle",', '"needle"}', "needle"])
def test_a_text_in_a_part_of_an_object_is_refused(tmp_path, part):
    """The reader joins the parts."""
    path = tmp_path / "x.ndjson"
    path.write_text(json.dumps(line(1, "hay")) + f"\n{part}\n")
    with pytest.raises(ValueError, match="part of a value"):
        found(path)


def test_the_longest_line_that_is_searched(tmp_path, monkeypatch):
    """As long as a batch may be."""
    monkeypatch.setattr(search, "_BLOCK", 1)
    path = ndjson(tmp_path / "x.ndjson", [line(1, "needle")] * 2)
    size = len(path.read_bytes().split(b"\n")[0])
    monkeypatch.setattr(search, "_BATCH", size)
    assert found(path) == [["needle"], ["needle"], []]
    monkeypatch.setattr(search, "_BATCH", size - 1)
    with pytest.raises(ValueError, match="too long"):
        found(path)
