"""Results of tests from JUnit XML, as pytest, Maven, Gradle, Jest and Go write it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse

from parsers.redact import redact_text
from pipeline.errors import SourceError
from pipeline.judge.model import TestResults
from pipeline.text import shown
from pipeline.window import rfc3339

#: Tests that meet a running service by their name, and the time in s that no answer over a network takes less than.
_MEETS_SERVICE = re.compile(r"e2e|end.?to.?end|staging|integration|smoke|acceptance|_real\b", re.IGNORECASE)
_TOO_QUICK_S = 0.005

_NOT_PASSED = ("failure", "error", "skipped")

_MAX_NAMES = 100


def read(paths: Sequence[Path]) -> TestResults:
    """Return the results of all files together. Raises SourceError for a file that is no JUnit XML."""
    cases: list[tuple[str, Element]] = []
    started = []
    for path in paths:
        root = _root(path)
        cases += [(_name(case), case) for case in root.iter("testcase")]
        started += [moment for suite in root.iter("testsuite") if (moment := _moment(suite.get("timestamp")))]
    failed, errors, skipped = ([name for name, case in cases if case.find(kind) is not None] for kind in _NOT_PASSED)
    passed = [(name, case) for name, case in cases if all(case.find(kind) is None for kind in _NOT_PASSED)]
    quick = [name for name, case in passed if _MEETS_SERVICE.search(name) and 0 <= _seconds(case) < _TOO_QUICK_S]
    return TestResults(
        files=len(paths),
        n=len(cases),
        passed=len(passed),
        failed=len(failed),
        errors=len(errors),
        skipped=len(skipped),
        duration_s=round(sum(max(_seconds(case), 0.0) for _, case in cases), 3),
        started=rfc3339(min(started)) if started else None,
        failures=[*failed, *errors][:_MAX_NAMES],
        suspicious=quick[:_MAX_NAMES],
    )


def _root(path: Path) -> Element:
    try:
        root = parse(path).getroot()
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from error
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise SourceError(str(path), f"not JUnit XML: {type(error).__name__} {error}".strip()) from error
    if root is None or root.tag not in ("testsuites", "testsuite"):
        raise SourceError(str(path), "not JUnit XML: its root is neither <testsuites> nor <testsuite>")
    return root


def _name(case: Element) -> str:
    whole = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
    return redact_text(shown(whole))[:200] or "(no name)"


def _seconds(case: Element) -> float:
    """The time that a test states, -1 where it states none."""
    try:
        return float((case.get("time") or "-1").replace(",", ""))
    except ValueError:
        return -1.0


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
