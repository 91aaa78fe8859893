"""The catalogue as polars: one search for all literals, then each pattern on its own candidate rows only.

Blocks that match nothing cost nothing: a single Aho-Corasick pass gives (row, literal); a regular expression runs only
where its literal stands. `parsers.to_googlesql` compiles the same catalogue for BigQuery.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import polars as pl

from parsers import lines, traces
from parsers.dialect import groups, only
from parsers.model import Catalogue, EventType, Match
from parsers.quoted import LOW, NEGATED, QUOTATIONS

#: `644.97ms`, `1.24s`, `2m7.69s`, `1h2m3s`, `532.1µs`, `250ns`.
DURATION = (
    r"^(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s)?(?:(?P<ms>[0-9]+(?:\.[0-9]+)?)ms)?"
    r"(?:(?P<us>[0-9]+(?:\.[0-9]+)?)(?:µs|μs|us))?(?:(?P<ns>[0-9]+)ns)?$"
)
#: Most are of one part.
_PLAIN_DURATION = r"^[0-9]+(?:\.[0-9]+)?m?s$"
#: Seconds where the field's unit is s, else milliseconds.
BARE = r"^([0-9]+(?:\.[0-9]+)?)$"
#: A duration beyond this (285 years) is none: in nanoseconds it would not fit into 64 bits.
MAX_DURATION_MS = 9e12
#: A captured code that is a number; what has more digits is none.
CODE = "^([+-]?[0-9]{1,18})$"
#: Where fallbacks stand: behind every literal.
FALLBACK_POSITION = 2**30
#: Where events that are read from columns alone stand: behind those, and the more conditions the earlier.
COLUMNS_POSITION = 2**31
MS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 0.000_001}

#: What `events` needs of an entry.
INPUT = (
    *("text", "payload", "log_id", "severity"),
    *("http_method", "http_host", "http_path", "http_status", "http_latency_ms", "http_user_agent"),
)

OUTPUT = pl.Schema(
    {
        "event": pl.String,
        "wording": pl.Int64,
        "outcome": pl.String,
        "cause": pl.String,
        "duration_ms": pl.Float64,
        "code": pl.Int64,
        "request_id": pl.String,
        "correlation_id": pl.String,
        "fields": pl.String,
        "n_matches": pl.Int64,
    }
)


@dataclass(frozen=True)
class _Wording:
    """One match of one event; `match` is None for an event that is read from columns alone."""

    event: EventType
    number: int
    match: Match | None


class Classifier:
    """A compiled catalogue; build it once and use it for every batch."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        wordings = [
            _Wording(event, number, match)
            for event in catalogue.events
            for number, match in enumerate(event.match or [None])
        ]
        self._wordings = wordings
        self._ranks = pl.DataFrame(
            [(index, w.event.name, len(w.match.literal) if w.match else 0) for index, w in enumerate(wordings)],
            schema={"wording": pl.UInt32, "name": pl.String, "length": pl.Int64},
            orient="row",
        )
        self._mentioned = pl.DataFrame(
            [
                (index, w.match.literal)
                for index, w in enumerate(wordings)
                if w.match and w.event.mentioned and not w.match.fallback
            ],
            schema={"wording": pl.UInt32, "literal": pl.String},
            orient="row",
        )
        self._by_literal: dict[str, list[int]] = {}
        self._by_payload: dict[str, list[int]] = {}
        self._by_columns: list[int] = []
        for index, wording in enumerate(wordings):
            if wording.match is None:
                self._by_columns.append(index)
            elif wording.match.on:
                self._by_payload.setdefault(wording.match.on, []).append(index)
            else:
                self._by_literal.setdefault(wording.match.literal, []).append(index)

    def alone(self, entries: pl.DataFrame) -> pl.Series:
        """Return whether more than text, log and severity may decide what each entry is: requests, some payloads.

        entries: the columns `INPUT`. All other entries that are equal in the three are classified alike.
        """
        if any("payload" in event.where and event.where.get("text") != "" for event in self.catalogue.events):
            return pl.repeat(value=True, n=entries.height, dtype=pl.Boolean, eager=True).alias("alone")
        has_request = pl.any_horizontal(pl.col(name).is_not_null() for name in INPUT if name.startswith("http_"))
        keys = [f'"{path.rsplit(".", 1)[-1]}"' for path in self._by_payload]
        has_key = pl.col("payload").str.contains_any(keys).fill_null(value=False) if keys else pl.lit(value=False)
        return entries.select(alone=pl.col("text").is_null() | has_request | has_key).to_series()

    def classify(self, entries: pl.DataFrame) -> pl.DataFrame:
        """Return event, fields and counts (`OUTPUT`) for each entry, in order; null event where no block explains it.

        entries: the columns `INPUT`; text is the redacted message without terminal escapes.
        """
        entries = entries.select(INPUT).with_row_index("row")
        table = self._hits(entries).join(self._ranks, on="wording", how="left", maintain_order="left")
        counts = table.group_by("row").agg(pl.col("name").n_unique().cast(pl.Int64).alias("n_matches"))
        winners = self._first(table, entries)
        parts = [self._fields(int(key[0]), rows, entries) for key, rows in winners.group_by("wording")]
        results = pl.concat(parts or [pl.DataFrame(schema={"row": pl.UInt32, **OUTPUT}).drop("n_matches")])
        results = results.join(counts, on="row")
        return (
            entries.select("row")
            .join(results, on="row", how="left", maintain_order="left")
            .with_columns(pl.col("n_matches").fill_null(0))
            .select(OUTPUT.names())
        )

    def matches(self, entries: pl.DataFrame) -> list[set[tuple[str, int]]]:
        """Return all (event, wording) that match each entry, winners or not."""
        events: list[set[tuple[str, int]]] = [set() for _ in range(entries.height)]
        for row, index in self._hits(entries.select(INPUT).with_row_index("row")).select("row", "wording").iter_rows():
            events[row].add((self._wordings[index].event.name, self._wordings[index].number))
        return events

    def _hits(self, entries: pl.DataFrame) -> pl.DataFrame:
        """(row, wording) of everything that matches."""
        hits = list(self._search(entries))
        rows = pl.concat([entries["row"].head(0), *(rows for _, rows in hits)])
        wordings = pl.DataFrame({"wording": [index for index, _ in hits], "n": [len(rows) for _, rows in hits]})
        wordings = wordings.select(pl.col("wording").cast(pl.UInt32).repeat_by(pl.col("n").cast(pl.UInt32)))
        table = pl.DataFrame({"row": rows, "wording": wordings["wording"].explode(empty_as_null=False)})
        return table.join(self._only_mentioned(table, entries), on=["row", "wording"], how="anti")

    def _only_mentioned(self, table: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
        """The hits of `table` that a line quotes or says there are none of (`parsers.quoted`)."""
        hits = table.join(self._mentioned, on="wording")
        hits = hits.with_columns(entries["text"].gather(hits["row"]).alias("text"))
        # Cut at bytes, for characters would be counted.
        at, text = pl.col("text").str.find(pl.col("literal"), literal=True), pl.col("text").cast(pl.Binary)
        hits = hits.with_columns(text.bin.head(at).cast(pl.String), tail=text.bin.slice(at).cast(pl.String))
        quoted = pl.any_horizontal(
            pl.col("text").str.contains(opened) & (~pl.col("text").str.contains(own) if own else pl.lit(value=True))
            for opened, own in QUOTATIONS
        )
        hits = hits.with_columns(quoted=quoted, negated=pl.col("tail").str.contains(NEGATED))
        of_quoted = entries[hits["row"].filter(hits["quoted"])]
        read = lines.read(of_quoted["text"], of_quoted["payload"])["level"]
        given = of_quoted["severity"].replace("DEFAULT", None)
        low = pl.select(pl.coalesce(pl.lit(given), pl.lit(read)).is_in(LOW).fill_null(value=False)).to_series()
        quoted_rows = of_quoted["row"].filter(low).unique()
        return hits.filter(pl.col("negated") | (pl.col("quoted") & pl.col("row").is_in(quoted_rows.implode())))

    def _search(self, entries: pl.DataFrame) -> Iterator[tuple[int, pl.Series]]:
        if self._by_literal:
            hits = (
                entries.select(
                    "row", pl.col("text").str.extract_many(list(self._by_literal), overlapping=True).alias("literal")
                )
                .filter(pl.col("literal").list.len() > 0)
                .explode("literal")
                .unique()
            )
            for (literal,), rows in hits.group_by("literal"):
                texts = entries["text"].gather(rows["row"])
                for index in self._by_literal[str(literal)]:
                    yield index, self._matching(index, rows["row"], texts, entries)
        for path, indexes in self._by_payload.items():
            key = path.rsplit(".", 1)[-1]
            candidates = entries.filter(pl.col("payload").str.contains(f'"{key}"', literal=True))
            if candidates.height:
                values = candidates["payload"].str.json_path_match(path)
                for index in indexes:
                    yield index, self._matching(index, candidates["row"], values, entries)
        for index in self._by_columns:
            yield index, entries.filter(_conditions(self._wordings[index].event))["row"]

    def _matching(self, index: int, rows: pl.Series, texts: pl.Series, entries: pl.DataFrame) -> pl.Series:
        wording = self._wordings[index]
        match = wording.match
        assert match is not None  # only wordings with a match come here
        mask = texts.str.contains(match.pattern).fill_null(False)
        if log_ids(wording.event, match) or wording.event.where:
            mask &= entries[rows].select(_conditions(wording.event, match)).to_series()
        return rows.filter(mask)

    def _first(self, table: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
        """The hit of each row that counts: the one that stands first, of the longest literal, by name and number."""
        several = table["row"].is_duplicated()
        contested = table.filter(several)
        if not contested.height:
            return table
        placed = pl.concat(
            rows.with_columns(self._position(int(key[0]), rows["row"], entries).alias("position"))
            for key, rows in contested.group_by("wording")
        )
        placed = placed.sort(
            "row", "position", "length", "name", "wording", descending=[False, False, True, False, False]
        )
        first = placed.unique("row", keep="first", maintain_order=True).select(table.columns)
        return pl.concat([table.filter(~several), first])

    def _position(self, index: int, rows: pl.Series, entries: pl.DataFrame) -> pl.Series:
        """Where a wording stands in each row, from 1; one that is read from columns alone stands behind all texts."""
        event, match = self._wordings[index].event, self._wordings[index].match
        if match is None:
            return pl.repeat(COLUMNS_POSITION - len(event.where), len(rows), dtype=pl.Int64, eager=True)
        if match.fallback:
            return pl.repeat(FALLBACK_POSITION + match.fallback, len(rows), dtype=pl.Int64, eager=True)
        if match.on:
            return _position(entries["payload"].gather(rows).str.json_path_match(match.on), match.literal)
        texts = entries["text"].gather(rows)
        return _position(texts, texts.str.extract(f"({only(match.pattern, '')})") if event.whole else match.literal)

    def _fields(self, index: int, rows: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
        """The output columns of the rows that one wording won."""
        wording = self._wordings[index]
        event = wording.event
        entries_of_match = entries[rows["row"]]
        names: list[str] = []
        if wording.match is not None:
            names = groups(wording.match.pattern)
            texts = (
                entries_of_match["payload"].str.json_path_match(wording.match.on)
                if wording.match.on
                else entries_of_match["text"]
            )
            if names:
                captured = texts.str.extract_groups(wording.match.pattern).struct.unnest()
                entries_of_match = entries_of_match.hstack([captured[name].alias(f"={name}") for name in names])
            if event.traced:
                trace = traces.read(entries_of_match["text"])
                entries_of_match = entries_of_match.with_columns(
                    pl.coalesce(trace[name], *([f"={name}"] if name in names else [])).alias(f"={name}")
                    for name in event.traced
                )
                names += [name for name in event.traced if name not in names]
        field = {name: pl.col(f"={name}") for name in names}
        kinds = {name: event.fields[name].type for name in names}
        of_kind = {kind: [field[name] for name in names if kinds[name] == kind] for kind in set(kinds.values())}
        durations = [duration_ms(field[name], event.fields[name].unit) for name in names if kinds[name] == "duration"]
        null = pl.lit(None, pl.String)
        codes = [_code(field[name], event.fields[name].unit) for name in names if kinds[name] == "code"]
        kept = sorted(names)
        outcome = reduce(
            lambda other, name: (
                field[name].replace_strict(event.outcomes[name], default=None, return_dtype=pl.String).fill_null(other)
            ),
            [name for name in event.outcomes if name in field],
            pl.lit(event.outcome, pl.String),
        )
        return entries_of_match.select(
            "row",
            pl.lit(event.name, pl.String).alias("event"),
            pl.lit(wording.number, pl.Int64).alias("wording"),
            outcome.alias("outcome"),
            pl.lit(event.cause, pl.String).alias("cause"),
            pl.coalesce(*durations, pl.col("http_latency_ms")).alias("duration_ms"),
            pl.coalesce(*codes, pl.col("http_status")).alias("code"),
            pl.coalesce(*of_kind.get("request_id", []), null).alias("request_id"),
            pl.coalesce(*of_kind.get("correlation_id", []), null).alias("correlation_id"),
            (_json({name: field[name] for name in kept}) if kept else null).alias("fields"),
        )


def _position(texts: pl.Series, part: str | pl.Series) -> pl.Series:
    """Where a part stands in each text, in characters from 1, as STRPOS of GoogleSQL counts."""
    bytes_before = pl.select(pl.lit(texts).str.find(pl.lit(part), literal=True)).to_series()
    if (texts.str.len_bytes() != texts.str.len_chars()).any():
        before = pl.select(pl.lit(texts).cast(pl.Binary).bin.slice(0, pl.lit(bytes_before))).to_series()
        return before.cast(pl.String).str.len_chars().cast(pl.Int64) + 1
    return bytes_before.cast(pl.Int64) + 1


def _conditions(event: EventType, match: Match | None = None) -> pl.Expr:
    """What `log` and `where` of a block ask of an entry's columns."""
    conditions = []
    if logs := log_ids(event, match):
        conditions.append(pl.col("log_id").is_null() | pl.col("log_id").is_in(logs))
    for column, wanted in event.where.items():
        if isinstance(wanted, list) and len(wanted) == 2 and isinstance(wanted[0], int):
            conditions.append(pl.col(column).is_between(wanted[0], wanted[1]))
        elif isinstance(wanted, list):
            conditions.append(pl.col(column).is_in(wanted))
        elif wanted == "":
            conditions.append(pl.col(column).is_null())
        else:
            conditions.append(pl.col(column) == wanted)
    return pl.all_horizontal(*conditions).fill_null(False)


def log_ids(event: EventType, match: Match | None) -> list[str]:
    """Return the logs that a wording holds in, as log ids; empty for all."""
    logs = event.log if match is None or match.log is None else match.log
    return [name if ".com/" in name else f"run.googleapis.com/{name}" for name in logs]


def duration_ms(text: pl.Expr, unit: str) -> pl.Expr:
    """Return a written duration in milliseconds, null where it is none or beyond `MAX_DURATION_MS`.

    unit: what a number without a unit means, `s` or `ms`.
    """
    return text.map_batches(lambda texts: _durations(texts, unit), return_dtype=pl.Float64)


def _durations(texts: pl.Series, unit: str) -> pl.Series:
    plain = pl.col("t").str.contains(_PLAIN_DURATION)
    number = pl.col("t").str.strip_chars_end("ms").cast(pl.Float64, strict=False)
    ms = number * pl.when(pl.col("t").str.ends_with("ms")).then(1.0).otherwise(1000.0)
    read = pl.select(t=texts).select(value=pl.when(plain).then(ms))
    others = (read["value"].is_null() & texts.is_not_null()).arg_true()
    if len(others):
        read = read.with_columns(read["value"].scatter(others, _composed(texts.gather(others), unit)))
    return read.select(pl.when(pl.col("value") <= MAX_DURATION_MS).then("value")).to_series()


def _composed(texts: pl.Series, unit: str) -> pl.Series:
    """The durations of several parts, or without a unit."""
    parts = texts.str.extract_groups(DURATION).struct.unnest().select(pl.col(list(MS)).cast(pl.Float64, strict=False))
    # The empty text matches too: that is a bare number, or no duration at all.
    known = pl.any_horizontal(pl.col(name).is_not_null() for name in MS)
    total = pl.sum_horizontal(pl.col(name) * MS[name] for name in MS)
    bare = texts.str.extract(BARE, 1).cast(pl.Float64, strict=False) * (1000.0 if unit == "s" else 1.0)
    return parts.select(pl.when(known).then(total).otherwise(bare)).to_series()


def _code(text: pl.Expr, unit: str) -> pl.Expr:
    """A captured code; a signal counts as 128 + n, as shells report it."""
    return text.str.extract(CODE, 1).cast(pl.Int64, strict=False) + (128 if unit == "signal" else 0)


def _json(fields: dict[str, pl.Expr]) -> pl.Expr:
    """A JSON object of the captured strings, keys sorted, absent ones left out."""
    present = pl.struct(*(expression.alias(name) for name, expression in fields.items()))
    # GoogleSQL escapes the two separators of lines that JSON lets stand.
    written = present.struct.json_encode().str.replace_all("\u2028", "\\u2028", literal=True)
    written = written.str.replace_all("\u2029", "\\u2029", literal=True)
    return written.str.replace_all('"[a-z0-9_]+":null,?', "").str.replace(",}$", "}").replace({"{}": None})
