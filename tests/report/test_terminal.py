"""The history on a terminal: a table with sparklines that fits, coloured only where colours are wanted."""

import doctest
import io
import re

import polars as pl
import pytest
from rich.console import Console

from pipeline.report import terminal
from pipeline.report.terminal import print_history

ROWS = pl.DataFrame(
    {
        "service": ["shop-api"] * 4 + ["other\x1b[31m"],
        "revision": [*(f"shop-api-0004{place}-abc" for place in range(4)), "other-with-a-very-long-name-" * 4],
        "started": [f"2026-01-{day}T09:30:00.000001Z" for day in (14, 12, 13, 15, 15)],
        "verdict": ["FAIL", "PASS", "WARN", "INCONCLUSIVE", "PASS"],
        "requests": [1000, 2000, 3000, 0, 123456789],
        "error_rate": [0.05, 0.001, 0.012, None, 0.0],
        "p50_ms": [100.0, 101.0, 102.0, None, 5.0],
        "p95_ms": [800.0, 101.5, 210.0, None, 9.0],
    }
)


def printed(width=100, **more):
    """The history as a console of that width shows it."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    print_history(Console(file=out, highlight=False, width=width, **more), ROWS)
    out.flush()
    return out.buffer.getvalue().decode()


def test_a_row_per_run_by_time_and_sparklines():
    """Runs of a service in order, null as a dash, sparklines over the values that are known."""
    lines = [line.rstrip() for line in printed().splitlines()]
    at = lines.index("shop-api")
    assert lines[at + 1].split() == [
        *("started,", "UTC", "revision", "verdict", "requests", "5xx", "p50", "ms", "p95", "ms"),
    ]
    assert [line.split()[3] for line in lines[at + 2 : at + 6]] == ["PASS", "WARN", "FAIL", "INCONCLUSIVE"]
    assert lines[at + 2].split() == [
        *("2026-01-12", "09:30", "shop-api-00041-abc", "PASS", "2,000", "0.1", "%", "101", "102"),
    ]
    assert lines[at + 5].split()[4:] == ["0", "–", "–", "–"]
    assert lines[at + 6] == "p95 ▁▂█ 102 to 800 ms"
    assert lines[at + 7] == "5xx ▁▃█ 0.1 % to 5 %"
    assert doctest.testmod(terminal).failed == 0


@pytest.mark.parametrize("width", [60, 72, 84, 100, 200])
def test_it_fits(width, monkeypatch):
    """Into a narrow terminal too, and never beyond 100 columns; the verdict and p95 always show."""
    monkeypatch.setenv("NO_COLOR", "1")
    text = re.sub("\x1b\\[[0-9;]*m", "", printed(width, force_terminal=True))
    assert max(map(len, text.splitlines())) <= min(width, 100)
    assert "INCONCLUSIVE" in text
    assert "p95 ms" in text
    assert "\x1b" not in text


def test_colours_on_a_terminal_only(monkeypatch):
    """A pipe has neither escape codes nor a width of its own."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in printed(40)
    assert "\x1b[1;31mFAIL" in printed(force_terminal=True, color_system="standard")
