"""LogEntry JSON, one record a line, as rows of `entries`, not yet redacted.

DuckDB reads the records column by column. What it refuses, or would lose a value of, is redone record by record; what
is still no LogEntry keeps its text in `raw` and whatever of its key and resource can be read.
"""

import json
import re
from collections.abc import Sequence

import duckdb
import polars as pl

from pipeline.schema import ENTRIES, polars_schema

#: The columns this module gives: entries without the digests, and what these are made from.
COLUMNS = [c.name for c in ENTRIES if c.name not in ("client", "subject", "source")]

_TOP = dict.fromkeys(
    ("logName", "insertId", "timestamp", "receiveTimestamp", "severity", "trace", "spanId"), "VARCHAR"
) | dict.fromkeys(("textPayload", "jsonPayload", "protoPayload", "httpRequest", "resource", "labels"), "JSON")
_PAYLOAD = dict.fromkeys(("message", "msg", "event", "textPayload", "status"), "JSON") | dict.fromkeys(
    ("methodName", "resourceName"), "VARCHAR"
)
_HTTP = dict.fromkeys(
    ("requestMethod", "requestUrl", "status", "latency", "requestSize", "responseSize", "userAgent", "remoteIp"),
    "VARCHAR",
)
_RESOURCE = dict.fromkeys(("project_id", "location", "service_name", "revision_name"), "VARCHAR")

#: Cloud Logging's numbers for severities (LogSeverity), as `gcloud logging tail` prints them.
_NAMES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_SEVERITIES = {f"{number}00".lstrip("0") or "0": name for number, name in enumerate(_NAMES)}

_REVISION_NUMBER = r"^(.+)-[0-9]{5}-[a-z0-9]{3}$"
_RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


def _nanoseconds(column: str) -> str:
    """SQL for an RFC 3339 time in ns since 1970: null outside 1678 to 2261, and where it is no time.

    DuckDB's own cast to TIMESTAMP_NS ignores the offset, so seconds, fraction and offset are read apart.
    """
    text = f"upper({column})"
    seconds = f"epoch(try_cast(replace(left({text}, 19), 'T', ' ') as timestamp))::bigint"
    fraction = f"rpad(left(regexp_extract({text}, '\\.([0-9]+)', 1), 9), 9, '0')::bigint"
    zone = f"regexp_extract({text}, '([+-][0-9]{{2}}):?([0-9]{{2}})$', "
    hours, minutes = f"try_cast({zone}1) as bigint)", f"try_cast({zone}2) as bigint)"
    offset = f"coalesce({hours} * 3600 + if({zone}1)[1] = '-', -1, 1) * {minutes} * 60, 0)"
    return f"""case when regexp_full_match({text}, '{_RFC3339.strip("^$")}')
        and left({column}, 4) between '1678' and '2261'
        then ({seconds} - {offset}) * 1000000000 + {fraction} end"""


def _text(value: str) -> str:
    """SQL for a JSON value as text: a string without its quotes, anything else as JSON; null where empty or null."""
    return f"nullif(if(json_type({value}) = 'VARCHAR', {value} ->> '$', nullif({value}::varchar, 'null')), '')"


def _keys(shape: dict[str, str]) -> str:
    return json.dumps(shape).replace("'", "''")


# Only constants of this module are put into the text.
_QUERY = f"""
with top as (
  select row, line, json_transform(line, '{_keys(_TOP)}') as e
  from records
  where json_valid(line) and json_type(line) = 'OBJECT'
),
parts as (
  select
    row,
    e,
    coalesce(e.jsonPayload, e.protoPayload) as payload,
    json_transform(coalesce(e.jsonPayload, e.protoPayload), '{_keys(_PAYLOAD)}') as p,
    json_transform(e.httpRequest, '{_keys(_HTTP)}') as h,
    json_transform(e.resource -> '$.labels', '{_keys(_RESOURCE)}') as r
  from top
),
typed as (
  select
    *,
    {_nanoseconds("e.timestamp")} as timestamp_ns,
    {_nanoseconds("e.receiveTimestamp")} as receive_ns,
    regexp_extract(h.requestUrl, '^[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)', 1) as host,
    nullif(r.revision_name, '') as revision,
    p.resourceName as resource_name,
    try_cast(h.status as bigint) as http_status,
    try_cast(regexp_extract(h.latency, '^([0-9]+(?:\\.[0-9]+)?)s$', 1) as decimal(28, 9)) as latency_s,
    e.logName is null and e.insertId is null and e.timestamp is null and e.severity is null and payload is null
      and e.textPayload is null and e.httpRequest is null and e.resource is null as alien,
    alien
      or (e.timestamp is not null and timestamp_ns is null)
      or (e.receiveTimestamp is not null and receive_ns is null)
      or (h.status is not null and http_status is null)
      or (h.latency is not null and latency_s is null)
      or json_type(e.textPayload) in ('OBJECT', 'ARRAY')
      or json_type(e.jsonPayload) not in ('OBJECT', 'NULL')
      or json_type(e.protoPayload) not in ('OBJECT', 'NULL')
      or json_type(e.httpRequest) not in ('OBJECT', 'NULL')
      or json_type(e.resource) not in ('OBJECT', 'NULL')
      or json_type(e.resource, '$.labels') not in ('OBJECT', 'NULL')
      or json_type(e.labels) not in ('OBJECT', 'NULL') as unreadable,
    coalesce(unreadable, false) as broken
  from parts
)
select
  row,
  e.logName as log_name,
  timestamp_ns,
  nullif(e.insertId, '') as insert_id,
  make_timestamp(timestamp_ns // 1000) as timestamp,
  make_timestamp(receive_ns // 1000) as receive_timestamp,
  nullif(url_decode(regexp_extract(e.logName, '/logs/(.*)$', 1)), '') as log_id,
  coalesce(nullif(r.project_id, ''), nullif(regexp_extract(e.logName, '^projects/([^/]+)/', 1), '')) as project,
  nullif(r.location, '') as location,
  coalesce(
    nullif(r.service_name, ''),
    nullif(regexp_extract(revision, '{_REVISION_NUMBER}', 1), ''),
    nullif(regexp_extract(resource_name, '/services/([^/]+)$', 1), ''),
    nullif(regexp_extract(resource_name, '/revisions/([^/]+)-[0-9]{{5}}-[a-z0-9]{{3}}$', 1), '')
  ) as service,
  revision,
  e.labels ->> '$.instanceId' as instance_id,
  coalesce(nullif(upper(e.severity), ''), 'DEFAULT') as severity,
  coalesce(
    {_text("e.textPayload")},
    {_text("p.message")}, {_text("p.msg")}, {_text("p.event")}, {_text("p.textPayload")},
    nullif(p.status ->> '$.message', ''), nullif(p.methodName, '')
  ) as message,
  nullif(payload::varchar, 'null') as payload,
  nullif(nullif(e.labels::varchar, 'null'), '{{}}') as labels,
  h.requestMethod as http_method,
  nullif(host, '') as http_host,
  nullif(
    regexp_extract(h.requestUrl, '^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)', 1), ''
  ) as http_path,
  http_status,
  (latency_s * 1000)::double as http_latency_ms,
  try_cast(h.requestSize as bigint) as http_request_bytes,
  try_cast(h.responseSize as bigint) as http_response_bytes,
  h.userAgent as http_user_agent,
  regexp_replace(e.trace, '^projects/[^/]*/traces/', '') as trace,
  nullif(e.spanId, '') as span_id,
  h.remoteIp as remote_ip,
  broken
from typed
"""  # noqa: S608


class EntryReader:
    """Records to entries, batch by batch, on one DuckDB connection. Use it as a context manager."""

    def __init__(self) -> None:
        self._duckdb = duckdb.connect()
        self._duckdb.execute("set memory_limit = '400MB'")
        self._duckdb.execute("set preserve_insertion_order = false")

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
        good = self._query(lines)
        whole = good.filter(~pl.col("broken"))
        if whole.height == len(lines):
            return _finish(whole, lines)
        left = pl.DataFrame({"line": lines}).with_row_index("row").join(whole, on="row", how="anti")
        mended = pl.Series("line", [_mended(line) for line in left["line"]], dtype=pl.String)
        second = self._query(mended)
        second = second.with_columns(row=left["row"].gather(second["row"]))
        again = second.filter(~pl.col("broken"))
        rest = left.join(again, on="row", how="anti")
        partly = rest.join(second.filter("broken"), on="row", how="left", maintain_order="left")
        return _finish(pl.concat([whole, again, _unparsed(partly)], how="diagonal"), lines)

    def _query(self, lines: pl.Series) -> pl.DataFrame:
        records = pl.DataFrame({"line": lines}).with_row_index("row").to_arrow()
        self._duckdb.register("records", records)
        try:
            return pl.DataFrame(self._duckdb.sql(_QUERY))
        finally:
            self._duckdb.unregister("records")


def _finish(rows: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    assert rows.height == len(lines), "a record was lost or doubled"
    schema = polars_schema(ENTRIES)
    if "raw" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.String).alias("raw"))
    return rows.sort("row").select(
        *(
            pl.col(name).replace(_SEVERITIES)
            if name == "severity"
            else pl.col(name).dt.replace_time_zone("UTC")
            if name in ("timestamp", "receive_timestamp")
            else pl.col(name).cast(schema[name])
            for name in COLUMNS
        ),
        "remote_ip",
    )


def _mended(line: str) -> str | None:
    """The record as JSON that DuckDB takes, or None: lone surrogates and raw control characters are let pass."""
    try:
        value = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", json.dumps(value, ensure_ascii=False))


#: What can be read of a record that is no JSON: the keys that stand nowhere but at the top of a LogEntry.
_LEFTOVERS = {
    "insert_id": r'"insertId"\s*:\s*"([^"\\]+)"',
    "log_name": r'"logName"\s*:\s*"([^"\\]+)"',
    "service": r'"service_name"\s*:\s*"([^"\\]+)"',
    "revision": r'"revision_name"\s*:\s*"([^"\\]+)"',
    "project": r'"project_id"\s*:\s*"([^"\\]+)"',
    "location": r'"location"\s*:\s*"([^"\\]+)"',
}
_KEPT = ("log_name", "timestamp_ns", "insert_id", "timestamp", "log_id", "project", "location", "service", "revision")


def _unparsed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of records that are no LogEntry: their text as raw, and what of key and resource can be read."""
    read = {name: pl.col("line").str.extract(pattern, 1) for name, pattern in _LEFTOVERS.items()}
    return rows.select(
        "row",
        *(pl.coalesce(name, read[name]).alias(name) if name in read else pl.col(name) for name in _KEPT),
        pl.lit("DEFAULT").alias("severity"),
        pl.col("line").alias("raw"),
    )
