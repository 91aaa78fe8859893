"""The portable pattern dialect: what polars (Rust regex) and BigQuery (RE2) both understand, and mean alike.

Rules and proof: `\\d \\w \\s \\b` are Unicode in polars and ASCII in RE2; look-around and back-references exist in
neither; unnamed groups and `(?<name>` are refused by BigQuery or DuckDB; set operations in classes differ.
"""

import re
import warnings
from re import _constants as sre  # type: ignore[attr-defined]  # the only parser of patterns in the standard library
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

#: Refused outside character classes.
_FORBIDDEN = (
    (r"\(\?<?[=!]", "look-around exists in neither engine"),
    (r"\(\?P=", "back-references exist in neither engine"),
    (r"\(\?<[A-Za-z_]", "write (?P<name>…): DuckDB refuses (?<name>…)"),
    (r"\((?!\?)", "write (?:…) or (?P<name>…): BigQuery allows one capturing group per call"),
    (r"\(\?[a-zA-Z-]+[:)]", "no inline flags; write both letters as a class: [Aa]"),
    (r"\(\?[^:<=!Pa-zA-Z-]", "groups are (?:…) or (?P<name>…): neither engine has comments, conditions or (?>…)"),
    (r"\(\?P<(?![a-z][a-z0-9_]*>)", "a field's name has lower-case letters, digits and _ only"),
    (r"[*+?}]\+", "possessive quantifiers exist in neither engine"),
)

#: Refused everywhere.
_ESCAPES = (
    (r"\\[1-9]", "back-references exist in neither engine"),
    (r"\\[dDwWsSbBAzZ]", "write [0-9], [A-Za-z0-9_], [ \\t]: \\d \\w \\s \\b are Unicode in polars, ASCII in BigQuery"),
    (r"\\(?:[<>QEGKRXpPuxNC0]|[^ -~])", "this escape differs between the engines"),
)

#: A group of a pattern that has a name, and what may look like one: an escape, a class.
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<([a-z][a-z0-9_]*)>", re.DOTALL)

#: The largest repetition that RE2 takes, nested ones multiplied.
_REPETITIONS = 1000


def faults(pattern: str, literal: str) -> list[str]:
    """Return what is wrong with a pattern, in sentences; empty for a portable one.

    Also checks that `literal` stands in every text the pattern matches, and that no field can be the empty string
    (then null means absent on every engine).
    """
    bare = re.sub(r"\\\\", "__", pattern)
    unescaped = re.sub(r"\\[()\[\]{}.*+?|^$/'\"-]", "__", bare)
    classes = re.findall(r"\[\^?\]?[^\]]*\]", unescaped)
    outside = re.sub(r"\[\^?\]?[^\]]*\]", "__", unescaped)
    broken = [text for rule, text in _FORBIDDEN if re.search(rule, outside)]
    broken += [text for rule, text in _ESCAPES if any(re.search(rule, item) for item in (outside, *classes))]
    if any(re.search(r"&&|--|~~|\[.*\[", item) for item in classes):
        broken.append("a class holds [, &&, -- or ~~: a set operation in polars, literals in BigQuery")
    if re.search(r"\{(?![0-9]+(?:,[0-9]*)?\})", outside):
        broken.append("write \\{ for a brace")
    if broken:
        return broken
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = sre_parser.parse(pattern)
    except (re.error, FutureWarning, DeprecationWarning) as error:
        return [f"not a pattern: {error}"]
    if _repetitions(tree) > _REPETITIONS:
        broken.append(f"a repetition above {_REPETITIONS} is refused by BigQuery (nested ones are multiplied)")
    if re.search(pattern, "") is not None:
        broken.append("the pattern matches the empty text")
    for name, number in tree.state.groupdict.items():
        if _can_be_empty(tree, number):
            broken.append(f"field {name!r} can be the empty string; make the group optional and its body not")
    if not any(literal in run for run in _literal_runs(tree)):
        broken.append(f"the literal {literal!r} need not stand in a match of the pattern")
    return broken


def only(pattern: str, name: str) -> str:
    """Return the pattern with one capturing group, or with none: GoogleSQL's REGEXP_EXTRACT takes no second."""
    return _GROUP.sub(lambda m: m[0] if not m[1] else "(" if m[1] == name else "(?:", pattern)


def groups(pattern: str) -> list[str]:
    """Return the names of the pattern's groups, in their order."""
    return list(re.compile(pattern).groupindex)


def _can_be_empty(tree: Any, number: int) -> bool:
    """Whether group `number` can match the empty string."""
    for operator, argument in tree:
        if operator is sre.SUBPATTERN:
            group, _, _, body = argument
            if group == number:
                return bool(body.getwidth()[0] == 0)
            if _can_be_empty(body, number):
                return True
        elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            if _can_be_empty(argument[2], number):
                return True
        elif operator is sre.BRANCH and any(_can_be_empty(branch, number) for branch in argument[1]):
            return True
    return False


def _repetitions(tree: Any) -> int:
    """The largest product of nested counted repetitions."""
    most = 1
    for operator, argument in tree:
        if operator is sre.SUBPATTERN:
            most = max(most, _repetitions(argument[3]))
        elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, limit, body = argument
            count = least if limit is sre.MAXREPEAT else limit
            most = max(most, max(1, int(count)) * _repetitions(body))
        elif operator is sre.BRANCH:
            most = max(most, *(_repetitions(branch) for branch in argument[1]))
    return most


def _literal_runs(tree: Any) -> list[str]:
    """Runs of fixed characters that every match contains."""
    runs = [""]

    def walk(sequence: Any) -> None:
        for operator, argument in sequence:
            if operator is sre.LITERAL:
                runs[-1] += chr(argument)
            elif operator is sre.SUBPATTERN:
                walk(argument[3])
            elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] >= 1:
                runs.append("")
                walk(argument[2])
                runs.append("")
            elif operator is not sre.AT:
                runs.append("")

    walk(tree)
    return runs
