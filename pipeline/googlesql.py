"""The files of `sql/`, and what BigQuery is sent of them, which is also what `runverdict sql` prints.

Nothing here needs a client or an account: texts in, text out.
"""
# ruff: noqa: S608 - what is put into a text is a file of ours, a number, or a name that `bigquery.parse` has checked

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from parsers.errors import Problem
from parsers.googlesql_pieces import text
from parsers.model import Catalogue
from parsers.redact import IDENTIFIERS
from parsers.redact.to_googlesql import digest, identifier, plain, redacted, subject
from parsers.to_googlesql import classification
from pipeline.errors import UsageError
from pipeline.schema import CHECKPOINTS, CONTENT, ENTRIES, EVENTS, HISTORY, Column

#: The files of `sql/staging` that measures read, each from events and those before it.
STAGING = ("instances", "starts", "requests", "timed")

_REDACTED = ("payload", "labels", "http_method", "http_host", "http_path", "http_user_agent", "raw", "log_id")

#: Half of what BigQuery takes as the text of a query (1 MB, https://cloud.google.com/bigquery/quotas#query_jobs).
STATEMENT_LIMIT = 500_000

#: Columns of the stored entries: those of entries, and what tells entries without a key apart.
STORED = (
    *ENTRIES,
    Column(CONTENT, ENTRIES[0].dtype, "STRING", "", "keyed hash of an entry that has no key of its own"),
)


@dataclass(frozen=True)
class Table:
    """A table of a store: its columns, the one that partitions are made by, those it is ordered by, what it holds."""

    columns: tuple[Column, ...]
    day: str
    cluster: str
    meaning: str


_BY_REVISION = "service, revision"

TABLES: dict[str, Table] = {
    "entries": Table(STORED, "timestamp", _BY_REVISION, "Log entries, redacted: one row per entry."),
    "events": Table(
        EVENTS, "timestamp", _BY_REVISION, "Entries and what the event catalogue makes of them: one row per entry."
    ),
    "verdicts": Table(
        HISTORY["verdicts"], "window_end", _BY_REVISION, "Verdicts as they were given: one row per run and revision."
    ),
    "signatures": Table(
        HISTORY["signatures"], "window_end", _BY_REVISION, "Lines of runs: one row per run and signature."
    ),
    "watches": Table(HISTORY["watches"], "window_end", _BY_REVISION, "Looks of --watch: one row per deployment."),
    "notices": Table(HISTORY["notices"], "window_end", _BY_REVISION, "Who was told of what: one row per notice."),
    "checkpoints": Table(CHECKPOINTS, "saved", "run", "Where sources stand that are pulled: one row per source."),
}


@cache
def sql_folder() -> Traversable | Path:
    """Return the folder of the SQL files: in the wheel `pipeline/_sql`, in a checkout `sql`."""
    packaged = resources.files("pipeline") / "_sql"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "sql"


@cache
def written(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")


@cache
def rewritten(name: str) -> str:
    """Return the text of `sql/duckdb/NAME.sql`, empty where there is none."""
    file = sql_folder() / f"duckdb/{name}.sql"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def measures() -> list[str]:
    """Return the names of all measures: the files of `sql/measures`."""
    files = (sql_folder() / "measures").iterdir()
    return sorted(file.name.removesuffix(".sql") for file in files if file.name.endswith(".sql"))


def within(start_ns: int | None, end_ns: int | None, table: str = "", *, partitioned: bool = True) -> str:
    """Return the condition that a row is in a half-open window in ns; rows without a timestamp are in every window.

    table: the name that columns are qualified by, with its dot. partitioned: with a condition on `timestamp`, the
    column of the partitions, for BigQuery to leave other days unread.
    """
    conditions = []
    for bound, coarse, fine in ((start_ns, ">=", ">="), (end_ns, "<=", "<")):
        if bound is not None:
            if partitioned:
                conditions.append(f"{table}timestamp {coarse} timestamp_micros({bound // 1000})")
            conditions.append(f"{table}timestamp_ns {fine} {bound}")
    column = "timestamp" if partitioned else "timestamp_ns"
    return f"({table}{column} is null or ({' and '.join(conditions)}))" if conditions else "true"


def measure(name: str, events: str, condition: str = "true", requests_until_ns: int | None = None) -> str:
    """Return the query of one measure: its file as written, over the events of a table that meet a condition.

    requests_until_ns: request rows from then on are no requests yet, as they may still run; as events they count.
    """
    return staged(written(f"measures/{name}"), events, condition, requests_until_ns)


def staged(query: str, events: str, condition: str = "true", requests_until_ns: int | None = None) -> str:
    """Return a query over `events` and the tables of `STAGING` with the steps before it that it reads."""
    read = query
    steps: list[str] = []
    for staging in reversed(STAGING):
        if re.search(rf"\b(?:from|join) {staging}\b", read):
            read += written(f"staging/{staging}")
            rows = written(f"staging/{staging}")
            if staging == "requests" and requests_until_ns is not None:
                rows = (
                    f"select *\nfrom (\n\n{rows}\n)\nwhere timestamp_ns is null or timestamp_ns < {requests_until_ns}\n"
                )
            steps.insert(0, f"{staging} as (\n\n{rows}\n)")
    steps.insert(0, f"events as (\n\n    select *\n    from {events}\n    where {condition}\n\n)")
    ctes = ",\n\n".join(steps)
    return f"with\n\n{ctes}\n\nselect *\nfrom (\n\n{query}\n)\n"


def create(table: str, path: str, expiration_days: int | None) -> str:
    """Return the DDL of one table of a store at a path; rows older than so many days are dropped by BigQuery."""
    made = TABLES[table]
    described_columns = [
        f"    {c.name} {c.bigquery} options (description = {text(described(c))})" for c in made.columns
    ]
    return _filled(
        "create_table",
        table=path,
        columns=",\n".join(described_columns),
        day=made.day,
        cluster=made.cluster,
        description=text(made.meaning),
        expiration=f", partition_expiration_days = {expiration_days}" if expiration_days else "",
    )


def described(column: Column) -> str:
    """Return what a column means, with its unit."""
    return column.meaning + (f" [{column.unit}]" if column.unit else "")


def merge(entries: str, rows: str, start_ns: int | None, end_ns: int | None) -> str:
    """Return the statement that adds the rows of a query to the table of entries, each entry once.

    start_ns, end_ns: between which the timestamps of the rows are, the end not included.
    """
    names = [column.name for column in STORED]
    # Whole microseconds: an entry with nanoseconds is compared with those that have none.
    start = None if start_ns is None else start_ns // 1000 * 1000
    end = None if end_ns is None else -(-end_ns // 1000) * 1000
    return _filled(
        "merge_entries",
        entries=entries,
        rows=_indented(rows, 12),
        days=within(start, end, "stored."),
        columns=", ".join(names),
        values=", ".join(f"given.{name}" for name in names),
        updates=", ".join(f"{name} = given.{name}" for name in names),
    )


def classify(catalogue: Catalogue, entries: str, events: str, start_ns: int | None, end_ns: int | None) -> str:
    """Return the statement that replaces the events of a window by what the catalogue makes of its entries now."""
    names = [column.name for column in EVENTS]
    return _filled(
        "replace_events",
        events=events,
        classification=classification(catalogue, names, entries, within(start_ns, end_ns)),
        condition=within(start_ns, end_ns, "stored."),
        columns=", ".join(names),
    )


def statement_problems(catalogue: Catalogue) -> list[Problem]:
    """Return what is wrong with the statement of a catalogue: that it is too long for BigQuery, or nothing."""
    size = len(classify(catalogue, "PROJECT.DATASET.entries", "PROJECT.DATASET.events", 0, 1).encode())
    if size <= STATEMENT_LIMIT:
        return []
    said = f"its statement for BigQuery has {size:,} bytes; the limit is {STATEMENT_LIMIT:,}"
    return [Problem("catalogue", 0, "", said)]


def replace_run(table: str, path: str, rows: str, run: str) -> str:
    """Return the statement that puts the rows of a run into a table of history, in place of those it had of that run.

    rows: the table that has them. run: its digest, hexadecimal.
    """
    names = ", ".join(column.name for column in TABLES[table].columns)
    return _filled("replace_run", table=path, rows=rows, run=text(run), columns=names)


def create_run(table: str, path: str, rows: str, run: str) -> str:  # noqa: ARG001 - as replace_run
    """Return the statement that puts the rows of a run into a table of history where there are none of it."""
    return _filled(
        "create_run", table=path, rows=rows, columns=", ".join(column.name for column in TABLES[table].columns)
    )


def source(tables: Sequence[tuple[str, str]], start_ns: int | None, end_ns: int | None) -> str:
    """Return the query that gives the rows of a sink's tables as entries, redacted, each with its `content`.

    tables: the path of each, and a condition beside the window. The query's parameter @pseudonym_key is the key of the
    digests.
    """
    bounds = [
        f"timestamp {operator} timestamp_micros({bound // 1000})"
        for operator, bound in ((">=", start_ns), ("<", end_ns))
        if bound is not None
    ]
    rows = "\n    union all\n".join(
        f"    select to_json_string(t) as line, {text('bigquery://' + path.strip('`'))} as source\n"
        f"    from {path} as t\n    where {' and '.join([condition, *bounds])}"
        for path, condition in tables
    )
    names = ("message", *_REDACTED, *IDENTIFIERS)
    hidden = {name: f"hidden[offset({offset})]" for offset, name in enumerate(names)}
    values = {
        **hidden,
        **{name: identifier(name, hidden[name]) for name in IDENTIFIERS},
        "client": digest("remote_ip"),
        "subject": digest(subject("message")),
        CONTENT: "if(insert_id is null or timestamp is null, "
        "substr(to_hex(sha256(concat(@pseudonym_key, line))), 1, 32), null)",
    }
    columns = ",\n".join(f"    {values[c.name]} as {c.name}" if c.name in values else f"    {c.name}" for c in STORED)
    staging = written("staging/entries")
    # The patterns stand in the query once, which may have a megabyte.
    texts = ", ".join([plain("message"), *names[1:]])
    seen = (
        f"    select\n        *,\n        array(\n            select {redacted('given')}\n"
        f"            from unnest([{texts}]) as given with offset as place\n            order by place\n"
        "        ) as hidden\n\n    from entries\n"
    )
    return (
        f"with\n\nsink_rows as (\n\n{rows}\n\n),\n\nentries as (\n\n{staging}\n),\n\nseen as (\n\n{seen}\n)\n\n"
        f"select\n{columns}\n\nfrom seen\n"
    )


def questions() -> list[tuple[str, str]]:
    """Return the names of all statements with the question that each answers."""
    files = {
        "source": "staging/entries",
        **{f"create/{table}": "bigquery/create_table" for table in TABLES},
        "merge": "bigquery/merge_entries",
        "classify": "bigquery/replace_events",
        **{f"measures/{name}": f"measures/{name}" for name in measures()},
    }
    return [(name, written(file).splitlines()[0].removeprefix("-- ")) for name, file in files.items()]


def named(
    name: str,
    path: Callable[[str], str],
    start_ns: int | None,
    end_ns: int | None,
    catalogue: Catalogue | None,
    expiration_days: int | None,
) -> str:
    """Return a statement by its name. path: of a table by its name. catalogue: for `classify`.

    Raises UsageError for a name that is none of `questions`.
    """
    kind, _, file = name.partition("/")
    if kind == "create" and file in TABLES:
        return create(file, path(file), expiration_days)
    if kind == "measures" and file in measures():
        return measure(file, path("events"), within(start_ns, end_ns))
    if name == "source":
        return source([(path("run_googleapis_com_stderr"), "true")], start_ns, end_ns)
    if name == "merge":
        return merge(path("entries"), f"select * from {path('slice')}", start_ns, end_ns)
    if name == "classify" and catalogue:
        return classify(catalogue, path("entries"), path("events"), start_ns, end_ns)
    raise UsageError(f"no statement {name!r}; there are: {', '.join(known for known, _ in questions())}")


def _filled(name: str, **values: str) -> str:
    return Template(written(f"bigquery/{name}")).substitute(values)


def _indented(query: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line if line.strip() else "" for line in query.splitlines())
