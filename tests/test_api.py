"""The Python interface: frames in polars, verdicts as the command line gives them, figures returned."""

import json
import re

import polars as pl
import pytest

from pipeline import api
from pipeline.errors import CatalogueError, SourceError, UsageError
from tests.conftest import ROOT, call, failing, ndjson

NEW = "shop-api-00042-abc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def logs(folder):
    """A store of a service that fails."""
    return api.read(ndjson(folder / "x.ndjson", failing()), store=folder / "store")


def test_a_verdict_is_that_of_the_command_line(folder, logs):
    """Word for word; a store that holds the entries already gives the same."""
    printed = call("check", folder / "x.ndjson", "--format", "json").stdout
    for one in (logs, api.read(store=folder / "store")):
        assert json.loads(one.verdict().model_dump_json()) == json.loads(printed)
    with pytest.raises(UsageError, match=f"no revision to judge: {NEW}"):
        logs.verdict(revision="other")
    assert logs.verdicts(service="other") == []


def test_frames(logs):
    """Entries, events, measures and questions as polars frames."""
    assert logs.entries().collect().height == logs.events().collect().height == 41
    assert logs.revisions().select("service", "revision", "entries").rows() == [("shop-api", NEW, 41)]
    assert logs.measure("requests")["eligible_5xx"].to_list() == [10]
    asked = "select countif(http_status >= 500) as k, count(*) as n from requests where is_eligible"
    assert logs.query(asked).rows() == [(10, 40)]
    assert logs.query(api.sql("measures/exits")).height == 0
    with pytest.raises(UsageError, match="no measure 'nothing'; there are: ages, bodies"):
        logs.measure("nothing")
    for wrong in ("select", "select nothing from requests"):
        with pytest.raises(UsageError, match="the query cannot be run"):
            logs.query(wrong)
    for wrong in ("nothing", "../README", "measures/nothing"):
        with pytest.raises(UsageError, match="no file"):
            api.sql(wrong)


def test_more_can_be_added(tmp_path):
    """Entries join what is there; a store of no name goes with its logs."""
    found = api.read(ndjson(tmp_path / "x.ndjson", failing()[:10]))
    assert found.revisions()["entries"].to_list() == [10]
    found.add(ndjson(tmp_path / "y.ndjson", failing()))
    assert found.revisions()["entries"].to_list() == [41]
    path = found.path
    assert path.exists()
    del found
    assert not path.exists()


def test_a_verdict_as_frames(logs):
    """A row per check, per entry of proof, per statement, per signature."""
    verdict = logs.verdict()
    checks = api.checks(verdict)
    assert checks["check"].to_list() == [one.id for one in verdict.checks]
    (rate,) = checks.filter(pl.col("check") == "requests.error_rate").to_dicts()
    assert (rate["status"], rate["observed"], rate["n"], rate["baseline"]) == ("FAIL", 0.25, 40, None)
    assert rate["observed_low"] < 0.25 < rate["observed_high"]
    assert api.evidence(verdict, "requests.error_rate").height == 5
    assert api.evidence(verdict).height >= 5
    assert set(api.claims(verdict)["standing"]) == {"PROVEN", "REFUTED", "NO EVIDENCE"}
    assert api.signatures(verdict).columns == ["signature", "level", "n", "first"]


def test_the_readmes_lines_run(tmp_path, monkeypatch):
    """As they are written there, beside a file of that name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    ndjson(tmp_path / "logs.json", failing())
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(block, found)
    assert found["verdict"].verdict == "FAIL"


def test_figures(logs):
    """Matplotlib figures by name; a verdict on other logs is refused."""
    verdict = logs.verdict()
    assert list(logs.figures(verdict)) == ["minutes", "errors", "p95", "latency"]
    with pytest.raises(UsageError, match="no entry of other shop-api"):
        logs.figures(verdict.model_copy(update={"service": "other"}))


def test_the_history_of_a_store(folder):
    """Verdicts that the store remembers; a store in which nothing was judged has none."""
    logs = api.read(ndjson(folder / "z.ndjson", failing()), store=folder / "remembering")
    assert logs.history().is_empty()
    verdict = logs.verdict()
    assert logs.history().select("service", "revision", "verdict").rows() == [("shop-api", NEW, "FAIL")]
    other = failing(revision="00043-new")
    logs.add(ndjson(folder / "y.ndjson", other))
    logs.add(ndjson(folder / "z.ndjson", failing(revision="00044-newer")))
    assert "revisions" in logs.figures(verdict)


def test_a_block_of_ones_own(folder):
    """From a line to a block: what the catalogue makes of it before and after."""
    packs = folder / "packs"
    packs.mkdir()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(\[\"cache\.evicted\"\].*?)```", readme, re.DOTALL)
    (packs / "cache.toml").write_text(block)
    known = api.catalogue(packs)
    assert list(api.problems(known)) == []
    line = "WARNING cache evicted 512 entries"
    assert "cache.evicted" not in api.explain(line)
    assert api.explain(line, known).startswith("cache.evicted")
    (packs / "wrong.toml").write_text('["x.y"]\nmeaning = 1\n')
    with pytest.raises(CatalogueError):
        api.catalogue(packs)


def test_what_cannot_be_read_is_an_error(tmp_path):
    """A missing source, an empty one, none at all."""
    with pytest.raises(SourceError):
        api.read(tmp_path / "nothing.json")
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(SourceError, match="holds no entry"):
        api.read(tmp_path / "empty.json")
    with pytest.raises(UsageError, match="read what"):
        api.read()


def test_endpoints_and_changes_have_types(logs):
    """Numbers of verdict.json with their types, whether there is a baseline or not."""
    verdict = logs.verdict()
    endpoints = api.endpoints(verdict)
    (listed,) = verdict.requests.by_endpoint
    assert endpoints.row(0, named=True) == {
        "endpoint": listed.endpoint,
        "n": listed.n,
        "errors_5xx": 10,
        "p50_ms": listed.latency_ms.p50,
        "p95_ms": listed.latency_ms.p95,
        **dict.fromkeys(("before_n", "before_errors_5xx", "before_p50_ms", "before_p95_ms", "p95_change_ms")),
    }
    assert endpoints.schema["before_n"] == pl.Int64
    assert endpoints.schema["p95_change_ms"] == pl.Float64
    changes = api.changes(verdict.model_copy(update={"changes": []}))
    assert changes.schema == {
        **dict.fromkeys(("change", "signature", "level", "event"), pl.String),
        **dict.fromkeys(("n", "baseline_n"), pl.Int64),
        "first": pl.String,
    }


def test_the_slowest_endpoint_comes_first(tmp_path):
    """By how much its p95 rose; history has its figures once two runs are there, and they are pictures."""
    logs = api.sample("slow-database", store=tmp_path / "store")
    verdicts = logs.verdicts(revision="every")
    endpoints = api.endpoints(next(verdict for verdict in verdicts if verdict.baseline))
    rises = endpoints["p95_change_ms"].drop_nulls().to_list()
    assert rises == sorted(rises, reverse=True)
    assert endpoints["endpoint"][0] == "POST /api/checkout"  # 390 ms before, the slowest of the shop's by itself
    figures = logs.history_figures("shop-api")
    assert list(figures) == ["latency", "errors", "auth", "database"]  # one revision alone started an instance
    assert figures["latency"]._repr_png_().startswith(b"\x89PNG")
    assert logs.history_figures("other") == {}
