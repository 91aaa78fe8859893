"""Log lines of eleven stacks, written from their frameworks' formats: what the packs explain, and what they leave.

`corpus/<language>.tsv`: expected event, expected level, line. Event `-`: a near miss, which must not look like a
failure. Level `-`: the line names no level in any format, or none that an entry takes from its text.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from parsers.check import as_entries
from parsers.lines import read
from parsers.model import Example, load
from parsers.to_polars import Classifier

CORPUS = Path(__file__).parent / "corpus"
#: Lines of each stack, half of them near misses; those of the loggers have a level or none, and no event.
LANGUAGES = {
    **dict.fromkeys(("python", "node", "go", "java"), 200),
    **dict.fromkeys(("php", "ruby", "rust", "dotnet", "elixir", "proxy", "clients"), 100),
}

#: Shares that must hold.
EXPLAINED = 0.98
LEVELS_RIGHT = 0.98


@dataclass(frozen=True)
class Row:
    """One line: what it should be, and what it is."""

    place: str
    line: str
    wanted: str | None
    wanted_level: str | None
    got: str | None
    outcome: str | None
    level: str | None

    def __str__(self) -> str:
        wanted = f"{self.wanted} {self.wanted_level}"
        return f"{self.place}: {wanted}, got {self.got} ({self.outcome}) {self.level}: {self.line!r}"


@cache
def corpus(language: str) -> tuple[Row, ...]:
    """The lines of one language, classified by all packs."""
    wanted = [text.split("\t") for text in (CORPUS / f"{language}.tsv").read_text(encoding="utf-8").splitlines()]
    lines = [line.replace("\\n", "\n").replace("\\t", "\t") for _, _, line in wanted]
    frame = as_entries([Example(line=line) for line in lines])
    events = Classifier(load()).classify(frame).to_dicts()
    levels = read(frame["text"], pl.Series([None] * len(lines), dtype=pl.String))["level"].to_list()
    return tuple(
        Row(
            place=f"{language}.tsv:{number}",
            line=line,
            wanted=None if event == "-" else event,
            wanted_level=None if level == "-" else level,
            got=found["event"],
            outcome=found["outcome"],
            level=got_level,
        )
        for number, ((event, level, _), line, found, got_level) in enumerate(
            zip(wanted, lines, events, levels, strict=True), 1
        )
    )


def shown(rows: list[Row]) -> str:
    return "\n".join(str(row) for row in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_half_of_each_file_is_near_misses(language: str) -> None:
    rows = corpus(language)
    assert (len(rows), sum(row.wanted is None for row in rows)) == (LANGUAGES[language], LANGUAGES[language] / 2)
    assert len({row.line for row in rows}) == len(rows), "a line stands twice"


@pytest.mark.parametrize("language", LANGUAGES)
def test_near_misses_do_not_look_like_failures(language: str) -> None:
    wrong = [row for row in corpus(language) if row.wanted is None and row.outcome not in (None, "ok", "info")]
    assert not wrong, shown(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_are_explained_as_their_event(language: str) -> None:
    rows = [row for row in corpus(language) if row.wanted]
    missed = [row for row in rows if row.got != row.wanted]
    print(f"{language}: {len(rows) - len(missed)} of {len(rows)}\n{shown(missed)}")
    assert len(rows) - len(missed) >= EXPLAINED * len(rows), shown(missed)


@pytest.mark.parametrize("language", [*LANGUAGES, "loggers"])
def test_levels_are_read(language: str) -> None:
    rows = corpus(language)
    wrong = [row for row in rows if row.level != row.wanted_level]
    print(f"{language}: {len(rows) - len(wrong)} of {len(rows)} levels\n{shown(wrong)}")
    assert len(rows) - len(wrong) >= LEVELS_RIGHT * len(rows), shown(wrong)


def test_half_of_the_loggers_lines_have_no_level() -> None:
    """Words that look like a level, times and brackets that look like a format."""
    rows = corpus("loggers")
    assert (len(rows), sum(row.wanted_level is None for row in rows)) == (100, 50)
