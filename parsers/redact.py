"""Personal data and secrets become fixed tokens, before anything else sees the text.

`RULES` are data: the same list makes polars calls here and nested REGEXP_REPLACE calls in GoogleSQL, so both engines
store the same bytes. Digests (`subject`, `client`) are taken from the text before it is redacted.

What a service's own filter left (`Token=REDACTED`) is no secret and stays: a value is masked only where it holds
something other than a capital letter.
"""

import hashlib
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Rule:
    """One replacement. `literals`: one of them stands in every match, so other rows are not searched at all."""

    name: str
    literals: tuple[str, ...]
    pattern: str
    replacement: str


#: No word boundaries in the portable dialect: the character before is captured and put back as ${1}.
_START = r"(^|[^A-Za-z0-9_])"

#: An identifier of a person holds at least four digits; words, `demo-user-001` and `service:backend` are none.
_USER = r"[A-Za-z_|-]{0,64}(?:[0-9][A-Za-z_|-]{0,64}){4,}(?:\.\.\.)?"
_BEFORE_USER = (
    r"(?:^|[^A-Za-z])(?:user_id|userId|user id|user|User|USER|uid|sub|subject|principal|principalSubject|account_id"
    r"|customer_id|connection for)(?:\\?[\"'])?(?:[:=] ?| )(?:\\?[\"'])?"
)

_NAMED = (
    r"[Pp]assword|PASSWORD|[Pp]asswd|[Pp]wd|[Ss]ecret|[A-Z_]*SECRET(?:_KEY)?|[Ss]ecret_?[Kk]ey|[Aa]pi[_-]?[Kk]ey"
    r"|[A-Z_]*API_KEY|[Aa]ccess_?[Tt]oken|[Rr]efresh_?[Tt]oken|[Ii]d_?[Tt]oken|[Pp]rivate_?[Kk]ey|[Ss]et-[Cc]ookie"
    r"|[Cc]ookie|[Ss]ession_?[Kk]ey|[Xx]-[Aa]pi-[Kk]ey|[Aa]uthorization"
)
_VALUE = r"[A-Z]{0,64}[^A-Z \t\n\"',;&(){}<>\[\]\\][^ \t\n\"',;&(){}<>\[\]\\]{3,}"

RULES: tuple[Rule, ...] = (
    Rule(
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[A-Za-z0-9+/= \n\r\\]*-----END [A-Z ]*PRIVATE KEY-----)?",
        "<key>",
    ),
    Rule("JSON web token", ("eyJ",), r"eyJ[A-Za-z0-9_=-]{4,}(?:\.[A-Za-z0-9_=-]+){0,2}", "<token>"),
    Rule(
        "credentials of a header",
        ("earer ", "asic ", "EARER ", "ASIC "),
        r"([Bb]earer |BEARER |[Bb]asic |BASIC )[A-Z]{0,64}[a-z0-9+/_.~-][A-Za-z0-9+/_.~-]{15,}=*",
        "${1}<token>",
    ),
    Rule(
        "key of a vendor",
        (
            *("AKIA", "ASIA", "AIza", "sk-", "sk_", "rk_", "pk_", "ghp_", "gho_", "ghs_", "ghu_", "ghr_"),
            *("github_pat_", "glpat-", "xox", "ya29.", "SG.", "npm_", "hf_", "GOCSPX-", "dop_v1_", "shpat_", "1//0"),
        ),
        _START + r"(?:(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|[sr]k-(?:proj-|ant-|live-|or-)*[0-9A-Za-z]{16,}"
        r"[0-9A-Za-z_-]*|[srp]k_(?:live|test)_[0-9A-Za-z]{10,}|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_[0-9A-Za-z_]{20,}"
        r"|glpat-[0-9A-Za-z_-]{16,}|xox[abeprs]-[0-9A-Za-z-]{10,}|ya29\.[0-9A-Za-z_-]{10,}"
        r"|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|npm_[0-9A-Za-z]{30,}|hf_[0-9A-Za-z]{30,}"
        r"|GOCSPX-[0-9A-Za-z_-]{20,}|dop_v1_[0-9a-f]{40,}|shpat_[0-9a-f]{20,}|1//0[0-9A-Za-z_-]{30,})",
        "${1}<key>",
    ),
    Rule("credentials in a URL", ("://",), r"(://)[^/@ \"'<>*]{1,256}@", "${1}<token>@"),
    Rule(
        "secret by its name",
        ("assw", "ASSW", "pwd", "Pwd", "ecret", "SECRET", "ey", "KEY", "oken", "ookie", "uthorization"),
        rf"((?:{_NAMED})(?:\\?[\"'])? ?[:=] ?(?:\\?[\"'])?){_VALUE}",
        "${1}<secret>",
    ),
    Rule(
        "token by its name",
        ("oken", "TOKEN"),
        r"([Tt]oken|TOKEN)((?:\\?[\"'])? ?[:=] ?(?:\\?[\"'])?)[A-Za-z0-9_.+/=-]{0,128}[0-9a-z][A-Za-z0-9_.+/=-]{19,}",
        "${1}${2}<token>",
    ),
    Rule(
        "e-mail address",
        ("@",),
        r"[A-Za-z0-9.!#$%&'+/=?^_`|~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+",
        "<email>",
    ),
    Rule(
        "user id",
        ("user", "User", "USER", "uid", "sub", "principal", "account_id", "customer_id", "connection for"),
        f"({_BEFORE_USER}){_USER}",
        "${1}<user>",
    ),
    Rule("Google subject", (), r"1[0-9]{20}", "<user>"),
    Rule("IP address, version 4", (), r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", "<ip>"),
    Rule(
        "IP address, version 6",
        (),
        r"(^|[^A-Za-z0-9_:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
        r"|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}|(?:[0-9A-Fa-f]{4}:){1,7}:)",
        "${1}<ip>",
    ),
)

#: Rows that none of this matches hold none of the rules without literals.
_NUMERIC = "|".join(f"(?:{rule.pattern})" for rule in RULES if not rule.literals)

_SUBJECT = f"{_BEFORE_USER}({_USER})"


def redact(texts: pl.Series) -> pl.Series:
    """Return the texts with personal data and secrets replaced; null stays null.

    Same result as applying every rule to every text in order: the literals only spare work.
    """
    texts = texts.clone()  # scatter writes in place
    numeric = texts.str.contains(_NUMERIC)
    for rule in RULES:
        candidates = texts.str.contains_any(list(rule.literals)) if rule.literals else numeric
        rows = candidates.fill_null(False).arg_true()
        if len(rows):
            replaced = texts.gather(rows).str.replace_all(rule.pattern, rule.replacement)
            texts = texts.scatter(rows, replaced)
    return texts


def redact_text(text: str) -> str:
    """Return one text redacted."""
    return str(redact(pl.Series([text], dtype=pl.String))[0])


def subjects(texts: pl.Series) -> pl.Series:
    """Return the first 8 characters of each text's first user identifier, or null.

    Logs show both `10146348...` and the whole id: by their first 8 characters they are one subject.
    """
    literals = next(rule.literals for rule in RULES if rule.name == "user id")
    rows = texts.str.contains_any(list(literals)).fill_null(False).arg_true()
    found = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    return found.scatter(rows, texts.gather(rows).str.extract(_SUBJECT, 1).str.head(8)) if len(rows) else found


def digest(identifiers: pl.Series, key: bytes) -> pl.Series:
    """Return the first 12 hex digits of SHA256(key + identifier), null for null."""
    known = identifiers.drop_nulls().unique().to_list()
    table = {value: hashlib.sha256(key + value.encode()).hexdigest()[:12] for value in known}
    return identifiers.replace_strict(table, default=None, return_dtype=pl.String)


#: Rules whose finds in a report are leaks; numbers and names of users also occur in what a report says of itself.
_LEAKS = ("private key", "JSON web token", "credentials of a header", "key of a vendor", "e-mail address")


def leaks(text: str) -> list[str]:
    """Return the kinds of secrets and personal data that a text still holds; empty for a clean one."""
    series = pl.Series([text], dtype=pl.String)
    return [rule.name for rule in RULES if rule.name in _LEAKS and series.str.contains(rule.pattern)[0]]
