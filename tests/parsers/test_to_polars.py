"""What classification makes of entries: which event wins, and what is read from its line."""

import json
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parsers.check import as_entries
from parsers.model import Catalogue as CatalogueOf
from parsers.model import EventType, Example, FieldSpec, Match, load
from parsers.to_polars import INPUT, OUTPUT, Classifier, duration_ms

SCHEMA = {name: pl.String() for name in INPUT} | {"http_status": pl.Int64(), "http_latency_ms": pl.Float64()}


def block(name, *matches, fields=None, outcome="info", **more):
    """An event from (literal, pattern) or (literal, pattern, on) each; fields by name: type, or (type, unit)."""
    specs = {key: (value, "1") if isinstance(value, str) else value for key, value in (fields or {}).items()}
    return EventType(
        name=name,
        pack="test",
        meaning="x",
        outcome=outcome,
        source="x",
        match=[Match(literal=m[0], pattern=m[1], on=m[2] if len(m) > 2 else None) for m in matches],
        fields={key: FieldSpec(type=kind, unit=unit, meaning="x") for key, (kind, unit) in specs.items()},
        **more,
    )


def classifier(*events):
    ordered = tuple(sorted(events, key=lambda event: event.name))
    return Classifier(CatalogueOf(ordered, {event.name: ("test", 0) for event in events}, {}))


def entries(*rows):
    """Entries from texts, or from dicts of columns."""
    full = [{"text": row} if row is None or isinstance(row, str) else row for row in rows]
    return pl.DataFrame([{**dict.fromkeys(INPUT), **row} for row in full], schema=SCHEMA)


def classified(events, *rows):
    return classifier(*events).classify(entries(*rows)).to_dicts()


def winners(events, *rows):
    return [(row["event"], row["n_matches"]) for row in classified(events, *rows)]


# ---------------------------------------------------------------- the winner


def test_the_leftmost_literal_wins():
    """Whatever the names, and whichever pattern begins first."""
    events = [block("a.late", ("second", "second")), block("z.early", ("first", "first"))]
    assert winners(events, "first second", "second first") == [("z.early", 2), ("a.late", 2)]


def test_of_literals_at_one_place_the_longest_wins():
    """It says more."""
    events = [block("a.short", ("shop", "shop")), block("z.long", ("shop opened", "shop opened"))]
    assert winners(events, "the shop opened", "the shop closed") == [("z.long", 2), ("a.short", 1)]


def test_of_equal_literals_the_first_name_wins():
    """So that the answer does not depend on the order of files."""
    events = [block("b.second", ("shop", "shop")), block("a.first", ("shop", "sho"))]
    assert winners(events, "the shop") == [("a.first", 2)]
    assert winners(events[::-1], "the shop") == [("a.first", 2)]


def test_of_one_events_wordings_the_first_wins_and_counts_once():
    """n_matches counts events."""
    event = block("a.b", ("shop", "shop"), ("shop", "shop open"))
    (row,) = classified([event], "shop open")
    assert (row["wording"], row["n_matches"]) == (0, 1)


def test_a_fallback_gives_way_to_any_other_event():
    """The lower its number the sooner it comes; columns alone come behind it."""
    general, last = (
        EventType(
            name=name,
            pack="test",
            meaning="x",
            outcome="failure",
            source="x",
            match=[Match(literal="Error: ", pattern="Error: .", fallback=number)],
        )
        for name, number in (("b.general", 1), ("a.last", 2))
    )
    special, row = block("c.special", ("refused", "refused")), block("a.row", where={"http_status": [500, 599]})
    line = {"text": "Error: refused", "http_status": 500}
    assert winners([general, last, special, row], line) == [("c.special", 4)]
    assert winners([general, last, row], line) == [("b.general", 3)]
    assert winners([last, row], line) == [("a.last", 2)]


def test_a_whole_record_stands_where_its_match_begins():
    """What a path quotes is behind it, what comes before it is not its own; characters count, not bytes."""
    access = block("a.access", (" HTTP/", '"GET [^ ]+ HTTP/1'), whole=True)
    events = [access, block("b.failure", ("broken", "broken"), outcome="failure")]
    rows = ['é "GET /broken HTTP/1', 'broken: "GET /x HTTP/1', '"GET /x', "broken HTTP/"]
    assert winners(events, *rows) == [("a.access", 2), ("b.failure", 2), (None, 0), ("b.failure", 1)]
    events[0] = access.model_copy(update={"whole": False})
    assert winners(events, rows[0]) == [("b.failure", 2)]


FAILURE = [block("a.failure", ("is down", "is down"), ("failed", "failed"), outcome="failure")]


@pytest.mark.parametrize(
    "line",
    [
        'INFO:shop:said "it is down"',
        'INFO:shop:é said "it is down"',
        "INFO:shop:said 'I can't say: it is down'",
        'INFO:shop:{"a": "b", "text": "it is down"}',
        '{"level":"info","msg":"said \\"it is down\\""}',
        "INFO:shop:{'event': 'x', 'text': 'it is down'}",
        "DEBUG:shop:said “it is down”",
        "check failed: 0",
        'checks{state="it is down"} 0',
        "it is down: False, it is up: True",
        '{"check failed":false}',
    ],
)
def test_a_failure_that_is_only_mentioned_does_not_count(line):
    """A quotation below WARNING, or none of it."""
    assert winners(FAILURE, line) == [(None, 0)]
    assert winners([FAILURE[0].model_copy(update={"outcome": "info"})], line) == [("a.failure", 1)]


@pytest.mark.parametrize(
    "line",
    [
        "INFO:shop:it is down",
        'INFO:shop:after "x" it is down',
        "INFO:shop:I can't: it is down",
        'ERROR:shop:said "it is down"',
        'said "it is down"',
        'level=info msg="it is down"',
        'INFO:shop:call, error: "it is down"',
        '{"level":"info","message":"after \\"x\\" it is down"}',
        "INFO:shop:{'event': 'it is down'}",
        'INFO:shop:said "x\nit is down',
        "check failed: 0 of 3",
        "check failed: no route",
        "check failed, retries: 0",
        "check failed: 10",
    ],
)
def test_a_failure_that_is_reported_counts(line):
    """The message itself is no quotation."""
    assert winners(FAILURE, line) == [("a.failure", 1)]


def test_the_level_of_a_quotation_is_the_effective_one():
    """Severity, then payload, then text."""
    said = 'said "it is down"'
    low = [{"severity": "NOTICE"}, {"payload": '{"level":30}'}, {"severity": "DEFAULT", "payload": '{"level":"info"}'}]
    assert winners(FAILURE, *({"text": said, **row} for row in low)) == [(None, 0)] * 3
    high = [{"severity": "ERROR"}, {"severity": "WARNING", "payload": '{"level":30}'}, {"payload": '{"level":50}'}]
    assert winners(FAILURE, *({"text": said, **row} for row in high)) == [("a.failure", 1)] * 3


def test_the_place_of_a_literal_is_its_first_in_the_line():
    """As STRPOS gives it: the same on every engine."""
    events = [block("a.b", ("open", "openly")), block("b.c", ("shop", "shop"))]
    assert winners(events, "open shop openly") == [("a.b", 2)]


@pytest.mark.parametrize(
    ("literals", "line", "n"),
    [
        (["abc", "bcd"], "xabcdx", 2),
        (["abcd", "bcd"], "xabcdx", 2),
        (["abcd", "abc"], "xabcdx", 2),
        (["abc", "bcd", "cde", "abcde"], "abcde", 4),
        (["aaa"], "aaaaa", 1),
    ],
)
def test_overlapping_literals_do_not_hide_each_other(literals, line, n):
    """One search finds all of them, also one inside another."""
    events = [block(f"e.n{number}", (literal, literal)) for number, literal in enumerate(literals)]
    assert winners(events, line)[0][1] == n


def test_a_literal_in_the_line_is_not_yet_a_match():
    """The pattern decides; a failing one hides no other."""
    events = [block("a.never", ("shop", "shop shut")), block("b.real", ("opened", "opened"))]
    assert winners(events, "shop opened", "shop") == [("b.real", 1), (None, 0)]


def test_events_read_from_columns_come_behind_every_literal():
    """A line says more than its row."""
    events = [
        block("a.row", where={"http_status": [500, 599]}),
        block("b.text", ("no instance", "no instance")),
    ]
    rows = [{"text": "there was no instance", "http_status": 500}, {"http_status": 500}, {"http_status": 200}]
    assert winners(events, *rows) == [("b.text", 2), ("a.row", 1), (None, 0)]


def test_of_events_read_from_columns_the_one_with_most_conditions_wins():
    """Then the name."""
    events = [
        block("a.any", where={"http_status": [100, 599]}),
        block("b.one", where={"http_status": 503}),
        block("z.two", where={"http_status": [500, 599], "http_path": "/ws"}),
    ]
    rows = [{"http_status": 503, "http_path": "/ws"}, {"http_status": 503}, {"http_status": 404}]
    assert winners(events, *rows) == [("z.two", 3), ("a.any", 2), ("a.any", 1)]


@pytest.mark.parametrize(
    ("where", "matching", "others"),
    [
        ({"http_status": [500, 599]}, [500, 550, 599], [499, 600, None]),
        ({"http_status": [401, 403, 407]}, [401, 403, 407], [402, 405, None]),
        ({"http_status": [404]}, [404], [403, None]),
        ({"http_status": 404}, [404], [403, None]),
        ({"http_path": "/ws"}, ["/ws"], ["/ws/", "/", None]),
        ({"http_path": ["/ws", "/chat"]}, ["/ws", "/chat"], ["/x", None]),
        ({"severity": ["ERROR"]}, ["ERROR"], ["INFO", None]),
    ],
)
def test_where_is_a_value_a_list_or_two_numbers_as_a_range(where, matching, others):
    """Both ends of a range count; null is no value."""
    event = block("a.b", where=where)
    (column,) = where
    found = winners([event], *({column: value} for value in (*matching, *others)))
    assert found == [("a.b", 1)] * len(matching) + [(None, 0)] * len(others)


def test_where_holds_beside_a_match():
    """Both are needed."""
    event = block("a.b", ("shop", "shop"), where={"severity": "ERROR"})
    rows = [{"text": "shop", "severity": "ERROR"}, {"text": "shop", "severity": "INFO"}, {"text": "shop"}]
    assert [name for name, _ in winners([event], *rows)] == ["a.b", None, None]


def test_log_holds_in_its_logs_and_where_the_log_is_unknown():
    """A pasted line has no log; a line of another log is another thing."""
    short = block("a.b", ("exit", "exit"), log=["varlog/system"])
    whole = block("c.d", ("exit", "exit"), log=["cloudaudit.googleapis.com/activity"])
    logs = ["run.googleapis.com/varlog/system", "run.googleapis.com/stderr", None, "cloudaudit.googleapis.com/activity"]
    rows = [{"text": "exit", "log_id": log} for log in logs]
    assert winners([short, whole], *rows) == [("a.b", 1), (None, 0), ("a.b", 2), ("c.d", 1)]


# ---------------------------------------------------------------- the payload


def payload(value):
    return {"payload": value if isinstance(value, str) else json.dumps(value)}


def test_a_match_can_be_on_the_payload():
    """The value at the path, not the key elsewhere and not the message."""
    event = block("a.b", ("Timeout", "^(?P<kind>[A-Za-z]*Timeout)$", "$.error.type"), fields={"kind": "text"})
    rows = [
        payload({"error": {"type": "ReadTimeout"}, "message": "x"}),
        payload({"error": {"type": "ReadTimeout of x"}}),
        payload({"error": {"kind": "ReadTimeout"}, "type": "ReadTimeout"}),
        payload({"error": "ReadTimeout", "type": 1}),
        payload('{"error": {"type": "ReadTimeout"'),
        payload('{"error": {"type": null}}'),
        payload("[]"),
        {"text": '{"error": {"type": "ReadTimeout"}}'},
        {},
    ]
    found = classified([event], *rows)
    assert [row["event"] for row in found] == ["a.b"] + [None] * 8
    assert found[0]["fields"] == '{"kind":"ReadTimeout"}'


def test_fields_of_a_payload_keep_newlines_quotes_and_letters():
    """The value is read as JSON, and written as JSON."""
    event = block("a.b", ("boom", "(?P<what>[^;]+boom[^;]*)", "$.error.value"), fields={"what": "text"})
    (row,) = classified([event], payload({"error": {"value": 'é "boom"\n\\ 日本🔑\t\x01'}}))
    assert json.loads(row["fields"]) == {"what": 'é "boom"\n\\ 日本🔑\t\x01'}


# ---------------------------------------------------------------- what is read from the line

DURATIONS = {
    "644.97ms": 644.97,
    "0ms": 0.0,
    "1.24s": 1240.0,
    "30s": 30_000.0,
    "2m7.69s": 127_690.0,
    "5m": 300_000.0,
    "1h2m3s": 3_723_000.0,
    "2h": 7_200_000.0,
    "1h30s": 3_630_000.0,
    "1m0.5s": 60_500.0,
    "532.1µs": 0.5321,  # U+00B5, the micro sign
    "532.1μs": 0.5321,  # U+03BC, the Greek letter
    "532.1us": 0.5321,
    "250ns": 0.00025,
    "1s500ms": 1500.0,
}


@pytest.mark.parametrize(("written", "ms"), DURATIONS.items())
@pytest.mark.parametrize("unit", ["s", "ms"])
def test_a_written_unit_decides(written, ms, unit):
    """Whatever the field's unit is."""
    assert pl.select(duration_ms(pl.lit(written), unit)).item() == pytest.approx(ms, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("written", "unit", "ms"), [("0.25", "s", 250.0), ("12", "s", 12_000.0), ("0.25", "ms", 0.25), ("12", "ms", 12.0)]
)
def test_a_bare_number_is_in_the_fields_unit(written, unit, ms):
    """Seconds or milliseconds."""
    assert pl.select(duration_ms(pl.lit(written), unit)).item() == ms


@pytest.mark.parametrize(
    "written",
    ["", "unknown", "5 s", "1,5s", "5d", "s", "ms", ".", "-5ms", "-5", "+5", "1e3", "inf", "nan", "NaN", "٣s", "5s3m"],
)
def test_what_is_no_duration_is_null(written):
    """Not zero, and never infinite."""
    assert pl.select(duration_ms(pl.lit(written), "ms")).item() is None


def test_a_duration_is_read_into_its_column():
    """The first that the line has; a request row without one has its latency."""
    event = block(
        "a.b",
        ("took", "took(?: (?P<first>[0-9.]+m?s))?(?: or (?P<second>[0-9.]+))?"),
        fields={"first": ("duration", "ms"), "second": ("duration", "s")},
    )
    rows = ["took 5ms or 2", "took or 2", "took", {"text": "took", "http_latency_ms": 7.5}]
    assert [row["duration_ms"] for row in classified([event], *rows)] == [5.0, 2000.0, None, 7.5]


def test_codes_and_signals():
    """A signal is 128 + n, as shells report it; a request row without a code has its status."""
    event = block(
        "a.b",
        ("ended", "ended(?: exit (?P<code>[^ ]+))?(?: signal (?P<signal>[0-9]+))?"),
        fields={"code": "code", "signal": ("code", "signal")},
    )
    rows = ["ended exit 3", "ended signal 9", "ended exit 3 signal 9", "ended", {"text": "ended", "http_status": 503}]
    rows += ["ended exit x", "ended exit 99999999999999999999"]
    found = classified([event], *rows)
    assert [row["code"] for row in found] == [3, 137, 3, None, 503, None, None]
    assert json.loads(found[1]["fields"]) == {"signal": "9"}


def test_outcomes_go_by_the_fields_value():
    """A value that is not listed, or a field that is absent, leaves the event's own."""
    event = block(
        "a.b",
        ("closed", "closed(?: (?P<code>[0-9]+))?"),
        fields={"code": "code"},
        outcomes={"code": {"1008": "critical", "1011": "failure"}},
    )
    rows = ["closed 1008", "closed 1011", "closed 1000", "closed", "closed 01008"]
    assert [row["outcome"] for row in classified([event], *rows)] == ["critical", "failure", "info", "info", "info"]


def test_outcomes_of_a_field_that_this_wording_lacks_say_nothing():
    """Each wording has its own fields."""
    event = block(
        "a.b",
        ("closed", "closed (?P<code>[0-9]+)"),
        ("shut", "shut"),
        fields={"code": "code"},
        outcomes={"code": {"1": "failure"}},
    )
    assert [row["outcome"] for row in classified([event], "closed 1", "shut")] == ["failure", "info"]


def test_fields_are_a_json_object_with_sorted_keys():
    """Absent ones are left out; none at all is null. The text is the captured one, not what it was read as."""
    event = block(
        "a.b",
        ("got", "got(?: z=(?P<z>[^ ]+))?(?: a=(?P<a>[^ ]+))?(?: m_2=(?P<m_2>[^ ]+))?"),
        fields={"z": "int", "a": "text", "m_2": ("duration", "ms")},
    )
    rows = ["got z=007 a=x m_2=1.50s", "got a=x", "got m_2=0", "got z=1", "got"]
    assert [row["fields"] for row in classified([event], *rows)] == [
        '{"a":"x","m_2":"1.50s","z":"007"}',
        '{"a":"x"}',
        '{"m_2":"0"}',
        '{"z":"1"}',
        None,
    ]


@settings(deadline=None)
@given(st.one_of(st.none(), st.text(min_size=1)), st.one_of(st.none(), st.text(min_size=1)))
def test_any_text_survives_in_fields(first, second):
    """Also one that looks like JSON with nulls."""
    event = block(
        "a.b",
        ("f::", "^f::(?:1(?P<first>(?:.|\n)+?))?(?:\x00\x002(?P<second>(?:.|\n)+))?$"),
        fields={"first": "text", "second": "text"},
    )
    if "\x00" in (first or ""):
        return
    line = "f::" + (f"1{first}" if first else "") + (f"\x00\x002{second}" if second else "")
    (row,) = classified([event], line)
    wanted = {key: value for key, value in (("first", first), ("second", second)) if value}
    assert (json.loads(row["fields"]) if row["fields"] else {}) == wanted


@pytest.mark.parametrize("value", ['":null,"x', 'a":null', ",}", '{"first":null,}', "null", '"', "\\", "}"])
def test_fields_that_look_like_json_are_text(value):
    """What is taken out are absent fields, never a part of a value."""
    event = block("a.b", ("f::", "f::(?P<first>.+)(?P<second>!!)?"), fields={"first": "text", "second": "text"})
    (row,) = classified([event], f"f::{value}")
    assert json.loads(row["fields"]) == {"first": value}


def test_ids_have_columns_of_their_own():
    """And stay in the fields."""
    event = block(
        "a.b",
        ("req", "req=(?P<r>[^ ]+)(?: corr=(?P<c>[^ ]+))?"),
        fields={"r": "request_id", "c": "correlation_id"},
    )
    (both, one) = classified([event], "req=r1 corr=c1", "req=r2")
    assert (both["request_id"], both["correlation_id"]) == ("r1", "c1")
    assert (one["request_id"], one["correlation_id"], one["fields"]) == ("r2", None, '{"r":"r2"}')


def test_an_echo_has_the_cause_it_echoes():
    """It is counted as that."""
    events = [block("a.cause", ("cause", "cause")), block("a.echo", ("echo", "echo"), echo_of="a.cause")]
    assert [row["cause"] for row in classified(events, "cause", "echo", "none")] == ["a.cause", "a.cause", None]


def test_null_and_other_letters():
    """A null text is nothing's; positions and fields in text of several bytes a letter are right."""
    events = [
        block("a.b", ("größe", "größe=(?P<x>[^ ]+)"), fields={"x": "text"}),
        block("b.c", ("日本語", "日本語")),
    ]
    found = classified(events, None, "🔑 größe=日本 x", "🔑日本語 größe=é", "")
    assert [(row["event"], row["n_matches"]) for row in found] == [(None, 0), ("a.b", 1), ("b.c", 2), (None, 0)]
    assert found[1]["fields"] == '{"x":"日本"}'


# ---------------------------------------------------------------- whole frames


@pytest.fixture(scope="module")
def shipped():
    return Classifier(load())


@pytest.fixture(scope="module")
def corpus():
    """Every example and near miss of the shipped catalogue, some without a match, and nulls."""
    events = load().events
    examples = [example for event in events for example in event.example]
    others = [*(text for event in events for text in event.near_misses), "nothing of note", "", None, "é 日本 🔑"]
    return as_entries([*examples, *(Example(line=text) for text in others)])


@pytest.fixture(scope="module")
def told(shipped, corpus):
    """What the shipped catalogue makes of it."""
    return shipped.classify(corpus)


def test_an_empty_frame_has_the_schema(shipped):
    """And no rows."""
    assert_frame_equal(shipped.classify(entries()), pl.DataFrame(schema=OUTPUT))
    assert shipped.matches(entries()) == []


def test_the_schema_is_declared(shipped, corpus):
    """One row per entry, each dtype as declared."""
    found = shipped.classify(corpus)
    assert found.schema == OUTPUT
    assert found.height == corpus.height
    nothing = found.filter(pl.col("event").is_null())
    assert nothing.height > 0
    assert nothing.select(pl.all().exclude("n_matches").null_count() == nothing.height).row(0) == (True,) * 9
    assert nothing["n_matches"].to_list() == [0] * nothing.height


def test_n_matches_counts_the_events_that_match(shipped, corpus, told):
    """Told by `matches` too."""
    counts = [len({name for name, _ in hits}) for hits in shipped.matches(corpus)]
    assert told["n_matches"].to_list() == counts


@settings(deadline=None, max_examples=8)
@given(st.randoms(use_true_random=False), st.integers(min_value=1, max_value=4))
def test_classification_is_row_wise(shipped, corpus, random, parts):
    """Any order and any batches give each entry the same."""
    corpus = corpus[random.sample(range(corpus.height), 60)]
    whole = shipped.classify(corpus)
    order = random.sample(range(corpus.height), corpus.height)
    cuts = sorted(random.randrange(corpus.height) for _ in range(parts - 1))
    bounds = [0, *cuts, corpus.height]
    pieces = [corpus[order[a:b]] for a, b in pairwise(bounds)]
    assert_frame_equal(pl.concat([shipped.classify(piece) for piece in pieces]), whole[order])


def test_blocks_that_match_nothing_change_nothing(corpus, told):
    """150 more, half of them with a literal that stands in many lines."""
    literals = ["the ", "INFO", "rror", "user", "conn"]
    more = [
        block(
            f"aaa.n{n}",
            (literals[n % 5] if n % 2 else f"never {n}", f"{literals[n % 5] if n % 2 else f'never {n}'}#{n}#"),
        )
        for n in range(150)
    ]
    catalogue = load()
    grown = classifier(*catalogue.events, *more)
    assert_frame_equal(grown.classify(corpus), told)


def test_classification_does_not_modify_its_input(shipped, corpus):
    """The caller goes on with the same entries."""
    before = corpus.clone()
    shipped.classify(corpus)
    assert_frame_equal(corpus, before)


def test_other_columns_do_not_matter(shipped, corpus, told):
    """Only `INPUT` is read, by name."""
    more = corpus.with_columns(row=pl.lit(0), event=pl.lit("x")).select("event", *reversed(INPUT), "row")
    assert_frame_equal(shipped.classify(more), told)


# ---------------------------------------------------------------- what every engine can hold


def test_a_duration_beyond_64_bits_of_nanoseconds_is_none():
    """A hostile line must not stop the measures, which count in nanoseconds."""
    event = block("a.b", ("took ", "took (?P<t>[^ ]+)"), fields={"t": "duration"})
    rows = classified([event], "took 5ms", f"took {'9' * 25}ms", f"took {'9' * 400}h", "took 2000000h")
    assert [row["duration_ms"] for row in rows] == [5.0, None, None, 7.2e12]


def test_a_code_of_more_than_18_digits_is_none():
    """Nor is what is no number."""
    event = block("a.b", ("code ", "code (?P<n>[^ ]+)"), fields={"n": "code"})
    rows = classified([event], f"code {'9' * 18}", f"code {'9' * 19}", "code 0x1f", "code -1")
    assert [row["code"] for row in rows] == [10**18 - 1, None, None, -1]


def test_separators_of_lines_are_escaped_in_fields():
    """As GoogleSQL writes them."""
    event = block("a.b", ("said ", "said (?P<t>.+)"), fields={"t": "text"})
    (row,) = classified([event], "said \u2028 and \u2029 and \\u2028")
    assert row["fields"] == '{"t":"\\u2028 and \\u2029 and \\\\u2028"}'
    assert json.loads(row["fields"]) == {"t": "\u2028 and \u2029 and \\u2028"}
