"""What a run leaves on disk: summary.json, and per revision its report in several forms, each scanned for leaks.

OUT/summary.json
OUT/SERVICE/REVISION/verdict.json, report.md, report.html, junit.xml
OUT/SERVICE/REVISION/charts/NAME.svg, NAME.png      with report.html
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from parsers.redact import leaks, redact_text
from pipeline.errors import RunverdictError, StoreError
from pipeline.judge.model import Verdict
from pipeline.report.junit import junit
from pipeline.report.markdown import markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.report.frames import Charts

Format = Literal["md", "json", "html", "junit"]
FORMATS: dict[Format, str] = {"md": "report.md", "json": "verdict.json", "html": "report.html", "junit": "junit.xml"}


class LeakError(RunverdictError):
    """A report would hold a secret or personal data; it is not written."""

    def __init__(self, name: str, kinds: list[str]) -> None:
        super().__init__(f"{name} is not written: it would hold {', '.join(kinds)}")


def summary(overall: str, verdicts: Sequence[tuple[str, Verdict]], totals: dict[str, int]) -> str:
    """Return summary.json."""
    document = {
        "verdict": overall,
        "services": [
            {
                "service": one.service,
                "revision": one.revision,
                "verdict": one.verdict,
                "risk": one.risk,
                "path": f"{path}/verdict.json",
            }
            for path, one in verdicts
        ],
        "totals": totals,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def rendered(verdict: Verdict, form: Format, figures: "Mapping[str, Figure] | None" = None) -> str:
    """Return one verdict in one form. Raises LeakError where the leak scan finds something in it.

    figures: what the HTML shows. The scan reads the plain document too, for what a form escapes no pattern finds.
    """
    plain = verdict.model_dump_json(indent=2) + "\n"
    if form == "html":
        from pipeline.report.html import html

        text = html(verdict, figures or {})
    else:
        text = plain if form == "json" else markdown(verdict) if form == "md" else junit(verdict)
    return _clean(_named(form, verdict), text, plain)


def _named(form: str, verdict: Verdict) -> str:
    return f"{form} of {redact_text(f'{verdict.service} {verdict.revision}')}"


def _clean(name: str, text: str, *scanned: str) -> str:
    """Return the text, if nothing leaks from it and what it was made from."""
    if kinds := sorted({kind for one in {text, *scanned} for kind in leaks(one)}):
        raise LeakError(name, kinds)
    return text


def write(
    out: Path,
    overall: str,
    verdicts: Sequence[tuple[str, Verdict]],
    totals: dict[str, int],
    forms: Sequence[Format],
    charts: "Mapping[str, Charts] | None" = None,
) -> list[Path]:
    """Write the files of a run under `out`, and return their paths. Raises StoreError where that fails.

    charts: the frames of each verdict by its path; what HTML shows, and writes as files too.
    """
    texts: dict[Path, str | bytes] = {}
    for path, one in verdicts:
        figures = _figures(charts[path]) if charts and "html" in forms else {}
        for form in forms:
            texts[out / path / FORMATS[form]] = rendered(one, form, figures)
        texts.update(_drawn(out / path / "charts", one, figures))
    texts[out / "summary.json"] = _clean("summary.json", summary(overall, verdicts, totals))
    for target, text in texts.items():
        part = target.with_name(f".{target.name}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(text.encode() if isinstance(text, str) else text)
            part.replace(target)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise StoreError(str(target), error.strerror or str(error)) from error
    return list(texts)


def _figures(charts: "Charts") -> "dict[str, Figure]":
    from pipeline.report.figures import figures

    return figures(charts)


def _drawn(folder: Path, verdict: Verdict, figures: "Mapping[str, Figure]") -> dict[Path, str | bytes]:
    """Every figure as SVG and PNG; the texts of both are those of the SVG, which is scanned."""
    if not figures:
        return {}
    from pipeline.report.figures import png, svg

    files: dict[Path, str | bytes] = {}
    for name, figure in figures.items():
        files[folder / f"{name}.svg"] = _clean(_named(f"chart {name}", verdict), svg(figure))
        files[folder / f"{name}.png"] = png(figure)
    return files
