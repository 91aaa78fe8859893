"""How many entries a batch of small files, and of exported objects, holds."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import SourceError
from pipeline.sources.base import Access, Request, open_sources
from pipeline.sources.files.source import MANY_FILES, FileSource, ManyFiles
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import SourceReport
from pipeline.window import Window
from tests.conftest import START, entry, line, ndjson
from tests.servers.cloud_storage import CloudStorage
from tests.sources.test_cloud_storage import STDOUT, hour, lines


def four(path):
    """A file of four lines."""
    return ndjson(path, [line(second, f"{path.name} {second}") for second in range(4)])


def heights(source, **more):
    """How many entries each batch has, and what was reported."""
    report = SourceReport(source.address)
    return [batch.rows.height for batch in source.batches(Request(**more), report)], report


@pytest.mark.parametrize(
    ("records", "wanted"), [(4, [4, 4, 4]), (5, [8, 4]), (8, [8, 4]), (9, [12]), (12, [12]), (13, [12])]
)
def test_a_batch_of_small_files_ends_with_a_file(tmp_path, monkeypatch, records, wanted):
    """That in which it has so many entries, and in the end with what is left."""
    monkeypatch.setattr("pipeline.sources.files.reader.BATCH_RECORDS", records)
    with EntryReader() as entries:
        source = ManyFiles("x", [FileSource(str(four(tmp_path / name)), entries) for name in "abc"], entries)
        found, report = heights(source)
    assert (found, report.records) == (wanted, 12)


@pytest.mark.parametrize(("more", "wanted"), [(0, [8, 4]), (1, [12]), (-1, [8, 4])])
def test_a_batch_of_small_files_ends_by_bytes_too(tmp_path, monkeypatch, more, wanted):
    """Those of its lines, without the ends of lines."""
    paths = [four(tmp_path / name) for name in "abc"]
    size = sum(len(text) for path in paths[:2] for text in path.read_bytes().split(b"\n"))
    monkeypatch.setattr("pipeline.sources.files.reader.BATCH_BYTES", size + more)
    with EntryReader() as entries:
        assert heights(ManyFiles("x", [FileSource(str(path), entries) for path in paths], entries))[0] == wanted


@pytest.mark.parametrize(("missing", "more"), [(3, ""), (4, "; and 1 more")])
def test_small_files_that_cannot_be_read_are_named(tmp_path, missing, more):
    """Three of them, after what can be read was."""
    with EntryReader() as entries:
        paths = [four(tmp_path / "a"), *(tmp_path / f"missing{n}" for n in range(missing))]
        source = ManyFiles("x", [FileSource(str(path), entries) for path in paths], entries)
        found = []
        with pytest.raises(SourceError, match=f"{missing} of its {missing + 1} small files could not be read") as error:
            found += [batch.rows.height for batch in source.batches(Request(), SourceReport("x"))]
    assert str(error.value).count("missing") == 3
    assert str(error.value).endswith(more)


@pytest.mark.parametrize(("n", "sources"), [(MANY_FILES - 1, MANY_FILES - 1), (MANY_FILES, 1)])
def test_fifty_small_files_are_one_source(tmp_path, n, sources):
    """A file of a mebibyte stands alone."""
    for number in range(n):
        ndjson(tmp_path / f"{number:02d}.ndjson", [line(number, "x")])
    (tmp_path / "large.ndjson").write_bytes(b'{"textPayload": "x"}\n' * 60_000)
    assert MANY_FILES == 50
    assert len(open_sources([str(tmp_path)])) == sources + 1


@pytest.mark.parametrize(("records", "wanted"), [(40, [40, 40, 0]), (41, [80, 0]), (100, [80])])
def test_a_batch_of_objects_ends_by_records(monkeypatch, records, wanted):
    """Two objects of 40 entries; what is left is the last batch, however little."""
    check_objects(monkeypatch, "BATCH_RECORDS", records, wanted)


def test_a_batch_of_objects_ends_by_bytes(monkeypatch):
    """So many as the first object's lines have, and one more."""
    size = sum(map(len, lines(9).split(b"\n")))
    check_objects(monkeypatch, "BATCH_BYTES", size, [40, 40, 0])
    check_objects(monkeypatch, "BATCH_BYTES", size + 1, [80, 0])


def check_objects(monkeypatch, limit, value, wanted):
    monkeypatch.setattr(f"pipeline.sources.cloud_storage.{limit}", value)
    with CloudStorage({hour(STDOUT, 9, f"S{n}"): lines(9, first=40 * n) for n in range(2)}).running() as url:
        (source,) = open_sources(["gs://logs/exports"], Access(url))
        window = Window(START, START + timedelta(hours=1))
        found, report = heights(source, window=window, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert (found, report.records, report.share) == (wanted, 80, 1.0)


@pytest.mark.parametrize(("size", "sources"), [(1, 1), ((1 << 20) - 1, 1), (1 << 20, 3), (0, 3)])
def test_a_file_below_a_mebibyte_is_small(tmp_path, monkeypatch, size, sources):
    """One of a mebibyte, and an empty one, stand alone; then one small file is left, which does so too."""
    monkeypatch.setattr("pipeline.sources.files.source.MANY_FILES", 3)
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_bytes(b"x")
    (tmp_path / "c.log").write_bytes(b"x" * size)
    found = open_sources([str(tmp_path)])
    assert len(found) == sources
    assert sum(source.size for source in found) == 2 + size
    assert not any(source.remote for source in found)


def test_a_folder_of_stored_and_other_files(tmp_path, monkeypatch):
    """Parquet is read by itself, whatever its size."""
    monkeypatch.setattr("pipeline.sources.files.source.MANY_FILES", 2)
    for name in ("a.log", "b.log", "c.parquet"):
        (tmp_path / name).write_bytes(b"x")
    found = open_sources([str(tmp_path / "*")])
    assert [type(source).__name__ for source in found] == ["StoredSource", "ManyFiles"]
    assert found[1].size == 2


def test_the_digest_of_many_files_is_that_of_each(tmp_path):
    """None where one cannot be read."""
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with EntryReader() as entries:
        files = [FileSource(str(tmp_path / name), entries) for name in "ab"]
        whole, other = ManyFiles("x", files, entries).digest(), ManyFiles("x", files[::-1], entries).digest()
        assert None not in (whole, other)
        assert whole != other
        gone = FileSource(str(tmp_path / "c"), entries)
        assert ManyFiles("x", [*files, gone], entries).digest() is None
        assert ManyFiles("x", [*files, gone], entries).size == 2


@pytest.mark.parametrize("pretty", [False, True])
def test_files_give_the_entries_that_report_deployments(tmp_path, pretty):
    """Each file its own, of lines or of other forms; standard input cannot be read for them."""
    status = {"message": "Ready condition status changed to True for Service shop-api."}
    audit = entry(1, log="cloudaudit.googleapis.com%2Fsystem_event", protoPayload={"status": status})
    for name in "ab":
        ndjson(tmp_path / name, [line(0, "x"), audit, line(2, "x")])
    if pretty:
        (tmp_path / "b").write_text(json.dumps([audit, line(2, "x")], indent=2))
    window = Window(START, START + timedelta(hours=1))
    with EntryReader() as entries:
        files = [FileSource(str(tmp_path / name), entries) for name in "ab"]
        found = ManyFiles("x", files, entries).audit_entries("shop-api", window)
        assert [rows["message"].to_list() for rows in found] == [[status["message"]]] * 2
        with pytest.raises(SourceError, match="reads its source twice"):
            FileSource("-", entries).audit_entries("shop-api", window)
