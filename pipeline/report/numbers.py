"""What a check measured, as readers see it: with unit, interval and count."""

from pipeline.judge.model import Effect, Observed
from pipeline.judge.numbers import number


def observed(seen: Observed | None) -> str:
    """Return a number with its unit, its interval and its count."""
    if seen is None:
        return "–"
    scale, unit = _scaled(seen.unit)
    text = f"{_number(seen.value, scale)} {unit}".strip()
    if seen.low is not None and seen.high is not None:
        text += f" (95 %: {_number(seen.low, scale)} to {_number(seen.high, scale)} {unit})"
    return f"{text}, n = {seen.n:,}"


def effect(given: Effect | None) -> str:
    """Return a difference from the baseline with its sign, its interval and what would decide it."""
    if given is None:
        return "–"
    scale, unit = _scaled(given.unit)
    if given.kind == "ratio":
        text, scale, unit = f"{number(given.value)} times", 1.0, ""
    else:
        points = "points" if unit == "%" else unit
        text = f"{_signed(given.value, scale)} {points}"
    if given.low is not None and given.high is not None:
        text += f" (95 %: {_number(given.low, scale)} to {_number(given.high, scale)})"
    if given.relative is not None:
        text += f", {_signed(given.relative, 100)} %"
    if given.needed_requests:
        text += f"; {given.needed_requests:,} more requests would decide it"
        if given.needed_minutes:
            text += f", about {number(given.needed_minutes, 2)} min at this traffic"
    return text


def _scaled(unit: str) -> tuple[float, str]:
    return (100.0, "%") if unit == "ratio" else (1.0, unit)


def _number(value: float | None, scale: float) -> str:
    return number(None if value is None else value * scale)


def _signed(value: float, scale: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{number(abs(value * scale))}"
