"""From entries to a comparison: which revision is the baseline, and what a run says of both."""

import json

import pytest

from pipeline.errors import UsageError
from pipeline.stores.local import LocalStore
from tests.conftest import call, check, documents, entry, line, ndjson, request

OLD, NEW = "00041-old", "00042-abc"


def ready(second, revision):
    """The Ready audit entry of a revision."""
    what = f"Revision shop-api-{revision} with message: Deploying revision succeeded in 9.5s."
    message = f"Ready condition status changed to True for {what}"
    payload = {"methodName": "/Services.ReplaceService", "status": {"message": message}}
    return entry(
        second,
        revision=revision,
        log="cloudaudit.googleapis.com%2Fsystem_event",
        protoPayload=payload,
        insertId=f"ready{second}{revision}",
        labels=None,
    )


def serving(start, revision, *, seconds=300, latency_ms=80, **more):
    """One request a second for so long."""
    found = []
    for second in range(start, start + seconds):
        row = request(second, revision=revision, **more)
        row["httpRequest"]["latency"] = f"{(latency_ms + second % 7) / 1000:.3f}s"
        row["insertId"] += revision
        found.append(row)
    return found


@pytest.fixture
def two(tmp_path):
    """Writes two revisions one after the other; keywords are of the newer one."""

    def make(**more):
        rows = [ready(0, OLD), *serving(1, OLD), ready(301, NEW), *serving(302, NEW, **more)]
        return ndjson(tmp_path / "logs.ndjson", rows)

    return make


def the(found, revision=NEW):
    return next(one for _, one in found.verdicts if one.revision == f"shop-api-{revision}")


def status(verdict, check_id):
    return next(one for one in verdict.checks if one.id == check_id)


def test_the_revision_that_served_before_is_the_baseline(two, tmp_path):
    """Nothing changed: PASS, with the coverage and traffic of both."""
    verdict = the(check(tmp_path / "s", two()))
    assert (verdict.verdict, verdict.baseline) == ("PASS", f"shop-api-{OLD}")
    compared = verdict.compared
    assert (compared.origin, compared.requests, compared.eligible) == ("window", 300, 300)
    assert (compared.covered_start, compared.covered_end) == ("2026-01-15T09:00:00Z", "2026-01-15T09:05:00Z")
    assert compared.shared_minutes == 1  # the minute of the change
    assert status(verdict, "requests.latency").baseline.n == 300


@pytest.fixture
def chain(tmp_path):
    """Writes one revision after the other, 100 s each; their statuses of /api/orders."""

    def make(*statuses):
        rows = []
        for number, code in enumerate(statuses):
            revision = f"0004{number}-abc"
            rows += [ready(101 * number, revision), *serving(101 * number + 1, revision, seconds=100, status=code)]
        return ndjson(tmp_path / "logs.ndjson", rows)

    return make


@pytest.mark.parametrize(
    ("statuses", "baseline", "verdict"),
    [
        ((200, 404, 404), "00040-abc", "FAIL"),
        ((200, 404, 404, 404), "00040-abc", "FAIL"),
        ((200, 404, 404, 404, 404), "00040-abc", "FAIL"),
        ((200, 404, 404, 404, 404, 404), "00044-abc", "PASS"),
        ((200, 404, 200), "00040-abc", "PASS"),
        ((404, 404, 404), "00041-abc", "PASS"),
        ((200, 200, 200), "00041-abc", "PASS"),
    ],
)
def test_what_failed_is_no_baseline(chain, statuses, baseline, verdict):
    """Three deployments back; a second one that repairs nothing is compared with what served before both."""
    path, newest = chain(*statuses), f"0004{len(statuses) - 1}-abc"
    since = (f"--since=2026-01-15T09:{101 * (len(statuses) - 1) // 60:02}:{101 * (len(statuses) - 1) % 60:02}Z",)
    for window in ((), since):  # in the window, and in the time before it
        found = json.loads(call("check", path, "--format", "json", *window).stdout)
        assert (found["revision"], found["baseline"]) == (f"shop-api-{newest}", f"shop-api-{baseline}")
        assert found["verdict"] == verdict
        passed_over = f"; compared with shop-api-{baseline}, as shop-api-0004{len(statuses) - 2}-abc fails itself"
        assert found["headline"].endswith(passed_over) == (baseline != f"0004{len(statuses) - 2}-abc")


def test_what_failed_is_the_baseline_where_it_is_named(chain):
    """Whoever names it wants it."""
    found = json.loads(
        call("check", chain(200, 404, 404), "--baseline", "shop-api-00041-abc", "--format", "json").stdout
    )
    assert found["baseline"] == "shop-api-00041-abc"


def test_a_slower_revision_fails_and_the_reason_has_the_numbers(two, tmp_path):
    """From 83 to 283 ms: a shift of 200 ms, and the slowest requests as proof."""
    verdict = the(check(tmp_path / "s", two(latency_ms=280)))
    found = status(verdict, "requests.latency")
    assert (verdict.verdict, found.status) == ("FAIL", "FAIL")
    assert found.effect.value == pytest.approx(200, rel=0.02)
    assert len(found.evidence) == 5
    assert all(" in 286 ms" in entry.excerpt for entry in found.evidence)


def test_without_a_baseline_it_is_said(two, tmp_path):
    """--baseline none: only absolute checks."""
    verdict = the(check(tmp_path / "s", two(latency_ms=280), baseline="none"))
    assert (verdict.verdict, verdict.baseline, verdict.compared) == ("PASS", None, None)
    assert any(note.startswith("No baseline") for note in verdict.notes)


def test_a_baseline_that_is_not_there_is_refused(two, tmp_path):
    """With the names of those that were seen."""
    with pytest.raises(UsageError, match="seen were: shop-api-00041-old, shop-api-00042-abc"):
        check(tmp_path / "s", two(), baseline="shop-api-00001-xyz")


def test_new_errors_name_their_first_entry(tmp_path):
    """Twelve lines, twenty seconds apart, that the older revision did not write."""
    rows = [*serving(1, OLD), *serving(302, NEW)]
    rows += [
        line(305 + 20 * n, f"ERROR - pool exhausted after {n} tries", revision=NEW, severity="ERROR") for n in range(12)
    ]
    verdict = the(check(tmp_path / "s", ndjson(tmp_path / "logs.ndjson", rows)))
    (change,) = verdict.changes
    assert (change.change, change.n, change.baseline_n, change.first) == ("new", 12, 0, "2026-01-15T09:05:05Z")
    assert change.evidence[0].insert_id.startswith("line305")
    assert status(verdict, "novelty.errors").status == "FAIL"


def test_the_order_and_the_number_of_files_change_nothing(two, tmp_path):
    """The same bytes of the document, baseline and all."""
    whole = two(latency_ms=180)
    lines = whole.read_text().splitlines(keepends=True)
    (tmp_path / "split").mkdir()
    for part in range(3):
        (tmp_path / "split" / f"{part}.ndjson").write_text("".join(reversed(lines[part::3])))
    first = documents(check(tmp_path / "a", whole))
    assert first == documents(check(tmp_path / "b", *sorted((tmp_path / "split").iterdir())))


def test_irrelevant_lines_change_no_comparison(two, tmp_path):
    """A thousand INFO lines more."""
    path = two(latency_ms=180)
    before = the(check(tmp_path / "a", path))
    more = [line(302 + n % 200, f"cart {n} opened", revision=NEW, severity="INFO") for n in range(1000)]
    with path.open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in more)
    after = the(check(tmp_path / "b", path))
    for name in ("requests.latency", "requests.error_rate", "auth.failure_rate", "novelty.errors"):
        assert status(before, name).status == status(after, name).status
        assert status(before, name).effect == status(after, name).effect


def test_endpoints_too_rare_to_compare_are_compared_together(tmp_path):
    """Each path twice: no endpoint has fifty requests, all of them together are 200 ms slower."""
    rows = [one for n in range(150) for one in serving(1 + 2 * n, OLD, seconds=2, path=f"/p/slug-{n}-x")]
    rows += [one for n in range(150) for one in serving(302 + 2 * n, NEW, seconds=2, path=f"/p/s-{n}", latency_ms=280)]
    verdict = the(check(tmp_path / "s", ndjson(tmp_path / "logs.ndjson", rows)))
    assert status(verdict, "requests.latency").status == "FAIL"
    assert status(verdict, "requests.endpoint_latency").status == "NOT_APPLICABLE"


# History


def remove_logs(store):
    """What `manifest.json` is removed for too: to go on without them."""
    (store / "manifest.json").unlink()
    for folder in ("entries", "events"):
        for path in (store / folder).iterdir():
            path.unlink()


def test_history_gives_a_baseline_without_the_logs(tmp_path):
    """The older revision passed last week; its entries are gone, its histogram is not."""
    store = tmp_path / "s"
    old = ndjson(tmp_path / "old.ndjson", [ready(0, OLD), *serving(1, OLD)])
    new = ndjson(tmp_path / "new.ndjson", [ready(700, NEW), *serving(701, NEW, latency_ms=280)])
    assert check(store, old).verdict == "PASS"
    remove_logs(store)
    found = check(store, new)
    verdict, (assessment,) = the(found), found.assessments
    assert (verdict.baseline, verdict.compared.origin, verdict.compared.runs) == (f"shop-api-{OLD}", "history", 1)
    assert assessment.data.pooled.requests.eligible == 300  # it is the run that passed, and counts once
    assert verdict.compared.eligible == 300
    from_history = status(verdict, "requests.latency")
    assert from_history.status == "FAIL"
    both = ndjson(tmp_path / "both.ndjson", [*map(json.loads, (old.read_text() + new.read_text()).splitlines())])
    from_window = status(the(check(tmp_path / "t", both)), "requests.latency")
    assert from_history.effect == from_window.effect
    assert from_history.baseline == from_window.baseline


def test_a_window_judged_again_replaces_what_was_said_of_it(two, tmp_path):
    """Twice the same run: one row of each verdict."""
    path = two()
    check(tmp_path / "s", path)
    check(tmp_path / "s", path)
    assert LocalStore(tmp_path / "s").load("verdicts")["revision"].to_list() == [f"shop-api-{NEW}"]


def test_a_revision_that_failed_is_no_baseline_of_history(tmp_path):
    """Only what passed is worth comparing with."""
    store = tmp_path / "s"
    failed = [*serving(1, OLD, status=500)]
    assert check(store, ndjson(tmp_path / "old.ndjson", failed)).verdict == "FAIL"
    remove_logs(store)
    assert the(check(store, ndjson(tmp_path / "new.ndjson", serving(701, NEW)))).baseline is None


def test_the_last_runs_that_passed_add_up(tmp_path):
    """Two older revisions of 300 requests each: one baseline of 600."""
    store = tmp_path / "s"
    for start, revision in ((1, "00040-abc"), (1001, OLD)):
        found = check(store, ndjson(tmp_path / "x.ndjson", serving(start, revision)), baseline="none")
        assert found.verdict == "PASS"
        remove_logs(store)
    verdict = the(check(store, ndjson(tmp_path / "new.ndjson", serving(2001, NEW))))
    assert (verdict.compared.runs, verdict.compared.eligible) == (2, 600)
    assert status(verdict, "requests.latency").baseline.n == 600


# Commands


def test_history_and_compare_on_the_command_line(two, tmp_path):
    """A store's verdicts as lines, and two revisions side by side."""
    path = two(latency_ms=280)
    assert call("check", path, "--store", tmp_path / "s").exit_code == 1
    found = call("history", "--store", tmp_path / "s", "--format", "json")
    (row,) = map(json.loads, found.stdout.splitlines())
    assert (row["revision"], row["verdict"], row["requests"]) == (f"shop-api-{NEW}", "FAIL", 300)
    assert "FAIL" in call("history", "--store", tmp_path / "s").stdout
    revisions = ("--revision", f"shop-api-{OLD}", "--revision", f"shop-api-{NEW}")
    beside = call("compare", path, *revisions, "--format", "json")
    assert beside.exit_code == 0
    statuses = {one["id"]: one["status"] for one in json.loads(beside.stdout)["checks"]}
    assert statuses["requests.latency"] == "FAIL"
    assert " times as long as in the baseline" in call("compare", path, *revisions).stdout
    assert call("compare", path, "--revision", "x").exit_code == 2


def test_an_empty_history_says_how_to_fill_it(tmp_path):
    """Nothing remembered: 3, as for any empty source."""
    (tmp_path / "s").mkdir()
    found = call("history", "--store", tmp_path / "s")
    assert (found.exit_code, "check with --store" in found.stderr) == (3, True)


def test_the_policy_is_explained_with_what_would_change_the_verdict(two, tmp_path):
    """The shift of 200 ms on 83: above 241 % the limit would let it pass."""
    found = call("check", two(latency_ms=280), "--explain-policy")
    assert "FAIL rests on 2 checks, each enough for it" in found.stdout
    assert "requests.latency: without it the verdict would be FAIL" in found.stdout
    assert "fail_ratio = 2.41" in found.stdout
    assert "fail_ratio = 1 ratio (0 to 100): twice as slow" in found.stdout
    alone = call("check", two(latency_ms=280), "--explain-policy", "--format", "json", "--revision", f"shop-api-{NEW}")
    assert json.loads(alone.stdout)["verdict"] == "FAIL"
    assert "fail_ratio" in alone.stderr


def test_calibrate_tells_the_limits_that_would_have_been_quiet(two):
    """Of two revisions one raised an alarm, by its latency."""
    found = call("calibrate", two(latency_ms=180))
    assert found.stdout.startswith("# 2 revisions judged: 1 PASS, 1 WARN")
    assert '[policy."requests.latency"]' in found.stdout
    assert "would make it PASS" in found.stdout


def test_expectations_come_from_the_settings(two, tmp_path):
    """A contract, a required event and a rename in runverdict.toml."""
    config = tmp_path / "runverdict.toml"
    config.write_text(
        '[[expected]]\nevent = "expected.session_middleware"\nowner = "shop"\nreason = "known"\n'
        '[[required]]\nevent = "auth.success"\nper_requests = 100\n'
        '[[rename]]\nevent = "websocket.close"\nold = 1008\nnew = 1011\nsince = "shop-api-00042-abc"\n'
    )
    found = call("check", two(), "--config", config, "--format", "json", "--revision", f"shop-api-{NEW}")
    document = json.loads(found.stdout)
    assert [one["status"] for one in document["contracts"]] == ["unused"]
    assert [one["new"] for one in document["recodings"]] == [1011]
    required = next(one for one in document["checks"] if one["id"] == "expected.required")
    assert (required["status"], document["verdict"]) == ("FAIL", "WARN")
    config.write_text('[[expected]]\nevent = "a.b"\nreason = "no owner"\n')
    assert call("check", two(), "--config", config).exit_code == 2
