"""The rules of redaction in their order, as data: polars and GoogleSQL calls are made from the same list."""

from dataclasses import replace

from parsers.redact.names import COMMANDS, HEADERS, NUMBERS, QUOTED, SECRETS, TOKENS
from parsers.redact.numbers import BY_FORM, BY_NETWORK
from parsers.redact.personal import (
    ADDRESS_NUMBER,
    ADDRESSES,
    CODE,
    CODE_AS_NUMBER,
    EMAIL,
    NAMED_ADDRESS,
    PERSONAL,
    PERSONAL_NUMBER,
    SUBJECTS,
    USERS,
)
from parsers.redact.rule import SPACE, Rule, Sign, by_form, literals
from parsers.redact.vendors import FORMS_WITHOUT_LITERAL, VENDORS

#: Four characters of base64 that stand for three of printable ASCII, or for a line break or tab: a regular language, so
#: that encoded text is known without being decoded. Of random characters one group in eleven is such.
_TEXT_IN_BASE64 = "[CDI-Za-f][AC-HQS-Xgi-nwyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"

_CREDENTIALS = (
    # With both capitals and others; without a dash and with a digit; or a UUID: `auth-basic-00001-abc` is none.
    r"[A-Z0-9+/_.~-]{0,64}[A-Z][A-Z0-9+/_.~-]{0,64}[a-z][A-Za-z0-9+/_.~-]{12,}=*"
    r"|[a-z0-9+/_.~-]{0,64}[a-z][a-z0-9+/_.~-]{0,64}[A-Z][A-Za-z0-9+/_.~-]{12,}=*"
    r"|[A-Za-z0-9+/_.~]{16,}=*"
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
    r"|[A-Za-z0-9+/]{3,}(?:[a-z][A-Z]|[0-9])[A-Za-z0-9+/]{3,}=*"
)

#: How a path ends before a token that signs in.
_LINKS = (
    *("reset", "password", "magic", "link", "verify", "email", "confirm", "confirmation", "invite", "invitation"),
    *("activate", "activation", "unsubscribe"),
)

#: Known by what stands in them, or before.
NAMED: tuple[Rule, ...] = (
    Rule(
        "private key",
        literals("private key", "private%20key", "private+key"),
        rf"-----BEGIN{SPACE}(?:[A-Z]+{SPACE}){{0,3}}PRIVATE{SPACE}KEY(?:{SPACE}BLOCK)?-----"
        rf"(?:[A-Za-z0-9+/=,:.()%\\ \n\r\t\"'-]*?-----END{SPACE}(?:[A-Z]+{SPACE}){{0,3}}PRIVATE{SPACE}KEY"
        rf"(?:{SPACE}BLOCK)?-----|(?:[ \t]*(?:\r?\n|\\+[rn]|%0[AD])*[A-Za-z0-9+/=%]{{4,}})*)",
        "<key>",
        examples=("-----BEGIN PRIVATE KEY-----\n{b64}\n{b64}==\n-----END PRIVATE KEY-----",),
        near_misses=("-----BEGIN CERTIFICATE-----", "the private key is loaded"),
    ),
    VENDORS,
    Rule(
        "JSON web token",
        Sign("eyJ", ("eyj",)),
        r"eyJ[A-Za-z0-9_=-]{4,}(?:\.[A-Za-z0-9_=-]+){0,4}",
        "<token>",
        examples=("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{w43}",),
        near_misses=("keyJson", "eyJ"),
    ),
    Rule(
        "credentials of a header",
        literals("bearer ", "basic ", "bearer%20", "basic%20", "bearer+", "basic+"),
        rf"((?:[Bb]earer|BEARER|[Bb]asic|BASIC){SPACE})(?:{_CREDENTIALS})",
        "${1}<token>",
        examples=("Bearer {w40}", "basic c2hvcDpodW50ZXIyMzQ1Njc=", "using Basic dXNlcjpwYXNz here"),
        near_misses=("basic auth-basic-00001-abc", "Basic authentication is off, Bearer tokens too", "basic settings"),
    ),
    Rule(
        "link that signs in",
        literals(*_LINKS, after=r"(?:/|%2f|\?|%3f)"),
        r"((?:reset|reset[_-]password|password[_-]reset|magic|magic[_-]link|verify|verify[_-]email|confirm|confirmation"
        r"|confirm[_-]email|invite|invitation|activate|activation|unsubscribe)"
        r"(?:(?:/|%2[Ff])|(?:\?|%3F)[a-z]{1,8}(?:=|%3D)))"
        r"(?:[A-Za-z_-]{0,64}[0-9][A-Za-z0-9_.~-]{11,}|[A-Za-z_-]{11,64}[0-9][A-Za-z0-9_.~-]*)",
        "${1}<token>",
        examples=("https://shop.example/reset-password/{w40}", "/invite/{n32}", "/magic?t={n32}"),
        near_misses=("GET /reset/password 200", "/verify?step=2", "/confirm/12"),
    ),
    # A password with a slash is no port, and so begins with no digit.
    Rule(
        "credentials in a URL",
        Sign(r"://[^ \t\r\n\"'<>\\]*@|%3[Aa](?://|%2[Ff])|://[^ \t\r\n\"'<>\\]*%40", ("@", "%3a", "%40")),
        r"((?::|%3[Aa])(?://|%2[Ff]%2[Ff]))(?:[^/?# \t\r\n\"'<>\\]*[^/?# \t\r\n\"'<>\\*][^/?# \t\r\n\"'<>\\]*(?:@|%40)"
        r"|[^/:?#@ \t\r\n\"'<>\\]*:[^/?#@0-9 \t\r\n\"'<>\\][^?#@ \t\r\n\"'<>\\]*@)",
        "${1}<token>@",
        examples=(
            "postgresql://shop:{n8}@db/shop",
            "redis://:{n8}@cache:6379/0",
            "https%3A%2F%2Fshop%3A{n8}%40git.example",
        ),
        near_misses=("https://shop.example/@jane/posts?at=noon", "postgresql://***@/shop", "http://host:8080/a@b"),
    ),
    *NUMBERS,
    *QUOTED,
    *HEADERS,
    *SECRETS,
    COMMANDS,
    CODE_AS_NUMBER,
    CODE,
    *TOKENS,
    Rule(
        "credentials of a registry",
        Sign(r"\"auth\\*\" ?:", ('"auth"', '"auth\\')),
        rf"(\\*\"auth\\*\" ?: ?\\*\")(?:{_TEXT_IN_BASE64}){{2,}}[A-Za-z0-9+/]{{0,3}}=*",
        "${1}<token>",
        examples=('{"auths":{"a.example":{"auth":"c2hvcDpodW50ZXIy"}}}',),
        near_misses=('{"auth": "required"}', '{"auth":"permissive"}'),
    ),
    EMAIL,
    PERSONAL_NUMBER,
    PERSONAL,
    BY_NETWORK,
    ADDRESS_NUMBER,
    NAMED_ADDRESS,
    *USERS,
)

#: Known by their form alone. Those that want a border come behind those that may make one.
FORMS: tuple[Rule, ...] = (
    *SUBJECTS,
    *ADDRESSES,
    FORMS_WITHOUT_LITERAL,
    Rule(
        "private part of a JSON web key",
        by_form(r"(?:\"|%22)[dkpq][pqi]?(?:\\*\" ?: ?\\*\"|%22%3A(?:%20)?%22)[A-Za-z0-9_-]{40}"),
        r"((?:\\*\"|%22)(?:d|k|p|q|dp|dq|qi)(?:\\*\" ?: ?\\*\"|%22%3A(?:%20)?%22))[A-Za-z0-9_-]{40,}",
        "${1}<key>",
        examples=('{"kty":"EC","x":"a","d":"{w43}"}',),
        near_misses=('{"x": "{w43}", "e": "AQAB"}', '{"q": "shoes"}'),
    ),
    # What it holds is unknown, so it is no finding, but it is not kept.
    Rule(
        "text in base64",
        by_form(f"(?:{_TEXT_IN_BASE64}){{5}}"),
        rf"(^|[^A-Za-z0-9+_-]|\\[nrt]|%[0-9A-Fa-f]{{2}})(?:{_TEXT_IN_BASE64}){{5,}}[A-Za-z0-9+/_-]*=*",
        "${1}<base64>",
        examples=("payload bG9naW4gd2l0aCBwYXNzd29yZD1odW50ZXIyIGZhaWxlZA==",),
        near_misses=("{x64}", "{n20}", "{x8}-{x4}-{x4}-{x4}-{x12}", "a_long_name_of_some_function_that_is_called"),
    ),
    *BY_FORM,
    # Again, for two that share the character between them.
    *(replace(rule, name=f"{rule.name} beside another") for rule in BY_FORM),
)

RULES = (*NAMED, *FORMS)
