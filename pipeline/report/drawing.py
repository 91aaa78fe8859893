"""How every figure is drawn: one style, colours that the colour-blind tell apart, the same bytes each time."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Of Okabe and Ito's palette: what is judged, and what failed. Ink is a black that pages replace by their own.
BLUE = "#0072b2"
ERROR = "#d55e00"
INK = "#010203"

#: Inches: so narrow that a phone shows the whole figure with text of 8 pixels.
_WIDTH, _HEIGHT = 4.8, 2.7

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "figure.facecolor": "white",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "runverdict",
    "text.color": INK,
    "text.parse_math": False,
    "timezone": "UTC",
    "xtick.color": INK,
    "ytick.color": INK,
}


def svg(figure: "Figure") -> str:
    """Return a figure as SVG: no date, no random ids."""
    out = io.StringIO()
    with _style():
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+$", "", out.getvalue(), flags=re.MULTILINE)


def png(figure: "Figure") -> bytes:
    """Return a figure as PNG, 150 dots an inch."""
    out = io.BytesIO()
    with _style():
        figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
    return out.getvalue()


def title(figure: "Figure") -> str:
    """Return the title of a figure, which has its n."""
    return figure.axes[0].get_title(loc="left").replace("\n", " ")


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


@contextmanager
def drawing(*, width: float = _WIDTH, height: float = _HEIGHT, rows: int = 1) -> "Iterator[tuple[Figure, Axes]]":
    """A figure of our style and its first axes."""
    with _style():
        from pipeline.report.notebook_figure import NotebookFigure

        figure = NotebookFigure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
        yield figure, axes[0][0]
