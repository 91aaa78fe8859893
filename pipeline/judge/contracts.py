"""Whether a service keeps to what its team expects: warnings within a budget, events that must come, renamed codes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil

import numpy as np

from pipeline.judge.expectations import Contract, Expectations, Rename
from pipeline.judge.model import Check, ContractUse, Observed, Recoding, Status
from pipeline.judge.numbers import count
from pipeline.judge.policy import Policy
from pipeline.judge.result import result
from pipeline.judge.revision_data import SEVERE, Minutes, RevisionData


def honour(data: RevisionData, expected: Expectations) -> tuple[RevisionData, list[ContractUse]]:
    """Return the revision data without what contracts cover, and what became of each contract.

    A contract that is exceeded, expired or of another revision covers nothing. Its date is compared with the service's
    last entry, so that the same entries give the same answer.
    """
    uses = []
    for name, meaning in (expected.known or {}).items():
        if (n := sum(int(ages.lines.sum()) for event, ages in data.ages.items() if event == name)) > 0:
            data = _without_event(data, name)
            uses.append(_use(Contract(event=name, owner="catalogue", reason=meaning), "within", n, 0))
    today = datetime.fromtimestamp((data.service_last_ns or 0) / 1e9, UTC).date()
    for contract in expected.contracts:
        if contract.revision and contract.revision != data.revision:
            continue
        n, outside = _seen(data, contract)
        budget = _budget(data, contract)
        if contract.expires and contract.expires < today:
            uses.append(_use(contract, "expired", n, outside))
        elif outside or (budget is not None and n > budget):
            uses.append(_use(contract, "exceeded", n, outside))
        else:
            uses.append(_use(contract, "within" if n else "unused", n, 0))
            data = _covered(data, contract)
    return data, uses


def contracts(uses: Sequence[ContractUse], policy: Policy) -> Check:
    """Expected warnings keep to their budget and scope."""
    rule = policy["expected.contracts"]
    if not uses:
        return result(rule, "NOT_APPLICABLE", "no warning is expected, and no known one was logged")
    kinds = {kind: [use for use in uses if use.status == kind] for kind in ("exceeded", "expired", "unused")}
    within = [use for use in uses if use.status == "within"]
    parts = [f"{kind}: {', '.join(map(_against, of_kind))}" for kind, of_kind in kinds.items() if of_kind]
    parts.append(f"{count(sum(use.n for use in within), 'expected line')} within {count(len(within), 'contract')}")
    status: Status = "WARN" if kinds["exceeded"] else "PASS"
    observed = Observed(value=len(kinds["exceeded"]), unit="contracts", n=len(uses))
    return result(rule, status, "; ".join(parts), observed=observed, limit="one exceeded or out of its scope is WARN")


def _against(use: ContractUse) -> str:
    """What a contract allows, and what came."""
    lines = f"{use.expects} ({count(use.n + use.n_outside, 'line')}"
    if use.status == "expired":
        return f"{lines}, expired on {use.expires})"
    if use.status == "exceeded" and use.n_outside:
        return f"{lines}, {use.n_outside:,} of them not {use.scope})"
    return f"{lines}, {use.budget} allowed)" if use.status == "exceeded" else f"{lines})"


def required(data: RevisionData, expected: Expectations, policy: Policy) -> Check:
    """Events that must come did come."""
    rule = policy["expected.required"]
    if not expected.required:
        return result(rule, "NOT_APPLICABLE", "no event is required")
    eligible = data.requests.eligible
    missing, thin = [], []
    for event in expected.required:
        wanted = eligible // event.per_requests * event.min_count
        n = data.events[event.event].n if event.event in data.events else 0
        if not wanted:
            thin.append(event.event)
        elif n < wanted:
            missing.append(f"{event.event} {n:,} of at least {wanted:,}")
    limit = "; ".join(
        f"{event.event} {event.min_count} per {event.per_requests:,} requests" for event in expected.required
    )
    observed = Observed(value=len(missing), unit="events", n=eligible)
    if missing:
        return result(rule, "FAIL", "missing: " + ", ".join(missing), observed=observed, limit=limit)
    if thin:
        text = f"{count(eligible, 'request')} are too few to expect {', '.join(thin)}"
        return result(rule, "INCONCLUSIVE", text, observed=observed, limit=limit)
    return result(rule, "PASS", "every required event came often enough", observed=observed, limit=limit)


def recodings(data: RevisionData, renames: Sequence[Rename]) -> list[Recoding]:
    """Return how often old and new codes came, here and in the baseline."""
    baseline = data.baseline
    return [
        Recoding(
            event=rename.event,
            old=rename.old,
            new=rename.new,
            since=rename.since,
            reason=rename.reason,
            n_old=data.codes.get((rename.event, rename.old), 0),
            n_new=data.codes.get((rename.event, rename.new), 0),
            baseline_old=baseline.codes.get((rename.event, rename.old), 0) if baseline else None,
            baseline_new=baseline.codes.get((rename.event, rename.new), 0) if baseline else None,
        )
        for rename in renames
    ]


def _seen(data: RevisionData, contract: Contract) -> tuple[int, int]:
    """Lines that a contract names: within its scope, and outside."""
    if contract.endpoint:
        endpoint = data.endpoints.get(contract.endpoint)
        return (endpoint.errors_5xx if endpoint else 0), 0
    if contract.signature:
        rows = (*data.signatures.new, *data.signatures.both)
        return sum(row.n for row in rows if row.signature == contract.signature), 0
    ages = data.ages.get(contract.event)
    if ages is None:
        total = data.events.get(contract.event)
        return (total.n if total else 0), 0
    whole = int(ages.lines.sum())
    if contract.startup_s is None:
        return whole, 0
    within = int(ages.lines[ages.age_s <= contract.startup_s].sum())
    return within, whole - within


def _budget(data: RevisionData, contract: Contract) -> int | None:
    limits = []
    if contract.max_count is not None:
        limits.append(contract.max_count)
    if contract.max_per_request is not None:
        limits.append(ceil(contract.max_per_request * data.requests.eligible))
    return min(limits, default=None)


def _covered(data: RevisionData, contract: Contract) -> RevisionData:
    if contract.endpoint:
        return _without_errors(data, contract.endpoint)
    if contract.event:
        return _without_event(data, contract.event)
    signatures = data.signatures
    rows = [row for row in (*signatures.new, *signatures.both) if row.signature == contract.signature]
    errors = sum(row.n for row in rows if not row.event and row.level in SEVERE)
    return replace(
        data,
        signatures=signatures.without(lambda row: row.signature == contract.signature),
        unexplained_errors=max(data.unexplained_errors - errors, 0),
    )


def _without_event(data: RevisionData, event: str) -> RevisionData:
    return replace(
        data,
        occurrences=data.occurrences.where(data.occurrences.event != event),
        signatures=data.signatures.without(lambda row: row.event == event),
    )


def _without_errors(data: RevisionData, endpoint: str) -> RevisionData:
    """The revision data without the 5xx rows of an endpoint."""
    errors = data.endpoints[endpoint].errors_5xx if endpoint in data.endpoints else 0
    minutes, theirs = data.minutes, data.endpoint_minutes.get(endpoint)
    if theirs is not None and errors:
        where = np.searchsorted(minutes.minute, theirs.minute)
        less = np.bincount(where, weights=theirs.errors_5xx, minlength=len(minutes.minute)).astype(np.int64)
        minutes = Minutes(minutes.minute, minutes.n - less, minutes.errors_5xx - less, minutes.denied)
    counts = replace(
        data.requests,
        eligible=data.requests.eligible - errors,
        eligible_5xx=data.requests.eligible_5xx - errors,
    )
    return replace(data, requests=counts, minutes=minutes)


def _use(contract: Contract, status: str, n: int, outside: int) -> ContractUse:
    budget = [f"at most {contract.max_count:,}"] if contract.max_count is not None else []
    budget += [f"{contract.max_per_request:g} per request"] if contract.max_per_request is not None else []
    scope = [contract.endpoint] if contract.endpoint else []
    scope += [f"revision {contract.revision}"] if contract.revision else []
    scope += [f"within {contract.startup_s:g} s of a start"] if contract.startup_s is not None else []
    return ContractUse(
        expects=contract.event or contract.signature,
        status=status,  # type: ignore[arg-type]
        n=n,
        n_outside=outside,
        budget=" and ".join(budget) or "any number",
        scope=", ".join(scope) or "anywhere",
        owner=contract.owner,
        reason=contract.reason,
        expires=contract.expires.isoformat() if contract.expires else None,
    )
