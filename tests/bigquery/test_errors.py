"""Whatever BigQuery refuses is said with what to do, and ends with exit code 4."""

import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError
from requests.exceptions import ConnectionError as Unconnected

from pipeline.errors import BigQueryError, UsageError
from pipeline.sources.base import KINDS
from pipeline.warehouse import Address, errors, parse, price_usd
from tests.conftest import call

PLACE = Address("demo", "logs")


def of(kind, message, reason=""):
    return kind(message, errors=[{"reason": reason, "message": message}])


@pytest.mark.parametrize(
    ("raised", "hint"),
    [
        (of(exceptions.NotFound, "Not found: Dataset demo:logs"), "bq mk --dataset"),
        (of(exceptions.NotFound, "Not found: Table demo:logs.t"), "bq ls"),
        (of(exceptions.NotFound, "Not found: Dataset demo:logs was not found in location EU"), "one location"),
        (of(exceptions.Forbidden, "Access Denied: Project demo", "accessDenied"), "roles/bigquery.jobUser"),
        (of(exceptions.Forbidden, "Quota exceeded: bytes", "quotaExceeded"), "quota"),
        (of(exceptions.Forbidden, "Exceeded rate limits", "rateLimitExceeded"), "run it again"),
        (of(exceptions.Forbidden, "Billing has not been enabled", "billingNotEnabled"), "enable billing"),
        (of(exceptions.InternalServerError, "limit exceeded: bytes billed", "bytesBilledLimitExceeded"), "--max-bytes"),
        (of(exceptions.ClientError, "Job execution was cancelled", "stopped"), "cancelled"),
        (of(exceptions.BadRequest, "Resources exceeded during query execution"), "narrow the window"),
        (exceptions.RetryError("Timeout of 30.0s exceeded", None), "network"),
        (DefaultCredentialsError("none"), "gcloud auth application-default login"),
        (Unconnected("refused"), "network"),
    ],
)
def test_each_error_says_what_to_do(raised, hint):
    """By BigQuery's reason, or by its words."""
    with pytest.raises(BigQueryError) as found, errors(PLACE):
        raise raised
    assert str(found.value).startswith("bigquery://demo.logs: ")
    assert hint in str(found.value)
    assert "\n" not in str(found.value)


def test_other_errors_are_not_ours():
    """A bug stays one."""
    with pytest.raises(KeyError), errors(PLACE):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("bigquery://demo.logs", ("demo", "logs", None)),
        ("bigquery://example.com:demo.logs._AllLogs", ("example.com:demo", "logs", "_AllLogs")),
        (
            "bigquery://demo-1.logs.run_googleapis_com_stdout_20260115",
            ("demo-1", "logs", "run_googleapis_com_stdout_20260115"),
        ),
    ],
)
def test_places(text, parts):
    """A dataset, or a table of it."""
    place = parse(text)
    assert (place.project, place.dataset, place.table) == parts
    assert str(place) == text
    assert next(kind for kind in KINDS if kind.fits(text)).name == "BigQuery"


@pytest.mark.parametrize("rest", ["demo", "demo.a b", "demo.logs`; drop", ".x", "D.x", "demo.logs.t.u"])
def test_what_is_no_place(rest):
    """And so can put nothing into a statement."""
    text = f"bigquery://{rest}"
    with pytest.raises(UsageError, match=r"bigquery://PROJECT\.DATASET"):
        parse(text)
    assert call("check", text).exit_code == 2


def test_the_price():
    """On demand, per TiB."""
    assert price_usd(2**40) == 6.25
