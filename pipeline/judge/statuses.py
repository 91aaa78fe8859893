"""4xx and redirects compared with the baseline: by endpoint, of endpoints that are alike, and of no user traffic."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.judge.comparison import Comparison
from pipeline.judge.counts import Clients
from pipeline.judge.endings import (
    HEALTH,
    PREFLIGHT,
    SCAN,
    design,
    ended,
    endpoints,
    groups,
    one_client_p,
    served,
    share,
)
from pipeline.judge.numbers import count
from pipeline.judge.policy import Policy
from pipeline.judge.revision_data import Profile, RevisionData
from pipeline.judge.stats import INDEPENDENT


def comparisons(data: RevisionData, baseline: Profile, policy: Policy) -> list[Comparison]:
    """Return the shares of 4xx and redirects."""
    if data.filtered:
        return []
    data = _with_failing_scans(data, baseline)
    return [
        *_statuses(data, baseline, policy),
        *_new_endpoints(data, baseline, policy),
        *_aside(data, baseline, policy),
    ]


def _with_failing_scans(data: RevisionData, baseline: Profile) -> RevisionData:
    """The revision's data in which a scan is user traffic where the baseline served the path, and it no longer does.

    A path such as `/index.php` is asked for by scanners of every service, and by the users of one that has it.
    """
    n, base_n = _all(data), _all(baseline)
    statuses = dict(data.statuses)
    for name, by in data.statuses.items():
        expected = _answered(baseline, name) * min(1.0, n / max(base_n, 1))
        if SCAN in by and _answered(data, name) < expected / 2:
            others = {caller: ends for caller, ends in by.items() if caller not in (SCAN, "")}
            statuses[name] = {**others, "": dict(Counter(by.get("", {})) + Counter(by[SCAN]))}
    return replace(data, statuses=statuses)


def _all(profile: Profile) -> int:
    """All request rows, whoever sent them."""
    return sum(n for by in profile.statuses.values() for ends in by.values() for n in ends.values())


def _answered(profile: Profile, name: str) -> int:
    return ended(profile, name, range(100, 400))


@dataclass(frozen=True)
class Alike:
    """Endpoints of both sides that are compared as one: one of that name, or those that differ in their last segment.

    An id that no pattern knows, a slug or the digest of an asset makes each of them a name of its own.
    """

    name: str
    here: Sequence[str]
    there: Sequence[str]


def alike(data: Profile, baseline: Profile, least: float) -> list[Alike]:
    """Return what is compared: the endpoints of both sides, then those of one side by their parents.

    least: so many requests below a parent the baseline needs.
    """
    common = endpoints(data, baseline)
    here, there = (_by_parent(served(side) - set(common)) for side in (data, baseline))
    parents = [
        Alike(parent, names, there[parent])
        for parent, names in here.items()
        if sum(ended(baseline, name) for name in there.get(parent, ())) >= least
    ]
    return [*(Alike(name, [name], [name]) for name in common), *parents]


def _by_parent(names: set[str]) -> dict[str, list[str]]:
    """Endpoints by their path up to the last segment."""
    parents: dict[str, list[str]] = {}
    for name in sorted(names):
        parent, slash, _ = name.rpartition("/")
        if slash:
            parents.setdefault(f"{parent}/…", []).append(name)
    return parents


def ended_in_all(profile: Profile, names: Sequence[str], statuses: Sequence[int] | None = None) -> int:
    """Return how many requests of some endpoints ended in one of these statuses, all if None."""
    return sum(ended(profile, name, statuses) for name in names)


def _words(group: str) -> str:
    return group if group == "redirects" else f"status {group}"


def _statuses(data: RevisionData, baseline: Profile, policy: Policy) -> Iterator[Comparison]:
    rule = policy["requests.status"]
    compared = alike(data, baseline, rule["most_requests"])
    totals = [(ended_in_all(data, each.here), ended_in_all(baseline, each.there)) for each in compared]
    whole = sum(n for n, _ in totals), sum(n for _, n in totals)
    for group, statuses in groups(data).items():
        expected, together = 0.0, 0
        for each, (n, base_n) in zip(compared, totals, strict=True):
            k, base_k = ended_in_all(data, each.here, statuses), ended_in_all(baseline, each.there, statuses)
            expected += n * base_k / base_n
            together += k
            if k:
                known = each.name if each.here == each.there else ""  # clients and clusters: of one name, or of all
                here = k, n, design(data, group, known)
                there = base_k, base_n, design(baseline, group, known)
                one_client = one_client_p(data, baseline, known, statuses)
                topics = tuple(f"ended/{status}/{name}" for status in statuses for name in each.here)
                words = f"{_words(group)} on {each.name}"
                yield share(rule, f"{group} {each.name}", words, here, there, data, topics, one_client)
        if together and len(compared) > 1:
            here = together, whole[0], design(data, group, "")
            there = round(expected * whole[1] / whole[0]), whole[1], design(baseline, group, "")
            topics = tuple(f"ended/{status}/{name}" for status in statuses for each in compared for name in each.here)
            one_client = one_client_p(data, baseline, "", statuses)
            yield share(rule, group, _words(group), here, there, data, topics, one_client)


def _new_endpoints(data: RevisionData, baseline: Profile, policy: Policy) -> Iterator[Comparison]:
    """4xx of endpoints that the baseline does not have, as a share of all requests: WARN at most.

    Many clients ask for such an endpoint, and most of them are refused: a page asks for what is not there. A scan asks
    for each path a few times.
    """
    rule = policy["requests.status"]
    compared = {name for each in alike(data, baseline, rule["most_requests"]) for name in each.here}
    whole, base_whole = (sum(ended(side, name) for name in side.statuses) for side in (data, baseline))
    for name in sorted(served(data) - compared):
        k, n = ended(data, name, range(400, 500)), ended(data, name)
        clients = sum(data.clients.get(name, {}).get(status, Clients()).n for status in range(400, 500))
        if n < rule["most_requests"] or k < rule["new_ratio"] * n or clients < rule["new_clients"] or not base_whole:
            continue
        here, there = (k, whole, INDEPENDENT.value), (0, base_whole, INDEPENDENT.value)
        words = f"4xx on {name}, which the baseline does not have, in {count(clients, 'client')}"
        topics = tuple(f"ended/{status}/{name}" for status in range(400, 500))
        found = share(rule, f"4xx {name}", words, here, there, data, topics, 0.0)
        yield replace(found, large="WARN") if found.large == "FAIL" else found


def _aside(data: RevisionData, baseline: Profile, policy: Policy) -> Iterator[Comparison]:
    """4xx of preflights, without which a browser sends nothing, and of health checks: these WARN at most."""
    rule = policy["requests.status"]
    for caller, noun in ((PREFLIGHT, "preflights"), (HEALTH, "health checks")):
        for name in sorted(data.statuses.keys() & baseline.statuses.keys()):
            n, base_n = (ended(side, name, caller=caller) for side in (data, baseline))
            k, base_k = (ended(side, name, range(400, 500), caller) for side in (data, baseline))
            if not k or not base_n:
                continue
            here, there = (k, n, INDEPENDENT.value), (base_k, base_n, INDEPENDENT.value)
            topics = tuple(f"ended/{status}/{name}" for status in range(400, 500))
            found = share(rule, f"{caller} {name}", f"4xx on {noun}, {name}", here, there, data, topics, 0.0)
            yield replace(found, large="WARN") if caller == HEALTH and found.large == "FAIL" else found
