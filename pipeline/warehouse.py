"""One dataset of BigQuery: names, jobs with labels and a limit of bytes, and errors that say what to do."""

import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.endpoints import is_plain
from pipeline.errors import BigQueryError, UsageError

if TYPE_CHECKING:
    from google.cloud import bigquery

log = logging.getLogger(__name__)

PREFIX = "bigquery://"

#: On-demand price in the multi-regions US and EU: cloud.google.com/bigquery/pricing, October 2026.
USD_PER_TIB = 6.25

_PLACE = re.compile(r"bigquery://((?:[a-z0-9.-]+:)?[a-z][a-z0-9-]*[a-z0-9])\.([A-Za-z0-9_]+)(?:\.([A-Za-z0-9_-]+))?")

#: BigQuery bills no query less, however small.
_LEAST_BILLED = 10 * 2**20

#: How long the first call is tried, in s; a service that does not answer it is not there.
_PATIENCE_S = 30.0

_UNREACHABLE = "check the network, then run it again; nothing was counted twice"
_RIGHTS = (
    "a source needs roles/bigquery.dataViewer, a store roles/bigquery.dataEditor, and the project that pays for the "
    "jobs roles/bigquery.jobUser; --billing-project names another one"
)
_CANCELLED = "the job was cancelled; run it again, nothing was counted twice"

_IN_PARTS = "narrow the window with --since and --until, or judge one service with --service"
_TOO_DEAR = "raise --max-bytes, or narrow the window with --since and --until"
_BUSY = "other runs write to the same table; run it again later, or give each team a dataset of its own as store"

#: What BigQuery says where another job writes to the same table; the statement can be sent again as it is.
_CONFLICTS = (
    "could not serialize access",
    "due to concurrent update",
    "too many dml statements outstanding",
    "quota for total number of dml jobs",
)

#: How often a statement is sent where others write to its table, and the longest pause before that, in s.
_ATTEMPTS, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 9, 1.0, 60.0

#: What to do about an error, by the reason that BigQuery gives, or words of its message; the first that fits.
_HINTS = (
    *((words, _BUSY) for words in _CONFLICTS),
    (
        "vpcServiceControls",
        (
            "a VPC Service Controls perimeter forbids it, and no role helps: run it inside the perimeter, or ask for "
            "an ingress rule for this account and the BigQuery API"
        ),
    ),
    (
        "billingTierLimitExceeded",
        (
            "the query takes more CPU than its bytes pay for: narrow the window, load fewer event packs ([catalogue] "
            "packs), or run it in a project with a slot reservation"
        ),
    ),
    (
        "Response too large",
        (
            "the result is above BigQuery's limit of 10 GB; grant roles/bigquery.readSessionUser, give --store "
            "bigquery://PROJECT.DATASET, so that no entry leaves BigQuery, or narrow the window with --since, --until"
        ),
    ),
    ("responseTooLarge", "give --store bigquery://PROJECT.DATASET, so that no entry leaves BigQuery"),
    (
        "too complex",
        (
            "the statement is too much for the query planner: load fewer event packs ([catalogue] packs) or fewer of "
            "your own events"
        ),
    ),
    ("query is too large", "the statement is too long: load fewer event packs ([catalogue] packs)"),
    (
        "Cannot read field",
        (
            "a column has another type on another day; name a window of at most 8 days with --since and --until, so "
            "that each day's table is read with its own columns"
        ),
    ),
    ("Cannot query over table", "the table must be read by time: name a window with --since and --until"),
    ("billed", _TOO_DEAR),
    ("was not found in location", "source and store must be in one location; copy the dataset, or use another store"),
    ("quota", "wait and run it again, or ask for more quota; nothing was counted twice"),
    ("rateLimitExceeded", "wait and run it again; nothing was counted twice"),
    ("stopped", _CANCELLED),
    ("cancelled", _CANCELLED),
    ("billing", "enable billing for the project, or name another one"),
    ("accessDenied", _RIGHTS),
    ("permission", _RIGHTS),
    ("Access Denied", _RIGHTS),
    ("Not found: Dataset", "create it: bq mk --dataset PROJECT:DATASET"),
    ("Not found: Table", "check its name; bq ls PROJECT:DATASET lists what is there"),
    ("Timeout of", _UNREACHABLE),
    ("Resources exceeded", _IN_PARTS),
)


@dataclass(frozen=True)
class Address:
    """A dataset, or one table or view in it."""

    project: str
    dataset: str
    table: str | None = None

    def __str__(self) -> str:
        return PREFIX + ".".join(part for part in (self.project, self.dataset, self.table) if part)

    def path(self, table: str) -> str:
        """Return the path of a table of this dataset as SQL takes it."""
        return f"`{self.project}.{self.dataset}.{table}`"


def parse(text: str) -> Address:
    """Return the place that `bigquery://PROJECT.DATASET[.TABLE]` names. Raises UsageError for anything else."""
    if not (match := _PLACE.fullmatch(text)):
        raise UsageError(f"{text!r} is not a BigQuery address; write bigquery://PROJECT.DATASET or …DATASET.TABLE")
    return Address(*match.groups())


def price_usd(n_bytes: int) -> float:
    """Return what a query over so many bytes costs on demand, in US dollars."""
    return n_bytes / 2**40 * USD_PER_TIB


def price_text(n_bytes: int, usd: float | None = None) -> str:
    """Return so many bytes with their price; usd: where it is not that of a query."""
    return f"{n_bytes:,} bytes, {price_usd(n_bytes) if usd is None else usd:.4f} USD"


@dataclass
class Budget:
    """Bytes that a run may still bill, in all its jobs."""

    left: int


class Warehouse:
    """Jobs in one dataset. budget: what a run may bill, of which each job takes its part; None for no limit.

    billing_project: runs the jobs and pays for them; None: the dataset's own. endpoint: an address in place of
    BigQuery's own. sleep: waits so many seconds where another run writes to the same table. Raises BigQueryError, from
    here and from every method, where the service refuses: missing, denied, out of quota, above the limit of bytes,
    cancelled, unreachable.
    """

    def __init__(
        self,
        place: Address,
        *,
        budget: "Budget | None" = None,
        billing_project: str | None = None,
        endpoint: str | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        self.place = place
        self._bigquery = bigquery
        self._budget = budget
        self._sleep = sleep or time.sleep
        emulated = os.environ.get("BIGQUERY_EMULATOR_HOST")
        #: Whether it is BigQuery itself.
        self.is_google = not emulated and endpoint is None
        # An emulator asks for no credentials, and the client looks for some nevertheless.
        credentials = AnonymousCredentials() if emulated or is_plain(endpoint) else None
        options = {"api_endpoint": endpoint} if endpoint else None
        project = billing_project or place.project
        with self.errors():
            self.client: bigquery.Client = bigquery.Client(project, credentials, client_options=options)
            known = self.client.get_dataset(
                f"{place.project}.{place.dataset}", retry=bigquery.DEFAULT_RETRY.with_timeout(_PATIENCE_S)
            )
        self.location: str = known.location or "US"

    def start(
        self,
        sql: str,
        step: str,
        parameters: Mapping[str, str] | None = None,
        *,
        dry_run: bool = False,
    ) -> "bigquery.QueryJob":
        """Start a query with the label of its step."""
        config = self._bigquery.QueryJobConfig(
            labels={"tool": "runverdict", "step": step},
            query_parameters=[
                self._bigquery.ScalarQueryParameter(name, "STRING", value)
                for name, value in (parameters or {}).items()
                if f"@{name}" in sql
            ],
            dry_run=dry_run,
        )
        if self._budget and not dry_run:
            expected = self.estimate(sql, step, parameters)
            config.maximum_bytes_billed = max(self._budget.left, _LEAST_BILLED)
            self.spend(expected, step)
        if dry_run:
            config.use_query_cache = False
        with self.errors():
            job = self.client.query(sql, job_config=config, location=self.location)
        if not dry_run:
            log.info("bigquery: step=%s job=%s started", step, job.job_id)
        return job

    def spend(self, n_bytes: int, step: str) -> None:
        """Take so many bytes from what the run may bill. Raises BigQueryError where that is not left."""
        if self._budget is None:
            return
        if n_bytes > self._budget.left:
            reason = f"the step {step} would bill {n_bytes:,} bytes, and {self._budget.left:,} are left of --max-bytes"
            raise BigQueryError(str(self.place), reason, _TOO_DEAR)
        self._budget.left -= n_bytes

    def wait(self, job: "bigquery.QueryJob") -> "bigquery.table.RowIterator":
        """Return the rows of a query when it is done."""
        with self.errors():
            rows = job.result()
        step = (job.labels or {}).get("step")
        log.info("bigquery: step=%s job=%s bytes=%s", step, job.job_id, job.total_bytes_processed)
        return rows

    def run(self, sql: str, step: str, parameters: Mapping[str, str] | None = None) -> "bigquery.table.RowIterator":
        """Run a query and return its rows.

        Where another job writes to the same table it is sent again, after growing pauses with jitter, some minutes in
        all: a statement that BigQuery refused for that has changed nothing.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                return self.wait(self.start(sql, step, parameters))
            except BigQueryError as error:
                if not _is_conflict(error):
                    raise
                longest = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
                pause_s = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
                log.info("bigquery: step=%s attempt=%d conflict, again in %.1f s", step, attempt, pause_s)
                self._sleep(pause_s)
        return self.wait(self.start(sql, step, parameters))

    def frames(self, rows: "bigquery.table.RowIterator") -> Iterator[pl.DataFrame]:
        """Yield the rows of a query as frames, a page at a time."""
        with self.errors():
            for batch in rows.to_arrow_iterable():
                yield pl.DataFrame(pl.from_arrow(batch))

    def frame(self, rows: "bigquery.table.RowIterator") -> pl.DataFrame:
        """Return the rows of a query as one frame."""
        with self.errors():
            return pl.DataFrame(pl.from_arrow(rows.to_arrow(create_bqstorage_client=False)))

    def estimate(self, sql: str, step: str, parameters: Mapping[str, str] | None = None) -> int:
        """Return the bytes that a query would read; nothing is run."""
        return int(self.start(sql, step, parameters, dry_run=True).total_bytes_processed or 0)

    def errors(self) -> AbstractContextManager[None]:
        """Turn what the client raises into a BigQueryError."""
        return errors(self.place)


@contextmanager
def errors(place: Address) -> Iterator[None]:
    """Turn what the client raises about a place into a BigQueryError that says what to do."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except GoogleAPIError as error:
        raise BigQueryError(str(place), _message(error), _hint(error)) from error
    except GoogleAuthError as error:
        hint = "log in with: gcloud auth application-default login"
        raise BigQueryError(str(place), f"no credentials: {error}", hint) from error
    except RequestException as error:
        raise BigQueryError(str(place), f"unreachable: {error}", _UNREACHABLE) from error


def is_too_complex(error: BigQueryError) -> bool:
    """Return whether a statement asks too much of the planner, so that parts of it may do."""
    said = error.reason.lower()
    return any(words in said for words in ("too complex", "query planning", "query is too large"))


def _is_conflict(error: BigQueryError) -> bool:
    """Whether another job's writing is what refused a statement."""
    return any(words in error.reason.lower() for words in _CONFLICTS)


def _message(error: Any) -> str:
    text = str(getattr(error, "message", None) or error)
    return re.sub(r"^[0-9]{3} |\b(?:GET|POST|PUT|DELETE|PATCH) https?://\S+: ", "", text).split("\n")[0].strip()


def _hint(error: Any) -> str:
    """What to do about an error."""
    reasons = [
        str(fault.get("reason", "")) for fault in getattr(error, "errors", None) or [] if isinstance(fault, dict)
    ]
    said = " ".join([*reasons, str(getattr(error, "message", None) or error)])
    return next((hint for words, hint in _HINTS if words.lower() in said.lower()), "")
