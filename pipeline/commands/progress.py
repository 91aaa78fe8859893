"""The progress of reading, on stderr where that is a terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.sources.base import Source
    from pipeline.sources.records import SourceReport
    from pipeline.stores.base import Progress


class _Bar:
    """A progress bar: over the bytes of files, over the window of a pull."""

    def __init__(self, bar: Any, sources: Sequence["Source"]) -> None:
        self._bar = bar
        sizes = [source.size for source in sources]
        known = [size for size in sizes if size is not None]
        self._task = bar.add_task("reading", total=sum(known) if known and len(known) == len(sizes) else None)
        self._read: dict[str, int] = {}

    def show(self, report: "SourceReport") -> None:
        """Show how far a source is."""
        from pipeline.window import rfc3339_ns

        if report.share:
            at = rfc3339_ns(report.position_ns // 10**9 * 10**9)
            words = f"pulling {report.records:,} entries, at {at}, {report.reads_left} reads left in this minute"
            self._bar.update(self._task, completed=report.share, total=1.0, description=words)
            return
        self._read[report.source] = report.bytes_read
        name = Path(report.source).name
        self._bar.update(self._task, completed=sum(self._read.values()), description=f"reading {name}")


@contextmanager
def progress_of(sources: Sequence["Source"]) -> Iterator["Progress"]:
    """Yield what shows the progress of reading: a bar on a terminal, else nothing."""
    from pipeline.stores.base import Silent

    if not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, sources)
