"""The catalogue's own tests: each way in which an example or near miss can be wrong, and that ours are not."""

from textwrap import dedent

import polars as pl
import pytest

from parsers.check import as_entries, check, check_traces, how_far
from parsers.model import Example, Match, load
from pipeline import statements
from pipeline.statements import statement_problems

OPENED = """\
    ["shop.opened"]
    meaning = "x"
    outcome = "ok"
    source = "x"
    fields.port = { type = "int", unit = "1", meaning = "x" }
    fields.took = { type = "duration", unit = "ms", meaning = "x" }

    [["shop.opened".match]]
    literal = "shop opened"
    pattern = 'shop opened(?: on port (?P<port>[0-9]+))?(?: in (?P<took>[0-9.]+m?s))?'

    [["shop.opened".example]]
    line = "the shop opened on port 8080 in 1.5s"
    want = { port = 8080, took = 1500, duration_ms = 1500.0, outcome = "ok" }
"""

DOORS = """\
    ["doors.seen"]
    meaning = "x"
    outcome = "info"
    source = "x"

    [["doors.seen".match]]
    literal = "the door"
    pattern = 'the door'

    [["doors.seen".example]]
    line = "the door"
"""


@pytest.fixture
def problems(tmp_path):
    """What `check` says of blocks, as (line, event, text)."""

    def run(*blocks):
        (tmp_path / "shop.toml").write_text("".join(dedent(block) for block in blocks), encoding="utf-8")
        found = check(load([], [tmp_path]))
        assert {problem.path for problem in found} <= {str(tmp_path / "shop.toml")}
        return [(problem.line, problem.event, problem.text) for problem in found]

    return run


def with_lines(block, *lines):
    return block + "".join(f"    {line}\n" for line in lines)


def test_the_shipped_catalogue_is_right():
    """Every example wins as its own event, every wording has one, no near miss matches."""
    assert check(load()) == []


def test_right_blocks_have_no_problems(problems):
    """The pieces that the other tests break."""
    assert problems(OPENED, DOORS) == []


def test_an_example_that_matches_nothing_tells_how_far_the_pattern_got(problems):
    """As a start for mending it."""
    extra = with_lines(OPENED, '[["shop.opened".example]]', 'line = "a shop opens at nine"')
    assert problems(extra) == [
        (1, "shop.opened", "example 2: wins as None, not as this event; the pattern got as far as 'shop open'")
    ]


def test_of_several_wordings_the_one_that_got_farthest_is_told(problems):
    """It is most likely the one that was meant."""
    two = with_lines(OPENED, '[["shop.opened".match]]', 'literal = "shop open at"', "pattern = 'shop open at [0-9]+'")
    two = with_lines(two, '[["shop.opened".example]]', 'line = "shop open at 9"')
    two = with_lines(two, '[["shop.opened".example]]', 'line = "shop open at nine"')
    ((_, _, text),) = problems(two)
    assert text.endswith("as far as 'shop open at '")


def test_an_example_that_another_event_wins_is_named(problems):
    """With the event that won; here by the leftmost literal."""
    extra = with_lines(OPENED, '[["shop.opened".example]]', 'line = "the door of the shop opened"')
    assert problems(extra, DOORS) == [
        (
            1,
            "shop.opened",
            "example 2: wins as doors.seen, not as this event; the pattern got as far as 'shop opened'",
        )
    ]


def test_an_overlap_is_declared_or_a_problem(problems):
    """`also` names the other events that match."""
    line = 'line = "shop opened, see the door"'
    extra = with_lines(OPENED, '[["shop.opened".example]]', line)
    assert problems(extra, DOORS) == [
        (1, "shop.opened", "example 2: matches doors.seen too; declare also = ['doors.seen'], or tell them apart")
    ]
    assert problems(with_lines(extra, 'also = ["doors.seen"]'), DOORS) == []


def test_a_wording_needs_an_example(problems):
    """One that wins by that wording, not by another of the event."""
    extra = with_lines(OPENED, '[["shop.opened".match]]', 'literal = "shop up"', "pattern = 'shop up'")
    assert problems(extra) == [(1, "shop.opened", "match 2 has no example of its own")]
    other = with_lines(extra, '[["shop.opened".example]]', 'line = "shop opened, shop up"')
    assert problems(other) == [(1, "shop.opened", "match 2 has no example of its own")]
    assert problems(with_lines(extra, '[["shop.opened".example]]', 'line = "shop up, shop opened"')) == []


def test_an_event_read_from_columns_needs_an_example(problems):
    """Of a row."""
    row = """\
        ["row.failed"]
        meaning = "x"
        outcome = "failure"
        source = "x"
        where = { http_status = [500, 599] }
    """
    assert problems(row) == [(1, "row.failed", "has no example")]
    row = dedent(row) + '[["row.failed".example]]\ncolumns = { http_status = 503 }\nwant = { code = 503 }\n'
    assert problems(row) == []
    assert problems(row.replace("= 503 }\nwant", "= 404 }\nwant")) == [
        (1, "row.failed", "example 1: wins as None, not as this event"),
        (1, "row.failed", "has no example"),
    ]


def test_a_near_miss_must_not_match(problems):
    """Even where another event wins it."""
    extra = OPENED.replace("fields.port", 'near_misses = ["shop closed", "the door, shop opened"]\n    fields.port')
    assert problems(extra, DOORS) == [(1, "shop.opened", "near miss is matched: 'the door, shop opened'")]


def test_a_near_miss_may_be_another_event(problems):
    """That is what makes it near."""
    assert problems(OPENED.replace("fields.port", 'near_misses = ["the door"]\n    fields.port'), DOORS) == []


@pytest.mark.parametrize(
    ("want", "text"),
    [
        ("port = 8081", "port should be 8081, is 8080.0"),
        ('port = "x"', "port should be 'x', is 8080.0"),
        ("took = 1.5", "took should be 1.5, is 1500.0"),
        ("duration_ms = 1501", "duration_ms should be 1501, is 1500.0"),
        ('outcome = "failure"', "outcome should be 'failure', is 'ok'"),
        ("code = 1", "code should be 1, is None"),
        ('door = "x"', "door should be 'x', is None"),
        ('event = "x"', "event should be 'x', is 'shop.opened'"),
    ],
)
def test_a_wrong_field_is_told_with_what_it_is(problems, want, text):
    """Numbers as numbers, durations in milliseconds."""
    block = OPENED.replace(
        'want = { port = 8080, took = 1500, duration_ms = 1500.0, outcome = "ok" }', f"want = {{ {want} }}"
    )
    assert problems(block) == [(1, "shop.opened", f"example 1: {text}")]


def test_all_problems_are_told_with_their_blocks_line(problems):
    """Sorted by line."""
    bad = OPENED.replace("8080, took = 1500", "1, took = 2").replace(
        "fields.port", 'near_misses = ["shop opened"]\n    fields.port'
    )
    doors = DOORS.replace('line = "the door"', 'line = "door"')
    assert [(line, event) for line, event, _ in problems(bad, doors)] == [
        *[(1, "shop.opened")] * 3,
        *[(16, "doors.seen")] * 2,
    ]


@pytest.mark.parametrize(
    ("line", "reached"),
    [
        ("a shop opened on port x", "shop opened on port "),
        ("a shop opens, shop", "shop open"),
        ("shops", "shop"),
        ("the shore", "sho"),
        ("日本", None),
        ("", None),
    ],
)
def test_how_far_is_the_longest_start_of_the_pattern_that_is_found(line, reached):
    """The part of the line; None where not even the first letter is."""
    assert how_far(Match(literal="shop", pattern=r"shop opened on port (?P<port>[0-9]+)"), line) == reached


def test_examples_are_redacted_and_stripped_like_entries():
    """So a pattern is tried on what it will see; `log` may leave out its domain."""
    examples = [
        Example(line="\x1b[32mINFO\x1b[0m from 203.0.113.77", log="stderr"),
        Example(line=None, log="cloudaudit.googleapis.com/activity", columns={"http_status": 500}),
    ]
    frame = as_entries(examples)
    assert frame["text"].to_list() == ["INFO from <ip>", None]
    assert frame["log_id"].to_list() == ["run.googleapis.com/stderr", "cloudaudit.googleapis.com/activity"]
    assert frame["http_status"].to_list() == [None, 500]
    assert frame.schema["http_status"] == pl.Int64


def test_a_statement_that_bigquery_would_refuse_is_a_problem(monkeypatch):
    """The catalogue's statement stays below the limit of a query's text."""
    catalogue = load()
    assert statement_problems(catalogue) == []
    monkeypatch.setattr(statements, "STATEMENT_LIMIT", 1000)
    (problem,) = statement_problems(catalogue)
    assert "the limit is 1,000" in problem.text


def test_the_shipped_traces_are_right():
    """Of each language of stack traces: portable patterns, examples with their fields, near misses."""
    assert check_traces() == []
