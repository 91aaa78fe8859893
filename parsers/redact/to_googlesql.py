"""Redaction as GoogleSQL: `parsers.redact` has the rules; here they are only spelled."""

from parsers import lines, redact
from parsers.googlesql_pieces import replace, text


def redacted(expression: str) -> str:
    """Return an expression for the text with personal data and secrets replaced, as `parsers.redact.redact` does."""
    for step in redact.STEPS:
        expression = replace(expression, step.pattern, step.replacement)
    return expression


def plain(expression: str) -> str:
    """Return an expression for the text as a reader sees it, as `parsers.lines.plain` does."""
    for pattern, left in lines.HIDING:
        expression = replace(expression, pattern, left)
    return expression


def identifier(expression: str, hidden: str) -> str:
    """Return an expression for an id from outside, as `parsers.redact.identifiers` does. hidden: the id redacted."""
    same = f"{expression} = {hidden} and not regexp_contains({expression}, {text(redact.ENDS_IN_DIGEST)})"
    return f"if({same}, {expression}, concat({hidden}, '#', {digest(expression)}))"


def subject(expression: str) -> str:
    """Return an expression for the first 8 characters of the text's first user identifier, or null."""
    return f"substr(regexp_extract({expression}, {text(redact.SUBJECT)}), 1, 8)"


def digest(expression: str) -> str:
    """Return an expression for the digest of an identifier by the query's parameter @pseudonym_key."""
    return f"substr(to_hex(sha256(concat(@pseudonym_key, {expression}))), 1, 12)"
