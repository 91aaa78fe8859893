"""Two engines beside polars read every pattern of ours: Python's `re`, and RE2, which BigQuery runs.

Both must find the same matches and the same captures, also on lines that are broken on purpose.
"""

import random
import re

import polars as pl
import pytest
import re2

from parsers.check import as_entries
from parsers.dialect import groups
from parsers.formats import formats
from parsers.model import Example, load
from parsers.redact import STEPS
from parsers.signature import _DELIMITED, _REPEATED, _VARIABLE
from parsers.traces import traces
from tests.parsers.test_redact import HARMLESS, PLANTED

MUTATIONS = 6
STRANGE = [
    "٣",
    "５",
    "é",
    "🔑",
    "\u2028",
    "\x00",
    "\t",
    "\n",
    "\r",
    " ",
    "=",
    "(",
    '"',
    "'",
    "/",
    ":",
    "0",
    "Z",
    "ſ",
    "K",
]

CATALOGUE = load()
MATCHES = {f"{event.name} {number}": match for event in CATALOGUE.events for number, match in enumerate(event.match)}


def mutated(text, rnd):
    """The text with one to three letters flipped, taken out or put in, or cut off."""
    letters = list(text)
    for _ in range(rnd.randrange(1, 4)):
        place = rnd.randrange(len(letters) + 1)
        kind = rnd.randrange(4)
        if kind == 0:
            letters[place : place + 1] = [rnd.choice(STRANGE)]
        elif kind == 1:
            letters[place : place + rnd.randrange(1, 4)] = []
        elif kind == 2:
            letters.insert(place, rnd.choice([*STRANGE, *letters[:40]]))
        else:
            letters = letters[: max(place, len(letters) // 2)]
    digits = [index for index, letter in enumerate(letters) if letter in "0123456789"]
    if digits and rnd.random() < 0.2:
        letters[rnd.choice(digits)] = rnd.choice(["٣", "５", "²"])
    return "".join(letters)


@pytest.fixture(scope="module")
def texts():
    """All lines of the catalogue, redacted, and mutations of each by a fixed seed."""
    lines = [example.line for event in CATALOGUE.events for example in event.example if example.line]
    lines += [text for event in CATALOGUE.events for text in event.near_misses]
    lines += [example.line for form in formats().format for example in form.example]
    lines += [text for form in formats().format for text in form.near_misses]
    lines += [example.line for trace in traces() for example in trace.example]
    plain = as_entries([Example(line=line) for line in lines])["text"].to_list()
    return with_mutations(plain, MUTATIONS)


@pytest.fixture(scope="module")
def secrets(texts):
    """Secrets and what looks like them, and a third of the texts."""
    rows = [*(text for text, _ in PLANTED.values()), *(text for text in HARMLESS if text)]
    return [*texts[::3], *with_mutations(rows, 4 * MUTATIONS)]


def with_mutations(texts, n):
    rnd = random.Random(20260105)
    return list(dict.fromkeys([*texts, *(mutated(text, rnd) for text in texts for _ in range(n))]))


def for_python(pattern):
    """The pattern with `\\\\Z` for `$`, which in Python also stands before a last newline."""
    return re.sub(
        r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", lambda m: r"\Z" if m[0] == "$" else m[0], pattern, flags=re.DOTALL
    )


def by_polars(pattern, texts):
    series = pl.Series(texts, dtype=pl.String)
    matched = series.str.contains(pattern).to_list()
    if not groups(pattern):
        return [() if hit else None for hit in matched]
    rows = series.str.extract_groups(pattern).struct.unnest().rows()
    return [row if hit else None for row, hit in zip(rows, matched, strict=True)]


def by_engine(engine, pattern, texts):
    compiled = engine.compile(pattern)
    return [tuple(found.groups()) if (found := compiled.search(text)) else None for text in texts]


def difference(pattern, texts):
    """What the engines disagree about, as (text, polars, re, re2) each."""
    ours = by_polars(pattern, texts)
    theirs = by_engine(re, for_python(pattern), texts), by_engine(re2, pattern, texts)
    return [row for row in zip(texts, ours, *theirs, strict=True) if not row[1] == row[2] == row[3]]


@pytest.mark.parametrize("match", MATCHES.values(), ids=MATCHES)
def test_engines_find_the_same_in_the_catalogues_lines(match, texts):
    """Of each wording, on every text that holds its literal."""
    candidates = [text for text in texts if match.literal in text]
    assert candidates
    assert difference(match.pattern, candidates) == []


def test_a_wording_is_found_only_where_its_literal_stands(texts):
    """So the search for literals loses nothing."""
    series = pl.Series(texts)
    for match in MATCHES.values():
        lost = series.filter(series.str.contains(match.pattern) & ~series.str.contains(match.literal, literal=True))
        assert lost.to_list() == [], match.pattern


@pytest.mark.parametrize("form", formats().format, ids=lambda form: form.name)
def test_engines_read_the_same_formats(form, texts):
    """Level, logger and message."""
    assert difference(form.pattern, texts) == []


TRACES = {
    f"{trace.language} {n}": pattern
    for trace in traces()
    for n, pattern in enumerate((trace.mark, *trace.exceptions, *trace.frames))
}


@pytest.mark.parametrize("pattern", TRACES.values(), ids=TRACES)
def test_engines_read_the_same_traces(pattern, texts):
    """Exceptions and frames."""
    assert difference(pattern, [text for text in texts if "\n" in text]) == []


REPLACED = [(step.rules[0].name, step.pattern, step.replacement) for step in STEPS]
REPLACED += [(f"signature {n}", p, "<*>") for n, p in enumerate((_DELIMITED, _VARIABLE, _REPEATED))]
REPLACED += [(f"library of {trace.language}", trace.library, "") for trace in traces()]


@pytest.mark.parametrize(("pattern", "replacement"), [row[1:] for row in REPLACED], ids=[row[0] for row in REPLACED])
def test_engines_replace_the_same(pattern, replacement, secrets):
    """Secrets, personal data and the variable parts of signatures."""
    ours = pl.Series(secrets).str.replace_all(pattern, replacement).to_list()
    put = re.sub(r"\$\{([0-9])\}", r"\\\1", replacement)
    python, google = re.compile(for_python(pattern)), re2.compile(pattern)
    found = [(text, one, python.sub(put, text), google.sub(put, text)) for text, one in zip(secrets, ours, strict=True)]
    assert [row for row in found if not row[1] == row[2] == row[3]] == []


def test_a_pattern_outside_the_dialect_differs():
    """The test would see it: `\\\\d` takes other digits in polars and Python, not in RE2."""
    assert difference(r"code (?P<code>\d+)", ["code 51٣"]) == [("code 51٣", ("51٣",), ("51٣",), ("51",))]


def test_the_dollar_of_python_is_translated():
    """Only the one that is an anchor."""
    assert for_python(r"a\$[$\]]\\$") == r"a\$[$\]]\\\Z"
    assert difference("shop$", ["shop\n", "shop"]) == []
