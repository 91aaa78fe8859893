"""Times as Cloud Logging writes them (RFC 3339), as nanoseconds since 1970."""

import polars as pl

_RFC3339 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9]"
    r"(?:\.(?P<fraction>[0-9]{1,12}))?(?:Z|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):?(?P<minutes>[0-5][0-9]))$"
)


def fraction_ns(digits: pl.Expr) -> pl.Expr:
    """Return the digits behind a decimal point of seconds in ns; 0 where there are none."""
    return digits.str.head(9).str.pad_end(9, "0").cast(pl.Int64).fill_null(0)


def rfc3339_ns(texts: pl.Series) -> pl.Series:
    """Return RFC 3339 times in ns since 1970: null outside 1678 to 2261, and where a text is not a time.

    Counted from parts, for casts to nanoseconds wrap years silently (polars) or ignore the offset (DuckDB). What has
    the form that Cloud Logging writes, in UTC with a Z, is read by its positions, the rest by a regular expression.
    """
    time = pl.col("t")
    rest = time.str.slice(19)
    seconds = time.str.head(19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us").dt.epoch("s")
    plain = rest.str.contains(r"^(?:\.[0-9]{1,12})?Z$") & (time.str.slice(17, 1) < "6") & _in_range(time)
    nanos = seconds * 10**9 + fraction_ns(rest.str.slice(1).str.strip_suffix("Z"))
    times = pl.select(t=texts).select(pl.when(plain).then(nanos)).to_series()
    others = (times.is_null() & texts.is_not_null()).arg_true()
    return times.scatter(others, _any_form(texts.gather(others))) if len(others) else times


def _any_form(texts: pl.Series) -> pl.Series:
    """The same for any form: lower case, a space for the T, an offset."""
    time = pl.col("t").str.to_uppercase()
    parts = time.str.extract_groups(_RFC3339).struct
    day, clock = time.str.slice(0, 10), time.str.slice(11, 8)
    seconds = pl.concat_str(day, clock).str.to_datetime("%Y-%m-%d%H:%M:%S", strict=False, time_unit="us").dt.epoch("s")
    offset = (parts.field("hours").cast(pl.Int64) * 3600 + parts.field("minutes").cast(pl.Int64) * 60).fill_null(0)
    offset = pl.when(parts.field("sign") == "-").then(-offset).otherwise(offset)
    nanos = (seconds - offset) * 10**9 + fraction_ns(parts.field("fraction"))
    return pl.select(t=texts).select(pl.when(time.str.contains(_RFC3339) & _in_range(time)).then(nanos)).to_series()


def _in_range(time: pl.Expr) -> pl.Expr:
    """Whether a time's year is one that nanoseconds in 64 bits hold whole."""
    return time.str.head(4).is_between(pl.lit("1678"), pl.lit("2261"))
