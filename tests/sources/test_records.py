"""Records of files: how they are cut and counted, and which objects are entries."""

import json
from datetime import timedelta

import pytest

from pipeline.sources.base import Access, Request
from pipeline.sources.cloud_logging.source import CloudLoggingSource, _rest
from pipeline.sources.log_entry import EntryReader
from pipeline.sources.records import MAX_RECORD, MAX_WRAPPERS, SourceReport, cut, holds_entries, is_entry
from pipeline.window import Window
from tests.conftest import START, line, request
from tests.servers.cloud_logging import CloudLogging, Time


@pytest.mark.parametrize(
    ("text", "limit", "wanted"),
    [
        ("abcdef", 4, "abcd"),
        ("aäb", 2, "a"),  # the second byte of the ä stands behind the limit
        ("aäb", 3, "aä"),
        ("a€b", 2, "a"),
        ("a€b", 3, "a"),
        ("a€b", 4, "a€"),
        ("🏪x", 4, "🏪"),
        ("ab🏪x", 5, "ab"),
    ],
)
def test_a_record_is_cut_between_characters(text, limit, wanted):
    """At most so many bytes, and counted."""
    report = SourceReport("x")
    assert cut(text.encode(), limit, report) == wanted.encode()
    assert report.cut == 1


def test_bytes_that_are_no_characters_are_cut_at_the_limit():
    """Where no character begins in four bytes."""
    assert cut(b"\x80" * 9, 6, SourceReport("x")) == b"\x80" * 6
    assert cut(b"abc" + b"\x80" * 5, 6, SourceReport("x")) == b"abc" + b"\x80" * 3
    assert cut(b"a" + b"\x80" * 4, 3, SourceReport("x")) == b"a" + b"\x80" * 2


def test_a_report_begins_with_nothing():
    """And adds up what was met in several files, each sentence once."""
    whole = SourceReport("folder")
    plain = dict.fromkeys(("bytes_read", "records", "read", "outside", "repaired_utf8", "cut", "other_types"), 0)
    assert {name: getattr(whole, name) for name in plain} == plain
    assert (whole.share, whole.position_ns, whole.reads, whole.reads_left, whole.unparsed) == (0.0, 0, 0, 0, 0)
    assert (whole.truncated, whole.incomplete, whole.form, whole.notes) == (False, "", "", [])
    one = SourceReport("a", bytes_read=5, records=2, repaired_utf8=1, cut=3, notes=["n"])
    for file in (one, SourceReport("b", bytes_read=7, records=4, truncated=True), one):
        whole.absorb(file)
    assert (whole.bytes_read, whole.records, whole.repaired_utf8, whole.cut) == (17, 8, 2, 6)
    assert (whole.truncated, whole.notes) == (True, ["a: n"])
    assert MAX_RECORD == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"insertId": "a"}, True),
        ({"insert_id": "a"}, True),
        ({"timestamp": "t", "severity": "s"}, True),
        ({"timestamp": "t"}, False),
        ({"severity": "s"}, False),
        ({"id": "a"}, False),
    ],
)
def test_what_is_an_entry(value, wanted):
    """By one key of its own, or by its time and severity."""
    assert is_entry(value) == wanted
    assert holds_entries({"entries": [value]}) == wanted
    assert not holds_entries({"entries": []})


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]])
def test_so_many_objects_may_stand_around_a_list_of_entries(wrap):
    """Three inside the outermost, also in lists."""
    value = {"entries": [{"insertId": "a"}]}
    found = []
    for _ in range(5):
        found.append(holds_entries(value))
        value = {"inner": wrap(value)}
    assert (found, MAX_WRAPPERS) == ([True, True, True, True, False], 3)
    assert holds_entries([{"insertId": "a"}]) is False


# What it takes to pull a window, from one page of each of its 8 parts.


@pytest.mark.parametrize(
    ("n", "limit", "words"),
    [
        (0, 1000, "0 entries, 1 read, less than a minute at 50 reads a minute (8 reads used for this)"),
        (800, 1000, "800 entries, 1 read, less than a minute at 50 reads a minute (8 reads used for this)"),
        (1001, 1000, "1,001 entries, 2 reads, less than a minute at 50 reads a minute (8 reads used for this)"),
    ],
)
def test_few_entries_are_counted(n, limit, words):
    """Every page is the only one of its part."""
    assert estimated(n, limit) == words


def test_many_entries_are_reckoned_from_their_density():
    """1,600 in 800 s, 20 a page: of 0 to 9 s, so 20 * 91 / 9 = 202 come behind it in each of the 8 parts of 100 s."""
    wanted = "about 1,776 entries, 2 reads, less than a minute at 50 reads a minute (8 reads used for this)"
    assert estimated(1600, 20) == wanted


def estimated(n, limit):
    """The words of an estimate of so many entries, evenly over 800 s, with so many on a page at most."""
    time = Time()
    entries = [line(second := 800 * number / max(n, 1), "x", insertId=f"{number}:{second}") for number in range(n)]
    with CloudLogging(entries, page_limit=limit, clock=time.now).running() as url:
        source = CloudLoggingSource("logging://demo", Access(url))
        window = Window(START, START.replace(minute=13, second=20))
        found = source.estimate(Request(window))
    assert found.step == "logging://demo from 2026-01-15T09:00:00Z to 2026-01-15T09:13:20Z"
    assert found.advice == ""
    return found.text


def test_what_comes_behind_a_page_is_as_dense_as_it():
    """11 entries in 10 s: 11 more in each 10 s until the end; none where it has no time, or is over."""
    page = [json.dumps(line(second, "x")).encode() for second in range(11)]
    end_ns = int(START.timestamp()) * 10**9 + 60 * 10**9
    assert _rest(page, end_ns) == 55
    assert _rest(page, end_ns - 55 * 10**9) == 0
    assert _rest([json.dumps(line(1, "x", timestamp=None)).encode()], end_ns) == 0


def rows_of(*texts):
    """The rows of raw entries."""
    with EntryReader() as reader:
        return reader.read([text.encode() for text in texts])


def test_raw_control_characters_are_let_pass():
    """JSON wants them escaped; what some exporters write is read all the same."""
    found = rows_of(json.dumps(line(1, "a b c")).replace("a b c", "a\tb\x01c"))
    assert (found["message"].to_list(), found["raw"].to_list()) == (["a\tb\x01c"], [None])


def test_a_size_that_is_no_number_is_none():
    """The row is read all the same."""
    rows = [request(second) for second in (1, 2)]
    rows[0]["httpRequest"] |= {"requestSize": "many", "responseSize": "1.5"}
    rows[1]["httpRequest"] |= {"requestSize": "17", "responseSize": 18}
    found = rows_of(*map(json.dumps, rows))
    assert found["http_request_bytes"].to_list() == [None, 17]
    assert found["http_response_bytes"].to_list() == [None, 18]
    assert found["raw"].is_null().all()


@pytest.mark.parametrize(("more", "second"), [(0, None), (1, 1)])
def test_the_time_of_a_broken_entry_is_read_where_it_is_too_long_to_be_parsed(more, second):
    """Above 1 MiB and 64 KiB; of a shorter one nothing but its key and resource is."""
    start = json.dumps(line(1, "x"))[:-1] + ', "more": "'
    text = start + "y" * ((1 << 20) + (64 << 10) - len(start) + more)
    found = rows_of(text)
    time = None if second is None else START + timedelta(seconds=second)
    time_ns = None if time is None else int(time.timestamp()) * 10**9
    assert found.select("timestamp_ns", "timestamp", "raw").row(0) == (time_ns, time, text)


@pytest.mark.parametrize(
    ("kind", "message", "service", "revision"),
    [
        ("revision", "Ready condition status changed to True for Revision shop-00002-xyz.", None, "shop-00002-xyz"),
        (
            "revision",
            "Ready condition status changed to False for Revision shop-00002-xyz with",
            None,
            "shop-00002-xyz",
        ),
        (
            "revision",
            "Ready condition status changed to False for Service shop with message: Revision 'shop-00002-xyz' is not",
            None,
            "shop-00002-xyz",
        ),
        ("revision", "Ready condition status changed to True for Service shop.", None, None),
        ("revision", "Execution etl-x7k2p has completed successfully.", None, None),
        ("job", "Execution etl-x7k2p has completed successfully.", "etl", "etl-x7k2p"),
        ("job", "Task etl-x7k2p-task0 failed", "etl", "etl-x7k2p"),
        ("job", "Completed condition status changed to False for Execution etl-x7k2p.", "etl", "etl-x7k2p"),
    ],
)
def test_an_audited_status_names_its_revision(kind, message, service, revision):
    """Or its execution, where the entry is of a job."""
    proto = {"status": {"message": message}}
    found = rows_of(json.dumps(line(1, "", protoPayload=proto, resource={"type": f"cloud_run_{kind}", "labels": {}})))
    assert found.select("service", "revision", "message").row(0) == (service, revision, message)
