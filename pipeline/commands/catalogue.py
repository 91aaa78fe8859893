"""`runverdict catalogue`: what is known, and whether it holds."""

from pathlib import Path

import click

from pipeline.commands.common import catalogue_of, config_option, exits, settings_of
from pipeline.errors import CatalogueError


@click.group()
def catalogue() -> None:
    """The event catalogue: what is known, and whether it holds."""


@catalogue.command("list")
@config_option
def catalogue_list(config: Path | None) -> None:
    """Print every event: its meaning, outcome, wordings and source.

    \b
    Example:
      runverdict catalogue list | grep websocket
    """
    with exits():
        known = catalogue_of(settings_of(config))
        for event in known.events:
            click.echo(f"{event.name}  [{event.outcome}]  {event.meaning}")
            for match in event.match:
                click.echo(f"    {match.pattern}")
            if event.where:
                click.echo("    where " + ", ".join(f"{column} = {value}" for column, value in event.where.items()))
            click.echo(f"    source: {event.source}")


@catalogue.command("check")
@config_option
def catalogue_check(config: Path | None) -> None:
    """Run every example and near miss against the whole catalogue.

    \b
    Example:
      runverdict catalogue check --config runverdict.toml
    """
    with exits():
        from parsers.check import check as run_check

        known = catalogue_of(settings_of(config))
        if problems := run_check(known):
            raise CatalogueError(problems)
        wordings = sum(len(event.match) for event in known.events)
        examples = sum(len(event.example) for event in known.events)
        near = sum(len(event.near_misses) for event in known.events)
        click.echo(
            f"{len(known.events)} events, {wordings} wordings: {examples} examples win as their own event, "
            f"{near} near misses do not match"
        )
