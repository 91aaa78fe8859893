"""Every statement that BigQuery is sent, by its name: what `runverdict sql` prints, and `catalogue check` measures."""

from collections.abc import Callable

from parsers.errors import Problem
from parsers.model import Catalogue
from pipeline import googlesql, run_tables
from pipeline.errors import UsageError
from pipeline.googlesql import TABLES, LogTable, written
from pipeline.run_tables import RunTables, Scope

#: A tenth below what BigQuery takes as the text of a query (1 MB, https://cloud.google.com/bigquery/quotas#query_jobs).
STATEMENT_LIMIT = 900_000


def statement_problems(catalogue: Catalogue) -> list[Problem]:
    """Return what is wrong with the statement of a catalogue: that it is too long for BigQuery, or nothing."""
    size = len(named("classify", "PROJECT.DATASET.{}".format, 0, 1, catalogue, None).encode())
    if size <= STATEMENT_LIMIT:
        return []
    said = f"its statement for BigQuery has {size:,} bytes; the limit is {STATEMENT_LIMIT:,}"
    return [Problem("catalogue", 0, "", said)]


def questions() -> list[tuple[str, str]]:
    """Return the names of all statements with the question that each answers."""
    files = {
        "source": "staging/entries",
        **{f"create/{table}": "bigquery/create_table" for table in TABLES},
        "merge": "bigquery/merge_entries",
        "classify": "bigquery/classify_window",
        "origins": "bigquery/run_origins",
        "kinds": "bigquery/run_kinds",
        **{f"steps/{name}": f"staging/{name}" for name in run_tables.STEPS},
        **{f"measures/{name}": f"measures/{name}" for name in googlesql.measures()},
    }
    asked = [(name, written(file).splitlines()[0].removeprefix("-- ")) for name, file in files.items()]
    return [
        *asked,
        ("events", "What is every stored entry of the window, with all columns? For questions of one's own."),
    ]


def named(
    name: str,
    path: Callable[[str], str],
    start_ns: int | None,
    end_ns: int | None,
    catalogue: Catalogue | None,
    expiration_days: int | None,
) -> str:
    """Return a statement by its name. path: of a table by its name. catalogue: for `classify` and `events`.

    The tables of a run have names that begin with `run_`. Raises UsageError for a name that is none of `questions`.
    """
    kind, _, file = name.partition("/")
    tables, scope, bounds = RunTables(lambda table: path(f"run_{table}")), Scope(start_ns, end_ns), (start_ns, end_ns)
    if kind == "create" and file in TABLES:
        return googlesql.create(file, path(file), expiration_days)
    if kind == "measures" and file in googlesql.measures():
        return tables.measure(file, scope)
    if kind == "steps" and file in run_tables.STEPS:
        return tables.step(file, scope)
    source = googlesql.source([LogTable(path("run_googleapis_com_stderr"))], start_ns, end_ns)
    if name == "source":
        return source
    if name == "merge":
        return googlesql.merge(path("entries"), f"select * from {path('slice')}", start_ns, end_ns)  # noqa: S608
    if name == "origins":
        return tables.origins(bounds, 1)
    if name == "kinds":
        return tables.kinds()
    if name == "classify" and catalogue:
        return tables.classify(catalogue, path("entries"), [source], bounds, start_ns)
    if name == "events" and catalogue:
        return googlesql.classified(catalogue, path("entries"), start_ns, end_ns)
    raise UsageError(f"no statement {name!r}; there are: {', '.join(known for known, _ in questions())}")
