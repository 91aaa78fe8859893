"""Secrets by the name that stands before them, in whatever notation."""

from dataclasses import replace

from parsers.redact.rule import (
    IS,
    QUOTE,
    SPACE,
    WORD_START,
    Rule,
    capital_words,
    capitalised_value,
    literals,
    named,
    spelled,
)

#: What is called so is a secret, whatever it looks like. `PWD` alone is a folder, `PASS` alone a word of tests.
_SECRETS = (
    *("password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "contraseña", "senha", "wachtwoord"),
    *("mot de passe", "secret", "cookie", "authorization", "api key", "private key", "account key", "session key"),
    *("encryption key", "secret key", "access key", "signing key", "master key", "shared key", "license key"),
    *("consumer key", "app key", "application key", "auth key", "fernet key", "hmac key", "jwt key", "rsa key"),
    *("ssh key", "aes key", "subscription key", "functions key", "fastly key", "admin key", "webhook key"),
    *("integration key", "preshared key", "recovery key", "unseal key", "decryption key", "root key", "sdk key"),
    *("access token", "refresh token", "id token", "auth token", "signing salt", "password salt"),
    *("seed phrase", "client assertion", "security answer", "secret key base", "rediscli auth"),
)
_OWN_SPELLINGS = (
    *("pwd", "Pwd", "_pass", "_PASS", "[a-z]Pass", "JSESSIONID", "PHPSESSID", r"connect\.sid", "sessionid"),
    *("[?&;]pass", "contrase%C3%B1a", "密码", "пароль", "パスワード"),
)
_NAMED = f"(?:{spelled(*_SECRETS)}|{'|'.join(_OWN_SPELLINGS)})"
_ENDINGS = (
    *(*_SECRETS, "pwd", "pass", "jsessionid", "phpsessid", "connect.sid", "sessionid"),
    *("contrase%c3%b1a", "密码", "пароль", "パスワード"),
)
#: What follows a name where a value may follow.
_AFTER = (
    r"(?:\\*[\"']|%2[27]|%3[ade]|&(?:quot|gt|#3[49]);|(?: |%20|\+)?(?:[:=]|->|%3[ade])"
    r"|(?: |%20|\+)(?:is|was|set|changed|\\*[\"'])|>| [a-z][^<>]*>)"
)
_NAMED_SIGN = named(*_ENDINGS, after=_AFTER)

#: `<secret>` alone is what redaction leaves.
_ELEMENT = (
    rf"(?:[A-Za-z0-9_.:-]*(?:{spelled(*(name for name in _SECRETS if name != 'secret'))}|{'|'.join(_OWN_SPELLINGS)})"
    r"|[A-Za-z0-9_.:-]+[Ss]ecret|Secret|[A-Z0-9_.:-]*SECRET)"
)

#: What services write in place of a secret, or of its state, in capitals.
_PLACEHOLDERS = (
    *("REDACTED", "MASKED", "HIDDEN", "FILTERED", "REMOVED", "OMITTED", "NULL", "NONE", "TRUE", "FALSE", "MISSING"),
    *("UNSET", "EMPTY", "INVALID", "EXPIRED", "REQUIRED", "PRESENT", "CHANGED", "FAILED", "SUCCESS", "VALID", "ERROR"),
    *("DISABLED", "ENABLED", "UPDATED", "PROVIDED", "CONFIGURED", "LOADED", "FOUND", "UNKNOWN", "DENIED", "ALLOWED"),
    *("REJECTED", "RESET", "WRONG", "INCORRECT", "VERIFIED", "ROTATED", "CREATED", "DELETED", "SERVICE", "AUTH"),
)

#: Without quotes: at least four characters, and not all capital letters as in REDACTED.
_CHARACTERS = r" \t\n\"',;&(){}<>\[\]\\"
_VALUE = rf"[A-Z]{{0,64}}[^A-Z{_CHARACTERS}][^{_CHARACTERS}]{{3,}}"
#: What a message about a secret begins with: `secret: Permission 'x' denied`.
_OF_A_MESSAGE = (
    *("Permission", "Access", "Invalid", "Failed", "Error", "Unable", "Could", "Cannot", "Missing", "Denied"),
    *("Required", "Expired", "Unknown", "Incorrect", "Forbidden", "Unauthorized", "Timeout"),
)
_VALUE_BEHIND_NAME = (
    rf"(?:[^A-Z{_CHARACTERS}][^{_CHARACTERS}]{{3,}}|[A-Z]{{2,64}}[^A-Z{_CHARACTERS}][^{_CHARACTERS}]{{3,}}"
    rf"|{capitalised_value(_OF_A_MESSAGE, _CHARACTERS)})"
)
#: A value that no word of a sentence is: six characters with a digit behind others, or with a capital inside.
_UNLIKE_A_WORD = (
    rf"(?:[^0-9{_CHARACTERS}]{{1,64}}[0-9][^{_CHARACTERS}]{{3,}}[^.:{_CHARACTERS}]"
    rf"|[^0-9{_CHARACTERS}]{{5,64}}[0-9][^{_CHARACTERS}]*|[a-z]{{1,64}}[A-Z][^{_CHARACTERS}]{{3,}}[^.:{_CHARACTERS}])"
)


_PASSWORD = spelled("password", "passwd", "passphrase", "passcode", "passwort", "kennwort")


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

HEADERS = (
    Rule(
        "cookies",
        literals("cookie", after=_AFTER.replace("|>", "|, |>")),
        rf"([Cc]ookie|COOKIE)((?:\\*[\"'])?(?: ?[:=] ?|, )b?(?:\\*[\"'])?){_PAIR}(?:; ?[^; \t\r\n\"'\\]+)*",
        "${1}${2}<secret>",
        examples=("Cookie: sid={n16}; theme=dark", "[(b'cookie', b'sid={n16}; csrf={n16}')]"),
        near_misses=("Invalid cookie, no cookies: [] in request",),
    ),
    Rule(
        "authorization header",
        literals("authorization", after=_AFTER),
        rf"((?:[Aa]uthorization|AUTHORIZATION)(?: ?[:=] ?|%3[AaDd])\[?)"
        rf"(?:[Dd]igest (?:[a-z]{{2,20}}=(?:\"[^\"\n]*\"|[^ ,\"\n]+),? ?)+|(?:[A-Za-z][A-Za-z0-9-]*{SPACE})?{_VALUE})",
        "${1}<secret>",
        examples=("Authorization: Token {n12}", 'Authorization: Digest username="shop", response="{x32}"'),
        near_misses=("Authorization: REDACTED", "authorization is off"),
    ),
)

NUMBERS = (
    Rule(
        "number by its secret name",
        _NAMED_SIGN,
        rf"({_NAMED}(\\*)\" ?: {{0,2}})-?[0-9](?:[0-9.eE+-]*[0-9])?",
        '${1}${2}"<secret>${2}"',
        examples=('{"password": 123456}', r'{"m": "{\"db_password\": 1234}"}'),
        near_misses=('{"passwords": 3}', '{"password": null}'),
    ),
)

QUOTED = (
    # Also in a list of one, and as the value of a pair: {"name": "password", "value": "…"}.
    Rule(
        "secret in quotes by its quoted name",
        _NAMED_SIGN,
        *_quoted(rf"{_NAMED}\\*[\"'](?:{IS}\[?|, ?\\*[\"'](?:[Vv]alue|val)\\*[\"'] ?[:=] ?)b?", ""),
        examples=('{"client_secret": "{n12}"}', "{'password': 'x y'}", '{"name": "api_key", "value": "{n8}"}'),
        near_misses=('{"password": ""}', '{"password": "REDACTED"}'),
    ),
    # A quote after `password:` may also be the end of a string of JSON: then a bracket, comma, colon or space follows.
    Rule(
        "secret in quotes by its name",
        _NAMED_SIGN,
        *_quoted(rf"{_NAMED}{IS}", r",:}\] "),
        examples=('password="{n6} {n4}"', "clientSecret: '{n12}'"),
        near_misses=('{"prompt": "enter password:", "y": "z"}',),
    ),
)

SECRETS = (
    Rule(
        "secret by its name",
        _NAMED_SIGN,
        rf"({_NAMED}(?:%2[27])?{IS}(?:%2[27]|\[)?){_VALUE_BEHIND_NAME}",
        "${1}<secret>",
        examples=(
            *("DB_PASSWORD={n12}", "X-Api-Key: {n12}", "&{Password:{n12} Retries:3}", "password => {n12}"),
            *("password: Permission{n4}", "password=Summer", "password: Perms{n4}"),
            *("secret_key_base={x128}", "SECRET_KEY_BASE: {x128}", "REDISCLI_AUTH={n8}"),
        ),
        near_misses=(
            *("Token=REDACTED successfully", "secret: [REDACTED]", "secrets are loaded", "api key missing"),
            "Error reading secret: Permission 'secretmanager.versions.access' denied",
        ),
    ),
    Rule(
        "secret in capitals by its name",
        _NAMED_SIGN,
        rf"({_NAMED}{QUOTE}?{IS}{QUOTE}?){capital_words(_PLACEHOLDERS)}",
        "${1}<secret>",
        examples=("password=SWORDFISH", '{"password": "SWORDFISH"}'),
        near_misses=("password=MASKED", "SECRET_KEY=NONE", "password: INVALID"),
    ),
    # A pair as a tuple or list: of a list of names the second has no digit.
    Rule(
        "secret in a pair",
        _NAMED_SIGN,
        rf"([(\[]b?{QUOTE}[A-Za-z0-9_.-]*{_NAMED}{QUOTE}, ?b?{QUOTE})(?:[^\"'\\\n0-9]{{0,128}}[0-9][^\"'\\\n]*"
        rf"|[^\"'\\\n]*[a-z][A-Z][^\"'\\\n]*)",
        "${1}<secret>",
        examples=(
            "headers: [('x-api-key', '{n12}')]",
            '[["authorization","Bearer {n12}"]]',
            '["db_password", "{n12}"]',
        ),
        near_misses=("needs ['password', 'username']", '["secret", "token", "cookie"]'),
    ),
    Rule(
        "secret in an element",
        _NAMED_SIGN,
        rf"((?:<|&lt;){_ELEMENT}(?: [A-Za-z][^<>&\"\\\n]*)?(?:>|&gt;))[^<>&\"\\\n]+",
        "${1}<secret>",
        examples=("<req><password>{l9}</password></req>", "&lt;apiKey&gt;{n12}&lt;/apiKey&gt;"),
        near_misses=("<password></password>", "<password/>"),
    ),
    Rule(
        "secret in a sentence",
        _NAMED_SIGN,
        rf"({_NAMED}{SPACE}(?:is|was|set to|changed to):?{SPACE}{QUOTE}?){_UNLIKE_A_WORD}",
        "${1}<secret>",
        examples=("your new password is hunTer22", "the API key was {l4}4{n8}"),
        near_misses=("password is 12 characters long", "the secret was rotated", "password is required"),
    ),
    # In quotes behind the bare name a secret has a digit or capital inside, as no resource's kind has: `secret "db-2"`
    # is a name, so passwords alone; of a password that was refused it may be any word.
    Rule(
        "password in quotes in a sentence",
        _NAMED_SIGN,
        rf"((?:[A-Za-z0-9]*_)?(?:{_PASSWORD}){SPACE}\\*[\"']){_UNLIKE_A_WORD}[^\"'\\\n]{{0,128}}"
        rf"|((?:[Ii]nvalid|[Ww]rong|[Ii]ncorrect|[Bb]ad){SPACE}(?:{_PASSWORD}){SPACE}\\*[\"'])"
        rf"[A-Z]{{0,64}}[^A-Z*<\[\"'\\\n][^\"'\\\n]{{0,128}}",
        "${1}${2}<secret>",
        examples=(
            *('invalid password "{l4}2{l4}" for bob', "Using password '{l4}2{l4}' for admin"),
            *(r'{"m": "wrong password \"{l9}\" for bob"}', "GET /x?m=bad+password+'{l9}'"),
        ),
        near_misses=(
            *(
                'password "required" is missing',
                "password 'must be 8 characters long'",
                'secret "db-password-v2" not found',
            ),
            *('invalid password "REDACTED" for bob', "invalid password '' for bob", 'wrong password "***"'),
        ),
    ),
    Rule(
        "secret of an option",
        replace(named(*_ENDINGS), pattern=rf"(?i:--[a-z0-9-]*{named(*_ENDINGS).pattern}{SPACE})"),
        rf"(--[A-Za-z0-9-]*{_NAMED}{SPACE}){_VALUE}",
        "${1}<secret>",
        examples=("deploy --api-key {n12} now",),
        near_misses=("use --password-file or --no-password",),
    ),
)

#: What is called so is a secret only where it looks like one: with a digit and seven characters; a token also if long.
_TOKENS = ("token", "session id", "credentials", "credential")
_TOKEN_WORDS = ("csrf", "xsrf", "salt", "sid", "saml response", "code verifier")
_T = "[A-Za-z0-9_.%~+/=-]"
_WITH_DIGIT = rf"[A-Za-z_%~+/=-]{{0,64}}[0-9]{_T}{{6,}}|[A-Za-z_%~+/=-]{{6,64}}[0-9]{_T}*"
_LONG = rf"[A-Za-z0-9_.%~+/=-]{{0,128}}[0-9a-z]{_T}{{19,}}"
_TOKEN_NAMES = rf"(?:{spelled(*_TOKENS)}|{WORD_START}(?:{spelled(*_TOKEN_WORDS)}))"
_IN_QUERY = r"(?:[?&]|%3[Ff]|%26)(?:code|key|sig|[A-Za-z-]*[Ss]ignature)"
_SIGNATURE = r"[Ss]ignature|[\"']sig"

#: A value behind a name in quotes is in quotes itself, else it is a number of JSON.
_TOKEN_IS = rf"(?:{QUOTE}{IS}\[?{QUOTE}|{IS}(?:{QUOTE}|\[)?)"
#: `<token>` alone is what redaction leaves.
_TOKEN_ELEMENT = (
    rf"(?:[A-Za-z0-9_.:-]*(?:{spelled(*(name for name in _TOKENS if name != 'token'))})"
    r"|[A-Za-z0-9_.:-]+[Tt]oken|Token|[A-Z0-9_.:-]*TOKEN)"
)

_TOKEN_SIGN = (
    named(*_TOKENS, *_TOKEN_WORDS, "signature", after=_AFTER)
    | literals('"sig', "'sig", after=_AFTER)
    | literals(*(f"{before}{name}" for before in ("?", "&", "%3f", "%26") for name in ("code", "key", "sig")))
)

TOKENS = (
    Rule(
        "token by its name",
        _TOKEN_SIGN,
        rf"({_TOKEN_NAMES}{_TOKEN_IS})(?:{_WITH_DIGIT})|((?:[Tt]oken|TOKEN|{_IN_QUERY}|{_SIGNATURE}){_TOKEN_IS}){_LONG}",
        "${1}${2}<token>",
        examples=("VERCEL_TOKEN={n24}", '{"session_id": "{n20}"}', "sid={n16}", "GET /cb?code=4%2F{n20} 302"),
        near_misses=(
            *("max_tokens=4096, tokens: 5120", '{"token": null}', "code=1008 reason=policy", "Token=REDACTED"),
            *("credentials = playwright._impl._api_structures.Http", "?code=E1234567"),
        ),
    ),
    Rule(
        "token in a pair or element",
        named(*_TOKENS, after=_AFTER),
        rf"([(\[]b?{QUOTE}[A-Za-z0-9_.-]*(?:{spelled(*_TOKENS)}){QUOTE}, ?b?{QUOTE}"
        rf"|(?:<|&lt;){_TOKEN_ELEMENT}(?:>|&gt;))(?:{_WITH_DIGIT}|{_LONG})",
        "${1}<token>",
        examples=("[('x-vault-token', 's.{n24}')]", "<sessionId>{x32}</sessionId>"),
        near_misses=('["token", "session_id"]', "<token></token>"),
    ),
)

_CLIENTS = "mysql|mysqldump|mysqladmin|mariadb|mongo|mongosh|mongodump|sshpass|ldapsearch|docker login"
_GAP = r"[^\n\"']{0,200}"
COMMANDS = Rule(
    "secret of a command",
    literals(
        *("mysql", "mariadb", "mongo", "sshpass", "ldapsearch", "docker login", "docker%20login", "redis-cli"),
        *("curl ", "curl%20", "curl+", "-pass", "machine ", "machine%20", "machine+", "identified by", "with password"),
    ),
    rf"((?:{_CLIENTS})(?:{SPACE}{_GAP})?{SPACE}-[pw]{SPACE}?|redis-cli{SPACE}{_GAP}-a{SPACE}"
    rf"|curl{SPACE}{_GAP}(?:-u|--user){SPACE}?[^ :%\n\"']{{1,100}}(?::|%3A)|-pass(?:in|out)? pass:"
    rf"|machine{SPACE}[^ \n]{{1,100}}{SPACE}login{SPACE}[^ \n]{{1,100}}{SPACE}password{SPACE}"
    rf"|(?:IDENTIFIED BY|identified by|WITH PASSWORD|with password) \\*')(?:{_VALUE})",
    "${1}<secret>",
    examples=(
        *("exec: mysql -u shop -p{n12} shop", "sshpass -p {n12} ssh host", "curl -u shop:{n12} https://a.example"),
        *("redis-cli -h cache -a {n12} ping", "machine a.example login shop password {n12}"),
        "CREATE USER shop IDENTIFIED BY '{n12}'",
    ),
    near_misses=("mysql -u shop -h db", "mongo --port 27017", "curl -sS https://a.example/x"),
)
