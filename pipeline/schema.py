"""The tables, declared once: name, polars dtype, BigQuery type, unit and meaning of every column."""

from dataclasses import dataclass

import polars as pl

TIMESTAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Column:
    """One column of a table; `unit` is empty where there is none."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    bigquery: str
    unit: str
    meaning: str


ENTRIES: tuple[Column, ...] = (
    Column("log_name", pl.String, "STRING", "", "logName as given"),
    Column("timestamp_ns", pl.Int64, "INT64", "ns since 1970", "timestamp of the entry: key and sort order"),
    Column("insert_id", pl.String, "STRING", "", "insertId as given"),
    Column("timestamp", TIMESTAMP, "TIMESTAMP", "", "timestamp_ns cut to microseconds, UTC"),
    Column("receive_timestamp", TIMESTAMP, "TIMESTAMP", "", "when Cloud Logging received the entry"),
    Column("log_id", pl.String, "STRING", "", "the decoded LOG_ID of logName, such as run.googleapis.com/stderr"),
    Column("project", pl.String, "STRING", "", "resource.labels.project_id, else the project of logName"),
    Column("location", pl.String, "STRING", "", "resource.labels.location"),
    Column("service", pl.String, "STRING", "", "service_name, else from the revision or the audited resource"),
    Column("revision", pl.String, "STRING", "", "resource.labels.revision_name"),
    Column("instance_id", pl.String, "STRING", "", "labels.instanceId"),
    Column("severity", pl.String, "STRING", "", "severity as given; DEFAULT where absent"),
    Column("message", pl.String, "STRING", "", "the entry's text, redacted (DESIGN.md section 3 says from where)"),
    Column("payload", pl.String, "STRING", "", "jsonPayload or protoPayload as JSON text, key order kept, redacted"),
    Column("labels", pl.String, "STRING", "", "labels as JSON text"),
    Column("http_method", pl.String, "STRING", "", "httpRequest.requestMethod"),
    Column("http_host", pl.String, "STRING", "", "host of httpRequest.requestUrl"),
    Column("http_path", pl.String, "STRING", "", "path of httpRequest.requestUrl, no query string, redacted"),
    Column("http_status", pl.Int64, "INT64", "", "httpRequest.status"),
    Column("http_latency_ms", pl.Float64, "FLOAT64", "ms", "httpRequest.latency"),
    Column("http_request_bytes", pl.Int64, "INT64", "byte", "httpRequest.requestSize"),
    Column("http_response_bytes", pl.Int64, "INT64", "byte", "httpRequest.responseSize"),
    Column("http_user_agent", pl.String, "STRING", "", "httpRequest.userAgent, redacted"),
    Column("client", pl.String, "STRING", "", "digest of httpRequest.remoteIp"),
    Column("subject", pl.String, "STRING", "", "digest of the first 8 characters of the message's first user id"),
    Column("trace", pl.String, "STRING", "", "trace id, without its projects/…/traces/ prefix"),
    Column("span_id", pl.String, "STRING", "", "spanId"),
    Column("source", pl.String, "STRING", "", "where the entry was read"),
    Column("raw", pl.String, "STRING", "", "the entry as it stood, redacted; only where it would not parse"),
)

EVENT_COLUMNS: tuple[Column, ...] = (
    Column("level", pl.String, "STRING", "", "effective severity: as given unless DEFAULT, else parsed from the line"),
    Column("event", pl.String, "STRING", "", "the catalogue block that explains the entry; null: unexplained"),
    Column("wording", pl.Int64, "INT64", "", "which of the event's matches it was, counted from 0"),
    Column("outcome", pl.String, "STRING", "", "ok, info, degraded, failure or critical"),
    Column("cause", pl.String, "STRING", "", "the event, or the one it echoes"),
    Column("duration_ms", pl.Float64, "FLOAT64", "ms", "the event's own duration, else the latency of its request"),
    Column("code", pl.Int64, "INT64", "", "close code, exit code, HTTP status, signal as 128 + n"),
    Column("request_id", pl.String, "STRING", "", "request id in the line"),
    Column("correlation_id", pl.String, "STRING", "", "correlation id in the line"),
    Column("component", pl.String, "STRING", "", "logger that wrote the line"),
    Column("fields", pl.String, "STRING", "", "captured fields as a JSON object of strings, keys sorted"),
    Column("signature", pl.String, "STRING", "", "message with its variable parts masked"),
    Column("n_matches", pl.Int64, "INT64", "", "how many catalogue events matched the entry"),
)

EVENTS: tuple[Column, ...] = ENTRIES + EVENT_COLUMNS

VERDICTS: tuple[Column, ...] = (
    Column("location", pl.String, "STRING", "", "location of the service"),
    Column("service", pl.String, "STRING", "", "the service judged"),
    Column("revision", pl.String, "STRING", "", "the revision judged"),
    Column("window_start", TIMESTAMP, "TIMESTAMP", "", "timestamp of the revision's first entry in the window"),
    Column("window_end", TIMESTAMP, "TIMESTAMP", "", "timestamp of the revision's last entry in the window"),
    Column("verdict", pl.String, "STRING", "", "PASS, WARN, FAIL or INCONCLUSIVE"),
    Column("risk", pl.String, "STRING", "", "LOW, MEDIUM or HIGH"),
    Column("headline", pl.String, "STRING", "", "the verdict in a sentence"),
    Column("tool", pl.String, "STRING", "", "version of runverdict, digests of catalogue and policy"),
    Column("document", pl.String, "STRING", "", "verdict.json as it is written"),
)

#: A column of the slices of entries: a keyed hash of what an entry without a key was before it was redacted, else null.
CONTENT = "content"

KEY = ("log_name", "timestamp_ns", "insert_id")
IDENTITY = ("project", "location", "service", "revision")


def polars_schema(table: tuple[Column, ...]) -> pl.Schema:
    """Return the polars schema of a table, in column order."""
    return pl.Schema({column.name: column.dtype for column in table})
