"""`runverdict config`: the settings in force."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import catalogue_of, config_option, exits, expectations_of, policy_of, settings_of

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

    What differs from the default is marked "set here".

    \b
    Example:
      runverdict config show > runverdict.toml
    """
    with exits():
        settings = settings_of(config)
        catalogue, policy = catalogue_of(settings), policy_of(settings, config)
        expectations_of(settings, catalogue, config)
        for service in settings.service:
            policy_of(settings, config, service)
        click.echo("\n".join(_lines(config, settings, catalogue, policy)))


def _lines(path: Path | None, settings: "Settings", catalogue: "Catalogue", policy: "Policy") -> "Iterator[str]":
    from pipeline.judge.policy import load
    from pipeline.settings import DEFAULT_FILE, Settings

    default, usual_policy = Settings(), load()
    used = path or (Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None)
    yield f"# From {used}." if used else "# Defaults: there is no runverdict.toml here."
    yield f"# Catalogue {catalogue.digest}: {len(catalogue.events)} events."
    yield f"# Policy {policy.digest}: {len(policy.rules)} checks."
    yield ""
    yield "[catalogue]"
    packs = settings.catalogue.packs
    yield "# packs = all" if packs is None else f"packs = {_toml(packs)}  # set here"
    folders = [str(folder.resolve()) for folder in settings.catalogue.paths]
    yield f"paths = {_toml(folders)}{_mark(folders)}"
    yield ""
    yield "[exit]"
    for name, code in settings.exit.model_dump().items():
        yield f"{name} = {code}{_mark(code != getattr(default.exit, name))}"
    yield ""
    yield "[notify]"
    yield f"on = {_toml(settings.notify.on)}{_mark(settings.notify != default.notify)}"
    yield ""
    yield "[store]"
    days = settings.store.expiration_days
    yield "# expiration_days = never" if days is None else f"expiration_days = {days}  # set here"
    for rule in policy.rules.values():
        if not rule.limits:
            continue
        required = ", required" if rule.required else ""
        yield ""
        yield f'[policy."{rule.id}"]  # {rule.title}: {rule.severity}{required}'
        for name, limit in rule.limits.items():
            value, usual, low, high = map(_plain, (limit.value, usual_policy[rule.id][name], *limit.range))
            changed = f"set here; the default is {usual}: " if value != usual else ""
            yield f"{name} = {value}  # {limit.unit}, {low} to {high}: {changed}{limit.reason}"
    for service, own in settings.service.items():
        for check, limits in own.policy.items():
            yield ""
            yield f"[service.{_toml(service)}.policy.{_toml(check)}]"
            yield from (f"{name} = {_toml(value)}  # set here" for name, value in limits.items())
    for block, listed in (
        ("expected", settings.expected),
        ("required", settings.required),
        ("rename", settings.rename),
    ):
        for item in listed:
            yield ""
            yield f"[[{block}]]  # set here"
            values = item.model_dump(exclude_defaults=True)
            yield from (f"{name} = {_toml(value)}" for name, value in values.items())


def _mark(changed: object) -> str:
    return "  # set here" if changed else ""


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _toml(value: object) -> str:
    """A text, a number, a date or a list of texts, as TOML."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | list | int | float) else str(value)
