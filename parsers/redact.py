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


#: No word boundaries in the portable dialect: the character before is captured and put back as ${1}. In JSON text an
#: escaped newline or tab stands before, whose letter is no part of the word.

#: An identifier of a person holds at least four digits; words, `demo-user-001` and `service:backend` are none.
_USER = r"[A-Za-z_|-]{0,64}(?:[0-9][A-Za-z_|-]{0,64}){4,}"
#: With nine digits it is taken for the whole id, which a log should not hold; a shorter one, such as the first eight
#: characters that careful services write, becomes `<user>...` with or without its dots.
_WHOLE_USER = r"[A-Za-z_|-]{0,64}(?:[0-9][A-Za-z_|-]{0,64}){9,}"
_SHORT_USER = rf"{_USER}(?:\.\.\.)?"
_USER_NAMES = (
    r"user|User|USER|[Uu]ser[._ -]?[Ii][Dd]|USER[_-]?ID|uid|sub|subject|principal|principalSubject|account_id"
    r"|customer_id|connection for"
)
_BEFORE_USER = rf"(?:^|[^A-Za-z]|\\[nrt])(?:{_USER_NAMES})(?:\\*[\"'])?(?:[:=] ?| )(?:\\*[\"'])?"
_NUMBER = r"-?[0-9](?:[.eE+-]*[0-9]){3,}"


def _spelled(*names: str) -> tuple[str, ...]:
    """The names as programs, headers, environments and people spell them: each is a literal."""
    found: dict[str, None] = {}
    for name in names:
        words = name.split()
        capitals = [word.capitalize() for word in words]
        found |= dict.fromkeys(joint.join(words) for joint in ("_", "-", "", " "))
        found |= dict.fromkeys(joint.join(capitals) for joint in ("_", "-", "", " "))
        found |= dict.fromkeys(joint.join(words).upper() for joint in ("_", "-", "", " "))
        found[words[0] + "".join(capitals[1:])] = None
        found[" ".join([*capitals[:1], *words[1:]])] = None
    return tuple(found)


#: What is called so is a secret, whatever it looks like. `PWD` alone is a folder, `PASS` alone a word of tests.
_NAMES = (
    *_spelled(
        "password", "passwd", "passphrase", "secret", "secret key", "secret access key", "api key", "private key"
    ),
    *_spelled(
        "account key", "session key", "encryption key", "access token", "refresh token", "id token", "auth token"
    ),
    *_spelled("set cookie", "cookie", "authorization"),
    *("pwd", "Pwd", "_pass", "_PASS", "API key", "API-Key", "JSESSIONID", "PHPSESSID", "connect.sid", "sessionid"),
)
_NAMED = "(?:" + "|".join(name.replace(".", "\\.") for name in _NAMES) + ")"

#: Without quotes: at least four characters, and not all capital letters as in REDACTED.
_VALUE = r"[A-Z]{0,64}[^A-Z \t\n\"',;&(){}<>\[\]\\][^ \t\n\"',;&(){}<>\[\]\\]{3,}"


def _quoted(name: str, never_first: str) -> tuple[str, str]:
    """Pattern and replacement of a secret in quotes: plain, in a string of JSON, or deeper; REDACTED is none."""

    def value(quotes: str, escape: str) -> str:
        first = rf"[A-Z]{{1,64}}(?:[^A-Z{quotes}\\\n]|{escape})|[^A-Z{never_first}{quotes}\\\n]|{escape}"
        return rf"(?:{first})(?:[^{quotes}\\\n]|{escape})*"

    any_escape = r"\\[^\n]"
    # An escape in a string of JSON that itself stands in a string of JSON.
    nested = r"\\\\(?:[^\"'\\\n]|\\[\"'\\])"
    kinds = (
        '(")' + value('"', any_escape),
        "(')" + value("'", any_escape),
        r"(\\\")" + value('"', nested),
        r"(\\')" + value("'", nested),
        rf"(\\\\+\")[A-Z]{{0,64}}[^A-Z{never_first}\"\\\n][^\"\\\n]*",
        rf"(\\\\+')[A-Z]{{0,64}}[^A-Z{never_first}'\\\n][^'\\\n]*",
    )
    return f"({name})(?:{'|'.join(kinds)})", "${1}${2}${3}${4}${5}${6}${7}<secret>"


_PAIR = r"[!#$%&*+.^_|~0-9A-Za-z-]+=[^; \t\r\n\"'\\]*"
_HEX = r"[0-9A-Fa-f]{1,4}"

RULES: tuple[Rule, ...] = (
    Rule(
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=,:.()\\ \n\r\t-]*?"
        r"-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|(?:[ \t]*(?:\r?\n|\\+[rn])*[A-Za-z0-9+/=]{4,})*)",
        "<key>",
    ),
    Rule("JSON web token", ("eyJ",), r"eyJ[A-Za-z0-9_=-]{4,}(?:\.[A-Za-z0-9_=-]+){0,4}", "<token>"),
    Rule(
        "credentials of a header",
        ("earer ", "asic ", "EARER ", "ASIC "),
        r"([Bb]earer |BEARER |[Bb]asic |BASIC )(?:[A-Z]{0,64}[a-z0-9+/_.~-][A-Za-z0-9+/_.~-]{15,}=*"
        r"|[A-Za-z0-9+/]{3,}(?:[a-z][A-Z]|[0-9])[A-Za-z0-9+/]{3,}=*)",
        "${1}<token>",
    ),
    Rule(
        "key of a vendor",
        (
            *("AKIA", "ASIA", "AIza", "sk-", "rk-", "sk_", "rk_", "pk_", "ghp_", "gho_", "ghs_", "ghu_", "ghr_"),
            *("github_pat_", "glpat-", "glrt-", "xox", "xapp-", "ya29.", "SG.", "npm_", "pypi-", "hf_", "GOCSPX-"),
            *("dop_v1_", "shpat_", "1//0", "whsec_", "dckr_pat_", "hvs.", "gsk_", "xai-", "hooks.slack.com/", ":AA"),
        ),
        r"(^|[^A-Za-z_]|\\[nrt]|bot)"
        r"(?:(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|[sr]k-[0-9A-Za-z]{16,}[0-9A-Za-z_-]*"
        r"|[sr]k-(?:proj|ant|live|or|svcacct|admin)-[0-9A-Za-z_-]{16,}"
        r"|[srp]k_(?:live|test)_[0-9A-Za-z]{10,}|gh[pousr]_[0-9A-Za-z]{20,}|github_pat_[0-9A-Za-z_]{20,}"
        r"|gl(?:pat|rt)-[0-9A-Za-z_-]{16,}|xox[abeprs]-[0-9A-Za-z-]{10,}|xapp-[0-9A-Za-z-]{10,}"
        r"|ya29\.[0-9A-Za-z_-]{10,}|SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}|npm_[0-9A-Za-z]{30,}"
        r"|pypi-[0-9A-Za-z_-]{30,}|hf_[0-9A-Za-z]{30,}|GOCSPX-[0-9A-Za-z_-]{20,}|dop_v1_[0-9a-f]{40,}"
        r"|shpat_[0-9a-f]{20,}|1//0[0-9A-Za-z_-]{30,}|whsec_[0-9A-Za-z+/]{20,}|dckr_pat_[0-9A-Za-z_-]{20,}"
        r"|hvs\.[0-9A-Za-z_-]{20,}|gsk_[0-9A-Za-z]{30,}|xai-[0-9A-Za-z]{30,}"
        r"|hooks\.slack\.com/services/[0-9A-Za-z/]+|[0-9]{8,10}:AA[0-9A-Za-z_-]{30,})[0-9A-Za-z]*",
        "${1}<key>",
    ),
    Rule(
        "credentials in a URL",
        ("://",),
        r"(://)[^/?# \t\r\n\"'<>\\]*[^/?# \t\r\n\"'<>\\*][^/?# \t\r\n\"'<>\\]*@",
        "${1}<token>@",
    ),
    Rule(
        "cookies",
        ("ookie", "OOKIE"),
        rf"([Cc]ookie|COOKIE)((?:\\*[\"'])?(?: ?[:=] ?|, )b?(?:\\*[\"'])?){_PAIR}(?:; ?[^; \t\r\n\"'\\]+)*",
        "${1}${2}<secret>",
    ),
    Rule(
        "authorization header",
        ("uthorization", "UTHORIZATION"),
        rf"((?:[Aa]uthorization|AUTHORIZATION) ?[:=] ?)(?:[A-Za-z][A-Za-z0-9-]* )?{_VALUE}",
        "${1}<secret>",
    ),
    Rule(
        "number by its secret name",
        _NAMES,
        rf"((\\*)\"[A-Za-z0-9_.-]*{_NAMED}\\*\": ?)-?[0-9](?:[0-9.eE+-]*[0-9])?",
        '${1}${2}"<secret>${2}"',
    ),
    Rule("secret in quotes by its quoted name", _NAMES, *_quoted(rf"{_NAMED}\\*[\"'] ?[:=] ?", "")),
    # A quote after `password:` may also be the end of a string of JSON: then a bracket, comma, colon or space follows.
    Rule("secret in quotes by its name", _NAMES, *_quoted(rf"{_NAMED} ?[:=] ?", r",:}\] ")),
    Rule("secret by its name", _NAMES, rf"({_NAMED} ?[:=] ?){_VALUE}", "${1}<secret>"),
    Rule(
        "token by its name",
        ("oken", "TOKEN", "ignature", "code=", "key=", "sig="),
        r"([Tt]oken|TOKEN|[?&](?:code|key|sig|[A-Za-z-]*[Ss]ignature)|[ ,][Ss]ignature)"
        r"(\\*[\"'] ?[:=] ?\\*[\"']| ?[:=] ?(?:\\*[\"'])?)[A-Za-z0-9_.%~+/=-]{0,128}[0-9a-z][A-Za-z0-9_.%~+/=-]{19,}",
        "${1}${2}<token>",
    ),
    Rule(
        "e-mail address",
        ("@", "%40"),
        r"(\\[nrt])?(?:(?:[A-Za-z0-9.!#$%&+^_~À-ɏͰ-ӿ-]|\\+u[0-9A-Fa-f]{4})'?){0,63}(?:[A-Za-z0-9.!#$%&+^_~À-ɏͰ-ӿ-]"
        r"|\\+u[0-9A-Fa-f]{4})(?:@|%40)(?:[A-Za-z0-9À-ɏͰ-ӿ-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}",
        "${1}<email>",
    ),
    Rule(
        "number of a user",
        ("user", "User", "USER", "uid", "sub", "principal", "account_id", "customer_id", "connection for"),
        rf"((\\*)\"(?:{_USER_NAMES})\\*\": ?){_NUMBER}",
        '${1}${2}"<user>${2}"',
    ),
    Rule(
        "user id",
        ("user", "User", "USER", "uid", "sub", "principal", "account_id", "customer_id", "connection for"),
        f"({_BEFORE_USER}){_WHOLE_USER}",
        "${1}<user>",
    ),
    Rule(
        "short user id",
        ("user", "User", "USER", "uid", "sub", "principal", "account_id", "customer_id", "connection for"),
        f"({_BEFORE_USER}){_SHORT_USER}",
        "${1}<user>...",
    ),
    Rule("Google subject as a number", (), r"((\\*)\": ?)1[0-9]{20}", '${1}${2}"<user>${2}"'),
    Rule("Google subject", (), r"1[0-9]{20}", "<user>"),
    Rule("IP address, version 4", (), r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", "<ip>"),
    # Addresses in use begin with 2, 3, fc, fd, fe8 to feb or ff: so `db::add` of a program is none.
    Rule(
        "IP address, version 6",
        (),
        rf"(^|[^A-Za-z0-9_:.]|\\[nrt])(?:(?:{_HEX}:){{7}}{_HEX}"
        r"|(?:[23][0-9A-Fa-f]{3}|[Ff][CcDdFf][0-9A-Fa-f]{2}|[Ff][Ee][89AaBb][0-9A-Fa-f])"
        rf"(?::{_HEX}){{0,6}}::)(?::?[0-9A-Fa-f])*[A-Za-z0-9_]*",
        "${1}<ip>",
    ),
)

#: Rows that none of this matches hold none of the rules without literals.
_NUMERIC = "|".join(f"(?:{rule.pattern})" for rule in RULES if not rule.literals)

#: The first user identifier of a text, as its only group.
SUBJECT = f"{_BEFORE_USER}({_USER})"


def redact(texts: pl.Series) -> pl.Series:
    """Return the texts with personal data and secrets replaced; null stays null.

    Same result as applying every rule to every text in order: the literals only spare work.
    """
    texts = texts.clone()  # scatter writes in place
    gates: dict[tuple[str, ...], pl.Series] = {}  # no replacement makes a literal that a later rule could match
    for rule in RULES:
        if rule.literals not in gates:
            gates[rule.literals] = (
                texts.str.contains_any(list(rule.literals)) if rule.literals else texts.str.contains(_NUMERIC)
            )
        rows = gates[rule.literals].fill_null(False).arg_true()
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
    return found.scatter(rows, texts.gather(rows).str.extract(SUBJECT, 1).str.head(8)) if len(rows) else found


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
