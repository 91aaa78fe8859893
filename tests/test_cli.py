"""What the command line promises: exit codes, messages that say what to do next, and what goes where."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.simulate import SCENARIOS
from tests.conftest import ROOT, RUNVERDICT, call, entry, failing, healthy, line, ndjson, process, request

FEW_PACKS = '[catalogue]\npacks = ["cloud_run", "requests", "python", "audit"]\n'
INNOCENT = [line(second, f"all is well {second}") for second in range(3)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A good log, a bad one and one that says too little."""
    folder = tmp_path_factory.mktemp("logs")
    return {
        "PASS": ndjson(folder / "pass.ndjson", healthy()),
        "FAIL": ndjson(folder / "fail.ndjson", failing(service="cart-api")),
        "INCONCLUSIVE": ndjson(folder / "few.ndjson", INNOCENT),
    }


@pytest.fixture(autouse=True)
def work_folder(tmp_path_factory, monkeypatch):
    """A working folder whose settings name few packs, which are read sooner."""
    folder = tmp_path_factory.mktemp("work_folder")
    (folder / "runverdict.toml").write_text(FEW_PACKS)
    monkeypatch.chdir(folder)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder: the defaults hold."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def verdict_of(result):
    return json.loads(result.stdout)


def quiet(result):
    """No traceback, in whatever way the command was run."""
    text = result.stderr if isinstance(result.stderr, str) else result.stderr.decode()
    assert "Traceback" not in text
    assert not getattr(result, "exception", None) or isinstance(result.exception, SystemExit)
    return text


@pytest.mark.parametrize(("name", "code"), [("PASS", 0), ("INCONCLUSIVE", 3)])
def test_the_exit_code_is_the_verdict(files, elsewhere, name, code):
    """PASS 0, INCONCLUSIVE 3 (FAIL: the next test); without --out and --store no file appears."""
    result = call("check", files[name])
    assert result.exit_code == code
    assert result.stdout.startswith(name)
    assert quiet(result) == ""
    assert not list(elsewhere.iterdir())


def test_a_process_ends_with_the_same_code_and_is_silent_on_stderr(files, tmp_path):
    """No progress bar, no log and no farewell of a library where stderr is no terminal."""
    found = process("check", files["FAIL"], cwd=tmp_path)
    assert (found.returncode, found.stderr) == (1, b"")
    assert found.stdout.startswith(b"FAIL")
    assert b"\x1b" not in found.stdout


def test_a_warning_exits_with_0_and_can_be_mapped(tmp_path):
    """WARN is 0 unless `[exit]` says otherwise."""
    warned = ndjson(tmp_path / "w.ndjson", [*healthy(), request(50, 503), request(51, 503)])
    config = tmp_path / "exit.toml"
    config.write_text(f"{FEW_PACKS}[exit]\nWARN = 10\n")
    result = call("check", warned)
    assert (result.exit_code, result.stdout[:4]) == (0, "WARN")
    assert call("check", warned, "--config", config).exit_code == 10


@pytest.mark.parametrize(("name", "code"), [("PASS", 4), ("FAIL", 1)])
def test_a_missing_source_beside_a_good_one(files, tmp_path, name, code):
    """What is there is judged: FAIL is 1 all the same, else a source that failed is 4."""
    result = call("check", files[name], tmp_path / "gone.json")
    assert result.exit_code == code
    assert result.stdout.startswith(name)
    assert "gone.json: no such file or folder" in quiet(result)


def test_no_such_file_says_what_to_check(tmp_path):
    """Exit 4, each missing source named, nothing on stdout."""
    result = call("check", tmp_path / "a.json", tmp_path / "b.json", tmp_path / "*.log")
    assert (result.exit_code, result.stdout) == (4, "")
    said = quiet(result).splitlines()
    assert [re.sub(r".*/", "", text.split(";")[0]) for text in said] == [
        "a.json: no such file or folder",
        "b.json: no such file or folder",
        "*.log: the pattern matches no file",
    ]
    assert all("; " in text for text in said)


def test_an_empty_source_is_inconclusive(tmp_path):
    """An empty file and a folder without logs: exit 3, and why."""
    (tmp_path / "empty.json").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.pdf").write_bytes(b"%PDF")
    for name, said in (("empty.json", ""), ("folder", "no file below it is named like a log: .json")):
        result = call("check", tmp_path / name)
        assert result.exit_code == 3
        assert "the sources hold no entry" in result.stdout
        assert said in quiet(result)


@pytest.fixture
def other_user():
    """How to run Python without the right to read everything, and a folder that such a process can use."""
    drop = ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-c", "import pipeline.cli, polars"]
    if drop and not shutil.which("setpriv"):
        pytest.skip("root reads everything, and there is no setpriv")
    if subprocess.run(command, capture_output=True, timeout=60, cwd="/", env={"PYTHONPATH": str(ROOT)}).returncode:
        pytest.skip("another user cannot read this checkout")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield [*drop, sys.executable], Path(folder)


def test_a_file_without_read_rights(files, other_user):
    """Exit 4, and nothing is claimed about entries."""
    python, folder = other_user
    denied = folder / "denied.json"
    denied.write_bytes(files["PASS"].read_bytes())
    denied.chmod(0)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [*python, "-c", "from pipeline.cli import main; main()", "check", denied]
    found = subprocess.run(command, capture_output=True, timeout=60, env=environment, cwd=folder)
    assert found.returncode == 4, found.stderr
    assert b"denied.json: may not be read; ask for the right to read it" in found.stderr
    assert b"nothing could be read" in found.stdout
    assert b"Traceback" not in found.stderr


def test_a_truncated_array_is_judged_and_inconclusive(tmp_path):
    """What could be read counts; `evidence.window` says that the end is missing."""
    path = tmp_path / "cut.json"
    path.write_bytes(json.dumps(healthy(), indent=2).encode()[:-300])
    result = call("check", path, "--format", "json")
    document = verdict_of(result)
    assert result.exit_code == 3
    window = next(check for check in document["checks"] if check["id"] == "evidence.window")
    assert window["status"] == "INCONCLUSIVE"
    assert "cut.json is cut off: the rest is missing" in document["headline"]
    assert document["requests"]["n"] == 39
    quiet(result)


ODD = {
    "invalid UTF-8": b'{"textPayload": "\xff\xfe", "logName": "x"}',
    "no JSON": b"\x00\x01 not JSON at all",
    "a lone surrogate": rb'{"textPayload": "half \ud83d pair", "logName": "x"}',
    "200 levels": b'{"logName": "x", "jsonPayload": {"m": ' + b"[" * 200 + b"]" * 200 + b"}}",
    "5,000 levels": b'{"logName": "x", "jsonPayload": {"m": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    "5,000 levels that do not close": b'{"logName": "x", "jsonPayload": {"m": ' + b"[" * 5000,
    "1 MiB": b'{"logName": "x", "textPayload": "' + b"x" * (1 << 20) + b'"}',
    "the year 10000": b'{"logName": "x", "timestamp": "10000-01-01T00:00:00Z", "textPayload": "x"}',
    "another object": b'{"level": "info", "msg": "of another tool"}',
    "a number": b"5",
    "an empty object": b"{}",
    "keys twice": b'{"logName": "x", "logName": "y", "textPayload": "a", "textPayload": "b"}',
    "5,000 digits": b'{"logName": "x", "jsonPayload": {"n": ' + b"9" * 5000 + b"}}",
}


@pytest.mark.parametrize("form", ["lines", "array"])
def test_odd_entries_are_kept_and_the_rest_still_counts(tmp_path, form):
    """Every odd record is an entry, none costs another one, and the good ones give their verdict."""
    odd = list(ODD.values())
    if form == "array":
        odd.remove(ODD["no JSON"])
        odd.remove(ODD["5,000 levels that do not close"])
    good = [json.dumps(one).encode() for one in healthy()]
    everything = [*good[:5], *odd, *good[5:]]
    path = tmp_path / "odd.json"
    path.write_bytes(b"\n".join(everything) if form == "lines" else b"[" + b",\n".join(everything) + b"]")
    out = tmp_path / "out"
    result = call("check", path, "--out", out)
    assert result.exit_code == 0
    assert "could not be parsed; kept raw and counted" in quiet(result)
    totals = json.loads((out / "summary.json").read_text())["totals"]
    assert totals["read"] == len(everything)
    assert totals["duplicates"] == 0
    assert totals["unattributed"] == len(odd)
    document = json.loads((out / "shop-api/shop-api-00042-abc/verdict.json").read_text())
    assert document["requests"]["n"] == 40


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "2026-01-15T10:00:00Z", "--until", "2026-01-15T09:00:00Z"], "--since .* is not before --until"),
        (["--since", "2026-01-15T10:00:00Z", "--until", "2026-01-15T10:00:00Z"], "is not before"),
        (["--since", "yesterday"], "'yesterday' is not a valid time; accepted are RFC 3339 such as .*, or a duration"),
        (["--until", "2026-02-30T00:00:00Z"], "is not a valid time"),
        (["--since", "99999999999999d"], "is not a valid time"),
        (["--since", "0001-01-01T00:00:00+23:00"], "is not a valid time"),
        (["--until", "9999-12-31T23:59:59-23:00"], "is not a valid time"),
        (["--settle", "2026-01-15T09:00:00Z"], "is no duration; known are: .* such as 1h30m"),
        (["--settle", "-5m"], "is no duration"),
        (["--format", "pdf"], "'pdf' is not known; there are: md, json"),
        (["--format", "md,json"], "several forms need a folder: add --out DIR"),
        (["--baseline", "tomorrow"], "--baseline"),
        (["--nonsense"], "No such option"),
        (["--config", "gone.toml"], "gone.toml: No such file"),
    ],
)
def test_wrong_usage_is_2(files, elsewhere, arguments, said):
    """A message that names the option and what would be right, and nothing on stdout."""
    result = call("check", files["PASS"], *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(said, quiet(result))


def test_bounds_that_no_entry_can_have(files):
    """Bounds in the year 1 and 9999 are bounds like any other."""
    bounds = ["--since", "0001-01-01T00:00:00Z", "--until", "9999-12-31T23:59:59Z"]
    result = call("check", files["PASS"], *bounds, "--settle", "0s")
    assert "the first 739,630 days of the 3,652,059 days asked for have no entry" in " ".join(result.stdout.split())
    none = call("check", files["PASS"], "--since", "2200-01-01T00:00:00Z")
    assert none.exit_code == 3
    assert "none of the 41 entries is within the window; change --since or --until" in none.stdout
    assert "41 entries outside the window; within it: read 0, kept 0," in none.stdout
    assert "outside the window" not in call("check", files["PASS"]).stdout


def test_an_unknown_service_or_revision_names_what_was_seen(files):
    """Exit 3; the reader sees at once what the name should have been."""
    for arguments, said in (
        (["--service", "shop"], "no entry of service 'shop'; seen were: cart-api, shop-api"),
        (["--revision", "x"], "no entry of revision 'x'; seen were: cart-api-00042-abc, shop-api-00042-abc"),
        (["--revision", "x", "--service", "shop-api"], "no entry of revision 'x'; seen were: shop-api-00042-abc"),
    ):
        result = call("check", files["PASS"], files["FAIL"], *arguments, "--format", "json")
        assert result.exit_code == 3
        assert said in quiet(result)
        assert verdict_of(result)["verdict"] == "INCONCLUSIVE"


def test_json_on_stdout_is_one_document(files):
    """One verdict is an object, two are an array; any FAIL among several is 1."""
    result = call("check", files["PASS"], files["FAIL"], "--format", "json")
    two = verdict_of(result)
    assert result.exit_code == 1
    assert {each["service"]: each["verdict"] for each in two} == {"cart-api": "FAIL", "shop-api": "PASS"}


def test_markdown_on_stdout(files):
    """One form and no --out: it is printed, and nothing else is."""
    result = call("check", files["PASS"], "--format", "md")
    assert result.stdout.startswith("# PASS\n")
    assert result.stdout.count("\n# ") == 0


def test_out_gets_the_forms_asked_for(files, tmp_path, elsewhere):
    """summary.json always, and per revision the forms that were asked for; nothing anywhere else."""
    charts = {f"charts/{name}.{form}" for name in ("latency", "minutes", "p95") for form in ("svg", "png")}
    every = {"verdict.json", "report.md", "report.html", "junit.xml", *charts}
    for forms, names in ((None, every), ("json", {"verdict.json"}), ("html", {"report.html", *charts})):
        out = tmp_path / f"out-{forms}"
        result = call("check", files["PASS"], "--out", out, *(["--format", forms] if forms else []))
        assert result.stdout.startswith("PASS")
        written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
        assert written == {"summary.json"} | {f"shop-api/shop-api-00042-abc/{name}" for name in names}
    summary = json.loads((tmp_path / "out-json" / "summary.json").read_text())
    found = summary["services"][0]
    assert summary["verdict"] == found["verdict"] == "PASS"
    assert (tmp_path / "out-json" / found["path"]).is_file()
    assert not list(elsewhere.iterdir())


def test_an_out_that_cannot_be_written_is_4(files, tmp_path):
    """The message names the file."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "shop-api").write_text("in the way")
    result = call("check", files["PASS"], "--out", tmp_path / "out")
    assert result.exit_code == 4
    assert "shop-api" in quiet(result)


def test_every_way_to_give_the_same_entries(files, tmp_path):
    """A file, gzip, a folder, a pattern, standard input: one answer."""
    text = files["FAIL"].read_bytes()
    folder = tmp_path / "folder"
    folder.mkdir()
    lines = text.splitlines(keepends=True)
    (folder / "a.ndjson.gz").write_bytes(gzip.compress(b"".join(lines[:20])))
    (folder / "b.json").write_bytes(b"[" + b",".join(lines[20:]) + b"]")
    want = verdict_of(call("check", files["FAIL"], "--format", "json"))
    for sources, stdin in (([folder / "*"], None), (["-"], gzip.compress(text))):
        assert verdict_of(call("check", *sources, "--format", "json", stdin=stdin)) == want
    named_twice = call("check", folder, folder / "a.ndjson.gz", "--out", tmp_path / "out")
    assert named_twice.exit_code == 1
    assert json.loads((tmp_path / "out/summary.json").read_text())["totals"]["duplicates"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense = 1", "unknown key 'nonsense'"),
        ("[catalogue]\npack = []", "unknown key 'catalogue.pack'"),
        ("[exit]\nWARN = 300", "exit.WARN: .*125"),
        ("[exit]\nFAIL = 0", "unknown key 'exit.FAIL'"),
        ("[[[", "not TOML"),
        ('[policy."platform.exit"]\nx = 1', "no check 'platform.exit'; there are: .*platform.exits"),
        ('[policy."platform.exits"]\nx = 1', "policy.\"platform.exits\"] has no limit 'x'; there are: loop_s"),
        ('[policy."platform.exits"]\nloop_s = 0', "loop_s must be a number from 1 to 86400: 0"),
        ('[policy."platform.exits"]\nloop_s = "long"', "loop_s must be a number from 1 to 86400: 'long'"),
        ('[policy."platform.exits"]\nloop_s = nan', "loop_s must be a number from 1 to 86400: nan"),
        ('[policy."platform.exits"]\nloop_s = true', "loop_s must be a number from 1 to 86400: True"),
        ('[catalogue]\npacks = ["general", "clown_run"]', "no pack 'clown_run'; there are: .*cloud_run"),
        ('[catalogue]\npaths = ["nowhere"]', "nowhere: no such folder of catalogue packs"),
    ],
)
def test_a_wrong_configuration_is_2(files, tmp_path, text, said):
    """The message names the file, the key and what would be right."""
    config = tmp_path / "c.toml"
    config.write_text(text)
    result = call("check", files["PASS"], "--config", config)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(said, quiet(result).replace("\n", " "))
    assert str(config) in result.stderr or "[catalogue]" in result.stderr or "nowhere" in result.stderr


def test_a_block_with_a_look_behind_is_2_with_its_place(files, tmp_path):
    """All problems of a user's pack come at once, each with file, line and event."""
    (tmp_path / "packs").mkdir()
    pack = tmp_path / "packs" / "mine.toml"
    block = (
        '["mine.paid"]\nmeaning = "A payment."\noutcome = "ok"\nsource = "mine"\n'
        '[["mine.paid".match]]\nliteral = "paid"\npattern = "(?<=order )paid"\n'
        '[["mine.paid".example]]\nline = "order paid"\n'
    )
    pack.write_text(block + block.replace("mine.paid", "mine.lost").replace('"ok"', '"fine"'))
    config = tmp_path / "c.toml"
    config.write_text('[catalogue]\npaths = ["packs"]\n')
    for command in (["check", files["PASS"]], ["explain", "x"]):
        result = call(*command, "--config", config)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "3 problems" in quiet(result)
        assert f"{pack}:5: mine.paid: look-around exists in neither engine" in result.stderr
        assert f"{pack}:10: mine.lost: outcome: " in result.stderr


def test_a_users_pack_explains_the_users_lines(tmp_path):
    """A block in a folder next to the settings file works like one of ours."""
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "mine.toml").write_text(
        '["mine.order_paid"]\nmeaning = "A payment."\noutcome = "ok"\nsource = "mine"\n'
        'fields.ms = { type = "duration", unit = "ms", meaning = "time" }\n'
        '[["mine.order_paid".match]]\nliteral = "order paid in "\npattern = "order paid in (?P<ms>[0-9]+ms)"\n'
        '[["mine.order_paid".example]]\nline = "order paid in 12ms"\nwant = { ms = 12.0 }\n'
    )
    (tmp_path / "c.toml").write_text(f'{FEW_PACKS}paths = ["packs"]\n')
    result = call("explain", "order paid in 7ms", "--config", tmp_path / "c.toml", "--format", "json")
    assert json.loads(result.stdout)["event"] == "mine.order_paid"
    logs = ndjson(tmp_path / "x.ndjson", [*healthy(), line(5, "order paid in 7ms")])
    document = verdict_of(call("check", logs, "--config", tmp_path / "c.toml", "--format", "json"))
    found = next(event for event in document["events"] if event["event"] == "mine.order_paid")
    assert (found["n"], found["duration_ms"]["p50"]) == (1, 7.0)


def test_settings_of_the_working_folder_are_read(files, elsewhere):
    """`runverdict.toml` counts where it stands, and --config in its place."""
    (elsewhere / "runverdict.toml").write_text(f"{FEW_PACKS}[exit]\nINCONCLUSIVE = 42\n")
    assert call("check", files["INCONCLUSIVE"]).exit_code == 42


def test_explain_reads_lines_and_entries():
    """One JSON object per line, in order; a JSON object with logName is an entry; no line crashes it."""
    whole = entry(1, log="run.googleapis.com%2Fvarlog%2Fsystem", textPayload="Container called exit(3).")
    lines = [
        "Container called exit(3).",
        json.dumps(whole),
        '{"no": "entry"}',
        "",
        "\udcff\udcfe not UTF-8",
        '{"logName": 5}',
        '{"logName": "x", ' + "[" * 10_000,
    ]
    stdin = "\n".join(lines).encode("utf-8", "surrogateescape")
    result = call("explain", "-", "--format", "json", stdin=stdin)
    assert result.exit_code == 0
    found = [json.loads(text) for text in result.stdout.splitlines()]
    assert len(found) == len(lines)
    assert [each["event"] for each in found] == [None, "platform.exit", None, None, None, "log.empty", None]
    assert set(found[0]) == {"event", "outcome", "level", "message", "fields", "signature", "near"}
    system = call("explain", "Container called exit(3).", "--log", "varlog/system")
    assert system.stdout.startswith("platform.exit  ")
    assert "code = 3" in system.stdout
    quiet(result)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["Container called exit(1)."], "it would be platform.exit in the log varlog/system: try --log varlog/system"),
        (["Uncaught signal: 6, pid=1", "--log", "varlog/system"], "code 134 = 128 + signal 6 (SIGABRT)"),
        (["Container called exit(137).", "--log", "varlog/system"], "code 137 = 128 + signal 9 (SIGKILL)"),
        (["2026/01/05 08:30:00 [crit] 20#20: no price"], "line format: nginx"),
        (
            ['{"logName": "projects/p/logs/requests", "resource": {"type": "http_load_balancer"}, "textPayload": "x"}'],
            "the entry is of resource type http_load_balancer, not of Cloud Run: it counts for no verdict",
        ),
    ],
)
def test_explain_says_what_else_to_know(arguments, hint):
    """From which log such a line must come, which signal it was, how it was read, that it is of something else."""
    result = call("explain", *arguments)
    assert f"  {hint}" in result.stdout.splitlines()


def test_a_signal_has_its_code_among_the_fields():
    """As `check` counts it: 128 + n."""
    result = call("explain", "Uncaught signal: 6, pid=1", "--log", "varlog/system", "--format", "json")
    assert json.loads(result.stdout)["fields"] == {"signal": "6", "code": "134"}


def test_a_program_that_cannot_be_run_is_known_in_every_log():
    """The kernel's words reach stderr, the platform's its own log."""
    result = call("explain", "exec /app/server: exec format error")
    assert result.stdout.startswith("platform.could_not_start  ")


def test_explain_of_nothing_is_nothing():
    """No input line, no output line."""
    result = call("explain", "-", stdin="")
    assert (result.exit_code, result.stdout) == (0, "")


def test_bytes_that_are_no_text_as_an_argument():
    """A shell can pass any bytes."""
    found = process("explain", b"caf\xe9 \xff".decode("utf-8", "surrogateescape"))
    assert found.returncode == 0
    assert b"Traceback" not in found.stderr


def test_catalogue_list_and_check(tmp_path):
    """Every event is listed with its meaning and source; `check` runs the examples of the chosen packs."""
    listed = call("catalogue", "list")
    assert listed.exit_code == 0
    assert listed.stdout.count("    source: ") > 20
    some = call("catalogue", "list", "platform", "MEMORY limit").stdout
    assert 0 < some.count("    source: ") < 5
    assert "platform.memory_limit  [" in some
    assert call("catalogue", "list", "no such event").stdout == ""
    (tmp_path / "c.toml").write_text('[catalogue]\npacks = ["audit", "go"]\n')
    held = call("catalogue", "check", "--config", tmp_path / "c.toml")
    assert held.exit_code == 0
    assert re.fullmatch(r"\d+ events, \d+ wordings: \d+ examples win as their own event, \d+ near .*\n", held.stdout)


def test_simulate_writes_a_file_that_check_reads(tmp_path):
    """The scenarios are named where one is not known."""
    path = tmp_path / "logs.ndjson"
    result = call("simulate", "memory-kill", "--out", path, "--minutes", "5")
    assert result.exit_code == 0
    count = int(result.stdout.split()[0].replace(",", ""))
    assert count == len(path.read_text().splitlines())
    assert call("check", path).exit_code == 1
    unknown = call("simulate", "x", "--out", path)
    assert unknown.exit_code == 2
    assert all(name in unknown.stderr for name in SCENARIOS)
    assert call("simulate", "healthy", "--out", tmp_path / "no" / "x").exit_code == 4


def test_the_demo_judges_two_revisions(tmp_path, elsewhere):
    """Exit 0 whatever the verdict is, and only --out leaves files."""
    result = call("demo", "--out", tmp_path / "report")
    assert result.exit_code == 0
    assert "FAIL" in result.stdout
    assert "would exit with 1" in result.stderr
    assert len(list((tmp_path / "report").rglob("verdict.json"))) == 2
    assert not list(elsewhere.iterdir())


def test_help_is_there_for_every_command():
    """Each command has a sentence and an example."""
    for command in (
        (),
        ("check",),
        ("explain",),
        ("catalogue", "list"),
        ("catalogue", "check"),
        ("simulate",),
        ("demo",),
    ):
        result = call(*command, "-h")
        assert result.exit_code == 0
        assert "Example:" in result.stdout
    shown = process("--version")
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.startswith(b"runverdict, version ")


@pytest.mark.parametrize("arguments", [["bogus"], ["check", "x", "--store", __file__]])
def test_a_process_refuses_with_2(arguments):
    """The command line's own refusals are never 1, which is a FAIL."""
    found = process(*arguments)
    assert (found.returncode, found.stdout) == (2, b"")
    assert b"Usage:" in found.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_is_no_fail(unbuffered):
    """A reader who has seen enough of a list, such as head, is no error, and there is no traceback."""
    command, more = [RUNVERDICT, "catalogue", "list"], {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=more) as running:
        running.stdout.close()
        errors = running.stderr.read()
    assert (running.returncode, errors) == (0, b"")


@pytest.mark.parametrize(("name", "code"), [("PASS", 0), ("FAIL", 1)])
def test_a_reader_who_has_read_enough_gets_the_verdict_all_the_same(files, name, code):
    """`check ... | head -1` exits as the verdict says, whoever reads it."""
    for reader in ("true", "head -c 1"):
        command = f"set -o pipefail; '{RUNVERDICT}' check '{files[name]}' | {reader} >/dev/null"
        found = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
        assert (found.returncode, found.stderr) == (code, b"")


def test_a_bug_is_never_taken_for_a_verdict(files, tmp_path):
    """An exception that nobody foresaw ends with 4 and one line, not with 1 and a traceback."""
    script = "import pipeline.stores.local as x; x.LocalStore = None; from pipeline.cli import main; main()"
    found = subprocess.run([sys.executable, "-c", script, "check", files["PASS"]], capture_output=True, timeout=60)
    assert found.returncode == 4
    assert found.stdout == b""
    assert found.stderr.startswith(b"runverdict: internal error, TypeError: ")
    assert found.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("size", "threads"), [(1 << 20, "1"), ((1 << 20) + 1, None)])
def test_few_entries_are_read_on_one_thread_of_polars(tmp_path, monkeypatch, size, threads):
    """Files of a MiB together; more have as many threads as there are cores, and so has what has no size."""
    halves = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    half = json.dumps(INNOCENT[0]) + "\n"
    for path, length in zip(halves, (size // 2, size - size // 2), strict=True):
        path.write_text(half.ljust(length))
    found = {}
    for name, sources in {"files": halves, "folder": [tmp_path]}.items():
        monkeypatch.setenv("POLARS_MAX_THREADS", "")
        monkeypatch.delenv("POLARS_MAX_THREADS")
        assert call("check", *map(str, sources)).exit_code == 3
        found[name] = os.environ.get("POLARS_MAX_THREADS")
    assert found == {"files": threads, "folder": None}


def test_threads_of_polars_that_are_asked_for_stay(tmp_path, monkeypatch):
    """Whoever sets them knows why."""
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    call("check", str(ndjson(tmp_path / "a.ndjson", INNOCENT)))
    assert os.environ["POLARS_MAX_THREADS"] == "2"
