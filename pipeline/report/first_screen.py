"""What the first screen of a report answers: did it fail, why, since when, what changed, what now."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.judge.crosscheck import Configuration
from pipeline.judge.model import Endpoint, Verdict
from pipeline.judge.numbers import count, duration, percent

#: What an advice means, as a colleague would say it.
_ACTIONS = {
    "ROLL BACK": "Roll back to {baseline}.",
    "FIX FORWARD": "Fix the revision and deploy again: it never became ready.",
    "HOLD": "Hold: send it no more traffic until this is understood.",
    "HOLD JOB": "Do not start it again until this is understood.",
    "HOLD WARN": "If it is a canary, leave its share of the traffic as it is until this is understood.",
    "HOLD WARN JOB": "Look at this before its next run.",
    "READ THE LINES": "Look at the lines behind the warning; its traffic can stay as it is.",
    "READ THE LINES JOB": "Look at the lines behind the warning before its next run.",
    "FIX THE LOGGING": "Fix the logging, so that these data stay out of the log; its traffic can stay as it is.",
    "FIX THE LOGGING JOB": "Fix the logging, so that these data stay out of the log.",
    "LOOK AGAIN": "Too little evidence to decide: look again{at}.",
}


@dataclass(frozen=True)
class Tile:
    """A number of the first screen: as it is, and as it was in the baseline ("" where there is none)."""

    label: str
    now: str
    before: str


@dataclass(frozen=True)
class Answers:
    """Sentences that answer the five questions; "" where nothing is known. line: the log line that tells most."""

    why: str
    since: str
    changed: str
    now: str
    line: str


def answers(verdict: Verdict) -> Answers:
    """Return the answers to why, since when, what changed, and what now."""
    advice = verdict.advice
    now = "Nothing to do."
    if advice:
        at = f" at {advice.at}" if advice.at else ""
        action = f"{advice.action} WARN" if (advice.action, verdict.verdict) == ("HOLD", "WARN") else advice.action
        if verdict.workload != "service":
            action = f"{action} JOB" if f"{action} JOB" in _ACTIONS else action
        now = _ACTIONS[action].format(baseline=verdict.baseline or "the revision before", at=at)
        now += "".join(f" But {reason}." for reason in advice.against)
    why = verdict.headline.partition(": ")[2] or "No check found a problem."
    if not why.startswith((verdict.revision, verdict.service)):
        why = why[0].upper() + why[1:]
    return Answers(why, _since(verdict), _changed(verdict), now, _first_line(verdict))


def tiles(verdict: Verdict) -> list[Tile]:
    """Return the numbers of the first screen: user requests, errors, latency, crashes, what was read."""
    requests, base = verdict.requests, verdict.compared
    exits = next((check.observed for check in verdict.checks if check.id == "platform.exits"), None)
    rate = percent(requests.eligible_5xx / requests.eligible) if requests.eligible else "–"
    earlier = percent(base.eligible_5xx / base.eligible) if base and base.eligible else ""
    latency = requests.user_latency_ms
    if verdict.workload != "service" and not requests.n:
        return _tiles_of_work(verdict)
    return [
        Tile("User requests", f"{requests.eligible:,}", f"{base.eligible:,}" if base else ""),
        Tile("Failed (5xx)", rate, earlier),
        Tile("p50", duration(latency.p50), _before(base.p50_ms if base else None)),
        Tile("p95", duration(latency.p95), _before(base.p95_ms if base else None)),
        Tile("Crashes", f"{exits.value:,.0f}" if exits and exits.value is not None else "–", ""),
        Tile("Entries", f"{verdict.inputs.entries:,}", f"{base.entries:,}" if base else ""),
    ]


def _before(milliseconds: float | None) -> str:
    return "" if milliseconds is None else duration(milliseconds)


def _tiles_of_work(verdict: Verdict) -> list[Tile]:
    """The numbers of a job or a worker pool: no request reaches it."""
    base, inputs = verdict.compared, verdict.inputs
    exits = next((check.observed for check in verdict.checks if check.id == "platform.exits"), None)
    severe = sum(inputs.by_level.get(level, 0) for level in ("ERROR", "CRITICAL", "ALERT", "EMERGENCY"))
    return [
        Tile("Bad exits", f"{exits.value:,.0f}" if exits and exits.value is not None else "–", ""),
        Tile("Failures", f"{sum(incident.n for incident in verdict.incidents):,}", ""),
        Tile("Lines at ERROR", f"{severe:,}", ""),
        Tile("Entries", f"{inputs.entries:,}", f"{base.entries:,}" if base else ""),
    ]


def by_harm(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Return endpoints by how much worse they are than in the baseline: failures first, then p95, then requests."""

    def harm(endpoint: Endpoint) -> tuple[float, float, int]:
        before, p95 = endpoint.before, endpoint.latency_ms.p95 or 0.0
        usual = before.errors_5xx / before.n if before and before.n else 0.0
        slower = p95 - before.p95 if before and before.p95 is not None else 0.0
        return endpoint.errors_5xx - usual * endpoint.n, slower, endpoint.n

    return sorted(endpoints, key=harm, reverse=True)


def _since(verdict: Verdict) -> str:
    """When the first failure was, or from when to when all was well."""
    if verdict.incidents and verdict.verdict in ("FAIL", "WARN"):
        first = min(verdict.incidents, key=lambda incident: incident.first)
        return f"{_clock(first.first)}: {first.title}."
    covered = verdict.window.covered_start, verdict.window.covered_end
    return f"{_clock(covered[0])} to {_clock(covered[1])}: the time that was judged." if covered[0] else ""


def _first_line(verdict: Verdict) -> str:
    """The first entry behind the failures: of the application's own lines rather than of the platform's."""
    failed = [check for check in verdict.checks if check.status == "FAIL" and check.evidence]
    own = [check for check in failed if check.group not in ("platform", "requests", "deployment")]
    lines = [entry.excerpt for check in (own or failed) for entry in check.evidence]
    return next((line for line in lines if "exit(0)" not in line), lines[0] if lines else "")


def _changed(verdict: Verdict) -> str:
    """Which revision replaced which, and when."""
    deployment, base = verdict.deployment, verdict.compared
    text = (
        f"{verdict.revision} replaced {base.revision}"
        if base
        else f"{verdict.revision}; no {'execution' if verdict.workload == 'job' else 'revision'} before it is known"
    )
    if deployment and deployment.ready:
        text += f", ready at {_clock(deployment.ready)}"
    if deployment and deployment.configuration:
        text += _configured(deployment.configuration, verdict.revision)
    if verdict.impact and verdict.impact.requests:
        reached = f" of {count(verdict.impact.clients, 'client')}" if verdict.impact.clients else ""
        failed = count(verdict.impact.requests, "more user request")
        text += f". {failed}{reached} failed than usual, in {count(verdict.impact.minutes, 'minute')}"
    return f"{text}."


def _configured(configuration: Configuration, revision: str) -> str:
    """What the Run Admin API says of a revision: who deployed which commit and image, and its share of the traffic."""
    percents = [share.percent for share in configuration.traffic if share.revision == revision]
    parts = {
        "deployed by": configuration.deployer,
        "commit": configuration.commit,
        "image": configuration.image,
        "sent": f"{sum(percents)} % of the traffic" if configuration.traffic else None,
    }
    return "".join(f", {name} {value}" for name, value in parts.items() if value)


def _clock(time: str | None) -> str:
    """A time to the second."""
    return f"{time[:10]} {time[11:19]} UTC" if time else "–"
