"""Personal data: addresses, users, and numbers that a name marks; never bare digits."""

from parsers.redact.rule import IS, QUOTE, SPACE, WORD_START, Rule, Sign, by_form, literals, named, spelled, words

# ---------------------------------------------------------------- e-mail addresses

#: All that is no ASCII: letters of every script, and what hides between them without a width.
_OTHER = "\u0080-\U0010ffff"
_ESCAPED = r"\\+u[0-9A-Fa-f]{4}"
_LOCAL = rf"(?:[A-Za-z0-9.!#$%&+^_~{_OTHER}-]|{_ESCAPED})"
_AT = (
    r"(?:@|%(?:25){0,2}40|(?:&|%26)(?:#|%23)(?:0?64|[xX]40)(?:;|%3[Bb])|&commat;|＠|﹫|%EF%BC%A0|(?:\\+|%5C)u0040"
    r"| ?[(\[](?:at|AT)[)\]] ?)"
)
_LABEL = rf"(?:[A-Za-z0-9%{_OTHER}-]|{_ESCAPED}){{1,63}}"
_DOT = r"(?:\.|%2[Ee]|\\+u002[Ee]|\[\.\]| ?[(\[](?:dot|DOT)[)\]] ?|[．。])"
_DOMAIN = rf"(?:{_LABEL}{_DOT})+(?:[A-Za-z][A-Za-z0-9-]{{1,62}}|(?:[{_OTHER}]|%[0-9A-F]{{2}}|{_ESCAPED}){{2,63}})"

EMAIL = Rule(
    "e-mail address",
    literals(
        *("@", "%40", "%2540", "%252540", "&commat;", "＠", "﹫", "%ef%bc%a0", "u0040"),
        *(f"{and_}{hash_}{code}" for and_ in ("&", "%26") for hash_ in ("#", "%23") for code in ("64", "064", "x40")),
        *("(at)", "[at]", "(at]", "[at)"),
    ),
    rf"(\\[nrt])?(?:\\*\"[A-Za-z0-9][A-Za-z0-9 ._+-]{{0,62}}\\*\"@{_DOMAIN}"
    rf"|(?:{_LOCAL}'?){{0,63}}{_LOCAL}(?:{_AT}{_DOMAIN}|@\[[0-9A-Fa-fIPv.:]{{3,45}}\]))",
    "${1}<email>",
    examples=(
        *("mail to jane.doe+shop@example.co.uk", "GET /r?e=jane%40example.com", "jörg@bücher.example", "王@例子.公司"),
        *(
            "jane&#64;example.com",
            "jane＠example.com",
            r"jane\u0040example.com",
            '"jane doe"@example.com',
            "j@[192.0.2.1]",
        ),
        "jane (at) example (dot) com",
    ),
    near_misses=("npm warn inflight@1.0.6: do not use", "***@example.com signed in", "api@sha256:0a1b2c3d", "@jane"),
)

# ---------------------------------------------------------------- users

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
_BEFORE_USER = (
    rf"(?:^|[^A-Za-z]|\\[nrt])(?:{_USER_NAMES})"
    r"(?:(?:\\*[\"'])?(?:[:=] ?| )(?:\\*[\"'])?|\\*[\"'], ?\\*[\"']|>|%3[AaDd])"
)
_NUMBER = r"-?[0-9](?:[.eE+-]*[0-9]){3,}"

_USER_SIGN = Sign(
    f"{_BEFORE_USER}[A-Za-z_|-]*[0-9]",
    ("user", "uid", "sub", "principal", "account_id", "customer_id", "connection for"),
)

#: The first user identifier of a text, as its only group.
SUBJECT = f"{_BEFORE_USER}({_USER})"

USERS = (
    Rule(
        "number of a user",
        _USER_SIGN,
        rf"((\\*)\"(?:{_USER_NAMES})\\*\": ?){_NUMBER}",
        '${1}${2}"<user>${2}"',
        examples=('{"user_id": 20987654}', r'{"m": "{\"sub\": 20987654}"}'),
        near_misses=('{"user": 12}', '{"users": 123456}'),
    ),
    Rule(
        "user id",
        _USER_SIGN,
        f"({_BEFORE_USER}){_WHOLE_USER}",
        "${1}<user>",
        examples=("user_id={d12}", "userId=auth0|5f7c8ec7c33c6c004bbafe82", "[('user_id', '{d12}')]"),
        near_misses=("user: service:shop-backend", "User count: 12345", "for user system"),
    ),
    Rule(
        "short user id",
        _USER_SIGN,
        f"({_BEFORE_USER}){_SHORT_USER}",
        "${1}<user>...",
        examples=("(user_id: 20987654..., role: none)", "User 20987654 exists"),
        near_misses=("user demo-user-001", "user_id: pending"),
    ),
)

SUBJECTS = (
    Rule(
        "Google subject as a number",
        by_form("1[0-9]{20}"),
        r"((\\*)\": ?)1[0-9]{20}",
        '${1}${2}"<user>${2}"',
        examples=('{"id": 1{d20}}',),
        near_misses=('{"id": 176760180000}',),
    ),
    Rule(
        "Google subject",
        by_form("1[0-9]{20}"),
        r"1[0-9]{20}",
        "<user>",
        examples=("rate limit for 1{d20}", "auth_1{d20}_prelim"),
        near_misses=("req_1767601800000_17",),
    ),
)

# ---------------------------------------------------------------- addresses of the network

_HEX = r"[0-9A-Fa-f]{1,4}"
_ADDRESS_NAMES = (
    *("ip address", "ip addr", "client ip", "remote ip", "peer ip", "source ip", "src ip", "user ip", "host ip"),
    *("remote addr", "client addr", "forwarded for", "real ip"),
)

_NUMBER_SOON = r"[^a-z0-9\n]{1,12}[0-9]"

_ADDRESS = f"(?:{WORD_START}[Ii][Pp]|{spelled(*_ADDRESS_NAMES)})"
_ADDRESS_SIGN = named(*_ADDRESS_NAMES, after=_NUMBER_SOON) | words("ip", after=_NUMBER_SOON)

ADDRESS_NUMBER = Rule(
    "IP address as a number",
    _ADDRESS_SIGN,
    rf"({_ADDRESS}(\\*)\" ?: {{0,2}})[1-4][0-9]{{9}}",
    '${1}${2}"<ip>${2}"',
    examples=('{"client_ip": 3405995974}',),
    near_misses=('{"ip_count": 3405995974}', '{"ips": 12}'),
)
#: As a whole number, hexadecimal or with dashes an address is one by its name only.
NAMED_ADDRESS = Rule(
    "IP address in another form",
    _ADDRESS_SIGN,
    rf"({_ADDRESS}(?:{QUOTE}(?:{IS}|, ){QUOTE}|(?:{IS}|, | ){QUOTE}?|>)|[^A-Za-z]ip-)"
    r"(?:0[xX][0-9A-Fa-f]{8}|[0-9]{1,3}(?:-[0-9]{1,3}){3}|[1-4][0-9]{9}\.?)",
    "${1}<ip>",
    examples=("ip: 0xCB007109", "client_ip=3405995974", "host ip-203-0-113-9", "&{ClientIp:3405995974}"),
    near_misses=("chip: 3405995974", "ip-masq-agent", "zip=1234567890"),
)

ADDRESSES = (
    Rule(
        "IP address, version 4",
        by_form(
            r"[0-9]\.[0-9]{1,4}\.[0-9]{1,4}\.[0-9]|0[xX][0-9A-Fa-f]{2}\.0[xX]"
            r"|[0-9](?:\[\.\]|\(\.\)|\[dot\]|%2[Ee]|%5B\.%5D)[0-9]"
        ),
        r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
        r"|0[0-7]{1,3}\.0[0-7]{0,3}\.0[0-7]{0,3}\.0[0-7]{0,3}"
        r"|0[xX][0-9A-Fa-f]{2}(?:\.0[xX][0-9A-Fa-f]{2}){3}"
        r"|[0-9]{1,3}(?:(?:\[\.\]|\(\.\)|\[dot\]|%2[Ee]|%5B\.%5D)[0-9]{1,3}){3}",
        "<ip>",
        examples=("from 203.0.113.77:51234", "0313.0000.0161.0011", "0xCB.0x00.0x71.0x09", "203[.]0[.]113[.]9"),
        near_misses=("version 1.2.3 of 2026.01.05", "1.2.3-4.5"),
    ),
    # Addresses in use begin with 2, 3, fc, fd, fe8 to feb or ff: so `db::add` of a program is none.
    Rule(
        "IP address, version 6",
        by_form(r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}|[0-9A-Fa-f]::|::[Ff]{4}:"),
        rf"(^|[^A-Za-z0-9_:.-]|[^A-Za-z]-|\\[nrt]|%[0-9A-Fa-f]{{2}}|[G-Zg-z]:)(?:(?:{_HEX}:){{7}}{_HEX}"
        r"|::[Ff]{4}:(?:0{1,4}:)?[0-9A-Fa-f]{1,4}:|64:[Ff][Ff]9[Bb]:(?:1)?:"
        r"|(?:[23][0-9A-Fa-f]{3}|[Ff][CcDdFf][0-9A-Fa-f]{2}|[Ff][Ee][89AaBb][0-9A-Fa-f])"
        rf"(?::{_HEX}){{0,6}}::)(?::?[0-9A-Fa-f])*[A-Za-z0-9_]*",
        "${1}<ip>",
        examples=("from 2001:db8::8a2e:370:7334 port 1", "fe80::1ff:fe23:4567:890a%eth0", "::ffff:cb00:7109"),
        near_misses=("std::debug::x at 12:34:56", "fee::bad and de::bug", "ratio 4::3", "=== 5-Jan-2026::12:34:56 ==="),
    ),
    Rule(
        "IP address, version 6, in a URL",
        by_form("%3[Aa][0-9A-Fa-f]{1,4}%3[Aa]"),
        rf"(?:{_HEX}|%3[Aa])(?:%3[Aa]{_HEX}|%3[Aa]%3[Aa]{_HEX}){{3,7}}",
        "<ip>",
        examples=("from%202001%3Adb8%3A85a3%3A%3A8a2e%3A370%3A7334",),
        near_misses=("at%2012%3A34%3A56",),
    ),
)

# ---------------------------------------------------------------- numbers of persons, cards, accounts and devices

_PERSONAL = (
    *("phone", "phone number", "mobile", "mobile number", "msisdn", "whatsapp", "telefon", "telefono", "cell number"),
    *("telefonnummer", "handynummer", "mobilnummer", "rufnummer", "téléphone", "teléfono", "celular", "landline"),
    *("caller id", "contact number", "contact no", "sms to", "sms sent to", "otp sent to", "whatsapp to"),
    *("iban", "account number", "account no", "routing number", "sort code", "kontonummer"),
    *("card number", "card no", "credit card", "debit card", "kreditkarte", "cc number", "ccnum", "passport"),
    *("passport number", "passport no", "social security", "social security number", "national id", "national number"),
    *("national insurance", "national insurance number", "insurance number", "driver license", "drivers license"),
    *("driving licence", "driver licence", "license number", "licence number", "tax id", "tax number", "steuer id"),
    *("steuernummer", "aadhaar", "identity number", "identity card", "id card", "medicare", "voter id", "personnummer"),
    *("codice fiscale", "fiscal code", "birth date", "birthdate", "date of birth", "birthday", "geburtsdatum"),
    *("imei", "imsi", "iccid", "meid", "advertising id", "idfa", "gaid", "ni number", "vin number"),
    *("bank card", "bankcard", "kartennummer", "carte bancaire", "tarjeta", "driver's license", "driving license"),
    *("identification number", "identification no", "identifikationsnummer", "social insurance", "residence permit"),
    *("social insurance number", "tax file number", "sozialversicherungsnummer", "rijksregisternummer", "emirates id"),
    *("henkilötunnus", "fødselsnummer", "fodselsnummer", "rodné číslo", "rodne cislo", "birth number", "tc kimlik"),
    *("tc kimlik no", "pps number", "iqama", "cedula", "cédula", "身份证", "身份证号"),
    *("license plate", "licence plate", "number plate", "kennzeichen", "medical record", "patient id", "patient no"),
)
#: Short ones, which are parts of other words.
_PERSONAL_WORDS = (
    *("tel", "fax", "pan", "card", "ssn", "nino", "nhs", "cpf", "cnpj", "curp", "nif", "dni", "bsn", "pesel", "cpr"),
    *("nric", "hkid", "jmbg", "oib", "egn", "dob", "vin", "born", "born on", "mrn", "itin", "amka", "insee", "nin"),
    *("ahv", "cnp", "dui", "hetu", "ppsn", "rut", "svnr", "tckn", "tfn"),
)
#: Those that are cut short by a dot.
_CUT_SHORT = ("tel", "fax")
_PERSONAL_NAMES = (
    rf"(?:(?:{spelled(*_PERSONAL)}|Personalausweis|Reisepass)"
    rf"|{WORD_START}(?:{spelled(*_PERSONAL_WORDS)}|(?:{spelled(*_CUT_SHORT)})\.)"
    r"|[Cc]ard\\*\" ?: ?\{ ?\\*\"number)"
)

#: Words for a phone that are words for other things too: a number behind them is one of a mobile phone by its prefix.
_MOBILES = ("handy", "mobil", "mob", "natel")
_MOBILE_NAMES = rf"{WORD_START}(?:{spelled(*_MOBILES)})\.?"
_MOBILE = r"(?:(?:(?:\+|%2[Bb]|00)[1-9]|0(?:1[5-7]|[67][0-9]))(?:(?:[ ./()+-]|%2[089DdFf]){0,2}[0-9]){7,13})"

_PERSONAL_SIGN = named(*_PERSONAL, "personalausweis", "reisepass") | words(*_PERSONAL_WORDS, *_MOBILES)

_KIND = r"(?:(?:[ _+]|%20)?(?:with )?(?:number|no\.?|nr\.?|num|code|address|Number|No|Nr)| ?#)?"
_BEFORE = rf"{_KIND}{QUOTE}?\)?(?:{SPACE}(?:is|was|ending))?(?:{IS}|{SPACE}|>|, ?| ?# ?){QUOTE}?(?:%2[Bb])?(?:%28)?"
#: At least six digits, or five with capital letters; of a date its month may be a word.
_PERSONAL_VALUE = (
    rf"(?:[+(]{{0,2}}(?:[A-Z]{{2}}{SPACE})?[A-Z]{{0,6}}"
    rf"[0-9](?:(?:[ ./()+-]|%2[089DdFf]){{0,2}}[0-9]|[A-Z]|{SPACE}[A-Z]){{5,40}}"
    r"|[A-Z]{1,3}(?:[ +-]|%20)[A-Z]{1,2}(?:[ +-]|%20)?[0-9]{2,4}[A-Z]?"
    r"|[A-Z]{5}[0-9]{4}[A-Z]|[a-z]{2}[0-9]{2}[0-9a-z]{11,30}"
    rf"|[0-9]{{1,2}}\.?{SPACE}[A-Z][a-z]{{2,8}}\.?,?{SPACE}[0-9]{{4}}"
    rf"|[A-Z][a-z]{{2,8}}\.?{SPACE}[0-9]{{1,2}},?{SPACE}[0-9]{{4}}"
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})"
)

_CODES = (
    *("pin code", "one time password", "one time code", "one time pin", "verification code", "security code"),
    *("authentication code", "confirmation code", "login code", "sms code", "pairing code"),
    *("2fa code", "mfa code", "otp code", "backup code", "recovery code", "card verification"),
)
_CODE_WORDS = ("pin", "otp", "totp", "cvv", "cvv2", "cvc", "cvc2")
_CODE_NAMES = rf"(?:{spelled(*_CODES)}|{WORD_START}(?:{spelled(*_CODE_WORDS)}))"
_CODE_SIGN = named(*_CODES) | words(*_CODE_WORDS)
#: Three digits behind a sign, five behind a space: `security code 403` is a status.
_CODE = (
    rf"((?:{_CODE_NAMES})(?:{SPACE}?(?:value|number))?{QUOTE}?(?:{SPACE}(?:is|was))?(?:{IS}|>|, ?){QUOTE}?)"
    r"[0-9]{3}(?:(?:[ +-]|%20)?[0-9]){0,7}"
    rf"|((?:{_CODE_NAMES})(?:{SPACE}(?:is|was))?{SPACE}{QUOTE}?)[0-9]{{3}}(?:[ +-]|%20)?[0-9]{{2,5}}"
)

CODE_AS_NUMBER = Rule(
    "code as a number",
    _CODE_SIGN,
    rf"({_CODE_NAMES}(\\*)\" ?: {{0,2}})[0-9](?:[.eE+-]*[0-9]){{2,}}",
    '${1}${2}"<secret>${2}"',
    examples=('{"otp": 123456}', '{"cvv": 123}'),
    near_misses=('{"spin": 123456}',),
)

CODE = Rule(
    "code by its name",
    _CODE_SIGN,
    _CODE,
    "${1}${2}<secret>",
    examples=(
        *("otp=123456", "verification code 123456", "pin: 1234", "cvv=123", "2FA code: 123456"),
        *("Your login code is 774411", "login code was '774 411'", "?otp=123+456"),
    ),
    near_misses=(
        *("security code 403", "pin 12", "ping: 12345", "exit code 137", "spin=1234", "code: 500"),
        *("status code is 404000", "exit code is 123456", "login code is 500", "error code was 10054"),
    ),
)

PERSONAL_NUMBER = Rule(
    "number by its personal name",
    _PERSONAL_SIGN,
    rf"({_PERSONAL_NAMES}{_KIND}(\\*)\" ?: {{0,2}})-?[0-9](?:[.eE+-]*[0-9]){{5,}}",
    '${1}${2}"<personal>${2}"',
    examples=('{"phone": 4930123456}', '{"ssn": 123456789}', '{"card": {"number": 4242424242424242}}'),
    near_misses=('{"phones": 3}', '{"mobile": 1}'),
)

PERSONAL = Rule(
    "personal data by its name",
    _PERSONAL_SIGN,
    rf"({_PERSONAL_NAMES}{_BEFORE}){_PERSONAL_VALUE}[A-Za-z0-9_]*|({_MOBILE_NAMES}{_BEFORE}){_MOBILE}[A-Za-z0-9_]*",
    "${1}${2}<personal>",
    examples=(
        *("phone: 030 123456", "ssn=123-45-6789", "passport number C01X00T47", "date of birth: 12 May 1984"),
        *("imei=490154203237518", "<iban>DE89370400440532013000</iban>", "NI number: QQ 12 34 56 C"),
        *("card #: 4539578763621486", "Card Number (PAN): 4539578763621486", "AHV 756.1234.5678.97", "pan: ABCDE1234F"),
        *("sms sent to 030 12345678", "Handynummer 0171/1234567", "身份证: 110101199003078515", "HETU: 131052-308T"),
        *("Tel. 0151 23456789", "Tel.: 0151 23456789", "Handy 0151 23456789", "Mob.: +49 151 23456789"),
        *("?phone=0151+23456789", "/x?tel=%2B49%20151%2023456789", "?dob=12%20May%201984", "?nino=QQ+12+34+56+C"),
    ),
    near_misses=(
        "company 1234567",
        "telemetry: 1234567",
        "panic: 1234567",
        "card 3 of 12",
        "mobile app 2.14.0",
        "disk tfn-3 of 12",
        "route 123456",
        "sms to 3 users",
        *("comes in handy 2026-01-05 10:00:00", "handy 1234567", "Handy 0.1234567 s", "handy 08-12-2026"),
        *("hotel. 1234567", "mob 1767601800000", "the pan. 12 eggs", "mobil 17.3.2026 12:00"),
    ),
)
