"""Forms that are not read are refused by name; text that only resembles them is kept."""

import io
import os
import subprocess
import tarfile
import threading
import zipfile
from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest
import zstandard

from pipeline.errors import SourceError
from pipeline.sources.files.foreign import refuse_foreign
from pipeline.sources.files.reader import SourceReport, read
from tests.conftest import RUNVERDICT, healthy, ndjson

TIME = "2026-01-15T09:00:00.123456Z"


def records(path):
    return [line for batch in read(str(path), report=SourceReport(str(path))) for line in batch.lines]


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("logs.json", "{}")
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("logs.json"), io.BytesIO(b""))
    return file.getvalue()


def parquet():
    file = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (zipped(), "a zip archive"),
        (tarred(), "a tar archive"),
        (zstandard.compress(tarred()), "a tar archive"),
        (parquet(), "a Parquet file"),
        ("TIMESTAMP                    SEVERITY  TEXT_PAYLOAD\n2026-01-15T09:00:00Z INFO x\n", "--format=table"),
        (f"REVISION_NAME  MESSAGE\nshop-00001-abc  hello at {TIME}\n", "--format=table"),
        (f"TIMESTAMP  SEVERITY  PAYMENT_ID\n{TIME}  INFO  7\n", "--format=table"),
        ("REQUEST_METHOD  STATUS  REQUEST_URL\nGET  200  https://shop.example.com/\n", "--format=table"),
        ("TIMESTAMP\tSEVERITY\tTRACE\n2026-01-15T09:00:00Z\tINFO\tx\n", "--format=table"),
        ("┌──────────┬──────────┐\n│ SEVERITY │ MESSAGE  │\n├──────────┼──────────┤\n", "--format=table"),
        ("+-----------+----------+\n| TIMESTAMP | SEVERITY |\n+-----------+----------+\n", "--format=table"),
        (f"shop-00001-abc\t{TIME}\thello\tmore\n", "--format=value"),
        (f"TIMESTAMP  REVISION_NAME\n{TIME}  shop-00001-abc\n", "without textPayload"),
        (f"shop\t{TIME}\t\nshop\t{TIME}\tfast\n", "--format=value"),
        (f"CRITICAL {TIME} [protoPayload.serviceName: run] Ready condition\n", "Cloud console"),
        (f"INFO  {TIME}  hello\r\nINFO  {TIME}  more\r\n", "Cloud console"),
        ("2026-01-15 09:00:00.123 UTC hello\n2026-01-15 09:00:01.000 UTC more\n", "Cloud console"),
        ("2026-01-15 09:00:00 POST 503 https://shop.run.app/pay\n", "services logs read"),
        (f"{TIME} E pay: TypeError: x\n{TIME} E pay:     at f (x.js:1)\n", "firebase"),
        ("LEVEL  NAME  TIME_UTC                 LOG\nE      shop  2026-01-15 09:00 hi\n", "functions"),
        ("LEVEL: I\nNAME: shop\nEXECUTION_ID: x\nTIME_UTC: 2026-01-15 09:00:00\nLOG: hi\n", "functions"),
        (f"{TIME}\tINFO\thello\n{TIME}\t\tmore\n", "--format=value"),
        (f"INFO {TIME} hello\n  more\nDEFAULT {TIME} x\n", "Cloud console"),
        ("2026-01-15 10:00:00.123 CET\nContainer called exit(1).\n" * 3, "Cloud console"),
        ("Error\n2026-01-15 10:00:00.123 CET\nContainer called exit(1).\n" * 3, "Cloud console"),
        (f"$ gcloud logging read x\n{TIME}\tERROR\tTraceback\n  File x\n  File y\n", "--format=value"),
        ("2026-01-15 09:00:00 GET 200 https://shop.run.app/\n2026-01-15 09:00:01 hello\n", "services logs read"),
        (f"{TIME} ? shop: Function execution started\n{TIME} I shop: hello\n", "firebase"),
        (
            "LEVEL  NAME  EXECUTION_ID  TIME_UTC                 LOG\nI      shop  x1  2026-01-15 09:00 hi\n",
            "functions",
        ),
    ],
)
def test_what_is_not_read_is_refused_by_name(tmp_path, content, name):
    """With what helps: how to export, or to unpack."""
    path = tmp_path / "logs.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceError, match=name) as error:
        records(path)
    assert "gcloud logging read" in str(error.value) or "name" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "---\nmessage: hello\ntimestamp: x\n",
        f'INFO {TIME} starting\n{{"insertId": "a"}}\n',
        "LEVEL of water: 3\nNAME: x\n",
        "STATUS of the queue: MESSAGE follows\nhello\n",
        "MESSAGE\nhello\n",
        "TIMESTAMP SEVERITY are columns of ours\nhello\n",
        "+----+----+\n| id | qty |\n+----+----+\n",
        "2026-01-15 09:00:00.123 UTC [7] LOG:  checkpoint complete\n" * 3,
        "2026-01-15 09:00:00 GET was called\n2026-01-15 09:00:01 hello\n",
        f"{TIME} hello\n{TIME} world\n",
        "Downloading 10%\rDownloading 20%\nnext\n",
    ],
)
def test_other_text_is_kept_line_by_line(tmp_path, text):
    """As lines that no rule explains."""
    path = tmp_path / "x.log"
    path.write_text(text, newline="")
    assert b"\n".join(records(path)).decode() == text.removesuffix("\n")


def test_devices_and_pipes_without_a_writer_are_refused(tmp_path):
    """None of them ends by itself."""
    os.mkfifo(tmp_path / "pipe.log")
    for path, reason in ((tmp_path / "pipe.log", "nobody writes"), ("/dev/zero", "device"), ("/dev/urandom", "device")):
        with pytest.raises(SourceError, match=reason):
            records(path)
    with Path("/dev/zero").open("rb") as zero:
        found = subprocess.run([RUNVERDICT, "check", "-"], stdin=zero, capture_output=True, timeout=20)
    assert (found.returncode, b"device" in found.stderr) == (4, True)
    assert records(os.devnull) == []


def test_a_pipe_is_read_to_its_end(tmp_path):
    """A named one whose writer comes late, and that of a shell."""
    os.mkfifo(tmp_path / "pipe")
    lines = ndjson(tmp_path / "x.ndjson", healthy()).read_bytes()
    writer = threading.Timer(0.3, (tmp_path / "pipe").write_bytes, (lines,))
    writer.start()
    assert records(tmp_path / "pipe") == lines.splitlines()
    writer.join()
    out, into = os.pipe()
    os.write(into, lines[:5000])
    os.close(into)
    assert b"\n".join(records(f"/dev/fd/{out}")) == lines[:5000].removesuffix(b"\n")
    os.close(out)


LOGGED = f"CRITICAL {TIME} [protoPayload.serviceName: run] Ready condition"


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ([LOGGED, "x", "x", "x", "x"], True),
        (["x", "x", LOGGED, "x", "x"], True),
        (["x", "x", "x", LOGGED, LOGGED], False),  # none of the first three
        (["x", "x", LOGGED, "x", "x", "x"], False),  # less than a fifth
        (["", " ", "x", "", "x", LOGGED, "x", "x"], True),  # blank lines aside
        ([LOGGED] * 10 + ["x"] * 40, True),
        ([LOGGED] * 9 + ["x"] * 41, False),
        ([LOGGED] * 10 + ["x"] * 90, True),  # of the first fifty
        ([LOGGED] * 9 + ["x"] * 41 + [LOGGED] * 9, False),
        ([LOGGED] * 49 + ["{}"], False),
        ([LOGGED] * 49 + ["[1]"], False),
        ([LOGGED] * 50 + ["{}"], True),
    ],
)
def test_how_much_of_a_text_is_of_its_form(lines, refused):
    """A fifth of the first fifty lines, one of the first three; a line of JSON among them is to be read."""
    with pytest.raises(SourceError, match="Cloud console") if refused else nullcontext():
        refuse_foreign("x", "\n".join(lines).encode())


@pytest.mark.parametrize("text", [f"{{ x }}\n{LOGGED}\n", f"[x]\n{LOGGED}\n", f"\n  {{x}}\n{LOGGED}\n"])
def test_text_that_begins_with_a_bracket_is_to_be_read(text):
    """As JSON, whatever follows."""
    refuse_foreign("x", text.encode())
