"""What spares redaction work hides nothing: proven of every literal, tried of every form."""

import random
import re
from re import _constants as op
from re import _parser as parser

import numpy as np
import polars as pl
import pytest

from parsers.redact import RULES, STEPS, redact
from parsers.redact.rule import one_digit
from tests.parsers.leak_kinds import drawn

LITERAL_RULES = [rule for rule in RULES if not rule.sign.form]
FORM_RULES = [rule for rule in RULES if rule.sign.form]


OTHER = "\x00"


class Unread:
    """Texts that hold none of some literals so far, told apart by how much of a literal stands at their end.

    ends: of each such end whether a text has it; a search without regard to ASCII case sees lower letters only.
    """

    def __init__(self, literals):
        prefixes = sorted({text[:end] for text in literals for end in range(len(text) + 1)})
        self.letters = {*"".join(literals), OTHER}
        number = {prefix: row for row, prefix in enumerate(prefixes)}
        self.start = np.arange(len(prefixes)) == number[""]
        self._next = {letter: np.full(len(prefixes), -1) for letter in self.letters}
        for prefix, row in number.items():
            for letter, following in self._next.items():
                text = prefix + letter
                ends = [text[start:] for start in range(len(text) + 1)]
                if not any(end in literals for end in ends):
                    following[row] = number[next(end for end in ends if end in number)]

    def step(self, ends, letters):
        """Return the ends after one more letter, without those that complete a literal."""
        after = np.zeros_like(ends)
        for letter in letters:
            reached = self._next[letter][ends]
            after[reached[reached >= 0]] = True
        return after

    def of(self, low, high):
        """Return the letters between two codes, as a search sees them."""
        if low == high > 127:
            return {chr(low) if chr(low) in self.letters else OTHER}
        near = {
            *range(low, min(high, 127) + 1),
            *(ord(letter) for letter in self.letters if low <= ord(letter) <= high),
        }
        seen = {chr(code).lower() if code < 128 else chr(code) for code in near}
        return {letter if letter in self.letters else OTHER for letter in seen} | ({OTHER} if high > 127 else set())


def letters_of(items, unread):
    """The letters of a class; of a negated one all, which is no fewer."""
    if items[0][0] is op.NEGATE:
        return unread.letters
    spans = [value if kind is op.RANGE else (value, value) for kind, value in items]
    return set().union(*(unread.of(low, high) for low, high in spans))


def without(tree, ends, unread):
    """Return how the texts that a pattern matches may end, of those that hold no literal."""
    for kind, value in tree:
        if kind is op.LITERAL:
            ends = unread.step(ends, unread.of(value, value))
        elif kind in (op.NOT_LITERAL, op.ANY):
            ends = unread.step(ends, unread.letters)
        elif kind is op.IN:
            ends = unread.step(ends, letters_of(value, unread))
        elif kind is op.BRANCH:
            ends = np.any([without(branch, ends, unread) for branch in value[1]], axis=0)
        elif kind is op.SUBPATTERN:
            ends = without(value[3], ends, unread)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            ends = repeated(*value, ends, unread)
        else:
            assert kind is op.AT, kind
    return ends


def repeated(least, most, tree, ends, unread):
    """The same of a repetition: what one more of it adds is all that the next one begins with."""
    for _ in range(least):
        ends = without(tree, ends, unread)
    more = ends
    for _ in range(int(most) - least):
        more = without(tree, more, unread) & ~ends
        if not more.any():
            break
        ends = ends | more
    return ends


def escapes(pattern, literals):
    """Whether a pattern matches a text that holds none of the literals."""
    unread = Unread(set(literals))
    return bool(without(parser.parse(pattern), unread.start, unread).any())


@pytest.mark.parametrize("rule", LITERAL_RULES, ids=lambda rule: rule.name)
def test_whatever_a_rule_matches_holds_one_of_its_literals(rule):
    """So texts without any of them need not be searched: shown of the pattern itself, for all texts."""
    assert not escapes(rule.pattern, rule.sign.literals)


def test_a_literal_too_few_is_noticed():
    """The proof fails where a spelling is missing."""
    pattern = "(?:[Aa]pi[ _]?[Kk]ey|token{1,3})="
    assert escapes(pattern, ("api_key", "apikey", "token"))
    assert not escapes(pattern, ("api_key", "apikey", "api key", "token"))


def test_forms_are_seen_whatever_their_digits_are():
    """With 0 for every digit an example still has the form."""
    for rule in FORM_RULES:
        form = re.compile(one_digit(rule.sign.form))
        for text in (drawn(text, seed) for text in rule.examples for seed in "123456789"):
            assert form.search(re.sub("[0-9]", "0", text)), (rule.name, text)


def test_a_pattern_for_one_digit_matches_where_the_pattern_did():
    """Classes, negated classes, literals, repetitions and escapes."""
    pattern = r"a{2}[1-3x][^0-9/]\.4%2[0-9]"
    assert one_digit(pattern) == r"a{2}[01-3x][^0-9/]\.0%0[00-9]"


def test_many_texts_are_redacted_like_each():
    """Among thousands of texts, which are searched in another way than few, and which differ in digits only."""
    rng = random.Random(7)
    examples = [drawn(text, seed) for rule in RULES for text in (*rule.examples, *rule.near_misses) for seed in "12"]
    texts = [*examples, *(re.sub("[0-9]", lambda _: rng.choice("0123456789"), text) for text in examples), None, ""]
    texts += [f"{rng.choice(examples)} {rng.choice(examples)}" for _ in range(1500)]
    every = pl.Series(texts, dtype=pl.String)
    for step in STEPS:
        every = every.str.replace_all(step.pattern, step.replacement)
    assert redact(pl.Series(texts, dtype=pl.String)).to_list() == every.to_list()


@pytest.mark.parametrize(
    "template",
    [
        "-----BEGIN+RSA+PRIVATE+KEY-----{b64}-----END+RSA+PRIVATE+KEY-----",
        "GET /x?key: {n24}",
        "cmd=curl+-u+shop:{n12}",
        "machine+a.example+login+shop+password+{n12}",
        "postgres://{n8}%40db",
        "mail to jane&%2364;example.com",
        "mail to jane (at] example.com",
        "https://discord.com/api%2Fwebhooks/{d18}/{w68}",
        "$apr1%24{n8}%24{n22}",
    ],
)
def test_mixed_spellings_are_redacted(template):
    """A rule knew them, and its sign did not."""
    text = drawn(template, "1")
    assert redact(pl.Series([text]))[0] != text
