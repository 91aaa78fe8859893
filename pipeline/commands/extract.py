"""`runverdict extract`: from sources into a store, to be judged later or often."""

from typing import Any

import click

from pipeline.commands.common import EXIT_TOOL, StorePath, config_option, exits
from pipeline.commands.job import (
    asked,
    estimates_of,
    opened,
    say_estimates,
    say_reports,
    source_options,
    store_of,
)
from pipeline.commands.progress import progress_of


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--store", type=StorePath(), metavar="DIR|bigquery://P.D", required=True, help="Keep entries there.")
@click.option("--service", help="Read this service of logging:// sources; default: all of the project.")
@source_options
@config_option
def extract(**options: Any) -> None:
    """Read the entries of SOURCE into a store: files, folders, globs, -, or a project's log, logging://PROJECT.

    Stopped anywhere, it goes on where it was; run again, it adds what is new and what came late. Exit code 4 where a
    source could not be read.

    \b
    Example:
      runverdict extract logging://my-project --service shop-api --since 6h --store logs
      runverdict check logs
    """
    with exits():
        from pipeline.run import extract as run_extract

        sources = opened(options["sources"], options)
        meant = asked(sources.sources, options)
        if options["dry_run"]:
            say_estimates(estimates_of(sources.sources, meant.request))
            return
        with store_of({**options, "copies": True}) as store, store.writing(), progress_of(sources.sources) as progress:
            extraction = run_extract(sources.sources, store, meant.request, progress)
        say_reports(extraction)
        kept = extraction.stored + extraction.read - extraction.duplicates
        click.echo(
            f"{kept:,} entries of the window in {options['store']}: {extraction.stored:,} were there, "
            f"{extraction.read:,} read, {extraction.duplicates:,} of them twice"
        )
        if sources.failed or extraction.failed:
            raise SystemExit(EXIT_TOOL)
