"""Blocks for unknown lines, as a start: a person names them, says what they mean, and keeps them.

Lines of one signature are one wording. What the signature masks becomes a field, what it keeps the pattern.
"""

import json
import re
from dataclasses import dataclass, field

import polars as pl

from parsers.dialect import faults
from parsers.signature import MASK
from parsers.traces import PREFIX

#: What a field may hold, the narrowest first: type, unit, what all values match, and the pattern for it.
_KINDS = (
    ("int", "1", r"^[0-9]{1,18}$", "[0-9]{1,18}"),
    ("float", "1", r"^[0-9]+\.[0-9]+$", r"[0-9]+\.[0-9]+"),
    ("duration", "ms", r"^[0-9]+(?:\.[0-9]+)?m?s$", r"[0-9]+(?:\.[0-9]+)?m?s"),
    ("text", "1", r"^[^ \r\n]+$", r"[^ \r\n]+"),
)
_ANY = ("text", "1", "", r"[^\r\n]+")
_OUTCOMES = {"WARNING": "degraded", **dict.fromkeys(("ERROR", "CRITICAL", "ALERT", "EMERGENCY"), "failure")}
_SHOWN = 3


@dataclass(frozen=True)
class Proposal:
    """A block and its worth: lines that it explains, and lines of good windows that it would have caught."""

    name: str
    outcome: str
    signature: str
    literal: str
    pattern: str
    fields: dict[str, tuple[str, str]]
    examples: list[str]
    near_misses: list[str] = field(default_factory=list)
    lines: int = 0
    good_lines: int = 0

    def toml(self) -> str:
        """Return the block, with its counts as a comment."""
        parts = [
            f"# explains {self.lines} unknown lines; would have caught {self.good_lines} lines of good windows",
            f'["{self.name}"]',
            f"meaning = {_quoted(self.signature)}",
            f'outcome = "{self.outcome}"',
            'source  = "lines of the service; name it, say what it means"',
        ]
        parts += [
            f'fields.{name} = {{ type = "{kind}", unit = "{unit}", meaning = "{name}" }}'
            for name, (kind, unit) in self.fields.items()
        ]
        near = "".join(f"    {_quoted(line)},\n" for line in self.near_misses)
        parts += [
            f"near_misses = [\n{near}]",
            f'\n[["{self.name}".match]]',
            f"literal = {_quoted(self.literal)}",
            f"pattern = {_quoted(self.pattern)}",
        ]
        parts += [f'\n[["{self.name}".example]]\nline = {_quoted(line)}' for line in self.examples]
        return "\n".join(parts) + "\n"


def propose(unknown: pl.DataFrame, known: pl.Series, good: pl.Series, most: int) -> list[Proposal]:
    """Return blocks for the most frequent signatures, those that explain most lines first.

    unknown: text, level and signature of unknown lines, redacted. known: texts of the other lines; with
    the unknown ones they give near misses. good: texts of windows that were well. Stack traces are left out: the
    catalogue has their forms.
    """
    groups = (
        unknown.drop_nulls("signature")
        .filter(~pl.col("signature").str.starts_with(PREFIX))
        .group_by("signature")
        .agg(pl.len().alias("n"), pl.col("text"), pl.col("level").mode().sort().first())
        .sort(["n", "signature"], descending=[True, False])
    )
    texts = unknown["text"]
    others = pl.concat([texts, known]).unique(maintain_order=True)
    proposals: list[Proposal] = []
    names: set[str] = set()
    explained = pl.Series([False]).new_from_index(0, len(texts))
    for signature, _, lines, level in groups.iter_rows():
        if len(proposals) == most:
            break
        wording = _wording(signature, pl.Series(lines))
        if wording is None:
            continue
        literal, pattern, fields = wording
        hits = texts.str.contains(pattern) & ~explained
        if not hits.any():
            continue  # an earlier block explains them
        explained = explained | hits
        name = _name(signature, names)
        near = others.filter(others.str.contains(_start(literal), literal=True) & ~others.str.contains(pattern))
        proposals.append(
            Proposal(
                name=name,
                outcome=_OUTCOMES.get(level, "info"),
                signature=signature,
                literal=literal,
                pattern=pattern,
                fields=fields,
                examples=pl.Series(lines).unique(maintain_order=True).head(_SHOWN).to_list(),
                near_misses=near.head(_SHOWN).to_list(),
                lines=int(hits.sum()),
                good_lines=int(good.str.contains(pattern).sum()),
            )
        )
    return sorted(proposals, key=lambda proposal: (-proposal.lines, proposal.name))


def _wording(signature: str, lines: pl.Series) -> tuple[str, str, dict[str, tuple[str, str]]] | None:
    """Literal, pattern and fields that hold for all lines of a signature; None where no fixed text is left."""
    fixed = signature.split(MASK)
    literal = max(fixed, key=len)
    if len(literal.strip()) < 3:
        return None
    holes = range(len(fixed) - 1)
    loose = "".join(f"{_escaped(fixed[n])}(?P<h{n}>[^\r\n]+?)" for n in holes) + _escaped(fixed[-1])
    if fixed[-1] == "" and holes:
        loose = loose[:-2] + ")"  # the last one takes the rest of the line
    if holes and lines.str.contains(loose).all():
        captured = lines.str.extract_groups(loose).struct.unnest()
        fields: dict[str, tuple[str, str]] = {}
        pattern = _escaped(fixed[0])
        for number, after in zip(holes, fixed[1:], strict=True):
            kind, unit, _, body = next(
                (form for form in _KINDS if captured[f"h{number}"].str.contains(form[2]).all()), _ANY
            )
            name = _field(fixed[number], fields)
            fields[name] = (kind, unit)
            pattern += f"(?P<{name}>{body})" + _escaped(after)
        if lines.str.contains(pattern).all() and not faults(pattern, literal):
            return literal, pattern, fields
    plain = _escaped(literal)
    holds = lines.str.contains(literal, literal=True).all() and not faults(plain, literal)
    return (literal, plain, {}) if holds else None


def _escaped(text: str) -> str:
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text)


def _field(before: str, taken: dict[str, tuple[str, str]]) -> str:
    """A name for a field: the word before it."""
    word = re.search(r"([A-Za-z][A-Za-z0-9_]*)[^A-Za-z0-9]*$", before)
    name = word[1].lower() if word else "value"
    return name if name not in taken else next(f"{name}_{n}" for n in range(2, 99) if f"{name}_{n}" not in taken)


def _name(signature: str, taken: set[str]) -> str:
    """A name that is free: the first words of the signature."""
    words = re.findall(r"[a-z][a-z0-9]*", signature.replace(MASK, " ").lower())[:4] or ["line"]
    name = "app." + "_".join(words)
    free = name if name not in taken else next(f"{name}_{n}" for n in range(2, 9999) if f"{name}_{n}" not in taken)
    taken.add(free)
    return free


def _start(literal: str) -> str:
    """The first word of a literal, which lines that are nearly so share with it."""
    return max(re.split(r"[^A-Za-z0-9]+", literal), key=len) or literal


def _quoted(text: str) -> str:
    """A string of TOML: literal where it can be."""
    if "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
