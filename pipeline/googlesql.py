"""The files of `sql/`, and what BigQuery is sent of them, which is also what `runverdict sql` prints.

Nothing here needs a client or an account: texts in, text out.
"""
# ruff: noqa: S608 - what is put into a text is a file of ours, a number, or a name that `bigquery.parse` has checked

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from parsers.googlesql_pieces import text
from parsers.model import Catalogue
from parsers.redact import IDENTIFIERS
from parsers.redact.to_googlesql import digest, identifier, plain, redacted, subject
from parsers.to_googlesql import classification
from pipeline.schema import CHECKPOINTS, CONTENT, ENTRIES, EVENTS, HISTORY, Column

#: The files of `sql/staging` that measures read, each from events and those before it.
STAGING = ("instances", "starts", "requests", "timed", "spans")

_REDACTED = ("payload", "labels", "http_method", "http_host", "http_path", "http_user_agent", "raw", "log_id")

#: Columns of the stored entries: those of entries, and what tells entries without a key apart.
STORED = (
    *ENTRIES,
    Column(CONTENT, ENTRIES[0].dtype, "STRING", "", "keyed hash of an entry that has no key of its own"),
)


@dataclass(frozen=True)
class Table:
    """A table of a store: its columns, the one that partitions are made by, those it is ordered by, what it holds.

    unit: of the partitions. Of hours a table can have 10,000, which are 416 days.
    """

    columns: tuple[Column, ...]
    partition: str
    cluster: str
    meaning: str
    unit: str = "day"


_BY_REVISION = "service, revision"

TABLES: dict[str, Table] = {
    "entries": Table(STORED, "timestamp", _BY_REVISION, "Log entries, redacted: one row per entry.", "hour"),
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


def within(start_ns: int | None, end_ns: int | None, table: str = "") -> str:
    """Return the condition that a row is in a half-open window in ns; rows without a timestamp are in every window.

    table: the name that columns are qualified by, with its dot.
    """
    fine = _bounds((start_ns, ">="), (end_ns, "<"), f"{table}timestamp_ns")
    return f"({table}timestamp_ns is null or ({fine}))" if fine else "true"


def branches(query: str, start_ns: int | None, end_ns: int | None) -> str:
    """Return a query that gives what another one does of a half-open window, and what has no timestamp.

    query: without a WHERE, over a table that is partitioned by `timestamp`. Two branches, for a condition with OR may
    not keep BigQuery from reading the other partitions.
    """
    if start_ns is None and end_ns is None:
        return query
    coarse, fine = hours(start_ns, end_ns), _bounds((start_ns, ">="), (end_ns, "<"), "timestamp_ns")
    return f"{query}\nwhere {coarse} and {fine}\nunion all\n{query}\nwhere timestamp is null"


def hours(start_ns: int | None, end_ns: int | None, table: str = "") -> str:
    """Return the condition on the column of the partitions that keeps BigQuery from reading others than a window's."""
    bounds = ((start_ns, ">="), (end_ns, "<="))
    parts = [
        f"{table}timestamp {sign} timestamp_micros({bound // 1000})" for bound, sign in bounds if bound is not None
    ]
    return " and ".join(parts) or "true"


def _whole_micros(start_ns: int | None, end_ns: int | None) -> tuple[int | None, int | None]:
    """Bounds in whole microseconds, for an entry with nanoseconds is compared with those that have none."""
    start = None if start_ns is None else start_ns // 1000 * 1000
    return start, None if end_ns is None else -(-end_ns // 1000) * 1000


def _bounds(start: tuple[int | None, str], end: tuple[int | None, str], column: str) -> str:
    return " and ".join(f"{column} {sign} {bound}" for bound, sign in (start, end) if bound is not None)


def without_comments(query: str) -> str:
    """Return a query without its comments."""
    return re.sub(r"--[^\n]*", "", query)


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
        column=made.partition,
        unit=made.unit,
        cluster=made.cluster,
        description=text(made.meaning),
        expiration=f", partition_expiration_days = {expiration_days}" if expiration_days else "",
    )


def literal(value: str) -> str:
    """Return a text as GoogleSQL writes it."""
    return text(value)


def described(column: Column) -> str:
    """Return what a column means, with its unit."""
    return column.meaning + (f" [{column.unit}]" if column.unit else "")


def merge(
    entries: str, rows: str, start_ns: int | None, end_ns: int | None, *, updates: bool = True, undated: bool = False
) -> str:
    """Return the statement that adds the rows of a query to the table of entries, each entry once.

    start_ns, end_ns: between which the timestamps of the rows are, the end not included; undated: they have none.
    updates: rows with nanoseconds may meet stored ones that have none, or the other way round; without them the
    statement is billed what it reads, with them the whole hours that it changes, too.
    """
    names = [column.name for column in STORED]
    start, end = _whole_micros(start_ns, end_ns)
    update = ", ".join(f"{name} = given.{name}" for name in names)
    return _filled(
        "merge_entries",
        entries=entries,
        given=indented(_filled("each_once", rows=indented(rows, 8), copies=""), 4),
        hours="stored.timestamp is null" if undated else hours(start, end, "stored."),
        matched=(
            "when matched and mod(stored.timestamp_ns, 1000) = 0 and mod(given.timestamp_ns, 1000) != 0 then\n"
            f"    update set {update}"
            if updates
            else "-- what is stored has nanoseconds, as what is given: nothing is replaced"
        ),
        columns=", ".join(names),
        values=", ".join(f"given.{name}" for name in names),
    )


def extent(rows: str) -> str:
    """Return the query for how many rows a table has, from when to when."""
    return _filled("extent", rows=rows)


def finer(entries: str, rows: str, start_ns: int | None, end_ns: int | None) -> str:
    """Return the query for how many stored entries are to be replaced by rows that have nanoseconds."""
    start, end = _whole_micros(start_ns, end_ns)
    return _filled("finer", entries=entries, rows=rows, hours=hours(start, end, "stored."))


def classified(catalogue: Catalogue, entries: str, start_ns: int | None, end_ns: int | None) -> str:
    """Return the query that gives the stored entries of a window as events, with all columns."""
    rows = branches(f"select *\nfrom {entries}", start_ns, end_ns)
    return classification(catalogue, [column.name for column in EVENTS], f"(\n{indented(rows, 4)}\n)")


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


@dataclass(frozen=True)
class LogTable:
    """A table of a sink, or its shards by day, as `FROM` takes it.

    columns: that are read of it. line: the expression for a row `t` of these as JSON. condition: beside the window.
    shards: the first and last day (YYYYMMDD) of those that are read, where `path` ends in *.
    """

    path: str
    columns: tuple[str, ...] = ("*",)
    line: str = "to_json_string(t)"
    condition: str = "true"
    shards: tuple[str, str] | None = None

    @property
    def days(self) -> str:
        """The condition for its shards; empty where it is one table."""
        return "" if self.shards is None else f"_table_suffix between {text(self.shards[0])} and {text(self.shards[1])}"


def source(tables: Sequence[LogTable], start_ns: int | None, end_ns: int | None) -> str:
    """Return the query that gives the rows of a sink's tables as entries, redacted, each with its `content`.

    The query's parameter @pseudonym_key is the key of the digests.
    """
    bounds = [
        f"timestamp {operator} timestamp_micros({bound // 1000})"
        for operator, bound in ((">=", start_ns), ("<", end_ns))
        if bound is not None
    ]
    rows = "\n    union all\n".join(_log_rows(table, bounds) for table in tables)
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


def _filled(name: str, **values: str) -> str:
    return Template(written(f"bigquery/{name}")).substitute(values)


def indented(query: str, spaces: int) -> str:
    """Return a query with so many spaces before each line."""
    return "\n".join(" " * spaces + line if line.strip() else "" for line in query.splitlines())


def _log_rows(table: LogTable, bounds: list[str]) -> str:
    """The rows of a table of a sink as JSON."""
    conditions = [table.condition, *bounds, *([table.days] if table.days else [])]
    source = text("bigquery://" + table.path.strip("`"))
    return (
        f"    select {table.line} as line, {source} as source\n    from (\n"
        f"        select {', '.join(table.columns)}\n        from {table.path} as t\n"
        f"        where {' and '.join(conditions)}\n    ) as t"
    )
