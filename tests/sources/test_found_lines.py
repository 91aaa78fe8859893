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
