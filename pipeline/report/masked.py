"""What leaves the tool, scanned in the form in which it is shown: a finding is masked, counted and named in a note.

Every document, chart and terminal is made of texts that went through here, so there is one scan for all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import polars as pl

from parsers.redact import kinds, redact
from pipeline.judge.model import Verdict
from pipeline.report.frames import Charts
from pipeline.text import counted, harmless, without_digest


def masked_texts(texts: Iterable[str]) -> dict[str, str]:
    """Return each text as it may be shown: control characters written out, digests left out, secrets masked."""
    given = list(dict.fromkeys(texts))
    final = [without_digest(harmless(text)) for text in given]
    return dict(zip(given, redact(pl.Series(final, dtype=pl.String)), strict=True))


def masked(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts as they may be shown, each with a note of what was masked in it."""
    documents = [verdict.model_dump() for verdict in verdicts]
    texts = [list(dict.fromkeys(_texts(document))) for document in documents]
    safe = masked_texts(text for own in texts for text in own)
    shown = []
    for verdict, document, own in zip(verdicts, documents, texts, strict=True):
        changed = [text for text in own if safe[text] != text]
        if not changed:
            shown.append(verdict)
            continue
        leaks = [names for text in changed if (names := kinds(without_digest(harmless(text))))]
        document = _replaced(document, safe)
        if leaks:
            named = ", ".join(sorted({name for names in leaks for name in names}))
            document["notes"].append(f"{counted(len(leaks), 'text')} of this report masked: {named}")
        shown.append(Verdict.model_validate(document))
    return shown


def masked_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose texts may be shown."""
    shown = _redrawn(frame, masked_texts(_drawn(frame)))
    assert isinstance(shown, pl.DataFrame)
    return shown


def masked_charts(charts: Mapping[str, Charts]) -> dict[str, Charts]:
    """Return charts, by a key of their own, whose texts may be shown."""
    parts = {
        path: {field.name: getattr(drawn, field.name) for field in fields(drawn)} for path, drawn in charts.items()
    }
    safe = masked_texts(text for own in parts.values() for part in own.values() for text in _drawn(part))
    shown: dict[str, dict[str, Any]] = {
        path: {name: _redrawn(part, safe) for name, part in own.items()} for path, own in parts.items()
    }
    return {path: replace(drawn, **shown[path]) for path, drawn in charts.items()}


def _drawn(part: pl.DataFrame | str | None) -> Iterable[str]:
    if isinstance(part, str):
        yield part
    elif part is not None:
        for column in part.select(pl.col(pl.String)):
            yield from column.drop_nulls().unique()


def _redrawn(part: pl.DataFrame | str | None, safe: dict[str, str]) -> pl.DataFrame | str | None:
    if isinstance(part, pl.DataFrame):
        changed = {text: safe[text] for text in _drawn(part) if safe[text] != text}
        return part.with_columns(pl.col(pl.String).replace(changed)) if changed else part
    return safe[part] if part else part


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _replaced(value: Any, safe: dict[str, str]) -> Any:
    if isinstance(value, str):
        return safe[value]
    if isinstance(value, list | tuple):
        return [_replaced(inner, safe) for inner in value]
    if not isinstance(value, dict):
        return value
    replaced: dict[Any, Any] = {}
    for key, inner in value.items():
        key = _replaced(key, safe)
        # Keys of one mask are one key, with the sum of their counts.
        replaced[key] = replaced[key] + inner if key in replaced else _replaced(inner, safe)
    return replaced
