"""Filters in the Logging query language, out of parts that cannot change one another.

OR binds tighter than AND in this language, so every alternative stands in parentheses; strings compare without regard
to case, so what comes back may be a little more than was asked for, never less.
"""

import json
import re
from dataclasses import dataclass

from pipeline.window import rfc3339_ns

#: Any entry of Cloud Run services, jobs and worker pools, audit entries of their deployments included.
_RESOURCE = (
    '(resource.type="cloud_run_revision" OR resource.type="cloud_run_job" OR resource.type="cloud_run_worker_pool")'
)
_NUMBER = "-[0-9]{5}-[a-z0-9]{3}"
_EXECUTION = "-[a-z0-9]{5}"


@dataclass(frozen=True)
class Scope:
    """Which entries of a project are meant; None and () leave a part open.

    service: the name of a service, job or worker pool. An entry is its by a label, by its revision, or by the resource
    that an audit entry is about: some have one of these alone.
    """

    service: str | None = None
    revision: str | None = None
    location: str | None = None
    logs: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the filter of the scope, without times."""
        parts = [_RESOURCE]
        if self.service:
            name = re.escape(self.service)
            labels = ("service_name", "job_name", "worker_pool_name")
            about = (
                f"/((services|jobs|worker[pP]ools)/{name}|revisions/{name}{_NUMBER}"
                f"|executions/{name}{_EXECUTION}|tasks/{name}{_EXECUTION}-task[0-9]+)$"
            )
            alternatives = [
                *(f"resource.labels.{label}={quoted(self.service)}" for label in labels),
                f"resource.labels.revision_name=~{quoted(f'^{name}{_NUMBER}$')}",
                f"protoPayload.resourceName=~{quoted(about)}",
            ]
            parts.append(f"({' OR '.join(alternatives)})")
        if self.revision:
            parts.append(f"resource.labels.revision_name={quoted(self.revision)}")
        if self.location:
            parts.append(f"resource.labels.location={quoted(self.location)}")
        if self.logs:
            parts.append("(" + " OR ".join(f"log_id({quoted(log)})" for log in self.logs) + ")")
        return " AND ".join(parts)


def windowed(text: str, start_ns: int, end_ns: int, received_ns: int | None = None) -> str:
    """Return a filter for the half-open window [start, end); received_ns: only what was received from then on."""
    parts = [text, f'timestamp>="{rfc3339_ns(start_ns)}"', f'timestamp<"{rfc3339_ns(end_ns)}"']
    if received_ns is not None:
        parts.append(f'receiveTimestamp>="{rfc3339_ns(received_ns)}"')
    return " AND ".join(parts)


def quoted(text: str) -> str:
    """Return a text as a string of the query language, whatever stands in it.

    >>> print(quoted('shop" OR "'))
    "shop\\" OR \\""
    """
    return json.dumps(text, ensure_ascii=False)
