"""What README and SECURITY promise, run as it is written there."""

import json
import re
import tomllib

import pytest

from pipeline.sources import log_entry
from pipeline.sources.records import MAX_RECORD
from tests.conftest import ROOT, call, entry, healthy, line, ndjson, request

README = (ROOT / "README.md").read_text(encoding="utf-8")

#: One of each kind that must not reach a report; every one is made up.
PLANTED = {
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2VhbGVkLXBsYW50ZWQ",
    "bearer": "Bearer pLaNtEd0123456789abcdefXYZ",
    "basic": "Basic cGxhbnRlZDpwbGFudGVkLXBhc3N3b3Jk",
    "AWS key": "AKIAPLANTED0123456AB",
    "Google API key": "AIzaSyPlanted0123456789abcdefghijklmno",
    "Google OAuth": "ya29.planted-0123456789abcdef",
    "Google client secret": "GOCSPX-planted0123456789abcd",
    "GitHub": "ghp_planted0123456789abcdefABCDEF012345",
    "GitHub fine-grained": "github_pat_planted0123456789_abcdef",
    "GitLab": "glpat-planted0123456789ab",
    "Slack": "xoxb-1234567890-plantedabcdef",
    "Stripe": "sk_live_planted0123456789abcd",
    "OpenAI": "sk-proj-planted0123456789abcdef",
    "SendGrid": "SG.planted0123456789ab.planted0123456789abcdefgh",
    "npm": "npm_planted0123456789abcdefABCDEF01234",
    "HuggingFace": "hf_planted0123456789abcdefABCDEF01234",
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIEplanted0123456789\n-----END PRIVATE KEY-----",
    "URL credentials": "postgres://planted:planted-pw@db.example.com/shop",
    "password": "password=planted-hunter2",
    "password in JSON": '{"password": "planted hunter3"}',
    "API key by name": "X-Api-Key: planted-key-123",
    "client secret": "client_secret=planted-cs-123",
    "refresh token": "refresh_token=planted-rt-123",
    "cookie": "Cookie: planted-session=abc123",
    "set-cookie": "Set-Cookie: planted-sid=abc123",
    "session key": "session_key: planted-sk-9",
    "e-mail": "planted.person@example.com",
    "subject": "user 109876543210987654321 logged in",
    "user id": "user_id: planted-109876543210",
    "IPv4": "peer 203.0.113.77 left",
    "IPv6": "peer 2001:db8:0:0:8:800:200c:417a left",
    "query string": "/callback?code=planted-code&state=1",
}
SEEN = re.compile(r"[Pp]la?nted|PLANTED|pLaNtEd|cGxhbnRlZ|c2VhbGVkLXBs|109876543210|203\.0\.113\.77|417a|1234567890-")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Thirty kinds, in text, in JSON payloads and in requests."""
    assert len(PLANTED) >= 30
    entries = healthy()
    for number, (kind, secret) in enumerate(PLANTED.items()):
        if kind == "query string":
            entries.append(request(number, 500, secret, insertId="query"))
            continue
        entries.append(line(number, f"ERROR {kind} failed: {secret}", severity="ERROR"))
        payload = {"message": f"{kind} failed with {secret}", "detail": {"value": secret}}
        entries.append(entry(number, insertId=f"json{number}", severity="ERROR", jsonPayload=payload))
    return ndjson(tmp_path_factory.mktemp("secrets") / "logs.ndjson", entries)


def assert_clean(*texts):
    for text in texts:
        found = SEEN.search(text.replace("https://shop.example.com/callback", ""))
        kind = text[max(0, found.start() - 60) : found.end() + 40] if found else ""
        assert not found, kind


def test_thirty_kinds_of_secrets_reach_no_file(planted, tmp_path):
    """No report, no chart, no slice of the store, and not the terminal."""
    store, out = tmp_path / "store", tmp_path / "out"
    assert_clean(call("-v", "check", planted, "--out", out, "--store", store).output)
    files = [path for path in out.rglob("*.*") if path.suffix != ".png"]
    assert {path.suffix for path in files} == {".json", ".md", ".html", ".xml", ".svg"}
    assert_clean(*(path.read_text(encoding="utf-8") for path in files))
    assert_clean(*(path.read_bytes().decode("latin-1") for path in store.rglob("*.parquet")))


@pytest.mark.parametrize("form", ["md", "json", "html", "junit"])
def test_thirty_kinds_of_secrets_reach_no_stream(planted, form):
    """On stdout in each form, and on stderr at the highest verbosity."""
    assert_clean(call("-v", "check", planted, "--format", form).output)


def test_security_leaks_tells_kinds_and_counts(tmp_path):
    """The same service is warned of what it writes to its own logs."""
    entries = [*healthy(), line(3, "password=planted-hunter2"), line(4, "mail to planted@example.com")]
    found = json.loads(call("check", ndjson(tmp_path / "logs.ndjson", entries), "--format", "json").stdout)
    (check,) = [one for one in found["checks"] if one["id"] == "security.leaks"]
    assert check["status"] == "WARN"
    assert check["reason"] == "the logs contain e-mail addresses in 1 entry, passwords and secrets in 1 entry"


@pytest.fixture(scope="module")
def own_events(tmp_path_factory):
    """The block of the README in a folder of one's own, and the README's configuration beside it."""
    block = next(text for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if '["cache.evicted"]' in text)
    home = tmp_path_factory.mktemp("own")
    (home / "my-events").mkdir()
    (home / "my-events" / "shop.toml").write_text(block, encoding="utf-8")
    (home / "runverdict.toml").write_text('[catalogue]\npaths = ["my-events"]\n')
    return home / "runverdict.toml"


def test_the_readmes_event_is_right(own_events):
    """It passes the check that the README tells to run."""
    assert call("catalogue", "check", "--config", own_events).exit_code == 0


def test_the_readmes_event_works_as_written(own_events):
    """It is listed, and explains its line."""
    assert "cache.evicted  [degraded]" in call("catalogue", "list", "--config", own_events).stdout
    found = call("explain", "WARNING cache evicted 512 entries", "--config", own_events, "--format", "json")
    assert json.loads(found.stdout)["fields"] == {"count": "512"}


def test_the_readmes_configuration_is_read(tmp_path):
    """It works as it is printed: `requests.latency` of shop-api alone has the limit that it sets for it."""
    block = next(text for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[policy." in text)
    assert set(tomllib.loads(block)) == {
        *("catalogue", "policy", "service", "expected", "required", "rename", "exit", "store", "notify"),
    }
    config = tmp_path / "runverdict.toml"
    config.write_text(block, encoding="utf-8")
    logs = tmp_path / "logs.ndjson"
    assert call("simulate", "healthy", "--minutes", "6", "--out", logs).exit_code == 0
    found = call("check", logs, "--config", config, "--format", "json")
    assert found.exit_code == 0, found.output
    checks = {check["id"]: check for check in json.loads(found.stdout)["checks"]}
    assert "above 2 %" in checks["requests.error_rate"]["limit"]
    assert checks["requests.latency"]["limit"].startswith("slower by 25 % and 100 ms WARN")
    assert checks["requests.endpoint_latency"]["limit"].startswith("slower by 25 % and 50 ms WARN")


def test_an_expectation_of_an_unknown_event_is_an_error(tmp_path):
    """It could never be met, and would fail every deployment; every such block is named, before anything is read."""
    config = tmp_path / "runverdict.toml"
    config.write_text(
        '[catalogue]\npacks = ["general"]\n[[required]]\nevent = "auth.success"\nper_requests = 100\n'
        '[[rename]]\nevent = "websocket.close"\nold = 1\nnew = 2\nsince = "a-00002-b"\n'
    )
    found = call("check", tmp_path / "nothing.json", "--config", config)
    assert found.exit_code == 2
    assert "[[required]] event 'auth.success' is in no loaded pack" in found.stderr
    assert "[[rename]] event 'websocket.close' is in no loaded pack" in found.stderr
    assert "nothing.json" not in found.stderr


def test_general_packs_alone_judge_any_service(tmp_path):
    """A Flask service that nobody here has seen: its 5xx, exits, tracebacks and unknown lines are told."""
    trace = 'Traceback (most recent call last):\n  File "/app/main.py", line 9, in pay\nValueError: x'
    entries = [
        *(request(second, 500 if second % 10 == 0 else 200) for second in range(0, 120, 2)),
        *(line(second, trace, severity="ERROR") for second in (1, 2)),
        *(line(second, f"[ERROR] stock of item {second} is negative") for second in range(5, 12)),
        entry(
            90, log="run.googleapis.com%2Fvarlog%2Fsystem", textPayload="Container called exit(1).", severity="WARNING"
        ),
    ]
    config = tmp_path / "runverdict.toml"
    config.write_text('[catalogue]\npacks = ["general"]\n')
    found = call("check", ndjson(tmp_path / "l.ndjson", entries), "--config", config, "--format", "json")
    document = json.loads(found.stdout)
    status = {check["id"]: check["status"] for check in document["checks"]}
    assert found.exit_code == 1
    assert status["requests.error_rate"] == "FAIL"
    assert status["platform.exits"] == status["application.failures"] == status["evidence.explained"] == "WARN"
    assert {"python.traceback": 2}.items() <= {event["event"]: event["n"] for event in document["events"]}.items()
    assert [(one["signature"], one["n"]) for one in document["signatures"]] == [("stock of item <*> is negative", 7)]


def test_a_traceback_in_pieces_is_one(tmp_path):
    """Eight entries of one instance, one line each, are one traceback, and so is the same in one entry."""
    text = (
        'Traceback (most recent call last):\n  File "/app/main.py", line 9, in pay\n    charge()\n'
        '  File "/app/bank.py", line 3, in charge\n    raise ValueError("no")\nValueError: no'
    )
    pieces = [line(3, part, insertId=f"piece{n}") for n, part in enumerate(text.split("\n"))]
    for entries in (pieces, [line(3, text, severity="ERROR")]):
        found = call("check", ndjson(tmp_path / "l.ndjson", [*healthy(), *entries]), "--format", "json")
        events = {event["event"]: event for event in json.loads(found.stdout)["events"]}
        assert events["python.traceback"]["n"] == 1
        causes = sum(event["n"] for event in events.values() if event["outcome"] in ("failure", "critical"))
        assert causes <= 2  # the traceback and its echo
        (check,) = [one for one in json.loads(found.stdout)["checks"] if one["id"] == "application.failures"]
        assert check["status"] == "WARN"


def test_a_sinks_folders_are_read_whole(tmp_path):
    """Cloud Storage's layout: hours, shards, addenda with late entries that may repeat."""
    folder = tmp_path / "bucket/run.googleapis.com/stderr/2026/01/15"
    folder.mkdir(parents=True)
    entries = healthy()
    ndjson(folder / "09:00:00_09:59:59_S0.json", entries[:20])
    ndjson(folder / "09:00:00_09:59:59_S1.json", entries[20:])
    ndjson(folder / "09:00:00_09:59:59_A0:1768468000.json", entries[5:8])
    assert call("check", tmp_path / "bucket", "--out", tmp_path / "out").exit_code == 0
    totals = json.loads((tmp_path / "out/summary.json").read_text())["totals"]
    assert (totals["read"], totals["kept"], totals["duplicates"]) == (len(entries) + 3, len(entries), 3)


def test_talk_between_the_entries_of_tail_is_kept_and_counted(tmp_path):
    """`gcloud logging tail` writes notices between entries, and may give severities as numbers."""
    entries = [{**one, "severity": "200"} for one in healthy()]
    lines = [json.dumps(one) for one in entries]
    lines[3:3] = ["Initializing tail session.", "WARNING: 12 entries were suppressed (RATE_LIMIT)."]
    logs = tmp_path / "tail.log"
    logs.write_text("\n".join(lines) + "\n")
    found = call("check", logs, "--out", tmp_path / "out")
    assert found.exit_code == 0
    totals = json.loads((tmp_path / "out/summary.json").read_text())["totals"]
    assert (totals["kept"], totals["unparsed"]) == (len(entries) + 2, 2)
    verdict = json.loads(next((tmp_path / "out").glob("*/*/verdict.json")).read_text())
    assert set(verdict["inputs"]["by_severity"]) == {"INFO"}


@pytest.mark.parametrize("count", [60_000])
def test_very_many_signatures_are_counted_and_bounded(tmp_path, count):
    """A service that writes another text each time: 500 signatures in the verdict, the rest counted."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word(number):
        return "".join(letters[number // 26**place % 26] for place in range(4))

    logs = tmp_path / "many.ndjson"
    with logs.open("w") as file:
        for one in healthy():
            file.write(json.dumps(one) + "\n")
        for number in range(count):
            file.write(json.dumps(line(number % 100, f"odd {word(number)}", insertId=f"odd{number}")) + "\n")
    verdict = json.loads(call("check", logs, "--format", "json").stdout)
    assert len(verdict["signatures"]) == 500
    assert verdict["signatures_left_out"] == count - 500


def test_the_readmes_limits_of_a_record():
    """In numbers: one byte more is not parsed but kept."""
    reader_limit, kept_limit = log_entry._MAX_PARSED, MAX_RECORD
    assert (
        f"A record above {reader_limit >> 10:,} KiB is not parsed: its text is kept, above {kept_limit >> 20} MiB cut"
        in README
    )
    start, end = b'{"insertId": "a", "textPayload": "', b'"}'
    with log_entry.EntryReader() as reader:
        for more, is_parsed in ((0, True), (1, False)):
            row = reader.read([start + b"x" * (reader_limit + more - len(start) - len(end)) + end])
            assert (row["raw"].item() is None) == is_parsed
