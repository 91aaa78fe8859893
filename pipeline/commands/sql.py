"""`runverdict sql`: what BigQuery is sent, as text for its console."""

from datetime import UTC, datetime
from pathlib import Path

import click

from pipeline.commands.common import catalogue_of, config_option, exits, settings_of

_UNNAMED = "bigquery://PROJECT.DATASET"


@click.command()
@click.argument("name", required=False)
@click.option("--store", default=_UNNAMED, show_default=True, help="The store that is asked.")
@click.option("--since", metavar="T", help="Start of the window: RFC 3339, or a duration back from now (30m).")
@click.option("--until", metavar="T", help="End of the window, not included.")
@config_option
def sql(name: str | None, store: str, since: str | None, until: str | None, config: Path | None) -> None:
    """Print the statement NAME that a run sends to BigQuery, or the names that there are.

    \b
    Example:
      runverdict sql
      runverdict sql classify --store bigquery://shop.verdicts --since 1h
      runverdict sql measures/requests --store bigquery://shop.verdicts
    """
    with exits():
        from pipeline import statements as texts
        from pipeline.warehouse import Address, parse
        from pipeline.window import Window, parse_time

        now = datetime.now(UTC)
        window = Window(
            start=parse_time(since, now=now) if since else None, end=parse_time(until, now=now) if until else None
        )
        dataset = parse(store) if store != _UNNAMED else Address("PROJECT", "DATASET")
        start, end = window.bounds
        settings = settings_of(config)
        if name is None:
            for known, question in texts.questions():
                click.echo(f"{known:24} {question}")
        else:
            catalogue = catalogue_of(settings) if name in ("classify", "events") else None
            click.echo(texts.named(name, dataset.path, start, end, catalogue, settings.store.expiration_days), nl=False)
