"""`runverdict catalogue`: what is known, and whether it holds."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.common import catalogue_of, config_option, exits, settings_of
from pipeline.errors import CatalogueError

if TYPE_CHECKING:
    from parsers.model import Catalogue


@click.group()
def catalogue() -> None:
    """The event catalogue: what is known, and whether it holds."""


@catalogue.command("list")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@config_option
def catalogue_list(words: tuple[str, ...], config: Path | None) -> None:
    """Print the events with their meaning, outcome, patterns and source: those that hold every WORD, or all.

    \b
    Example:
      runverdict catalogue list websocket close
    """
    with exits():
        try:
            for event in catalogue_of(settings_of(config)).events:
                lines = [f"{event.name}  [{event.outcome}]  {event.meaning}"]
                lines += [f"    {match.pattern}" for match in event.match]
                if event.where:
                    lines.append(
                        "    where " + ", ".join(f"{column} = {value}" for column, value in event.where.items())
                    )
                lines.append(f"    source: {event.source}")
                text = "\n".join(lines)
                if all(word.lower() in text.lower() for word in words):
                    click.echo(text)
            sys.stdout.flush()
        except BrokenPipeError:  # a reader such as head may have seen enough; what is still buffered is for nobody
            raise SystemExit(0) from None


@catalogue.command("check")
@config_option
def catalogue_check(config: Path | None) -> None:
    """Run every example and near miss against all events and line formats.

    Also checks that BigQuery takes the statement: it stays below half of the limit of a query's text.

    \b
    Example:
      runverdict catalogue check --config runverdict.toml
    """
    with exits():
        from parsers.check import check as run_check
        from parsers.check import check_formats, check_traces
        from parsers.formats import formats
        from pipeline.statements import statement_problems

        known = catalogue_of(settings_of(config))
        if problems := [*run_check(known), *check_formats(), *check_traces(), *statement_problems(known)]:
            raise CatalogueError(problems)
        wordings = sum(len(event.match) for event in known.events)
        examples = sum(len(event.example) for event in known.events)
        near = sum(len(event.near_misses) for event in known.events)
        click.echo(
            f"{len(known.events)} events, {wordings} wordings: {examples} examples win as their own event, "
            f"{near} near misses do not match; {len(formats().format)} line formats"
        )


@catalogue.command("propose")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--good", multiple=True, metavar="SOURCE", help="Logs of a window that was well; may be repeated.")
@click.option("--most", type=click.IntRange(1), default=20, show_default=True, help="So many blocks at most.")
@config_option
def catalogue_propose(sources: tuple[str, ...], good: tuple[str, ...], most: int, config: Path | None) -> None:
    """Print blocks for the unknown lines of SOURCE, to be named, checked and kept by a person.

    Each says how many unknown lines it explains and how many lines of --good it would have caught. Put what you keep
    into a folder of `[catalogue] paths` and run `catalogue check`.

    \b
    Example:
      runverdict catalogue propose bad.json --good monday.json --good tuesday.json > packs/shop.toml
    """
    with exits():
        from pipeline.propose import propose

        known = catalogue_of(settings_of(config))
        with classified(sources, known) as slices, classified(good, known) as good_slices:
            proposals, unknown = propose(slices, good_slices, most)
        for proposal in proposals:
            click.echo(proposal.toml())
        explained = sum(proposal.lines for proposal in proposals)
        click.echo(f"runverdict: {len(proposals)} blocks explain {explained} of {unknown} unknown lines", err=True)


@contextmanager
def classified(sources: tuple[str, ...], known: "Catalogue") -> Iterator[list[Path]]:
    """Give the slices of events of the sources, in a temporary store. Raises SourceError where one is not read."""
    from pipeline.run import extract
    from pipeline.sources.base import Request, open_sources
    from pipeline.stores.local import LocalStore

    with tempfile.TemporaryDirectory(prefix="runverdict-") as folder:
        store, request = LocalStore(Path(folder)), Request()
        with store.writing():
            extraction = extract(open_sources(sources), store, request)
            store.classify(known, request.window)
        if extraction.failed:
            raise extraction.failed[0]
        yield store.slices("events")
