"""The files of `sql/` keep to what BigQuery and DuckDB, through sqlglot, both do alike; which is proved row by row.

`tests/googlesql` runs every measure on both. This test says at once, and without ZetaSQL, what a new file may not use.
"""

import re

import pytest
import sqlglot
from sqlglot import exp

from pipeline import googlesql as sql
from pipeline import statements
from pipeline.aggregate import duckdb as duckdb_engine
from pipeline.aggregate.snapshots import write
from pipeline.googlesql import written
from tests.conftest import ROOT

SQL = ROOT / "sql"
PORTABLE = sorted([*SQL.glob("measures/*.sql"), *(SQL / f"staging/{name}.sql" for name in sql.STAGING)])
EVERY = sorted(path for path in SQL.rglob("*.sql") if path.parent.parent.name != "duckdb")

#: What is known to be equal: in tests/googlesql/test_measures.py, on made-up rows.
FUNCTIONS = {
    *("abs", "array", "cast", "ceil", "coalesce", "concat", "except", "floor", "greatest", "if", "least", "length"),
    *("ln", "lower", "mod"),
    *("nullif", "regexp_contains", "regexp_extract", "regexp_replace", "strpos", "substr", "unnest", "upper"),
    *("count", "countif", "logical_and", "logical_or", "max", "min", "sum", "div", "unix_micros", "safe_divide"),
    *("dense_rank", "lag", "lead", "rank", "row_number", "over", "in", "between", "exists", "starts_with", "ends_with"),
}
#: Ways in which a function is silently another one in DuckDB.
REFUSED = [
    (r"\b(?:approx_|hll_|kll_)", "BigQuery's estimates are not DuckDB's"),
    (r"\bpercentile_(?:cont|disc)", "not equal in the last bits: ROW_NUMBER over integers is"),
    (r"\bavg\(|\bstddev|\bvar", "a parallel sum of floats has other last digits each time: sum integers"),
    (r"\bany_value\(|\bmax_by\(|\bmin_by\(", "ties have any answer"),
    (r"\bround\(", "rounds halves to even on one side: cast(floor(x + 0.5) as int64)"),
    (r"\bwith offset\b|\b(?:safe_)?offset\(", "counts from 1 on one side"),
    (r"\btimestamp_diff\([^)]*(?<!micro)(?:second|minute|hour|day)\)", "counts borders: use MICROSECOND"),
    (r"\bunix_(?:seconds|millis)\(", "rounds on one side: unix_micros"),
    (r"\bqualify\b", "ZetaSQL wants a WHERE; number in one step and filter in the next"),
    (r"\b(?:format|parse_)[a-z_]*\(|\bextract\(", "formats and time zones differ"),
    (
        r"\bln\((?!greatest\([a-z_]+, 1\)|1\.02\))|\blog\(|\bexp\(|\bpow\(",
        "infinity on one side, an error on the other",
    ),
    (r"\barray_agg\(|\bstring_agg\(", "LIMIT and order inside are refused or differ"),
    (r"\bsubstr\([^,]+, *0", "starts elsewhere"),
]


def name(path):
    return str(path.relative_to(SQL).with_suffix(""))


def code(path):
    """The statement without its comments and strings."""
    text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    return re.sub(r"r?'(?:\\.|[^'\\])*'", "''", text)


def faults(text):
    """What a text uses that is not known to be portable."""
    used = set(re.findall(r"\b([a-z_]+)\s*\(", text)) - {
        "as",
        "and",
        "or",
        "not",
        "by",
        "from",
        "select",
        "where",
        "then",
        "else",
    }
    found = [f"{word}() is not known to be portable" for word in sorted(used - FUNCTIONS)]
    found += [f"{pattern}: {why}" for pattern, why in REFUSED if re.search(pattern, text)]
    tree = sqlglot.parse_one(text, read="bigquery")
    for node in tree.find_all(exp.IntDiv):
        if any(isinstance(part, exp.Binary) and not isinstance(part, exp.Dot) for part in (node.this, node.expression)):
            found.append(f"{node.sql('bigquery')}: sqlglot drops its parentheses; write div((a - b), c)")
    return found


@pytest.mark.parametrize("path", PORTABLE, ids=name)
def test_measures_are_portable(path):
    """Every construct of every file."""
    assert faults(code(path)) == []


@pytest.mark.parametrize(
    "text",
    [
        *("select approx_quantiles(x, 4) from t", "select round(x) from t", "select avg(x) from t"),
        *("select div(a - b, 2) from t", "select x from unnest(a) as x with offset", "select unix_seconds(a) from t"),
        *("select timestamp_diff(a, b, second) from t", "select json_value(a, '') from t", "select ln(x) from t"),
        *("select percentile_cont(x, 0.5) over () from t", "select x from t qualify row_number() over () = 1"),
        *("select array_agg(x limit 1) from t", "select extract(day from x) from t", "select substr(x, 0, 2) from t"),
    ],
)
def test_what_is_not_portable_is_refused(text):
    """Each row of the table, and functions that nobody compared."""
    assert faults(text)
    assert not faults("select div((a - b), 2) as x, mod(a, 2) as y from t where (a > 1)")


@pytest.mark.parametrize("path", EVERY, ids=name)
def test_files_are_formatted_alike(path):
    """Question, grain and units first; lower case, four spaces, trailing commas, lines of 120 characters at most."""
    text = path.read_text(encoding="utf-8")
    head = [one for one in text.splitlines() if one.startswith("-- ")]
    assert re.match(r"-- .*\?", text)
    assert any(one.startswith("-- Grain: ") for one in head)
    assert any(one.startswith("-- Units: ") for one in head) or path.stem == "create_table"
    words = set(re.findall(r"\b[A-Z]{2,}\b", code(path)))
    assert not words & {"SELECT", "FROM", "WHERE", "CASE", "AND", "OR", "AS", "NULL", "JOIN", "ON", "MERGE", "INSERT"}
    for line in text.splitlines():
        assert len(line) <= 120, line
        assert line == line.rstrip(), line
        assert "\t" not in line
        indent = len(line) - len(line.lstrip(" "))
        assert indent % 4 == 0, line
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_every_statement_has_a_name():
    """`runverdict sql` lists the files of sql/."""
    questions = {question for _, question in statements.questions()}
    texts = {path: path.read_text(encoding="utf-8").splitlines()[0].removeprefix("-- ") for path in EVERY}
    unnamed = {name(path) for path, question in texts.items() if question not in questions}
    parts = ("each_once", "extent", "finer", "replace_run", "create_run", "run_step", "first_entry")
    assert unnamed <= {*(f"staging/{name}" for name in sql.STAGING), *(f"bigquery/{name}" for name in parts)}


def texts(folder):
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.sql")}


def test_what_duckdb_runs_is_what_stands_in_the_files(tmp_path):
    """Each snapshot is what sqlglot makes of its file now (`make docs` writes them), and none is left over."""
    folder = tmp_path / "sql" / "duckdb"
    write(folder)
    (folder / "measures/renamed_since.sql").write_text("select 1\n")
    write(folder)
    assert texts(folder) == texts(SQL / "duckdb"), "run make docs"


def test_a_file_that_changed_is_rewritten(monkeypatch):
    """A snapshot of another text is not run."""
    changed = written("measures/gaps").replace("max(gap_us) as", "min(gap_us) as")
    monkeypatch.setattr(duckdb_engine, "written", lambda _name: changed)
    assert "MIN(gap_us)" in duckdb_engine.translated.__wrapped__("measures/gaps")
