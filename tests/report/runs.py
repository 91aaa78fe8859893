"""A history of many runs: one real verdict, kept as that of other revisions with numbers of ours."""

import hashlib
import json
from datetime import datetime, timedelta

import polars as pl

from pipeline.stores.local import LocalStore

VERDICTS = ["PASS", "PASS", "WARN", "PASS", "PASS", "PASS", "PASS", "FAIL", "PASS", "PASS", "INCONCLUSIVE", "PASS"]


def twelve(real, folder, *, service="shop-api", factor=1.5):
    """Add twelve runs of a service to the store in a folder: database and p95 slow down by a factor at the 7th."""
    given = LocalStore(real).load("verdicts")
    store = LocalStore(folder)
    for place, verdict in enumerate(VERDICTS):
        row = given.row(0, named=True)
        document = json.loads(row["document"])
        slow = factor if place >= 6 else 1.0
        revision = f"{service}-{30 + place:05d}-abc"
        started = datetime(2026, 1, 5, 9) + timedelta(hours=14 * place)  # noqa: DTZ001 - written as UTC
        document.update(service=service, revision=revision, verdict=verdict, headline=f"{verdict}: as made up")
        for event in document["events"]:
            if event["event"] == "database.user_found":
                event["duration_ms"]["p50"] = round((100 + place % 3) * slow, 3)
        document["deployment"]["start_up_ms"]["p50"] = 2000.0 + place % 4
        served = verdict != "INCONCLUSIVE"
        row.update(
            service=service,
            revision=revision,
            run=hashlib.sha256(revision.encode()).hexdigest()[:16],
            started=f"{started.isoformat()}Z",
            ended=f"{(started + timedelta(minutes=20)).isoformat()}Z",
            verdict=verdict,
            headline=document["headline"],
            eligible=200 + place if served else 0,
            error_rate=(0.05 if verdict == "FAIL" else 0.0) if served else None,
            p50_ms=90.0 + place % 3 if served else None,
            p95_ms=(300.0 + place % 3) * slow if served else None,
            document=json.dumps(document),
        )
        store.save("verdicts", row["run"], pl.DataFrame([row], schema=given.schema))
