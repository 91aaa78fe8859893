"""Text formats of log lines: level, logger and message, where the entry itself names no severity.

`FORMATS` are data, tried in this order; the first that matches wins. Their patterns are in the portable dialect.
"""

from dataclasses import dataclass

import polars as pl

#: Escape sequences of a terminal (ECMA-48 CSI and OSC), which some loggers write into their lines.
ANSI = r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)"

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_TIME = f"{_DATE}[ T]{_CLOCK}"


@dataclass(frozen=True)
class LineFormat:
    """One text format. `pattern` names the groups it has of level, logger and message; `level` is for those without."""

    name: str
    pattern: str
    level: str | None = None


_LEVEL = "(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC)"
_LOWER = "(?P<level>trace|debug|verbose|info|notice|warn|warning|error|critical|fatal|dpanic|panic)"
_ZONE = r"(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_REST = r"(?P<message>[^\r\n]*)"

#: Level words that stand alone after a time: also those of Nest (LOG), zerolog (INF) and logrus (`INFO[0012]`).
_WORD = (
    "(?P<level>TRACE|DEBUG|VERBOSE|INFO|LOG|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|PANIC|TRC|DBG|INF|WRN|ERR|FTL|PNC)"
)
_SHORT = f"{_LEVEL[:-1]}|TRAC|DEBU|ERRO|FATA|PANI)"
#: A time, as in ISO 8601, Go (`2026/01/05 08:30:00`), Celery, pino-pretty, zerolog (`8:30AM`) and Nest.
_STAMP = (
    rf"(?:\[?(?:[0-9]{{4}}[/-][0-9]{{2}}[/-][0-9]{{2}}[ T])?{_CLOCK}{_ZONE}(?:\]|:)?|[0-9]{{1,2}}:[0-9]{{2}}[AP]M"
    r"|\[Nest\] [0-9]+ +- [0-9/., :-]+(?:[AP]M)?)"
)
_METHOD = "(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)"
#: Access lines without a level: uvicorn; Gin and Fiber; chi; morgan; Next.js.
_ACCESS = "|".join(
    (
        r'[^ "]+:[0-9]+ - "[A-Z][A-Za-z]* [^"]*" (?:[0-9]{3}|\[accepted\])[^\r\n]*',
        rf"(?:\[GIN\] [0-9/]+ - )?{_CLOCK} \| +[0-9]{{3}} \| [^\r\n]*",
        rf'[0-9/]{{10}} {_CLOCK} (?:\[[^\]]+\] )?"[A-Z]+ https?://[^"]*" from [^ ]+ - [0-9]{{3}} [^\r\n]*',
        rf" *{_METHOD} /[^ ]* [0-9]{{3}} (?:[0-9.]+ ms - |in [0-9.]+m?s)[^\r\n]*",
    )
)

FORMATS: tuple[LineFormat, ...] = (
    LineFormat("gunicorn", rf"^\[{_TIME} [+-][0-9]{{4}}\] \[[0-9]+\] \[(?P<level>[A-Za-z]+)\] {_REST}"),
    LineFormat("loguru", rf"^{_TIME}\.[0-9]{{3}} \| (?P<level>[A-Z]+) *\| (?P<logger>[^ |]+) (?:\||-) {_REST}"),
    LineFormat(
        "stdlib",
        rf"^{_TIME}(?:,[0-9]{{3}})? - (?P<logger>[^ ]+)(?: - [^ ]+)? - (?P<level>[A-Z]+) - {_REST}",
    ),
    LineFormat("quarkus", rf"^{_TIME}{_ZONE} +{_LEVEL} +\[(?P<logger>[^\]\n]+)\] \([^)\n]*\) {_REST}"),
    LineFormat(
        "logback",
        rf"^{_TIME}[.,][0-9]{{3,9}}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})? +{_LEVEL} "
        rf"(?:[^\n]*?\] )?(?P<logger>[A-Za-z0-9_.:$\[\]/-]+) *[:-] {_REST}",
    ),
    LineFormat(
        "logback by default",
        rf"^(?:{_DATE} )?{_CLOCK}[.,][0-9]{{3}} \[[^\]\n]+\] {_LEVEL} +"
        rf"(?P<logger>[^ \n]+) - {_REST}",
    ),
    LineFormat("zap", rf"^{_TIME}{_ZONE}\t{_LEVEL[:-1]}|{_LOWER[10:]}\t(?:(?P<logger>[^\t\n]+)\t)?{_REST}"),
    LineFormat("structlog", rf"^{_TIME}{_ZONE} \[{_LOWER} *\] {_REST}"),
    LineFormat("timed", rf"^{_STAMP} +\[?{_WORD}(?:/[A-Za-z0-9_-]+)?\]?(?: \([^)\n]*\))?:? +{_REST}"),
    LineFormat("access", rf"^(?P<message>{_ACCESS})", "INFO"),
    LineFormat(
        "common log", r'^(?P<message>(?:[^ "]+ [^ ]+ [^ ]+ )?\[[^\]]+\] "[A-Z]+ [^"]*" [0-9]{3} [^\r\n]*)', "INFO"
    ),
    LineFormat("basic", rf"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<logger>[A-Za-z0-9_.]+):{_REST}"),
    LineFormat("level first", rf"^{_SHORT}(?:\[[0-9TZ:+-]+\])?:?[ \t]+{_REST}"),
    LineFormat(".NET", r"^(?P<level>trce|dbug|info|warn|fail|crit): (?P<logger>[A-Z][A-Za-z0-9_.]*)\[[0-9]+\]"),
    LineFormat("winston", rf"^{_LOWER}: +{_REST}"),
    LineFormat(
        "bracketed",
        r"^(?:\[GIN-debug\] )?\[(?P<level>[Ee]rror|ERROR|[Ww]arn|WARN|[Ww]arning|WARNING|[Ii]nfo|INFO|"
        r"[Dd]ebug|DEBUG|CRITICAL|FATAL)\] " + _REST,
    ),
    LineFormat("logfmt", r'(?:^| )level="?(?P<level>[A-Za-z]+)"?(?: [^\n]*)?$'),
    LineFormat("glog", rf"^(?P<level>[IWEF])[0-9]{{4}} [0-9:.]+ +[0-9]+ (?P<logger>[^ \]]+)\] {_REST}"),
)

#: Level words of Python, Java, Node (pino's numbers), Go and syslog, as severities of Cloud Logging.
LEVELS = {
    "TRACE": "DEBUG",
    "DEBUG": "DEBUG",
    "VERBOSE": "DEBUG",
    "SILLY": "DEBUG",
    "TRCE": "DEBUG",
    "DBUG": "DEBUG",
    "TRC": "DEBUG",
    "TRAC": "DEBUG",
    "DBG": "DEBUG",
    "DEBU": "DEBUG",
    "10": "DEBUG",
    "20": "DEBUG",
    "FINE": "DEBUG",
    "INFO": "INFO",
    "INF": "INFO",
    "I": "INFO",
    "30": "INFO",
    "SUCCESS": "INFO",
    "LOG": "INFO",
    "INFORMATION": "INFO",
    "NOTICE": "NOTICE",
    "WARN": "WARNING",
    "WARNING": "WARNING",
    "WRN": "WARNING",
    "W": "WARNING",
    "40": "WARNING",
    "ERROR": "ERROR",
    "ERR": "ERROR",
    "ERRO": "ERROR",
    "FAIL": "ERROR",
    "E": "ERROR",
    "50": "ERROR",
    "SEVERE": "ERROR",
    "EXCEPTION": "ERROR",
    "CRITICAL": "CRITICAL",
    "FATAL": "CRITICAL",
    "PANIC": "CRITICAL",
    "DPANIC": "CRITICAL",
    "CRIT": "CRITICAL",
    "FATA": "CRITICAL",
    "FTL": "CRITICAL",
    "PANI": "CRITICAL",
    "PNC": "CRITICAL",
    "F": "CRITICAL",
    "60": "CRITICAL",
    "ALERT": "ALERT",
    "EMERGENCY": "EMERGENCY",
}

#: The level and the logger in a JSON payload, where the entry has no severity of its own.
LEVEL_KEYS = ("level", "severity", "levelname", "log_level", "lvl")
JSON_LEVEL = rf'"(?:{"|".join(LEVEL_KEYS)})": ?"?([A-Za-z]+|[1-6]0)"?[,}}]'
#: A payload that holds this may name a level inside of an object in it.
INNER_OBJECT = r"[:,\[] ?\{"
JSON_LOGGER = r'"(?:logger|logger_name|component|module)": ?"([^"\\]{1,200})"'


#: A message without a format: its first line.
FIRST_LINE = r"^[ \t]*([^\r\n]*)"


def strip_ansi(texts: pl.Series) -> pl.Series:
    """Return the texts without terminal escape sequences."""
    rows = texts.str.contains("\x1b", literal=True).fill_null(False).arg_true()
    return texts.clone().scatter(rows, texts.gather(rows).str.replace_all(ANSI, "")) if len(rows) else texts


def read(texts: pl.Series, payloads: pl.Series) -> pl.DataFrame:
    """Return level, logger and body for each text, in order; null where no format matches.

    texts: without ANSI escapes. payloads: JSON text, or null; its own level and logger count before the text's.
    body: the message without its prefix, first line only; the whole first line where no format matches.
    """
    frame = pl.DataFrame({"text": texts, "payload": payloads}).with_row_index("row")
    parts = []
    rest = frame.filter(pl.col("text").is_not_null())
    for form in FORMATS:
        if not rest.height:
            break
        hit = rest["text"].str.contains(form.pattern)
        if hit.any():
            found = rest["text"].filter(hit).str.extract_groups(form.pattern).struct.unnest()
            missing = {"level": form.level, "logger": None, "message": None}
            parts.append(
                found.select(
                    rest["row"].filter(hit),
                    *(
                        pl.col(name) if name in found.columns else pl.lit(value, pl.String).alias(name)
                        for name, value in missing.items()
                    ),
                )
            )
            rest = rest.filter(~hit)
    schema = {"row": pl.UInt32, "level": pl.String, "logger": pl.String, "message": pl.String}
    table = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    return frame.join(table, on="row", how="left", maintain_order="left").select(
        pl.coalesce(level(pl.lit(_json_level(frame["payload"]))), level(pl.col("level"))).alias("level"),
        pl.coalesce(pl.col("payload").str.extract(JSON_LOGGER, 1), "logger").alias("logger"),
        pl.coalesce("message", pl.col("text").str.extract(FIRST_LINE, 1)).alias("body"),
    )


def _json_level(payloads: pl.Series) -> pl.Series:
    """The level word of each payload: of the object itself, not of an object inside it."""
    found = payloads.str.extract(JSON_LEVEL, 1)
    rows = (found.is_not_null() & payloads.str.contains(INNER_OBJECT)).fill_null(False).arg_true()
    if len(rows):
        inner = payloads.gather(rows)
        own = pl.select(pl.coalesce(*(inner.str.json_path_match(f"$.{key}") for key in LEVEL_KEYS)))
        found = found.clone().scatter(rows, own.to_series())
    return found


def level(words: pl.Expr) -> pl.Expr:
    """Return the severity that a level word stands for, null for an unknown word."""
    return words.str.to_uppercase().replace_strict(LEVELS, default=None, return_dtype=pl.String)
