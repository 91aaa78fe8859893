"""What the charts draw: every figure's frame, its labels with units and n, and the same bytes each time."""

import math
import re
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.aggregate.duckdb import DuckDBEngine
from pipeline.aggregate.measures import measure
from pipeline.report.drawing import described, png, svg, title
from pipeline.report.figures import FIGURES, figures
from pipeline.report.frames import charts
from pipeline.report.html import inline
from pipeline.stores.local import LocalStore
from tests.conftest import check, entry, line, ndjson, request
from tests.report.made_up import full

OLD, NEW = "shop-api-00041-xyz", "shop-api-00042-abc"
ID = {"project": "demo", "location": "europe-west1", "workload": "service", "service": "shop-api", "revision": NEW}
TIME = pl.Datetime("us", "UTC")


def at(minute, second=0):
    return datetime(2026, 1, 15, 9, minute, second, tzinfo=UTC)


def system(second, text, instance):
    more = {"log": "run.googleapis.com%2Fvarlog%2Fsystem", "insertId": f"system{instance}{second}"}
    return entry(second, textPayload=text, labels={"instanceId": instance}, **more)


def closed(second, code, revision):
    text = f"Disconnected user abc with code {code}: bye"
    return line(second, text, revision=revision, insertId=f"close{second}{code}{revision}")


def agent(second, name):
    return line(
        second, f"✅ EMISSION SUCCESS: {name} → user=2098 (run_id=run_a1b2, agent=pricing)", insertId=f"a{second}"
    )


def timed(second, revision, ms, status=200):
    row = request(second, status, revision=revision, insertId=f"r{revision}{second}")
    row["httpRequest"]["latency"] = f"{ms / 1000}s"
    return row


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The old revision serves for two minutes at 100 ms, the new one for three at 200 ms with an error in each."""
    folder = tmp_path_factory.mktemp("measured")
    old = [timed(second, "00041-xyz", 100) for second in range(0, 120, 4)]
    new = [timed(second, "00042-abc", 200, 500 if second % 60 == 8 else 200) for second in range(120, 300, 4)]
    start = "Starting new instance. Reason: AUTOSCALING - Instance started for more requests."
    systems = [system(100, start, "0000aaaaaa"), system(101, start, "0000bbbbbb")]
    systems += [system(second, "Container called exit(3).", "0000bbbbbb") for second in (130, 140)]
    closes = [closed(130, 1000, "00042-abc"), closed(131, 1008, "00042-abc"), closed(9, 1000, "00041-xyz")]
    ready = entry(
        110,
        log="cloudaudit.googleapis.com%2Fsystem_event",
        protoPayload={"status": {"message": f"Ready condition status changed to True for Revision {NEW}."}},
    )
    emitted = [agent(150, "agent_started"), agent(151, "agent_started"), agent(152, "agent_thinking")]
    logs = ndjson(folder / "x.ndjson", [*old, *new, *systems, *closes, ready, *emitted])
    check(folder / "store", logs)
    with DuckDBEngine(LocalStore(folder / "store").slices("events")) as engine:
        return measure(engine)


@pytest.fixture(scope="module")
def found(measured):
    """The frames of the new revision against the old one."""
    return charts(measured, ID, full())


def test_the_frame_of_latencies(found):
    """One row per step and role; the shares of a role are 1; each time lies within its step."""
    frame = found.latency
    assert frame.columns == ["role", "low_ms", "high_ms", "n", "share"]
    rows = {row["role"]: row for row in frame.to_dicts()}
    assert {role: (row["n"], row["share"]) for role, row in rows.items()} == {
        "revision": (45, 1.0),
        "baseline": (30, 1.0),
    }
    assert rows["baseline"]["low_ms"] < 100 <= rows["baseline"]["high_ms"]
    assert rows["revision"]["low_ms"] < 200 <= rows["revision"]["high_ms"]
    assert all(math.isclose(row["high_ms"] / row["low_ms"], 1.02**12) for row in rows.values())


def test_the_frame_of_medians(found):
    """Median and interval by rank, at most 1 % off."""
    assert found.medians["role"].to_list() == ["baseline", "revision"]
    assert found.medians["n"].to_list() == [30, 45]
    for name in ("median_ms", "low_ms", "high_ms"):
        assert all(abs(got / want - 1) < 0.0101 for got, want in zip(found.medians[name], (100, 200), strict=True))


def test_a_median_is_that_of_the_verdict_or_about(measured):
    """Exact where the chart has all user requests; of buckets, and so named, where it has some of them."""
    found = charts(measured, ID, full(baseline=None))
    exact = measured.latency.filter(pl.col("scope") == "eligible", pl.col("revision") == ID["revision"])["p50_ms"][0]
    assert found.medians.select("median_ms", "is_exact").rows() == [(exact, True)]
    fewer = charts(_with(measured, latency=measured.latency.with_columns(n_latency=1)), ID, full(baseline=None))
    assert fewer.medians["is_exact"].to_list() == [False]
    assert fewer.medians["low_ms"][0] <= fewer.medians["median_ms"][0] <= fewer.medians["high_ms"][0]
    assert re.search(r"now: median about (199|200|201) ms, 95 %", described(figures(fewer)["latency"]))


def test_medians_have_the_interval_of_ranks(measured):
    """Of 100 requests of 1 to 100 buckets the interval is that of the 40th and 61st."""
    rows = pl.DataFrame(
        {**ID, "kind": "endpoint", "name": "GET /", "phase": "steady", "part": 0, "bucket": range(1, 101)}
    )
    frame = charts(_with(measured, histograms=rows.with_columns(n=1)), ID, full(baseline=None)).medians
    (row,) = frame.to_dicts()
    buckets = [math.log(row[name] * 1e6) / math.log(1.02) + 0.5 for name in ("low_ms", "median_ms", "high_ms")]
    assert [round(bucket) for bucket in buckets] == [41, 50, 61]


def _with(measured, **frames):
    """The same measures, some of them others."""
    return type(measured)(**{**vars(measured), **frames})


def test_the_frame_of_minutes(found):
    """Every minute from the first to the last, of both roles, with the errors of each."""
    want = pl.DataFrame(
        {
            "role": ["baseline"] * 5 + ["revision"] * 5,
            "time": [at(minute) for minute in range(5)] * 2,
            "n": [15, 15, 0, 0, 0, 0, 0, 15, 15, 15],
            "errors_5xx": [0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
            "p95_ms": [100.0] * 2 + [None] * 5 + [200.0] * 3,
        },
        schema_overrides={"time": TIME},
    )
    assert_frame_equal(found.minutes, want, check_dtypes=False)
    assert found.minutes.schema["time"] == TIME


def test_the_frame_of_marks(found):
    """The revision's Ready and the verdict's incidents."""
    rows = [(row["time"], row["until"], row["kind"], row["label"]) for row in found.marks.to_dicts()]
    assert rows == [
        (at(1, 50), None, "ready", "ready"),
        (at(6, 7), at(6, 7), "incident", "crash loop: exit(3)"),
    ]


def test_the_frame_of_instances(found):
    """Those that started or exited, by the end of their id."""
    want = pl.DataFrame(
        {
            "instance": ["aaaaaa", "bbbbbb"],
            "first": [at(1, 40), at(1, 41)],
            "last": [at(1, 40), at(2, 20)],
            "start": [at(1, 40), at(1, 41)],
            "bad_exits": [0, 2],
        },
        schema_overrides=dict.fromkeys(("first", "last", "start"), TIME),
    )
    assert_frame_equal(found.instances, want)


def test_the_frame_of_closes(found):
    """Counts by code of both revisions."""
    assert sorted(found.closes.rows()) == [("baseline", 1000, 1), ("revision", 1000, 1), ("revision", 1008, 1)]


def test_the_frame_of_the_golden_path(found, measured):
    """The stages in their order, zero where none was seen; nothing at all where no agent spoke."""
    assert found.funnel.rows() == [
        ("websocket.accepted", 0),
        ("agent.started", 2),
        ("agent.thinking", 1),
        ("agent.tool_executing", 0),
        ("agent.tool_completed", 0),
        ("agent.completed", 0),
    ]
    silent = measured.events.filter(~pl.col("event").str.starts_with("agent."))
    assert charts(_with(measured, events=silent), ID, full()).funnel.is_empty()


def test_the_frame_of_revisions(measured, found):
    """A row per revision with requests, by time; earlier runs join, and a revision of the window is its own row."""
    assert found.trend.rows() == [(OLD, at(0), 30, 0.0, 100.0), (NEW, at(1, 40), 45, 3 / 45, 200.0)]
    history = pl.DataFrame(
        {
            "service": ["shop-api", "shop-api", "shop-api", "other"],
            "revision": ["shop-api-00040-aaa", "shop-api-00040-aaa", OLD, "other-00001-aaa"],
            "started": [f"2026-01-{day}T00:00:00.123456789Z" for day in (13, 14, 14, 14)],
            "verdict": "PASS",
            "eligible": [10, 20, 30, 40],
            "error_rate": [0.5, 0.25, 0.5, 0.5],
            "p50_ms": 1.0,
            "p95_ms": [70.0, 80.0, 90.0, 90.0],
        }
    )
    joined = charts(measured, ID, full(), history).trend
    assert joined.rows()[0] == ("shop-api-00040-aaa", datetime(2026, 1, 14, tzinfo=UTC), 20, 0.25, 80.0)
    assert joined.rows()[1:] == found.trend.rows()


def test_every_figure_has_units_and_n(found):
    """Each title has its n, each latency its unit, and what a figure shows stands with it in numbers."""
    three = found.trend.vstack(found.trend.head(1).with_columns(revision=pl.lit("shop-api-00040-aaa")))
    drawn = figures(replace(found, trend=three))
    assert list(drawn) == list(FIGURES)
    for name, figure in drawn.items():
        assert "n = " in title(figure), name
        assert re.search("[0-9]", described(figure)), name
    text = svg(drawn["latency"])
    assert re.search(r"now: median (199|200|201) ms, 95 % [0-9]+ ms to [0-9]+ ms \(n = 45\)", text)
    assert re.search(r"before: median (99.\d|100|101) ms, .* \(n = 30\)", text)
    assert described(drawn["minutes"]) == (
        "User requests a minute (n = 45, before 30): before 30, at most 15 a minute; now 45, at most 15 a minute; "
        "ready at 09:01:50 UTC; crash loop: exit(3) at 09:06:07 UTC"
    )
    assert "now 3 in 3 minutes; the first at 09:02, the last at 09:04 UTC" in described(drawn["errors"])
    assert "now 200 ms to 200 ms in 3 minutes" in described(drawn["p95"])


def test_without_5xx_failures_in_the_log_are_drawn(found):
    """Those of the incident with most of them, with its causes; nothing where there is neither."""
    calm = replace(found, minutes=found.minutes.with_columns(errors_5xx=0))
    figure = FIGURES["errors"](calm)
    assert title(figure) == "Failures in the log a minute (n = 15)"
    assert "platform.exit × 15" in described(figure)
    assert FIGURES["errors"](replace(calm, failures=found.failures.clear())) is None


def test_a_latency_far_from_others_takes_a_logarithmic_axis(found):
    """From eight times on; else the axis begins at zero."""
    assert FIGURES["p95"](found).axes[0].get_yscale() == "linear"
    far = found.minutes.with_columns(p95_ms=pl.col("p95_ms") * (1 + 10 * (pl.col("errors_5xx"))))
    assert FIGURES["p95"](replace(found, minutes=far)).axes[0].get_yscale() == "log"


def test_two_revisions_are_no_trend(found):
    """The numbers of the first screen say it."""
    assert found.trend.height == 2
    assert FIGURES["revisions"](found) is None


def test_figures_of_two_runs_are_the_same_bytes(measured):
    """SVG and PNG have no date, no random id and no version."""
    one, two = (figures(charts(measured, ID, full())) for _ in range(2))
    for name in FIGURES:
        if name not in one:
            continue
        text = svg(one[name])
        assert text == svg(two[name])
        assert not re.search("<dc:date>|Matplotlib v", text)
    picture = png(one["minutes"])
    assert picture == png(two["minutes"])
    assert b"tEXtSoftware" not in picture


def test_nothing_to_draw_is_no_figure(measured):
    """Another service has no chart, and no error."""
    assert figures(charts(measured, {**ID, "service": "other"}, full(incidents=[], baseline=None))) == {}


def test_a_crash_loop_of_many_instances_stays_readable(measured):
    """The first and the last ten are drawn, and the title counts all."""
    count = 74
    rows = measured.instances.filter(pl.col("bad_exits") > 0).head(1)
    many = pl.concat(
        [
            rows.with_columns(pl.lit(f"instance{place:06}").alias("instance_id"), pl.col("first_ns") + place * 10**9)
            for place in range(count)
        ]
    )
    figure = FIGURES["instances"](charts(_with(measured, instances=many), ID, full()))
    assert title(figure) == "Instances by end of id (n = 74, first and last 10 drawn)"
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(names), names[0], names[-1]) == (20, "000000", "000073")
    assert described(figure).startswith("Instances: 74 instances, 74 starts, 148 bad exits, from 09:01:41 to ")


def test_hostile_names_are_text(measured):
    """A title or a name that looks like SVG, mathematics or another script is drawn as text, in a page too."""
    name = '<script>$x^2$ "style=" מ' * 3
    bad = full().incidents[0].model_copy(update={"title": name})
    drawn = figures(charts(measured, ID, full(incidents=[bad])))
    text = inline(svg(drawn["minutes"]))
    assert "<script" not in text
    assert "$x^2$" in text
    assert not re.search("<[^>]* style=", text)
    assert "<style" not in text
    assert "#010203" not in text
    assert "currentColor" in text


@pytest.mark.parametrize(("name", "top"), [("minutes", 5_000), ("errors", 10), ("p95", 5_001)])
def test_a_month_is_drawn_with_its_highest_minute(found, name, top):
    """Of 43,200 minutes one is five times as high: the file is no larger than that of two days, and has it."""
    n = [minute * 7919 % 1000 for minute in range(43_200)]
    n[20_001] = 5_000
    columns = {"n": n, "errors_5xx": [k // 500 for k in n], "p95_ms": [k + 1.0 for k in n]}
    rows = pl.DataFrame({"role": "revision", **columns})
    time = (pl.lit(at(0)) + pl.duration(minutes=pl.int_range(pl.len()))).cast(TIME)
    figure = FIGURES[name](replace(found, minutes=rows.with_columns(time=time)))
    assert len(svg(figure)) < 500_000
    (axes,) = figure.axes
    shapes = [path.vertices for part in axes.collections for path in part.get_paths()]
    shapes += [part.get_xydata() for part in axes.lines if len(part.get_xydata()) > 2]
    assert max(float(points[:, 1].max()) for points in shapes) == top
