"""A figure that a notebook shows by itself."""

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A matplotlib figure; as the last value of a cell it is its picture, without pyplot and without a magic word."""

    def _repr_png_(self) -> bytes:
        from pipeline.report.drawing import png

        return png(self)
