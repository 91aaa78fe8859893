"""`runverdict simulate` and `demo`: made-up deployments."""

import tempfile
from pathlib import Path

import click

from pipeline.commands.check import run_check
from pipeline.commands.common import exits


@click.command()
@click.argument("scenario")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="NDJSON file to write; of fleet a folder.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--minutes", default=15.0, show_default=True, help="Length of the stream, in minutes.")
@click.option("--requests-per-minute", default=40.0, show_default=True, help="User requests a minute.")
def simulate(scenario: str, out: Path, seed: int, minutes: float, requests_per_minute: float) -> None:
    """Write the LogEntry stream of a made-up deployment: SCENARIO is healthy, crash-loop, auth-outage, ...

    `fleet` writes ten deployments of a service into a folder: the log, request rows that an exclusion filter dropped,
    and what is to be said of each; its length and traffic are fixed.

    \b
    Example:
      runverdict simulate fleet --out fleet
      runverdict simulate crash-loop --out logs.ndjson && runverdict check logs.ndjson
    """
    with exits():
        from pipeline import simulate as simulation

        if scenario == "fleet":
            from pipeline.simulate.fleet import ROLLOUTS, write_fleet

            count = write_fleet(out, seed=seed)
            click.echo(f"{len(ROLLOUTS)} deployments, {count:,} entries in {out}")
            return
        entries = simulation.simulate(scenario, seed=seed, minutes=minutes, requests_per_minute=requests_per_minute)
        click.echo(f"{simulation.write(entries, out):,} entries in {out}")


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the report there.")
def demo(out: Path | None) -> None:
    """Judge a made-up deployment of two revisions, one of them a crash loop behind successful probes.

    \b
    Example:
      runverdict demo --out demo-report
    """
    with exits(), tempfile.TemporaryDirectory(prefix="runverdict-demo-") as folder:
        from pipeline import simulate as simulation

        logs = Path(folder) / "crash-loop.ndjson"
        simulation.write(simulation.simulate("crash-loop"), logs)
        click.echo(f"simulated: {simulation.SCENARIOS['crash-loop']}\n", err=True)
        code = run_check({"sources": (str(logs),), "out": str(out) if out else None, "baseline": "previous"})
        click.echo(f"runverdict check would exit with {code}" + (f"; report in {out}" if out else ""), err=True)
