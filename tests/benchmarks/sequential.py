"""How often `--watch` is wrong, and how soon it is right: `python -m tests.benchmarks.sequential [RUNS]`.

Windows of an hour at 40 requests a minute, made up by minute and judged by the product's own functions, each table with
one seed. Failures come as incidents of geometric size, mean b, within one minute. RUNS: of each cell, 1,000 by default
(about four minutes on one core); 200 healthy and 200 bad deployments whatever it is.
"""

import sys
from dataclasses import replace
from functools import cache

import numpy as np

from pipeline.judge.decide import judge
from pipeline.judge.early import LOOKS, certain_failures
from pipeline.judge.policy import load
from pipeline.judge.power import binomial_design_effect, cosine_design_effect
from pipeline.judge.revision_data import (
    BUCKET_GROWTH,
    PARTS,
    EndpointCounts,
    Latency,
    Minutes,
    RequestCounts,
    Times,
)
from pipeline.judge.sequential import is_above
from pipeline.judge.stats import DesignEffect
from tests.judge.conftest import MINUTE_NS, START_NS, a_healthy_sample, occurrences, profile

MINUTES, PER_MINUTE, ENDPOINT = 60, 40, "GET /api/orders"
POLICY = load()


def failures(random, n, rate, burst):
    """Failures of each minute: incidents by Poisson, of geometric size with mean `burst`."""
    incidents = random.poisson(n * rate / burst)
    sizes = np.array([random.geometric(1 / burst, size=one).sum() if one else 0 for one in incidents])
    return np.minimum(sizes, n)


def requests(random, rate, burst, minutes=MINUTES):
    """Requests and failures of each minute."""
    n = random.poisson(PER_MINUTE, size=minutes)
    return n, failures(random, n, rate, burst)


def first_above(n, k):
    """The minute after which the rate is above 1 %, by the evidence alone; None where it never is."""
    rule, alpha = POLICY["requests.error_rate"], POLICY.comparison["watch_alpha"]
    for minute in np.flatnonzero(k) + 1:  # evidence grows with failures alone
        if k[:minute].sum() >= rule["fail_count"] and is_above(k[:minute], n[:minute], rule["max_ratio"], alpha):
            return int(minute)
    return None


def at_the_limit(runs):
    """Ever FAIL, and median minute, of rates at and above the limit."""
    print(f"\nabsolute limit 1 %, each minute of an hour, {runs} runs: share that ever fails, median minute of these")
    print(f"{'rate':>6} " + "".join(f"{f'b = {burst}':>18}" for burst in (1, 3, 10)))
    for rate in (0.01, 0.02, 0.03, 0.05, 0.10):
        cells = []
        for burst in (1, 3, 10):
            random = np.random.default_rng(12)
            found = [first_above(*requests(random, rate, burst)) for _ in range(runs)]
            cells.append(told(found))
        print(f"{rate:>6.0%} " + "".join(f"{cell:>18}" for cell in cells))


def told(found):
    minutes = [one for one in found if one is not None]
    share = len(minutes) / len(found)
    return f"{share:.1%}" + (f", {np.median(minutes):.0f} min" if minutes else "")


def latencies(random, n, scale):
    """Seconds by minute: log-normal around 100 ms, each minute with a level of its own (AR .8, sd .3)."""
    level = np.zeros(len(n))
    for minute in range(len(n)):
        level[minute] = 0.8 * (level[minute - 1] if minute else 0.0) + random.normal(0, 0.3 * 0.6)
    return [0.1 * scale * np.exp(level[minute] + random.normal(0, 0.5, size=one)) for minute, one in enumerate(n)]


def times_of(by_minute):
    """The histogram that the measures would have of them, in parts of the time, with its design effect."""
    buckets = [np.ceil(np.log(one * 1e9) / np.log(BUCKET_GROWTH)).astype(np.int64) for one in by_minute]
    parts = [np.full(len(one), minute * PARTS // len(buckets)) for minute, one in enumerate(buckets)]
    rows, n = np.unique(np.stack([np.concatenate(parts), np.concatenate(buckets)]), axis=1, return_counts=True)
    sums, counts = [one.sum() for one in buckets], [len(one) for one in buckets]
    design = cosine_design_effect(sums, counts, float(sum((one**2).sum() for one in buckets)))
    return Times(rows[1], rows[0], n, design)


def measured(n, k, by_minute):
    """What a profile has of requests by minute: counts, statuses, times and design effects."""
    whole, failed = int(n.sum()), int(k.sum())
    effect = DesignEffect(binomial_design_effect(k, n))
    times = times_of(by_minute)
    return {
        "requests": RequestCounts(n=whole, errors_5xx=failed, eligible=whole, eligible_5xx=failed),
        "endpoints": {ENDPOINT: EndpointCounts(whole, failed)},
        "statuses": {ENDPOINT: {"": {200: whole - failed, 500: failed}}},
        "times": {("endpoint", ENDPOINT): times},
        "design_effects": {
            "errors": effect,
            f"ended 5xx {ENDPOINT}": effect,
            f"ended 500 {ENDPOINT}": effect,
            "endpoint without trend": times.design,
        },
    }


def a_deployment(random, *, rate=0.005, burst=1, scale=1.0, exits_at=None, base_burst=None):
    """Requests of an hour of the baseline and of the revision; the data of the first minutes, as a function."""
    base_n, base_k = requests(random, 0.005, base_burst or burst)
    base = profile(**measured(base_n, base_k, latencies(random, base_n, 1.0)))
    n, k = requests(random, rate, burst)
    seconds = latencies(random, n, scale)

    @cache
    def until(minute):
        events = occurrences()
        data = replace(
            a_healthy_sample(),
            **measured(n[:minute], k[:minute], seconds[:minute]),
            baseline=base,
            service_last_ns=START_NS + minute * MINUTE_NS,
            first_ns=START_NS,
            last_ns=START_NS + minute * MINUTE_NS,
            latency={"health": Latency(0, None, None, None, None)},
            minutes=Minutes(START_NS // MINUTE_NS + np.arange(minute), n[:minute], k[:minute], 0 * k[:minute]),
        )
        if exits_at is not None and minute >= exits_at:
            events = occurrences(("platform.exit", exits_at - 1, 3))
            return replace(data, occurrences=events, fastest_three_exits_ns=60 * 10**9)
        return replace(data, occurrences=events)

    return until, n, k


def watched(until, n, k, exits_at=None):
    """The minute in which a watch of an hour ends with FAIL, and by what; else the verdict at its end."""
    quick = first_above(n, k)
    for minute in range(1, MINUTES + 1):
        if minute in LOOKS or minute in (quick, exits_at):
            found = certain_failures(until(minute), POLICY, compared=minute in LOOKS)
            if found and minute < MINUTES:
                return minute, found[0].id
    failed = [check.id for check in judge(until(MINUTES), POLICY).checks if check.status == "FAIL"]
    return (MINUTES, failed[0]) if failed else (None, "")


def a_rise(runs):
    """0.5 to 3 %, with a baseline of an hour."""
    print(f"\na rise from 0.5 to 3 %, baseline of about 2,400 requests, --watch of an hour, {runs} runs")
    for burst in (1, 3, 10):
        random = np.random.default_rng(3)
        found = [watched(*a_deployment(random, rate=0.03, burst=burst))[0] for _ in range(runs)]
        early = [one for one in found if one is not None and one < MINUTES]
        print(f"  b = {burst:<2}: {told(found)}; before the end {len(early) / runs:.1%}")


BAD = {
    "5xx 0.5 -> 3 %": {"rate": 0.03},
    "5xx 0.5 -> 10 %": {"rate": 0.10},
    "5xx 0.5 -> 10 %, b = 3": {"rate": 0.10, "burst": 3},
    "three times as slow": {"scale": 3.0},
    "crash loop in minute 7": {"exits_at": 7},
}


def deployments():
    """200 healthy and 200 bad ones."""
    print("\n--watch of an hour, 200 healthy and 200 bad deployments: FAIL early, FAIL in all, median minute")
    for name, words in {"healthy": {}, "healthy, b = 3": {"burst": 3}, **BAD}.items():
        random = np.random.default_rng(200)
        runs = 100 if name.startswith("healthy") else 200 // len(BAD)
        found = [watched(*a_deployment(random, **words), words.get("exits_at")) for _ in range(runs)]
        minutes = [minute for minute, _ in found if minute is not None]
        early = [minute for minute in minutes if minute < MINUTES]
        by = sorted({check for _, check in found if check})
        median = f"{np.median(minutes):.0f} min" if minutes else "-"
        print(f"  {name:24} {len(early):3} of {runs:3}  {len(minutes):3} of {runs:3}  {median:>7}  {', '.join(by)}")


def main():
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    at_the_limit(runs)
    a_rise(max(runs // 5, 20))
    deployments()


if __name__ == "__main__":
    main()
