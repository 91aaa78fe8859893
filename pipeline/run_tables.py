"""The tables of one run in BigQuery, and the statements that make and read them: texts in, text out.

One statement classifies the entries of the window, straight from a sink's tables where they are the source, into a
table that this run alone has. Measures read that one, each only the columns that it names and the partitions in which
its rows are. What is read more than once is a table too.
"""
# ruff: noqa: S608 - what is put into a text is a file of ours, a number, or a name that `warehouse.parse` has checked

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Template

from parsers.model import Catalogue
from parsers.to_googlesql import classification, classification_of_searched, searched
from pipeline.googlesql import STORED, branches, indented, measures, without_comments, written
from pipeline.schema import EVENTS, IDENTITY
from pipeline.window import Bounds

#: Columns of few values, which a number stands for in every row; their texts are in the tables `origins` and `kinds`.
ORIGIN = (*IDENTITY, "instance_id", "log_name", "log_id")
KIND = ("severity", "level", "event", "wording", "outcome", "cause", "code", "http_status", "raw")

#: The other columns of a row.
ROW = (
    *("timestamp_ns", "timestamp", "receive_timestamp", "insert_id", "message", "payload", "labels", "fields"),
    *("signature", "duration_ms", "http_method", "http_path", "http_latency_ms", "http_response_bytes"),
    *("http_user_agent", "client"),
)

#: What `sql/staging/requests.sql` adds to the row of a request.
REQUEST = (
    *("latency_ns", "path", "endpoint", "line", "is_health", "is_probe", "caller", "is_scan", "is_socket"),
    *("is_startup", "has_waited", "minute", "is_handshake", "is_eligible", "is_synthetic"),
)

#: What `sql/staging/timed.sql` gives beside the identity.
TIMED = ("kind", "name", "is_startup", "at_us", "slot", "bucket")

#: Classes of rows, as `sql/bigquery/classify_window.sql` numbers them: the first and last that a file reads.
_ALL, _TEXTS, _RARE, _REQUESTS = (0, 3), (1, 2), (2, 2), (2, 3)
CLASSES = {
    "requests": _REQUESTS,
    **dict.fromkeys(("timed", "signatures", "evidence"), _TEXTS),
    **dict.fromkeys(("ages", "closes", "executions", "exits", "leaks", "probes", "readiness"), _RARE),
}

_EVENT_NAMES = tuple(column.name for column in EVENTS)

#: The tables of a run; those of a window are made for each one that is measured.
EVENTS_TABLE, ORIGINS_TABLE, KINDS_TABLE = "events", "origins", "kinds"
STEPS = ("instances", "requests", "timed", "spans")

#: Those that are there only where classifying is done in parts.
PARTS = ("entries", "searched")

#: Sides of the start of the window on which a row is: without a time, before, after.
UNDATED, BEFORE, AFTER = 0, 1, 2


@dataclass(frozen=True)
class Read:
    """Columns of a table that a statement reads; classes: the first and last of those that it is limited to."""

    table: str
    columns: tuple[str, ...]
    classes: tuple[int, int] = _ALL


@dataclass(frozen=True)
class Scope:
    """What is measured: the half-open window in ns since 1970, None for an open side, and the sides it has rows on.

    requests_until_ns: request rows from then on are no requests yet, as they may still run; as events they count.
    """

    start_ns: int | None = None
    end_ns: int | None = None
    sides: tuple[int, ...] = (BEFORE, AFTER)
    requests_until_ns: int | None = None

    @property
    def condition(self) -> str:
        """That a row has a time in the window."""
        bounds = ((self.start_ns, ">="), (self.end_ns, "<"))
        return " and ".join(f"timestamp_ns {sign} {bound}" for bound, sign in bounds if bound is not None) or "true"


@dataclass(frozen=True)
class RunTables:
    """The statements of a run. path: of a table of the run by its name."""

    path: Callable[[str], str]

    def classify(
        self,
        catalogue: Catalogue,
        entries: str | None,
        queries: Sequence[str],
        bounds: Bounds,
        cut_ns: int | None = None,
    ) -> str:
        """Return the statement that makes the run's events.

        entries: the table of stored ones, None where it has none of the window; queries: that give others, each with
        the columns `STORED`. cut_ns: where the window begins that is judged.
        """
        columns = (*_EVENT_NAMES, *_copies(len(queries)))
        return self._narrow(
            _gathered(entries, queries, bounds), classification(catalogue, columns), len(queries), cut_ns
        )

    def gather(self, entries: str | None, queries: Sequence[str], bounds: Bounds) -> str:
        """Return the first of three statements that do what `classify` does: the run's entries, each once."""
        rows = f"select * from (\n{_gathered(entries, queries, bounds)})"
        return _filled("run_step", table=self.path("entries"), rows=rows)

    def search(self, catalogue: Catalogue) -> str:
        """Return the second: what the wordings of the catalogue find in each entry."""
        return _filled("run_step", table=self.path("searched"), rows=searched(catalogue, self.path("entries")))

    def classify_searched(self, catalogue: Catalogue, n_queries: int, cut_ns: int | None = None) -> str:
        """Return the third, which makes the run's events of what was found."""
        text = classification_of_searched(catalogue, (*_EVENT_NAMES, *_copies(n_queries)), self.path("searched"))
        return self._narrow("select 1 as nothing\n", text, n_queries, cut_ns)

    def _narrow(self, entries: str, events: str, n_queries: int, cut_ns: int | None) -> str:
        return _filled(
            "classify_window",
            table=self.path(EVENTS_TABLE),
            entries=entries,
            classification=events,
            cut_ns=str(-(2**63) if cut_ns is None else cut_ns),
            origin=_fingerprint(ORIGIN),
            kind=_fingerprint(KIND),
            identity=_fingerprint(IDENTITY),
            copies="".join(f", {name}" for name in _copies(n_queries)),
        )

    def origins(self, bounds: Bounds, n_queries: int) -> str:
        """Return the statement that makes the run's origins, with the entries and copies of a window."""
        inside = f"timestamp_ns is null or ({Scope(*bounds).condition})"
        sums = "".join(f",\n        sum(if({inside}, {name}, 0)) as {name}" for name in _copies(n_queries))
        return _filled(
            "run_origins",
            table=self.path(ORIGINS_TABLE),
            events=self.path(EVENTS_TABLE),
            condition=inside,
            copies=sums,
        )

    def kinds(self) -> str:
        """Return the statement that makes the run's kinds of entries."""
        return _filled("run_kinds", table=self.path(KINDS_TABLE), events=self.path(EVENTS_TABLE))

    def step(self, name: str, scope: Scope) -> str:
        """Return the statement that makes a table of `STEPS` for a window."""
        own = {
            "instances": "*",
            "spans": "*",
            "requests": ", ".join(("origin", "kind", *_request_columns())),
            "timed": ", ".join((f"{_fingerprint(IDENTITY)} as identity", *TIMED)),
        }[name]
        rows = self._with_inputs(
            written(f"staging/{name}"), name, scope, made=name, also=_request_columns() if name == "requests" else ()
        )
        if name == "requests" and scope.requests_until_ns is not None:
            ended = f"timestamp_ns is null or timestamp_ns < {scope.requests_until_ns}"
            rows = f"select *\nfrom (\n\n{rows}\n)\nwhere {ended}\n"
        return _filled("run_step", table=self.path(name), rows=f"select {own}\nfrom (\n\n{rows}\n)")

    def measure(self, name: str, scope: Scope) -> str:
        """Return the query of one measure."""
        return self._with_inputs(written(f"measures/{name}"), name, scope)

    def _with_inputs(self, query: str, name: str, scope: Scope, *, made: str = "", also: Sequence[str] = ()) -> str:
        """A query with the tables that it reads as CTEs before it.

        made: the table that it makes, which is not there yet. also: columns that it hands on, with their keys.
        """

        def reads(table: str) -> bool:
            return table != made and _reads(query, table)

        ctes = {}
        if reads("events"):
            names = _named(f"{query} {' '.join(also)}", (*ORIGIN, *KIND, *ROW))
            ctes["events"] = self._events(names, CLASSES.get(name, _ALL), scope, keys=bool(also))
        if reads("instances") or reads("starts"):
            ctes["instances"] = f"select * from {self.path('instances')}"
        if reads("starts"):
            ctes["starts"] = written("staging/starts")
        if reads("requests"):
            ctes["requests"] = self._requests(_named(query, (*ORIGIN, *KIND, *REQUEST, *ROW)))
        if reads("timed"):
            ctes["timed"] = self._timed(_named(query, TIMED))
        if reads("spans"):
            ctes["spans"] = f"select * from {self.path('spans')}"
        steps = ",\n\n".join(f"{table} as (\n\n{indented(rows, 4)}\n\n)" for table, rows in ctes.items())
        return f"with\n\n{steps}\n\nselect *\nfrom (\n\n{query}\n)\n"

    def _events(self, columns: Sequence[str], classes: tuple[int, int], scope: Scope, *, keys: bool) -> str:
        own = ", ".join(("origin", "kind", *(name for name in columns if name in ROW)))
        own += "" if "timestamp_ns" in columns else ", timestamp_ns"
        first, last = classes
        sides = [(side, scope.condition) for side in scope.sides]
        rows = "\nunion all\n".join(
            f"select {own}\nfrom {self.path(EVENTS_TABLE)}\n"
            f"where part between {4 * side + first} and {4 * side + last} and {condition}"
            for side, condition in [*sides, (UNDATED, "true")]
        )
        names = ", ".join([*(("origin", "kind") if keys else ()), *columns])
        return f"select {names}\nfrom (\n{indented(rows, 4)}\n)\n{self._joined(columns)}"

    def _requests(self, columns: Sequence[str]) -> str:
        own = [name for name in columns if name not in ORIGIN and name not in KIND]
        rows = f"select {', '.join(('origin', 'kind', *own))}\nfrom {self.path('requests')}"
        return f"select {', '.join(columns)}\nfrom (\n{indented(rows, 4)}\n)\n{self._joined(columns)}"

    def _joined(self, columns: Sequence[str]) -> str:
        """The joins with what origin and kind stand for, as far as columns of them are read."""
        joins = []
        for table, key, names in ((ORIGINS_TABLE, "origin", ORIGIN), (KINDS_TABLE, "kind", KIND)):
            if wanted := [name for name in columns if name in names]:
                joins.append(f"join (select {', '.join((key, *wanted))} from {self.path(table)}) using ({key})")
        return "\n".join(joins)

    def _timed(self, columns: Sequence[str]) -> str:
        identity = ", ".join(IDENTITY)
        return (
            f"select {identity}, {', '.join(columns)}\nfrom {self.path('timed')}\n"
            f"join (select distinct identity, {identity} from {self.path(ORIGINS_TABLE)}) using (identity)"
        )


def _gathered(entries: str | None, queries: Sequence[str], bounds: Bounds) -> str:
    """The rows of the stored entries and of queries, each entry once."""
    names = ", ".join(column.name for column in STORED)
    stored = branches(f"select {names}, 0 as input\nfrom {entries}", *bounds) if entries else ""
    if not queries:
        return f"{stored}\n" if stored else _nothing()
    given = [f"select {names}, {number} as input\nfrom (\n{text})" for number, text in enumerate(queries, 1)]
    rows = indented("\nunion all\n".join([*([stored] if stored else []), *given]), 8)
    copies = "".join(f",\n    sum(if(input = {n}, 1, 0)) over whole as copies_{n}" for n in range(1, len(queries) + 1))
    content = "log_name, insert_id, content"
    given_copies = "".join(f", {name}" for name in _copies(len(queries)))
    if not stored:  # all have whole microseconds
        return (
            f"select {names}{given_copies}\nfrom (\n    select\n        * except (input),\n"
            f"        row_number() over (\n            partition by {content}, timestamp_ns\n"
            f"            order by message, payload, severity, source\n        ) as nth{copies}\n"
            f"    from (\n{rows}\n    )\n"
            f"    window whole as (partition by {content}, timestamp_ns)\n)\nwhere nth = 1\n"
        )
    kept = _filled("each_once", rows=rows)
    firsts = "".join(f", if(place_in_us = 1, copies_{n}, 0) as copies_{n}" for n in range(1, len(queries) + 1))
    return (
        f"select {names}{firsts}\nfrom (\n    select\n        *,\n        row_number() over (\n"
        f"            partition by {content}, timestamp order by timestamp_ns\n        ) as place_in_us\n    from (\n"
        + indented(kept.replace("$copies", copies), 8)
        + "\n    )\n)\n"
    )


def _copies(n_queries: int) -> list[str]:
    return [f"copies_{number}" for number in range(1, n_queries + 1)]


def _nothing() -> str:
    columns = ", ".join(f"cast(null as {column.bigquery}) as {column.name}" for column in STORED)
    return f"select {columns}\nfrom unnest([1]) as nothing\nwhere false\n"


def _request_columns() -> list[str]:
    """The columns of a request that are read by what reads requests."""
    words = " ".join(
        text
        for name in (*(f"measures/{name}" for name in measures()), "staging/timed")
        if _reads(text := written(name), "requests")
    )
    return _named(words, (*REQUEST, *ROW))


def _reads(query: str, table: str) -> bool:
    return re.search(rf"\b(?:from|join) {table}\b", query) is not None


def _named(query: str, columns: Sequence[str]) -> list[str]:
    """The columns that a query names."""
    words = set(re.findall(r"[a-z_0-9]+", without_comments(query)))
    return [name for name in columns if name in words]


def _fingerprint(columns: Sequence[str]) -> str:
    return f"farm_fingerprint(to_json_string(struct({', '.join(columns)})))"


def _filled(name: str, **values: str) -> str:
    return Template(written(f"bigquery/{name}")).safe_substitute(values)
