"""Numbers and texts as readers see them: three significant digits, the unit that reads best, cut between words."""

_DAY_MS = 86_400_000

#: What is said of a verdict that has nothing to compare with.
NO_BASELINE = "No baseline: nothing is compared, and only absolute limits hold."

#: Up to how many ms a unit reads best, and how many ms it has.
_UNITS = ((1_000, "ms", 1), (120_000, "s", 1_000), (7_200_000, "min", 60_000), (3 * _DAY_MS, "h", 3_600_000))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number for reading: three significant digits, thousands separated; a dash for none.

    >>> number(1234567.0), number(0.012345), number(999.7), number(None)
    ('1,234,567', '0.0123', '1,000', '–')
    """
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:,.{digits}g}"


def percent(ratio: float | None) -> str:
    """Return a ratio in percent; a dash for none.

    >>> percent(0.0188), percent(53.3), percent(None)
    ('1.88 %', '5,330 %', '–')
    """
    return "–" if ratio is None else f"{number(float(f'{ratio * 100:.9g}'))} %"


def duration(milliseconds: float | None) -> str:
    """Return a duration in the unit that reads best; a dash for none.

    >>> duration(18.91), duration(50689.2), duration(480000.0), duration(86400000.0), duration(864000000.0)
    ('18.9 ms', '50.7 s', '8 min', '24 h', '10 days')
    """
    if milliseconds is None:
        return "–"
    for limit, unit, size in _UNITS:
        if abs(milliseconds) < limit:
            return f"{number(milliseconds / size)} {unit}"
    return f"{number(milliseconds / _DAY_MS)} days"


def signed(milliseconds: float) -> str:
    """Return a difference of durations with its sign.

    >>> signed(191.0), signed(-7.5)
    ('+191 ms', '−7.5 ms')
    """
    return f"{'+' if milliseconds > 0 else '−' if milliseconds < 0 else '±'}{duration(abs(milliseconds))}"


def count(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: 1 exit, 15 exits."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, cut between words where that costs little.

    >>> cut("exception_message in five lines", 20), cut("short", 20)
    ('exception_message…', 'short')
    """
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    words, space, _ = head.rpartition(" ")
    return f"{(words if space and len(words) > limit * 2 // 3 else head).rstrip(' ,;:(')}…"


def minutes_long(first_ns: int | None, last_ns: int | None) -> float:
    """Return the minutes from a first to a last entry; 0 where there is none."""
    return 0.0 if first_ns is None or last_ns is None else (last_ns - first_ns) / 6e10
