"""A server of Cloud Monitoring's timeSeries.list for `run.googleapis.com/request_count`, from requests that ended.

What is counted here is what reached a container, whether it was logged or not.
"""

import math
import re
from collections import Counter
from datetime import datetime

_PATH = re.compile(r"/v3/projects/([^/]+)/timeSeries")
_TERM = re.compile(r'([a-z_.]+) = "([^"]*)"')


class Monitoring:
    """Counts of requests by revision and minute. status: of all answers, if it is not 200; calls: the parameters."""

    def __init__(self, project="demo"):
        self.project = project
        self.status = 200
        self.calls = []
        self.page_size = 1000
        self._ended = Counter()

    def count(self, entries):
        """Count the request rows among entries in the minute in which they ended, but for those of no container."""
        for one in entries:
            row = one.get("httpRequest")
            if row is None or "no available instance" in one.get("textPayload", ""):
                continue
            began = datetime.fromisoformat(one["timestamp"]).timestamp()
            minute = int(began + float(row.get("latency", "0s").removesuffix("s"))) // 60
            labels = one["resource"]["labels"]
            names = ("location", "service_name", "revision_name")
            self._ended[(*(labels.get(name) for name in names), minute)] += 1

    def answer(self, path, params):
        """The answer to a GET of that path; None where it is not this API's."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        self.calls.append(params)
        if self.status != 200:
            return self.status, {"error": {"code": self.status, "message": "refused", "status": "PERMISSION_DENIED"}}
        wanted = dict(_TERM.findall(params["filter"]))
        assert match[1] == self.project
        assert wanted["metric.type"] == "run.googleapis.com/request_count"
        assert wanted["resource.type"] == "cloud_run_revision"
        assert (params["aggregation.alignmentPeriod"], params["aggregation.perSeriesAligner"]) == ("60s", "ALIGN_DELTA")
        key = tuple(wanted[f"resource.labels.{name}"] for name in ("location", "service_name", "revision_name"))
        start, end = (
            datetime.fromisoformat(params[f"interval.{name}Time"]).timestamp() / 60 for name in ("start", "end")
        )
        minutes = sorted(m for (*who, m), _ in self._ended.items() if tuple(who) == key and start <= m < end)
        offset = int(params.get("pageToken", 0))
        points = [
            {"interval": {}, "value": {"int64Value": str(self._ended[(*key, m)])}}
            for m in minutes[offset : offset + self.page_size]
        ]
        found = {"timeSeries": [{"metric": {}, "resource": {}, "points": points[::-1]}]} if points else {}
        if offset + self.page_size < len(minutes):
            found["nextPageToken"] = str(offset + self.page_size)
        assert math.isclose(start % 1, 0)
        return 200, found
