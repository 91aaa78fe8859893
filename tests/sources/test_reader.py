"""Files as batches of records: how many a batch has, what is decompressed, and where a text begins and ends."""

import codecs
import gzip
import os
import threading
import zlib

import pytest
import zstandard

from pipeline.sources.files import reader
from pipeline.sources.files.reader import read, resolve
from pipeline.sources.records import SourceReport


def batches(path, content, **more):
    """The lines of each batch of a file, and what was met."""
    path.write_bytes(content)
    report = SourceReport(str(path))
    found = [batch.lines for batch in read(str(path), report=report, **more)]
    assert (report.records, report.bytes_read) == (sum(map(len, found)), len(content))
    return found, report


def lines(path, content):
    """All lines of a file, and whether its end is missing."""
    found, report = batches(path, content)
    return [line for batch in found for line in batch], report.truncated


@pytest.mark.parametrize(
    ("batch_bytes", "batch_records", "wanted"),
    [
        (1023, 1000, [64, 1, 1, 1, 1, 1, 1]),
        (1024, 1000, [64, 2, 2, 2]),
        (1 << 20, 64, [64, 6]),
        (1 << 20, 65, [70]),
        (1 << 20, 70, [70]),
    ],
)
def test_a_batch_ends_by_its_bytes_and_its_records(tmp_path, monkeypatch, batch_bytes, batch_records, wanted):
    """As soon as it has so many; the first 64 KiB come at once. 70 lines of 1,023 bytes."""
    monkeypatch.setattr(reader, "BATCH_RECORDS", batch_records)
    found, _ = batches(tmp_path / "x.log", (b"x" * 1023 + b"\n") * 70, batch_bytes=batch_bytes)
    assert [len(batch) for batch in found] == wanted


def gzipped(text):
    return gzip.compress(text, mtime=0)


TEXT = b"".join(b"line %d\n" % (number * 7919 % 10007) for number in range(300))


@pytest.mark.parametrize("pack", [gzipped, zstandard.compress])
@pytest.mark.parametrize(
    ("texts", "between"), [([TEXT], b""), ([TEXT[:1000], TEXT[1000:]], b""), ([b"", TEXT, b""], b"")]
)
def test_all_members_are_decompressed(tmp_path, pack, texts, between):
    """One behind another, also empty ones."""
    content = between.join(map(pack, texts))
    assert lines(tmp_path / "x", content) == (TEXT.splitlines(), False)


@pytest.mark.parametrize("behind", [zlib.compress(b"more\n"), b"garbage", b"\x1f\x8b"])
def test_what_stands_behind_gzip_and_is_none_is_reported(tmp_path, behind):
    """What was before it is whole; zeros are only padding."""
    assert lines(tmp_path / "x", gzipped(TEXT) + behind) == (TEXT.splitlines(), True)
    assert lines(tmp_path / "x", gzipped(TEXT) + b"\0" * 9) == (TEXT.splitlines(), False)


def test_text_is_given_up_to_the_byte_that_is_damaged(tmp_path):
    """Of stored blocks of gzip, which are the text itself: all before the second one, whose length is none."""
    first, second = (b"\0" + b"\x06\0\xf9\xff" + text for text in (b"first\n", b"other\n"))
    head = gzipped(b"")[:10]
    assert lines(tmp_path / "x", head + first + second) == ([b"first", b"other"], True)  # lacks its end
    damaged = second.replace(b"\xf9", b"\xf8")
    assert lines(tmp_path / "x", head + first + damaged) == ([b"first"], True)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"\xef\xbb\xbfone\n", ["one"]),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbbone\n", ["\ufffdone"]),
        (codecs.BOM_UTF16_LE + "one\nä\n".encode("utf-16-le"), ["one", "ä"]),
        (codecs.BOM_UTF16_BE + "one\nä\n".encode("utf-16-be"), ["one", "ä"]),
        (codecs.BOM_UTF16_LE, []),
        (b"a", ["a"]),
        (b"ab\n", ["ab"]),
    ],
)
@pytest.mark.parametrize("batch_bytes", [1, 2, 3, 1 << 20])
def test_text_begins_behind_its_byte_order_mark(tmp_path, content, wanted, batch_bytes):
    """Also where there is little of it, and it comes in small pieces."""
    found, _ = batches(tmp_path / "x", content, batch_bytes=batch_bytes)
    assert [line.decode() for batch in found for line in batch] == wanted


@pytest.mark.parametrize(("end", "truncated"), [(b"", False), (b"\n", True), (b"\n\0", False)])
def test_a_text_in_utf16_that_ends_inside_a_character(tmp_path, end, truncated):
    """Is truncated, with a note."""
    content = codecs.BOM_UTF16_LE + '{"a": 1}\n'.encode("utf-16-le") + end
    found, report = batches(tmp_path / "x", content)
    assert (found, report.truncated) == ([[b'{"a": 1}']], truncated)
    assert report.notes == ["the UTF-16 text ends inside a character"] * truncated


@pytest.mark.parametrize(
    ("name", "read"),
    [
        *((f"a.{kind}", True) for kind in ("json", "ndjson", "jsonl", "log", "txt", "csv", "yaml", "yml")),
        *(("a.LOG", True), ("a.json.gz", True), ("a.log.zst", True), ("a.txt.zst.gz", True), (".a.log", False)),
        *(("a.gz", False), ("a.bak", False), ("log", False), ("a.parquet", False)),
    ],
)
def test_names_of_logs_in_a_folder(tmp_path, name, read):
    """By their endings; a hidden file is none."""
    (tmp_path / name).write_bytes(b"x")
    assert resolve([str(tmp_path)]) == [str(tmp_path / name)] * read


def test_a_pipe_is_read_until_its_writer_ends(tmp_path):
    """However late that goes on."""
    os.mkfifo(path := tmp_path / "pipe")
    goes_on = threading.Event()

    def write():
        with path.open("wb") as file:
            file.write(b"first\n" * 20_000)
            file.flush()
            goes_on.wait(10)
            file.write(b"last\n")

    writer = threading.Thread(target=write)
    writer.start()
    found = read(str(path), report=SourceReport("x"), batch_bytes=1000)
    count = len(next(found).lines)
    goes_on.set()
    rest = [line for batch in found for line in batch.lines]
    writer.join()
    assert (count + len(rest), rest[-1]) == (20_001, b"last")


@pytest.mark.parametrize(("size", "count", "truncated"), [(100_000, 70, False), (69_900, 69, True), (0, 65, True)])
def test_a_file_that_changes_while_it_is_read(tmp_path, size, count, truncated):
    """What is appended is left to the next run; where something is gone, the end is missing. 70 lines of 1 KiB."""
    path, report = tmp_path / "x.log", SourceReport("x")
    path.write_bytes((b"x" * 1023 + b"\n") * 70)
    found = read(str(path), report=report, batch_bytes=1000)
    lines = next(found).lines.copy()
    os.truncate(path, size)
    lines += [line for batch in found for line in batch.lines]
    assert (len(lines), report.truncated) == (count, truncated)
    assert report.notes == ["the file became shorter while it was read"] * truncated


@pytest.mark.parametrize("packed", [gzipped(b'{"n": 1}')[:-8], gzipped(b'{"n": 1}') + b"garbage"])
def test_a_whole_last_line_without_an_end_may_be_the_last_that_is_left(tmp_path, packed):
    """What was packed with it is missing."""
    found, report = batches(tmp_path / "x", packed)
    assert (found, report.truncated, len(report.notes)) == ([[b'{"n": 1}']], True, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zstandard.ZstdCompressor(write_checksum=True).compress(TEXT), ""),
        (zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)[:-4], "the zstd data ends early"),
        (zstandard.compress(TEXT) + b"\x28\xb5\x2f\xfd", "the zstd data ends early"),
        (zstandard.compress(TEXT) + b"garbage", "the zstd data is damaged; what stands behind the damage is lost"),
        (gzipped(TEXT)[:-8], "the gzip data ends early"),
        (gzipped(TEXT) + b"garbage", "the gzip data is damaged; what stands behind the damage is lost"),
    ],
)
def test_what_is_damaged_or_ends_early_is_said(tmp_path, content, reason):
    """Its end may be missing, though all lines of it are whole."""
    found, report = batches(tmp_path / "x", content)
    assert [line for batch in found for line in batch] == TEXT.splitlines()
    assert (report.truncated, report.notes) == (reason != "", [reason] if reason else [])
