"""How every figure is drawn: one style, colours that the colour-blind tell apart, the same bytes each time."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What is judged, what it is compared with, what failed (blue and vermilion of Okabe and Ito's palette); ink and soft
#: ink. Pages replace them by their own, light or dark.
BLUE = "#0072b2"
GREY = "#85858d"
ERROR = "#d55e00"
INK = "#010203"
SOFT = "#5a5a63"

#: As wide as a phone's page, in inches, so that text keeps its size there and three stand side by side on a desk.
WIDTH, HEIGHT = 3.4, 2.0

#: Points: of titles, and of labels within a figure.
TITLE, SMALL = 8.5, 7.5

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": TITLE,
    "axes.labelsize": SMALL,
    "figure.facecolor": "white",
    "axes.facecolor": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "runverdict",
    "text.color": INK,
    "text.parse_math": False,
    "timezone": "UTC",
    "xtick.color": SOFT,
    "xtick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.color": SOFT,
    "ytick.labelsize": SMALL,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG, and what it shows in words and numbers: for those who do not see it."""

    svg: str
    text: str


def drawings(figures: "Mapping[str, Figure]") -> dict[str, Drawing]:
    """Return figures as they are drawn; their places stay, so that drawing them again needs no layout."""
    drawn = {}
    for name, figure in figures.items():
        drawn[name] = Drawing(svg(figure), described(figure))
        figure.set_layout_engine(None)
    return drawn


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


def describe(figure: "Figure", text: str) -> None:
    """Keep with a figure what it shows, in words and numbers."""
    figure.set_label(text)


def described(figure: "Figure") -> str:
    """Return what a figure shows, in words and numbers: for those who do not see it."""
    return str(figure.get_label() or title(figure))


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


@contextmanager
def drawing(*, width: float = WIDTH, height: float = HEIGHT, rows: int = 1) -> "Iterator[tuple[Figure, Axes]]":
    """A figure of our style and its first axes."""
    with _style():
        from pipeline.report.notebook_figure import NotebookFigure

        figure = NotebookFigure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
        yield figure, axes[0][0]


def beside(
    axes: "Axes", x: Any, y: Any, text: str, *, left: bool = False, colour: str = INK, above: bool = False
) -> None:
    """Write a text next to a point: to its right, or to its left; on its height, or above."""
    axes.annotate(
        text,
        (x, y),
        xytext=(-4 if left else 4, 3 if above else 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="bottom" if above else "center",
        fontsize=SMALL,
        color=colour,
    )
