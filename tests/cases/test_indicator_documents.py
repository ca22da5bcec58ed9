"""The table of formulas in the documents is that of the data."""

import re
from pathlib import Path

from gis_registry.cases.indicator_formulas import indicators

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "indicators.md"


def test_every_formula_stands_in_the_documents() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+)<br>([^|]+) \| ([^|]+) \| (\w*) ?\|", DOCUMENT.read_text(), re.M
    )
    assert [(key, zh, en.strip(), source) for key, zh, en, _, source in rows] == [
        (one.key, one.name_zh, one.name_en, one.source) for one in indicators().values()
    ]
    for (*_, words, _), one in zip(rows, indicators().values(), strict=True):
        for said in (one.numerator_zh, one.numerator_en, one.denominator_zh, one.denominator_en):
            assert said in words
