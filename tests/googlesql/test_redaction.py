"""Redaction and subjects in GoogleSQL leave the same bytes as in polars."""

import hashlib

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parsers import lines, redact
from parsers.to_googlesql import digest, redacted, subject, without_escapes
from tests.googlesql.rows import WINDOWS, of_catalogue
from tests.parsers.test_redact import HARMLESS, PLANTED
from tests.parsers.test_second_engine import with_mutations


def agree(reference, texts):
    rows = pl.DataFrame({"t": texts}, schema={"t": pl.String}).with_row_index("n").cast({"n": pl.Int64})
    plain = lines.strip_ansi(rows["t"])
    ours = rows.with_columns(
        redact.redact(plain).alias("shown"), redact.digest(redact.subjects(rows["t"]), b"k").alias("subject")
    )
    sql = f"select n, t, {redacted(without_escapes('t'))} as shown, {digest(subject('t'))} as subject from texts"
    theirs = reference.query(sql, {"texts": rows}, {"pseudonym_key": "k"}).sort("n")
    assert_frame_equal(ours, theirs)
    return ours


def test_secrets_and_what_looks_like_them(reference):
    """Each planted one, and mutations of it."""
    texts = [*(text for text, _ in PLANTED.values()), *HARMLESS]
    found = agree(reference, [None, *with_mutations([text for text in texts if text], 10)])
    assert found["subject"].n_unique() > 3


def test_lines_of_the_catalogue(reference):
    """And lines with terminal escapes."""
    texts = of_catalogue()["message"].drop_nulls().to_list()
    agree(reference, [*texts, "\x1b[31muser 10146348\x1b[0m.5", "192.\x1b[1m0.2.7"])


def test_raw_lines_of_recorded_windows(reference):
    """Whole entries as JSON text."""
    if not WINDOWS.exists():
        pytest.skip("the recorded windows are not here")
    agree(reference, [line for path in WINDOWS.iterdir() for line in path.read_text(encoding="utf-8").splitlines()])


def test_a_digest_is_that_of_the_key_and_the_identifier(reference):
    """SHA-256, 12 digits."""
    found = reference.query(f"select {digest('@id')} as x", params={"pseudonym_key": "ké", "id": "é"}).item()
    assert found == hashlib.sha256("kéé".encode()).hexdigest()[:12]
