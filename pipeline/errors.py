"""The whole tree of errors; `cli.py` alone turns them into exit codes.

RunverdictError                 (parsers.errors)
├── CatalogueError              2  the event catalogue is wrong
├── UsageError                  2  arguments that contradict each other
├── SettingsError               2  a configuration file or a policy that cannot be used
├── SourceError                 4  a source is missing, denied, unreachable or unreadable
├── StoreError                  4  the store cannot be read or written
│   └── StoreBusyError          4  another run is writing to it
├── BigQueryError               4  BigQuery refuses: missing, denied, out of quota, too expensive, unreachable
└── ObjectsError                4  Cloud Storage refuses: missing, denied, damaged, unreachable
"""

from parsers.errors import CatalogueError, Problem, RunverdictError

__all__ = [
    "BigQueryError",
    "CatalogueError",
    "ObjectsError",
    "Problem",
    "RunverdictError",
    "SettingsError",
    "SourceError",
    "StoreBusyError",
    "StoreError",
    "UsageError",
]


class UsageError(RunverdictError):
    """Arguments that cannot hold together, such as a window that ends before it starts."""


class SettingsError(RunverdictError):
    """A settings or policy file that cannot be used."""

    def __init__(self, path: str, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        super().__init__(f"{path}: " + "; ".join(problems))


class SourceError(RunverdictError):
    """A source that gave nothing because it is missing, denied, unreachable or unreadable."""

    def __init__(self, source: str, reason: str, hint: str = "") -> None:
        self.source = source
        self.reason = reason
        self.hint = hint
        super().__init__(f"{source}: {reason}" + (f"; {hint}" if hint else ""))


class StoreError(RunverdictError):
    """The store cannot be read or written; nothing half-written is left behind."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class StoreBusyError(StoreError):
    """Another run is writing to the store; it can be tried again when that has ended."""


class BigQueryError(RunverdictError):
    """BigQuery refuses a job; whatever was done before it can be done again without counting twice."""

    def __init__(self, place: str, reason: str, hint: str = "") -> None:
        self.place = place
        self.reason = reason
        self.hint = hint
        super().__init__(f"{place}: {reason}" + (f"; {hint}" if hint else ""))


class ObjectsError(RunverdictError):
    """Cloud Storage refuses a call, or gives what is not whole."""

    def __init__(self, place: str, reason: str, hint: str = "") -> None:
        self.place = place
        self.reason = reason
        self.hint = hint
        super().__init__(f"{place}: {reason}" + (f"; {hint}" if hint else ""))
