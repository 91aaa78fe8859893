"""Debian's Chromium, driven to open one file."""

from contextlib import contextmanager
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
_SILENT = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@contextmanager
def opened(path, *, width=1000, height=900, dark=False, before=lambda _page: None):
    """The page of a file at a width. before: what to do with the page ahead of opening the file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_SILENT))
        scheme = "dark" if dark else "light"
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        before(page)
        page.goto(Path(path).resolve().as_uri())
        yield page
        browser.close()
