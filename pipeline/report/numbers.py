"""Numbers as readers see them: three significant digits, with unit, interval and count."""

from pipeline.judge.model import Effect, Observed


def number(value: float | None, digits: int = 3) -> str:
    """Return a number for reading: three significant digits, thousands separated; a dash for none.

    >>> number(1234567.0), number(0.012345), number(None)
    ('1,234,567', '0.0123', '–')
    """
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(ratio: float | None) -> str:
    """Return a ratio in percent; a dash for none.

    >>> percent(0.0188), percent(None)
    ('1.88 %', '–')
    """
    return "–" if ratio is None else f"{number(ratio * 100)} %"


def duration(milliseconds: float | None) -> str:
    """Return a duration in the unit that reads best; a dash for none.

    >>> duration(18.91), duration(4200.0), duration(480000.0)
    ('18.9 ms', '4.2 s', '8 min')
    """
    if milliseconds is None:
        return "–"
    for limit, unit, size in ((1_000, "ms", 1), (120_000, "s", 1_000)):
        if abs(milliseconds) < limit:
            return f"{number(milliseconds / size)} {unit}"
    return f"{number(milliseconds / 60_000)} min"


def observed(seen: Observed | None) -> str:
    """Return a number with its unit, its interval and its count."""
    if seen is None:
        return "–"
    scale, unit = _scaled(seen.unit)
    text = f"{_number(seen.value, scale)} {unit}".strip()
    if seen.low is not None and seen.high is not None:
        text += f" (95 %: {_number(seen.low, scale)} to {_number(seen.high, scale)} {unit})"
    return f"{text}, n = {seen.n:,}"


def effect(found: Effect | None) -> str:
    """Return a difference from the baseline with its sign, its interval and what would decide it."""
    if found is None:
        return "–"
    scale, unit = _scaled(found.unit)
    if found.kind == "ratio":
        text, scale, unit = f"{number(found.value)} times", 1.0, ""
    else:
        points = "points" if unit == "%" else unit
        text = f"{_signed(found.value, scale)} {points}"
    if found.low is not None and found.high is not None:
        text += f" (95 %: {_number(found.low, scale)} to {_number(found.high, scale)})"
    if found.relative is not None:
        text += f", {_signed(found.relative, 100)} %"
    if found.needed_requests:
        text += f"; {found.needed_requests:,} more requests would decide it"
        if found.needed_minutes:
            text += f", about {number(found.needed_minutes, 2)} min at this traffic"
    return text


def _scaled(unit: str) -> tuple[float, str]:
    return (100.0, "%") if unit == "ratio" else (1.0, unit)


def _number(value: float | None, scale: float) -> str:
    return number(None if value is None else value * scale)


def _signed(value: float, scale: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{number(abs(value * scale))}"
