"""The command line: parse, call, print, exit. One module of `pipeline.commands` has each command."""

import gc
import logging
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn, TextIO, cast

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
from pipeline.commands.store import store

log = logging.getLogger(__name__)

#: What libraries read as they are imported. polars gives memory back after seconds, for the next batch needs as much;
#: pydantic looks for no plugins, which would change what our models take.
_LIBRARIES = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:5000,muzzy_decay_ms:5000",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}

#: So many new objects are searched for garbage at once: searching what modules are made of finds none.
_GARBAGE = 200_000

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
    *(config, doctor, sql, store),
):
    cli.add_command(command)


def _complete(asked: str) -> int:
    """Tell a shell what can stand where its user is."""
    from click.shell_completion import shell_complete

    return shell_complete(cli, {}, "runverdict", _COMPLETE, asked)


class _Harmless:
    """A text stream of a GitHub workflow's step: no line of a service is a command of the workflow."""

    def __init__(self, stream: TextIO) -> None:
        self.commands = stream

    def write(self, text: str) -> int:
        """Write a text in which nothing is a command."""
        from pipeline.report.github import harmless

        self.commands.write(harmless(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.commands, name)


class _Forgiving:
    """A text stream that never fails, for words on stderr decide nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text if that can be."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written if that can be."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _fill_streams() -> None:
    """Give each standard stream that is closed its number again, so that no other file gets it.

    Writing to stdout then fails, as it should where the result was to go there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    stderr = sys.stderr if sys.stderr is not None else os.fdopen(2, "w", encoding="utf-8")
    sys.stderr = cast("TextIO", _Forgiving(stderr))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        sys.stdout, sys.stderr = (cast("TextIO", _Harmless(stream)) for stream in (sys.stdout, sys.stderr))


def _fail_for_libraries() -> None:
    """Make 4 of the 1 with which a C library leaves the process, as OpenBLAS does where it gets no memory.

    `main` itself leaves by `os._exit`, which runs no such handler.
    """
    import ctypes

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread takes memory, and nothing here needs two
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        leave = ctypes.cast(libc._exit, ctypes.c_void_p)
        libc.__cxa_atexit(leave, ctypes.c_void_p(EXIT_TOOL), None)


def main() -> NoReturn:
    """Run the command line and leave at once.

    An exit code of 1 is a FAIL and nothing else: whatever goes wrong in here, and a reader of our output who is gone,
    is 4. Leaving by `os._exit` spares the interpreter's tear-down, in which DuckDB's bindings report leaks on stderr.
    """
    code = EXIT_TOOL
    try:
        os.umask(0o077)  # what is made of logs is for its user alone; --group opens it
        for name, value in _LIBRARIES.items():
            os.environ.setdefault(name, value)
        gc.set_threshold(_GARBAGE)
        _fill_streams()
        _fail_for_libraries()
        if asked := os.environ.get(_COMPLETE):
            raise SystemExit(_complete(asked))
        with cli.make_context("runverdict", sys.argv[1:]) as context:  # cli() makes a 1 of a reader who is gone
            cli.invoke(context)
        sys.stdout.flush()
        code = 0
    except (SystemExit, click.exceptions.Exit) as error:
        status = error.exit_code if isinstance(error, click.exceptions.Exit) else error.code
        code = status if isinstance(status, int) else EXIT_TOOL
    except click.ClickException as error:
        error.show()
        code = EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        code = EXIT_TOOL
    except BaseException as error:  # the last resort: neither a bug nor a panic of polars must be taken for a verdict
        with suppress(BaseException):  # there may be no memory for words
            log.info("internal error", exc_info=True)
            click.echo(f"runverdict: internal error, {type(error).__name__}: {error}; with -v it says where", err=True)
    with suppress(OSError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
