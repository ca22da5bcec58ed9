"""Make a picture of a map, such as the one in the README.

    python bench/screenshot.py                                   the map of the current registry
    python bench/screenshot.py http://127.0.0.1:8000/maps/overview -o map.png
    python bench/screenshot.py out.html -o phone.png --size 390x844 --zoom 3 --click .pin

It drives the system's Chromium. The current registry is the one that the settings name; what stands
in it is what is shown, so run `gis-registry demo --no-serve` first for a picture with something on.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
README_PICTURE = PROJECT / "docs" / "images" / "map.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> int:
    """Take the picture that the arguments ask for."""
    arguments = _arguments()
    width, height = arguments.size
    with _address(arguments.source) as address, _page(width, height) as page:
        page.goto(address, wait_until="load")
        page.wait_for_selector(".leaflet-container", timeout=30_000)
        for _ in range(abs(arguments.zoom)):
            page.click(f".leaflet-control-zoom-{'in' if arguments.zoom > 0 else 'out'}")
            _settle(page)
        if arguments.click is not None:
            page.locator(arguments.click).first.dispatch_event("click")
        _settle(page)
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=arguments.output)
    print(f"{arguments.output} ({width}x{height}, {arguments.output.stat().st_size:,} bytes)")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", nargs="?", help="URL of a page, or an HTML file")
    parser.add_argument("-o", "--output", type=Path, default=README_PICTURE, help="PNG to write")
    parser.add_argument("--size", type=_size, default=(1280, 800), help="WIDTHxHEIGHT in pixels")
    parser.add_argument("--zoom", type=int, default=0, help="clicks on + (or - if negative)")
    parser.add_argument("--click", help="CSS selector of what to click, after zooming")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


@contextmanager
def _address(source: str | None) -> Iterator[str]:
    if source is None:
        with tempfile.TemporaryDirectory() as folder:
            yield _registry_map(Path(folder)).as_uri()
    elif "://" in source:
        yield source
    else:
        yield Path(source).resolve(strict=True).as_uri()


def _registry_map(folder: Path) -> Path:
    from gis_registry.maps.service import write_overview
    from gis_registry.settings import Settings
    from gis_registry.startup import open_registry

    with open_registry(Settings(), tell=print) as database, database.session() as session:
        return write_overview(session, folder / "map.html")


@contextmanager
def _page(width: int, height: int) -> Iterator[Page]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("Chromium is missing; `make browser` installs it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_OPTIONS)
        page = browser.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=1,
            has_touch=width < 600,
        )
        yield page
        browser.close()


def _settle(page: Page) -> None:
    """Wait until nothing on the map moves: two pictures in a row are the same."""
    before = b""
    for _ in range(40):
        page.wait_for_timeout(150)
        now = page.screenshot()
        if now == before:
            return
        before = now


if __name__ == "__main__":
    sys.exit(main())
