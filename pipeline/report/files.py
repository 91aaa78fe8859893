"""What a run leaves on disk: summary.json, and per revision verdict.json and report.md, each scanned for leaks."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from parsers.redact import leaks, redact_text
from pipeline.errors import RunverdictError, StoreError
from pipeline.judge.model import Verdict
from pipeline.report.markdown import markdown

Format = Literal["md", "json"]
FORMATS: tuple[Format, ...] = ("md", "json")


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


def rendered(verdict: Verdict, form: Format) -> str:
    """Return one verdict in one form. Raises LeakError where the leak scan finds something in it.

    The scan reads the plain document too, for what Markdown escapes no pattern finds.
    """
    plain = verdict.model_dump_json(indent=2) + "\n"
    text = plain if form == "json" else markdown(verdict)
    return _clean(f"{form} of {redact_text(f'{verdict.service} {verdict.revision}')}", text, plain)


def _clean(name: str, text: str, *scanned: str) -> str:
    """Return the text, if nothing leaks from it and what it was made from."""
    if kinds := sorted({kind for one in {text, *scanned} for kind in leaks(one)}):
        raise LeakError(name, kinds)
    return text


def write(
    out: Path, overall: str, verdicts: Sequence[tuple[str, Verdict]], totals: dict[str, int], forms: Sequence[Format]
) -> list[Path]:
    """Write the files of a run under `out`, and return their paths. Raises StoreError where that fails."""
    names: dict[Format, str] = {"json": "verdict.json", "md": "report.md"}
    texts = {out / path / names[form]: rendered(one, form) for path, one in verdicts for form in forms}
    texts[out / "summary.json"] = _clean("summary.json", summary(overall, verdicts, totals))
    for path, text in texts.items():
        part = path.with_name(f".{path.name}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise StoreError(str(path), error.strerror or str(error)) from error
    return list(texts)
