"""What a check measured, as readers see it: with unit, interval and count."""

from pipeline.judge.model import Effect, Observed
from pipeline.judge.numbers import duration, number, signed


def observed(seen: Observed | None) -> str:
    """Return a number with its unit, its interval and its count."""
    if seen is None:
        return "–"
    scale, unit = _scaled(seen.unit)
    text = _with_unit(seen.value, scale, unit)
    if seen.low is not None and seen.high is not None:
        text += f" (95 %: {_range(seen.low, seen.high, scale, unit)})"
    return f"{text}, n = {seen.n:,}"


def value(seen: Observed | None) -> str:
    """Return a number with its unit alone, for a table."""
    if seen is None:
        return "–"
    scale, unit = _scaled(seen.unit)
    return _with_unit(seen.value, scale, unit)


def interval(seen: Observed | None) -> str:
    """Return the interval and the count of a number, without the number; empty for none."""
    return observed(seen).removeprefix(value(seen)).removeprefix(",").strip() if seen else ""


def effect(given: Effect | None) -> str:
    """Return a difference from the baseline with its sign, its interval and what would decide it."""
    if given is None:
        return "–"
    scale, unit = _scaled(given.unit)
    if given.kind == "ratio":
        text, scale, unit = f"{number(given.value)} times", 1.0, ""
    else:
        points = "points" if unit == "%" else unit
        text = signed(given.value) if unit == "ms" else f"{_signed(given.value, scale)} {points}"
    if given.low is not None and given.high is not None:
        text += f" (95 %: {_range(given.low, given.high, scale, 'ms' if unit == 'ms' else '')})"
    if given.relative is not None:
        text += f", {_signed(given.relative, 100)} %"
    if given.needed_requests:
        text += f"; {given.needed_requests:,} more requests would decide it"
        if given.needed_minutes:
            text += f", about {number(given.needed_minutes, 2)} min at this traffic"
    return text


def _scaled(unit: str) -> tuple[float, str]:
    return (100.0, "%") if unit == "ratio" else (1.0, unit)


def _with_unit(value: float | None, scale: float, unit: str) -> str:
    text = duration(value) if unit == "ms" else f"{_number(value, scale)} {unit}".strip()
    return text.replace("-", "−")


def _range(low: float, high: float, scale: float, unit: str) -> str:
    """Two numbers with their unit once, where it is the same."""
    first, last = _with_unit(low, scale, unit), _with_unit(high, scale, unit)
    ending = f" {last.rpartition(' ')[2]}" if " " in last else ""
    return f"{first.removesuffix(ending) if ending else first} to {last}"


def _number(value: float | None, scale: float) -> str:
    return number(None if value is None else value * scale)


def _signed(value: float, scale: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{number(abs(value * scale))}"
