"""LogEntry JSON, one record a line, as rows of `entries`, not yet redacted.

DuckDB reads the records column by column. A record that it refuses, or that may hold a value of another type than
LogEntry has there, is looked at by itself; what is no LogEntry keeps its text in `raw`, and whatever of its key and
resource can be read. Whatever goes wrong with a batch, each record costs only itself: a batch that cannot be read is
read in halves, down to the records at fault.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from parsers.formats import formats, json_path
from pipeline.database import connection
from pipeline.schema import ENTRIES, polars_schema
from pipeline.sources.field_names import respelled
from pipeline.sources.rfc3339 import fraction_ns, rfc3339_ns

#: The columns this module gives: entries without the digests, and what these are made from.
COLUMNS = [c.name for c in ENTRIES if c.name not in ("client", "subject", "source")]

_TEXTS = ("logName", "insertId", "timestamp", "receiveTimestamp", "severity", "textPayload", "trace", "spanId")
_HTTP = ("requestMethod", "requestUrl", "status", "latency", "requestSize", "responseSize", "userAgent", "remoteIp")
_RESOURCE = ("project_id", "location", "service_name", "job_name", "worker_pool_name", "revision_name")

#: The resource types that are judged, and the workload that each is.
_WORKLOADS = {"cloud_run_revision": "service", "cloud_run_job": "job", "cloud_run_worker_pool": "worker_pool"}

#: What is read of a record, and of its payload, in the form of DuckDB's json_transform.
_ENTRY = {
    **dict.fromkeys(_TEXTS, "VARCHAR"),
    **dict.fromkeys(("jsonPayload", "protoPayload", "labels"), "JSON"),
    "httpRequest": dict.fromkeys(_HTTP, "VARCHAR"),
    "resource": {"type": "VARCHAR", "labels": dict.fromkeys(_RESOURCE, "VARCHAR")},
}
_PAYLOAD = {
    **dict.fromkeys(("message", "msg", "event", "textPayload"), "VARCHAR"),
    **dict.fromkeys(("methodName", "resourceName"), "VARCHAR"),
    "status": "JSON",
}

#: Where a message is, as columns of the query: the first that is not empty.
_MESSAGES = ("textPayload", "message", "msg", "event", "inner_text", "status_message", "methodName")
#: Where else a payload can have a text that says what happened, searched where none of these has one.
_OTHER_MESSAGES = ", ".join(f"'{json_path(path)}'" for path in formats().payload.message)

#: A longer record, in bytes, is not parsed, which would take a multiple of it in memory: 1 MiB of text and what stands
#: around it. Cloud Logging takes no entry above 256 KiB.
_MAX_PARSED = (1 << 20) + (64 << 10)

#: What DuckDB and polars raise for a batch that they cannot take. DuckDB's messages quote the text, and a cut
#: inside a character makes a UnicodeDecodeError (a ValueError) of them. A panic of polars is no Exception.
_REFUSALS = (
    *(duckdb.Error, pl.exceptions.PolarsError, pl.exceptions.PanicException),
    *(ValueError, OverflowError, RuntimeError, MemoryError),
)

#: Cloud Logging's numbers for severities (LogSeverity), as `gcloud logging tail` prints them.
_NAMES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_SEVERITIES = {f"{number}00".lstrip("0") or "0": name for number, name in enumerate(_NAMES)}

#: An audit entry can name its revision in its text alone; that of the Service names the one that failed.
_READY_OF = "^Ready condition status changed to (?:True|False) for Revision ([a-z0-9-]+)"
_FAILED_OF = "^Ready condition status changed to False for Service [a-z0-9-]+ with message: Revision '([a-z0-9-]+)'"

#: An entry about an execution of a job, or about a task of it, can name it in its text or its resource alone.
_EXECUTION_OF = (
    "^(?:[A-Z][A-Za-z]+ condition status changed to [A-Z][a-z]+ for )?(?:Execution|Task) "
    "([a-z][a-z0-9]*(?:-[a-z0-9]+)+?)(?:-task[0-9]+)?(?:[ .]|$)"
)
_EXECUTION_RESOURCE = "/(?:executions|tasks)/([^/]+?)(?:-task[0-9]+)?$"

_REVISION_NUMBER = "-[0-9]{5}-[a-z0-9]{3}$"
_SECONDS = r"^(?P<whole>[0-9]{1,9})(?:\.(?P<fraction>[0-9]{1,12}))?s$"
_ORIGIN = "^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)"
_PATH = "^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)"

# Only constants of this module are put into the text. CONDITION is replaced where it runs.
_QUERY = f"""
with entries as (
  select row, json_transform(line, '{json.dumps(_ENTRY)}') as e
  from records
  where CONDITION
),
parts as (
  select
    row,
    e,
    coalesce(e.jsonPayload, e.protoPayload) as payload,
    json_transform(coalesce(e.jsonPayload, e.protoPayload), '{json.dumps(_PAYLOAD)}') as p
  from entries
),
valued as (
  select
    *,
    p.textPayload as inner_text,
    p.status ->> '$.message' as status_message
  from parts
)
select
  row,
  {", ".join(f"e.{name}" for name in _TEXTS)},
  {", ".join(f"e.httpRequest.{name}" for name in _HTTP)},
  e.resource.type,
  {", ".join(f"e.resource.labels.{name}" for name in _RESOURCE)},
  e.labels ->> '$."run.googleapis.com/execution_name"' as execution_name,
  payload::varchar as payload,
  e.labels::varchar as labels,
  e.labels ->> '$.instanceId' as instance_id,
  p.message, p.msg, p.event, inner_text, p.methodName, p.resourceName, status_message,
  case
    when payload is not null and coalesce(
      e.textPayload, p.message, p.msg, p.event, inner_text, status_message, p.methodName, ''
    ) = '' then list_filter(
      json_extract(payload, [{_OTHER_MESSAGES}]), lambda value: value::varchar like '"_%"'
    )[1] ->> '$'
  end as other_message
from valued
"""  # noqa: S608


def _columns(raw: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """The rows of the query as columns of `entries`, and whether a record is broken, or has to be looked at.

    broken: a time, a status or a latency is none. doubtful: a name stands in the record but its value was not read,
    as it happens to a value of another type.
    """
    latency = pl.col("latency").str.extract_groups(_SECONDS).struct
    # Columns of their own: an expression that is used twice is computed twice.
    raw = raw.with_columns(
        rfc3339_ns(raw["timestamp"]).alias("timestamp_ns"),
        rfc3339_ns(raw["receiveTimestamp"]).alias("receive_ns"),
        (latency.field("whole").cast(pl.Int64) * 10**9 + fraction_ns(latency.field("fraction"))).alias("latency_ns"),
        pl.col("status").cast(pl.Int64, strict=False).alias("http_status"),
    )
    raw = raw.join(_of_log_names(raw["logName"]), on="logName", how="left", maintain_order="left")
    named = pl.all_horizontal(pl.col("service_name", "revision_name").fill_null("") != "")
    return pl.concat(
        [_selected(raw.filter(named), lines, named=True), _selected(raw.filter(~named), lines, named=False)]
    )


def _of_log_names(names: pl.Series) -> pl.DataFrame:
    """What each log name says: log_id and project_of_log."""
    name = pl.col("logName")
    return pl.DataFrame({"logName": names.drop_nulls().unique()}).with_columns(
        name.str.extract("/logs/(.+)$", 1).str.replace_all("%2[Ff]", "/").alias("log_id"),
        name.str.extract("^projects/([^/]+)/", 1).alias("project_of_log"),
    )


def _selected(raw: pl.DataFrame, lines: pl.Series, *, named: bool) -> pl.DataFrame:
    """The same of rows that all are named, so that nothing else is searched for names, or of others."""
    line = lines.gather(raw["row"])
    no_resource = pl.all_horizontal(pl.col(_RESOURCE).is_null())
    is_run = pl.col("type").is_null() | pl.col("type").is_in([*_WORKLOADS, ""])
    revision = pl.coalesce(
        _filled("revision_name"),
        _filled("execution_name"),
        pl.col("status_message").str.extract(_READY_OF, 1),
        pl.col("status_message").str.extract(_FAILED_OF, 1),
        pl.when(pl.col("type") == "cloud_run_job").then(
            pl.coalesce(
                pl.col("resourceName").str.extract(_EXECUTION_RESOURCE, 1),
                pl.col("status_message").str.extract(_EXECUTION_OF, 1),
            )
        ),
    )
    service = pl.coalesce(
        *(_filled(name) for name in ("service_name", "job_name", "worker_pool_name")),
        pl.col("revision_name").str.extract(f"^(.+){_REVISION_NUMBER}", 1),
        pl.col("resourceName").str.extract("/(?:services|jobs|worker[pP]ools)/([^/]+)$", 1),
        pl.col("resourceName").str.extract(f"/revisions/([^/]+){_REVISION_NUMBER}", 1),
        pl.when(pl.col("type") == "cloud_run_job").then(revision.str.extract("^(.+)-[a-z0-9]{5}$", 1)),
    )
    if named:
        service, revision = pl.col("service_name"), pl.col("revision_name")
    no_request = pl.all_horizontal(pl.col("requestMethod", "requestUrl").is_null())
    return raw.select(
        "row",
        pl.col("logName").alias("log_name"),
        "timestamp_ns",
        _filled("insertId").alias("insert_id"),
        pl.from_epoch(pl.col("timestamp_ns") // 1000, "us").alias("timestamp"),
        pl.from_epoch(pl.col("receive_ns") // 1000, "us").alias("receive_timestamp"),
        "log_id",
        pl.coalesce(_filled("project_id"), "project_of_log").alias("project"),
        _filled("location"),
        pl.when(is_run).then(service).alias("service"),
        pl.when(is_run).then(revision).alias("revision"),
        "instance_id",
        pl.coalesce(_filled("type").replace(_WORKLOADS), pl.when(service.is_not_null()).then(pl.lit("service"))).alias(
            "workload"
        ),
        _filled("severity").str.to_uppercase().replace(_SEVERITIES).fill_null("DEFAULT"),
        pl.coalesce(_filled(name) for name in (*_MESSAGES, "other_message")).alias("message"),
        "payload",
        pl.col("labels").replace("{}", None),
        pl.col("requestMethod").alias("http_method"),
        _filled(pl.col("requestUrl").str.extract(_ORIGIN, 1)).alias("http_host"),
        _filled(pl.col("requestUrl").str.extract(_PATH, 1)).alias("http_path"),
        "http_status",
        (pl.col("latency_ns") / 1e6).alias("http_latency_ms"),
        pl.col("requestSize").cast(pl.Int64, strict=False).alias("http_request_bytes"),
        pl.col("responseSize").cast(pl.Int64, strict=False).alias("http_response_bytes"),
        pl.col("userAgent").alias("http_user_agent"),
        _filled(pl.col("trace").str.replace("^projects/[^/]*/traces/", "")).alias("trace"),
        _filled("spanId").alias("span_id"),
        pl.col("remoteIp").alias("remote_ip"),
        pl.any_horizontal(
            pl.col(given).is_not_null() & pl.col(read).is_null()
            for given, read in (
                ("timestamp", "timestamp_ns"),
                ("receiveTimestamp", "receive_ns"),
                ("status", "http_status"),
                ("latency", "latency_ns"),
            )
        ).alias("broken"),
        pl.any_horizontal(
            no_request & line.str.contains('"httpRequest"', literal=True),
            no_resource & (pl.lit(value=False) if named else line.str.contains('"resource"', literal=True)),
            pl.col("textPayload").str.contains("^[{\\[]") & line.str.contains(r'"textPayload"\s*:\s*[{\[]'),
            ~pl.col("payload").str.starts_with("{").fill_null(True),
            ~pl.col("labels").str.starts_with("{").fill_null(True),
            pl.all_horizontal(pl.col("insertId", "logName").is_null()),
        ).alias("doubtful"),
    )


def _filled(column: str | pl.Expr) -> pl.Expr:
    """A text, null where it is empty."""
    return (pl.col(column) if isinstance(column, str) else column).replace("", None)


#: What LogEntry has in each place; a record with something else there is no LogEntry.
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("jsonPayload", "protoPayload", "httpRequest", "resource", "labels"), dict),
    **dict.fromkeys(("textPayload", "logName", "insertId", "timestamp", "receiveTimestamp", "trace", "spanId"), str),
    "severity": (str, int),
}
#: A record with none of these is some other JSON object.
_OWN = ("logName", "insertId", "timestamp", "severity", "textPayload", "jsonPayload", "protoPayload", "httpRequest")


class EntryReader:
    """Records to entries, batch by batch, on one DuckDB connection. Use it as a context manager."""

    def __init__(self) -> None:
        self._duckdb = connection()

    def __enter__(self) -> "EntryReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._duckdb.close()

    def read(self, records: Sequence[bytes]) -> pl.DataFrame:
        """Return one row per record, in order: the columns `COLUMNS` and remote_ip.

        records: UTF-8 bytes of one JSON value each. A record that is no LogEntry, or holds a value of another type
        than LogEntry has there, keeps its text in `raw`; then only its key and resource are filled.
        """
        lines = pl.Series("line", records, dtype=pl.Binary).cast(pl.String)
        parsed = pl.select(pl.when(lines.str.len_bytes() <= _MAX_PARSED).then(lines).alias("line")).to_series()
        rows = self._query(parsed)
        good = rows.filter(~(pl.col("broken") | pl.col("doubtful")))
        if good.height == len(lines):
            return _finish(good, lines)
        left = pl.DataFrame({"line": parsed}).with_row_index("row").join(good, on="row", how="anti")
        checked = self._query(pl.Series("line", [_checked(line) for line in left["line"]], dtype=pl.String))
        checked = checked.with_columns(row=left["row"].gather(checked["row"]))
        repaired = checked.filter(~pl.col("broken"))
        rest = left.join(repaired, on="row", how="anti")
        rest = rest.with_columns(lines.gather(rest["row"]))
        partly = rest.join(pl.concat([rows, checked]).unique("row", keep="last"), on="row", how="left")
        return _finish(pl.concat([good, repaired, _unparsed(partly)], how="diagonal"), lines)

    def _query(self, lines: pl.Series) -> pl.DataFrame:
        """The rows of all lines that are JSON objects; none of a line that cannot be read."""
        rows = self._rows(pl.DataFrame({"line": lines}).with_row_index("row").drop_nulls())
        return _columns(rows, lines)

    def _rows(self, records: pl.DataFrame) -> pl.DataFrame:
        for condition in _CONDITIONS:
            try:
                return self._selected(records, condition)
            except _REFUSALS as error:
                if isinstance(error, duckdb.FatalException | duckdb.InternalException):  # it takes no more queries
                    self._duckdb = connection()
        half = records.height // 2
        if half == 0:
            return self._selected(records, "false")
        return pl.concat([self._rows(records[:half]), self._rows(records[half:])])

    def _selected(self, records: pl.DataFrame, condition: str) -> pl.DataFrame:
        self._duckdb.register("records", records.to_struct())  # of a frame DuckDB would make a table of pyarrow's
        try:
            # All rows first: read as a stream, an error of DuckDB would turn up as one of polars.
            return pl.DataFrame(self._duckdb.sql(_QUERY.replace("CONDITION", condition)).materialize())
        finally:
            self._duckdb.unregister("records")


#: All lines; where DuckDB refuses one of them, which fails the whole query, those that it finds to be JSON objects.
_CONDITIONS = ("true", "json_valid(line) and json_type(line) = 'OBJECT'")


def _finish(rows: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    assert rows.height == len(lines), "a record was lost or doubled"
    schema = polars_schema(ENTRIES)
    if "raw" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.String).alias("raw"))
    return rows.sort("row").select(
        *(
            pl.col(name).dt.replace_time_zone("UTC")
            if name in ("timestamp", "receive_timestamp")
            else pl.col(name).cast(schema[name])
            for name in COLUMNS
        ),
        "remote_ip",
    )


def _checked(line: str | None) -> str | None:
    """The record as JSON that DuckDB takes, or None where it is no LogEntry.

    Other spellings are put into the API's own; lone surrogates, raw control characters, explicit nulls are let pass.
    """
    if line is None or not line.lstrip().startswith("{"):
        return None
    try:
        return _as_entry(json.loads(line, strict=False))
    except (ValueError, RecursionError, MemoryError):
        return None


def _as_entry(value: dict[str, Any]) -> str | None:
    value = respelled(value)
    if not any(name in value for name in _OWN):
        return None
    if any(value.get(name) is not None and not isinstance(value[name], kind) for name, kind in _TYPES.items()):
        return None
    labels = (value.get("resource") or {}).get("labels")
    if labels is not None and not isinstance(labels, dict):
        return None
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


#: What can be read of a record that is no JSON: the keys that stand nowhere but at the top of a LogEntry.
_LEFTOVERS = {
    "insert_id": r'"insertId"\s*:\s*"([^"\\]+)"',
    "log_name": r'"logName"\s*:\s*"([^"\\]+)"',
    "service": r'"(?:service_name|job_name|worker_pool_name)"\s*:\s*"([^"\\]+)"',
    "revision": r'"revision_name"\s*:\s*"([^"\\]+)"',
    "project": r'"project_id"\s*:\s*"([^"\\]+)"',
    "location": r'"location"\s*:\s*"([^"\\]+)"',
}
_KEPT = (
    *("log_name", "timestamp_ns", "insert_id", "timestamp", "log_id"),
    *("project", "location", "service", "revision", "workload"),
)
#: A payload may hold a time of its own: this one is an entry's where a record that is not parsed holds no other.
_TIMESTAMP = r'"timestamp"\s*:\s*"([^"\\]+)"'


def _unparsed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of records that are no LogEntry: their text as raw, and what of key and resource can be read."""
    read = {name: pl.col("line").str.extract(pattern, 1) for name, pattern in _LEFTOVERS.items()}
    long = rows.filter(
        (pl.col("line").str.len_bytes() > _MAX_PARSED) & (pl.col("line").str.count_matches(_TIMESTAMP) == 1)
    )
    if long.height:
        times = long.select("row", at=rfc3339_ns(long["line"].str.extract(_TIMESTAMP, 1)))
        rows = rows.join(times, on="row", how="left").with_columns(timestamp_ns=pl.coalesce("timestamp_ns", "at"))
        rows = rows.with_columns(timestamp=pl.from_epoch(pl.col("timestamp_ns") // 1000, "us"))
    return rows.select(
        "row",
        *(pl.coalesce(name, read[name]).alias(name) if name in read else pl.col(name) for name in _KEPT),
        pl.lit("DEFAULT").alias("severity"),
        pl.col("line").alias("raw"),
    )
