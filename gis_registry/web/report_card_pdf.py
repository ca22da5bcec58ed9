"""The report card as PDF, on A4."""

from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF

from gis_registry.cases.indicator_schemas import IndicatorGroup
from gis_registry.errors import FontMissing
from gis_registry.web.report_card import ReportCard, delta, formula, shown

#: Where systems keep a font with Chinese and Latin letters, and which of its collection to take.
_FONTS = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),  # Debian, Ubuntu
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),  # Fedora
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),  # Arch
    ("/Library/Fonts/Arial Unicode.ttf", 0),  # macOS
    ("/System/Library/Fonts/Supplemental/Arial Unicode.ttf", 0),
)
_INK, _SOFT, _LINE = (27, 51, 51), (91, 107, 122), (217, 224, 230)
_GOOD, _BAD, _CLOSED = (31, 122, 92), (194, 65, 12), (157, 180, 198)
_MARGIN, _WIDTH = 12.0, 186.0


def write_pdf(card: ReportCard) -> bytes:
    """Return a report card as PDF, with the letters that it needs in it.

    Raises:
        FontMissing: no font with Chinese letters is there.
    """
    pages = _Pages()
    pages.heading(card)
    pages.tiles(card)
    pages.chart(card)
    if card.districts:
        pages.part("各区域", "By area")
        pages.figures(card, card.districts)
    if card.units:
        pages.part(
            f"案件最多的 {len(card.units)} 个单位（共 {card.unit_count} 个），按期处置率低者在前",
            f"the {len(card.units)} busiest of {card.unit_count} units, least on time first",
        )
        pages.figures(card, card.units)
    pages.overdue(card)
    pages.footnotes(card)
    return bytes(pages.output())


def find_font() -> tuple[Path, int]:
    """Return a font with Chinese letters.

    Raises:
        FontMissing: there is none.
    """
    for name, number in _FONTS:
        if Path(name).is_file():
            return Path(name), number
    raise FontMissing(
        "The PDF needs a font with Chinese letters: install fonts-noto-cjk (Debian, Ubuntu) or "
        "google-noto-sans-cjk-fonts (Fedora), or write HTML: --out card.html."
    )


class _Pages(FPDF):
    """Pages of A4, in millimetres."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        path, number = find_font()
        self.add_font("cjk", "", path, collection_font_number=number)
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(True, margin=_MARGIN)
        self.add_page()

    def footer(self) -> None:
        """Number the pages."""
        self.set_y(-9)
        self._said(str(self.page_no()), 8, _SOFT, width=_WIDTH, align="R")

    def heading(self, card: ReportCard) -> None:
        """Say whose month it is."""
        about = [f" · {card.about[n]}" if card.about else "" for n in (0, 1)]
        self._said(
            f"{card.city[0]}{about[0]} 案件月报", 18, _INK, width=_WIDTH, height=8, ends=True
        )
        self._said(
            f"{card.city[1]}{about[1]}: cases of the month", 10, _SOFT, width=_WIDTH, ends=True
        )
        unfinished = "" if card.is_whole else " · 本月未完 the month is not over"
        made = f"生成于 made {card.made_at:%Y-%m-%d %H:%M}"
        days = f"{card.first} – {card.last}{unfinished} · {made}"
        self._said(days, 9, _SOFT, width=_WIDTH, ends=True)
        self.ln(3)

    def tiles(self, card: ReportCard) -> None:
        """Show the headlines, four to a line."""
        width, height = (_WIDTH - 9) / 4, 23.0
        for n, one in enumerate(card.headlines):
            if n and n % 4 == 0:
                self.ln(height + 2.5)
            x, y = _MARGIN + (n % 4) * (width + 3), self.get_y()
            self.set_draw_color(*_LINE)
            self.rect(x, y, width, height, round_corners=True, corner_radius=1.2)
            fraction = ""
            if one.formula.unit == "share":
                fraction = f"{one.value.numerator:,} / {one.value.denominator:,}"
            changed = f"环比 vs month before {delta(one)}" if delta(one) else ""
            for dy, text, size, ink in (
                (1.2, one.formula.name_zh, 8.5, _INK),
                (5.2, one.formula.name_en, 6.5, _SOFT),
                (9.6, shown(one.value.value, one.formula), 15, _INK),
                (16.0, fraction, 6.5, _SOFT),
                (18.9, changed, 6.5, _SOFT),
            ):
                self.set_xy(x + 1.5, y + dy)
                self._said(text, size, ink, width=width - 3)
            self.set_xy(_MARGIN, y)
        self.ln(height + 2)

    def part(self, zh: str, en: str) -> None:
        """Begin a part, on a new page if little room is left."""
        if self.will_page_break(30):
            self.add_page()
        self.ln(4)
        self._said(zh, 11.5, _INK, width=_WIDTH, height=5.5, ends=True)
        self._said(en, 8, _SOFT, width=_WIDTH, ends=True)
        self.ln(1)

    def chart(self, card: ReportCard) -> None:
        """Draw what was reported and closed by day."""
        self.part("每日上报与结案", "Reported (dark) and closed (light) by day")
        height, left = 34.0, 12.0
        top = self.get_y()
        highest = max([1, *(max(day.reported, day.closed) for day in card.days)])
        self.set_draw_color(*_LINE)
        for part in (0.0, 0.5, 1.0):
            y = top + height * (1 - part)
            self.line(_MARGIN + left, y, _MARGIN + _WIDTH, y)
            self.set_xy(_MARGIN, y - 2)
            self._said(f"{highest * part:,.0f}", 6.5, _SOFT, width=left - 1, align="R")
        step = (_WIDTH - left) / len(card.days)
        for n, day in enumerate(card.days):
            x = _MARGIN + left + n * step
            for dx, count, ink in ((0.0, day.reported, _GOOD), (0.45, day.closed, _CLOSED)):
                tall = height * count / highest
                self.set_fill_color(*ink)
                self.rect(x + dx * step, top + height - tall, step * 0.42, tall, style="F")
            self.set_xy(x, top + height + 0.5)
            self._said(str(day.on.day), 6, _SOFT, width=step, align="C")
        self.set_xy(_MARGIN, top + height + 4)

    def figures(self, card: ReportCard, groups: Sequence[IndicatorGroup]) -> None:
        """Show the figures of each group with bars."""
        name = 52.0
        width = (_WIDTH - name) / len(card.columns)
        heads = [("名称", "name"), *((one.name_zh, one.name_en) for one in card.columns)]
        widths = [name, *[width] * len(card.columns)]
        self._heads(heads, widths)
        for group in groups:
            if self.will_page_break(10):
                self.add_page()
                self._heads(heads, widths)
            y = self.get_y()
            self._cell(_MARGIN, y, name, group.name_zh, group.name_en, align="L")
            for n, (value, column) in enumerate(zip(group.values, card.columns, strict=True)):
                x = _MARGIN + name + n * width
                fraction = ""
                if column.unit == "share" and value.value is not None:
                    fraction = f"{value.numerator:,} / {value.denominator:,}"
                    is_bad = column.key in ("overdue_rate", "rework_rate")
                    self._bar(x + 1, y + 7.4, width - 2, value.value, _BAD if is_bad else _GOOD)
                self._cell(x, y, width, shown(value.value, column), fraction, align="R")
            self._rule(y + 9.2)

    def overdue(self, card: ReportCard) -> None:
        """List the cases that wait for longest."""
        self.part("超期最久、仍待处置的案件", "Overdue for longest, still waiting")
        if not card.overdue:
            self._said("没有。 There are none.", 9, _SOFT, width=_WIDTH, ends=True)
            return
        widths = [22.0, 40.0, 70.0, 34.0, 20.0]
        heads = [("案件", "case"), ("区域", "area"), ("单位", "unit"), ("处置截止", "due"),
                 ("已超天数", "days over")]  # fmt: skip
        self._heads(heads, widths, align="L")
        for one in card.overdue:
            if self.will_page_break(10):
                self.add_page()
                self._heads(heads, widths, align="L")
            y, x = self.get_y(), _MARGIN
            due_at = (one.case.handling_due_at or card.made_at).astimezone(card.made_at.tzinfo)
            cells = [(str(one.case.id), ""), one.division, one.unit,
                     (f"{due_at:%Y-%m-%d %H:%M}", ""), (str(one.days), "")]  # fmt: skip
            for width, (zh, en) in zip(widths, cells, strict=True):
                self._cell(x, y, width, zh, en, align="L")
                x += width
            self._rule(y + 9.2)

    def footnotes(self, card: ReportCard) -> None:
        """Say how the figures are made."""
        self.part("指标如何计算", "How the figures are made")
        for one in card.footnotes:
            for name, language in ((one.name_zh, "zh"), (one.name_en, "en")):
                self.set_font("cjk", size=7)
                self.set_text_color(*(_INK if language == "zh" else _SOFT))
                text = f"{name} {formula(one, language)}"
                self.multi_cell(_WIDTH, 3.4, text, new_x="LMARGIN", new_y="NEXT")
            self.ln(0.8)

    def _heads(
        self, heads: Sequence[tuple[str, str]], widths: Sequence[float], *, align: str = "R"
    ) -> None:
        y, x = self.get_y(), _MARGIN
        for width, (zh, en) in zip(widths, heads, strict=True):
            side = "L" if x == _MARGIN else align
            self.set_xy(x, y + 0.6)
            self._said(zh, 7.2, _INK, width=width, align=side)
            self.set_xy(x, y + 4.2)
            self.set_font("cjk", size=5.8)
            self.set_text_color(*_SOFT)
            self.multi_cell(width, 2.5, en, align=side)
            x += width
        self._rule(y + 10)

    def _cell(self, x: float, y: float, width: float, zh: str, en: str, *, align: str) -> None:
        self.set_xy(x, y + 0.6)
        self._said(zh, 8, _INK, width=width, align=align)
        self.set_xy(x, y + 4.2)
        self._said(en, 5.8, _SOFT, width=width, height=3, align=align)

    def _rule(self, y: float) -> None:
        self.set_draw_color(*_LINE)
        self.line(_MARGIN, y, _MARGIN + _WIDTH, y)
        self.set_xy(_MARGIN, y)

    def _bar(self, x: float, y: float, width: float, value: float, ink: tuple[int, ...]) -> None:
        self.set_fill_color(237, 241, 244)
        self.rect(x, y, width, 1, style="F")
        if value > 0:
            self.set_fill_color(*ink)
            self.rect(x, y, width * min(1.0, value), 1, style="F")

    def _said(
        self,
        text: str,
        size: float,
        ink: tuple[int, int, int],
        *,
        width: float,
        height: float = 4.0,
        align: str = "L",
        ends: bool = False,
    ) -> None:
        """Write a line; one that is too long ends with an ellipsis."""
        self.set_font("cjk", size=size)
        self.set_text_color(*ink)
        while len(text) > 1 and self.get_string_width(text) > width - 1.5:
            text = f"{text[:-2].rstrip()}…"
        self.cell(width, height, text, align=align)
        if ends:
            self.ln(height)
