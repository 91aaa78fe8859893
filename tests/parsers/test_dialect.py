"""Which patterns the catalogue takes: only those that every engine takes and reads alike."""

import re

import polars as pl
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.dialect import faults, groups
from parsers.model import load

LOOK_AROUND = "look-around exists in neither engine"
BACK_REFERENCE = "back-references exist in neither engine"
CLASSES = "write [0-9], [A-Za-z0-9_], [ \\t]: \\d \\w \\s \\b are Unicode in polars, ASCII in BigQuery"
ESCAPE = "this escape differs between the engines"
SET = "a class holds [, &&, -- or ~~: a set operation in polars, literals in BigQuery"
REPETITION = "a repetition above 1000 is refused by BigQuery (nested ones are multiplied)"
GROUPS = "groups are (?:…) or (?P<name>…): neither engine has comments, conditions or (?>…)"
UNNAMED = "write (?:…) or (?P<name>…): BigQuery allows one capturing group per call"

REFUSED = {
    "look-behind": (r"abc(?<=x)y", LOOK_AROUND),
    "negative look-behind": (r"abc(?<!x)y", LOOK_AROUND),
    "look-ahead": (r"abc(?=x)", LOOK_AROUND),
    "negative look-ahead": (r"abc(?!x)", LOOK_AROUND),
    "back-reference by number": (r"abc(?P<a>x)\1", BACK_REFERENCE),
    "back-reference by name": (r"abc(?P<a>x)(?P=a)", BACK_REFERENCE),
    "octal in a class": (r"abc[\1]", BACK_REFERENCE),
    "digits": (r"abc\d", CLASSES),
    "digits in a class": (r"abc[\d.]", CLASSES),
    "not digits": (r"abc\D", CLASSES),
    "word characters": (r"abc\w+", CLASSES),
    "blanks": (r"abc\s", CLASSES),
    "word boundary": (r"abc\b", CLASSES),
    "end of text": (r"abc\Z", CLASSES),
    "unnamed group": (r"abc(x)", UNNAMED),
    "named group of others": (r"abc(?<name>x)", "write (?P<name>…): DuckDB refuses (?<name>…)"),
    "name in capitals": (r"abc(?P<Name>x)", "a field's name has lower-case letters, digits and _ only"),
    "name in other letters": (r"abc(?P<größe>x)", "a field's name has lower-case letters, digits and _ only"),
    "flag": (r"(?i)abc", "no inline flags; write both letters as a class: [Aa]"),
    "flag of a group": (r"abc(?i:x)", "no inline flags; write both letters as a class: [Aa]"),
    "flag off": (r"abc(?-i:x)", "no inline flags; write both letters as a class: [Aa]"),
    "comment": (r"abc(?#note)", GROUPS),
    "atomic group": (r"abc(?>x)", GROUPS),
    "possessive plus": (r"abcx++", "possessive quantifiers exist in neither engine"),
    "possessive star": (r"abcx*+", "possessive quantifiers exist in neither engine"),
    "possessive count": (r"abcx{2}+", "possessive quantifiers exist in neither engine"),
    "a thousand and one": (r"abc{1001}", REPETITION),
    "two thousand or more": (r"abcd{2000,}", REPETITION),
    "up to 1001": (r"abcd{0,1001}", REPETITION),
    "nested, 1200 in all": (r"abc(?:d{30}){40}", REPETITION),
    "brace": (r"abc{", "write \\{ for a brace"),
    "brace with a word": (r"abc{name}", "write \\{ for a brace"),
    "brace without a least": (r"abc{,5}", "write \\{ for a brace"),
    "intersection": (r"abc[a-z&&aeiou]", SET),
    "difference": (r"abc[a-z--b]", SET),
    "symmetric difference": (r"abc[a-z~~b]", SET),
    "class in a class": (r"abc[a[b]", SET),
    "POSIX class": (r"abc[[:alpha:]]", SET),
    "NUL": (r"abc\0", ESCAPE),
    "NUL in a class": (r"abc[\0]", ESCAPE),
    "hexadecimal": (r"abc\x41", ESCAPE),
    "property": (r"abc\pL", ESCAPE),
    "quoting": (r"abc\Qx\E", ESCAPE),
    "word start": (r"abc\<x", ESCAPE),
    "escaped letter of another alphabet": (r"abc\é", ESCAPE),
    "empty field": (r"abc(?P<a>x*)", "field 'a' can be the empty string; make the group optional and its body not"),
    "empty alternative": (
        r"abc(?P<a>x|)",
        "field 'a' can be the empty string; make the group optional and its body not",
    ),
    "empty field inside": (
        r"abc(?:y(?P<a>x?))?",
        "field 'a' can be the empty string; make the group optional and its body not",
    ),
    "optional literal": (r"(?:abc)?d", "the literal 'abc' need not stand in a match of the pattern"),
    "one alternative has no literal": (r"(?:abc|x)d", "the literal 'abc' need not stand in a match of the pattern"),
    "literal of another case": (r"Abc", "the literal 'abc' need not stand in a match of the pattern"),
    "literal across a repetition": (r"ab+c", "the literal 'abc' need not stand in a match of the pattern"),
    "matches anything": (r"(?:abc)?", "the pattern matches the empty text"),
    "unclosed": (r"abc[", "not a pattern: unterminated character set at position 3"),
    "nothing to repeat": (r"*abc", "not a pattern: nothing to repeat at position 0"),
    "name twice": (
        r"abc(?P<a>x)(?P<a>y)",
        "not a pattern: redefinition of group name 'a' as group 2; was group 1 at position 15",
    ),
}

TAKEN = {
    "plain": r"abc",
    "a thousand": r"abcd{1000}",
    "nested, a thousand in all": r"abc(?:d{25}){40}",
    "optional field": r"abc(?: on (?P<a>[0-9]+))?",
    "literal over groups": r"a(?:b)(?P<a>c)",
    "literal behind ^": r"^abc$",
    "common start of alternatives": r"abcd|abce",
    "escaped specials": r"abc\(\)\[\]\{\}\.\*\+\?\|\^\$\\\/\-",
    "escaped ones that need none": r"abc\!\#\%\&\~\@\=\:\;\,\_",
    "controls": r"abc\n\r\t\f\v",
    "bracket first in its class": r"abc[]x][^]x]",
    "escaped bracket in a class": r"abc[\[\]\\^-]",
    "brackets of text before a class": r"abc\[[0-9]\] \[[a-z]",
    "backslash, then a letter": r"abc\\d",
    "lazy": r"abcx+?y*?z??",
    "emoji in a class": r"abc[✅🔑]",
    "groups in a class": r"abc[(?<=]",
}


@pytest.mark.parametrize(("pattern", "message"), REFUSED.values(), ids=REFUSED)
def test_what_engines_refuse_or_read_differently_is_named(pattern, message):
    """Each has its own sentence that says what to write."""
    assert message in faults(pattern, "abc")


@pytest.mark.parametrize("pattern", TAKEN.values(), ids=TAKEN)
def test_the_portable_dialect_is_taken(pattern):
    """Nothing to say of it, and all three engines compile it."""
    assert faults(pattern, "abc") == []
    assert pl.Series(["q"]).str.contains(pattern).to_list() == [False]
    assert re2.search(pattern, "q") is None


def test_all_faults_of_a_pattern_are_told():
    """Not the first alone."""
    assert faults(r"abc(\d)(?=x)", "abc") == [LOOK_AROUND, UNNAMED, CLASSES]
    assert len(faults(r"(?P<a>x*)d{1001}", "abc")) == 3


def test_groups_are_in_their_order():
    """As `extract_groups` gives them."""
    assert groups(r"(?P<b>x)(?:y(?P<a>z))?") == ["b", "a"]


PIECES = r"a b abc [0-9] [^x] [a- ] \] (?: (?P<f> (?<g> ( ) ? * + {2} {2,} {1001} { } | ^ $ . \d \. \\ \ "
PIECES += r"&& -- [ é \é (?# (?> \0"


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(PIECES.split()), max_size=8).map("".join))
def test_what_is_taken_compiles_everywhere(pattern):
    """Whatever else a pattern is, no engine is handed one that it refuses."""
    if not faults("abc" + pattern, "abc"):
        assert pl.Series(["q"]).str.contains("abc" + pattern).to_list() == [False]
        assert re2.search("abc" + pattern, "q") is None


def test_the_shipped_literals_stand_in_their_patterns():
    """Seen by matching: a text that holds no literal of a wording is matched by none."""
    for event in load().events:
        for match in event.match:
            for example in event.example:
                line = (example.line or "").replace(match.literal, "")
                assert match.literal in line or re.search(match.pattern, line) is None, event.name
