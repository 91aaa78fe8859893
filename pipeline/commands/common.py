"""What the commands share: options, errors as exit codes, settings, and words on stderr. Imports stay light."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from pipeline.errors import CatalogueError, RunverdictError, SettingsError, UsageError

if TYPE_CHECKING:
    from parsers.model import Catalogue
    from pipeline.judge.expectations import Expectations
    from pipeline.judge.model import TestResults
    from pipeline.judge.policy import Policy
    from pipeline.settings import Settings

EXIT_FAIL, EXIT_USAGE, EXIT_INCONCLUSIVE, EXIT_TOOL, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

_Command = TypeVar("_Command", bound=Callable[..., Any])


class StorePath(click.Path):
    """A folder, or the address of another kind of store, as text."""

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the place as it is given; refuse a file."""
        return value if "://" in str(value) else super().convert(value, param, ctx)


def fail(error: RunverdictError) -> NoReturn:
    """Say an error and leave: 2 for what the user can put right in the command, 4 for the rest."""
    click.echo(f"runverdict: {error}", err=True)
    raise SystemExit(EXIT_USAGE if isinstance(error, UsageError | SettingsError | CatalogueError) else EXIT_TOOL)


@contextmanager
def exits() -> Iterator[None]:
    """Turn our errors into exit codes."""
    try:
        yield
    except RunverdictError as error:
        fail(error)


def config_option(command: _Command) -> _Command:
    """Add --config to a command."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file; default: runverdict.toml here, if there is one.",
    )(command)


def say(text: object) -> None:
    """Tell something on stderr."""
    from pipeline.text import shown

    click.echo(f"runverdict: {shown(str(text))}", err=True)


def settings_of(config: Path | None) -> "Settings":
    """Return the settings of a file, or of the working folder."""
    from pipeline.settings import load

    return load(config)


def catalogue_of(settings: "Settings") -> "Catalogue":
    """Return the catalogue that the settings name."""
    from parsers.model import load

    return load(settings.catalogue.packs, settings.catalogue.paths)


def policy_of(settings: "Settings", config: Path | None, service: str | None = None) -> "Policy":
    """Return the policy with the settings' values, for all services or one. Raises SettingsError for unknown ones."""
    from pipeline.judge.policy import PolicyError, load

    values = {check: dict(limits) for check, limits in settings.policy.items()}
    if service is not None:
        for check, limits in settings.service[service].policy.items():
            values.setdefault(check, {}).update(limits)
    try:
        return load(values)
    except PolicyError as error:
        raise SettingsError(str(config or "runverdict.toml"), error.problems) from error


def expectations_of(settings: "Settings", catalogue: "Catalogue", config: Path | None) -> "Expectations":
    """Return what the settings expect. Raises SettingsError for an event that no loaded pack has."""
    from pipeline.judge.expectations import Expectations

    events = {event.name for event in catalogue.events}
    blocks = {"expected": settings.expected, "required": settings.required, "rename": settings.rename}
    problems = [
        f"[[{name}]] event {block.event!r} is in no loaded pack; see `runverdict catalogue list` and [catalogue]"
        for name, listed in blocks.items()
        for block in listed  # type: ignore[attr-defined]
        if block.event and block.event not in events
    ]
    if problems:
        raise SettingsError(str(config or "runverdict.toml"), problems)
    return Expectations(settings.expected, settings.required, settings.rename)


def results_of(files: "Sequence[Path] | None") -> "TestResults | None":
    """Return the results of tests in JUnit files, None where none is named. Raises SourceError for what is no JUnit."""
    if not files:
        return None
    from pipeline.sources.junit import read

    return read(files)
