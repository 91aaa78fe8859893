"""The settings file: one TOML file, one model, unknown keys refused."""

from pathlib import Path
from typing import Annotated, Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import SettingsError
from pipeline.judge.expectations import Contract, Rename, Required

#: Read from the working folder where no --config is given.
DEFAULT_FILE = "runverdict.toml"

PolicyValues = dict[str, dict[str, float | int | bool | str]]

ExitCode = Annotated[int, Field(ge=0, le=125)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CatalogueSettings(_Strict):
    """Which packs are read: names, or `general` for all general ones; and folders of one's own packs."""

    packs: list[str] | None = None
    paths: list[Path] = []


class ExitSettings(_Strict):
    """Exit codes of the verdicts that are neither PASS nor FAIL."""

    WARN: ExitCode = 0
    INCONCLUSIVE: ExitCode = 3


class StoreSettings(_Strict):
    """A store in BigQuery: after how many days its rows go; None: never. It holds for tables that a run makes."""

    expiration_days: Annotated[int, Field(ge=1)] | None = None


class NotifySettings(_Strict):
    """Verdicts that the channels of --notify are told of."""

    on: list[Literal["PASS", "WARN", "INCONCLUSIVE", "FAIL"]] = ["PASS", "WARN", "INCONCLUSIVE", "FAIL"]


class ServiceSettings(_Strict):
    """What holds for one service alone: its limits go before those of `[policy]`."""

    policy: PolicyValues = {}


class Settings(_Strict):
    """All that a settings file may say."""

    catalogue: CatalogueSettings = CatalogueSettings()
    policy: PolicyValues = {}
    service: dict[str, ServiceSettings] = {}
    exit: ExitSettings = ExitSettings()
    expected: list[Contract] = []
    required: list[Required] = []
    rename: list[Rename] = []
    store: StoreSettings = StoreSettings()
    notify: NotifySettings = NotifySettings()


def load(path: Path | None) -> Settings:
    """Return the settings of a file; of `runverdict.toml` in the working folder, else the defaults, for None.

    Paths in it are relative to its folder. Raises SettingsError for a file that is missing, no TOML, or has a key or
    value that is not known.
    """
    if path is None:
        path = Path(DEFAULT_FILE)
        if not path.exists():
            return Settings()
    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
        settings = Settings.model_validate(document)
    except OSError as error:
        raise SettingsError(str(path), [error.strerror or str(error)]) from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), [f"not TOML: {error}"]) from error
    except ValidationError as error:
        raise SettingsError(str(path), [_said(fault["loc"], fault) for fault in error.errors()]) from error
    paths = [path.parent / folder for folder in settings.catalogue.paths]
    return settings.model_copy(update={"catalogue": settings.catalogue.model_copy(update={"paths": paths})})


def _said(path: tuple[str | int, ...], fault: object) -> str:
    name = ".".join(map(str, path))
    kind = fault["type"] if isinstance(fault, dict) else ""
    return f"unknown key {name!r}" if kind == "extra_forbidden" else f"{name}: {fault['msg']}"  # type: ignore[index]
