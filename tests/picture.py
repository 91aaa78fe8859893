"""The picture of README: the head of the report that `runverdict demo` writes. Run by `make picture`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.conftest import RUNVERDICT
from tests.report.browser import opened


def main(target):
    """Write the picture, in few colours."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([RUNVERDICT, "demo", "--out", folder], check=True, capture_output=True)
        (report,) = Path(folder).glob("*/*-00042-*/report.html")
        with opened(report, width=1000, height=740) as page:
            page.screenshot(path=f"{folder}/page.png")
        with Image.open(f"{folder}/page.png") as picture:
            picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
