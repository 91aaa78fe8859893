"""Results that are more than one document's text: several verdicts as one, and what GitHub Actions takes."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import say
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.run import Run


def joined(run: "Run", form: str) -> str:
    """All verdicts as one Markdown or JUnit document; HTML is a document per revision."""
    from pipeline.report.drawing import drawings
    from pipeline.report.figures import figures
    from pipeline.report.files import rendered

    if form == "html":
        if len(run.verdicts) > 1:
            raise UsageError(
                f"--format html has a document per revision, and these are {len(run.verdicts)}: add --out DIR"
            )
        path, verdict = run.verdicts[0]
        return rendered(verdict, "html", drawings(figures(run.charts[path])), run.inputs)
    texts = [rendered(verdict, "md" if form == "md" else "junit", inputs=run.inputs) for _, verdict in run.verdicts]
    if form == "md" or len(texts) == 1:
        return "\n".join(texts)
    suites = "".join(text.partition("\n")[2] for text in texts)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<testsuites>\n{suites}</testsuites>\n"


def to_github(run: "Run", text: str, *, is_summary: bool) -> str:
    """Annotate the workflow's run, add the report to its summary, and return the text so that its log is safe."""
    from pipeline.report.files import rendered
    from pipeline.report.github import annotations, harmless, step_summary

    for command in annotations([verdict for _, verdict in run.verdicts]):
        click.echo(command, file=getattr(sys.stderr, "commands", sys.stderr))  # the one stream of commands
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(step_summary([rendered(verdict, "md", inputs=run.inputs) for _, verdict in run.verdicts]))
        except OSError as error:
            say(f"the step summary was not written: {error.strerror or error}")
    return harmless(text) if is_summary else text
