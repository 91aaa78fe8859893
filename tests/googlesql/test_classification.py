"""The classification that BigQuery runs gives what polars gives, by GoogleSQL's reference implementation."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parsers.formats import formats
from parsers.googlesql_pieces import text
from parsers.model import Catalogue, EventType, Match
from parsers.to_googlesql import classification
from parsers.to_polars import Classifier
from pipeline.classify import classify
from pipeline.schema import EVENT_COLUMNS, EVENTS, polars_schema
from tests.conftest import rules
from tests.googlesql.rows import ROW, WINDOWS, of_catalogue, of_mutations, of_rows, of_windows
from tests.parsers.test_to_polars import block

TOLD = [column.name for column in EVENT_COLUMNS]


def both(reference, catalogue, rows):
    """What polars and GoogleSQL tell of entries; `source` numbers them."""
    rows = rows.with_columns(source=pl.int_range(rows.height).cast(pl.String).str.zfill(9))
    ours = classify(rows, Classifier(catalogue)).select("source", "message", *TOLD)
    theirs = reference.query(classification(catalogue, ["source", "message", *TOLD]), {"entries": rows}).sort("source")
    return ours, theirs


def agree(reference, catalogue, rows):
    ours, theirs = both(reference, catalogue, rows)
    assert_frame_equal(ours, theirs, rel_tol=1e-12, abs_tol=0)
    return ours


def test_recorded_windows(reference, tmp_path):
    """Real logs of many releases, forms and languages."""
    if not WINDOWS.exists():
        pytest.skip("the recorded windows are not here")
    found = agree(reference, rules()[0], of_windows(tmp_path))
    assert found["event"].n_unique() > 20


def test_every_example_and_near_miss(reference):
    """And every event is among them."""
    found = agree(reference, rules()[0], of_catalogue())
    assert set(found["event"].drop_nulls()) == set(rules()[0].by_name)


def test_mutations(reference):
    """Lines that nearly are what they were."""
    agree(reference, rules()[0], of_mutations())


@settings(max_examples=4)
@given(rows=st.lists(ROW, min_size=60, max_size=90))
def test_made_up_rows(reference, rows):
    """Nulls, empty texts, other scripts, terminal escapes, huge numbers, payloads of any shape."""
    agree(reference, rules()[0], of_rows(rows))


SMALL = [
    block("a.short", ("shop", "shop (?P<n>[0-9]+)"), fields={"n": "int"}),
    block("b.long", ("shop 1", "shop 1"), ("shop 1", "shop (?P<n>1[0-9]*)"), fields={"n": "code"}, log=["stderr"]),
    block("c.signal", ("signal ", "signal (?P<n>[0-9x+]+)"), fields={"n": ("code", "signal")}),
    block(
        "d.times", ("took ", "took (?P<a>[^ ]+)(?: or (?P<b>[^ ]+))?"), fields={"a": ("duration", "s"), "b": "duration"}
    ),
    block(
        "e.inner",
        ("code", "code (?P<n>[0-9]+)", "$.error.type"),
        fields={"n": "code"},
        outcomes={"n": {"7": "critical"}},
    ),
    block("f.row", where={"http_status": [500, 599], "http_path": "/it's"}),
    block("g.row", where={"text": "", "payload": "", "http_method": ["GET", "PUT"]}, echo_of="f.row"),
    block(
        "h.two",
        ("both ", "both (?P<x>[a-z]+) (?P<y>[a-z]+)"),
        fields={"x": "text", "y": "text"},
        outcomes={"x": {"a": "ok"}, "y": {"a": "failure"}},
    ),
    block("i.failure", ("is down", "is down(?P<x>!)?"), fields={"x": "text"}, outcome="failure"),
    block("j.record", (" HTTP", '"[a-z ]+ HTTP'), whole=True),
    EventType(
        name="a.general",
        pack="test",
        meaning="x",
        outcome="failure",
        source="x",
        match=[Match(literal="Error: ", pattern="Error: ", fallback=1)],
    ),
]
LINES = [
    *("shop 1", "shop 12 é shop 1", "é shop 7", "signal 9", "signal 0x9", "signal +9", "signal 12345678901234567890"),
    *(
        "took 2 or 3",
        "took 2ms",
        "took 1h2m3.5s",
        "took x or 5ms",
        "took x or y",
        "took 99999999999999999999h",
        "took 5µs",
    ),
    *("both a b", "both b a", "both a a", "both b b", "shop 1 both a b", "", None),
    *(
        'é "is down"',
        "is down: 0",
        "is down",
        'é "is down HTTP',
        "INFO: 'is down'",
        'is down "a HTTP',
        "Error: is down",
        "INFO: 'Error: is",
    ),
]


OBJECTS = [
    '{"level":{"name":"error","value":50},"levelno":30}',
    '{"record":{"level":{"icon":"x","name":"WARNING","no":30}},"text":"x"}',
    '{"a":"\\"level\\":\\"error\\"","b":{"c":"}"},"level":"ERROR+2"}',
    '{"severityNumber":21,"body":"x"}',
    '{"version":"1.1","short_message":"x","level":1}',
    '{"s":"D2","c":"NETWORK","ctx":"conn1"}',
    '{"priority":"emerg","task":{"priority":"err"}}',
    '{"@t":"2026-01-05","@mt":"x"}',
    '{"_t":"2026-01-05","_mt":"x"}',
    '{"@t":"2026-01-05","@mt":"x","@l":"Loud"}',
    '{"log":{"file":{"level":"error"}}}',
    '{"log":{"severity":"notice"}}',
]


def test_every_kind_of_block(reference):
    """Conditions, places in the payload, units, several fields of a kind, outcomes by field, equal literals."""
    catalogue = Catalogue(tuple(SMALL), {}, {})
    payloads = [None, '{"error": {"type": "code 7"}}', '{"error":{"type":"code 8"}}', '{"error": "code 7"}']
    rows = [{"message": line, "payload": payload} for line in LINES for payload in payloads]
    rows = [{**row, "http_status": None, "http_path": None, "http_method": None, "log_id": None} for row in rows]
    rows += [{**row, "log_id": log} for row in rows[:8] for log in ("run.googleapis.com/stderr", "x.com/y")]
    rows += [
        {**rows[-1], "message": None, "http_status": status, "http_path": "/it's", "payload": None}
        for status in (499, 500, 599)
    ]
    rows += [{**rows[-1], "http_status": None, "http_method": method} for method in ("GET", "POST")]
    rows = [{**row, "severity": severity} for row in rows for severity in ("DEFAULT", "INFO")]
    found = agree(reference, catalogue, of_rows(rows))
    assert set(found["event"].drop_nulls()) == {event.name for event in SMALL}
    assert found["n_matches"].max() >= 3


def test_levels_of_formats_and_payloads(reference):
    """Of every example and near miss of a format, as a text and as a payload, and of what loggers write as JSON."""
    forms = formats().format
    lines = [line for form in forms for line in (*(example.line for example in form.example), *form.near_misses)]
    objects = [f'{{"a":{{"level":"debug"}},"{key}":"Error","z":{{"b":1}}}}' for key in formats().payload.level]
    objects += OBJECTS
    rows = [{"message": line, "payload": None} for line in (*lines, *objects)]
    rows += [{"message": "x", "payload": payload} for payload in objects]
    rows = [{**row, "http_status": None, "http_path": None, "http_method": None, "log_id": None} for row in rows]
    found = agree(reference, Catalogue(tuple(SMALL), {}, {}), of_rows(rows))
    assert found["level"].n_unique() == 9


def test_a_difference_is_seen(reference):
    """Of one letter in one pattern."""
    catalogue = Catalogue((block("a.b", ("shop", "shop (?P<n>[0-9]+)"), fields={"n": "int"}),), {}, {})
    other = Catalogue((block("a.b", ("shop", "shop (?P<n>[0-8]+)"), fields={"n": "int"}),), {}, {})
    rows = of_rows([{"message": "shop 19"}])
    ours, _ = both(reference, catalogue, rows)
    _, theirs = both(reference, other, rows)
    with pytest.raises(AssertionError, match="fields"):
        assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("value", ["", "it's", r"\d", "a\\", "\\'", 'say "x"', "line\nend\r", "é🔑", "\x1b", "`"])
def test_strings_are_quoted(reference, value):
    """Whatever stands in a catalogue."""
    assert reference.query(f"select {text(value)} as x").item() == value


def test_the_query_is_no_longer_than_bigquery_takes():
    """1 MB of text."""
    assert len(classification(rules()[0], polars_schema(EVENTS).names()).encode()) < 600_000
