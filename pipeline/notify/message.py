"""A verdict in few words, for a chat, a webhook, a comment and a monitoring system."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pipeline.judge.model import Verdict
from pipeline.text import shown

#: A chat shows so much of a sentence; GitHub takes comments up to 65,536 characters.
_MAX_LINE = 500
_MAX_COMMENT = 60_000

_VERDICTS = ("PASS", "WARN", "INCONCLUSIVE", "FAIL")


@dataclass(frozen=True)
class Notice:
    """A verdict to be told of. deployment: what tells two deployments of one revision apart; link: where to read more.

    now: what to do, in a sentence; markdown: the report.
    """

    verdict: Verdict
    project: str | None
    deployment: str
    link: str | None
    now: str
    markdown: str

    @property
    def id(self) -> str:
        """The same for every run that comes to this verdict on this deployment."""
        verdict = self.verdict
        parts = [self.project, verdict.location, verdict.workload, verdict.service, verdict.revision]
        return hashlib.sha256(json.dumps([*parts, self.deployment, verdict.verdict]).encode()).hexdigest()[:16]


def chat(notice: Notice) -> dict[str, Any]:
    """Return what the webhooks of Slack and Google Chat take: few lines of text, the last one a link.

    Both read `&`, `<` and `>` as marks; nothing of a log line can mention anybody.
    """
    verdict = notice.verdict
    where = f" in {verdict.location}" if verdict.location else ""
    command = verdict.advice.command if verdict.advice else None
    lines = [
        f"{verdict.verdict}: {verdict.service} {verdict.revision}{where}",
        verdict.headline.partition(": ")[2],
        notice.now,
        command or "",
    ]
    text = "\n".join(_plain(line) for line in lines if line)
    return {"text": f"{text}\n{notice.link}" if notice.link else text}


def _plain(line: str) -> str:
    text = shown(line)
    text = text if len(text) <= _MAX_LINE else f"{text[: _MAX_LINE - 1]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def document(notice: Notice) -> dict[str, Any]:
    """Return what a webhook gets: the verdict without its details, as verdict.json names its parts."""
    names = {"workload", "service", "revision", "location", "verdict", "risk", "headline", "baseline", "superseded_by"}
    names |= {"window", "advice", "impact", "completeness"}
    given = notice.verdict.model_dump(include=names)
    return {"id": notice.id, **given, "link": notice.link}


def mark(notice: Notice) -> str:
    """Return the first line of a pull request's comment, by which it is found again: one comment per service."""
    verdict = notice.verdict
    name = json.dumps([notice.project, verdict.location, verdict.workload, verdict.service])
    return f"<!-- runverdict {hashlib.sha256(name.encode()).hexdigest()[:16]} -->"


def comment(notice: Notice) -> str:
    """Return the comment of a pull request: the report, its head alone where the whole is too long."""
    text = notice.markdown
    if len(text) > _MAX_COMMENT:
        text = text.partition("\n## Details")[0][:_MAX_COMMENT]
    link = f"\n\n[The run]({notice.link})\n" if notice.link else ""
    return f"{mark(notice)}\n{text.rstrip()}{link}"


def metrics(notices: list[Notice]) -> str:
    """Return verdicts as OpenMetrics text, each revision with its verdict, requests, 5xx and latency."""
    families: dict[str, list[str]] = {name: [] for name in _FAMILIES}
    for notice in notices:
        verdict, requests = notice.verdict, notice.verdict.requests
        labels = {"workload": verdict.workload, "service": verdict.service, "location": verdict.location or ""}
        labels["revision"] = verdict.revision
        for name in _VERDICTS:
            value = int(verdict.verdict == name)
            families["runverdict_verdict"].append(
                _sample("runverdict_verdict", {**labels, "runverdict_verdict": name}, value)
            )
        families["runverdict_user_requests"].append(_sample("runverdict_user_requests", labels, requests.eligible))
        families["runverdict_user_requests_failed"].append(
            _sample("runverdict_user_requests_failed", labels, requests.eligible_5xx)
        )
        latency = requests.user_latency_ms
        for q, value_ms in (("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)):
            if value_ms is not None:
                name = "runverdict_user_latency_seconds"
                families[name].append(_sample(name, {**labels, "q": q}, value_ms / 1000))
    lines = []
    for name, (kind, unit, meaning) in _FAMILIES.items():
        lines += [f"# TYPE {name} {kind}", *([f"# UNIT {name} {unit}"] if unit else []), f"# HELP {name} {meaning}"]
        lines += families[name]
    return "\n".join([*lines, "# EOF"]) + "\n"


#: Type, unit and meaning of each family; OpenMetrics 1.0.
_FAMILIES = {
    "runverdict_verdict": ("stateset", "", "The verdict on the revision."),
    "runverdict_user_requests": ("gauge", "", "User requests in the window."),
    "runverdict_user_requests_failed": ("gauge", "", "User requests in the window that ended in 5xx."),
    "runverdict_user_latency_seconds": ("gauge", "seconds", "Latency of user requests in the window, by quantile."),
}


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    escaped = {key: text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, text in labels.items()}
    named = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    return f"{name}{{{named}}} {value:.9g}"
