"""Redaction and subjects in GoogleSQL leave the same bytes as in polars."""

import hashlib
import json

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parsers import lines, redact
from parsers.redact.to_googlesql import digest, identifier, plain, redacted, subject
from tests.googlesql.rows import WINDOWS, of_catalogue
from tests.parsers.leak_kinds import KINDS, drawn
from tests.parsers.test_redact import HARMLESS, PLANTED
from tests.parsers.test_second_engine import with_mutations


def agree(reference, texts):
    rows = pl.DataFrame({"t": texts}, schema={"t": pl.String}).with_row_index("n").cast({"n": pl.Int64})
    ours = rows.with_columns(
        redact.redact(lines.plain(rows["t"])).alias("shown"),
        redact.digest(redact.subjects(rows["t"]), b"k").alias("subject"),
    )
    sql = f"select n, t, {redacted(plain('t'))} as shown, {digest(subject('t'))} as subject from texts"
    theirs = reference.query(sql, {"texts": rows}, {"pseudonym_key": "k"}).sort("n")
    assert_frame_equal(ours, theirs)
    return ours


def test_secrets_and_what_looks_like_them(reference):
    """Each planted one, and mutations of it."""
    texts = [*(text for text, _ in PLANTED.values()), *HARMLESS]
    found = agree(reference, [None, *with_mutations([text for text in texts if text][::4], 1)])
    assert found["subject"].n_unique() > 1


def test_what_a_url_has_for_a_space(reference):
    """Numbers of accounts, cards and phones, dates and codes, and what looks like them."""
    texts = [
        *(text for text, _ in PLANTED.values() if "%20" in text or "+" in text),
        *(text for text in HARMLESS if "%2" in text or "+" in text),
        *("Tel. 0151 23456789", "Handy: 0151 23456789", "2FA code: 123456", "Your login code is 774411"),
        *('invalid password "hunter2pass" for bob', "wrong password 'swordfish'", "SECRET_KEY_BASE: 8a7b6c5d4e3f"),
    ]
    agree(reference, texts)


def test_kinds(reference):
    """Each twelfth, in a line and in a field in JSON: the evaluator makes every pattern anew for every row."""
    values = [(kind, drawn(kind.value, "1")) for kind in KINDS[::12]]
    agree(reference, [kind.line.replace("{}", value) for kind, value in values])
    agree(reference, [json.dumps({kind.field: value}) for kind, value in values])


def test_ids_from_outside(reference):
    """As they are, or redacted with their digest."""
    ids = [
        None,
        "68af4d1e0001b6d3",
        "jane@example.com",
        "<email>#0123456789ab",
        "projects/p/logs/stdout",
        "203.0.113.9",
    ]
    rows = pl.DataFrame({"t": ids}, schema={"t": pl.String}).with_row_index("n").cast({"n": pl.Int64})
    ours = rows.with_columns(redact.identifiers(rows["t"], redact.redact(rows["t"]), b"k").alias("kept"))
    sql = f"select n, t, {identifier('t', redacted('t'))} as kept from texts"
    assert_frame_equal(ours, reference.query(sql, {"texts": rows}, {"pseudonym_key": "k"}).sort("n"))


def test_lines_of_the_catalogue(reference):
    """And lines with terminal escapes."""
    texts = of_catalogue()["message"].drop_nulls().to_list()
    agree(
        reference,
        [*texts, "\x1b[31muser 10146348\x1b[0m.5", "192.\x1b[1m0.2.7", "a@\x1b[\x1b[0m0mb.example", "a@<red>b.example"],
    )


def test_raw_lines_of_recorded_windows(reference):
    """Whole entries as JSON text."""
    if not WINDOWS.exists():
        pytest.skip("the recorded windows are not here")
    texts = [line for path in sorted(WINDOWS.iterdir()) for line in path.read_text(encoding="utf-8").splitlines()]
    agree(reference, texts[::50])


def test_a_digest_is_that_of_the_key_and_the_identifier(reference):
    """SHA-256, 12 digits."""
    found = reference.query(f"select {digest('@id')} as x", params={"pseudonym_key": "ké", "id": "é"}).item()
    assert found == hashlib.sha256("kéé".encode()).hexdigest()[:12]
