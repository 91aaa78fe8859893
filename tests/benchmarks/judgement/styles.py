"""The ways in which services word the same line: raw, masked by the app itself, older, in text, without its emoji."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A line of the shop, and what the app's own mask leaves of it.
_MASKS = (
    ("AUTH SERVICE DEPENDENCY: Starting token validation", "AUTH=REDACTED DEPENDENCY: Starting token=REDACTED"),
    ("AUTH SERVICE SUCCESS: Token validated successfully", "AUTH=REDACTED SUCCESS: Token=REDACTED successfully"),
    (
        "AUTH SERVICE EXCEPTION: Auth service communication failed",
        "AUTH=REDACTED EXCEPTION: Auth=REDACTED communication failed",
    ),
    ("syncing JWT claims)", "syncing JWT=REDACTED"),
    ("Check auth service health", "Check auth=REDACTED health"),
)
_RAW = tuple((masked, raw) for raw, masked in _MASKS)


@dataclass(frozen=True)
class Style:
    """Replacements in the text of a line; as_text: written as plain text, with time, logger and level before it."""

    replacements: tuple[tuple[str, str], ...] = ()
    as_text: bool = False

    def text(self, raw: str) -> str:
        """Return a line in this style."""
        for old, new in self.replacements:
            raw = raw.replace(old, new)
        return raw

    def entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return a LogEntry in this style; only lines of the app that are JSON change."""
        payload = entry.get("jsonPayload")
        if payload is None:
            return entry
        text = self.text(payload["message"])
        if not self.as_text:
            more = {"textPayload": text} if "textPayload" in payload else {}
            return entry | {"jsonPayload": payload | {"message": text} | more}
        rest = {key: value for key, value in entry.items() if key not in ("jsonPayload", "severity")}
        moment = datetime.fromisoformat(entry["timestamp"])
        return rest | {"textPayload": standard_library(f"{moment:%Y-%m-%d %H:%M:%S}", entry["severity"], text)}


def standard_library(moment: str, level: str, text: str) -> str:
    """Return a line as Python's logging writes it with a common format."""
    return f"{moment} - shop.auth - {level} - {text}"


STYLES = {
    "mixed": Style(),
    "raw": Style(_RAW),
    "masked": Style(_MASKS),
    "seed": Style((*_RAW, ("AUTH SERVICE ", "AUTH "), ("✅", "✓"), ("🚨", "✗"))),
    "mojibake": Style((*_RAW, ("AUTH SERVICE ", "AUTH "), ("✅", "‚úì"), ("🔑", "üîë"))),
    "ascii": Style(
        (
            *_RAW,
            ("✅ AUTH SERVICE SUCCESS: Token validated", " PASS=REDACTED SERVICE SUCCESS: Token=REDACTED"),
            ("✅ DATABASE USER FOUND", " PASS=REDACTED USER FOUND"),
            ("🔑 ", "[U+1F511] "),
            ("🔍 ", "SEARCH: "),
            ("🚨 ", " ALERT:  "),
        )
    ),
    "older text": Style(
        (*_RAW, ("AUTH SERVICE ", "AUTH "), ("✅ ", ""), ("🔑 ", ""), ("🔍 ", ""), ("🚨 ", "")), as_text=True
    ),
    # A wording that no block of the catalogue knows.
    "unknown": Style(
        (("AUTH SERVICE SUCCESS: Token validated successfully", "Auth service success, token was validated"),)
    ),
}
