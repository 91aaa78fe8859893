"""`runverdict extract`: from sources into a store, to be judged later or often."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from pipeline.commands.common import EXIT_TOOL, exits, say
from pipeline.commands.live import live_options, meaning, pulling, resolved, say_estimate


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), required=True, help="Keep entries there.")
@click.option("--service", help="Read this service of logging:// sources; default: all of the project.")
@live_options
def extract(
    sources: tuple[str, ...],
    store: Path,
    service: str | None,
    *,
    dry_run: bool,
    **asked: Any,
) -> None:
    """Read the entries of SOURCE into a store: files, folders, globs, -, or a project's log, logging://PROJECT.

    Stopped anywhere, it goes on where it was; run again, it adds what is new and what came late. Exit code 4 where a
    source could not be read.

    \b
    Example:
      runverdict extract logging://my-project --service shop-api --since 6h --store logs
      runverdict check logs
    """
    with exits():
        from pipeline.extract import extract as read
        from pipeline.stores.local import LocalStore

        known, missing = resolved(sources)
        if missing and not known:
            raise SystemExit(EXIT_TOOL)
        what = meaning(known, service=service, baseline=False, **asked)
        if dry_run:
            say_estimate(known, what)
            return
        place = LocalStore(store)
        with place.writing(), pulling(what.live) if what.live else nullcontext() as live:
            found = read(known, place, window=what.window, live=live)
            place.write_manifest(place.facts())
        for error in found.failed:
            say(error)
        kept = found.stored + found.read - found.duplicates
        click.echo(
            f"{kept:,} entries of the window in {store}: {found.stored:,} were there, {found.read:,} read, "
            f"{found.duplicates:,} of them twice"
        )
        if missing or found.failed:
            raise SystemExit(EXIT_TOOL)
