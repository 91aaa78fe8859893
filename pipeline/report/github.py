"""What GitHub Actions shows: annotations on the run, and the step summary."""

import json
from collections.abc import Sequence

from pipeline.judge.model import Verdict
from pipeline.text import shown

#: GitHub refuses a step's summary above 1 MiB and shows ten annotations of a kind a step.
MAX_SUMMARY = 1_000_000
_MAX_ANNOTATIONS = 10
_LEVELS = {"FAIL": "error", "WARN": "warning", "INCONCLUSIVE": "warning"}


def annotations(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a workflow command for each check that fails, warns or is inconclusive, at most ten of a level."""
    by_level: dict[str, list[str]] = {"error": [], "warning": []}
    for verdict in verdicts:
        for check in verdict.checks:
            if level := _LEVELS.get(check.status):
                title = _property(f"{check.status} {check.id}")
                text = _message(f"{verdict.service} {verdict.revision}: {check.reason}")
                by_level[level].append(f"::{level} title={title}::{text}")
    return [command for commands in by_level.values() for command in commands[:_MAX_ANNOTATIONS]]


def step_summary(texts: Sequence[str]) -> str:
    """Return the Markdown reports as one summary that GitHub takes: whole ones, else only their heads."""
    whole = "\n".join(texts)
    if len(whole.encode()) > MAX_SUMMARY:
        whole = "\n".join(text.partition("\n## Details")[0] + "\n" for text in texts)
    return whole.encode()[:MAX_SUMMARY].decode(errors="ignore")


def harmless(text: str) -> str:
    """Return a text for the step's log in which no line of a service can be a command of the workflow.

    GitHub takes `::name::` at the start of a line, and `##[name]` anywhere in it. A JSON text stays the same value.

    >>> harmless("  ::add-mask::x ##[error]")
    '  : :add-mask: :x # #[error]'
    >>> print(harmless('{"line": "##[error] ::x::"}'))
    {"line": "#\\u0023[error] :\\u003ax:\\u003a"}
    """
    if "::" not in text and "##[" not in text:
        return text
    try:
        json.loads(text)
    except ValueError:
        return text.replace("::", ": :").replace("##[", "# #[")
    return text.replace("::", ":\\u003a").replace("##[", "#\\u0023[")


def _message(text: str) -> str:
    return shown(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
