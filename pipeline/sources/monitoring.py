"""Cloud Monitoring: how many requests the platform counted, whatever the logs hold.

`run.googleapis.com/request_count`, documented as "Number of requests reaching the revision. Excludes requests that are
not reaching your container instances (e.g. unauthorized requests or when maximum number of instances is reached)":
sampled every 60 s, visible after up to 180 s.
"""

from datetime import datetime

from pipeline.sources.base import Access
from pipeline.sources.optional import Rest, UnavailableError
from pipeline.window import rfc3339

_HOST = "monitoring.googleapis.com"
_METRIC = "run.googleapis.com/request_count"


def request_count(
    access: Access, minutes: tuple[datetime, datetime], *, project: str, location: str, service: str, revision: str
) -> int:
    """Return how many requests reached a revision's containers, from one minute to another. Raises UnavailableError."""
    wanted = {
        "metric.type": _METRIC,
        "resource.type": "cloud_run_revision",
        "resource.labels.service_name": service,
        "resource.labels.revision_name": revision,
        "resource.labels.location": location,
    }
    pages = Rest(_HOST, access.endpoint).pages(
        f"/v3/projects/{project}/timeSeries",
        **{
            "filter": " AND ".join(f'{name} = "{value}"' for name, value in wanted.items()),
            "interval.startTime": rfc3339(minutes[0]),
            "interval.endTime": rfc3339(minutes[1]),
            "aggregation.alignmentPeriod": "60s",
            "aggregation.perSeriesAligner": "ALIGN_DELTA",
            "aggregation.crossSeriesReducer": "REDUCE_SUM",
        },
    )
    try:
        points = [
            point["value"] for page in pages for series in page.get("timeSeries", []) for point in series["points"]
        ]
        return round(sum(float(value.get("int64Value") or value.get("doubleValue") or 0) for value in points))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnavailableError("answered without time series") from error
