"""Formats of log lines: what level, logger and message each gives, and which comes first."""

import json
import time

import polars as pl
import pytest
from polars.testing import assert_series_equal

from parsers.check import check_formats
from parsers.formats import formats
from parsers.json_levels import level
from parsers.lines import read, strip_ansi

MORE = {
    "stdlib with milliseconds and a name": (
        "2026-01-05 08:30:00,013 - auth-service - shop.routes - WARNING - Blacklist check",
        "WARNING",
        "auth-service",
        "Blacklist check",
    ),
    "loguru with tags": (
        "2026-01-05 08:30:00.555 | ERROR    | module:func:163 | <red>failed</red>",
        "ERROR",
        "module:func:163",
        "<red>failed</red>",
    ),
    "loguru in colours": (
        "\x1b[32m2026-01-05 08:30:00.236\x1b[0m | \x1b[1mINFO    \x1b[0m | \x1b[36mmod\x1b[0m:f:12 - hello",
        "INFO",
        "mod:f:12",
        "hello",
    ),
    "uvicorn's access line": (
        'INFO:     10.1.2.3:1234 - "GET / HTTP/1.1" 500',
        "INFO",
        None,
        '10.1.2.3:1234 - "GET / HTTP/1.1" 500',
    ),
    "WebSocket accepted": ('<ip>:1 - "WebSocket /ws" [accepted]', "INFO", None, '<ip>:1 - "WebSocket /ws" [accepted]'),
    "WebSocket rejected": (
        '[2026-01-05 08:30:00 +0000] [15] [INFO] 10.1.2.3:59254 - "WebSocket /ws" 403',
        "INFO",
        None,
        '10.1.2.3:59254 - "WebSocket /ws" 403',
    ),
    "tracing of Rust": ("2026-01-05T08:30:00.114Z  INFO shop::api: hello", "INFO", "shop::api", "hello"),
    "a tab after the level": ("ERROR\tfailed\tagain", "ERROR", None, "failed\tagain"),
    "CRLF": ("ERROR failed\r\n", "ERROR", None, "failed"),
    "CRLF without a format": ("plain\r\nmore\r\n", None, None, "plain"),
    "several lines": ("ERROR first\nINFO second", "ERROR", None, "first"),
    "level of a later line": ("first\nERROR second", None, None, "first"),
    "traceback": (
        'Traceback (most recent call last):\n  File "x.py"\nValueError: x',
        None,
        None,
        "Traceback (most recent call last):",
    ),
    "chained traceback": (
        "During handling of the above exception, another exception occurred:",
        None,
        None,
        "During handling of the above exception, another exception occurred:",
    ),
    "line of a traceback": ('  File "/app/shop.py", line 3, in get', None, None, 'File "/app/shop.py", line 3, in get'),
    "line of a Java trace": ("\tat com.shop.Api.get(Api.java:3)", None, None, "at com.shop.Api.get(Api.java:3)"),
    "Node's error": ("Error: failed", "ERROR", None, "failed"),
    "orphan tail": ('" does not exist</red>', None, None, '" does not exist</red>'),
    "a word that begins like a level": ("INFORMATION is power", None, None, "INFORMATION is power"),
    "a level that is a word of the sentence": ("the ERROR is gone", None, None, "the ERROR is gone"),
    "a level alone": ("ERROR", None, None, "ERROR"),
    "an unknown level": ("[2026-01-05 08:30:00 +0000] [12] [LOUD] hello", None, None, "hello"),
    "a heading": ("ERROR HANDLING: enabled", None, None, "ERROR HANDLING: enabled"),
    "a message in capitals": ("ERROR HTTP 500 of the gateway", "ERROR", None, "HTTP 500 of the gateway"),
    "a limit that is reached": ("ERROR RATE LIMIT exceeded", "ERROR", None, "RATE LIMIT exceeded"),
    "a count of nothing": ("ERROR: 0", None, None, "ERROR: 0"),
    "counts by level": ("critical: 2, high: 5", None, None, "critical: 2, high: 5"),
    "a code": ("ERROR: 0x80070005 denied", "ERROR", None, "0x80070005 denied"),
    "a setting": ("Setting log level=error for urllib3", None, None, "Setting log level=error for urllib3"),
    "a filter": ("Filter: severity=ERROR rows=12", None, None, "Filter: severity=ERROR rows=12"),
    "the first level of a header": ("2026-01-05 08:30:00 [a] [WARN] [b] ERROR x", "WARNING", None, "[b] ERROR x"),
    "a bare word before a level": (
        "2026-01-05 08:30:00 lost ERROR pages",
        None,
        None,
        "2026-01-05 08:30:00 lost ERROR pages",
    ),
    "empty": ("", None, None, ""),
    "null": (None, None, None, None),
    "other letters": ("2026-01-05 08:30:00 - größe - ERROR - 日本 🔑", "ERROR", "größe", "日本 🔑"),
}


def of(*texts, payloads=None):
    """Level, logger and body of texts."""
    series = pl.Series(texts, dtype=pl.String)
    found = read(strip_ansi(series), pl.Series(payloads or [None] * len(texts), dtype=pl.String))
    return found.drop("format").rows()


@pytest.mark.parametrize(("line", "severity", "logger", "body"), MORE.values(), ids=MORE)
def test_a_line_gives_level_logger_and_body(line, severity, logger, body):
    """By its format; the rest has its first line as body, and no level."""
    assert of(line) == [(severity, logger, body)]


def test_the_shipped_formats_are_right():
    """Portable patterns, examples that are read first by their own format, near misses that are not."""
    assert check_formats() == []


def test_formats_do_not_disturb_each_other():
    """All in one frame, in order, twice."""
    rows = [*MORE.values()] * 2
    assert of(*(row[0] for row in rows)) == [row[1:] for row in rows]


@pytest.mark.parametrize(
    ("payload", "severity"),
    [
        ('{"level":30,"time":1}', "INFO"),
        ('{"level":10,"time":1}', "DEBUG"),
        ('{"level":20}', "DEBUG"),
        ('{"level":40}', "WARNING"),
        ('{"level":50}', "ERROR"),
        ('{"time":1,"level":60}', "CRITICAL"),
        ('{"level": "warn"}', "WARNING"),
        ('{"severity":"ERROR"}', "ERROR"),
        ('{"levelname":"CRITICAL"}', "CRITICAL"),
        ('{"log_level":"debug"}', "DEBUG"),
        ('{"lvl":"eror"}', "ERROR"),
        ('{"lvl":"loud"}', None),
        ('{"log.level":"error","message":"x"}', "ERROR"),
        ('{"log":{"level":"warn"},"message":"x"}', "WARNING"),
        ('{"LogLevel":"Critical","Category":"Shop"}', "CRITICAL"),
        ('{"@t":"2026-01-05","@l":"Fatal"}', "CRITICAL"),
        ('{"a":{"b":1},"@l":"Warning"}', "WARNING"),
        ('{"level":400,"channel":"app"}', "ERROR"),
        ('{"level":250,"level_name":"NOTICE"}', "NOTICE"),
        ('{"levelno":30,"msg":"x"}', "WARNING"),
        ('{"levelno": 50}', "CRITICAL"),
        ('{"levelno":35}', None),
        ('{"severityText":"Error"}', "ERROR"),
        ('{"level":35}', None),
        ('{"level":null}', None),
        ('{"message":"\\"level\\":\\"error\\""}', None),
        ('{"error":{"severity":"ERROR"},"n":1}', None),
        ('{"error":{"severity":"ERROR"},"level":"info"}', "INFO"),
        ('{"list":[{"level":"error"}]}', None),
        ('{"sublevel":"error"}', None),
        *((f'{{"message":"x","{key}":"Error"}}', "ERROR") for key in formats().payload.level),
        ('{"Severity":"Warning","State":{"Severity":"Error"}}', "WARNING"),
        ('{"level":"ERROR+2","msg":"x"}', "ERROR"),
        ('{"level":{"name":"error","value":50},"message":"x"}', "ERROR"),
        ('{"level":{"value":50}}', None),
        ('{"levels":{"name":"error"}}', None),
        ('{"log":{"severity":"error","file":{"name":"info"}}}', "ERROR"),
        ('{"log":{"file":{"level":"error"}}}', None),
        ('{"syslog":{"severity":"err"}}', "ERROR"),
        ('{"text":"x","record":{"elapsed":{"s":1},"level":{"icon":"x","name":"ERROR","no":40}}}', "ERROR"),
        ('{"a":[{"b":{"c":"}"}}],"level":"warn"}', "WARNING"),
        ('{"a":"\\"level\\":\\"error\\"","b":{"c":1},"level":"info"}', "INFO"),
        ('{"a":{"b":"\\"}","level":"error"},"level":"info"}', "INFO"),
        ('{"message":"x","metadata":{"level":"error"}}', None),
        ('{"severityNumber":17,"body":"x"}', "ERROR"),
        ('{"severityNumber":9}', "INFO"),
        ('{"severityNumber":25}', None),
        ('{"severityText":"WARN","severityNumber":17}', "WARNING"),
        ('{"resource":{"severityNumber":17}}', None),
        ('{"version":"1.1","short_message":"x","level":3}', "ERROR"),
        ('{"version":"1.1","short_message":"x","level":6}', "INFO"),
        ('{"message":"x","level":3}', None),
        ('{"s":"E","c":"NETWORK","ctx":"conn1","msg":"x"}', "ERROR"),
        ('{"s":"D2","c":"NETWORK","ctx":"conn1","msg":"x"}', "DEBUG"),
        ('{"s":"E","message":"x"}', None),
        ('{"s":"east","c":"b","ctx":"x"}', None),
        ('{"priority":"ERROR","message":"x"}', "ERROR"),
        ('{"priority":"high"}', None),
        ('{"priority":"F"}', None),
        ('{"priority":"high","level":"warn"}', "WARNING"),
        ('{"task":{"priority":"ERROR"}}', None),
        ('{"@t":"2026-01-05","@mt":"x"}', "INFO"),
        ('{"@t":"2026-01-05","@m":"x","@i":"1","State":{"a":1}}', "INFO"),
        ('{"@t":"2026-01-05","@m":"x","@l":"Loud"}', None),
        ('{"@t":"2026-01-05","level":"x"}', None),
        ("not JSON", None),
        (None, None),
    ],
)
def test_the_level_of_a_json_payload(payload, severity):
    """Its own key, pino's numbers too; not one of an object inside, nor one in a text."""
    assert of("hello", payloads=[payload])[0][0] == severity


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ('{"level":"info","message":"x","error":{"level":"error"}}', "INFO"),
        ('{"error":{"level":"error"},"level":"info","message":"x"}', "INFO"),
        ('{"level": {"a": 1}}', None),
        ('{"sublevel":"error"}', None),
        ('{"record": {"level": {"name": "WARNING", "no": 30}, "message": "x"}, "text": "x"}', "WARNING"),
        ('{"severityNumber": 21, "body": "x"}', "CRITICAL"),
        ('{"a": "cut, "level":"error"}', None),
        ('sent {"level":"error"}', None),
        ("{}", None),
        ("{", None),
    ],
)
def test_the_level_of_a_text_that_is_json(text, severity):
    """As of a payload: its own, wherever it stands among the objects inside."""
    assert of(text)[0][0] == severity


def test_the_keys_of_payloads_are_those_of_texts():
    """One list."""
    objects = [f'{{"a":{{"level":"debug"}},"{key}":"Error"}}' for key in formats().payload.level]
    assert (
        {row[0] for row in of(*objects)} == {row[0] for row in of(*["x"] * len(objects), payloads=objects)} == {"ERROR"}
    )


def test_the_payloads_level_comes_before_the_lines():
    """The logger knows; an unknown word leaves it to the line."""
    payloads = ['{"level":"error"}', '{"level":"loud"}', '{"logger":"shop.x","level":"info"}', None]
    found = of(*["WARNING: slow"] * 4, payloads=payloads)
    assert found == [
        ("ERROR", None, "slow"),
        ("WARNING", None, "slow"),
        ("INFO", "shop.x", "slow"),
        ("WARNING", None, "slow"),
    ]


@pytest.mark.parametrize(
    ("words", "severity"),
    [
        ("trace Debug 10 20 fine verbose", "DEBUG"),
        ("info I 30 SUCCESS log Information", "INFO"),
        ("notice", "NOTICE"),
        ("warn WARNING W 40", "WARNING"),
        ("error err E 50 SEVERE exception", "ERROR"),
        ("critical FATAL panic F 60", "CRITICAL"),
        ("alert", "ALERT"),
        ("emergency", "EMERGENCY"),
    ],
)
def test_level_words_of_languages_are_severities(words, severity):
    """In any case."""
    found = pl.DataFrame({"word": words.split()}).select(level(pl.col("word"))).to_series().to_list()
    assert found == [severity] * len(words.split())


def test_an_unknown_level_word_is_null():
    """It is no INFO."""
    found = pl.DataFrame({"word": ["loud", "", None, "INFOS"]}).select(level(pl.col("word"))).to_series()
    assert found.to_list() == [None] * 4


def test_levels_are_severities_of_cloud_logging():
    """And no other word."""
    levels = formats().levels
    assert set(levels.values()) == {"DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}
    assert all(word == word.upper() for word in levels)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;208mx\x1b[m", "x"),
        ("a\x1b[2Kb\x1b[?25lc", "abc"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title that never ends", ""),
        ("no escapes", "no escapes"),
        ("", ""),
        (None, None),
        ("[31mno escape", "[31mno escape"),
    ],
)
def test_terminal_escapes_are_taken_out(text, plain):
    """Colours, cursor movements, window titles and links."""
    assert strip_ansi(pl.Series([text], dtype=pl.String)).to_list() == [plain]


def test_stripping_does_not_modify_its_input():
    """scatter writes in place."""
    series = pl.Series("message", ["\x1b[31mred\x1b[0m", None, "x"])
    result = strip_ansi(series)
    assert_series_equal(series, pl.Series("message", ["\x1b[31mred\x1b[0m", None, "x"]))
    assert_series_equal(result, pl.Series("message", ["red", None, "x"]))


def test_no_rows_are_no_special_case():
    """The schema stays."""
    found = read(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String))
    assert found.schema == {"level": pl.String, "logger": pl.String, "body": pl.String, "format": pl.String}


HOSTILE = {
    "letters": "a",
    "blanks": " ",
    "escapes": "\x1b[",
    "titles": "\x1b]0;",
    "brackets": "[",
    "levels": 'level="',
    "starts of an access line": '1:1 - "G /',
    "starts of a logback line": "2026-01-05 08:30:00.123 INFO [x] ",
    "bars": "2026-01-05 08:30:00.123 | INFO | ",
    "pieces of a header": "2026-01-05 08:30:00 [a] {b} c.d: 7 ",
    "names": "a.b ",
    "members of logfmt": 'a="b" ',
    "open brackets of a header": "[a] [",
    "JSON": '{"level":',
    "JSON in JSON": '{"a":{"b":',
    "JSON side by side": '{"a":{"level":"x"},',
    "quotes": '"',
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_long_lines_take_linear_time(piece):
    """Ten times the length takes about ten times as long: far from a hundred."""

    def seconds(length):
        text = pl.Series([(piece * length)[:length]] * 4)
        best = 1e9
        for _ in range(5):
            start = time.process_time()
            read(strip_ansi(text), text)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(100_000) / seconds(10_000) < 30


def test_a_long_line_keeps_its_level():
    """Its length is nobody's excuse."""
    body = "x" * 100_000
    assert of(f"ERROR: {body}") == [("ERROR", None, body)]
    assert of(None, payloads=[json.dumps({"x": body, "level": "warn"})])[0][0] == "WARNING"
