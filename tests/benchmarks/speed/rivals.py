"""The same file by other tools, each a program of its own: FILE, and a folder for what it writes.

QUESTIONS are five that a verdict rests on: entries by revision and severity; requests, 5xx and their latency; error
lines by text; the first and last entry; lines by minute.
"""

import importlib.util
import shutil
import sys

COPY = """
import sys, duckdb
text = dict.fromkeys("logName insertId timestamp receiveTimestamp severity textPayload trace spanId".split(), "VARCHAR")
json = dict.fromkeys("jsonPayload protoPayload httpRequest resource labels".split(), "JSON")
connection = duckdb.connect()
connection.execute("set preserve_insertion_order = false")
rows = connection.read_json(sys.argv[1], format="newline_delimited", columns=text | json)
rows.write_parquet(sys.argv[2] + "/copy.parquet", compression="zstd")
"""

SQL = """
import sys, duckdb
connection = duckdb.connect()
columns = {"timestamp": "VARCHAR", "severity": "VARCHAR", "textPayload": "VARCHAR",
    "jsonPayload": 'STRUCT("message" VARCHAR)', "httpRequest": 'STRUCT(status INTEGER, latency VARCHAR)',
    "resource": 'STRUCT(labels STRUCT(revision_name VARCHAR))'}
connection.read_json(sys.argv[1], format="newline_delimited", columns=columns).create_view("logs")
connection.execute("create table e as select timestamp, severity, resource.labels.revision_name as revision,"
    " coalesce(textPayload, jsonPayload.message) as message, httpRequest.status as status,"
    " try_cast(rtrim(httpRequest.latency, 's') as double) as latency from logs")
for query in ("select revision, severity, count(*) from e group by all",
    "select revision, count(*), count(*) filter (status >= 500), quantile_cont(latency, [0.5, 0.95]) from e"
    " where status is not null group by all",
    "select revision, message, count(*) from e where severity >= 'ERROR' group by all order by 3 desc limit 100",
    "select revision, min(timestamp), max(timestamp) from e group by all",
    "select revision, left(timestamp, 16), count(*) from e group by all"):
    connection.execute(query).fetchall()
"""

POLARS = """
import sys, polars as pl
schema = {"timestamp": pl.String, "severity": pl.String, "textPayload": pl.String,
    "jsonPayload": pl.Struct({"message": pl.String}),
    "httpRequest": pl.Struct({"status": pl.Int64, "latency": pl.String}),
    "resource": pl.Struct({"labels": pl.Struct({"revision_name": pl.String})})}
c, http = pl.col, pl.col("httpRequest").struct
e = pl.scan_ndjson(sys.argv[1], schema=schema).select("timestamp", "severity",
    c("resource").struct.field("labels").struct.field("revision_name").alias("revision"),
    pl.coalesce("textPayload", c("jsonPayload").struct.field("message")).alias("message"),
    http.field("status"), http.field("latency").str.strip_suffix("s").cast(pl.Float64, strict=False)).collect()
e.group_by("revision", "severity").len()
e.drop_nulls("status").group_by("revision").agg(pl.len(), (c("status") >= 500).sum(), c("latency").quantile(0.95))
e.filter(c("severity") >= "ERROR").group_by("revision", "message").len().sort("len").tail(100)
e.group_by("revision").agg(c("timestamp").min(), c("timestamp").max().alias("last"))
e.group_by("revision", c("timestamp").str.head(16)).len()
"""

PYTHON = """
import sys, json
from collections import Counter
by_severity, by_status, by_minute, errors, latencies = Counter(), Counter(), Counter(), Counter(), {}
for line in open(sys.argv[1], "rb"):
    e = json.loads(line)
    revision = e.get("resource", {}).get("labels", {}).get("revision_name")
    message = e.get("textPayload") or e.get("jsonPayload", {}).get("message")
    by_severity[revision, e.get("severity")] += 1
    by_minute[revision, e.get("timestamp", "")[:16]] += 1
    if e.get("severity", "") in ("ERROR", "CRITICAL"):
        errors[revision, message] += 1
    if request := e.get("httpRequest"):
        by_status[revision, request.get("status")] += 1
        latencies.setdefault(revision, []).append(float(request.get("latency", "0s")[:-1] or 0))
for values in latencies.values():
    values.sort()
"""

DRAIN = """
import sys, json, logging
from drain3 import TemplateMiner
logging.disable()
miner = TemplateMiner()
for line in open(sys.argv[1], "rb"):
    e = json.loads(line)
    if message := e.get("textPayload") or e.get("jsonPayload", {}).get("message"):
        miner.add_log_message(message)
"""

JQ = ".timestamp + .severity + (.httpRequest.status // 0 | tostring)"


def commands(path: str, folder: str) -> dict[str, list[str] | None]:
    """Return the command of each tool on a file; None for one that is not installed."""
    python = {
        "DuckDB, five questions by hand": SQL,
        "polars, five questions by hand": POLARS,
        "Python json, the same": PYTHON,
        "Drain3, templates only": DRAIN if importlib.util.find_spec("drain3") else None,
    }
    return {
        **{name: [sys.executable, "-c", code, path, folder] if code else None for name, code in python.items()},
        "jq, three fields": [jq, "-r", JQ, path] if (jq := shutil.which("jq")) else None,
        "lnav, lines by level": [lnav, "-n", "-c", ";select log_level, count(*) from all_logs group by 1", path]
        if (lnav := shutil.which("lnav"))
        else None,
    }
