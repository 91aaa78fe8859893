"""The command line: parse, call, print, exit. One module of `pipeline.commands` has each command."""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from pipeline.commands.catalogue import catalogue
from pipeline.commands.check import check
from pipeline.commands.common import EXIT_INTERRUPTED, EXIT_TOOL, EXIT_USAGE
from pipeline.commands.config import config
from pipeline.commands.doctor import doctor
from pipeline.commands.explain import explain, trace
from pipeline.commands.extract import extract
from pipeline.commands.history import calibrate, compare, history
from pipeline.commands.simulate import demo, simulate
from pipeline.commands.sql import sql

log = logging.getLogger(__name__)

#: Set by the shell that `README.md` tells how to set up.
_COMPLETE = "_RUNVERDICT_COMPLETE"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="runverdict")
@click.option("-v", "--verbose", is_flag=True, help="Log each step to stderr.")
def cli(*, verbose: bool) -> None:
    """Was this Cloud Run deployment healthy? Decide it from its logs, and prove every word.

    \b
    Example:
      gcloud logging read 'resource.type="cloud_run_revision"' --freshness=1h --format=json > logs.json
      runverdict check logs.json --out report
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s", stream=sys.stderr)


for command in (
    *(check, extract, compare, history, explain, trace, catalogue, calibrate, simulate, demo),
    *(config, doctor, sql),
):
    cli.add_command(command)


def _complete(asked: str) -> int:
    """Tell a shell what can stand where its user is."""
    from click.shell_completion import shell_complete

    return shell_complete(cli, {}, "runverdict", _COMPLETE, asked)


def main() -> NoReturn:
    """Run the command line and leave at once.

    An exit code of 1 is a FAIL and nothing else: whatever goes wrong in here, and a reader of our output who is gone,
    is 4. Leaving by `os._exit` spares the interpreter's tear-down, in which DuckDB's bindings report leaks on stderr.
    """
    code = EXIT_TOOL
    try:
        if asked := os.environ.get(_COMPLETE):
            raise SystemExit(_complete(asked))
        with cli.make_context("runverdict", sys.argv[1:]) as context:  # cli() makes a 1 of a reader who is gone
            cli.invoke(context)
        sys.stdout.flush()
        code = 0
    except (SystemExit, click.exceptions.Exit) as error:
        found = error.exit_code if isinstance(error, click.exceptions.Exit) else error.code
        code = found if isinstance(found, int) else EXIT_TOOL
    except click.ClickException as error:
        error.show()
        code = EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        code = EXIT_TOOL
    except Exception as error:  # the last resort: a bug must not be taken for a verdict
        log.info("internal error", exc_info=True)
        click.echo(f"runverdict: internal error, {type(error).__name__}: {error}; with -v it says where", err=True)
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
