"""Pages in Chromium, with everything that they complain about and ask for."""

from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = (1280, 800), (390, 844)
MAP = "window[Object.keys(window).find(key => /^map_[0-9a-f]+$/.test(key))]"


@dataclass
class Watched:
    """A page, with everything that it complains about and asks for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def watch(browser: Browser, size: tuple[int, int] = DESK) -> Watched:
    """Open an empty page of a size and listen to it."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    watched = Watched(page)
    page.on("console", lambda message: watched.complaints.append(message.text))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("requestfailed", lambda request: watched.complaints.append(request.url))
    page.on(
        "response",
        lambda answer: watched.complaints.append(answer.url) if answer.status >= 400 else None,
    )
    page.on("request", lambda request: watched.requests.append(request.url))
    return watched
