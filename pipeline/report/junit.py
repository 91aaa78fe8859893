"""The verdict as JUnit XML: one case per check, as Jenkins, GitLab and GitHub show it."""

import re
from xml.sax.saxutils import escape, quoteattr

from pipeline.judge.model import Check, Verdict
from pipeline.report.numbers import effect, observed
from pipeline.text import shown

#: What XML 1.0 has no way to write, not even as an entity.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict) -> str:
    """Return one test suite: failed checks are failures; what could not be judged or does not apply is skipped.

    A warning is a passed case whose output says so: a pipeline that stops at it maps WARN in its settings.
    """
    failures = sum(check.status == "FAIL" for check in verdict.checks)
    skipped = sum(check.status not in ("PASS", "WARN", "FAIL") for check in verdict.checks)
    started = (verdict.window.covered_start or "")[:19]
    suite = (
        f"<testsuite name={_attribute(f'{verdict.service} {verdict.revision}')} tests='{len(verdict.checks)}' "
        f"failures='{failures}' errors='0' skipped='{skipped}'" + (f" timestamp='{started}'" if started else "") + ">"
    )
    facts = {"verdict": verdict.verdict, "risk": verdict.risk, "headline": verdict.headline}
    lines = [
        "<?xml version='1.0' encoding='UTF-8'?>",
        suite,
        "  <properties>",
        *(f"    <property name='{name}' value={_attribute(value)}/>" for name, value in facts.items()),
        "  </properties>",
        *(_case(verdict, check) for check in verdict.checks),
        "</testsuite>",
    ]
    return "\n".join(lines) + "\n"


def _case(verdict: Verdict, check: Check) -> str:
    suite = f"{verdict.service}.{check.group}"
    head = f"  <testcase classname={_attribute(suite)} name={_attribute(f'{check.id}: {check.title}')}"
    if check.status == "PASS":
        return f"{head}/>"
    message, details = _attribute(check.reason), _text(_details(check))
    if check.status == "FAIL":
        body = f"<failure type={_attribute(check.severity)} message={message}>{details}</failure>"
    elif check.status == "WARN":
        body = f"<system-out>{_text(f'WARN: {shown(check.reason)}')}\n{details}</system-out>"
    else:
        said = check.status.replace("_", " ").lower()
        body = f"<skipped message={_attribute(f'{said}: {check.reason}')}/>"
    return f"{head}>\n    {body}\n  </testcase>"


def _details(check: Check) -> str:
    """The numbers of a check and its first entries, a line each."""
    numbers = {
        "observed": observed(check.observed) if check.observed else None,
        "baseline": observed(check.baseline) if check.baseline else None,
        "effect": effect(check.effect) if check.effect else None,
        "limit": check.limit,
    }
    lines = [f"{name}: {shown(text)}" for name, text in numbers.items() if text]
    for entry in check.evidence:
        lines.append(f"{entry.timestamp or '–'} {shown(entry.excerpt)}")
        if entry.url:
            lines.append(shown(entry.url))
    return "\n".join(lines)


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", shown(text)))
