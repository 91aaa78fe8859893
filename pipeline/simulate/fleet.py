"""Ten deployments of one service, one after the other: three bad in different ways, four that ended otherwise.

DIR/entries.ndjson       what Cloud Logging has
DIR/excluded.ndjson      request rows that an exclusion filter kept out of it; Cloud Monitoring counted them
DIR/deployments.json     each deployment: its revision, when it was called and ready, and what a careful engineer says
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from pipeline.simulate.deployment import App, Deployment, probe_succeeded
from pipeline.simulate.frameworks import GO
from pipeline.simulate.stream import NO_FAULTS, PROJECT, SECOND_US, Entry, Faults, Instance, Stream, rfc3339

START = datetime(2026, 1, 15, 9, tzinfo=UTC)

_REQUESTS_PER_MINUTE = 60
_FIRST = 42
_NOT_LISTENING = (
    "The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment"
    " variable within the allocated timeout."
)


@dataclass(frozen=True)
class Rollout:
    """One deployment. verdict: what a careful engineer says of it.

    becomes_ready: else the platform gives up. rolled_back_s: so long after it took over, all traffic goes back.
    logged_every: of its request rows, one in so many is logged. minutes, deploy_at: how long its part of the story is,
    and the share of it after which it is deployed.
    """

    shows: str
    verdict: str
    faults: Faults = NO_FAULTS
    becomes_ready: bool = True
    rolled_back_s: int = 0
    logged_every: int = 1
    minutes: float = 30
    deploy_at: float = 0.4


ROLLOUTS = (
    Rollout("A deployment that went well.", "PASS"),
    Rollout(
        "Containers crash every 7 s although their probes succeed; the old revision serves on.",
        "FAIL",
        Faults(gets_traffic=False, boots=False),
    ),
    Rollout("The fix of it.", "PASS"),
    Rollout("One API request in 25 takes four seconds more.", "FAIL", Faults(slow_request_every=25)),
    Rollout("A container that never listens: never Ready.", "FAIL", Faults(gets_traffic=False), becomes_ready=False),
    Rollout("One endpoint answers 500 every time.", "FAIL", Faults(broken_path="/transfers")),
    Rollout("Rolled back after four minutes, though it was well.", "WARN", rolled_back_s=240),
    Rollout("Superseded by the next one after eight minutes.", "PASS", minutes=12),
    Rollout("The one that supersedes it.", "PASS", deploy_at=0.02),
    Rollout("An exclusion filter drops every second request row.", "INCONCLUSIVE", logged_every=2),
)


def write_fleet(out: Path, *, seed: int = 0, start: datetime = START) -> int:
    """Write the files of the story, and return how many entries were logged. Raises StoreError."""
    story: list[dict[str, Any]] = []
    logged = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (
            (out / "entries.ndjson").open("w", encoding="utf-8", newline="\n") as entries,
            (out / "excluded.ndjson").open("w", encoding="utf-8", newline="\n") as excluded,
        ):
            for entry, is_logged in _story(seed, start, story):
                (entries if is_logged else excluded).write(json.dumps(entry, ensure_ascii=False) + "\n")
                logged += is_logged
        text = json.dumps({"service": GO.service, "project": PROJECT, "deployments": story}, indent=2)
        (out / "deployments.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(str(out), error.strerror or str(error)) from error
    return logged


def _story(seed: int, start: datetime, story: list[dict[str, Any]]) -> Iterator[tuple[Entry, bool]]:
    """The entries in the order in which they are received, each with whether it is logged. told: filled meanwhile."""
    app = replace(GO, crash=_crash)
    serving = f"{app.service}-{_FIRST - 1:05d}-old"
    moment_us = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for number, rollout in enumerate(ROLLOUTS):
        rng = random.Random(f"fleet {seed} {number}")  # noqa: S311 - invented data, nothing is secret
        end_us = moment_us + int(rollout.minutes * 60 * SECOND_US)
        stream = Stream(rng, moment_us, end_us)
        name = f"{app.service}-{_FIRST + number:05d}-{''.join(rng.choices('bcdfghjklm', k=3))}"
        deployment = _Deployment(stream, app, rollout, (serving, name))
        deployment.schedule()
        rows = 0
        for entry in stream.run():
            is_own = "httpRequest" in entry and entry["resource"]["labels"].get("revision_name") == name
            rows += is_own
            yield entry, not is_own or rows % rollout.logged_every == 0
        story.append(
            {
                "revision": name,
                "shows": rollout.shows,
                "verdict": rollout.verdict,
                "baseline": serving,
                "called": rfc3339(deployment.deploy_us),
                "ready": rfc3339(deployment.ready_us) if rollout.becomes_ready else None,
                "rolled_back": rfc3339(deployment.back_us) if deployment.back_us is not None else None,
                "serves": rollout.faults.gets_traffic,
            }
        )
        if rollout.faults.gets_traffic and deployment.back_us is None:
            serving = name
        moment_us = end_us


class _Deployment(Deployment):
    """A deployment of the story: it may never become ready, or be rolled back."""

    def __init__(self, stream: Stream, app: App, rollout: Rollout, names: tuple[str, str]) -> None:
        super().__init__(stream, app, rollout.faults, _REQUESTS_PER_MINUTE, names=names, deploy_at=rollout.deploy_at)
        self.rollout = rollout
        is_bad = rollout.verdict == "FAIL" and rollout.faults.gets_traffic
        after_us = self.moved_us + rollout.rolled_back_s * SECOND_US
        self.back_us = stream.end_us - SECOND_US if is_bad else after_us if rollout.rolled_back_s else None

    def schedule(self) -> None:
        """Put everything that will happen on the stream's clock; a bad one is rolled back at its part's end."""
        if not self.rollout.becomes_ready:
            self.schedule_calls()
            self.stream.at(self.deploy_us, self._replace_service)
            self.stream.at(self.ready_us, self._gave_up)
            return
        super().schedule()
        if self.back_us is not None:
            self.stream.at(self.back_us, self._roll_back)

    def _gave_up(self, now_us: int) -> None:
        what = f"Revision {self.new.name} with message: {_NOT_LISTENING}"
        self._ready(now_us, "Revision", self.new.name, what, is_ready=False, revision_name=self.new.name)

    def _roll_back(self, now_us: int) -> None:
        spec = {
            "template": {"metadata": {"name": self.new.name}},
            "traffic": [{"revisionName": self.old.name, "percent": 100}],
        }
        self._replace_service(now_us, spec=spec)
        self.serving = self.old


def _crash(stream: Stream, instance: Instance, now_us: int) -> int:
    """The port is open for a moment, so that the probe succeeds; then the program ends."""
    us = now_us + SECOND_US
    probe_succeeded(stream, instance, us, 8080)
    stream.text(instance, us + SECOND_US, "stderr", "panic: open /etc/ledger/accounts.db: no such file or directory")
    return us + SECOND_US + 2_000
