"""Errors of the catalogue.

RunverdictError
└── CatalogueError      one or more problems in the event catalogue
"""

from dataclasses import dataclass


class RunverdictError(Exception):
    """Base of every error that runverdict raises on purpose; its text says what, where and what to try."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a catalogue file: where it stands and what to change."""

    path: str
    line: int
    event: str
    text: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.event + ': ' if self.event else ''}{self.text}"


class CatalogueError(RunverdictError):
    """The event catalogue is wrong; `problems` holds all that was found, not the first alone."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__(f"event catalogue: {count}\n" + "\n".join(f"  {problem}" for problem in self.problems))
