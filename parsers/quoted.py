"""Failures that a line only mentions: quoted by an informational line, or reported as not there.

A failing event does not count where its literal stands inside a quotation that the line opened before and its level
is stated and below WARNING, nor where what follows says that there was none of it (`database connection failed: 0`).
`parsers.to_polars` and `parsers.to_googlesql` ask both of the text before and after the literal.
"""

#: A line at one of these levels quotes rather than reports; DEFAULT is no level, it is stated nowhere.
LOW = ("DEBUG", "INFO", "NOTICE")

#: What a quotation may hold: anything but a line break and its own end; what is escaped does not end it.
_DOUBLE = r'(?:[^"\\\n]|\\[^\n])*'
_SINGLE = r"""(?:[^'"\n]|[A-Za-z]'[a-z])*"""

_ERROR = "(?:err(?:or)?|Error|exception|Exception)"
_MESSAGE = "(?:(?:err(?:or)?_?)?(?:msg|message)|Message|MESSAGE|event|@mt?|@x)"
_KEY = f"(?:^|[^A-Za-z0-9_])(?:{_ERROR}|{_MESSAGE})"

#: Of the text before the literal: a quotation is open at its end, and what says that it is the line's own message.
QUOTATIONS = (
    (
        rf'(?:^|\n){_DOUBLE}"(?:{_DOUBLE}"{_DOUBLE}")*{_DOUBLE}$',
        rf'(?:{_KEY}(?:" ?: ?|=)|(?:^|[^A-Za-z0-9_]){_ERROR}: )"{_DOUBLE}$',
    ),
    (
        rf"(?:^|[ =:(\[{{,])'{_SINGLE}$",
        rf"(?:{_KEY}(?:' ?: ?|=)|(?:^|[^A-Za-z0-9_]){_ERROR}: )'{_SINGLE}$",
    ),
    # One inside of a JSON string, and those of typography.
    (r'[ =:(\[{,]\\"[^"\n]*$|[“„][^“”\n]*$|«[^»\n]*$', ""),
)

#: Of the text from the literal on: none of it. Not of exceptions, for `KeyError: 0` is one.
NEGATED = (
    r"^(?:(?:[^\n:=]*[ _])?(?:[Ff]ail(?:ed|ures?)|lost|down|unavailable|unreachable|refused|[Ee]xceeded|limited|"
    r"reached|away|already|denied|closed|timed out|u?ncaughtException|u?nhandledRejection)|"
    r"[^\n:=]*[ _](?:[Ee]rrors?|count|total))"
    r"""(?: for [a-z]+)?["']?(?:[:=] ?|\} )["']?(?:0|[Ff]alse|[Nn]one|[Nn]o|[Oo][Kk])["')}\]]*(?:[,;|]|[ \t\r\n]*$)"""
)
