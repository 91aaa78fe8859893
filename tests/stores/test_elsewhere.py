"""`--history` and `--out` in a folder, in Cloud Storage and in BigQuery: what a job in a container leaves behind."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from pipeline.errors import StoreError
from pipeline.objects import Bucket
from pipeline.schema import HISTORY, polars_schema
from pipeline.stores.elsewhere import open_history
from pipeline.stores.local import LocalStore
from tests.conftest import call, healthy, line, ndjson, request
from tests.servers import cloud_storage as server
from tests.servers.cloud_storage import CloudStorage

#: The library leaves the connection of an answer that is an error to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

PLACE = "gs://reports/team/history"
OUTS = ("bucket", "folder")


@pytest.fixture
def logs(tmp_path):
    """A window of one revision, and a later one of the next."""
    first = ndjson(tmp_path / "first.json", healthy())
    second = ndjson(
        tmp_path / "second.json",
        [line(7200, "Application startup complete.", revision="00043-abc")]
        + [request(7200 + second, revision="00043-abc") for second in range(1, 121, 3)],
    )
    return first, second


def rows(verdict, run="ab12"):
    filled = dict.fromkeys(polars_schema(HISTORY["verdicts"]).names())
    return pl.DataFrame([{**filled, "run": run, "verdict": verdict}], schema=polars_schema(HISTORY["verdicts"]))


def test_pages_over_time_are_the_same_from_a_bucket(tmp_path, logs):
    """`history --out` of a folder and of Cloud Storage writes the same bytes."""
    cloud = CloudStorage()
    with cloud.running() as url:
        for place, out in ((PLACE, "bucket"), (str(tmp_path / "history"), "folder")):
            more = ("--history", place, "--api-endpoint", url)
            for path in logs:
                assert call("check", str(path), *more).exit_code == 0
            assert call("history", *more, "--out", str(tmp_path / out)).exit_code == 0
    names = [sorted(path.relative_to(tmp_path / out) for path in (tmp_path / out).rglob("*.*")) for out in OUTS]
    assert names[0] == names[1]
    assert len(names[0]) == 4
    for name in names[0]:
        assert (tmp_path / "bucket" / name).read_bytes() == (tmp_path / "folder" / name).read_bytes()


@pytest.mark.parametrize("place", ["folder", "bucket", "store"])
def test_some_columns_of_some_runs_are_loaded(tmp_path, place):
    """Columns in the order that was asked for; of no run there are no rows, with the same columns."""
    with CloudStorage().running() as url:
        address = {"bucket": PLACE, "folder": str(tmp_path)}.get(place)
        past = open_history(address, endpoint=url) if address else LocalStore(tmp_path)
        for run, verdict in (("ab12", "FAIL"), ("cd34", "PASS"), ("ef56", "WARN")):
            past.save("verdicts", run, rows(verdict, run))
        found = past.load("verdicts", ["cd34", "ef56"], ["verdict", "run"])
        assert (found.columns, found.rows()) == (["verdict", "run"], [("PASS", "cd34"), ("WARN", "ef56")])
        assert past.load("verdicts", columns=["run"]).to_series().to_list() == ["ab12", "cd34", "ef56"]
        assert past.load("verdicts", [], ["run"]).schema == pl.Schema({"run": pl.String})


def test_a_check_reads_no_document_of_history(tmp_path, logs):
    """Years of them are gigabytes; profiles are read of the runs that are compared with."""
    store = LocalStore(tmp_path / "store")
    more = ("--store", str(store.path), "--format", "json")
    call("check", str(logs[0]), *more)
    (name,) = [path.stem for path in store.slices("history/verdicts")]
    kept = store.read("history/verdicts", name)
    store.write("history/verdicts", name, kept.with_columns(document=pl.lit(1)))
    other = kept.with_columns(run=pl.lit("00"), revision=pl.lit("shop-api-00040-abc"), verdict=pl.lit("FAIL"))
    store.write("history/verdicts", "00", other.with_columns(profile=pl.lit("no profile")))
    found = json.loads(call("check", str(logs[1]), *more).stdout)
    assert found["baseline"] == "shop-api-00042-abc"


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_runs_that_passed_are_the_baseline(tmp_path, logs, kind):
    """From a history that is kept apart, as from the store's own."""
    cloud = CloudStorage()
    with cloud.running() as url:
        place = PLACE if kind == "bucket" else str(tmp_path / "history")
        more = ("--history", place, "--api-endpoint", url, "--format", "json")
        assert call("check", str(logs[0]), *more).exit_code == 0
        found = call("check", str(logs[1]), *more)
        listed = call("history", "--history", place, "--api-endpoint", url, "--format", "json")
    call("check", str(logs[0]), "--store", str(tmp_path / "one"))
    shutil.copytree(tmp_path / "one" / "history", tmp_path / "other" / "history")
    own = ("--store", str(tmp_path / "other"), "--format", "json")
    assert json.loads(found.stdout)["baseline"] == "shop-api-00042-abc"
    assert found.stdout == call("check", str(logs[1]), *own).stdout
    lines = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [line["revision"] for line in lines] == ["shop-api-00042-abc", "shop-api-00043-abc"]
    if kind == "bucket":
        assert all(name.startswith("team/history/") for name in cloud.names("reports"))
        assert len(cloud.names("reports")) == 4  # a verdict and its signatures, of two runs


def test_the_same_run_again_writes_nothing(logs):
    cloud = CloudStorage()
    with cloud.running() as url:
        more = ("--history", PLACE, "--out", "gs://reports/pages", "--format", "md,json", "--api-endpoint", url)
        call("check", str(logs[0]), *more)
        before = dict(cloud.objects)
        again = call("check", str(logs[0]), *more)
    assert again.exit_code == 0
    assert cloud.objects == before


def test_reports_have_a_folder_of_the_run(tmp_path, logs):
    """The files of a run in a folder, below a name that no other run has."""
    cloud = CloudStorage()
    with cloud.running() as url:
        for path in logs:
            more = ("--format", "md,json", "--api-endpoint", url)
            found = call("check", str(path), "--out", "gs://reports/pages/", *more)
    call("check", str(logs[1]), "--out", str(tmp_path / "out"), *more)
    names = cloud.names("reports")
    runs = sorted({name.split("/")[1] for name in names})
    assert [run[:9] for run in runs] == ["20260115T", "20260115T"]
    files = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.*")}
    assert {name.removeprefix(f"pages/{runs[1]}/") for name in names if runs[1] in name} == set(files)
    for name, path in files.items():
        assert cloud.objects["reports", f"pages/{runs[1]}/{name}"][1] == path.read_bytes()
    assert f"the reports are in gs://reports/pages/{runs[1]}" in found.stderr


@pytest.mark.parametrize("option", ["--history", "--out"])
def test_a_bucket_that_refuses_is_4_with_a_sentence(logs, option):
    cloud = CloudStorage()
    cloud.denied = {"reports"}
    with cloud.running() as url:
        found = call("check", str(logs[0]), option, "gs://reports/x", "--api-endpoint", url)
    assert found.exit_code == 4
    assert "gs://reports/x: permission denied: " in found.stderr
    assert "roles/storage.objectCreator" in found.stderr
    assert "Traceback" not in found.stderr
    # History is asked for before anything is read; the verdict is shown before its reports are refused.
    assert ("PASS" in found.stdout) == (option == "--out")


def test_a_changed_result_is_one_more_object_and_the_newest_counts():
    cloud = CloudStorage()
    with cloud.running() as url:
        place = open_history(PLACE, endpoint=url)
        for verdict in ("PASS", "PASS", "FAIL"):
            place.save("verdicts", "ab12", rows(verdict))
        assert cloud.names("reports") == [f"team/history/verdicts/ab12-000{n}.parquet" for n in (1, 2)]
        assert open_history(PLACE, endpoint=url).load("verdicts")["verdict"].to_list() == ["FAIL"]


def test_runs_side_by_side_lose_nothing():
    """Eight at a time, of which each pair writes the same run with another result."""
    cloud = CloudStorage()
    with cloud.running() as url:

        def save(number):
            open_history(PLACE, endpoint=url).save("verdicts", f"{number // 2:04x}", rows(str(number)))

        with ThreadPoolExecutor(8) as workers:
            list(workers.map(save, range(16)))
        assert len(cloud.names("reports")) == 16
        assert open_history(PLACE, endpoint=url).load("verdicts").height == 8


def test_an_answer_that_is_lost_makes_no_second_object(monkeypatch):
    """The object is made, its answer is 503: the next try finds it there."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    cloud = CloudStorage()

    def lost(server_, handler):
        handler._post("/upload/storage/v1/b/reports/o", "reports", answer=False)
        return server.status(503)(server_, handler)

    with cloud.running() as url:
        cloud.faults = {1: lost}
        assert Bucket("gs://reports/x", url).create("x/a", b"one", "text/plain")
    assert cloud.names("reports") == ["x/a"]


def test_an_object_that_is_no_parquet_is_named():
    cloud = CloudStorage()
    cloud.put("team/history/verdicts/ab-0001.parquet", b"no", bucket="reports")
    with cloud.running() as url, pytest.raises(StoreError, match=r"verdicts/ab-0001\.parquet"):
        open_history(PLACE, endpoint=url).load("verdicts")


def test_a_history_in_bigquery_needs_no_folder_of_reports_there(tmp_path, logs):
    found = call("check", str(logs[0]), "--out", "bigquery://p.d")
    assert found.exit_code == 2
    assert "--history takes bigquery://" in found.stderr


def test_history_names_one_place(tmp_path):
    assert call("history").exit_code == 2
    assert call("history", "--store", str(tmp_path), "--history", str(tmp_path)).exit_code == 2
    found = call("history", "--history", str(tmp_path / "none"))
    assert found.exit_code == 2
    assert "no such folder" in found.stderr
