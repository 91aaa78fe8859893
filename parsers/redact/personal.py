"""Personal data: addresses, users, and numbers that a name, a grouping or a country's form marks; never bare digits."""

from parsers.redact.rule import IS, QUOTE, SPACE, START, WORD_START, Rule, literals, named, spelled, words

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
        *("@", "%40", "%2540", "%252540", "&#64;", "&#064;", "&#x40;", "%26%2364", "&commat;", "＠", "﹫"),
        *("%ef%bc%a0", "u0040", "(at)", "[at]"),
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

_USER_SIGN = f"{_BEFORE_USER}[A-Za-z_|-]*[0-9]"

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
        "1[0-9]{20}",
        r"((\\*)\": ?)1[0-9]{20}",
        '${1}${2}"<user>${2}"',
        examples=('{"id": 1{d20}}',),
        near_misses=('{"id": 176760180000}',),
    ),
    Rule(
        "Google subject",
        "1[0-9]{20}",
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
_ADDRESS_SIGN = named(*_ADDRESS_NAMES, after=_NUMBER_SOON) + "|" + words("ip", after=_NUMBER_SOON)

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
        r"[0-9]\.[0-9]{1,4}\.[0-9]{1,4}\.[0-9]|0[xX][0-9A-Fa-f]{2}\.0[xX]|[0-9](?:\[\.\]|\(\.\)|\[dot\]|%2[Ee]|%5B\.%5D)[0-9]",
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
        r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}|[0-9A-Fa-f]::|::[Ff]{4}:",
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
        r"%3[Aa][0-9A-Fa-f]{1,4}%3[Aa]",
        rf"(?:{_HEX}|%3[Aa])(?:%3[Aa]{_HEX}|%3[Aa]%3[Aa]{_HEX}){{3,7}}",
        "<ip>",
        examples=("from%202001%3Adb8%3A85a3%3A%3A8a2e%3A370%3A7334",),
        near_misses=("at%2012%3A34%3A56",),
    ),
)

# ---------------------------------------------------------------- numbers of persons, cards, accounts and devices

_PERSONAL = (
    *("phone", "phone number", "mobile", "mobile number", "msisdn", "whatsapp", "telefon", "telefono", "cell number"),
    *("iban", "account number", "account no", "routing number", "sort code", "kontonummer"),
    *("card number", "card no", "credit card", "debit card", "kreditkarte", "cc number", "ccnum", "passport"),
    *("passport number", "passport no", "social security", "social security number", "national id", "national number"),
    *("national insurance", "national insurance number", "insurance number", "driver license", "drivers license"),
    *("driving licence", "driver licence", "license number", "licence number", "tax id", "tax number", "steuer id"),
    *("steuernummer", "aadhaar", "identity number", "identity card", "id card", "medicare", "voter id", "personnummer"),
    *("codice fiscale", "fiscal code", "birth date", "birthdate", "date of birth", "birthday", "geburtsdatum"),
    *("imei", "imsi", "iccid", "meid", "advertising id", "idfa", "gaid", "ni number", "vin number"),
    *("license plate", "licence plate", "number plate", "kennzeichen", "medical record", "patient id", "patient no"),
)
#: Short ones, which are parts of other words.
_PERSONAL_WORDS = (
    *("tel", "fax", "pan", "card", "ssn", "nino", "nhs", "cpf", "cnpj", "curp", "nif", "dni", "bsn", "pesel", "cpr"),
    *("nric", "hkid", "jmbg", "oib", "egn", "dob", "vin", "born", "born on", "mrn", "itin", "amka", "insee", "nin"),
)
_PERSONAL_NAMES = (
    rf"(?:(?:{spelled(*_PERSONAL)}|Personalausweis|Reisepass)|{WORD_START}(?:{spelled(*_PERSONAL_WORDS)}))"
)

_PERSONAL_SIGN = named(*_PERSONAL, "personalausweis", "reisepass") + "|" + words(*_PERSONAL_WORDS)

_KIND = r"(?:[ _]?(?:number|no\.?|nr\.?|num|code|address|Number|No|Nr)|#)?"
_BEFORE = rf"{_KIND}{QUOTE}?(?:{SPACE}(?:is|was|ending))?(?:{IS}|{SPACE}|>|, ?| ?# ?){QUOTE}?(?:%2[Bb])?(?:%28)?"
#: At least six digits, or five with capital letters; of a date its month may be a word.
_PERSONAL_VALUE = (
    r"(?:[+(]{0,2}(?:[A-Z]{2} )?[A-Z]{0,6}[0-9](?:(?:[ ./()-]|%2[089]){0,2}[0-9]|[A-Z]| [A-Z]){5,40}"
    r"|[A-Z]{1,3}[ -][A-Z]{1,2}[ -]?[0-9]{2,4}[A-Z]?"
    r"|[0-9]{1,2}\.? [A-Z][a-z]{2,8}\.?,? [0-9]{4}|[A-Z][a-z]{2,8}\.? [0-9]{1,2},? [0-9]{4}"
    r"|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})"
)

_CODES = (
    *("pin code", "one time password", "one time code", "one time pin", "verification code", "security code"),
    *("authentication code", "confirmation code", "login code", "sms code", "pairing code"),
    *("2fa code", "mfa code", "otp code", "backup code", "recovery code", "card verification"),
)
_CODE_WORDS = ("pin", "otp", "totp", "cvv", "cvv2", "cvc", "cvc2")
_CODE_NAMES = rf"(?:{spelled(*_CODES)}|{WORD_START}(?:{spelled(*_CODE_WORDS)}))"
_CODE_SIGN = named(*_CODES) + "|" + words(*_CODE_WORDS)
#: Three digits behind a sign, five behind a space: `security code 403` is a status.
_CODE = (
    rf"((?:{_CODE_NAMES})(?:{SPACE}?(?:value|number))?{QUOTE}?(?:{SPACE}(?:is|was))?(?:{IS}|>|, ?){QUOTE}?)"
    r"[0-9]{3}(?:[ -]?[0-9]){0,7}"
    rf"|((?:{_CODE_NAMES}){SPACE})[0-9]{{3}}[ -]?[0-9]{{2,5}}"
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
    examples=("otp=123456", "verification code 123456", "pin: 1234", "cvv=123"),
    near_misses=("security code 403", "pin 12", "ping: 12345", "exit code 137", "spin=1234"),
)

PERSONAL_NUMBER = Rule(
    "number by its personal name",
    _PERSONAL_SIGN,
    rf"({_PERSONAL_NAMES}{_KIND}(\\*)\" ?: {{0,2}})-?[0-9](?:[.eE+-]*[0-9]){{5,}}",
    '${1}${2}"<personal>${2}"',
    examples=('{"phone": 4930123456}', '{"ssn": 123456789}'),
    near_misses=('{"phones": 3}', '{"mobile": 1}'),
)

PERSONAL = Rule(
    "personal data by its name",
    _PERSONAL_SIGN,
    rf"({_PERSONAL_NAMES}{_BEFORE}){_PERSONAL_VALUE}",
    "${1}<personal>",
    examples=(
        *("phone: 030 123456", "ssn=123-45-6789", "passport number C01X00T47", "date of birth: 12 May 1984"),
        *("imei=490154203237518", "<iban>DE89370400440532013000</iban>", "NI number: QQ 12 34 56 C"),
    ),
    near_misses=("company 1234567", "telemetry: 1234567", "panic: 1234567", "card 3 of 12", "mobile app 2.14.0"),
)

#: Account numbers (IBAN) have a length by their country; of these the account is digits, or begins with four letters.
_IBAN_DIGITS = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL",
    19: "SI MK",
    20: "AT BA EE LT LU XK",
    21: "CH LI HR",
    22: "DE RS ME",
    23: "AE IL",
    24: "AD CZ ES SA SE SK TN",
    25: "PT",
    26: "IS TR",
    28: "CY HU PL",
}
_IBAN_LETTERS = {18: "NL", 21: "LV", 22: "BG BH GB IE", 23: "GI", 24: "PK RO VG", 29: "QA UA"}
_IBAN_OTHER = {20: "KZ", 27: "FR MC IT SM GR", 29: "BR", 31: "MT"}


def _iban() -> str:
    """A pattern of account numbers, plain or in groups of four."""
    forms = []
    for lengths, letters, kind in ((_IBAN_DIGITS, 0, "0-9"), (_IBAN_LETTERS, 1, "0-9A-Z"), (_IBAN_OTHER, 0, "0-9A-Z")):
        for length, countries in lengths.items():
            groups, rest = divmod(length - 4 * (1 + letters), 4)
            bank = "[ -]?[A-Z]{4}" * letters
            tail = f"[ -]?[{kind}]{{{rest}}}" if rest else ""
            forms.append(f"(?:{'|'.join(countries.split())})[0-9]{{2}}{bank}(?:[ -]?[{kind}]{{4}}){{{groups}}}{tail}")
    return "|".join(forms)


#: The four networks in their printed grouping. Luhn's sum is no pattern, and bare digits are no card.
_NETWORKS = r"(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6011|65[0-9]{2}|35[2-8][0-9])"
_GAP = "(?:[ -]|%20)"
_CARD = (
    rf"{_NETWORKS}(?:(?:-[0-9]{{4}}){{3}}|(?: [0-9]{{4}}){{3}}|(?:%20[0-9]{{4}}){{3}})"
    rf"|3[47][0-9]{{2}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{5}}"
)
#: With a plus and a country, grouped or ten digits and more; or as written in North America.
_PHONE = (
    r"\+1[2-9][0-9]{9}|\+[2-9][0-9]{9,14}|\+[2-9](?:[ ()/-]{0,2}[0-9]){8,14}"
    r"|\+1[ .-]\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}|\+[1-9][0-9]{0,2}(?:\.[0-9]{2,4}){3,4}"
    r"|\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4}|%2B[1-9](?:(?:%20|-)?[0-9]){9,14}"
)
_PHONE_WITH_DASHES = r"(^|[^A-Za-z0-9_-]|\\[nrt])(?:1-)?[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}([^A-Za-z0-9_-]|$)"
#: A hardware address; of a fingerprint, which is longer, the end is seen.
_MAC = r"(?:[0-9A-Fa-f]{2}(?::|%3A)){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
_MAC_RULE = (rf"(^|[^0-9A-Za-z:-]|[G-Zg-z]:|\\[nrt]|%20)(?:{_MAC})([^0-9A-Za-z:-]|$)", "${1}<personal>${2}")

BY_NETWORK = Rule(
    "card number by its network",
    r"(?:[a-zA-Z]:? |=)(?:[456][0-9]{15}|3[47][0-9]{13}|2[2-7][0-9]{14})",
    r"((?:[Vv]isa|VISA|[Mm]aster[Cc]ard|[Aa]mex|AMEX|[Aa]merican [Ee]xpress|[Mm]aestro|[Pp]ayment (?:with|by)"
    r"|[Cc]harge[ds]?)(?::? |=))"
    r"(?:4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|6(?:011|5[0-9]{2})[0-9]{12})",
    "${1}<personal>",
    examples=("Visa 4242424242424242", "payment with 5555555555554444 declined"),
    near_misses=("payment 4242424242424242", "charged 4242"),
)

BY_FORM = (
    Rule(
        "bank account",
        r"[A-Z]{2}[0-9]{2}[ -]?[0-9A-Z]{4}[ -]?[0-9A-Z]{3}",
        rf"{START}(?:{_iban()})([^0-9A-Za-z_-]|$)",
        "${1}<personal>${2}",
        examples=("transfer to DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "NL91ABNA0417164300 paid"),
        near_misses=("DE2026010512 and ME20260105", "ES24 is open", "GB29 NWBK"),
    ),
    # Behind a fourth group no fifth may stand: then it is a list of numbers.
    Rule(
        "card number",
        rf"[0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}|[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{5}}",
        rf"(^|[^A-Za-z0-9_ -]|[^0-9 ][ ]|\\[nrt]|%20)(?:{_CARD})([^A-Za-z0-9_ -]| [^0-9]| ?$|%20)",
        "${1}<personal>${2}",
        examples=("charged 4111 1111 1111 1111 twice", "charged 4111-1111-1111-1111", "3782 822463 10005"),
        near_misses=("sizes 4000 4001 4002 4003 4004", "4111-1111-1111-1111-1111", "4111111111111111"),
    ),
    Rule(
        "phone number",
        r"\+[1-9][0-9(]|\+[1-9][ .()/-]|%2B[1-9]|\([2-9][0-9]{2}\)",
        rf"{START}(?:{_PHONE})[0-9A-Za-z_]*",
        "${1}<personal>",
        examples=("calling +49 30 12345678", "sms to +4930123456789", "(212) 555-0123", "+1 212-555-0123"),
        near_misses=("m=+12.345678901", "rose +12.55 %", "+1000 2000", "+1073741824 bytes", "UTC+2 2026-01-05"),
    ),
    Rule(
        "phone number with dashes",
        "[0-9]{3}-[0-9]{3}-[0-9]{4}",
        _PHONE_WITH_DASHES,
        "${1}<personal>${2}",
        examples=("call 212-555-0123 back", "1-212-555-0123"),
        near_misses=("id-212-555-0123", "212-555-0123-9", "2026-01-05"),
    ),
    Rule(
        "hardware address",
        r"(?:[0-9A-Fa-f]{2}(?::|%3A)){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}",
        *_MAC_RULE,
        examples=("device 3c:22:fb:00:1a:2b joined", "3C-22-FB-00-1A-2B"),
        near_misses=("end of 3c:22:fb:00:1a:2b:3c", "at 12:34:56 and 08:30:00"),
    ),
)
