"""Test results from JUnit XML, as several tools write it."""

import pytest

from pipeline.errors import SourceError
from pipeline.sources.junit import read
from tests.conftest import call, healthy, ndjson

PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" failures="1"
skipped="1" tests="4" time="11.4" timestamp="2026-01-15T10:00:00.5+01:00" hostname="x">
<testcase classname="tests.e2e" name="test_end_to_end_message_flow" time="0.001"/>
<testcase classname="tests.e2e" name="test_checkout_staging" time="4.200"/>
<testcase classname="tests.unit" name="test_sum" time="0.001"/>
<testcase classname="tests.unit" name="test_bad" time="1.5"><failure message="no">trace</failure></testcase>
<testcase classname="tests.unit" name="test_skip" time="0"><skipped type="pytest.skip" message="later"/></testcase>
</testsuite></testsuites>"""
SURE_FIRE = """<testsuite name="a.B" tests="1" errors="1" time="1,234.5">
<testcase name="boots" classname="a.B" time="1,234.5"><error type="IllegalStateException"/></testcase></testsuite>"""


def write(tmp_path, text, name="junit.xml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_several_files_are_counted_together(tmp_path):
    """pytest's five tests and Surefire's one."""
    found = read([write(tmp_path, PYTEST), write(tmp_path, SURE_FIRE, "b.xml")])
    assert (found.files, found.n, found.passed, found.failed, found.errors, found.skipped) == (2, 6, 3, 1, 1, 1)
    assert found.duration_s == pytest.approx(1240.202)
    assert found.started == "2026-01-15T09:00:00.500000Z"
    assert found.failures == ["tests.unit.test_bad", "a.B.boots"]


def test_a_quick_end_to_end_test_is_suspicious(tmp_path):
    """A millisecond is too short to have met a service; a unit test may be as quick as it likes."""
    assert read([write(tmp_path, PYTEST)]).suspicious == ["tests.e2e.test_end_to_end_message_flow"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><testsuite><testcase name="&a;"/></testsuite>'


@pytest.mark.parametrize("text", ["", "<testsuite>", "<html/>", BOMB, OUTSIDE, b"\xff\xfe\x00", "{}"])
def test_what_is_no_junit_is_refused(tmp_path, text):
    """Cut files, other documents, and entities that grow or read files."""
    with pytest.raises(SourceError, match="not JUnit XML"):
        read([write(tmp_path, text)])


def test_names_are_shown_safely_and_hold_no_personal_data(tmp_path):
    """A test's name is text from outside."""
    text = (
        '<testsuite><testcase name="logs in jane.doe@example.com &#x202e; x" time="x"><failure/></testcase></testsuite>'
    )
    (name,) = read([write(tmp_path, text)]).failures
    assert name == "logs in <email> <U+202E> x"


def test_failed_tests_fail_the_verdict(tmp_path):
    """On the command line; a missing file is 4."""
    logs = ndjson(tmp_path / "logs.ndjson", healthy())
    found = call("check", logs, "--junit", write(tmp_path, PYTEST))
    assert (found.exit_code, "tests.unit.test_bad" in found.stdout) == (1, True)
    assert call("check", logs, "--junit", tmp_path / "none.xml").exit_code == 4


def test_a_file_that_is_not_there_is_named_with_its_reason(tmp_path):
    """As the system says it."""
    with pytest.raises(SourceError) as error:
        read([tmp_path / "none.xml"])
    assert "none.xml" in str(error.value)
    assert str(error.value).count("No such file or directory") == 1
    assert "[Errno" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('<testcase name="e2e flow" time="0"/>', ["e2e flow"]),
        ('<testcase name="e2e flow" time="-1"/>', []),  # not stated
        ('<testcase name="e2e flow"/>', []),
        ('<testcase name="e2e flow" time="1"/>', []),
        ('<testcase name="e2e flow" time="0"><failure/></testcase>', []),
        ('<testcase name="sum" time="0"/>', []),
    ],
)
def test_which_tests_are_too_quick(tmp_path, text, wanted):
    """Those that passed, meet the service by their name, and state a time in which they cannot have."""
    assert read([write(tmp_path, f"<testsuite>{text}</testsuite>")]).suspicious == wanted


def test_the_first_start_of_several_suites_counts(tmp_path):
    """A time without an offset is UTC; one that is none is left out."""
    stamps = ("2026-01-15T10:00:00", "2026-01-15T09:00:00Z", "soon")
    suites = "".join(f'<testsuite timestamp="{stamp}"/>' for stamp in stamps)
    found = read([write(tmp_path, f"<testsuites>{suites}</testsuites>")])
    assert (found.started, found.n, found.duration_s) == ("2026-01-15T09:00:00Z", 0, 0.0)
    assert read([write(tmp_path, "<testsuites/>")]).started is None


def test_long_and_missing_names(tmp_path):
    """200 characters at most."""
    cases = f'<testcase name="{"x" * 300}"><failure/></testcase><testcase><error/></testcase>'
    assert read([write(tmp_path, f"<testsuite>{cases}</testsuite>")]).failures == ["x" * 200, "(no name)"]


@pytest.mark.parametrize("n", [100, 101])
def test_a_hundred_names_are_listed_at_most(tmp_path, n):
    """Of failed tests and of those that were too quick; all are counted."""
    failed = "".join(f'<testcase name="f{number}"><failure/></testcase>' for number in range(n))
    quick = "".join(f'<testcase name="e2e {number}" time="0.001"/>' for number in range(n))
    found = read([write(tmp_path, f"<testsuite>{failed}{quick}</testsuite>")])
    assert (found.failed, found.passed, found.n) == (n, n, 2 * n)
    assert found.failures == [f"f{number}" for number in range(100)]
    assert found.suspicious == [f"e2e {number}" for number in range(100)]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        (["0.0014", "0.0011"], 0.003),
        (["1.2344"], 1.234),
        (["-5", "2"], 2.0),
        (["", "x", "0.5"], 0.5),
        (["1,000.5"], 1000.5),
        ([], 0.0),
    ],
)
def test_the_time_of_all_tests(tmp_path, times, seconds):
    """To a millisecond; one that is not stated, or is none, takes no time."""
    cases = "".join(f'<testcase name="a" time="{time}"/>' for time in times)
    assert read([write(tmp_path, f"<testsuite>{cases}</testsuite>")]).duration_s == seconds


@pytest.mark.parametrize(("time", "quick"), [("0.0049", 1), ("0.005", 0), ("0", 1), ("-0.5", 0)])
def test_five_milliseconds_can_be_an_answer(tmp_path, time, quick):
    """Less cannot."""
    found = read([write(tmp_path, f'<testsuite><testcase name="smoke" time="{time}"/></testsuite>')])
    assert len(found.suspicious) == quick
