"""Fixtures of the tests of maps."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy.orm import Session
from street import COVER, LAMP, TREE, register, report
from watching import BROWSERS, OPTIONS


@pytest.fixture
def street(session: Session) -> list[str]:
    """Register 40 lamps, covers and trees with two open cases; return the identifiers."""
    codes = register(session, [LAMP, LAMP, COVER, TREE] * 10)
    report(session, "01037", 5, "路灯不亮 the light is out")
    report(session, "06001", 20, "屋顶加建")
    return codes


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium for a module's tests."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.fail("Chromium is missing; `make browser` installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield chromium
        chromium.close()
