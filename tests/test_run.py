"""One answer for the same entries, whatever their order, framing and files; and totals that hold on every window."""

import json
import random

import polars as pl
import pytest

from pipeline.assess.totals import unreconciled
from pipeline.errors import SourceError
from pipeline.report.files import contents, write
from pipeline.simulate import SCENARIOS, simulate
from pipeline.window import Window, parse_time
from tests.conftest import (
    START,
    call,
    check,
    documents,
    entry,
    failing,
    hard_to_tell_apart,
    healthy,
    line,
    ndjson,
    request,
    rules,
    stamp,
)

WANTED = {
    "healthy": "PASS",
    "no-traffic": "INCONCLUSIVE",
    **dict.fromkeys(("crash-loop", "auth-outage", "rejected-handshakes", "memory-kill"), "FAIL"),
    **dict.fromkeys(("flask-errors", "next-errors", "go-errors"), "FAIL"),
}


def bag():
    """Entries of every kind, and those whose order or identity is hard: what must not matter."""
    return [
        *simulate("crash-loop", seed=3, minutes=1.5, requests_per_minute=60),
        *hard_to_tell_apart(),
        entry(35, textPayload={"not": "a LogEntry"}),
    ]


BAG = bag()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What one file in ascending order gives."""
    folder = tmp_path_factory.mktemp("reference")
    return check(folder / "store", ndjson(folder / "all.ndjson", BAG))


def test_the_bag_is_judged(reference):
    """The reference is worth comparing with: two revisions, unparsed and unattributed entries, duplicates."""
    assert len(reference.verdicts) == 2
    assert reference.totals["read"] == len(BAG)
    assert reference.totals["duplicates"] == 2
    assert reference.totals["unparsed"] == 1
    assert reference.totals["unattributed"] == 1


@pytest.mark.parametrize(
    ("order", "files", "forms", "doubled"),
    [
        ("ascending", 3, ("lines", "array", "pretty"), 0),
        ("descending", 1, ("array",), 40),
        ("descending", 4, ("pretty", "lines", "lines", "array"), 7),
        ("shuffled", 1, ("lines",), 1),
        ("shuffled", 5, ("array", "pretty", "lines", "pretty", "array"), 40),
    ],
)
def test_order_files_forms_and_doubles_do_not_matter(tmp_path, reference, order, files, forms, doubled):
    """The same entries give the same bytes of verdict.json, and what stands twice is counted, once."""
    seed = f"{order} {files} {doubled}"
    rng = random.Random(seed)
    extra = rng.sample(range(len(BAG)), doubled)
    entries = [*BAG, *(BAG[place] for place in extra)]
    if order == "descending":
        entries.reverse()
    elif order == "shuffled":
        rng.shuffle(entries)
    paths = []
    for number in range(files):
        share = entries[number::files] if order == "shuffled" else entries[_slice(entries, number, files)]
        text = {
            "lines": "".join(json.dumps(one) + "\n" for one in share),
            "array": json.dumps(share),
            "pretty": json.dumps(share, indent=2),
        }[forms[number]]
        paths.append(tmp_path / f"{rng.random()}.json")
        paths[-1].write_text(text)
    found = check(tmp_path / "store", *paths)
    assert documents(found) == documents(reference)
    # The unparsed entry is kept as its text stands, which another framing writes in another way: so only its
    # copies in the same framing are duplicates, where it has no key. This one has a key.
    assert found.totals["read"] == len(entries)
    assert found.totals["kept"] == reference.totals["kept"]
    assert found.totals["duplicates"] == reference.totals["duplicates"] + doubled


def _slice(entries, number, files):
    step = len(entries) // files + 1
    return slice(number * step, (number + 1) * step)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_has_its_verdict_and_its_totals_hold(tmp_path, scenario):
    """The worst verdict is what a careful engineer would say, and nothing is lost on the way."""
    entries = list(simulate(scenario, minutes=8 if scenario.endswith("-errors") else 4))
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", entries))
    assert found.totals["read"] == len(entries)
    assert found.totals["duplicates"] == found.totals["unparsed"] == 0
    assert unreconciled(found.totals, [one for _, one in found.verdicts]) == []
    if scenario in WANTED:
        assert found.verdict == WANTED[scenario]
    newest = found.verdicts[0][1]
    assert newest.revision.split("-")[-2] > found.verdicts[-1][1].revision.split("-")[-2] or len(found.verdicts) == 1


def test_a_broken_total_gives_no_verdict(tmp_path):
    """Exit 4: a count that does not hold is our bug, not the service's state."""
    path, store = ndjson(tmp_path / "x.ndjson", healthy()), tmp_path / "store"
    arguments = ("check", path, "--store", store, "--since", stamp(0), "--until", stamp(3600))
    assert call(*arguments).exit_code == 0
    # An event that is not where its entry is: as if a stage had changed its time.
    (slice_,) = (store / "events").iterdir()
    events = pl.read_parquet(slice_, hive_partitioning=False)
    later = pl.when(pl.int_range(pl.len()) == 1).then(24 * 3600 * 10**9).otherwise(0)
    events.with_columns(pl.col("timestamp_ns") + later).write_parquet(slice_)
    result = call(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 4
    assert "totals do not reconcile, so no verdict is given: read = kept + duplicates: 82 and 81" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_window_of_files_is_compared_with_the_time_before_it(tmp_path):
    """Read with it, and counted as outside; a store that knows the file by another window reads it again."""
    old = [request(second, revision="00041-xyz") for second in range(0, 300, 3)]
    new = [request(second, 403 if second % 2 else 200) for second in range(300, 600, 3)]
    path, store = ndjson(tmp_path / "x.ndjson", [*old, *new]), tmp_path / "store"
    whole = json.loads(call("check", path, "--store", store, "--format", "json").stdout)
    for since in (stamp(300), stamp(303)):
        found = json.loads(call("check", path, "--store", store, "--since", since, "--format", "json").stdout)
        assert (found["verdict"], found["baseline"]) == ("FAIL", "shop-api-00041-xyz")
        assert found["compared"]["eligible"] == whole["compared"]["eligible"] == 100
        assert found["requests"]["n"] == 100 - (since == stamp(303))
        assert found["window"]["covered_start"] >= since
    alone = call("check", path, "--since", stamp(300), "--baseline", "shop-api-00041-xyz")
    assert (alone.exit_code, "(before 100)" in alone.stdout) == (1, True)
    none = call("check", path, "--since", stamp(300), "--baseline", "none")
    assert "No baseline: nothing is compared" in none.stdout
    assert "No baseline" not in alone.stdout


def test_a_window_keeps_its_start_and_not_its_end(tmp_path):
    """Half-open, to the nanosecond; an entry without a time is in every window; the rest is counted as outside."""
    entries = [line(second, f"line {second}") for second in range(10)]
    entries += [entry(5, timestamp=stamp(5, "000000001"), insertId="n"), entry(5, timestamp=stamp(4, "999999999"))]
    entries += [entry(0, timestamp=None, textPayload="whenever")]
    window = Window(start=parse_time(stamp(5), now=START), end=parse_time(stamp(8), now=START))
    found = check(tmp_path / "store", ndjson(tmp_path / "x.ndjson", entries), window=window)
    assert found.totals["read"] == found.totals["kept"] == 5
    assert found.extraction.outside == len(entries) - 5
    wider = check(tmp_path / "store", tmp_path / "x.ndjson")
    assert wider.totals["kept"] == len(entries)
    again = check(tmp_path / "store", tmp_path / "x.ndjson", window=window)
    assert documents(again) == documents(found)
    assert again.totals["kept"] == 5


def test_settled_where_the_file_goes_on(tmp_path):
    """A window is settled if the file has entries from long enough after its end; else a note says what may miss."""
    path = ndjson(tmp_path / "x.ndjson", [*healthy(), line(400, "much later")])
    asked = Window(end=parse_time(stamp(119), now=START))
    # The newest entry was received at 400.5 s.
    for window, settle_s, settled in ((Window(), 200, False), (asked, 281.5, True), (asked, 281.500001, False)):
        found = check(tmp_path / f"store{settle_s}{window.end}", path, window=window, settle_s=settle_s)
        document = found.verdicts[0][1]
        assert document.window.settled is settled, (window, settle_s)
        assert document.requests.n == 40
        assert any("not settled" in note for note in document.notes) is not settled


def test_a_source_that_fails_does_not_stop_the_others(tmp_path):
    """What was read before and after it is judged; the failure is reported."""
    good = ndjson(tmp_path / "x.ndjson", healthy())
    (tmp_path / "a.parquet").write_bytes(b"PAR1, and no more")
    found = check(tmp_path / "store", tmp_path / "a.parquet", good)
    assert found.verdict == "PASS"
    assert [type(error) for error in found.extraction.failed] == [SourceError]
    assert [one.records for one in found.extraction.reports] == [0, 41]
    by_name = call("check", tmp_path / "gone", good, "--format", "json")
    assert (by_name.exit_code, json.loads(by_name.stdout)["verdict"]) == (4, "PASS")


def test_the_pseudonym_key_changes_no_byte_of_a_report(tmp_path, monkeypatch):
    """Digests of clients and subjects tell them apart, and are shown nowhere."""
    more = [request(second, client=f"192.0.2.{second}") for second in range(200, 260, 3)]
    words = ["red", "blue", "green", "amber", "black", "white", "brown", "grey"]
    twice = [line(100, f"user_id: 1000{n}2345678901234567 {word}", insertId="one") for n, word in enumerate(words)]
    path = ndjson(tmp_path / "x.ndjson", [*failing(), *more, *twice])
    found = []
    for key in ("one key", "another"):
        monkeypatch.setenv("RUNVERDICT_PSEUDONYM_KEY", key)
        one, out = check(tmp_path / key, path), tmp_path / f"out {key}"
        write(out, contents(one.verdict, one.verdicts, one.totals, ["md", "json"]))
        found.append({str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()})
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_the_tool_names_its_rules(reference):
    """Same tool, catalogue and policy, same answer: all three are in the document."""
    catalogue, policy = rules()
    tool = reference.verdicts[0][1].tool
    assert (tool.name, tool.catalogue, tool.policy) == ("runverdict", catalogue.digest, policy.digest)


@pytest.mark.parametrize("gone", [("location",), ("project_id",), ("location", "project_id")], ids=" and ".join)
def test_a_service_without_location_or_project_is_judged(tmp_path, gone):
    """Labels that an export lost are absent, and change no verdict."""
    entries = healthy()
    for one in entries:
        for label in gone:
            one["resource"]["labels"].pop(label, None)
        one["logName"] = one["logName"].rpartition("/")[2]
    found = call("check", ndjson(tmp_path / "logs.ndjson", entries), "--format", "json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["verdict"] == "PASS"


def test_times_centuries_apart_are_survived(tmp_path):
    """Entries of 1700 and of 2250: differences between them do not fit nanoseconds, and no minute between is made."""
    stray = [
        {"timestamp": f"{year}-01-01T00:00:0{n}Z", "insertId": f"{year}{n}"} for year in (1700, 2250) for n in (1, 2)
    ]
    rows = [request(n, **one) for n, one in enumerate(stray)]
    rows += [
        line(n, "Container called exit(3).", log="run.googleapis.com%2Fvarlog%2Fsystem", **one)
        for n, one in enumerate(stray)
    ]
    rows += [
        line(
            n,
            "Starting new instance. Reason: AUTOSCALING - x",
            log="run.googleapis.com%2Fvarlog%2Fsystem",
            **(one | {"insertId": f"s{n}"}),
        )
        for n, one in enumerate(stray)
    ]
    found = call("check", ndjson(tmp_path / "logs.ndjson", [*healthy(), *rows]), "--out", tmp_path / "out")
    assert found.exit_code in (0, 1, 3), found.output
    assert list((tmp_path / "out").glob("*/*/report.html"))


def test_other_resource_types_are_counted_and_named(tmp_path):
    """On the terminal and in the report, with the load balancer's 5xx; none of them counts for a verdict."""
    balancer = {"type": "http_load_balancer", "labels": {"project_id": "demo"}}
    database = {"type": "cloudsql_database", "labels": {"project_id": "demo"}}
    others = [request(n, 502 if n % 2 else 200, resource=balancer, insertId=f"lb{n}") for n in range(60)]
    others += [line(n, "checkpoint complete", resource=database, insertId=f"db{n}") for n in range(9)]
    path = ndjson(tmp_path / "logs.ndjson", [*healthy(), *others])
    words = "60 http_load_balancer, of them 30 with a 5xx status; 9 cloudsql_database"
    found = call("check", path)
    assert (found.exit_code, words in " ".join(found.stdout.split())) == (0, True)
    document = json.loads(call("check", path, "--format", "json").stdout)
    assert any(words in note for note in document["notes"])
    assert (document["workload"], document["requests"]["n"]) == ("service", 40)


def test_a_job_is_a_workload_of_its_own(tmp_path):
    """Its name and its execution are its identity, its files stand apart, and nobody asks it for requests."""
    resource = {"type": "cloud_run_job", "labels": {"project_id": "demo", "location": "l", "job_name": "shop-api"}}
    labels = {"run.googleapis.com/execution_name": "shop-api-x7k2p", "instanceId": "00aa"}
    rows = [line(n, f"row {n} done", resource=resource, labels=labels, insertId=f"job{n}") for n in range(0, 120, 5)]
    rows.append(
        line(
            121,
            "Container called exit(0).",
            resource=resource,
            labels=labels,
            log="run.googleapis.com%2Fvarlog%2Fsystem",
            insertId="exit",
        )
    )
    path = ndjson(tmp_path / "logs.ndjson", rows)
    out = tmp_path / "out"
    assert call("check", path, "--out", out, "--format", "json").exit_code == 0
    (row,) = json.loads((out / "summary.json").read_text())["services"]
    assert (row["workload"], row["service"], row["revision"]) == ("job", "shop-api", "shop-api-x7k2p")
    assert row["path"] == "shop-api@job/shop-api-x7k2p/verdict.json"
