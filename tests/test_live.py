"""`check` and `extract` on a project's log, as their user runs them, against a server on this machine."""

import itertools
import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from pipeline import simulate
from pipeline.errors import SourceError, UsageError
from pipeline.sources.base import Access, open_sources
from pipeline.sources.cloud_logging.quota import Clock
from pipeline.sources.request import asked
from pipeline.window import rfc3339
from tests.conftest import call, entry, healthy, ndjson, request, stamp
from tests.servers import cloud_logging as server
from tests.servers.cloud_logging import CloudLogging, Time
from tests.stores.test_local import stored

SOURCE = "logging://demo"
READY = (
    "Ready condition status changed to True for Revision shop-api-{} with message: Deploying revision succeeded in 9s."
)
AUDIT = "cloudaudit.googleapis.com%2Fsystem_event"


def ready(second, revision, *, timeout=None, service="shop-api"):
    """The audit entry that says that a revision is ready, with its request time-out."""
    spec = {"timeoutSeconds": timeout} if timeout else {}
    payload = {"response": {"spec": spec}, "status": {"message": READY.format(revision)}}
    return entry(second, revision=revision, log=AUDIT, insertId=f"r{second}", protoPayload=payload, service=service)


def moved(entries, start):
    """The same entries, starting at another moment."""
    shift = start - datetime.fromisoformat(stamp(0))

    def later(text):
        return (datetime.fromisoformat(text) + shift).isoformat().replace("+00:00", "Z")

    return [{**one, **{key: later(one[key]) for key in ("timestamp", "receiveTimestamp")}} for one in entries]


def document(found):
    assert found.exit_code in (0, 1, 3), found.output
    return json.loads(found.stdout)


def test_check_reads_a_project_and_judges_it(tmp_path):
    """From the newest deploy on, with the requests that had the time to end; the report says from when they had not."""
    now = datetime.now(UTC)
    entries = moved([*healthy(), ready(30, "00042-abc", timeout=60)], now - timedelta(seconds=150))
    with CloudLogging(entries).running() as url:
        found = document(call("check", SOURCE, "--api-endpoint", url, "--format", "json"))
    deployed = now - timedelta(seconds=120)
    assert abs(datetime.fromisoformat(found["window"]["start"]) - deployed) < timedelta(seconds=1)
    assert found["window"]["settled"] is False
    (said,) = [note for note in found["notes"] if "not settled" in note]
    since = datetime.fromisoformat(re.search(r"started at (\S+)", said)[1])
    assert timedelta(seconds=58) < datetime.now(UTC) - since < timedelta(seconds=75)
    rows = [one for one in entries if "httpRequest" in one]
    settled = [one for one in rows if rfc3339(deployed) <= one["timestamp"] < rfc3339(since)]
    assert found["requests"]["n"] == len(settled) > 0
    events = {one["event"]: one["n"] for one in found["events"]}
    assert events["http.request"] > len(settled)  # they are events all the same


def test_a_settled_window_is_whole(tmp_path):
    """Long after its end nothing is left out."""
    with CloudLogging(healthy()).running() as url:
        window = ("--since", stamp(0), "--until", stamp(300))
        found = document(call("check", SOURCE, "--api-endpoint", url, *window, "--format", "json"))
    assert found["window"]["settled"] is True
    assert (found["verdict"], found["requests"]["n"]) == ("PASS", 40)
    assert not [note for note in found["notes"] if "settled" in note]


def test_a_silent_start_is_no_cut_export():
    """The service listed the window to its end: there is nothing that a limit could have cut off."""
    with CloudLogging(healthy()).running() as url:
        window = ("--since", "2026-01-15T08:00:00Z", "--until", stamp(300))
        found = document(call("check", SOURCE, "--api-endpoint", url, *window, "--format", "json"))
    assert found["verdict"] == "PASS"


def test_wait_waits_until_the_window_is_settled():
    """And then reads what came until that moment."""
    began = datetime.now(UTC)
    entries = moved(healthy(), began - timedelta(seconds=130))
    with CloudLogging(entries).running() as url:
        arguments = ("check", SOURCE, "--api-endpoint", url, "--since", "3m", "--settle", "1s", "--wait")
        found = call(*arguments, "--format", "json")
    assert "the window is settled in 1 s; waiting" in found.stderr
    assert document(found)["window"]["settled"] is True
    assert datetime.now(UTC) - began >= timedelta(seconds=1)


def test_wait_and_dry_run_are_for_services(tmp_path):
    """A file gets no late entries, and costs no reads."""
    path = ndjson(tmp_path / "x.ndjson", healthy())
    for option, told in (("--wait", "is for services"), ("--dry-run", "files are read at no cost")):
        found = call("check", path, option)
        assert (found.exit_code, told in found.stderr) == (2, True)
    assert call("check", path, "--dry-run", "--store", tmp_path / "s").exit_code == 2


def test_a_dry_run_reads_little_and_writes_nothing(tmp_path):
    """Eight reads at most, and the deploy's; exact where they saw everything."""
    few = CloudLogging(healthy())
    window = ("--since", stamp(0), "--until", stamp(300), "--settle", "5m", "--dry-run", "--store", tmp_path / "s")
    with few.running() as url:
        found = call("extract", SOURCE, "--api-endpoint", url, *window)
    assert found.stdout == (
        f"{SOURCE} from 2026-01-15T09:00:00Z to 2026-01-15T09:05:00Z: 41 entries, 1 read, less than a minute at 50 "
        "reads a minute (8 reads used for this)\n"
    )
    assert len(few.calls) == 8
    assert not (tmp_path / "s").exists()
    many = CloudLogging([request(n % 300, insertId=f"{n}") for n in range(17_000)])
    with many.running() as url:
        found = call("check", SOURCE, "--api-endpoint", url, *window[:-2], "--reads-per-minute", "8")
    entries = int(re.search(r"about ([0-9,]+) entries", found.stdout)[1].replace(",", ""))
    assert 16_000 < entries < 18_000
    assert re.search(r"1[678] reads, 1 minute at 8 reads a minute", found.stdout)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (server.refusal(403, "PERMISSION_DENIED"), "roles/logging.viewer on project demo"),
        (server.refusal(404, "NOT_FOUND"), "is demo the project's id?"),
        (server.refusal(400, "INVALID_ARGUMENT"), "check --service, --since, --until"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["extract", "--store", "store"], ["check", "--since", "1h"]])
def test_denied_and_missing_projects_are_4_after_a_handful_of_calls(tmp_path, monkeypatch, fault, said, command):
    """One line on stderr with what to do."""
    monkeypatch.chdir(tmp_path)
    cloud = CloudLogging()
    cloud.fault = fault
    with cloud.running() as url:
        found = call(*command, SOURCE, "--api-endpoint", url)
    assert found.exit_code == 4
    assert said in found.stderr
    assert len(cloud.calls) <= 2
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["logging://"],
        ["logging://a b"],
        [SOURCE, "--api-endpoint", "http://logging.example.com"],
        [SOURCE, "--since", "soon"],
        [SOURCE, "--since", "1h", "--until", "2h", "--settle", "1m"],
        [SOURCE, "--settle", "never"],
        [SOURCE, "--reads-per-minute", "61"],
        [SOURCE, "--reads-per-minute", "0"],
    ],
)
def test_wrong_usage_is_2(arguments):
    """Before anything is read."""
    found = call("check", *arguments)
    assert found.exit_code == 2, found.output


def test_extract_fills_a_store_that_check_reads(tmp_path):
    """Pulled once, judged from the store without a call; counts are told."""
    cloud = CloudLogging(healthy())
    window = ("--since", stamp(0), "--until", stamp(300), "--settle", "5m")
    with cloud.running() as url:
        found = call("extract", SOURCE, "--api-endpoint", url, *window, "--store", tmp_path / "store")
        assert found.exit_code == 0
        assert found.stdout == f"41 entries of the window in {tmp_path}/store: 0 were there, 41 read, 0 of them twice\n"
        calls = len(cloud.calls)
        found = document(call("check", tmp_path / "store", "--format", "json"))
    assert found["verdict"] == "PASS"
    assert len(cloud.calls) == calls


def test_extract_reads_files_too(tmp_path):
    """Any source; one that is missing is 4, and the others are read."""
    path = ndjson(tmp_path / "x.ndjson", [*healthy(), healthy()[0]])
    found = call("extract", path, tmp_path / "nothing", "--store", tmp_path / "store")
    assert found.exit_code == 4
    assert found.stdout.endswith("0 were there, 42 read, 1 of them twice\n")
    assert call("extract", tmp_path / "nothing", "--store", tmp_path / "store").exit_code == 4


def test_a_pull_that_fails_half_way_is_4_and_goes_on_later(tmp_path):
    """Without a verdict on half a window."""
    cloud = CloudLogging(healthy(), page_limit=10)
    cloud.faults = {3: server.refusal(403, "PERMISSION_DENIED")}
    arguments = ["check", SOURCE, "--since", stamp(0), "--until", stamp(300), "--settle", "5m", "--store", tmp_path]
    with cloud.running() as url:
        first = call(*arguments, "--api-endpoint", url)
        assert (first.exit_code, "nothing could be read" in first.output) == (4, True)
        second = document(call(*arguments, "--api-endpoint", url, "--format", "json"))
    assert second["verdict"] == "PASS"
    assert len(cloud.calls) == 8  # two of them for the deployment


# The window that words mean


NOW = datetime.fromisoformat(stamp(3600))


def meant(url, *, now=NOW, baseline=False, **words):
    clock = Time()
    access = Access(url, clock=Clock(clock.now, clock.sleep))
    whole = {"since": None, "until": None, "settle_s": None, "service": "shop-api", **words}
    return asked(open_sources([SOURCE], access), now=now, baseline=baseline, **whole)


DEPLOYS = [
    ready(100, "00041-abc", timeout=900),
    ready(2000, "00042-abc", timeout=120),
    ready(3000, "00041-abc", timeout=900),  # ready again, and not newer for that
    ready(2500, "00007-xyz", service="other"),
    entry(
        3100,
        revision="00043-abc",
        protoPayload={"status": {"message": READY.format("00043-abc").replace("True", "False")}},
        log=AUDIT,
    ),
]


def test_deploy_is_when_the_newest_revision_was_ready_first():
    """Of the service that is asked for; the time-out of its requests is there too."""
    with CloudLogging(DEPLOYS).running() as url:
        found = meant(url)
        assert found.request.window.start == datetime.fromisoformat(stamp(3100))  # it could not become ready
        assert found.request.window.end == NOW
        assert found.settle_s == 120
        assert meant(url, until=stamp(3050)).request.window.start == datetime.fromisoformat(stamp(2000))
        both = meant(url, service=None, until=stamp(3050))
        assert both.request.window.start == datetime.fromisoformat(stamp(2500))
        assert {name: one.revision for name, one in both.deployments.items()} == {
            "shop-api": "shop-api-00042-abc",
            "other": "other-00007-xyz",
        }
        assert meant(url, until=stamp(1000)).settle_s == 900
        assert meant(url, since="deploy", until=stamp(1000)).request.window.start == datetime.fromisoformat(stamp(100))


def test_without_a_deploy_within_a_day_it_is_the_last_hour():
    """But `deploy` itself finds one that the audit log still has, and says where there is none."""
    cloud = CloudLogging(DEPLOYS)
    with cloud.running() as url:
        later = NOW + timedelta(days=3)
        found = meant(url, now=later)
        assert (found.request.window.start, found.settle_s) == (later - timedelta(hours=1), 300)
        for days in (3, 390):
            far = meant(url, now=NOW + timedelta(days=days), since="deploy")
            assert far.request.window.start == datetime.fromisoformat(stamp(3100))
        with pytest.raises(SourceError, match=r"no revision became ready in the last 400 days; name a time"):
            meant(url, now=NOW + timedelta(days=410), since="deploy")


def test_no_read_is_spent_on_what_was_said():
    """With a start, a time to settle and a revision, there is nothing to ask."""
    cloud = CloudLogging(DEPLOYS)
    with cloud.running() as url:
        found = meant(url, since="30m", settle_s=7.0, named=True)
    assert (cloud.calls, found.settle_s, found.request.window.start) == ([], 7.0, NOW - timedelta(minutes=30))


@pytest.mark.parametrize(("length", "stretch"), [(10, 60), (60, 60), (300, 300), (3000, 1440)])
def test_the_baselines_stretch_is_as_long_as_the_window(length, stretch):
    """Of 1 to 24 hours; without a baseline there is none."""
    words = {"since": f"{length}m", "settle_s": 1.0, "named": True}
    found = meant("http://127.0.0.1:1", baseline=True, **words)
    assert found.request.window.start == NOW - timedelta(minutes=length)
    assert found.request.lookback_start == found.request.window.start - timedelta(minutes=stretch)
    assert meant("http://127.0.0.1:1", **words).request.lookback_start == found.request.window.start


def test_since_deploy_of_files(tmp_path):
    """Read twice: once for the deploy, once for what came after it."""
    path = ndjson(tmp_path / "x.ndjson", [*healthy(), ready(60, "00042-abc"), ready(10, "00041-abc")])
    call("extract", path, "--store", tmp_path / "store")
    for source in (path, tmp_path / "store"):
        found = document(call("check", source, "--since", "deploy", "--format", "json"))
        assert found["window"]["start"] == "2026-01-15T09:01:00Z"
        assert found["requests"]["n"] == 20
    found = call("check", path, "--since", "deploy", "--service", "other")
    assert (found.exit_code, "no revision became ready in these files" in found.stderr) == (4, True)
    found = call("check", ndjson(tmp_path / "y.ndjson", healthy()), "--since", "deploy")
    assert (found.exit_code, "no revision became ready in these files" in found.stderr) == (4, True)
    found = call("check", "-", "--since", "deploy", stdin="{}")
    assert (found.exit_code, "write it to a file first" in found.stderr) == (4, True)


def test_an_empty_window_is_refused():
    """Also where a deploy is its start."""
    with CloudLogging(DEPLOYS).running() as url, pytest.raises(UsageError):
        meant(url, since=stamp(200), until=stamp(100))


# Three ways to the same entries


def export_by_gcloud(url, folder):
    """What `gcloud logging read` writes of the same server."""
    (folder / "gcloud").mkdir()
    environment = {
        **os.environ,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"{url}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "demo",
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }
    text = 'resource.type="cloud_run_revision" AND timestamp>="2026-01-15T00:00:00Z"'
    command = ["gcloud", "logging", "read", text, "--order=asc", "--format=json"]
    found = subprocess.run(command, capture_output=True, env=environment, timeout=120)
    assert found.returncode == 0, found.stderr.decode()
    path = folder / "gcloud.json"
    path.write_bytes(found.stdout)
    return path


def export_by_a_sink(entries, folder):
    """The layout of a sink to Cloud Storage: by log and hour, in shards, late ones as addenda."""
    rows = sorted(entries, key=lambda one: one["logName"])
    for log, mine in itertools.groupby(rows, lambda one: one["logName"].partition("/logs/")[2]):
        place = folder / "sink" / log.replace("%2F", "/") / "2026/01/15"
        place.mkdir(parents=True)
        mine = list(mine)
        ndjson(place / "09:00:00_09:59:59_S0.json", mine[::2])
        ndjson(place / "09:00:00_09:59:59_S1.json", mine[1::2])
        ndjson(place / "09:00:00_09:59:59_A0:1768468000.json", mine[1:3])
    return folder / "sink"


THREE_WAYS = list(simulate.simulate("auth-outage", minutes=6))
ASKED = ("--since", "2026-01-15T09:00:00Z", "--until", "2026-01-15T10:00:00Z", "--settle", "5m", "--format", "json")
needs_gcloud = pytest.mark.skipif(not shutil.which("gcloud"), reason="no gcloud here")


@pytest.fixture(scope="module")
def by_the_api(tmp_path_factory):
    """The folder of a store, the verdict, and gcloud's export of the same server where there is gcloud."""
    folder = tmp_path_factory.mktemp("api")
    cloud = CloudLogging(THREE_WAYS, page_limit=400)
    with pytest.MonkeyPatch.context() as patch, cloud.running() as url:
        patch.setenv("RUNVERDICT_PSEUDONYM_KEY", "the same in all stores")
        cloud.project = "demo"
        found = document(call("check", SOURCE, "--api-endpoint", url, *ASKED, "--store", folder / "store"))
        exported = export_by_gcloud(url, folder) if shutil.which("gcloud") else None
    return folder / "store", found, exported


@pytest.mark.parametrize("way", ["sink", pytest.param("gcloud", marks=needs_gcloud)])
def test_three_ways_to_the_same_entries_and_verdict(by_the_api, tmp_path, monkeypatch, way):
    """By the API, by a gcloud export, and by the files of a sink."""
    monkeypatch.setenv("RUNVERDICT_PSEUDONYM_KEY", "the same in all stores")
    store, wanted, exported = by_the_api
    source = exported if way == "gcloud" else export_by_a_sink(THREE_WAYS, tmp_path)
    found = document(call("check", source, *ASKED, "--store", tmp_path / "store"))
    rows = stored(store)
    assert rows.height == len(THREE_WAYS)
    assert stored(tmp_path / "store").equals(rows)
    assert alike(found) == alike(wanted)


def alike(whole):
    """A verdict without what only a live window knows."""
    window = {name: value for name, value in whole["window"].items() if name != "settled"}
    live = ("evidence.deployed", "evidence.complete")
    checks = [one for one in whole["checks"] if one["id"] not in live]
    return {**whole, "window": window, "checks": checks, "notes": []}


@needs_gcloud
def test_gcloud_reads_the_same_set_from_the_server(tmp_path):
    """The server is no private language of these tests: gcloud reads every entry of it."""
    entries = healthy()
    with CloudLogging(entries, page_limit=15).running() as url:
        found = json.loads(export_by_gcloud(url, tmp_path).read_text())
    assert sorted(one["insertId"] for one in found) == sorted(one["insertId"] for one in entries)
    assert found == sorted(entries, key=lambda one: (one["timestamp"], one["insertId"]))


# The stretch before the window


def rollout():
    """Half an hour of an old revision, then half an hour of a new one."""
    old = [request(second, revision="00041-abc", insertId=f"old{second}") for second in range(0, 1800, 6)]
    new = [request(second, 500 if second % 5 == 0 else 200, insertId=f"new{second}") for second in range(1801, 3600, 6)]
    return [*old, ready(1800, "00042-abc", timeout=300), *new]


@pytest.mark.parametrize("baseline", ["previous", "shop-api-00041-abc"])
def test_the_baseline_is_pulled_from_before_the_deploy(tmp_path, baseline):
    """It had its requests before the window began; the second time it is in the store already."""
    cloud = CloudLogging(rollout(), page_limit=100)
    window = ("--since", stamp(1800), "--until", stamp(3600), "--settle", "5m", "--store", tmp_path)
    with cloud.running() as url:
        arguments = ("check", SOURCE, "--api-endpoint", url, *window, "--baseline", baseline, "--format", "json")
        found = document(call(*arguments))
        calls = len(cloud.calls)
        assert document(call(*arguments)) == found
    assert (calls, len(cloud.calls)) == (9, 12)  # each with one read of the audit log for the configuration
    base = found["compared"]
    assert (base["revision"], base["origin"], base["requests"]) == ("shop-api-00041-abc", "stretch", 300)
    assert base["covered_end"] < found["window"]["start"] == "2026-01-15T09:30:00Z"
    assert found["inputs"]["entries"] == 301
    (rate,) = [one for one in found["checks"] if one["id"] == "requests.error_rate"]
    assert (rate["status"], rate["baseline"]["value"]) == ("FAIL", 0)


def test_without_a_baseline_nothing_before_the_window_is_read():
    """And a revision that is not there is told."""
    cloud = CloudLogging(rollout(), page_limit=100)
    window = ("--since", stamp(1800), "--until", stamp(3600), "--settle", "5m")
    with cloud.running() as url:
        found = document(
            call("check", SOURCE, "--api-endpoint", url, *window, "--baseline", "none", "--format", "json")
        )
        assert found["baseline"] is None
        assert len(cloud.calls) == 6
        found = call("check", SOURCE, "--api-endpoint", url, *window, "--baseline", "shop-api-00001-xyz")
    assert (found.exit_code, "no entry of another revision 'shop-api-00001-xyz'" in found.stderr) == (2, True)


def test_a_baseline_that_serves_in_the_window_is_taken_from_there():
    """The same minutes compare better than those before them."""
    both = [request(second, revision="00041-abc", insertId=f"both{second}") for second in range(1800, 2400, 6)]
    with CloudLogging([*rollout(), *both]).running() as url:
        window = ("--since", stamp(1800), "--until", stamp(3600), "--settle", "5m")
        found = document(call("check", SOURCE, "--api-endpoint", url, *window, "--format", "json"))
    assert (found["compared"]["origin"], found["compared"]["requests"]) == ("window", 100)


def test_compare_takes_a_project_too():
    """The newest deploy's window with its lookback, as check would pull it."""
    with CloudLogging(rollout()).running() as url:
        words = ("--since", stamp(0), "--until", stamp(3600), "--settle", "5m", "--api-endpoint", url)
        found = call("compare", SOURCE, *words, "--revision", "shop-api-00041-abc", "--revision", "shop-api-00042-abc")
    assert found.exit_code in (0, 1, 3), found.output
    assert "shop-api-00041-abc" in found.stdout
