"""What is the same for all verdicts of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.aggregate.measures import Measures
from pipeline.assess.earlier import Earlier
from pipeline.assess.revisions import Target
from pipeline.judge.crosscheck import Crosscheck
from pipeline.judge.deployed import Deployed
from pipeline.judge.expectations import Expectations
from pipeline.judge.model import TestResults
from pipeline.judge.policy import Policy
from pipeline.window import Window


@dataclass(frozen=True)
class Context:
    """What is the same for all verdicts of a run.

    catalogue: its digest. policies: by service, where one has limits of its own. settle_s: how long after its end a
    window is complete, in s. requests_until_ns: requests that started later are left out of rates and latencies, for
    some may still run. listed: remote sources gave the window to its end, so that a silent start is silence, and not an
    export that was cut. lookback: measures of the time before the window, None where nothing was pulled of it.
    baseline: `previous`, `none`, or a name. history: by revision, the runs of history that it is compared with where
    neither window nor lookback has a baseline. passed: more of them, for what is new. deployed: by service, of a live
    window. crosschecks: by revision, what other APIs know of it. planned_end: of a window that is not over yet.
    generations: so many revisions before it are judged themselves, for one that fails is no baseline.
    """

    catalogue: str
    policy: Policy
    window: Window
    now_ns: int | None
    settle_s: float
    listed: bool
    requests_until_ns: int | None = None
    incomplete: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    expected: Expectations = field(default_factory=Expectations)
    tests: TestResults | None = None
    lookback: Measures | None = None
    baseline: str = "previous"
    history: Mapping[Target, Earlier] = field(default_factory=dict)
    passed: Mapping[Target, Earlier] = field(default_factory=dict)
    deployed: Mapping[str, Deployed] = field(default_factory=dict)
    crosschecks: Mapping[Target, Crosscheck] = field(default_factory=dict)
    planned_end: datetime | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    generations: int = 3

    def policy_of(self, service: str) -> Policy:
        """Return the limits that hold for a service."""
        return self.policies.get(service, self.policy)
