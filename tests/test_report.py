"""What a reader gets: hostile lines are text, every number is the document's, and nothing leaks."""

import io
import json
import re
import subprocess

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from pipeline.errors import StoreError
from pipeline.judge.model import Verdict
from pipeline.report.files import contents, rendered, summary, write
from pipeline.report.markdown import code, escaped, html, markdown
from pipeline.report.masked import masked
from pipeline.report.sections import sections
from pipeline.report.terminal import print_summary
from pipeline.text import shown
from tests.conftest import RUNVERDICT, check, failing, line, ndjson, request
from tests.report import made_up
from tests.report.made_up import checks, empty, full

HOSTILE = [
    "<script>alert(1)</script>",
    "</code></summary></details><img src=x onerror=alert(1)>",
    "a | b || c \\| d \\\\| e | `f | g` |",
    "` `` ``` ~~~ **bold** _it_ [x](http://evil.example) ![y](http://evil.example/z.png)",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x9b1m",
    "left \u202eright\u202c \u2066isolate\u2069 \u200bzero\u2028line\u2029",
    "first\n# heading\n\n| a | b |\n|---|---|\n- item\n> quote\n\n<b>raw</b>\r\n\r\nlast",
    "\r# heading after a carriage return\r\r<i>x</i>",
    "http://evil.example/?q=1 www.evil.example mailto:x javascript:alert(1) &lt;b&gt; &amp; &#60;",
    "x" * 100_000,
    "word " * 20_000,
    "$x^2$ :smile: @someone #123 \\( \\[ {{ v.tool }} {% raw %}",
    "\\",
    "ends with a backslash \\",
    "|",
]
SEVERITY = "<img src=x>|`*x*`"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Verdicts over lines that want to be more than text, in every place of a report that shows text."""
    folder = tmp_path_factory.mktemp("hostile")
    errors = [line(second, text, severity="ERROR", insertId=text[:60]) for second, text in enumerate(HOSTILE)]
    odd = [line(40, f"{text} once", severity=SEVERITY, insertId=f"s{text[:30]}") for text in HOSTILE]
    paths = [request(second, 500, path=f"/a|b`c<b>{second % 3}\\|") for second in range(60, 70)]
    entries = [*failing(), *errors, *odd, *paths]
    for one in entries:
        one["resource"]["labels"]["location"] = "eu|<b>`\n# x"
    return check(folder / "store", ndjson(folder / "x.ndjson", entries))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The verdict on a service that fails, nothing special about it."""
    folder = tmp_path_factory.mktemp("plain")
    lines = [line(second, f"nobody knows this {second}", severity="ERROR") for second in range(9)]
    return check(folder / "store", ndjson(folder / "x.ndjson", [*failing(), *lines]))


def tokens(text):
    """All tokens of a Markdown text, those of a line too."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or []


OWN_HTML = re.compile(
    r"<details><summary>(?:<code>[a-z_.]+</code>: )?[^<>]*</summary>\n|</details>\n|</?code>|&#?[a-z0-9]+;",
    re.IGNORECASE,
)


def test_hostile_lines_are_text(hostile):
    """No HTML but the template's own, no picture, no heading and no link but to the console."""
    document = hostile.verdicts[0][1]
    text = markdown(document)
    found = list(tokens(text))
    for token in found:
        if token.type in ("html_block", "html_inline"):
            assert OWN_HTML.sub("", token.content) == "", token.content
        assert token.type != "image"
        if token.type == "link_open":
            assert token.attrs["href"].startswith("https://console.cloud.google.com/logs/query;")
        if token.type == "heading_open":
            assert text.splitlines()[token.map[0]].lstrip("# ").split()[0] in (
                *("FAIL:", "What", "Next", "Checklist", "Details", "Evidence", "Numbers"),
            )
    assert sum(token.type == "heading_open" for token in found) == 7
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b]", text)


def test_hostile_lines_are_harmless_in_the_document_too(hostile):
    """What a check or a signature quotes is one line without control characters and marks that reorder text."""
    document = hostile.verdicts[0][1]
    quoted = [entry.excerpt for one in document.checks for entry in one.evidence]
    quoted += [one.signature for one in document.signatures]
    assert len(quoted) > len(HOSTILE)
    assert not [text for text in quoted if re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b]", text)]
    assert max(map(len, quoted)) < 2000


def test_a_reason_is_text_too(plain):
    """A reason that quotes a name keeps it text, in the table and in the block of HTML."""
    document = plain.verdicts[0][1]
    reason = "service `<b>*x*</b>` | is *gone*\n\n# heading"
    checks = [one.model_copy(update={"reason": reason}) for one in document.checks]
    text = markdown(document.model_copy(update={"checks": checks, "headline": reason}))
    summaries = re.findall("<summary><code>.*</summary>", text)
    assert summaries
    titles = {html(one.title) for one in checks}
    quoted = [one for one in summaries if one.partition(": ")[2].removesuffix("</summary>") not in titles]
    assert all("&lt;b&gt;*x*&lt;/b&gt;` | is *gone* ⏎  ⏎ # heading" in one for one in quoted)
    assert "<b>" not in text
    assert "heading" not in [token.content for token in tokens(text) if token.type == "inline"]
    assert sum(token.type == "heading_open" for token in tokens(text)) == 7


def test_tables_keep_their_columns(hostile):
    """Each row of a table has the cells of its head, whatever stands in them."""
    text = markdown(hostile.verdicts[0][1])
    columns, cells, rows = 0, 0, 0
    for token in tokens(text):
        if token.type == "thead_open":
            columns = 0
        elif token.type == "th_open":
            columns += 1
        elif token.type == "tr_open":
            cells = 0
        elif token.type == "td_open":
            cells += 1
        elif token.type == "tr_close" and cells:
            assert cells == columns
            rows += 1
    written = [one for one in text.splitlines() if one.startswith("| ") and not one.startswith("| |")]
    assert rows > 60
    # markdown-it fills missing cells and drops those above: so the bars are counted too, as GitHub does it.
    bars = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", one)) for one in written}
    assert bars <= {3, 4, 5, 7, 9}


def test_what_was_logged_is_shown(hostile):
    """A line in the evidence or the signatures reads as it was logged, but for what would hide or break it."""
    rows = [token.content for token in tokens(markdown(hostile.verdicts[0][1])) if token.type == "code_inline"]
    texts = " ".join(rows)
    assert "<script>alert(1)</script>" in texts
    assert "<U+202E>right<U+202C>" in texts
    assert "first ⏎ # heading" in texts or "first" in texts
    assert max(map(len, rows)) < 1000


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", [escaped, code], ids=["text", "code"])
def test_a_text_in_a_cell_reads_as_it_is(text, form):
    """Escaped and parsed again it is the same text, in one cell."""
    if len(text) > 1000:
        return
    parsed = MarkdownIt("commonmark").enable("table").parse(f"| a | b |\n|---|---|\n| {form(text)} | end |\n")
    inline = [token for token in parsed if token.type == "inline"]
    assert len(inline) == 4
    kinds = {"text", "code_inline", "text_special", "html_inline"}
    assert {token.type for token in inline[2].children} <= kinds
    read = "".join(token.content for token in inline[2].children if token.type != "html_inline")
    assert read.replace("\u200b", "").strip() == shown(text).strip()
    assert inline[3].content == "end"


def test_html_is_escaped_without_markdown():
    """Within a block of HTML backslashes would stand for themselves."""
    assert html("<b> *x* _y_ \n\n z & \x1b[1m") == "&lt;b&gt; *x* _y_  ⏎  ⏎  z &amp; "


def test_the_head_has_the_numbers_of_the_document(plain):
    """Entries, requests, rates, latencies, checks, events and codes of the report are those of verdict.json."""
    document = json.loads(rendered(plain.verdicts[0][1], "json"))
    text = rendered(plain.verdicts[0][1], "md")
    inputs, requests = document["inputs"], document["requests"]
    assert text.startswith("# FAIL")
    assert f"**{document['verdict']}**, risk {document['risk']}: `{document['service']}`" in text
    counts = ", ".join(f"{inputs[name]} {name}" for name in ("explained", "unexplained", "unparsed"))
    assert f"| {inputs['entries']}: {counts} |" in text
    assert f"| {requests['n']}, {requests['eligible']} of them user requests |" in text
    assert f"| {document['window']['covered_start']} to {document['window']['covered_end']} |" in text
    rate, low, high = (f"{requests[name] * 100:.3g}" for name in ("rate", "low", "high"))
    assert f"{requests['errors_5xx']} of {requests['n']} ended in 5xx: {rate} % (95 %: {low} to {high} %)" in text
    latency = {name: f"{value:.3g}" for name, value in requests["latency_ms"].items()}
    assert f"p50 {latency['p50']} ms, p95 {latency['p95']} ms, p99 {latency['p99']} ms, max {latency['max']} ms" in text
    for check_ in document["checks"]:
        assert f"| `{check_['id']}` |" in text
    for event in document["events"]:
        assert f"| `{event['event']}` | {event['outcome']} | {event['n']} | {event['lines']} |" in text
    for one in document["codes"]:
        assert f"| `{one['event']}` | {one['code']} | {one['n']} |" in text
    for one in document["signatures"]:
        assert f"| {one['n']} | {one['level']} | `{one['signature']}` | {one['first']} |" in text


def test_the_first_60_lines_tell_it_all(plain, hostile):
    """Verdict, what decided, next steps and checklist stand before the first fold, however much went wrong."""
    worst = full(checks=[one for _ in range(8) for one in checks("FAIL", "bad")], notes=["a note"] * 9)
    for document in (plain.verdicts[0][1], hostile.verdicts[0][1], full(), empty(), worst):
        head = markdown(document).split("<details>")[0]
        assert len(head.splitlines()) <= 60
        assert [one for one in head.splitlines() if one.startswith("## ")] == [
            *("## What decided", "## Next steps", "## Checklist", "## Details")
        ]


def test_statements_and_comparison_are_in_the_markdown():
    """Every claim with its references, the baseline and the effect of a check, what changed."""
    text = markdown(full())
    for section in sections(full())[:-2]:
        assert f"<summary>{section.title}: " in text
        assert all(f"| {escaped(one.claim)} | " in text for one in section.claims)
    assert "1.88 % (95 %: 0.613 to 4.33 %), n = 266" in text
    assert "| +1.78 points" in text
    assert "| new | 7 | 0 | ERROR | `ledger is gone <n>` |" in text


def test_every_claim_has_its_proof(plain):
    """A check that fails or warns by entries shows the first of them, with a link."""
    document = plain.verdicts[0][1]
    failed = next(check_ for check_ in document.checks if check_.status == "FAIL")
    assert [entry.timestamp[17:19] for entry in failed.evidence] == ["04", "16", "28", "40", "52"]
    assert all(entry.url and "insertId%3D%22request" in entry.url for entry in failed.evidence)
    unknown = next(check_ for check_ in document.checks if check_.id == "evidence.explained")
    assert (unknown.status, len(unknown.evidence)) == ("WARN", 5)


def test_the_document_keeps_to_its_schema(plain, hostile):
    """verdict.json reads back to the same bytes, and has no key that the schema has not."""
    schema = Verdict.model_json_schema()
    for _, one in (*plain.verdicts, *hostile.verdicts):
        text = rendered(one, "json")
        assert Verdict.model_validate_json(text) == one
        assert Verdict.model_validate_json(text).model_dump_json(indent=2) + "\n" == text
        conforms(json.loads(text), schema, schema["$defs"])
    with pytest.raises(AssertionError):
        conforms({**json.loads(text), "verdict": "MAYBE"}, schema, schema["$defs"])


def conforms(value, schema, known):
    """Check a value against the part of JSON Schema that pydantic writes."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        kinds = {"null" if one.get("type") == "null" else "other": one for one in schema["anyOf"]}
        conforms(value, kinds["null" if value is None else "other"], known)
        return
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    types["null"] = type(None)
    assert isinstance(value, types[schema["type"]]), (value, schema)
    assert "enum" not in schema or value in schema["enum"]
    if isinstance(value, list):
        for one in value:
            conforms(one, schema["items"], known)
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"])
        for name, part in schema["properties"].items():
            if name in value:
                conforms(value[name], part, known)
    elif isinstance(value, dict):
        for one in value.values():
            conforms(one, schema["additionalProperties"], known)


def terminal(found, **more):
    """The summary as it is printed, with the size and abilities of a console."""
    out = io.StringIO()
    console = Console(file=out, highlight=False, **more)
    print_summary(console, [one for _, one in found.verdicts], {"o\x1b[1mther": 3}, found.totals, ["a \x1b[1mnote"])
    return out.getvalue()


def test_the_summary_fits_into_100_columns(plain, hostile):
    """And into a narrower terminal; no line is longer whatever was logged, and no escape code is in it."""
    for found in (plain, hostile):
        for text, width in (
            (terminal(found), 100),
            (terminal(found, force_terminal=True, width=60, no_color=True), 60),
        ):
            plain_text = re.sub("\x1b\\[[0-9;]*m", "", text)
            assert max(map(len, plain_text.splitlines())) <= width
            assert "\x1b" not in plain_text
        assert "\x1b" not in terminal(found)
    assert terminal(plain).startswith("FAIL: 10 of 40 user requests ended in 5xx")


def test_regions_of_one_service_are_named_on_the_terminal():
    """Only where a service has more than one: two blocks were headed alike."""
    shown = io.StringIO()
    verdicts = [made_up.empty(location=name) for name in ("europe-west1", "us-east1")]
    print_summary(
        Console(file=shown, highlight=False), [*verdicts, made_up.empty(service="x", location="us-east1")], {}, {}, []
    )
    heads = [line.strip() for line in shown.getvalue().splitlines() if ", risk " in line]
    assert heads == [
        "shop-api shop-api-00042-abc, europe-west1, risk MEDIUM",
        "shop-api shop-api-00042-abc, us-east1, risk MEDIUM",
        "x shop-api-00042-abc, risk MEDIUM",
    ]


def test_colours_on_a_terminal_only(plain, monkeypatch):
    """NO_COLOR takes the colours; a pipe has no escape code at all."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31mFAIL" in terminal(plain, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search("\x1b\\[[0-9;]*3[0-7]m", terminal(plain, force_terminal=True, color_system="standard"))


def test_results_and_talk_do_not_mix(tmp_path):
    """stdout has results only, stderr talk only, in a process."""
    logs = ndjson(tmp_path / "x.ndjson", [*failing(), "no JSON"])
    found = subprocess.run([RUNVERDICT, "check", logs, "--format", "json"], capture_output=True, timeout=60)
    assert json.loads(found.stdout)["verdict"] == "FAIL"
    assert found.stderr.decode().splitlines() == [
        f"runverdict: {logs}: 1 of 42 entries could not be parsed, the first is record 42",
        "runverdict: 1 entry could not be parsed; kept raw and counted",
    ]


SECRETS = {
    "e-mail address": "alice@example.com",
    "key of a vendor": "AKIAIOSFODNN7EXAMPLE",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "private key": "-----BEGIN PRIVATE KEY-----",
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("form", ["md", "json", "junit", "html"])
def test_a_leak_is_masked_and_named_in_a_note(plain, kind, form):
    """A secret that slipped past redaction costs no report: it is masked, counted and named."""
    _, document = plain.verdicts[0]
    [shown] = masked([document.model_copy(update={"headline": f"FAIL: {SECRETS[kind]}"})])
    assert shown.notes[-1] == f"1 text of this report masked: {kind}"
    text = rendered(shown, form, {} if form == "html" else None)
    assert SECRETS[kind] not in text
    assert shown.verdict == document.verdict


def test_a_clean_report_is_not_touched(plain):
    """No note, and the same document."""
    documents = [document for _, document in plain.verdicts]
    assert masked(documents) == documents


NAMES = {
    "auth-basic": "auth-basic",
    "bearer": "bearer",
    "summary.json": "summary.json",
    "an e-mail address": "alice.smith@example.com",
    "reordered": "shop\u202egnp",
    "a key": "AKIA" + "IOSFODNN7EXAMPLE",
}


def named(folder, name):
    """The logs of a failing service of that name."""
    rows = failing()
    for row in rows:
        labels = row.get("resource", {}).get("labels", {})
        labels.update({key: value.replace("shop-api", name) for key, value in labels.items()})
    logs = folder / "logs.json"
    logs.write_text(json.dumps(rows), "utf-8")
    return logs


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_name_blocks_a_report(tmp_path, name):
    """Every form is written, and nothing of it holds what may not be shown."""
    found = check(tmp_path / "store", named(tmp_path, name))
    assert found.verdict == "FAIL"
    out = tmp_path / "out"
    files = write(out, contents(found.verdict, found.verdicts, found.totals, ["md", "json", "junit"]))
    assert {path.name for path in files} == {"summary.json", "verdict.json", "report.md", "junit.xml"}
    texts = [
        terminal(found),
        *(str(path.relative_to(out)) for path in files),
        *(path.read_text("utf-8") for path in files),
    ]
    if name in ("auth-basic", "bearer", "summary.json"):
        assert any(name in text for text in texts)
    else:
        assert not [text[:80] for text in texts if name in text or "\u202e" in text]


def test_a_name_that_may_not_be_shown_does_not_change_the_exit_code(tmp_path):
    """It is the verdict's."""
    logs = named(tmp_path, "alice.smith@example.com")
    found = subprocess.run([RUNVERDICT, "check", logs, "--format", "json"], capture_output=True, timeout=60)
    assert (found.returncode, json.loads(found.stdout)["service"]) == (1, "<email>")


def test_redacted_lines_leak_nothing(tmp_path):
    """A secret in a line, torn by terminal escapes or not, costs no report."""
    texts = [text[:7] + tear + text[7:] for text in SECRETS.values() for tear in ("", "\x1b[1m")]
    lines = [
        line(second, f"failed: {text}", severity="ERROR", insertId=str(second)) for second, text in enumerate(texts)
    ]
    cut = tmp_path / "bob@example.com.json"
    cut.write_text(json.dumps([*failing(), *lines])[:-5])
    found = check(tmp_path / "store", cut)
    assert found.verdict == "FAIL"
    files = write(tmp_path / "out", contents(found.verdict, found.verdicts, found.totals, ["md", "json"]))
    assert len(files) == 3


def test_files_appear_whole_or_not_at_all(tmp_path, plain):
    """A folder that is in the way is an error with its name, and no temporary file stays."""
    out = tmp_path / "out"
    written = write(out, contents("FAIL", plain.verdicts, plain.totals, ["md", "json"]))
    assert {path.name for path in written} == {"verdict.json", "report.md", "summary.json"}
    assert {path for path in out.rglob("*") if path.is_file()} == set(written)
    (out / "summary.json").unlink()
    (out / "summary.json").mkdir()
    with pytest.raises(StoreError, match=r"summary\.json"):
        write(out, contents("FAIL", plain.verdicts, plain.totals, ["json"]))
    assert not list(out.rglob(".*.tmp"))


def test_the_summary_file(plain):
    """The worst verdict, each revision with its path, the totals."""
    document = json.loads(summary("FAIL", plain.verdicts, plain.totals))
    assert document == {
        "verdict": "FAIL",
        "services": [
            {
                "workload": "service",
                "location": "europe-west1",
                "service": "shop-api",
                "revision": "shop-api-00042-abc",
                "verdict": "FAIL",
                "risk": "HIGH",
                "path": "shop-api/shop-api-00042-abc/verdict.json",
            }
        ],
        "totals": plain.totals,
        "inputs": [],
    }
