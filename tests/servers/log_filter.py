"""The part of the Logging query language that is sent to the server of these tests, read and evaluated.

NOT > OR > AND, as the service has it: OR binds tighter than AND. Strings compare without regard to case, times as
numbers, and a regular expression finds anywhere. What is not known raises ValueError, so that no filter of ours can
be taken for another one.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<op>>=|<=|!=|=~|!~|[=<>:(),])|(?P<word>[A-Za-z_@][\w.@/-]*|\d+))'
)
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
TIMES = ("timestamp", "receiveTimestamp")


@lru_cache(maxsize=100_000)
def nanoseconds(text):
    """RFC 3339 in UTC as ns since 1970."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)


@lru_cache(maxsize=1000)
def log_of(name):
    """The log of a logName."""
    return unquote(name.partition("/logs/")[2])


def compiled(text):
    """A function of an entry that says whether the filter holds."""
    tokens = tokenize(text)
    if not tokens:
        return lambda _entry: True
    parser = Parser(tokens)
    found = parser.conjunction()
    if parser.tokens:
        raise ValueError(f"unexpected {parser.tokens[0]}")
    return found


def tokenize(text):
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if not found:
            raise ValueError(f"cannot be read at {text[at : at + 20]!r}")
        kind = found.lastgroup
        value = found[kind]
        if kind == "string":
            value = ESCAPE.sub(lambda one: chr(int(one[1], 16)) if one[1] else LETTERS.get(one[2], one[2]), value[1:-1])
        tokens.append((kind, value))
        at = found.end()
    return tokens


class Parser:
    def __init__(self, tokens):
        self.tokens = tokens

    def next_is(self, *values):
        return bool(self.tokens) and self.tokens[0][0] != "string" and self.tokens[0][1] in values

    def take(self):
        if not self.tokens:
            raise ValueError("ends early")
        return self.tokens.pop(0)

    def conjunction(self):
        parts = [self.disjunction()]
        while self.tokens and not self.next_is(")"):
            if self.next_is("AND"):
                self.take()
            parts.append(self.disjunction())
        return lambda entry: all(part(entry) for part in parts)

    def disjunction(self):
        parts = [self.negation()]
        while self.next_is("OR"):
            self.take()
            parts.append(self.negation())
        return lambda entry: any(part(entry) for part in parts)

    def negation(self):
        if self.next_is("NOT"):
            self.take()
            part = self.negation()
            return lambda entry: not part(entry)
        if self.next_is("("):
            self.take()
            part = self.conjunction()
            if not self.next_is(")"):
                raise ValueError("a parenthesis is not closed")
            self.take()
            return part
        return self.comparison()

    def comparison(self):
        kind, name = self.take()
        if kind != "word":
            raise ValueError(f"{name!r} is no field")
        if name == "log_id":
            (_, opened), (given, log), (_, closed) = self.take(), self.take(), self.take()
            if (opened, given, closed) != ("(", "string", ")"):
                raise ValueError("log_id takes one string")
            return lambda entry: log_of(entry.get("logName", "")) == log
        _, operator = self.take()
        kind, wanted = self.take()
        if operator not in COMPARISONS or kind == "op":
            raise ValueError(f"{operator} {wanted} is no comparison")
        if name in TIMES:
            moment = nanoseconds(wanted)
            return lambda entry: name in entry and COMPARISONS[operator](nanoseconds(entry[name]), moment)
        if operator == "=~":
            pattern = re.compile(wanted)
            return lambda entry: pattern.search(field(entry, name) or "") is not None
        folded = wanted.lower()
        return lambda entry: COMPARISONS[operator]((field(entry, name) or "").lower(), folded)


COMPARISONS = {
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    ":": lambda have, want: want in have,
    "=~": None,
    ">=": lambda have, want: have >= want,
    ">": lambda have, want: have > want,
    "<": lambda have, want: have < want,
    "<=": lambda have, want: have <= want,
}


def field(entry, path):
    for name in path.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry if isinstance(entry, str) else None
