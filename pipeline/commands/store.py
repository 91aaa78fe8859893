"""`runverdict store prune`: entries that are deleted for good."""

from datetime import UTC, datetime

import click

from pipeline.commands.common import StorePath, exits
from pipeline.errors import UsageError


@click.group()
def store() -> None:
    """Look after a store of entries.

    \b
    Example:
      runverdict store prune STORE --before 30d
    """


@store.command()
@click.argument("store", type=StorePath())
@click.option("--before", metavar="T", help="Delete what is older: RFC 3339, or a duration back from now (30d).")
@click.option("--person", metavar="DIGEST", help="Delete one person's entries, by their digest: <email>#0123456789ab.")
@click.option("--history", is_flag=True, help="With --before, delete the verdicts of that time too.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
def prune(store: str, before: str | None, person: str | None, *, history: bool, dry_run: bool) -> None:
    """Delete entries of STORE for good: those before a time, those of a person, or with both options those of both.

    Verdicts stay without --history: later revisions are compared with them. A digest stands in the columns client and
    subject of the store, and behind an id that was redacted; verdicts hold none. A later pull does not by itself fetch
    again what was deleted; a file that is read again brings its entries back.

    \b
    Example:
      runverdict store prune logs --before 30d
      runverdict store prune logs --person '<email>#0123456789ab'
    """
    with exits():
        from pipeline.stores.base import open_store
        from pipeline.stores.local import LocalStore
        from pipeline.stores.prune import digest_of
        from pipeline.stores.prune import prune as delete
        from pipeline.text import counted
        from pipeline.window import parse_time

        if before is None and person is None:
            raise UsageError("name what is to go: --before T, --person DIGEST, or both")
        if history and (before is None or person is not None):
            raise UsageError("--history goes with --before alone: verdicts belong to no person")
        moment = parse_time(before, now=datetime.now(UTC)) if before else None
        digest = digest_of(person) if person else None
        if store.startswith("bigquery://"):
            raise UsageError(
                "prune is for a store in a folder; in BigQuery set [store] expiration_days, or delete from the tables "
                "entries and events where timestamp, client or subject say so"
            )
        opened = open_store(store)
        if not isinstance(opened, LocalStore) or not (opened.path / "manifest.json").exists():
            raise UsageError(f"{store}: no such folder, or no store in it")
        went = delete(opened, before=moment, person=digest, history=history, dry_run=dry_run)
        click.echo(
            f"{counted(went.entries, 'entry', 'entries')} of {counted(went.slices, 'slice')} and "
            f"{counted(went.verdicts, 'verdict')} {'would go' if dry_run else 'deleted'}; "
            f"{counted(went.left, 'entry', 'entries')} {'would be' if dry_run else 'are'} left"
        )
