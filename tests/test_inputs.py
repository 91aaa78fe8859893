"""What was read of each source, with the first record that is of no use: on stderr and in summary.json."""

import json

import pytest

from tests.conftest import call, entry, healthy, ndjson, small_batches

BALANCER = {"resource": {"type": "http_load_balancer", "labels": {}}, "log": "requests"}


def inputs(tmp_path, *sources, more=()):
    found = call("check", *sources, "--out", tmp_path / "out", "--format", "json", *more)
    return json.loads((tmp_path / "out" / "summary.json").read_text())["inputs"], found.stderr


@pytest.mark.parametrize("form", ["lines", "array", "one a file"])
def test_troubles_have_their_first_record(tmp_path, form):
    """Two of another type from record 4 on, three that are no entries from record 8 on."""
    made = [json.dumps(one) for one in healthy()]
    other = [json.dumps(entry(second, insertId=f"lb{second}", **BALANCER)) for second in (5, 6)]
    texts = [*made[:3], *other, *made[3:5], '{"a": 1}', '{"b": 2}', *made[5:], '{"c": 3}']
    path = tmp_path / "logs.json"
    if form == "one a file":
        path = tmp_path / "many"
        path.mkdir()
        for number, text in enumerate(texts):
            (path / f"{number:03d}.json").write_text(text)
        texts += texts[:10]  # fifty files or more are one source
        for number, text in enumerate(texts[-10:]):
            (path / f"9{number:02d}.json").write_text(text.replace("lb", "second-lb"))
    else:
        path.write_text("\n".join(texts) if form == "lines" else f"[{', '.join(texts)}]")
    (source,), stderr = inputs(tmp_path, path)
    assert source["entries"] == len(texts)
    if form == "one a file":
        assert (source["form"], source["first_unparsed"], source["first_other"]) == (None, None, None)
        assert (source["other_types"], source["unparsed"]) == (4, 5)
        return
    assert source == {
        "source": str(path),
        "form": "JSON",
        "entries": 46,
        "outside": 0,
        "other_types": 2,
        "first_other": 4,
        "unparsed": 3,
        "first_unparsed": 8,
        "cut": 0,
        "repaired_utf8": 0,
    }
    assert f"{path}: 3 of 46 entries could not be parsed, the first is record 8" in stderr
    assert f"{path}: 2 of 46 entries are of other resource types, the first is record 4" in stderr


def test_a_large_file_counts_over_its_batches(tmp_path, monkeypatch):
    small_batches(monkeypatch, 7)
    texts = [*healthy(), "no JSON"]
    (source,), _ = inputs(tmp_path, ndjson(tmp_path / "logs.json", texts))
    assert (source["unparsed"], source["first_unparsed"]) == (1, 42)


def test_each_source_has_its_own(tmp_path):
    """Two files: what of which is outside the window."""
    first = ndjson(tmp_path / "a.json", healthy())
    second = ndjson(tmp_path / "b.json", healthy(service="cart"))
    both, stderr = inputs(tmp_path, first, second, more=("--since", "2026-01-15T09:01:00Z"))
    assert [(one["source"], one["entries"], one["outside"]) for one in both] == [
        (str(first), 41, 21),
        (str(second), 41, 21),
    ]
    assert "could not be parsed" not in stderr


def test_a_name_of_a_person_is_redacted(tmp_path):
    path = ndjson(tmp_path / "bob@example.com.json", healthy())
    (source,), _ = inputs(tmp_path, path)
    assert source["source"].endswith("<email>.json") or "bob@" not in source["source"]


def test_reports_end_with_what_was_read(tmp_path):
    """Markdown and HTML name each source with its form, its entries and what was of no use, as summary.json does."""
    path = tmp_path / "logs.ndjson"
    path.write_text(ndjson(tmp_path / "good.ndjson", healthy()).read_text() + "{broken\n")
    call("check", path, "--out", tmp_path / "out")
    (source,) = json.loads((tmp_path / "out" / "summary.json").read_text())["inputs"]
    assert source["unparsed"] == 1
    for form in ("md", "html"):
        (report,) = (tmp_path / "out").rglob(f"report.{form}")
        text = report.read_text(encoding="utf-8")
        assert "1 could not be parsed (first: record " in text
        assert f"{source['entries']:,} entries from 1 source" in text
        assert "logs.ndjson" in text
