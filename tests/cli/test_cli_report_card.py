"""The report card of a month: whole in itself, in two languages, as HTML and PDF."""

import re
from pathlib import Path
from random import Random

import pytest
from running_cli import Run
from walking import BEGINNING, add_photo, opened, walk

from gis_registry.db.engine import Database
from gis_registry.errors import FontMissing
from gis_registry.settings import Settings
from gis_registry.web import report_card_pdf

CARD = ("report-card", "--month", "2026-04", "--out")


@pytest.fixture
def walked(own_settings: Settings) -> Settings:
    """Return a registry in which some cases went their ways in April."""
    with Database(own_settings) as database, database.session() as session:
        add_photo(session)
        random = Random(5)
        case_ids = [opened(session, BEGINNING, random) for _ in range(6)]
        walk(session, case_ids, BEGINNING, random, steps=15)
    return own_settings


def test_a_card_is_one_page_that_needs_nothing_else(
    run: Run, walked: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "card.html"
    written = run(walked, *CARD, out)
    assert (written.exit_code, written.out.strip()) == (0, f"The report card is in {out}.")
    page = out.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=|url\(|https?://", page)
    for wanted in ("案件月报", "cases of the month", "市南区", "Shinan District", "准确立案率"):
        assert wanted in page
    assert "按期处置数 ÷ 应处置数" in page
    assert page.count("<title>2026-04-") == 30
    by_unit = tmp_path / "unit.html"
    assert run(walked, *CARD, by_unit, "--unit", "QD-CC").exit_code == 0
    assert "各区域" not in by_unit.read_text(encoding="utf-8")
    assert run(walked, *CARD, by_unit, "--division", "370202").exit_code == 0
    assert "街道" in by_unit.read_text(encoding="utf-8")


def test_a_card_is_a_pdf_with_its_letters_in_it(run: Run, walked: Settings, tmp_path: Path) -> None:
    out = tmp_path / "card.pdf"
    assert run(walked, *CARD, out).exit_code == 0
    written = out.read_bytes()
    assert written.startswith(b"%PDF-")
    assert b"/FontFile" in written
    assert len(written) < 500_000


def test_a_font_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_card_pdf, "_FONTS", (("/nowhere/font.ttc", 0),))
    with pytest.raises(FontMissing, match="install fonts-noto-cjk"):
        report_card_pdf.find_font()


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("--month", "2026-13", "--out", "card.html"), 2),
        (("--month", "2026-04", "--out", "card.txt"), 2),
        (("--month", "2026-04", "--out", "nowhere/card.html"), 1),
        (("--month", "2099-04", "--out", "card.html"), 1),
        (("--month", "2026-04", "--out", "card.html", "--unit", "nobody"), 1),
        (("--month", "2026-04", "--out", "card.html", "--unit", "QD-CC", "--division", "1"), 1),
    ],
)
def test_wrong_usage_is_refused(
    run: Run, own_settings: Settings, arguments: tuple[str, ...], exit_code: int
) -> None:
    assert run(own_settings, "report-card", *arguments).exit_code == exit_code
