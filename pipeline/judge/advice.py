"""What to do about a verdict, and whom it reached: advice, never action."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from pipeline.judge.model import Advice, Check, Impact, VerdictName
from pipeline.judge.numbers import percent
from pipeline.judge.revision_data import RevisionData

#: Lines of a database migration: an older revision may not know the new schema.
_MIGRATION = re.compile(r"(?i)\bmigrat(?:ion|ions|ed|ing|e)\b|\balembic\b|\bflyway\b|\bliquibase\b")

#: What a baseline's error rate must not be above, for a rollback to help.
_HEALTHY = 0.01

#: A promise of more than so many minutes is nobody's plan.
_MOST_MINUTES = 24 * 60

#: Warnings that no traffic makes worse: of what the log must not contain, and of lines that somebody should read.
_LOGGING = ("security.leaks",)
_LINES = ("evidence.", "novelty.errors", "novelty.silent", "security.attacks")


def advice(
    data: RevisionData, checks: list[Check], verdict: VerdictName, *, project: str | None, location: str | None
) -> Advice | None:
    """Return what to do: nothing for a PASS.

    A FAIL is rolled back where an older revision is known and had requests, is fixed forward where the revision never
    became ready (there is no traffic to move away from it), and is held where nothing older is known. What is
    INCONCLUSIVE is looked at again, at the time at which enough requests should have come. A WARN is held where more
    traffic could make it worse; where only lines warn they are read, and what a log must not contain is taken out.
    """
    if verdict == "PASS":
        return None
    if verdict == "INCONCLUSIVE":
        return Advice(action="LOOK AGAIN", at=_enough_at(data, checks), command=None, against=[])
    if verdict == "WARN":
        return Advice(action=_of_warnings(checks), at=None, command=None, against=[])
    failed = {check.id for check in checks if check.status == "FAIL"}
    if "deployment.ready" in failed and not data.serves:
        return Advice(action="FIX FORWARD", at=None, command=None, against=[])
    before = data.baseline
    if before is None or data.workload != "service" or not before.requests.n:
        return Advice(action="HOLD", at=None, command=None, against=[])
    words = ["gcloud", "run", "services", "update-traffic", data.service, f"--to-revisions={before.revision}=100"]
    words += [f"--region={location}"] if location else []
    words += [f"--project={project}"] if project else []
    return Advice(action="ROLL BACK", at=None, command=shlex.join(words), against=_against(data))


def _of_warnings(checks: list[Check]) -> Literal["HOLD", "READ THE LINES", "FIX THE LOGGING"]:
    """The most careful advice that any warning needs."""
    warned = [check.id for check in checks if check.status == "WARN"]
    if not all(name.startswith((*_LOGGING, *_LINES)) for name in warned):
        return "HOLD"
    return "FIX THE LOGGING" if all(name in _LOGGING for name in warned) else "READ THE LINES"


def _against(data: RevisionData) -> list[str]:
    """What speaks against a rollback."""
    assert data.baseline is not None
    reasons = []
    if any(_MIGRATION.search(text) for text, _ in data.signatures.fresh):
        reasons.append("the logs show a database migration, which the older revision may not know")
    before = data.baseline.requests
    if before.eligible and before.eligible_5xx / before.eligible > _HEALTHY:
        rate = percent(before.eligible_5xx / before.eligible)
        reasons.append(f"{rate} of the older revision's user requests failed too")
    return reasons


def _enough_at(data: RevisionData, checks: list[Check]) -> str | None:
    """When the requests that are missing should have come, at this traffic."""
    minutes = [
        check.effect.needed_minutes
        for check in checks
        if check.status == "INCONCLUSIVE" and check.effect and check.effect.needed_minutes
    ]
    if not minutes and data.requests.eligible and data.minutes_long:
        minutes = [max(1.0, (20 - data.requests.eligible) * data.minutes_long / data.requests.eligible)]
    if not minutes or data.service_last_ns is None or max(minutes) > _MOST_MINUTES:
        return None
    last = datetime.fromtimestamp(data.service_last_ns // 10**9, UTC)
    return (last + timedelta(minutes=max(minutes))).strftime("%Y-%m-%dT%H:%M:00Z")


def impact(data: RevisionData) -> Impact | None:
    """Return the user requests that failed beyond the baseline's rate, whom they reached and in how many minutes.

    None where no user request failed. clients: distinct ones that met a 5xx, null where addresses are not logged.
    """
    now = data.requests
    if not now.eligible_5xx:
        return None
    before = data.baseline.requests if data.baseline else None
    usual = before.eligible_5xx / before.eligible if before and before.eligible else 0.0
    met = data.clients.get("", {})
    clients = sum(met[status].n for status in met if status >= 500)
    return Impact(
        requests=max(round(now.eligible_5xx - usual * now.eligible), 0),
        clients=clients or None,
        minutes=int(np.count_nonzero(data.minutes.errors_5xx)),
    )
