"""Numbers of accounts, cards, phones and devices, known by a network, a printed grouping or a country's form."""

from parsers.redact.rule import START, Rule, by_form

#: Account numbers (IBAN) have a length by their country; of these the account is digits, or begins with four letters.
_IBAN_DIGITS = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL",
    19: "SI MK",
    20: "AT BA EE LT LU XK",
    21: "CH LI HR",
    22: "CR DE ME RS VA",
    23: "AE IL TL",
    24: "AD CZ ES SA SE SK TN",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ MR",
    28: "CY HU PL",
    29: "EG",
}
_IBAN_LETTERS = {
    18: "NL",
    21: "LV",
    22: "BG BH GB IE",
    23: "GI IQ",
    24: "PK RO VG",
    28: "AZ BY HN NI SV",
    29: "PS QA",
    30: "JO KW YE",
    31: "SC",
    32: "LC",
}
_IBAN_OTHER = {
    18: "FK",
    20: "KZ",
    22: "GE",
    23: "OM",
    27: "FR MC IT SM GR",
    28: "AL DO GT",
    29: "BR UA",
    31: "MT",
    33: "RU",
}


#: The sum by 97 is no pattern of either engine; what it can be is.
_CHECK = "(?:0[2-9]|[1-8][0-9]|9[0-8])"


def _iban(gap: str) -> str:
    """A pattern of account numbers in groups of four with a gap, as a pattern, between them."""
    forms = []
    for lengths, letters, kind in ((_IBAN_DIGITS, 0, "0-9"), (_IBAN_LETTERS, 1, "0-9A-Z"), (_IBAN_OTHER, 0, "0-9A-Z")):
        for length, countries in lengths.items():
            groups, rest = divmod(length - 4 * (1 + letters), 4)
            bank = f"{gap}[A-Z]{{4}}" * letters
            tail = f"{gap}[{kind}]{{{rest}}}" if rest else ""
            forms.append(f"(?:{'|'.join(countries.split())}){_CHECK}{bank}(?:{gap}[{kind}]{{4}}){{{groups}}}{tail}")
    return "|".join(forms)


#: The four networks in their printed grouping. Luhn's sum is no pattern, and bare digits are no card.
_NETWORKS = r"(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6011|65[0-9]{2}|35[2-8][0-9])"
_GAP = r"(?:[ +-]|%20)"
_CARD = (
    rf"{_NETWORKS}(?:(?:-[0-9]{{4}}){{3}}|(?: [0-9]{{4}}){{3}}|(?:%20[0-9]{{4}}){{3}}|(?:\+[0-9]{{4}}){{3}})"
    rf"|3[47][0-9]{{2}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{5}}"
)
#: A space in a URL.
_URL_GAP = r"(?:%20|\+)"
#: With a plus and a country, grouped or ten digits and more; or as written in North America.
_PHONE = (
    r"\+1[2-9][0-9]{9}|\+[2-9][0-9]{9,14}|\+[2-9](?:[ ()/-]{0,2}[0-9]){8,14}"
    r"|\+1[ .-]\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}|\+[1-9][0-9]{0,2}(?:\.[0-9]{2,4}){3,4}"
    r"|(?:\(|%28)[2-9][0-9]{2}(?:\)|%29)(?:[ +]|%20)?[0-9]{3}-[0-9]{4}|%2[Bb][1-9](?:(?:%20|-)?[0-9]){9,14}"
    rf"|(?:\+|%2[Bb])[1-9][0-9]{{0,2}}{_URL_GAP}(?:\(|%28)?[0-9](?:(?:[+()/.-]|%2[089DdFf]){{0,2}}[0-9]){{7,12}}"
)
_PHONE_WITH_DASHES = r"(^|[^A-Za-z0-9_-]|\\[nrt])(?:1-)?[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}([^A-Za-z0-9_-]|$)"
#: A hardware address; of a fingerprint, which is longer, the end is seen.
_MAC = r"(?:[0-9A-Fa-f]{2}(?::|%3A)){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
_MAC_RULE = (rf"(^|[^0-9A-Za-z:-]|[G-Zg-z]:|\\[nrt]|%20)(?:{_MAC})([^0-9A-Za-z:-]|$)", "${1}<personal>${2}")

BY_NETWORK = Rule(
    "card number by its network",
    by_form(r"(?:[a-zA-Z]:? ?|=|\")(?:[3456][0-9]{13}|2[2-7][0-9]{14})"),
    r"((?:[Vv]isa|VISA|[Mm]aster[Cc]ard|[Aa]mex|AMEX|[Aa]merican [Ee]xpress|[Mm]aestro|[Dd]iscover|JCB|jcb|[Dd]iners"
    r"|[Pp]ayment (?:with|by)|[Cc]harge[ds]?|CCN?|(?:^|[^A-Za-z])ccn?(?:_?no|_?num)?)(?:: ?| |=|\\*\"[:,] ?\\*\"))"
    r"(?:4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}"
    r"|6(?:011|5[0-9]{2})[0-9]{12}|35[2-8][0-9]{13})[A-Za-z0-9_]*",
    "${1}<personal>",
    examples=("Visa 4242424242424242", "payment with 5555555555554444 declined", '{"cc": "4242424242424242"}'),
    near_misses=("payment 4242424242424242", "charged 4242", "gcc 4242424242424242", "cc=1234567890123456"),
)

BY_FORM = (
    Rule(
        "bank account",
        by_form(r"[A-Z]{2}[0-9]{2}(?:[ +-]|%20)?[0-9A-Z]{4}(?:[ +-]|%20)?[0-9A-Z]{3}"),
        rf"{START}(?:{_iban('[ -]?')}|{_iban(_URL_GAP)})([^0-9A-Za-z_-]|$)",
        "${1}<personal>${2}",
        examples=(
            "transfer to DE89370400440532013000",
            "GB29 NWBK 6016 1331 9268 19",
            "NL91ABNA0417164300 paid",
            "KW81CBKU0000000000001234560101",
            *("GET /pay/GB29%20NWBK%206016%201331%209268%2019", "?to=DE89+3704+0044+0532+0130+00&x=1"),
        ),
        near_misses=(
            *("DE2026010512 and ME20260105", "ES24 is open", "GB29 NWBK", "DE00370400440532013000"),
            *("?q=ES24+2024+2025+2026", "/x/DE89%203704%200044"),
        ),
    ),
    # Behind a fourth group no fifth may stand: then it is a list of numbers.
    Rule(
        "card number",
        by_form(rf"[0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}|[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{5}}"),
        rf"(^|[^A-Za-z0-9_ +-]|[^0-9 +][ +]|\\[nrt]|%20)(?:{_CARD})([^A-Za-z0-9_ +-]|[ +][^0-9]| ?$|%20)",
        "${1}<personal>${2}",
        examples=(
            *("charged 4111 1111 1111 1111 twice", "charged 4111-1111-1111-1111", "3782 822463 10005"),
            *("/pay/4111+1111+1111+1111/confirm", "?q=charged+4111+1111+1111+1111+twice"),
        ),
        near_misses=(
            *("sizes 4000 4001 4002 4003 4004", "4111-1111-1111-1111-1111", "4111111111111111"),
            "?q=sizes+4000+4001+4002+4003+4004",
        ),
    ),
    Rule(
        "phone number",
        by_form(r"\+[1-9](?:[0-9][0-9 .()/%+-]|[ .()/%+-])|%2[Bb][1-9]|(?:\(|%28)[2-9][0-9]{2}(?:\)|%29)"),
        rf"{START}(?:{_PHONE})[0-9A-Za-z_]*",
        "${1}<personal>",
        examples=(
            *("calling +49 30 12345678", "sms to +4930123456789", "(212) 555-0123", "+1 212-555-0123"),
            *("GET /api/u/+49%20151%2023456789 200", "?phone=%2B49+151+23456789", "/u/+1%20(212)%20555-0123"),
            *("/call/%2b49%20151%2023456789", "/u/%28212%29%20555-0123", "?q=call+%2B33+6+12+34+56+78"),
        ),
        near_misses=(
            *("m=+12.345678901", "rose +12.55 %", "+1000 2000", "+1073741824 bytes", "UTC+2 2026-01-05"),
            *("?since=+2026-01-05+10", "?at=2026-01-05T10:00:00%2B02:00&page=12345678", "+3%20of%2020260105"),
            *("?q=+12+apples+34567890", "1767601800000+49+12"),
        ),
    ),
    Rule(
        "phone number with dashes",
        by_form("[0-9]{3}-[0-9]{3}-[0-9]{4}"),
        _PHONE_WITH_DASHES,
        "${1}<personal>${2}",
        examples=("call 212-555-0123 back", "1-212-555-0123"),
        near_misses=("id-212-555-0123", "212-555-0123-9", "2026-01-05"),
    ),
    Rule(
        "hardware address",
        by_form(r"(?:[0-9A-Fa-f]{2}(?::|%3A)){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}"),
        *_MAC_RULE,
        examples=("device 3c:22:fb:00:1a:2b joined", "3C-22-FB-00-1A-2B"),
        near_misses=("end of 3c:22:fb:00:1a:2b:3c", "at 12:34:56 and 08:30:00"),
    ),
)
