"""Pictures of every kind of page, to be looked at after a change: `python -m tests.report.gallery FOLDER [KIND...]`.

Each page at the widths of a phone, a tablet and a desk, light and dark, the first screen and the whole, and as a PDF.
"""

import json
import subprocess
import sys
from pathlib import Path

from pipeline.judge.model import Observed, SignatureCount
from pipeline.report.html import html
from tests.conftest import RUNVERDICT, ndjson
from tests.report.browser import opened
from tests.report.made_up import PROOF, TIME, checks, full
from tests.report.runs import twelve
from tests.test_jobs import exits_of_tasks
from tests.test_jobs import lines as job_lines

WIDTHS = {360: 780, 768: 1024, 1440: 900}


def run(*arguments):
    """A command of ours, whatever its verdict."""
    ended = subprocess.run([RUNVERDICT, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if ended.returncode not in (0, 1, 3):
        raise SystemExit(ended.stderr)


def checked(folder, logs, *more):
    """The report of the newest revision in some logs."""
    run("check", logs, "--out", folder, *more)
    return max(folder.rglob("report.html"), key=lambda path: path.parent.name)


def scenario(name):
    """A maker of the report of one of `runverdict simulate`'s scenarios."""

    def make(folder):
        logs = folder / "logs.ndjson"
        run("simulate", name, "--out", logs)
        return checked(folder / "out", logs)

    return make


def warned(folder):
    """A healthy deployment that writes e-mail addresses to its log: WARN."""
    run("simulate", "healthy", "--out", folder / "healthy.ndjson")
    given = [json.loads(row) for row in (folder / "healthy.ndjson").read_text().splitlines()]
    newest = max(row["resource"]["labels"].get("revision_name", "") for row in given)
    last = next(row for row in reversed(given) if row["resource"]["labels"].get("revision_name") == newest)
    more = [{**last, "insertId": f"mail{k}", "textPayload": f"mail sent to someone{k}@example.com"} for k in range(3)]
    for row in more:
        row.pop("httpRequest", None)
        row.pop("jsonPayload", None)
        row["logName"] = row["logName"].rpartition("/")[0] + "/run.googleapis.com%2Fstdout"
    return checked(folder / "out", ndjson(folder / "logs.ndjson", [*given, *more]))


def job(folder):
    """A job of three tasks, one of which failed."""
    entries = [*job_lines(), *job_lines(task=1), *job_lines(task=2), *exits_of_tasks(0, 1, 0)]
    return checked(folder / "out", ndjson(folder / "logs.ndjson", entries))


def kept(folder):
    """A history of twelve revisions."""
    run("simulate", "slow-database", "--out", folder / "slow.ndjson")
    run("check", folder / "slow.ndjson", "--store", folder / "store")
    twelve(folder / "store", folder / "many")
    run("history", "--store", folder / "many", "--out", folder / "over")
    return folder / "over"


def compared(folder):
    """Two revisions side by side."""
    run("simulate", "slow-database", "--out", folder / "slow.ndjson")
    sides = ("--revision", "shop-api-00041-5h6", "--revision", "shop-api-00042-w9r")
    run("compare", folder / "slow.ndjson", *sides, "--out", folder / "compared")
    return next((folder / "compared").rglob("compare.html"))


def large(folder):
    """200 checks and 5,000 signatures."""
    base = checks("WARN", "r" * 200, evidence=[PROOF] * 5, observed=Observed(value=1, unit="ms", n=3))
    many = [base[place % len(base)].model_copy(update={"id": f"group.check_{place}"}) for place in range(200)]
    lines = [
        SignatureCount(signature=f"{n} {'<n> word ' * 30}", level="ERROR", n=5000 - n, first=TIME) for n in range(5000)
    ]
    target = folder / "large.html"
    target.write_text(html(full(checks=many, signatures=lines), {}))
    return target


KINDS = {
    "pass": scenario("healthy"),
    "warn": warned,
    "fail": scenario("slow-database"),
    "crash": scenario("crash-loop"),
    "inconclusive": scenario("no-traffic"),
    "job": job,
    "history": lambda folder: kept(folder) / "shop-api/history.html",
    "index": lambda folder: kept(folder) / "index.html",
    "compare": compared,
    "large": large,
}


def main(target, kinds):
    """Make the pages and take the pictures."""
    for kind in kinds or KINDS:
        folder = target / kind
        folder.mkdir(parents=True, exist_ok=True)
        path = KINDS[kind](folder)
        for width, height in WIDTHS.items():
            for dark in (False, True):
                name = f"{kind}-{width}-{'dark' if dark else 'light'}"
                with opened(path, width=width, height=height, dark=dark) as page:
                    page.screenshot(path=target / f"{name}.png")
                    if kind != "large" and not dark:
                        page.screenshot(path=target / f"{name}-whole.png", full_page=True)
        with opened(path) as page:
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            page.pdf(path=target / f"{kind}.pdf")
        print(kind, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
