"""What a rule of redaction is, and the pieces of pattern that several rules share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, reduce
from itertools import product
from operator import or_


@dataclass(frozen=True)
class Sign:
    """A cheaper pattern that matches wherever its rules do, so other rows are not searched; it is polars' alone.

    literals: texts, of which one stands in whatever its rules match, in any case of ASCII letters. form: that part of
    the pattern that has none.
    """

    pattern: str
    literals: tuple[str, ...]
    form: str = ""

    def __or__(self, other: "Sign") -> "Sign":
        form = "|".join(form for form in (self.form, other.form) if form)
        return Sign(f"{self.pattern}|{other.pattern}", (*self.literals, *other.literals), form)


def by_form(pattern: str) -> Sign:
    """Return the sign of rules that are known by a form alone."""
    return Sign(pattern, (), pattern)


@dataclass(frozen=True)
class Rule:
    """One replacement, in the portable dialect (STYLE.md section 3), with what it must change and must not.

    examples: texts that this rule changes. near_misses: texts that no rule changes. In both `{n20}` stands for 20
    random letters and digits, so that no scanner takes them for real (`tests/parsers/leak_kinds.py` draws them).
    """

    name: str
    sign: Sign
    pattern: str
    replacement: str
    examples: tuple[str, ...]
    near_misses: tuple[str, ...]


#: No word boundaries in the portable dialect: the character before is captured and put back as ${1}. In JSON text an
#: escaped newline or tab stands before, in a URL an escape, whose letters are no part of the word.
_START = r"^|[^A-Za-z0-9_]|\\[nrt]|%[0-9A-Fa-f]{2}"
START = f"({_START})"
#: The same without digits: `DB2_PASSWORD`, `user1 token`.
WORD_START = r"(?:^|[^A-Za-z]|\\[nrt]|%[0-9A-Fa-f]{2})"

#: A space, also in a URL; a quote, also in JSON, a URL or HTML; what stands between a name and its value.
SPACE = r"(?: |%20|\+)"
QUOTE = r"(?:\\*[\"']|%2[27]|&quot;|&#3[49];)"
IS = rf"{SPACE}?(?::=|=>|->|[:=]|%3[AaDd](?:%3[Ee])?){SPACE}?"


def literals(*texts: str, after: str = "") -> Sign:
    """Return the sign of rules of which one of the texts stands in every match, in any case, with `after` behind it."""
    pattern = f"(?i:(?:{'|'.join(re.escape(text) for text in dict.fromkeys(texts))}){after})"
    return Sign(pattern, tuple(dict.fromkeys(text.lower() if text.isascii() else text for text in texts)))


def named(*names: str, after: str = "") -> Sign:
    """Return the sign of rules of which a spelling of one of the names stands in every match (`spelled`)."""
    # The last two words tell enough.
    endings = list(dict.fromkeys(tuple(name.split()[-2:]) for name in names))
    texts = [
        separator.join(cased)
        for words in endings
        for cased in product(*map(_cases, words))
        for separator in (_SEPARATORS if len(words) > 1 else ("",))
    ]
    pattern = "|".join("[ _.-]?".join(map(re.escape, words)) for words in endings)
    return Sign(f"(?i:(?:{pattern}){after})", tuple(texts))


#: What may stand between two words of a name.
_SEPARATORS = ("", " ", "_", ".", "-")


def _cases(word: str) -> tuple[str, ...]:
    """The spellings of a word in lower case that differ in other than ASCII letters."""
    spellings = (word, word.capitalize(), word.upper())
    lowered = ("".join(letter.lower() if letter.isascii() else letter for letter in text) for text in spellings)
    return tuple(dict.fromkeys(lowered))


def words(*texts: str, after: str = "") -> Sign:
    """Return the sign of rules of which one of the texts stands in every match, with no letter before it."""
    sign = literals(*texts, after=after)
    return Sign(rf"(?:^|[^A-Za-z]|\\[nrt]|%[0-9A-Fa-f]{{2}}|bot){sign.pattern}", sign.literals)


@dataclass(frozen=True)
class Step:
    """Neighbouring rules that leave the same token, as one pattern: an engine compiles and runs it once."""

    rules: tuple[Rule, ...]
    pattern: str
    replacement: str

    @property
    def sign(self) -> Sign:
        """What matches wherever one of the rules does."""
        return either(rule.sign for rule in self.rules)


#: GoogleSQL's REGEXP_REPLACE knows nine groups.
_MOST_GROUPS = 9
_REFERENCE = re.compile(r"\$\{([0-9])\}")
#: Groups, a token, groups, and what stands behind: `${1}<token>`, `${1}${2}"<secret>${2}"`.
_REPLACEMENT = re.compile(r"((?:\$\{[0-9]\})*)([^$]+)((?:\$\{[0-9]\})*)([^$]*)")
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(\()(?!\?)", re.DOTALL)


def steps(rules: Iterable[Rule]) -> tuple[Step, ...]:
    """Return the rules in their order as steps. A group that took no part in a match is empty on both engines."""
    made: list[Step] = []
    for rule in rules:
        last = made[-1] if made else None
        merged = _merged(last, rule) if last else None
        if merged:
            made[-1] = merged
        else:
            made.append(Step((rule,), rule.pattern, rule.replacement))
    return tuple(made)


def either(signs: Iterable[Sign]) -> Sign:
    """Return the sign of all rules that have one of the signs."""
    return reduce(or_, dict.fromkeys(signs))


#: What of a pattern a digit stands in: never an escape or the numbers of a repetition.
_PIECE = re.compile(r"\\.|\{[0-9,]+\}|(\[(?!\^)(?:\\.|[^\]\\])*\])|(\[\^\]?(?:\\.|[^\]\\])*\])|([0-9])", re.DOTALL)


def one_digit(pattern: str) -> str:
    """Return a pattern that matches a text with 0 for all of its digits wherever the given one matches the text."""

    def widened(piece: re.Match[str]) -> str:
        some, none_of, digit = piece.groups()
        if none_of:
            assert "0-9" in none_of or not re.search("[0-9]", none_of), f"{none_of} is not the same for all digits"
        if some and re.search("[0-9]", some):
            return f"[0{some[1:]}"
        return "0" if digit else piece[0]

    return _PIECE.sub(widened, pattern)


def groups(made: Iterable[Step]) -> tuple[tuple[Sign, tuple[Step, ...]], ...]:
    """Return the steps in their order, neighbours together of which one has all signs of the other."""
    grouped: list[tuple[dict[Sign, None], tuple[Step, ...]]] = []
    for step in made:
        signs = dict.fromkeys(rule.sign for rule in step.rules)
        before, group = grouped[-1] if grouped else ({}, ())
        if before and (before.keys() <= signs.keys() or signs.keys() <= before.keys()):
            grouped[-1] = before | signs, (*group, step)
        else:
            grouped.append((signs, (step,)))
    return tuple((either(signs), group) for signs, group in grouped)


def _merged(step: Step, rule: Rule) -> Step | None:
    """The step with one more rule; None where its replacement is another, or its groups are too many."""
    groups, more = sum(_groups(merged.pattern) for merged in step.rules), _groups(rule.pattern)
    ours, theirs = _parts(step.replacement), _parts(rule.replacement)
    if ours[1::2] != theirs[1::2] or groups + more > _MOST_GROUPS:
        return None
    moved = [_REFERENCE.sub(lambda match: f"${{{int(match[1]) + groups}}}", part) for part in theirs]
    replacement = f"{ours[0]}{moved[0]}{ours[1]}{ours[2]}{moved[2]}{ours[3]}"
    return Step((*step.rules, rule), f"{step.pattern}|{rule.pattern}", replacement)


def _parts(replacement: str) -> tuple[str, ...]:
    parts = _REPLACEMENT.fullmatch(replacement)
    assert parts, replacement
    return parts.groups()


@cache
def _groups(pattern: str) -> int:
    return sum(1 for match in _GROUP.finditer(pattern) if match[1])


def spelled(*names: str) -> str:
    """Return a pattern of names as programs, headers, environments and people spell them: `apiKey`, `API_KEY`."""
    by_last: dict[str, list[str]] = {}
    for name in names:
        *first, last = name.split()
        by_last.setdefault(last, []).append("[ _.-]?".join(map(_cased, first)))
    parts = []
    for last, firsts in by_last.items():
        before = [first for first in firsts if first]
        optional = "" if len(before) == len(firsts) else "?"
        parts.append(f"(?:(?:{'|'.join(before)})[ _.-]?){optional}{_cased(last)}" if before else _cased(last))
    return "|".join(parts)


def _cased(word: str) -> str:
    """A word in lower case, in capitals, or with a capital first."""
    if word[0].isalpha():
        return f"(?:[{word[0].upper()}{word[0]}]{word[1:]}|{word.upper()})"
    return word if word == word.upper() else f"(?:{word}|{word.upper()})"


def capital_words(never: Iterable[str]) -> str:
    """Return a pattern of four and more capital letters that begin with none of the words' first four letters."""
    known = sorted({word[:4] for word in never})

    def after(prefix: str) -> str:
        depth = len(prefix)
        following = sorted({word[depth] for word in known if word.startswith(prefix)})
        others = "".join(letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in following)
        rest = f"[{others}]" + (f"[A-Z]{{{3 - depth},}}" if depth < 3 else "[A-Z]*")
        deeper = [letter + after(prefix + letter) for letter in following] if depth < 3 else []
        return f"(?:{'|'.join([rest, *deeper])})"

    return after("")


def capitalised_value(sentence: Iterable[str], ends: str) -> str:
    """Return a pattern of values that begin with one capital letter, but are no word that begins a sentence.

    sentence: such words, told by their first four letters; with a digit or sign in it such a word is a value after all.
    ends: the characters, escaped for a class, that no value has.
    """
    known = sorted({word[:4] for word in sentence})

    def after(prefix: str) -> str:
        depth = len(prefix)
        if depth == 4:
            return f"[a-z]*[^a-z{ends}][^{ends}]*"
        following = sorted({word[depth] for word in known if word.startswith(prefix)})
        deeper = [letter + after(prefix + letter) for letter in following]
        if depth == 0:
            capitals = "".join(letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in following)
            return "|".join([f"[{capitals}][^A-Z{ends}][^{ends}]{{3,}}", *deeper])
        other = f"[^{'A-Z' if depth == 1 else ''}{''.join(following)}{ends}]"
        return f"(?:{'|'.join([f'{other}[^{ends}]{{{4 - depth},}}', *deeper])})"

    return after("")
