"""What was read, source by source: the form, the entries, and those of no use with the first record of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.judge.numbers import count

#: Counts of `pipeline.run.Run.inputs` that name a trouble, what each means, and which field has its first record.
_TROUBLES = (
    ("other_types", "of other resource types", "first_other"),
    ("outside", "outside the window", None),
    ("unparsed", "could not be parsed", "first_unparsed"),
    ("cut", "cut for their size", None),
    ("repaired_utf8", "with invalid UTF-8 repaired", None),
)

#: So many sources are listed; summary.json has them all.
_MAX_SOURCES = 50


@dataclass(frozen=True)
class Source:
    """One source as a row of a table. troubles: "–" where there is none."""

    name: str
    form: str
    entries: int
    troubles: str


@dataclass(frozen=True)
class Inputs:
    """The sources of a run, and how many more there are. heading: all of it in a few words."""

    heading: str
    sources: list[Source]
    left_out: int


def inputs(given: Sequence[Mapping[str, object]]) -> Inputs | None:
    """Return the sources of a run as rows; None where nothing is known of them.

    given: `pipeline.run.Run.inputs`.
    """
    if not given:
        return None
    sources = [
        Source(str(source["source"]), str(source["form"] or "–"), _int(source["entries"]), _troubles(source))
        for source in given
    ]
    entries = count(sum(source.entries for source in sources), "entry", "entries")
    heading = f"{entries} from {count(len(sources), 'source')}"
    return Inputs(heading, sources[:_MAX_SOURCES], max(len(sources) - _MAX_SOURCES, 0))


def _troubles(source: Mapping[str, object]) -> str:
    parts = []
    for name, meaning, first in _TROUBLES:
        if n := _int(source.get(name)):
            record = source.get(first) if first else None
            parts.append(f"{n:,} {meaning}{f' (first: record {record})' if record is not None else ''}")
    return "; ".join(parts) or "–"


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
