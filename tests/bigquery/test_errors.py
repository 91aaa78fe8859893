"""Whatever BigQuery refuses is said with what to do, and ends with exit code 4."""

import re

import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError
from requests.exceptions import ConnectionError as Unconnected

from parsers.model import load
from pipeline.aggregate.bigquery import BigQueryEngine
from pipeline.errors import BigQueryError, UsageError
from pipeline.sources.base import KINDS
from pipeline.warehouse import Address, Warehouse, errors, parse, price_usd
from tests.bigquery.recorded import bigquery_that_answers
from tests.conftest import call

PLACE = Address("demo", "logs")
SERIALIZE = "Could not serialize access to table demo:logs.entries due to concurrent update"


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
        (
            of(
                exceptions.BadRequest,
                "Resources exceeded during query execution: Not enough resources for query planning - too many "
                "subqueries or query is too complex",
                "resourcesExceeded",
            ),
            "fewer event packs",
        ),
        (of(exceptions.BadRequest, "The query is too large. The maximum standard SQL query length is"), "too long"),
        (of(exceptions.Forbidden, "Response too large to return", "responseTooLarge"), "--store bigquery://"),
        (
            of(exceptions.BadRequest, "Query exceeded resource limits. This query used", "billingTierLimitExceeded"),
            "slot reservation",
        ),
        (
            of(
                exceptions.Forbidden,
                "VPC Service Controls: Request is prohibited by organization's policy. "
                "vpcServiceControlsUniqueIdentifier: abc",
                "accessDenied",
            ),
            "perimeter",
        ),
        (of(exceptions.BadRequest, SERIALIZE, "invalidQuery"), "dataset of its own"),
        (
            of(
                exceptions.BadRequest,
                "Too many DML statements outstanding against table demo:logs.entries, limit is 20",
            ),
            "dataset of its own",
        ),
        (
            of(
                exceptions.BadRequest,
                "Cannot query over table 'logs.t' without a filter over column(s) 'timestamp'",
                "invalidQuery",
            ),
            "--since",
        ),
        (
            of(
                exceptions.BadRequest,
                "Cannot read field of type STRING as RECORD Field: jsonPayload.user",
                "invalidQuery",
            ),
            "at most 8 days",
        ),
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


def test_a_conflict_is_tried_again(monkeypatch):
    """After growing pauses, none like another."""
    pauses = []
    with bigquery_that_answers([("invalidQuery", SERIALIZE), ("invalidQuery", SERIALIZE), None]) as (address, came):
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        Warehouse(PLACE, sleep=pauses.append).run("merge x", "merge")
    assert came == ["merge x"] * 3
    assert 1 <= pauses[0] <= 2 <= pauses[1] <= 4


def test_a_conflict_that_never_ends(monkeypatch):
    """Is said with what helps, after some minutes; another error is said at once."""
    pauses = []
    with bigquery_that_answers([("invalidQuery", SERIALIZE)]) as (address, came):
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        with pytest.raises(BigQueryError, match="due to concurrent update; other runs write to the same table"):
            Warehouse(PLACE, sleep=pauses.append).run("merge x", "merge")
    assert len(came) == len(pauses) + 1 == 9
    assert 100 < sum(pauses) < 300
    with bigquery_that_answers([("invalidQuery", "Syntax error")]) as (address, came):
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        with pytest.raises(BigQueryError, match="Syntax error"):
            Warehouse(PLACE, sleep=pauses.append).run("merge x", "merge")
    assert len(came) == 1


def test_a_classification_that_the_planner_refuses_is_sent_in_parts(monkeypatch):
    """Three statements in place of one; what is counted after it is the same."""
    refused = "Not enough resources for query planning - too many subqueries or query is too complex"
    row = {"entries": 3, "copies_1": 4}
    with bigquery_that_answers([("resourcesExceeded", refused), None], row) as (address, came):
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
        engine = BigQueryEngine(Warehouse(PLACE), PLACE, "abc")
        bounds = (None, None)
        counted = engine.classify(load(["limits"]), ["select 1"], bounds, bounds, {}, stored=False)
    assert counted == (3, [4])
    made = [re.findall(r"create or replace table `demo.logs.run_abc_(\w+)`", text) for text in came]
    assert made == [["events"], ["entries"], ["searched"], ["events"], ["kinds"], ["origins"], []]


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
