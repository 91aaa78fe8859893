"""What a run leaves on disk: summary.json, and per revision its report in several forms.

OUT/summary.json
OUT/SERVICE/REVISION/verdict.json, report.md, report.html, junit.xml
OUT/SERVICE/REVISION/charts/NAME.svg, NAME.png      with report.html

In Cloud Storage OUT is gs://BUCKET/PREFIX/RUN: nothing is ever overwritten there.
"""

import hashlib
import json
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import StoreError
from pipeline.judge.model import Verdict
from pipeline.whole_file import write_whole

if TYPE_CHECKING:
    from pipeline.objects import Bucket
    from pipeline.report.drawing import Drawing
    from pipeline.report.frames import Charts

Format = Literal["md", "json", "html", "junit"]
FORMATS: dict[Format, str] = {"md": "report.md", "json": "verdict.json", "html": "report.html", "junit": "junit.xml"}


def summary(
    overall: str,
    verdicts: Sequence[tuple[str, Verdict]],
    totals: dict[str, int],
    inputs: Sequence[Mapping[str, object]] = (),
) -> str:
    """Return summary.json. inputs: what was read of each source (`pipeline.run.Run.inputs`)."""
    document = {
        "verdict": overall,
        "services": [
            {
                "workload": verdict.workload,
                "location": verdict.location,
                "service": verdict.service,
                "revision": verdict.revision,
                "verdict": verdict.verdict,
                "risk": verdict.risk,
                "path": f"{path}/verdict.json",
            }
            for path, verdict in verdicts
        ],
        "totals": totals,
        "inputs": list(inputs),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def rendered(
    verdict: Verdict,
    form: Format,
    drawings: "Mapping[str, Drawing] | None" = None,
    inputs: Sequence[Mapping[str, object]] = (),
) -> str:
    """Return one verdict in one form. verdict: as it may be shown (`pipeline.report.masked`).

    drawings: for HTML. inputs: what was read of each source (`pipeline.run.Run.inputs`), for HTML and Markdown.
    """
    if form == "html":
        from pipeline.report.html import html

        return html(verdict, drawings or {}, inputs)
    if form == "json":
        return verdict.model_dump_json(indent=2) + "\n"
    if form == "md":
        from pipeline.report.markdown import markdown

        return markdown(verdict, inputs)
    from pipeline.report.junit import junit

    return junit(verdict)


def contents(
    overall: str,
    verdicts: Sequence[tuple[str, Verdict]],
    totals: dict[str, int],
    forms: Sequence[Format],
    charts: "Mapping[str, Charts] | None" = None,
    inputs: Sequence[Mapping[str, object]] = (),
) -> dict[str, bytes]:
    """Return the files of a run by their paths, summary.json the last.

    charts: the frames of each verdict by its path; what HTML shows, and writes as files too.
    """
    files: dict[str, str | bytes] = {}
    for path, verdict in verdicts:
        drawings, pictures = _drawn(f"{path}/charts", charts[path]) if charts and "html" in forms else ({}, {})
        for form in forms:
            files[f"{path}/{FORMATS[form]}"] = rendered(verdict, form, drawings, inputs)
        files.update(pictures)
    files["summary.json"] = summary(overall, verdicts, totals, inputs)
    return {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}


def write(out: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files under a folder, and return their paths. Raises StoreError where that fails."""
    for name, content in files.items():
        try:
            write_whole(out / name, content, below=out)
        except OSError as error:
            raise StoreError(str(out / name), error.strerror or str(error)) from error
    return [out / name for name in files]


def upload(bucket: "Bucket", files: Mapping[str, bytes], ended: str | None) -> str:
    """Create files as objects in a folder of the run's own, and return its address. Raises ObjectsError.

    The folder's name is the time at which the newest window ended, and a digest of the files: a run that is repeated
    finds its own there, and another one never does. summary.json is created last, so where it is all are.
    """
    digest = hashlib.sha256(b"".join(name.encode() + content for name, content in files.items())).hexdigest()[:8]
    run = f"{ended[:19].replace('-', '').replace(':', '')}Z-{digest}" if ended else digest
    folder = f"{bucket.prefix}/{run}" if bucket.prefix else run
    for name, content in files.items():
        kind = "application/json" if name.endswith(".json") else mimetypes.guess_type(name)[0] or "text/plain"
        bucket.create(f"{folder}/{name}", content, kind)
    return f"{bucket.address.rstrip('/')}/{run}"


def _drawn(folder: str, charts: "Charts") -> "tuple[dict[str, Drawing], dict[str, str | bytes]]":
    """Every figure as a drawing, and as files: SVG and PNG."""
    from pipeline.report.drawing import drawings, png
    from pipeline.report.figures import figures

    made = figures(charts)
    drawn = drawings(made)
    files: dict[str, str | bytes] = {}
    for name, figure in made.items():
        files[f"{folder}/{name}.svg"] = drawn[name].svg
        files[f"{folder}/{name}.png"] = png(figure)
    return drawn, files
