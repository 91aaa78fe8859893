"""The policy: what each check is called, how severe it is, and its limits with unit, range and reason."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

import tomli
from pydantic import BaseModel, ConfigDict

CheckSeverity = Literal["critical", "major", "minor"]


class PolicyError(ValueError):
    """An override that names no limit, or a value outside its range; one sentence per problem in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class Limit(BaseModel):
    """One number of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    unit: str
    range: tuple[float, float]
    reason: str


class Rule(BaseModel):
    """One check of the policy. next: what to do where it does not pass."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    severity: CheckSeverity
    required: bool = False
    next: str | None = None
    limits: dict[str, Limit] = {}

    def __getitem__(self, name: str) -> float:
        """Return the value of a limit; KeyError where the policy has none of that name."""
        return self.limits[name].value


class Policy(BaseModel):
    """All rules, in the order of `policy.toml`, which is the order of a report; `comparison` holds for comparisons."""

    model_config = ConfigDict(frozen=True)

    rules: dict[str, Rule]
    comparison: Rule

    def __getitem__(self, check: str) -> Rule:
        """Return a check's rule; KeyError where the policy has none."""
        return self.rules[check]

    def shared_over(self, looks: int) -> "Policy":
        """Return the policy for one of several looks: each comparison has its share of its `alpha`."""
        rules = {}
        for name, rule in self.rules.items():
            limits = dict(rule.limits)
            if alpha := limits.get("alpha"):
                limits["alpha"] = alpha.model_copy(update={"value": alpha.value / looks})
            rules[name] = rule.model_copy(update={"limits": limits})
        return self.model_copy(update={"rules": rules})

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of all rules: same policy, same digest."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def load(overrides: Mapping[str, Mapping[str, object]] | None = None) -> Policy:
    """Return the default policy with a user's values in place of ours.

    overrides: check id to limit name to value. Raises PolicyError with every unknown name and value out of range.
    """
    if not overrides:
        return _shipped()
    document = _document()
    problems: list[str] = []
    for check, values in (overrides or {}).items():
        if check not in document:
            problems.append(f"[policy] has no check {check!r}; there are: {', '.join(document)}")
            continue
        limits = {name: limit for name, limit in document[check].items() if isinstance(limit, dict)}
        for name, value in values.items():
            if name not in limits:
                known = ", ".join(limits) or "none"
                problems.append(f"[policy.{json.dumps(check)}] has no limit {name!r}; there are: {known}")
                continue
            low, high = limits[name]["range"]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                problems.append(f"[policy.{json.dumps(check)}] {name} must be a number from {low} to {high}: {value!r}")
                continue
            limits[name]["value"] = value
    if problems:
        raise PolicyError(problems)
    return _policy(document)


@cache
def _shipped() -> Policy:
    """The default policy, which is never changed while we run."""
    return _policy(_document())


def _document() -> dict[str, Any]:
    return tomli.loads((resources.files("pipeline.judge") / "policy.toml").read_text(encoding="utf-8"))


def _policy(document: dict[str, Any]) -> Policy:
    rules = {}
    for check, block in document.items():
        limits = {name: limit for name, limit in block.items() if isinstance(limit, dict)}
        plain = {name: value for name, value in block.items() if name not in limits}
        rules[check] = Rule.model_validate({"id": check, "limits": limits, **plain})
    return Policy(comparison=rules.pop("comparison"), rules=rules)
