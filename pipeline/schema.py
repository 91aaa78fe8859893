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
    Column("service", pl.String, "STRING", "", "name of the workload, else from the revision or the audited resource"),
    Column("revision", pl.String, "STRING", "", "resource.labels.revision_name; of a job its execution"),
    Column("instance_id", pl.String, "STRING", "", "labels.instanceId"),
    Column("workload", pl.String, "STRING", "", "service, job or worker_pool; of others the resource's type"),
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

#: What no measure reads, so that a store of one run leaves it empty; and of entries, what is not needed for others.
UNMEASURED = (
    *("http_host", "http_request_bytes", "subject", "trace", "span_id", "source"),
    *("request_id", "correlation_id", "component", "n_matches"),
)

RUN: tuple[Column, ...] = (
    Column("project", pl.String, "STRING", "", "project of the service"),
    Column("location", pl.String, "STRING", "", "location of the service"),
    Column("workload", pl.String, "STRING", "", "service, job or worker_pool"),
    Column("service", pl.String, "STRING", "", "name of the workload"),
    Column("revision", pl.String, "STRING", "", "the revision that was judged"),
    Column("run", pl.String, "STRING", "", "digest of the identity and of the time that its entries cover"),
    Column("window_end", TIMESTAMP, "TIMESTAMP", "", "last entry of the service, to microseconds"),
)

#: What is remembered of a run: tables that merge by adding.
HISTORY: dict[str, tuple[Column, ...]] = {
    "verdicts": (
        *RUN,
        Column("started", pl.String, "STRING", "", "first entry of the revision, RFC 3339"),
        Column("ended", pl.String, "STRING", "", "last entry of the revision, RFC 3339"),
        Column("verdict", pl.String, "STRING", "", "PASS, WARN, INCONCLUSIVE or FAIL"),
        Column("headline", pl.String, "STRING", "", "what decided"),
        Column("baseline", pl.String, "STRING", "", "the revision it was compared with"),
        Column("requests", pl.Int64, "INT64", "requests", "all request rows"),
        Column("eligible", pl.Int64, "INT64", "requests", "those of users"),
        Column("error_rate", pl.Float64, "FLOAT64", "ratio", "5xx of user requests"),
        Column("p50_ms", pl.Float64, "FLOAT64", "ms", "median latency of user requests"),
        Column("p95_ms", pl.Float64, "FLOAT64", "ms", "95th percentile of the same"),
        Column("catalogue", pl.String, "STRING", "", "digest of the catalogue"),
        Column("policy", pl.String, "STRING", "", "digest of the policy"),
        Column("document", pl.String, "STRING", "", "verdict.json"),
        Column("profile", pl.String, "STRING", "", "what of the revision adds up over runs, as JSON"),
    ),
    "signatures": (
        *RUN,
        Column("signature", pl.String, "STRING", "", "message with its variable parts masked"),
        Column("level", pl.String, "STRING", "", "effective severity"),
        Column("event", pl.String, "STRING", "", "the event that explains it, empty where nothing does"),
        Column("outcome", pl.String, "STRING", "", "outcome of the event"),
        Column("n", pl.Int64, "INT64", "entries", "how many lines"),
        Column("n_startup", pl.Int64, "INT64", "entries", "those within a minute of their instance's start"),
    ),
    "watches": (
        *RUN,
        Column("state", pl.String, "STRING", "", "of --watch: its window, its looks, whether it has ended, as JSON"),
    ),
    "notices": (
        *RUN,
        Column("channel", pl.String, "STRING", "", "kind of the channel that was told"),
        Column("verdict", pl.String, "STRING", "", "the verdict that it was told of"),
    ),
}

#: Where a store in BigQuery keeps the checkpoints of sources.
CHECKPOINTS: tuple[Column, ...] = (
    Column("run", pl.String, "STRING", "", "digest of the source's address"),
    Column("source", pl.String, "STRING", "", "address of the source"),
    Column("saved", TIMESTAMP, "TIMESTAMP", "", "when it was written"),
    Column("checkpoint", pl.String, "STRING", "", "where the source stands, as JSON"),
)

#: A column of the slices of entries: a keyed hash of what an entry without a key was before it was redacted, else null.
CONTENT = "content"

KEY = ("log_name", "timestamp_ns", "insert_id")

#: What is judged, by the column `workload`; and who an entry belongs to, up to the workload, and to its revision.
WORKLOADS = ("service", "job", "worker_pool")
SERVICE = ("project", "location", "workload", "service")
IDENTITY = (*SERVICE, "revision")


def polars_schema(table: tuple[Column, ...]) -> pl.Schema:
    """Return the polars schema of a table, in column order."""
    return pl.Schema({column.name: column.dtype for column in table})
