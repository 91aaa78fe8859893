"""LogEntry JSON, one record a line, as rows of `entries`, not yet redacted.

DuckDB reads the records column by column. A record that it refuses, or that may hold a value of another type than
LogEntry has there, is looked at by itself; what is no LogEntry keeps its text in `raw`, and whatever of its key and
resource can be read.
"""

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

from pipeline.schema import ENTRIES, polars_schema
from pipeline.sources.field_names import respelled

#: The columns this module gives: entries without the digests, and what these are made from.
COLUMNS = [c.name for c in ENTRIES if c.name not in ("client", "subject", "source")]

_TEXTS = ("logName", "insertId", "timestamp", "receiveTimestamp", "severity", "textPayload", "trace", "spanId")
_HTTP = ("requestMethod", "requestUrl", "status", "latency", "requestSize", "responseSize", "userAgent", "remoteIp")
_RESOURCE = ("project_id", "location", "service_name", "revision_name")

#: What is read of a record, and of its payload, in the form of DuckDB's json_transform.
_ENTRY = {
    **dict.fromkeys(_TEXTS, "VARCHAR"),
    **dict.fromkeys(("jsonPayload", "protoPayload", "labels"), "JSON"),
    "httpRequest": dict.fromkeys(_HTTP, "VARCHAR"),
    "resource": {"labels": dict.fromkeys(_RESOURCE, "VARCHAR")},
}
_PAYLOAD = {
    **dict.fromkeys(("message", "msg", "event", "textPayload"), "VARCHAR"),
    **dict.fromkeys(("methodName", "resourceName"), "VARCHAR"),
    "status": "JSON",
}

#: Cloud Logging's numbers for severities (LogSeverity), as `gcloud logging tail` prints them.
_NAMES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_SEVERITIES = {f"{number}00".lstrip("0") or "0": name for number, name in enumerate(_NAMES)}

_REVISION_NUMBER = "-[0-9]{5}-[a-z0-9]{3}$"
_RFC3339 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9]"
    r"(?:\.(?P<fraction>[0-9]{1,12}))?(?:Z|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):?(?P<minutes>[0-5][0-9]))$"
)
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
)
select
  row,
  {", ".join(f"e.{name}" for name in _TEXTS)},
  {", ".join(f"e.httpRequest.{name}" for name in _HTTP)},
  {", ".join(f"e.resource.labels.{name}" for name in _RESOURCE)},
  payload::varchar as payload,
  e.labels::varchar as labels,
  e.labels ->> '$.instanceId' as instance_id,
  p.message, p.msg, p.event, p.textPayload as inner_text, p.methodName, p.resourceName,
  p.status ->> '$.message' as status_message
from parts
"""  # noqa: S608


def _columns(raw: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """The rows of the query as columns of `entries`, and whether a record is broken, or has to be looked at.

    broken: a time, a status or a latency is none. doubtful: a name stands in the record but its value was not read,
    as it happens to a value of another type.
    """
    latency = pl.col("latency").str.extract_groups(_SECONDS).struct
    # Columns of their own: an expression that is used twice is computed twice.
    raw = raw.with_columns(
        _nanoseconds(raw["timestamp"]).alias("timestamp_ns"),
        _nanoseconds(raw["receiveTimestamp"]).alias("receive_ns"),
        (latency.field("whole").cast(pl.Int64) * 10**9 + _fraction_ns(latency.field("fraction"))).alias("latency_ns"),
        pl.col("status").cast(pl.Int64, strict=False).alias("http_status"),
    )
    line = lines.gather(raw["row"])
    no_resource = pl.all_horizontal(pl.col(_RESOURCE).is_null())
    no_request = pl.all_horizontal(pl.col("requestMethod", "requestUrl").is_null())
    return raw.select(
        "row",
        pl.col("logName").alias("log_name"),
        "timestamp_ns",
        _filled("insertId").alias("insert_id"),
        pl.from_epoch(pl.col("timestamp_ns") // 1000, "us").alias("timestamp"),
        pl.from_epoch(pl.col("receive_ns") // 1000, "us").alias("receive_timestamp"),
        pl.col("logName").str.extract("/logs/(.+)$", 1).str.replace_all("%2[Ff]", "/").alias("log_id"),
        pl.coalesce(_filled("project_id"), pl.col("logName").str.extract("^projects/([^/]+)/", 1)).alias("project"),
        _filled("location"),
        pl.coalesce(
            _filled("service_name"),
            pl.col("revision_name").str.extract(f"^(.+){_REVISION_NUMBER}", 1),
            pl.col("resourceName").str.extract("/services/([^/]+)$", 1),
            pl.col("resourceName").str.extract(f"/revisions/([^/]+){_REVISION_NUMBER}", 1),
        ).alias("service"),
        _filled("revision_name").alias("revision"),
        "instance_id",
        _filled("severity").str.to_uppercase().replace(_SEVERITIES).fill_null("DEFAULT"),
        pl.coalesce(
            _filled(name)
            for name in ("textPayload", "message", "msg", "event", "inner_text", "status_message", "methodName")
        ).alias("message"),
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
            no_resource & line.str.contains('"resource"', literal=True),
            pl.col("textPayload").str.contains("^[{\\[]") & line.str.contains(r'"textPayload"\s*:\s*[{\[]'),
            ~pl.col("payload").str.starts_with("{").fill_null(True),
            ~pl.col("labels").str.starts_with("{").fill_null(True),
            pl.all_horizontal(pl.col("insertId", "logName").is_null()),
        ).alias("doubtful"),
    )


def _filled(column: str | pl.Expr) -> pl.Expr:
    """A text, null where it is empty."""
    return (pl.col(column) if isinstance(column, str) else column).replace("", None)


def _fraction_ns(digits: pl.Expr) -> pl.Expr:
    """The digits behind a decimal point of seconds, in ns; 0 where there are none."""
    return digits.str.head(9).str.pad_end(9, "0").cast(pl.Int64).fill_null(0)


def _nanoseconds(texts: pl.Series) -> pl.Series:
    """RFC 3339 times in ns since 1970: null outside 1678 to 2261, and where a text is no time.

    Counted from parts, for casts to nanoseconds wrap years silently (polars) or ignore the offset (DuckDB). What has
    the form that Cloud Logging writes, in UTC with a Z, is read by its positions, the rest by a regular expression.
    """
    time = pl.col("t")
    rest = time.str.slice(19)
    seconds = time.str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us").dt.epoch("s")
    plain = rest.str.contains(r"^(?:\.[0-9]{1,12})?Z$") & (time.str.slice(17, 1) < "6") & _in_range(time)
    nanos = seconds * 10**9 + _fraction_ns(rest.str.slice(1).str.strip_suffix("Z"))
    found = pl.select(t=texts).select(pl.when(plain).then(nanos)).to_series()
    others = (found.is_null() & texts.is_not_null()).arg_true()
    return found.scatter(others, _any_nanoseconds(texts.gather(others))) if len(others) else found


def _any_nanoseconds(texts: pl.Series) -> pl.Series:
    """The same for any form: lower case, a space for the T, an offset."""
    time = pl.col("t").str.to_uppercase()
    parts = time.str.extract_groups(_RFC3339).struct
    day, clock = time.str.slice(0, 10), time.str.slice(11, 8)
    seconds = pl.concat_str(day, clock).str.to_datetime("%Y-%m-%d%H:%M:%S", strict=False, time_unit="us").dt.epoch("s")
    offset = (parts.field("hours").cast(pl.Int64) * 3600 + parts.field("minutes").cast(pl.Int64) * 60).fill_null(0)
    offset = pl.when(parts.field("sign") == "-").then(-offset).otherwise(offset)
    nanos = (seconds - offset) * 10**9 + _fraction_ns(parts.field("fraction"))
    return pl.select(t=texts).select(pl.when(time.str.contains(_RFC3339) & _in_range(time)).then(nanos)).to_series()


def _in_range(time: pl.Expr) -> pl.Expr:
    """Whether a time's year is one that nanoseconds in 64 bits hold whole."""
    return time.str.head(4).is_between(pl.lit("1678"), pl.lit("2261"))


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
        spill = Path(tempfile.gettempdir(), f"runverdict-spill-{os.getpid()}")
        self._duckdb = duckdb.connect(config={"temp_directory": str(spill)})
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
        rows = self._query(lines)
        good = rows.filter(~(pl.col("broken") | pl.col("doubtful")))
        if good.height == len(lines):
            return _finish(good, lines)
        left = pl.DataFrame({"line": lines}).with_row_index("row").join(good, on="row", how="anti")
        checked = self._query(pl.Series("line", [_checked(line) for line in left["line"]], dtype=pl.String))
        checked = checked.with_columns(row=left["row"].gather(checked["row"]))
        mended = checked.filter(~pl.col("broken"))
        rest = left.join(mended, on="row", how="anti")
        partly = rest.join(pl.concat([rows, checked]).unique("row", keep="last"), on="row", how="left")
        return _finish(pl.concat([good, mended, _unparsed(partly)], how="diagonal"), lines)

    def _query(self, lines: pl.Series) -> pl.DataFrame:
        """The rows of all lines that are JSON objects."""
        records = pl.DataFrame({"line": lines}).with_row_index("row").to_arrow()
        self._duckdb.register("records", records)
        try:
            rows = self._rows("line is not null")
        except duckdb.InvalidInputException:
            # One line that is no JSON fails the whole query; only then is each line worth a test of its own.
            valid = "json_valid(line) and json_type(line) = 'OBJECT'"
            rows = self._rows(valid)
        finally:
            self._duckdb.unregister("records")
        return _columns(rows, lines)

    def _rows(self, condition: str) -> pl.DataFrame:
        # A whole Arrow table: read as a stream, an error of DuckDB would turn up as one of polars.
        table = self._duckdb.sql(_QUERY.replace("CONDITION", condition)).to_arrow_table()
        return pl.DataFrame(pl.from_arrow(table))


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


def _checked(line: str) -> str | None:
    """The record as JSON that DuckDB takes, or None where it is no LogEntry.

    Other spellings are put into the API's own; lone surrogates, raw control characters, explicit nulls are let pass.
    """
    try:
        value = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
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
