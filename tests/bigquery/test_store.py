"""A store and a source in BigQuery, through the real client: the same verdict, each entry once, errors that help."""

import json
import math
import re

import pytest
from google.cloud import bigquery

from parsers.model import load
from pipeline.errors import BigQueryError, StoreError, UsageError
from pipeline.run import Job, check
from pipeline.sources.base import Request, open_sources
from pipeline.stores.base import StoreOptions, open_store
from pipeline.stores.bigquery import BigQueryStore
from pipeline.warehouse import Warehouse, parse
from pipeline.window import Window, parse_time
from tests.bigquery.sink import refused, sink
from tests.conftest import call, extracted, failing, healthy, line, ndjson, rules

#: Two packs, for the emulator takes minutes for all.
CATALOGUE = load(["cloud_run", "requests"])


def run(store, *sources, window=None):
    job = Job(open_sources([str(one) for one in sources]), CATALOGUE, rules()[1], Request(window or Window()))
    return check(job, open_store(str(store)))


def rounded(value):
    """Floats at six significant digits; digests differ by their key and stand in no verdict."""
    if isinstance(value, float) and math.isfinite(value) and value:
        return round(value, 5 - math.floor(math.log10(abs(value))))
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value


def documents(found):
    return {path: rounded(comparable(json.loads(one.model_dump_json()))) for path, one in found.verdicts}


def comparable(document):
    """A verdict without percentiles: those of the emulator's integer division are other ones."""
    if isinstance(document, dict):
        return {key: comparable(one) for key, one in document.items() if key not in ("p50", "p95", "p99")}
    return [comparable(one) for one in document] if isinstance(document, list) else document


def rows(client, text):
    return [dict(row) for row in client.query(text).result()]


@pytest.fixture
def logs(tmp_path):
    return ndjson(
        tmp_path / "logs.ndjson", [*failing(), *healthy(service="cart"), line(30, "Container called exit(3).")]
    )


def test_the_same_verdict_as_on_this_machine_and_each_entry_once(dataset, tmp_path, logs):
    """From files; a second run, and a third with some more, add nothing twice."""
    place, client = dataset
    name = parse(place).dataset
    ours, theirs = run(tmp_path / "store", logs), run(place, logs)
    assert documents(theirs) == documents(ours)
    assert theirs.totals == ours.totals
    assert len(documents(ours)) == 2
    kept = ours.totals["kept"]
    again = run(place, logs)
    assert documents(again) == documents(ours)
    assert (again.totals["kept"], again.totals["duplicates"]) == (kept, kept)
    more = run(place, ndjson(tmp_path / "more.ndjson", [*failing(), line(31, "Container called exit(4).")]))
    assert more.totals["kept"] == kept + 1
    assert rows(client, f"select count(*) as n from {name}.entries")[0]["n"] == kept + 1
    kept_verdicts = rows(client, f"select service, verdict, document from {name}.verdicts order by service")
    assert [row["service"] for row in kept_verdicts] == ["cart", "shop-api", "shop-api"][: len(kept_verdicts)]
    remembered = call("history", "--store", place, "--service", "shop-api", "--format", "json")
    assert {json.loads(line)["service"] for line in remembered.stdout.splitlines()} == {"shop-api"}, remembered.output
    tables = {table.table_id for table in client.list_tables(name)}
    assert tables == {"entries", "verdicts", "signatures", "watches", "notices", "checkpoints"}


def test_a_sink_as_source(dataset, tmp_path, logs, monkeypatch):
    """Into a store in BigQuery, and into one on this machine: the same as from files; what it could not write, too.

    On this machine by the Storage Read API, and without its address by a query.
    """
    place, client = dataset
    name = parse(place).dataset
    entries = [json.loads(text) for text in logs.read_text(encoding="utf-8").splitlines()]
    sink(client, name, entries[:-1])
    refused(client, name, entries[-1])
    ours = documents(run(tmp_path / "files", logs))
    inside = run(place, place)
    outside = run(tmp_path / "local", place)
    assert documents(inside) == documents(outside) == ours
    for found in (inside, outside):
        notes = [note for report in found.extraction.reports for note in report.notes]
        assert [note.split(";")[0] for note in notes] == ["export_errors holds entries that the sink could not write"]
    monkeypatch.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", "")
    queried = run(tmp_path / "queried", place)
    assert documents(queried) == ours
    assert "read by a query, not over the Storage Read API" in str(queried.extraction.reports[0].notes)
    assert inside.totals["read"] == outside.totals["read"] == len(entries)
    again = run(place, place)
    assert documents(again) == ours
    assert again.totals["duplicates"] == 0, "a sink's entries are classified where they are, and not copied"
    assert rows(client, f"select count(*) as n from {name}.entries")[0]["n"] == 0
    copied = call("extract", place, "--store", place, "--since", "2026-01-15T00:00:00Z")
    assert f"{len(entries):,} entries of the window" in copied.output
    both = run(place, place)
    assert documents(both) == ours
    assert both.totals["duplicates"] == len(entries)


def test_shards_by_day(dataset, tmp_path):
    """Only those of the window are read, by their names."""
    place, client = dataset
    name = parse(place).dataset
    for day, first in (("20260114", "x"), ("20260115", None)):
        entries = healthy() if first is None else [{**one, "insertId": f"other{n}"} for n, one in enumerate(healthy())]
        sink(client, name, entries, table=f"run_googleapis_com_requests_{day}")
    start = parse_time("2026-01-15T00:00:00Z", now=None)
    found = run(tmp_path / "local", f"{place}.run_googleapis_com_requests", window=Window(start, None))
    assert found.totals["read"] == len(healthy())
    assert not found.extraction.failed


def test_nanoseconds_stand_for_microseconds(dataset, tmp_path):
    """A sink has none; the same entry from a file replaces the sink's, and not the other way round."""
    place, client = dataset
    name = parse(place).dataset
    fine = {**healthy()[1], "timestamp": "2026-01-15T09:00:01.000000123Z"}
    coarse = {**fine, "timestamp": "2026-01-15T09:00:01.000000Z"}
    for number, one in enumerate((coarse, fine, coarse)):
        run(place, ndjson(tmp_path / f"{number}.ndjson", [one]))
    (row,) = rows(client, f"select timestamp_ns from {name}.entries")
    assert row["timestamp_ns"] % 1000 == 123


def test_a_load_that_was_not_merged_is_taken_up(dataset, tmp_path, logs):
    """A run killed between load and MERGE left its slice's table."""
    store = BigQueryStore(dataset[0])
    merge = store._merge

    def killed(*_arguments):
        raise KeyboardInterrupt

    store._merge = killed
    with pytest.raises(KeyboardInterrupt):
        extracted(store, logs)
    assert store.count(Window()) == 0
    store._merge = merge
    for _ in range(2):
        extracted(store, logs)
    assert store.count(Window()) == len(logs.read_text(encoding="utf-8").splitlines())


def test_tables_are_described(dataset):
    """Each column with its unit."""
    place, client = dataset
    if "demo" in place:
        pytest.skip("the emulator keeps no descriptions")
    with BigQueryStore(place, StoreOptions(expiration_days=30)).writing():
        pass
    table = client.get_table(f"{client.project}.{parse(place).dataset}.entries")
    assert [field.description for field in table.schema][:1] == ["logName as given"]
    assert table.time_partitioning.expiration_ms == 30 * 86_400_000
    assert table.clustering_fields == ["service", "revision"]


def test_a_dry_run_tells_bytes_and_runs_nothing(dataset, logs):
    """Of a store without tables only the source."""
    place, client = dataset
    name = parse(place).dataset
    sink(client, name, healthy())
    table = f"{place}.run_googleapis_com_stderr"
    found = call("check", table, "--store", place, "--since", "2026-01-15T00:00:00Z", "--dry-run")
    assert found.exit_code == 0, found.output
    assert "nothing was run" in found.output
    assert {table.table_id for table in client.list_tables(name)} == {"run_googleapis_com_stderr"}
    found = call("check", table, "--since", "2026-01-15T00:00:00Z", "--dry-run")
    assert found.exit_code == 0, found.output
    read = re.search(r"read bigquery://\S+: ([0-9,]+) bytes, ([0-9.]+) USD, over the Storage Read API\n", found.stdout)
    n_bytes = int(read[1].replace(",", ""))
    assert float(read[2]) == pytest.approx(n_bytes / 2**40 * 1.10, abs=1e-4)
    assert f"in all: {read[1]} bytes, {read[2]} USD on demand; nothing was run" in found.stdout


# ---------------------------------------------------------------- what goes wrong


def test_a_missing_dataset(dataset, logs):
    """Exit code 4, and how to make it."""
    place, _ = dataset
    found = call("check", logs, "--store", f"{place}x")
    assert found.exit_code == 4
    assert "bq mk" in found.output
    found = call("check", f"{place}x")
    assert found.exit_code == 4


def test_a_missing_table_and_a_dataset_without_logs(dataset):
    """Say what is there to do."""
    place, client = dataset
    found = call("check", f"{place}.nothing")
    assert found.exit_code == 4
    assert "no such table" in found.output
    client.create_table(
        bigquery.Table(f"{client.project}.{parse(place).dataset}.t", [bigquery.SchemaField("a", "STRING")])
    )
    assert "holds no table of log entries" in call("check", place).output


def test_a_view_and_a_column_of_another_type(dataset):
    """The store says so before it writes."""
    place, client = dataset
    name = f"{client.project}.{parse(place).dataset}"
    client.create_table(bigquery.Table(f"{name}.entries", [bigquery.SchemaField("log_name", "INTEGER")]))
    with pytest.raises(StoreError, match=r"entries.log_name is INT64, not STRING"), BigQueryStore(place).writing():
        pass
    client.delete_table(f"{name}.entries")
    view = bigquery.Table(f"{name}.entries")
    view.view_query = "select 1 as x"
    client.create_table(view)
    with pytest.raises((StoreError, BigQueryError), match=r"view|Existing|missing"), BigQueryStore(place).writing():
        pass


def test_a_refused_query(dataset):
    """The message is BigQuery's."""
    place, _ = dataset
    with pytest.raises(BigQueryError, match=r"(?i)nothing"):
        Warehouse(parse(place)).run("select nothing", "test")


def test_the_key_is_required(dataset, monkeypatch, logs):
    """Without it each run would make other digests."""
    place, _ = dataset
    monkeypatch.delenv("RUNVERDICT_PSEUDONYM_KEY")
    with pytest.raises(UsageError, match="RUNVERDICT_PSEUDONYM_KEY"):
        BigQueryStore(place)
    assert call("check", logs, "--store", place).exit_code == 2
