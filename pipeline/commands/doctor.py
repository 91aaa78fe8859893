"""`runverdict doctor`: can Google Cloud be used from here, and how to fix what is in the way."""

from pathlib import Path
from urllib.parse import urlsplit

import click

from pipeline.commands.common import EXIT_TOOL, catalogue_of, config_option, exits, policy_of, settings_of
from pipeline.errors import UsageError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command()
@click.argument("resource", required=False)
@click.option("--project", metavar="P", help="Whose logs; default: the project of the credentials.")
@click.option("--dataset", metavar="P.D", help="A BigQuery dataset to ask for, too.")
@click.option("--api-endpoint", metavar="URL", help="Ask this address in place of Google's, without credentials.")
@config_option
def doctor(
    resource: str | None, project: str | None, dataset: str | None, api_endpoint: str | None, config: Path | None
) -> None:
    """Say whether settings, credentials, APIs, roles, quota, sink, dataset and clock are as they must be, and whether
    Cloud Monitoring and the Run Admin API, which a check can do without, may be read.

    RESOURCE is a source logging://…, such as an organization or the view of a log bucket: the right to read it is asked
    for, not that on the project. What cannot be reached is unknown, not wrong. Exit codes: 0 nothing is wrong, 4
    something is.

    \b
    Example:
      runverdict doctor --project my-project
      runverdict doctor --project my-project logging://folders/42
      runverdict doctor --project my-project --dataset my-project.run_logs
    """
    with exits():
        if api_endpoint:
            _check_loopback(api_endpoint)
        settings = settings_of(config)
        catalogue_of(settings)
        policy_of(settings, config)
        click.echo("ok       settings: catalogue, policy and exit codes hold")
        from pipeline.sources.cloud_logging.probes import probes
        from pipeline.text import shown

        bad = False
        for probe in probes(project=project, dataset=dataset, endpoint=api_endpoint, resource=resource):
            click.echo(f"{probe.state:<8} {probe.name}: {shown(probe.found)}")
            if probe.fix:
                click.echo(f"         {'fix' if probe.state == 'bad' else 'hint'}: {probe.fix}")
            bad = bad or probe.state == "bad"
        if bad:
            raise SystemExit(EXIT_TOOL)


def _check_loopback(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise UsageError(f"--api-endpoint {endpoint!r} is not http:// of this machine")
