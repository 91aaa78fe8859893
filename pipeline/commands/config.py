"""`runverdict config`: the settings in force."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import catalogue_of, config_option, exits, policy_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parsers.model import Catalogue
    from pipeline.judge.policy import Policy
    from pipeline.settings import Settings


@click.group()
def config() -> None:
    """The settings in force."""


@config.command("show")
@config_option
def config_show(config: Path | None) -> None:
    """Print every setting with its value, unit and reason, as a settings file that says the same.

    \b
    Example:
      runverdict config show > runverdict.toml
    """
    with exits():
        settings = settings_of(config)
        known, policy = catalogue_of(settings), policy_of(settings, config)
        click.echo("\n".join(_lines(config, settings, known, policy)))


def _lines(path: Path | None, settings: "Settings", known: "Catalogue", policy: "Policy") -> "Iterator[str]":
    from pipeline.settings import DEFAULT_FILE

    used = path or (Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None)
    yield f"# From {used}." if used else "# Defaults: there is no runverdict.toml here."
    yield f"# Catalogue {known.digest}: {len(known.events)} events. Policy {policy.digest}: {len(policy.rules)} checks."
    yield ""
    yield "[catalogue]"
    packs = settings.catalogue.packs
    yield "# packs = all" if packs is None else f"packs = {_toml(packs)}"
    yield f"paths = {_toml([str(folder.resolve()) for folder in settings.catalogue.paths])}"
    yield ""
    yield "[exit]"
    yield from (f"{name} = {code}" for name, code in settings.exit.model_dump().items())
    for rule in policy.rules.values():
        if not rule.limits:
            continue
        required = ", required" if rule.required else ""
        yield ""
        yield f'[policy."{rule.id}"]  # {rule.title}: {rule.severity}{required}'
        for name, limit in rule.limits.items():
            changed = "set here; " if name in settings.policy.get(rule.id, {}) else ""
            value, low, high = map(_plain, (limit.value, *limit.range))
            yield f"{name} = {value}  # {limit.unit}, {low} to {high}: {changed}{limit.reason}"


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _toml(texts: list[str]) -> str:
    import json

    return json.dumps(texts, ensure_ascii=False)
